"""Networks with biases: the paper's formulas against their definitions, and all that cannot be known of a network."""

from itertools import product
from math import erf, exp, factorial, pi, sqrt

import numpy as np
import pytest

from activations import every
from oracles import gaussian_grid, gaussian_mean, hermite
from twolayer import InputError, TwoLayerNetwork
from twolayer.activation import activation
from twolayer.hermite import hermite_tensor
from twolayer.model.signed_sums import binary_solutions
from twolayer.network import Polynomial
from twolayer.papers.awasthi2021efficient.theory import (
    affine_error,
    coefficient_floor,
    consecutive_coefficients,
    consolidated,
    counterexample,
    equivalent_signs,
    khatri_rao_singular_values,
    least_level,
    least_separation,
    left_behind,
    packed_population_tensors,
    population_tensor,
    quantities,
    separation,
    split_by_bias,
    thresholds,
    unit_coefficients,
    with_signs,
)
from twolayer.papers.theories import THEORIES
from twolayer.risk import population_risk
from twolayer.symtensor import multi_indices, outer_power

AWKWARD_BIASES = [0.0, 1.0, -1.0, sqrt(3), -sqrt(3), 0.7, -2.3, 4.0]


def density(b):
    return exp(-b * b / 2) / sqrt(2 * pi)


def distribution(b):
    return (1 + erf(b / sqrt(2))) / 2


def unit_rows(m, d, seed=0):
    W = np.random.default_rng(seed).standard_normal((m, d))
    return W / np.linalg.norm(W, axis=1, keepdims=True)


def relu_network(m, d, seed=0, spread=1.5):
    rng = np.random.default_rng(seed)
    a = rng.uniform(0.5, 2, m) * rng.choice([-1, 1], m)
    return TwoLayerNetwork(a, unit_rows(m, d, seed), rng.uniform(-spread, spread, m))


def points(d, n=200, seed=7):
    return 2 * np.random.default_rng(seed).standard_normal((n, d))


# Lemma 3.5


def test_relu_coefficients_are_those_of_the_lemma():
    rng = np.random.default_rng(0)
    norms, a = rng.uniform(0.5, 2, 8), rng.standard_normal(8)
    network = TwoLayerNetwork(a, norms[:, None] * unit_rows(8, 3), norms * AWKWARD_BIASES)
    found = unit_coefficients(network, 9)
    for i, b in enumerate(AWKWARD_BIASES):
        scale = a[i] * norms[i]
        assert found[0, i] == pytest.approx(scale * (b * distribution(b) + density(b)), rel=1e-12)
        assert found[1, i] == pytest.approx(scale * distribution(b), rel=1e-12)
        for k in range(2, 10):
            expected = scale * (-1) ** k * hermite(k - 2, b) * density(b)
            assert found[k, i] == pytest.approx(expected, rel=1e-11, abs=1e-13 * sqrt(factorial(k)))


@every
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1.0, -1.3), (0.6, 1.0)])
def test_coefficients_of_biased_units_are_the_means_they_stand_for(sigma, scale, shift):
    network = TwoLayerNetwork([1.0], [[scale, 0.0]], [shift], sigma)
    size = np.sqrt(gaussian_mean(lambda g: sigma(scale * g + shift) ** 2, [-shift / scale]))
    means = gaussian_mean(
        lambda g: np.array([sigma(scale * g + shift) * hermite(k, g) for k in range(9)]), [-shift / scale]
    )
    allowed = 1e-11 * size * np.sqrt([factorial(k) for k in range(9)])
    assert np.all(np.abs(unit_coefficients(network, 8)[:, 0] - means) <= allowed)


def test_tensors_are_means_of_the_output_times_hermite_tensors():
    rng = np.random.default_rng(1)
    Q = rng.standard_normal((2, 2))
    part = Polynomial(0.3, rng.standard_normal(2), Q + Q.T)
    network = TwoLayerNetwork(
        [1.0, -2.0, 0.5], rng.standard_normal((3, 2)), [0.4, -1.0, 0.0], "polynomial(1,2,-3,0,0.25)", part
    )
    X, weights = gaussian_grid(2, 8)
    for order in range(7):
        expected = np.tensordot(weights * network(X), hermite_tensor(X, order), 1)
        np.testing.assert_allclose(population_tensor(network, order), expected, atol=1e-9)


