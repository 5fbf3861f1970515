r"""The tensor power method with restarts, clustering, deflation and back-fitting."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.decompose.decomposition import Decomposition, dimension, pose
from twolayer.decompose.symmetric_sum import contract_all_but_one, unit_rows
from twolayer.symtensor import rank_one_sum

__all__ = ["power"]


def power(
    T: ArrayLike,
    rank: int,
    *,
    restarts: int | None = None,
    max_steps: int = 100,
    max_sweeps: int = 200,
    rtol: float = 1e-14,
    rng: np.random.Generator | int | None = None,
) -> Decomposition:
    r"""Decompose by the tensor power method with deflation, for factors that are orthogonal or nearly so.

    From many random unit vectors at once, :math:`u \leftarrow T(\cdot, u, \dots, u) / \|T(\cdot, u, \dots, u)\|`. The
    end points are clustered; of each cluster apart from the others the one with the largest :math:`|T(u, \dots, u)|`,
    if that is at least half of the largest of all, becomes a term, and is deflated:
    :math:`T \leftarrow T - \lambda u^{\otimes p}`, :math:`\lambda = T(u, \dots, u)` [1]_. With all terms found, each is
    fitted again in turn to the tensor less the others, until nothing moves [2]_.

    Parameters
    ----------
    T : array, shape (d, d, d) or (d, d, d, d)
        Symmetric; weights of both signs.
    rank : int
        Number of terms, at most d.
    restarts : int or None
        Random vectors a round; 10 + 2d when None.
    max_steps : int
        Steps of each power iteration.
    max_sweeps : int
        Rounds of back-fitting.
    rtol : float
        How far a unit vector moves in a step when it has settled: rounding. Ten times that in a round of back-fitting.
    rng : Generator, int or None

    Returns
    -------
    Decomposition

    Raises
    ------
    InputError
        As `decompose`.

    Notes
    -----
    ``O(restarts d**p)`` a step of a round, ``O(r d**p)`` a sweep. For orthogonal factors each term attracts the vectors
    with the largest :math:`|\lambda_i| |u_i \cdot u|^{p-2}`, quadratically or faster, and deflation is exact.
    Otherwise the fixed points are off by the coherence of the factors, and back-fitting converges linearly, slowly,
    or to a local minimum: coherent factors are where it fails.

    References
    ----------
    .. [1] A. Anandkumar, R. Ge, D. Hsu, S. M. Kakade, M. Telgarsky, Tensor decompositions for learning latent variable
       models, J. Mach. Learn. Res. 15, 2014.
    .. [2] A. Anandkumar, R. Ge, M. Janzamin, Guaranteed non-orthogonal tensor decomposition via alternating rank-1
       updates, 2014.
    """
    problem = pose(T, rank, "power", dimension)
    rng = np.random.default_rng(rng)
    d, order = len(problem.T), problem.T.ndim
    count = 10 + 2 * d if restarts is None else restarts
    weights, factors = np.empty(0), np.empty((0, d))
    rest = problem.T
    while len(weights) < problem.rank:
        points, values = _iterate(rest, unit_rows(rng.standard_normal((count, d))), max_steps, rtol)
        chosen = _cluster(points, values)[: problem.rank - len(weights)]
        weights, factors = np.append(weights, values[chosen]), np.vstack([factors, points[chosen]])
        rest = problem.T - rank_one_sum(weights, factors, order)
    weights, factors, is_settled = _back_fit(problem.T, weights, factors, max_sweeps, rtol)
    return problem.judged(factors, weights, is_settled)


def _iterate(T: NDArray, points: NDArray, max_steps: int, rtol: float) -> tuple[NDArray, NDArray]:
    """End points of the power iteration, and T(u, ..., u) there."""
    for _ in range(max_steps):
        moved = unit_rows(contract_all_but_one(T, points))
        distance = np.minimum(np.linalg.norm(moved - points, axis=1), np.linalg.norm(moved + points, axis=1))
        points = moved
        if distance.max() <= rtol:
            break
    return points, np.einsum("ia,ia->i", contract_all_but_one(T, points), points)


def _cluster(points: NDArray, values: NDArray, strong: float = 0.5, cosine: float = 0.9) -> list[int]:
    """One point of each cluster, the largest values first: those above half of the largest, mutually well apart.

    A fixed point of less than half may be one of what the largest term hides; deflated, it is looked for again. Within
    a cosine of 0.9 are points that have not settled at one fixed point yet.
    """
    order = np.argsort(-np.abs(values), kind="stable")
    chosen = [int(order[0])]
    for i in order[1:]:
        is_strong = abs(values[i]) >= strong * abs(values[order[0]])
        if is_strong and np.abs(points[chosen] @ points[i]).max() < cosine:
            chosen.append(int(i))
    return chosen


def _back_fit(
    T: NDArray, weights: NDArray, factors: NDArray, max_sweeps: int, rtol: float
) -> tuple[NDArray, NDArray, bool]:
    """Refit each term in turn to T less the other terms."""
    weights, factors = weights.copy(), factors.copy()
    rest = T - rank_one_sum(weights, factors, T.ndim)
    for _ in range(max_sweeps):
        largest = 0.0
        for i in range(len(weights)):
            own = rest + rank_one_sum(weights[i : i + 1], factors[i : i + 1], T.ndim)
            moved = unit_rows(contract_all_but_one(own, factors[i : i + 1]))
            moved *= np.sign(moved @ factors[i]) or 1.0
            largest = max(largest, float(np.linalg.norm(moved[0] - factors[i])))
            factors[i] = moved[0]
            weights[i] = contract_all_but_one(own, moved)[0] @ moved[0]
            rest = own - rank_one_sum(weights[i : i + 1], moved, T.ndim)
        if largest <= 10 * rtol:
            return weights, factors, True
    return weights, factors, False
