"""Units that can be turned round together: all sets are tried, and the function is compared."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from twolayer.evidence.standard_errors import StandardErrors
from twolayer.evidence.twins import equivalent_turns, is_turning_untried
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.teachers import random_units


def sets_of(turns):
    """Tuples of units, as `turned_sets` has them."""
    return [tuple(np.flatnonzero(turn).tolist()) for turn in turns]


def turned_sets(network):
    """Every set of units whose turning leaves the function as it is, but for a constant where there is one."""
    X = np.random.default_rng(0).standard_normal((40, network.dim))
    sign, found = network.activation.reflection.sign, []
    for size in range(1, network.width + 1):
        for units in combinations(range(network.width), size):
            turn = np.where(np.isin(np.arange(network.width), units), -1.0, 1.0)
            a = network.a * (turn if sign < 0 else 1)
            other = TwoLayerNetwork(
                a, turn[:, None] * network.W, turn * network.b, network.activation, network.polynomial
            )
            change = other(X) - network(X)
            if np.abs(change - (change.mean() if network.polynomial else 0)).max() < 1e-8:
                found.append(units)
    return found


def dependent(spec, rng, *, d, has_bias=False, balanced_bias=True, polynomial=None):
    """Four units: over 0, 1 and 3, Σ a_i w_i = 0 and, if asked for, Σ a_i b_i = 0: they can be turned together."""
    a = np.array([1.0, -1.5, 0.7, 2.0])
    W, b = rng.standard_normal((4, d)), rng.standard_normal(4) * has_bias
    W[3] = -(a[0] * W[0] + a[1] * W[1]) / a[3]
    if balanced_bias:
        b[3] = -(a[0] * b[0] + a[1] * b[1]) / a[3]
    return TwoLayerNetwork(a, W, b, spec, polynomial)


AMBIGUOUS = {
    "two opposite sigmoids": TwoLayerNetwork([1.0, -1.0, 0.3], np.eye(3), activation="sigmoid"),
    "three sigmoids that sum to zero": TwoLayerNetwork([0.4, 0.6, -1.0, 0.3], np.eye(4), np.ones(4), "sigmoid"),
    "dependent relus": dependent("relu", np.random.default_rng(1), d=5),
    "dependent leaky relus": dependent("leaky_relu(0.2)", np.random.default_rng(2), d=3),
    "dependent softplus": dependent("softplus", np.random.default_rng(3), d=5, has_bias=True),
    "dependent relus with biases": dependent("relu", np.random.default_rng(4), d=5, has_bias=True),
    "biases beside a constant": dependent(
        "gelu", np.random.default_rng(5), d=5, has_bias=True, balanced_bias=False, polynomial=Polynomial(0.5)
    ),
    "a pair of opposite relus": TwoLayerNetwork([1.0, -1.0], [[1.0, 2.0], [1.0, 2.0]], [0.0, 0.0], "relu"),
}
CLEAR = {
    "generic relus": random_units(4, 6, 0.0, "relu", 1),
    "generic relus with biases": random_units(3, 6, 1.0, "relu", 2),
    "generic sigmoids": random_units(4, 6, 1.0, "sigmoid", 3),
    "dependent relus, biases not": dependent("relu", np.random.default_rng(4), d=5, has_bias=True, balanced_bias=False),
    "more inputs than units": random_units(30, 20, 0.0, "softplus", 4),
}


@pytest.mark.parametrize("network", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_units_that_can_be_turned_together_are_found(network):
    assert sorted(sets_of(equivalent_turns(network))) == sorted(turned_sets(network))


@pytest.mark.parametrize("network", CLEAR.values(), ids=CLEAR)
def test_generic_units_cannot_be_turned(network):
    assert network.width > 16 or not turned_sets(network)
    assert not len(equivalent_turns(network))


@pytest.mark.parametrize("spec", ["abs", "tanh", "erf", "sine", "quadratic", "linear"])
def test_a_turn_of_an_even_or_odd_unit_is_no_ambiguity(spec):
    network = random_units(3, 4, 0.0, spec, 5)
    assert not len(equivalent_turns(network))


def test_orientation_is_a_convention_for_sigmoids_beside_a_constant():
    network = TwoLayerNetwork([1.0, -1.0], np.eye(2), activation="sigmoid", polynomial=Polynomial(0.3))
    assert len(turned_sets(network)) == 3
    assert not len(equivalent_turns(network))


@pytest.mark.parametrize("spec", ["sigmoid", "relu", "softplus"])
def test_units_that_noise_cannot_tell_apart_are_found(spec):
    rng = np.random.default_rng(6)
    network = AMBIGUOUS["two opposite sigmoids"] if spec == "sigmoid" else dependent(spec, rng, d=3, has_bias=True)
    units = turned_sets(network)
    size = 1e-3
    noisy = TwoLayerNetwork(
        network.a + size * rng.standard_normal(network.width) * (spec != "relu"),
        network.W + size * rng.standard_normal(network.W.shape),
        network.b + size * rng.standard_normal(network.width),
        spec,
    )
    assert not len(equivalent_turns(noisy))
    for share, is_hidden in ((1.0, True), (1e-3, False)):
        errors = StandardErrors(
            a=np.full(network.width, share * size * (spec != "relu")),
            W=np.full(network.W.shape, share * size),
            b=np.full(network.width, share * size),
            constant=0.0,
            is_exact=True,
        )
        assert sets_of(equivalent_turns(noisy, errors)) == (units if is_hidden else [])


def test_weights_known_well_enough_are_no_ambiguity():
    network = random_units(6, 6, 0.0, "softplus", 7)
    errors = StandardErrors(np.full(6, 0.01), np.full((6, 6), 0.01), np.zeros(6), 0.0, is_exact=True)
    assert not len(equivalent_turns(network, errors))


def test_units_whose_squares_cancel_can_be_turned_round_together():
    angle = 0.3
    f = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    network = TwoLayerNetwork(np.array([1.0, 1, -1, -1]), np.vstack([np.eye(2), f]), None, "squared_relu")
    turned = TwoLayerNetwork(-network.a, -network.W, None, "squared_relu")
    X = np.random.default_rng(0).standard_normal((50, 2))
    assert_allclose(network(X), turned(X), atol=1e-13)
    assert sets_of(equivalent_turns(network)) == [(0, 1, 2, 3)]
    other = TwoLayerNetwork(np.array([1.0, 1, -1, 1]), network.W, None, "squared_relu")
    assert not len(equivalent_turns(other))


def test_too_many_units_to_try_are_said_to_be_untried(rng):
    many, few, independent = (
        TwoLayerNetwork(np.ones(m), rng.standard_normal((m, d)), None, "relu") for m, d in ((27, 5), (16, 5), (17, 30))
    )
    assert is_turning_untried(many)
    assert not is_turning_untried(few)
    assert not is_turning_untried(independent)
    assert not is_turning_untried(TwoLayerNetwork(many.a, many.W, None, "abs"))


def test_many_units_are_tried_where_their_relations_are_few(rng):
    """Units 0 to 2 and 10 to 12 of 18 sum to zero: three sets of them can be turned, as the function shows."""
    W = rng.standard_normal((18, 16))
    W[2], W[12] = -W[0] - W[1], -W[10] - W[11]
    network = TwoLayerNetwork(np.ones(18), W, None, "relu")
    turns = equivalent_turns(network)
    assert sorted(sets_of(turns)) == [(0, 1, 2), (0, 1, 2, 10, 11, 12), (10, 11, 12)]
    X = rng.standard_normal((20, 16))
    for turn in turns:
        other = TwoLayerNetwork(np.ones(18), (1 - 2 * turn)[:, None] * W, None, "relu")
        assert_allclose(other(X), network(X), atol=1e-12)
    assert not is_turning_untried(network)
    hidden = StandardErrors(np.zeros(18), np.full((18, 16), 0.1), np.zeros(18), 0.0, is_exact=True)
    assert is_turning_untried(network, hidden)


@pytest.mark.parametrize(
    "units", [(3,), (2, 11), (0, 7, 17), (1, 2, 3, 4)], ids=["one unit", "a pair", "a triple", "four, untried"]
)
def test_of_many_units_sets_of_three_that_noise_cannot_tell_apart_are_found(units, rng):
    W = rng.standard_normal((18, 20))
    W[units[-1]] = -W[list(units[:-1])].sum(axis=0)
    size = 1e-3
    noisy = TwoLayerNetwork(np.ones(18), W + size * rng.standard_normal(W.shape), None, "relu")
    known = StandardErrors(np.zeros(18), np.full(W.shape, size), np.zeros(18), 0.0, is_exact=True)
    assert sets_of(equivalent_turns(noisy, known)) == ([units] if len(units) < 4 else [])
    assert is_turning_untried(noisy, known)
    exact = TwoLayerNetwork(np.ones(18), W, None, "relu")
    assert sets_of(equivalent_turns(exact)) == [units]


def test_pairs_of_very_many_units_are_found_where_relations_are_too_many_to_try(rng):
    W = rng.standard_normal((600, 30))
    W[500] = -W[100]
    network = TwoLayerNetwork(np.ones(600), W, None, "relu")
    assert is_turning_untried(network)
    assert sets_of(equivalent_turns(network)) == [(100, 500)]
