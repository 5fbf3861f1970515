"""What labels are to the outputs of a network: Gaussian about them, or classes drawn with their probabilities."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

__all__ = ["Bernoulli", "Categorical", "Gaussian", "Likelihood"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class Likelihood(ABC):
    r"""The negative log likelihood :math:`\ell(f, y)` of a row with outputs f (q,), as a function of f.

    Attributes
    ----------
    has_scale : bool
        Whether a noise variance, common to all entries, has to be estimated; elsewhere it is 1.
    """

    has_scale = False

    @abstractmethod
    def losses(self, F: Matrix, Y: Matrix) -> Vector:
        """The ℓ of each row, (n,)."""

    @abstractmethod
    def gradients(self, F: Matrix, Y: Matrix) -> Matrix:
        """Derivatives of ℓ by the outputs, (n, q)."""

    @abstractmethod
    def curvatures(self, F: Matrix) -> NDArray[np.float64] | None:
        """Second derivatives of ℓ, (n, q, q), which no label changes; None where each is the identity."""

    @abstractmethod
    def constant(self, Y: Matrix, weights: Vector) -> Vector:
        """The outputs (q,) that are best for all rows together."""


class Gaussian(Likelihood):
    r""":math:`\ell = \tfrac12\|f - y\|^2`."""

    has_scale = True

    def losses(self, F: Matrix, Y: Matrix) -> Vector:
        """Half the squared distance."""
        return 0.5 * np.einsum("ij,ij->i", F - Y, F - Y)

    def gradients(self, F: Matrix, Y: Matrix) -> Matrix:
        """The residual."""
        return F - Y

    def curvatures(self, F: Matrix) -> None:  # noqa: ARG002
        """The identity."""
        return

    def constant(self, Y: Matrix, weights: Vector) -> Vector:
        """The mean."""
        return weights @ Y / weights.sum()


class Bernoulli(Likelihood):
    r"""Two classes, y in {0, 1}, of log odds f: :math:`\ell = \log(1 + e^f) - y f`."""

    def losses(self, F: Matrix, Y: Matrix) -> Vector:
        """Cross entropy."""
        return (-Y * log_expit(F) - (1 - Y) * log_expit(-F))[:, 0]

    def gradients(self, F: Matrix, Y: Matrix) -> Matrix:
        """Probability less label."""
        return np.asarray(expit(F) - Y)

    def curvatures(self, F: Matrix) -> NDArray[np.float64]:
        """Variance of the label, p (1 - p)."""
        return np.asarray(expit(F) * expit(-F))[:, :, None]

    def constant(self, Y: Matrix, weights: Vector) -> Vector:
        """Log odds of the frequencies."""
        share = weights @ Y / weights.sum()
        return np.asarray(np.log(share / (1 - share)))


class Categorical(Likelihood):
    r"""Classes with one-hot y: :math:`\ell = \log\sum_c e^{f_c} - y\cdot f`, the softmax regression."""

    def losses(self, F: Matrix, Y: Matrix) -> Vector:
        """Cross entropy."""
        above = F - F.max(axis=1, keepdims=True)
        return np.asarray(np.log(np.exp(above).sum(axis=1)) - np.einsum("ij,ij->i", above, Y))

    def gradients(self, F: Matrix, Y: Matrix) -> Matrix:
        """Probabilities less labels."""
        return _probabilities(F) - Y

    def curvatures(self, F: Matrix) -> NDArray[np.float64]:
        r"""Covariance of the label, :math:`\mathrm{diag}(p) - pp^\top`."""
        P = _probabilities(F)
        return np.asarray(P[:, :, None] * (np.eye(P.shape[1]) - P[:, None, :]))

    def constant(self, Y: Matrix, weights: Vector) -> Vector:
        """Logarithms of the frequencies, of mean zero."""
        logs = np.log(weights @ Y / weights.sum())
        return np.asarray(logs - logs.mean())


def _probabilities(F: Matrix) -> Matrix:
    """The softmax of each row; SciPy's own takes ten times as long on few rows."""
    P = np.exp(F - F.max(axis=1, keepdims=True))
    P /= P.sum(axis=1, keepdims=True)
    return P
