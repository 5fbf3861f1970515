"""TwoLayerRegressor: no constant where there is something to learn, from any seed; outputs, weights and batches."""

import warnings

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_diabetes, load_linnerud, make_friedman1, make_friedman2, make_friedman3
from sklearn.linear_model import RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from twolayer import Status, TwoLayerRegressor
from twolayer.teachers import random_units

FEW_ROWS = "ignore:.*parameters are fitted to .* rows:UserWarning"
SQUARE = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0.0, 1.0, 1.0, 0.0])
LINE = np.linspace(-1, 1, 101)[:, None]


def spirals(n=100):
    t = np.sqrt(np.linspace(0.05, 1, n)) * 3 * np.pi
    one = np.column_stack([t * np.cos(t), t * np.sin(t)])
    return np.vstack([one, -one]), np.repeat([1.0, -1.0], n)


def spline():
    x = np.linspace(-3, 3, 400)[:, None]
    return x, np.interp(x[:, 0], np.linspace(-3, 3, 9), [0, 1, -0.5, 0.7, 0.2, -1, 0.4, 0.9, 0])


def twenty_rows():
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 1, (20, 3))
    return X, np.sin(3 * X[:, 0]) + X[:, 1] ** 2 - X[:, 2] + 0.1 * rng.standard_normal(20)


HOURS = np.arange(1.0, 25.0)[:, None]
HUNDREDS = np.arange(-100.0, 100.0)[:, None]
# name -> inputs, labels, width, activation, least R² that a network of this width must reach on these rows
LEARNED = {
    "XOR, 2 relu": (SQUARE, XOR, 2, "relu", 0.99),
    "XOR, 2 tanh": (SQUARE, XOR, 2, "tanh", 0.99),
    "XOR fifty times, 4 tanh": (np.tile(SQUARE, (50, 1)), np.tile(XOR, 50), 4, "tanh", 0.99),
    "half a sine, 2 sigmoid": (HOURS, 1000 * np.sin(HOURS[:, 0] / 48 * 2 * np.pi), 2, "sigmoid", 0.999),
    "half a sine, 2 relu": (HOURS, 1000 * np.sin(HOURS[:, 0] / 48 * 2 * np.pi), 2, "relu", 0.99),
    "absolute value, 2 relu": (LINE, np.abs(LINE[:, 0]), 2, "relu", 0.999),
    "absolute value, 5 tanh": (LINE, np.abs(LINE[:, 0]), 5, "tanh", 0.995),
    "fourth power, 8 tanh": (HUNDREDS, HUNDREDS[:, 0] ** 4, 8, "tanh", 0.995),
    "step, 2 relu": (LINE, (LINE[:, 0] > 0.2) * 1.0, 2, "relu", 0.99),
    "step, 2 tanh": (LINE, (LINE[:, 0] > 0.2) * 1.0, 2, "tanh", 0.99),
    "spline of 7 knots, 8 relu": (*spline(), 8, "relu", 0.99),
    "spline of 7 knots, 10 tanh": (*spline(), 10, "tanh", 0.99),
    "spirals, 20 tanh": (*spirals(), 20, "tanh", 0.99),
    "twenty rows, 2 sigmoid": (*twenty_rows(), 2, "sigmoid", 0.95),
    "twenty rows, 2 relu": (*twenty_rows(), 2, "relu", 0.94),
}


@pytest.mark.filterwarnings(FEW_ROWS)
@pytest.mark.parametrize("name", LEARNED)
def test_what_there_is_to_learn_is_learned(name):
    X, y, width, activation, least = LEARNED[name]
    assert TwoLayerRegressor(width, activation, random_state=0).fit(X, y).score(X, y) > least


@pytest.mark.slow
@pytest.mark.filterwarnings(FEW_ROWS)
@pytest.mark.parametrize("name", LEARNED)
def test_the_worst_of_twenty_seeds_is_as_good_as_the_best(name):
    X, y, width, activation, least = LEARNED[name]
    scores = [TwoLayerRegressor(width, activation, random_state=seed).fit(X, y).score(X, y) for seed in range(20)]
    assert min(scores) > least
    assert max(scores) - min(scores) < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize(("make", "noise"), [(make_friedman1, 1.0), (make_friedman2, 50.0), (make_friedman3, 0.1)])
def test_of_noisy_rows_the_worst_of_twenty_seeds_predicts_new_ones_as_the_best_does(make, noise, activation):
    X, y = make(n_samples=1000, noise=noise, random_state=0)
    new, truth = make(n_samples=4000, noise=0.0, random_state=1)
    models = (TwoLayerRegressor(10, activation, random_state=seed).fit(X, y) for seed in range(20))
    scores = [model.score(new, truth) for model in models]
    assert max(scores) - min(scores) < 0.015
    assert min(scores) > 0.96


@pytest.mark.parametrize("width", [1, 2])
@pytest.mark.parametrize("seed", [0, 7, 16])
def test_a_line_a_hockey_stick_and_a_decay_are_no_constants(width, seed):
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 10, (100, 1))
    for y in (3 * x[:, 0], np.maximum(x[:, 0] - 5, 0), 9 * np.exp(-x[:, 0] / 3)):
        labels = y + 0.3 * rng.standard_normal(100)
        assert TwoLayerRegressor(width, random_state=seed).fit(x, labels).score(x, labels) > 0.9


