"""Tests of `decompose`: every method on what it can do, and that it says so where it cannot."""

import re

import numpy as np
import pytest

from decomposition_problems import noisy, planted, sum_of, symmetric_noise, term_distance
from twolayer.decompose import DECOMPOSITIONS, Decomposition, Status, decompose
from twolayer.errors import InputError

METHODS_AND_ORDERS = [(m, p) for m in DECOMPOSITIONS for p in (3, 4) if (m, p) != ("subspace_power", 3)]
REFINED = ["auto", "joint_diagonalisation", "least_squares"]
TOLERANCE = 1e-10


@pytest.mark.parametrize(("method", "order"), METHODS_AND_ORDERS)
def test_every_method_recovers_orthogonal_terms_of_both_signs(method, order):
    for seed in range(5):
        weights, factors, T = planted(6, 4, order, seed, "orthogonal")
        found = decompose(T, 4, method, rng=seed)
        assert found.is_exact
        assert found.method == {"auto": "joint_diagonalisation"}.get(method, method)
        assert term_distance(found, weights, factors) < TOLERANCE


@pytest.mark.parametrize("kind", ["gaussian", "coherent"])
@pytest.mark.parametrize(("method", "order"), [mo for mo in METHODS_AND_ORDERS if mo[0] != "power"])
def test_every_other_method_recovers_independent_terms(method, order, kind):
    for seed in range(2):
        weights, factors, T = planted(6, 5, order, seed, kind)
        assert term_distance(decompose(T, 5, method, rng=seed), weights, factors) < 1e-8


@pytest.mark.parametrize(("kind", "seeds"), [("orthogonal", 10), ("gaussian", 50), ("coherent", 10)])
@pytest.mark.parametrize("order", [3, 4])
def test_as_many_terms_as_dimensions_are_recovered_to_rounding(order, kind, seeds):
    for seed in range(seeds):
        weights, factors, T = planted(7, 7, order, seed, kind)
        found = decompose(T, 7, rng=seed)
        assert found.is_exact
        assert term_distance(found, weights, factors) < TOLERANCE


@pytest.mark.parametrize(("d", "rank", "order"), [(20, 20, 3), (20, 20, 4), (20, 8, 4), (30, 12, 3)])
def test_twenty_dimensions_are_no_harder(d, rank, order):
    weights, factors, T = planted(d, rank, order, 0)
    found = decompose(T, rank, rng=0)
    assert found.is_exact
    assert term_distance(found, weights, factors) < TOLERANCE


@pytest.mark.parametrize(("d", "rank"), [(4, 6), (8, 28), (10, 45), (12, 66)])
def test_order_four_is_recovered_up_to_the_bound_of_the_subspace_method(d, rank):
    weights, factors, T = planted(d, rank, 4, 1)
    found = decompose(T, rank, rng=1)
    assert found.is_exact
    assert found.method == "subspace_power"
    assert term_distance(found, weights, factors) < TOLERANCE


@pytest.mark.parametrize(("d", "rank"), [(6, 8), (10, 14), (12, 18)])
def test_order_three_is_recovered_beyond_the_dimension_by_restarts(d, rank):
    weights, factors, T = planted(d, rank, 3, 2)
    found = decompose(T, rank, rng=2)
    assert found.is_exact
    assert found.method == "least_squares"
    assert term_distance(found, weights, factors) < TOLERANCE


def test_the_fields_are_what_they_say():
    _, _, T = planted(5, 4, 4, 0)
    found = decompose(noisy(T, 1e-3, 1), 4, rng=0)
    rest = noisy(T, 1e-3, 1) - sum_of(found.weights, found.factors, 4)
    assert isinstance(found, Decomposition)
    assert (found.rank, found.order) == (4, 4)
    assert found.weights.shape == (4,)
    assert found.factors.shape == (4, 5)
    assert np.abs(np.linalg.norm(found.factors, axis=1) - 1).max() < 1e-14
    assert (np.diff(np.abs(found.weights)) <= 0).all()
    assert np.sign(found.weights).tolist().count(-1) == 2
    assert (found.factors[range(4), np.abs(found.factors).argmax(axis=1)] > 0).all()
    assert found.residual == pytest.approx(np.linalg.norm(rest) / np.linalg.norm(noisy(T, 1e-3, 1)), rel=1e-9)
    assert np.abs(found.tensor() - sum_of(found.weights, found.factors, 4)).max() < 1e-14
    u = np.random.default_rng(0).standard_normal((2000, 5))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    values = np.abs(np.einsum("abcd,na,nb,nc,nd->n", rest, u, u, u, u, optimize=True))
    assert values.max() <= found.left_over * (1 + 1e-9)
    assert found.left_over < 3 * values.max()


