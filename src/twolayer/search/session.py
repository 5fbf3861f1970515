"""A search under way: its rows, its model, and the best fit so far; what every start is given."""

from dataclasses import dataclass, field
from functools import cache

import numpy as np

from twolayer.activation import Activation
from twolayer.coordinates import Coordinates
from twolayer.model.problem import UnitsProblem, Vector
from twolayer.moments import SecondMoment
from twolayer.refine.explore import Report
from twolayer.samples import Samples
from twolayer.search.plan import PLAN, SearchPlan

__all__ = ["Session", "posed"]


def posed(samples: Samples, activation: Activation, amplitudes: Vector, *, is_lifted: bool) -> UnitsProblem:
    """The problem of as many units as there are amplitudes, lifted if what reflections leave is of degree two at most.

    Fixed signs where σ is homogeneous, +1 where the lifted σ is odd.
    """
    law = activation.reflection
    is_lifted = is_lifted and any(law.polynomial) and len(law.polynomial) <= 3
    signs = None
    if activation.degree:
        signs = np.ones_like(amplitudes) if is_lifted and law.sign < 0 else np.sign(amplitudes)
    return samples.problem(len(amplitudes), activation, signs=signs, is_lifted=is_lifted)


@cache
def second_and_third(activation: Activation) -> tuple[float, float]:
    """The Hermite coefficients c_2 and c_3: what T_2 and T_3 show of the units."""
    c2, c3 = activation.hermite_coefficients(3)[2:]
    return float(c2), float(c3)


@dataclass(eq=False)
class Session:
    """What a start may use.

    Attributes
    ----------
    samples : Samples
        The rows that are searched on, on white inputs.
    width : int
    activation : Activation
    rng : Generator
    report : callable
    whitening : Coordinates or None
        To those inputs, where they are not the samples' own.
    may_lift : bool
        Whether the lift may be used at all.
    plan : SearchPlan
    lifted_loss : float or None
        The least loss of a lifted fit so far.
    """

    samples: Samples
    width: int
    activation: Activation
    rng: np.random.Generator
    report: Report
    whitening: Coordinates | None = None
    may_lift: bool = True
    plan: SearchPlan = PLAN
    lifted_loss: float | None = field(default=None)

    def __post_init__(self) -> None:
        self.c2, self.c3 = second_and_third(self.activation)

    @property
    def spectrum(self) -> SecondMoment:
        """Spectrum of T_2."""
        return self.samples.second_moment

    @property
    def has_second_moment(self) -> bool:
        """Whether T_2 shows the units."""
        return abs(self.c2) > self.plan.signal

    @property
    def has_quadratic_lift(self) -> bool:
        """Whether the lift has a coefficient for each pair of units."""
        return len(self.activation.reflection.polynomial) == 3

    @property
    def is_small(self) -> bool:
        """Whether a start costs less than moments do."""
        return self.n_parameters(self.width) < self.plan.small

    @property
    def is_crowded(self) -> bool:
        """Whether there are far more units than inputs."""
        return self.width > self.plan.crowd * self.samples.dim

    def problem(self, amplitudes: Vector, *, is_lifted: bool, samples: Samples | None = None) -> UnitsProblem:
        """The problem of as many units as there are amplitudes, on these rows or on others."""
        return posed(samples or self.samples, self.activation, amplitudes, is_lifted=is_lifted and self.may_lift)

    def n_parameters(self, width: int) -> int:
        """Number of parameters of the lifted model."""
        return self.problem(np.ones(width), is_lifted=True).n_parameters

    def can_lift(self, width: int) -> bool:
        """Whether there are rows enough for the lifted model."""
        return self.samples.n_rows >= self.plan.lift_rows * self.n_parameters(width)
