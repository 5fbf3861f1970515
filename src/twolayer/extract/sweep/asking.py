"""Asking a box about many rows that differ from a few points in one input each."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ask", "differences"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Ask:
    """A box that gives (n, q), asked where it can tell points apart.

    Attributes
    ----------
    values : callable
        Rows (n, d) to values (n, q).
    is_single : bool
        Whether the box sees rows rounded to float32.
    """

    values: Callable[[Matrix], Matrix]
    is_single: bool = False

    def __call__(self, X: Matrix) -> Matrix:
        """Values at the rows, (n, q)."""
        return self.values(X)

    def placed(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Numbers as the box sees them."""
        return X.astype(np.float32).astype(np.float64) if self.is_single else X


def differences(
    ask: Ask, points: Matrix, which: NDArray[np.intp], inputs: NDArray[np.intp], steps: Vector, block: int
) -> tuple[Matrix, Vector]:
    """Values at points moved along one input each, (n, q), and by how much each was moved, rounding included, (n,).

    Parameters
    ----------
    ask : Ask
    points : array, shape (k, d)
    which, inputs : arrays of int, shape (n,)
        The point, and the input along which it is moved.
    steps : array, shape (n,)
    block : int
        Numbers in the rows that are asked for at once.
    """
    d = points.shape[1]
    rows = max(1, min(16384, block // d))
    moved = ask.placed(points[which, inputs] + steps)
    values, buffer, base = [], np.empty((rows, d)), -1
    at = np.arange(rows)
    for start in range(0, len(which), rows):
        part = slice(start, start + rows)
        k, j = which[part], inputs[part]
        n = len(k)
        # the rows are written once to a point, and then only what differs in them
        if k[0] == k[-1] == base:
            X = buffer[:n]
        else:
            X = buffer[:n]
            X[:] = points[k]
            base = int(k[0]) if k[0] == k[-1] and n == rows else -1
        X[at[:n], j] = moved[part]
        values.append(ask(X))
        X[at[:n], j] = points[k, j]
    return np.concatenate(values), moved - points[which, inputs]
