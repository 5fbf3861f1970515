"""Damped Gauss-Newton steps towards the nearest minimum."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from twolayer.solvers import NielsenDamping

__all__ = ["Point", "damped_gauss_newton"]


class Point(Protocol):
    """Where a fit stands."""

    @property
    def cost(self) -> float:
        """Half the sum of squared residuals."""


P = TypeVar("P", bound=Point)


def damped_gauss_newton(
    start: P,
    trial: Callable[[P, float], tuple[P, float]],
    *,
    max_steps: int,
    rtol: float,
    floor: float,
    damping: float = 1.0,
    largest_damping: float = 1e10,
) -> tuple[P, bool]:
    """Descend by damped Gauss-Newton steps from `start`.

    The damping follows the gain, the actual over the predicted decrease, by `NielsenDamping`.

    Parameters
    ----------
    start : Point
        The first point.
    trial : callable
        From a point and a damping to the next point and the decrease of cost that the linear model predicts for it.
    max_steps : int
        Most steps tried.
    rtol : float
        Settled when a step of gain above one half lowers the cost by less than this share.
    floor : float
        Settled when the cost is at or below it (rounding).
    damping : float
        The first damping, relative to the scale that `trial` uses.
    largest_damping : float
        Settled when the damping is above it: the steps are then so many times shorter than the scale, and lead nowhere.

    Returns
    -------
    point : Point
        The last point accepted.
    is_settled : bool
        Whether it stopped for a reason other than `max_steps`.
    """
    point, rule = start, NielsenDamping(damping)
    for _ in range(max_steps):
        if point.cost <= floor or rule.value > largest_damping:
            return point, True
        candidate, predicted = trial(point, rule.value)
        decrease = point.cost - candidate.cost
        if not (decrease > 0 and predicted > 0):  # also where anything is not a number
            rule.fail()
            continue
        gain = decrease / predicted
        is_settled = decrease <= rtol * abs(point.cost) and gain > 0.5
        point = candidate
        rule.succeed(gain)
        if is_settled:
            return point, True
    return point, point.cost <= floor
