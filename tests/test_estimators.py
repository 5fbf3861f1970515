"""The scikit-learn estimator: its conventions, recovery through it, and honest approximations."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator

from twolayer import Status, TwoLayerRegressor, align, recovery_error
from twolayer.network import TwoLayerNetwork
from twolayer.ridge import RidgeFit, confirmed
from twolayer.teachers import random_units

DIABETES = load_diabetes(return_X_y=True)
FEW_ROWS = "ignore:.*parameters are fitted to .* rows:UserWarning"
MODELS = [TwoLayerRegressor(), TwoLayerRegressor(width=2, activation="tanh", bias=False, alpha=0)]


def name_of(check):
    return f"{check.func.__name__}-{len(check.keywords)}"


# The array check skips itself unless an environment variable is set before SciPy is imported: its own test is below.
CHECKS = [
    pytest.param(model, check, id=f"{model.activation}-{name_of(check)}")
    for model in MODELS
    for _, check in estimator_checks_generator(model)
    if check.func.__name__ != "check_array_api_input"
]


@pytest.mark.filterwarnings(FEW_ROWS)  # scikit-learn's checks fit 20 rows and fewer
@pytest.mark.filterwarnings("ignore:y is constant:UserWarning")  # and a single row
@pytest.mark.parametrize(("model", "check"), CHECKS)
def test_the_check_of_scikit_learn_passes(model, check):
    outcome = check(clone(model))
    assert outcome is None


def test_the_checks_are_all_there():
    assert len(CHECKS) > 90


def test_the_check_of_array_inputs_passes():
    code = (
        "from sklearn.utils.estimator_checks import estimator_checks_generator as checks\n"
        "from twolayer import TwoLayerRegressor\n"
        "for model, check in checks(TwoLayerRegressor(width=3)):\n"
        "    if check.func.__name__ == 'check_array_api_input':\n"
        "        print(check(model))\n"
    )
    environment = os.environ | {"SCIPY_ARRAY_API": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "None", done.stderr


def planted(activation, has_bias=True, n=1500, noise=0.0, seed=3):
    """A network on inputs of different means, spreads and strong correlations, and samples of it."""
    rng = np.random.default_rng(seed)
    spread = np.logspace(-2, 2, 6)
    A = (rng.standard_normal((6, 6)) + 2 * np.eye(6)) * spread[:, None]
    mean = 5 * spread * rng.standard_normal(6) if has_bias else np.zeros(6)
    inner = random_units(6, 3, 1.0 if has_bias else 0.0, activation, rng=seed)
    W = inner.W @ np.linalg.inv(A)
    teacher = TwoLayerNetwork(100 * inner.a, W, inner.b - W @ mean, activation)
    X = rng.standard_normal((n, 6)) @ A.T + mean
    y = teacher(X)
    return teacher, X, y + noise * y.std() * rng.standard_normal(n)


@pytest.mark.parametrize("alpha", [0, None])
@pytest.mark.parametrize(("activation", "has_bias"), [("relu", True), ("relu", False), ("tanh", True)])
def test_a_planted_network_comes_back_in_the_given_inputs(activation, has_bias, alpha):
    teacher, X, y = planted(activation, has_bias)
    model = TwoLayerRegressor(3, activation, bias=has_bias, alpha=alpha, random_state=0).fit(X, y)
    assert model.status_ is Status.CERTIFIED
    assert model.alpha_ == 0
    assert model.certificate_.noise < 1e-9 * y.std()
    bare = replace(model.network_, polynomial=None)
    assert align(bare, teacher).max_relative_error < 1e-9
    np.testing.assert_allclose(model.predict(X), y, atol=1e-9 * np.abs(y).max())


def test_standard_errors_are_in_the_units_of_the_samples():
    """Of one linear unit: least squares, with its intercept."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((4000, 2)) * [0.01, 30.0] + [1.0, -50.0]
    teacher = TwoLayerNetwork([-7.0], [[100.0, 0.05]], [-97.0], "relu")
    noise = 3.0
    y = teacher(X) + noise * rng.standard_normal(4000)
    model = TwoLayerRegressor(1, random_state=0).fit(X, y)
    assert model.status_ is Status.CERTIFIED_WITH_NOISE
    assert model.certificate_.noise == pytest.approx(noise, rel=0.05)
    # balanced, the unit is -σ(7 w·x + 7 b), and linear where it is active
    w = 7 * np.append(teacher.W[0], teacher.b[0])
    active = X @ teacher.W[0] + teacher.b[0] > 0
    J = np.zeros((4000, 4))
    J[active, :3] = np.column_stack([X, np.ones(4000)])[active]
    J[:, 3] = 1.0
    expected = noise * np.sqrt(np.diag(np.linalg.inv(J.T @ J)))
    errors = model.certificate_.standard_errors
    found = np.concatenate([errors.W[0], errors.b, [errors.constant]])
    np.testing.assert_allclose(found, expected, rtol=0.05)
    weights = np.append(model.network_.W[0], model.network_.b[0])
    assert (np.abs(weights - w) < 4 * expected[:3]).all()


