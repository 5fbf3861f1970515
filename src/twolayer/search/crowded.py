"""Many more units than inputs: a wide fit, thinned out, and grown again where the moments of the residual point."""

import numpy as np
from numpy.typing import NDArray

from twolayer.decompose.sample_moment import moment_terms
from twolayer.model import UnitsProblem
from twolayer.model.problem import Vector
from twolayer.refine import Stopping, gauss_newton, minibatch_descent
from twolayer.refine.fit import Fit, Report, explore
from twolayer.search.exchange import unit_values, with_unit

__all__ = ["crowded_fit", "grown", "spare_units", "thinned_out"]

_ROWS_PER_PARAMETER = 3
_ROUNDS = 8
_CLOSE, _NEAR = 1e-5, 1e-8
_WORTHWHILE = 0.97
_MOMENT_STEPS = 20
_SMALL_UNIT = 0.2
_MANY_PARAMETERS, _ROWS_FOR_BATCHES = 5000, 6  # rows a parameter
_EPOCHS, _RATE = 60, 0.02


def spare_units(problem: UnitsProblem) -> int:
    """Units beyond those wanted in a wide fit: half as many, or a quarter where parameters are many or rows few.

    Many are more than 5000; few are fewer than 3 a parameter.
    """
    half = (problem.width + 1) // 2
    per_unit = problem.n_columns + bool(problem.n_amplitudes)
    is_plenty = problem.n_rows >= _ROWS_PER_PARAMETER * (problem.n_parameters + half * per_unit)
    return half if is_plenty and problem.n_parameters <= _MANY_PARAMETERS else (problem.width + 3) // 4


def crowded_fit(wide: UnitsProblem, point: Vector, width: int, report: Report, rng: np.random.Generator) -> Fit:
    """A fit by `width` units, more than there are inputs, from a start with some to spare.

    Directions that second moments show are too few here, and a random start at the exact width ends at a local minimum.
    With half as many units again, nearly all of them find a place; those that the others can replace are then left out
    together (`thinned_out`). While something is left, units are added where the moments of the residual point
    (`grown`), refined and thinned out again. All that on 3 rows a parameter, then on all rows. Where parameters are
    many, and rows too, a descent in small batches comes first: it finds nearly all units at once.

    Parameters
    ----------
    wide : UnitsProblem
        With more than `width` units; not lifted by a quadratic form.
    point : array, shape (p,)
        The start.
    width : int
    report : callable
    rng : Generator

    Returns
    -------
    Fit

    Notes
    -----
    A round costs some 20 to 60 Gauss-Newton steps. It ends after 8 rounds, or 2 that gain less than 3 %.
    """
    spare = wide.width - width
    if wide.n_parameters > _MANY_PARAMETERS and wide.n_rows >= _ROWS_FOR_BATCHES * wide.n_parameters:
        point = _descended(wide, point, report, rng)
    rows = slice(0, max(_ROWS_PER_PARAMETER * wide.n_parameters, 20 * wide.n_columns))
    fit = _settled(thinned_out(_rough(wide.on(wide.X[rows], wide.y[rows]), point, report), width), report)
    failures = 0
    for _ in range(_ROUNDS):
        if fit.loss <= _NEAR or failures == 2:
            break
        trial = _settled(thinned_out(_rough(*grown(fit, spare, rng), report), width), report)
        failures = failures + 1 if trial.loss > _WORTHWHILE * fit.loss else 0
        fit = min(fit, trial, key=lambda one: one.loss)
    fit = explore(fit.problem, fit.point, report, "crowded start")
    return explore(fit.problem.on(wide.X, wide.y), fit.point, report, "crowded start on all rows")


def _descended(wide: UnitsProblem, point: Vector, report: Report, rng: np.random.Generator) -> Vector:
    """Where a descent in small batches ends, at less than the first steps on all rows cost; the start if it fails."""
    stopping = Stopping(report=lambda step, loss: report("crowded start, in batches", step, loss))
    descended = minibatch_descent(wide, point, _EPOCHS, _RATE, rng, stopping)
    return descended.point if descended.losses[-1] < descended.losses[0] else point


