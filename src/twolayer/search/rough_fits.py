"""Fits of any width and any activation on the same rows, by few starts: to compare them, not to keep them."""

from dataclasses import dataclass, field

import numpy as np

from twolayer.activation import Activation
from twolayer.coordinates import Coordinates
from twolayer.evidence.noise import gain_ratio
from twolayer.evidence.score_test import score_test
from twolayer.evidence.standards import STANDARDS
from twolayer.model.fit import Fit
from twolayer.model.reflections import unlifted
from twolayer.model.units import thinned_out
from twolayer.refine.explore import Report, explore
from twolayer.samples import Samples
from twolayer.search.directions import amplitude_signs, principal_directions, random_start
from twolayer.search.exchange import narrower_fits
from twolayer.search.plan import PLAN
from twolayer.search.session import posed

__all__ = ["RoughFits", "is_as_good"]


@dataclass
class RoughFits:
    """What is fitted to, and how.

    Attributes
    ----------
    given : Samples
        Rows and their own inputs.
    rng : Generator
    report : callable
    samples : Samples
        The same on white inputs.
    whitening : Coordinates or None
        To these, where they are others.
    """

    given: Samples
    rng: np.random.Generator
    report: Report
    samples: Samples = field(init=False)
    whitening: Coordinates | None = field(init=False)

    def __post_init__(self) -> None:
        self.samples, self.whitening = self.given.whitened()
        self.started: set[tuple[int, Activation]] = set()

    def lifted(self, width: int, activation: Activation) -> Fit:
        """From a new start, of the lifted model where rows allow it; the first by what T_2 says, then with doubts."""
        c2, spectrum = float(activation.hermite_coefficients(2)[2]), self.samples.second_moment
        amplitudes, directions = amplitude_signs(c2, width, spectrum), None
        if (width, activation) in self.started:
            amplitudes = amplitudes * np.where(self.rng.random(width) < PLAN.doubt, -1.0, 1.0)
        elif abs(c2) > PLAN.signal:
            directions = principal_directions(spectrum, width, self.rng)
        self.started.add((width, activation))
        problem = posed(self.samples, activation, amplitudes, is_lifted=True)
        if problem.n_rows < PLAN.lift_rows * problem.n_parameters:
            problem = posed(self.samples, activation, amplitudes, is_lifted=False)
        point = random_start(problem, spectrum, amplitudes, self.rng, directions)
        # a hundred steps tell which of several fits is better: those that take more are seldom the best
        return explore(problem, point, self.report, f"{width} units of {activation.name}", max_steps=120)

    def as_network(self, fit: Fit) -> Fit:
        """The fit without its lift."""
        if not fit.problem.is_lifted:
            return fit
        return explore(*unlifted(fit.problem, fit.point), self.report, "network", max_steps=60)

    def shortened(self, fit: Fit, width: int) -> Fit:
        """A fit of fewer units, refined from what is left without those that the others make up for."""
        problem, point = thinned_out(fit.problem, fit.point, width)
        return explore(problem, point, self.report, f"{width} units are left")

    def narrower(self, fit: Fit, reference: Fit) -> Fit:
        """A fit with one unit fewer: the first that is as good as a reference, else the best."""
        best = self.shortened(fit, fit.problem.width - 1)
        if not is_as_good(best, reference):
            for trial in narrower_fits(fit, self.report):
                best = min(best, trial, key=lambda one: one.loss)
                if is_as_good(best, reference):
                    break
        return best

    def passes_for_noise(self, fit: Fit) -> bool:
        """Whether the score test sees nothing in what a fit leaves; a test that rows too few pass at once."""
        if fit.problem.n_rows < PLAN.noise_rows * fit.problem.n_parameters:
            return False
        if fit.loss <= self.samples.rounding**2:
            return True
        return score_test(fit.problem, fit.point, self.rng).p_value > STANDARDS.least_p_value

    def has_rows(self, width: int, activation: Activation) -> bool:
        """Whether there are rows enough for a certificate of an exact network."""
        return self.samples.n_rows >= STANDARDS.exact_rows_per_parameter * self.n_parameters(width, activation)

    def n_parameters(self, width: int, activation: Activation) -> int:
        """Number of parameters of a network."""
        return posed(self.samples, activation, np.ones(width), is_lifted=False).n_parameters


def is_as_good(narrow: Fit, reference: Fit) -> bool:
    """Whether a fit explains the rows as well as a wider one: to rounding where that does, else but for noise."""
    return narrow.is_exact if reference.is_exact else gain_ratio(narrow, reference) < 1.0
