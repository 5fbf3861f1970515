"""How far the data determine the weights: the Gaussian about a minimum that Laplace's approximation makes of it."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dtrtri

from twolayer.ridge.objective import Objective, Point
from twolayer.ridge.prior import Prior

__all__ = ["DensePosterior", "FactoredPosterior", "Posterior"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_JITTER = 1e-12  # of the mean diagonal of the curvature, so that a direction that nothing determines has a variance


class Posterior(ABC):
    r"""The covariance :math:`\sigma^2 (H + \Pi)^{-1}`, H the Gauss-Newton curvature and Π the diagonal of the ridges.

    Attributes
    ----------
    determined : array, shape (G,)
        Of each group of the prior, :math:`\gamma_g = \sum_{i \in g} (1 - \pi_i [(H + \Pi)^{-1}]_{ii})`.
    n_free : int
        Parameters without a penalty.
    log_volume : float
        :math:`\tfrac12\log\det(H + \Pi) - \tfrac12\sum_i\log\pi_i`, over the penalised i in the second: what the data
        have narrowed the prior by.
    extremes : pair of float
        Smallest and largest eigenvalue of H over the number of rows.
    """

    determined: Vector
    n_free: int
    log_volume: float
    extremes: tuple[float, float]

    @property
    def effective_parameters(self) -> float:
        """The γ: how many parameters the data determine."""
        return float(self.determined.sum()) + self.n_free

    @abstractmethod
    def variances(self, rows: Matrix) -> tuple[Matrix, Matrix]:
        """Posterior variances over σ², of G θ_i (m, D') for a map G (D', D) of the units' rows, and of A (m, q)."""


class DensePosterior(Posterior):
    """From the whole matrix; n m² D² / 4 + p³ multiply-adds."""

    def __init__(self, objective: Objective, point: Point, prior: Prior, curvature: Matrix | None = None):
        self._objective, self._point = objective, point
        H = objective.curvature(point) if curvature is None else curvature.copy(order="F")
        penalties = prior.precisions
        H[np.diag_indices_from(H)] += penalties + _JITTER * max(float(np.trace(H)) / len(H), 1e-300)
        factor, _ = dpotrf(H, lower=1, overwrite_a=1, clean=1)
        logs = np.log(np.maximum(np.diag(factor), 1e-300))
        self._root = dtrtri(factor, lower=1, overwrite_c=1)[0]  # its product with its own transpose is the inverse
        contributions = 1 - penalties * np.einsum("ij,ij->j", self._root, self._root)
        self.determined = np.maximum(prior.sums(contributions), 0.0)
        is_free = penalties == 0
        self.n_free = int(is_free.sum())
        self.log_volume = float(logs.sum() - 0.5 * np.log(penalties[~is_free]).sum())

    @property
    def extremes(self) -> tuple[float, float]:  # type: ignore[override]
        """Of the whole matrix, computed when asked for."""
        values = np.linalg.eigvalsh(self._objective.curvature(self._point)) / self._objective.total_weight
        return max(float(values[0]), 0.0), float(values[-1])

    def variances(self, rows: Matrix) -> tuple[Matrix, Matrix]:
        """From the diagonal blocks of the inverse."""
        objective = self._objective
        D, (first, second) = objective.n_columns, objective.edges
        blocks = (self._root[:, i * D : (i + 1) * D] for i in range(objective.width))
        units = np.array([np.sum((block @ rows.T) ** 2, axis=0) for block in blocks])
        outer = np.sum(self._root[:, first:second] ** 2, axis=0).reshape(objective.width, -1)
        return units, outer


class FactoredPosterior(Posterior):
    r"""With factors in place of H, for many parameters under one ridge.

    For the rows of the units stands :math:`K \otimes \tilde X^\top\Omega\tilde X/N` with
    :math:`K_{ij} = \sum_l \omega_l [A\Lambda_l A^\top]_{ij} s_{li}s_{lj}`, for the outer weights of output c
    :math:`\Phi^\top\Omega\,\mathrm{diag}(\Lambda_{l,cc})\,\Phi`: exact up to correlations between slopes and inputs and
    between outputs, positive, and diagonal in small bases. All penalties count as that of the first group.
    """

    def __init__(self, objective: Objective, point: Point, prior: Prior):
        _, A, _ = objective.split(point.z)
        weights, X, phi = objective.weights, objective.X, point.features
        S = objective.activation.derivative(point.t)
        Lambda = objective.likelihood.curvatures(point.outputs)
        if Lambda is None:
            K = (S * weights[:, None]).T @ S * (A @ A.T)
            grams = [(phi * weights[:, None]).T @ phi] * objective.n_outputs
        else:
            pushed = S[:, :, None] * A
            K = np.einsum("lic,lcd,ljd->ij", pushed, Lambda * weights[:, None, None], pushed, optimize=True)
            grams = [(phi * (weights * Lambda[:, c, c])[:, None]).T @ phi for c in range(objective.n_outputs)]
        second = (X * weights[:, None]).T @ X / objective.total_weight
        self._alpha = float(prior.alphas[0])
        self._k, self._c = _spectrum(K), _spectrum(second)
        self._outer = [_spectrum(gram) for gram in grams]
        values = np.concatenate([np.outer(self._k[0], self._c[0]).ravel(), *(outer[0] for outer in self._outer)])
        self.determined = np.array([float(np.sum(values / (values + self._alpha)))])
        self.extremes = float(values.min()) / objective.total_weight, float(values.max()) / objective.total_weight
        self.n_free = objective.has_bias * objective.n_outputs
        # of the constants too, as of a network without noise in the rest: alike in all fits of the same samples
        self.log_volume = 0.5 * float(np.log1p(values / self._alpha).sum())

    def variances(self, rows: Matrix) -> tuple[Matrix, Matrix]:
        """From the eigenvalues of the factors."""
        (k, U), (c, V) = self._k, self._c
        units = U**2 @ (1 / (np.outer(k, c) + self._alpha)) @ ((rows @ V) ** 2).T
        outer = np.column_stack([Q**2 @ (1 / (f + self._alpha)) for f, Q in self._outer])
        return units, outer


def _spectrum(gram: Matrix) -> tuple[Vector, Matrix]:
    values, vectors = np.linalg.eigh(gram)
    return np.maximum(values, 0.0), vectors
