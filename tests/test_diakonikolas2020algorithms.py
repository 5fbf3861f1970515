"""Planar networks: their moments, what no correlational query sees, and that the library's moments see nothing."""

from math import comb, factorial

import numpy as np
import pytest
from numpy.polynomial.hermite_e import hermegauss

from moment_oracles import naive_moment
from oracles import gaussian_grid, gaussian_mean, gaussian_pair_mean, hermite
from twolayer import HermiteMoments, InputError, TwoLayerNetwork, activation, decompose
from twolayer.network import Polynomial
from twolayer.papers.diakonikolas2020algorithms.instances import (
    first_visible_order,
    harmonic_dimension,
    hermite_norms,
    mean_square,
    planar_network,
    query_bound,
)
from twolayer.papers.families import make_instance
from twolayer.papers.zhong2017recovery import theory as zhong2017recovery
from twolayer.papers.zhong2017recovery.algorithm.initialization import initialization
from twolayer.teachers import conditioned

CASES = [("relu", 4), ("relu", 6), ("relu", 8), ("leaky_relu(0.1)", 6), ("squared_relu", 5), ("tanh", 3), ("tanh", 5)]


@pytest.mark.parametrize(("sigma", "order"), CASES)
def test_a_planar_network_has_unit_rows_in_one_plane_and_alternating_signs(sigma, order):
    network = planar_network(7, order, sigma, rng=1)
    np.testing.assert_allclose(np.linalg.norm(network.W, axis=1), 1.0, rtol=1e-14)
    assert np.linalg.matrix_rank(network.W, tol=1e-12) == 2
    np.testing.assert_array_equal(network.a, np.tile([-1.0, 1.0], order))


@pytest.mark.parametrize(("sigma", "order"), CASES)
def test_turning_the_plane_by_the_angle_between_units_changes_the_sign(sigma, order):
    network = planar_network(5, order, sigma, rng=2)
    axes = np.linalg.svd(network.W)[2][:2]
    turn = np.array([[np.cos(np.pi / order), -np.sin(np.pi / order)], [np.sin(np.pi / order), np.cos(np.pi / order)]])
    rotation = np.eye(5) - axes.T @ axes + axes.T @ turn @ axes
    X = np.random.default_rng(3).standard_normal((50, 5))
    y = network(X)
    np.testing.assert_allclose(network(X @ rotation.T), -y, rtol=0, atol=1e-13 * 2 * order)
    assert np.abs(y).max() > 0.01


def dense_tensor(network, sigma, j):
    """c_j Σ a_m w_m^{⊗j} of unit rows, c_j by adaptive quadrature."""
    c = gaussian_mean(lambda g: activation(sigma)(g) * hermite(j, g), cuts=[0.0])
    tensor = np.zeros((network.dim,) * j)
    for weight, row in zip(network.a, network.W, strict=True):
        power = np.array(weight)
        for _ in range(j):
            power = np.multiply.outer(power, row)
        tensor += power
    return c * tensor


@pytest.mark.parametrize(("sigma", "order"), [("relu", 4), ("relu", 6), ("squared_relu", 5), ("tanh", 3)])
def test_norms_are_those_of_the_dense_tensors(sigma, order):
    network = planar_network(4, order, sigma, rng=4)
    expected = [np.linalg.norm(dense_tensor(network, sigma, j)) for j in range(order + 1)]
    np.testing.assert_allclose(hermite_norms(network, order), expected, rtol=1e-10, atol=1e-12)
    assert max(expected[:order]) < 1e-12 < 0.1 < expected[order]


