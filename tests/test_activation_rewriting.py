"""Activations that are one function: the law holds, there and back, and is known of no others."""

from itertools import product

import numpy as np
import pytest

from activations import FORMULAS
from twolayer import TwoLayerNetwork
from twolayer.activation import Rewriting, activation, is_bent, rewriting
from twolayer.extract.forms import written_with
from twolayer.network import Polynomial

T = np.linspace(-6, 6, 1201)
ONE_FUNCTION = ({"tanh", "sigmoid"}, {"relu", "leaky_relu(0.01)", "leaky_relu(-1)", "leaky_relu(3)", "abs"})
PAIRS = [pair for family in ONE_FUNCTION for pair in product(sorted(family), repeat=2)]


@pytest.mark.parametrize(("name", "other"), PAIRS)
def test_the_law_holds(name, other):
    sigma, other = activation(name), activation(other)
    law = rewriting(sigma, other)
    expected = law.factor * other(law.scale * T) + law.constant + law.slope * T
    # each term is rounded, and they cancel: the largest of them is the measure
    rounding = (
        np.finfo(float).eps * (abs(law.factor) + abs(law.constant) + abs(law.slope)) * max(1, 4 * np.abs(T).max())
    )
    np.testing.assert_allclose(sigma(T), expected, rtol=0, atol=rounding)


def test_tanh_is_two_sigmoids_of_twice_the_argument_less_one():
    assert rewriting(activation("tanh"), activation("sigmoid")) == Rewriting(2, 2, -1)


@pytest.mark.parametrize("name", FORMULAS)
def test_no_law_is_known_of_activations_that_are_not_one_function(name):
    for other in FORMULAS:
        is_known = name == other or any({name, other} <= family for family in ONE_FUNCTION)
        assert (rewriting(activation(name), activation(other)) is not None) is is_known


@pytest.mark.parametrize("name", FORMULAS)
def test_what_is_bent_is_two_half_lines(name):
    sigma = activation(name)
    is_two_lines = np.allclose(sigma(3 * T), 3 * sigma(T)) and not np.allclose(sigma(T), T)
    assert is_bent(sigma) is bool(is_two_lines)


@pytest.mark.parametrize(("name", "other"), PAIRS)
@pytest.mark.parametrize("polynomial", [None, Polynomial(0.3, [1.0, -2.0, 0.5])])
def test_a_network_written_with_another_activation_is_the_same_function(name, other, polynomial, rng):
    network = TwoLayerNetwork(*(rng.standard_normal(shape) for shape in (4, (4, 3), 4)), name, polynomial)
    X = rng.standard_normal((100, 3))
    written = written_with(network, activation(other))
    assert written.activation == activation(other)
    np.testing.assert_allclose(written(X), network(X), rtol=1e-13, atol=1e-13 * np.abs(network(X)).max())
    assert (written is network) is (name == other)


def test_a_network_of_no_such_activation_stays_as_it_is():
    network = TwoLayerNetwork([1.0], [[1.0]], [0.0], "erf")
    assert written_with(network, activation("tanh")) is network