def test_relu_tensors_are_sums_of_outer_powers_dense_and_packed():
    network = relu_network(4, 3)
    packed = packed_population_tensors(network, 5)
    assert len(packed) == 6
    for k in range(2, 6):
        terms = [
            a * (-1) ** k * hermite(k - 2, b) * density(b) * outer_power(w, k)
            for a, w, b in zip(network.a, network.W, network.b, strict=True)
        ]
        np.testing.assert_allclose(population_tensor(network, k), sum(terms), atol=1e-13)
        np.testing.assert_allclose(packed[k], sum(terms)[tuple(multi_indices(3, k).T)], atol=1e-13)


def test_a_unit_without_inputs_counts_as_its_constant():
    network = TwoLayerNetwork([2.0, 1.0], [[0.0, 0.0], [1.0, 0.0]], [3.0, 0.0])
    assert population_tensor(network, 0) == pytest.approx(6 + density(0))
    np.testing.assert_allclose(population_tensor(network, 2), [[density(0), 0], [0, 0]], atol=1e-15)


def test_an_order_that_is_none_is_refused():
    with pytest.raises(InputError, match="order"):
        population_tensor(relu_network(2, 2), -1)


# Lemma 4.3


@pytest.mark.parametrize("k", range(13))
def test_consecutive_hermite_polynomials_do_not_vanish_together(k):
    x = np.linspace(-12, 12, 200_001)
    expected = np.maximum(np.abs(hermite(k, x)), np.abs(hermite(k + 1, x)))
    found = separation(x, k)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert least_separation(k) == pytest.approx(found.min(), rel=2e-3)
    assert least_separation(k) <= found.min()


def test_the_bound_of_the_lemma_is_right_for_the_first_eight_orders_only():
    assert all(least_separation(k) >= sqrt(factorial(k)) / 2 for k in range(8))
    assert all(least_separation(k) < sqrt(factorial(k)) / 2 for k in range(8, 20))
    x = 0.1076481
    assert max(abs(hermite(8, x)), abs(hermite(9, x))) < 0.49882 * sqrt(factorial(8))
    assert least_separation(40) == pytest.approx((2 / (40 * pi)) ** 0.25 * sqrt(factorial(40)), rel=0.02)


@pytest.mark.parametrize("level", [1, 2, 3])
def test_every_unit_shows_in_one_of_two_orders(level):
    network = TwoLayerNetwork([1.0, -2.0, 0.5] * 3, 3 * unit_rows(9, 4), 3 * np.array([*AWKWARD_BIASES, 1.3556]))
    alphas = np.abs(unit_coefficients(network, 2 * level + 2))
    assert (alphas[-2:].min(axis=0) < 1e-2 * coefficient_floor(network, level)).any()
    assert np.all(consecutive_coefficients(network, level) >= coefficient_floor(network, level))
    np.testing.assert_array_equal(consecutive_coefficients(network, level), np.maximum(alphas[-1], alphas[-2]))
    by_hand = 3 * np.abs(network.a) * [density(b / 3) for b in network.b] * least_separation(2 * level - 1)
    np.testing.assert_allclose(coefficient_floor(network, level), by_hand, rtol=1e-12)


# Khatri-Rao powers


@pytest.mark.parametrize(("m", "d", "order"), [(3, 4, 1), (7, 4, 2), (9, 3, 3), (12, 4, 2)])
def test_singular_values_are_those_of_the_khatri_rao_power(m, d, order):
    W = unit_rows(m, d)
    dense = np.array([outer_power(w, order).ravel() for w in W])
    expected = np.linalg.svd(dense, compute_uv=False)
    found = khatri_rao_singular_values(5 * W, order)
    assert found.shape == (m,)
    np.testing.assert_allclose(found[: len(expected)], expected, atol=1e-13)
    assert np.all(found[len(expected) :] == 0)


@pytest.mark.parametrize(("m", "d", "level"), [(1, 3, 1), (4, 4, 1), (5, 4, 2), (10, 4, 2), (11, 4, 3)])
def test_generic_units_need_the_level_at_which_there_is_room(m, d, level):
    assert least_level(unit_rows(m, d)) == level


def test_units_in_a_plane_need_a_level_of_one_less_than_their_number():
    W = unit_rows(5, 2) @ unit_rows(2, 30, seed=1)
    assert least_level(W) == 4


def test_parallel_units_have_no_level():
    W = unit_rows(3, 4)
    with pytest.raises(InputError, match="parallel"):
        least_level(np.vstack([W, -2 * W[:1]]))
    with pytest.raises(InputError, match="no row of W may be zero, found one at index 1"):
        least_level([[1.0, 0.0], [0.0, 0.0]])


