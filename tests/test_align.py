"""Units are matched whatever their order, scale and free sign, and the errors are those of the papers."""

from itertools import permutations, product

import numpy as np
import pytest

from networks import SPECS, WITHOUT_LAW, assert_same_function, random_network
from twolayer.align import align, nearest_neighbour_error, recovery_error
from twolayer.errors import InputError
from twolayer.network import Polynomial, TwoLayerNetwork

FREE = [spec for spec in SPECS if random_network(spec, np.random.default_rng(0)).activation.parity]


def rewritten(network, rng, turn):
    """The same function in another order, on another scale, and with the marked units turned round."""
    order, sigma = rng.permutation(network.width), network.activation
    scale = rng.uniform(0.5, 2.0, network.width) if sigma.degree else np.ones(network.width)
    network = network.reflected(turn)
    return order, TwoLayerNetwork(
        (network.a / scale ** (sigma.degree or 0))[order],
        (network.W * scale[:, None])[order],
        (network.b * scale)[order],
        sigma,
        network.polynomial,
    )


# ------------------------------------------------------------------------------------------------------------- matching


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("spec", SPECS)
def test_a_network_in_other_words_is_the_reference_again(spec, seed):
    """Turned round as well, where the activation is odd or even."""
    rng = np.random.default_rng(seed)
    reference = random_network(spec, rng)
    turn = rng.random(6) < 0.5 if spec in FREE else np.zeros(6, dtype=bool)
    order, network = rewritten(reference, rng, turn)
    alignment = align(network, reference)
    np.testing.assert_array_equal(order[alignment.permutation], np.arange(6))
    np.testing.assert_array_equal(alignment.signs, np.where(turn, -1, 1))
    for name in ("a", "W", "b"):
        np.testing.assert_allclose(getattr(alignment.network, name), getattr(reference, name), rtol=1e-14)
    assert alignment.network.polynomial is None
    assert alignment.signs_equal
    assert alignment.max_relative_error == alignment.unit_errors.max() < 1e-14
    assert alignment.polynomial_error == 0
    assert len(alignment.unmatched) == 0
    assert recovery_error(network, reference) < 1e-14


@pytest.mark.parametrize("degree", [0, 1, 2])
@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec not in WITHOUT_LAW])
def test_a_polynomial_part_absorbs_a_reflection_of_its_degree(spec, degree):
    rng = np.random.default_rng(5)
    reference = random_network(spec, rng, degree=degree)
    turn = np.array([True, False, True, False, False, True])
    _, network = rewritten(reference, rng, turn)
    assert_same_function(network, reference)
    alignment = align(network, reference)
    np.testing.assert_array_equal(alignment.signs, np.where(turn, -1, 1))
    np.testing.assert_allclose(alignment.network.W, reference.W, rtol=1e-13)
    assert alignment.polynomial_error < 1e-14
    assert recovery_error(network, reference) < 1e-13


@pytest.mark.parametrize("spec", ["relu", "leaky_relu(0.1)", "squared_relu", "softplus", "gelu"])
def test_without_a_polynomial_part_a_turned_unit_is_another_unit(spec):
    reference = random_network(spec, np.random.default_rng(0))
    sign = np.array([-1.0, 1, 1, 1, 1, 1])
    network = TwoLayerNetwork(reference.a, sign[:, None] * reference.W, sign * reference.b, spec)
    alignment = align(network, reference)
    assert (alignment.signs == 1).all()
    assert recovery_error(network, reference) > 0.5
    constant = TwoLayerNetwork(network.a, network.W, network.b, spec, Polynomial(0.0))
    assert recovery_error(constant, reference) > 0.5, "a constant has no room for what these reflections leave"


@pytest.mark.parametrize("degree", [None, 2])
@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize(("wide", "narrow"), [(6, 6), (6, 4), (4, 6)])
def test_the_aligned_network_is_the_same_function_as_the_network(spec, degree, wide, narrow):
    rng = np.random.default_rng(0)
    network = random_network(spec, rng, m=wide, degree=degree)
    reference = random_network(spec, rng, m=narrow, degree=degree)
    assert_same_function(align(network, reference).network, network)


