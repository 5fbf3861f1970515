"""Statistical-query dimension, against definitions written out slowly."""

import itertools
import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import betainc

from twolayer.errors import InputError
from twolayer.papers.e2021hardness.theory import (
    cube,
    log_query_dimension_of_waves,
    parity_coefficients,
    parity_values,
    periodic_gram,
    queries_needed,
    query_dimension,
    query_dimension_of_parities,
    unit_gram,
)
from twolayer.papers.e2021hardness.theory.clique import clique


def brute_force_dimension(G):
    """Definition 4 over all subsets."""
    G = G / np.sqrt(np.outer(np.diag(G), np.diag(G)))
    sizes = [
        n
        for n in range(1, len(G) + 1)
        for subset in itertools.combinations(range(len(G)), n)
        if all(abs(G[i, j]) * n * n <= 1 for i, j in itertools.combinations(subset, 2))
    ]
    return max(sizes)


@pytest.mark.parametrize("seed", range(12))
def test_the_exact_dimension_is_that_of_all_subsets_and_the_greedy_one_is_certified(seed):
    rng = np.random.default_rng(seed)
    F = rng.standard_normal((10, 3 + seed)) * (rng.random((10, 3 + seed)) < 0.25) + 1e-9
    G = F @ F.T
    G[np.diag_indices(10)] += 1e-6
    exact, greedy = query_dimension(G, exact=True), query_dimension(G)
    assert exact.dimension == brute_force_dimension(G)
    assert 1 <= greedy.dimension <= exact.dimension
    for found in (exact, greedy):
        inside = np.abs(unit_gram(G)[np.ix_(found.members, found.members)])
        off = inside[~np.eye(len(inside), dtype=bool)]
        assert len(set(found.members)) == found.dimension
        assert found.coherence == (off.max() if len(off) else 0.0)
        assert found.dimension**2 * found.coherence <= 1


def test_the_greedy_search_may_fall_short_of_the_exact_one():
    dimensions = []
    for seed in range(20):
        W = np.random.default_rng(seed).standard_normal((40, 2))
        gram = periodic_gram(W * np.sqrt(2) / np.linalg.norm(W, axis=1)[:, None])
        dimensions.append((query_dimension(gram).dimension, query_dimension(gram, exact=True).dimension))
    assert all(greedy <= exact for greedy, exact in dimensions)
    assert any(greedy < exact for greedy, exact in dimensions)
    assert sum(greedy for greedy, _ in dimensions) > 0.8 * sum(exact for _, exact in dimensions)


def test_the_sign_of_an_inner_product_does_not_make_functions_different():
    assert query_dimension([[1.0, -1.0], [-1.0, 1.0]], exact=True).dimension == 1
    assert query_dimension([[4.0, -1.0], [-1.0, 4.0]], exact=True).members == (0, 1)
    assert query_dimension([[4.0, 1.01], [1.01, 4.0]]).dimension == 1


def test_the_dimension_of_the_parities_is_the_size_of_the_class():
    F = parity_values(cube(6), cube(6))
    found = query_dimension(F.T @ F / 64, exact=True)
    assert (found.dimension, found.coherence) == (query_dimension_of_parities(6), 0.0)
    assert query_dimension_of_parities(300) == 2**300


@pytest.mark.parametrize("seed", range(6))
def test_a_clique_is_found_exactly_where_there_is_one(seed):
    rng = np.random.default_rng(seed)
    A = np.triu(rng.random((12, 12)) < 0.3 + 0.1 * seed, 1)
    A = A | A.T
    largest = max(
        n
        for n in range(1, 13)
        for s in itertools.combinations(range(12), n)
        if all(A[i, j] for i, j in itertools.combinations(s, 2))
    )
    found = clique(A, largest)
    assert len(set(found)) == largest
    assert all(A[i, j] for i, j in itertools.combinations(found, 2))
    assert clique(A, largest + 1) is None


