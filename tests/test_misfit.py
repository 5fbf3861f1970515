"""The score test for lack of fit: the F test of its definition, uniform on noise, tiny where something is missing."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import f as f_distribution
from scipy.stats import kstest

from oracles import hermite
from twolayer.activation import activation
from twolayer.evidence import score_test as score_test_module
from twolayer.evidence.score_test import score_test
from twolayer.model import UnitsProblem
from twolayer.network import TwoLayerNetwork
from twolayer.refine import Stopping, gauss_newton, levenberg_marquardt
from twolayer.teachers import conditioned, gaussian_samples, random_units


def fitted(X, y, network, *, has_bias=False):
    """The problem of a network's shape and the minimum near it."""
    start = network.balanced()
    signs = start.a if start.activation.degree else None
    problem = UnitsProblem(X, y, start.activation, start.width, signs=signs, has_bias=has_bias)
    theta = np.hstack([start.W, start.b[:, None]]) if has_bias else start.W
    stopping = Stopping(60, patience=4, least_gain=1e-9)
    return problem, levenberg_marquardt(problem, problem.join(theta, start.a), stopping).point


def documented_features(problem, point, rng):
    """He_1 to He_5 of the units' projections, summed by strength and by two draws of signs; six ridges; ‖x‖²; 1."""
    X, d = problem.X, problem.X.shape[1]
    v, theta = problem.units(point)
    t = X @ theta[:, :d].T / np.linalg.norm(theta[:, :d], axis=1)
    values = problem.activation(X @ theta[:, :d].T + (theta[:, d] if problem.has_bias else 0)) * v
    strength = values.std(axis=0) * np.sign(v)
    signs = rng.choice([-1.0, 1.0], (2, problem.width))
    columns = [hermite(j, t) @ (strength * s) for j in range(1, 6) for s in (np.ones(problem.width), *signs)]
    directions = rng.standard_normal((6, d))
    columns += [hermite(2, X @ u / np.linalg.norm(u)) for u in directions]
    return np.column_stack([*columns, np.sum(X**2, axis=1) - d, np.ones(len(X))])


def stationary(spec, rng, *, has_bias, n=500, d=6, m=3):
    """A problem and a point where the residual is noise, but for what the Jacobian explains of it."""
    network = random_units(d, m, 0.5 * has_bias, spec, rng)
    X, noise = rng.standard_normal((n, d)), rng.standard_normal(n)
    signs = np.sign(network.a) if network.activation.degree else None
    shape = UnitsProblem(X, noise, network.activation, m, signs=signs, has_bias=has_bias)
    point = rng.standard_normal(shape.n_parameters)
    J = np.vstack([block for _, _, block in shape.jacobian_blocks(point)])
    noise -= J @ np.linalg.lstsq(J, noise, rcond=None)[0]
    prediction = shape.residual(point) + shape.y
    return shape.on(X, prediction - noise), point, J, noise


def extra_sum_of_squares(J, r, G):
    """The F test of the regressors G beyond those of J, from two regressions of r; what J all but spans is left out."""
    G = G / np.linalg.norm(G, axis=0)
    beyond = G - J @ np.linalg.lstsq(J, G, rcond=None)[0]
    directions, lengths, _ = np.linalg.svd(beyond, full_matrices=False)
    G = directions[:, lengths**2 > 5e-3]
    q, both = G.shape[1], np.hstack([J, G])
    rest = [np.sum((r - A @ np.linalg.lstsq(A, r, rcond=None)[0]) ** 2) for A in (J, both)]
    freedom = len(r) - J.shape[1] - q
    statistic = (rest[0] - rest[1]) / q / (rest[1] / freedom)
    return q, statistic, f_distribution.sf(statistic, q, freedom)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("spec", ["relu", "tanh", "softplus", "sigmoid", "squared_relu"])
def test_the_statistic_is_that_of_the_extra_sum_of_squares(spec, has_bias, seed):
    problem, point, J, r = stationary(spec, np.random.default_rng(seed), has_bias=has_bias)
    assert_allclose(problem.residual(point), r, atol=1e-12)
    test = score_test(problem, point, np.random.default_rng(5))
    q, statistic, p_value = extra_sum_of_squares(J, r, documented_features(problem, point, np.random.default_rng(5)))
    assert test.n_features == q
    assert test.statistic == pytest.approx(statistic, rel=1e-6)
    assert test.p_value == pytest.approx(p_value, rel=1e-6)
    freedom = problem.n_rows - problem.n_parameters - q
    assert test.p_value == pytest.approx(f_distribution.sf(test.statistic, q, freedom), rel=1e-12)


