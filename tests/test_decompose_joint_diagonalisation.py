"""Tests of joint diagonalisation: its equations against definitions, and what it recovers."""

import re

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize

from decomposition_problems import factor_distances, factors_of
from twolayer.decompose import DIAGONALISERS, joint_diagonalise
from twolayer.decompose.jacobi import jacobi
from twolayer.decompose.joint_diagonalisation import ffdiag, uniform
from twolayer.decompose.pencil import pencil_vectors
from twolayer.decompose.slice_fit import SliceFit, fit_slices
from twolayer.errors import InputError

NONORTHOGONAL = [name for name in DIAGONALISERS if name != "jacobi"]


def planted_slices(k, count, seed, kind="gaussian", level=0.0):
    """Slices A D_l Aᵀ with diagonals of both signs, noise of relative norm `level`, and the rows of Aᵀ."""
    rng = np.random.default_rng((seed, k, count, 3))
    factors = factors_of(k, k, kind, rng)
    D = rng.standard_normal((count, k))
    C = np.einsum("ia,li,ib->lab", factors, D, factors)
    E = rng.standard_normal(C.shape)
    E = E + E.transpose(0, 2, 1)
    return C + level * np.linalg.norm(C) / np.linalg.norm(E) * E, factors


def misfit(C, A):
    """Half the squared residual of C_l - A D_l Aᵀ at the best diagonals, slice by slice, by ordinary least squares."""
    terms = np.column_stack([np.outer(a, a).ravel() for a in A.T])
    residuals = [c.ravel() - terms @ np.linalg.lstsq(terms, c.ravel(), rcond=None)[0] for c in C]
    return 0.5 * sum(r @ r for r in residuals)


@pytest.mark.parametrize("kind", ["orthogonal", "gaussian", "coherent"])
@pytest.mark.parametrize("method", NONORTHOGONAL)
def test_exact_slices_are_diagonalised_to_rounding(method, kind):
    for k, count in [(2, 2), (5, 3), (9, 30), (20, 20)]:
        C, factors = planted_slices(k, count, 0, kind)
        found = joint_diagonalise(C, method, rng=1)
        assert found.is_converged
        assert found.residual < 1e-12
        assert factor_distances(found.A.T, factors).max() < 1e-10
        assert np.abs((found.A * found.D[:, None, :]) @ found.A.T - C).max() < 1e-11


def test_sixty_dimensions_with_noise_end_at_the_noise_level():
    C, factors = planted_slices(60, 90, 0, level=0.1)
    found = joint_diagonalise(C, rng=0)
    assert found.is_converged
    assert found.residual < 0.1
    assert factor_distances(found.A.T, factors).max() < 0.03


def test_jacobi_diagonalises_orthogonal_slices_and_only_those():
    for k, count in [(1, 2), (2, 4), (7, 5), (12, 30)]:
        C, factors = planted_slices(k, count, 0, "orthogonal")
        found = joint_diagonalise(C, "jacobi", rng=0)
        assert found.residual < 1e-13
        assert factor_distances(found.A.T, factors).max() < 1e-12
    C, _ = planted_slices(7, 5, 0, "gaussian")
    Q = joint_diagonalise(C, "jacobi", rng=0).A
    assert np.abs(Q.T @ Q - np.eye(7)).max() < 1e-13
    assert joint_diagonalise(C, "jacobi", rng=0).residual > 0.1


def test_a_jacobi_rotation_of_two_dimensions_is_the_best_of_all_angles():
    C, _ = planted_slices(2, 6, 1, "orthogonal", level=0.5)
    Q, _ = jacobi(C, np.eye(2))

    def off(angle):
        c, s = np.cos(angle), np.sin(angle)
        R = np.array([[c, -s], [s, c]])
        return np.sum((R.T @ C @ R)[:, 0, 1] ** 2)

    best = min(off(angle) for angle in np.linspace(0, np.pi / 2, 20001))
    assert np.sum((Q.T @ C @ Q)[:, 0, 1] ** 2) == pytest.approx(best, rel=1e-6)