@pytest.mark.slow
@pytest.mark.filterwarnings(FEW_ROWS)
def test_of_small_exact_samples_no_fit_is_a_silent_constant():
    """One to three inputs, four to fifty rows, one to four planted units."""
    dead = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        d, n, m = int(rng.integers(1, 4)), int(rng.integers(4, 51)), int(rng.integers(1, 5))
        activation = ("relu", "tanh", "sigmoid")[seed % 3]
        X = rng.standard_normal((n, d))
        y = random_units(d, m, 1.0, activation, rng=seed)(X)
        if np.ptp(y) < 1e-9:
            continue
        model = TwoLayerRegressor(m, activation, random_state=seed).fit(X, y)
        dead += model.score(X, y) < 0.1
    assert dead == 0


def test_labels_that_owe_nothing_to_the_inputs_give_a_constant_and_say_so():
    rng = np.random.default_rng(0)
    constants = 0
    for seed in range(6):
        X, y = rng.standard_normal((60, 2)), rng.standard_normal(60)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model = TwoLayerRegressor(2, random_state=seed).fit(X, y)
        is_constant = model.score(X, y) < 1e-3
        assert is_constant == any("held-out rows are not predicted better" in str(one.message) for one in told)
        constants += is_constant
    assert constants >= 1


# -- several outputs ---------------------------------------------------------------------------------------------------


def test_several_outputs_share_the_units():
    X, Y = load_linnerud(return_X_y=True)
    X, Y = np.tile(X, (3, 1)) + np.random.default_rng(0).standard_normal((60, 3)), np.tile(Y, (3, 1))
    model = TwoLayerRegressor(3, random_state=0).fit(X, Y)
    assert model.n_outputs_ == 3
    assert model.network_.W.shape == (3, 3)
    assert model.network_.A.shape == (3, 3)
    assert model.predict(X).shape == (60, 3)
    assert model.score(X, Y) > 0.3
    assert model.certificate_.standard_errors.a.shape == (3, 3)
    assert model.certificate_.residual == pytest.approx(
        np.sqrt(np.mean((model.predict(X) - Y) ** 2 / Y.var(axis=0))), rel=1e-6
    )


def test_two_outputs_of_one_network_come_back_exactly():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 4))
    units = np.tanh(X @ rng.standard_normal((4, 3)) + [0.3, -0.5, 0.0])
    Y = units @ rng.standard_normal((3, 2)) * [1.0, 100.0] + [5.0, 0.0]
    model = TwoLayerRegressor(3, "tanh", random_state=0).fit(X, Y)
    np.testing.assert_allclose(model.predict(X), Y, atol=1e-6 * np.abs(Y).max())


def test_an_output_that_is_constant_is_predicted_as_that_beside_one_that_is_not():
    X = np.random.default_rng(0).standard_normal((60, 2))
    model = TwoLayerRegressor(2, random_state=0).fit(X, np.column_stack([X[:, 0], np.full(60, 7.0)]))
    np.testing.assert_allclose(model.predict(X)[:, 1], 7.0, atol=1e-6)
    assert r2_score(X[:, 0], model.predict(X)[:, 0]) > 0.99


def test_a_column_of_labels_is_one_output():
    X, y = load_diabetes(return_X_y=True)
    flat, column = (TwoLayerRegressor(2, random_state=0).fit(X, labels) for labels in (y, y[:, None]))
    assert column.predict(X).shape == (442,)
    assert flat.network_ == column.network_


def test_constant_labels_of_several_outputs_give_a_constant_each():
    with pytest.warns(UserWarning, match="^y is constant, and so is the prediction$"):
        model = TwoLayerRegressor().fit(np.eye(4), np.tile([1.0, 2.0], (4, 1)))
    np.testing.assert_allclose(model.predict(np.eye(4)), np.tile([1.0, 2.0], (4, 1)))


# -- weights -----------------------------------------------------------------------------------------------------------


def test_a_weight_of_two_is_a_row_given_twice_and_of_zero_one_left_out():
    X, y = load_diabetes(return_X_y=True)
    X, y = X[:150], y[:150]
    weights = np.random.default_rng(0).integers(0, 3, 150)
    one = TwoLayerRegressor(3, random_state=0).fit(X, y, sample_weight=weights)
    other = TwoLayerRegressor(3, random_state=0).fit(X.repeat(weights, axis=0), y.repeat(weights))
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=1e-12)
    assert one.certificate_.n_rows == other.certificate_.n_rows == weights.sum()
    unweighted = TwoLayerRegressor(3, random_state=0).fit(X, y)
    assert np.abs(one.predict(X) - unweighted.predict(X)).max() > 1.0


