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

__all__ = ["Line", "Marks", "jumps", "kinks", "random_line"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Function = Callable[[Matrix], Vector]

_STRIDES = (1, 4, 16, 64, 256, 512)
_SIGNIFICANT, _CLEAR = 10.0, 1e4
_LEVEL = 1e-6  # of the whole range: what still counts as constant
_SHAPE = 0.03  # largest misfit of a hat function, relative to its height


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


def kinks(line: Line, values: Vector, rounding: float) -> Marks:
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
    """
    g = np.cos(line.theta) * values
    noise = _noise(g, line.step, rounding)
    found: list[tuple[float, float, float]] = []
    for stride, least in [*((stride, _CLEAR) for stride in _STRIDES), *((stride, 20.0) for stride in _STRIDES[::-1])]:
        S = g[: -2 * stride] - 2 * np.cos(stride * line.step) * g[stride:-stride] + g[2 * stride :]
        for first, last in _runs(np.abs(S) > _SIGNIFICANT * noise):
            hat = _hat(S, first, last, stride, line.step, noise)
            if hat is None or abs(hat[1]) * np.sin(stride * line.step) < least * noise:
                continue
            place = line.theta[0] + (hat[0] + stride) * line.step
            if all(abs(place - other[0]) > (stride + other[2]) * line.step for other in found):
                found.append((place, hat[1], stride))
    theta, size, _ = np.array(sorted(found)).reshape(-1, 3).T
    ends = np.diff(np.r_[line.theta[0], theta, line.theta[-1]])
    return Marks(theta, size, np.minimum(ends[:-1], ends[1:]))


def jumps(values: Vector, rounding: float) -> tuple[NDArray[np.intp], NDArray[np.intp], Vector]:
    """Where a function that is constant but for jumps makes one: between which points, and how high.

    Returns
    -------
    before, after : arrays of int
        Indices of the last point of one level, and of the first of the next.
    height : array
    """
    change = np.abs(np.diff(values))
    noise = max(1.4826 * float(np.median(change)), rounding)
    runs = _runs(change > max(_SIGNIFICANT * noise, _LEVEL * float(np.ptp(values))))
    runs = [(i, j) for i, j in runs if i >= 1 and j + 2 < len(values) and j - i < len(values) // 8]
    before = np.array([first for first, _ in runs], dtype=np.intp)
    after = np.array([last + 1 for _, last in runs], dtype=np.intp)
    return before, after, values[after] - values[before]


def _noise(g: Vector, step: float, rounding: float) -> float:
    """Standard deviation of the second difference between the marks, at the finest stride."""
    S = g[:-2] - 2 * np.cos(step) * g[1:-1] + g[2:]
    return max(1.4826 * float(np.median(np.abs(S))), rounding)


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.r_[False, mask, False].astype(int)))
    return [(int(first), int(stop) - 1) for first, stop in edges.reshape(-1, 2)]


def _hat(S: Vector, first: int, last: int, stride: int, step: float, noise: float) -> tuple[float, float] | None:
    """Centre and amplitude of the hat function in a run; None where the run is anything else."""
    if not 2 * stride - 2 - stride // 2 <= last - first + 1 <= 2 * stride + 1:
        return None
    first, last = max(first - 2, 0), min(last + 2, len(S) - 1)
    k = np.arange(first, last + 1)
    total = float(S[k].sum())
    centre = float(k @ S[k]) / total if total else -1.0
    hat = np.sin(step * np.maximum(stride - np.abs(k - centre), 0))
    amplitude = float(hat @ S[k] / max(hat @ hat, 1e-300))
    misfit, height = np.abs(S[k] - amplitude * hat).max(), abs(amplitude) * np.sin(stride * step)
    is_hat = first <= centre <= last and misfit <= _SHAPE * height + _SIGNIFICANT * noise
    return (centre, amplitude) if is_hat and height > 2 * _SIGNIFICANT * noise else None
