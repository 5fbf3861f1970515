"""Tests of the least-squares fits: derivatives, steps, minima, and what determines the terms."""

import re

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.optimize import least_squares as scipy_least_squares

from decomposition_problems import noisy, planted, sum_of, term_distance
from twolayer.decompose import decompose, least_squares, polish
from twolayer.decompose.cp_fit import SumFit, fit_sum, normal_matrix, normal_product
from twolayer.decompose.damped_gauss_newton import damped_gauss_newton
from twolayer.decompose.decomposition import generic_rank
from twolayer.decompose.flattening import flattened
from twolayer.decompose.symmetric_sum import best_weights
from twolayer.decompose.uniqueness import has_one_sum_nearby
from twolayer.errors import InputError


def jacobian(weights, factors, order):
    """Derivatives of the sum along each weight and each entry of each factor, by central differences."""
    x = np.column_stack([weights, factors])

    def at(step):
        moved = x + step
        return sum_of(moved[:, 0], moved[:, 1:], order).ravel()

    steps = 1e-6 * np.eye(x.size).reshape(x.size, *x.shape)
    return np.column_stack([(at(step) - at(-step)) / 2e-6 for step in steps])


@pytest.mark.parametrize("order", [3, 4])
def test_the_normal_matrix_is_that_of_the_derivatives_with_the_gauge_added(order):
    weights, factors, _T = planted(4, 3, order, 0)
    J = jacobian(weights, factors, order)
    gauge = np.zeros((3, 5, 3, 5))
    for i, (weight, u) in enumerate(zip(weights, factors, strict=True)):
        gauge[i, 1:, i, 1:] = order * weight**2 * np.outer(u, u)
    H = normal_matrix(weights, factors, order)
    assert np.abs(H - J.T @ J - gauge.reshape(15, 15)).max() < 1e-7 * np.abs(H).max()


@pytest.mark.parametrize("order", [3, 4])
def test_the_normal_product_is_the_normal_matrix_times_a_vector(order):
    weights, factors, _T = planted(4, 6, order, 0)
    x = np.random.default_rng(0).standard_normal((6, 5))
    expected = normal_matrix(weights, factors, order) @ x.ravel()
    assert np.abs(normal_product(weights, factors, order)(x).ravel() - expected).max() < 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize("order", [3, 4])
def test_the_descent_is_minus_the_derivative_of_the_cost(order, ridge):
    weights, factors, T = planted(4, 3, order, 0)
    T = noisy(T, 0.5, 0)

    def cost(x):
        x = x.reshape(3, 5)
        rest = T - sum_of(x[:, 0], x[:, 1:], order)
        return 0.5 * np.sum(rest**2) + 0.5 * ridge * np.sum(x[:, 0] ** 2)

    def gradient(x):
        return -SumFit(flattened(T), x.reshape(3, 5)[:, 0], x.reshape(3, 5)[:, 1:], ridge).descent.ravel()

    x = np.column_stack([weights, factors]).ravel()
    assert SumFit(flattened(T), weights, factors, ridge).cost == pytest.approx(cost(x), rel=1e-12)
    assert check_grad(cost, gradient, x, epsilon=1e-7) < 1e-5 * np.linalg.norm(gradient(x))


def test_an_undamped_step_is_that_of_gauss_newton():
    weights, factors, T = planted(4, 3, 3, 0)
    T = noisy(T, 0.01, 0)
    trial, predicted = SumFit(flattened(T), weights, factors).trial(1e-12)
    J = jacobian(weights, factors, 3)
    residual = (T - sum_of(weights, factors, 3)).ravel()
    step = np.linalg.lstsq(J, residual, rcond=1e-10)[0]
    moved = np.column_stack([weights, factors]) + step.reshape(3, 5)
    assert np.abs(trial.factors - moved[:, 1:] / np.linalg.norm(moved[:, 1:], axis=1, keepdims=True)).max() < 1e-5
    assert predicted == pytest.approx(0.5 * (residual @ residual - np.sum((residual - J @ step) ** 2)), rel=1e-6)


