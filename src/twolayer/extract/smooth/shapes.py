r"""Which σ a bend of a line is, how high and how steep, fitted to one unit alone.

Left of a unit the function is straight, and what a unit adds to that is :math:`a\,\rho(\alpha(t - t_0))` with
:math:`\rho(t) = \sigma(t) - \lim_{-\infty}`, its own straight part taken away. By the reflection law a unit that is
turned round is the same up to a straight part, so that α > 0.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from twolayer.activation import Activation
from twolayer.extract.lines import Vector
from twolayer.extract.smooth.far_line import Bend

__all__ = ["Shape", "is_ramp", "is_step", "part", "shape", "unpart"]

WIDEST = 40.0
"""Arguments at which all of them are straight to rounding: exp(-40) is 4e-18."""


@dataclass(frozen=True)
class Shape:
    """A bend as a unit.

    Attributes
    ----------
    sigma : Activation
    a, slope, place : float
        The a, α and t_0.
    misfit : float
        The most that is left over, relative to a.
    bend : Bend
    """

    sigma: Activation
    a: float
    slope: float
    place: float
    misfit: float
    bend: Bend


def is_step(sigma: Activation) -> bool:
    """Whether σ is smooth, odd, and leads from -1 to 1."""
    return sigma.is_smooth and sigma.parity == -1 and bool(np.allclose(sigma(np.array([-WIDEST, WIDEST])), [-1, 1]))


def is_ramp(sigma: Activation) -> bool:
    """Whether σ is smooth and is 0 far on the left, and t far on the right: softplus, gelu, silu."""
    if not sigma.is_smooth or sigma.reflection.sign != 1 or sigma.reflection.polynomial != (0.0, -1.0):
        return False
    return bool(np.allclose(sigma(np.array([-WIDEST, WIDEST])), [0.0, WIDEST]))


def shape(bend: Bend, candidates: tuple[Activation, ...]) -> Shape | None:
    """The σ of the candidates that fits a bend best, None where none can begin to."""
    from scipy.optimize import least_squares

    best: Shape | None = None
    for sigma in candidates:
        start = _step_start(bend, sigma) if is_step(sigma) else _ramp_start(bend, sigma)
        if start is None:
            continue
        a, slope, place = start

        def left(z: Vector, sigma: Activation = sigma, at: tuple[float, float, float] = start) -> Vector:
            t = at[1] * (bend.t - at[2])
            # beside it the function is straight, which is known only as well as its short pieces show
            beside = z[3] + (0.0 if is_step(sigma) else z[4] * t)
            return np.asarray(z[0] * (sigma(z[1] * t - z[2]) + is_step(sigma)) + beside - bend.left_over / at[0])

        guess = [1.0, 1.0, 0.0, 0.0] if is_step(sigma) else [1.0, 1.0, 0.0, 0.0, 0.0]
        fit = least_squares(left, guess, method="lm", max_nfev=80)
        misfit = float(np.abs(left(fit.x)).max() / max(abs(fit.x[0]), DEAD))
        if (best is None or misfit < best.misfit) and fit.x[1] > 0:
            slope, shift = slope * fit.x[1], fit.x[2] / (slope * fit.x[1])
            best = Shape(sigma, float(a * fit.x[0]), float(slope), float(place + shift), misfit, bend)
    return best


DEAD = 1e-6
"""Share of what was read off that a fitted height is at least, or the unit is none."""


def _step_start(bend: Bend, sigma: Activation) -> tuple[float, float, float] | None:
    a = bend.change / 2
    if not a:
        return None
    rising = (bend.left_over - a) / a
    grid, values = _grid(sigma)
    above = np.maximum.accumulate(rising)  # noise may leave it not quite monotone
    place, quarter = np.interp([0.0, 0.5], above, bend.t)
    half = float(np.interp(0.5, values, grid))
    return (a, half / (quarter - place), float(place)) if quarter > place else None


def _ramp_start(bend: Bend, sigma: Activation) -> tuple[float, float, float] | None:
    """From where the straight lines on both sides meet, and the most that the function is off them."""
    if not bend.change:
        return None
    place = bend.t[-1] - bend.left_over[-1] / bend.change
    off = bend.left_over - bend.change * np.maximum(bend.t - place, 0)
    grid, values = _grid(sigma)
    corner = values - np.maximum(grid, 0)
    a = float(off[np.argmax(np.abs(off))] / corner[np.argmax(np.abs(corner))])
    return (a, bend.change / a, float(place)) if a * bend.change > 0 else None


@cache
def _grid(sigma: Activation) -> tuple[Vector, Vector]:
    grid = np.linspace(-WIDEST, WIDEST, 16001)  # steps of 1/200, whose interpolation is off by 1e-6
    return grid, sigma(grid)


def part(sigma: Activation, t: Vector) -> Vector:
    r"""What is left of σ when its straight parts are gone, by its law: :math:`\sigma(t) \pm \sigma(-t) - 2\sigma(0)`.

    The difference of a step, the sum of a ramp; both rise with t > 0.
    """
    if is_step(sigma):
        return np.asarray(sigma(t) - sigma(-t))
    return np.asarray(sigma(t) + sigma(-t) - 2 * sigma(np.zeros(1)))


def unpart(sigma: Activation, value: Vector) -> Vector:
    """The t of the sign of `value` with that `part`: interpolated, then Newton's method."""
    grid, _ = _grid(sigma)
    right = grid[grid >= 0]
    t = np.interp(np.abs(value), part(sigma, right), right)
    for _ in range(3):  # from 1e-5 to rounding
        sign = -1.0 if is_ramp(sigma) else 1.0
        slope = sigma.derivative(t) + sign * sigma.derivative(-t)
        t = t - (part(sigma, t) - np.abs(value)) / np.maximum(slope, 1e-3)
    return np.asarray(np.copysign(t, value))
