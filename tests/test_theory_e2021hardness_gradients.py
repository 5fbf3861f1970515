"""Theorems 5 and 6 of the lecture: what gradients know of the target, and how far they carry."""

import itertools
import math

import numpy as np
import pytest

from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.e2021hardness.theory import (
    Model,
    class_gradient_variance,
    cube,
    gradient_descent_distance,
    network_gradients,
    network_model,
    network_parameters,
    parity_gradient_variance,
    parity_network,
    parity_values,
    periodic_gram,
    query_dimension,
    sampled_parity_gradient_variance,
    unit_gram,
)
from twolayer.teachers import random_units

# --- per-sample gradients ---


@pytest.mark.parametrize("activation", ["relu", "tanh", "sine", "squared_relu"])
def test_the_gradients_of_a_network_are_its_differences(activation):
    network = random_units(3, 4, bias=1.0, activation=activation, rng=0)
    X = np.random.default_rng(1).standard_normal((6, 3))
    theta, model, h = network_parameters(network), network_model(network), 1e-6
    assert np.array_equal(theta, [*network.a, *network.W[0], *network.W[1], *network.W[2], *network.W[3], *network.b])
    assert np.array_equal(model.value(theta, X), network(X))
    J = network_gradients(network)(X)
    assert np.array_equal(model.gradients(theta, X), J)
    for j, step in enumerate(h * np.eye(len(theta))):
        slope = (model.value(theta + step, X) - model.value(theta - step, X)) / (2 * h)
        np.testing.assert_allclose(J[:, j], slope, atol=2e-8)


# --- Theorem 5 ---


def square_loss_variance(network, X, F):
    """The variance of the gradient of E(h - f)² over the columns of F, target by target, from the definition."""
    h, J = network(X), network_gradients(network)(X)
    gradients = np.array([sum(2 * (h[s] - f[s]) * J[s] for s in range(len(X))) / len(X) for f in F.T])
    return sum(np.sum((g - gradients.mean(axis=0)) ** 2) for g in gradients) / len(gradients)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_variance_over_the_parities_is_that_of_the_square_loss(activation):
    d = 5
    network = random_units(d, 3, bias=0.5, activation=activation, rng=2)
    X = cube(d)
    expected = square_loss_variance(network, X, parity_values(X, X))
    found = parity_gradient_variance(network_gradients(network), d)
    assert found.variance == pytest.approx(expected, rel=1e-12)
    assert found.variance <= found.bound
    energy = sum(np.sum(row**2) for row in network_gradients(network)(X)) / len(X)
    assert found.energy == pytest.approx(energy, rel=1e-13)
    assert found.bound == pytest.approx(4 * energy / 2**d, rel=1e-13)
    assert found.standard_error == 0.0


@pytest.mark.parametrize(
    ("d", "activation", "bias"), [(3, "tanh", 1.0), (8, "relu", 0.0), (10, "sine", 2.0), (12, "sigmoid", 1.0)]
)
def test_parseval_makes_it_an_equality_up_to_the_squared_mean(d, activation, bias):
    """The parities average to the indicator of 0, so the mean of ⟨f, ∇h⟩ is ∇h(0)/2^d."""
    network = random_units(d, 6, bias=bias, activation=activation, rng=d)
    found = parity_gradient_variance(network_gradients(network), d)
    at_zero = network_gradients(network)(np.zeros((1, d)))[0]
    assert found.squared_mean == pytest.approx(4 * np.sum(at_zero**2) / 4**d, rel=1e-10, abs=1e-25)
    assert found.variance + found.squared_mean == pytest.approx(found.bound, rel=1e-10)
    assert found.variance == pytest.approx(4 / 2**d * (found.energy - np.sum(at_zero**2) / 2**d), rel=1e-10)
    assert found.variance <= found.bound * (1 + 1e-12)


def test_the_lecture_s_bound_without_the_factor_of_the_square_loss_is_exceeded():
    found = parity_gradient_variance(network_gradients(random_units(8, 3, rng=0)), 8)
    assert found.variance > 3.9 * found.energy / 2**8


def test_the_exact_variance_reaches_sixteen_inputs_and_no_more():
    def gradients(X):
        return np.tanh(X @ np.linspace(-1, 1, X.shape[1]))[:, None]

    found = parity_gradient_variance(gradients, 16)
    assert found.variance + found.squared_mean == pytest.approx(found.bound, rel=1e-10)
    with pytest.raises(InputError, match="d up to 16, found d = 17: use the sampled one"):
        parity_gradient_variance(gradients, 17)