def test_noisy_data_are_approximated_and_the_certificate_says_so():
    X, y = DIABETES
    model = TwoLayerRegressor(random_state=0).fit(X, y)
    certificate = model.certificate_
    assert model.status_ is Status.APPROXIMATION
    assert not model.status_.is_certified
    assert model.network_.width == 10
    assert 1.0 < model.alpha_ < 30.0
    residual = np.sqrt(np.mean((model.predict(X) - y) ** 2))
    assert certificate.residual == pytest.approx(residual / y.std(), rel=1e-9)
    assert residual < certificate.noise < 1.2 * residual
    assert (certificate.n_rows, certificate.n_parameters) == (442, 111)
    assert f"{model.alpha_:.3g}" in certificate.notes[0]
    assert np.isfinite(certificate.standard_errors.W).all()
    assert str(certificate.n_rows) in certificate.summary()


def test_a_fit_that_is_not_certified_is_the_ridge_fit(monkeypatch):
    _, X, y = planted("tanh", noise=0.05)
    judged = []

    def recorded(X, y, network, **options):
        judged.append(confirmed(X, y, network, **options))
        return judged[-1]

    monkeypatch.setattr("twolayer.estimators.regressor.confirmed", recorded)
    model = TwoLayerRegressor(3, "relu", random_state=0).fit(X, y)
    assert len(judged) == 1
    assert judged[0] is None or not judged[0].is_certified
    assert model.status_ is Status.APPROXIMATION
    assert model.alpha_ > 0
    assert model.score(X, y) > 0.85


def test_no_ridge_at_all_is_the_recovery_whatever_it_says():
    X, y = DIABETES
    model = TwoLayerRegressor(2, alpha=0, random_state=0).fit(X, y)
    assert model.alpha_ == 0
    assert not model.status_.is_certified
    assert model.status_ is not Status.APPROXIMATION
    assert model.score(X, y) > 0.5


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("has_bias", [True, False])
def test_weights_mapped_back_predict_the_same_as_the_fit_inside(monkeypatch, activation, has_bias):
    _, X, y = planted(activation, has_bias, noise=0.5)
    inside = []
    original = RidgeFit.network.fget
    monkeypatch.setattr(RidgeFit, "network", property(lambda fit: inside.append(original(fit)) or inside[-1]))
    model = TwoLayerRegressor(4, activation, bias=has_bias, alpha=1.0, random_state=0).fit(X, y)
    mean, offset = (X.mean(0), y.mean()) if has_bias else (np.zeros(6), 0.0)
    Z, unit = (X - mean) / np.sqrt(np.mean((X - mean) ** 2, 0)), np.sqrt(np.mean((y - offset) ** 2))
    expected = offset + unit * inside[0](Z)
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-10 * np.abs(expected).max())
    assert model.network_.polynomial is None or has_bias


def test_a_huge_ridge_shrinks_the_prediction_to_the_mean():
    X, y = DIABETES
    model = TwoLayerRegressor(alpha=1e12, random_state=0).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y.mean(), rtol=1e-6)
    assert model.alpha_ == 1e12


def test_the_more_ridge_the_smaller_the_weights_and_the_larger_the_residual():
    X, y = DIABETES
    models = [TwoLayerRegressor(5, alpha=alpha, random_state=0).fit(X, y) for alpha in (1.0, 10.0, 60.0)]
    scores = [model.score(X, y) for model in models]
    norms = [model.network_.path_norm() for model in models]
    assert scores[0] > scores[1] + 0.01 > scores[2] + 0.02
    assert norms[0] > 1.2 * norms[1] > 1.2**2 * norms[2]


def test_a_column_without_variation_and_a_copy_of_another_do_no_harm():
    _, X, y = planted("relu", noise=0.1)
    wider = np.column_stack([X, np.full(len(X), 3.0), X[:, 0]])
    model = TwoLayerRegressor(3, random_state=0).fit(wider[:1000], y[:1000])
    assert not model.network_.W[:, 6].any()
    assert model.score(wider[1000:], y[1000:]) > 0.95


