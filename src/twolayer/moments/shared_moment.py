"""Second moments of several outputs: matrices that share the directions of the units."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.equality import equal_by_value
from twolayer.one_line import in_one_line
from twolayer.rows import row_blocks

__all__ = ["SharedMoment", "shared_moment", "third_slices"]

Matrix = NDArray[np.float64]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class SharedMoment:
    r"""Second Hermite moments of each output, a control variate removed.

    .. math:: M_c = \mathbb E[(y_c - \hat y_{c,1})(xx^\top - I)] = \sum_i A_{ic}\,c_2(w_i, b_i)\,
        \bar w_i\bar w_i^\top, \qquad c = 1, \dots, q,

    with ŷ_1 the affine least-squares fit. All of them are diagonal in the same basis of directions.

    Attributes
    ----------
    matrices : array, shape (q, d, d)
        Symmetric.
    affine : array, shape (d + 1, q)
        The control variates: linear parts, then constants.
    rest : array, shape (n, q)
        Labels less the control variates.
    """

    matrices: NDArray[np.float64]
    affine: Matrix
    rest: Matrix

    def span(self, count: int) -> Matrix:
        """Orthonormal columns, shape (d, count): the leading left singular vectors of all matrices side by side."""
        stacked = np.hstack(list(self.matrices))
        return np.linalg.eigh(stacked @ stacked.T)[1][:, ::-1][:, :count]


def shared_moment(X: NDArray, Y: Matrix) -> SharedMoment:
    """Second moments of all outputs: two passes over the rows, O(n d² q) time, O(q d²) memory beside the residual.

    Each entry has standard error O(std(rest) / √n).

    Parameters
    ----------
    X, Y : arrays, shapes (n, d) and (n, q)
    """
    n, d = X.shape
    q = Y.shape[1]
    mean, means = X.mean(axis=0, dtype=np.float64), Y.mean(axis=0)
    gram, cross = np.zeros((d, d)), np.zeros((d, q))
    for rows in row_blocks(X):
        x = X[rows] - mean
        gram, cross = gram + x.T @ x, cross + x.T @ (Y[rows] - means)
    slope = np.linalg.lstsq(gram, cross, rcond=1e-12)[0]  # 1e-12: what a Gram matrix squares of rounding
    constant = means - mean @ slope
    rest, matrices = np.empty_like(Y), np.zeros((d, q * d))
    for rows in row_blocks(X, max(256, (1 << 19) // (q * d))):  # four MB of weighted inputs at once
        x = X[rows].astype(np.float64, copy=False)
        r = rest[rows] = Y[rows] - x @ slope - constant
        matrices += x.T @ (r[:, :, None] * x[:, None, :]).reshape(len(x), q * d)
    stacked = matrices.reshape(d, q, d).swapaxes(0, 1) / n
    return SharedMoment((stacked + stacked.swapaxes(1, 2)) / 2, np.vstack([slope, constant]), rest)


def third_slices(X: NDArray, rest: Matrix, directions: Matrix) -> NDArray[np.float64]:
    r"""Slices of the third moments of each output, along some directions.

    .. math:: \mathbb E[r_c\,He_3(x)(\cdot, \cdot, v)] = \sum_i A_{ic}\,c_3(w_i, b_i)\,(\bar w_i\cdot v)\,
        \bar w_i\bar w_i^\top,

    with :math:`He_3(x)(\cdot,\cdot,v) = (v\cdot x)\,xx^\top - (v\cdot x) I - x v^\top - v x^\top`.

    Parameters
    ----------
    X, rest : arrays, shapes (n, d) and (n, q)
        Labels less their affine part.
    directions : array, shape (k, d)
        Of norm one.

    Returns
    -------
    array, shape (k q, d, d)

    Notes
    -----
    O(n d² k q) time.
    """
    n, d = X.shape
    slices = []
    first = np.asarray(X.T @ rest, np.float64) / n
    for v in directions:
        weighted = rest * (X @ v)[:, None]
        mean = weighted.mean(axis=0)
        for c in range(rest.shape[1]):
            second = np.zeros((d, d))
            for rows in row_blocks(X):
                x = X[rows].astype(np.float64, copy=False)
                second += x.T @ (x * weighted[rows, c][:, None])
            turned = np.outer(first[:, c], v)
            slices.append(second / n - mean[c] * np.eye(d) - turned - turned.T)
    return np.stack(slices)
