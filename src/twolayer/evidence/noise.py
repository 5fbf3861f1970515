"""Is a residual noise? What a wider and a narrower network make of it."""

from dataclasses import dataclass, replace

import numpy as np

from twolayer.evidence.score_test import ScoreTest
from twolayer.evidence.standards import STANDARDS, Standards
from twolayer.model.fit import Fit
from twolayer.model.shared_units import SharedFit
from twolayer.model.units import unit_values

__all__ = ["NoiseEvidence", "gain_ratio", "has_no_signal", "has_power"]


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
    standards : Standards
        Where the thresholds come from; what has power was asked of those that the search had.
    """

    test: ScoreTest | None
    wider_gain: float | None
    narrower_loss: float | None
    has_power: bool
    standards: Standards = STANDARDS

    def with_test(self, test: ScoreTest) -> "NoiseEvidence":
        """The same with a test on more rows, which may speak against noise where this one did not."""
        is_misfit = test.p_value <= self.standards.least_p_value
        return replace(self, test=test, wider_gain=None if is_misfit else self.wider_gain)

    @property
    def is_noise(self) -> bool:
        """Whether nothing of the inputs was found in the residual."""
        if self.test is None:
            return True
        passes = self.test.p_value > self.standards.least_p_value
        return passes and self.wider_gain is not None and self.wider_gain < self.standards.most_wider_gain

    @property
    def needs_all_units(self) -> bool:
        """Whether a network with one unit fewer is clearly worse."""
        return self.narrower_loss is not None and self.narrower_loss >= self.standards.least_narrower_loss


def gain_ratio(narrow: Fit | SharedFit, wide: Fit | SharedFit, standards: Standards = STANDARDS) -> float:
    """What the wider of two fits gains, over what noise could give its additional parameters."""
    p = wide.problem.n_parameters
    freedom = wide.problem.n_equations - p
    if freedom < standards.least_freedom:
        return 0.0
    variance = max(wide.loss, 1e-30) / freedom
    extra = max(p - narrow.problem.n_parameters, 1)
    return (narrow.loss - wide.loss) / variance / (standards.gain_per_parameter * extra + standards.gain_offset)


def has_no_signal(fit: Fit | SharedFit, standards: Standards = STANDARDS) -> bool:
    """Whether a network gains no more over zero (a constant, where it has one) than fits to pure noise do."""
    p = fit.problem.n_parameters
    variance = fit.loss / max(fit.problem.n_equations - p, 1)
    return 1 - fit.loss < variance * (standards.signal_per_parameter * p + standards.signal_offset)


def has_power(fit: Fit, standards: Standards = STANDARDS) -> bool:
    """Whether the rows would show a unit of a tenth of the mean strength: its gain is beyond what noise could give."""
    problem = fit.problem
    n, p, own = problem.n_rows, problem.n_parameters, problem.n_columns + 1
    if n - p - own < standards.least_freedom:
        return False
    variance = fit.squares / (n - p)
    strength = float(np.mean(np.var(unit_values(problem.some(4096), fit.point), axis=0)))  # to some per cent
    needed = (standards.gain_per_parameter * own + standards.gain_offset) * variance / n
    return needed <= standards.weakest_unit * strength
