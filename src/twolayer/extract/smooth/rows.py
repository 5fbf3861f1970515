r"""The rows (w, b) of units whose place on a line is known: from differences in which all that is straight cancels.

At the place x* of a step, :math:`f(x^* + h e_j) - f(x^* - h e_j) = a\,(\sigma - \sigma^-)(h w_j)`, as everything else
is constant there. Of a ramp the second difference is taken, and beside x* by 1.5 along the line, as it is even:
:math:`f(x^* + v) + f(x^* - v) - 2 f(x^*)` with :math:`v = h e_j + k u` is a function of :math:`h w_j + 1.5`. Far from
the place a ramp is straight: the change of the gradient from one side to the other is a w, to more digits.
"""

from dataclasses import dataclass

import numpy as np

from twolayer.extract.lines import Function, Matrix, Vector
from twolayer.extract.smooth.far_line import FarLine
from twolayer.extract.smooth.shapes import Shape, is_step, part, unpart

__all__ = ["RowRules", "rows_at"]


@dataclass(frozen=True)
class RowRules:
    """The steps of the differences.

    Attributes
    ----------
    first, second : float
        In units of the argument of the unit: along the line to begin with, then along each input.
    beside : float
        The argument at which the second difference of a ramp is taken.
    agree : float
        Relative difference of w·u from the slope that was read on the line.
    weakest : float
        The least that an input is taken to count, of the root mean square of the weights.
    invertible : float
        Share of the height of a step up to which it is inverted.
    straight : float
        Part of the gap to the next unit at which the gradient of a ramp is taken on both sides.
    farthest : float
        And the argument up to which: all is straight there to rounding, and farther out others come close.
    bent : float
        Roundings by which the gradient's own points may be off a straight line; where they are, others are nearer.
    tries : int
        With steps of a quarter each, until they are not.
    """

    first: float = 0.02
    second: float = 0.6
    beside: float = 1.5
    agree: float = 0.05
    weakest: float = 0.1
    invertible: float = 0.95
    straight: float = 0.4
    farthest: float = 1e4
    bent: float = 2000.0
    tries: int = 4


def rows_at(f: Function, line: FarLine, shapes: list[Shape], eps: float, rules: RowRules = RowRules()) -> Matrix:
    """The rows (w, b), (K, d + 1), of units that were seen on a line; some 4 d queries each, 8 d of a ramp.

    A row is zero where it does not go along the line as the unit does: another unit is too near.
    """
    found = np.empty((len(shapes), len(line.u) + 1))
    for k, shape in enumerate(shapes):
        w = _weights(f, line, shape, rules)
        place = shape.place
        if not is_step(shape.sigma):
            w, place = _from_gradients(f, line, shape, w, eps, rules)
        x = line.p + place * line.u
        is_right = abs(w @ line.u - shape.slope) < rules.agree * shape.slope
        found[k] = np.r_[w, -w @ x] if is_right else 0.0
    return found


def _weights(f: Function, line: FarLine, shape: Shape, rules: RowRules) -> Vector:
    x, d = line.p + shape.place * line.u, len(line.u)
    h, w = np.full(d, rules.first / shape.slope), np.zeros(d)
    along = 0.0 if is_step(shape.sigma) else rules.beside / shape.slope
    here = 0.0 if is_step(shape.sigma) else float(f(x[None])[0])
    most = rules.invertible * float(part(shape.sigma, np.array([np.inf]))[0]) if is_step(shape.sigma) else np.inf
    for _ in range(2):
        v = np.diag(h) + along * line.u
        plus, minus = f(np.vstack([x + v, x - v])).reshape(2, d)
        value = (plus - minus if is_step(shape.sigma) else plus + minus - 2 * here) / shape.a
        t = unpart(shape.sigma, np.clip(value, -most, most))
        w = (t - along * shape.slope) / h
        h = _steps(w, rules.second, rules)
    return w


def _steps(w: Vector, argument: float, rules: RowRules) -> Vector:
    least = rules.weakest * max(float(np.linalg.norm(w)) / np.sqrt(len(w)), np.finfo(np.float64).tiny)
    return np.asarray(argument / np.maximum(np.abs(w), least))


def _from_gradients(
    f: Function, line: FarLine, shape: Shape, w: Vector, eps: float, rules: RowRules
) -> tuple[Vector, float]:
    """The w and the place of a ramp, from the gradients on its two sides; as they were where others are too near."""
    d = len(line.u)
    gap = shape.bend.gap + (shape.bend.t[-1] - shape.bend.t[0]) / 2
    away = min(rules.straight * gap, rules.farthest / shape.slope)
    sides = shape.place + np.array([-away, away])
    h = np.minimum(_steps(w, away * shape.slope / 3, rules), away)
    for _ in range(rules.tries):
        points = line.at(sides)
        around = np.vstack([point + sign * np.diag(h) for point in points for sign in (1, -1)])
        y = f(np.vstack([around, points]))
        middle, y = y[-2:], y[:-2].reshape(2, 2, d)
        off = np.abs(y[:, 0] + y[:, 1] - 2 * middle[:, None]).max(axis=0)
        is_bent = off > rules.bent * eps * np.abs(y).max()
        if not is_bent.any():
            left, right = (y[:, 0] - y[:, 1]) / (2 * h)
            change = float((right - left) @ line.u)
            place = sides[0] + (middle[1] - right @ line.u * 2 * away - middle[0]) / -change
            return (right - left) / shape.a, float(place)
        h = np.where(is_bent, h / 4, h)
    return w, shape.place
