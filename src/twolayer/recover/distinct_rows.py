"""How many rows say something new: what is repeated, or is a multiple where σ is homogeneous, counts once."""

import numpy as np

from twolayer.refine import UnitsProblem

__all__ = ["n_distinct_rows"]

_DIGITS = 10


def n_distinct_rows(problem: UnitsProblem) -> int:
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
    largest = float(np.abs(seen).max()) or 1.0
    order = np.sort(np.round(seen[:, 0] / largest, _DIGITS) + 1j * np.round(seen[:, 1] / largest, _DIGITS))
    return 1 + int(np.count_nonzero(order[1:] != order[:-1]))
