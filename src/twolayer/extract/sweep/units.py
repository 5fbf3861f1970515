r"""From the gradients on both sides of hyperplanes to the units.

Where a path crosses the hyperplane of unit i only, the gradient jumps by :math:`\pm w_i a_i^\top`, of rank one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Units"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Tensor = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    r"""Ramps :math:`A (w\cdot x + b)_+`, and an affine function: a piecewise linear box, up to how it is written.

    Attributes
    ----------
    rows : array, shape (m, d + 1)
        The (w, b), with max |A| = 1 for each unit.
    A : array, shape (m, q)
    errors : array, shape (m,)
        Of w, relative to its length, as rounding and steps make it.
    linear : array, shape (d, q)
    constant : array, shape (q,)
    """

    rows: Matrix
    A: Matrix
    errors: Vector
    linear: Matrix
    constant: Vector

    def arguments(self, X: Matrix) -> Matrix:
        """w·x + b, (n, m)."""
        t: Matrix = X @ self.rows[:, :-1].T + self.rows[:, -1]
        return t

    def __call__(self, X: Matrix) -> Matrix:
        """Values, (n, q)."""
        y: Matrix = np.maximum(self.arguments(X), 0.0) @ self.A + X @ self.linear + self.constant
        return y


def rank_one(jumps: Tensor, bends: Matrix) -> tuple[Matrix, Matrix]:
    """Of jumps (m, d, q), the w (m, d) and A (m, q), max |A| = 1; signs so that w·u bends as (m, q) says."""
    if jumps.shape[2] == 1:
        signs = np.where(bends[:, 0] < 0, -1.0, 1.0)
        return jumps[:, :, 0] * signs[:, None], signs[:, None]
    scale = np.abs(jumps).max(axis=(1, 2), keepdims=True)
    _, _, right = np.linalg.svd(jumps / np.where(scale > 0, scale, 1.0), full_matrices=False)
    A = right[:, 0]
    A = A / np.abs(A).max(axis=1, keepdims=True)
    A = A * np.where(np.sum(A * bends, axis=1) < 0, -1.0, 1.0)[:, None]
    return np.einsum("mdq,mq->md", jumps, A) / np.sum(A**2, axis=1)[:, None], A
