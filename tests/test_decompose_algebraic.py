"""Tests of the algebraic methods and of the contractions that they stand on."""

import re

import numpy as np
import pytest

from decomposition_problems import factor_distances, noisy, planted, power_of, sum_of, symmetric_noise, term_distance
from twolayer.decompose import Status, jennrich, joint_diagonalisation, kcl, power, subspace_power
from twolayer.decompose.flattening import flattened, pair_flattening, pair_matrices
from twolayer.decompose.symmetric_sum import (
    compress,
    contract_all_but_one,
    contract_all_but_two,
    largest_term,
    slices,
)
from twolayer.errors import InputError


@pytest.mark.parametrize("order", [3, 4])
def test_contractions_are_sums_over_all_indices(order):
    T = symmetric_noise(4, order, 0)
    u = np.random.default_rng(0).standard_normal((3, 4))
    vectors = "ni," * (order - 2)
    indices = {3: "abi,ni->nab", 4: "abij,ni,nj->nab"}[order]
    two = np.einsum(indices, T, *[u] * (order - 2))
    assert vectors.count("n") == order - 2
    assert np.abs(contract_all_but_two(T, u) - two).max() < 1e-15
    assert np.abs(contract_all_but_one(T, u) - np.einsum("nab,nb->na", two, u)).max() < 1e-14


def test_the_flattening_onto_pairs_keeps_norms_and_eigenvalues():
    T = symmetric_noise(4, 4, 0)
    flat = pair_flattening(T)
    assert flat.shape == (10, 10)
    assert np.linalg.norm(flat) == pytest.approx(np.linalg.norm(T), rel=1e-14)
    values, vectors = np.linalg.eigh(flat)
    E = pair_matrices(vectors, 4)
    assert np.abs(np.einsum("lab,mab->lm", E, E) - np.eye(10)).max() < 1e-14
    assert np.abs(np.einsum("abcd,lcd->lab", T, E) - values[:, None, None] * E).max() < 1e-14


@pytest.mark.parametrize("order", [3, 4])
def test_the_slices_span_all_slices_and_no_more_than_the_rank_differ_from_zero(order):
    _weights, factors, T = planted(6, 3, order, 0)
    stack = slices(T, 6)
    assert stack.shape == (6, 6, 6)
    assert np.abs(stack - stack.transpose(0, 2, 1)).max() < 1e-14
    norms = np.linalg.norm(stack, axis=(1, 2))
    assert (norms[:3] > 0.1).all()
    assert norms[3:].max() < 1e-13
    assert np.sum(norms**2) == pytest.approx(np.linalg.norm(T) ** 2, rel=1e-12)
    terms = np.stack([np.outer(u, u).ravel() for u in factors])
    outside = stack.reshape(6, -1) - stack.reshape(6, -1) @ np.linalg.pinv(terms) @ terms
    assert np.abs(outside).max() < 1e-13


@pytest.mark.parametrize("order", [3, 4])
def test_compression_keeps_a_sum_of_as_many_terms(order):
    weights, factors, T = planted(7, 3, order, 0)
    core, V = compress(T, 3)
    assert np.abs(V.T @ V - np.eye(3)).max() < 1e-14
    assert np.abs(core - sum_of(weights, factors @ V, order)).max() < 1e-13
    assert np.abs(sum_of(weights, factors @ V @ V.T, order) - T).max() < 1e-13


def test_the_largest_term_of_one_term_is_that_term():
    rng = np.random.default_rng(0)
    u = rng.standard_normal(5)
    u /= np.linalg.norm(u)
    value, at = largest_term(flattened(-2.0 * power_of(u, 4)), rng.standard_normal((4, 5)) / 3)
    assert value == pytest.approx(-2, rel=1e-12)
    assert abs(at @ u) == pytest.approx(1, abs=1e-12)


def test_more_draws_of_jennrich_never_fit_worse():
    _weights, _factors, T = planted(8, 8, 3, 0)
    residuals = [jennrich(noisy(T, 1e-4, 0), 8, draws=draws, rng=3).residual for draws in (1, 4, 16)]
    assert residuals[2] <= residuals[1] <= residuals[0]


def test_jennrich_keeps_real_distinct_factors_where_noise_makes_pairs_complex():
    for seed in range(5):
        found = jennrich(symmetric_noise(4, 3, seed), 4, draws=1, rng=0)
        assert np.isrealobj(found.factors)
        assert np.linalg.svd(found.factors, compute_uv=False)[-1] > 1e-6
        assert not found.is_converged