def test_the_first_order_mixing_solves_its_pairwise_least_squares_problems():
    # V = I: E_ij, E_ji minimise Σ_l ((C_l)_ij - E_ij D_lj - E_ji D_li)²; a small correction makes the step (I + E)^-1 V
    C, _ = planted_slices(4, 7, 2, level=0.1)
    C = np.stack([np.diag(np.diag(c)) + 1e-3 * c for c in C])
    D = np.einsum("lii->li", C)
    E = np.zeros((4, 4))
    for i in range(4):
        for j in range(i):
            pair = np.column_stack([D[:, j], D[:, i]])
            E[i, j], E[j, i] = np.linalg.lstsq(pair, C[:, i, j], rcond=None)[0]
    expected = np.linalg.inv(np.eye(4) + E)
    V, _ = uniform(C, np.eye(4), max_steps=1)
    assert np.abs(E).max() < 0.1
    assert np.abs(V / np.diag(V)[:, None] - expected / np.diag(expected)[:, None]).max() < 1e-12
    V, _ = ffdiag(C, np.eye(4), max_steps=1)
    assert np.abs(V / np.diag(V)[:, None] - (np.eye(4) - E)).max() < 1e-12


def test_uniform_is_quadratic_at_an_exact_solution():
    C, factors = planted_slices(8, 12, 0)
    off = np.random.default_rng(0).standard_normal((8, 8))
    V = np.linalg.inv(factors.T) + 1e-2 * off
    errors = []
    for _ in range(4):
        errors.append(factor_distances((np.linalg.inv(V) / np.linalg.norm(np.linalg.inv(V), axis=0)).T, factors).max())
        V, _ = uniform(C, V, max_steps=1)
    assert errors[0] > 1e-3
    assert errors[2] < errors[1] ** 1.7 < 1e-4
    assert errors[3] < max(errors[2] ** 1.7, 1e-13)


def test_uniform_and_ffdiag_have_the_same_fixed_points():
    C, _ = planted_slices(6, 20, 0, "orthogonal", level=0.05)
    start = np.eye(6) + 0.01 * np.random.default_rng(0).standard_normal((6, 6))
    _, V = pencil_vectors(C, np.random.default_rng(0))
    for first in (start @ V, V):
        A, is_uniform_converged = uniform(C, first)
        B, is_ffdiag_converged = ffdiag(C, first)
        assert is_uniform_converged
        assert is_ffdiag_converged
        assert np.abs(A - B).max() < 1e-7 * np.abs(A).max()


def test_a_pencil_gives_the_factors_and_their_inverse():
    C, factors = planted_slices(6, 4, 0)
    A, V = pencil_vectors(C, np.random.default_rng(0))
    product = V @ A
    assert factor_distances(A.T, factors).max() < 1e-11
    assert np.abs(product - np.diag(np.diag(product))).max() < 1e-11
    assert np.abs(np.linalg.norm(V, axis=1) - 1).max() < 1e-14


def test_a_complex_pair_of_the_pencil_gives_two_different_columns():
    # [[1, 0], [0, -1]] and [[0, 1], [1, 0]] have no common real factors: the pencil of any two mixtures is complex
    C = np.array([[[1.0, 0.0], [0.0, -1.0]], [[0.0, 1.0], [1.0, 0.0]]])
    A, V = pencil_vectors(C, np.random.default_rng(0))
    assert np.isrealobj(A)
    assert abs(np.linalg.det(V)) > 0.1
    found = joint_diagonalise(C, rng=0)
    assert found.residual > 0.1


def test_the_fit_of_slices_is_the_least_squares_one():
    C, factors = planted_slices(4, 6, 0, level=0.2)
    fit = SliceFit(C, factors.T)
    assert fit.cost == pytest.approx(misfit(C, factors.T), rel=1e-10)
    assert np.abs(C - (fit.A * fit.D[:, None, :]) @ fit.A.T - fit.left_over).max() < 1e-14


def test_the_gradient_of_the_fit_is_its_derivative():
    C, factors = planted_slices(4, 6, 0, level=0.2)

    def cost(a):
        return misfit(C, a.reshape(4, 4))

    def gradient(a):
        return SliceFit(C, a.reshape(4, 4)).gradient.ravel()

    assert check_grad(cost, gradient, factors.T.ravel(), epsilon=1e-7) < 1e-5 * np.linalg.norm(gradient(factors.T))


