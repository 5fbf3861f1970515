"""The rank of a tensor, read off singular values and confirmed."""

import numpy as np
import pytest

from twolayer import InputError, decompose
from twolayer.symtensor import rank_one_sum, symmetrize


def planted(rank, dim, order, rng, noise=0.0):
    factors = rng.standard_normal((rank, dim))
    factors /= np.linalg.norm(factors, axis=1, keepdims=True)
    T = rank_one_sum(rng.uniform(1, 2, rank), factors, order)
    E = symmetrize(rng.standard_normal(T.shape))
    return T + noise * np.linalg.norm(T) * E / np.linalg.norm(E), factors


@pytest.mark.parametrize(("rank", "dim", "order"), [(1, 4, 3), (3, 6, 3), (6, 6, 3), (2, 5, 4), (5, 5, 4), (9, 6, 4)])
def test_the_rank_of_an_exact_tensor_is_found(rank, dim, order, rng):
    T, factors = planted(rank, dim, order, rng)
    found = decompose(T, rng=0)
    assert found.rank == rank
    assert found.is_exact
    np.testing.assert_allclose(np.abs(factors @ found.factors.T).max(axis=1), 1, atol=1e-9)


@pytest.mark.parametrize("order", [3, 4])
def test_noise_of_a_percent_leaves_the_rank_clear(order, rng):
    for _ in range(3):
        T, factors = planted(3, 8, order, rng, noise=0.01)
        found = decompose(T, rng=0)
        assert found.rank == 3
        assert 5 < found.gap < 1000
        assert np.abs(factors @ found.factors.T).max(axis=1).min() > 0.999


def test_a_rank_beyond_the_dimension_is_found_by_the_residual_alone(rng):
    T, _ = planted(6, 5, 3, rng)
    found = decompose(T, rng=0)
    assert found.rank == 6
    assert found.gap == 1.0
    assert found.is_exact


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weak_terms_of_an_exact_tensor_are_not_taken_for_noise(dtype, rng):
    for weak in (0.1, 0.01):
        factors = rng.standard_normal((8, 8))
        factors /= np.linalg.norm(factors, axis=1, keepdims=True)
        T = rank_one_sum(np.r_[np.ones(3), np.full(5, weak)], factors, 3)
        T = symmetrize(T).astype(dtype)
        found = decompose(T, rng=0)
        assert found.rank == 8
        assert found.is_exact or dtype is np.float32
        assert found.is_converged


def test_in_two_dimensions_where_every_tensor_is_a_sum_of_two_terms_noise_is_not_a_term(rng):
    T, _ = planted(1, 2, 3, rng, noise=1e-4)
    assert decompose(T, rng=0).rank == 1


def test_the_gap_is_infinite_where_what_is_beyond_the_rank_is_rounding(rng):
    T, _ = planted(2, 4, 3, rng)
    assert decompose(T, rng=0).gap == np.inf


def test_a_rank_that_was_given_has_no_gap(rng):
    T, _ = planted(2, 4, 3, rng)
    assert decompose(T, 2, rng=0).gap is None


@pytest.mark.parametrize("method", ["auto", "jennrich", "least_squares"])
def test_auto_is_the_rank_that_is_found_by_any_method(method, rng):
    T, _ = planted(3, 5, 3, rng)
    found, asked = decompose(T, method=method, rng=3), decompose(T, "auto", method, rng=3)
    assert found.rank == asked.rank == 3
    assert found.is_exact
    np.testing.assert_array_equal(found.factors, asked.factors)


@pytest.mark.parametrize("rank", ["many", "3", ""])
def test_another_word_for_the_rank_is_refused(rank):
    with pytest.raises(InputError, match=f"^rank must be a whole number of at least 1, or 'auto', found '{rank}'$"):
        decompose(np.ones((2, 2, 2)), rank)


def test_noise_alone_has_no_rank(rng):
    noise = symmetrize(rng.standard_normal((4, 4, 4)))
    with pytest.raises(InputError, match="show no rank that a decomposition confirms: the largest are"):
        decompose(noise, rng=0)
