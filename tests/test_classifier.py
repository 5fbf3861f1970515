"""TwoLayerClassifier: scikit-learn's conventions, what must be learned from any seed, and honest probabilities."""

import pickle

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_moons
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.utils.estimator_checks import estimator_checks_generator

from twolayer import TwoLayerClassifier

IRIS = load_iris(return_X_y=True)
MODELS = [TwoLayerClassifier(width=3, random_state=0), TwoLayerClassifier(2, "tanh", alpha=1.0, bias=False)]
CHECKS = [
    pytest.param(model, check, id=f"{model.activation}-{check.func.__name__}-{len(check.keywords)}")
    for model in MODELS
    for _, check in estimator_checks_generator(model)
    if check.func.__name__ != "check_array_api_input"
]


@pytest.mark.parametrize(("model", "check"), CHECKS)
def test_the_check_of_scikit_learn_passes(model, check):
    assert check(clone(model)) is None


def test_the_checks_are_all_there():
    assert len(CHECKS) > 90


def parity(bits):
    """All words of so many bits, and whether the number of ones is odd."""
    X = (np.arange(2**bits)[:, None] >> np.arange(bits)) % 2
    return X.astype(float), X.sum(axis=1) % 2


def spirals(n=100):
    """Two spirals that interlock, of one turn and a half."""
    t = np.sqrt(np.linspace(0.05, 1, n)) * 3 * np.pi
    one = np.column_stack([t * np.cos(t), t * np.sin(t)])
    return np.vstack([one, -one]), np.repeat([0, 1], n)


LEARNED = {
    "XOR, 2 relu": (*parity(2), 2, "relu"),
    "XOR, 2 tanh": (*parity(2), 2, "tanh"),
    "XOR fifty times, 4 relu": (*(np.repeat(part, 50, axis=0) for part in parity(2)), 4, "relu"),
    "parity of 4, 4 tanh": (*parity(4), 4, "tanh"),
    "parity of 4, 8 relu": (*parity(4), 8, "relu"),
    "spirals, 20 tanh": (*spirals(), 20, "tanh"),
}


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", LEARNED)
def test_what_is_hard_to_learn_is_learned(name, seed):
    X, y, width, activation = LEARNED[name]
    model = TwoLayerClassifier(width, activation, random_state=seed).fit(X, y)
    assert model.score(X, y) == 1
    assert model.is_separated_


@pytest.mark.slow
@pytest.mark.parametrize("name", LEARNED)
def test_what_is_hard_to_learn_is_learned_from_every_seed(name):
    X, y, width, activation = LEARNED[name]
    scores = [TwoLayerClassifier(width, activation, random_state=seed).fit(X, y).score(X, y) for seed in range(2, 20)]
    assert min(scores) == 1


def test_one_linear_unit_is_the_ridge_regression_of_log_odds():
    """A unit of the line is logistic regression; of its weights a w, the ridge α (a² + |w|²) / 2 is α |a w|."""
    X, y = load_breast_cancer(return_X_y=True)
    X = X[:, :3]
    model = TwoLayerClassifier(1, "linear", alpha=2.0, random_state=0).fit(X, y)
    Z = np.column_stack([(X - X.mean(0)) / X.std(0), np.ones(len(X))])

    def loss(w):
        f = Z @ w
        return np.sum(np.logaddexp(0, f) - y * f) + 2.0 * np.linalg.norm(w[:3])

    best = minimize(loss, np.full(4, 0.1), method="BFGS", options={"gtol": 1e-8}).x
    np.testing.assert_allclose(model.decision_function(X), Z @ best, atol=2e-2)


def test_three_classes_have_the_gradient_of_the_softmax_at_zero():
    X, y = IRIS
    model = TwoLayerClassifier(3, "tanh", alpha=1.0, random_state=0).fit(X, y)
    P = model.network_(X)
    P = np.exp(P - P.max(1, keepdims=True))
    P /= P.sum(1, keepdims=True)
    # the constants are free: over all rows, each class has its share exactly
    np.testing.assert_allclose(P.sum(axis=0), 50, atol=0.2)


def test_probabilities_are_honest_on_rows_that_were_not_seen():
    X, y = make_moons(600, noise=0.35, random_state=0)
    P = cross_val_predict(TwoLayerClassifier(10, "tanh", random_state=0), X, y, cv=5, method="predict_proba")[:, 1]
    surprise = log_loss(y, P)
    expected = -np.mean(P * np.log(P) + (1 - P) * np.log(1 - P))  # of labels that are drawn with these probabilities
    spread = np.std(np.where(y, -np.log(P), -np.log(1 - P))) / np.sqrt(len(y))
    assert spread < 0.05
    assert abs(surprise - expected) < 4 * spread


def test_log_probabilities_and_decisions_agree_with_probabilities():
    for X, y in (IRIS, load_breast_cancer(return_X_y=True)):
        model = TwoLayerClassifier(3, random_state=0).fit(X, y)
        P = model.predict_proba(X)
        np.testing.assert_allclose(P.sum(axis=1), 1)
        np.testing.assert_allclose(np.exp(model.predict_log_proba(X)), P, atol=1e-12)
        assert np.array_equal(model.classes_[P.argmax(axis=1)], model.predict(X))
        decision = model.decision_function(X)
        chosen = decision.argmax(axis=1) if decision.ndim == 2 else decision > 0
        assert np.array_equal(model.classes_[np.asarray(chosen, int)], model.predict(X))


