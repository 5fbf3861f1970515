"""Restarted L-BFGS by scikit-learn: `MLPRegressor`."""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor

from contest.least_squares import TARGET, LeastSquares
from twolayer.network import Polynomial, TwoLayerNetwork

_ITERATIONS, _LEAST_GAIN = 200, 0.1
_ENLARGED = 1e4  # labels, once the loss is small: the solver stops where its decrease is some 1e-9, whatever the labels


def mlp(problem: LeastSquares, rng: np.random.Generator) -> TwoLayerNetwork:
    """Fit relu networks from one start after another until the target is met.

    No penalty, no tolerance; 200 iterations at a time, gone on with from where they ended, and given up when they have
    brought less than 10 %. The labels are enlarged, and the weights with them, where that lets the solver go on.
    """
    X = problem.X[:, :-1] if problem.has_bias else problem.X
    while True:
        problem.clock.starts += 1
        model = MLPRegressor(
            hidden_layer_sizes=(problem.width,),
            solver="lbfgs",
            alpha=0.0,
            tol=0.0,
            max_iter=_ITERATIONS,
            max_fun=10**9,
            warm_start=True,
            random_state=int(rng.integers(2**31)),
        )
        if _minimise(problem, model, X) <= TARGET:
            return _network(model)


def _minimise(problem: LeastSquares, model: MLPRegressor, X: np.ndarray) -> float:
    scale = loss = last = 1.0
    while loss > TARGET:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(X, scale * problem.y)
        loss = float(np.sum((model.predict(X) / scale - problem.y) ** 2)) / problem.energy
        problem.clock.record(loss)
        if loss > (1 - _LEAST_GAIN) * last:
            if scale > 1:
                break
            scale = _ENLARGED
            _enlarge(model, scale)
        last = loss
    _enlarge(model, 1 / scale)
    return loss


def _enlarge(model: MLPRegressor, factor: float) -> None:
    """Multiply what a relu network predicts, both layers alike."""
    root = factor**0.5
    model.coefs_ = [root * weights for weights in model.coefs_]
    model.intercepts_ = [root * model.intercepts_[0], factor * model.intercepts_[1]]


def _network(model: MLPRegressor) -> TwoLayerNetwork:
    (W, a), (b, c) = model.coefs_, model.intercepts_
    return TwoLayerNetwork(a[:, 0], W.T, b, "relu", Polynomial(float(c[0])))