def slow_match(network, reference):
    """Try every permutation and every free reflection: the fewest clashing signs, then the least sum of errors."""
    ours, theirs = network.balanced(), reference.balanced()
    sigma = network.activation
    best = (np.inf, np.inf)
    for order in permutations(range(network.width)):
        for turn in product([False, True] if sigma.parity else [False], repeat=network.width):
            clashes, errors = 0, []
            for j, (i, turned) in enumerate(zip(order, turn, strict=True)):
                a = ours.a[i] * (sigma.parity if turned else 1)
                sign = -1 if turned else 1
                unit, truth = np.append(ours.W[i], ours.b[i]), np.append(theirs.W[j], theirs.b[j])
                error = np.linalg.norm(truth - sign * unit) / np.linalg.norm(truth)
                if sigma.degree is None:
                    error = max(error, abs(a - theirs.a[j]) / abs(theirs.a[j]))
                clashes += a * theirs.a[j] < 0
                errors.append(error)
            if (clashes, sum(errors)) < best:
                best = (clashes, sum(errors))
                found = np.array(errors)
    return best[0], found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spec", ["relu", "abs", "linear", "tanh", "gelu", "polynomial(1,0,2)"])
def test_the_matching_is_the_best_of_all(spec, seed):
    rng = np.random.default_rng(seed)
    network, reference = random_network(spec, rng, m=4), random_network(spec, rng, m=4)
    clashes, errors = slow_match(network, reference)
    alignment = align(network, reference)
    np.testing.assert_allclose(alignment.unit_errors, errors, rtol=1e-12)
    assert alignment.signs_equal == (clashes == 0)
    assert recovery_error(network, reference) == (pytest.approx(errors.max()) if clashes == 0 else np.inf)


def test_equal_signs_come_before_small_errors():
    """Output weights are exchanged between two units that stay where they are: respecting the signs costs distance."""
    W = [[1.0, 0], [0, 1]]
    alignment = align(TwoLayerNetwork([-1, 1], W), TwoLayerNetwork([1, -1], W))
    np.testing.assert_array_equal(alignment.permutation, [1, 0])
    assert alignment.signs_equal
    np.testing.assert_allclose(alignment.unit_errors, np.sqrt(2), rtol=1e-15)


# --------------------------------------------------------------------------------------------------------------- errors


def changed(network, unit, a=1.0, w=0.0, b=0.0):
    """Multiply the output weight of one unit, and add to its first weight and its bias."""
    arrays = network.a.copy(), network.W.copy(), network.b.copy()
    arrays[0][unit] *= a
    arrays[1][unit, 0] += w
    arrays[2][unit] += b
    return TwoLayerNetwork(*arrays, network.activation, network.polynomial)


@pytest.mark.parametrize("spec", SPECS)
def test_the_error_of_a_unit_is_relative_to_its_weights_and_bias(spec):
    reference = random_network(spec, np.random.default_rng(1))
    size = np.sqrt((reference.W[2] ** 2).sum() + reference.b[2] ** 2)
    for change in ({"w": 1e-3}, {"b": 1e-3}):
        alignment = align(changed(reference, 2, **change), reference)
        np.testing.assert_allclose(alignment.unit_errors, [0, 0, 1e-3 / size, 0, 0, 0], rtol=1e-10, atol=1e-15)
        assert alignment.max_relative_error == alignment.unit_errors[2]


@pytest.mark.parametrize("spec", SPECS)
def test_an_error_of_an_output_weight_counts_as_the_scale_of_the_unit_where_that_is_free(spec):
    reference = random_network(spec, np.random.default_rng(1))
    degree = reference.activation.degree
    expected = 1e-3 if degree is None else 1.001 ** (1 / degree) - 1
    assert recovery_error(changed(reference, 2, a=1.001), reference) == pytest.approx(expected, rel=1e-10)


def test_the_error_without_biases_is_the_one_of_the_paper():
    rng = np.random.default_rng(0)
    W, v = rng.standard_normal((5, 8)), np.array([1.0, -1, 1, 1, -1])
    What = W + 0.01 * rng.standard_normal((5, 8))
    order = np.array([4, 2, 0, 1, 3])
    slow = max(np.linalg.norm(W[j] - What[j]) / np.linalg.norm(W[j]) for j in range(5))
    network = TwoLayerNetwork(v[order], What[order], activation="squared_relu")
    assert recovery_error(network, TwoLayerNetwork(v, W, activation="squared_relu")) == pytest.approx(slow, rel=1e-12)


