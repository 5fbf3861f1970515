r"""Joint diagonalisation of symmetric matrices by congruence: :math:`C_l \approx A D_l A^\top`, D_l diagonal.

Every slice of a tensor :math:`\sum_i \lambda_i u_i^{\otimes p}` has this form with the factors u_i as the columns of A,
and so have the slices of several tensors with the same factors, put together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import first_nonfinite, real_array
from twolayer.decompose.jacobi import jacobi
from twolayer.decompose.pencil import pencil_vectors
from twolayer.decompose.slice_fit import SliceFit, fit_slices
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.one_line import in_one_line

__all__ = ["DIAGONALISERS", "JointDiagonalisation", "ffdiag", "joint_diagonalise", "uniform"]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class JointDiagonalisation:
    r"""Slices :math:`C_l \approx A\,\mathrm{diag}(D_l)\,A^\top`.

    Attributes
    ----------
    A : array, shape (k, k)
        One unit column to a factor.
    D : array, shape (L, k)
        Row l is the diagonal of slice l.
    residual : float
        Relative Frobenius norm of all :math:`C_l - A D_l A^\top` together.
    is_converged : bool
        Whether the iteration settled before its step limit. A settled fit may still be a poor one: see `residual`.
    """

    A: NDArray
    D: NDArray
    residual: float
    is_converged: bool


def joint_diagonalise(
    C: ArrayLike,
    method: str = "least_squares",
    *,
    max_starts: int = 4,
    rng: np.random.Generator | int | None = None,
) -> JointDiagonalisation:
    r"""Find A with :math:`C_l \approx A D_l A^\top` for all slices, whatever the signs of their eigenvalues.

    Each start is the eigenvectors of two random combinations of the slices [1]_. The best fit of all slices is kept,
    and the search ends early at a fit to rounding, or when two starts end at the same best fit.

    Parameters
    ----------
    C : array, shape (L, k, k)
        Two or more symmetric slices. For noisy slices, scale each by the inverse of its noise level.
    method : str
        A key of `DIAGONALISERS`:

        - ``"least_squares"``: minimises :math:`\sum_l \|C_l - A D_l A^\top\|_F^2` by Gauss-Newton from ``"uniform"``;
        - ``"uniform"``: the estimating equations of uniformly weighted off-diagonals, by `uniform`;
        - ``"ffdiag"``: the same equations, by `ffdiag`;
        - ``"jacobi"``: orthogonal A only, by `jacobi`.
    max_starts : int
        Most starts tried.
    rng : Generator, int or None

    Returns
    -------
    JointDiagonalisation

    Raises
    ------
    InputError
        If `C` is not a finite real stack of at least two square symmetric matrices, or `method` is unknown.

    Notes
    -----
    A step costs ``O(L k**3)``; a start takes about ten of them. A is unique up to order and scale of its columns if no
    two columns of D are parallel; otherwise the two factors mix. ``"uniform"`` and ``"ffdiag"`` measure the misfit
    after multiplying with :math:`A^{-1}`, which amplifies noise where A is ill-conditioned: with 1 % noise, random
    square A of condition 300 gives them errors of order one where ``"least_squares"`` stays at the noise level.

    References
    ----------
    .. [1] S. E. Leurgans, R. T. Ross, R. B. Abel, A decomposition for three-way arrays, SIAM J. Matrix Anal. Appl.,
    1993.
    """
    C = _checked_slices(C)
    if method not in DIAGONALISERS:
        raise InputError(f"method must be one of {', '.join(DIAGONALISERS)}, found {method!r}")
    rng = np.random.default_rng(rng)
    norm = float(np.linalg.norm(C))
    if norm == 0:
        return JointDiagonalisation(np.eye(C.shape[1]), np.zeros(C.shape[:2]), 0.0, True)
    C = C / norm
    k = C.shape[1]
    # k mixtures have all that is exact; some more tell factors apart whose energy in those is alike under noise
    reduced = _principal_slices(C, k + min(k, 40))
    best, is_converged = _best_of_starts(reduced, DIAGONALISERS[method], max_starts, rng)
    if len(reduced) < len(C):
        A, is_converged = DIAGONALISERS[method](C, _inverse(best.A))
        best = SliceFit(C, A)
    return JointDiagonalisation(best.A, best.D * norm, best.residual, is_converged)


def _best_of_starts(
    C: NDArray,
    diagonalise: "Diagonaliser",
    max_starts: int,
    rng: np.random.Generator,
    same: float = 1e-6,
    rounding: float = 1e-12,
) -> tuple[SliceFit, bool]:
    """The best fit of several starts; fewer if one is exact, or if the best is found twice.

    Two residuals that differ by less than `same` of them are of one minimum: a descent ends at 1e-9 a step. One below
    `rounding` is exact: 1e-15 times a condition of a thousand.
    """
    best: SliceFit | None = None
    is_converged = False
    for _ in range(max_starts):
        A, settled = diagonalise(C, pencil_vectors(C, rng)[1])
        fit = SliceFit(C, A)
        is_repeated = best is not None and abs(fit.residual - best.residual) <= same * best.residual
        if best is None or fit.residual < best.residual:
            best, is_converged = fit, settled
        if is_repeated or best.residual <= rounding:
            break
    assert best is not None
    return best, is_converged


def uniform(C: NDArray, V: NDArray, *, max_steps: int = 50, rtol: float = 1e-8) -> tuple[NDArray, bool]:
    r"""Uniformly weighted diagonalisation [1]_: from an inverse :math:`V \approx A^{-1}` to a better one.

    With :math:`M_l = V C_l V^\top`, the mixing I + E that explains the off-diagonals to first order,
    :math:`(M_l)_{ij} \approx E_{ij} D_{lj} + E_{ji} D_{li}` with D_l the diagonal of M_l, solves for each pair i, j the
    normal equations

    .. math:: \begin{pmatrix} B_{jj} & B_{ij} \\ B_{ij} & B_{ii} \end{pmatrix}
        \begin{pmatrix} E_{ij} \\ E_{ji} \end{pmatrix} = \begin{pmatrix} P_{ji} \\ P_{ij} \end{pmatrix},
        \qquad B_{ij} = \sum_l D_{li} D_{lj}, \quad P_{ij} = \sum_l (M_l)_{ij} D_{li},

    and the step is :math:`V \leftarrow (I + E)^{-1} V`. Quadratic near an exact solution; equivariant under a scaling
    of the rows of V, which are rescaled to B_ii = 1.

    Returns
    -------
    V : array, shape (k, k)
    is_converged : bool
        Whether the last E was below `rtol` in every entry.

    References
    ----------
    .. [1] P. Tichavský, A. Yeredor, Fast approximate joint diagonalization incorporating weight matrices, IEEE Trans.
       Signal Process. 57, 2009.
    """
    identity = np.eye(len(V))
    return _iterate(C, V, lambda E, V: np.linalg.solve(identity + _limited(E, 2, 0.9), V), max_steps, rtol)


def ffdiag(C: NDArray, V: NDArray, *, max_steps: int = 200, rtol: float = 1e-8) -> tuple[NDArray, bool]:
    r"""FFDIAG [1]_: the first-order correction of `uniform` applied as :math:`V \leftarrow (I - E) V`.

    E is shortened to Frobenius norm 0.7 where it is longer, which keeps :math:`I - E` invertible; far from the solution
    and for large k that makes it slower than `uniform`, with the same fixed points.

    References
    ----------
    .. [1] A. Ziehe, P. Laskov, G. Nolte, K.-R. Müller, A fast algorithm for joint diagonalization with non-orthogonal
       transformations, J. Mach. Learn. Res. 5, 2004.
    """
    return _iterate(C, V, lambda E, V: V - _limited(E, "fro", 0.7) @ V, max_steps, rtol)


@np.errstate(over="ignore", invalid="ignore")  # what comes of an overflow is no number, and ends it
def _iterate(
    C: NDArray, V: NDArray, move: Callable[[NDArray, NDArray], NDArray], max_steps: int, rtol: float
) -> tuple[NDArray, bool]:
    """Balance, correct, move; until the correction is small, or is no longer a number."""
    for _ in range(max_steps):
        balanced, M = _balanced(V, C)
        E = _first_order_mixing(M)
        # slices of lower rank than their size have no inverse for V to come near: it runs off
        if not (np.isfinite(balanced).all() and np.isfinite(E).all()):
            return V, False
        moved = move(E, balanced)
        if not np.isfinite(moved).all():
            return balanced, False
        V = moved
        if np.abs(E).max() <= rtol:
            return _balanced(V, C)[0], True
    return V, False


def _balanced(V: NDArray, C: NDArray) -> tuple[NDArray, NDArray]:
    """V with its rows scaled so that the squared diagonals of V C_l Vᵀ sum to one over l, and those matrices."""
    M = V @ C @ V.T
    size = np.sum(np.einsum("lii->li", M) ** 2, axis=0)
    scale = np.maximum(size, np.finfo(float).tiny) ** -0.25
    return V * scale[:, None], M * np.outer(scale, scale)


def _first_order_mixing(M: NDArray) -> NDArray:
    """E of `uniform`; zero where two diagonals are parallel and the pair cannot be told apart."""
    D = np.einsum("lii->li", M)
    B = D.T @ D
    P = np.einsum("lij,li->ij", M, D)
    b = B.diagonal()
    determinant = np.outer(b, b) - B**2
    numerator = b[:, None] * P.T - B * P
    is_solvable = determinant > 1e-14 * np.outer(b, b)
    np.fill_diagonal(is_solvable, False)
    return np.where(is_solvable, numerator, 0.0) / np.where(is_solvable, determinant, 1.0)


def _limited(E: NDArray, norm: Literal["fro"] | float, largest: float) -> NDArray:
    size = np.linalg.norm(E, norm)
    return E if size <= largest else E * (largest / size)


def _principal_slices(C: NDArray, count: int) -> NDArray:
    """The `count` orthogonal mixtures of the slices with the most energy: exact slices have no more than k of them."""
    L = len(C)
    if count >= L:
        return C
    _, mixing = np.linalg.eigh(C.reshape(L, -1) @ C.reshape(L, -1).T)
    return np.tensordot(mixing[:, -count:].T, C, 1)


def _checked_slices(C: ArrayLike) -> NDArray:
    C = real_array(C, "C", 3).astype(np.float64)
    if C.shape[1] != C.shape[2] or C.shape[1] < 1 or len(C) < 2:
        raise InputError(f"C must hold two or more square slices, shape (L, k, k), found shape {C.shape}")
    place = first_nonfinite(C)
    if place is not None:
        raise InputError(f"C must be finite, found {C[place]} at index {', '.join(map(str, place))}")
    asymmetry = np.abs(C - C.transpose(0, 2, 1)).max()
    if asymmetry > 1e-8 * np.abs(C).max():
        raise InputError(
            f"the slices of C must be symmetric, found entries that differ by {asymmetry:.2g} when transposed"
        )
    return (C + C.transpose(0, 2, 1)) / 2


def _inverse(V: NDArray) -> NDArray:
    return np.linalg.pinv(V, rcond=1e-15)


def _by_least_squares(C: NDArray, V: NDArray) -> tuple[NDArray, bool]:
    # a few cheap steps from the pencil's vectors, where they help: under noise, and ill-conditioned, they may not
    start, moved = SliceFit(C, _inverse(V)), SliceFit(C, _inverse(uniform(C, V, max_steps=5)[0]))
    fit, is_settled = fit_slices(C, min(start, moved, key=lambda fit: fit.cost).A)
    return fit.A, is_settled


def _by_uniform(C: NDArray, V: NDArray) -> tuple[NDArray, bool]:
    V, is_converged = uniform(C, V)
    return _inverse(V), is_converged


def _by_ffdiag(C: NDArray, V: NDArray) -> tuple[NDArray, bool]:
    V, is_converged = ffdiag(C, V)
    return _inverse(V), is_converged


def _by_jacobi(C: NDArray, V: NDArray) -> tuple[NDArray, bool]:
    return jacobi(C, np.linalg.qr(V.T)[0])


Diagonaliser = Callable[[NDArray, NDArray], tuple[NDArray, bool]]

DIAGONALISERS: dict[str, Diagonaliser] = {
    "least_squares": _by_least_squares,
    "uniform": _by_uniform,
    "ffdiag": _by_ffdiag,
    "jacobi": _by_jacobi,
}
