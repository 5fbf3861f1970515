"""The ridge fit: a minimum of the penalised likelihood, and ridges that the evidence does not want changed."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from sklearn.datasets import load_diabetes, load_digits, make_friedman1

from twolayer.activation import activation
from twolayer.network import TwoLayerNetwork
from twolayer.polynomial import Polynomial
from twolayer.ridge import Bernoulli, Categorical, Gaussian, Objective, Remembering, RidgeFit, ridge_fit
from twolayer.ridge.descent import levenberg_marquardt, quasi_newton
from twolayer.ridge.plan import RidgePlan
from twolayer.ridge.posterior import DensePosterior, FactoredPosterior
from twolayer.ridge.prior import Prior
from twolayer.ridge.starts import grown_start, random_start

LIKELIHOODS = [(Gaussian(), 1), (Gaussian(), 3), (Bernoulli(), 1), (Categorical(), 3)]
NAMES = ["one output", "three outputs", "two classes", "three classes"]


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()


def fitted(X, y, width=4, spec="tanh", alpha=None, has_bias=True, seed=0, **options):
    rng = np.random.default_rng(seed)
    return ridge_fit(X, y[:, None], width, activation(spec), has_bias=has_bias, alpha=alpha, rng=rng, **options)


def objective_of(likelihood, q, *, has_bias=True, spec="tanh", n=30, d=4, m=3):
    rng = np.random.default_rng(5)
    if likelihood.has_scale:
        Y = rng.standard_normal((n, q))
    else:
        Y = np.eye(q)[rng.integers(0, q, n)] if q > 1 else rng.integers(0, 2, (n, 1)).astype(float)
    X, weights = rng.standard_normal((n, d)), rng.uniform(0.5, 2.0, n)
    objective = Objective.of(X, Y, weights, activation(spec), m, has_bias=has_bias, likelihood=likelihood)
    return objective, rng.standard_normal(objective.n_parameters)


def loss_written_out(objective, z):
    """Row by row, from the network and the probabilities."""
    rows, A, c = objective.split(z)
    total = 0.0
    for x, y, weight in zip(objective.X, objective.Y, objective.weights, strict=True):
        f = A.T @ objective.activation(rows @ x) + (c if len(c) else 0.0)
        if isinstance(objective.likelihood, Gaussian):
            total += weight * 0.5 * np.sum((f - y) ** 2)
        elif isinstance(objective.likelihood, Bernoulli):
            p = 1 / (1 + np.exp(-f[0]))
            total -= weight * np.log(p if y[0] else 1 - p)
        else:
            total -= weight * np.log(np.exp(f[np.argmax(y)]) / np.exp(f).sum())
    return total


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize(("likelihood", "q"), LIKELIHOODS, ids=NAMES)
def test_loss_and_gradient_are_those_written_out_row_by_row(likelihood, q, has_bias):
    objective, z = objective_of(likelihood, q, has_bias=has_bias)
    point = objective.at(z)
    assert point.loss == pytest.approx(loss_written_out(objective, z), rel=1e-12)
    slow = approx_fprime(z, lambda z: loss_written_out(objective, z), 1e-7)
    np.testing.assert_allclose(objective.gradient(point), slow, atol=2e-5)


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize(("likelihood", "q"), LIKELIHOODS, ids=NAMES)
def test_the_curvature_is_that_of_outputs_differentiated_numerically(monkeypatch, likelihood, q, has_bias):
    monkeypatch.setattr("twolayer.ridge.objective._BLOCK_ENTRIES", 400)  # several blocks
    objective, z = objective_of(likelihood, q, has_bias=has_bias, n=150)
    h = 1e-6
    J = np.stack(
        [(objective.at(z + h * e).outputs - objective.at(z - h * e).outputs) / (2 * h) for e in np.eye(len(z))], -1
    )
    outputs = objective.at(z).outputs
    Lambda = np.zeros((len(outputs), q, q))
    for row in range(len(outputs)):  # second derivatives of the loss by the outputs, by differences of its gradient
        for c in range(q):
            step = 1e-6 * np.eye(q)[c]
            up, down = (
                likelihood.gradients((outputs[row] + s * step)[None], objective.Y[row][None])[0] for s in (1, -1)
            )
            Lambda[row, c] = (up - down) / 2e-6
    slow = np.einsum("l,lcp,lcd,ldr->pr", objective.weights, J, Lambda, J)
    np.testing.assert_allclose(
        np.tril(objective.curvature(objective.at(z))), np.tril(slow), atol=1e-6 * np.abs(slow).max()
    )


@pytest.mark.parametrize(("likelihood", "q"), LIKELIHOODS, ids=NAMES)
def test_a_weight_of_two_is_a_row_given_twice(likelihood, q):
    objective, z = objective_of(likelihood, q)
    twice = Objective(
        np.vstack([objective.X, objective.X[:5]]),
        np.vstack([objective.Y, objective.Y[:5]]),
        np.ones(35),
        objective.activation,
        3,
        True,
        likelihood,
    )
    weights = np.ones(30)
    weights[:5] = 2.0
    weighted = Objective(objective.X, objective.Y, weights, objective.activation, 3, True, likelihood)
    assert weighted.at(z).loss == pytest.approx(twice.at(z).loss, rel=1e-13)
    assert weighted.total_weight == twice.total_weight
    H, H2 = weighted.curvature(weighted.at(z)), twice.curvature(twice.at(z))
    np.testing.assert_allclose(H, H2, atol=1e-12 * np.abs(H2).max())


def penalised_loss(objective, z, alpha):
    """All of A and W, neither biases nor the constant."""
    rows, A, _ = objective.split(z)
    W = rows[:, :-1] if objective.has_bias else rows
    return 2 * loss_written_out(objective, z) + alpha * (np.sum(A**2) + np.sum(W**2))


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("alpha", [0.3, 20.0])
def test_the_fit_is_close_to_a_minimum_of_the_penalised_loss(alpha, has_bias):
    X, y = diabetes()
    fit = fitted(X[:100], y[:100], width=2, alpha=alpha, has_bias=has_bias)
    assert fit.alpha == alpha
    assert 2 * fit.value == pytest.approx(penalised_loss(fit.objective, fit.point.z, alpha), rel=1e-12)
    minimum = levenberg_marquardt(
        fit.objective, fit.point.z, fit.prior, 500, moves_ridge=False, plan=RidgePlan(least_gain=1e-14)
    )
    gradient = approx_fprime(minimum.point.z, lambda z: penalised_loss(fit.objective, z, alpha), 1e-7)
    assert np.abs(gradient).max() < 1e-3
    assert fit.value <= 1.02 * minimum.value


def test_quasi_newton_steps_end_where_those_of_levenberg_and_marquardt_do():
    objective, z = objective_of(Categorical(), 3, n=200)
    prior = Prior.single(objective, 5.0)
    one = levenberg_marquardt(objective, z, prior, 300, moves_ridge=False, plan=RidgePlan(least_gain=1e-12))
    other = quasi_newton(objective, one.point.z + 0.01, prior, 2000)
    assert other.value == pytest.approx(one.value, rel=1e-6)


def test_the_network_of_the_fit_is_that_of_its_point():
    X, y = diabetes()
    fit = fitted(X, y)
    np.testing.assert_allclose(fit.network(X), fit.point.outputs[:, 0], atol=1e-12)
    np.testing.assert_allclose(fit.objective.point_of(fit.network), fit.point.z)


def test_the_ridges_found_are_a_fixed_point_of_the_evidence():
    X, y = diabetes()
    for spec in ("relu", "tanh"):
        fit = fitted(X, y, spec=spec)
        np.testing.assert_allclose(np.log(fit.better_prior.alphas), np.log(fit.prior.alphas), atol=0.25)
        assert 1.0 < fit.alpha < 60.0


def linear_fit(alpha, has_bias=False):
    """A point of a linear network, for which Bayesian linear regression says everything."""
    rng = np.random.default_rng(3)
    n, d = 60, 5
    X = rng.standard_normal((n, d)) @ rng.standard_normal((d, d))
    y = X @ rng.standard_normal(d) + rng.standard_normal(n)
    objective = Objective.of(
        X, y[:, None], np.ones(n), activation("linear"), 1, has_bias=has_bias, likelihood=Gaussian()
    )
    z = objective.join(rng.standard_normal((1, objective.n_columns)), np.array([[1.5]]))
    return X, y, RidgeFit(objective, objective.at(z), Prior.single(objective, alpha))


@pytest.mark.parametrize("alpha", [0.1, 10.0])
def test_effective_parameters_and_evidence_are_those_of_bayesian_linear_regression(alpha):
    X, y, fit = linear_fit(alpha)
    n, w = len(y), fit.network.W[0]
    J = np.column_stack([1.5 * X, X @ w])
    gamma = np.trace(J @ np.linalg.solve(J.T @ J + alpha * np.eye(6), J.T))
    assert fit.effective_parameters == pytest.approx(gamma, rel=1e-6)
    residual = np.sum((1.5 * X @ w - y) ** 2)
    assert fit.variance == pytest.approx(residual / (n - gamma), rel=1e-6)
    weights = w @ w + 1.5**2
    _, volume = np.linalg.slogdet(np.eye(n) + J @ J.T / alpha)
    misfit = n * np.log((residual + alpha * weights) / n)
    assert fit.log_evidence == pytest.approx(-0.5 * (misfit + volume) - 1, rel=1e-6)
    wanted = np.clip(fit.variance * gamma / weights, alpha / 5, 5 * alpha)  # a ridge changes fivefold at most
    assert fit.better_prior.alphas[0] == pytest.approx(wanted, rel=1e-6)


def test_standard_errors_are_those_of_bayesian_linear_regression_under_any_map():
    alpha = 2.0
    X, _, fit = linear_fit(alpha)
    G = np.random.default_rng(4).standard_normal((5, 5))
    J = np.column_stack([1.5 * X, X @ fit.network.W[0]])
    covariance = fit.variance * np.linalg.inv(J.T @ J + alpha * np.eye(6))
    errors = fit.standard_errors(G)
    np.testing.assert_allclose(errors.W[0], np.sqrt(np.diag(G @ covariance[:5, :5] @ G.T)), rtol=1e-6)
    assert errors.a[0] == pytest.approx(np.sqrt(covariance[5, 5]), rel=1e-6)
    assert not errors.is_exact
    assert not errors.b.any()
    assert errors.constant == 0


@pytest.mark.parametrize(("likelihood", "q"), LIKELIHOODS, ids=NAMES)
def test_factors_stand_for_the_curvature_where_slopes_are_alike_in_all_rows(likelihood, q):
    """Of linear units, whose slopes are one: exact for the units where the curvature of the loss is constant."""
    objective, z = objective_of(likelihood, q, spec="linear", n=4000, has_bias=False)
    z *= 0.01  # probabilities near one half
    prior = Prior.single(objective, 50.0)
    point = objective.at(z)
    dense, factored = DensePosterior(objective, point, prior), FactoredPosterior(objective, point, prior)
    D = objective.n_columns
    units, _ = dense.variances(np.eye(D))
    close, _ = factored.variances(np.eye(D))
    np.testing.assert_allclose(close, units, rtol=0.1)


def test_of_two_networks_the_group_of_an_input_without_effect_gets_the_larger_ridge():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 3))
    y = np.tanh(2 * X[:, 0]) + np.tanh(X[:, 1]) + 0.1 * rng.standard_normal(400)
    fit = fitted(X, (y - y.mean()) / y.std(), width=3)
    assert fit.prior.alphas[2] > 20 * fit.prior.alphas[:2].max()


def test_the_scale_of_homogeneous_units_is_no_reason_for_ridges_to_run_away():
    X, y = make_friedman1(300, 6, noise=1.0, random_state=0)
    objective = fitted(X - 0.5, y - y.mean(), spec="relu", alpha=1.0).objective
    prior = Prior.by_input(objective, 1.0)
    assert prior.has_free_scale
    z = np.random.default_rng(0).standard_normal(objective.n_parameters)
    determined = np.linspace(1.0, 4.0, len(prior.alphas))
    for _ in range(20):  # of a homogeneous σ only products of outer and inner ridges mean something
        prior = prior.updated(z, determined, 0.5)
    assert prior.alphas[-1] == pytest.approx(np.exp(np.mean(np.log(prior.alphas[:-1]))))
    penalty = float(prior.penalties @ z**2)
    assert penalty == pytest.approx(0.5 * determined.sum())  # the condition of all ridges together
    relative = determined[:-1] / prior.sums(z**2)[:-1]
    np.testing.assert_allclose(prior.alphas[:-1] / prior.alphas[0], relative / relative[0])


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
    assert fit.is_exact
    assert fit.alpha < 1e-6
    np.testing.assert_allclose(np.abs(fit.network.W[0]), [1.0, 0.5, 0.0, 1.0], atol=1e-6)


def test_with_more_inputs_than_rows_the_weights_lie_in_the_row_space():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 80))
    y = X[:, 0] + 0.1 * rng.standard_normal(30)
    fit = fitted(X, y, width=3, alpha=0.5)
    assert fit.network.W.shape == (3, 80)
    assert np.linalg.norm(fit.network.W) > 0.1
    assert np.std(fit.network(X) - y) < 0.5 * np.std(y)
    np.testing.assert_allclose(fit.network(X), fit.point.outputs[:, 0], atol=1e-10)
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
    assert np.array_equal(first.point.z, second.point.z)
    assert not np.array_equal(first.point.z, fitted(X, y, seed=4).point.z)


def test_a_start_is_the_only_one_and_is_followed_to_its_minimum():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 2))
    teacher = TwoLayerNetwork([1.0, -1.0], [[1.0, 0.5], [0.3, -1.0]], [0.2, -0.1], "tanh", Polynomial(0.5))
    y = teacher(X)
    moved = TwoLayerNetwork(teacher.a * 1.1, teacher.W + 0.1, teacher.b, "tanh", Polynomial(0.4))
    fit = fitted(X, y, width=2, start=moved)
    np.testing.assert_allclose(fit.network.W, teacher.W, atol=1e-5)


def test_remembered_rows_of_a_linear_model_count_as_if_they_were_there():
    _, _, fit = linear_fit(1.0, has_bias=True)
    whole = fit.objective
    half, other = (
        Objective(whole.X[rows], whole.Y[rows], np.ones(30), whole.activation, 1, True, Gaussian())
        for rows in (slice(0, 30), slice(30, 60))
    )
    # of linear units with the outer weight held, the loss is quadratic in the rest: what is remembered is exact there,
    # if the anchor is the minimum over the first half
    rows = np.linalg.lstsq(half.X, half.Y[:, 0], rcond=None)[0][None] / 1.5
    z = half.join(rows, np.array([[1.5]]))
    point = half.at(z)
    curvature = half.curvature(point)
    parts = (other.X, other.Y, other.weights, other.activation, 1, True, Gaussian())
    memory = Remembering(*parts, z, curvature, point.loss, 30.0)
    step = np.zeros_like(z)
    step[: half.n_columns] = 0.3
    assert memory.total_weight == whole.total_weight
    assert memory.at(z + step).loss == pytest.approx(whole.at(z + step).loss, rel=1e-10)
    np.testing.assert_allclose(
        memory.gradient(memory.at(z + step))[: half.n_columns], whole.gradient(whole.at(z + step))[: half.n_columns]
    )


@pytest.mark.parametrize("width", [1, 4])
def test_a_grown_start_is_better_than_random_ones(width):
    x = np.linspace(-2, 2, 200)[:, None]
    y = np.interp(x[:, 0], [-2, -0.9, 0.1, 0.7, 2], [1.0, -1.0, 0.5, -0.3, 1.2])
    objective = Objective.of(
        x, y[:, None], np.ones(200), activation("relu"), width, has_bias=True, likelihood=Gaussian()
    )
    rng = np.random.default_rng(0)
    grown = [objective.at(grown_start(objective, rng, 0.2)).loss for _ in range(5)]
    drawn = [objective.at(random_start(objective, rng)).loss for _ in range(20)]
    assert max(grown) < 1.05 * min(drawn)


def test_ridges_of_classes_are_scaled_to_what_suits_rows_that_are_held_out():
    X, y = load_digits(return_X_y=True)
    X, Y = X / 16 - 0.5, np.eye(10)[y]
    seen, unseen = slice(0, 500), slice(500, 1000)

    def surprise(scales):
        fit = ridge_fit(
            X[seen],
            Y[seen],
            12,
            activation("tanh"),
            has_bias=True,
            likelihood=Categorical(),
            rng=np.random.default_rng(0),
            plan=RidgePlan(scales=scales),
        )
        F = fit.network(X[unseen])
        return np.mean(Categorical().losses(F, Y[unseen]))

    assert surprise(RidgePlan().scales) < surprise((1.0,)) - 0.03
