"""The certificate: standard errors, curvature and conditioning by their definitions."""

import json

import numpy as np
import pytest
from numpy.testing import assert_allclose

from twolayer.activation import activation
from twolayer.coordinates import Coordinates
from twolayer.evidence import curvature as curvature_module
from twolayer.evidence.certificate import Certificate, singular_value_conditioning
from twolayer.evidence.curvature import Curvature, curvature, normal_matrix
from twolayer.evidence.score_test import ScoreTest
from twolayer.evidence.standard_errors import StandardErrors, standard_errors
from twolayer.evidence.status import Status
from twolayer.model import UnitsProblem
from twolayer.model.reflections import network_of
from twolayer.network import TwoLayerNetwork
from twolayer.rows import some_rows
from twolayer.teachers import conditioned, random_units

CASES = [("relu", False), ("relu", True), ("tanh", False), ("softplus", True), ("squared_relu", True)]
cases = pytest.mark.parametrize(("spec", "has_bias"), CASES)


def network_problem(spec, has_bias, *, n=400, d=5, m=3, seed=0):
    """A problem with outer weights fixed where σ is homogeneous, and a point of it."""
    rng = np.random.default_rng(seed)
    network = random_units(d, m, 0.5 * has_bias, spec, rng)
    signs = np.sign(network.a) if network.activation.degree else None
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    problem = UnitsProblem(X, y, network.activation, m, signs=signs, has_bias=has_bias)
    theta = np.hstack([network.W, network.b[:, None]]) if has_bias else network.W
    return problem, problem.join(theta, network.a, constant=0.3)


def jacobian(problem, point):
    return np.vstack([J for _, _, J in problem.jacobian_blocks(point)])


def scaled_eigenvalues(problem, point):
    """Eigenvalues of JᵀJ / n of the same function written on standardised inputs, each row, outer weight in its size.

    Only the definition: J by differences of the model itself, with parameters moved in their own units.
    """
    X, has_bias = problem.X, problem.has_bias
    mean = X.mean(axis=0) if has_bias else np.zeros(X.shape[1])
    spread = np.sqrt(np.mean((X - mean) ** 2, axis=0))
    v, theta = problem.units(point)
    d = X.shape[1]
    rows = theta[:, :d] * spread
    if has_bias:
        rows = np.column_stack([rows, theta[:, d] + theta[:, :d] @ mean])
    same = UnitsProblem(
        (X - mean) / spread, problem.y, problem.activation, problem.width, signs=problem.signs, has_bias=has_bias
    )
    there = same.join(rows, v, constant=problem.constant(point))
    sizes = np.repeat(np.linalg.norm(rows, axis=1), rows.shape[1])
    sizes = np.r_[sizes, np.abs(v) if problem.signs is None else [], [1.0] * has_bias]
    J = jacobian(same, there) * sizes
    return np.linalg.eigvalsh(J.T @ J / problem.n_rows)


# Standard errors


@cases
def test_standard_errors_are_those_of_least_squares(spec, has_bias):
    problem, point = network_problem(spec, has_bias)
    J = jacobian(problem, point)
    expected = 0.7 * np.sqrt(np.linalg.inv(J.T @ J).diagonal())
    found = standard_errors(problem, point, normal_matrix(problem, point), 0.7)
    m, d, D = 3, 5, 5 + has_bias
    rows = expected[: m * D].reshape(m, D)
    assert found.is_exact
    assert_allclose(found.W, rows[:, :d], rtol=1e-8)
    assert_allclose(found.b, rows[:, d] if has_bias else np.zeros(m), rtol=1e-8)
    free = problem.signs is None
    assert_allclose(found.a, expected[m * D : m * D + m] if free else np.zeros(m), rtol=1e-8)
    assert found.constant == pytest.approx(expected[-1] if has_bias else 0.0, rel=1e-8)


@pytest.mark.parametrize(
    ("spec", "has_bias", "off"), [("relu", False, 0.1), ("squared_relu", True, 0.2), ("tanh", True, 0.3)]
)
def test_probed_standard_errors_are_near_the_exact_ones(spec, has_bias, off):
    problem, point = network_problem(spec, has_bias, n=4000, d=30, m=4)
    exact = standard_errors(problem, point, normal_matrix(problem, point), 0.7)
    probed = standard_errors(problem, point, None, 0.7)
    assert not probed.is_exact
    pairs = [(probed.W, exact.W), (probed.b, exact.b), (probed.a, exact.a)]
    ratios = np.concatenate([(one[two > 0] / two[two > 0]).ravel() for one, two in pairs])
    assert len(ratios) >= 120
    assert np.sqrt(np.mean(np.log(ratios) ** 2)) < off
    assert np.abs(np.log(ratios)).max() < np.log(2.5)


