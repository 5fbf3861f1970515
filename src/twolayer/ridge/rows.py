"""Weighted rows: copies merged and in an order of their own, so that a weight of two is exactly a row given twice."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["WeightedRows"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class WeightedRows(NamedTuple):
    """Rows that differ, sorted, and their weights.

    Attributes
    ----------
    X, Y : arrays, shapes (n, d) and (n, q)
    weights : array, shape (n,)
        Positive: how often each row counts.
    """

    X: Matrix
    Y: Matrix
    weights: Vector

    @classmethod
    def merged(cls, X: Matrix, Y: Matrix, weights: Vector) -> "WeightedRows":
        """The rows of positive weight in lexicographic order, copies as one of the sum of their weights.

        What is made of them depends neither on the order of the rows nor on whether a row is given twice or weighted
        twice. Time O((d + q) n log n).
        """
        is_present = weights > 0
        X, Y, weights = X[is_present], Y[is_present], weights[is_present]
        table = np.column_stack([X, Y]) + 0.0  # makes a negative zero a zero
        order = np.lexsort(table.T[::-1])
        table, weights = table[order], weights[order]
        is_new = np.ones(len(table), bool)
        is_new[1:] = np.any(table[1:] != table[:-1], axis=1)
        starts = np.flatnonzero(is_new)
        summed = np.add.reduceat(weights, starts) if len(starts) else weights
        distinct = table[starts]
        return cls(np.ascontiguousarray(distinct[:, : X.shape[1]]), distinct[:, X.shape[1] :].copy(), summed)

    @property
    def n_inputs(self) -> int:
        """How many of the inputs differ."""
        return 1 + int(np.count_nonzero(np.any(self.X[1:] != self.X[:-1], axis=1)))

    @property
    def is_uniform(self) -> bool:
        """Whether all rows count alike."""
        return bool(np.all(self.weights == self.weights[0]))
