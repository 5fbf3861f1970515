"""Behind a link: probabilities, rates and bounded values show the network that made them."""

import numpy as np
import pytest

from twolayer import LINKS, Result, recover, recovery_error
from twolayer.errors import InputError
from twolayer.links import given_link, unlinked
from twolayer.network import TwoLayerNetwork
from twolayer.teachers import gaussian_samples, random_units

CASES = [("logistic", 1), ("logistic", 4), ("softmax", 2), ("softmax", 4), ("exp", 3), ("tanh", 3)]


def planted(link, q, n=800, spec="tanh"):
    network = random_units(5, 3, bias=1.0, activation=spec, rng=0, outputs=q)
    if link == "softmax":
        network = TwoLayerNetwork(network.A - network.A.mean(axis=1, keepdims=True), network.W, network.b, spec)
    X, F = gaussian_samples(network, n, 1)
    return network, X, given_link(link)(F)


def test_every_link_is_tried_here():
    assert {name for name, _ in CASES} | {"identity"} == set(LINKS)


@pytest.mark.parametrize("name", LINKS)
def test_a_link_is_what_it_says_and_is_undone(name):
    F = np.random.default_rng(0).standard_normal((50, 3))
    F -= F.mean(axis=1, keepdims=True)
    formula = {
        "identity": F,
        "logistic": 1 / (1 + np.exp(-F)),
        "softmax": np.exp(F) / np.exp(F).sum(axis=1, keepdims=True),
        "exp": np.exp(F),
        "tanh": np.tanh(F),
    }[name]
    link = given_link(name)
    np.testing.assert_allclose(link(F), formula, rtol=1e-14)
    back, shown = unlinked(link, formula)
    assert shown.all()
    np.testing.assert_allclose(back, F, atol=1e-13)


@pytest.mark.parametrize(("name", "q"), CASES)
@pytest.mark.parametrize("asked", ["by name", "auto"])
def test_the_network_behind_a_link_comes_back(name, q, asked):
    network, X, y = planted(name, q)
    result = recover(X, y, 3, "tanh", bias=True, link=name if asked == "by name" else "auto", rng=0)
    assert result.is_certified
    assert result.link == name
    assert recovery_error(result.network, network) < 1e-8
    np.testing.assert_allclose(result.predict(X), y, atol=1e-9)


def test_labels_without_a_link_that_lie_in_a_range_by_chance_need_none():
    network = random_units(5, 3, bias=1.0, activation="tanh", rng=0, outputs=3)
    X, F = gaussian_samples(network, 800, 1)
    F = 0.5 + 0.4 * F / np.abs(F).max()
    assert recover(X, F, 3, "tanh", bias=True, link="auto", rng=0).link == "identity"


def test_rows_that_saturate_are_left_out_and_counted():
    network, X, y = planted("logistic", 2)
    steep = TwoLayerNetwork(10 * network.a, network.W, network.b, "tanh")
    y = given_link("logistic")(steep(X))
    result = recover(X, y, 3, "tanh", bias=True, link="logistic", rng=0)
    lost = int(np.sum(np.any(1 - y < 1e-4, axis=1)))
    assert 0 < lost < 800
    assert f"{lost} of 800 rows saturate the link logistic" in result.certificate.notes[0]
    assert result.is_certified
    assert recovery_error(result.network, steep) < 1e-7


def test_a_result_with_a_link_is_kept(tmp_path):
    _, X, y = planted("logistic", 3)
    result = recover(X, y, 3, "tanh", bias=True, link="logistic", rng=0)
    result.save(tmp_path / "fit.npz")
    loaded = Result.load(tmp_path / "fit.npz")
    assert loaded.link == "logistic"
    np.testing.assert_array_equal(loaded.predict(X), result.predict(X))


def test_standard_errors_go_through_a_link():
    _, X, y = planted("logistic", 1, n=2000)
    F = np.log(y / (1 - y)) + 0.05 * np.random.default_rng(0).standard_normal(2000)
    result = recover(X, 1 / (1 + np.exp(-F)), 3, "tanh", bias=True, link="logistic", rng=0)
    value, error = result.predict(X[:5], return_std=True)
    plain = recover(X, F, 3, "tanh", bias=True, rng=0)
    _, of_output = plain.predict(X[:5], return_std=True)
    np.testing.assert_allclose(error, value * (1 - value) * of_output, rtol=1e-3)


@pytest.mark.parametrize(
    ("name", "row", "message"),
    [
        ("logistic", [0.5, 1.2, 0.1], "must be between 0 and 1, found 0.5, 1.2, 0.1 in row 7"),
        ("softmax", [0.5, 0.4, 0.3], "must be probabilities that sum to one, found 0.5, 0.4, 0.3 in row 7"),
        ("softmax", [0.5, -0.4, 0.9], "must be probabilities between 0 and 1"),
        ("exp", [1.0, -2.0, 1.0], "must be at least 0"),
        ("tanh", [0.0, 0.0, -1.5], "must be between -1 and 1"),
    ],
)
def test_labels_that_a_link_cannot_give_are_refused_with_the_row(name, row, message):
    _, X, y = planted(name, 3, n=100)
    y[7] = row
    with pytest.raises(InputError, match=message):
        recover(X, y, 3, "tanh", bias=True, link=name)


def test_classes_are_no_probabilities():
    X = np.random.default_rng(0).standard_normal((60, 2))
    with pytest.raises(InputError, match="found classes, 0 and 1 only: TwoLayerClassifier takes these"):
        recover(X, (X[:, 0] > 0).astype(float), 1, "tanh", link="logistic")


def test_an_unknown_link_is_refused():
    _, X, y = planted("logistic", 1, n=100)
    with pytest.raises(InputError, match="link must be one of identity, logistic, softmax, exp, tanh or auto"):
        recover(X, y, 3, "tanh", link="probit")