@pytest.mark.parametrize("spec", SPECS)
def test_another_multiset_of_output_signs_is_no_recovery(spec):
    reference = random_network(spec, np.random.default_rng(2))
    network = changed(reference, 0, a=-1.0)
    is_odd = reference.activation.parity == -1
    assert align(network, reference).signs_equal == is_odd
    assert (0.5 if is_odd else 1e308) < recovery_error(network, reference)


def test_a_wider_network_has_units_matched_to_none():
    rng = np.random.default_rng(0)
    reference = random_network("relu", rng)
    extra = TwoLayerNetwork([1.0, *reference.a], np.vstack([[9.0] * 4, reference.W]), [0.0, *reference.b])
    alignment = align(extra, reference)
    np.testing.assert_array_equal(alignment.permutation, [1, 2, 3, 4, 5, 6])
    np.testing.assert_array_equal(alignment.unmatched, [0])
    assert alignment.max_relative_error < 1e-15
    np.testing.assert_allclose(alignment.network.W[:6], reference.W, rtol=1e-15)
    np.testing.assert_allclose(alignment.network.W[6], 9.0)
    assert recovery_error(extra, reference) == np.inf


def test_a_narrower_network_leaves_units_of_the_reference_unmatched():
    reference = random_network("relu", np.random.default_rng(0))
    narrow = TwoLayerNetwork(reference.a[[3, 1]], reference.W[[3, 1]], reference.b[[3, 1]])
    alignment = align(narrow, reference)
    np.testing.assert_array_equal(alignment.permutation, [-1, 1, -1, 0, -1, -1])
    assert (alignment.unit_errors[[1, 3]] < 1e-15).all()
    assert (alignment.unit_errors[[0, 2, 4, 5]] == np.inf).all()
    assert alignment.max_relative_error == np.inf
    assert recovery_error(narrow, reference) == np.inf


def test_units_that_are_off_are_met_only_by_units_that_are_off():
    off = TwoLayerNetwork([0.0, 1.0], [[1.0, 2.0], [3.0, 4.0]])
    on = TwoLayerNetwork([1.0, 1.0], [[1.0, 2.0], [3.0, 4.0]])
    assert recovery_error(off, off) == 0
    assert recovery_error(on, off) == np.inf
    assert recovery_error(off, on) == 1.0


def test_networks_without_units_are_equal():
    empty = TwoLayerNetwork([], np.empty((0, 2)))
    assert recovery_error(empty, empty) == 0
    assert recovery_error(TwoLayerNetwork([], np.empty((0, 2)), polynomial=Polynomial(1)), empty) == np.inf


@pytest.mark.parametrize("spec", ["tanh", "quadratic", "polynomial(0,1,0,0.5)"])
def test_the_polynomial_error_is_a_ratio_of_root_mean_squares(spec):
    """In two dimensions, on a grid that integrates the polynomials exactly and the smooth units nearly."""
    rng = np.random.default_rng(0)
    reference = random_network(spec, rng, d=2, m=3, degree=1)
    network = TwoLayerNetwork(
        reference.a, reference.W, reference.b, spec, reference.polynomial + Polynomial(0.2, [0.1, -0.3])
    )
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    grid = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
    weight = np.outer(weights, weights).ravel() / weights.sum() ** 2
    units = [
        weight @ (a * reference.activation(grid @ w + b)) ** 2
        for a, w, b in zip(reference.a, reference.W, reference.b, strict=True)
    ]
    difference = weight @ (network.polynomial(grid) - reference.polynomial(grid)) ** 2
    expected = np.sqrt(difference / (sum(units) + weight @ reference.polynomial(grid) ** 2))
    assert align(network, reference).polynomial_error == pytest.approx(expected, rel=1e-3)
    assert recovery_error(network, reference) == align(network, reference).polynomial_error