def test_norms_are_those_of_any_network_in_a_plane_whatever_its_lengths_and_biases():
    """A polynomial activation, so that the grid is an exact Gaussian sample."""
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((4, 2)) @ np.linalg.qr(rng.standard_normal((3, 2)))[0].T
    network = TwoLayerNetwork(rng.standard_normal(4), rows, rng.standard_normal(4), "polynomial(0.5,1,-1,0.7,0.2)")
    points, masses = gaussian_grid(3, 6)
    y = network(points) * masses * len(masses)
    expected = [np.linalg.norm(naive_moment(points, y, j)) for j in range(6)]
    np.testing.assert_allclose(hermite_norms(network, 5), expected, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("order", [2, 4, 6, 10, 20, 40])
def test_the_first_moment_of_a_relu_network_has_its_closed_form(order):
    """‖T_k‖ = 2k |c_k| 2^((1-k)/2), and c_k = (-1)^(k/2 + 1) (k-3)!! / √(2π) for even k."""
    double_factorial = np.prod(np.arange(order - 3, 0, -2.0))
    expected = 2 * order * double_factorial / np.sqrt(2 * np.pi) * 2.0 ** ((1 - order) / 2)
    network = planar_network(5, order, rng=6)
    assert hermite_norms(network, order)[order] == pytest.approx(expected, rel=1e-12)
    assert first_visible_order(network) == order


@pytest.mark.parametrize(
    "sigma", ["relu", "tanh", "squared_relu", "softplus", "gelu", "abs", "sine", "scaled(tanh,2.5)"]
)
def test_the_first_visible_order_is_the_one_chosen_for_every_order_that_is_allowed(sigma):
    allowed = []
    for order in range(2, 16):
        try:
            network = planar_network(4, order, sigma, rng=order)
        except InputError:
            continue
        allowed.append(order)
        assert first_visible_order(network) == order
    assert len(allowed) >= 7


def test_a_network_that_is_zero_has_no_visible_order():
    network = planar_network(4, 4, rng=0)
    assert first_visible_order(TwoLayerNetwork(network.a, network.W, activation="tanh")) is None


def test_a_network_that_is_not_hidden_is_seen_at_once():
    assert first_visible_order(TwoLayerNetwork([1.0, 1.0], [[1.0, 0.0], [0.6, 0.8]])) == 0


@pytest.mark.parametrize(("sigma", "order"), CASES)
def test_the_mean_square_is_that_of_all_pairs_of_units(sigma, order):
    network, total = planar_network(3, order, sigma, rng=7), 0.0
    for i in range(2 * order):
        for j in range(2 * order):
            cosine = float(np.clip(np.round(network.W[i] @ network.W[j], 15), -1, 1))
            total += (-1) ** (i + j) * gaussian_pair_mean(network.activation, 1.0, 1.0, cosine)
    assert mean_square(network) == pytest.approx(total, rel=1e-9)


def test_the_mean_square_of_unequal_units_is_right():
    network = TwoLayerNetwork([1.5, -2.0], [[0.0, 0.5], [1.2, 1.6]])
    pairs = [(0.5, 0.5, 1.0, 2.25), (0.5, 2.0, 0.8, -6.0), (2.0, 2.0, 1.0, 4.0)]
    expected = sum(weight * gaussian_pair_mean(network.activation, u, w, cosine) for u, w, cosine, weight in pairs)
    assert mean_square(network) == pytest.approx(expected, rel=1e-10)


# --- correlational queries ---


def test_the_number_of_harmonics_is_known_in_three_and_four_dimensions():
    for degree in range(12):
        assert harmonic_dimension(3, degree) == 2 * degree + 1
        assert harmonic_dimension(4, degree) == (degree + 1) ** 2
    assert [harmonic_dimension(2, degree) for degree in range(4)] == [1, 2, 2, 2]


@pytest.mark.parametrize("dim", [5, 20, 100])
def test_polynomials_are_harmonics_of_every_second_degree(dim):
    """Homogeneous polynomials of degree l are harmonics of degree l, l-2, ... times powers of ‖x‖²."""
    for degree in range(2, 9):
        total = sum(harmonic_dimension(dim, lower) for lower in range(degree, -1, -2))
        assert total == comb(dim + degree - 1, degree)


def squared_correlations(sigma, order, dim, planes, rng):
    """(⟨f, q⟩/‖f‖‖q‖)² for f of many random planes and q of one, by the Hermite series up to order 40."""
    query = planar_network(dim, order, sigma, rng)
    c = activation(sigma).hermite_coefficients(40)
    series = np.array([c[j] ** 2 / factorial(j) for j in range(41)])

    def inner(first, second):
        cosines = first.W @ second.W.T
        return sum(weight * (first.a @ cosines**j @ second.a) for j, weight in enumerate(series) if weight)

    energy = inner(query, query)
    return np.array([(inner(planar_network(dim, order, sigma, rng), query) / energy) ** 2 for _ in range(planes)])


def test_a_query_of_pure_harmonics_sees_exactly_one_part_in_their_number():
    """σ = He_4 makes f a harmonic of degree 4, where the bound is an equality."""
    squares = squared_correlations("polynomial(3,0,-6,0,1)", 4, 5, 1500, np.random.default_rng(8))
    error = squares.std() / np.sqrt(len(squares))
    expected = 1 / harmonic_dimension(5, 4)
    assert error < 0.09 * expected
    assert abs(squares.mean() - expected) < 4 * error


@pytest.mark.parametrize(("sigma", "order", "dim"), [("relu", 4, 5), ("relu", 6, 4), ("tanh", 3, 6)])
def test_no_query_sees_more_than_one_part_in_the_number_of_harmonics(sigma, order, dim):
    squares = squared_correlations(sigma, order, dim, 300, np.random.default_rng(9))
    error = squares.std() / np.sqrt(len(squares))
    bound = 1 / harmonic_dimension(dim, order)
    assert error < 0.2 * bound
    assert squares.mean() < bound + 4 * error


def test_the_queries_of_the_claim_are_the_most_for_which_half_of_the_planes_stay_hidden():
    for dim, order in [(20, 6), (50, 4), (5, 3), (30, 9)]:
        count = harmonic_dimension(dim, order)
        tolerance, queries = query_bound(dim, order)
        assert tolerance == pytest.approx(count ** (-1 / 4))
        assert 4 * (queries + 1) ** 2 <= count < 4 * (queries + 2) ** 2
    assert query_bound(3, 2) == (pytest.approx(5**-0.25), 0)


# --- the negative test for every moment method ---


def polar_design(network, order, dim):
    """An average over the whole plane in angle, Gaussian across it: exact for f of frequencies ±k, ±3k, ..."""
    axes = np.linalg.svd(network.W)[2]
    angles = 0.1 + 2 * np.pi * np.arange(4 * order) / (4 * order)
    radii = np.array([0.5, 1.0, 1.7, 2.9])
    plane = np.multiply.outer(radii, np.stack([np.cos(angles), np.sin(angles)], axis=1)).reshape(-1, 2)
    nodes, weights = hermegauss(5)
    across = np.repeat(nodes, len(plane))
    X = np.column_stack([np.tile(plane, (len(nodes), 1)), across]) @ axes
    return X, np.repeat(weights / weights.sum(), len(plane)) * len(nodes)


def test_the_librarys_moments_of_every_order_it_has_see_nothing():
    """Twelve ReLU units, k = 6: no T_0 to T_4, on a design that leaves nothing to chance; with k = 4, T_4 is there."""
    for order, sees in ((6, False), (4, True)):
        network = planar_network(3, order, rng=10)
        X, weights = polar_design(network, order, 3)
        moments = HermiteMoments.from_blocks([(X, network(X) * weights)], order=4)
        sizes = [np.abs(moments.tensor(j)).max() for j in range(5)]
        assert max(sizes[:4]) < 1e-13
        assert (sizes[4] > 0.01) == sees
        assert sees or sizes[4] < 1e-12


def test_from_samples_a_decomposition_finds_two_units_of_the_plane_but_not_where_all_of_them_are():
    """The same inputs and the same mean square; the tensor of order 4 holds two rank-one terms, or noise alone."""
    hidden = make_instance("planar", 11, dim=6, samples=100_000)
    rows = hidden.planted["W"][[0, 3]]
    easy = TwoLayerNetwork([1.0, -1.0], rows)(hidden.X)
    easy *= np.sqrt(np.mean(hidden.y**2) / np.mean(easy**2))
    tensors = [HermiteMoments.from_blocks([(hidden.X, y)], order=4).tensor(4) for y in (hidden.y, easy)]
    noise = np.sqrt(np.mean(hidden.y**2) * factorial(4) * comb(6 + 3, 4) / len(hidden.y))
    of_hidden, of_easy = (decompose(tensor, 2, rng=0) for tensor in tensors)
    assert np.linalg.norm(tensors[0]) < 2 * noise < 0.5 * np.linalg.norm(tensors[1])
    assert of_hidden.residual > 0.8
    assert of_easy.residual < 0.4
    assert np.abs(of_easy.factors @ rows.T).max(axis=1).min() > 0.99


def test_the_papers_moments_of_it_are_not_defined():
    with pytest.raises(InputError, match="M_3 and M_4"):
        zhong2017recovery.moment_orders(planar_network(20, 6, rng=13))


def test_the_papers_start_from_moments_knows_nothing_of_it():
    """What Algorithm 1 returns is uncorrelated with fresh labels; of an easy teacher, on the same inputs, it is not."""
    hidden, fresh = (make_instance("planar", 14, dim=12, samples=n) for n in (40_000, 10_000))
    np.testing.assert_array_equal(hidden.planted["W"], fresh.planted["W"])
    easy = conditioned(12, 3, activation="relu", rng=15)
    correlations = {}
    for name, width, y, truth in (
        ("hidden", 12, hidden.y, fresh.y),
        ("easy", 3, easy(hidden.X), easy(fresh.X)),
    ):
        start = initialization(hidden.X, y, width, "relu", rng=16).network(fresh.X)
        correlations[name] = abs(np.corrcoef(start, truth)[0, 1])
    assert correlations["hidden"] < 4 / np.sqrt(len(fresh.y)) < 0.5 < correlations["easy"]


# --- bad input ---


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((2, 4), ["dim", "at least 3", "2"]),
        ((5, 1), ["order", "at least 2"]),
        ((5, 41), ["order", "at most 40", "41"]),
        ((5, 3), ["relu", "order 3", "nearest", "2"]),
        ((5, 4, "tanh"), ["tanh", "order 4", "nearest", "3"]),
        ((5, 7, "quadratic"), ["quadratic", "order 7", "nearest", "2"]),
        ((5, 4, "linear"), ["linear", "no order"]),
        ((5, 4, "rleu"), ["rleu"]),
    ],
)
def test_what_the_construction_does_not_allow_is_refused_with_the_nearest_that_it_does(arguments, words):
    with pytest.raises(InputError) as refusal:
        planar_network(*arguments)
    for word in words:
        assert word in str(refusal.value)


def test_norms_of_a_network_that_fills_space_or_has_a_polynomial_part_are_refused():
    with pytest.raises(InputError, match="one plane"):
        hermite_norms(TwoLayerNetwork(np.ones(3), np.eye(3)), 2)
    with pytest.raises(InputError, match="polynomial"):
        hermite_norms(TwoLayerNetwork([1.0], [[1.0, 0.0]], polynomial=Polynomial(1.0)), 2)
    with pytest.raises(InputError, match="biases"):
        mean_square(TwoLayerNetwork([1.0], [[1.0, 0.0]], [0.5]))
