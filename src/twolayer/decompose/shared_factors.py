r"""Several symmetric matrices with the same factors, more than rows: a partially symmetric tensor taken apart."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from twolayer.arrays import first_nonfinite, real_array, whole_number
from twolayer.decompose.decomposition import Decomposition, generic_rank, pose
from twolayer.decompose.joint_diagonalisation import joint_diagonalise
from twolayer.decompose.symmetric_sum import slices, unit_rows
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.one_line import in_one_line
from twolayer.solvers import GramSolver, NielsenDamping

__all__ = ["SharedFactors", "decompose_shared", "shared_factors"]

Matrix = NDArray[np.float64]

_EXACT = 1e-12  # relative residual that only rounding leaves


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class SharedFactors:
    r"""A sum :math:`M_c \approx \sum_i A_{ic}\,u_i u_i^\top` for all matrices.

    Attributes
    ----------
    factors : array, shape (r, d)
        Unit rows u_i, their signs arbitrary.
    A : array, shape (r, q)
        The weights of each factor in each matrix.
    residual : float
        Relative Frobenius norm of what is left of all matrices together.
    is_exact : bool
        Whether that is rounding.
    """

    factors: Matrix
    A: Matrix
    residual: float
    is_exact: bool


def decompose_shared(
    M: ArrayLike,
    rank: int,
    *,
    max_starts: int = 10,
    max_steps: int = 200,
    rng: np.random.Generator | int | None = None,
) -> SharedFactors:
    r"""Decompose several symmetric matrices into the same rank-one terms, also more of them than rows.

    .. math:: \min_{u}\ \min_A\ \sum_c \Bigl\|M_c - \sum_i A_{ic}\,u_i u_i^\top\Bigr\|_F^2

    by Gauss-Newton on the factors, the weights solved for at each step (variable projection): with Z the columns
    vec(u uᵀ), Π the projection to their complement and :math:`\nabla_i` the derivative of the i-th,
    :math:`H_{ij} = (AA^\top)_{ij}\,\nabla_i^\top\Pi\nabla_j`. The first start is the joint diagonalisation in the
    leading span where the rank is at most d, the others are random.

    Parameters
    ----------
    M : array, shape (q, d, d)
        Symmetric matrices: second moments of q outputs, for instance.
    rank : int
        Number of terms r, below :math:`q\,\binom{d+1}2 / (d + q - 1)`, what generic such matrices determine.
    max_starts, max_steps : int
        It ends early at a fit to rounding.
    rng : Generator, int or None

    Returns
    -------
    SharedFactors

    Raises
    ------
    InputError
        If M is not a finite stack of symmetric matrices, all zero, or the rank is out of range.

    Notes
    -----
    A step costs O(d² (r d)² + (r d)³). It fails by stopping at local minima, of which there are more the nearer the
    rank is to its bound.
    """
    M = _checked(M)
    q, d = M.shape[:2]
    most = _most(q, d)
    if whole_number(rank, "rank") > most:
        raise InputError(f"rank must be at most {most} for {q} matrices of {d} rows, found {rank}")
    generator = np.random.default_rng(rng)
    norm = float(np.linalg.norm(M))
    target = M.reshape(q, -1).T / norm
    best: tuple[Matrix, Matrix, float] | None = None
    for number in range(max_starts):
        start = _diagonal_start(M / norm, rank, generator) if number == 0 and 2 <= rank <= d and q >= 2 else None
        U = unit_rows(generator.standard_normal((rank, d))) if start is None else start
        found = _descended(target, U, max_steps)
        if best is None or found[2] < best[2]:
            best = found
        if best[2] <= _EXACT:
            break
    assert best is not None
    U, A, residual = best
    return SharedFactors(U, A * norm, residual, residual <= _EXACT)


def shared_factors(
    T: ArrayLike, rank: int, *, max_starts: int = 10, rng: np.random.Generator | int | None = None
) -> Decomposition:
    r"""Decompose by the factors that all slices share, the weights of each slice free.

    The slices of :math:`\sum_i \lambda_i u_i^{\otimes p}` are symmetric matrices with the factors u_i. The symmetry of
    the other modes is not used, so that this takes the same road as moments of several outputs: see `decompose_shared`.

    Parameters
    ----------
    T : array, shape (d, d, d) or (d, d, d, d)
        Symmetric.
    rank : int
        Number of terms, above d too.
    max_starts : int
        Most starts.
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
    O(d² (r d)² + (r d)³) a step. Slower than ``"least_squares"``, which knows that the tensor is symmetric; it fails
    nearer to the bound of the rank.
    """
    problem = pose(T, rank, "shared_factors", lambda d, order: min(generic_rank(d, order), _most(_count(d, order), d)))
    stack = slices(problem.T, _count(len(problem.T), problem.T.ndim))
    found = decompose_shared(stack, problem.rank, max_starts=max_starts, rng=rng)
    return problem.judged(found.factors)


def _count(d: int, order: int) -> int:
    """Slices that a symmetric tensor has."""
    return d if order == 3 else d * (d + 1) // 2


def _most(q: int, d: int) -> int:
    """The most terms that generic matrices determine."""
    return max(d, (q * d * (d + 1) // 2 - 1) // (d + q - 1))


def _diagonal_start(M: Matrix, rank: int, rng: np.random.Generator) -> Matrix:
    """Factors by joint diagonalisation in the span of the leading left singular vectors."""
    wide = np.hstack(list(M))
    V = np.linalg.eigh(wide @ wide.T)[1][:, ::-1][:, :rank]
    return unit_rows((V @ joint_diagonalise(V.T @ M @ V, max_starts=2, rng=rng).A).T)


def _descended(target: Matrix, U: Matrix, max_steps: int) -> tuple[Matrix, Matrix, float]:
    """Unit factors, weights and relative residual at a minimum."""
    A, loss = _solved(target, U)
    damping, slow = NielsenDamping(1e-2), 0
    for _ in range(max_steps):
        if loss <= (_EXACT / 10) ** 2:
            break
        g, H = _normal_equations(target, U, A)
        scale = H.diagonal() + 1e-12 * float(H.diagonal().max())
        for _ in range(12):  # the damping grows by 2, 4, 8, …: to 1e20 times what it was
            try:
                step = -cho_solve(cho_factor(H + np.diag(damping.value * scale)), g)
            except LinAlgError:
                damping.fail()
                continue
            trial = unit_rows(U + step.reshape(U.shape))
            weights, left = _solved(target, trial)
            if left < loss:
                break
            damping.fail()
        else:
            break
        predicted = float(step @ (damping.value * scale * step - g))
        damping.succeed((loss - left) / max(predicted, 1e-300))
        slow = slow + 1 if left > 0.99 * loss else 0
        U, A, loss = trial, weights, left
        if slow == 10:  # ten steps that bring less than a tenth together
            break
    return U, A, float(np.sqrt(loss))


def _columns(U: Matrix) -> Matrix:
    """The vec(u uᵀ), one column each."""
    return np.einsum("ia,ib->abi", U, U).reshape(-1, len(U))


def _solved(target: Matrix, U: Matrix) -> tuple[Matrix, float]:
    Z = _columns(U)
    solve = GramSolver.of(Z.T @ Z)
    A = solve(Z.T @ target)
    for _ in range(2):
        A = A + solve(Z.T @ (target - Z @ A))
    return A, float(np.sum((target - Z @ A) ** 2))


def _normal_equations(target: Matrix, U: Matrix, A: Matrix) -> tuple[Matrix, Matrix]:
    r, d = U.shape
    identity = np.eye(d)
    slopes = np.einsum("ia,bc->abic", U, identity) + np.einsum("ib,ac->abic", U, identity)
    J = slopes.reshape(d * d, r * d)
    Z = _columns(U)
    R = target - Z @ A
    cross = Z.T @ J
    H = J.T @ J - cross.T @ GramSolver.of(Z.T @ Z)(cross)
    H.reshape(r, d, r, d)[:] *= (A @ A.T)[:, None, :, None]
    g = -np.einsum("kic,kq,iq->ic", J.reshape(d * d, r, d), R, A, optimize=True)
    return g.ravel(), H


def _checked(M: ArrayLike) -> Matrix:
    stack = np.asarray(real_array(M, "M", 3), np.float64)
    if stack.shape[1] != stack.shape[2] or not stack.size:
        raise InputError(f"M must be square matrices in one array (q, d, d), found shape {stack.shape}")
    place = first_nonfinite(stack)
    if place is not None:
        raise InputError(f"M must be finite, found {stack[place]} at index {', '.join(map(str, place))}")
    largest = float(np.abs(stack).max())
    if largest == 0:
        raise InputError("M must not be zero everywhere")
    if np.abs(stack - stack.swapaxes(1, 2)).max() > 1e-8 * largest:
        raise InputError("M must be symmetric matrices")
    return (stack + stack.swapaxes(1, 2)) / 2