def test_odd_order_has_no_negative_weight():
    weights, _, T = planted(5, 4, 3, 0)
    found = decompose(T, 4, rng=0)
    assert (weights < 0).any()
    assert (found.weights > 0).all()
    assert np.abs(found.tensor() - T).max() < 1e-14


@pytest.mark.parametrize("method", DECOMPOSITIONS)
def test_the_same_seed_gives_the_same_bits(method):
    _, _, T = planted(5, 3, 4, 0)
    first, second = (decompose(T, 3, method, rng=7) for _ in range(2))
    assert first.weights.tobytes() == second.weights.tobytes()
    assert first.factors.tobytes() == second.factors.tobytes()


@pytest.mark.parametrize("scale", [1e-200, 1e-8, 1e150])
@pytest.mark.parametrize("method", DECOMPOSITIONS)
def test_the_scale_of_the_tensor_does_not_matter(method, scale):
    weights, factors, T = planted(5, 3, 4, 3, "orthogonal")
    found = decompose(T * scale, 3, method, rng=0)
    assert found.is_exact
    assert term_distance(found, weights * scale, factors) < TOLERANCE


@pytest.mark.parametrize("method", REFINED)
@pytest.mark.parametrize(("order", "level"), [(3, 1e-6), (3, 1e-2), (4, 1e-2), (4, 0.1)])
def test_noise_moves_the_terms_by_no_more_than_a_few_times_itself(method, order, level):
    weights, factors, T = planted(8, 6, order, 0)
    found = decompose(noisy(T, level, 0), 6, method, rng=0)
    assert found.status is Status.RESOLVED
    assert 0.5 * level < found.residual < level
    assert term_distance(found, weights, factors) < 5 * level


@pytest.mark.parametrize(("method", "order"), METHODS_AND_ORDERS)
def test_too_low_a_rank_is_not_called_converged(method, order):
    _, _, T = planted(6, 5, order, 0, "orthogonal")
    found = decompose(T, 3, method, rng=0)
    assert found.residual > 0.2
    assert not found.is_converged
    assert found.status in (Status.UNRESOLVED, Status.UNSETTLED)


@pytest.mark.parametrize("method", DECOMPOSITIONS)
def test_pure_noise_is_not_called_converged(method):
    found = decompose(symmetric_noise(5, 4, 0), 3, method, rng=0)
    assert found.residual > 0.3
    assert not found.is_converged


@pytest.mark.parametrize("method", ["auto", "jennrich", "joint_diagonalisation", "least_squares", "subspace_power"])
def test_too_high_a_rank_is_called_ambiguous(method):
    _, _, T = planted(6, 3, 4, 1)
    found = decompose(T, 5, method, rng=0)
    assert found.residual < 1e-12
    assert found.status is Status.AMBIGUOUS
    assert not found.is_exact
    assert not found.is_converged


def test_methods_for_independent_factors_say_that_they_failed_on_dependent_ones():
    weights, factors, _ = planted(5, 5, 4, 0)
    factors[4] = (factors[0] + factors[1] + factors[2]) / np.linalg.norm(factors[0] + factors[1] + factors[2])
    T = sum_of(weights, factors, 4)
    for method in ("jennrich", "kcl", "kcl_inverse"):
        assert not decompose(T, 5, method, rng=0).is_converged
    found = decompose(T, 5, rng=0)
    assert found.is_exact
    assert term_distance(found, weights, factors) < TOLERANCE


def test_the_power_method_says_that_it_failed_on_coherent_factors():
    _, _, T = planted(6, 6, 3, 0, "coherent")
    found = decompose(T, 6, "power", rng=0)
    assert found.residual > 1e-3
    assert found.status is Status.UNSETTLED


