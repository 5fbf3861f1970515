"""Which signs, or which of them, make a sum of vectors what it should be: all answers, or one by lattice reduction."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import qr

from twolayer.arrays import frozen_array
from twolayer.errors import InputError

__all__ = ["binary_solutions", "relations_of", "signs_of_sum"]

_MOST_FREE = 20  # free signs: a million candidates, a second
_BATCH_BITS = 12  # candidates of a batch, as a power of two: they fit the cache


def signs_of_sum(vectors: NDArray, target: NDArray) -> NDArray[np.float64] | None:
    r"""Signs ε with :math:`\sum_i \varepsilon_i u_i = t`, by lattice reduction.

    The integer combinations of the columns :math:`(e_i, C u_i)` and :math:`(e_{m+1}, -C t)` are a lattice, in which
    :math:`(\varepsilon, 1, 0)` is a vector of length √(m + 1). With C large, any other that is not a multiple of it has
    coefficients of about :math:`C^{d/(m+1)}`: far longer where the digits of all equations together are several times
    as many as the signs. So the reduced basis [1]_ has it. C grows step by step, so that double precision is enough.

    Parameters
    ----------
    vectors : array, shape (m, d)
        The u_i, known to ten digits or so.
    target : array, shape (d,)
        The t.

    Returns
    -------
    array of ±1, shape (m,), or None
        None if no such signs were found.

    Notes
    -----
    Some thousand exchanges of neighbours, ``O(m)`` each: a few seconds for 50 vectors in 10 dimensions, of which there
    are 2^50 signed sums.

    References
    ----------
    .. [1] A. K. Lenstra, H. W. Lenstra, L. Lovász, Factoring polynomials with rational coefficients, Math. Ann. 261,
       1982; J. C. Lagarias, A. M. Odlyzko, Solving low-density subset sum problems, J. ACM 32, 1985.
    """
    m = len(vectors)
    equations = np.vstack([vectors, -target]).T
    equations = equations / max(float(np.abs(equations).max()), 1e-300)
    scale = float(np.abs(equations).sum(axis=1).max())
    T = np.eye(m + 1)
    C = 8.0
    while C <= 2.0**42:  # beyond, double precision has no digits left
        T = _reduced(np.vstack([T, C * (equations @ T)]), T)
        short = T[:, (np.abs(T) == 1).all(axis=0)]
        if short.shape[1]:
            left = np.abs(equations @ short).max(axis=0)
            best = int(left.argmin())
            if left[best] <= 1e-8 * scale:
                signs: NDArray[np.float64] = short[:m, best] * short[m, best]
                return signs
        C *= 8.0
    return None


def _reduced(basis: NDArray, T: NDArray) -> NDArray:
    """The columns of T, integer combinations, turned into those of a reduced basis of the lattice of `basis`."""
    R, T = np.asarray(np.linalg.qr(basis, mode="r")), T.copy()
    n, k = len(R), 1
    for _ in range(100_000):
        if k == n:
            break
        _shorten(R, T, k, k - 1)
        if R[k, k] ** 2 + R[k - 1, k] ** 2 < 0.99 * R[k - 1, k - 1] ** 2:
            _exchange(R, T, k)
            k = max(k - 1, 1)
        else:
            for j in range(k - 2, -1, -1):
                _shorten(R, T, k, j)
            k += 1
    return T


def _shorten(R: NDArray, T: NDArray, k: int, j: int) -> None:
    """Take the nearest integer multiple of column j from column k."""
    times = np.rint(R[j, k] / R[j, j])
    if times:
        R[: j + 1, k] -= times * R[: j + 1, j]
        T[:, k] -= times * T[:, j]


def _exchange(R: NDArray, T: NDArray, k: int) -> None:
    """Exchange columns k - 1 and k, and turn the two rows so that R stays triangular."""
    R[:, [k - 1, k]] = R[:, [k, k - 1]]
    T[:, [k - 1, k]] = T[:, [k, k - 1]]
    a, b = R[k - 1, k - 1], R[k, k - 1]
    length = np.hypot(a, b)
    turn = np.array([[a, b], [-b, a]]) / length
    R[k - 1 : k + 1, k - 1 :] = turn @ R[k - 1 : k + 1, k - 1 :]
    R[k, k - 1] = 0.0


def binary_solutions(rows: ArrayLike, target: ArrayLike, *, atol: float = 1e-10) -> NDArray[np.int_]:
    r"""All :math:`δ \in \{0, 1\}^m` with :math:`\sum_i δ_i u_i` equal to a target, for rows u_i.

    The solutions over the reals are an affine space of dimension r = m - rank; r well-chosen coordinates parametrise
    it, and each of their :math:`2^r` values gives one candidate.

    Parameters
    ----------
    rows : array, shape (m, D)
    target : array, shape (D,)
    atol : float
        How far the sum may be from the target, of the length of the sum of all |u_i|.

    Returns
    -------
    array of 0 and 1, shape (count, m)
        In ascending order of the binary number; empty if there is none.

    Raises
    ------
    InputError
        If r is above 20.
    """
    rows, target = frozen_array(rows, "rows", 2), frozen_array(target, "target", 1)
    m, scale = len(rows), float(np.linalg.norm(np.abs(rows).sum(axis=0)))
    relations = relations_of(rows)
    if relations.shape[1] > _MOST_FREE:
        raise InputError(
            f"the units have {relations.shape[1]} relations, which leave 2^{relations.shape[1]} sign patterns to try,"
            f" at most 2^{_MOST_FREE} are"
        )
    particular = np.linalg.lstsq(rows.T, target, rcond=1e-10)[0] if rows.size else np.zeros(m)
    found = [np.zeros((0, m), dtype=int)]
    for candidates in _candidates(relations, particular):
        left = np.linalg.norm(candidates @ rows - target, axis=1)
        found.append(candidates[left <= atol * scale])
    solutions = np.unique(np.concatenate(found), axis=0)
    return solutions[np.lexsort(solutions.T[::-1])] if m else np.zeros((1, 0), dtype=int)


def _candidates(relations: NDArray, particular: NDArray) -> Iterator[NDArray[np.int_]]:
    """Round the real solutions that have 0 or 1 at the pivots."""
    free = relations.shape[1]
    pivots = qr(relations.T, mode="r", pivoting=True)[1][:free] if free else np.zeros(0, dtype=int)
    spread = relations @ np.linalg.inv(relations[pivots])
    for start in range(0, 1 << free, 1 << _BATCH_BITS):
        numbers = np.arange(start, min(start + (1 << _BATCH_BITS), 1 << free))
        values = (numbers[:, None] >> np.arange(free)) & 1
        real = particular + (values - particular[pivots]) @ spread.T
        yield np.clip(np.rint(real), 0, 1).astype(int)


def relations_of(rows: NDArray) -> NDArray:
    """Orthonormal columns c with Σ c_i rows_i = 0: shape (m, r)."""
    left, values, _ = np.linalg.svd(rows, full_matrices=True)
    rank = int(np.sum(values > 1e-10 * values.max(initial=0.0)))
    return left[:, rank:]
