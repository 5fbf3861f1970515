"""The algorithms of awasthi2021efficient: each step where its answer is known exactly, then the whole."""

from math import pi, sqrt

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from oracles import hermite
from twolayer import InputError, Status, TwoLayerNetwork, recover
from twolayer.hermite import hermite_tensor
from twolayer.network import Polynomial
from twolayer.papers.awasthi2021efficient.algorithm import (
    DIAGONALISATIONS,
    Terms,
    best_coefficients,
    direction_of,
    fix_signs,
    hermite_features,
    level_for,
    merged,
    packed_flattening,
    rank_one_terms,
    recover_awasthi2021,
    recover_from_tensors,
    recover_scalars,
    sample_tensors,
    scalars_of,
    slices,
    truncated_least_squares,
    units_of_tensors,
)
from twolayer.papers.awasthi2021efficient.theory import (
    counterexample,
    packed_population_tensors,
    population_tensor,
    scaled_powers,
    with_signs,
)
from twolayer.symtensor import flatten, multi_indices, pack, packed_size, rank_one_sum, unpack

SPECIAL_BIASES = [0.0, 1.0, -1.0, sqrt(3), -sqrt(3)]
SIZES = {1: [(6, 6), (3, 2), (1, 1)], 2: [(6, 15), (4, 9), (3, 3)], 3: [(4, 14), (3, 7)]}


def planted(d, m, seed, biases=SPECIAL_BIASES):
    """Random unit rows, weights of both signs, and biases at which coefficients vanish, the rest in [-2, 2]."""
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((m, d))
    a = rng.uniform(0.5, 2, m) * np.resize([1.0, -1.0, -1.0, 1.0], m)
    b = np.append(biases, rng.uniform(-2, 2, m))[:m]
    return TwoLayerNetwork(a, W / np.linalg.norm(W, axis=1, keepdims=True), b)


def parameter_error(found, truth, up_to_signs=False):
    """Largest difference of any parameter, units matched by direction."""
    assert found.width == truth.width
    overlaps = truth.W @ found.W.T
    _, order = linear_sum_assignment(-np.abs(overlaps))
    signs = np.sign(overlaps[np.arange(truth.width), order]) if up_to_signs else np.ones(truth.width)
    differences = (
        found.a[order] - truth.a,
        signs * found.b[order] - truth.b,
        signs[:, None] * found.W[order] - truth.W,
    )
    return max(np.abs(difference).max() for difference in differences)


def points(d, n=100, seed=5):
    return np.random.default_rng(seed).standard_normal((n, d))


# flattenings


@pytest.mark.parametrize(("order", "rows"), [(2, 1), (3, 1), (4, 1), (4, 2), (5, 2), (6, 2), (6, 3)])
def test_a_packed_flattening_has_the_singular_values_of_the_whole_one(order, rows):
    network = planted(3, 4, seed=order)
    T = population_tensor(network, order)
    found = packed_flattening(pack(T), 3, order, rows)
    assert found.shape == (packed_size(3, rows), packed_size(3, order - rows))
    expected = np.linalg.svd(flatten(T, rows), compute_uv=False)
    values = np.linalg.svd(found, compute_uv=False)
    size = min(len(values), len(expected))
    np.testing.assert_allclose(values[:size], expected[:size], atol=1e-13)
    assert np.all(expected[size:] < 1e-13)


def test_a_power_is_flattened_to_a_product_of_powers():
    w = planted(4, 1, seed=0).W
    found = packed_flattening(pack(rank_one_sum([1.0], w, 5)), 4, 5, 2)
    np.testing.assert_allclose(found, np.outer(scaled_powers(w, 2), scaled_powers(w, 3)), atol=1e-15)


@pytest.mark.parametrize(("order", "level"), [(3, 1), (4, 1), (5, 2), (6, 2), (7, 3)])
def test_slices_are_contractions_of_the_order_three_flattening(order, level):
    rng = np.random.default_rng(order)
    W, alphas = rng.standard_normal((3, 3)), rng.standard_normal(3)
    V = rng.standard_normal((packed_size(3, level), 2))
    found = slices(pack(rank_one_sum(alphas, W, order)), 3, order, level, V)
    ends = scaled_powers(W, order - 2 * level)
    seen = scaled_powers(W, level) @ V
    np.testing.assert_allclose(found, np.einsum("i,ic,ia,ib->cab", alphas, ends, seen, seen), atol=1e-12)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_the_direction_of_a_power_is_its_vector(level):
    w = planted(4, 1, seed=1).W
    for sign in (1, -1):
        found = direction_of(sign * scaled_powers(w, level)[0], 4, level)
        assert abs(found @ w[0]) == pytest.approx(1, abs=1e-14)