def test_the_variance_is_a_sum_over_parameters():
    network = random_units(6, 2, bias=1.0, rng=0)
    gradients = network_gradients(network)
    whole = parity_gradient_variance(gradients, 6)
    parts = [parity_gradient_variance(lambda X, j=j: gradients(X)[:, [j]], 6) for j in range(16)]
    assert sum(part.variance for part in parts) == pytest.approx(whole.variance, rel=1e-12)


def test_the_sampled_variance_has_the_exact_one_as_its_mean():
    network = random_units(4, 2, bias=0.5, activation="tanh", rng=0)
    exact = parity_gradient_variance(network_gradients(network), 4)
    found = sampled_parity_gradient_variance(network_gradients(network), 4, samples=256, pairs=1500, rng=0)
    assert found.standard_error < 0.07 * exact.variance
    assert abs(found.variance - exact.variance) < 4 * found.standard_error
    assert found.energy == pytest.approx(exact.energy, rel=0.01)
    assert found.bound == pytest.approx(4 * found.energy / 16)


def test_the_sampled_variance_has_no_bias_where_the_variance_is_tiny():
    """At d = 40 it is 4·10⁻¹² of the energy: one sample in place of two would show energy/samples instead."""
    network = random_units(40, 2, activation="tanh", rng=0)
    samples = 64
    found = sampled_parity_gradient_variance(network_gradients(network), 40, samples=samples, pairs=400, rng=0)
    assert abs(found.variance) < 4 * found.standard_error
    assert found.standard_error < 0.1 * found.energy / samples
    assert found.bound == pytest.approx(4 * found.energy / 2**40)


def test_the_sampled_variance_is_about_the_mean():
    """Every parity is 1 at 0: a gradient that lives there alone does not know the target."""
    found = sampled_parity_gradient_variance(lambda X: 1.0 - X.max(axis=1, keepdims=True), 2, rng=0)
    assert found.energy == pytest.approx(0.25, rel=0.01)
    assert found.variance == found.standard_error == 0


def test_the_standard_error_is_that_of_independent_repetitions():
    gradients = network_gradients(random_units(3, 1, rng=0))
    runs = [sampled_parity_gradient_variance(gradients, 3, samples=32, pairs=40, rng=seed) for seed in range(60)]
    spread = np.std([run.variance for run in runs], ddof=1)
    claimed = math.sqrt(np.mean([run.standard_error**2 for run in runs]))
    assert 0.7 < spread / claimed < 1.4


def test_the_variance_over_a_class_is_that_of_the_square_loss():
    rng = np.random.default_rng(0)
    network = random_units(3, 4, bias=1.0, rng=1)
    X, F = rng.standard_normal((30, 3)), rng.standard_normal((30, 5))
    found = class_gradient_variance(network_gradients(network), X, F)
    assert found.variance == pytest.approx(square_loss_variance(network, X, F), rel=1e-12)
    assert found.variance + found.squared_mean <= found.bound
    gram = np.array([[sum(F[:, i] * F[:, j]) / 30 for j in range(5)] for i in range(5)])
    assert found.bound == pytest.approx(4 * np.linalg.eigvalsh(gram)[-1] * found.energy / 5, rel=1e-12)


def test_the_bound_over_a_class_is_attained_by_its_worst_direction():
    rng = np.random.default_rng(0)
    F = rng.standard_normal((50, 6))
    top = np.linalg.svd(F)[2][0]
    found = class_gradient_variance(lambda _X: (F @ top)[:, None], np.zeros((50, 1)), F)
    assert found.variance + found.squared_mean == pytest.approx(found.bound, rel=1e-12)


def test_both_variances_agree_on_the_parities():
    gradients = network_gradients(random_units(6, 3, bias=1.0, rng=0))
    first = parity_gradient_variance(gradients, 6)
    second = class_gradient_variance(gradients, cube(6), parity_values(cube(6), cube(6)))
    for name in ("variance", "energy", "bound", "squared_mean"):
        assert getattr(first, name) == pytest.approx(getattr(second, name), rel=1e-11)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sine"])
