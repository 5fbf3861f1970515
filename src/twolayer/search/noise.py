"""Noise or misfit? What a wider and a narrower network would make of the residual."""

from collections.abc import Callable, Iterator

import numpy as np

from twolayer.evidence.noise import NoiseEvidence, gain_ratio, has_power
from twolayer.evidence.score_test import score_test
from twolayer.evidence.standards import STANDARDS
from twolayer.model import UnitsProblem
from twolayer.model.fit import Fit
from twolayer.model.problem import Vector
from twolayer.model.units import with_unit, without_unit
from twolayer.refine.explore import Report, explore
from twolayer.search.exchange import missing_units, narrower_fits

__all__ = ["noise_evidence"]


def noise_evidence(
    fit: Fit, fresh: Callable[[int], Fit], report: Report, rng: np.random.Generator, rounding: float = 0.0
) -> NoiseEvidence:
    """Test the residual of a minimum in three ways.

    Against fixed features (`score_test`); against one more unit, started where the residual moments point, at random,
    and by splitting units in two, and against a network half as wide again, started anew; and against a network with
    one unit fewer.

    Parameters
    ----------
    fit : Fit
        A minimum of the network itself.
    fresh : callable
        ``fresh(width)`` is a fit of that width from a new start.
    report : callable
    rng : Generator
    rounding : float
        Relative error of the labels as they were given.

    Notes
    -----
    A gain counts from 4 noise variances a parameter and 40 more: a unit fitted to noise takes some 2 a parameter.
    """
    problem = fit.problem
    if fit.loss <= rounding**2:
        return NoiseEvidence(None, None, _narrower_loss(fit, report), has_power(fit))
    test = score_test(problem, fit.point, rng)
    if test.p_value <= STANDARDS.least_p_value:
        return NoiseEvidence(test, None, None, has_power(fit))
    wider, narrower = 0.0, None
    for trial in _wider_fits(fit, fresh, report, rng):
        wider = max(wider, gain_ratio(fit, trial))
        if wider >= STANDARDS.most_wider_gain:
            break
    else:
        narrower = _narrower_loss(fit, report)
    return NoiseEvidence(test, wider, narrower, has_power(fit))


def _narrower_loss(fit: Fit, report: Report) -> float:
    return min((gain_ratio(trial, fit) for trial in narrower_fits(fit, report)), default=np.inf)


def _wider_fits(fit: Fit, fresh: Callable[[int], Fit], report: Report, rng: np.random.Generator) -> Iterator[Fit]:
    problem = fit.problem
    residual = -problem.residual(fit.point)
    candidates = list(missing_units(problem, residual, rng))
    scale = float(np.median(np.linalg.norm(problem.units(fit.point)[1], axis=1)))
    for _ in range(2):
        row = rng.standard_normal(problem.n_columns)
        candidates.append((float(rng.choice([-1.0, 1.0])), scale * row / np.linalg.norm(row)))
    for sign, row in candidates:
        yield explore(*with_unit(problem, fit.point, sign, row), report, "one unit more", max_steps=40)
    for unit in rng.permutation(problem.width)[:6]:
        yield explore(*_split(fit, int(unit), rng), report, "one unit split", max_steps=40)
    for extra in (1, max(2, problem.width // 2)):
        yield fresh(problem.width + extra)


def _split(fit: Fit, unit: int, rng: np.random.Generator) -> tuple[UnitsProblem, Vector]:
    """Two units apart in place of one: where a unit is missing, another often stands between it and its own place."""
    problem = fit.problem
    v, theta = problem.units(fit.point)
    row, sign = theta[unit], float(np.sign(v[unit]) or 1.0)
    step = rng.standard_normal(problem.n_columns)
    step *= 0.5 * np.linalg.norm(row) / np.linalg.norm(step)
    share = 0.5 ** (1 / problem.activation.degree) if problem.signs is not None and problem.activation.degree else 1.0
    smaller = without_unit(problem, fit.point, unit)
    return with_unit(*with_unit(*smaller, sign, share * (row + step)), sign, share * (row - step))
