"""Branch and bound: are two piecewise linear networks the same on a box of inputs, or where do they differ most?"""

import heapq
import time
from dataclasses import dataclass
from enum import Enum
from itertools import count

import numpy as np
from numpy.typing import ArrayLike

from twolayer.arrays import real_array
from twolayer.difference.bends import Bends, Vector, difference_of
from twolayer.difference.bounds import Bound, Region, pairs_of, upper_bound
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork

__all__ = ["Difference", "Outcome", "largest_difference"]

ROUNDINGS = 8
"""Beside one for each unit that is added: of the products, and of the sums that bound them."""


class Outcome(Enum):
    """What is proved; the text says it."""

    EQUAL = "Proved: the networks differ by no more than the tolerance anywhere in the region."
    DIFFERENT = "The networks differ by more than the tolerance at the point that is named."
    UNDECIDED = "Not decided in the time given: no point differs by more than the tolerance, and it is not proved."


@dataclass(frozen=True)
class Difference:
    """How far two networks are apart on a region.

    Attributes
    ----------
    outcome : Outcome
    lower : float
        The difference at `where`, the largest that was met.
    upper : float
        The difference is nowhere above this; rounding of the sums that prove it is part of it.
    where : array, shape (d,)
    tolerance : float
    parts : int
        Of the region, that were looked at.
    """

    outcome: Outcome
    lower: float
    upper: float
    where: Vector
    tolerance: float
    parts: int

    def summary(self) -> str:
        """Both bounds and the point, in two lines."""
        at = ", ".join(f"{value:.6g}" for value in self.where[:6]) + ", ..." * (len(self.where) > 6)
        return (
            f"largest difference between {self.lower:.6g} and {self.upper:.6g}, tolerance {self.tolerance:.3g}\n"
            f"{self.lower:.6g} at x = ({at})"
        )


def largest_difference(
    first: TwoLayerNetwork,
    second: TwoLayerNetwork,
    low: ArrayLike,
    high: ArrayLike,
    *,
    tolerance: float = 1e-9,
    seconds: float = 60.0,
) -> Difference:
    r"""Bound :math:`\max_{l \le x \le h} |f(x) - g(x)|` from both sides, for piecewise linear networks.

    The difference is a sum of moduli, in which units that both networks have cancel (`Bends`). A linear program bounds
    it on parts of the box, each given by the sides of some hyperplanes; the part with the largest bound is cut along
    the hyperplane of the unit that it is loosest at, until what is left is below the tolerance, or below the largest
    difference that was met.

    Parameters
    ----------
    first, second : TwoLayerNetwork
        Of piecewise linear σ, which may differ, an affine polynomial part, and the same inputs and outputs.
    low, high : float or array, shape (d,)
        The box.
    tolerance : float
        Relative to nothing: in the unit of the outputs.
    seconds : float
        After which it is given up; the bounds that are known by then are returned.

    Returns
    -------
    Difference
        Of several outputs, the one at which the networks differ most.

    Raises
    ------
    InputError
        If the networks are not of this kind or do not fit each other, or the box is empty or infinite.

    Notes
    -----
    Equal networks cost one linear program of d variables. Otherwise their number may grow as 2 to the number of units
    that the networks do not share, as maximising such a sum is NP-hard: it is then not decided.

    References
    ----------
    Neumaier and Shcherbina (2004), Safe bounds in linear and mixed-integer programming.
    """
    region = _region(first, low, high)
    if first.n_outputs != second.n_outputs:
        raise InputError(f"the networks must have the same outputs, found {first.n_outputs} and {second.n_outputs}")
    end = time.monotonic() + seconds
    shares = [_of_one(first.output(j), second.output(j), region, tolerance, end) for j in range(first.n_outputs)]
    worst = max(shares, key=lambda share: share.lower)
    upper = max(share.upper for share in shares)
    outcome = Outcome.EQUAL if upper <= tolerance else Outcome.UNDECIDED
    outcome = Outcome.DIFFERENT if worst.lower > tolerance else outcome
    return Difference(outcome, worst.lower, upper, worst.where, tolerance, sum(share.parts for share in shares))


def _region(network: TwoLayerNetwork, low: ArrayLike, high: ArrayLike) -> Region:
    ends = [np.broadcast_to(real_array(np.atleast_1d(end), "the region", 1), (network.dim,)) for end in (low, high)]
    region = Region(*(end.astype(np.float64) for end in ends))
    if not (np.isfinite(region.low).all() and np.isfinite(region.high).all() and np.all(region.low <= region.high)):
        raise InputError("the region must have finite ends, the lower of them first")
    return region


@dataclass
class _Search:
    """The two sums whose maxima are looked for, and what was met."""

    sums: tuple[Bends, Bends]
    region: Region
    rounding: float
    best: float = 0.0
    where: Vector | None = None
    parts: int = 0

    def bound(self, which: int, pairs: dict[int, tuple[int, float]], side: Vector) -> Bound:
        found = upper_bound(self.sums[which], pairs, self.region, side)
        self.parts += 1
        if found.where is not None:
            value = abs(self.sums[0](found.where))
            if value > self.best or self.where is None:
                self.best, self.where = value, found.where
        return found


def _of_one(
    first: TwoLayerNetwork, second: TwoLayerNetwork, region: Region, tolerance: float, end: float
) -> Difference:
    bends = difference_of(first, second)
    pairs = pairs_of(bends, region)
    sizes = float(region.largest(bends.theta).sum() + region.largest(bends.linear))
    rounding = float((ROUNDINGS + len(bends.signs)) * np.finfo(np.float64).eps * sizes)
    search = _Search((bends, bends.negated()), region, rounding)
    order = count()
    open_parts: list[tuple[float, int, int, Vector, int | None]] = []
    for which in (0, 1):
        side = np.zeros(len(bends.signs))
        found = search.bound(which, pairs, side)
        heapq.heappush(open_parts, (-found.upper, next(order), which, side, found.split))
    while open_parts:
        upper = -open_parts[0][0] + rounding
        is_settled = upper <= tolerance or upper <= search.best * (1 + NEARLY) + 2 * rounding
        if is_settled or time.monotonic() > end or open_parts[0][-1] is None:
            break
        _, _, which, side, split = heapq.heappop(open_parts)
        for sign in (1.0, -1.0):
            child = side.copy()
            child[split] = sign
            found = search.bound(which, pairs, child)
            if found.where is not None:
                heapq.heappush(open_parts, (-found.upper, next(order), which, child, found.split))
    left = -open_parts[0][0] + rounding if open_parts else 0.0
    upper = float(max(left, search.best))
    where = region.low if search.where is None else search.where
    outcome = Outcome.EQUAL if upper <= tolerance else Outcome.UNDECIDED
    return Difference(outcome, search.best, upper, where, tolerance, search.parts)


NEARLY = 1e-6
"""Relative difference of the two bounds at which the largest difference is known."""