def test_a_nearly_orthonormal_class_of_cosines_obeys_the_extension(activation):
    """Unit functions, pairwise within 1/n²: the sum of squared correlations is at most (1 + 1/n) ≤ 2 of ‖g‖²."""
    rng = np.random.default_rng(0)
    d = 3
    W = rng.standard_normal((60, d))
    W *= math.sqrt(d) / np.linalg.norm(W, axis=1)[:, None]
    X = rng.standard_normal((4000, d))
    F = np.cos(2 * np.pi * X @ W.T)
    F /= np.sqrt(np.mean(F**2, axis=0))
    members = list(query_dimension(F.T @ F / len(X)).members)
    n = len(members)
    assert n >= 4
    network = random_units(d, 5, bias=1.0, activation=activation, rng=1)
    found = class_gradient_variance(network_gradients(network), X, F[:, members])
    assert found.variance <= found.bound <= 4 * (1 + 1 / n) * found.energy / n <= 8 * found.energy / n
    assert np.abs(unit_gram(periodic_gram(W[members])) - np.eye(n)).max() < 0.2


def test_any_model_with_gradients_will_do():
    """A linear model in all products of two inputs, whose gradients are its features."""
    d = 6

    def gradients(X):
        return np.stack([X[:, i] * X[:, j] for i, j in itertools.combinations(range(d), 2)], axis=1)

    found = parity_gradient_variance(gradients, d)
    assert found.energy == pytest.approx(15 / 4)
    assert found.variance == pytest.approx(4 * 15 / 4 / 2**d)


@pytest.mark.parametrize(
    ("gradients", "message"),
    [
        (lambda X: np.ones(len(X)), "must have two dimensions"),
        (lambda X: np.ones((len(X) - 1, 2)), "one row for each of 8 inputs, found 7"),
        (lambda X: np.full((len(X), 2), np.nan), "must be finite"),
    ],
)
def test_what_are_no_gradients_is_refused(gradients, message):
    with pytest.raises(InputError, match=message):
        parity_gradient_variance(gradients, 3)


def test_a_class_must_fit_its_points():
    gradients = network_gradients(random_units(2, 1, rng=0))
    with pytest.raises(InputError, match="the same rows"):
        class_gradient_variance(gradients, np.ones((3, 2)), np.ones((4, 2)))
    with pytest.raises(InputError, match="pairs must be an integer of at least 2"):
        sampled_parity_gradient_variance(gradients, 2, pairs=1)


# --- Theorem 6 ---


def squares_of_parities(d):
    """The model h = ½ Σ_v θ_v² f_v over all parities, its starting point θ_v = 2^{-d/2}, the cube, the parities."""
    X = cube(d)
    F = parity_values(X, X)
    model = Model(lambda theta, _X: F @ theta**2 / 2, lambda theta, _X: F * theta)
    return model, np.full(2**d, 2 ** (-d / 2)), X, F


def test_training_moves_as_the_recursion_says():
    d = 3
    network = TwoLayerNetwork([0.3, -0.2], [[1.0, 0.5, -1.0], [0.2, -0.4, 0.7]], [0.1, 0.2], "tanh")
    X = cube(d)
    F = parity_values(X, X)
    found = gradient_descent_distance(network_model(network), network_parameters(network), X, F, 0.1, 4)
    squares = np.zeros(5)
    for f in F.T:
        a, W, b = network.a.copy(), network.W.copy(), network.b.copy()
        for step in range(1, 5):
            t = np.tanh(X @ W.T + b)
            slopes = (1 - t**2) * a * f[:, None]
            a, W, b = a + 0.1 * (f @ t) / 8, W + 0.1 * slopes.T @ X / 8, b + 0.1 * slopes.mean(axis=0)
            moved = np.sum((a - network.a) ** 2) + np.sum((W - network.W) ** 2) + np.sum((b - network.b) ** 2)
            squares[step] += moved / 8
    np.testing.assert_allclose(found.distance, np.sqrt(squares), rtol=1e-12)
    np.testing.assert_allclose(found.time, [0, 0.1, 0.2, 0.3, 0.4], rtol=1e-15)
    J = network_gradients(network)(X)
    assert found.energy == pytest.approx(np.sum(J**2) / 8, rel=1e-13)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "sine", "relu"])
def test_training_on_parities_stays_within_the_bound(activation):
    d = 5
    network = random_units(d, 3, bias=1.0, activation=activation, rng=0)
    network = TwoLayerNetwork(network.a / 12, network.W, network.b, activation)
    X = cube(d)
    found = gradient_descent_distance(
        network_model(network), network_parameters(network), X, parity_values(X, X), 0.05, 10
    )
    assert found.distance[0] == found.bound[0] == found.lecture_bound[0] == 0
    assert (np.diff(found.distance) > 0).all()
    assert (found.distance <= found.bound * (1 + 1e-12)).all()  # the first step attains it
    assert (found.bound[1:] <= closed_bound(found, 2**d)[1:] * (1 + 1e-12)).all()