@pytest.mark.parametrize("kind", [str, float, bool, object])
def test_labels_are_of_any_type(kind):
    X, y = make_moons(80, noise=0.1, random_state=0)
    labels = y.astype(bool) if kind is bool else np.array([kind(v) if kind is not object else f"c{v}" for v in y])
    labels = labels.astype(object) if kind is object else labels
    model = TwoLayerClassifier(4, random_state=0).fit(X, labels)
    assert model.classes_.dtype == labels.dtype
    assert np.array_equal(
        model.predict(X), TwoLayerClassifier(4, random_state=0).fit(X, y).predict(X).astype(bool)
    ) or (np.mean(model.predict(X) == labels) == model.score(X, labels))


def test_a_weight_of_two_is_a_row_given_twice_and_of_zero_one_left_out():
    X, y = IRIS
    weights = np.random.default_rng(0).integers(0, 3, len(y))
    one = TwoLayerClassifier(3, random_state=0).fit(X, y, sample_weight=weights)
    other = TwoLayerClassifier(3, random_state=0).fit(X.repeat(weights, axis=0), y.repeat(weights))
    np.testing.assert_allclose(one.decision_function(X), other.decision_function(X), atol=1e-12)


def test_rows_that_overlap_are_not_separated():
    X, y = make_moons(200, noise=0.5, random_state=0)
    model = TwoLayerClassifier(3, random_state=0).fit(X, y)
    assert not model.is_separated_
    assert model.alpha_ > 0


def test_an_input_without_effect_has_a_large_ridge():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 3))
    y = np.tanh(3 * X[:, 0]) * X[:, 1] + 0.1 * rng.standard_normal(400) > 0
    model = TwoLayerClassifier(6, "tanh", random_state=0).fit(X, y)
    assert model.input_alphas_[2] > 10 * model.input_alphas_[:2].max()
    assert TwoLayerClassifier(6, alpha=1.0, random_state=0).fit(X, y).input_alphas_ is None


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["a"] * 8, "y must have at least two classes, found one class: 'a'"),
        (np.linspace(0, 1, 8), "Unknown label type"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        TwoLayerClassifier().fit(np.arange(16.0).reshape(8, 2), labels)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(150), "Sample weights must contain at least one non-zero number"),
        (np.full(150, -1.0), "Negative values in data passed to `sample_weight`"),
        (np.full(150, np.nan), "NaN"),
        (np.ones(3), "sample_weight.shape == "),
        (np.r_[np.ones(50), np.zeros(100)], "y must have at least two classes, found one class: 0"),
    ],
)
def test_weights_that_make_no_sense_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        TwoLayerClassifier().fit(*IRIS, sample_weight=weights)


def test_batches_are_learned_one_after_another():
    X, y = make_moons(600, noise=0.25, random_state=0)
    model = TwoLayerClassifier(8, "tanh", random_state=0)
    for start in range(0, 400, 100):
        model.partial_fit(X[start : start + 100], y[start : start + 100], classes=[0, 1])
    first = TwoLayerClassifier(8, "tanh", random_state=0).fit(X[:100], y[:100])
    surprises = [log_loss(y[400:], one.predict_proba(X[400:])) for one in (model, first)]
    assert surprises[0] < surprises[1]


def test_a_class_that_was_not_announced_is_refused():
    X, y = IRIS
    model = TwoLayerClassifier(2, random_state=0).partial_fit(X[:100], y[:100])
    with pytest.raises(ValueError, match="y must be of the classes of the first call, found 2"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        model.partial_fit(X[:100], y[:100], classes=[0, 1, 2])


def test_a_warm_start_goes_on_from_the_fit_before():
    X, y = make_moons(200, noise=0.25, random_state=0)
    model = TwoLayerClassifier(5, "tanh", warm_start=True, random_state=0).fit(X, y)
    before = model.network_
    assert np.abs(model.fit(X, y).network_.W - before.W).max() < 0.5 * np.abs(before.W).max()
    model.set_params(width=4).fit(X, y)
    assert model.network_.width == 4


def test_width_and_activation_are_chosen_by_the_evidence():
    X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    model = TwoLayerClassifier("auto", "auto", random_state=0).fit(X, X[:, 0] * X[:, 1] > 0)
    assert 2 <= model.network_.width <= 8
    assert model.score(X, X[:, 0] * X[:, 1] > 0) > 0.97
    noise = np.random.default_rng(0).integers(0, 2, 120)
    assert TwoLayerClassifier("auto", random_state=0).fit(X[:120], noise).network_.width <= 2


def test_a_fit_survives_pickling_and_a_search_over_a_grid():
    X, y = make_moons(120, noise=0.2, random_state=0)
    search = GridSearchCV(TwoLayerClassifier(random_state=0), {"width": [1, 4]}, cv=3, n_jobs=2, scoring="neg_log_loss")
    best = search.fit(X, y).best_estimator_
    assert best.width == 4
    assert np.array_equal(pickle.loads(pickle.dumps(best)).predict_proba(X), best.predict_proba(X))