def test_a_step_of_the_fit_is_that_of_gauss_newton_on_all_unknowns():
    C, factors = planted_slices(3, 5, 0, level=0.3)
    fit = SliceFit(C, factors.T)
    x = np.concatenate([fit.A.ravel(), fit.D.ravel()])

    def residual(x):
        A, D = x[:9].reshape(3, 3), x[9:].reshape(5, 3)
        return (np.einsum("ar,lr,br->lab", A, D, A) - C).ravel()

    J = np.column_stack([(residual(x + e) - residual(x - e)) / 2e-6 for e in 1e-6 * np.eye(len(x))])
    damping = 0.1
    scale = 2 * np.diag(fit.gram) * np.diag(fit.D.T @ fit.D)
    shift = np.concatenate([damping * np.tile(scale, 3), np.zeros(15)])
    step = np.linalg.solve(J.T @ J + np.diag(shift), -J.T @ residual(x))[:9].reshape(3, 3)
    moved = fit.A + step
    trial, predicted = fit.trial(damping)
    assert predicted > 0
    assert np.abs(trial.A - moved / np.linalg.norm(moved, axis=0)).max() < 0.02 * np.abs(step).max()


def test_the_fit_ends_at_a_minimum_of_the_misfit():
    C, _ = planted_slices(4, 8, 1, level=0.1)
    found = joint_diagonalise(C, rng=0)
    further = minimize(lambda a: misfit(C, a.reshape(4, 4)), found.A.ravel(), method="BFGS", options={"gtol": 1e-9})
    assert misfit(C, found.A) == pytest.approx(0.5 * (found.residual * np.linalg.norm(C)) ** 2, rel=1e-9)
    assert misfit(C, found.A) - further.fun < 1e-6 * further.fun


def test_the_fit_takes_more_factors_than_dimensions():
    rng = np.random.default_rng(0)
    factors = factors_of(4, 6, "gaussian", rng)
    C = np.einsum("ia,li,ib->lab", factors, rng.standard_normal((30, 6)), factors)
    fit, is_settled = fit_slices(C, factors.T + 0.02 * rng.standard_normal((4, 6)))
    assert is_settled
    assert factor_distances(fit.A.T, factors).max() < 1e-10


def test_least_squares_stays_at_the_noise_level_where_estimating_equations_do_not():
    ratios = []
    for seed in range(8):
        C, factors = planted_slices(12, 24, seed, level=0.01)
        errors = {m: factor_distances(joint_diagonalise(C, m, rng=0).A.T, factors).max() for m in DIAGONALISERS}
        assert errors["least_squares"] < 0.02
        ratios.append(errors["uniform"] / errors["least_squares"])
    assert min(ratios) > 1
    assert np.median(ratios) > 3


def test_slices_of_noise_level_are_harmless_beside_the_others():
    C, factors = planted_slices(6, 8, 0)
    E = np.random.default_rng(0).standard_normal((200, 6, 6)) * 1e-8
    found = joint_diagonalise(np.concatenate([C, E + E.transpose(0, 2, 1)]), rng=0)
    assert factor_distances(found.A.T, factors).max() < 1e-6


def test_slices_of_zeros_have_any_factors():
    found = joint_diagonalise(np.zeros((3, 4, 4)), rng=0)
    assert found.residual == 0
    assert np.abs(found.D).max() == 0


def test_scale_and_order_of_the_slices_do_not_matter():
    C, factors = planted_slices(6, 9, 0, level=0.05)
    first = joint_diagonalise(C, rng=0)
    other = joint_diagonalise(C[::-1] * 1e-120, rng=5)
    assert other.residual == pytest.approx(first.residual, rel=1e-6)
    assert factor_distances(other.A.T, first.A.T).max() < 1e-3 * factor_distances(first.A.T, factors).max()
    assert np.abs(other.D).max() == pytest.approx(1e-120 * np.abs(first.D).max(), rel=1e-3)


@pytest.mark.parametrize(
    ("C", "method", "message"),
    [
        (np.ones((3, 3)), "least_squares", "C must have 3 dimensions, found shape (3, 3)"),
        (np.ones((1, 3, 3)), "least_squares", "two or more square slices, shape (L, k, k), found shape (1, 3, 3)"),
        (np.ones((2, 3, 4)), "least_squares", "found shape (2, 3, 4)"),
        (np.full((2, 1, 1), np.inf), "least_squares", "C must be finite, found inf at index 0, 0, 0"),
        (
            np.arange(8.0).reshape(2, 2, 2),
            "least_squares",
            "the slices of C must be symmetric, found entries that differ",
        ),
        (np.ones((2, 3, 3)), "qr", "method must be one of least_squares, uniform, ffdiag, jacobi, found 'qr'"),
    ],
)
def test_what_are_no_slices_is_refused(C, method, message):
    with pytest.raises(InputError, match=re.escape(message)):
        joint_diagonalise(C, method)