def thinned_out(fit: Fit, width: int) -> Fit:
    r"""The fit with the units left out, one at a time, that the others replace best; not refined.

    With V the values of the units, H = VᵀV and the coefficients :math:`c = H^{-1} V^\top t` that fit what the units
    stand for, t, leaving out unit i costs :math:`c_i^2 / (H^{-1})_{ii}` if the others are rescaled. The least of these
    goes, H and c are updated by a rank-one formula, and so on: n M² once, M² a unit.
    """
    problem, (v, theta) = fit.problem, fit.problem.units(fit.point)
    values = unit_values(problem, fit.point)
    target = values.sum(axis=1) - problem.residual(fit.point)
    H = values.T @ values
    H[np.diag_indices_from(H)] += 1e-12 * np.trace(H)
    inverse = np.linalg.inv(H)
    c, keep = inverse @ (values.T @ target), np.arange(problem.width)
    while len(keep) > width:
        least = int((c**2 / inverse.diagonal()).argmin())
        column = inverse[:, least] / inverse[least, least]
        stay = np.arange(len(keep)) != least
        c, inverse = (c - column * c[least])[stay], (inverse - np.outer(column, inverse[least]))[np.ix_(stay, stay)]
        keep = keep[stay]
    smaller = problem.resized(v[keep] if problem.signs is not None else None, width)
    rows = theta[keep]
    if problem.signs is not None:
        rows = rows * np.maximum(c, 0.1)[:, None] ** (1 / float(problem.activation.degree or 1))
    linear = problem.linear_part(fit.point) if problem.has_linear_row else None
    point = smaller.join(rows, v[keep] * c, linear=linear, constant=problem.constant(fit.point))
    return Fit(smaller, point, smaller.loss(point) / smaller.energy)


def grown(fit: Fit, count: int, rng: np.random.Generator) -> tuple[UnitsProblem, Vector]:
    """The problem and the point with small units more, along the terms nearest to a moment of the residual.

    The moment is of order three for odd units, else of order four, and is never formed.
    """
    problem, point = fit.problem, fit.point
    order = 3 if problem.unit_parity < 0 else 4
    X, residual = np.asarray(problem.X, dtype=np.float64), _nonlinear(problem, -problem.residual(point))
    terms = moment_terms(X, residual, order, count, max_steps=_MOMENT_STEPS, rng=rng)
    signs = np.sign(terms.weights * problem.activation.hermite_coefficients(order)[order])
    theta = problem.units(point)[1]
    length = float(np.median(np.linalg.norm(theta[:, : X.shape[1]], axis=1)))
    if problem.signs is not None:
        length *= _SMALL_UNIT
    bias = np.zeros((count, problem.n_columns - X.shape[1]))
    for sign, row in zip(np.where(signs < 0, -1.0, 1.0), np.hstack([length * terms.factors, bias]), strict=True):
        problem, point = with_unit(problem, point, float(sign), row)
    return problem, point


def _nonlinear(problem: UnitsProblem, residual: Vector) -> NDArray[np.float64]:
    """The residual less its affine fit, to which the moments are blind and which would only add noise to them."""
    Z = np.hstack([problem.X, np.ones((problem.n_rows, 1))])
    left: NDArray[np.float64] = residual - Z @ np.linalg.lstsq(Z, residual, rcond=None)[0]
    return left


def _rough(problem: UnitsProblem, point: Vector, report: Report) -> Fit:
    """Refined until close, or slow."""
    return _refined(problem, point, report, _CLOSE)


def _settled(fit: Fit, report: Report) -> Fit:
    """Refined until its basin is beyond doubt, or slow."""
    return _refined(fit.problem, fit.point, report, _NEAR)


def _refined(problem: UnitsProblem, point: Vector, report: Report, floor: float) -> Fit:
    stopping = Stopping(60, floor=floor, patience=10, least_gain=0.1)
    stopping.report = lambda step, loss: report("crowded start", step, loss)
    refined = gauss_newton(problem, point, stopping)
    return Fit(problem, refined.point, refined.loss / problem.energy)
