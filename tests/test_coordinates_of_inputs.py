"""Changed inputs: a fit of the mapped samples is the same function when it is taken back."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from twolayer.activation import activation
from twolayer.coordinates import Coordinates
from twolayer.model import UnitsProblem
from twolayer.moments import second_moment
from twolayer.search.directions import principal_directions, principal_inputs
from twolayer.teachers import conditioned, gaussian_samples

LIFTS = ["relu", "softplus", "squared_relu", "sigmoid", "tanh"]


def problem_on(X, spec, m, *, has_bias, is_lifted):
    signs = np.ones(m) if activation(spec).degree else None
    return UnitsProblem(X, np.ones(len(X)), activation(spec), m, signs=signs, has_bias=has_bias, is_lifted=is_lifted)


@pytest.mark.parametrize("is_lifted", [False, True])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("spec", LIFTS)
def test_a_fit_of_mapped_inputs_is_taken_back_to_the_same_function(spec, has_bias, is_lifted, rng):
    X, m = rng.standard_normal((30, 5)), 3
    change = Coordinates(rng.standard_normal(5) if has_bias else np.zeros(5), rng.standard_normal((2, 5)))
    mapped = problem_on((X - change.mean) @ change.A.T, spec, m, has_bias=has_bias, is_lifted=is_lifted)
    whole = problem_on(X, spec, m, has_bias=has_bias, is_lifted=is_lifted)
    z = rng.standard_normal(mapped.n_parameters)
    assert_allclose(change.apply_inputs(X), mapped.X, rtol=1e-14, atol=1e-14)
    assert_allclose(whole.residual(change.invert_point(mapped, z, whole)), mapped.residual(z), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("has_bias", [False, True])
def test_whitened_inputs_have_mean_zero_and_covariance_one(has_bias, rng):
    X = rng.standard_normal((400, 4)) @ (np.diag([0.1, 1, 5, 20]) @ rng.standard_normal((4, 4))) + 3 * has_bias
    white = Coordinates.white(X, has_bias).apply_inputs(X)
    if has_bias:
        assert_allclose(white.mean(axis=0), 0, atol=1e-10)
    assert_allclose(white.T @ white / len(X), np.eye(4), atol=1e-8)


def test_standard_gaussian_inputs_are_left_alone(rng):
    assert Coordinates.white(rng.standard_normal((200, 10)), False) is None
    assert Coordinates.white(rng.standard_normal((40, 10)), True) is None


def test_an_input_that_never_varies_is_sent_to_zero(rng):
    X = np.column_stack([100 * rng.standard_normal((50, 2)), np.full(50, 3.0)])
    white = Coordinates.white(X, True).apply_inputs(X)
    assert_allclose(white @ white.T, (white[:, :3] @ white[:, :3].T), atol=1e-9)
    assert np.linalg.matrix_rank(white, tol=1e-6) == 2


def test_principal_inputs_span_the_units():
    teacher = conditioned(12, 3, 2, "squared_relu", rng=0)
    X, y = gaussian_samples(teacher, 200_000, rng=1)
    change, _ = principal_inputs(second_moment(X, y), 3)
    assert change.A.shape == (3, 12)
    assert_allclose(change.A @ change.A.T, np.eye(3), atol=1e-12)
    lost = teacher.W - teacher.W @ change.A.T @ change.A
    assert np.linalg.norm(lost) < 0.03 * np.linalg.norm(teacher.W)


def test_the_spectrum_of_principal_inputs_is_that_of_the_mapped_samples():
    X, y = gaussian_samples(conditioned(8, 2, 2, "relu", rng=0), 4000, rng=1)
    spectrum = second_moment(X, y)
    change, reduced = principal_inputs(spectrum, 2)
    Z = change.apply_inputs(X)
    direct = Z.T @ (Z * spectrum.rest[:, None]) / len(X)
    assert_allclose(direct, np.diag(reduced.values), atol=1e-10)
    assert_allclose(reduced.affine, np.r_[change.A @ spectrum.affine[:8], spectrum.affine[8]], rtol=1e-12)


def test_inputs_that_would_not_be_halved_are_kept():
    X, y = gaussian_samples(conditioned(8, 5, 2, "relu", rng=0), 400, rng=1)
    assert principal_inputs(second_moment(X, y), 5) is None


def test_the_span_of_units_holds_each_of_them(rng):
    rows = rng.standard_normal((3, 7)) * np.array([[1.0], [1e-3], [50.0]])
    change = Coordinates.span_of(rows)
    assert_allclose(change.A @ change.A.T, np.eye(3), atol=1e-12)
    assert_allclose(change.apply_inputs(rows) @ change.A, rows, rtol=1e-9, atol=1e-12)
    assert not change.mean.any()


def test_principal_directions_are_unit_rows_in_the_span_of_the_leading_eigenvectors(rng):
    X, y = gaussian_samples(conditioned(8, 5, 2, "relu", rng=0), 400, rng=1)
    spectrum = second_moment(X, y)
    rows = principal_directions(spectrum, 5, rng)
    assert_allclose(np.linalg.norm(rows, axis=1), 1)
    assert_allclose(rows @ spectrum.vectors[:, 5:], 0, atol=1e-12)
    assert np.linalg.matrix_rank(rows) == 5
    assert principal_directions(spectrum, 8, rng) is None