# the two decompositions, and what they share


@pytest.mark.parametrize("diagonalisation", DIAGONALISATIONS)
@pytest.mark.parametrize(("level", "d", "m"), [(1, 6, 6), (2, 4, 8), (3, 3, 8)])
def test_each_order_shows_all_units_but_those_at_a_root(diagonalisation, level, d, m):
    network = planted(d, m, seed=3)
    for order in (2 * level + 1, 2 * level + 2):
        packed = packed_population_tensors(network, order)[order]
        found = rank_one_terms(
            packed, d, order, level, 1e-9, diagonalisation=diagonalisation, rng=np.random.default_rng(0)
        )
        heights = np.array([hermite(order - 2, b) for b in network.b])
        is_shown = np.abs(heights) > 1e-6
        assert found.rank == is_shown.sum()
        overlaps = np.abs(found.directions @ network.W[is_shown].T)
        match = overlaps.argmax(axis=0)
        np.testing.assert_allclose(overlaps.max(axis=0), 1, atol=1e-12)
        signs = np.sign(np.sum(found.directions[match] * network.W[is_shown], axis=1))
        alphas = network.a * (-1) ** order * heights * np.exp(-(network.b**2) / 2) / sqrt(2 * pi)
        np.testing.assert_allclose(found.weights[match] * signs**order, alphas[is_shown], atol=1e-9)


def test_an_unknown_diagonalisation_is_refused():
    with pytest.raises(InputError, match="jennrich, joint, found 'als'"):
        recover_from_tensors(packed_population_tensors(planted(2, 2, 0), 4), diagonalisation="als")


def test_duplicates_and_antipodes_are_merged_into_the_one_best_known():
    turn = np.array([[np.cos(0.005), np.sin(0.005), 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]])
    first = Terms(
        3, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.8, 0.0]]), np.array([1.0, 2.0, 1e-3]), 0.01, np.ones(3)
    )
    second = Terms(4, turn, np.array([3.0, 1.0, 0.5]), 0.01, np.ones(3))
    found = merged([first, second])
    np.testing.assert_array_equal(found, [turn[0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]])


def test_units_that_are_further_apart_than_their_errors_stay_apart():
    close = np.array([[1.0, 0.0], [np.cos(0.1), np.sin(0.1)]])
    exact, rough = (Terms(3, close, np.ones(2), noise, np.ones(2)) for noise in (1e-9, 0.08))
    assert len(merged([exact])) == 2
    assert len(merged([rough])) == 1


# Algorithms 2 and 3


@pytest.mark.parametrize("level", [1, 2, 3, 4])
@pytest.mark.parametrize("sign", [1, -1])
def test_scalars_are_solved_for(level, sign):
    b = np.array([*SPECIAL_BIASES, 0.3, -0.74196, 2.3344, -2.1, 3.0])
    a = np.resize([1.3, -0.4], len(b))
    orders = (2, 3) if level == 1 else range(level, level + 4)
    density = np.exp(-b * b / 2) / sqrt(2 * pi)
    zeta = np.array([(-1) ** j * sign**j * a * hermite(j - 2, b) * density for j in orders])
    found_a, found_b = scalars_of(zeta, orders[0])
    np.testing.assert_allclose(found_a, a, rtol=1e-10)
    np.testing.assert_allclose(found_b, sign * b, atol=1e-10)


@pytest.mark.parametrize(("level", "d", "m"), [(1, 5, 5), (2, 4, 9), (3, 3, 9)])
def test_scalars_of_given_directions_are_recovered_up_to_their_signs(level, d, m):
    network = planted(d, m, seed=4)
    signs = np.resize([1.0, -1.0, -1.0], m)
    tensors = packed_population_tensors(network, level + 3)
    a, b, zeta = recover_scalars(signs[:, None] * network.W, level, tensors)
    np.testing.assert_allclose(a, network.a, rtol=1e-9)
    np.testing.assert_allclose(b, signs * network.b, atol=1e-9)
    assert zeta.shape == (2 if level == 1 else 4, m)


