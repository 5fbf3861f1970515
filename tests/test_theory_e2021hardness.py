"""The lecture's constructions, against definitions written out slowly."""

import itertools
import math

import numpy as np
import pytest
from scipy.integrate import quad

from planes import gaussian_mean
from twolayer.errors import InputError
from twolayer.papers.e2021hardness.theory import (
    cosine_network,
    cube,
    fourier_coefficients,
    intersection,
    intersection_network,
    intersection_path_norm,
    parity_coefficients,
    parity_network,
    parity_path_norm,
    parity_values,
    periodic_gram,
    sampled_gram,
    sigmoid_intersection_network,
    sign_cube,
    unit_gram,
)


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