@pytest.mark.parametrize("diagonaliser", ["least_squares", "uniform", "ffdiag"])
@pytest.mark.parametrize("plug_in", ["factors", "inverse", "both"])
@pytest.mark.parametrize("order", [3, 4])
def test_every_plug_in_rule_of_kcl_is_exact_without_noise(order, plug_in, diagonaliser):
    weights, factors, T = planted(7, 5, order, 0)
    found = kcl(T, 5, plug_in=plug_in, diagonaliser=diagonaliser, rng=0)
    assert term_distance(found, weights, factors) < 1e-9


def test_kcl_with_jacobi_is_for_orthogonal_factors():
    weights, factors, T = planted(6, 6, 3, 0, "orthogonal")
    assert term_distance(kcl(T, 6, diagonaliser="jacobi", rng=0), weights, factors) < 1e-10
    assert not kcl(planted(6, 6, 3, 0)[2], 6, diagonaliser="jacobi", rng=0).is_converged


def test_the_plug_in_rules_differ_where_factors_are_ill_conditioned():
    # a projection along an inverse row is nearly one term of small weight, so that noise weighs more
    def median_error(kind, plug_in):
        errors = []
        for seed in range(8):
            _weights, factors, T = planted(8, 8, 3, seed, kind)
            rows = kcl(noisy(T, 0.01, seed), 8, plug_in=plug_in, rng=seed).factors
            errors.append(factor_distances(rows, factors).max())
        return np.median(errors)

    assert median_error("conditioned", "inverse") > 1.5 * median_error("conditioned", "factors")
    assert median_error("orthogonal", "inverse") < 1.2 * median_error("orthogonal", "factors") < 0.05


def test_all_slices_stand_noise_better_than_two_contractions():
    ratios = []
    for seed in range(6):
        _weights, factors, T = planted(8, 8, 3, seed)
        T = noisy(T, 0.01, seed)
        joint = factor_distances(joint_diagonalisation(T, 8, rng=seed).factors, factors).max()
        ratios.append(factor_distances(jennrich(T, 8, rng=seed).factors, factors).max() / joint)
        assert joint < 0.05
    assert np.median(ratios) > 3


def test_the_power_method_refits_nearly_orthogonal_terms_to_rounding():
    weights, factors, T = planted(30, 4, 3, 0)
    assert 0.05 < np.abs(factors @ factors.T - np.eye(4)).max() < 0.5
    found = power(T, 4, rng=0)
    assert found.is_exact
    assert term_distance(found, weights, factors) < 1e-10
    unfitted = power(T, 4, max_sweeps=0, rng=0)
    assert unfitted.status is Status.UNSETTLED
    assert term_distance(unfitted, weights, factors) > 1e-3


@pytest.mark.parametrize("order", [3, 4])
def test_the_power_method_separates_weights_of_different_size(order):
    _weights, factors, _T = planted(6, 6, order, 0, "orthogonal")
    weights = np.array([8.0, -4.0, 2.0, -1.0, 0.5, -0.25])
    found = power(sum_of(weights, factors, order), 6, rng=1)
    assert term_distance(found, weights, factors) < 1e-12


@pytest.mark.parametrize(("d", "rank"), [(3, 3), (5, 10), (6, 9), (9, 36)])
def test_the_subspace_power_method_is_exact_up_to_its_bound_with_weights_of_both_signs(d, rank):
    for seed in range(3):
        weights, factors, T = planted(d, rank, 4, seed)
        found = subspace_power(T, rank, rng=seed)
        assert (weights < 0).any()
        assert found.is_exact
        assert term_distance(found, weights, factors) < 1e-10


def test_the_subspace_power_method_keeps_the_noise_small_below_its_bound():
    weights, factors, T = planted(7, 8, 4, 0)
    found = subspace_power(noisy(T, 1e-3, 0), 8, rng=0)
    assert found.status is Status.RESOLVED
    assert term_distance(found, weights, factors) < 0.02


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda T: kcl(T, 2, plug_in="rows"), "plug_in must be one of factors, inverse, both, found 'rows'"),
        (lambda T: kcl(T, 2, projections=1), "projections must be an integer of at least 2, found 1"),
        (lambda T: kcl(T, 2, diagonaliser="qr"), "method must be one of least_squares, uniform, ffdiag, jacobi"),
        (lambda T: subspace_power(T, 7), "method 'subspace_power' finds at most 6 terms of order 4 in 4 dimensions"),
    ],
)
def test_unknown_options_are_refused(call, message):
    with pytest.raises(InputError, match=re.escape(message)):
        call(planted(4, 2, 4, 0)[2])
