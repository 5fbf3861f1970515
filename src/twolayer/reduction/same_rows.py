"""Which units have one row, up to rounding, up to scale, and up to a turn."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Group", "groups_of_rows"]

Matrix = NDArray[np.float64]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Units whose rows are the same, up to a turn.

    Attributes
    ----------
    units : list of int
        Ascending; the first stands for all.
    signs : list of int
        +1 or -1: which way round each is, beside the first.
    """

    units: list[int]
    signs: list[int]


def groups_of_rows(rows: Matrix, may_turn: bool, rtol: float) -> list[Group]:
    r"""Group rows u that are equal: :math:`\|u - \pm v\| \le \mathrm{rtol}\,(\|u\| + \|v\|)`.

    Parameters
    ----------
    rows : array, shape (m, D)
    may_turn : bool
        Whether -u is as good as u.
    rtol : float

    Returns
    -------
    list of Group
        In the order of their first units.

    Notes
    -----
    Equal rows have equal products with any vector: rows are sorted by that with a fixed one, or by its size, and only
    those near in this order are compared. Time O(m (D + log m)) where few are near.
    """
    norms: Vector = np.asarray(np.linalg.norm(rows, axis=1))
    probe = np.random.default_rng(0).standard_normal((rows.shape[1],))
    probe = probe / np.linalg.norm(probe)
    along: Vector = rows @ probe
    keys = np.abs(along) if may_turn else along
    order = np.argsort(keys, kind="stable").tolist()
    window = 4 * rtol * norms + 1e-300
    group_of: dict[int, Group] = {}
    for place, unit in enumerate(order):
        group, sign = _among_the_last(rows, norms, keys, window, order, place, group_of, may_turn, rtol)
        if group is None:
            group = Group([], [])
        group.units.append(unit)
        group.signs.append(sign)
        group_of[unit] = group
    found = {id(group): group for group in group_of.values()}.values()
    return sorted((_from_the_first(group) for group in found), key=lambda group: group.units[0])


def _among_the_last(
    rows: Matrix,
    norms: Vector,
    keys: Vector,
    window: Vector,
    order: list[int],
    place: int,
    group_of: dict[int, Group],
    may_turn: bool,
    rtol: float,
) -> tuple[Group | None, int]:
    """The group of a row among those just before it in the order, and which way round it is there."""
    unit = order[place]
    for earlier in range(place - 1, -1, -1):
        other = order[earlier]
        if keys[unit] - keys[other] > window[unit] + window[other]:
            break
        sign = _sign(rows[unit], rows[other], rtol * float(norms[unit] + norms[other]), may_turn)
        if sign:
            group = group_of[other]
            return group, sign * group.signs[group.units.index(other)]
    return None, 1


def _sign(u: Vector, v: Vector, allowed: float, may_turn: bool) -> int:
    """+1 if the rows are equal, -1 if one is the other turned round, 0 if neither."""
    if np.linalg.norm(u - v) <= allowed:
        return 1
    return -1 if may_turn and np.linalg.norm(u + v) <= allowed else 0


def _from_the_first(group: Group) -> Group:
    order = np.argsort(group.units)
    signs = [group.signs[i] * group.signs[order[0]] for i in order]
    return Group([group.units[i] for i in order], signs)
