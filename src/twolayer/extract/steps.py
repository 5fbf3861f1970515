r"""Reading steps, units that lead from one level to another: tanh and its kin.

Far from the origin the function is constant but for jumps. Where only one unit is between its levels,

.. math:: f(x) = \bar f + a\,\sigma(w\cdot x + b),

with the mean level :math:`\bar f` and a, half the jump, read off the levels; σ is inverted for the rest: the point of
the hyperplane is where :math:`f = \bar f`, and :math:`w_j = \sigma^{-1}\bigl((f(x^* + he_j) - \bar f)/a\bigr)/h`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, erfinv

from twolayer.extract.lines import Function, Line, MarkRules, Matrix, Vector, jumps

Indices = NDArray[np.intp]

__all__ = ["StepRules", "Steps", "distinct_steps", "read_steps"]

# Activations that lead from -1 to 1, with their inverses.
FORWARD = {"tanh": np.tanh, "erf": erf}
INVERSE = {"tanh": np.arctanh, "erf": erfinv}


@dataclass(frozen=True)
class StepRules:
    """How steps are read at their jumps, and when two are one.

    Attributes
    ----------
    halvings : int
        Of an interval between two points of a line, until its ends are neighbours in float64: 53 bits and a few.
    narrowest : float
        Angle below which a step is as steep as rounding lets see, a jump.
    sizes : tuple of float
        Of the differences, in units of the way to half the height.
    invertible : float
        Share of the height up to which σ is inverted: there the inverse magnifies noise fourfold, and beyond ever more.
    agree : float
        Largest relative error of w, from two sizes, and difference from what the line shows.
    shape : float
        Largest misfit of σ along the line, relative to its height: tanh and erf differ by 0.02.
    multiples : tuple of float
        Places of that comparison, in units of the way to half the height.
    same_height : float
        Relative difference up to which two heights are those of one unit; the levels give them to rounding.
    same_direction : float
        Cosine from which on two units of one height are one.
    loose : float
        Errors of its row by which a hyperplane may miss a place where its unit was seen.
    placed : float
        Relative error of such a place that is reckoned with, so that no weight is beyond what least squares can hold.
    """

    halvings: int = 60
    narrowest: float = 1e-15
    sizes: tuple[float, ...] = (1.0, 4.0**-1, 4.0**-2, 4.0**-3, 4.0**-4, 4.0**-5, 4.0**-6)
    invertible: float = 0.85
    agree: float = 0.05
    shape: float = 0.01
    multiples: tuple[float, ...] = (-4.0, -2.0, -1.0, 2.0, 4.0)
    same_height: float = 2e-3
    same_direction: float = 0.95
    loose: float = 10.0
    placed: float = 1e-7


@dataclass(frozen=True)
class Steps:
    """Units a σ(w·x + b) with an odd σ between -1 and 1.

    Attributes
    ----------
    a : array, shape (K,)
    rows : array, shape (K, d + 1)
        (w, b), with a positive part of w along the line.
    error : array, shape (K,)
        Relative error of the rows, from two sizes of the differences.
    point : array, shape (K, d)
        Where on its hyperplane each was seen.
    """

    a: Vector
    rows: Matrix
    error: Vector
    point: Matrix

    def __len__(self) -> int:
        return len(self.a)

    def joined(self, other: "Steps") -> "Steps":
        """These and others."""
        return Steps(
            np.r_[self.a, other.a],
            np.vstack([self.rows, other.rows]),
            np.r_[self.error, other.error],
            np.vstack([self.point, other.point]),
        )


def read_steps(
    f: Function,
    line: Line,
    values: Vector,
    name: str,
    rounding: float,
    precision: float,
    rules: StepRules = StepRules(),
    marks: MarkRules = MarkRules(),
) -> Steps:
    """Read the units at the jumps of a line for σ = `name`; what cannot be read alone is left out.

    Parameters
    ----------
    f : callable
    line : Line
    values : array, shape (N,)
        Of the function on the line.
    name : str
        Of the table `FORWARD`.
    rounding : float
        Of a value.
    precision : float
        Of the arguments w·x + b, relative to their terms.
    rules : StepRules, optional
    marks : MarkRules, optional
    """
    before, after, height = jumps(values, rounding, marks)
    d = len(line.u)
    if not len(height):
        return Steps(np.zeros(0), np.zeros((0, d + 1)), np.zeros(0), np.zeros((0, d)))
    a = height / 2
    middle = (values[before] + values[after]) / 2
    theta, width = _halfway(f, line, before, after, middle, a, rules)
    wide = width > rules.narrowest  # else it is a jump, to rounding
    theta, width, middle, a = theta[wide], width[wide], middle[wide], a[wide]
    point = line.at(theta)
    half = line.scale * width / np.cos(theta) ** 2  # from the middle to half the height, along the line
    w, error = _weights(f, point, half, middle, a, name, rules)
    error += precision * np.linalg.norm(point, axis=1) * np.linalg.norm(w, axis=1)  # of w·x itself
    t = INVERSE[name](0.5)
    kept = (error < rules.agree) & (np.abs(w @ line.u * half - t) < rules.agree * t)
    kept &= _has_shape(f, line, theta, half, middle, a, name, rules)
    rows = np.column_stack([w, -np.einsum("kd,kd->k", w, point)])
    return Steps(a[kept], rows[kept], error[kept], point[kept])


def _weights(
    f: Function, point: Matrix, half: Vector, middle: Vector, a: Vector, name: str, rules: StepRules
) -> tuple[Matrix, Vector]:
    """The w of each unit, from the largest differences that can be inverted, and its relative error."""
    K, d = point.shape
    sizes = half[:, None] * np.array(rules.sizes)
    L = sizes.shape[1]
    x = point[:, None, None] + sizes[:, :, None, None] * np.concatenate([np.eye(d), -np.eye(d)])
    share = (f(x.reshape(-1, d)).reshape(K, L, 2, d) - middle[:, None, None, None]) / a[:, None, None, None]
    inside = np.abs(share).max(axis=(2, 3)) < rules.invertible
    s = INVERSE[name](np.clip(share, -rules.invertible, rules.invertible))
    w = (s[:, :, 0] - s[:, :, 1]) / (2 * sizes[:, :, None])
    every, level = np.arange(K), np.minimum(inside.argmax(axis=1), L - 2)
    here, finer = w[every, level], w[every, level + 1]
    length, error = np.linalg.norm(here, axis=1), np.full(K, np.inf)
    is_read = inside[every, level] & (length > 0)
    error[is_read] = np.linalg.norm(here - finer, axis=1)[is_read] / length[is_read]
    return here, error


def distinct_steps(steps: Steps, votes: int = 1, rules: StepRules = StepRules()) -> Steps:
    """One of each, the most exactly read, of those that were seen `votes` times, its row through all these places.

    The levels give a far more exactly than anything else is known, so that it tells the units apart. What two units
    that happen to be close on a line look like is seen only there.
    """
    W = steps.rows[:, :-1] / np.linalg.norm(steps.rows[:, :-1], axis=1, keepdims=True)
    order, taken, kept, rows = np.argsort(steps.error), np.zeros(len(steps), bool), [], []
    for k in order:
        if taken[k]:
            continue
        cosine = W @ W[k]
        is_alike = np.abs(steps.a * np.sign(cosine) - steps.a[k]) < rules.same_height * np.abs(steps.a[k])
        same = is_alike & (np.abs(cosine) > rules.same_direction) & ~taken
        taken |= same
        if same.sum() >= votes:
            kept.append(k)
            rows.append(_through(steps, k, steps.point[same], rules))
    which = np.array(kept, dtype=int)
    return Steps(
        steps.a[which], np.reshape(rows, (len(which), steps.rows.shape[1])), steps.error[which], steps.point[which]
    )


def _through(steps: Steps, k: int, points: Matrix, rules: StepRules) -> Vector:
    """The row k so changed, no more than its error lets, that its hyperplane goes through the points.

    Read far out, w is known well, but the bias is not: an error of w counts there times the distance. The points are
    known to rounding, and with d + 1 of them the hyperplane is.
    """
    row, error = steps.rows[k], steps.error[k]
    length, size = np.linalg.norm(row[:-1]), np.linalg.norm(points, axis=1)
    off = points @ row[:-1] + row[-1]
    is_near = np.abs(off) <= rules.loose * error * (size + np.linalg.norm(steps.point[k])) * length
    weight = 1 / (rules.placed * (1 + size[is_near]) * length)
    bound = 1 / (np.maximum(error, rules.placed) * length)
    design = np.vstack(
        [
            np.column_stack([points, np.ones(len(points))])[is_near] * weight[:, None],
            bound * np.eye(len(row) - 1, len(row)),
        ]
    )
    target = np.r_[-off[is_near] * weight, np.zeros(len(row) - 1)]
    return np.asarray(row + np.linalg.lstsq(design, target, rcond=None)[0], np.float64)


def _has_shape(
    f: Function, line: Line, theta: Vector, half: Vector, middle: Vector, a: Vector, name: str, rules: StepRules
) -> NDArray[np.bool_]:
    """Whether σ is what is seen along the line, at multiples of the way to half the height."""
    shift = half * np.cos(theta) ** 2 / line.scale
    multiples = np.array(rules.multiples)
    at = line.at((theta[:, None] + shift[:, None] * multiples).ravel())
    share = (f(at).reshape(len(theta), len(multiples)) - middle[:, None]) / a[:, None]
    difference = np.abs(share - FORWARD[name](multiples * INVERSE[name](0.5)))
    return np.asarray(difference.max(axis=1) < rules.shape)


def _halfway(
    f: Function, line: Line, before: Indices, after: Indices, middle: Vector, a: Vector, rules: StepRules
) -> tuple[Vector, Vector]:
    """By halving: the angle where f is in the middle, and from there how far it is to half the height."""
    low, high = line.theta[before].copy(), line.theta[after].copy()
    centre = _crossing(f, line, low, high, middle, a, rules.halvings)
    quarter = _crossing(f, line, centre.copy(), high, middle + a / 2, a, rules.halvings)
    return centre, quarter - centre


def _crossing(f: Function, line: Line, low: Vector, high: Vector, level: Vector, a: Vector, halvings: int) -> Vector:
    for _ in range(halvings):
        centre = (low + high) / 2
        above = (f(line.at(centre)) - level) * a > 0
        low, high = np.where(above, low, centre), np.where(above, centre, high)
    return (low + high) / 2
