"""Tests of the signs of a sum, against the signs that made it and against all of them."""

from itertools import product

import numpy as np
import pytest

from twolayer.model.signed_sums import signs_of_sum


@pytest.mark.parametrize(("m", "d"), [(6, 3), (20, 5), (30, 6), (50, 11)])
def test_the_signs_that_made_a_sum_are_found(m, d):
    rng = np.random.default_rng(m)
    vectors, signs = rng.standard_normal((m, d)), rng.choice([-1.0, 1.0], m)
    target = signs @ vectors + 1e-13 * rng.standard_normal(d)
    np.testing.assert_array_equal(signs_of_sum(vectors, target), signs)


def test_they_are_those_of_all_signs_that_fit_best():
    rng = np.random.default_rng(0)
    vectors, signs = rng.standard_normal((10, 3)), rng.choice([-1.0, 1.0], 10)
    everything = np.array(list(product([-1.0, 1.0], repeat=10)))
    misfit = np.abs(everything @ vectors - signs @ vectors).max(axis=1)
    np.testing.assert_array_equal(signs_of_sum(vectors, signs @ vectors), everything[misfit.argmin()])


def test_nothing_is_found_where_there_is_nothing():
    rng = np.random.default_rng(0)
    assert signs_of_sum(rng.standard_normal((12, 6)), rng.standard_normal(6)) is None


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_scale_does_not_matter(scale):
    rng = np.random.default_rng(1)
    vectors, signs = rng.standard_normal((24, 6)), rng.choice([-1.0, 1.0], 24)
    np.testing.assert_array_equal(signs_of_sum(scale * vectors, scale * (signs @ vectors)), signs)
