"""The least-squares problem of the units: its model, derivatives and products against their definitions."""

from functools import cache
from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose

from lifted_models import LIFTS, PARITIES, SlowModel, left_behind, random_problem, slow_psi
from networks import SPECS
from twolayer.activation import activation
from twolayer.model import UnitsProblem
from twolayer.model import problem as problem_module
from twolayer.model.problem import BLOCK_ROWS

SINGLE = 3e-6  # of float32 products, relative to the largest entry
CASES = [
    pytest.param(spec, has_bias, is_lifted, is_fixed, id=f"{spec}-{has_bias:d}{is_lifted:d}{is_fixed:d}")
    for spec, has_bias, is_lifted, is_fixed in product(LIFTS + PARITIES, [False, True], [False, True], [False, True])
    if spec in LIFTS or not is_lifted
]
every_case = pytest.mark.parametrize(("spec", "has_bias", "is_lifted", "is_fixed"), CASES)


def case(spec, has_bias, is_lifted, is_fixed, **keywords):
    rng = np.random.default_rng(3)
    return random_problem(spec, has_bias=has_bias, is_lifted=is_lifted, is_fixed=is_fixed, rng=rng, **keywords)


# The model


@every_case
def test_the_model_is_the_sum_over_units_and_what_reflections_leave(spec, has_bias, is_lifted, is_fixed):
    problem, z = case(spec, has_bias, is_lifted, is_fixed)
    slow = SlowModel(problem)
    assert_allclose(problem.residual(z), slow.residual(z), rtol=1e-12, atol=1e-12)
    assert problem.loss(z) == pytest.approx(np.sum(slow.residual(z) ** 2), rel=1e-12)


