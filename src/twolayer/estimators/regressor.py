"""Regression by a two-layer network: recovered where there is one to be found, approximated elsewhere."""

import warnings
from dataclasses import replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.estimators.certificate import certificate_of_approximation, count_parameters
from twolayer.estimators.fitting import Batch, Memory, Settings, fitted, updated, weighted_rows
from twolayer.evidence import Certificate, Status
from twolayer.network import TwoLayerNetwork
from twolayer.polynomial import Polynomial
from twolayer.recover import RECOVERIES, Result, recover
from twolayer.ridge import Gaussian, RidgeFit, Standard, WeightedRows, confirmed

__all__ = ["TwoLayerRegressor"]

_CONSTANT = 1e-14  # labels that vary by less than this part of their size do so by rounding
_DETERMINED = 0.9  # of its parameters: where the data determine fewer, some weights are too loose to be certified
_LIVE = 1e-3  # part of the variance of y that a network explains, or it is called a constant

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class TwoLayerRegressor(RegressorMixin, BaseEstimator):
    r"""Regression with a two-layer network, :math:`y \approx \sum_i a_i\,\sigma(w_i\cdot x + b_i) + c`.

    The network that made the data, with its certificate, where there is one to be found; elsewhere an approximation
    with a ridge on its weights, which says so. Several outputs share the units.

    Parameters
    ----------
    width : int or "auto"
        The number of units; ``"auto"`` takes the one of highest evidence.
    activation : str or Activation
        The σ; ``"auto"`` takes relu or tanh, whichever has the higher evidence.
    bias : bool
        Whether units have biases and the network a constant. Without, inputs are scaled and not centred.
    alpha : float or None
        The ridge, of :math:`\tfrac12\sum_l \omega_l\|f(x_l) - y_l\|^2 + \tfrac\alpha2(\|a\|^2 + \|W\|^2)` on
        standardised inputs and labels: the convention of ``MLPRegressor``. 0 asks for the recovery, certified or not.
        None finds a ridge for each input, the biases and the outer weights by the evidence, and has the end of that
        judged: certified, it is refined without a ridge and taken as it is.
    method : str
        Of the recovery that ``alpha=0`` asks for, a key of `twolayer.RECOVERIES`.
    warm_start : bool
        Whether `fit` starts from the network of the fit before, if that has the same width, activation and inputs, and
        from nothing else.
    random_state : int, RandomState or None
        Of the random starts.

    Attributes
    ----------
    network_ : TwoLayerNetwork
        On inputs and labels as they were given.
    status_ : Status
        How a recovery ended; ``Status.APPROXIMATION`` for a ridge fit. Its value is the advice.
    certificate_ : Certificate or None
        The evidence, in the units of the samples; None for a constant.
    result_ : Result or None
        The three above, as `twolayer.recover` returns them.
    alpha_ : float
        The ridge that was used, 0 for a recovery; the geometric mean where there are several.
    input_alphas_ : array, shape (d,), or None
        The ridge that the evidence found for each input: large where an input does not matter. None where there is but
        one.
    n_outputs_, n_features_in_, feature_names_in_
        As in all scikit-learn estimators.

    Notes
    -----
    With no more rows than parameters it warns and fits with a ridge, found by the evidence unless one is given.
    Constant labels give a warning and a constant; so do labels of which rows held out in turn say that no network
    predicts them better than their mean does, and nothing else does. A recovery (``alpha=0``) takes one output and no
    weights; elsewhere a ridge found by the evidence takes its place.

    The result depends neither on the order of the rows nor on whether a row is given twice or has twice the weight.
    Cost and failure: `twolayer.ridge.ridge_fit`, `twolayer.recover`.

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
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.width = width
        self.activation = activation
        self.bias = bias
        self.alpha = alpha
        self.method = method
        self.warm_start = warm_start
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit a network to rows `X` (n, d) and labels `y` (n,) or (n, q).

        Parameters
        ----------
        X, y : arrays
        sample_weight : array, shape (n,), optional
            How often each row counts: 2 is the row given twice, 0 the row left out.

        Raises
        ------
        ValueError
            If the samples are not finite numbers of matching shapes, a parameter is out of range, or no row counts.
        """
        rows = self._rows(X, y, sample_weight, is_first=True)
        settings = self._settings()
        start = getattr(self, "network_", None) if self.warm_start else None
        self._memory: Memory | None = None
        self.input_alphas_: Vector | None = None
        if np.all(np.ptp(rows.Y, axis=0) <= _CONSTANT * np.abs(rows.Y).max(axis=0)):
            warnings.warn("y is constant, and so is the prediction", UserWarning, stacklevel=2)
            return self._store_constant(rows, settings)
        if not np.any(np.ptp(rows.X, axis=0)):
            raise InputError("X must vary, found the same row throughout: it does not determine a network")
        n, d, q = rows.n_inputs, rows.X.shape[1], rows.Y.shape[1]
        if settings.is_complete and n <= settings.count_parameters(d, q):
            p = settings.count_parameters(d, q)
            warnings.warn(f"{p} parameters are fitted to {n} rows with a ridge", UserWarning, stacklevel=2)
        elif settings.alpha == 0 and q == 1 and rows.is_uniform:
            return self._recover(rows, settings)
        if start is not None and not settings.fits_network(start, d, q):
            start = None
        batch = Batch.of(rows, settings.has_bias, Gaussian())
        fit = fitted(batch, settings, start)
        if settings.alpha is None and fit.explained < _LIVE:
            said = "held-out rows are not predicted better than by a constant, and so is the prediction one"
            warnings.warn(said, UserWarning, stacklevel=2)
        result = None if settings.alpha else self._confirmed(rows, fit, batch.standard, settings)
        return self._store_approximation(fit, batch.standard) if result is None else self._store_recovery(result)

    def partial_fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Learn from another batch of rows; the first call is a fit with a ridge.

        The rows of earlier calls count by the curvature that they had at the network of the call before, as if they
        were still there (online Laplace approximation); inputs and labels keep the coordinates in which the first batch
        is standard. A call costs a refit to the batch, and O(p³) for p parameters.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        """
        memory = getattr(self, "_memory", None)
        is_first = not hasattr(self, "network_")
        rows = self._rows(X, y, sample_weight, is_first=is_first)
        settings = self._settings()
        if memory is None or not hasattr(self, "network_"):
            batch = Batch.of(rows, settings.has_bias, Gaussian())
            known = getattr(self, "network_", None)
            outputs = rows.Y.shape[1]
            if known is not None and not settings.fits_network(known, rows.X.shape[1], outputs):
                known = None
            memory = Memory.of(fitted(batch, settings, known), batch.standard)
        else:
            memory = updated(memory, rows)
        self._store_approximation(memory.fit, memory.standard)
        self._memory = memory
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.float64]:
        """Value of the network at each row of `X`, (n,), or (n, q) of several outputs."""
        check_is_fitted(self)
        return self.network_(validate_data(self, X, dtype=np.float64, reset=False))

    # -- before the fit ------------------------------------------------------------------------------------------------

    def _rows(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, *, is_first: bool) -> WeightedRows:
        inputs, labels = validate_data(self, X, y, dtype=np.float64, y_numeric=True, multi_output=True, reset=is_first)
        labels = labels.astype(np.float64)
        labels = labels[:, None] if labels.ndim == 1 else labels
        if labels.shape[1] == 0:
            raise InputError("y must have a column for each output, found none")
        before = labels.shape[1] if is_first else self.network_.n_outputs
        if labels.shape[1] != before:
            raise InputError(f"y must have {before} outputs as before, found {labels.shape[1]}")
        self.n_outputs_ = before
        return weighted_rows(inputs, labels, sample_weight)

    def _settings(self) -> Settings:
        if not isinstance(self.method, str) or self.method not in RECOVERIES:
            raise InputError(f"method must be one of {', '.join(RECOVERIES)}, found {self.method!r}")
        return Settings.of(self)

    # -- the ways to a network -----------------------------------------------------------------------------------------

    def _recover(self, rows: WeightedRows, settings: Settings) -> Self:
        """The recovery, certified or not."""
        rng, bias = np.random.default_rng(settings.seed), settings.has_bias
        labels = rows.Y[:, 0]
        result = recover(rows.X, labels, self.width, self.activation, bias=bias, method=self.method, rng=rng)
        return self._store_recovery(result)

    def _confirmed(self, rows: WeightedRows, fit: RidgeFit, standard: Standard, settings: Settings) -> Result | None:
        """The network if it is certified to be the one that made the samples."""
        network = standard.given(fit.network)
        if network.n_outputs > 1 or not rows.is_uniform:
            return None
        parameters = count_parameters(network, settings.has_bias)
        if not (fit.is_exact or fit.effective_parameters >= _DETERMINED * parameters):
            return None
        rng = np.random.default_rng(settings.seed)
        result = confirmed(rows.X, rows.Y[:, 0], network, has_bias=settings.has_bias, rng=rng)
        return result if result is not None and (result.is_certified or _is_exact_in_part(result)) else None

    # -- after it ------------------------------------------------------------------------------------------------------

    def _store_constant(self, rows: WeightedRows, settings: Settings) -> Self:
        none = np.zeros((0, rows.X.shape[1]))
        mean = rows.weights @ rows.Y / rows.weights.sum()
        constant = Polynomial(mean if len(mean) > 1 else float(mean[0]))
        self.network_ = TwoLayerNetwork(np.zeros((0, len(mean))), none, None, settings.sigma or "relu", constant)
        self.status_, self.alpha_ = Status.APPROXIMATION, settings.alpha or 0.0
        self.certificate_: Certificate | None = None
        self.result_: Result | None = None
        return self

    def _store_recovery(self, result: Result) -> Self:
        self.network_, self.alpha_, self.result_ = result.network, 0.0, self._named(result)
        self.status_, self.certificate_ = result.status, result.certificate
        return self

    def _store_approximation(self, fit: RidgeFit, standard: Standard) -> Self:
        network = standard.given(fit.network)
        self.network_, self.alpha_, self.status_ = network, fit.alpha, Status.APPROXIMATION
        alphas = fit.prior.alphas
        self.input_alphas_ = alphas[: network.dim].copy() if len(alphas) > 1 else None
        self.certificate_ = certificate_of_approximation(fit, standard, network)
        self.result_ = self._named(Result(network, self.status_, self.certificate_, ()))
        return self

    def _named(self, result: Result) -> Result:
        """The result with the names of the inputs, where they have any."""
        names = getattr(self, "feature_names_in_", None)
        return result if names is None else replace(result, inputs=tuple(map(str, names)))


def _is_exact_in_part(result: Result) -> bool:
    """Whether it explains the labels, with fewer units than were asked for or an affine part: a ridge adds nothing."""
    polynomial = result.network.polynomial
    return result.certificate.unseen_units > 0 or (polynomial is not None and polynomial.degree > 0)
