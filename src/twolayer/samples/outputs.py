"""Several outputs: which are constant, and how many independent combinations they have."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.rows import row_blocks

__all__ = ["check_outputs", "independent_combinations"]

_DEPENDENT = 1e-10  # of the largest combination's spread: what rounding leaves of one that the others make up


def check_outputs(Y: NDArray[Any]) -> None:
    """Refuse several outputs of which one is constant, or more than there are rows.

    Raises
    ------
    InputError
        Naming the output, counted from 0.
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


def independent_combinations(Y: NDArray[np.float64], rounding: float = 0.0) -> NDArray[np.float64]:
    r"""Orthonormal columns V, (q, r), of the combinations of outputs that vary: Y = (Y V) Vᵀ to rounding.

    With more outputs than units, some outputs are combinations of others: q outputs then say no more than r, and a
    certificate counts them as r.

    Parameters
    ----------
    Y : array, shape (n, q)
        Labels in units in which they are alike, less their mean where the network has a constant.
    rounding : float
        Relative error that they were given with.

    Notes
    -----
    O(n q²) time, in blocks, by triangular factors: squares would cost half of the digits.
    """
    root = np.zeros((0, Y.shape[1]))
    for rows in row_blocks(Y):
        root = np.asarray(np.linalg.qr(np.vstack([root, Y[rows]]), mode="r"))
    _, values, vectors = np.linalg.svd(root)
    least = max(_DEPENDENT, 10 * rounding) * float(values[0])
    return np.asarray(vectors[: max(int(np.sum(values > least)), 1)].T)
