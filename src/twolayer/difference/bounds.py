r"""An upper bound of a sum of moduli on a part of a box, by a linear program whose dual is checked.

Where the side of a unit is known, :math:`|t| = \pm t`. Elsewhere, with :math:`l \le t \le u` on the box, a modulus that
counts upwards is below its chord, :math:`|t| \le ((u + l) t - 2 u l)/(u - l)`, and one that counts downwards is a
variable :math:`z \ge \pm t`. Two that all but cancel, one unit of each network, are below the constant
:math:`\max_\pm \max |(\theta \mp \theta')\cdot\tilde x|`. The bound that is returned is that of the dual solution, by
weak duality on the box, so that it does not rest on the tolerances of the solver.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.difference.bends import Bends, Vector

__all__ = ["Bound", "Region", "pairs_of", "upper_bound"]

SLACK = 1e-6
"""Relative to its range: by how much a unit's side is widened where the solver calls a part empty, to be sure."""


@dataclass(frozen=True)
class Region:
    """A box of inputs.

    Attributes
    ----------
    low, high : arrays, shape (d,)
    """

    low: Vector
    high: Vector

    def largest(self, theta: NDArray[np.float64]) -> Vector:
        r"""The largest :math:`|\theta\cdot\tilde x|` in it, of rows (..., d + 1)."""
        low, high = self.range(theta)
        return np.asarray(np.maximum(np.abs(low), np.abs(high)))

    def range(self, theta: NDArray[np.float64]) -> tuple[Vector, Vector]:
        r"""The least and the largest :math:`\theta\cdot\tilde x`."""
        centre, half = (self.low + self.high) / 2, (self.high - self.low) / 2
        middle, width = theta[..., :-1] @ centre + theta[..., -1], np.abs(theta[..., :-1]) @ half
        return middle - width, middle + width


@dataclass(frozen=True)
class Bound:
    """What is known of a part.

    Attributes
    ----------
    upper : float
        No value is above; minus infinity where the part is empty.
    where : array or None
        A point of it, where the bound is nearly attained if it is at all.
    split : int or None
        The unit whose side would lower the bound most; None where there is none left.
    """

    upper: float
    where: Vector | None
    split: int | None


def pairs_of(bends: Bends, region: Region) -> dict[int, tuple[int, float]]:
    """For a unit of the first network its like in the second, and how far they are apart at most in the region."""
    from scipy.optimize import linear_sum_assignment

    first, second = np.flatnonzero(bends.of_first), np.flatnonzero(~bends.of_first)
    if not len(first) or not len(second):
        return {}
    apart = np.empty((len(first), len(second)))
    for row, unit in enumerate(first):
        mine, theirs = bends.theta[unit], bends.theta[second]
        apart[row] = np.minimum(region.largest(mine - theirs), region.largest(mine + theirs))
    size = region.largest(bends.theta)
    apart[bends.signs[first][:, None] == bends.signs[second]] = 4 * size.max()  # these add up
    rows, columns = linear_sum_assignment(apart)
    return {
        int(first[i]): (int(second[j]), float(apart[i, j]))
        for i, j in zip(rows, columns, strict=True)
        if apart[i, j] < min(size[first[i]], size[second[j]])
    }


def upper_bound(bends: Bends, pairs: dict[int, tuple[int, float]], region: Region, side: Vector) -> Bound:
    """Of the part of the region where units with side ±1 are on that side of their hyperplanes; 0 says nothing."""
    lower, upper = region.range(bends.theta)
    if np.any((side > 0) & (upper < 0)) or np.any((side < 0) & (lower > 0)):
        return Bound(-np.inf, None, None)
    known = np.where(side != 0, side, np.where(lower >= 0, 1.0, np.where(upper <= 0, -1.0, 0.0)))
    together = {i: (j, apart) for i, (j, apart) in pairs.items() if known[i] == 0 and known[j] == 0}
    alone = known == 0
    alone[[*together, *(j for j, _ in together.values())]] = False
    constant = sum(apart for _, apart in together.values())
    rising = np.flatnonzero(alone & (bends.signs > 0))
    falling = np.flatnonzero(alone & (bends.signs < 0))
    objective = bends.linear + (bends.signs * known) @ bends.theta
    low, high = lower[rising], upper[rising]
    objective = objective + ((high + low) / (high - low)) @ bends.theta[rising]
    constant += float(np.sum(-2 * high * low / (high - low)))
    for slack in (0.0, SLACK):
        widened = slack * region.largest(bends.theta)
        value, x = _solved(bends, region, side, falling, objective, widened)
        if x is not None:
            extra = 2 * float(widened[side != 0].sum()) if slack else 0.0
            return Bound(value + constant + extra, x, _worst(bends, together, alone, (lower, upper), x))
    return Bound(-np.inf, None, None)


def _solved(
    bends: Bends, region: Region, side: Vector, falling: NDArray[np.intp], objective: Vector, widened: Vector
) -> tuple[float, Vector | None]:
    """The dual's bound of the linear program, and the point; none where it is empty."""
    from scipy.optimize import linprog

    d, K = len(region.low), len(falling)
    theta, fixed = bends.theta, np.flatnonzero(side)
    z = np.eye(K)
    A = np.block(
        [
            [theta[falling, :-1], -z],
            [-theta[falling, :-1], -z],
            [-side[fixed, None] * theta[fixed, :-1], np.zeros((len(fixed), K))],
        ]
    )
    b = np.r_[-theta[falling, -1], theta[falling, -1], side[fixed] * theta[fixed, -1] + widened[fixed]]
    gain = np.r_[objective[:-1], -np.ones(K)]
    low, high = np.r_[region.low, np.zeros(K)], np.r_[region.high, region.largest(theta[falling])]
    found = linprog(-gain, A_ub=A, b_ub=b, bounds=np.column_stack([low, high]), method="highs")
    if found.x is None:
        return -np.inf, None
    prices = np.maximum(-np.asarray(found.ineqlin.marginals), 0.0) if len(b) else np.zeros(0)
    reduced = gain - prices @ A
    bound = prices @ b + np.where(reduced > 0, reduced * high, reduced * low).sum() + objective[-1]
    return float(bound), np.clip(found.x[:d], region.low, region.high)


def _worst(
    bends: Bends,
    together: dict[int, tuple[int, float]],
    alone: NDArray[np.bool_],
    ranges: tuple[Vector, Vector],
    x: Vector,
) -> int | None:
    """The unit at which bound and function differ most at a point."""
    t = np.abs(bends.theta @ np.r_[x, 1.0])
    lower, upper = ranges
    gap = np.zeros(len(t))
    rising = alone & (bends.signs > 0)
    low, high = lower[rising], upper[rising]
    signed = (bends.theta @ np.r_[x, 1.0])[rising]
    gap[rising] = ((high + low) * signed - 2 * high * low) / (high - low) - t[rising]
    for i, (j, apart) in together.items():
        gap[i] = apart - bends.signs[i] * t[i] - bends.signs[j] * t[j]
    worst = int(gap.argmax()) if len(gap) else 0
    return worst if len(gap) and gap[worst] > 0 else None
