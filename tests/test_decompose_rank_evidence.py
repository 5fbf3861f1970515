"""What is called noise is noise, and a rank too small is not called resolved."""

import numpy as np
import pytest

from decomposition_problems import noisy, planted, sum_of
from twolayer.decompose import Status, decompose
from twolayer.decompose.rank_evidence import in_words, is_noise_beyond, rank_shown, singular_values


@pytest.mark.parametrize(
    ("order", "d", "rank", "noise"),
    [(3, 6, 5, 0.0), (3, 6, 6, 0.0), (3, 8, 6, 0.01), (3, 8, 4, 0.05), (4, 5, 4, 0.0), (4, 6, 5, 0.05)],
)
def test_a_rank_that_is_too_small_is_not_called_resolved(order, d, rank, noise):
    for seed in range(5):
        _, _, T = planted(d, rank, order, seed)
        T = noisy(T, noise, seed) if noise else T
        for less in range(1, rank):
            found = decompose(T, less, rng=0)
            assert found.residual > noise
            assert not found.is_converged


@pytest.mark.parametrize(("order", "d", "rank", "noise"), [(3, 8, 6, 0.01), (3, 8, 4, 0.05), (4, 6, 4, 0.05)])
def test_noise_about_the_right_rank_is_called_noise(order, d, rank, noise):
    found = [decompose(noisy(planted(d, rank, order, seed)[2], noise, seed), rank, rng=0) for seed in range(6)]
    assert sum(one.status is Status.RESOLVED for one in found) >= 5


def test_weak_terms_left_out_are_not_called_noise_though_they_look_like_it():
    looks_like_noise = 0
    for seed in range(6):
        _, U, _ = planted(8, 8, 3, seed)
        T = sum_of(np.r_[np.ones(3), np.full(5, 0.05)], U, 3)
        found = decompose(T, 3, rng=0)
        looks_like_noise += is_noise_beyond(singular_values(T), 3)
        assert found.status is not Status.RESOLVED
    assert looks_like_noise >= 3


@pytest.mark.parametrize("order", [3, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_term_too_many_is_never_called_determined(order, dtype):
    for seed in range(8):
        T = planted(4, 3, order, seed)[2].astype(dtype)
        assert decompose(T, 3, rng=seed).is_converged
        assert not decompose(T, 4, rng=seed).is_converged


@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_three_terms_in_a_plane_are_one_of_many_such_sums(noise):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        V = rng.standard_normal((3, 5))
        V[2] = V[0] - 0.7 * V[1]
        T = sum_of([1.0, -0.8, 1.3], V / np.linalg.norm(V, axis=1, keepdims=True), 4)
        found = decompose(noisy(T, noise, seed) if noise else T, 3, rng=seed)
        assert not found.is_converged


def test_single_precision_is_rounding_where_nothing_shows_the_noise():
    _, _, T = planted(5, 5, 3, 0)
    found = decompose(T.astype(np.float32), 5, rng=0)
    assert 1e-9 < found.residual < 1e-7
    assert found.status is Status.RESOLVED
    assert decompose(noisy(T, 3e-8, 0), 5, rng=0).status is Status.UNEXPLAINED


def test_the_rank_is_where_the_values_fall_the_most():
    values = np.array([5.0, 4.0, 2.0, 0.1, 0.09, 0.08, 0.08, 0.07])
    assert rank_shown(values) == 3
    assert rank_shown(values, 3) is None
    assert rank_shown(np.array([3.0, 2.0, 1.0])) is None
    assert rank_shown(np.array([3.0, 2.0, 1.0, 1e-17, 0.0])) == 3
    assert is_noise_beyond(values, 3)
    assert not is_noise_beyond(values, 2)  # falls at the rank by 2 only, and further on
    assert not is_noise_beyond(values, 8)
    assert is_noise_beyond(np.array([5.0, 4.0, 0.3]), 2)
    assert not is_noise_beyond(np.array([5.0, 4.0, 0.5]), 2)  # a single value: to be small is all that it can show


def test_the_values_in_words_name_another_rank():
    line = in_words(np.array([3.0, 2.0, 1.0, 1e-17, 0.0]), 2)
    assert line == (
        "singular values up to the rank 3, 2; beyond it 1, 1e-17, 0; they fall the most after 3: try that rank"
    )
    assert in_words(np.array([3.0, 2.0]), 2).endswith("beyond it none, so that they show no noise")
    assert "try" not in in_words(np.array([3.0, 0.01, 0.01]), 1)
