"""The rank of a tensor, read off singular values and confirmed."""

import numpy as np
import pytest

from twolayer import InputError
from twolayer.decompose.unknown_rank import decompose_unknown_rank
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
    found = decompose_unknown_rank(T, rng=0)
    assert found.decomposition.rank == rank
    assert found.decomposition.is_exact
    np.testing.assert_allclose(np.abs(factors @ found.decomposition.factors.T).max(axis=1), 1, atol=1e-9)


@pytest.mark.parametrize("order", [3, 4])
def test_noise_of_a_percent_leaves_the_rank_clear(order, rng):
    for _ in range(3):
        T, factors = planted(3, 8, order, rng, noise=0.01)
        found = decompose_unknown_rank(T, rng=0)
        assert found.decomposition.rank == 3
        assert 5 < found.gap < 1000
        assert np.abs(factors @ found.decomposition.factors.T).max(axis=1).min() > 0.999


def test_a_rank_beyond_the_dimension_is_found_by_the_residual_alone(rng):
    T, _ = planted(6, 5, 3, rng)
    found = decompose_unknown_rank(T, rng=0)
    assert found.decomposition.rank == 6
    assert found.gap == 1.0
    assert found.decomposition.is_exact


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_weak_terms_of_an_exact_tensor_are_not_taken_for_noise(dtype, rng):
    for weak in (0.1, 0.01):
        factors = rng.standard_normal((8, 8))
        factors /= np.linalg.norm(factors, axis=1, keepdims=True)
        T = rank_one_sum(np.r_[np.ones(3), np.full(5, weak)], factors, 3)
        T = symmetrize(T).astype(dtype)
        found = decompose_unknown_rank(T, rng=0)
        assert found.decomposition.rank == 8
        assert found.decomposition.is_exact or dtype is np.float32
        assert found.decomposition.is_converged


def test_in_two_dimensions_where_every_tensor_is_a_sum_of_two_terms_noise_is_not_a_term(rng):
    T, _ = planted(1, 2, 3, rng, noise=1e-4)
    assert decompose_unknown_rank(T, rng=0).decomposition.rank == 1


def test_the_singular_values_are_those_of_the_flattening(rng):
    T, _ = planted(2, 4, 3, rng)
    expected = np.linalg.svd(T.reshape(4, 16), compute_uv=False)
    found = decompose_unknown_rank(T, rng=0)
    np.testing.assert_allclose(found.singular_values, expected, atol=1e-12)
    assert found.gap == np.inf


def test_noise_alone_has_no_rank(rng):
    noise = symmetrize(rng.standard_normal((4, 4, 4)))
    with pytest.raises(InputError, match="show no rank that a decomposition confirms: the largest are"):
        decompose_unknown_rank(noise, rng=0)
