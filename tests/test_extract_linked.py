"""Networks behind logistic outputs."""

from pathlib import Path

import numpy as np
import pytest

from twolayer import InputError, TwoLayerNetwork, align
from twolayer.extract import CallableBox
from twolayer.extract.linked import Linked, LinkedRules, LogitBox, _check, extract_linked
from twolayer.network import Polynomial

NETWORKS = Path(__file__).parents[2] / "shared" / "data" / "networks"


def logistic(z):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-z))


def planted(outputs, width=4, dim=3, sigma="tanh"):
    rng = np.random.default_rng(0)
    A = rng.choice([-1.0, 1.0], (width, outputs)) * rng.uniform(0.5, 8, (width, outputs))
    constant = rng.standard_normal(outputs)
    return TwoLayerNetwork(
        A,
        rng.standard_normal((width, dim)),
        rng.uniform(-1, 1, width),
        sigma,
        Polynomial(float(constant[0]) if outputs == 1 else constant),
    )


def test_a_logit_box_undoes_the_logistic_function_up_to_its_limit():
    box = LogitBox(CallableBox(lambda X: logistic(X), 2), output=1, limit=5.0)
    z = np.array([[0.0, -600.0], [0.0, -3.0], [0.0, 0.0], [0.0, 4.0], [0.0, 6.0], [0.0, 100.0]])
    np.testing.assert_allclose(box(z), [-600.0, -3.0, 0.0, 4.0, 5.0, 5.0], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_what_is_no_logistic_output_is_refused(value):
    with pytest.raises(InputError, match="must give values from 0 to 1, as a logistic output does"):
        extract_linked(CallableBox(lambda X: np.full(len(X), value), 2))


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_network_before_logistic_outputs_is_found(outputs):
    truth = planted(outputs)
    found = extract_linked(CallableBox(lambda X: logistic(truth(X)), 3), rng=0)
    assert found.is_certified
    assert found.network.width == 4
    assert align(found.network, truth).max_relative_error < 1e-9
    X = np.random.default_rng(1).standard_normal((100, 3))
    np.testing.assert_allclose(found(X), logistic(truth(X)), atol=1e-12)


def test_outputs_that_saturate_are_taken_apart_where_they_do_not():
    truth = planted(1)
    steep = TwoLayerNetwork(4 * truth.a, truth.W, truth.b, "tanh", Polynomial(2.0))
    X = np.random.default_rng(1).standard_normal((1000, 3))
    y = logistic(steep(X))
    assert np.mean(y == 1) > 0.02
    found = extract_linked(CallableBox(lambda X: logistic(steep(X)), 3), rng=0)
    assert found.is_certified
    assert align(found.network, steep).max_relative_error < 1e-9


def test_hidden_sigmoids_are_written_as_such():
    truth = planted(1, sigma="sigmoid")
    found = extract_linked(CallableBox(lambda X: logistic(truth(X)), 3), sigma="sigmoid", rng=0)
    assert found.network.activation.name == "sigmoid"
    assert found.is_certified


def test_a_unit_that_one_output_lacks_is_that_of_the_others():
    truth = planted(2)
    A = truth.A.copy()
    A[0, 0] = 0.0
    lacking = TwoLayerNetwork(A, truth.W, truth.b, "tanh", truth.polynomial)
    found = extract_linked(CallableBox(lambda X: logistic(lacking(X)), 3), rng=0)
    assert found.network.width == 4
    assert sorted(np.abs(found.network.A[:, 0]))[0] == 0
    assert found.is_certified


def test_where_no_unit_stands_alone_none_is_invented():
    truth = planted(1)
    box = CallableBox(lambda X: logistic(truth(X) + 1e-3 * np.sin(X[:, 0])), 3)
    with pytest.raises(InputError, match="no unit of output 0 of <lambda> was seen where its answers say enough"):
        extract_linked(box, rng=0, rules=LinkedRules(lines=2))


def test_a_network_that_is_another_is_not_certified():
    truth = planted(1)
    found = extract_linked(CallableBox(lambda X: logistic(truth(X)), 3), rng=0)
    other = CallableBox(lambda X: logistic(truth(X)) * (1 - 1e-8), 3)
    check = _check(other, found.network, 1.0, np.random.default_rng(0), LinkedRules())
    assert not Linked(found.network, (check,), 0).is_certified


def rosetta(name, number):
    if not (NETWORKS / name).exists():
        pytest.skip("the networks are not here")
    with np.load(NETWORKS / name) as file:
        W, b, A, c = (file[key][number] for key in ("W", "b", "A", "c"))
        sigma = {"sigmoid": "sigmoid", "tansig": "tanh"}[str(file["activation"])]
    constant = Polynomial(float(c[0]) if len(c) == 1 else c)
    return TwoLayerNetwork(A.T, W, b, sigma, constant)


@pytest.mark.parametrize("number", [0, 17, 99])
@pytest.mark.parametrize("name", ["rosetta_rose1_mod3_1.npz", "rosetta_rose3_mod5_0.npz"])
def test_networks_of_soil_hydraulics_come_back(name, number):
    truth = rosetta(name, number)
    found = extract_linked(CallableBox(lambda X: logistic(truth(X)), truth.dim), sigma=truth.activation, rng=0)
    assert found.is_certified
    assert found.network.width == 6
    assert align(found.network, truth).max_relative_error < 1e-6
