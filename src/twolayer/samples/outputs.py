"""Outputs that determine nothing: what is constant, and what is a combination of others."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.rows import row_blocks

__all__ = ["check_outputs"]

_DEPENDENT = 1e-10  # of an output's spread: what others leave of it if only rounding keeps them apart


def check_outputs(Y: NDArray[Any]) -> None:
    """Refuse several outputs of which one is constant, or a combination of others and a constant.

    Raises
    ------
    InputError
        Naming the output, counted from 0.

    Notes
    -----
    O(n q²) time, in blocks.
    """
    n, q = Y.shape
    if q > n:
        raise InputError(f"y must have no more outputs than rows, found {q} and {n}")
    constant = np.flatnonzero(np.ptp(Y, axis=0) == 0)
    if len(constant):
        j = int(constant[0])
        raise InputError(
            f"every output must vary, found output {j} constant, {Y[0, j]:g} (counted from 0): leave it out"
        )
    mean, scale = Y.mean(axis=0, dtype=np.float64), np.ptp(Y, axis=0).astype(np.float64)
    root = np.zeros((0, q))
    for rows in row_blocks(Y):  # the triangular factor, block by block: squares would cost half of the digits
        root = np.asarray(np.linalg.qr(np.vstack([root, (Y[rows] - mean) / scale]), mode="r"))
    sizes = np.linalg.norm(root, axis=0)
    for j in range(1, q):
        if abs(root[j, j]) <= _DEPENDENT * sizes[j]:
            raise InputError(
                f"no output may be a combination of others, found output {j} made of those before it (counted from 0):"
                " leave it out"
            )