@pytest.mark.parametrize("spec", ["relu", "tanh"])
@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_an_error_is_relative_where_squares_overflow_or_underflow_too(spec, scale):
    rng = np.random.default_rng(0)
    a, W, off = rng.choice([-1.0, 1.0], 3), rng.standard_normal((3, 4)), 1 + 1e-3 * rng.standard_normal((3, 4))
    plain, found = (
        recovery_error(TwoLayerNetwork(a, s * W * off, activation=spec), TwoLayerNetwork(a, s * W, activation=spec))
        for s in (1.0, scale)
    )
    assert found == pytest.approx(plain, rel=1e-9)
    if spec == "tanh":
        doubled = TwoLayerNetwork(scale * 2 * a, W, activation=spec)
        assert recovery_error(doubled, TwoLayerNetwork(scale * a, W, activation=spec)) == pytest.approx(1.0)


def test_networks_of_other_inputs_or_activations_are_not_compared():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="one activation, found relu and tanh"):
        align(random_network("relu", rng), random_network("tanh", rng))
    with pytest.raises(InputError, match="same inputs, found 3 and 4"):
        recovery_error(random_network("relu", rng, d=3), random_network("relu", rng))


# --------------------------------------------------------------------------------------------------- nearest neighbours


@pytest.mark.parametrize(("R", "r"), [(5, 5), (3, 6), (6, 2)])
def test_the_nearest_neighbour_error_is_its_formula(R, r):
    rng = np.random.default_rng(0)
    What, W = rng.standard_normal((R, 3)), rng.standard_normal((r, 3))
    to_truth = sum(min(sum((What[i] - W[j]) ** 2) for j in range(r)) for i in range(R)) / R
    to_estimate = sum(min(sum((What[j] - W[i]) ** 2) for j in range(R)) for i in range(r)) / r
    assert nearest_neighbour_error(What, W) == pytest.approx((to_truth + to_estimate) / 2, rel=1e-13)
    assert nearest_neighbour_error(W, What) == pytest.approx(nearest_neighbour_error(What, W), rel=1e-14)


def test_the_nearest_neighbour_error_forgives_order_and_repetition_only():
    W = np.random.default_rng(0).standard_normal((4, 3))
    assert nearest_neighbour_error(W[[2, 0, 3, 1, 1]], W) == 0
    assert nearest_neighbour_error(W[:3], W) > 0
    assert nearest_neighbour_error(W, W[:3]) > 0
    assert nearest_neighbour_error(-W, W) > 0


@pytest.mark.parametrize("What", [np.ones(3), np.ones((2, 4)), np.empty((0, 3)), np.full((2, 3), None)])
def test_weights_of_another_shape_have_no_nearest_neighbours(What):
    with pytest.raises(InputError, match="What"):
        nearest_neighbour_error(What, np.ones((2, 3)))


# ------------------------------------------------------------------------------------------------------ several outputs


@pytest.mark.parametrize("spec", ["relu", "tanh", "sine", "squared_relu", "softplus"])
def test_several_outputs_are_matched_with_units_permuted_turned_and_rescaled(spec):
    rng = np.random.default_rng(0)
    reference = TwoLayerNetwork(rng.standard_normal((5, 3)), rng.standard_normal((5, 4)), rng.standard_normal(5), spec)
    turned = reference.reflected([1, 3]).balanced() if reference.activation.parity else reference.balanced()
    order = rng.permutation(5)
    other = TwoLayerNetwork(turned.a[order], turned.W[order], turned.b[order], spec)
    alignment = align(other, reference)
    np.testing.assert_array_equal(order[alignment.permutation], np.arange(5))
    assert alignment.max_relative_error < 1e-12
    np.testing.assert_allclose(alignment.network.a, reference.a, rtol=1e-12)
    assert recovery_error(other, reference) < 1e-12


@pytest.mark.parametrize("spec", ["relu", "tanh"])
def test_an_output_weight_that_is_off_counts_in_several_outputs(spec):
    rng = np.random.default_rng(0)
    a, W = rng.standard_normal((2, 3)), rng.standard_normal((2, 4))
    moved = a.copy()
    moved[1, 2] += 0.1 * np.linalg.norm(a[1])
    error = recovery_error(TwoLayerNetwork(moved, W, activation=spec), TwoLayerNetwork(a, W, activation=spec))
    assert 0.05 < error < 0.2


def test_networks_of_other_numbers_of_outputs_cannot_be_compared():
    W = np.eye(2)
    with pytest.raises(InputError, match="must have the same outputs, found 2 and 3"):
        align(TwoLayerNetwork(np.ones((2, 2)), W), TwoLayerNetwork(np.ones((2, 3)), W))
