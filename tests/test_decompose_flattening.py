"""Tests of symmetric tensors on unordered pairs of modes, against the dense ones; and of the noise level read there."""

import numpy as np
import pytest

from decomposition_problems import noisy, planted, sum_of, symmetric_noise
from twolayer.decompose.flattening import flattened, pair_matrices, square_coordinates
from twolayer.decompose.rank_evidence import noise_level, singular_values


def dense(T):
    """All d rows or d² rows."""
    return T.reshape(len(T) ** (T.ndim // 2), -1)


@pytest.mark.parametrize("order", [3, 4])
def test_no_flattening_is_larger_than_unordered_pairs_and_singular_values_are_those_of_the_dense_one(order):
    T = symmetric_noise(5, order, 0)
    flat = flattened(T)
    assert flat.matrix.shape == {3: (5, 15), 4: (15, 15)}[order]
    assert flat.misfit == pytest.approx(np.sum(T**2), rel=1e-13)
    values = np.linalg.svd(flat.matrix, compute_uv=False)
    expected = np.linalg.svd(dense(T), compute_uv=False)[: len(values)]
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("order", [3, 4])
def test_what_terms_leave_and_its_contractions_are_those_of_the_dense_tensor(order):
    weights, factors, T = planted(5, 3, order, 0)
    T = noisy(T, 0.5, 1)
    rest = T - sum_of(weights, factors, order)
    left = flattened(T).less(weights, factors)
    assert left.misfit == pytest.approx(np.sum(rest**2), rel=1e-12)
    others = planted(5, 4, order, 7)[1]
    letters = "abcd"[:order]
    operands = ",".join(f"n{letter}" for letter in letters[1:])
    expected = np.einsum(f"{letters},{operands}->na", rest, *[others] * (order - 1))
    np.testing.assert_allclose(left.contracted(others), expected, rtol=0, atol=1e-13)


def test_inner_products_of_coordinates_are_those_of_matrices():
    rng = np.random.default_rng(0)
    columns, U = rng.standard_normal((10, 2)), rng.standard_normal((3, 4))
    expected = np.einsum("kab,ia,ib->ik", pair_matrices(columns, 4), U, U)
    np.testing.assert_allclose(square_coordinates(U) @ columns, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("order", "d", "rank"), [(3, 12, 4), (4, 8, 3), (4, 8, 20)])
def test_the_noise_level_is_read_off_the_singular_values_beyond_the_rank(order, d, rank):
    _, _, T = planted(d, rank, order, 0)
    norm = np.linalg.norm(T)
    levels = [noise_level(singular_values(noisy(T, 1e-3, seed)), rank, order) / (1e-3 * norm) for seed in range(10)]
    assert 0.9 < np.mean(levels) < 1.1
    assert np.std(levels) < 0.15
    assert noise_level(singular_values(T), rank, order) < 1e-13 * norm


def test_as_many_terms_as_the_flattening_has_rows_leave_no_room_for_noise():
    assert noise_level(singular_values(symmetric_noise(4, 3, 0)), 4, 3) == 0.0
