"""Keys of the rows, by what they hold and not by where they stand: sorted by them, rows are in a random order."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.rows.blocks import row_blocks

__all__ = ["row_keys"]


def row_keys(X: NDArray[Any]) -> NDArray[np.uint64]:
    """A number for each row of X (n, d), by its bits: equal for equal rows, and hardly ever for others.

    O(nd) time, O(n) memory.
    """
    # Multiples by random odd numbers, summed modulo 2^64, tell rows apart in their leading bits. The shift lets the
    # sign and the exponent speak in all of them, so that x and -x are not always far apart.
    factors = np.random.default_rng(0).integers(1 << 63, size=X.shape[1], dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    keys = np.empty(len(X), np.uint64)
    for rows in row_blocks(X):
        bits = (X[rows].astype(np.float64) + 0.0).view(np.uint64)  # -0 becomes 0
        keys[rows] = ((bits ^ (bits >> np.uint64(29))) * factors).sum(axis=1, dtype=np.uint64)
    return keys
