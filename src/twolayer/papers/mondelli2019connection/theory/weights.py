"""(A1) to (A4) of given weights, and the correlation between two sets of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import frozen_array, squarable
from twolayer.errors import InputError

__all__ = ["Assumptions", "assumptions", "checked_weights", "correlation", "gram_blocks"]

Matrix = NDArray[np.float64]

_BLOCK = 1024  # rows of the Gram matrix at once: 8 MB for a thousand units


@dataclass(frozen=True)
class Assumptions:
    r"""The least numbers for which weights satisfy (A1) to (A4).

    Attributes
    ----------
    r, d : int
        Units and inputs.
    norm_error : float
        (A1) wants 0: :math:`\max_i |\|w_i\| - 1|`.
    delta : float
        (A2): :math:`\max_{i\ne j} |\langle w_i, w_j\rangle|`; 0 for one unit.
    eta_avg : float
        (A3): :math:`\|\sum_i w_i\|^2 / r`.
    eta_var : float
        (A4): :math:`\|\sum_i w_iw_i^\top - \tfrac rd I\|_{op}\; d/r`.
    """

    r: int
    d: int
    norm_error: float
    delta: float
    eta_avg: float
    eta_var: float

    @property
    def has_unit_norms(self) -> bool:
        """Whether (A1) holds, to rounding."""
        # norms computed from rows that were scaled to one are closer than that
        return self.norm_error <= 1e-9


def assumptions(W: ArrayLike) -> Assumptions:
    r"""Measure (A1) to (A4) of weights W (r, d), one row a unit; time O(r² d), memory O(r (d + 1000)).

    The paper's examples measure up to less than it allows them: centred and rescaled unit vectors have
    :math:`\delta = 1/(d-1)` and :math:`\eta_{var} = 1`.

    Raises
    ------
    InputError
        If `W` is not a finite matrix, with entries of at most 1e150 in magnitude, with at least one row and one column.
    """
    W = checked_weights(W)
    r, d = W.shape
    delta = 0.0
    for start, gram in gram_blocks(W, W):
        gram[np.arange(len(gram)), start + np.arange(len(gram))] = 0.0
        delta = max(delta, float(np.abs(gram).max()))
    covariance = W.T @ W - r / d * np.eye(d)
    return Assumptions(
        r=r,
        d=d,
        norm_error=float(np.abs(np.linalg.norm(W, axis=1) - 1).max()),
        delta=delta,
        eta_avg=float(np.sum(W.sum(axis=0) ** 2)) / r,
        eta_var=float(np.linalg.norm(covariance, 2)) * d / r,
    )


def correlation(W: ArrayLike, What: ArrayLike) -> float:
    r"""Largest correlation :math:`\varepsilon = \max_{ij}|\langle w_i, \hat w_j\rangle|` between rows."""
    W, What = checked_weights(W), checked_weights(What)
    return max(float(np.abs(gram).max()) for _, gram in gram_blocks(W, What))


def checked_weights(W: ArrayLike) -> Matrix:
    """`W` as a matrix, refused if it is not finite, or too large to be squared, or has no row or no column."""
    W = squarable(frozen_array(W, "W", 2), "W")
    if 0 in W.shape:
        raise InputError(f"W must have at least one row and one column, found shape {W.shape}")
    return W


def gram_blocks(W: Matrix, V: Matrix) -> Iterator[tuple[int, Matrix]]:
    """Inner products of all rows of V with a block of rows of W at a time, and where the block starts."""
    for start in range(0, len(W), _BLOCK):
        yield start, W[start : start + _BLOCK] @ V.T
