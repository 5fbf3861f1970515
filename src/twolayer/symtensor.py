r"""Symmetric tensors, dense and packed.

A symmetric tensor of order j over :math:`\mathbb R^d` has :math:`\binom{d+j-1}{j}` distinct entries, one for each
non-decreasing multi-index :math:`i_1 \le \dots \le i_j`. *Packed*, it is the vector of those entries in lexicographic
order; an entry stands for as many entries of the dense tensor as its multi-index has arrangements, its *multiplicity*,
so that :math:`\langle S, T\rangle` is the sum of multiplicity times product over the packed entries.
"""

from functools import lru_cache, reduce
from itertools import chain, combinations_with_replacement, permutations
from math import comb, factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.errors import InputError

__all__ = [
    "contract",
    "flatten",
    "multi_indices",
    "multiplicities",
    "outer_power",
    "pack",
    "packed_power",
    "packed_size",
    "rank_one_sum",
    "sym3",
    "sym6",
    "symmetrize",
    "transform",
    "unpack",
]


def packed_size(dim: int, order: int) -> int:
    r"""Number of distinct entries, :math:`\binom{d+j-1}{j}`."""
    return comb(dim + order - 1, order)


@lru_cache(maxsize=64)
def multi_indices(dim: int, order: int) -> NDArray[np.intp]:
    """Non-decreasing multi-indices in lexicographic order, one a row; shape (packed_size, order), shared, read-only."""
    size = packed_size(dim, order)
    flat = chain.from_iterable(combinations_with_replacement(range(dim), order))
    table = np.fromiter(flat, dtype=np.intp, count=size * order).reshape(size, order)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=64)
def multiplicities(dim: int, order: int) -> NDArray:
    r"""Multiplicities :math:`j!/\prod_c m_c!` of the packed entries, m_c the times that c is in the multi-index.

    Shape (packed_size,), float64, shared and read-only. Their sum is :math:`d^j`.
    """
    table = multi_indices(dim, order)
    repeats = np.ones(len(table), dtype=np.intp)
    counts = np.full(len(table), float(factorial(order)))
    for previous, current in zip(table.T[:-1], table.T[1:], strict=True):
        repeats = np.where(previous == current, repeats + 1, 1)
        counts /= repeats
    counts.setflags(write=False)
    return counts


def pack(T: ArrayLike) -> NDArray:
    """Distinct entries of a dense symmetric tensor, shape (packed_size,); its symmetry is taken on trust."""
    T = _cube(T)
    return T[tuple(multi_indices(T.shape[0], T.ndim).T)]


def unpack(packed: ArrayLike, dim: int, order: int) -> NDArray:
    """Dense tensor of shape (dim,) * order from its distinct entries.

    Raises
    ------
    InputError
        If `packed` is not of shape (packed_size(dim, order),).
    """
    packed = np.asarray(packed)
    if packed.shape != (packed_size(dim, order),):
        raise InputError(
            f"a symmetric tensor of order {order} in {dim} dimensions has {packed_size(dim, order)} distinct entries, "
            f"got an array of shape {packed.shape}"
        )
    T = np.empty((dim,) * order, dtype=packed.dtype)
    columns = multi_indices(dim, order).T
    for arrangement in permutations(columns):
        T[arrangement] = packed
    return T


def symmetrize(T: ArrayLike) -> NDArray:
    """Mean of a tensor over the j! arrangements of its axes: the nearest symmetric tensor, symmetric to rounding.

    An arrangement of j axes is one of the first j - 1 and an exchange of the last with one or none of them: j(j - 1)/2
    sums of tensors.
    """
    total = _cube(T)
    for last in range(1, total.ndim):
        total = reduce(np.add, (total.swapaxes(axis, last) for axis in range(last)), total)
    return total / factorial(total.ndim)


def outer_power(w: ArrayLike, order: int) -> NDArray:
    r"""Outer power :math:`w^{\otimes j}` of a vector of shape (d,), dense, j ≥ 1."""
    w = np.asarray(w)
    power = w
    for _ in range(order - 1):
        power = np.multiply.outer(power, w)
    return power


def packed_power(W: ArrayLike, order: int) -> NDArray:
    r"""Distinct entries of :math:`w_i^{\otimes j}` for each row of W (m, d): shape (m, packed_size)."""
    W = np.asarray(W)
    columns = multi_indices(W.shape[1], order).T
    power: NDArray = reduce(np.multiply, (W[:, column] for column in columns))
    return power