def test_conjugate_gradients_take_the_step_that_factoring_takes():
    weights, factors, T = planted(6, 4, 3, 0)
    fit = SumFit(flattened(noisy(T, 0.1, 0)), weights, factors)
    shift = np.full_like(fit.descent, 1e-2)
    direct, iterated = fit._factored(shift), fit._iterated(shift)
    assert np.abs(direct - iterated).max() < 1e-2 * np.abs(direct).max()


def test_the_descent_stops_where_nothing_is_gained_and_says_when_it_was_cut_short():
    class Bowl:
        def __init__(self, x):
            self.x, self.cost = x, 0.5 * (x - 1) ** 2 + 1

    def trial(point, damping):
        step = (1 - point.x) / (1 + damping)
        return Bowl(point.x + step), point.cost - Bowl(point.x + step).cost

    point, is_settled = damped_gauss_newton(Bowl(5.0), trial, max_steps=100, rtol=1e-12, floor=0.0)
    assert is_settled
    assert point.x == pytest.approx(1, abs=1e-5)
    point, is_settled = damped_gauss_newton(Bowl(5.0), trial, max_steps=2, rtol=1e-12, floor=0.0)
    assert not is_settled
    assert point.cost < Bowl(5.0).cost


@pytest.mark.parametrize("order", [3, 4])
def test_best_weights_are_those_of_ordinary_least_squares(order):
    _weights, factors, T = planted(5, 4, order, 0, "coherent")
    T = noisy(T, 0.2, 0)
    terms = np.column_stack([sum_of([1.0], [u], order).ravel() for u in factors])
    expected = np.linalg.lstsq(terms, T.ravel(), rcond=None)[0]
    assert np.abs(best_weights(T, factors) - expected).max() < 1e-12
    doubled = best_weights(T, np.vstack([factors, -factors[:1]]))
    assert doubled[0] == pytest.approx(expected[0] / 2, rel=1e-9)


@pytest.mark.parametrize(("d", "rank", "order"), [(6, 6, 3), (5, 9, 4), (30, 30, 3)])
def test_polish_takes_a_rough_start_to_rounding(d, rank, order):
    weights, factors, T = planted(d, rank, order, 0)
    rng = np.random.default_rng(0)
    rough = factors + 0.1 * rng.standard_normal(factors.shape) / np.sqrt(d)
    found = polish(T, weights * rng.uniform(0.9, 1.1, rank), rough)
    assert found.is_exact
    assert found.method == "polish"
    assert term_distance(found, weights, factors) < 1e-10


def test_polish_squares_the_error_at_every_step():
    weights, factors, T = planted(6, 5, 3, 0)
    rough = factors + 1e-2 * np.random.default_rng(0).standard_normal(factors.shape)
    residuals = [polish(T, weights, rough, max_steps=steps).residual for steps in (1, 2, 3, 4)]
    assert residuals[1] < 0.03 * residuals[0]
    assert residuals[3] < 1e-5 * residuals[1]


@pytest.mark.parametrize("order", [3, 4])
def test_the_noisy_minimum_is_that_of_scipy(order):
    weights, factors, T = planted(5, 4, order, 1)
    T = noisy(T, 0.05, 1)

    def rest(x):
        return (T - sum_of(x.reshape(4, 6)[:, 0], x.reshape(4, 6)[:, 1:], order)).ravel()

    x = np.column_stack([weights, factors]).ravel()
    expected = scipy_least_squares(rest, x, xtol=1e-12, ftol=1e-14, gtol=1e-12)
    found = decompose(T, 4, rng=0)
    assert found.stands_out
    assert (found.residual * np.linalg.norm(T)) ** 2 == pytest.approx(2 * expected.cost, rel=1e-8)


