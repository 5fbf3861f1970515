"""Where a refinement begins: signs and scales from the moments, directions from the moments or at random."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.moments import weighted_gram
from twolayer.refine import UnitsProblem
from twolayer.refine.problem import Matrix, Vector

__all__ = ["SecondMoment", "amplitude_signs", "random_start", "second_moment"]

_SCALE_ROWS = 4096


@dataclass(frozen=True)
class SecondMoment:
    r"""Spectrum of the second Hermite moment of the labels, a control variate removed.

    .. math:: T_2 = \mathbb E[(y - \hat y_1)(x x^\top - I)] = \sum_i a_i\, c_2(w_i, b_i)\, \bar w_i \bar w_i^\top,

    with ŷ_1 the affine least-squares fit of y, to which He_2 is orthogonal. By Sylvester's law of inertia its k leading
    eigenvalues in magnitude have the signs of the a_i c_2, if the units are independent.

    Attributes
    ----------
    values, vectors : arrays, shapes (d,) and (d, d)
        Eigenvalues in order of descending magnitude and eigenvectors as columns.
    affine : array, shape (d + 1,)
        The control variate: linear part, then constant.
    rest : array, shape (n,)
        y less the control variate.
    """

    values: Vector
    vectors: Matrix
    affine: Vector
    rest: Vector


def second_moment(X: NDArray, y: NDArray) -> SecondMoment:
    """Spectrum of T_2 of the samples; O(n d²) time, O(d²) memory beyond the (n,) residual.

    Each entry has standard error O(std(rest) / √n), so the k leading eigenvalues stand out of the others from n ≈ d / (share
    of the variance of y that is quadratic) on.
    """
    n, d = X.shape
    mean = X.mean(axis=0, dtype=np.float64)
    gram = weighted_gram(X, np.ones(n)) - n * np.outer(mean, mean)
    centred = y - y.mean()
    slope = np.linalg.lstsq(gram, X.T @ centred - mean * centred.sum(), rcond=1e-12)[0]
    rest = centred - (X @ slope - mean @ slope)
    values, vectors = np.linalg.eigh(weighted_gram(X, rest) / n)
    order = np.argsort(-np.abs(values))
    return SecondMoment(values[order], vectors[:, order], np.r_[slope, y.mean() - mean @ slope], rest)


def amplitude_signs(activation: Activation, width: int, spectrum: SecondMoment) -> Vector:
    """Signs of the outer weights by the inertia of T_2, or alternating where T_2 tells nothing of them."""
    c2 = float(activation.hermite_coefficients(2)[2])
    values = spectrum.values[:width]
    known = np.where(values * c2 < 0, -1.0, 1.0) if abs(c2) > 1e-8 else np.zeros(0)
    return np.r_[known, np.where(np.arange(width - len(known)) % 2, -1.0, 1.0)]


def random_start(
    problem: UnitsProblem, spectrum: SecondMoment, amplitudes: Vector, rng: np.random.Generator
) -> Vector:
    """Units in random directions, at the scale of the labels; the affine lift starts at the least-squares fit.

    A homogeneous σ carries the scale in the rows; otherwise rows have norm about one and the outer weights carry it.
    """
    d = problem.X.shape[1]
    theta = np.zeros((problem.width, problem.n_columns))
    theta[:, :d] = rng.standard_normal((problem.width, d)) / np.sqrt(d)
    if problem.has_bias:
        theta[:, d] = 0.5 * rng.standard_normal(problem.width)
    linear, target = None, problem.y[:_SCALE_ROWS] - problem.y[:_SCALE_ROWS].mean()
    if problem.has_linear_row:
        linear, target = spectrum.affine[: problem.n_columns], spectrum.rest[:_SCALE_ROWS]
    unit = problem.join(theta, amplitudes)
    rows = slice(0, min(_SCALE_ROWS, problem.n_rows))
    shape = problem.predict(rows, unit)
    ratio = max(float(np.std(target)), 1e-300) / max(float(np.std(shape)), 1e-300)
    degree = problem.activation.degree
    if problem.n_amplitudes == 0 and degree:
        theta *= ratio ** (1 / degree)
    else:
        amplitudes = ratio * amplitudes
    return problem.join(theta, amplitudes, linear=linear, constant=float(problem.y.mean()) if linear is None else 0.0)
