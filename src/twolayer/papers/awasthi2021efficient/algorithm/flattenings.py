r"""Flattenings of packed symmetric tensors, never larger than the packed size of their rows and columns."""

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import frozen_array
from twolayer.errors import InputError
from twolayer.symtensor import multi_indices, multiplicities, pack, packed_size, unpack

__all__ = ["checked_tensors", "direction_of", "packed_flattening", "slices"]


def packed_flattening(packed: NDArray, dim: int, order: int, rows: int) -> NDArray:
    r"""Flattening of a packed symmetric tensor to a matrix, distinct multi-indices as rows and columns.

    Entries carry the root of both multiplicities, so that singular values and norms are those of the flattening to
    :math:`d^{rows} \times d^{j-rows}`, and :math:`u^{\otimes j}` becomes the product of two vectors of norm one, the
    rows of `scaled_powers` for unit u.

    Parameters
    ----------
    packed : array, shape (packed_size(dim, order),)
    dim, order : int
    rows : int
        Modes on the rows, 1 to order - 1.

    Returns
    -------
    array, shape (packed_size(dim, rows), packed_size(dim, order - rows))
        For ``rows = 2``, d(d+1)/2 rows instead of d².
    """
    scale = np.outer(np.sqrt(multiplicities(dim, rows)), np.sqrt(multiplicities(dim, order - rows)))
    return packed[_positions(dim, rows, order - rows)] * scale


def slices(packed: NDArray, dim: int, order: int, level: int, V: NDArray) -> NDArray:
    r"""Slices of the order-3 flattening (ℓ, ℓ, order - 2ℓ), seen through V.

    For :math:`T = \sum_i \alpha_i u_i^{\otimes j}` and :math:`v_i = V^\top u_i^{\otimes ℓ}`, the slices are
    :math:`\sum_i \alpha_i (u_i^{\otimes (j - 2ℓ)})_c\, v_i v_i^\top`, one for each distinct multi-index c, times the
    root of its multiplicity.

    Parameters
    ----------
    packed : array, shape (packed_size(dim, order),)
    dim, order, level : int
        Order 2ℓ + 1 or 2ℓ + 2 for level ℓ.
    V : array, shape (packed_size(dim, level), k)

    Returns
    -------
    array, shape (packed_size(dim, order - 2 * level), k, k)
    """
    ends = packed[_positions(dim, 2 * level, order - 2 * level)] * np.sqrt(multiplicities(dim, order - 2 * level))
    halves = _positions(dim, level, level)
    weighted = np.sqrt(multiplicities(dim, level))[:, None] * V
    return np.stack([weighted.T @ column[halves] @ weighted for column in ends.T])


def direction_of(power: NDArray, dim: int, level: int) -> NDArray:
    r"""Unit vector u, up to sign, of an estimate of :math:`u^{\otimes ℓ}` as a row of `scaled_powers`.

    The leading left singular vector of the :math:`d \times d^{ℓ-1}` flattening.
    """
    T = unpack(power / np.sqrt(multiplicities(dim, level)), dim, level)
    return np.linalg.svd(T.reshape(dim, -1), full_matrices=False)[0][:, 0]


def checked_tensors(tensors: "list[ArrayLike] | tuple[ArrayLike, ...]", order: int) -> tuple[NDArray, ...]:
    """Tensors of orders 0 to `order`, packed; each is given packed or dense.

    Raises
    ------
    InputError
        If there are too few, or one is not finite or of no shape that its order allows.
    """
    if len(tensors) < order + 1:
        raise InputError(f"tensors of the orders 0 to {order} are needed, found {len(tensors)} tensors")
    dim = len(frozen_array(tensors[1], "the tensor of order 1", 1))
    packed: list[NDArray] = [frozen_array(tensors[0], "the tensor of order 0", 0)]
    for j in range(1, order + 1):
        given = np.asarray(tensors[j])
        if given.shape == (dim,) * j:
            given = pack(given)
        packed.append(frozen_array(given, f"the tensor of order {j}", 1))
        if packed[j].shape != (packed_size(dim, j),):
            raise InputError(
                f"the tensor of order {j} must have shape {(dim,) * j}, or ({packed_size(dim, j)},) packed,"
                f" found {np.asarray(tensors[j]).shape}"
            )
    return tuple(packed)


@lru_cache(maxsize=32)
def _positions(dim: int, rows: int, columns: int) -> NDArray[np.intp]:
    """Where the entry of each pair of multi-indices is in the packed tensor."""
    left, right = multi_indices(dim, rows), multi_indices(dim, columns)
    keys = np.empty((len(left), len(right)), dtype=np.int64)
    digits = dim ** np.arange(rows + columns - 1, -1, -1, dtype=np.int64)
    for row, index in enumerate(left):
        both = np.hstack([np.broadcast_to(index, (len(right), rows)), right])
        keys[row] = np.sort(both, axis=1) @ digits
    positions = np.searchsorted(multi_indices(dim, rows + columns) @ digits, keys)
    positions.setflags(write=False)
    return positions
