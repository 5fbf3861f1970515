"""scikit-learn estimators: validate, call, store."""

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from twolayer.activation import Activation
from twolayer.activation import activation as parse_activation
from twolayer.arrays import whole_number
from twolayer.certify import Certificate, Status
from twolayer.errors import InputError
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.recover import recover
from twolayer.ridge import ridge_fit

__all__ = ["TwoLayerRegressor"]

_NULL = 1e-10


class TwoLayerRegressor(RegressorMixin, BaseEstimator):
    r"""Regression with a two-layer network, :math:`y \approx \sum_i a_i\,\sigma(w_i\cdot x + b_i) + c`.

    Labels are standardised and inputs are whitened by their estimated covariance, directions without variation left out.
    With a ridge the fit is an approximation and makes no claim. Without one (``alpha=0``) it is the recovery of `recover`,
    with its certificate.

    Parameters
    ----------
    width : int
    activation : str or Activation
    bias : bool
        Whether units have biases and the network a constant. Without, inputs are scaled and not centred.
    alpha : float or None
        Ridge, of :math:`\tfrac12\sum(f(x_l) - y_l)^2 + \tfrac\alpha2(\|a\|^2 + \|W\|^2)` on the whitened inputs and
        standardised labels: the convention of ``MLPRegressor``. None finds it by the evidence (MacKay 1992).
    method : str
        A key of `twolayer.RECOVERIES`, for ``alpha=0``.
    random_state : int, RandomState or None

    Attributes
    ----------
    network_ : TwoLayerNetwork
        On the inputs as they were given.
    alpha_ : float
        The ridge used.
    status_ : Status
        ``Status.APPROXIMATION`` with a ridge; otherwise how the recovery ended, which never fails the fit.
    certificate_ : Certificate or None
        None with a ridge.
    n_features_in_ : int

    Notes
    -----
    With fewer rows than parameters ``alpha=0`` warns and a ridge is found by the evidence; a constant y warns and gives a
    constant. See `twolayer.ridge.ridge_fit` and `twolayer.recover` for cost and failure.
    """

    def __init__(
        self,
        width: int = 10,
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
        """Fit the network to rows `X` (n, d) and labels `y` (n,).

        Raises
        ------
        ValueError
            If the samples are not finite numbers of matching shapes, or a parameter is out of range.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        y = y.astype(np.float64)
        width, sigma = whole_number(self.width, "width"), parse_activation(self.activation)
        if self.alpha is not None and not (np.isfinite(self.alpha) and self.alpha >= 0):
            raise InputError(f"alpha must be None or a finite number of at least 0, found {self.alpha!r}")
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        self.certificate_: Certificate | None = None
        self.status_, self.alpha_ = Status.APPROXIMATION, 0.0 if self.alpha is None else float(self.alpha)
        if np.ptp(y) <= _NULL * np.abs(y).max():
            warnings.warn(f"y is constant ({y[0]:g}), and so is the prediction", UserWarning, stacklevel=2)
            self.network_ = _constant(float(y.mean()), X.shape[1], sigma)
            return self
        mean, A = _whitening(X, bool(self.bias))
        centre = float(y.mean()) if self.bias else 0.0
        spread = float(y.std()) or 1.0
        Z, z = (X - mean) @ A.T, (y - centre) / spread
        network = self._fitted(Z, z, width, sigma, rng) if Z.shape[1] else _constant(0.0, 0, sigma)
        self.network_ = _on_given_inputs(network, mean, A, centre, spread)
        return self

    def _fitted(self, Z: NDArray, z: NDArray, width: int, sigma: Activation, rng: np.random.Generator) -> TwoLayerNetwork:
        """The network on whitened inputs and standardised labels."""
        if self.alpha == 0:
            try:
                result = recover(Z, z, width, sigma, bias=bool(self.bias), method=self.method, rng=rng)
            except InputError as refusal:
                warnings.warn(f"{refusal}: a ridge is fitted instead", UserWarning, stacklevel=3)
            else:
                self.status_, self.certificate_ = result.status, result.certificate
                return result.network
        fit = ridge_fit(Z, z, width, sigma, has_bias=bool(self.bias), alpha=self.alpha or None, rng=rng)
        self.alpha_ = float(fit.alpha)
        return fit.network

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Value of the network at each row of `X`, (n,)."""
        check_is_fitted(self)
        return self.network_(validate_data(self, X, dtype=np.float64, reset=False))

    def __sklearn_tags__(self) -> Any:
        """A fit with few units cannot promise a good score on any data."""
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = True
        return tags


def _constant(value: float, d: int, sigma: Activation) -> TwoLayerNetwork:
    return TwoLayerNetwork(np.zeros(0), np.zeros((0, max(d, 1))), None, sigma, Polynomial(value))


def _whitening(X: NDArray, is_centred: bool) -> tuple[NDArray, NDArray]:
    """Mean (d,) and map (r, d) to coordinates of mean 0 and covariance 1; directions without variation are left out."""
    mean = X.mean(axis=0) if is_centred else np.zeros(X.shape[1])
    scale = np.sqrt(np.mean((X - mean) ** 2, axis=0))
    scale = np.where(scale > _NULL * max(float(np.abs(X).max()), 1e-300), scale, np.inf)
    _, sizes, axes = np.linalg.svd((X - mean) / scale, full_matrices=False)
    kept = sizes > np.sqrt(_NULL) * max(float(sizes.max(initial=0.0)), 1e-300)
    return mean, np.sqrt(len(X)) * axes[kept] / sizes[kept, None] / scale


def _on_given_inputs(
    network: TwoLayerNetwork, mean: NDArray, A: NDArray, centre: float, spread: float
) -> TwoLayerNetwork:
    """The network that does on the given inputs, in the given unit, what `network` does on the mapped ones."""
    constant = centre + spread * (0.0 if network.polynomial is None else network.polynomial.constant)
    if not len(A):
        return _constant(constant, len(mean), network.activation)
    W = network.W @ A
    return TwoLayerNetwork(spread * network.a, W, network.b - W @ mean, network.activation, Polynomial(constant))
