r"""The subspace power method: order four, more terms than dimensions."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.decompose.decomposition import Decomposition, pose
from twolayer.decompose.symmetric_sum import pair_flattening, pair_matrices, unit_rows

__all__ = ["subspace_power"]

_SHIFT = np.sqrt(0.5)
_NEGLIGIBLE = 1e-12
_NEAR = 1e-6
_SHARPENINGS = 20
_EXACT_GAP = 1e-22
_PATIENCE = 10


def pairs_left_over(d: int, order: int) -> int:  # noqa: ARG001 - every bound takes the same arguments
    """Dimension of the symmetric matrices less that of their rank-one cone: d(d - 1)/2, at least one."""
    return max(1, d * (d - 1) // 2)


def subspace_power(
    T: ArrayLike,
    rank: int,
    *,
    restarts: int = 10,
    max_steps: int = 200,
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
        Random starts for a term, of which the largest f is kept. It ends early at f = 1 to rounding; if all terms
        before were so, ten times as many are allowed.
    max_steps : int
        Steps of the power iteration from a start.
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
    ``O(d**6)`` once, ``O(r d**2)`` a step. Each term costs the accuracy of those before it; noise moves a factor by
    about the spectral norm of the flattened noise over the r-th singular value. It fails above d(d - 1)/2, where the
    space contains other rank-one matrices, and gets slow just below.

    References
    ----------
    .. [1] J. Kileel, J. M. Pereira, Subspace power method for symmetric tensor decomposition and generalized PCA,
       arXiv:1912.04007, 2019.
    """
    problem = pose(T, rank, "subspace_power", pairs_left_over, orders=(4,))
    rng = np.random.default_rng(rng)
    d = len(problem.T)
    values, vectors = np.linalg.eigh(pair_flattening(problem.T))
    order = np.argsort(-np.abs(values), kind="stable")
    count = min(problem.rank, int(np.sum(np.abs(values) > _NEGLIGIBLE * np.abs(values).max())))
    matrices = pair_matrices(vectors[:, order], d)
    space, outside, inverse = matrices[:count], matrices[count:], np.diag(1 / values[order[:count]])

    factors = unit_rows(rng.standard_normal((problem.rank, d)))  # those of a tensor of lower rank stay arbitrary
    is_exact = False
    for i in range(count):
        starts = restarts * (_PATIENCE if is_exact else 1)
        factors[i], gap = _maximiser(space, outside, starts, max_steps, rng)
        is_exact = (is_exact or i == 0) and gap <= _EXACT_GAP
        space, outside, inverse = _deflated(space, outside, inverse, factors[i])
    return problem.judged(factors)


def _maximiser(
    space: NDArray, outside: NDArray, restarts: int, max_steps: int, rng: np.random.Generator
) -> tuple[NDArray, float]:
    """The best local maximiser of f found from random starts, fewer if one is exact; and 1 - f there."""
    best, best_gap = np.empty(0), np.inf
    for _ in range(restarts):
        x = unit_rows(rng.standard_normal((1, space.shape[1])))[0]
        x, gap = _sharpened(outside, _iterated(space, x, max_steps))
        if gap < best_gap:
            best, best_gap = x, gap
        if gap <= _EXACT_GAP:
            break
    return best, best_gap


def _iterated(space: NDArray, x: NDArray, max_steps: int) -> NDArray:
    """The shifted power iteration for f, from x."""
    for _ in range(max_steps):
        image = space @ x
        alpha = image @ x
        f = min(float(alpha @ alpha), 1.0)
        shift = np.sqrt(f * (1 - f)) if f > 2 / 3 else _SHIFT * (1 - f / 2)
        moved = alpha @ image + shift * x
        moved /= np.linalg.norm(moved)
        change = np.linalg.norm(moved - x)
        x = moved
        if change <= _NEAR:
            break
    return x


def _sharpened(outside: NDArray, x: NDArray) -> tuple[NDArray, float]:
    """A local minimiser of 1 - f, the squared part of x xᵀ outside the space, by Gauss-Newton; and its value."""
    image = outside @ x
    part = image @ x
    gap = float(part @ part)
    for _ in range(_SHARPENINGS):
        step = np.linalg.lstsq(np.vstack([2 * image, x]), np.append(-part, 0.0), rcond=None)[0]
        moved = (x + step) / np.linalg.norm(x + step)
        moved_image = outside @ moved
        moved_part = moved_image @ moved
        moved_gap = float(moved_part @ moved_part)
        if not moved_gap < gap:
            break
        x, image, part, gap = moved, moved_image, moved_part, moved_gap
    return x, gap


def _deflated(space: NDArray, outside: NDArray, inverse: NDArray, x: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """The space, what is outside, and the inverse of the eigenvalues, without the term of factor x."""
    normal = inverse @ (space @ x @ x)
    basis = np.linalg.qr(np.column_stack([normal, np.eye(len(normal))]))[0]
    turned = np.tensordot(basis.T, space, 1)
    kept = basis[:, 1:]
    return turned[1:], np.concatenate([outside, turned[:1]]), kept.T @ inverse @ kept
