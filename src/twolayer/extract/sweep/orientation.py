r"""Which way round units are, from the linear part that is left where all of them are written as seen along a line.

A unit turned round is :math:`A(-t)_+ = A(t_+ - t)`: if n units are the other way round, the linear part is
:math:`-\sum_i \delta_i\, w_i A_i^\top` with δ in {0, 1}, one for each unit.
"""

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.sweep.rules import SweepRules
from twolayer.extract.sweep.units import Units
from twolayer.model.signed_sums import signs_of_sum

__all__ = ["oriented", "shares"]

Vector = NDArray[np.float64]


def shares(units: Units) -> tuple[Vector, bool]:
    r"""The :math:`c` of least squares with :math:`\sum_i c_i w_i A_i^\top` = the linear part, and whether it is unique.

    The Gram matrix of the :math:`w_i A_i^\top` is the product, entry by entry, of those of the w and of the A.
    """
    W, A = units.rows[:, :-1], units.A
    gram = (W @ W.T) * (A @ A.T)
    right = np.einsum("md,dq,mq->m", W, units.linear, A)
    size = np.sqrt(gram.diagonal())
    gram = gram / np.outer(size, size)
    values, vectors = np.linalg.eigh(gram)
    kept = values > 1e-10 * values[-1]
    inner = (vectors[:, kept].T @ (right / size)) / values[kept]
    return vectors[:, kept] @ inner / size, bool(kept.all())


def oriented(units: Units, rules: SweepRules = SweepRules()) -> Units:
    """The units turned so that no linear part is left, where there are such turns; else as they are.

    Where the equations, one to an input and output, are fewer than units, but more than half as many, the only
    solution in [0, 1] is as a rule the one in {0, 1}: it is found by reflections at both sets in turn. Where they are
    fewer still, it is looked for as a short vector of a lattice.
    """
    if not len(units.rows):
        return units
    c, is_unique = shares(units)
    if is_unique and np.abs(c + np.round(np.clip(-c, 0, 1))).max() > rules.is_whole:
        return units
    candidates = (lambda: c, lambda: _within(units, c, rules), lambda: _by_lattice(units, rules))
    for candidate in candidates[:1] if is_unique else candidates[1:]:
        turned: Vector = np.rint(np.clip(-candidate(), 0, 1)).astype(np.float64)
        if _is_balanced(units, turned, rules):
            rows = np.where(turned[:, None] > 0, -units.rows, units.rows)
            constant = units.constant + (turned * units.rows[:, -1]) @ units.A
            return Units(rows, units.A, units.errors, np.zeros_like(units.linear), constant)
    return units


def _is_balanced(units: Units, turned: Vector, rules: SweepRules) -> bool:
    """Whether the linear part is that of the units turned, to the errors of the units."""
    W = units.rows[:, :-1]
    left = units.linear + (W * turned[:, None]).T @ units.A
    length = np.linalg.norm(W, axis=1)
    allowed = rules.left * (float(np.linalg.norm(units.errors * length)) + 1e-14 * float(length.sum()))
    return bool(np.linalg.norm(left) <= allowed)


def _by_lattice(units: Units, rules: SweepRules) -> Vector:
    """The orientations as signs of a sum of vectors; all zero where none are found, or the units are too many."""
    m = len(units.rows)
    vectors = np.einsum("md,mq->mdq", units.rows[:, :-1], units.A).reshape(m, -1)
    if m > min(rules.lattice, rules.a_digit * vectors.shape[1]):
        return np.zeros(m)
    signs = signs_of_sum(vectors, -2 * units.linear.ravel() - vectors.sum(axis=0))
    return np.zeros(m) if signs is None else -(1 + signs) / 2


def _within(units: Units, c: Vector, rules: SweepRules) -> Vector:
    """A point of the solutions' affine space in [-1, 0], by Douglas and Rachford's reflections."""
    W, A = units.rows[:, :-1], units.A
    gram = (W @ W.T) * (A @ A.T)
    size = np.sqrt(gram.diagonal())
    values, vectors = np.linalg.eigh(gram / np.outer(size, size))
    # the solutions differ by what the sum does not see: z = c * size is determined but for these
    free = vectors[:, values <= 1e-10 * values[-1]]
    start = c * size
    start = start - free @ (free.T @ start)
    z = start.copy()
    for _ in range(rules.reflections if free.shape[1] < len(c) / 2 else 0):
        boxed = np.clip(z / size, -1.0, 0.0) * size
        other = 2 * boxed - z
        z = z + start + free @ (free.T @ other) - boxed
        if np.abs(other - start - free @ (free.T @ other)).max() < 1e-9 * size.max():
            break
    within: Vector = np.clip(z / size, -1.0, 0.0)
    return within
