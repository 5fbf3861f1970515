r"""Reading ramps, units that bend the function at a hyperplane: relu and its kin, softplus, gelu.

At a point x* of one hyperplane only, the second difference along any direction v is

.. math:: D_v = f(x^* + hv) + f(x^* - hv) - 2f(x^*) = h\,|a\,w\cdot v|\,\operatorname{sign} a,

so that :math:`D_{e_j}` gives the sizes of the entries of a w, and :math:`D_{u + \beta e_j} - D_{u - \beta e_j}` their
signs relative to w·u. Which side is the active one is not seen there: to turn a unit round is to add a polynomial of
degree one, so that the function is known as :math:`\sum_i v_i |\theta_i\cdot\tilde x| / 2` and an affine part.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.lines import Function, Line, Marks, Matrix, Vector

__all__ = ["RampRules", "Ramps", "distinct", "read_ramps", "unexplained", "unlike"]


DIFFERENCE_NUMBERS = 1 << 26
"""Numbers in the rows of second differences that are laid out at once: 512 MB, or what one point takes."""


@dataclass(frozen=True)
class RampRules:
    """How ramps are read at their marks, and when two are one.

    Attributes
    ----------
    room : float
        The first size of the differences, of the distance to the next mark on the line: below a half, so that they
        reach neither that mark nor past the middle; off the line nothing is known, whence the smaller sizes.
    sizes : tuple of float
        Of the differences, in units of the first. Rounding grows as they shrink, by 256 over all.
    off_line : float
        Largest difference of what is read along the line from the kink that the line shows, relative to the jump.
    clearly : float
        Largest change of the jump between two sizes, relative to it: with another hyperplane in the way of one of them
        it changes by about its own size.
    same, errors : float
        Two rows, normalised, are of one unit if they are closer than `same` and so many of their errors together. What
        is wrongly taken for one comes back, as what the joint fit leaves is walked again.
    unlike : float
        Cosine with a known unit above which a ramp read in what is left over is the mark of a fit that is not at its
        end, not a new unit.
    same_place, same_size : float
        Angle on the line, and relative size, to which a mark is that of a known unit.
    """

    room: float = 0.4
    sizes: tuple[float, ...] = (1.0, 1 / 4, 1 / 16, 1 / 64, 1 / 256)
    off_line: float = 0.05
    clearly: float = 0.02
    same: float = 1e-3
    errors: float = 5.0
    unlike: float = 0.99
    same_place: float = 5e-3
    same_size: float = 0.2


class Ramps:
    """Hyperplanes and kinks.

    Attributes
    ----------
    jump : array, shape (K, d)
        Jump of the gradient, a w up to the sign that a turn of the unit changes.
    sign : array of ±1, shape (K,)
        Whether the function bends up or down.
    point : array, shape (K, d)
        A point of each hyperplane.
    error : array, shape (K,)
        Relative error of the jump, from two sizes of the differences.
    """

    def __init__(self, jump: Matrix, sign: Vector, point: Matrix, error: Vector) -> None:
        self.jump, self.sign, self.point, self.error = jump, sign, point, error

    @classmethod
    def none(cls, d: int) -> "Ramps":
        """No unit of d inputs."""
        return cls(np.zeros((0, d)), np.zeros(0), np.zeros((0, d)), np.zeros(0))

    def __len__(self) -> int:
        return len(self.sign)

    @property
    def rows(self) -> Matrix:
        """The units (w, b) with |a| = 1, (K, d + 1)."""
        return np.column_stack([self.jump, -np.einsum("kd,kd->k", self.jump, self.point)])

    def joined(self, other: "Ramps") -> "Ramps":
        """These and others."""
        return Ramps(
            np.vstack([self.jump, other.jump]),
            np.r_[self.sign, other.sign],
            np.vstack([self.point, other.point]),
            np.r_[self.error, other.error],
        )

    def chosen(self, which: NDArray) -> "Ramps":
        """Some of them."""
        return Ramps(self.jump[which], self.sign[which], self.point[which], self.error[which])


def read_ramps(f: Function, line: Line, marks: Marks, rules: RampRules = RampRules()) -> Ramps:
    """Read the units at the marks of a line; what cannot be read alone is left out.

    The second differences are taken at several sizes. The largest is kept that agrees with the next, so that no other
    hyperplane was in the way, and with the kink on the line.
    """
    K, d = len(marks.theta), len(line.u)
    if not K:
        return Ramps.none(d)
    point = line.at(marks.theta)
    reach = rules.room * line.scale * marks.gap / np.cos(marks.theta) ** 2
    point = _centred(f, point, line.u, reach / 4)
    # cos θ f bends by `size`, so that f bends by as much times cos θ / R a unit of length
    along = np.abs(marks.size) * np.cos(marks.theta) / line.scale
    sizes = reach[:, None] * np.array(rules.sizes)
    jumps = _second_differences(f, point, line.u, sizes)
    scale = np.linalg.norm(jumps, axis=2)
    change = np.linalg.norm(np.diff(jumps, axis=1), axis=2) / np.maximum(scale[:, 1:], np.finfo(np.float64).tiny)
    best = change.argmin(axis=1)
    every = np.arange(K)
    jump, change = jumps[every, best], change[every, best]
    agrees = np.abs(jump @ line.u - along) <= rules.off_line * (along + scale[every, best])
    which = np.flatnonzero((change < rules.clearly) & agrees)
    return Ramps(jump[which], np.sign(marks.size[which]), point[which], change[which])


def unexplained(line: Line, marks: Marks, rows: Matrix, rules: RampRules = RampRules()) -> Marks:
    """The marks of a line that units with |a| = 1 and these rows (w, b) do not make."""
    if not (len(rows) and len(marks.theta)):
        return marks
    slope = rows[:, :-1] @ line.u
    t = -(rows[:, :-1] @ line.p + rows[:, -1] / line.scale) / np.where(slope == 0, np.finfo(np.float64).tiny, slope)
    size = np.abs(slope) * line.scale * np.sqrt(1 + t * t)
    is_here = np.abs(marks.theta[:, None] - np.arctan(t)) < rules.same_place
    is_such = np.abs(np.abs(marks.size)[:, None] - size) < rules.same_size * size
    left = ~(is_here & is_such).any(axis=1)
    return Marks(marks.theta[left], marks.size[left], marks.gap[left])


def distinct(ramps: Ramps, scale: float, rules: RampRules = RampRules()) -> Ramps:
    """One of each, the most exactly read, where several lines at this scale saw the same unit.

    Two units that are taken for one here are told apart by what the joint fit leaves.
    """
    unit = _unit_rows(ramps.rows, scale)
    kept: list[int] = []
    for k in np.argsort(ramps.error):
        distance = np.minimum(
            np.linalg.norm(unit[kept] - unit[k], axis=1), np.linalg.norm(unit[kept] + unit[k], axis=1)
        )
        if not np.any(distance < rules.same + rules.errors * (ramps.error[k] + ramps.error[kept])):
            kept.append(int(k))
    return ramps.chosen(np.array(kept, dtype=int))


def unlike(ramps: Ramps, rows: Matrix, scale: float, rules: RampRules = RampRules()) -> Ramps:
    """Those that are, seen from lines at this scale, like none of the units there are already.

    What is left over beside the hyperplane of a unit is as a rule a fit that is not at its end.
    """
    ours, theirs = (_unit_rows(one, scale) for one in (ramps.rows, rows))
    return ramps.chosen(np.flatnonzero(np.abs(ours @ theirs.T).max(axis=1, initial=0.0) < rules.unlike))


def _unit_rows(rows: Matrix, scale: float) -> Matrix:
    """Rows (w, b) for inputs in units of the scale, normalised: else all hyperplanes far out would look the same."""
    scaled = np.column_stack([rows[:, :-1], rows[:, -1] / scale])
    return np.asarray(scaled / np.linalg.norm(scaled, axis=1, keepdims=True), np.float64)


def _centred(f: Function, point: Matrix, u: Vector, h: Vector) -> Matrix:
    """The points moved along u to where the lines before and after the bend meet."""
    places = np.array([-2.0, -1.0, 1.0, 2.0])
    x = point[:, None] + (h[:, None] * places)[:, :, None] * u
    far_left, left, right, far_right = f(x.reshape(-1, len(u))).reshape(-1, 4).T
    before, after = left - far_left, far_right - right
    bend = np.where(after == before, np.inf, after - before)
    shift = ((left + before) - (right - after)) / bend
    return point + (h * np.clip(shift, -0.5, 0.5))[:, None] * u


def _second_differences(f: Function, point: Matrix, u: Vector, sizes: Matrix) -> NDArray[np.float64]:
    """Jump of the gradient at each point (K, d), at each of its sizes (K, L), with a positive part along u."""
    (K, d), L = point.shape, sizes.shape[1]
    most = max(1, DIFFERENCE_NUMBERS // (6 * L * d * d))
    if most < K:
        parts = [slice(start, start + most) for start in range(0, K, most)]
        return np.concatenate([_second_differences(f, point[some], u, sizes[some]) for some in parts])
    eye = np.eye(d)
    directions = np.concatenate([eye, u + eye, u - eye])  # 3 d of them
    offsets = np.concatenate([directions, -directions])
    x = point[:, None, None] + sizes[:, :, None, None] * offsets
    around = f(x.reshape(-1, d)).reshape(K, L, 2, 3, d).sum(axis=2)
    D = (around - 2 * f(point)[:, None, None, None]) / sizes[:, :, None, None]
    magnitude = np.abs(D[:, :, 0])
    return np.where(np.abs(D[:, :, 1]) >= np.abs(D[:, :, 2]), magnitude, -magnitude)
