"""Damped Gauss-Newton steps, and the conjugate gradients that find them where the equations are too many to factor."""

from collections.abc import Callable
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Point", "conjugate_gradients", "damped_gauss_newton"]

_LARGEST_DAMPING = 1e10


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
) -> tuple[P, bool]:
    r"""Descend by damped Gauss-Newton steps from `start`.

    The damping follows the gain, the actual over the predicted decrease: it is multiplied by
    :math:`\max(1/10,\, 1 - (2\,\text{gain} - 1)^3)` after a step that gains, and by 2, 4, 8, ... while none does [1]_.

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

    Returns
    -------
    point : Point
        The last point accepted.
    is_settled : bool
        Whether it stopped for a reason other than `max_steps`.

    References
    ----------
    .. [1] H. B. Nielsen, Damping parameter in Marquardt's method, IMM-REP-1999-05, 1999.
    """
    point, growth = start, 2.0
    for _ in range(max_steps):
        if point.cost <= floor or damping > _LARGEST_DAMPING:
            return point, True
        candidate, predicted = trial(point, damping)
        decrease = point.cost - candidate.cost
        if not (decrease > 0 and predicted > 0):  # also where anything is not a number
            damping, growth = damping * growth, growth * 2
            continue
        gain = decrease / predicted
        is_settled = decrease <= rtol * abs(point.cost) and gain > 0.5
        point, growth = candidate, 2.0
        damping = max(damping * max(0.1, 1 - (2 * min(gain, 1.0) - 1) ** 3), 1e-15)
        if is_settled:
            return point, True
    return point, point.cost <= floor


def conjugate_gradients(
    product: Callable[[NDArray], NDArray],
    b: NDArray,
    precondition: Callable[[NDArray], NDArray],
    *,
    rtol: float,
    max_steps: int,
) -> NDArray:
    """Solve ``product(x) = b`` for a positive semidefinite operator on arrays, to residual `rtol` ``|b|``."""
    x = np.zeros_like(b)
    residual = b.copy()
    direction = z = precondition(residual)
    rz = np.vdot(residual, z)
    target = rtol * np.linalg.norm(b)
    for _ in range(max_steps):
        image = product(direction)
        curvature = np.vdot(direction, image)
        if not curvature > 0:
            break
        x = x + (rz / curvature) * direction
        residual = residual - (rz / curvature) * image
        if np.linalg.norm(residual) <= target:
            break
        z = precondition(residual)
        rz, rz_old = np.vdot(residual, z), rz
        direction = z + (rz / rz_old) * direction
    return x
