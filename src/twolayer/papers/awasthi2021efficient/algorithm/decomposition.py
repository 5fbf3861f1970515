r"""Steps 1 to 4 of Algorithm 1: the units, up to sign, from two flattened tensors of consecutive orders."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.decompose.joint_diagonalisation import joint_diagonalise
from twolayer.decompose.pencil import pencil_vectors
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.one_line import in_one_line
from twolayer.papers.awasthi2021efficient.algorithm.flattenings import direction_of, packed_flattening, slices
from twolayer.papers.awasthi2021efficient.theory import scaled_powers
from twolayer.symtensor import multiplicities

__all__ = ["DIAGONALISATIONS", "Terms", "best_coefficients", "merged", "rank_one_terms"]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Terms:
    r"""Rank-one terms :math:`\alpha_i u_i^{\otimes j}` of one tensor.

    Attributes
    ----------
    order : int
        The j.
    directions : array, shape (k, d)
        Unit rows u_i, of arbitrary sign.
    weights : array, shape (k,)
        The α_i.
    noise : float
        Error of the flattened tensor, operator norm.
    singular_values : array
        Of the flattening, all of them: what the rank was counted from.
    """

    order: int
    directions: NDArray
    weights: NDArray
    noise: float
    singular_values: NDArray

    @property
    def rank(self) -> int:
        """Number of singular values that stood out."""
        return len(self.weights)


def rank_one_terms(
    packed: NDArray,
    dim: int,
    order: int,
    level: int,
    noise: float,
    *,
    most: int | None = None,
    diagonalisation: str = "jennrich",
    rng: np.random.Generator,
) -> Terms:
    r"""Step 2 or 3 of Algorithm 1: flatten, take the rank, decompose, un-flatten.

    The tensor of order j = 2ℓ + 1 or 2ℓ + 2 is flattened to order 3, (ℓ, ℓ, j - 2ℓ), in which the terms are independent
    if the :math:`u_i^{\otimes ℓ}` are. Terms whose coefficient is at the noise are part of the error, and are not
    looked for [1]_.

    Parameters
    ----------
    packed : array
        The tensor.
    dim, order, level : int
    noise : float
        Singular values of the ℓ | j - ℓ flattening up to this are noise.
    most : int, optional
        Terms at most.
    diagonalisation : str
        A key of `DIAGONALISATIONS`.
    rng : Generator

    Returns
    -------
    Terms

    References
    ----------
    .. [1] awasthi2021efficient, Algorithm 1, steps 1 to 3; Claim 4.4; section 5 (ii)
    """
    if diagonalisation not in DIAGONALISATIONS:
        raise InputError(f"diagonalisation must be one of {', '.join(DIAGONALISATIONS)}, found {diagonalisation!r}")
    left, values, _ = np.linalg.svd(packed_flattening(packed, dim, order, level), full_matrices=False)
    rank = int(np.sum(values > noise))
    rank = rank if most is None else min(rank, most)
    if rank == 0:
        return Terms(order, np.zeros((0, dim)), np.zeros(0), noise, values)
    V = left[:, :rank]
    stack = slices(packed, dim, order, level, V)
    factors = (V @ DIAGONALISATIONS[diagonalisation](stack, rng)).T
    directions = np.array([direction_of(factor, dim, level) for factor in factors])
    return Terms(order, directions, best_coefficients(packed, dim, order, directions), noise, values)


def best_coefficients(packed: NDArray, dim: int, order: int, directions: NDArray) -> NDArray:
    r"""Coefficients ζ that bring :math:`\sum_i \zeta_i u_i^{\otimes j}` closest to a packed tensor (Frobenius norm)."""
    scaled = packed * np.sqrt(multiplicities(dim, order))
    return np.linalg.lstsq(scaled_powers(directions, order).T, scaled, rcond=None)[0]


def merged(parts: Sequence[Terms]) -> NDArray:
    r"""Step 4 of Algorithm 1: pool the directions of all tensors, without duplicates and antipodes.

    Terms with |α| up to the noise are dropped. The others are gone through from the best known to the worst, by
    noise/|α|, which is the size of the error of the direction. A term is a duplicate if it is no further from one kept
    before, up to sign, than 0.7 times their errors together, and than 1/2: the noise in the one direction that matters
    is less than its norm.

    Returns
    -------
    array, shape (m, d)
        Unit rows, the best known first.
    """
    # of the sum of their errors: those of two independent directions add up as squares do, to 0.7 of the sum
    rounding = 1e-7  # exact tensors give directions to about that
    errors_apart = 0.7
    widest = 0.5  # beyond half a radian two directions are two, however uncertain
    known = [np.abs(part.weights) > part.noise for part in parts]
    directions = np.concatenate([part.directions[some] for part, some in zip(parts, known, strict=True)])
    errors = np.concatenate([part.noise / np.abs(part.weights[some]) for part, some in zip(parts, known, strict=True)])
    kept: list[int] = []
    for i in np.argsort(errors, kind="stable"):
        others = directions[kept]
        distances = np.linalg.norm(others - directions[i] * np.sign(others @ directions[i])[:, None], axis=1)
        radii = np.minimum(errors_apart * (errors[kept] + errors[i]) + rounding, widest)
        if not np.any(distances <= radii):
            kept.append(int(i))
    return directions[kept]


def _by_jennrich(stack: NDArray, rng: np.random.Generator) -> NDArray:
    """Eigenvectors of two random contractions; of 8 draws, the one that fits all slices best."""
    # eight pencils, of which the best is taken: one is ill-conditioned now and then
    found = [pencil_vectors(stack, rng)[0] for _ in range(8)]
    return min(found, key=lambda A: _misfit(stack, A))


def _by_joint_diagonalisation(stack: NDArray, rng: np.random.Generator) -> NDArray:
    """Least squares over all slices."""
    stack = stack if len(stack) > 1 else np.concatenate([stack, stack])
    return joint_diagonalise(stack, rng=rng).A


def _misfit(stack: NDArray, A: NDArray) -> float:
    """What is left of the slices by the best A diag A^T."""
    products = np.einsum("ai,bi->iab", A, A).reshape(A.shape[1], -1)
    flat = stack.reshape(len(stack), -1)
    weights = np.linalg.lstsq(products.T, flat.T, rcond=None)[0]
    return float(np.linalg.norm(flat - (products.T @ weights).T))


DIAGONALISATIONS: dict[str, Callable[[NDArray, np.random.Generator], NDArray]] = {
    "jennrich": _by_jennrich,
    "joint": _by_joint_diagonalisation,
}
