"""Least squares of several outputs that share their units, against definitions written out."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from twolayer.activation import activation
from twolayer.hermite import hermite_tensor
from twolayer.model.shared_reflections import shared_network, shared_orientations, unlifted_units
from twolayer.model.shared_units import SharedUnits
from twolayer.moments import shared_moment, third_slices
from twolayer.refine import Stopping
from twolayer.refine.variable_projection import is_formed, variable_projection
from twolayer.search.shared_width import shared_saliency, thinned_units
from twolayer.teachers import gaussian_samples, random_units

SIGMAS = ("relu", "squared_relu", "tanh", "sigmoid", "softplus", "gelu", "sine", "abs")


def problem_of(spec="tanh", *, n=60, d=3, m=4, q=2, has_bias=True, is_lifted=False, seed=0):
    rng = np.random.default_rng(seed)
    X, Y = rng.standard_normal((n, d)), rng.standard_normal((n, q))
    problem = SharedUnits(X, Y, activation(spec), m, has_bias, is_lifted)
    return problem, rng.standard_normal((m, problem.n_columns))


def columns(problem, theta):
    """Φ, column by column."""
    x = np.hstack([problem.X, np.ones((problem.n_rows, 1))]) if problem.has_bias else problem.X
    t = x @ theta.T
    law = problem.activation.reflection
    psi = problem.activation(t)
    if problem.is_lifted:
        psi = psi + law.sign / 2 * sum(c * t**k for k, c in enumerate(law.polynomial))
    degree = len(law.polynomial) - 1 if problem.is_lifted else -1
    beside = [np.ones(problem.n_rows)] if problem.has_bias or degree in (0, 2) else []
    beside += [*problem.X.T] if degree >= 1 else []
    if degree == 2:
        beside += [problem.X[:, i] * problem.X[:, j] for i in range(problem.dim) for j in range(i, problem.dim)]
    return np.column_stack([psi, *beside])


def left(problem, theta):
    phi = columns(problem, theta)
    return problem.Y - phi @ np.linalg.lstsq(phi, problem.Y, rcond=None)[0]


@pytest.mark.parametrize("has_bias", [True, False])
@pytest.mark.parametrize("is_lifted", [True, False])
@pytest.mark.parametrize("spec", SIGMAS)
def test_what_is_linear_is_solved_for(spec, is_lifted, has_bias):
    problem, theta = problem_of(spec, has_bias=has_bias, is_lifted=is_lifted)
    fit = problem.fit(theta)
    np.testing.assert_allclose(fit.residual, left(problem, theta), atol=1e-9)
    assert fit.loss * problem.energy == pytest.approx(np.sum(left(problem, theta) ** 2), rel=1e-9)
    assert fit.C.shape == (problem.n_features, 2)


@pytest.mark.parametrize("is_lifted", [True, False])
@pytest.mark.parametrize("spec", ["tanh", "softplus", "gelu", "sine", "squared_relu"])
def test_the_gradient_is_that_of_the_projected_loss(spec, is_lifted):
    problem, theta = problem_of(spec, is_lifted=is_lifted)
    g, _ = problem.normal_equations(problem.fit(theta))
    slope = approx_fprime(theta.ravel(), lambda z: np.sum(left(problem, z.reshape(theta.shape)) ** 2) / 2, 1e-7)
    np.testing.assert_allclose(g, slope, rtol=1e-4, atol=1e-4 * np.abs(slope).max())


@pytest.mark.parametrize("spec", ["relu", "tanh"])
def test_the_matrix_is_that_of_the_projected_jacobian(spec):
    problem, theta = problem_of(spec)
    fit = problem.fit(theta)
    x, phi = np.hstack([problem.X, np.ones((60, 1))]), columns(problem, theta)
    slopes = problem.activation.derivative(x @ theta.T)
    projection = np.eye(60) - phi @ np.linalg.pinv(phi)
    J = [projection @ (slopes[:, [i]] * x) for i in range(4)]
    columns_of = np.stack([np.einsum("nd,q->nqd", J[i], fit.A[i]) for i in range(4)], axis=2).reshape(120, -1)
    np.testing.assert_allclose(problem.normal_equations(fit)[1], columns_of.T @ columns_of, atol=1e-9)


@pytest.mark.parametrize("is_lifted", [True, False])
def test_products_are_those_with_the_matrix(is_lifted):
    problem, theta = problem_of("softplus", n=3000, d=5, q=3, is_lifted=is_lifted)
    fit = problem.fit(theta)
    g, H = problem.normal_equations(fit)
    view, P = problem.view(fit), np.random.default_rng(1).standard_normal(theta.shape)
    np.testing.assert_allclose(
        view.product(P).ravel(), H @ P.ravel(), rtol=1e-4, atol=1e-4 * np.abs(H @ P.ravel()).max()
    )
    np.testing.assert_allclose(view.gradient.ravel(), g, rtol=1e-9, atol=1e-9 * np.abs(g).max())


def test_equal_units_do_not_keep_outer_weights_from_being_solved_for():
    problem, theta = problem_of(m=3)
    doubled = SharedUnits(problem.X, problem.Y, problem.activation, 4, True)
    fit = doubled.fit(np.vstack([theta, theta[:1]]))
    assert fit.loss == pytest.approx(problem.fit(theta).loss, rel=1e-9)


@pytest.mark.parametrize("n", [300, 4000])
def test_steps_formed_and_unformed_end_at_rounding(n):
    network = random_units(8, 5, bias=1.0, activation="tanh", rng=0, outputs=4)
    X, Y = gaussian_samples(network, n, 1)
    problem = SharedUnits(X, Y, network.activation, 5, True)
    theta = np.hstack([network.W, network.b[:, None]]) + 0.1 * np.random.default_rng(2).standard_normal((5, 9))
    fit = variable_projection(problem, theta, Stopping(60, floor=1e-28, patience=3, least_gain=1e-9))
    assert fit.loss < 1e-27
    np.testing.assert_allclose(shared_network(fit)(X), Y, atol=1e-11)


def test_many_parameters_take_steps_without_a_matrix():
    network = random_units(60, 20, bias=1.0, activation="relu", rng=0, outputs=3)
    X, Y = gaussian_samples(network, 6000, 1)
    problem = SharedUnits(X, Y, network.activation, 20, True)
    assert not is_formed(problem)
    theta = np.hstack([network.W, network.b[:, None]]) + 0.02 * np.random.default_rng(2).standard_normal((20, 61))
    assert variable_projection(problem, theta, Stopping(60)).loss < 1e-25


@pytest.mark.parametrize("spec", ["relu", "softplus", "gelu", "squared_relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("has_bias", [True, False])
def test_orientations_are_decoded_of_more_units_than_inputs(spec, has_bias):
    network = random_units(4, 9, bias=1.0 if has_bias else 0.0, activation=spec, rng=0, outputs=5)
    X, Y = gaussian_samples(network, 500, 1)
    theta = np.hstack([network.W, network.b[:, None]]) if has_bias else network.W
    turned = np.where(np.random.default_rng(3).random(9) < 0.5, -1.0, 1.0)
    lifted = SharedUnits(X, Y, network.activation, 9, has_bias, True).fit(turned[:, None] * theta)
    assert lifted.loss < 1e-20
    if lifted.problem.is_lifted and not (spec == "sigmoid" and has_bias):
        np.testing.assert_array_equal(shared_orientations(lifted), turned)
    plain, start = unlifted_units(lifted)
    assert plain.fit(start).loss < 1e-20
    np.testing.assert_allclose(shared_network(lifted)(X), Y, atol=1e-8)


def test_moments_of_all_outputs_are_those_of_each():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((300, 4)), rng.standard_normal((300, 3))
    found, Z = shared_moment(X, Y), np.column_stack([X, np.ones(300)])
    slope = np.linalg.lstsq(Z, Y, rcond=None)[0]
    rest = Y - Z @ slope
    np.testing.assert_allclose(found.affine, slope, atol=1e-12)
    np.testing.assert_allclose(found.rest, rest, atol=1e-12)
    for c in range(3):
        np.testing.assert_allclose(found.matrices[c], np.einsum("n,ni,nj->ij", rest[:, c], X, X) / 300, atol=1e-12)
    v = np.array([0.6, 0.8, 0, 0])
    thirds = np.mean([rest[n, :, None, None, None] * hermite_tensor(X[n], 3) for n in range(300)], axis=0)
    np.testing.assert_allclose(third_slices(X, rest, v[None]), thirds @ v, atol=1e-12)


def test_a_unit_costs_what_leaving_it_out_costs():
    problem, theta = problem_of("tanh", n=200)
    fit = problem.fit(theta)
    costs = [(problem.resized(3).fit(np.delete(theta, i, axis=0)).loss - fit.loss) * problem.energy for i in range(4)]
    np.testing.assert_allclose(shared_saliency(fit), costs, rtol=1e-6)
    least = np.delete(np.arange(4), np.argmin(costs))
    np.testing.assert_array_equal(thinned_units(fit, 3), theta[least])
