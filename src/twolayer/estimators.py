"""scikit-learn estimators: validate, call, store."""

import warnings
from dataclasses import replace
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from twolayer.activation import Activation
from twolayer.arrays import real_number
from twolayer.coordinates import Coordinates
from twolayer.errors import InputError
from twolayer.evidence import STANDARDS, Certificate, Status
from twolayer.evidence.certificate import singular_value_conditioning
from twolayer.evidence.curvature import curvature, normal_matrix
from twolayer.network import TwoLayerNetwork
from twolayer.polynomial import Polynomial
from twolayer.recover import RECOVERIES, Result, given_activation, given_width, recover
from twolayer.ridge import RidgeFit, ridge_fit, ridge_fit_from
from twolayer.samples import n_parameters
from twolayer.sources import check_magnitude

__all__ = ["TwoLayerRegressor"]

_CONSTANT = 1e-14  # labels that vary by less than this part of their size do so by rounding
_LARGEST_SHARE = 0.15  # of the variance of y that a ridge fit leaves: above, a recovery is not tried

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class TwoLayerRegressor(RegressorMixin, BaseEstimator):
    r"""Regression with a two-layer network, :math:`y \approx \sum_i a_i\,\sigma(w_i\cdot x + b_i) + c`.

    The network that made the data, with its certificate, where there is one to be found; elsewhere an approximation
    with a ridge on its weights, which says so.

    Parameters
    ----------
    width : int or "auto"
        The number of units; ``"auto"`` finds it, as in `twolayer.recover`.
    activation : str or Activation
        The σ; ``"auto"`` chooses it.
    bias : bool
        Whether units have biases and the network a constant. Without, inputs are scaled and not centred.
    alpha : float or None
        The ridge, of :math:`\tfrac12\sum_l (f(x_l) - y_l)^2 + \tfrac\alpha2(\|a\|^2 + \|W\|^2)` on standardised inputs
        and labels: the convention of ``MLPRegressor``. 0 asks for the recovery, certified or not. None finds the ridge
        by the evidence, and tries the recovery if there are rows enough and the ridge fit leaves little: certified, it
        is taken as it is; if not, the ridge fit may start from it anew.
    method : str
        Of the recovery, a key of `twolayer.RECOVERIES`.
    random_state : int, RandomState or None
        Of the random starts.

    Attributes
    ----------
    network_ : TwoLayerNetwork
        On inputs and labels as they were given.
    status_ : Status
        How a recovery ended; ``Status.APPROXIMATION`` for a ridge fit. Its value is the advice.
    certificate_ : Certificate or None
        The evidence, in the units of the samples; None for constant labels.
    alpha_ : float
        The ridge that was used, 0 for a recovery.
    n_features_in_, feature_names_in_
        As in all scikit-learn estimators.

    Notes
    -----
    With no more rows than parameters it warns and fits with a ridge, found by the evidence unless one is given;
    constant labels give a warning and a constant. The recovery whitens the inputs by their covariance; the ridge fit
    standardises them only, so that directions in which they hardly vary are not blown up. Cost and failure:
    `twolayer.recover`, `twolayer.ridge.ridge_fit`.

    References
    ----------
    zhong2017recovery for the recovery; MacKay (1992) for the ridge.
    """

    def __init__(
        self,
        width: int | Literal["auto"] = 10,
        activation: str | Activation = "relu",
        bias: bool = True,
        alpha: float | None = None,
        method: str = "auto",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.width = width
        self.activation = activation
        self.bias = bias
        self.alpha = alpha
        self.method = method
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:
        """Fit a network to rows `X` (n, d) and labels `y` (n,).

        Raises
        ------
        ValueError
            If the samples are not finite numbers of matching shapes, or a parameter is out of range.
        """
        inputs, labels = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        labels = labels.astype(np.float64)
        width, sigma, alpha = self._parameters()
        if np.ptp(labels) <= _CONSTANT * np.abs(labels).max():
            warnings.warn("y is constant, and so is the prediction", UserWarning, stacklevel=2)
            none = np.zeros((0, inputs.shape[1]))
            constant = Polynomial(float(labels.mean()))
            self.network_ = TwoLayerNetwork(none[:, 0], none, None, sigma or "relu", constant)
            self.status_, self.alpha_ = Status.APPROXIMATION, alpha or 0.0
            self.certificate_: Certificate | None = None
            return self
        if not np.any(np.ptp(inputs, axis=0)):
            raise InputError("X must vary, found the same row throughout: it does not determine a network")
        if width is None or sigma is None:
            return self._fit_chosen(inputs, labels, alpha)
        n, p = len(inputs), n_parameters(inputs.shape[1], width, sigma, bool(self.bias))
        if n <= p:
            warnings.warn(f"{p} parameters are fitted to {n} rows with a ridge", UserWarning, stacklevel=2)
        return self._fit(inputs, labels, width, sigma, None if n <= p and alpha == 0 else alpha)

    def predict(self, X: ArrayLike) -> Vector:
        """Value of the network at each row of `X`, (n,)."""
        check_is_fitted(self)
        return self.network_(validate_data(self, X, dtype=np.float64, reset=False))

    def _parameters(self) -> tuple[int | None, Activation | None, float | None]:
        """Width, activation and ridge, if all parameters are in range; None for what is to be found."""
        if not isinstance(self.method, str) or self.method not in RECOVERIES:
            raise InputError(f"method must be one of {', '.join(RECOVERIES)}, found {self.method!r}")
        alpha = None if self.alpha is None else real_number(self.alpha, "alpha", least=0)
        return given_width(self.width), given_activation(self.activation), alpha

    def _fit(self, X: Matrix, y: Vector, width: int, sigma: Activation, alpha: float | None) -> Self:
        """Recover a network or approximate one, and store it with what is to be said of it."""
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        has_bias = bool(self.bias)
        check_magnitude(X, y)
        standard = Coordinates.standard(X, y, has_bias)
        if alpha != 0:
            Z, t = standard.apply_inputs(X), standard.apply_labels(y)
            fit = ridge_fit(Z, t, width, sigma, has_bias=has_bias, alpha=alpha, rng=rng)
            has_rows = len(X) >= STANDARDS.exact_rows_per_parameter * n_parameters(X.shape[1], width, sigma, has_bias)
            if alpha is not None or fit.variance > _LARGEST_SHARE or not has_rows:
                return self._store_approximation(fit, standard)
        result = recover(X, y, width, sigma, bias=has_bias, method=self.method, rng=rng)
        if alpha is None and not (result.is_certified or _is_exact_in_part(result)):
            return self._store_approximation(ridge_fit_from(standard.apply_network(result.network), fit), standard)
        return self._store_recovery(result)

    def _fit_chosen(self, X: Matrix, y: Vector, alpha: float | None) -> Self:
        """Let the samples choose width or activation; a ridge fit takes over what was chosen, certified or not."""
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        has_bias = bool(self.bias)
        check_magnitude(X, y)
        result = recover(X, y, self.width, self.activation, bias=has_bias, method=self.method, rng=rng)
        if alpha == 0 or (alpha is None and (result.is_certified or _is_exact_in_part(result))):
            return self._store_recovery(result)
        found, standard = result.network, Coordinates.standard(X, y, has_bias)
        Z, t = standard.apply_inputs(X), standard.apply_labels(y)
        fit = ridge_fit(Z, t, found.width, found.activation, has_bias=has_bias, alpha=alpha, rng=rng)
        return self._store_approximation(fit, standard)

    def _store_recovery(self, result: Result) -> Self:
        self.network_, self.alpha_ = result.network, 0.0
        self.status_, self.certificate_ = result.status, result.certificate
        return self

    def _store_approximation(self, fit: RidgeFit, standard: Coordinates) -> Self:
        self.network_, self.alpha_ = standard.invert_network(fit.network), fit.alpha
        self.status_ = Status.APPROXIMATION
        self.certificate_ = _certificate_of_approximation(fit, standard, self.network_)
        return self


def _is_exact_in_part(result: Result) -> bool:
    """Whether it explains the labels, with fewer units than were asked for or an affine part: a ridge adds nothing."""
    polynomial = result.network.polynomial
    return result.certificate.unseen_units > 0 or (polynomial is not None and polynomial.degree > 0)


def _certificate_of_approximation(fit: RidgeFit, standard: Coordinates, network: TwoLayerNetwork) -> Certificate:
    """What there is to say of a ridge fit, in the units of the samples."""
    problem = fit.problem
    n, p = problem.n_rows, n_parameters(network.dim, network.width, network.activation, problem.has_bias)
    kappa, lambda_ = singular_value_conditioning(network)
    outer, rows = standard.stretch(network)
    errors = fit.standard_errors(rows * standard.matrix_of_rows(problem.has_bias))
    return Certificate(
        n_rows=n,
        n_parameters=p,
        width=network.width,
        residual=float(np.sqrt(fit.squares[0] / n) / np.std(problem.y)),
        noise=float(np.sqrt(fit.variance)) * standard.unit,
        held_out_residual=None,
        kappa=kappa,
        lambda_=lambda_,
        curvature=curvature(problem, fit.point, normal_matrix(problem, fit.point), is_held_out=False),
        standard_errors=replace(errors, a=errors.a * outer, constant=errors.constant * standard.unit),
        score_test=None,
        wider_gain=None,
        narrower_loss=None,
        notes=(
            f"A ridge of {fit.alpha:.3g} draws the weights to zero; of {problem.n_parameters} free weights the data"
            f" determine some {fit.effective_parameters:.0f}.",
        ),
    )