def rank_one_sum(weights: ArrayLike, W: ArrayLike, order: int) -> NDArray:
    r"""Weighted sum of outer powers, :math:`\sum_i \lambda_i w_i^{\otimes j}`, j ≥ 1, dense.

    One matrix product of the two halves of the powers: time :math:`O(m d^j)`.

    Parameters
    ----------
    weights : array, shape (m,)
    W : array, shape (m, d)
    order : int
        At least 1.
    """
    weights, W = np.asarray(weights), np.asarray(W)
    left, right = np.ones((len(W), 1), W.dtype), weights[:, None]
    for j in range(order):
        if j < order // 2:
            left = _row_products(left, W)
        else:
            right = _row_products(right, W)
    return (left.T @ right).reshape((W.shape[1],) * order)


def contract(T: ArrayLike, *vectors: ArrayLike) -> NDArray:
    r"""Contraction :math:`T(\cdot, \dots, \cdot, u, v, \dots)` of the last axes, each with a vector of shape (d,)."""
    contracted = np.asarray(T)
    for vector in reversed(vectors):
        contracted = contracted @ np.asarray(vector)
    return contracted


def transform(T: ArrayLike, V: ArrayLike) -> NDArray:
    r"""Multilinear form :math:`T(V, \dots, V)`: every axis of length d contracted with the matrix V (d, k).

    Sends :math:`w^{\otimes j}` to :math:`(V^\top w)^{\otimes j}`. Time :math:`O(k d^j)` for k ≤ d.
    """
    T, V = np.asarray(T), np.asarray(V)
    for _ in range(T.ndim):
        T = np.tensordot(T, V, axes=(0, 0))  # the first axis goes, its image comes last
    return T


def flatten(T: ArrayLike, rows: int | None = None) -> NDArray:
    r"""Flattening to a matrix of shape :math:`(d^{rows}, d^{j-rows})`.

    By default as square as can be, :math:`d^{\lfloor j/2\rfloor}` rows, in which distinct w give
    :math:`\sum_i \lambda_i w_i^{\otimes j}` a rank of up to that many.
    """
    T = _cube(T)
    rows = T.ndim // 2 if rows is None else rows
    return T.reshape(T.shape[0] ** rows, -1)


def sym3(M: ArrayLike, v: ArrayLike) -> NDArray:
    r"""Three placements :math:`M_{ab}v_c + M_{ac}v_b + M_{bc}v_a` of a symmetric matrix and a vector.

    ``sym3(np.eye(d), v)`` is the product :math:`v\,\tilde\otimes\,I` of zhong2017recovery, section 5.1.
    """
    T = np.multiply.outer(np.asarray(M), np.asarray(v))
    return T + T.transpose(0, 2, 1) + T.transpose(2, 0, 1)


def sym6(M: ArrayLike, N: ArrayLike) -> NDArray:
    r"""Six placements :math:`M_{ab}N_{cd} + M_{ac}N_{bd} + M_{ad}N_{bc}` and M, N exchanged, of symmetric matrices.

    ``sym6(M, np.eye(d))`` is the product :math:`M\,\tilde\otimes\,I` of zhong2017recovery, section 5.1. It counts each
    of the three pairings of I with itself twice, so that :math:`He_4(x) = x^{\otimes 4} - xx^\top\tilde\otimes I +
    \tfrac12 I\,\tilde\otimes\,I` has a half that the paper's M_4 lacks.
    """
    T = np.multiply.outer(np.asarray(M), np.asarray(N))
    T = T + T.transpose(2, 3, 0, 1)
    return T + T.transpose(0, 2, 1, 3) + T.transpose(0, 2, 3, 1)


def _row_products(A: NDArray, B: NDArray) -> NDArray:
    """Outer product of each row of A with the same row of B, flattened."""
    return (A[:, :, None] * B[:, None, :]).reshape(len(A), -1)


def _cube(T: ArrayLike) -> NDArray:
    T = np.asarray(T)
    if T.ndim == 0 or len(set(T.shape)) > 1:
        raise InputError(f"a symmetric tensor has all its axes of one length, got shape {T.shape}")
    return T