def test_the_thresholds_hold_what_they_promise():
    network = TwoLayerNetwork([0.5, -3.0], unit_rows(2, 3), [1.0, -4.0])
    found = thresholds(network, 1e-3, 2)
    assert found.bound == 4.0
    assert 2 * 4.0 * affine_error(found.tau) == pytest.approx(1e-3, rel=1e-9)
    assert found.eta == pytest.approx(0.5 * density(found.tau) * least_separation(3) / 2, rel=1e-12)
    assert thresholds(network, 1e-6).tau > found.tau
    assert thresholds(network, 100.0).tau == 0
    with pytest.raises(InputError, match="epsilon"):
        thresholds(network, 0.0)


# units of large bias


@pytest.mark.parametrize("b", [0.0, 0.5, -1.0, 2.0, 3.0, -4.0, 5.0, 8.0])
def test_the_error_of_a_line_is_its_mean(b):
    square = gaussian_mean(lambda g: (np.maximum(g + b, 0) - (b > 0) * (g + b)) ** 2, [-b])
    assert affine_error(b) == pytest.approx(sqrt(square), rel=1e-7)


def test_units_of_large_bias_are_linear_or_dead():
    network = TwoLayerNetwork([1.0, -2.0, 3.0, 1.5], 2 * unit_rows(4, 3), [1.0, 6.0, -7.0, -1.0])
    split = split_by_bias(network, 2.5)
    assert split.kinds == ("bent", "linear", "dead", "bent")
    assert split.network.width == 2
    np.testing.assert_array_equal(split.network.b, [1.0, -1.0])
    for i in range(4):
        alone = TwoLayerNetwork(network.a[[i]], network.W[[i]], network.b[[i]])
        line = TwoLayerNetwork([], np.zeros((0, 3)), polynomial=Polynomial(0.0, np.zeros(3)))
        if network.b[i] > 0:
            line = TwoLayerNetwork(
                [], np.zeros((0, 3)), polynomial=Polynomial(alone.a[0] * alone.b[0], alone.a[0] * alone.W[0])
            )
        assert split.errors[i] == pytest.approx(sqrt(population_risk(alone, line).value), rel=1e-6)
    assert split.error_bound == pytest.approx(split.errors[1] + split.errors[2], rel=1e-12)
    together = sqrt(population_risk(network, split.network).value)
    assert 0.3 * split.error_bound < together <= split.error_bound * (1 + 1e-9)


def test_a_leaky_unit_is_never_dead():
    network = TwoLayerNetwork([1.0, 1.0], unit_rows(2, 3), [-5.0, 5.0], "leaky_relu(0.1)")
    split = split_by_bias(network, 3.0)
    assert split.kinds == ("linear", "linear")
    np.testing.assert_allclose(split.errors, 0.9 * affine_error(5.0), rtol=1e-12)
    assert sqrt(population_risk(network, split.network).value) <= split.error_bound


def test_nothing_is_replaced_where_no_bias_is_large():
    network = relu_network(3, 3)
    assert split_by_bias(network, 2.0).network == network
    with pytest.raises(InputError, match="found tanh"):
        split_by_bias(TwoLayerNetwork([1.0], [[1.0]], activation="tanh"), 1.0)
    with pytest.raises(InputError, match="constant"):
        split_by_bias(TwoLayerNetwork([1.0], [[0.0]], [1.0]), 1.0)


@pytest.mark.parametrize("sigma", ["relu", "leaky_relu(0.1)", "softplus", "gelu"])
def test_an_affine_part_is_two_more_units(sigma):
    affine = Polynomial(0.7, [1.0, -2.0, 0.5])
    network = TwoLayerNetwork([1.0, -2.0], unit_rows(2, 3), [0.3, -1.0], sigma, affine)
    found = consolidated(network)
    assert (found.width, found.polynomial) == (4, None)
    np.testing.assert_allclose(found(points(3)), network(points(3)), atol=1e-12)


def test_units_on_one_hyperplane_become_one():
    w = unit_rows(1, 3)[0]
    W = np.array([w, -2 * w, w, [1.0, 0.0, 0.0], 3 * w])
    network = TwoLayerNetwork([1.0, 0.5, 2.0, -1.0, 0.2], W, [0.5, -1.0, 0.4, 0.0, 1.5])
    found = consolidated(network)
    assert found.width == 3 + 2
    np.testing.assert_allclose(found(points(3)), network(points(3)), atol=1e-12)


