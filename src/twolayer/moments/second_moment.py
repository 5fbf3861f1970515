"""The spectrum of the second moment of the labels: the span of the units, and their signs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.equality import equal_by_value
from twolayer.one_line import in_one_line
from twolayer.rows.passes import weighted_gram

__all__ = ["SecondMoment", "second_moment"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class SecondMoment:
    r"""Spectrum of the second Hermite moment of the labels, a control variate removed.

    .. math:: T_2 = \mathbb E[(y - \hat y_1)(x x^\top - I)] = \sum_i a_i\, c_2(w_i, b_i)\, \bar w_i \bar w_i^\top,

    with ŷ_1 the affine least-squares fit of y, to which He_2 is orthogonal. By Sylvester's law of inertia its k leading
    eigenvalues in magnitude have the signs of the a_i c_2, if the units are independent.

    Attributes
    ----------
    values, vectors : arrays, shapes (d,) and (d, d)
        Eigenvalues in order of descending magnitude and eigenvectors as columns.
    affine : array, shape (d + 1,)
        The control variate: linear part, then constant.
    rest : array, shape (n,)
        y less the control variate.
    """

    values: Vector
    vectors: Matrix
    affine: Vector
    rest: Vector


def second_moment(X: NDArray, y: NDArray) -> SecondMoment:
    """Spectrum of T_2 of the samples; O(n d²) time, O(d²) memory beyond the (n,) residual.

    Each entry has standard error O(std(rest) / √n), so the k leading eigenvalues stand out of the others from n ≈ d /
    (share of the variance of y that is quadratic) on.
    """
    n = len(X)
    mean = X.mean(axis=0, dtype=np.float64)
    gram = _gram(X) - n * np.outer(mean, mean)
    centred = y - y.mean()
    # inputs that are combinations of others up to rounding, which a Gram matrix squares, get no slope of their own
    slope = np.linalg.lstsq(gram, X.T @ centred - mean * centred.sum(), rcond=1e-12)[0]
    rest = centred - (X @ slope - mean @ slope)
    values, vectors = np.linalg.eigh(_gram(X, rest) / n)
    order = np.argsort(-np.abs(values))
    return SecondMoment(values[order], vectors[:, order], np.r_[slope, y.mean() - mean @ slope], rest)


def _gram(X: NDArray, weights: Vector | None = None) -> Matrix:
    """Weighted Gram matrix of the rows; of a block's worth of them at once, without threads that would cost more."""
    n, d = X.shape
    if n * d > 2**16:
        return weighted_gram(X, np.ones(n) if weights is None else weights)
    X = X.astype(np.float64, copy=False)
    gram: Matrix = X.T @ (X if weights is None else X * weights[:, None])
    return (gram + gram.T) / 2
