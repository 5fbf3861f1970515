r"""Walks through a black box: what a two-layer network shows along a line through the whole space.

A line :math:`x(\theta) = R\,(p + \tan\theta\,u)`, |θ| < π/2, crosses the hyperplane of every unit exactly once, so that
one line sees them all. Two kinds of unit leave a mark that can be read where it is alone:

- *ramps* (σ(t) ≈ t₊ far from 0): :math:`g(\theta) = \cos\theta\, f` is a sinusoid between the marks, for which
  :math:`g_{k-s} - 2\cos(s\Delta)\,g_k + g_{k+s} = 0`, and each mark adds a hat function;
- *steps* (σ(t) ≈ sign t far from 0): f is constant between the marks, and each adds a jump.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["MEDIAN_TO_DEVIATION", "Line", "MarkRules", "Marks", "jumps", "kinks", "random_line"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Function = Callable[[Matrix], Vector]


@dataclass(frozen=True)
class MarkRules:
    """What passes for the mark of one unit on a line.

    Attributes
    ----------
    strides : tuple of int
        Distances, in points, over which second differences are taken. The narrowest parts marks that are four points
        apart; the widest, an eighth of a line of 4096, sees the weakest, as a hat grows with its stride.
    significant : float
        Standard deviations of the noise above which a value belongs to a mark: of 4096 normal numbers none is above 5,
        and rounding has no longer tail.
    clear : float
        Standard deviations above which a hat is taken at a narrow stride already: its place is then known to 1e-4 of a
        step, and no wider stride could show it better.
    faint : float
        Standard deviations below which no hat is taken at any stride: twice `significant`, as a hat has both flanks.
    shape : float
        Largest misfit of a hat function, relative to its height. Two kinks closer together than a stride miss it by
        more, unless they are so close that they are one to every other test too.
    level : float
        What still counts as constant between jumps, relative to the whole range of the values: steps have tails, of
        exp(-2 t), which fall below at seven units of their argument.
    widest_jump : float
        The part of a line that one jump may take; what is wider is no step at this scale.
    """

    strides: tuple[int, ...] = (1, 4, 16, 64, 256, 512)
    significant: float = 10.0
    clear: float = 1e4
    faint: float = 20.0
    shape: float = 0.03
    level: float = 1e-6
    widest_jump: float = 1 / 8


MEDIAN_TO_DEVIATION = 1.4826022185056018
"""Standard deviation of a normal number over the median of its modulus, 1/Φ⁻¹(3/4)."""


@dataclass(frozen=True)
class Line:
    """The line R (p + tan(θ) u) and the places on it that are looked at.

    Attributes
    ----------
    p, u : arrays, shape (d,)
        Unit vectors.
    scale : float
        The R.
    theta : array, shape (N,)
        Equidistant angles in (-π/2, π/2).
    """

    p: Vector
    u: Vector
    scale: float
    theta: Vector

    @property
    def step(self) -> float:
        """Distance between neighbouring angles."""
        return float(self.theta[1] - self.theta[0])

    def at(self, theta: Vector) -> Matrix:
        """The points of some angles, (K, d)."""
        return self.scale * (self.p + np.tan(theta)[:, None] * self.u)


@dataclass(frozen=True)
class Marks:
    """Marks of single units on a line.

    Attributes
    ----------
    theta : array, shape (K,)
        Where.
    size : array, shape (K,)
        Amplitude of the kink of g, or height of the jump of f.
    gap : array, shape (K,)
        Angle to the nearest other mark.
    """

    theta: Vector
    size: Vector
    gap: Vector


def random_line(d: int, scale: float, points: int, rng: np.random.Generator, reach: float = np.inf) -> Line:
    """A line through the space whose distance from the origin is about `scale`, no farther out than `reach`."""
    p, u = rng.standard_normal((2, d))
    p, u = p / np.linalg.norm(p), u / np.linalg.norm(u)
    if d > 1:
        p = p - (p @ u) * u
        p /= np.linalg.norm(p)
    theta = 2 * np.arctan(reach / scale) * ((np.arange(points) + 0.5) / points - 0.5)
    return Line(p, u, scale, theta)


def kinks(line: Line, values: Vector, rounding: float, rules: MarkRules = MarkRules()) -> Marks:
    """Marks of ramps: hat functions in the second difference, each at a stride at which it stands alone.

    The narrowest stride at which it stands out clearly is the best, as nothing weaker is hidden there; what does not
    stand out so is looked for at the widest.

    Parameters
    ----------
    line : Line
    values : array, shape (N,)
        Of the function on the line.
    rounding : float
        The least noise that the values may have.
    rules : MarkRules, optional
    """
    g = np.cos(line.theta) * values
    noise = _noise(g, line.step, rounding)
    found: list[tuple[float, float, float]] = []
    clearly = [(stride, rules.clear) for stride in rules.strides]
    for stride, least in [*clearly, *((stride, rules.faint) for stride in rules.strides[::-1])]:
        S = g[: -2 * stride] - 2 * np.cos(stride * line.step) * g[stride:-stride] + g[2 * stride :]
        for first, last in _runs(np.abs(S) > rules.significant * noise):
            hat = _hat(S, first, last, stride, line.step, noise, rules)
            if hat is None or abs(hat[1]) * np.sin(stride * line.step) < least * noise:
                continue
            place = line.theta[0] + (hat[0] + stride) * line.step
            if all(abs(place - other[0]) > (stride + other[2]) * line.step for other in found):
                found.append((place, hat[1], stride))
    theta, size, _ = np.array(sorted(found)).reshape(-1, 3).T
    ends = np.diff(np.r_[line.theta[0], theta, line.theta[-1]])
    return Marks(theta, size, np.minimum(ends[:-1], ends[1:]))


def jumps(
    values: Vector, rounding: float, rules: MarkRules = MarkRules()
) -> tuple[NDArray[np.intp], NDArray[np.intp], Vector]:
    """Where a function that is constant but for jumps makes one: between which points, and how high.

    Returns
    -------
    before, after : arrays of int
        Indices of the last point of one level, and of the first of the next.
    height : array
    """
    change = np.abs(np.diff(values))
    noise = max(MEDIAN_TO_DEVIATION * float(np.median(change)), rounding)
    runs = _runs(change > max(rules.significant * noise, rules.level * float(np.ptp(values))))
    # a jump at the very end of the line has no level beyond it
    runs = [(i, j) for i, j in runs if i >= 1 and j + 2 < len(values) and j - i < int(rules.widest_jump * len(values))]
    before = np.array([first for first, _ in runs], dtype=np.intp)
    after = np.array([last + 1 for _, last in runs], dtype=np.intp)
    return before, after, values[after] - values[before]


def _noise(g: Vector, step: float, rounding: float) -> float:
    """Standard deviation of the second difference between the marks, at the finest stride."""
    S = g[:-2] - 2 * np.cos(step) * g[1:-1] + g[2:]
    return max(MEDIAN_TO_DEVIATION * float(np.median(np.abs(S))), rounding)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False].astype(int)))
    return [(int(first), int(stop) - 1) for first, stop in edges.reshape(-1, 2)]


def _hat(
    S: Vector, first: int, last: int, stride: int, step: float, noise: float, rules: MarkRules
) -> tuple[float, float] | None:
    """Centre and amplitude of the hat function in a run; None where the run is anything else."""
    # a hat of 2 stride - 1 points may lose its feet to the noise, half a stride at most, and gain a point at either end
    if not 2 * stride - 2 - stride // 2 <= last - first + 1 <= 2 * stride + 1:
        return None
    first, last = max(first - 2, 0), min(last + 2, len(S) - 1)
    k = np.arange(first, last + 1)
    total = float(S[k].sum())
    centre = float(k @ S[k]) / total if total else -1.0
    hat = np.sin(step * np.maximum(stride - np.abs(k - centre), 0))
    if not (first <= centre <= last and hat.any()):
        return None
    amplitude = float(hat @ S[k] / (hat @ hat))
    misfit, height = np.abs(S[k] - amplitude * hat).max(), abs(amplitude) * np.sin(stride * step)
    if misfit > rules.shape * height + rules.significant * noise or height <= rules.faint * noise:
        return None
    return centre, amplitude
