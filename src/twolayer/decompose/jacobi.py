r"""Joint diagonalisation of symmetric matrices by an orthogonal matrix, :math:`C_l \approx Q D_l Q^\top`."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["jacobi"]


def jacobi(C: NDArray, Q: NDArray, *, max_sweeps: int = 60, rtol: float = 1e-10) -> tuple[NDArray, bool]:
    r"""Jacobi rotations that minimise the off-diagonals of all :math:`Q^\top C_l Q`, Q orthogonal [1]_.

    For a pair p, q with :math:`h_l = (C_{l,pp} - C_{l,qq},\; 2 C_{l,pq})` and :math:`G = \sum_l h_l h_l^\top`, the best
    angle is

    .. math:: \theta = \tfrac12 \operatorname{atan2}\bigl(2 G_{12},\; G_{11} - G_{22} +
        \sqrt{(G_{11} - G_{22})^2 + 4 G_{12}^2}\bigr).

    A sweep is k - 1 rounds (k for odd k) of ⌊k/2⌋ disjoint pairs, each round rotated at once.

    Parameters
    ----------
    C : array, shape (L, k, k)
        Symmetric.
    Q : array, shape (k, k)
        Orthogonal, where to start.
    max_sweeps : int
    rtol : float
        Converged when no sine of a sweep exceeds it.

    Returns
    -------
    Q : array, shape (k, k)
        Orthogonal.
    is_converged : bool

    Notes
    -----
    ``O(L k**3)`` a sweep, quadratic at the end. For factors that are not orthogonal it converges, to the wrong ones.

    References
    ----------
    .. [1] J.-F. Cardoso, A. Souloumiac, Jacobi angles for simultaneous diagonalization, SIAM J. Matrix Anal. Appl. 17,
       1996.
    """
    M, Q = np.ascontiguousarray((Q.T @ C @ Q).transpose(1, 2, 0)), Q.copy()
    for _ in range(max_sweeps):
        largest = 0.0
        for p, q in _rounds(len(Q)):
            cosine, sine = _rotations(M, p, q)
            _rotate(M, p, q, cosine[:, None, None], sine[:, None, None])
            _rotate(M.swapaxes(0, 1), p, q, cosine[:, None, None], sine[:, None, None])
            _rotate(Q.T, p, q, cosine[:, None], sine[:, None])
            largest = max(largest, float(np.abs(sine).max(initial=0.0)))
        if largest <= rtol:
            return Q, True
    return Q, False


def _rotations(M: NDArray, p: NDArray, q: NDArray) -> tuple[NDArray, NDArray]:
    """Cosine and sine of the best angle of each pair."""
    difference, twice = M[p, p] - M[q, q], 2 * M[p, q]
    on = np.sum(difference**2 - twice**2, axis=1)
    off = 2 * np.sum(difference * twice, axis=1)
    theta = 0.5 * np.arctan2(off, on + np.hypot(on, off))
    return np.cos(theta), np.sin(theta)


def _rotate(rows: NDArray, p: NDArray, q: NDArray, cosine: NDArray, sine: NDArray) -> None:
    """Turn rows p towards rows q, in place."""
    rows[p], rows[q] = cosine * rows[p] + sine * rows[q], cosine * rows[q] - sine * rows[p]


def _rounds(k: int) -> list[tuple[NDArray, NDArray]]:
    """All pairs p < q of a round-robin tournament, as rounds of disjoint pairs."""
    seats = list(range(k)) + [k] * (k % 2)  # an odd player out meets the seat k, which is empty
    half = len(seats) // 2
    rounds = []
    for _ in range(len(seats) - 1):
        pairs = [sorted(pair) for pair in zip(seats[:half], reversed(seats[half:]), strict=True) if k not in pair]
        rounds.append(tuple(np.array(pairs, dtype=np.intp).reshape(-1, 2).T))
        seats = [seats[0], seats[-1], *seats[1:-1]]
    return rounds  # type: ignore[return-value]
