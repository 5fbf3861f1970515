"""TwoLayerRegressor among scikit-learn's tools: names, searches over processes, inspection, output, pictures."""

import pickle

import numpy as np
import pytest
from sklearn import config_context
from sklearn.compose import TransformedTargetRegressor
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from twolayer import InputError, TwoLayerDisplay, TwoLayerRegressor

pandas = pytest.importorskip("pandas")
NAMES = ["age", "pulse", "dose"]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = pandas.DataFrame(rng.standard_normal((300, 3)), columns=NAMES)
    y = 2 * np.tanh(X["age"] + 0.5 * X["pulse"]) + 1.5 * np.tanh(X["dose"] - 0.3 * X["age"]) + 3
    return X, (y + 0.02 * rng.standard_normal(300)).rename("pressure")


def regressor(**options):
    return TwoLayerRegressor(width=2, activation="tanh", random_state=0, **options)


@pytest.fixture(scope="module")
def fitted(rows):
    return regressor().fit(*rows)


def test_the_result_of_a_fit_is_kept_with_names(rows, fitted):
    model = fitted
    assert model.result_.inputs == tuple(NAMES)
    assert "pulse" in str(model.result_.summary())
    assert model.result_.network == model.network_
    again = pickle.loads(pickle.dumps(model))
    assert again.result_ == model.result_
    assert again.result_.samples is None
    np.testing.assert_array_equal(again.predict(rows[0]), model.predict(rows[0]))


def test_an_approximation_has_a_summary_too(rows):
    model = regressor(alpha=1.0).fit(*rows)
    text = str(model.result_.summary())
    assert text.startswith("APPROXIMATION: ")
    assert "dose" in text


@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
def test_labels_may_be_a_column(rows):
    X, y = rows[0].to_numpy(), rows[1].to_numpy()
    flat, column = (regressor(alpha=1.0).fit(X, labels) for labels in (y, y[:, None]))
    np.testing.assert_allclose(column.predict(X).ravel(), flat.predict(X))


@pytest.mark.slow
def test_a_search_over_processes_finds_the_width(rows):
    search = GridSearchCV(regressor(), {"width": [1, 2]}, n_jobs=2, cv=2)
    search.fit(*rows)
    assert search.best_params_ == {"width": 2}
    assert search.best_score_ > 0.99


def test_names_pass_through_a_pipeline_that_gives_frames(rows):
    X, y = rows
    model = make_pipeline(StandardScaler(), regressor(alpha=0.1)).set_output(transform="pandas").fit(X, y)
    assert model[-1].result_.inputs == tuple(NAMES)
    assert model.score(X, y) > 0.99


def test_weights_are_routed(rows):
    X, y = rows
    weights = np.ones(len(y))
    with config_context(enable_metadata_routing=True):
        inner = regressor(alpha=0.1).set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=True)
        model = make_pipeline(scaler, inner).fit(X, y, sample_weight=weights)
    assert model.score(X, y) > 0.99


def test_inspection_sees_which_inputs_matter(rows, fitted):
    X, y = rows
    model = fitted
    importance = permutation_importance(model, X, y, n_repeats=3, random_state=0).importances_mean
    assert importance.argmin() == 1
    effect = partial_dependence(model, X, ["age"], grid_resolution=5)
    assert effect["average"].shape == (1, 5)
    target = TransformedTargetRegressor(regressor(alpha=0.1), transformer=StandardScaler()).fit(X, y)
    assert target.score(X, y) > 0.99


def test_a_display_draws_a_fitted_estimator_or_a_pipeline(rows, fitted):
    X, y = rows
    for model in (fitted, make_pipeline(StandardScaler(), regressor(alpha=0.1)).fit(X, y)):
        display = TwoLayerDisplay.from_estimator(model, X, y)
        assert len(display.axes_) == 4
        assert display.figure_ is display.axes_[0].figure
    labels = TwoLayerDisplay.from_estimator(fitted, X, y).axes_[0].get_yticklabels()
    assert [one.get_text() for one in labels] == NAMES
    for wrong in (regressor(), LinearRegression().fit(X, y)):
        with pytest.raises(InputError, match="a fitted estimator with a network is needed"):
            TwoLayerDisplay.from_estimator(wrong, X, y)