def test_constant_labels_warn_and_are_predicted():
    X = DIABETES[0]
    with pytest.warns(UserWarning, match="^y is constant, and so is the prediction$"):
        model = TwoLayerRegressor().fit(X, np.full(len(X), 0.1))
    assert (model.predict(X) == pytest.approx(0.1, rel=1e-14)) is True
    assert model.certificate_ is None
    assert model.status_ is Status.APPROXIMATION


@pytest.mark.parametrize("alpha", [0, None, 3.0])
def test_no_more_rows_than_parameters_warn_and_get_a_ridge(alpha):
    X, y = DIABETES[0][:111], DIABETES[1][:111]
    with pytest.warns(UserWarning, match="^111 parameters are fitted to 111 rows with a ridge$"):
        model = TwoLayerRegressor(alpha=alpha, random_state=0).fit(X, y)
    assert model.status_ is Status.APPROXIMATION
    assert model.alpha_ == 3.0 if alpha else model.alpha_ > 1
    TwoLayerRegressor(alpha=alpha or 1.0).fit(DIABETES[0][:112], DIABETES[1][:112])


@pytest.mark.filterwarnings(FEW_ROWS)
def test_more_inputs_than_rows_are_fitted():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((60, 100))
    y = X[:, 0] - X[:, 1] + 0.1 * rng.standard_normal(60)
    model = TwoLayerRegressor(2, alpha=1.0, random_state=0).fit(X, y)
    assert model.network_.dim == 100
    assert model.score(X, y) > 0.8


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": 0}, "width must be an integer of at least 1, found 0"),
        ({"activation": "wavelet"}, "relu"),
        ({"alpha": -1.0}, "alpha must be a finite number of at least 0, found -1.0"),
        ({"alpha": np.nan}, "alpha must be a finite number of at least 0, found nan"),
        ({"method": "none"}, "method must be one of auto, .*, found 'none'"),
    ],
)
def test_a_parameter_out_of_range_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TwoLayerRegressor(**wrong).fit(*DIABETES)


def test_a_fit_repeats_and_survives_pickling():
    first, second = (TwoLayerRegressor(3, random_state=5).fit(*DIABETES) for _ in range(2))
    assert first.network_ == second.network_
    assert pickle.loads(pickle.dumps(first)).network_ == first.network_
    assert first.network_ != TwoLayerRegressor(3, random_state=6).fit(*DIABETES).network_


def test_a_random_state_that_has_moved_on_gives_another_start():
    state = np.random.RandomState(0)
    first, second = (TwoLayerRegressor(3, random_state=state).fit(*DIABETES) for _ in range(2))
    assert first.network_ != second.network_


def test_diabetes_is_predicted_better_than_by_mlp_regressor_and_by_a_line():
    def score(model):
        return cross_val_score(make_pipeline(StandardScaler(), model), *DIABETES, cv=5).mean()

    peer = MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=5000, random_state=0)
    ours = score(TwoLayerRegressor(5, random_state=0))
    assert ours > 0.485  # a ridge regression has 0.479
    assert ours > score(peer) + 0.02


def test_width_and_activation_are_found_where_they_are_not_given(rng):
    teacher = random_units(4, 2, 0.5, "relu", rng)
    X = 3 + 2 * rng.standard_normal((600, 4))
    model = TwoLayerRegressor("auto", "auto", random_state=0).fit(X, teacher(X))
    assert model.status_.is_certified
    assert (model.network_.activation.name, model.network_.width) == ("relu", 2)
    assert recovery_error(model.network_, teacher) < 1e-8


@pytest.mark.parametrize("alpha", [None, 0.5])
def test_a_ridge_fit_takes_over_what_was_chosen(alpha, rng):
    X = rng.standard_normal((150, 3))
    y = np.exp(X[:, 0]) + rng.standard_normal(150)
    model = TwoLayerRegressor("auto", "tanh", alpha=alpha, random_state=0).fit(X, y)
    assert model.status_ is Status.APPROXIMATION
    assert model.network_.width >= 1
    assert model.network_.activation.name == "tanh"
    assert alpha is None or model.alpha_ == alpha


def test_constant_labels_need_no_activation():
    with pytest.warns(UserWarning, match="constant"):
        model = TwoLayerRegressor("auto", "auto").fit(np.eye(4), np.ones(4))
    assert np.all(model.predict(np.eye(4)) == 1)


@pytest.mark.parametrize("value", [0.0, 3.0])
def test_inputs_that_do_not_vary_are_refused_without_a_warning(value, rng):
    with pytest.raises(ValueError, match="X must vary, found the same row throughout"):
        TwoLayerRegressor(2).fit(np.full((40, 2), value), rng.standard_normal(40))
