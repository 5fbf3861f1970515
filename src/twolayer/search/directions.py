"""Signs, directions and scales that moments show of units, and a point of a problem made of them."""

import numpy as np
from numpy.typing import NDArray

from twolayer.coordinates import Coordinates
from twolayer.decompose.joint_diagonalisation import joint_diagonalise
from twolayer.decompose.sample_moment import MomentTerms, moment_terms
from twolayer.evidence.gaussianity import gaussianity_of_inputs
from twolayer.model import UnitsProblem
from twolayer.model.problem import Matrix, Vector
from twolayer.moments import SecondMoment, controlled_moments
from twolayer.moments.control_variates import ControlledMoments
from twolayer.rows import some_rows
from twolayer.search.plan import PLAN
from twolayer.search.score_starts import fitted_density, score_directions

__all__ = [
    "amplitude_signs",
    "moment_directions",
    "odd_terms",
    "principal_directions",
    "principal_inputs",
    "random_start",
]


def amplitude_signs(c2: float, width: int, spectrum: SecondMoment) -> Vector:
    """Signs of the outer weights by the inertia of T_2, or alternating where T_2 tells nothing of them (c_2 = 0)."""
    values = spectrum.values[:width]
    known = np.where(values * c2 < 0, -1.0, 1.0) if abs(c2) > PLAN.signal else np.zeros(0)
    return np.r_[known, np.where(np.arange(width - len(known)) % 2, -1.0, 1.0)]


def principal_directions(spectrum: SecondMoment, width: int, rng: np.random.Generator) -> Matrix | None:
    """Random unit rows, shape (m, d), in the span of the leading eigenvectors of T_2; None if that is everything."""
    if width >= len(spectrum.values):
        return None
    directions = rng.standard_normal((width, width)) @ spectrum.vectors[:, :width].T
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def principal_inputs(spectrum: SecondMoment, width: int) -> tuple[Coordinates, SecondMoment] | None:
    """Projection to the leading eigenvectors of T_2, and the spectrum there; None where it would not halve the inputs.

    For Gaussian inputs the span of the units is that of T_2, so that a network of `width` units sees nothing else; of
    n samples, the eigenvectors know it to within O(√(d/n)) of what the labels have besides.
    """
    d = len(spectrum.values)
    if 2 * width > d:
        return None
    V = spectrum.vectors[:, :width]
    affine = np.r_[spectrum.affine[:d] @ V, spectrum.affine[d]]
    reduced = SecondMoment(spectrum.values[:width], np.eye(width), affine, spectrum.rest)
    return Coordinates.projection(V.T.copy()), reduced


def moment_directions(
    X: NDArray, y: NDArray, width: int, spectrum: SecondMoment, rng: np.random.Generator
) -> Matrix | None:
    r"""Rough directions of the units, by joint diagonalisation of all usable slices of the moments.

    In the subspace V of the leading eigenvectors of T_2, and with control variates, the slices T_2, T_3(·,·,e_c) and
    the leading eigen-slices of T_4 share their factors: :math:`C_l = A D_l A^\top` with one column of A to a unit.

    Where the inputs are not Gaussian, score functions of a fitted mixture take the place of Hermite tensors.

    Returns
    -------
    array, shape (m, d), or None
        Unit rows, signs at random; None where there are more units than inputs, or too few rows or too much work for
        the fourth moments (C(m + 3, 4) entries).
    """
    n, d = X.shape
    most = 25  # units, whose fourth moments have 24 000 entries: a second
    if not 2 <= width <= min(d, most) or n < 4 * (width + 1) * (width + 2):
        return None
    V = spectrum.vectors[:, :width]
    if not gaussianity_of_inputs(X, y, width).is_gaussian:
        density = fitted_density(X, rng)
        if density is not None:
            return score_directions(X, spectrum.rest, width, density, rng)
    moments = controlled_moments([(X, y)], 4, V)
    second, third, fourth = (_in_noise_units(moments, order) for order in (2, 3, 4))
    slices = [second, *third]
    fourth = fourth.reshape(width**2, width**2)
    values, vectors = np.linalg.eigh(fourth)
    leading = np.argsort(-np.abs(values))[:width]
    slices += [values[j] * _symmetric(vectors[:, j].reshape(width, width)) for j in leading]
    A = joint_diagonalise(np.stack([_symmetric(C) for C in slices]), max_starts=2, rng=rng).A
    directions = (V @ A).T * rng.choice([-1.0, 1.0], (width, 1))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def odd_terms(X: NDArray, rest: Vector, count: int, rng: np.random.Generator) -> MomentTerms:
    r"""Rank-one terms near :math:`T_3 = \sum_i a_i\,c_3(w_i)\,\bar w_i^{\otimes 3}`, where T_2 shows nothing.

    There may be more units than inputs, up to about d^{3/2}; T_3 is never formed. The terms have the directions of the
    units where the noise of T_3, about :math:`\mathbb E[y^2]\,d^3/n` in its squared norm, is small beside
    :math:`\sum_i a_i^2 c_3^2`.

    Parameters
    ----------
    X : array, shape (n, d)
    rest : array, shape (n,)
        Labels less their affine part.
    count : int
    rng : Generator
    """
    return moment_terms(X, rest, 3, count, max_steps=40, rng=rng)  # near is enough


def _in_noise_units(moments: ControlledMoments, order: int) -> NDArray:
    """A moment over its noise level, or over rounding where that is more."""
    tensor = moments.tensor(order)
    return tensor / max(moments.noise(order), 1e-12 * float(np.linalg.norm(tensor)), 1e-300)


def _symmetric(C: Matrix) -> Matrix:
    return (C + C.T) / 2


def random_start(
    problem: UnitsProblem,
    spectrum: SecondMoment,
    amplitudes: Vector,
    rng: np.random.Generator,
    directions: Matrix | None = None,
) -> Vector:
    """Units at the scale of the labels, in the given or in random directions; an affine lift starts at least squares.

    A homogeneous σ carries the scale in the rows; otherwise rows have norm about one and the outer weights carry it.
    """
    d = problem.X.shape[1]
    theta = np.zeros((problem.width, problem.n_columns))
    theta[:, :d] = rng.standard_normal((problem.width, d)) / np.sqrt(d) if directions is None else directions
    if problem.has_bias:
        theta[:, d] = 0.5 * rng.standard_normal(problem.width)
    drawn = some_rows(problem.n_rows, 4096)  # a spread to 2 %
    rows = slice(None) if drawn is None else drawn
    linear, target = None, problem.y[rows] - problem.y[rows].mean()
    if problem.has_linear_row:
        linear, target = spectrum.affine[: problem.n_columns], spectrum.rest[rows]
    if problem.signs is not None:
        amplitudes = problem.signs
    unit = problem.join(theta, amplitudes)
    shape = problem.predict(rows, unit)
    ratio = max(float(np.std(target)), 1e-300) / max(float(np.std(shape)), 1e-300)
    degree = problem.activation.degree
    if problem.n_amplitudes == 0 and degree:
        theta *= ratio ** (1 / degree)
    else:
        amplitudes = ratio * amplitudes
    return problem.join(theta, amplitudes, linear=linear, constant=float(problem.y.mean()) if linear is None else 0.0)
