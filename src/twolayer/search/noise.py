"""Noise or misfit? What a wider and a narrower network would make of the residual."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from twolayer.evidence.score_test import ScoreTest, score_test
from twolayer.model import UnitsProblem
from twolayer.model.problem import Vector
from twolayer.refine.fit import Fit, Report, explore
from twolayer.search.exchange import missing_units, narrower_fits, with_unit, without_unit

__all__ = ["NoiseEvidence", "gain_ratio", "has_no_signal", "noise_evidence"]

_LEAST_P_VALUE = 1e-4
_GAIN_PER_PARAMETER, _GAIN_OFFSET = 4.0, 40.0
_NOISE_PER_PARAMETER, _NOISE_OFFSET = 2.0, 20.0  # what a fit to noise takes, but for one in hundreds
_MOST_WIDER_GAIN, _LEAST_NARROWER_LOSS = 0.6, 5.0  # what right recoveries have: benchmarks/certificate.py
_WEAKEST_UNIT_SHARE = 0.1
_LEAST_FREEDOM = 20
_RANDOM_UNITS = 2
_MOST_UNITS_SPLIT = 6


@dataclass(frozen=True)
class NoiseEvidence:
    """What speaks for or against the residual of a network being noise.

    Attributes
    ----------
    test : ScoreTest or None
        Against features fixed beforehand. None where the residual is as small as the rounding of the samples, which is
        not alike in all rows, as noise is taken to be: none of these tests is then asked for.
    wider_gain : float or None
        Decrease of ‖r‖² by more units, in units of the noise variance that they leave, relative to a generous bound for
        noise: above 0.6, the residual still depends on the inputs. None where the score test has already said so, or
        was not asked.
    narrower_loss : float or None
        The same for the best network with a unit fewer: below 5, the data do not clearly need all units. None where the
        residual is not noise.
    has_power : bool
        Whether a unit of a tenth of the mean strength would have been noticed.
    """

    test: ScoreTest | None
    wider_gain: float | None
    narrower_loss: float | None
    has_power: bool

    def with_test(self, test: ScoreTest) -> "NoiseEvidence":
        """The same with a test on more rows, which may speak against noise where this one did not."""
        return replace(self, test=test, wider_gain=None if test.p_value <= _LEAST_P_VALUE else self.wider_gain)

    @property
    def is_noise(self) -> bool:
        """Whether nothing of the inputs was found in the residual."""
        return self.test is None or (self.wider_gain is not None and self.wider_gain < _MOST_WIDER_GAIN)

    @property
    def needs_all_units(self) -> bool:
        """Whether a network with one unit fewer is clearly worse."""
        return self.narrower_loss is not None and self.narrower_loss >= _LEAST_NARROWER_LOSS


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
        return NoiseEvidence(None, None, _narrower_loss(fit, report), _has_power(fit))
    test = score_test(problem, fit.point, rng)
    if test.p_value <= _LEAST_P_VALUE:
        return NoiseEvidence(test, None, None, _has_power(fit))
    wider, narrower = 0.0, None
    for trial in _wider_fits(fit, fresh, report, rng):
        wider = max(wider, gain_ratio(fit, trial))
        if wider >= _MOST_WIDER_GAIN:
            break
    else:
        narrower = _narrower_loss(fit, report)
    return NoiseEvidence(test, wider, narrower, _has_power(fit))


def _narrower_loss(fit: Fit, report: Report) -> float:
    return min((gain_ratio(trial, fit) for trial in narrower_fits(fit, report)), default=np.inf)


def gain_ratio(narrow: Fit, wide: Fit) -> float:
    """What the wider of two fits gains, over what noise could give its additional parameters."""
    p = wide.problem.n_parameters
    freedom = wide.problem.n_rows - p
    if freedom < _LEAST_FREEDOM:
        return 0.0
    variance = max(wide.loss, 1e-30) / freedom
    extra = max(p - narrow.problem.n_parameters, 1)
    return (narrow.loss - wide.loss) / variance / (_GAIN_PER_PARAMETER * extra + _GAIN_OFFSET)


def has_no_signal(fit: Fit) -> bool:
    """Whether a network gains no more over zero (a constant, where it has one) than fits to pure noise do."""
    p = fit.problem.n_parameters
    variance = fit.loss / max(fit.problem.n_rows - p, 1)
    return 1 - fit.loss < variance * (_NOISE_PER_PARAMETER * p + _NOISE_OFFSET)


def _wider_fits(fit: Fit, fresh: Callable[[int], Fit], report: Report, rng: np.random.Generator) -> Iterator[Fit]:
    problem = fit.problem
    residual = -problem.residual(fit.point)
    candidates = list(missing_units(problem, residual, rng))
    scale = float(np.median(np.linalg.norm(problem.units(fit.point)[1], axis=1)))
    for _ in range(_RANDOM_UNITS):
        row = rng.standard_normal(problem.n_columns)
        candidates.append((float(rng.choice([-1.0, 1.0])), scale * row / np.linalg.norm(row)))
    for sign, row in candidates:
        yield explore(*with_unit(problem, fit.point, sign, row), report, "one unit more", max_steps=40)
    for unit in rng.permutation(problem.width)[:_MOST_UNITS_SPLIT]:
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


def _has_power(fit: Fit) -> bool:
    problem = fit.problem
    n, p = problem.n_rows, problem.n_parameters
    if n - p - (problem.n_columns + 1) < _LEAST_FREEDOM:
        return False
    variance = fit.loss * problem.energy / (n - p)
    v, theta = problem.units(fit.point)
    strength = float(np.mean(np.var(problem.unit_block(slice(0, min(4096, n)), theta) * v, axis=0)))
    threshold = _GAIN_PER_PARAMETER * (problem.n_columns + 1) + _GAIN_OFFSET
    return threshold * variance / n <= _WEAKEST_UNIT_SHARE * strength
