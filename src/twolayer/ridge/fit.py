"""A minimum of the penalised likelihood, and what the data say for it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from twolayer.evidence.standard_errors import StandardErrors
from twolayer.network import TwoLayerNetwork
from twolayer.polynomial import Polynomial
from twolayer.ridge.descent import noise_variance
from twolayer.ridge.objective import Objective, Point
from twolayer.ridge.plan import PLAN
from twolayer.ridge.posterior import DensePosterior, FactoredPosterior, Posterior
from twolayer.ridge.prior import Prior

__all__ = ["RidgeFit"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_EXACT = 1e-16  # of labels of variance one: a hundred millionth of their spread


@dataclass(frozen=True, eq=False)
class RidgeFit:
    r"""A minimum of :math:`L(z) + \tfrac12\sum_i\pi_i z_i^2`, and what the data say for its penalties π.

    By Laplace's approximation the weights have the `Posterior` covariance :math:`\sigma^2 (H + \Pi)^{-1}`, and with N
    the number of labels

    .. math:: \gamma = \sum_i \bigl(1 - \pi_i[(H + \Pi)^{-1}]_{ii}\bigr), \qquad
        \log p(y\mid\pi) = -\tfrac N2 \log\sigma^2 - \frac{2L + \sum_i\pi_i z_i^2}{2\sigma^2}
        - \tfrac12\log\frac{\det(H + \Pi)}{\prod_i \pi_i} + \text{const}

    for Gaussian noise, σ² the one of largest evidence; elsewhere σ² = 1 and there is no first term.

    Attributes
    ----------
    objective : Objective
    point : Point
    prior : Prior
    axes : array, shape (r, d), or None
        Orthonormal rows: the inputs of the objective are these coordinates of the samples'. None where they are the
        same.

    References
    ----------
    MacKay (1992), Bayesian interpolation.
    """

    objective: Objective
    point: Point
    prior: Prior
    axes: Matrix | None = None

    @property
    def alpha(self) -> float:
        """The penalty; the geometric mean of several."""
        return self.prior.mean

    @property
    def network(self) -> TwoLayerNetwork:
        """The network, its units not balanced."""
        rows, A, c = self.objective.split(self.point.z)
        d = self.objective.n_columns - self.objective.has_bias
        W = rows[:, :d] if self.axes is None else rows[:, :d] @ self.axes
        b = rows[:, d] if self.objective.has_bias else None
        polynomial = Polynomial(c if len(c) > 1 else float(c[0])) if len(c) else None
        return TwoLayerNetwork(A, W, b, self.objective.activation, polynomial)

    @cached_property
    def posterior(self) -> Posterior:
        """From the whole curvature, or from factors of it where there are many parameters."""
        is_dense = self.objective.n_parameters <= PLAN.dense_parameters
        return (DensePosterior if is_dense else FactoredPosterior)(self.objective, self.point, self.prior)

    @property
    def penalty(self) -> float:
        """Sum of the penalties times the squared weights."""
        return float(self.prior.penalties @ self.point.z**2)

    @property
    def value(self) -> float:
        """What is minimal: loss and half the penalty."""
        return self.point.loss + 0.5 * self.penalty

    @property
    def explained(self) -> float:
        """By which part the loss is below that of the best constant (of zero, where there is none)."""
        objective = self.objective
        constant = objective.likelihood.constant(objective.Y, objective.weights) * objective.has_bias
        losses = objective.likelihood.losses(np.tile(constant, (objective.n_rows, 1)), objective.Y)
        return 1 - self.point.loss / max(float(objective.weights @ losses), 1e-300)

    @property
    def is_exact(self) -> bool:
        """Whether what it leaves of standardised labels is as small as rounding may be."""
        objective = self.objective
        return objective.likelihood.has_scale and 2 * self.point.loss <= _EXACT * objective.total_weight

    @property
    def effective_parameters(self) -> float:
        """The γ: how many parameters the data determine."""
        return self.posterior.effective_parameters

    @property
    def variance(self) -> float:
        """Estimated σ²: twice the loss over N - γ."""
        return noise_variance(self.objective, self.point, self.effective_parameters)

    @property
    def log_evidence(self) -> float:
        """Log evidence, up to a constant of the samples and the likelihood, less one for each ridge that was found."""
        occam = self.posterior.log_volume + len(self.prior.alphas)
        if not self.objective.likelihood.has_scale:
            return -self.value - occam
        labels = self.objective.total_weight * self.objective.n_outputs
        return float(-0.5 * labels * np.log(max(2 * self.value, 1e-300) / labels) - occam)

    @property
    def better_prior(self) -> Prior:
        """The penalties that are stationary for the evidence if the weights stay."""
        return self.prior.updated(self.point.z, self.posterior.determined, self.variance)

    def standard_errors(self, rows: Matrix) -> StandardErrors:
        """Posterior standard deviations of the outer weights, the constant and, mapped by `rows`, the units.

        Parameters
        ----------
        rows : array, shape (D', D)
            A linear map of the rows (w, b), b only with biases, of the units on the samples as they were given.
        """
        has_bias = self.objective.has_bias
        if self.axes is not None:
            rows = np.hstack([rows[:, : self.axes.shape[1]] @ self.axes.T, rows[:, self.axes.shape[1] :]])
        units, outer = (np.sqrt(self.variance * part) for part in self.posterior.variances(rows))
        d = units.shape[1] - has_bias
        return StandardErrors(
            a=outer[:, 0] if outer.shape[1] == 1 else outer,
            W=units[:, :d],
            b=units[:, d] if has_bias else np.zeros(len(units)),
            constant=float(np.sqrt(self.variance / self.objective.total_weight)) if has_bias else 0.0,
            is_exact=False,
        )