def test_coefficients_are_those_of_least_squares_in_the_whole_tensor():
    rng = np.random.default_rng(6)
    W, T = planted(3, 2, seed=6).W, rng.standard_normal(packed_size(3, 3))
    dense = np.array([rank_one_sum([1.0], w[None], 3).ravel() for w in W])
    expected = np.linalg.lstsq(dense.T, unpack(T, 3, 3).ravel(), rcond=None)[0]
    np.testing.assert_allclose(best_coefficients(T, 3, 3, W), expected, rtol=1e-12)


def test_signs_of_independent_units_come_from_the_first_order():
    network = planted(5, 5, seed=7)
    signs = np.array([1.0, -1.0, -1.0, 1.0, -1.0])
    first = packed_population_tensors(network, 1)[1]
    np.testing.assert_array_equal(fix_signs(network.a, signs[:, None] * network.W, first), signs)


# Algorithm 1


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("level", "d", "m"), [(level, *size) for level in SIZES for size in SIZES[level]])
def test_exact_tensors_give_exact_parameters(level, d, m, seed):
    check_exact(level, d, m, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize(("level", "d", "m"), [(1, 10, 10), (1, 20, 20), (2, 6, 15), (3, 4, 14)])
def test_exact_tensors_give_exact_parameters_for_fifty_seeds(level, d, m, seed):
    check_exact(level, d, m, seed)


def check_exact(level, d, m, seed):
    network = planted(d, m, seed)
    found = recover_from_tensors(packed_population_tensors(network, 2 * level + 2), level, rng=seed)
    assert parameter_error(found.network, network, up_to_signs=True) <= 1e-8
    assert found.discarded.width == 0
    if found.has_known_signs:  # Algorithm 3 for independent units, orders 0 and 1 for the others
        assert parameter_error(found.network, network) <= 1e-8
        assert found.network.polynomial is None
    assert found.has_known_signs


def test_dense_tensors_will_do_and_the_width_may_be_given():
    network = planted(3, 3, seed=8)
    dense = [population_tensor(network, j) for j in range(5)]
    for diagonalisation in DIAGONALISATIONS:
        found = recover_from_tensors(dense, width=3, diagonalisation=diagonalisation, rng=0)
        assert parameter_error(found.network, network) <= 1e-8
    with pytest.raises(InputError, match="4 units were asked for, the tensors show 3"):
        recover_from_tensors(dense, width=4)


def test_of_a_counterexample_all_orientations_are_listed():
    """Seven units on four inputs with one relation: two orientations, the same function."""
    network, twin = counterexample(planted(4, 7, seed=9).W, planted(4, 7, seed=9).b, rng=0)
    found = recover_from_tensors(packed_population_tensors(network, 6), 2, rng=0)
    assert len(found.sign_patterns) == 2
    assert not found.has_known_signs
    assert found.sign_patterns[0].tolist() == [1] * 7
    errors = [
        [parameter_error(with_signs(found.network, signs), one) for signs in found.sign_patterns]
        for one in (network, twin)
    ]
    np.testing.assert_array_equal(np.array(errors).min(axis=1) <= 1e-8, True)
    np.testing.assert_allclose(found.network(points(4)), network(points(4)), atol=1e-9)


@pytest.mark.parametrize("level", [1, 2])
def test_with_an_affine_part_the_function_is_right_and_the_signs_are_open(level):
    plain = planted(4, 4, seed=10)
    network = TwoLayerNetwork(plain.a, plain.W, plain.b, polynomial=Polynomial(0.4, [1.0, -2.0, 0.3, 0.5]))
    found = recover_from_tensors(packed_population_tensors(network, 2 * level + 2), level, rng=0)
    assert len(found.sign_patterns) == 0
    assert parameter_error(found.network, network, up_to_signs=True) <= 1e-8
    np.testing.assert_allclose(found.network(points(4)), network(points(4)), atol=1e-9)


def test_units_of_unequal_norm_are_found_with_rows_of_norm_one():
    network = TwoLayerNetwork([1.0, -1.0], [[2.0, 0.0], [1.0, 1.0]], [0.5, -1.0])
    found = recover_from_tensors(packed_population_tensors(network, 4), rng=0)
    assert parameter_error(found.network.canonical(), network.canonical()) <= 1e-9


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ([0.0, np.zeros(2), np.zeros(3), np.zeros(4)], "orders 0 to 4 are needed, found 4 tensors"),
        (
            [0.0, np.zeros(2), np.zeros(3), np.zeros(5), np.zeros(5)],
            r"order 3 must have shape \(2, 2, 2\), or \(4,\) packed",
        ),
        ([0.0, np.zeros(2), np.zeros(3), np.zeros(4), np.full(5, np.nan)], "the tensor of order 4 must be finite"),
        ([0.0, np.ones(2), np.ones(3), np.zeros(4), np.zeros(5)], "orders 3 and 4 vanish"),
    ],
)
def test_tensors_that_are_none_are_refused(tensors, message):
    with pytest.raises(InputError, match=message):
        recover_from_tensors(tensors)


