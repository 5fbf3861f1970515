"""Standardised samples, and networks brought back from them."""

import numpy as np
import pytest

from networks import random_network
from twolayer.coordinates.standardisation import Standardisation


def samples(n=200, d=4):
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n, d)) * [1e-3, 1.0, 50.0, 7.0] + [0.1, -3.0, 1e4, 0.0]
    return X, 300.0 + 20.0 * rng.standard_normal(n)


def test_columns_and_labels_have_mean_zero_and_variance_one():
    X, y = samples()
    standard = Standardisation.of(X, y, has_bias=True)
    for column in (*standard.inputs(X).T, standard.labels(y)):
        assert abs(column.mean()) < 1e-11
        assert column.std() == pytest.approx(1.0, rel=1e-11)


def test_without_biases_nothing_is_shifted_and_mean_squares_are_one():
    X, y = samples()
    standard = Standardisation.of(X, y, has_bias=False)
    assert np.array_equal(standard.inputs(np.zeros((1, 4))), np.zeros((1, 4)))
    assert standard.labels(np.zeros(1)) == 0
    np.testing.assert_allclose(np.mean(standard.inputs(X) ** 2, axis=0), 1.0, rtol=1e-12)
    assert np.mean(standard.labels(y) ** 2) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("degree", [None, 0, 1, 2])
def test_a_network_brought_back_predicts_the_same(activation, degree):
    X, y = samples()
    standard = Standardisation.of(X, y, has_bias=True)
    inner = random_network(activation, np.random.default_rng(2), degree=degree)
    expected = standard.offset + standard.unit * inner(standard.inputs(X))
    np.testing.assert_allclose(standard.undone(inner)(X), expected, rtol=1e-10)


def test_a_network_without_biases_stays_one():
    X, y = samples()
    standard = Standardisation.of(X, y, has_bias=False)
    inner = random_network("relu", np.random.default_rng(2))
    inner = type(inner)(inner.a, inner.W, None, "relu")
    original = standard.undone(inner)
    assert not original.has_bias
    assert original.polynomial is None
    np.testing.assert_allclose(original(X), standard.unit * inner(standard.inputs(X)), rtol=1e-12)


@pytest.mark.parametrize("has_bias", [True, False])
def test_the_matrix_of_rows_maps_them_as_the_network_is_mapped(has_bias):
    X, y = samples()
    standard = Standardisation.of(X, y, has_bias)
    inner = random_network("relu", np.random.default_rng(2))
    if not has_bias:
        inner = type(inner)(inner.a, inner.W, None, "relu")
    original = standard.undone(inner)
    stacked = [np.hstack([one.W, one.b[:, None]]) if has_bias else one.W for one in (inner, original)]
    np.testing.assert_allclose(stacked[0] @ standard.rows().T, stacked[1], rtol=1e-12)


def test_a_column_that_varies_by_rounding_only_is_sent_to_zero():
    X, y = samples()
    X[:, 2] = 0.1 + 0.2 * (np.arange(len(X)) % 2) - 0.2 * (np.arange(len(X)) % 2)
    X[:, 3] = 5.0
    standard = Standardisation.of(X, y, has_bias=True)
    assert not standard.inputs(X)[:, 2:].any()
    assert not standard.undone(random_network("relu", np.random.default_rng(2))).W[:, 2:].any()
