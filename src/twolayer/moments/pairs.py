"""Products of pairs of columns, each pair once: half the width of the products of all with all."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["pair_count", "pair_positions", "pair_products"]


def pair_count(dim: int) -> int:
    """Number of pairs a <= b below `dim`."""
    return dim * (dim + 1) // 2


def pair_positions(dim: int) -> NDArray[np.intp]:
    """Position of the pair {a, b} in the order of ``numpy.triu_indices(dim)``: shape (dim, dim), symmetric."""
    positions = np.zeros((dim, dim), dtype=np.intp)
    positions[np.triu_indices(dim)] = np.arange(pair_count(dim))
    return np.maximum(positions, positions.T)


def pair_products(Z: NDArray, out: NDArray) -> NDArray:
    """Products ``z_a z_b`` of the columns of Z (n, k), ordered as ``numpy.triu_indices(k)``.

    Written to the first n rows of `out`, which has k (k + 1) / 2 columns; returns those rows.
    """
    products, k, stop = out[: len(Z)], Z.shape[1], 0
    for a in range(k):
        start, stop = stop, stop + k - a
        np.multiply(Z[:, a:], Z[:, a : a + 1], out=products[:, start:stop])
    return products