# with errors


def test_small_errors_of_the_tensors_give_small_errors_of_the_units():
    network, rng = planted(5, 5, seed=11), np.random.default_rng(0)
    errors = []
    for size in (1e-6, 1e-4):
        noisy = [T + size * rng.standard_normal(T.shape) for T in packed_population_tensors(network, 4)]
        found = units_of_tensors(noisy, 1, [100 * size] * 5, width=5, rng=0)
        errors.append(parameter_error(found.network, network))
    assert errors[0] < 1e-3
    assert errors[1] < 0.1


def test_units_of_large_bias_are_left_to_the_affine_part():
    network = planted(4, 4, seed=12, biases=[0.0, 1.0, 3.2, -3.5])
    exact = packed_population_tensors(network, 4)
    found = units_of_tensors(exact, 1, [1e-9] * 5, tau=3.0, rng=0)
    np.testing.assert_allclose(sorted(np.abs(found.network.b)), [0, 1], atol=1e-8)
    np.testing.assert_allclose(sorted(np.abs(found.discarded.b)), [3.2, 3.5], atol=1e-6)
    assert len(found.sign_patterns) == 0
    unknown = units_of_tensors(exact, 1, [1e-9, 1e-9, 1e-2, 1e-9, 1e-9], rng=0)
    np.testing.assert_allclose(sorted(np.abs(unknown.discarded.b)), [3.2, 3.5], atol=1e-6)
    coarse = units_of_tensors(exact, 1, [3e-2] * 5, rng=0)
    assert coarse.network.width == 2
    assert coarse.discarded.width == 0


# from samples


@pytest.mark.parametrize("order", range(1, 7))
def test_features_are_the_entries_of_hermite_tensors(order):
    X = points(3, n=7)
    expected = hermite_tensor(X, order)[:, *multi_indices(3, order).T]
    np.testing.assert_allclose(hermite_features(X, order), expected, atol=1e-12)