def closed_bound(movement, size):
    """What the bound becomes for the gradient flow."""
    root = math.sqrt(movement.lipschitz)
    return math.sqrt(movement.energy / size) / root * np.expm1(root * movement.time)


def test_the_bound_is_attained_and_the_lecture_s_is_exceeded():
    model, theta, X, F = squares_of_parities(8)
    found = gradient_descent_distance(model, theta, X, F, 0.14, 21)
    steps = np.arange(22)
    np.testing.assert_allclose(found.distance, (1.14**steps - 1) / 16, rtol=1e-10)
    np.testing.assert_allclose(found.distance, found.bound, rtol=1e-10)
    assert found.lipschitz == pytest.approx(1, rel=1e-10)
    assert found.energy == pytest.approx(1, rel=1e-12)
    np.testing.assert_allclose(found.lecture_bound, math.sqrt(0.5) * np.expm1(4 / 16 * found.time), atol=1e-12)
    assert found.distance[-1] > 1.1 * found.lecture_bound[-1]


def test_a_linear_model_moves_along_a_line():
    """L = 0: each parity pulls with its own correlation all the time, and both bounds are linear in time."""
    X = cube(4)
    F = parity_values(X, X)
    features = F[:, :3]
    model = Model(lambda theta, _X: features @ theta, lambda _theta, _X: features)
    found = gradient_descent_distance(model, np.zeros(3), X, F, 0.1, 5)
    np.testing.assert_allclose(found.distance, math.sqrt(3 / 16) * found.time, rtol=1e-12)
    np.testing.assert_allclose(found.bound, found.distance, rtol=1e-12)
    np.testing.assert_allclose(found.lecture_bound, math.sqrt(3 / 2) * 4 / 4 * found.time, rtol=1e-12)
    assert found.lipschitz == 0


def test_the_lipschitz_constant_is_the_largest_on_the_way():
    """For h = log(1 + θ) f it is 1/(1 + θ)² between 0 and θ, largest at the first point reached."""
    f = np.array([1.0, -1.0])
    model = Model(lambda theta, _X: np.log1p(theta[0]) * f, lambda theta, _X: f[:, None] / (1 + theta[0]))
    found = gradient_descent_distance(model, np.zeros(1), np.zeros((2, 1)), f[:, None], 0.2, 5)
    assert found.lipschitz == pytest.approx(1 / 1.2**2, rel=1e-12)


def test_training_on_a_sample_and_a_part_of_a_class_has_its_own_bound():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (40, 9)).astype(float)
    F = parity_values(X, rng.integers(0, 2, (12, 9)))
    network = TwoLayerNetwork([0.2, -0.3], rng.standard_normal((2, 9)), activation="tanh")
    found = gradient_descent_distance(network_model(network), network_parameters(network), X, F, 0.1, 10)
    assert (found.distance <= found.bound).all()
    first = math.sqrt(np.linalg.eigvalsh(F.T @ F / 40)[-1] * found.energy / 12) * 0.1
    assert found.bound[1] == pytest.approx(first, rel=1e-12)


@pytest.mark.parametrize(
    ("theta", "F", "message"),
    [
        (np.array([2.0]), np.ones((2, 1)), r"\|h\| <= 1 wherever training goes, found 2"),
        (np.array([0.9]), np.ones((2, 1)), r"\|h\| <= 1 wherever training goes, found 1.4"),
        (np.array([0.1]), np.full((2, 1), 1.5), "at most 1 in magnitude"),
        (np.array([0.1]), np.ones((3, 1)), "the rows of X"),
        (np.array([0.1, 0.2]), np.ones((2, 1)), "2 columns like theta, found 1"),
    ],
)
def test_what_theorem_6_does_not_speak_of_is_refused(theta, F, message):
    model = Model(lambda theta, X: np.full(len(X), theta[0]), lambda _theta, X: np.ones((len(X), 1)))
    with pytest.raises(InputError, match=message):
        gradient_descent_distance(model, theta, np.zeros((2, 1)), F, 0.5, 5)


def test_a_parity_network_is_a_hard_target_for_itself():
    """Even from the answer for another parity, the gradient varies no more than for any model."""
    found = parity_gradient_variance(network_gradients(parity_network([1, 0, 1, 1, 0, 0, 1, 0])), 8)
    assert found.variance + found.squared_mean == pytest.approx(found.bound, rel=1e-10)
