"""The two cubes, {0,1}^d and {-1,1}^d, and the parities: all characters at once by the Walsh-Hadamard transform."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import real_array, whole_number
from twolayer.errors import InputError

__all__ = ["cube", "parity_coefficients", "parity_values", "sign_cube"]


def cube(d: int) -> NDArray[np.float64]:
    """All 2^d points of {0,1}^d, shape (2^d, d), in binary counting order, the first input being the highest digit.

    Raises
    ------
    InputError
        If d is not from 1 to 20.
    """
    largest = 20  # 2^20 points of 20 numbers: 160 MB
    d = whole_number(d, "the number of inputs")
    if d > largest:
        raise InputError(f"a cube is listed point by point up to d = {largest} only, found d = {d}")
    return (np.arange(2**d)[:, None] >> np.arange(d)[::-1] & 1).astype(np.float64)


def sign_cube(d: int) -> NDArray[np.float64]:
    """All 2^d points of {-1,1}^d, shape (2^d, d): ``2 * cube(d) - 1``."""
    return 2 * cube(d) - 1


def parity_values(X: ArrayLike, V: ArrayLike) -> NDArray[np.float64]:
    r"""Parities :math:`f_v(x) = (-1)^{v \cdot x}` at each row of `X` for each row of `V`, shape (n, r).

    Parameters
    ----------
    X : array, shape (n, d)
        Points of {0,1}^d.
    V : array, shape (r, d)
        The v in {0,1}^d.

    Raises
    ------
    InputError
        If an entry is neither 0 nor 1, or the shapes do not agree.
    """
    X, V = binary(X, "X", 2), binary(V, "V", 2)
    if X.shape[1] != V.shape[1]:
        raise InputError(f"X and V must have the same columns, found {X.shape[1]} and {V.shape[1]}")
    return 1.0 - 2.0 * (X @ V.T % 2)


def parity_coefficients(values: ArrayLike) -> NDArray[np.float64]:
    r"""Correlations of functions with every parity, :math:`\langle f_v, g \rangle = \mathbb E_x[f_v(x)\,g(x)]`.

    Parameters
    ----------
    values : array, shape (2^d,) or (2^d, p)
        Values of p functions g at the rows of ``cube(d)``, on which x is uniform.

    Returns
    -------
    array of the same shape
        Row i belongs to v = ``cube(d)[i]``.

    Raises
    ------
    InputError
        If the number of rows is no power of two.

    Notes
    -----
    The fast Walsh-Hadamard transform over 2^d: d 2^d p additions, and memory for twice the result.
    """
    coefficients = np.array(values, dtype=np.float64, order="C")
    rows = len(coefficients)
    if rows == 0 or rows & (rows - 1):
        raise InputError(f"values must have one row for each of the 2^d points of a cube, found {rows} rows")
    half = 1
    while half < rows:
        pairs = coefficients.reshape(rows // (2 * half), 2, -1)
        pairs[:, 0], pairs[:, 1] = pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]
        half *= 2
    return coefficients / rows


def binary(values: ArrayLike, name: str, ndim: int) -> NDArray[np.float64]:
    """Return `values` as a float64 array of zeros and ones, or raise InputError."""
    array = real_array(values, name, ndim).astype(np.float64)
    if not np.isin(array, (0.0, 1.0)).all():
        raise InputError(f"{name} must hold zeros and ones only")
    return array
