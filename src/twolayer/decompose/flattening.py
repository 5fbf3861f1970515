r"""Symmetric tensors of order three and four as matrices on unordered pairs of modes, a quarter of the dense entries.

Symmetric matrices of dimension d have :math:`d(d+1)/2` coordinates, off-diagonal ones with a factor √2, so that inner
products are those of matrices. In these coordinates a tensor of order three is a :math:`d \times d(d+1)/2` matrix and
one of order four a :math:`d(d+1)/2 \times d(d+1)/2` matrix, with the norm and the singular values of the dense
:math:`d \times d^2` or :math:`d^2 \times d^2` flattening.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from twolayer.symtensor import multi_indices, multiplicities

__all__ = ["Flattening", "flattened", "pair_flattening", "pair_matrices", "square_coordinates"]


@dataclass(frozen=True, eq=False)
class Flattening:
    """A symmetric tensor of order three or four, flattened.

    Attributes
    ----------
    matrix : array, shape (d, q) for order three, (q, q) for order four, q = d(d + 1)/2
    order : int
    """

    matrix: NDArray
    order: int

    @cached_property
    def misfit(self) -> float:
        """Squared Frobenius norm of the tensor."""
        return float(np.vdot(self.matrix, self.matrix))

    @property
    def floor(self) -> float:
        """A misfit that is rounding."""
        return 1e-30 * self.misfit  # a residual of 1e-15, some five units in the last place

    def contracted(self, factors: NDArray) -> NDArray:
        r"""Row i is :math:`T(\cdot, u_i, \dots, u_i)`: shape (r, d), time :math:`O(r d^{p}/4)` for order four."""
        image = square_coordinates(factors) @ self.matrix.T
        if self.order == 3:
            return image
        return np.einsum("iab,ib->ia", pair_matrices(image.T, factors.shape[1]), factors)

    def less(self, weights: NDArray, factors: NDArray) -> "Flattening":
        r"""What is left of the tensor without :math:`\sum_i \lambda_i u_i^{\otimes p}`."""
        squares = square_coordinates(factors)
        left = factors if self.order == 3 else squares
        return Flattening(self.matrix - (left * weights[:, None]).T @ squares, self.order)


def flattened(T: NDArray) -> Flattening:
    """A dense symmetric tensor of order three or four, flattened."""
    if T.ndim == 4:
        return Flattening(pair_flattening(T), 4)
    a, b, scale = _unordered_pairs(len(T))
    return Flattening(T[:, a, b] * scale, 3)


def pair_flattening(T: NDArray) -> NDArray:
    r"""An order-four tensor as a symmetric matrix on the :math:`d(d+1)/2` unordered pairs of modes."""
    a, b, scale = _unordered_pairs(len(T))
    return T.reshape(len(T) ** 2, -1)[np.ix_(a * len(T) + b, a * len(T) + b)] * np.outer(scale, scale)


def square_coordinates(factors: NDArray) -> NDArray:
    """Row i is u_i u_iᵀ in the coordinates of symmetric matrices, shape (r, q)."""
    a, b, scale = _unordered_pairs(factors.shape[1])
    coordinates: NDArray = factors[:, a] * factors[:, b]
    coordinates *= scale
    return coordinates


def pair_matrices(columns: NDArray, d: int) -> NDArray:
    """Symmetric matrices of columns of coordinates: shape (columns, d, d), norms kept."""
    scale = _unordered_pairs(d)[2]
    return np.take((columns / scale[:, None]).T, _positions(d), axis=1).reshape(-1, d, d)


@lru_cache(maxsize=64)
def _unordered_pairs(d: int) -> tuple[NDArray, NDArray, NDArray]:
    a, b = multi_indices(d, 2).T
    return np.ascontiguousarray(a), np.ascontiguousarray(b), np.sqrt(multiplicities(d, 2))


@lru_cache(maxsize=64)
def _positions(d: int) -> NDArray:
    """Place of each entry of a (d, d) matrix, row by row, among the unordered pairs."""
    a, b, _ = _unordered_pairs(d)
    places = np.empty((d, d), dtype=np.intp)
    places[a, b] = places[b, a] = np.arange(len(a))
    return places.ravel()
