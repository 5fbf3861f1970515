r"""The subspace power method: order four, more terms than dimensions."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.decompose.decomposition import Decomposition, pose
from twolayer.decompose.flattening import Flattening, flattened, pair_matrices, square_coordinates
from twolayer.decompose.symmetric_sum import unit_rows

__all__ = ["subspace_power"]


def pairs_left_over(d: int, order: int) -> int:  # noqa: ARG001 - every bound takes the same arguments
    """Dimension of the symmetric matrices less that of their rank-one cone: d(d - 1)/2, at least one."""
    return max(1, d * (d - 1) // 2)


def subspace_power(
    T: ArrayLike,
    rank: int,
    *,
    restarts: int = 2,
    more_starts: int = 20,
    max_steps: int = 50,
    patience: int = 10,
    exact_gap: float = 1e-22,
    rng: np.random.Generator | int | None = None,
) -> Decomposition:
    r"""Decompose an order-four tensor of rank up to d(d - 1)/2, weights of both signs [1]_.

    The flattening onto pairs of modes, :math:`\sum_i \lambda_i \mathrm{vec}(u_i u_i^\top)\mathrm{vec}(u_i
    u_i^\top)^\top`, has an eigenspace of dimension r, with orthonormal symmetric matrices V_s, that generically
    contains no rank-one matrices but multiples of the :math:`u_i u_i^\top`. These are the maximisers, with value one,
    of

    .. math:: f(x) = \sum_s (x^\top V_s x)^2, \qquad \|x\| = 1,

    found from random starts by :math:`x \leftarrow \sum_s (x^\top V_s x) V_s x + \gamma x`, normalised, with the
    adaptive shift :math:`\gamma = \sqrt{f(1-f)}` if f > 2/3, else :math:`\sqrt{1/2}\,(1 - f/2)`. With D the
    eigenvalues and :math:`\alpha_s = x^\top V_s x`, the weight is :math:`1 / \alpha^\top D^{-1} \alpha`, and the term
    is deflated by keeping the part of the space orthogonal to :math:`D^{-1}\alpha`. The iteration is linear, and slow
    as r nears the bound; so its end point is sharpened by Gauss-Newton on :math:`1 - f = \sum_t (x^\top W_t x)^2`, W
    an orthonormal basis of the complement, which is quadratic where f = 1.

    The r eigenvalues are those largest in *modulus*: weights of both signs have eigenvalues of both signs.

    Parameters
    ----------
    T : array, shape (d, d, d, d)
        Symmetric.
    rank : int
        Number of terms, at most d(d - 1)/2.
    restarts : int
        Random starts in a round, for each term that is missing.
    more_starts : int
        Those of a round beside these: the last terms, of which some attract few starts, are found by them.
    max_steps : int
        Steps of the power iteration from a start.
    patience : int
        Rounds without an exact term, after rounds with one, before inexact ones are taken.
    exact_gap : float
        1 - f of a term that is exact: the square of 1e-11, the rounding of x x^T outside the space after some rounds.
    rng : Generator, int or None

    Returns
    -------
    Decomposition

    Raises
    ------
    InputError
        As `decompose`; also for order three.

    Notes
    -----
    Rounds of many starts at once, one matrix product of ``O(d**4 / 4)`` a step and start. A round ends with the
    distinct maximisers found. Those of f = 1 to rounding are terms; where there are none, the half of the missing terms
    that has the largest f, and what is much like them. All of them are deflated together; a round costs the accuracy of
    those before it. Noise moves a factor by about the spectral norm of the flattened noise over the r-th singular
    value. It fails above d(d - 1)/2, where the space contains other rank-one matrices, and gets slow just below.

    References
    ----------
    .. [1] J. Kileel, J. M. Pereira, Subspace power method for symmetric tensor decomposition and generalized PCA,
       arXiv:1912.04007, 2019.
    """
    problem = pose(T, rank, "subspace_power", pairs_left_over, orders=(4,))
    rng = np.random.default_rng(rng)
    values, vectors = np.linalg.eigh(flattened(problem.T).matrix)
    order = np.argsort(-np.abs(values), kind="stable")
    above_rounding = np.abs(values) > 1e-12 * np.abs(values).max()
    count = min(problem.rank, int(np.sum(above_rounding)))
    space, outside, inverse = vectors[:, order[:count]], vectors[:, order[count:]], np.diag(1 / values[order[:count]])

    factors, is_exact, failures = np.empty((0, len(problem.T))), True, 0
    while (missing := count - len(factors)) > 0:
        starts = unit_rows(rng.standard_normal((restarts * missing + more_starts, len(problem.T))))
        points, gaps = _sharpened(outside, _iterated(space, starts, max_steps))
        chosen, is_exact_now = _terms(points, gaps, missing, exact_gap)
        if is_exact and not is_exact_now and len(factors) and failures < patience:
            failures += 1
            continue
        is_exact = is_exact_now
        factors = np.vstack([factors, points[chosen]])
        space, outside, inverse = _deflated(space, outside, inverse, points[chosen])
    arbitrary = unit_rows(rng.standard_normal((problem.rank - count, len(problem.T))))  # of a tensor of lower rank
    return problem.judged(np.vstack([factors, arbitrary]))


def _iterated(space: NDArray, starts: NDArray, max_steps: int, near: float = 1e-4) -> NDArray:
    """The shifted power iteration for f, from each row; from a step shorter than `near` on, Gauss-Newton is quicker."""
    projector, points = Flattening(space @ space.T, 4), starts.copy()
    moving = np.arange(len(points))
    for _ in range(max_steps):
        x = points[moving]
        image = projector.contracted(x)
        f = np.clip(np.einsum("ka,ka->k", image, x), 0.0, 1.0)
        shift = np.where(f > 2 / 3, np.sqrt(f * (1 - f)), np.sqrt(0.5) * (1 - f / 2))
        moved = points[moving] = unit_rows(image + shift[:, None] * x)
        moving = moving[np.linalg.norm(moved - x, axis=1) > near]
        if not len(moving):
            break
    return points


def _sharpened(
    outside: NDArray, points: NDArray, max_steps: int = 20, least_gap: float = 1e-26
) -> tuple[NDArray, NDArray]:
    """Local minimisers of 1 - f, the squared part of x xᵀ outside the space, by Gauss-Newton; their values, ascending.

    A point stays where its step does not lower the value, or where that is below `least_gap`, and could only be rounded
    otherwise.
    """
    matrices, points = pair_matrices(outside, points.shape[1]), points.copy()
    image, part, gaps = _outside_part(matrices, points)
    moving = np.flatnonzero(gaps > least_gap)
    for _ in range(max_steps):
        if not len(moving):
            break
        x, J, r = points[moving], image[moving], part[moving]
        normal = 4 * J.transpose(0, 2, 1) @ J + x[:, :, None] * x[:, None, :]
        normal += 1e-14 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(x.shape[1])
        moved = unit_rows(x - np.linalg.solve(normal, 2 * np.einsum("kca,kc->ka", J, r)[:, :, None])[:, :, 0])
        moved_image, moved_part, moved_gaps = _outside_part(matrices, moved)
        is_better = moved_gaps < gaps[moving]
        moving = moving[is_better]
        points[moving], image[moving] = moved[is_better], moved_image[is_better]
        part[moving], gaps[moving] = moved_part[is_better], moved_gaps[is_better]
        moving = moving[gaps[moving] > least_gap]
    order = np.argsort(gaps, kind="stable")
    return points[order], gaps[order]


def _outside_part(matrices: NDArray, points: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    r"""The :math:`W_t x` (k, c, d), the :math:`x^\top W_t x` (k, c), and the sum of their squares."""
    count, d = len(matrices), points.shape[1]
    image = (points @ matrices.reshape(-1, d).T).reshape(len(points), count, d)
    part = np.einsum("kca,ka->kc", image, points)
    return image, part, np.einsum("kc,kc->k", part, part)


def _terms(
    points: NDArray, gaps: NDArray, missing: int, exact_gap: float, alike: float = 4.0, same: float = 0.999
) -> tuple[list[int], bool]:
    """Which points to take for terms, at most as many as are missing; and whether they are exact.

    Points within a cosine of `same` are one. Where none is exact, the better half is taken, and with it what has up to
    `alike` times its largest gap, twice its error: a round costs more accuracy than such a term does.
    """
    distinct: list[int] = []
    for i in range(len(points)):
        if len(distinct) == missing:
            break
        if not distinct or np.abs(points[distinct] @ points[i]).max() < same:
            distinct.append(i)
    exact = [i for i in distinct if gaps[i] <= exact_gap]
    if exact:
        return exact, True
    half = min((missing + 1) // 2, len(distinct))
    return [i for i in distinct if gaps[i] <= alike * gaps[distinct[half - 1]]], False


def _deflated(space: NDArray, outside: NDArray, inverse: NDArray, terms: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """The space, what is outside, and the inverse of the eigenvalues, without the terms of these factors."""
    normals = inverse @ (space.T @ square_coordinates(terms).T)
    basis = np.linalg.qr(normals, mode="complete")[0]
    turned, kept = space @ basis, basis[:, len(terms) :]
    return turned[:, len(terms) :], np.hstack([outside, turned[:, : len(terms)]]), kept.T @ inverse @ kept
