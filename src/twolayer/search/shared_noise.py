"""Noise or misfit, of several outputs? What a wider and a narrower network would make of the residual."""

from collections.abc import Callable, Iterator

import numpy as np

from twolayer.evidence.noise import NoiseEvidence, gain_ratio
from twolayer.evidence.shared_score_test import shared_score_test
from twolayer.evidence.standards import STANDARDS
from twolayer.model.shared_units import SharedFit, SharedUnits
from twolayer.refine.explore import Report
from twolayer.search.shared_width import shared_saliency, with_missing_units

__all__ = ["shared_noise_evidence"]


def shared_noise_evidence(
    fit: SharedFit,
    fresh: Callable[[SharedUnits], SharedFit],
    explored: Callable[..., SharedFit],
    report: Report,
    rng: np.random.Generator,
    rounding: float = 0.0,
) -> NoiseEvidence:
    """Test the residual of a minimum in three ways, as `noise_evidence` does for one output.

    Parameters
    ----------
    fit : SharedFit
        A minimum of the network itself, with noise that is independent and alike in all outputs.
    fresh : callable
        ``fresh(problem)`` is a fit of a problem from a new start.
    explored : callable
        Refines a start.
    report : callable
    rng : Generator
    rounding : float
        Relative error of the labels as they were given.
    """
    if fit.loss <= rounding**2:
        return NoiseEvidence(None, None, _narrower_loss(fit, explored, report), _has_power(fit))
    test = shared_score_test(fit, rng)
    if test.p_value <= STANDARDS.least_p_value:
        return NoiseEvidence(test, None, None, _has_power(fit))
    wider, narrower = 0.0, None
    for trial in _wider_fits(fit, fresh, explored, report, rng):
        wider = max(wider, gain_ratio(fit, trial))
        if wider >= STANDARDS.most_wider_gain:
            break
    else:
        narrower = _narrower_loss(fit, explored, report)
    return NoiseEvidence(test, wider, narrower, _has_power(fit))


def _narrower_loss(fit: SharedFit, explored: Callable[..., SharedFit], report: Report) -> float:
    problem = fit.problem
    if problem.width == 1:
        return np.inf
    fewer = problem.resized(problem.width - 1)
    units = np.argsort(shared_saliency(fit))[:3]  # linear theory ranks them, and only a refinement tells
    trials = (explored(fewer, np.delete(fit.theta, unit, axis=0), report, "one unit fewer", 40) for unit in units)
    return min(gain_ratio(trial, fit) for trial in trials)


def _wider_fits(
    fit: SharedFit,
    fresh: Callable[[SharedUnits], SharedFit],
    explored: Callable[..., SharedFit],
    report: Report,
    rng: np.random.Generator,
) -> Iterator[SharedFit]:
    """One more unit where the residual asks, at random, or split from another; half as many again from new starts."""
    problem = fit.problem
    for _ in range(3):
        yield explored(problem.resized(problem.width + 1), with_missing_units(fit, 1, rng), report, "one unit more", 40)
    for unit in rng.permutation(problem.width)[:4]:
        step = rng.standard_normal(problem.n_columns)
        step *= 0.5 * np.linalg.norm(fit.theta[unit]) / np.linalg.norm(step)
        theta = np.vstack([fit.theta, fit.theta[unit] - step])
        theta[unit] += step
        yield explored(problem.resized(problem.width + 1), theta, report, "one unit split", 40)
    yield fresh(problem.resized(problem.width + max(1, problem.width // 2)))


def _has_power(fit: SharedFit) -> bool:
    """Whether the rows would show a unit of a tenth of the mean strength: its gain is beyond what noise could give."""
    problem = fit.problem
    n, p, own = problem.n_equations, problem.n_parameters, problem.n_columns + problem.n_outputs
    if n - p - own < STANDARDS.least_freedom:
        return False
    variance = fit.squares / (n - p)
    spread = np.var(problem.some(4096).values(fit.theta), axis=0)  # to some per cent
    strength = float(np.mean(spread * np.sum(fit.A**2, axis=1)))
    needed = (STANDARDS.gain_per_parameter * own + STANDARDS.gain_offset) * variance / problem.n_rows
    return needed <= STANDARDS.weakest_unit * strength
