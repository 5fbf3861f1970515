"""Standardised samples, and networks brought back from them."""

import numpy as np
import pytest

from networks import random_network
from twolayer.coordinates import Coordinates
from twolayer.network import Polynomial, TwoLayerNetwork


def samples(n=200, d=4):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n, d)) * [1e-3, 1.0, 50.0, 7.0] + [0.1, -3.0, 1e4, 0.0]
    return X, 300.0 + 20.0 * rng.standard_normal(n)


def test_columns_and_labels_have_mean_zero_and_variance_one():
    X, y = samples()
    standard = Coordinates.standard(X, y, has_bias=True)
    for column in (*standard.apply_inputs(X).T, standard.apply_labels(y)):
        assert abs(column.mean()) < 1e-11
        assert column.std() == pytest.approx(1.0, rel=1e-11)


def test_without_biases_nothing_is_shifted_and_mean_squares_are_one():
    X, y = samples()
    standard = Coordinates.standard(X, y, has_bias=False)
    assert np.array_equal(standard.apply_inputs(np.zeros((1, 4))), np.zeros((1, 4)))
    assert standard.apply_labels(np.zeros(1)) == 0
    np.testing.assert_allclose(np.mean(standard.apply_inputs(X) ** 2, axis=0), 1.0, rtol=1e-12)
    assert np.mean(standard.apply_labels(y) ** 2) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("degree", [None, 0, 1, 2])
def test_a_network_brought_back_predicts_the_same(activation, degree):
    X, y = samples()
    standard = Coordinates.standard(X, y, has_bias=True)
    inner = random_network(activation, np.random.default_rng(2), degree=degree)
    expected = standard.offset + standard.unit * inner(standard.apply_inputs(X))
    np.testing.assert_allclose(standard.invert_network(inner)(X), expected, rtol=1e-10)


def test_a_network_without_biases_stays_one():
    X, y = samples()
    standard = Coordinates.standard(X, y, has_bias=False)
    inner = random_network("relu", np.random.default_rng(2))
    inner = type(inner)(inner.a, inner.W, None, "relu")
    original = standard.invert_network(inner)
    assert not original.has_bias
    assert original.polynomial is None
    np.testing.assert_allclose(original(X), standard.unit * inner(standard.apply_inputs(X)), rtol=1e-12)


@pytest.mark.parametrize("has_bias", [True, False])
def test_the_matrix_of_rows_maps_them_as_the_network_is_mapped(has_bias):
    X, y = samples()
    standard = Coordinates.standard(X, y, has_bias)
    inner = random_network("relu", np.random.default_rng(2))
    if not has_bias:
        inner = type(inner)(inner.a, inner.W, None, "relu")
    original = standard.invert_network(inner)
    stacked = [np.hstack([one.W, one.b[:, None]]) if has_bias else one.W for one in (inner, original)]
    G = standard.stretch(inner)[1] * standard.matrix_of_rows(has_bias)
    np.testing.assert_allclose(stacked[0] @ G.T, stacked[1], rtol=1e-12)


def test_a_column_that_varies_by_rounding_only_is_sent_to_zero():
    X, y = samples()
    X[:, 2] = 0.1 + 0.2 * (np.arange(len(X)) % 2) - 0.2 * (np.arange(len(X)) % 2)
    X[:, 3] = 5.0
    standard = Coordinates.standard(X, y, has_bias=True)
    assert not standard.apply_inputs(X)[:, 2:].any()
    assert not standard.invert_network(random_network("relu", np.random.default_rng(2))).W[:, 2:].any()


# Own coordinates


def test_columns_of_size_one_stay_as_they_are_bit_for_bit(rng):
    X = rng.standard_normal((300, 4)) + np.array([0.0, 0.3, -0.2, 0.1])
    own = Coordinates.own(X, rng.standard_normal(300), has_bias=True)
    assert own.apply_inputs(X) is X


@pytest.mark.parametrize("has_bias", [False, True])
def test_own_coordinates_scale_by_powers_of_two_and_centre_what_is_far_from_zero(has_bias):
    X, y = samples()
    own = Coordinates.own(X, y, has_bias)
    Z = own.apply_inputs(X)
    assert (np.log2(own.A) == np.round(np.log2(own.A))).all()
    sizes = np.sqrt(np.mean(Z**2, axis=0))
    assert (sizes > 0.7).all()
    assert (sizes < 1.42).all()
    far = np.abs(X.mean(axis=0)) > X.std(axis=0)
    assert ((own.mean != 0) == (far & has_bias)).all()
    assert far.tolist() == [True, True, True, False]


@pytest.mark.parametrize("kind", ["own", "standard"])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("activation", ["relu", "squared_relu", "tanh"])
def test_there_and_back_is_the_same_network(kind, has_bias, activation):
    X, y = samples()
    coordinates = getattr(Coordinates, kind)(X, y, has_bias)
    rng = np.random.default_rng(2)
    inner = random_network(activation, rng, degree=1 if has_bias else None)
    if not has_bias:
        inner = type(inner)(inner.a, inner.W, None, activation)
    Z, outer = coordinates.apply_inputs(X), coordinates.invert_network(inner)
    expected = coordinates.offset + coordinates.unit * inner(Z)
    np.testing.assert_allclose(outer(X), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    again = coordinates.apply_network(outer)
    np.testing.assert_allclose(again(Z), inner(Z), rtol=1e-8, atol=1e-9 * np.abs(inner(Z)).max())


def test_a_homogeneous_activation_keeps_its_outer_weights_and_others_their_rows(rng):
    y = 7 + 3 * rng.standard_normal(50)
    for spec in ("relu", "squared_relu", "tanh"):
        units = Coordinates.own(rng.standard_normal((50, 3)), y, True)
        assert (units.offset, units.unit) == pytest.approx((y.mean(), y.std()))
        a = np.array([1.0, -1.0])
        network = TwoLayerNetwork(a, rng.standard_normal((2, 3)), rng.standard_normal(2), spec, Polynomial(0.3))
        X = rng.standard_normal((20, 3))
        back = units.invert_network(network)
        np.testing.assert_allclose(units.apply_labels(back(X)), network(units.apply_inputs(X)), rtol=1e-12, atol=1e-12)
        assert (np.abs(back.a) == 1).all() == (spec != "tanh")