def test_the_order_of_the_rows_does_not_matter():
    X, y = load_diabetes(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    models = [TwoLayerRegressor(3, random_state=0).fit(*rows) for rows in ((X, y), (X[order], y[order]))]
    assert models[0].network_ == models[1].network_


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(442), "Sample weights must contain at least one non-zero number"),
        (np.full(442, -1.0), "Negative values in data passed to `sample_weight`"),
        (np.full(442, np.inf), "infinity"),
        (np.ones(3), "sample_weight.shape == "),
    ],
)
def test_weights_that_make_no_sense_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        TwoLayerRegressor().fit(*load_diabetes(return_X_y=True), sample_weight=weights)


def test_weights_are_routed_through_a_pipeline():
    X, y = load_diabetes(return_X_y=True)
    weights = np.r_[np.ones(200), np.zeros(242)]
    with sklearn.config_context(enable_metadata_routing=True):
        model = (
            TwoLayerRegressor(2, random_state=0)
            .set_fit_request(sample_weight=True)
            .set_score_request(sample_weight=True)
        )
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        routed = make_pipeline(scaler, model).fit(X, y, sample_weight=weights)
        cross_validate(make_pipeline(scaler, model), X, y, cv=2, params={"sample_weight": np.ones(442)})
    alone = make_pipeline(StandardScaler(), TwoLayerRegressor(2, random_state=0)).fit(X[:200], y[:200])
    np.testing.assert_allclose(routed.predict(X), alone.predict(X), rtol=1e-6)


# -- batches and starts ------------------------------------------------------------------------------------------------


def test_batches_are_learned_one_after_another():
    X, y = make_friedman1(1600, 6, noise=2.0, random_state=0)
    model, last = TwoLayerRegressor(8, "tanh", random_state=0), None
    for start in range(0, 1000, 200):
        last = slice(start, start + 200)
        model.partial_fit(X[last], y[last])
    alone = TwoLayerRegressor(8, "tanh", random_state=0).fit(X[last], y[last])
    whole = TwoLayerRegressor(8, "tanh", random_state=0).fit(X[:1000], y[:1000])
    scores = [one.score(X[1000:], y[1000:]) for one in (alone, model, whole)]
    assert scores[1] > scores[0] + 0.01
    assert scores[1] > scores[2] - 0.01
    assert model.certificate_.n_rows == 1000


def test_a_batch_of_other_outputs_is_refused():
    X, y = load_diabetes(return_X_y=True)
    model = TwoLayerRegressor(2, random_state=0).partial_fit(X, y)
    with pytest.raises(ValueError, match="y must have 1 outputs as before, found 2"):
        model.partial_fit(X, np.column_stack([y, y]))


def test_a_batch_after_a_fit_starts_from_its_network():
    X, y = load_diabetes(return_X_y=True)
    model = TwoLayerRegressor(3, random_state=0).fit(X[:300], y[:300])
    before = model.predict(X)
    after = model.partial_fit(X[300:], y[300:]).predict(X)
    assert np.corrcoef(before, after)[0, 1] > 0.8


def test_a_warm_start_goes_on_from_the_fit_before():
    X, y = load_diabetes(return_X_y=True)
    model = TwoLayerRegressor(3, "tanh", warm_start=True, random_state=0).fit(X, y)
    before = model.network_
    after = model.fit(X, y).network_
    assert np.corrcoef(after(X), before(X))[0, 1] > 0.95
    assert model.set_params(width=2).fit(X, y).network_.width == 2


# -- scikit-learn's world ----------------------------------------------------------------------------------------------


def test_a_grid_is_searched_on_two_processes():
    X, y = make_friedman1(200, 5, random_state=0)
    search = GridSearchCV(TwoLayerRegressor(random_state=0), {"width": [1, 5]}, cv=3, n_jobs=2).fit(X, y)
    assert search.best_params_ == {"width": 5}


def test_names_of_columns_and_the_result_are_kept():
    import pandas as pd

    X, y = load_diabetes(return_X_y=True)
    frame = pd.DataFrame(X, columns=[f"column {j}" for j in range(10)])
    model = TwoLayerRegressor(2, random_state=0).fit(frame, y)
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.result_.network == model.network_
    assert model.result_.status is Status.APPROXIMATION
    assert model.result_.certificate == model.certificate_


def test_a_line_is_predicted_as_well_as_by_a_linear_model():
    X, y = load_diabetes(return_X_y=True)
    ours = cross_val_score(TwoLayerRegressor(5, random_state=0), X, y, cv=5).mean()
    linear = cross_val_score(make_pipeline(StandardScaler(), RidgeCV(np.logspace(-1, 3, 9))), X, y, cv=5).mean()
    assert ours > linear - 0.01


def test_width_and_activation_follow_the_evidence():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3))
    y = np.abs(X[:, 0]) + 0.05 * rng.standard_normal(300)
    model = TwoLayerRegressor("auto", "auto", random_state=0).fit(X, y)
    assert model.network_.activation.name == "relu"
    assert 2 <= model.network_.width <= 4
    y = np.tanh(2 * X[:, 0]) + 0.05 * rng.standard_normal(300)
    model = TwoLayerRegressor("auto", "auto", random_state=0).fit(X, y)
    assert (model.network_.activation.name, model.network_.width) == ("tanh", 1)