def test_only_affine_parts_of_relu_like_units_are_consolidated():
    with pytest.raises(InputError, match="tanh"):
        consolidated(TwoLayerNetwork([1.0], [[1.0]], activation="tanh"))
    with pytest.raises(InputError, match="quadratic"):
        consolidated(TwoLayerNetwork([1.0], [[1.0]], polynomial=Polynomial(0.0, None, [[1.0]])))
    assert consolidated(relu_network(3, 3)).width == 3


# Theorem 3.4 and Claim 4.8


def same_function_by_trial(network):
    """Sign patterns that give the same values, among all."""
    X = points(network.dim)
    values = network(X)
    patterns = np.array(list(product([1, -1], repeat=network.width)))
    same = [np.allclose(with_signs(network, signs)(X), values, atol=1e-9) for signs in patterns]
    return {tuple(signs) for signs in patterns[same]}


def related(sigma, seed=0):
    """Six units on three inputs, the first three and the last three each with a relation."""
    rng = np.random.default_rng(seed)
    a, rows = rng.uniform(0.5, 2, 6), rng.standard_normal((6, 4))
    a[2] = -(a[0] + a[1]) if activation(sigma).reflection.sign < 0 else a[2]
    rows[2] = -(a[0] * rows[0] + a[1] * rows[1]) / a[2]
    rows[5] = -(a[3] * rows[3] + a[4] * rows[4]) / a[5]
    return TwoLayerNetwork(a, rows[:, :3], rows[:, 3], sigma)


@pytest.mark.parametrize(
    ("sigma", "count"),
    [("relu", 4), ("leaky_relu(0.1)", 4), ("softplus", 4), ("sigmoid", 2), ("tanh", 64), ("abs", 64)],
)
def test_the_patterns_are_all_that_give_the_same_function(sigma, count):
    network = related(sigma)
    found = equivalent_signs(network)
    assert len(found) == count
    assert found[0].tolist() == [1] * 6
    assert {tuple(signs) for signs in found} == same_function_by_trial(network)


def test_quadratic_remainders_must_vanish_too():
    rows = np.array([[1.0, 0.5, 0.2], [0.3, -1.0, 0.4], [-0.6, 0.1, 0.9]])
    network = TwoLayerNetwork(
        [1.0, -1.0, 2.0, 0.7],
        np.vstack([rows[:2, :2], rows[:1, :2], rows[2:, :2]]),
        [0.2, 0.4, 0.2, 0.9],
        "squared_relu",
    )
    assert {tuple(signs) for signs in equivalent_signs(network)} == same_function_by_trial(network)
    twins = TwoLayerNetwork([1.0, -1.0], [[1.0, 2.0], [1.0, 2.0]], [0.5, 0.5], "squared_relu")
    assert len(equivalent_signs(twins)) == len(same_function_by_trial(twins)) == 2


def test_independent_units_have_one_orientation():
    assert equivalent_signs(relu_network(4, 4)).tolist() == [[1, 1, 1, 1]]


def test_the_second_equation_needs_the_sign_of_the_bias():
    """Theorem 3.4: Σ a_i ξ_i b_i Φ(ξ_i b_i) must agree; without the ξ_i in front, as printed, it need not."""
    f, g = counterexample(unit_rows(6, 3), np.random.default_rng(2).uniform(-1, 1, 6), rng=0)
    phi, turned = np.array([distribution(b) for b in f.b]), np.array([distribution(b) for b in g.b])
    np.testing.assert_allclose((f.a * turned) @ g.W, (f.a * phi) @ f.W, atol=1e-12)
    assert (f.a * g.b) @ turned == pytest.approx((f.a * f.b) @ phi, abs=1e-12)
    assert abs((f.a * f.b) @ turned - (f.a * f.b) @ phi) > 0.01


@pytest.mark.parametrize("sigma", ["relu", "leaky_relu(-0.5)", "softplus", "gelu"])
@pytest.mark.parametrize("with_biases", [False, True])
def test_dependent_units_can_be_turned_round_unseen(sigma, with_biases):
    b = np.random.default_rng(3).uniform(-1, 1, 7) if with_biases else None
    f, g = counterexample(unit_rows(7, 4), b, sigma, rng=1)
    assert np.abs(f.a).max() == 1
    np.testing.assert_array_equal(g.W, -f.W)
    np.testing.assert_allclose(f(points(4)), g(points(4)), atol=1e-12)
    assert [-1] * 7 in equivalent_signs(f).tolist()


