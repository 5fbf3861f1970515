r"""One line through the space, cut into the pieces on which a box is linear.

On :math:`x(t) = x_0 + t u` the box bends where it meets a hyperplane, once for each. Points are set on
:math:`t = \sinh s`, as hyperplanes are met at distances with heavy tails. Three neighbours on a chord are of a
piece. What lies between two pieces is clear when the box is on their lines up to where these meet, on either side;
until then it is cut further.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.sweep.asking import Ask
from twolayer.extract.sweep.rules import SweepRules

__all__ = ["Path", "Pieces", "pieces"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Path:
    """The line x0 + t u, and how far it is walked.

    Attributes
    ----------
    start, direction : arrays, shape (d,)
    farthest : float
        The largest |t|.
    near, far : float
        The least relative rounding of the values, near the start and far away.
    """

    start: Vector
    direction: Vector
    farthest: float
    near: float = float(np.finfo(np.float64).eps)
    far: float = float(np.finfo(np.float64).eps)

    def at(self, t: Vector) -> Matrix:
        """The points of these t, (n, d)."""
        return self.start + t[:, None] * self.direction


@dataclass(frozen=True)
class Pieces:
    """The pieces of a line, in order, and the kinks between them.

    Attributes
    ----------
    path : Path
    kinks : array, shape (m,)
        Ascending t at which the function bends.
    slopes : array, shape (m + 1, q)
        Of each output on each piece.
    near, far : float
        Standard deviation of the rounding at t = 0, and what it grows by with |t|.
    """

    path: Path
    kinks: Vector
    slopes: Matrix
    near: float
    far: float

    def rounding(self, t: Vector) -> Vector:
        """Standard deviation of the rounding at t."""
        return self.near + self.far * np.abs(t)

    @property
    def middles(self) -> tuple[Vector, Vector]:
        """A t in the middle of each piece, and the width about it; beyond the last kinks as wide as they are far."""
        if not len(self.kinks):
            return np.zeros(1), np.ones(1)
        first, last = self.kinks[0], self.kinks[-1]
        before, after = min(first, 0.0) - 1 - abs(first), max(last, 0.0) + 1 + abs(last)
        before, after = max(2 * before, -self.path.farthest), min(2 * after, self.path.farthest)
        edges = np.r_[min(before, 1.5 * first - 1e-300), self.kinks, max(after, last)]
        return (edges[:-1] + edges[1:]) / 2, np.diff(edges)


def pieces(ask: Ask, path: Path, rules: SweepRules = SweepRules()) -> Pieces | None:
    """The pieces of a line; None where there are too many, as of a function that is not piecewise linear.

    Parameters
    ----------
    ask : Ask
    path : Path
    rules : SweepRules, optional
    """
    s_end = float(np.arcsinh(path.farthest))
    t = np.sinh(np.linspace(-s_end, s_end, rules.grid))
    near, far = _rounding(ask, path)
    cut = _Cut(t, ask(ask.placed(path.at(t))), near, far, rules)
    for _ in range(rules.rounds):
        more = cut.wanted()
        if not len(more):
            return None if cut.is_hopeless(0) else cut.pieces(path)
        if cut.is_hopeless(len(more)):
            return None
        cut.add(more, ask(ask.placed(path.at(more))))
    return None


def _rounding(ask: Ask, path: Path) -> tuple[float, float]:
    """Standard deviation of the rounding at t = 0, and its growth: from second differences too narrow to bend in."""
    tenths = np.linspace(-1, 1, 16)
    spots = np.r_[tenths, np.sign(tenths) * path.farthest * (0.3 + 0.4 * np.abs(tenths))]
    step = 1e-5 * (1 + np.abs(spots))
    t = (spots[:, None] + step[:, None] * np.array([-1.0, 0.0, 1.0])).ravel()
    values = ask(ask.placed(path.at(t))).reshape(len(spots), 3, -1)
    second = np.abs(values[:, 0] - 2 * values[:, 1] + values[:, 2]).max(axis=1) / np.sqrt(6)
    size = np.abs(values).max(axis=(1, 2))
    is_near, away = np.abs(spots) <= 1, np.maximum(np.abs(spots), 1)
    near, far = (
        # four of five: rounding is often none, and a kink is seldom in the way
        max(float(np.quantile(second[part] / away[part], 0.8)), least / 2 * float((size[part] / away[part]).max()))
        for part, least in ((is_near, path.near), (~is_near, path.far))
    )
    return near, far


class _Cut:
    """Points of a line, the runs of them that are straight, and what is asked next."""

    def __init__(self, t: Vector, y: Matrix, near: float, far: float, rules: SweepRules) -> None:
        self.t, self.y, self.near, self.far, self.rules = t, y, near, far, rules
        self.clear = 0
        self.runs: list[tuple[int, int]] = []

    def add(self, t: Vector, y: Matrix) -> None:
        """Further points."""
        every, values = np.r_[self.t, t], np.vstack([self.y, y])
        self.t, first = np.unique(every, return_index=True)
        self.y = values[first]

    def wanted(self) -> Vector:
        """The t that would make clear what is not; empty where all is."""
        self.runs = self._straight_runs()
        self.clear, asked = 0, []
        ends = [(0, 0), *self.runs, (len(self.t) - 1, len(self.t) - 1)]
        for number, (before, after) in enumerate(pairwise(ends)):
            a, b = before[1], after[0]
            if a >= b:
                self.clear += 1
                continue
            is_inner = 0 < number < len(ends) - 2
            new = self._between(before, after) if is_inner and b == a + 1 else self._thirds(a, b)
            self.clear += not len(new)
            asked.append(new)
        return np.concatenate(asked) if asked else np.zeros(0)

    def is_hopeless(self, more: int) -> bool:
        """Whether so many points more are too many for what has become clear."""
        rules, points = self.rules, len(self.t) + more
        is_smooth = points > rules.hopeless and self.clear < rules.clear_share * points
        is_noise = self.clear > rules.grid and points < rules.least_a_kink * self.clear
        return is_smooth or is_noise or points > min(rules.gives_up + rules.a_kink * self.clear, rules.most_points)

    def pieces(self, path: Path) -> Pieces:
        """The runs as pieces; neighbours on one line are one."""
        runs, merged = self.runs, self.runs[:1]
        for run in runs[1:]:
            last = merged[-1]
            joint = (last[0], run[1])
            if self._is_straight(*joint):
                merged[-1] = joint
            else:
                merged.append(run)
        kinks = [self._meeting(one, other) for one, other in pairwise(merged)]
        slopes = np.array([self._slope(run) for run in merged])
        return Pieces(path, np.array(kinks), slopes, self.near, self.far)

    def _tolerance(self, index: slice | int) -> Vector:
        return self.rules.roundings * (self.near + self.far * np.abs(self.t[index]))

    def _straight_runs(self) -> list[tuple[int, int]]:
        """First and last index of each run of three points and more on one line."""
        t, y = self.t, self.y
        share = (t[1:-1] - t[:-2]) / (t[2:] - t[:-2])
        off = _off(t[1:-1], y[1:-1], (t[:-2], y[:-2]), (t[2:], y[2:]))
        known = self._tolerance(slice(None))
        allowed = known[1:-1] + (1 - share) * known[:-2] + share * known[2:]
        straight = off <= allowed
        edges = np.flatnonzero(np.diff(np.r_[False, straight, False].astype(np.int8))).reshape(-1, 2)
        runs: list[tuple[int, int]] = []
        for first, stop in edges:
            runs += self._whole(int(first), int(stop) + 1)
        return runs

    def _whole(self, first: int, last: int) -> list[tuple[int, int]]:
        """The run, or where it is bent after all, by little at a time, its parts."""
        if last - first < 2:
            return []
        off = self._off_chord(first, last)
        if off.max() <= 1:
            return [(first, last)]
        middle = first + int(off.argmax())
        return [*self._whole(first, middle), *self._whole(middle, last)]

    def _off_chord(self, first: int, last: int) -> Vector:
        """By how many tolerances each point of a run is off the line through its ends."""
        k = slice(first, last + 1)
        t, y = self.t[k], self.y[k]
        share = (t - t[0]) / (t[-1] - t[0])
        known = self._tolerance(k)
        # an end that is far away, and known less, counts only where the chord follows it
        off: Vector = _off(t, y, (t[:1], y[:1]), (t[-1:], y[-1:])) / (
            known + (1 - share) * known[0] + share * known[-1]
        )
        return off

    def _is_straight(self, first: int, last: int) -> bool:
        return bool(self._off_chord(first, last).max() <= 1)

    def _slope(self, run: tuple[int, int]) -> Vector:
        """The slope of each output on a run."""
        first, last = run
        slope: Vector = (self.y[last] - self.y[first]) / (self.t[last] - self.t[first])
        return slope

    def _meeting(self, before: tuple[int, int], after: tuple[int, int]) -> float:
        """Where the lines of two runs meet: of several outputs, that which bends most beside its rounding."""
        slope, other_slope = self._slope(before), self._slope(after)
        start, other_start = self.t[before[1]], self.t[after[0]]
        # from the nearest points: what is far cancels
        gap = self.y[after[0]] - self.y[before[1]]
        bend = slope - other_slope
        best = int(np.abs(bend).argmax())
        if bend[best] == 0:
            return float((start + other_start) / 2)
        shift = (gap[best] - other_slope[best] * (other_start - start)) / bend[best]
        return float(start + shift)

    def _between(self, before: tuple[int, int], after: tuple[int, int]) -> Vector:
        """What to ask between two runs with no point between them: beside where they meet, or more; nothing if clear.

        Where they meet the box is on both lines, with hyperplanes hidden between or without; beside it, only without.
        """
        a, b = self.t[before[1]], self.t[after[0]]
        place = self._meeting(before, after)
        bend = np.abs(self._slope(before) - self._slope(after))
        least = self.rules.clear * float(self._tolerance(before[1])) / max(float(bend.max()), 1e-300)
        length = min(a - self.t[before[0]], self.t[after[1]] - b, 1 + abs(place))
        is_inside = a - least <= place <= b + least
        if is_inside and b - a <= max(self.rules.hidden * length, least, 1e-15 * abs(place)):
            return np.zeros(0)
        beside = max(self.rules.hidden / 4 * min(place - a, b - place), least / 3)
        asked = place + beside * np.array([-1.0, 1.0])
        asked = asked[(asked > a) & (asked < b)]
        return asked if is_inside and len(asked) else self._thirds(before[1], after[0])

    def _thirds(self, a: int, b: int) -> Vector:
        """Two points in each interval from one index to another, but for those that are too narrow."""
        s = np.arcsinh(self.t[a : b + 1])
        width = np.diff(s)
        wide = width > self.rules.narrowest * (1 + np.abs(s[:-1]))
        inner = s[:-1][wide][:, None] + width[wide][:, None] * np.array([1 / 3, 2 / 3])
        return np.sinh(inner.ravel())


def _off(t: Vector, y: Matrix, before: tuple[Vector, Matrix], after: tuple[Vector, Matrix]) -> Vector:
    """How far values (n, q) at t are off the lines through points before and after, the most of all outputs.

    Reckoned from the nearer of the two: what is far away, and large, would leave its rounding.
    """
    slope = (after[1] - before[1]) / (after[0] - before[0])[:, None]
    one = y - before[1] - (t - before[0])[:, None] * slope
    other = y - after[1] - (t - after[0])[:, None] * slope
    is_first = np.abs(t - before[0]) <= np.abs(t - after[0])
    off: Vector = np.abs(np.where(is_first[:, None], one, other)).max(axis=1)
    return off
