r"""The subspace power method: order four, more terms than dimensions."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.decompose.decomposition import Decomposition, pose
from twolayer.decompose.symmetric_sum import pair_flattening, pair_matrices, unit_rows

__all__ = ["subspace_power"]

_SHIFT = np.sqrt(0.5)
_NEGLIGIBLE = 1e-12
_RTOL = 1e-14


def pairs_left_over(d: int, order: int) -> int:  # noqa: ARG001 - every bound takes the same arguments
    """Dimension of the symmetric matrices less that of their rank-one cone: d(d - 1)/2, at least one."""
    return max(1, d * (d - 1) // 2)


def subspace_power(
    T: ArrayLike,
    rank: int,
    *,
    restarts: int = 10,
    max_steps: int = 1000,
    is_enough: float = 0.99,
    rng: np.random.Generator | int | None = None,
) -> Decomposition:
    r"""Decompose an order-four tensor of rank up to d(d - 1)/2, weights of both signs [1]_.

    The flattening onto pairs of modes, :math:`\sum_i \lambda_i \mathrm{vec}(u_i u_i^\top)\mathrm{vec}(u_i u_i^\top)^\top`,
    has an eigenspace of dimension r, with orthonormal symmetric matrices V_s, that generically contains no rank-one
    matrices but multiples of the :math:`u_i u_i^\top`. These are the maximisers, with value one, of

    .. math:: f(x) = \sum_s (x^\top V_s x)^2, \qquad \|x\| = 1,

    found from random starts by :math:`x \leftarrow \sum_s (x^\top V_s x) V_s x + \gamma x`, normalised, with the adaptive
    shift :math:`\gamma = \sqrt{f(1-f)}` if f > 2/3, else :math:`\sqrt{1/2}\,(1 - f/2)`. With D the eigenvalues and
    :math:`\alpha_s = x^\top V_s x`, the weight is :math:`1 / \alpha^\top D^{-1} \alpha`, and the term is deflated by
    keeping the part of the space orthogonal to :math:`D^{-1}\alpha`.

    The r eigenvalues are those largest in *modulus*: weights of both signs have eigenvalues of both signs.

    Parameters
    ----------
    T : array, shape (d, d, d, d)
        Symmetric.
    rank : int
        Number of terms, at most d(d - 1)/2.
    restarts : int
        Random starts for a term, of which the largest f is kept.
    max_steps : int
        Steps of a start.
    is_enough : float
        A start that ends with f at or above this needs no restart.
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
    ``O(d**6)`` once, ``O(r d**2)`` a step. Each term costs the accuracy of those before it; noise moves a factor by about
    the spectral norm of the flattened noise over the r-th singular value. It fails above d(d - 1)/2, where the space
    contains other rank-one matrices, and gets slow just below.

    References
    ----------
    .. [1] J. Kileel, J. M. Pereira, Subspace power method for symmetric tensor decomposition and generalized PCA,
       arXiv:1912.04007, 2019.
    """
    problem = pose(T, rank, "subspace_power", pairs_left_over, orders=(4,))
    rng = np.random.default_rng(rng)
    d = len(problem.T)
    values, vectors = np.linalg.eigh(pair_flattening(problem.T))
    leading = np.argsort(-np.abs(values), kind="stable")[: problem.rank]
    leading = leading[np.abs(values[leading]) > _NEGLIGIBLE * np.abs(values).max()]
    space, inverse = pair_matrices(vectors[:, leading], d), np.diag(1 / values[leading])

    factors = unit_rows(rng.standard_normal((problem.rank, d)))  # those of a tensor of lower rank stay arbitrary
    for i in range(len(leading)):
        x = _maximiser(space, restarts, max_steps, is_enough, rng)
        factors[i] = x
        space, inverse = _deflated(space, inverse, x)
    return problem.judged(factors)


def _maximiser(
    space: NDArray, restarts: int, max_steps: int, is_enough: float, rng: np.random.Generator
) -> NDArray:
    """The best local maximiser of f found, from random starts."""
    best, best_value = np.empty(0), -1.0
    for _ in range(restarts):
        x = unit_rows(rng.standard_normal((1, space.shape[1])))[0]
        value = 0.0
        for _ in range(max_steps):
            image = space @ x
            alpha = image @ x
            value = min(float(alpha @ alpha), 1.0)
            shift = np.sqrt(value * (1 - value)) if value > 2 / 3 else _SHIFT * (1 - value / 2)
            moved = alpha @ image + shift * x
            moved /= np.linalg.norm(moved)
            change = np.linalg.norm(moved - x)
            x = moved
            if change <= _RTOL:
                break
        if value > best_value:
            best, best_value = x, value
        if value >= is_enough:
            break
    return best


def _deflated(space: NDArray, inverse: NDArray, x: NDArray) -> tuple[NDArray, NDArray]:
    """The space and the inverse of the eigenvalues without the term of factor x."""
    normal = inverse @ (space @ x @ x)
    basis = np.linalg.qr(np.column_stack([normal, np.eye(len(normal))]))[0][:, 1:]
    return np.tensordot(basis.T, space, 1), basis.T @ inverse @ basis