def test_there_is_no_counterexample_of_independent_units():
    with pytest.raises(InputError, match="the 3 units are independent"):
        counterexample(unit_rows(3, 3))
    with pytest.raises(InputError, match="found tanh"):
        counterexample(unit_rows(4, 3), activation="tanh")


def test_signs_are_plus_or_minus_one():
    with pytest.raises(InputError, match="signs must be 2 numbers of 1 or -1"):
        with_signs(relu_network(2, 2), [1, 0])


@pytest.mark.parametrize("seed", range(5))
def test_binary_solutions_are_all_there_are(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-2, 3, (9, 3)).astype(float)
    for target in (np.zeros(3), rows[:4].sum(axis=0), np.array([0.5, 0.0, 0.0])):
        choices = np.array(list(product([0, 1], repeat=9)))
        expected = choices[np.all(choices @ rows == target, axis=1)]
        assert {tuple(one) for one in binary_solutions(rows, target)} == {tuple(one) for one in expected}


def test_more_patterns_than_can_be_tried_are_refused():
    with pytest.raises(InputError, match="have 21 relations"):
        binary_solutions(np.ones((22, 1)), np.zeros(1))


@pytest.mark.parametrize("sigma", ["relu", "leaky_relu(0.1)", "softplus", "sigmoid", "squared_relu", "tanh"])
def test_what_a_unit_leaves_is_its_difference_from_the_turned_one(sigma):
    network, X = TwoLayerNetwork([1.5, -0.7], [[1.0, 2.0], [0.3, -0.6]], [0.4, -1.1], sigma), points(2)
    twice = np.array([1.0, 2.0, 1.0])  # an entry off the diagonal stands for two
    monomials = np.column_stack([np.ones(len(X)), X, X[:, [0, 0, 1]] * X[:, [0, 1, 1]] * twice])
    rows = left_behind(network)
    for i in range(2):
        unit = TwoLayerNetwork(network.a[[i]], network.W[[i]], network.b[[i]], sigma)
        np.testing.assert_allclose(
            monomials[:, : rows.shape[1]] @ rows[i], unit(X) - with_signs(unit, [-1])(X), atol=1e-12
        )


def test_what_a_relu_unit_leaves_is_a_multiple_of_its_line():
    network = relu_network(3, 2)
    np.testing.assert_allclose(
        left_behind(network), network.a[:, None] * np.column_stack([network.b, network.W]), rtol=1e-15
    )


# by name


def test_the_quantities_are_those_of_their_functions():
    network = TwoLayerNetwork([2.0, -1.0, 0.5], [[2.0, 0.0], [0.0, 1.0], [0.6, 0.8]], [8.0, -1.0, 0.3])
    found = quantities(network)
    assert (found["m"], found["d"], found["ell"], found["orders"]) == (3, 2, 2, "5, 6")
    normal = network.canonical()
    assert found["s_min"] == pytest.approx(khatri_rao_singular_values(network.W, 2)[-1], rel=1e-12)
    assert found["smallest_coefficient"] == pytest.approx(consecutive_coefficients(normal, 2).min())
    assert found["smallest_coefficient"] >= found["coefficient_floor"]
    assert (found["B"], found["largest_bias"]) == (4.0, 4.0)
    assert (found["tau"], found["eta"]) == (thresholds(normal, 1e-3, 2).tau, thresholds(normal, 1e-3, 2).eta)
    assert (found["linear_units"], found["dead_units"], found["affine_error"]) == (0, 0, 0.0)
    assert found["sign_patterns"] == 1
    assert quantities(network, epsilon=1.0)["linear_units"] == 1
    assert THEORIES["awasthi2021efficient"](network) == found


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (TwoLayerNetwork([1.0], [[1.0]], activation="tanh"), "speaks of ReLU networks"),
        (TwoLayerNetwork([1.0], [[0.0]]), "none of them zero"),
        (TwoLayerNetwork([], np.zeros((0, 2))), "none of them zero"),
        (TwoLayerNetwork([1.0, 1.0], [[1.0], [2.0]]), "parallel"),
    ],
)
def test_networks_of_which_the_paper_does_not_speak_are_refused(network, message):
    with pytest.raises(InputError, match=message):
        quantities(network)
