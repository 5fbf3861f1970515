"""Tests of the decompositions: each on what it can do, and that it says so where it cannot."""

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from twolayer.decompose import DECOMPOSITIONS, decompose, joint_diagonalise
from twolayer.errors import InputError

SPECIALISED = {"subspace_power": 4}  # methods of one order only
POWER_ONLY = {"power"}  # exact for orthogonal factors only


def tensor(weights, factors, order):
    """Sum of weight × factor^⊗order by an explicit loop over terms."""
    T = np.zeros((factors.shape[1],) * order)
    for weight, u in zip(weights, factors, strict=True):
        term = np.array(weight)
        for _ in range(order):
            term = np.multiply.outer(term, u)
        T += term
    return T


def planted(d, rank, order, seed, orthogonal=False):
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((rank, d))
    if orthogonal:
        factors = np.linalg.qr(factors.T)[0].T
    factors /= np.linalg.norm(factors, axis=1, keepdims=True)
    weights = rng.uniform(0.5, 2, rank) * rng.choice([-1, 1], rank)
    return weights, factors, tensor(weights, factors, order)


def error_of(parts, weights, factors, order):
    """Largest distance of a term from its partner, over the best matching, signs free as the order allows."""
    ours = parts.factors[:, None] * np.ones((1, len(factors), 1))
    same = np.linalg.norm(ours - factors, axis=2) + np.abs(parts.weights[:, None] - weights)
    mirrored = (-1) ** order * parts.weights
    turned = np.linalg.norm(ours + factors, axis=2) + np.abs(mirrored[:, None] - weights)
    distance = np.minimum(same, turned)
    rows, columns = linear_sum_assignment(distance)
    return distance[rows, columns].max()


@pytest.mark.parametrize("order", [3, 4])
@pytest.mark.parametrize("method", sorted(DECOMPOSITIONS))
def test_exact_orthogonal_tensors_are_taken_apart_by_every_method(method, order):
    if SPECIALISED.get(method, order) != order:
        with pytest.raises(InputError):
            decompose(np.zeros((3,) * order) + 1.0, 1, method=method, rng=0)
        return
    for seed in range(3):
        weights, factors, T = planted(6, 4, order, seed, orthogonal=True)
        parts = decompose(T, 4, method=method, rng=seed)
        assert np.allclose(np.linalg.norm(parts.factors, axis=1), 1)
        assert error_of(parts, weights, factors, order) < 1e-6, (method, seed)


@pytest.mark.parametrize("order", [3, 4])
def test_exact_tensors_of_independent_factors_are_recovered_to_rounding(order):
    for seed in range(10):
        weights, factors, T = planted(8, 6, order, seed)
        parts = decompose(T, 6, rng=seed)
        assert error_of(parts, weights, factors, order) < 1e-8, seed
        assert parts.residual < 1e-10


def test_order_four_goes_beyond_the_dimension():
    for seed in range(3):
        weights, factors, T = planted(7, 15, 4, seed)
        assert error_of(decompose(T, 15, rng=seed), weights, factors, 4) < 1e-6, seed


@pytest.mark.parametrize("method", ["auto", "jennrich", "kcl", "joint_diagonalisation", "least_squares"])
def test_noise_moves_the_factors_by_no_more_than_a_multiple_of_it(method):
    weights, factors, T = planted(6, 4, 3, 0)
    noise = np.random.default_rng(1).standard_normal(T.shape)
    noise = sum(np.transpose(noise, axes) for axes in permutations(range(3)))
    parts = decompose(T + 1e-5 * noise / np.linalg.norm(noise), 4, method=method, rng=0)
    assert 1e-9 < error_of(parts, weights, factors, 3) < 1e-2


def test_a_tensor_of_too_high_rank_is_not_said_to_be_exact():
    _, _, T = planted(6, 6, 3, 0)
    parts = decompose(T, 2, rng=0)
    relative = np.linalg.norm(T - tensor(parts.weights, parts.factors, 3)) / np.linalg.norm(T)
    assert parts.residual == pytest.approx(relative, rel=1e-6)
    assert relative > 0.05


def test_joint_diagonalisation_finds_the_common_factors_of_slices():
    rng = np.random.default_rng(3)
    A, D = rng.standard_normal((5, 5)), rng.standard_normal((9, 5))
    found = joint_diagonalise(np.einsum("ik,lk,jk->lij", A, D, A), rng=0)
    cosines = np.abs(found.A.T @ (A / np.linalg.norm(A, axis=0)))
    assert np.allclose(np.sort(cosines.max(axis=0)), 1, atol=1e-9)
    assert found.residual < 1e-9


@pytest.mark.parametrize(
    ("T", "rank"),
    [
        (np.zeros((2, 2)), 1),
        (np.full((2, 2, 2), np.nan), 1),
        (np.arange(8.0).reshape(2, 2, 2), 1),
        (np.ones((2, 3, 2)), 1),
        (np.ones((2, 2, 2)), 0),
    ],
)
def test_what_is_no_symmetric_tensor_is_refused(T, rank):
    with pytest.raises(InputError):
        decompose(T, rank, rng=0)


def test_an_unknown_method_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match="jennrich"):
        decompose(np.ones((2, 2, 2)), 1, method="none", rng=0)
