"""Tests of the scikit-learn estimator."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from twolayer import Status, TwoLayerRegressor, recovery_error
from twolayer.network import TwoLayerNetwork
from twolayer.teachers import random_units


def correlated_samples(teacher, n, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, teacher.dim)) @ rng.standard_normal((teacher.dim, teacher.dim)) + 2.0
    return X, teacher(X)


def test_every_check_of_scikit_learn_passes():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the checks provoke warnings, and look for them themselves
        outcomes = check_estimator(TwoLayerRegressor(width=3, random_state=0), on_fail=None)
    failed = [(o["check_name"], o["exception"]) for o in outcomes if o["status"] not in ("passed", "skipped")]
    assert len(outcomes) > 40
    assert not failed


def test_without_a_ridge_the_planted_network_comes_back_in_the_given_inputs():
    teacher = random_units(5, 3, bias=1.0, activation="relu", rng=1)
    X, y = correlated_samples(teacher, 800, 2)
    model = TwoLayerRegressor(width=3, alpha=0, random_state=0).fit(X, y)
    assert model.status_ is Status.CERTIFIED
    assert model.certificate_ is not None
    ours = model.network_
    bare = TwoLayerNetwork(ours.a, ours.W, ours.b, ours.activation)
    assert recovery_error(bare, teacher) < 1e-8
    assert abs(ours.polynomial.constant) < 1e-8 * np.abs(y).max()


def test_a_ridge_makes_no_claim_and_predicts_held_out_rows():
    teacher = random_units(5, 3, bias=1.0, activation="tanh", rng=1)
    X, y = correlated_samples(teacher, 1500, 2)
    model = TwoLayerRegressor(width=4, activation="tanh", random_state=0).fit(X[:1000], y[:1000])
    assert model.status_ is Status.APPROXIMATION
    assert model.alpha_ > 0
    assert model.score(X[1000:], y[1000:]) > 0.95


def test_a_huge_ridge_shrinks_the_prediction_to_the_mean():
    X, y = load_diabetes(return_X_y=True)
    model = TwoLayerRegressor(alpha=1e9, random_state=0).fit(X, y)
    assert np.allclose(model.predict(X), y.mean(), rtol=1e-3)


def test_a_direction_without_variation_gets_no_weight():
    teacher = random_units(4, 2, activation="relu", rng=1)
    X, y = correlated_samples(teacher, 300, 2)
    model = TwoLayerRegressor(width=2, random_state=0).fit(np.column_stack([X, np.full(len(X), 3.0)]), y)
    assert np.abs(model.network_.W[:, 4]).max() < 1e-8


def test_a_constant_label_warns_and_is_predicted():
    X = np.random.default_rng(0).standard_normal((30, 3))
    with pytest.warns(UserWarning, match="constant"):
        model = TwoLayerRegressor(random_state=0).fit(X, np.full(30, 2.5))
    assert np.array_equal(model.predict(X), np.full(30, 2.5))


def test_too_few_rows_for_a_recovery_warn_and_get_a_ridge():
    X = np.random.default_rng(0).standard_normal((30, 3))
    with pytest.warns(UserWarning, match="41 parameters are fitted to 30 rows"):
        model = TwoLayerRegressor(alpha=0, random_state=0).fit(X, X[:, 0] ** 2)
    assert model.status_ is Status.APPROXIMATION
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("wrong", [{"width": 0}, {"activation": "none"}, {"alpha": -1.0}, {"alpha": np.nan}])
def test_a_parameter_out_of_range_is_refused(wrong):
    X = np.random.default_rng(0).standard_normal((30, 3))
    with pytest.raises(ValueError, match="found|known"):
        TwoLayerRegressor(**wrong).fit(X, X[:, 0])


def test_the_same_random_state_gives_the_same_network():
    X, y = load_diabetes(return_X_y=True)
    first, second = (TwoLayerRegressor(width=3, random_state=5).fit(X, y).network_ for _ in range(2))
    assert first == second


def test_diabetes_is_predicted_no_worse_than_by_mlp_regressor():
    X, y = load_diabetes(return_X_y=True)
    ours = make_pipeline(StandardScaler(), TwoLayerRegressor(width=10, random_state=0))
    peer = make_pipeline(
        StandardScaler(), MLPRegressor(hidden_layer_sizes=(10,), solver="lbfgs", max_iter=3000, random_state=0)
    )
    assert cross_val_score(ours, X, y, cv=5).mean() >= cross_val_score(peer, X, y, cv=5).mean()