def test_units_that_are_copies_of_each_other_count_once():
    """The normal matrix is singular then; what it does not determine explains nothing."""
    rng = np.random.default_rng(41)
    X, noise, W = rng.standard_normal((500, 4)), rng.standard_normal(500), rng.standard_normal((2, 4))
    shape = UnitsProblem(X, noise, activation("tanh"), 3)
    point = shape.join(W[[0, 1, 0]], np.array([0.5, 2.0, 0.5]))
    J = np.vstack([block for _, _, block in shape.jacobian_blocks(point)])
    U, lengths, _ = np.linalg.svd(J, full_matrices=False)
    U = U[:, lengths > 1e-8 * lengths[0]]
    assert U.shape[1] == J.shape[1] - 5
    noise = noise - U @ (U.T @ noise)
    problem = shape.on(X, shape.residual(point) + shape.y - noise)
    test = score_test(problem, point, np.random.default_rng(5))
    G = documented_features(problem, point, np.random.default_rng(5))
    q, statistic, _ = extra_sum_of_squares(U, noise, G)
    assert test.n_features == q
    assert test.statistic == pytest.approx(statistic * (500 - 15 - q) / (500 - 10 - q), rel=1e-6)


def test_one_degree_of_freedom_is_enough():
    rng = np.random.default_rng(37)
    network = conditioned(2, 1, 2.0, "tanh", rng)
    seen = set()
    for n in range(6, 40):
        X, y = gaussian_samples(network, n, rng, noise=0.1)
        problem, point = fitted(X, y, network)
        test = score_test(problem, point, rng)
        freedom = n - problem.n_parameters - test.n_features
        assert (test.statistic > 0) == (freedom >= 1)
        seen.add(freedom)
    assert {0, 1} <= seen


def test_features_that_the_model_already_has_are_left_out():
    """A quadratic unit fits He_2 of its own projection and every other quadratic beside it."""
    rng = np.random.default_rng(32)
    network = TwoLayerNetwork([1.0], rng.standard_normal((1, 2)), activation="quadratic")
    X, y = gaussian_samples(network, 300, rng, noise=0.1)
    problem, point = fitted(X, y, network)
    # directions: He_1, .., He_5 of one unit once (its three sums are multiples, and He_2 is a constant beside J);
    # quadratics of two inputs less 2 of J
    assert score_test(problem, point, rng).n_features == 5 + 1


@pytest.mark.parametrize("spec", ["tanh", "erf", "sine"])
def test_a_constant_beside_odd_units_is_seen(spec):
    network = random_units(5, 2, 0.0, spec, np.random.default_rng(0))
    X, y = gaussian_samples(network, 2000, np.random.default_rng(1), noise=0.01)
    assert score_test(*fitted(X, y, network), np.random.default_rng(2)).p_value > 1e-3
    assert score_test(*fitted(X, y + 0.03 * y.std(), network), np.random.default_rng(2)).p_value < 1e-12


@pytest.mark.parametrize("spec", ["tanh", "relu"])
def test_p_values_are_uniform_on_noise(spec):
    p_values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        network = random_units(3, 2, 0.0, spec, rng)
        X, y = gaussian_samples(network, 120, rng, noise=0.1)
        p_values.append(score_test(*fitted(X, y, network), rng).p_value)
    assert kstest(p_values, "uniform").pvalue > 1e-3
    # the same number of p-values that are off by a fifth in scale would not pass
    assert kstest(np.square(p_values) ** 0.8, "uniform").pvalue < 1e-3


@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("spec", ["relu", "gelu", "softplus", "squared_relu"])
def test_a_missing_unit_is_seen(spec, has_bias):
    rng = np.random.default_rng(33)
    network = random_units(6, 3, 0.5 * has_bias, spec, rng)
    X, y = gaussian_samples(network, 3000, rng, noise=0.03)
    smaller = TwoLayerNetwork(network.a[:2], network.W[:2], network.b[:2], spec)
    assert score_test(*fitted(X, y, network, has_bias=has_bias), rng).p_value > 1e-3
    assert score_test(*fitted(X, y, smaller, has_bias=has_bias), rng).p_value < 1e-30


