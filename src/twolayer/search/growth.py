"""More units for a while: a fit that is stuck gets a unit of either sign, and gives up those that it misses least."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from twolayer.model.problem import Matrix, Vector
from twolayer.refine.fit import Fit, Report, explore
from twolayer.search.exchange import missing_units, unit_values, with_unit, without_unit

__all__ = ["grown_and_pruned", "losses_without"]

_ROWS_PER_PARAMETER = 2
_WORTHWHILE = 0.7
_DAMPING = 1e-10
_MOST_PARAMETERS = 4000
_FEW_PARAMETERS, _ROWS_OF_MANY = 500, 3  # above, every so many rows tell what a unit spares: three a parameter


def grown_and_pruned(fit: Fit, report: Report, rng: np.random.Generator) -> Fit:
    r"""Add units until the fit is exact, then leave out as many.

    Where the signs of the outer weights are fixed and one of them is wrong, no path downhill leads to the minimum. The
    two ends of the spectrum of :math:`E[r\,(x x^\top - I)]`, with r the residual, are the units that are missing most
    of either sign. With both of them the model holds the network as soon as one unit of either sign more is enough,
    and a wide fit ends at the global minimum far more often than one of exact width does. What it has too much then
    merges, cancels or vanishes, and is left out without a loss.

    Parameters
    ----------
    fit : Fit
        At a minimum.
    report : callable
    rng : Generator

    Returns
    -------
    Fit
        Of the same width, exact or of less loss, or the one given.

    Notes
    -----
    A refinement for each two units more and one for each unit left out, up to half as many more units as there are and
    no more than two rows a parameter allow.
    """
    wide = fit
    for _ in range(1 + fit.problem.width // 4):
        trial = _with_either_sign(wide, report, rng)
        if trial is None or trial.loss > _WORTHWHILE * wide.loss:
            break
        wide = trial
        if wide.is_exact:
            break
    while wide.problem.width > fit.problem.width:
        unit = int(np.argmin(losses_without(wide)))
        wide = explore(*without_unit(wide.problem, wide.point, unit), report, "one unit fewer")
    return min(fit, wide, key=lambda one: one.loss)


def _with_either_sign(fit: Fit, report: Report, rng: np.random.Generator) -> Fit | None:
    """The fit with the two units that are missing most, refined; None where the rows are too few for it."""
    problem, point = fit.problem, fit.point
    residual = -problem.residual(point)
    for sign, row in list(missing_units(problem, residual, rng))[:2]:
        problem, point = with_unit(problem, point, sign, row)
    if problem.n_rows < _ROWS_PER_PARAMETER * problem.n_parameters:
        return None
    return explore(problem, point, report, "two units more")


def losses_without(fit: Fit) -> Vector:
    r"""The loss that each unit spares, relative to ‖y‖², to first order in what the others would change.

    With :math:`J u` the values of a unit, u its own parameters, and :math:`H = J^\top J`, what the other parameters
    cannot make up for is :math:`u^\top [(H^{-1})_{uu}]^{-1} u` (the saliency of the optimal brain surgeon). It costs
    O(n p² + p³), and is ‖J u‖² instead above 4000 parameters.
    """
    problem = fit.problem
    if problem.n_parameters > _MOST_PARAMETERS:
        return np.asarray(np.sum(unit_values(problem, fit.point) ** 2, axis=0)) / problem.energy
    stride = problem.n_rows // (_ROWS_OF_MANY * problem.n_parameters)
    if stride > 1 and problem.n_parameters > _FEW_PARAMETERS:
        problem = problem.on(problem.X[::stride], problem.y[::stride])
    H = problem.normal_equations(fit.point)[2]
    H = np.tril(H) + np.tril(H, -1).T
    diagonal = H.diagonal()
    scale = 1 / np.sqrt(np.maximum(diagonal, max(1e-12 * float(diagonal.max()), 1e-300)))
    H *= np.outer(scale, scale)
    H[np.diag_indices_from(H)] += _DAMPING
    inverse: Matrix = cho_solve(cho_factor(H, lower=True), np.eye(len(H)), check_finite=False)
    v, theta = problem.units(fit.point)
    edge, losses = problem.n_rows_of_units * problem.n_columns, np.zeros(problem.width)
    for unit in range(problem.width):
        own = np.arange(unit * problem.n_columns, (unit + 1) * problem.n_columns)
        u = theta[unit] / (problem.activation.degree or 1.0)
        if problem.n_amplitudes:
            own, u = np.r_[own, edge + unit], np.r_[0 * u, v[unit]]
        u = u / scale[own]
        losses[unit] = u @ np.linalg.solve(inverse[np.ix_(own, own)], u)
    return np.asarray(losses) / problem.energy
