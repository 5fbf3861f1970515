"""Signs that make a sum of vectors what it should be, where there are far more vectors than dimensions."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["signs_of_sum"]

_DELTA = 0.99
_STEP, _LAST = 8.0, 2.0**42
_EXACT = 1e-8
_MOST_STEPS = 100_000


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
    C = _STEP
    while C <= _LAST:
        T = _reduced(np.vstack([T, C * (equations @ T)]), T)
        short = T[:, (np.abs(T) == 1).all(axis=0)]
        if short.shape[1]:
            left = np.abs(equations @ short).max(axis=0)
            best = int(left.argmin())
            if left[best] <= _EXACT * scale:
                signs: NDArray[np.float64] = short[:m, best] * short[m, best]
                return signs
        C *= _STEP
    return None


def _reduced(basis: NDArray, T: NDArray) -> NDArray:
    """The columns of T, integer combinations, turned into those of a reduced basis of the lattice of `basis`."""
    R, T = np.asarray(np.linalg.qr(basis, mode="r")), T.copy()
    n, k = len(R), 1
    for _ in range(_MOST_STEPS):
        if k == n:
            break
        _shorten(R, T, k, k - 1)
        if R[k, k] ** 2 + R[k - 1, k] ** 2 < _DELTA * R[k - 1, k - 1] ** 2:
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