@pytest.mark.parametrize("level", [1, 2])
def test_sample_tensors_are_plain_averages_of_what_a_polynomial_leaves(level):
    """With y = p + left, p a quartic that the control variate takes whole, and left orthogonal to quartics."""
    X, rng = points(2, n=301), np.random.default_rng(1)
    quartic = np.concatenate([hermite_features(X, j) for j in range(1, 5)] + [np.ones((301, 1))], axis=1)
    left = rng.standard_normal(301)
    left -= quartic @ np.linalg.lstsq(quartic, left, rcond=None)[0]
    network = TwoLayerNetwork([1.0, -0.5], [[1.0, 2.0], [0.5, -1.0]], [0.3, -0.2], "polynomial(1,2,-3,0,0.25)")
    found = sample_tensors(X, network(X) + left, level)
    assert len(found.packed) == len(found.noise) == 2 * level + 3
    for j in range(2 * level + 3):
        expected = population_tensor(network, j) + np.tensordot(left, hermite_tensor(X, j), 1) / 301
        dense = found.packed[j] if j == 0 else unpack(found.packed[j], 2, j)
        np.testing.assert_allclose(dense, expected, atol=1e-9)
        even, odd = (
            np.tensordot(left[half::2], hermite_tensor(X[half::2], j), 1) / len(left[half::2]) for half in range(2)
        )
        difference = np.atleast_2d(even - odd) if j < 2 else flatten(even - odd, min(level, j // 2))
        assert found.noise[j] == pytest.approx(np.linalg.norm(difference, 2) / 2, rel=1e-6)


def test_least_squares_on_the_true_units_is_exact():
    network, X = planted(4, 6, seed=13), points(4, n=2000)
    affine = Polynomial(-0.3, [0.1, 2.0, 0.0, -1.0])
    turned = with_signs(network, [1, -1, 1, -1, -1, 1])
    y = network(X) + affine(X)
    found = truncated_least_squares(X, y, turned)
    np.testing.assert_allclose(found.a, network.a, atol=1e-6)
    np.testing.assert_allclose(found(points(4)), network(points(4)) + affine(points(4)), atol=1e-6)


def test_samples_give_the_units_and_a_network_of_at_most_two_more():
    """Two units of bias ±6 beside three bent ones: one is linear, one dead, and neither is invented."""
    network = planted(6, 5, seed=14, biases=[0.0, 1.0, -0.6, 6.0, -6.0])
    X = points(6, n=60_000)
    found, learning = recover_awasthi2021(X, network(X), 5, rng=0)
    units = learning.units.network
    assert units.width == 3
    bent = TwoLayerNetwork(network.a[:3], network.W[:3], network.b[:3])
    assert parameter_error(units, bent, up_to_signs=True) < 0.15
    assert found.polynomial is None
    assert found.width == 5
    fresh = points(6, n=20_000, seed=99)
    y = network(fresh)
    assert np.mean((found(fresh) - y) ** 2) < 2e-3 * np.var(y)
    assert 0 <= learning.truncated < 100


def test_an_affine_function_has_no_units_but_the_two_that_write_it():
    X = points(4, n=2000)
    found, learning = recover_awasthi2021(X, X @ [1.0, 2.0, 0.0, -1.0] + 3, 2, rng=0)
    assert learning.units.network.width == learning.units.discarded.width == 0
    assert found.width == 2
    np.testing.assert_allclose(found(points(4)), points(4) @ [1.0, 2.0, 0.0, -1.0] + 3, atol=1e-6)


def test_too_few_rows_are_refused():
    X = points(4, n=10)
    with pytest.raises(InputError, match="has 15 coefficients and needs as many rows, found 10"):
        recover_awasthi2021(X, X[:, 0], 2)


def test_more_units_than_inputs_from_samples():
    corners = np.array([[1.0, 1.0, 1.0], [1.0, -1.0, -1.2], [-1.0, 1.3, -1.0], [-0.8, -1.0, 1.0]])
    W = corners / np.linalg.norm(corners, axis=1, keepdims=True)
    network = TwoLayerNetwork([1.0, -1.2, 0.8, -1.0], W, [0.0, 0.5, -0.5, 1.0])
    X = points(3, n=100_000)
    found, learning = recover_awasthi2021(X, network(X), 4, rng=0)
    assert len(learning.tensors.packed) == 7
    assert parameter_error(learning.units.network, network, up_to_signs=True) < 0.3
    y = network(X)
    assert np.mean((found(X) - y) ** 2) < 5e-3 * np.var(y)
    assert found.width <= 6


def test_the_level_is_the_least_with_room_for_the_units():
    assert [level_for(m, 6) for m in (1, 6, 7, 21, 22, 56, 57)] == [1, 1, 2, 2, 3, 3, 4]
    with pytest.raises(InputError, match="parallel, found 2 units"):
        level_for(2, 1)


def test_the_method_is_judged_as_it_is():
    network = planted(5, 3, seed=15, biases=[0.5, -0.4, 0.9])
    X = points(5, n=20_000)
    result = recover(X, network(X), 3, "relu", bias=True, method="awasthi2021efficient", rng=0)
    assert result.status is Status.MISFIT
    assert result.network.width <= 5
    assert result.certificate.residual < 0.05
    assert result.history[-1].stage == "least squares"


@pytest.mark.parametrize(("activation", "bias"), [("tanh", True), ("relu", False)])
def test_the_method_is_for_relu_units_with_biases(activation, bias):
    X = points(3, n=500)
    with pytest.raises(InputError, match="ReLU units with biases; use the method auto"):
        recover(X, X[:, 0] ** 2, 2, activation, bias=bias, method="awasthi2021efficient")
