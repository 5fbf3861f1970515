"""Boxes with several outputs, and with outputs behind a link: planted ones, and networks that others published."""

from pathlib import Path

import numpy as np
import pytest

from twolayer import TwoLayerNetwork, recovery_error
from twolayer.extract import CallableBox, Status, extract, open_box
from twolayer.links import given_link
from twolayer.network import Polynomial
from twolayer.teachers import random_units

NETWORKS = Path(__file__).parents[2] / "shared" / "data" / "networks"
published = pytest.mark.skipif(not NETWORKS.is_dir(), reason="the networks that others published are not here")


def planted(spec, outputs, link="identity", d=5, m=4):
    network = random_units(d, m, bias=1.0, activation=spec, rng=0, outputs=outputs)
    if link == "softmax":
        network = TwoLayerNetwork(network.A - network.A.mean(axis=1, keepdims=True), network.W, network.b, spec)
    return network, CallableBox(lambda X: given_link(link)(network(X)), d)


@pytest.mark.parametrize("spec", ["tanh", "sigmoid", "softplus", "gelu", "sine"])
def test_smooth_boxes_of_several_outputs_are_taken_whole(spec):
    network, box = planted(spec, 3)
    found = extract(box, activation=spec, rng=0)
    assert found.status is Status.EQUAL
    assert recovery_error(found.network, network) < 1e-8


LINKED = [("logistic", 1), ("logistic", 3), ("softmax", 3), ("exp", 2), ("tanh", 2)]


@pytest.mark.parametrize(("link", "outputs"), LINKED)
@pytest.mark.parametrize("spec", ["relu", "tanh"])
def test_the_network_behind_a_link_is_taken(spec, link, outputs):
    network, box = planted(spec, outputs, link)
    found = extract(box, activation=spec, width=4, link=link, rng=0)
    assert found.status is Status.EQUAL
    assert found.link == link
    assert recovery_error(found.network, network) < 1e-8


def test_inputs_in_other_units_are_no_obstacle():
    network, _ = planted("tanh", 3)
    scale = np.array([1e-6, 1.0, 1e6, 1.0, 1e3])
    box = CallableBox(lambda X: network(X / scale), 5)
    found = extract(box, activation="tanh", width=4, rng=0)
    assert found.status is Status.EQUAL
    moved = TwoLayerNetwork(network.a, network.W / scale, network.b, "tanh")
    np.testing.assert_allclose(found.network(scale * np.eye(5)), moved(scale * np.eye(5)), atol=1e-8)


def test_a_box_of_three_layers_is_not_equal():
    inner, outer = random_units(4, 5, rng=0, outputs=3), random_units(3, 4, activation="tanh", rng=1, outputs=2)
    box = CallableBox(lambda X: outer(np.tanh(inner(X))), 4)
    found = extract(box, activation="tanh", width=6, budget=20_000, rng=0)
    assert not found.is_certified


# ------------------------------------------------------------------------------------------------- published networks


@published
def test_ten_logits_of_an_image_classifier_are_taken_at_less_than_two_queries_a_parameter_of_the_first_layer():
    data = np.load(NETWORKS / "art_784_4_10.npz")
    network = TwoLayerNetwork(data["A"].T, data["W"], data["b"], "relu", Polynomial(data["c"]))
    found = extract(CallableBox(network, 784), rng=0)
    assert found.status is Status.EQUAL
    assert recovery_error(found.network, network) < 1e-9
    assert found.queries <= 2 * 4 * 785


def rosetta(index):
    """A network of soil hydraulics, before its sigmoid outputs."""
    data = np.load(NETWORKS / "rosetta_rose3_mod5_0.npz")
    W, b, A, c = (data[name][index] for name in ("W", "b", "A", "c"))
    return TwoLayerNetwork(A.T, W, b, "tanh", Polynomial(c))


def assert_taken(network, **options):
    box = CallableBox(lambda X: given_link("logistic")(network(X)), 6)
    found = extract(box, link="logistic", activation="tanh", rng=0, **options)
    assert found.status is Status.EQUAL
    assert recovery_error(found.network, network) < 1e-6


@published
@pytest.mark.parametrize("index", [0, 250, 500, 750])
def test_soil_networks_are_taken_through_their_sigmoid_outputs(index):
    assert_taken(rosetta(index), width=6)


@published
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("first", range(0, 1000, 50))
def test_all_thousand_soil_networks_are_taken(first):
    for index in range(first, first + 50):
        assert_taken(rosetta(index), width=6)


# ------------------------------------------------------------------------------------------------ scikit-learn


def exported(model, path, dim):
    to_onnx = pytest.importorskip("skl2onnx").to_onnx
    options = {id(model): {"zipmap": False}} if hasattr(model, "classes_") else None
    path.write_bytes(to_onnx(model, np.zeros((1, dim)), options=options).SerializeToString())
    return open_box(str(path))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["digits", "iris", "iris tanh"])
def test_classifiers_are_taken_through_their_probabilities(name, tmp_path):
    from sklearn.datasets import load_digits, load_iris
    from sklearn.neural_network import MLPClassifier

    X, y = load_digits(return_X_y=True) if name == "digits" else load_iris(return_X_y=True)
    width, sigma = (36 if name == "digits" else 5), ("tanh" if "tanh" in name else "relu")
    model = MLPClassifier((width,), activation=sigma, max_iter=60, random_state=0).fit(X / X.max(), y)
    found = extract(exported(model, tmp_path / "model.onnx", X.shape[1]), rng=0)
    assert found.status is Status.EQUAL
    assert found.link == "softmax"
    fresh = np.random.default_rng(1).random((200, X.shape[1]))
    np.testing.assert_allclose(given_link("softmax")(found.network(fresh)), model.predict_proba(fresh), atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_regression_of_three_targets_is_taken(tmp_path):
    from sklearn.datasets import load_linnerud
    from sklearn.neural_network import MLPRegressor

    X, y = load_linnerud(return_X_y=True)
    model = MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=2000, random_state=0).fit(X, y)
    found = extract(exported(model, tmp_path / "model.onnx", 3), rng=0)
    assert found.status is Status.EQUAL
    np.testing.assert_allclose(found.network(X), model.predict(X), rtol=1e-5)