@pytest.mark.parametrize("spec", LIFTS)
def test_what_the_units_compute_has_the_parity_of_the_reflection_when_lifted(spec):
    problem, z = case(spec, True, True, False)
    theta = problem.units(z)[1]
    forth, back = (problem.unit_block(slice(0, 7), sign * theta) for sign in (1, -1))
    assert problem.unit_parity == problem.activation.reflection.sign
    assert_allclose(back, problem.unit_parity * forth, rtol=1e-12, atol=1e-12)
    t = problem.inputs(slice(0, 7)) @ theta.T
    assert_allclose(forth, slow_psi(problem.activation, t, is_lifted=True), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("spec", SPECS)
def test_units_without_a_lift_have_the_parity_of_the_activation(spec):
    problem = case(spec, False, False, False)[0]
    assert problem.unit_parity == activation(spec).parity


@pytest.mark.parametrize("spec", PARITIES)
def test_an_activation_that_leaves_nothing_behind_is_not_lifted(spec):
    assert left_behind(activation(spec)) == -1
    problem, z = case(spec, True, True, False)
    plain = case(spec, True, False, False)[0]
    assert not problem.is_lifted
    assert problem.n_parameters == plain.n_parameters
    assert_allclose(problem.residual(z), plain.residual(z), rtol=0, atol=0)


@pytest.mark.parametrize("spec", LIFTS)
def test_turning_a_lifted_unit_changes_nothing(spec):
    problem, z = case(spec, True, True, False)
    v, theta = problem.units(z)
    turned = z.copy()
    rows, c = problem.split(turned)
    rows[0] = -theta[0]
    c[0] = problem.unit_parity * v[0]
    if problem.has_quadratic:
        c[problem.n_amplitudes + 1] *= -1  # the entry (0, 1) of Q
    assert_allclose(problem.residual(turned), problem.residual(z), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("spec", "has_bias", "expected"),
    [
        ("relu", False, 2 * 3 + 3 + 2),  # units, linear part, outer weights
        ("relu", True, 2 * 4 + 4 + 2),  # the affine part holds the constant
        ("squared_relu", False, 2 * 3 + 2 + 3),  # units, outer weights, symmetric 2 x 2
        ("squared_relu", True, 2 * 4 + 2 + 3 + 1),
        ("sigmoid", False, 2 * 3 + 2 + 1),
        ("sigmoid", True, 2 * 4 + 2 + 1),
        ("tanh", False, 2 * 3 + 2),
        ("tanh", True, 2 * 4 + 2 + 1),
    ],
)
def test_the_lift_has_as_many_parameters_as_reflections_can_use(spec, has_bias, expected):
    assert case(spec, has_bias, True, False)[0].n_parameters == expected


def test_fixed_outer_weights_are_no_parameters():
    free, fixed = (case("relu", True, True, is_fixed)[0] for is_fixed in (False, True))
    assert free.n_parameters - fixed.n_parameters == free.width
    z = np.arange(fixed.n_parameters, dtype=float)
    assert_allclose(fixed.units(z)[0], [1, -1])


# Parameters


@every_case
def test_a_point_is_joined_from_its_parts(spec, has_bias, is_lifted, is_fixed):
    problem, z = case(spec, has_bias, is_lifted, is_fixed)
    v, theta = problem.units(z)
    parts = {"constant": problem.constant(z)}
    if problem.has_linear_row:
        parts["linear"] = problem.linear_part(z)
    if problem.has_quadratic:
        Q = problem.quadratic_form(z)
        assert_allclose(Q, SlowModel(problem).unpack(z)[3])
        parts["quadratic"] = Q
    assert_allclose(problem.join(theta, v, **parts), z)


@every_case
def test_a_constant_moves_the_model_wherever_it_is_kept(spec, has_bias, is_lifted, is_fixed):
    problem, z = case(spec, has_bias, is_lifted, is_fixed)
    v, theta = problem.units(z)
    with_constant, without = (problem.join(theta, v, constant=constant) for constant in (1.25, 0.0))
    moved = 1.25 if has_bias or SlowModel(problem).has_constant else 0.0
    assert_allclose(problem.residual(with_constant) - problem.residual(without), moved, atol=1e-12)


def test_the_parts_of_a_point_are_views():
    problem, z = case("relu", True, True, False)
    rows, c = problem.split(z)
    rows[0, 0], c[-1] = 7.0, 8.0
    assert z[0] == 7
    assert z[-1] == 8
    assert rows.size + c.size == z.size


def test_a_resized_problem_keeps_everything_but_its_units():
    problem, z = case("squared_relu", True, True, False, ridge=0.3)
    problem.gauss_newton_product(problem.linearize(z), z)
    other = problem.resized(np.array([1.0, -1.0, 1.0]), 3)
    fresh = UnitsProblem(
        problem.X,
        problem.y,
        problem.activation,
        3,
        signs=np.array([1.0, -1.0, 1.0]),
        has_bias=True,
        is_lifted=True,
        ridge=0.3,
    )
    at = np.random.default_rng(0).standard_normal(fresh.n_parameters)
    assert other.n_parameters == fresh.n_parameters
    assert other.loss(at) == fresh.loss(at)
    point = fresh.linearize(at)
    assert_allclose(other.gauss_newton_product(point, at), fresh.gauss_newton_product(point, at), rtol=0, atol=0)


def test_the_same_problem_on_other_rows_keeps_all_else():
    problem, z = case("squared_relu", True, True, True, ridge=0.3)
    halves = [problem.on(problem.X[rows], problem.y[rows]) for rows in (slice(0, 4), slice(4, None))]
    penalty = 0.3 * np.sum((SlowModel(problem).penalized_mask(len(z)) * z) ** 2)
    assert penalty > 0
    assert problem.loss(z) == pytest.approx(sum(half.loss(z) for half in halves) - penalty, rel=1e-12)
    assert all(half.n_parameters == problem.n_parameters for half in halves)


# Derivatives


@cache
def differentiated(*which):
    """A case with a ridge of 0.7, its slow residual and Jacobian, and the entries that the ridge counts."""
    problem, z = case(*which, ridge=0.7)
    slow = SlowModel(problem)
    return problem, z, slow.residual(z), slow.jacobian(z), slow.penalized_mask(len(z))


@every_case
def test_the_jacobian_is_the_derivative_of_the_residual(spec, has_bias, is_lifted, is_fixed):
    problem, z, residual, jacobian, _ = differentiated(spec, has_bias, is_lifted, is_fixed)
    ((rows, r, J),) = problem.jacobian_blocks(z)
    assert rows == slice(0, problem.n_rows)
    assert_allclose(r, residual, rtol=1e-12, atol=1e-12)
    assert_allclose(J, jacobian, rtol=1e-9, atol=1e-9)


@every_case
def test_normal_equations_and_linearization_are_made_of_the_jacobian(spec, has_bias, is_lifted, is_fixed):
    problem, z, r, J, mask = differentiated(spec, has_bias, is_lifted, is_fixed)
    loss = r @ r + 0.7 * np.sum((mask * z) ** 2)
    gradient, H = J.T @ r + 0.7 * mask * z, J.T @ J + 0.7 * np.diag(mask)
    found_loss, found_gradient, found_H = problem.normal_equations(z)
    at = problem.linearize(z)
    for other in (problem.loss(z), found_loss, at.loss):
        assert other == pytest.approx(loss, rel=1e-12)
    for other in (found_gradient, at.gradient):
        assert_allclose(other, gradient, atol=1e-9 * np.abs(gradient).max())
    assert_allclose(np.tril(found_H), np.tril(H), atol=1e-9 * np.abs(H).max())


@every_case
def test_the_gradient_of_a_batch_is_that_of_the_mean_over_its_rows(spec, has_bias, is_lifted, is_fixed):
    problem, z, r, J, _ = differentiated(spec, has_bias, is_lifted, is_fixed)
    chosen = np.array([1, 4, 5])
    squares, gradient = problem.batch_gradient(chosen, z)
    expected = J[chosen].T @ r[chosen] / 3
    assert squares == pytest.approx(r[chosen] @ r[chosen], rel=1e-4)
    assert_allclose(gradient, expected, atol=10 * SINGLE * np.abs(J[chosen]).max() * np.abs(r[chosen]).max())


@every_case
def test_products_and_pull_backs_are_those_of_the_jacobian(spec, has_bias, is_lifted, is_fixed):
    problem, z, r, J, mask = differentiated(spec, has_bias, is_lifted, is_fixed)
    rng = np.random.default_rng(1)
    at, u, weights = problem.linearize(z), rng.standard_normal(len(z)), rng.standard_normal(len(r))
    pushed, pulled = J.T @ (J @ u) + 0.7 * mask * u, J.T @ weights
    assert_allclose(problem.gauss_newton_product(at, u), pushed, atol=SINGLE * np.abs(pushed).max())
    assert_allclose(problem.pull_back(at, weights), pulled, atol=SINGLE * np.abs(pulled).max())


@every_case
def test_grams_are_those_of_slopes_and_features(spec, has_bias, is_lifted, is_fixed):
    problem, z, _, J, _ = differentiated(spec, has_bias, is_lifted, is_fixed)
    at, x = problem.linearize(z), problem.inputs(slice(0, problem.n_rows))
    edge = problem.n_rows_of_units * problem.n_columns
    along = (J[:, :edge].reshape(len(x), -1, problem.n_columns) * x[:, None]).sum(axis=2)
    slopes, features = along / np.sum(x**2, axis=1)[:, None], J[:, edge:]  # J = [S ⊗ x̃, Φ]
    for found, expected, tolerance in [
        (at.slopes, slopes, SINGLE),
        (at.features, features, SINGLE),
        (at.slope_gram, slopes.T @ slopes, 1e-9),
        (at.feature_gram, features.T @ features, 1e-9),
    ]:
        assert_allclose(found, expected, atol=tolerance * max(np.abs(expected).max(initial=0.0), 1.0))


# Several blocks of rows, and single precision


@pytest.mark.parametrize("spec", ["relu", "squared_relu", "sigmoid"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_many_blocks_of_rows_are_summed(spec, dtype, monkeypatch):
    monkeypatch.setattr(problem_module, "_JACOBIAN_BLOCK_ENTRIES", 1)
    rng, n = np.random.default_rng(5), 2 * BLOCK_ROWS + 5
    X, y = rng.standard_normal((n, 2)).astype(dtype), rng.standard_normal(n).astype(dtype)
    problem = UnitsProblem(X, y, activation(spec), 2, has_bias=True, is_lifted=True)
    z = rng.standard_normal(problem.n_parameters)
    parts = [slice(start, min(start + 1000, n)) for start in range(0, n, 1000)]
    alone = [UnitsProblem(X[part], y[part], activation(spec), 2, has_bias=True, is_lifted=True) for part in parts]
    sums = [part.normal_equations(z) for part in alone]
    loss, gradient, H = (sum(terms) for terms in zip(*sums, strict=True))
    found_loss, found_gradient, found_H = problem.normal_equations(z)
    at, u, w = problem.linearize(z), rng.standard_normal(len(z)), rng.standard_normal(n)
    residuals = np.concatenate([part.residual(z) for part in alone])
    assert_allclose(problem.residual(z), residuals, rtol=1e-12, atol=1e-12)
    assert [found_loss, at.loss, problem.loss(z)] == pytest.approx([loss] * 3, rel=1e-12)
    for other in (found_gradient, at.gradient):
        assert_allclose(other, gradient, atol=1e-11 * np.abs(gradient).max())
    assert_allclose(np.tril(found_H), np.tril(H), atol=1e-11 * np.abs(H).max())
    full = np.tril(H) + np.tril(H, -1).T
    assert_allclose(problem.gauss_newton_product(at, u), full @ u, atol=SINGLE * np.abs(full @ u).max())
    pulled = sum(part.pull_back(part.linearize(z), w[rows]) for part, rows in zip(alone, parts, strict=True))
    assert_allclose(problem.pull_back(at, w), pulled, atol=SINGLE * np.abs(pulled).max())


def test_inputs_too_many_for_a_copy_in_single_precision_do_as_well(monkeypatch):
    problem, z = case("relu", True, True, False)
    with_copy = problem.gauss_newton_product(problem.linearize(z), z)
    monkeypatch.setattr(problem_module, "_SINGLE_COPY_ENTRIES", 0)
    other = case("relu", True, True, False)[0]
    assert_allclose(other.gauss_newton_product(other.linearize(z), z), with_copy, rtol=0, atol=0)


def test_a_loss_too_large_for_a_number_is_infinite_without_a_warning():
    problem, z = case("quadratic", False, False, False)
    assert problem.loss(1e80 * z) == np.inf


def test_the_energy_of_labels_is_their_squared_norm():
    problem = case("relu", False, False, False, dtype=np.float32)[0]
    assert problem.energy == pytest.approx(sum(float(value) ** 2 for value in problem.y), rel=1e-14)
    silent = UnitsProblem(problem.X, 0 * problem.y, problem.activation, 2)
    assert silent.energy == 1
