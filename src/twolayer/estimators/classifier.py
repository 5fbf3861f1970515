"""Classification by a two-layer network whose outputs are log odds."""

from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, log_expit, log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.estimators.fitting import Batch, Memory, Settings, fitted, updated, weighted_rows
from twolayer.network import TwoLayerNetwork
from twolayer.ridge import Bernoulli, Categorical, RidgeFit, Standard, WeightedRows

__all__ = ["TwoLayerClassifier"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


class TwoLayerClassifier(ClassifierMixin, BaseEstimator):
    r"""Classification with a two-layer network of log odds.

    .. math:: \log\tfrac{P(1|x)}{P(0|x)} = \sum_i a_i\,\sigma(w_i\cdot x + b_i) + c.

    Of more than two classes, the network has an output f_k for each, and :math:`P(k|x) = e^{f_k} / \sum_j e^{f_j}`. It
    is the minimum of the cross entropy with a ridge on its weights; the ridge is the one that the evidence asks for, so
    that probabilities are neither sharper nor duller than the rows warrant.

    Parameters
    ----------
    width : int or "auto"
        The number of units, which all classes share; ``"auto"`` takes the one of highest evidence.
    activation : str or Activation
        The σ; ``"auto"`` takes relu or tanh, whichever has the higher evidence.
    bias : bool
        Whether units have biases and the network a constant. Without, inputs are scaled and not centred.
    alpha : float or None
        The ridge, of :math:`-\sum_l \omega_l\log P(y_l|x_l) + \tfrac\alpha2(\|A\|^2 + \|W\|^2)` on standardised inputs:
        the convention of ``MLPClassifier``. None finds a ridge for each input, the biases and the outer weights by the
        evidence.
    warm_start : bool
        Whether `fit` starts from the network of the fit before, if that has the same width, activation, inputs and
        classes, and from nothing else.
    random_state : int, RandomState or None
        Of the random starts.

    Attributes
    ----------
    classes_ : array, shape (K,)
        The labels, sorted.
    network_ : TwoLayerNetwork
        Log odds of the second class if there are two, else an output for each class, of which only differences matter.
    alpha_ : float
        The ridge that was used; the geometric mean where there are several.
    input_alphas_ : array, shape (d,), or None
        The ridge that the evidence found for each input: large where an input does not matter. None where there is but
        one.
    is_separated_ : bool
        Whether every row is on its own side: then the likelihood grows with the scale of the network without end, and
        it is the ridge that determines how sure the probabilities are, not the rows.
    n_features_in_, feature_names_in_
        As in all scikit-learn estimators.

    Notes
    -----
    The result depends neither on the order of the rows nor on whether a row is given twice or has twice the weight.
    Cost and failure: `twolayer.ridge.ridge_fit`.

    References
    ----------
    MacKay (1992), The evidence framework applied to classification networks.
    """

    def __init__(
        self,
        width: int | Literal["auto"] = 10,
        activation: str | Activation = "relu",
        bias: bool = True,
        alpha: float | None = None,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.width = width
        self.activation = activation
        self.bias = bias
        self.alpha = alpha
        self.warm_start = warm_start
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Fit a network to rows `X` (n, d) and labels `y` (n,) of any type.

        Parameters
        ----------
        X, y : arrays
        sample_weight : array, shape (n,), optional
            How often each row counts: 2 is the row given twice, 0 the row left out, and a class with it if it has no
            other.

        Raises
        ------
        ValueError
            If inputs are not finite numbers, labels are not classes, or all of one class, a parameter is out of range,
            or no row counts.
        """
        inputs, labels = self._validated(X, y, is_first=True)
        known = getattr(self, "classes_", None)
        rows, self.classes_ = _encoded(inputs, labels, sample_weight, None)
        settings = self._settings()
        start = getattr(self, "network_", None) if self.warm_start else None
        is_same = known is not None and np.array_equal(known, self.classes_)
        if start is not None and not (is_same and settings.fits_network(start, inputs.shape[1], rows.Y.shape[1])):
            start = None
        self._memory: Memory | None = None
        batch = Batch.of(rows, settings.has_bias, _likelihood(self.classes_))
        return self._store(fitted(batch, settings, start), batch.standard)

    def partial_fit(
        self, X: ArrayLike, y: ArrayLike, classes: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> Self:
        """Learn from another batch of rows; the first call is a fit.

        The rows of earlier calls count by the curvature that they had at the network of the call before, as if they
        were still there (online Laplace approximation); inputs keep the coordinates in which the first batch is
        standard. A call costs a refit to the batch, and O(p³) for p parameters.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : array, optional
            All the labels there will be, in the first call; by default those of its rows.
        """
        memory = getattr(self, "_memory", None)
        is_first = not hasattr(self, "network_")
        inputs, labels = self._validated(X, y, is_first=is_first)
        if is_first:
            known = np.unique(labels if classes is None else column_or_1d(classes))
        else:
            known = self.classes_
            if classes is not None and not np.array_equal(np.unique(column_or_1d(classes)), known):
                raise InputError(f"classes must be those of the first call, found {list(np.unique(classes))}")
        rows, self.classes_ = _encoded(inputs, labels, sample_weight, known)
        settings = self._settings()
        if memory is None:
            batch = Batch.of(rows, settings.has_bias, _likelihood(self.classes_))
            start = None if is_first else self.network_
            if start is not None and not settings.fits_network(start, inputs.shape[1], rows.Y.shape[1]):
                start = None
            memory = Memory.of(fitted(batch, settings, start), batch.standard)
        else:
            memory = updated(memory, rows)
        self._store(memory.fit, memory.standard)
        self._memory = memory
        return self

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Log odds of the second of two classes, (n,); of more, the outputs (n, K), of mean zero."""
        check_is_fitted(self)
        outputs = self.network_(validate_data(self, X, dtype=np.float64, reset=False))
        return outputs - outputs.mean(axis=1, keepdims=True) if outputs.ndim == 2 else outputs

    def predict_proba(self, X: ArrayLike) -> Matrix:
        """Probability of each class at each row of `X`, (n, K), in the order of `classes_`."""
        outputs = self.decision_function(X)
        if outputs.ndim == 2:
            return np.asarray(softmax(outputs, axis=1))
        return np.column_stack([expit(-outputs), expit(outputs)])

    def predict_log_proba(self, X: ArrayLike) -> Matrix:
        """Logarithms of the probabilities, right where these underflow, (n, K)."""
        outputs = self.decision_function(X)
        if outputs.ndim == 2:
            return np.asarray(log_softmax(outputs, axis=1))
        return np.column_stack([log_expit(-outputs), log_expit(outputs)])

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The most probable class at each row of `X`, (n,)."""
        outputs = self.decision_function(X)
        chosen = outputs.argmax(axis=1) if outputs.ndim == 2 else (outputs > 0).astype(int)
        return np.asarray(self.classes_[chosen])

    def _validated(self, X: ArrayLike, y: ArrayLike, *, is_first: bool) -> tuple[Matrix, NDArray[Any]]:
        inputs, labels = validate_data(self, X, y, dtype=np.float64, reset=is_first)
        check_classification_targets(labels)
        return inputs, labels

    def _settings(self) -> Settings:
        return Settings.of(self)

    def _store(self, fit: RidgeFit, standard: Standard) -> Self:
        self.network_: TwoLayerNetwork = standard.given(fit.network)
        self.alpha_ = fit.alpha
        alphas = fit.prior.alphas
        self.input_alphas_: Vector | None = alphas[: self.network_.dim].copy() if len(alphas) > 1 else None
        outputs, Y = fit.point.outputs, fit.objective.Y
        is_right = (outputs > 0) == (Y > 0.5) if Y.shape[1] == 1 else outputs.argmax(axis=1) == Y.argmax(axis=1)
        self.is_separated_ = bool(is_right.all())
        return self


def _likelihood(classes: NDArray[Any]) -> Bernoulli | Categorical:
    return Bernoulli() if len(classes) == 2 else Categorical()


def _encoded(
    X: Matrix, labels: NDArray[Any], sample_weight: ArrayLike | None, classes: NDArray[Any] | None
) -> tuple[WeightedRows, NDArray[Any]]:
    """Rows with 0 and 1, or one-hot classes, for labels, and the classes that there are.

    Raises
    ------
    InputError
        If there are fewer than two, or a label is none of those that are known.
    """
    names, codes = np.unique(labels, return_inverse=True)
    rows = weighted_rows(X, codes.reshape(-1, 1).astype(np.float64), sample_weight)
    found, codes = np.unique(rows.Y[:, 0].astype(int), return_inverse=True)
    names = names[found]
    if classes is None:
        classes = names
    unknown = names[~np.isin(names, classes)]
    if len(unknown):
        raise InputError(f"y must be of the classes of the first call, found {unknown.tolist()[0]!r}")
    if len(classes) < 2:
        raise InputError(f"y must have at least two classes, found one class: {classes.tolist()[0]!r}")
    places = np.searchsorted(classes, names)[codes]
    Y = (places == 1).astype(np.float64)[:, None] if len(classes) == 2 else np.eye(len(classes))[places]
    return WeightedRows(rows.X, Y, rows.weights), classes
