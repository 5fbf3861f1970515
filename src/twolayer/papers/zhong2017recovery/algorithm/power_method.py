r"""POWERMETHOD: the subspace of the units from :math:`\hat P_2`, known by its products only."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh

from twolayer.arrays import whole_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.one_line import in_one_line

__all__ = ["SUBSPACES", "Subspace", "eigsh_subspace", "power_method"]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Subspace:
    """An approximate invariant subspace of a symmetric matrix P.

    Attributes
    ----------
    basis : array, shape (d, k)
        The V, orthonormal columns.
    eigenvalues : array, shape (k,)
        Eigenvalues of VᵀPV, those of largest magnitude first.
    residual : float
        ‖PV − V(VᵀPV)‖ / ‖VᵀPV‖, spectral norms.
    steps : int
        Products with blocks of k columns (power method) or with single columns (eigsh) made, those for the norm and the
        residual not counted.
    """

    basis: NDArray
    eigenvalues: NDArray
    residual: float
    steps: int


def power_method(
    P2: NDArray | LinearOperator,
    k: int,
    *,
    rng: np.random.Generator | int | None = None,
    max_steps: int = 500,
    rtol: float = 1e-8,
) -> Subspace:
    r"""Find the k eigenvectors of largest |eigenvalue| of a symmetric matrix, by two shifted power iterations.

    .. math:: V_1 \leftarrow \operatorname{qr}(C V_1 + \hat P_2 V_1), \qquad
        V_2 \leftarrow \operatorname{qr}(C V_2 - \hat P_2 V_2), \qquad C = 3\,\|\hat P_2\|.

    The shift makes both matrices positive definite, so that :math:`V_1` tends to the k algebraically largest and
    :math:`V_2` to the k smallest eigenvalues; of both, the k of largest magnitude are kept, and the part of :math:`V_2`
    is made orthogonal to that of :math:`V_1` [1]_. Signs must not be asked for in advance: output weights of both signs
    give eigenvalues of both.

    Parameters
    ----------
    P2 : array or LinearOperator, shape (d, d)
        Symmetric; only products with blocks are taken.
    k : int
        The dimension, 1 ≤ k ≤ d.
    rng : numpy.random.Generator or int or None
        For the starts.
    max_steps : int
        Steps of each iteration at most.
    rtol : float
        Stops once the residual is below this (looked at every tenth step).

    Returns
    -------
    Subspace
        The last one, whether or not `rtol` was met: see its residual.

    Raises
    ------
    InputError
        If P2 is not square, or k not from 1 to d, or max_steps below 1.

    Notes
    -----
    Time O(ndk) a step with an operator that is made of samples. Slow: the error falls by
    :math:`(C + \lambda_{k+1})/(C + \lambda_k)` a step, about 0.8 where the shift were not 0.2; `eigsh_subspace` needs
    tens of products instead of hundreds. The blocks are rotated to the Ritz vectors before eigenvalues are read off, as
    their columns are none until everything has converged, and from :math:`V_1` only eigenvalues ≥ 0 and from
    :math:`V_2` only those < 0 are taken: else, where 2k > d, one eigenvector could be counted twice.

    References
    ----------
    .. [1] zhong2017recovery, Algorithm 1, line 4 (details in the full version)
    """
    rng, k, d = np.random.default_rng(rng), *_shape(P2, k)
    max_steps = whole_number(max_steps, "max_steps")
    start = np.linalg.qr(rng.standard_normal((d, 2 * k if 2 * k <= d else k)))[0]
    V1, V2 = start[:, :k], start[:, -k:]
    C = 3 * _norm(P2, start[:, 0])
    steps = 0
    while True:
        V1, V2 = np.linalg.qr(C * V1 + P2 @ V1)[0], np.linalg.qr(C * V2 - P2 @ V2)[0]
        steps += 1
        # not at each step: to look costs products of its own
        if steps == max_steps or steps % 10 == 0:
            found = _measured(P2, _strongest(P2, V1, V2, k), 2 * steps)
            if steps == max_steps or found.residual <= rtol:
                return found


def eigsh_subspace(P2: NDArray | LinearOperator, k: int, *, rng: np.random.Generator | int | None = None) -> Subspace:
    """Find the same subspace as `power_method` by Lanczos iteration (``scipy.sparse.linalg.eigsh``), to rounding.

    Parameters
    ----------
    P2 : array or LinearOperator, shape (d, d)
        Symmetric.
    k : int
        The dimension, 1 ≤ k ≤ d.
    rng : numpy.random.Generator or int or None
        For the start.

    Returns
    -------
    Subspace

    Raises
    ------
    InputError
        If P2 is not square or k not from 1 to d.
    """
    rng, k, d = np.random.default_rng(rng), *_shape(P2, k)
    products = 0

    def product(v: NDArray) -> NDArray:
        nonlocal products
        products += 1
        return np.asarray(P2 @ v)

    start = rng.standard_normal(d)
    if 2 * k >= d or not np.any(P2 @ start):  # Lanczos has no room, or nothing to iterate on
        values, vectors = np.linalg.eigh(P2 @ np.eye(d))
        products = d
    else:
        counted = LinearOperator((d, d), matvec=product, dtype=np.float64)
        values, vectors = eigsh(counted, k, which="LM", v0=start)
    return _measured(P2, vectors[:, np.argsort(-np.abs(values))[:k]], products)


SUBSPACES: dict[str, Callable[..., Subspace]] = {"power": power_method, "eigsh": eigsh_subspace}


def _shape(P2: NDArray | LinearOperator, k: int) -> tuple[int, int]:
    if len(P2.shape) != 2 or P2.shape[0] != P2.shape[1]:
        raise InputError(f"P2 must be square, found shape {P2.shape}")
    k, d = whole_number(k, "k"), P2.shape[0]
    if k > d:
        raise InputError(f"a subspace of R^{d} has at most {d} dimensions, found k = {k}")
    return k, d


def _norm(P2: NDArray | LinearOperator, v: NDArray) -> float:
    """Spectral norm from a few power steps, from below."""
    size = 0.0
    # the norm need only be right to a percent: it scales a shift
    for _ in range(20):
        v = np.asarray(P2 @ v)
        size = float(np.linalg.norm(v))
        if size == 0:
            return 0.0
        v /= size
    return size


def _strongest(P2: NDArray | LinearOperator, V1: NDArray, V2: NDArray, k: int) -> NDArray:
    """The k Ritz vectors of largest |value|, of value ≥ 0 from V1 and < 0 from V2, made orthonormal."""
    (high, V1), (low, V2) = _ritz(P2, V1), _ritz(P2, V2)
    strength = np.concatenate([np.where(high >= 0, high, -np.inf), np.where(low < 0, -low, -np.inf)])
    kept = np.argsort(-strength, kind="stable")[:k]
    first, second = V1[:, kept[kept < k]], V2[:, kept[kept >= k] - k]
    second = second - first @ (first.T @ second)
    return np.linalg.qr(np.hstack([first, second]))[0]


def _ritz(P2: NDArray | LinearOperator, V: NDArray) -> tuple[NDArray, NDArray]:
    """Ritz values and vectors of P2 in the span of V."""
    seen = V.T @ (P2 @ V)
    values, vectors = np.linalg.eigh((seen + seen.T) / 2)
    return values, V @ vectors


def _measured(P2: NDArray | LinearOperator, V: NDArray, steps: int) -> Subspace:
    """The subspace with its Ritz values, vectors and residual."""
    values, V = _ritz(P2, V)
    order = np.argsort(-np.abs(values), kind="stable")
    values, V = values[order], V[:, order]
    left = np.linalg.norm(P2 @ V - V * values, 2)
    size = float(np.abs(values[0]))
    return Subspace(V, values, float(left / size) if size > 0 else 0.0, steps)
