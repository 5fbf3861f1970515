"""The laws of random weights: how they are drawn, and whether given weights could have been."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy  # its parts are imported on first use
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from twolayer.arrays import frozen_array, real_number, whole_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.one_line import in_one_line
from twolayer.papers.daniely2020hardness.theory import WEIGHT_LAWS

__all__ = ["Covariance", "GoodnessOfFit", "WeightLaw", "autoregressive", "covariance", "goodness_of_fit"]

Matrix = NDArray[np.float64]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Covariance:
    r"""A covariance Σ, held as a lower triangular B with :math:`\Sigma^{-1} = B^\top B`.

    Attributes
    ----------
    inverse_factor : scipy.sparse.csr_array, shape (d, d)
        The B, sparse where Σ allows; Σ itself is never formed.
    least_eigenvalue : float
        λ_min(Σ) > 0.
    """

    inverse_factor: sparse.csr_array
    least_eigenvalue: float

    @property
    def dim(self) -> int:
        """The d."""
        return int(self.inverse_factor.shape[0])

    def colour(self, G: Matrix) -> Matrix:
        """Rows (k, d) of independent standard Gaussians → rows N(0, Σ): the solution of B wᵢ = gᵢ."""
        return np.ascontiguousarray(scipy.sparse.linalg.spsolve_triangular(self.inverse_factor, G.T, lower=True).T)

    def whiten(self, W: Matrix) -> Matrix:
        """Undo `colour`: rows N(0, Σ) → rows of independent standard Gaussians."""
        return np.ascontiguousarray((self.inverse_factor @ W.T).T)


def covariance(matrix: ArrayLike) -> Covariance:
    """Factor a covariance matrix.

    Parameters
    ----------
    matrix : array, shape (d, d)
        Symmetric and positive definite.

    Raises
    ------
    InputError
        If it is not.

    Notes
    -----
    Time O(d³), memory O(d²).
    """
    sigma = frozen_array(matrix, "the covariance", ndim=2)
    scale = np.abs(sigma).max(initial=0.0)
    # of a covariance that was computed, by rounding
    if sigma.shape[0] != sigma.shape[1] or not np.allclose(sigma, sigma.T, rtol=0, atol=1e-12 * scale):
        raise InputError(f"the covariance must be a symmetric matrix, found shape {sigma.shape}")
    least = float(scipy.linalg.eigvalsh(sigma)[0])
    if least <= np.finfo(float).eps * len(sigma) * scale:
        raise InputError(f"the covariance must be positive definite, found the eigenvalue {least:.3g}")
    factor = scipy.linalg.cholesky(sigma, lower=True)
    inverse = scipy.linalg.solve_triangular(factor, np.eye(len(sigma)), lower=True)
    return Covariance(sparse.csr_array(inverse), least)


def autoregressive(dim: int, correlation: float, scale: float = 1.0) -> Covariance:
    r"""Make :math:`\Sigma_{ij} = \text{scale}^2\,\rho^{|i-j|}`, whose B has two diagonals.

    Parameters
    ----------
    dim : int
    correlation : float
        The ρ, at most 0.999 in magnitude: beyond, labels would be lost to rounding.
    scale : float
        From 1e-100 to 1e100.

    Raises
    ------
    InputError
        If ρ or the scale is out of its range.

    Notes
    -----
    Time and memory O(d).
    """
    most = 0.999  # labels would be lost to rounding beyond
    d, rho = whole_number(dim, "the dimension"), real_number(correlation, "the correlation", least=-1)
    if abs(rho) > most:
        limit = most
        raise InputError(f"the correlation must be between −{limit} and {limit}, found {rho:g}")
    _require_scale(scale)
    step = 1 / (scale * np.sqrt(1 - rho**2))
    diagonal = np.full(d, step)
    diagonal[0] = 1 / scale
    B = sparse.diags_array([diagonal, np.full(d - 1, -rho * step)], offsets=[0, -1], shape=(d, d), format="csr")
    precision = diagonal**2
    precision[:-1] += (rho * step) ** 2
    off = np.full(d - 1, -rho * step**2)
    largest = scipy.linalg.eigh_tridiagonal(precision, off, eigvals_only=True, select="i", select_range=(d - 1, d - 1))
    return Covariance(B, 1 / float(largest[0]))


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class WeightLaw:
    r"""A law of the weights of a unit.

    Parameters
    ----------
    name : {"normal", "uniform", "sign", "gaussian", "sphere"}
        N(0, σ²), U([−r, r]) or U({±r}) entries; N(0, Σ); uniform on the sphere of radius r.
    scale : float
        The σ or r, from 1e-100 to 1e100; without meaning for "gaussian".
    covariance : Covariance, optional
        The Σ of "gaussian", of the dimension of a unit's weights.

    Raises
    ------
    InputError
        If the name is unknown, the scale out of its range, or a covariance missing or out of place.
    """

    name: str
    scale: float = 1.0
    covariance: Covariance | None = None

    def __post_init__(self) -> None:
        if self.name not in WEIGHT_LAWS:
            raise InputError(f"the law must be one of {', '.join(WEIGHT_LAWS)}, found {self.name!r}")
        _require_scale(self.scale)
        if (self.name == "gaussian") != (self.covariance is not None):
            raise InputError("a covariance belongs to the law 'gaussian', and to no other")

    @property
    def bound_scale(self) -> float:
        """What the theorems divide their bounds by: σ, r or √λ_min."""
        return self.scale if self.covariance is None else float(np.sqrt(self.covariance.least_eigenvalue))

    def entries(self, shape: tuple[int, ...], rng: np.random.Generator) -> Matrix:
        """Independent symmetric entries, from which `units` makes the law."""
        if self.name == "uniform":
            return rng.uniform(-self.scale, self.scale, shape)
        if self.name == "sign":
            return rng.choice([-self.scale, self.scale], shape)
        return rng.normal(0.0, self.scale if self.name == "normal" else 1.0, shape)

    def units(self, entries: Matrix) -> Matrix:
        """Rows of independent entries (k, d) → rows of this law: coloured, or brought to the sphere, or as they are."""
        if self.covariance is not None:
            if entries.shape[1] != self.covariance.dim:
                raise InputError(
                    f"the covariance has dimension {self.covariance.dim}, and a unit {entries.shape[1]} weights"
                )
            return self.covariance.colour(entries)
        if self.name == "sphere":
            return np.asarray(entries * (self.scale / np.linalg.norm(entries, axis=1, keepdims=True)), dtype=np.float64)
        return entries

    def cdf(self, values: ArrayLike, dim: int) -> NDArray[np.float64]:
        """Evaluate the distribution function of one weight of `dim`, whitened for "gaussian"."""
        z = np.asarray(values, dtype=np.float64) / (1.0 if self.name == "gaussian" else self.scale)
        if self.name == "uniform":
            return np.asarray(np.clip((z + 1) / 2, 0, 1), dtype=np.float64)
        if self.name == "sign":
            return np.where(z < -1, 0.0, np.where(z < 1, 0.5, 1.0))
        if self.name == "sphere":
            half = (dim - 1) / 2
            return np.asarray(scipy.special.betainc(half, half, np.clip((z + 1) / 2, 0, 1)))
        return np.asarray(scipy.special.ndtr(z))


@dataclass(frozen=True)
class GoodnessOfFit:
    """The Kolmogorov-Smirnov test of weights against a law.

    Attributes
    ----------
    distance : float
        Largest difference between the two distribution functions.
    p_value : float
        Asymptotic; too large, and so on the safe side, for the discrete law "sign".
    """

    distance: float
    p_value: float


def goodness_of_fit(W: ArrayLike, law: WeightLaw) -> GoodnessOfFit:
    """Test whether weights could have been drawn from a law, by the distribution of all their entries.

    Parameters
    ----------
    W : array, shape (k, d)
        Rows are units, or the one filter. Of "gaussian" weights, the whitened entries are tested.
    law : WeightLaw

    Returns
    -------
    GoodnessOfFit

    Raises
    ------
    InputError
        If W is no finite matrix.

    Notes
    -----
    It sees the law of an entry, not the dependence between entries. Entries on a sphere are nearly independent.
    """
    weights = frozen_array(W, "W", ndim=2)
    if law.covariance is not None:
        weights = law.covariance.whiten(weights)
    values, counts = np.unique(_snapped(weights, law), return_counts=True)
    above = np.cumsum(counts) / weights.size
    below = above - counts / weights.size
    dim = weights.shape[1]
    left = law.cdf(np.nextafter(values, -np.inf), dim)
    distance = float(max(np.abs(above - law.cdf(values, dim)).max(), np.abs(below - left).max()))
    return GoodnessOfFit(distance, float(scipy.special.kolmogorov(distance * np.sqrt(weights.size))))


def _require_scale(scale: float) -> None:
    largest = 1e100  # squares would overflow beyond
    if not 1 / largest <= real_number(scale, "the scale", least=0) <= largest:
        raise InputError(f"the scale must be from {1 / largest:g} to {largest:g}, found {scale:g}")


def _snapped(weights: Matrix, law: WeightLaw) -> NDArray[Any]:
    """Weights that are ±r up to rounding are ±r: a discrete law has no other tolerance."""
    if law.name != "sign":
        return weights
    nearest = np.copysign(law.scale, weights)
    return np.where(np.abs(weights - nearest) <= 1e-12 * law.scale, nearest, weights)
