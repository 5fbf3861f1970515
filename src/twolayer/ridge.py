"""A network fitted with a ridge on its weights: an approximation, wherever the data come from."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.evidence.standard_errors import StandardErrors
from twolayer.model import UnitsProblem
from twolayer.model.fit import EXACT
from twolayer.model.problem import Matrix, Vector
from twolayer.model.reflections import network_of
from twolayer.moments import second_moment
from twolayer.network import TwoLayerNetwork
from twolayer.refine import Stopping
from twolayer.refine.explore import refined
from twolayer.search.directions import random_start

__all__ = ["RidgeFit", "ridge_fit", "ridge_fit_from"]

_FIRST_PENALTIES = (0.2, 1.0)  # times std(y) √n: below and above what the evidence asks for of noisy data
_LEAST_PENALTY = 1e-30  # of labels of variance one: below their rounding
_STEPS = 100  # of a refinement at one penalty


@dataclass(frozen=True)
class RidgeFit:
    r"""A minimum of the penalised loss, and what the data say for its penalty.

    By the Laplace approximation with Gaussian noise of variance σ² and Gaussian weights of variance σ²/α, the
    parameters have posterior covariance :math:`\sigma^2 (J^\top J + \alpha I)^{-1}`, and with λ the eigenvalues of JᵀJ

    .. math:: \gamma = \sum_i \frac{\lambda_i}{\lambda_i + \alpha}, \qquad
        \log p(y\mid\alpha) = -\tfrac n2 \log\sigma^2 - \frac{\|r\|^2 + \alpha\|w\|^2}{2\sigma^2}
        - \tfrac12\sum_i \log(1 + \lambda_i/\alpha) + \text{const}.

    In place of JᵀJ stands :math:`S^\top S \otimes \tilde X^\top\tilde X/n` for the rows (w, b) of the units, S their
    slopes, and ΦᵀΦ for the outer weights: exact up to correlations between slopes and inputs, positive, and diagonal
    in two small bases. Biases count as weights there, and the constant as one parameter more.

    Attributes
    ----------
    problem : UnitsProblem
        Unlifted, with free outer weights; its ridge is the α.
    point : array, shape (p,)
    axes : array, shape (r, d), or None
        Orthonormal rows: the inputs of the problem are these coordinates of the samples'. None where they are the same.

    References
    ----------
    MacKay (1992), Bayesian interpolation.
    """

    problem: UnitsProblem
    point: Vector
    axes: Matrix | None

    @property
    def alpha(self) -> float:
        """The penalty."""
        return self.problem.ridge

    @property
    def network(self) -> TwoLayerNetwork:
        """The network, its units not balanced."""
        network = network_of(self.problem, self.point)
        return network if self.axes is None else replace(network, W=network.W @ self.axes)

    @cached_property
    def squares(self) -> tuple[float, float]:
        """Sums of squares: ‖r‖² and ‖w‖²."""
        r = self.problem.residual(self.point)
        return max(float(r @ r), 1e-300), float(self.problem.penalized(self.point) @ self.point)

    @property
    def loss(self) -> float:
        """The penalised sum of squares, ‖r‖² + α‖w‖²."""
        return self.squares[0] + self.alpha * self.squares[1]

    @property
    def effective_parameters(self) -> float:
        """The γ: how many parameters the data determine."""
        return self._determined + self.problem.has_constant

    @property
    def variance(self) -> float:
        """Estimated σ², ‖r‖²/(n-γ)."""
        return self.squares[0] / max(self.problem.n_rows - self.effective_parameters, 1.0)

    @property
    def log_evidence(self) -> float:
        """Log evidence, up to a constant of the samples."""
        misfit = self.problem.n_rows * np.log(self.variance) + self.loss / self.variance
        return float(-0.5 * (misfit + np.sum(np.log1p(self._eigenvalues / self.alpha))))

    @property
    def better_alpha(self) -> float:
        r"""Where the evidence is stationary if the weights stay, :math:`\sigma^2\gamma/\|w\|^2`."""
        return max(self.variance * self._determined / max(self.squares[1], 1e-300), _LEAST_PENALTY)

    def standard_errors(self, rows: Matrix) -> StandardErrors:
        """Posterior standard deviations of the outer weights, the constant and, mapped by `rows`, the units.

        Parameters
        ----------
        rows : array, shape (D', D)
            A linear map of the rows (w, b), b only with biases, of the units on the samples as they were given.
        """
        (k, U), (c, V), (f, Q) = self._factors
        if self.axes is not None:
            rows = np.hstack([rows[:, : self.axes.shape[1]] @ self.axes.T, rows[:, self.axes.shape[1] :]])
        units = U**2 @ (1 / (np.outer(k, c) + self.alpha)) @ ((rows @ V) ** 2).T
        outer = Q**2 @ (1 / (f + self.alpha))
        d = units.shape[1] - self.problem.has_bias
        deviations = np.sqrt(self.variance * units)
        return StandardErrors(
            a=np.sqrt(self.variance * outer),
            W=deviations[:, :d],
            b=deviations[:, d] if self.problem.has_bias else np.zeros(self.problem.width),
            constant=float(np.sqrt(self.variance / self.problem.n_rows)) if self.problem.has_constant else 0.0,
            is_exact=False,
        )

    @cached_property
    def _factors(self) -> tuple[tuple[Vector, Matrix], ...]:
        """Eigenvalues and eigenvectors of SᵀS, X̃ᵀX̃/n and ΦᵀΦ."""
        problem = self.problem
        at = problem.linearize(self.point)
        second = sum(x.T @ x for x in map(problem.inputs, problem.blocks())) / problem.n_rows
        outer = slice(0, problem.n_amplitudes)
        spectra = map(np.linalg.eigh, (at.slope_gram, second, at.feature_gram[outer, outer]))
        return tuple((np.maximum(values, 0.0), vectors) for values, vectors in spectra)

    @property
    def _eigenvalues(self) -> Vector:
        (k, _), (c, _), (f, _) = self._factors
        return np.r_[np.outer(k, c).ravel(), f]

    @property
    def _determined(self) -> float:
        return float(np.sum(self._eigenvalues / (self._eigenvalues + self.alpha)))

    def refitted(self, alpha: float, max_steps: int) -> "RidgeFit":
        """The minimum for another penalty, from here."""
        old = self.problem
        problem = UnitsProblem(old.X, old.y, old.activation, old.width, has_bias=old.has_bias, ridge=alpha)
        fit = refined(problem, self.point, Stopping(max_steps, patience=3, least_gain=1e-3))
        return RidgeFit(problem, fit.point, self.axes)


def ridge_fit(
    X: NDArray,
    y: NDArray,
    width: int,
    activation: Activation,
    *,
    has_bias: bool,
    alpha: float | None = None,
    rng: np.random.Generator,
) -> RidgeFit:
    r"""Fit a network with a ridge on its weights.

    .. math:: \min_{a, W, b, c} \tfrac12 \sum_l (f(x_l) - y_l)^2 + \tfrac\alpha2 (\|a\|^2 + \|W\|^2),

    biases and constant free. Without an α it is found as the fixed point :math:`\alpha = \sigma^2\gamma/(\|a\|^2 +
    \|W\|^2)` that maximises the evidence [1]_, refining the network in between [2]_. Two random starts begin under
    different penalties: under the weak one the units stay apart and much detail is fitted, under the strong one a unit
    dies unless it does more than noise could. The fit of higher evidence is kept, or of lower penalised loss where α is
    given.

    Parameters
    ----------
    X, y : arrays, shapes (n, d) and (n,)
        Standardised, if one α is to suit all weights.
    width : int
    activation : Activation
    has_bias : bool
    alpha : float, optional
        Positive.
    rng : Generator

    Returns
    -------
    RidgeFit

    Notes
    -----
    A start costs some 50 to 150 refinement steps. With more inputs than rows the fit is done in the row space of `X`,
    which the ridge does not notice. It fails by ending at a local minimum.

    References
    ----------
    .. [1] MacKay (1992), A practical Bayesian framework for backpropagation networks.
    .. [2] Foresee and Hagan (1997), Gauss-Newton approximation to Bayesian learning.
    """
    axes = np.linalg.svd(X, full_matrices=False)[2] if X.shape[1] > len(X) else None
    problem = UnitsProblem(X if axes is None else X @ axes.T, y, activation, width, has_bias=has_bias)
    starts = _starts(problem, axes, alpha or 0.0, rng)
    if alpha is None:
        return max(map(_with_best_alpha, starts), key=lambda fit: fit.log_evidence)
    return min((fit.refitted(alpha, _STEPS) for fit in starts), key=lambda fit: fit.loss)


def ridge_fit_from(network: TwoLayerNetwork, fit: RidgeFit) -> RidgeFit:
    r"""The fit that a network leads to, on the samples of another fit, or that one if its evidence is higher.

    Parameters
    ----------
    network : TwoLayerNetwork
        Of the same width, activation and inputs; homogeneous units are balanced anew, :math:`|a_i| = \|w_i\|`, where
        the ridge is least.
    fit : RidgeFit
        With no more inputs than rows.
    """
    a, W, b = network.a, network.W, network.b
    if network.activation.degree:
        degree = network.activation.degree
        scale = (np.abs(a) / np.maximum(np.linalg.norm(W, axis=1), 1e-300)) ** (1 / (1 + degree))
        a, W, b = a / scale**degree, scale[:, None] * W, scale * b
    problem = fit.problem
    rows = np.column_stack([W, b]) if problem.has_bias else W
    constant = 0.0 if network.polynomial is None else network.polynomial.constant
    start = RidgeFit(problem, problem.join(rows, a, constant=constant), fit.axes)
    return max(fit, _with_best_alpha(start.refitted(fit.alpha, _STEPS)), key=lambda one: one.log_evidence)


def _starts(problem: UnitsProblem, axes: Matrix | None, least: float, rng: np.random.Generator) -> Iterator[RidgeFit]:
    """Minima under different penalties, each from a random start."""
    spectrum = second_moment(problem.X, problem.y)
    for factor in _FIRST_PENALTIES:
        start = random_start(problem, spectrum, rng.choice([-1.0, 1.0], problem.width), rng)
        penalty = max(factor * float(problem.y.std()) * np.sqrt(problem.n_rows), least)
        yield RidgeFit(problem, start, axes).refitted(penalty, _STEPS)


def _with_best_alpha(fit: RidgeFit) -> RidgeFit:
    """Alternate between the penalty and the weights until neither moves."""
    for _ in range(30):  # most need five
        alpha = fit.better_alpha
        is_settled = abs(np.log(alpha / fit.alpha)) < 0.03
        fit = fit.refitted(alpha, 10)
        if is_settled or fit.squares[0] <= EXACT * fit.problem.energy:
            break
    return fit