@pytest.mark.parametrize("is_probed", [False, True])
@pytest.mark.parametrize("spec", ["squared_relu", "tanh"])
def test_standard_errors_on_the_samples_as_given_are_those_of_least_squares_there(spec, is_probed):
    """Far from the origin, where the error of a bias is that of a sum, and in other units."""
    inner, point = network_problem(spec, True, n=4000, d=30, m=4)
    mean, units = np.where(np.arange(30) % 3, 0.0, 40.0), np.where(np.arange(30) % 2, 1e3, 1e-2)
    own = Coordinates(mean * units, 1 / units, 3.0, 50.0)
    outer, stretch = own.stretch(network_of(inner, point))
    v, theta = inner.units(point)
    given = UnitsProblem(inner.X * units + own.mean, inner.y, inner.activation, 4, signs=inner.signs, has_bias=True)
    there = given.join(own.invert_rows(theta), v)
    expected = standard_errors(given, there, given.normal_equations(there)[2], 0.7)
    H = None if is_probed else normal_matrix(inner, point)
    found = standard_errors(inner, point, H, 0.7, own)
    off = np.log(2.5) if is_probed else 1e-4
    assert np.abs(np.log(found.W / (stretch * expected.W))).max() < off
    assert np.abs(np.log(found.b / (stretch * expected.b))).max() < off
    assert found.constant == pytest.approx(50.0 * expected.constant, rel=1.5 if is_probed else 1e-4)
    if spec == "tanh":
        assert np.abs(np.log(found.a / (outer * expected.a))).max() < off


def test_the_weight_of_a_dead_unit_is_unknown():
    """A unit with outer weight 0 leaves no trace of its input weights."""
    rng = np.random.default_rng(1)
    problem = UnitsProblem(rng.standard_normal((50, 2)), rng.standard_normal(50), activation("tanh"), 2)
    point = problem.join(rng.standard_normal((2, 2)), np.array([1.0, 0.0]))
    errors = standard_errors(problem, point, normal_matrix(problem, point), 0.1)
    assert (errors.W[1] > 1e10).all()
    assert (errors.W[0] < 1).all()


def test_a_normal_matrix_of_very_many_rows_is_taken_from_some_of_them():
    problem, point = network_problem("tanh", True, n=25_000, d=20, m=10)
    J = jacobian(problem, point)
    H, whole = np.tril(normal_matrix(problem, point)), np.tril(J.T @ J)
    rows = some_rows(25_000, 100 * problem.n_parameters)
    some = J[rows]
    assert len(some) == 100 * problem.n_parameters
    assert_allclose(H, np.tril(some.T @ some) * 25_000 / len(some), atol=1e-9 * whole.max())
    assert np.abs(H - whole).max() < 0.15 * whole.max()


def test_a_large_normal_matrix_is_not_formed(monkeypatch):
    problem, point = network_problem("tanh", True)
    monkeypatch.setattr(curvature_module, "MOST_DENSE_PARAMETERS", problem.n_parameters)
    assert_allclose(
        np.tril(normal_matrix(problem, point)), np.tril(jacobian(problem, point).T @ jacobian(problem, point))
    )
    monkeypatch.setattr(curvature_module, "MOST_DENSE_PARAMETERS", problem.n_parameters - 1)
    assert normal_matrix(problem, point) is None


# Curvature and conditioning


@cases
def test_the_curvature_is_that_of_the_scaled_normal_matrix(spec, has_bias):
    problem, point = network_problem(spec, has_bias)
    values = scaled_eigenvalues(problem, point)
    found = curvature(problem, point, normal_matrix(problem, point), is_held_out=True)
    assert (found.n_rows, found.is_held_out) == (400, True)
    assert found.smallest == pytest.approx(values[0], rel=1e-6)
    assert found.largest == pytest.approx(values[-1], rel=1e-9)


@pytest.mark.parametrize(
    ("spec", "has_bias"), [("relu", False), ("relu", True), ("tanh", False), ("squared_relu", True)]
)
def test_the_matrix_free_curvature_is_a_tenth_off_at_most(spec, has_bias):
    problem, point = network_problem(spec, has_bias, n=3000, d=12, m=4)
    values = scaled_eigenvalues(problem, point)
    found = curvature(problem, point, None, is_held_out=False)
    assert 1 - 1e-5 < found.smallest / values[0] < 1.1  # a Rayleigh quotient
    assert 0.9 < found.largest / values[-1] < 1 + 1e-5


