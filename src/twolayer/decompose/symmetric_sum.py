r"""What every algorithm here does with the model :math:`T \approx \sum_i \lambda_i u_i^{\otimes p}`, unit rows u_i."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from twolayer.decompose.flattening import flattened, pair_flattening, pair_matrices, square_coordinates
from twolayer.symtensor import transform

__all__ = [
    "Compression",
    "Target",
    "best_weights",
    "compress",
    "contract_all_but_one",
    "contract_all_but_two",
    "largest_term",
    "slices",
    "unit_rows",
]


class Target(Protocol):
    """A symmetric tensor, formed or not, that knows what a sum of rank-one terms leaves of it."""

    @property
    def order(self) -> int:
        """The p."""

    @property
    def misfit(self) -> float:
        """Squared norm, or less by a constant."""

    @property
    def floor(self) -> float:
        """A misfit that is rounding."""

    def less(self, weights: NDArray, factors: NDArray) -> "Target":
        """The tensor without the terms of these weights and unit factors."""

    def contracted(self, factors: NDArray) -> NDArray:
        """Contractions with each factor in all places but one, shape (r, d)."""


def contract_all_but_one(T: NDArray, factors: NDArray) -> NDArray:
    r"""Row i is :math:`T(\cdot, u_i, \dots, u_i)`: shape (r, d), by unordered pairs of modes."""
    return flattened(T).contracted(factors)


def contract_all_but_two(T: NDArray, factors: NDArray) -> NDArray:
    r"""Matrix i is :math:`T(\cdot, \cdot, u_i, \dots, u_i)`: shape (r, d, d), by unordered pairs of modes."""
    last = factors if T.ndim == 3 else square_coordinates(factors)
    return pair_matrices((last @ flattened(T).matrix).T, len(T))


def best_weights(T: NDArray, factors: NDArray) -> NDArray:
    r"""Weights that minimise :math:`\|T - \sum_i \lambda_i u_i^{\otimes p}\|_F` for given unit `factors`.

    They solve :math:`(UU^\top)^{\circ p} \lambda = (T(u_i, \dots, u_i))_i`. The right side is refined with the explicit
    residual, so that the accuracy is that of the condition number of this Gram matrix, not of its square; where terms
    coincide, the least-norm solution shares the weight among them.
    """
    # below 1e-13 an eigenvalue of the Gram matrix is the rounding of its entries: terms that coincide
    inverse_gram = np.linalg.pinv((factors @ factors.T) ** T.ndim, rcond=1e-13, hermitian=True)
    target, weights = flattened(T), np.zeros(len(factors))
    for _ in range(3):
        image = target.less(weights, factors).contracted(factors)
        weights = weights + inverse_gram @ np.einsum("ia,ia->i", image, factors)
    return weights


def largest_term(T: Target, starts: NDArray, steps: int = 15) -> tuple[float, NDArray]:
    r"""The largest :math:`|T(u, \dots, u)|` met by power iterations from unit rows of `starts`, signed, and its u."""
    points, best, at = starts, 0.0, starts[0]
    for _ in range(steps):
        image = T.contracted(points)
        values = np.einsum("ia,ia->i", image, points)
        i = int(np.abs(values).argmax())
        if abs(values[i]) > abs(best):
            best, at = float(values[i]), points[i]
        points = unit_rows(image)
    return best, at


def unit_rows(rows: NDArray) -> NDArray:
    """Rows scaled to norm one; a row of zeros stays."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1.0)


class Compression(NamedTuple):
    """A tensor in its leading subspace: ``core = T(V, ..., V)``, V (d, r) with orthonormal columns."""

    core: NDArray
    V: NDArray


def compress(T: NDArray, rank: int) -> Compression:
    r"""Coordinates in the span of the `rank` leading left singular vectors of the :math:`d \times d^{p-1}` flattening.

    A sum of r rank-one terms lives in the span of its factors, so that nothing is lost for rank ≥ r, and noise outside
    that span is dropped.
    """
    d = len(T)
    triangular = np.linalg.qr(T.reshape(d, -1).T, mode="r")
    V = np.linalg.svd(triangular)[2][:rank].T
    return Compression(transform(T, V), V)


def slices(T: NDArray, count: int) -> NDArray:
    r"""At most `count` symmetric matrices (L, d, d) that span what the slices :math:`T(\cdot, \cdot, \dots)` span.

    They are the eigen-slices :math:`\mu_l E_l` of the flattening onto pairs of modes, the largest first, so that
    :math:`\sum_l \langle C, \mu_l E_l \rangle^2` is the energy of all slices along any C. For a sum of r rank-one
    terms there are no more than r that differ from zero.
    """
    d = len(T)
    if T.ndim == 3:
        order = np.linalg.svd(T.reshape(d, d * d))[0].T
        return np.tensordot(order[:count], T, 1)
    values, vectors = np.linalg.eigh(pair_flattening(T))
    leading = np.argsort(-np.abs(values), kind="stable")[:count]
    return pair_matrices(vectors[:, leading] * values[leading], d)
