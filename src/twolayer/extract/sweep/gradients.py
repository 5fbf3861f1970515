r"""Gradients of a piecewise linear box, each from d differences that stay on one of its pieces.

.. math:: G_j = \frac{f(p + h_j e_j) - f(p)}{h_j}

is exact, but for rounding, while no hyperplane lies between. Where the hyperplanes are not known yet, a cube about p is
tried for linearity; where they are, each step goes as far as they let it.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.sweep.asking import Ask, differences
from twolayer.extract.sweep.pieces import Pieces
from twolayer.extract.sweep.rules import SweepRules

__all__ = ["Gradients", "blind_gradients", "free_steps", "seeing_gradients"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Tensor = NDArray[np.float64]


@dataclass(frozen=True)
class Gradients:
    """Gradients at some points.

    Attributes
    ----------
    points : array, shape (k, d)
    values : array, shape (k, q)
    steps : array, shape (k, d)
    gradients : array, shape (k, d, q)
    rounding : array, shape (k,)
        Standard deviation of the rounding of the values.
    """

    points: Matrix
    values: Matrix
    steps: Matrix
    gradients: Tensor
    rounding: Vector

    @property
    def errors(self) -> Vector:
        """Standard deviation of the length of the gradient's error, by rounding, (k,)."""
        return self.rounding * np.sqrt(2 * np.sum(self.steps**-2.0, axis=1))


def blind_gradients(
    ask: Ask, line: Pieces, which: NDArray[np.intp], rng: np.random.Generator, rules: SweepRules = SweepRules()
) -> Gradients | None:
    """Gradients in the middle of some pieces of a line, its hyperplanes not known yet; None where none is linear."""
    middles, widths = line.middles
    t = middles[which]
    points = ask.placed(line.path.at(t))
    values = ask(points)
    rounding = line.rounding(t)
    d = points.shape[1]
    size = rules.first_step * np.sqrt(d) / 10 * widths[which]
    cube = min(1.0, rules.cube / np.sqrt(d))
    left = np.arange(len(t))
    for _ in range(rules.most_steps):
        signs = rng.choice([-1.0, 1.0], (rules.corners, d))
        offsets = (cube * size[left])[:, None, None] * signs
        bent = _bend(ask, points[left], values[left], offsets)
        left = left[bent > 4 * rules.roundings * rounding[left]]
        if not len(left):
            break
        size[left] /= rules.smaller
    else:
        return None
    steps = np.repeat(size[:, None], d, axis=1)
    return _measured(ask, points, values, steps, rounding, rules)


def seeing_gradients(
    ask: Ask, points: Matrix, rows: Matrix, rounding: Vector, rules: SweepRules = SweepRules()
) -> Gradients:
    """Gradients at points, by steps that keep clear of the hyperplanes of units (w, b), rows of shape (m, d + 1)."""
    points = ask.placed(points)
    steps = free_steps(rows[:, :-1], points @ rows[:, :-1].T + rows[:, -1], points, rules.safe)
    return _measured(ask, points, ask(points), steps, rounding, rules)


def free_steps(W: Matrix, arguments: Matrix, points: Matrix, share: float) -> Matrix:
    """Along each input, the way that is longer, a share of the way to the nearest hyperplane, (k, d).

    The hyperplanes are those of units w (m, d), whose arguments at the k points are given, (k, m). No step is longer
    than the points are far from the origin.
    """
    steps = np.empty((len(arguments), W.shape[1]))
    longest = 1 + np.linalg.norm(points, axis=1) / np.sqrt(points.shape[1])
    for k, t in enumerate(arguments):
        # inverse of the way, so that the nearest is the largest, (d, m)
        away = -W.T / np.where(t == 0, np.finfo(np.float64).tiny, t)
        forth, back = away.max(axis=1, initial=0.0), -away.min(axis=1, initial=0.0)
        steps[k] = share / np.maximum(np.minimum(forth, back), 1 / longest[k]) * np.where(forth <= back, 1.0, -1.0)
    return steps


def remeasured(
    ask: Ask, old: Gradients, which: NDArray[np.intp], inputs: NDArray[np.intp], steps: Vector, rules: SweepRules
) -> Gradients:
    """The same gradients, with some entries measured again, by other steps."""
    values, moved = differences(ask, old.points, which, inputs, steps, rules.block)
    gradients, every = old.gradients.copy(), old.steps.copy()
    gradients[which, inputs] = (values - old.values[which]) / moved[:, None]
    every[which, inputs] = moved
    return Gradients(old.points, old.values, every, gradients, old.rounding)


def _measured(
    ask: Ask, points: Matrix, values: Matrix, steps: Matrix, rounding: Vector, rules: SweepRules
) -> Gradients:
    k, d = points.shape
    which, inputs = np.divmod(np.arange(k * d), d)
    moved_values, moved = differences(ask, points, which, inputs, steps.ravel(), rules.block)
    gradients = (moved_values - values[which]) / moved[:, None]
    return Gradients(points, values, moved.reshape(k, d), gradients.reshape(k, d, -1), rounding)


def _bend(ask: Ask, points: Matrix, values: Matrix, offsets: Tensor) -> Vector:
    """The largest second difference at each point (k, d), over its offsets (k, c, d)."""
    k, c, d = offsets.shape
    around = np.concatenate([points[:, None] + offsets, points[:, None] - offsets], axis=1)
    at = ask(ask.placed(around.reshape(-1, d))).reshape(k, 2, c, -1)
    return np.abs(at.sum(axis=1) - 2 * values[:, None]).max(axis=(1, 2))
