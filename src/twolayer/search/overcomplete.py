"""Many more units than inputs: a wide fit, thinned out, and grown again where the moments of the residual point."""

import numpy as np
from numpy.typing import NDArray

from twolayer.decompose.sample_moment import moment_terms
from twolayer.model import UnitsProblem
from twolayer.model.fit import Fit
from twolayer.model.problem import Vector
from twolayer.model.units import thinned_out, with_unit
from twolayer.refine import Stopping, gauss_newton, minibatch_descent
from twolayer.refine.explore import Report, explore

__all__ = ["grown", "overcomplete_fit", "spare_units"]

MANY_PARAMETERS = 5000  # above, a step of Gauss-Newton costs as much as some epochs in batches, which find more
_ROWS_PER_PARAMETER = 3  # for which rounds are made: steps cost as many rows as there are
_NEAR = 1e-8  # a loss in whose basin there is nothing but the minimum


def spare_units(problem: UnitsProblem) -> int:
    """Units beyond those wanted in a wide fit: half as many, or a quarter where parameters are many or rows few.

    Many are more than 5000; few are fewer than 3 a parameter.
    """
    half = (problem.width + 1) // 2
    per_unit = problem.n_columns + bool(problem.n_amplitudes)
    is_plenty = problem.n_rows >= _ROWS_PER_PARAMETER * (problem.n_parameters + half * per_unit)
    return half if is_plenty and problem.n_parameters <= MANY_PARAMETERS else (problem.width + 3) // 4


def overcomplete_fit(wide: UnitsProblem, point: Vector, width: int, report: Report, rng: np.random.Generator) -> Fit:
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
    if (
        wide.n_parameters > MANY_PARAMETERS and wide.n_rows >= 6 * wide.n_parameters
    ):  # with fewer it learns them by heart
        point = _descended(wide, point, report, rng)
    some = wide.some(max(_ROWS_PER_PARAMETER * wide.n_parameters, 20 * wide.n_columns))
    fit = _thinned(some, point, width, report)
    failures = 0
    for _ in range(8):
        if fit.loss <= _NEAR or failures == 2:
            break
        trial = _thinned(*grown(fit, spare, rng), width, report)
        failures = failures + 1 if trial.loss > 0.97 * fit.loss else 0
        fit = min(fit, trial, key=lambda one: one.loss)
    fit = explore(fit.problem, fit.point, report, "overcomplete start")
    return explore(fit.problem.on(wide.X, wide.y), fit.point, report, "overcomplete start on all rows")


def _descended(wide: UnitsProblem, point: Vector, report: Report, rng: np.random.Generator) -> Vector:
    """Where a descent in small batches ends, at less than the first steps on all rows cost; the start if it fails."""
    stopping = Stopping(report=lambda step, loss: report("overcomplete start, in batches", step, loss))
    descended = minibatch_descent(wide, point, 60, 0.02, rng, stopping)
    return descended.point if descended.losses[-1] < descended.losses[0] else point


def grown(fit: Fit, count: int, rng: np.random.Generator) -> tuple[UnitsProblem, Vector]:
    """The problem and the point with small units more, along the terms nearest to a moment of the residual.

    The moment is of order three for odd units, else of order four, and is never formed.
    """
    problem, point = fit.problem, fit.point
    order = 3 if problem.unit_parity < 0 else 4
    X, residual = np.asarray(problem.X, dtype=np.float64), _nonlinear(problem, -problem.residual(point))
    terms = moment_terms(X, residual, order, count, max_steps=20, rng=rng)
    signs = np.sign(terms.weights * problem.activation.hermite_coefficients(order)[order])
    theta = problem.units(point)[1]
    length = float(np.median(np.linalg.norm(theta[:, : X.shape[1]], axis=1)))
    if problem.signs is not None:
        length *= 0.2  # where the length is the weight: small, for it to turn before it grows
    bias = np.zeros((count, problem.n_columns - X.shape[1]))
    for sign, row in zip(np.where(signs < 0, -1.0, 1.0), np.hstack([length * terms.factors, bias]), strict=True):
        problem, point = with_unit(problem, point, float(sign), row)
    return problem, point


def _nonlinear(problem: UnitsProblem, residual: Vector) -> NDArray[np.float64]:
    """The residual less its affine fit, to which the moments are blind and which would only add noise to them."""
    Z = np.hstack([problem.X, np.ones((problem.n_rows, 1))])
    left: NDArray[np.float64] = residual - Z @ np.linalg.lstsq(Z, residual, rcond=None)[0]
    return left


def _thinned(problem: UnitsProblem, point: Vector, width: int, report: Report) -> Fit:
    """Refined until close, or slow; thinned out; and refined until its basin is beyond doubt, or slow."""
    close = _refined(problem, point, report, 1e-5)
    return _refined(*thinned_out(close.problem, close.point, width), report, _NEAR)


def _refined(problem: UnitsProblem, point: Vector, report: Report, floor: float) -> Fit:
    stopping = Stopping(60, floor=floor, patience=10, least_gain=0.1)
    stopping.report = lambda step, loss: report("overcomplete start", step, loss)
    return gauss_newton(problem, point, stopping)
