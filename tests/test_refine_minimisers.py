"""The refiners: from near a planted network to it, from noisy labels to the minimum that SciPy finds."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import least_squares

from lifted_models import random_problem
from twolayer.activation import activation
from twolayer.model import UnitsProblem
from twolayer.refine import REFINERS, Stopping, gauss_newton, minibatch_descent
from twolayer.refine.gauss_newton import kernel_preconditioner
from twolayer.teachers import conditioned, gaussian_samples, random_units

refiners = pytest.mark.parametrize("refine", REFINERS.values(), ids=REFINERS)


def planted(spec, rng, *, n=600, d=6, m=3, noise=0.0, has_bias=False, ridge=0.0):
    """A problem of a planted network with the truth as a point of it."""
    law = random_units(d, m, 0.5, spec, rng) if has_bias else conditioned(d, m, 2.0, spec, rng)
    X, y = gaussian_samples(law, n, rng, noise)
    truth = law.balanced()
    signs = truth.a if activation(spec).degree else None
    problem = UnitsProblem(X, y, truth.activation, m, signs=signs, has_bias=has_bias, ridge=ridge)
    theta = np.hstack([truth.W, truth.b[:, None]]) if has_bias else truth.W
    return problem, problem.join(theta, truth.a)


def perturbed(point, rng, size=0.1):
    return point * (1 + size * rng.choice([-1.0, 1.0], point.shape))


@refiners
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("spec", ["relu", "squared_relu", "tanh", "softplus", "sigmoid", "abs"])
def test_a_planted_network_is_reached_from_a_tenth_away(refine, spec, has_bias):
    rng = np.random.default_rng(11)
    problem, truth = planted(spec, rng, has_bias=has_bias)
    assert problem.loss(truth) < 1e-26 * problem.energy
    start = perturbed(truth, rng)
    refined = refine(problem, start, Stopping(200))
    assert refined.losses[0] > 1e-4
    assert np.abs(refined.point - truth).max() < 1e-10 * np.abs(truth).max()
    assert refined.squares == pytest.approx(problem.loss(refined.point), rel=1e-12)


@refiners
@pytest.mark.parametrize("ridge", [0.0, 0.5])
@pytest.mark.parametrize("spec", ["squared_relu", "tanh", "softplus"])
def test_the_minimum_on_noisy_labels_is_that_of_scipy(refine, spec, ridge):
    rng = np.random.default_rng(12)
    problem, truth = planted(spec, rng, noise=0.1, has_bias=True, ridge=ridge)
    refined = refine(problem, truth, Stopping(200, patience=8, least_gain=1e-12))
    counted = np.sqrt(ridge * problem.penalized(np.ones_like(truth)))
    expected = least_squares(lambda z: np.r_[problem.residual(z), counted * z], truth, xtol=1e-14, ftol=1e-14)
    assert refined.squares == pytest.approx(2 * expected.cost, rel=1e-9)
    assert_allclose(refined.point, expected.x, atol=1e-6 * np.abs(expected.x).max())


@refiners
def test_the_minimum_of_a_kinked_activation_is_that_of_scipy_but_for_far_less_than_the_noise(refine):
    """Every hyperplane through a row is a kink of the loss, so that minima come in small cells."""
    rng = np.random.default_rng(12)
    problem, truth = planted("relu", rng, noise=0.1, has_bias=True)
    refined = refine(problem, truth, Stopping(200, patience=8, least_gain=1e-12))
    expected = least_squares(problem.residual, truth, xtol=1e-14, ftol=1e-14)
    assert abs(refined.squares - 2 * expected.cost) < 0.05 * refined.squares / problem.n_rows
    J = np.vstack([block for _, _, block in problem.jacobian_blocks(truth)])
    deviations = np.sqrt(refined.squares / problem.n_rows * np.linalg.inv(J.T @ J).diagonal())
    assert (np.abs(refined.point - expected.x) < 0.2 * deviations).all()


@refiners
def test_the_lifted_model_is_fitted_from_the_wrong_orientations(refine):
    rng = np.random.default_rng(13)
    plain, truth = planted("relu", rng, n=1000, d=6, m=4)
    lifted = UnitsProblem(plain.X, plain.y, plain.activation, 4, signs=plain.signs, is_lifted=True)
    theta = -perturbed(plain.units(truth)[1], rng)
    refined = refine(lifted, lifted.join(theta), Stopping(300, patience=30))
    assert refined.squares < 1e-22 * lifted.energy
    assert_allclose(lifted.units(refined.point)[1], -plain.units(truth)[1], atol=1e-9)


@refiners
def test_losses_are_relative_fall_and_are_reported(refine):
    rng = np.random.default_rng(14)
    problem, truth = planted("tanh", rng, noise=0.1)
    calls, start = [], 3 * rng.standard_normal(len(truth))  # far enough for steps that must be refused
    refined = refine(problem, start, Stopping(200, report=lambda *call: calls.append(call)))
    assert refined.losses[0] == pytest.approx(problem.loss(start) / problem.energy, rel=1e-12, abs=0)
    assert refined.losses[-1] == pytest.approx(refined.squares / problem.energy, rel=1e-12, abs=0)
    assert all(after < before for before, after in zip(refined.losses, refined.losses[1:], strict=False))
    assert calls == list(enumerate(refined.losses))[1:]
    assert not np.shares_memory(refined.point, start)


@refiners
def test_no_more_steps_are_made_than_allowed(refine):
    rng = np.random.default_rng(15)
    problem, truth = planted("tanh", rng)
    start = perturbed(truth, rng)
    for steps in (0, 1, 3):
        refined = refine(problem, start, Stopping(steps))
        assert len(refined.losses) == steps + 1
        assert (refined.point == start).all() == (steps == 0)


@refiners
def test_a_step_solves_the_damped_normal_equations(refine):
    """On orthogonal inputs a linear unit is left with μ/(1 + μ) of its error by a step with damping μ = 1/100."""
    rng = np.random.default_rng(23)
    X = np.sqrt(50) * np.linalg.qr(rng.standard_normal((50, 4)))[0]
    problem = UnitsProblem(X, X @ rng.standard_normal(4), activation("linear"), 1, signs=np.ones(1))
    refined = refine(problem, np.zeros(4), Stopping(1))
    assert refined.losses == pytest.approx((1.0, (0.01 / 1.01) ** 2), rel=1e-5, abs=0)


@refiners
def test_a_start_at_a_minimum_stays_there(refine):
    problem, truth = planted("relu", np.random.default_rng(16))
    assert (refine(problem, truth, Stopping(50)).point == truth).all()


def test_stopping_counts_steps_floor_and_patience():
    problem, _ = planted("relu", np.random.default_rng(17))
    for settings, losses, is_over in [
        ({"max_steps": 2}, [1.0, 0.5], False),
        ({"max_steps": 2}, [1.0, 0.5, 0.2], True),
        ({"floor": 1e-3}, [1.0, 1.1e-3], False),
        ({"floor": 1e-3}, [1.0, 1e-3], True),
        ({"patience": 2, "least_gain": 0.5}, [1.0, 0.9], False),  # too early to tell
        ({"patience": 2, "least_gain": 0.5}, [1.0, 0.9, 0.4], False),
        ({"patience": 2, "least_gain": 0.5}, [1.0, 0.6, 0.45], False),
        ({"patience": 2, "least_gain": 0.5}, [1.0, 0.9, 0.6], True),
    ]:
        stopping = Stopping(**settings)
        stopping.begin(problem, losses[0] * problem.energy)
        for loss in losses[1:]:
            stopping.record(loss * problem.energy)
        assert stopping.is_over is is_over, (settings, losses)


# The parts of the matrix-free step


@pytest.mark.parametrize("spec", ["relu", "squared_relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("is_fixed", [False, True])
def test_the_preconditioner_inverts_the_damped_kernel_times_the_identity(spec, is_fixed):
    rng = np.random.default_rng(20)
    problem, z = random_problem(spec, has_bias=True, is_lifted=True, is_fixed=is_fixed, rng=rng, n=40)
    at = problem.linearize(z)
    K, F = at.slope_gram, at.feature_gram
    damped = [gram + 0.3 * np.diag(gram.diagonal()) for gram in (K, F)]
    D, f = problem.n_columns, problem.n_features
    dense = np.zeros((len(z), len(z)))
    dense[: len(z) - f, : len(z) - f] = np.kron(damped[0], np.eye(D))
    dense[len(z) - f :, len(z) - f :] = damped[1]
    vector = rng.standard_normal(len(z))
    found = kernel_preconditioner(problem, at, 0.3)(vector)
    assert_allclose(dense @ found, vector, atol=1e-7 * np.abs(vector).max())


def test_the_kernel_is_the_mean_of_the_normal_matrix_for_gaussian_inputs():
    """For one lifted relu unit, E[σ'² x xᵀ] = K ⊗ I exactly, up to what the sample adds."""
    rng = np.random.default_rng(21)
    X = np.vstack([S := rng.standard_normal((40_000, 3)), -S])  # even moments only: no sampling error in E[sign(t) x]
    problem = UnitsProblem(X, np.zeros(len(X)), activation("relu"), 1, signs=np.ones(1), is_lifted=True)
    z = np.r_[1.0, 0.0, 0.0, np.zeros(3)]
    at = problem.linearize(z)
    H = problem.normal_equations(z)[2]
    H = (H + np.tril(H, -1).T) / len(X)
    error = np.abs(H - np.kron(at.slope_gram / len(X), np.eye(3))).max()
    assert np.abs(H).max() > 0.9
    assert error < 4 * np.sqrt(2 / 40_000)


def test_steps_are_lengthened_where_the_model_is_too_cautious():
    """From far above, a Gauss-Newton step on a cubic takes half of the way, twice that is best, four times too much."""
    x = np.ones((10, 1))
    problem = UnitsProblem(x, 40.0**3 * x[:, 0], activation("polynomial(0,0,0,1)"), 1, signs=np.ones(1))
    step = -(100**3 - 40**3) / (3 * 100**2) / 1.01
    assert gauss_newton(problem, np.array([100.0]), Stopping(1)).point == pytest.approx([100 + 2 * step], rel=1e-4)


@pytest.mark.parametrize(("spec", "has_bias"), [("tanh", False), ("relu", True)])
def test_a_descent_in_batches_finds_most_of_many_units_from_anywhere(spec, has_bias):
    rng = np.random.default_rng(2)
    problem, truth = planted(spec, rng, n=12000, d=8, m=8, has_bias=has_bias)
    rows = problem.split(truth)[0][:, :8]
    wide = problem.resized(None if problem.signs is None else np.tile([1.0, -1.0], 6), 12)
    theta = rng.standard_normal((12, wide.n_columns)) / 3
    stopping = Stopping()
    refined = minibatch_descent(wide, wide.join(theta, np.tile([1.0, -1.0], 6)), 40, 0.1, rng, stopping)
    assert len(refined.losses) == 41
    assert refined.squares < 0.02 * problem.energy
    assert wide.loss(refined.point) == pytest.approx(refined.squares, rel=0.5)
    found = wide.split(refined.point)[0][:, :8]
    cosines = np.abs(found @ rows.T) / np.linalg.norm(found, axis=1)[:, None] / np.linalg.norm(rows, axis=1)
    assert np.sum(cosines.max(axis=0) > 0.95) >= 6


def test_the_first_steps_of_a_descent_in_batches_have_the_asked_length_and_the_last_have_none():
    rng = np.random.default_rng(3)
    problem, truth = planted("tanh", rng, n=500, m=3)
    start = perturbed(truth, rng)
    amplitudes, theta = problem.units(start)
    lengths = np.r_[np.full(theta.size, np.sqrt(np.mean(theta**2))), np.full(3, np.sqrt(np.mean(amplitudes**2)))]
    moved = minibatch_descent(problem, start, 1, 0.02, rng, Stopping()).point - start
    assert np.abs(moved).max() == 0  # one batch, one step, and that is the last
    moved = minibatch_descent(problem, start, 2, 0.02, rng, Stopping()).point - start
    assert_allclose(np.abs(moved), 0.01 * lengths, rtol=1e-3)
