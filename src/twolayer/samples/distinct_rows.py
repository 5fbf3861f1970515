"""Which rows say something new: what is repeated, or is a multiple where σ is homogeneous, counts once."""

import numpy as np
from numpy.typing import NDArray

from twolayer.model import UnitsProblem
from twolayer.model.shared_units import SharedUnits
from twolayer.rows import row_blocks
from twolayer.rows.shuffle import row_keys

__all__ = ["inputs_on_a_grid", "n_distinct_inputs", "n_distinct_rows", "without_copies"]


def n_distinct_rows(problem: UnitsProblem | SharedUnits) -> int:
    r"""Number of rows that differ, as far as the model can tell them apart.

    Without biases and with a homogeneous σ, f(cx) = c^q f(x) for c > 0 whatever the weights are, so that all rows on a
    ray count as one; without biases and with an even or odd σ, so do x and -x. Rows are compared by two random linear
    functionals, to ten digits: O(nd) time and O(n) memory.
    """
    r = np.random.default_rng(0).standard_normal((problem.X.shape[1], 2))
    seen = np.empty((problem.n_rows, 2))
    for rows in problem.blocks():
        X = np.asarray(problem.X[rows], np.float64)
        seen[rows] = X @ r
        if not problem.has_bias and problem.activation.degree:
            length = np.linalg.norm(X, axis=1, keepdims=True)
            seen[rows] /= np.where(length > 0, length, 1.0)
    if not problem.has_bias and problem.activation.parity:
        seen *= np.where(seen[:, :1] < 0, -1.0, 1.0)
    seen = np.round(seen / (float(np.abs(seen).max()) or 1.0), 10)  # ten digits: a ray is met to rounding only
    order = np.sort(seen[:, 0] + 1j * seen[:, 1])
    return 1 + int(np.count_nonzero(order[1:] != order[:-1]))


def n_distinct_inputs(X: NDArray, enough: int) -> int:
    """Number of rows that differ from all others, bit for bit; more are not looked for where the first show enough."""
    first = len(np.unique(row_keys(X[: 2 * enough])))
    return first if first >= enough else len(np.unique(row_keys(X)))


def inputs_on_a_grid(X: NDArray, *, has_bias: bool) -> tuple[int, ...]:
    """Inputs whose values are all whole multiples of one step from each other, and from 0 where there are no biases.

    A periodic σ cannot tell a weight there from one that is a period over the step larger. O(n log n) an input.
    """
    found = []
    for j in range(X.shape[1]):
        values = np.unique(np.asarray(X[:, j], np.float64))
        if not has_bias:
            values = np.unique(np.r_[values, 0.0])
        if len(values) > 1:
            places = (values - values[0]) / np.diff(values).min()
            if np.abs(places - np.round(places)).max() < 1e-6:  # off whole numbers by rounding, in steps of the grid
                found.append(j)
    return tuple(found)


def without_copies(X: NDArray, y: NDArray) -> tuple[NDArray, NDArray]:
    """The rows without those that are copies, label and all, of an earlier one: their noise is no new noise.

    Nothing is left out where some inputs come with several labels: these were measured more than once, and the same
    label twice is then no copy. O(nd) time, and O(n) memory beside what is kept.
    """
    keys = row_keys(X)
    order = np.argsort(keys, kind="stable")
    place = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    earlier, later = order[place], order[place + 1]
    same = np.zeros(len(later), bool)
    for some in row_blocks(X[: len(later)]):
        same[some] = np.all(X[earlier[some]] == X[later[some]], axis=1)
    earlier, later = earlier[same], later[same]
    if not len(later) or np.any(y[earlier] != y[later]):
        return X, y
    kept = np.ones(len(X), bool)
    kept[later] = False
    return np.ascontiguousarray(X[kept]), y[kept]