@pytest.mark.parametrize("order", [3, 4])
@pytest.mark.parametrize("method", DECOMPOSITIONS)
def test_one_dimension_and_one_term(method, order):
    if (method, order) == ("subspace_power", 3):
        with pytest.raises(InputError, match=re.escape("shape (d,)*4, found shape (1, 1, 1)")):
            decompose(np.full((1, 1, 1), -2.0), 1, method)
        return
    found = decompose(np.full((1,) * order, -2), 1, method, rng=0)
    assert found.is_exact
    assert found.weights[0] * found.factors[0, 0] ** order == pytest.approx(-2, rel=1e-14)
    weights, factors, T = planted(4, 1, order, 0)
    assert term_distance(decompose(T, 1, method, rng=0), weights, factors) < 1e-14


def test_single_precision_is_taken_as_a_tensor_with_noise():
    weights, factors, T = planted(6, 5, 3, 0)
    found = decompose(T.astype(np.float32), 5, rng=0)
    assert found.weights.dtype == np.float64
    assert found.status is Status.RESOLVED
    assert term_distance(found, weights, factors) < 1e-5


UNEVEN = np.zeros((3, 3, 3))
UNEVEN[0, 1, 2] = 0.25
UNEVEN[0, 0, 0] = 1.0
HOLED = np.ones((2, 2, 2))
HOLED[1, 0, 1] = np.nan


@pytest.mark.parametrize(
    ("T", "rank", "method", "message"),
    [
        (np.ones((2, 2)), 1, "auto", "method 'auto' decomposes tensors of shape (d,)*3 or (d,)*4, found shape (2, 2)"),
        (np.ones((2, 3, 2)), 1, "auto", "found shape (2, 3, 2)"),
        (np.ones((0, 0, 0)), 1, "auto", "found shape (0, 0, 0)"),
        (np.ones((2,) * 3), 1, "subspace_power", "tensors of shape (d,)*4, found shape (2, 2, 2)"),
        (HOLED, 1, "auto", "T must be finite, found nan at index 1, 0, 1"),
        (np.zeros((2, 2, 2)), 1, "auto", "T must not be zero"),
        (np.ones((2, 2, 2)) * 1j, 1, "auto", "T must hold real numbers, found an array of complex numbers"),
        (UNEVEN, 1, "auto", "T must be symmetric, found entries that differ by 0.25 when two axes are exchanged"),
        (np.ones((2, 2, 2)), 0, "auto", "rank must be an integer of at least 1, found 0"),
        (np.ones((2, 2, 2)), 1.5, "auto", "rank must be an integer of at least 1, found 1.5"),
        (np.ones((3, 3, 3)), 4, "auto", "method 'auto' finds at most 3 terms of order 3 in 3 dimensions, rank is 4"),
        (np.ones((3,) * 4), 6, "auto", "method 'auto' finds at most 4 terms of order 4 in 3 dimensions, rank is 6"),
        (np.ones((4,) * 4), 5, "jennrich", "method 'jennrich' finds at most 4 terms of order 4 in 4 dimensions"),
        (np.ones((4,) * 4), 5, "kcl", "method 'kcl' finds at most 4 terms"),
        (np.ones((4,) * 4), 5, "kcl_inverse", "finds at most 4 terms"),
        (np.ones((4,) * 4), 5, "joint_diagonalisation", "method 'joint_diagonalisation' finds at most 4 terms"),
        (np.ones((4,) * 4), 5, "power", "method 'power' finds at most 4 terms"),
        (np.ones((4,) * 4), 7, "subspace_power", "method 'subspace_power' finds at most 6 terms"),
        (np.ones((4,) * 4), 9, "least_squares", "method 'least_squares' finds at most 7 terms"),
        (np.ones((2, 2, 2)), 1, "none", "method must be one of auto, jennrich, joint_diagonalisation, kcl, "),
    ],
)
def test_what_cannot_be_decomposed_is_refused_in_one_sentence(T, rank, method, message):
    with pytest.raises(InputError, match=re.escape(message)) as refusal:
        decompose(T, rank, method)
    assert "\n" not in str(refusal.value)
