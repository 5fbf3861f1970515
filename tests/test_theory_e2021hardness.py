"""The lecture's constructions and its statistical-query dimension, against definitions written out slowly."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import betainc

from twolayer.errors import InputError
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.teachers import random_units
from twolayer.theory.e2021hardness import (
    barron_bound,
    cosine_network,
    cube,
    empirical_sine_risk,
    fourier_coefficients,
    intersection,
    intersection_network,
    intersection_path_norm,
    log_query_dimension_of_waves,
    parity_coefficients,
    parity_gradient_variance,
    parity_network,
    parity_path_norm,
    parity_values,
    periodic_gram,
    quantities,
    queries_needed,
    query_dimension,
    query_dimension_of_parities,
    sampled_gram,
    sigmoid_intersection_network,
    sign_cube,
    sine_landscape,
    sine_risk,
    spectral_bound,
    unit_gram,
)
from twolayer.theory.e2021hardness.clique import clique
from twolayer.theory.e2021hardness.gradients import network_gradients


def relu(t):
    return max(t, 0.0)


# --- cubes and parities ---


def test_cubes_list_every_point_once_in_counting_order():
    assert cube(3).tolist() == [list(point) for point in itertools.product([0.0, 1.0], repeat=3)]
    assert sign_cube(3).tolist() == [list(point) for point in itertools.product([-1.0, 1.0], repeat=3)]


def test_parity_coefficients_are_the_averages_over_the_cube():
    d = 5
    g = np.random.default_rng(0).standard_normal((2**d, 3))
    points = list(itertools.product([0, 1], repeat=d))
    expected = [
        [sum((-1) ** sum(v * x for v, x in zip(vs, xs, strict=True)) * g[i, j] for i, xs in enumerate(points)) / 2**d
         for j in range(3)]
        for vs in points
    ]  # fmt: skip
    np.testing.assert_allclose(parity_coefficients(g), expected, atol=1e-15)
    np.testing.assert_allclose(parity_coefficients(g[:, 1]), np.array(expected)[:, 1], atol=1e-15)


def test_parities_are_an_orthonormal_basis():
    F = parity_values(cube(6), cube(6))
    assert np.array_equal(F.T @ F, 64 * np.eye(64))
    assert np.array_equal(parity_coefficients(F), np.eye(64))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cube(21), "up to d = 20 only, found d = 21"),
        (lambda: cube(0), "at least 1, found 0"),
        (lambda: parity_values([[0, 2]], [[0, 1]]), "X must hold zeros and ones only"),
        (lambda: parity_values([[0, 1]], [[0, 1, 1]]), "found 2 and 3"),
        (lambda: parity_coefficients(np.ones(6)), "found 6 rows"),
        (lambda: parity_coefficients(np.ones((0, 2))), "found 0 rows"),
    ],
)
def test_what_is_no_cube_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("weight", [0, 1, 2, 9, 16])
def test_a_parity_network_is_the_parity_on_the_whole_cube(weight):
    d = 16
    v = np.zeros(d, dtype=int)
    v[np.random.default_rng(weight).permutation(d)[:weight]] = 1
    X = cube(d)
    network = parity_network(v)
    assert np.array_equal(network(X), np.where(X[:, v == 1].sum(axis=1) % 2 == 0, 1.0, -1.0))
    assert network.width == weight + 1


@pytest.mark.parametrize("s", [1, 2, 5])
def test_a_parity_network_is_the_lecture_s_sum_of_hats(s):
    network = parity_network([1] * s)
    for t in np.linspace(0, s, 41):
        hats = sum(
            (-1) ** i * (relu(2 * t - 2 * i + 1) - 2 * relu(2 * t - 2 * i) + relu(2 * t - 2 * i - 1))
            for i in range(s + 1)
        )
        assert network(np.full((1, s), t / s))[0] == pytest.approx(hats, abs=1e-12)


@pytest.mark.parametrize("s", [0, 1, 4, 20])
def test_the_path_norm_of_a_parity_is_quadratic(s):
    v = np.array([0, 0, *[1] * s])
    assert parity_path_norm(v) == parity_network(v).path_norm() == 6 * s**2 + 1


def test_a_parity_needs_zeros_and_ones():
    with pytest.raises(InputError, match="v must hold zeros and ones only"):
        parity_network([0, 1, 3])


# --- intersections of half-spaces ---


def halfspaces(K, d, seed, least=0):
    rng = np.random.default_rng(seed)
    return rng.integers(least, 4, (K, d)), rng.integers(least, 3, K)


@pytest.mark.parametrize("K", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("least", [0, -3])
def test_the_sign_of_a_halfspace_network_is_the_intersection_on_the_whole_cube(K, least):
    W, b = halfspaces(K, 12, seed=K, least=least)
    X = sign_cube(12)
    inside = np.array([all(2 * int(w @ x) - 2 * int(c) - 1 >= 0 for w, c in zip(W, b, strict=True)) for x in X])
    assert 0 < inside.sum() < len(X)
    assert np.array_equal(intersection(W, b, X), inside)
    values = intersection_network(W, b)(X)
    assert np.array_equal(values > 0, inside)
    np.testing.assert_allclose(values[inside], 1 / (6 * K), rtol=1e-12)
    assert values[~inside].max() <= -1 / (3 * K) + 1e-12
    smooth = sigmoid_intersection_network(W, b)(X)
    assert np.array_equal(smooth > 0, inside)
    assert 2 * K * smooth[inside].min() >= 1 / 6 - 1e-12
    assert 2 * K * smooth[~inside].max() <= -1 / 2 + 1e-12


@pytest.mark.parametrize("K", [1, 3, 200])
def test_the_scale_of_the_sigmoids_is_enough_where_every_half_space_is_as_close_as_can_be(K):
    W, b = np.zeros((K, 1), dtype=int), np.full(K, -1)
    network = sigmoid_intersection_network(W, b)
    assert 2 * K * network([[1.0]])[0] == pytest.approx(1 / 6, rel=1e-9)
    b[0] = 0
    assert sigmoid_intersection_network(W, b)([[1.0]])[0] < 0


def test_the_path_norm_of_a_halfspace_network_is_its_formula_and_the_lecture_s_may_be_exceeded():
    for least in (0, -3):
        W, b = halfspaces(4, 7, seed=0, least=least)
        assert intersection_path_norm(W, b) == pytest.approx(intersection_network(W, b).path_norm(), rel=1e-14)
    W, b = np.zeros((1, 3), dtype=int), np.array([10])
    lectured = (1 + 1 / 3 + 2 * (2 * 0 + 10 + 1 / 2) + 1) / 2
    corrected = (1 + 1 / 3 + 4 * 0 + 4 * 10 + 3) / 2
    assert lectured < intersection_network(W, b).path_norm() < corrected


@pytest.mark.parametrize(
    ("W", "b", "message"),
    [
        ([[0.5]], [1], "W must hold integers"),
        ([[1]], [0.5], "b must hold integers"),
        ([[2.0**41]], [0], "W must hold integers below"),
        ([[1]], [0, 1], "found 1 rows, 2 entries"),
        (np.zeros((0, 2)), [], "at least one, found 0 rows"),
    ],
)
def test_what_is_no_half_space_is_refused(W, b, message):
    for construction in (intersection_network, sigmoid_intersection_network, intersection_path_norm):
        with pytest.raises(InputError, match=message):
            construction(W, b)


@pytest.mark.parametrize(("X", "message"), [([[1, 0]], "-1 and 1 only"), ([[1]], "2 columns like W, found 1")])
def test_an_intersection_is_asked_at_signs(X, message):
    with pytest.raises(InputError, match=message):
        intersection([[1, 1]], [0], X)


# --- periodic neurons ---


def test_the_cosine_network_is_the_cosine():
    rng = np.random.default_rng(0)
    w, X = rng.standard_normal(4), rng.standard_normal((50, 4))
    np.testing.assert_allclose(cosine_network(w)(X), np.cos(2 * np.pi * X @ w), atol=1e-13)
    mixed = np.cos(2 * np.pi * X @ w) - 0.5 * np.cos(6 * np.pi * X @ w)
    network = cosine_network(w, [1.0, 0.0, -0.5])
    assert network.width == 2
    np.testing.assert_allclose(network(X), mixed, atol=1e-12)


def gaussian_mean(function):
    """E over the plane, by the trapezoid rule, which is exact to rounding for these."""
    t = np.arange(-9, 9, 0.1)
    weights = np.exp(-(t**2) / 2) / np.exp(-(t**2) / 2).sum()
    return weights @ function(t[:, None], t[None, :]) @ weights


def test_the_gram_matrix_of_periodic_neurons_is_that_of_quadrature():
    W = np.array([[0.3, 0.1], [0.2, -0.25], [-0.3, -0.1], [0.31, 0.12]])
    c = [0.2, 0.3 - 0.1j, 0.05 + 0.2j]

    def wave(t):
        return 0.2 + 2 * sum((c_k * np.exp(2j * np.pi * k * t)).real for k, c_k in enumerate(c) if k)

    def cosine(t):
        return np.cos(2 * np.pi * t)

    for function, gram in ((cosine, periodic_gram(W)), (wave, periodic_gram(W, c))):
        expected = [
            [
                gaussian_mean(lambda x, y, u=u, v=v, f=function: f(u[0] * x + u[1] * y) * f(v[0] * x + v[1] * y))
                for v in W
            ]
            for u in W
        ]
        np.testing.assert_allclose(gram, expected, atol=1e-12)


def test_the_norm_of_a_cosine_neuron_is_not_one():
    w = np.array([[0.1, 0.2]])
    assert periodic_gram(w)[0, 0] == pytest.approx((1 + math.exp(-8 * math.pi**2 * 0.05)) / 2, rel=1e-13)
    assert unit_gram(periodic_gram(w)).item() == pytest.approx(1, rel=1e-15)


def test_fourier_coefficients_are_their_integrals():
    def phi(t):
        return 0.5 + np.cos(2 * np.pi * t) - 3 * np.sin(4 * np.pi * t)

    np.testing.assert_allclose(fourier_coefficients(phi, 3, points=16), [0.5, 0.5, 1.5j, 0], atol=1e-14)

    def triangle(t):
        return np.abs(1 - 2 * t)

    for k, found in enumerate(fourier_coefficients(triangle, 5)):
        real = quad(lambda t, k=k: triangle(t) * np.cos(2 * np.pi * k * t), 0, 1, points=[0.5])[0]
        assert found == pytest.approx(real, abs=1e-6)


def test_the_sampled_gram_matrix_is_within_its_standard_errors():
    rng = np.random.default_rng(0)
    W = np.array([[0.4, 0.0], [0.3, 0.2]])
    X = rng.standard_normal((100_000, 2))
    gram, error = sampled_gram(np.cos(2 * np.pi * X @ W.T))
    assert error.max() < 0.002
    assert (np.abs(gram - periodic_gram(W)) < 4 * error).all()
    F = np.array([[1.0], [2.0], [4.0]])
    found, error = sampled_gram(F)
    assert found.item() == pytest.approx(7)
    assert error.item() == pytest.approx(np.std([1, 4, 16], ddof=1) / math.sqrt(3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fourier_coefficients(np.cos, 8, points=16), "below order 8, found order 8"),
        (lambda: periodic_gram([[1.0]], [1j, 1.0]), "c_0 real"),
        (lambda: periodic_gram([[1.0]], []), "coefficients must be"),
        (lambda: sampled_gram([[1.0]]), "two points or more, found 1"),
    ],
)
def test_what_is_no_wave_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


# --- statistical-query dimension ---


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


# --- the sine landscape ---


def test_the_population_risk_of_a_sine_neuron_is_that_of_quadrature():
    truth, L = np.array([0.2, 0.1]), 1.3
    W = np.array([[0.3, -0.1], [-0.2, -0.1], [0.0, 0.0], [0.21, 0.11]])

    def sine(w, x, y):
        return np.sin(2 * np.pi * L * (w[0] * x + w[1] * y))

    expected = [gaussian_mean(lambda x, y, w=w: (sine(w, x, y) - sine(truth, x, y)) ** 2) for w in W]
    np.testing.assert_allclose(sine_risk(W, truth, L), expected, atol=1e-12)
    assert sine_risk([truth], truth, L).item() == 0.0


def test_the_empirical_risk_of_a_sine_neuron_is_its_sum():
    rng = np.random.default_rng(0)
    W, truth, X = rng.standard_normal((3, 2)), rng.standard_normal(2), rng.standard_normal((7, 2))
    expected = [sum((math.sin(3 * math.pi * w @ x) - math.sin(3 * math.pi * truth @ x)) ** 2 for x in X) / 7 for w in W]
    np.testing.assert_allclose(empirical_sine_risk(W, truth, X, 1.5), expected, rtol=1e-12)


def test_the_landscape_is_a_well_on_a_plain_and_rough_where_it_is_sampled():
    land = sine_landscape(truth=(1.0, 0.5), frequency=1.0, samples=60, reach=2.0, points=41, rng=0)
    i, j = np.unravel_index(land.population.argmin(), land.population.shape)
    assert (land.first[j], land.second[i]) == (1.0, 0.5)
    away = np.hypot(land.first[None, :] - 1, land.second[:, None] - 0.5) > 0.5
    away &= np.hypot(land.first[None, :] + 1, land.second[:, None] + 0.5) > 0.5
    away &= np.hypot(land.first[None, :], land.second[:, None]) > 0.5
    assert np.ptp(land.population[away]) < 0.02
    inner = land.empirical[1:-1, 1:-1]
    around = [land.empirical[1 + a : 40 + a, 1 + b : 40 + b] for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
    assert np.sum(np.all([inner < other for other in around], axis=0)) > 30
    X = np.random.default_rng(0).standard_normal((60, 2))
    one = empirical_sine_risk([[land.first[3], land.second[8]]], land.truth, X)
    assert land.empirical[8, 3] == pytest.approx(one.item(), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sine_risk([[1.0]], [1.0, 2.0]), "2 columns like truth, found 1"),
        (lambda: empirical_sine_risk([[1.0]], [1.0], np.ones((0, 1))), r"found shape \(0, 1\)"),
        (lambda: sine_landscape(truth=(1.0,)), "over two inputs, found 1"),
        (lambda: sine_landscape(frequency=-1.0), "frequency must be"),
    ],
)
def test_what_is_no_landscape_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


# --- Barron norms ---


def test_the_spectral_bound_of_a_cosine_is_the_lecture_s():
    omega = np.array([[1.0, -2.0, 0.5]])
    assert spectral_bound([1.0], omega, [np.pi / 2]) == pytest.approx(2 * 3.5**2 + 2, rel=1e-14)
    d = 9
    w = np.full(d, 1.0)  # norm √d, and the largest ‖w‖_1 of all with it
    assert spectral_bound([1.0], [np.sqrt(d) * w], [np.pi / 2]) == pytest.approx(2 * d**3 + 2, rel=1e-14)


def test_the_spectral_bound_has_value_and_slope_at_zero():
    A, omega, phi = [2.0, -1.0], np.array([[1.0, 0.0], [0.5, -1.0]]), [0.3, 0.7]
    value = 2 * math.sin(0.3) - math.sin(0.7)
    slope = [2 * math.cos(0.3) - 0.5 * math.cos(0.7), math.cos(0.7)]
    spectrum = 2 * 1.0**2 + 1 * 1.5**2
    expected = 2 * spectrum + 2 * abs(value) + 2 * (abs(slope[0]) + abs(slope[1]))
    assert spectral_bound(A, omega, phi) == pytest.approx(expected, rel=1e-14)
    assert barron_bound(TwoLayerNetwork(A, omega, phi, "sine")) == pytest.approx(expected, rel=1e-14)
    with pytest.raises(InputError, match="found 1 amplitudes, 2 frequencies"):
        spectral_bound([1.0], omega, phi)


def test_a_barron_bound_of_a_relu_network_is_its_path_norm_and_what_is_linear():
    network = random_units(4, 3, bias=1.0, rng=0)
    path = sum(
        abs(a) * (sum(abs(x) for x in w) + abs(b)) for a, w, b in zip(network.a, network.W, network.b, strict=True)
    )
    assert barron_bound(network) == pytest.approx(path, rel=1e-14)
    affine = TwoLayerNetwork(network.a, network.W, network.b, "relu", Polynomial(-2.0, [1.0, -1.0, 0.5, 0.0]))
    assert barron_bound(affine) == pytest.approx(path + 2 + 2 * 2.5, rel=1e-14)
    curved = TwoLayerNetwork(network.a, network.W, network.b, "relu", Polynomial(0.0, None, np.eye(4)))
    assert barron_bound(curved) is None
    assert barron_bound(random_units(4, 3, activation="tanh", rng=0)) is None


def test_the_quantities_of_a_network_are_named_numbers():
    v = [1, 1, 0, 1, 1, 0]
    found = quantities(parity_network(v))
    assert (found["inputs"], found["units"], found["log2_parities"]) == (6, 5, 6)
    assert found["path_norm"] == found["barron_bound"] == 97
    assert found["path_norm_over_d_squared"] == pytest.approx(97 / 36)
    network = random_units(5, 4, bias=0.5, activation="tanh", rng=0)
    found = quantities(network)
    whole = parity_gradient_variance(network_gradients(network), 5)
    assert found["parity_gradient_variance"] == pytest.approx(whole.variance, rel=1e-12)
    assert found["parity_gradient_bound"] == pytest.approx(whole.bound, rel=1e-12)
    assert "barron_bound" not in found
    assert "parity_gradient_bound" not in quantities(random_units(11, 2, rng=0))
    assert all(isinstance(value, float) for value in found.values())
