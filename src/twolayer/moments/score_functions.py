r"""Moments for inputs that are not Gaussian: score functions in place of Hermite tensors.

For a density p, the score function of order j and Stein's identity are

.. math:: S_j(x) = (-1)^j\, \frac{\nabla^j p(x)}{p(x)}, \qquad \mathbb E[y\,S_j(x)] = \mathbb E[\nabla^j f(x)]
    = \sum_i a_i\,\mathbb E[\sigma^{(j)}(w_i\cdot x + b_i)]\, w_i^{\otimes j},

so that the units are the factors, as they are of Hermite moments, which this is for a standard Gaussian p (Janzamin,
Sedghi and Anandkumar, arXiv:1506.08473). For a mixture of Gaussians with responsibilities r_c and
:math:`u_c = P_c(x - \mu_c)`, P_c the inverse covariance, S_j is the mean of the Hermite tensors of its parts:

.. math:: S_1 = \sum_c r_c u_c, \qquad S_2 = \sum_c r_c (u_c u_c^\top - P_c), \qquad
    S_3(\cdot,\cdot,v) = \sum_c r_c \left[(u_c\cdot v)(u_c u_c^\top - P_c) - (P_c v) u_c^\top - u_c (P_c v)^\top\right].
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp

from twolayer.arrays import frozen_array, whole_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.one_line import in_one_line
from twolayer.rows import some_rows
from twolayer.rows.passes import weighted_gram
from twolayer.sources import check_samples

__all__ = ["GaussianMixture", "score_matrix", "score_slice", "score_vector"]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class GaussianMixture:
    r"""A density :math:`p(x) = \sum_c \pi_c\, N(x; \mu_c, \Sigma_c)` of inputs.

    Attributes
    ----------
    weights : array, shape (K,)
        Positive, of sum one.
    means : array, shape (K, d)
    covariances : array, shape (K, d, d)
        Positive definite.
    """

    weights: NDArray[np.float64]
    means: NDArray[np.float64]
    covariances: NDArray[np.float64]

    def __post_init__(self) -> None:
        weights, means = frozen_array(self.weights, "weights", 1), frozen_array(self.means, "means", 2)
        covariances = frozen_array(self.covariances, "covariances", 3)
        K, d = means.shape
        if weights.shape != (K,) or covariances.shape != (K, d, d):
            raise InputError(
                f"weights (K,), means (K, d) and covariances (K, d, d) must fit together, found shapes {weights.shape},"
                f" {means.shape} and {covariances.shape}"
            )
        if weights.min() <= 0 or abs(weights.sum() - 1) > 1e-9:  # more than rounding, or nine written digits, explains
            raise InputError(f"weights must be positive and of sum one, found {weights.tolist()}")
        values = np.linalg.eigvalsh(covariances)
        if not np.allclose(covariances, covariances.swapaxes(1, 2)) or values.min() <= 0:
            raise InputError(f"covariances must be symmetric and positive definite, found eigenvalues {values.min():g}")
        for name, value in (("weights", weights), ("means", means), ("covariances", covariances)):
            object.__setattr__(self, name, value)

    @classmethod
    def fitted(cls, X: ArrayLike, parts: int, rng: np.random.Generator | int | None = None) -> Self:
        """The mixture of so many parts that fits inputs best, by scikit-learn's EM on at most 10 000 rows."""
        from sklearn.mixture import GaussianMixture as Fitted

        parts, rows = whole_number(parts, "parts"), frozen_array(X, "X", 2)
        if len(rows) < 2 * parts:
            raise InputError(f"{parts} parts need at least {2 * parts} rows, found {len(rows)}")
        # ten thousand rows fit a mixture of few parts to a percent; expectation-maximisation passes over them often
        some = some_rows(len(rows), 10_000)
        rows = rows if some is None else rows[some]
        seed = int(np.random.default_rng(rng).integers(2**31))
        # of the mean variance: keeps a part of few rows from collapsing, and changes no other in six digits
        fitted = Fitted(parts, reg_covar=1e-6 * float(rows.var(axis=0).mean()), random_state=seed).fit(rows)
        return cls(fitted.weights_ / fitted.weights_.sum(), fitted.means_, fitted.covariances_)

    def log_density(self, X: ArrayLike) -> NDArray[np.float64]:
        """The logarithm of p at each row of `X`, (n,)."""
        return np.asarray(logsumexp(self._log_parts(np.asarray(X, np.float64)), axis=1))

    def parts(self, X: NDArray) -> Iterator[tuple[NDArray, NDArray, NDArray]]:
        """For each part its responsibilities (n,), the rows u (n, d), and P (d, d)."""
        logs = self._log_parts(X)
        shares = np.exp(logs - logsumexp(logs, axis=1, keepdims=True))
        for share, mean, covariance in zip(shares.T, self.means, self.covariances, strict=True):
            P = np.linalg.inv(covariance)
            yield share, (X - mean) @ P, P

    def _log_parts(self, X: NDArray) -> NDArray[np.float64]:
        """Each log π_c N(x; μ_c, Σ_c), (n, K)."""
        columns = []
        for weight, mean, covariance in zip(self.weights, self.means, self.covariances, strict=True):
            L = np.linalg.cholesky(covariance)
            z = np.linalg.solve(L, (X - mean).T)
            log_norm = np.log(L.diagonal()).sum() + len(mean) / 2 * np.log(2 * np.pi)
            columns.append(np.log(weight) - log_norm - np.sum(z**2, axis=0) / 2)
        return np.stack(columns, axis=1)


