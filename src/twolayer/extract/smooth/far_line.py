r"""A line far out, asked only as densely as the function bends: straight between the units, and each unit alone.

On :math:`x(t) = p + t u` with a point p at a distance S from the origin, unit i changes course at
:math:`t_i = -(w_i\cdot p + b_i)/(w_i\cdot u)`, within :math:`1/|w_i\cdot u|`. The t_i are some S/m apart, so that for S
large enough every unit of which σ is straight far from 0 stands alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.lines import Function, Matrix, Vector

__all__ = ["Bend", "FarLine", "LineRules", "far_line"]


@dataclass(frozen=True)
class LineRules:
    """How a line is sampled.

    Attributes
    ----------
    knots : int
        Points to begin with, at equal steps of the inverse hyperbolic sine of t/S, as the t_i have heavy tails.
    farthest : float
        The |t| up to which is looked, in units of S: of a thousand units one is farther out.
    rounds : int
        Of halving at most: 53 bits, and the range of the knots.
    most_open : int
        Intervals that are halved at once at most: a unit has some ten, and what bends everywhere ever more.
    resolved : float
        An interval is resolved where the cubic through four knots misses its middle by no more than this part of what
        the chord does. At a kink they miss it by about as much.
    steps_passed, ramps_passed : int
        How many times in a row this must be seen of an interval and its halves: once by chance is common where a kink
        is far from all knots, as a ramp that is not resolved is.
    rounding : float
        Roundings of the largest term by which the middle may be off the chord of what is straight.
    faint : float
        And by what part of the values near the origin: reading starts the fit, and so many digits are enough for it.
    """

    knots: int = 256
    farthest: float = 1e3
    rounds: int = 80
    most_open: int = 8192
    resolved: float = 0.2
    steps_passed: int = 1
    ramps_passed: int = 2
    rounding: float = 16.0
    faint: float = 1e-9


@dataclass(frozen=True)
class Bend:
    """A run of knots between which the function is not straight, and as much on both sides of it where it is.

    Attributes
    ----------
    t, left_over : arrays, shape (K,)
        Places, and the function there less the straight line on its left.
    change : float
        Of the slope from left to right, or of the level where the function is bounded.
    level : float
        The value left of it.
    gap : float
        How far it is to the nearest other bend, or the end of the line.
    """

    t: Vector
    left_over: Vector
    change: float
    level: float
    gap: float


@dataclass(frozen=True)
class FarLine:
    """A line and what was asked on it.

    Attributes
    ----------
    p, u : arrays, shape (d,)
        A point at the distance of the line's scale, and a unit vector.
    t, values : arrays, shape (N,)
        Ascending places, and the function there.
    is_straight : array of bool, shape (N - 1,)
        Whether it is straight between two neighbours.
    is_bounded : bool
    """

    p: Vector
    u: Vector
    t: Vector
    values: Vector
    is_straight: NDArray[np.bool_]
    is_bounded: bool

    def at(self, t: Vector) -> Matrix:
        """Points of the line, (K, d)."""
        return self.p + np.asarray(t)[:, None] * self.u

    def bends(self) -> list[Bend]:
        """All runs with straight parts on both sides, those that nearly touch taken as one."""
        runs = self._runs()
        ends = [(0, 0), *runs, (len(self.t) - 1,) * 2]
        found = []
        for (_, before), (left, right), (after, _) in zip(ends, runs, ends[2:], strict=False):
            if before < left and right < after and right - left >= FEWEST_KNOTS:
                found.append(self._bend(before, left, right, after))
        return found

    def _runs(self) -> list[tuple[int, int]]:
        edges = np.flatnonzero(np.diff(np.r_[0, (~self.is_straight).astype(int), 0]))
        runs: list[tuple[int, int]] = []
        last = 0.0
        for left, right in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            length = float(self.t[right] - self.t[left])
            # in the tails of a unit straight and bent parts alternate
            if runs and self.t[left] - self.t[runs[-1][1]] < max(length, last) / 2:
                runs[-1] = runs[-1][0], right
            else:
                runs.append((left, right))
            last = length
        return runs

    def _bend(self, before: int, left: int, right: int, after: int) -> Bend:
        t, v = self.t, self.values
        length = t[right] - t[left]
        first, last = np.searchsorted(t, [t[left] - length, t[right] + length])
        here = slice(max(int(first), before), min(int(last), after) + 1)
        gap = float(min(t[left] - t[before], t[after] - t[right]))
        if self.is_bounded:
            return Bend(t[here], v[here] - v[left], float(v[right] - v[left]), float(v[left]), gap)
        slope = (v[left] - v[before]) / (t[left] - t[before])
        change = (v[after] - v[right]) / (t[after] - t[right]) - slope
        return Bend(t[here], v[here] - v[left] - slope * (t[here] - t[left]), float(change), float(v[left]), gap)


FEWEST_KNOTS = 5
"""Of a bend that can have a shape of three parameters."""


def far_line(
    f: Function,
    dim: int,
    scale: float,
    rng: np.random.Generator,
    *,
    eps: float,
    arithmetic: float,
    size: float,
    is_bounded: bool,
    reach: float = np.inf,
    rules: LineRules = LineRules(),
) -> FarLine:
    """Sample a random line at the distance `scale`, halving what is neither straight nor resolved.

    Parameters
    ----------
    f : callable
    dim : int
    scale : float
    rng : Generator
    eps : float
        Relative rounding of the values.
    arithmetic : float
        And of the places.
    size : float
        Of the values near the origin.
    is_bounded : bool
        Whether the function is constant, not only straight, between its units.
    reach : float
        The function is not asked farther out than this.
    rules : LineRules, optional

    Notes
    -----
    Some 100 to 200 queries a unit.
    """
    p, u = rng.standard_normal((2, dim))
    u /= np.linalg.norm(u)
    p -= (p @ u) * u
    p *= scale / np.linalg.norm(p) if dim > 1 else 0.0
    last = np.arcsinh(min(rules.farthest, np.sqrt(max((reach / scale) ** 2 - 1, 1.0))))
    t = scale * np.sinh(np.linspace(-last, last, rules.knots))
    v = f(p + t[:, None] * u)
    steepest = 0.0 if is_bounded else float(np.abs(np.diff(v) / np.diff(t)).max())
    state, passed = np.zeros(len(t) - 1, int), np.zeros(len(t) - 1, int)
    needed = rules.steps_passed if is_bounded else rules.ramps_passed
    for _ in range(rules.rounds):
        k = np.flatnonzero(state == OPEN)
        if not 0 < len(k) <= rules.most_open:
            break
        middle = (t[k] + t[k + 1]) / 2
        here = f(p + middle[:, None] * u)
        off_chord, off_cubic = np.abs(here - (v[k] + v[k + 1]) / 2), np.abs(here - _cubic(t, v, k, middle))
        terms = np.maximum(np.abs(v[k]), np.abs(v[k + 1])) + steepest * (scale + np.abs(middle))
        turned = arithmetic * np.abs(v[k + 1] - v[k]) / (t[k + 1] - t[k]) * (scale + np.abs(middle))
        straight = np.maximum(rules.faint * size, rules.rounding * (eps * terms + turned))
        seen = np.where(off_cubic <= np.maximum(rules.resolved * off_chord, straight), passed[k] + 1, 0)
        is_tiny = t[k + 1] - t[k] <= rules.rounding * arithmetic * np.maximum(np.abs(middle), scale)
        now = np.where(off_chord <= straight, STRAIGHT, np.where(is_tiny | (seen >= needed), RESOLVED, OPEN))
        state[k], passed[k] = now, seen
        # both halves are what the whole is
        t, v = np.insert(t, k + 1, middle), np.insert(v, k + 1, here)
        state, passed = np.insert(state, k + 1, now), np.insert(passed, k + 1, seen)
    return FarLine(p, u, t, v, state == STRAIGHT, is_bounded)


OPEN, STRAIGHT, RESOLVED = 0, 1, 2
"""What is known of an interval of a line."""


def _cubic(t: Vector, v: Vector, k: NDArray[np.intp], at: Vector) -> Vector:
    """The cubic through the two knots on either side of the intervals k, at a place in each."""
    nodes = np.clip(k - 1, 0, len(t) - 4)[:, None] + np.arange(4)
    value = np.zeros(len(k))
    for one in range(4):
        weight = np.ones(len(k))
        for other in range(4):
            if one != other:
                weight *= (at - t[nodes[:, other]]) / (t[nodes[:, one]] - t[nodes[:, other]])
        value += weight * v[nodes[:, one]]
    return value