@pytest.mark.parametrize("is_dense", [True, False])
def test_a_flat_direction_is_seen(is_dense):
    """With free outer weights, the scale of a relu unit is in two places."""
    rng = np.random.default_rng(2)
    problem = UnitsProblem(rng.standard_normal((2000, 8)), rng.standard_normal(2000), activation("relu"), 3)
    point = problem.join(rng.standard_normal((3, 8)), rng.standard_normal(3))
    found = curvature(problem, point, normal_matrix(problem, point) if is_dense else None, is_held_out=False)
    assert abs(found.smallest) < (1e-12 if is_dense else 1e-5) * found.largest


def test_the_curvature_does_not_depend_on_the_units_of_the_inputs():
    problem, point = network_problem("tanh", False)
    units = np.array([1e3, 1e-3, 7.0, 1.0, 0.2])
    other = UnitsProblem(problem.X * units, problem.y, problem.activation, problem.width)
    v, theta = problem.units(point)
    scaled = other.join(theta / units, v)
    one, two = (curvature(p, z, normal_matrix(p, z), is_held_out=False) for p, z in ((problem, point), (other, scaled)))
    assert two.smallest == pytest.approx(one.smallest, rel=1e-6)


@pytest.mark.parametrize(("is_dense", "distance"), [(True, 500.0), (False, 1.0)])
def test_the_curvature_does_not_depend_on_where_the_inputs_are(is_dense, distance):
    problem, point = network_problem("relu", True, n=2000)
    shift = np.linspace(-distance, distance, problem.X.shape[1])
    other = UnitsProblem(
        problem.X + shift, problem.y, problem.activation, problem.width, signs=problem.signs, has_bias=True
    )
    v, theta = problem.units(point)
    moved = other.join(
        np.column_stack([theta[:, :-1], theta[:, -1] - theta[:, :-1] @ shift]), v, constant=problem.constant(point)
    )
    here = curvature(problem, point, normal_matrix(problem, point), is_held_out=False)
    there = curvature(other, moved, normal_matrix(other, moved) if is_dense else None, is_held_out=False)
    assert there.smallest == pytest.approx(here.smallest, rel=1e-3 if is_dense else 0.3)


def test_conditioning_is_that_of_the_planted_weights():
    kappa, lambda_ = singular_value_conditioning(conditioned(9, 4, 3.0, rng=0))
    assert kappa == pytest.approx(3.0)
    assert lambda_ == pytest.approx(1 * (5 / 3) * (7 / 3) * 3)  # singular values 1, 5/3, 7/3, 3


@pytest.mark.parametrize(
    "W", [np.zeros((0, 3)), np.ones((1, 3)) * 0, np.ones((2, 1)), np.random.default_rng(0).random((4, 3))]
)
def test_dependent_units_are_infinitely_badly_conditioned(W):
    assert singular_value_conditioning(TwoLayerNetwork(np.ones(len(W)), W)) == (np.inf, np.inf)


# What is said


def test_only_two_statuses_are_certified_and_every_one_gives_advice():
    assert {status for status in Status if status.is_certified} == {Status.CERTIFIED, Status.CERTIFIED_WITH_NOISE}
    assert all(status.value.endswith(".") and len(status.value) > 40 for status in Status)


def example(**changes):
    errors = StandardErrors(np.array([0.25]), np.array([[0.5, np.inf]]), np.zeros(1), 0.125, is_exact=True)
    values = {
        "n_rows": 30,
        "n_parameters": 4,
        "width": 1,
        "residual": 0.01,
        "noise": 0.02,
        "held_out_residual": 0.011,
        "kappa": np.inf,
        "lambda_": 2.0,
        "curvature": Curvature(0.5, 2.0, np.int64(30), np.bool_(True)),
        "standard_errors": errors,
        "score_test": ScoreTest(1.5, 0.25, 7),
        "wider_gain": 0.1,
        "narrower_loss": None,
        "notes": ("A note.",),
    }
    return Certificate(**(values | changes))


def test_a_certificate_becomes_json():
    plain = example().to_dict()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["kappa"] is None
    assert plain["standard_errors"]["W"] == [[0.5, None]]
    assert plain["curvature"] == {"smallest": 0.5, "largest": 2.0, "n_rows": 30, "is_held_out": True}
    assert plain["score_test"] == {"statistic": 1.5, "p_value": 0.25, "n_features": 7}
    assert plain["notes"] == ["A note."]


def test_a_summary_says_what_there_is():
    summary = example().summary()
    for words in ("1 units, 4 parameters, 30 rows", "1.1e-02", "5.0e-01 on held-out rows", "p = 0.25", "A note."):
        assert words in summary
    shorter = example(held_out_residual=None, score_test=None, notes=()).summary()
    assert "residual on held-out" not in shorter
    assert "score test" not in shorter