def score_vector(X: ArrayLike, y: ArrayLike, density: GaussianMixture) -> NDArray[np.float64]:
    """The moment E[y S_1], (d,): the mean gradient of f.

    Raises
    ------
    InputError
        If the samples are none, or of another number of inputs than the density.
    """
    X, y = _checked(X, y, density)
    return np.asarray(sum((share * y) @ U for share, U, _ in density.parts(X)) / len(X))


def score_matrix(X: ArrayLike, y: ArrayLike, density: GaussianMixture) -> NDArray[np.float64]:
    """The moment E[y S_2], (d, d): the mean Hessian of f. Affine parts of y add nothing but variance.

    Raises
    ------
    InputError
        As `score_vector`.

    Notes
    -----
    O(K n d²) time, O(n d) memory. An entry has standard error O(std(y) ‖P‖ / √n).
    """
    X, y = _checked(X, y, density)
    total = np.zeros((X.shape[1], X.shape[1]))
    for share, U, P in density.parts(X):
        total += weighted_gram(U, share * y) - (share @ y) * P
    return total / len(X)


def score_slice(X: ArrayLike, y: ArrayLike, density: GaussianMixture, v: ArrayLike) -> NDArray[np.float64]:
    """The moment E[y S_3] contracted with v once, (d, d); no tensor of d³ entries is formed.

    Raises
    ------
    InputError
        As `score_vector`, or if v does not have d entries.
    """
    X, y = _checked(X, y, density)
    v = frozen_array(v, "v", 1)
    if len(v) != X.shape[1]:
        raise InputError(f"v must have {X.shape[1]} entries, found {len(v)}")
    total = np.zeros((len(v), len(v)))
    for share, U, P in density.parts(X):
        weights = share * y
        along = weights * (U @ v)
        cross = np.outer(P @ v, weights @ U)
        total += weighted_gram(U, along) - along.sum() * P - cross - cross.T
    return total / len(X)


def _checked(X: ArrayLike, y: ArrayLike, density: GaussianMixture) -> tuple[NDArray, NDArray]:
    X, y = check_samples(X, y)
    if X.shape[1] != density.means.shape[1]:
        raise InputError(f"the density has {density.means.shape[1]} inputs, X has {X.shape[1]}")
    return X.astype(np.float64, copy=False), y.astype(np.float64, copy=False)
