"""The ridge fit: a minimum of the penalised loss, and a penalty that the evidence does not want changed."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.datasets import load_diabetes, make_friedman1

from twolayer.activation import activation
from twolayer.model import UnitsProblem
from twolayer.refine import Stopping, levenberg_marquardt
from twolayer.ridge import RidgeFit, ridge_fit, ridge_fit_from
from twolayer.teachers import random_units


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()


def fitted(X, y, width=4, spec="tanh", alpha=None, has_bias=True, seed=0):
    return ridge_fit(X, y, width, activation(spec), has_bias=has_bias, alpha=alpha, rng=np.random.default_rng(seed))


def penalised_loss(problem, z, alpha):
    """Written out from the network itself: all of a and W, neither biases nor the constant."""
    a, theta = problem.units(z)
    d = problem.X.shape[1]
    b = theta[:, d] if problem.has_bias else 0.0
    model = problem.activation(problem.X @ theta[:, :d].T + b) @ a + problem.constant(z)
    return np.sum((model - problem.y) ** 2) + alpha * (np.sum(a**2) + np.sum(theta[:, :d] ** 2))


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("alpha", [0.3, 20.0])
def test_the_fit_is_close_to_a_minimum_of_the_penalised_loss(alpha, has_bias):
    X, y = diabetes()
    fit = fitted(X, y, width=2, alpha=alpha, has_bias=has_bias)
    assert fit.alpha == alpha
    assert fit.loss == pytest.approx(penalised_loss(fit.problem, fit.point, alpha), rel=1e-12)
    minimum = levenberg_marquardt(fit.problem, fit.point, Stopping(500, patience=20, least_gain=1e-12)).point
    gradient = approx_fprime(minimum, lambda z: penalised_loss(fit.problem, z, alpha), 1e-7)
    assert np.abs(gradient).max() < 1e-3
    assert fit.loss <= 1.02 * penalised_loss(fit.problem, minimum, alpha)


def test_the_network_of_the_fit_is_that_of_its_point():
    X, y = diabetes()
    fit = fitted(X, y)
    np.testing.assert_allclose(fit.network(X) - y, fit.problem.residual(fit.point), atol=1e-12)


def test_the_penalty_found_is_a_fixed_point_of_the_evidence():
    X, y = diabetes()
    fit = fitted(X, y, spec="relu")
    assert fit.better_alpha == pytest.approx(fit.alpha, rel=0.1)
    assert 1.0 < fit.alpha < 30.0


def test_of_two_starts_the_one_of_higher_evidence_or_lower_loss_is_kept(monkeypatch):
    X, y = make_friedman1(150, 10, noise=1.0, random_state=0)
    X, y = X - 0.5, (y - y.mean()) / y.std()
    for alpha in (None, 6.0):
        both = [fitted(X, y, 4, "relu", alpha, seed=seed) for seed in range(6)]
        with monkeypatch.context() as patch:
            patch.setattr("twolayer.ridge._FIRST_PENALTIES", (0.2,))
            first = [fitted(X, y, 4, "relu", alpha, seed=seed) for seed in range(6)]
        gains = [
            two.log_evidence - one.log_evidence if alpha is None else one.loss - two.loss
            for two, one in zip(both, first, strict=True)
        ]
        assert min(gains) >= 0
        assert max(gains) > 0


def linear_fit(alpha):
    """A point of a linear network, for which Bayesian linear regression says everything."""
    rng = np.random.default_rng(3)
    n, d = 60, 5
    X = rng.standard_normal((n, d)) @ rng.standard_normal((d, d))
    y = X @ rng.standard_normal(d) + rng.standard_normal(n)
    problem = UnitsProblem(X, y, activation("linear"), 1, ridge=alpha)
    return X, y, RidgeFit(problem, problem.join(rng.standard_normal((1, d)), np.array([1.5])), None)


@pytest.mark.parametrize("alpha", [0.1, 10.0])
def test_effective_parameters_and_evidence_are_those_of_bayesian_linear_regression(alpha):
    X, y, fit = linear_fit(alpha)
    n = len(y)
    w = fit.network.W[0]
    J = np.zeros((n, 6))  # of 1.5·(w·x): the slopes are 1.5, and the outer weight stands apart
    J[:, :5] = 1.5 * X
    outer = float(np.sum((X @ w) ** 2))
    hat = J[:, :5] @ np.linalg.solve(J[:, :5].T @ J[:, :5] + alpha * np.eye(5), J[:, :5].T)
    gamma = np.trace(hat) + outer / (outer + alpha)
    assert fit.effective_parameters == pytest.approx(gamma, rel=1e-6)
    residual = np.sum((1.5 * X @ w - y) ** 2)
    variance = residual / (n - gamma)
    assert fit.variance == pytest.approx(variance, rel=1e-6)
    weights = w @ w + 1.5**2
    _, half = np.linalg.slogdet(np.eye(n) + J[:, :5] @ J[:, :5].T / alpha)
    misfit = n * np.log(variance) + (residual + alpha * weights) / variance
    assert fit.log_evidence == pytest.approx(-0.5 * (misfit + half + np.log1p(outer / alpha)), rel=1e-6)
    assert fit.better_alpha == pytest.approx(variance * gamma / weights, rel=1e-6)


def test_standard_errors_are_those_of_bayesian_linear_regression_under_any_map():
    alpha = 2.0
    X, _, fit = linear_fit(alpha)
    G = np.random.default_rng(4).standard_normal((5, 5))
    covariance = fit.variance * np.linalg.inv(1.5**2 * X.T @ X + alpha * np.eye(5))
    errors = fit.standard_errors(G)
    np.testing.assert_allclose(errors.W[0], np.sqrt(np.diag(G @ covariance @ G.T)), rtol=1e-6)
    outer = np.sum((X @ fit.network.W[0]) ** 2)
    assert errors.a[0] == pytest.approx(np.sqrt(fit.variance / (outer + alpha)), rel=1e-6)
    assert not errors.is_exact
    assert not errors.b.any()
    assert errors.constant == 0


def test_a_ridge_keeps_noise_out_where_none_would_not():
    X, y = make_friedman1(200, 30, noise=1.0, random_state=0)
    fit, loose = fitted(X[:150] - 0.5, y[:150] - 14, 10, "relu"), fitted(X[:150] - 0.5, y[:150] - 14, 10, "relu", 1e-3)

    def explained(one):
        return 1 - np.mean((one.network(X[150:] - 0.5) + 14 - y[150:]) ** 2) / np.var(y[150:])

    assert explained(fit) > 0.55
    assert explained(fit) > explained(loose) + 0.1


def test_without_noise_the_penalty_vanishes_and_the_network_is_exact():
    X = np.random.default_rng(0).standard_normal((400, 4))
    fit = fitted(X, np.tanh(X @ [1.0, 0.5, 0.0, -1.0] + 0.3), width=1)
    assert fit.alpha < 1e-10
    assert fit.squares[0] < 1e-18
    np.testing.assert_allclose(np.abs(fit.network.W[0]), [1.0, 0.5, 0.0, 1.0], atol=1e-8)


def test_with_more_inputs_than_rows_the_weights_lie_in_the_row_space():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 80))
    y = X[:, 0] + 0.1 * rng.standard_normal(30)
    fit = fitted(X, y, width=3, alpha=0.5)
    assert fit.network.W.shape == (3, 80)
    assert np.linalg.norm(fit.network.W) > 0.1
    assert np.std(fit.network(X) - y) < 0.5 * np.std(y)
    np.testing.assert_allclose(fit.network(X) - y, fit.problem.residual(fit.point), atol=1e-10)
    assert fit.standard_errors(np.eye(81)).W.shape == (3, 80)
    # the ridge would not have it otherwise: a weight across the rows costs and explains nothing
    across = np.linalg.svd(X)[2][30:]
    assert np.abs(fit.network.W @ across.T).max() < 1e-10


def test_an_infinite_ridge_leaves_only_the_constant():
    X, y = diabetes()
    np.testing.assert_allclose(fitted(X, y + 2.0, alpha=1e12).network(X), 2.0, atol=1e-6)


def test_the_same_rng_gives_the_same_fit():
    X, y = diabetes()
    first, second = fitted(X, y, seed=3), fitted(X, y, seed=3)
    assert np.array_equal(first.point, second.point)
    assert not np.array_equal(first.point, fitted(X, y, seed=4).point)


def test_a_fit_may_start_from_a_network_and_keeps_the_higher_evidence():
    rng = np.random.default_rng(0)
    teacher = random_units(6, 4, 1.0, rng=1)
    X = rng.standard_normal((800, 6))
    y = teacher(X) + 0.3 * rng.standard_normal(800)
    poor = fitted(X, y, 4, "relu", alpha=60.0)
    better = ridge_fit_from(teacher.balanced(), poor)
    assert better.log_evidence > poor.log_evidence + 100
    assert np.std(better.network(X) - y) == pytest.approx(0.3, rel=0.1)
    assert better.alpha < 5
    assert ridge_fit_from(random_units(6, 4, rng=2), better).log_evidence >= better.log_evidence


def test_a_network_to_start_from_is_balanced_where_that_is_free():
    fit = fitted(*diabetes(), 3, "relu", alpha=1.0)
    network = replace(fit.network, a=fit.network.a * 1e3, W=fit.network.W / 1e3, b=fit.network.b / 1e3)
    again = ridge_fit_from(network, fit)
    assert again.log_evidence >= fit.log_evidence
    norms = np.linalg.norm(again.network.W, axis=1)
    np.testing.assert_allclose(np.abs(again.network.a), norms, rtol=0.15, atol=0.02)