@pytest.mark.parametrize(("d", "rank", "order"), [(6, 6, 3), (8, 12, 3), (5, 8, 4)])
def test_most_single_starts_solve_random_tensors(d, rank, order):
    solved = 0
    for seed in range(8):
        weights, factors, T = planted(d, rank, order, seed)
        found = least_squares(T, rank, max_starts=1, rng=seed)
        solved += found.is_exact
        assert found.is_exact == (term_distance(found, weights, factors) < 1e-8)
    assert solved >= 4


def test_a_start_that_misses_a_term_is_repaired():
    # two equal terms, and one of four orthogonal ones missing: a stationary point of the plain descent
    weights, factors, T = planted(4, 4, 3, 0, "orthogonal")
    stuck_weights = np.array([*weights[:2], weights[2] / 2, weights[2] / 2])
    stuck_factors = np.vstack([factors[:3], factors[2:3]])
    fit, is_settled = fit_sum(flattened(T), stuck_weights, stuck_factors, max_steps=100)
    assert is_settled
    assert fit.cost == pytest.approx(0.5 * weights[3] ** 2, rel=1e-6)
    for seed in range(10):
        assert least_squares(T, 4, max_starts=1, rng=seed).is_exact


def test_generic_sums_determine_their_terms_and_special_ones_do_not():
    for d, rank, order in [(4, 4, 3), (6, 8, 3), (5, 10, 4)]:
        assert has_one_sum_nearby(*planted(d, rank, order, 0)[:2], order, 1e-12)
    weights, plane, _T = planted(2, 3, 4, 0)
    in_three = np.hstack([plane, np.zeros((3, 1))])
    assert not has_one_sum_nearby(weights, in_three, 4, 1e-12)  # binary quartics have a curve of such sums
    weights, factors, _T = planted(4, 3, 3, 0)
    assert not has_one_sum_nearby(np.r_[weights, 1.0], np.vstack([factors, factors[:1]]), 3, 1e-12)


@pytest.mark.parametrize("order", [3, 4])
def test_noise_that_moves_a_term_by_three_tenths_leaves_it_undetermined(order):
    weights, factors, _T = planted(4, 3, order, 5)
    J = jacobian(weights, factors, order).reshape(-1, 3, 5)
    J[:, :, 0] *= weights
    for i, u in enumerate(factors):  # along u, only the weight changes: twice over
        J[:, i, 1:] -= np.outer(J[:, i, 1:] @ u, u)
    values = np.linalg.svd(J.reshape(len(J), -1), compute_uv=False)
    least = values[values > 1e-6 * values[0]][-1]
    assert len(values[values > 1e-6 * values[0]]) == 3 * 4
    assert has_one_sum_nearby(weights, factors, order, 0.29 * least)
    assert not has_one_sum_nearby(weights, factors, order, 0.31 * least)


@pytest.mark.parametrize(
    ("weights", "factors", "message"),
    [
        (np.ones(2), np.eye(3), "weights (r,) and factors (r, d) must fit a tensor of shape (3, 3, 3)"),
        (np.ones(3), np.eye(3)[:, :2], "found (3,) and (3, 2)"),
        (np.ones(1), np.full((1, 3), np.nan), "weights and factors must be finite, and no factor zero"),
        (np.ones(1), np.zeros((1, 3)), "no factor zero"),
        (np.ones(4), np.ones((4, 3)), "method 'polish' finds at most 3 terms"),
    ],
)
def test_terms_that_do_not_fit_are_refused(weights, factors, message):
    with pytest.raises(InputError, match=re.escape(message)):
        polish(np.ones((3, 3, 3)), weights, factors)


@pytest.mark.parametrize(
    ("d", "order", "most"), [(10, 3, 21), (15, 3, 45), (6, 3, 8), (4, 4, 7), (3, 6, 8), (5, 3, 6), (2, 3, 2)]
)
def test_so_many_terms_are_fewer_than_the_entries_allow_and_one_fewer_where_there_would_be_two_sets(d, order, most):
    assert generic_rank(d, order) == most