def test_the_bound_for_waves_holds_at_the_packing_it_is_made_of():
    """Both halves of the argument, written out anew, at the c that the second one allows."""
    for d in (2, 5, 20, 80):
        log_n = log_query_dimension_of_waves(d)

        def room(c, d=d, log_n=log_n):
            near, far = (math.exp(-2 * math.pi**2 * d * 2 * (1 + sign * c) + 2 * log_n) for sign in (-1, 1))
            return (near + far) / (1 + math.exp(-8 * math.pi**2 * d)) - 1

        c = brentq(room, 0.1, 1.0, xtol=1e-15)
        log_packing = -math.log(betainc((d - 1) / 2, 0.5, 1 - c**2))  # P(u_1² > c²)
        assert log_n <= log_packing + 1e-9
        assert log_n > log_packing - 0.06


def test_the_bound_for_waves_is_below_what_is_found():
    rng = np.random.default_rng(0)
    for d in (2, 3):
        W = rng.standard_normal((400, d))
        gram = periodic_gram(W * np.sqrt(d) / np.linalg.norm(W, axis=1)[:, None])
        assert query_dimension(gram).dimension >= math.floor(math.exp(log_query_dimension_of_waves(d)))
    assert log_query_dimension_of_waves(1) == 0.0


def test_the_bound_for_waves_grows_linearly_in_the_exponent():
    steps = np.diff([log_query_dimension_of_waves(d) for d in (10, 20, 30, 100, 200)]) / [10, 10, 70, 100]
    assert (steps > 1.08).all()
    assert (steps < 1.2).all()
    assert log_query_dimension_of_waves(10_000) > 10_000


def test_the_bound_for_waves_takes_every_harmonic_into_account():
    d, c = 3, [0.0, 0.5, 0.4, 0.4]
    n = math.exp(log_query_dimension_of_waves(d, c))
    rng = np.random.default_rng(1)
    cosines = np.linspace(0.0, 0.999, 200)
    u = np.array([1.0, 0, 0])
    largest = []
    for cosine in cosines:
        v = np.array([cosine, math.sqrt(1 - cosine**2), 0]) * rng.choice([-1, 1])
        largest.append(abs(unit_gram(periodic_gram(np.sqrt(d) * np.stack([u, v]), c))[0, 1]))
    allowed = cosines[np.array(largest) * n**2 <= 1].max()
    assert 1 / betainc(1.0, 0.5, 1 - allowed**2) > 0.9 * n
    assert log_query_dimension_of_waves(d, [0.0, 0.0, 1.0]) > log_query_dimension_of_waves(d)
    assert log_query_dimension_of_waves(1000, [0.0, 0.0, 1.0]) > log_query_dimension_of_waves(1000)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: query_dimension(np.ones((2, 3))), r"square, found shape \(2, 3\)"),
        (lambda: query_dimension([[1.0, 0.5], [0.2, 1.0]]), "symmetric with a positive diagonal"),
        (lambda: query_dimension([[0.0]]), "positive diagonal"),
        (lambda: query_dimension(np.eye(101), exact=True), "at most 100 functions, found 101"),
        (lambda: log_query_dimension_of_waves(3, [0.1, 1.0]), "c_0 = 0"),
        (lambda: log_query_dimension_of_waves(3, [0.0, 0.0]), "not all zero"),
        (lambda: queries_needed(8, 0.0), "found 0 and 0"),
        (lambda: queries_needed(8, 0.5, 0.25), "found 0.5 and 0.25"),
    ],
)
def test_what_is_no_class_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


def test_a_query_strikes_out_as_many_targets_as_counted_and_no_more():
    d, tau = 8, 0.2
    rng = np.random.default_rng(0)
    F = parity_values(cube(d), cube(d))
    most = (2**d - 1) / queries_needed(2**d, tau)
    assert most == pytest.approx(1 / tau**2)
    struck = []
    for k in (1, 4, 24, 25, 26, 60):
        g = F[:, rng.permutation(2**d)[:k]].sum(axis=1)
        g /= np.sqrt(np.mean(g**2))
        struck.append(int(np.sum(np.abs(parity_coefficients(g)) > tau + 1e-12)))
    assert max(struck) == 24 <= most
    G = np.full((40, 40), 0.1) + 0.9 * np.eye(40)
    for tau in (0.42, 0.52, 0.8):
        norms = [math.sqrt(G[:k, :k].sum()) for k in range(1, 41)]
        struck = [k for k, norm in enumerate(norms, 1) if G[0, :k].sum() / norm > tau]  # by the sum of k functions
        most = 39 / queries_needed(40, tau, 0.1)
        assert max(struck) == math.floor(most)
