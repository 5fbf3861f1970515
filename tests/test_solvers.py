"""What the solvers share, each against a slow definition."""

import doctest

import numpy as np
import pytest
from numpy.testing import assert_allclose

from twolayer import solvers
from twolayer.solvers import Adam, NielsenDamping, conjugate_gradients


def positive(size, rng):
    G = rng.standard_normal((size, size))
    return G @ G.T + np.eye(size)


def test_the_examples_are_as_written():
    assert doctest.testmod(solvers).failed == 0


# Conjugate gradients


def test_conjugate_gradients_solve_a_positive_definite_system(rng):
    A, b = positive(12, rng) + np.diag(10.0 ** (np.arange(12) / 3)), rng.standard_normal(12)
    jacobi = A.diagonal()
    x = conjugate_gradients(lambda u: A @ u, b, lambda u: u / jacobi, 1e-28, 60)
    assert_allclose(x, np.linalg.solve(A, b), rtol=1e-9)


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_each_step_is_the_best_of_its_krylov_space(steps, rng):
    # x_k minimises x'Ax/2 - b'x over span(Mb, MAMb, ...), in the coordinates of which it is a small linear system
    A, b, M = positive(9, rng), rng.standard_normal(9), np.diag(rng.uniform(0.5, 2, 9))
    K = np.column_stack([np.linalg.matrix_power(M @ A, k) @ M @ b for k in range(steps)])
    K = np.linalg.qr(K)[0]
    expected = K @ np.linalg.solve(K.T @ A @ K, K.T @ b)
    assert_allclose(conjugate_gradients(lambda u: A @ u, b, lambda u: M @ u, 0.0, steps), expected, rtol=1e-6)


def test_unknowns_of_any_shape_are_those_of_the_flat_system(rng):
    A, b = positive(6, rng), rng.standard_normal((2, 3))
    flat = conjugate_gradients(lambda u: A @ u, b.ravel(), lambda u: u / 2, 1e-6, 10)
    shaped = conjugate_gradients(
        lambda u: (A @ u.ravel()).reshape(2, 3), np.asfortranarray(b), lambda u: (u / 2).T.copy().T, 1e-6, 10
    )
    assert_allclose(shaped, flat.reshape(2, 3), rtol=1e-12)


def test_conjugate_gradients_stop_when_the_preconditioned_norm_has_fallen(rng):
    A, b = np.diag(np.linspace(1.0, 100.0, 40)), rng.standard_normal(40)
    M = np.linspace(1.0, 0.1, 40)
    for tolerance in (1e-1, 1e-3, 1e-6):
        x = conjugate_gradients(lambda u: A @ u, b, lambda u: M * u, tolerance, 100)
        residual = b - A @ x
        assert 1e-3 * tolerance < (residual @ (M * residual)) / (b @ (M * b)) <= tolerance
    assert_allclose(conjugate_gradients(lambda u: A @ u, b, lambda u: u, 0.0, 1), b * (b @ b) / (b @ A @ b), rtol=1e-12)


def test_conjugate_gradients_stop_where_the_matrix_is_not_positive():
    for matrix in (-1.0, np.nan):
        x = conjugate_gradients(lambda u: matrix * u, np.ones(3), lambda u: u, 1e-9, 10)  # noqa: B023 - called at once
        assert (x == 0).all()


# Damping


@pytest.mark.parametrize("gain", [0.0, 0.1, 0.5, 0.8, 1.0, 3.0, 1e200])
def test_the_damping_after_a_step_is_nielsens(gain):
    rule = NielsenDamping(2.0, growth=16.0)
    rule.succeed(gain)
    expected = 2.0 * max(0.1, 1 - (2 * gain - 1) ** 3) if gain < 1e100 else 0.2
    assert rule.value == pytest.approx(expected, rel=1e-15)
    assert rule.growth == 2.0


def test_failures_damp_ever_more_and_success_forgets_them():
    rule, values = NielsenDamping(1.0), []
    for _ in range(4):
        rule.fail()
        values.append(rule.value)
    assert values == [2.0, 8.0, 64.0, 1024.0]
    rule.succeed(0.5)
    rule.fail()
    assert rule.value == 2048.0


def test_the_damping_has_a_floor():
    rule = NielsenDamping(1e-14, least=5e-15)
    rule.succeed(1.0)
    assert rule.value == 5e-15
    rule.fail()
    assert rule.value == 1e-14


# Adam


def test_adam_follows_its_definition(rng):
    gradients = rng.standard_normal((7, 3, 2)) * 1e-7  # so small that the epsilon counts
    rule = Adam((3, 2), 0.8, 0.95, 1e-8)
    for k, gradient in enumerate(gradients, 1):
        ages = np.arange(k - 1, -1, -1)
        mean = np.tensordot(0.2 * 0.8**ages, gradients[:k], 1) / (1 - 0.8**k)
        square = np.tensordot(0.05 * 0.95**ages, gradients[:k] ** 2, 1) / (1 - 0.95**k)
        assert_allclose(rule.direction(gradient), mean / (np.sqrt(square) + 1e-8), rtol=1e-12)


def test_the_first_direction_of_adam_is_the_sign_of_the_gradient():
    assert_allclose(Adam(3).direction(np.array([5.0, -1e-3, 0.0])), [1.0, -1.0, 0.0], rtol=1e-4)