@pytest.mark.parametrize(
    ("true", "wrong"), [("relu", "leaky_relu(0.3)"), ("tanh", "erf"), ("softplus", "relu"), ("squared_relu", "relu")]
)
def test_a_wrong_activation_is_seen(true, wrong):
    rng = np.random.default_rng(34)
    network = conditioned(5, 3, 2.0, true, rng)
    X, y = gaussian_samples(network, 6000, rng, noise=0.01)
    other = TwoLayerNetwork(network.a, network.W, activation=wrong)
    assert score_test(*fitted(X, y, network), rng).p_value > 1e-3
    assert score_test(*fitted(X, y, other), rng).p_value < 1e-12


@pytest.mark.parametrize(("spec", "has_bias"), [("tanh", False), ("relu", True), ("squared_relu", True)])
def test_the_matrix_free_route_agrees_with_the_dense_one(spec, has_bias, monkeypatch):
    rng = np.random.default_rng(35)
    network = random_units(6, 3, 0.5 * has_bias, spec, rng)
    X, y = gaussian_samples(network, 5000, rng, noise=0.1)
    problem, point = fitted(X, y, network, has_bias=has_bias)
    dense = score_test(problem, point, np.random.default_rng(1))
    monkeypatch.setattr(score_test_module, "MOST_DENSE_PARAMETERS", 0)
    free = score_test(problem, point, np.random.default_rng(1))
    assert free.n_features == dense.n_features
    assert free.statistic == pytest.approx(dense.statistic, rel=1e-2)


def test_the_matrix_free_route_sees_a_missing_unit(monkeypatch):
    monkeypatch.setattr(score_test_module, "MOST_DENSE_PARAMETERS", 0)
    rng = np.random.default_rng(36)
    network = conditioned(8, 4, 2.0, "relu", rng)
    X, y = gaussian_samples(network, 4000, rng, noise=0.05)
    problem, point = fitted(X, y, TwoLayerNetwork(network.a[1:], network.W[1:], activation="relu"))
    assert score_test(problem, point, rng).p_value < 1e-30


def test_few_rows_tell_nothing():
    rng = np.random.default_rng(37)
    network = conditioned(4, 2, 2.0, "tanh", rng)
    X, y = gaussian_samples(network, 14, rng, noise=0.1)
    test = score_test(*fitted(X, y, network), rng)
    assert (test.statistic, test.p_value) == (0.0, 1.0)


def test_an_exact_fit_has_nothing_to_explain():
    X = np.random.default_rng(38).standard_normal((80, 2))
    problem = UnitsProblem(X, np.zeros(80), activation("relu"), 1)
    test = score_test(problem, np.zeros(3), np.random.default_rng(0))
    assert (test.statistic, test.p_value) == (0.0, 1.0)


def test_the_test_is_blind_to_the_unit_of_the_labels():
    rng = np.random.default_rng(39)
    network = conditioned(5, 2, 2.0, "softplus", rng)
    X, y = gaussian_samples(network, 400, rng, noise=0.3)
    problem, point = fitted(X, y, network)
    v, theta = problem.units(point)
    scaled = UnitsProblem(X, 1e-6 * y, network.activation, 2)
    one, other = (
        score_test(p, z, np.random.default_rng(2)).statistic
        for p, z in ((problem, point), (scaled, scaled.join(theta, 1e-6 * v)))
    )
    assert_allclose(other, one, rtol=1e-6)


def test_a_matrix_free_fit_is_tested_alike():
    rng = np.random.default_rng(40)
    network = conditioned(6, 3, 2.0, "tanh", rng)
    X, y = gaussian_samples(network, 2000, rng, noise=0.1)
    problem, dense_point = fitted(X, y, network)
    free_point = gauss_newton(problem, dense_point * 1.05, Stopping(60, patience=6, least_gain=1e-9)).point
    one, other = (score_test(problem, z, np.random.default_rng(2)).statistic for z in (dense_point, free_point))
    assert other == pytest.approx(one, rel=1e-3)
