"""How exactly noise lets the weights be known."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotri

from twolayer.coordinates import Coordinates
from twolayer.equality import equal_by_value
from twolayer.evidence.parameter_map import ParameterMap
from twolayer.model.preconditioner import damped, kernel_preconditioner
from twolayer.model.problem import Matrix, UnitsProblem, Vector
from twolayer.one_line import in_one_line
from twolayer.solvers import conjugate_gradients

__all__ = ["StandardErrors", "standard_errors"]


@in_one_line
@equal_by_value
@dataclass(frozen=True, eq=False)
class StandardErrors:
    """One standard deviation of each weight under the estimated label noise; 0 for what the normalisation fixes.

    Attributes
    ----------
    a, W, b : arrays, shapes (m,) or (m, q), (m, d), (m,)
    constant : float, or array, shape (q,)
    is_exact : bool
        False where a stochastic estimate of the inverse's diagonal was used (some 10 % off).
    """

    a: Vector
    W: Matrix
    b: Vector
    constant: Any
    is_exact: bool

    def stretched(self, outer: float, rows: float, constant: float) -> "StandardErrors":
        """The errors of a network whose outer weights, rows (w, b) and constant are so many times as large."""
        return replace(self, a=outer * self.a, W=rows * self.W, b=rows * self.b, constant=constant * self.constant)


def standard_errors(
    problem: UnitsProblem, point: Vector, H: Matrix | None, noise: float, coordinates: Coordinates | None = None
) -> StandardErrors:
    r"""Standard errors noise·√diag((JᵀJ)⁻¹) of the parameters of an unlifted fit.

    Exact with the `normal_matrix` H. Where there is none, the diagonal is estimated with random signs z,
    :math:`\mathrm{diag}(M^{-1}) + \mathrm{mean}\,z\circ(H^{-1} - M^{-1})z`, with the dual-kernel preconditioner M as
    control variate, H⁻¹z by conjugate gradients.

    Parameters
    ----------
    problem : UnitsProblem
    point : array, shape (p,)
    H : array, shape (p, p), or None
    noise : float
        Standard deviation of the label noise, in the unit of the problem's labels.
    coordinates : Coordinates, optional
        Those of the problem: the errors are then those of the network on inputs and labels as they were given.
    """
    back = None if coordinates is None else ParameterMap.to_given(coordinates, problem, point)
    if H is not None:
        C = _inverse(H)
        variances = C.diagonal() if back is None else back.variances(C)
    else:
        variances = _probed_inverse_diagonal(problem, point, back)
    errors = noise * np.sqrt(np.maximum(variances, 0.0))
    rows, c = problem.split(errors)
    d, m = problem.X.shape[1], problem.width
    return StandardErrors(
        a=c[:m].copy() if problem.n_amplitudes else np.zeros(m),
        W=rows[:m, :d].copy(),
        b=rows[:m, d].copy() if problem.has_bias else np.zeros(m),
        constant=float(c[-1]) if problem.has_constant else 0.0,
        is_exact=H is not None,
    )


def _inverse(H: Matrix) -> Matrix:
    """Inverse of a normal matrix, lower triangle; large, or infinite, where H says nothing."""
    scale = 1 / np.sqrt(np.maximum(H.diagonal(), 1e-150))
    factor, is_indefinite = dpotrf(H * np.outer(scale, scale), lower=1, overwrite_a=1)
    # a pivot of 1e-5 is a conditioning of 1e10, of which the factor has six digits left
    if not is_indefinite and factor.diagonal().min() > 1e-5:
        return np.asarray(dpotri(factor, lower=1, overwrite_c=1)[0]) * np.outer(scale, scale)
    values, vectors = np.linalg.eigh(H * np.outer(scale, scale), UPLO="L")
    values = np.maximum(values, 1e-15 * values[-1])
    with np.errstate(divide="ignore", invalid="ignore"):  # where nothing is determined, the variance is infinite or NaN
        return np.asarray((vectors / values) @ vectors.T) * np.outer(scale, scale)


def _probed_inverse_diagonal(problem: UnitsProblem, point: Vector, back: ParameterMap | None) -> Vector:
    """Diagonal of T H⁻¹ Tᵀ by a dozen probes: some 10 % off."""
    at = problem.linearize(point)
    precondition = kernel_preconditioner(problem, at, 0.0)
    diagonal = np.zeros(problem.n_parameters)
    rows, c = problem.split(diagonal)
    rows[:] = np.linalg.inv(damped(at.slope_gram, 0.0)).diagonal()[:, None]
    if problem.n_features:
        c[:] = np.linalg.inv(damped(at.feature_gram, 0.0)).diagonal()
    # rows of T in units of their length, or columns in large units would drown the others in the noise of the probes
    lengths = np.ones_like(diagonal) if back is None else back.lengths()
    rng, correction, probes = np.random.default_rng(0), np.zeros_like(diagonal), 12
    for _ in range(probes):
        z = rng.choice([-1.0, 1.0], len(diagonal))
        u = z if back is None else back.apply_transpose((z / lengths)[:, None])[:, 0]
        solved = conjugate_gradients(lambda w: problem.gauss_newton_product(at, w), u, precondition, 1e-3, 40)
        change = solved - precondition(u)
        correction += z * (change if back is None else back.apply(change[:, None])[:, 0] / lengths)
    return lengths**2 * np.maximum(diagonal + correction / probes, 0.5 * diagonal)
