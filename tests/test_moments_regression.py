"""Least-squares polynomials and control variates, against plain least squares and exact designs."""

from math import erf, exp, pi, sqrt

import numpy as np
import pytest

from moment_oracles import assert_equal_to_rounding, data, monomials, naive_moment, orthonormal, seen_through
from oracles import gaussian_grid
from twolayer.moments import (
    HermiteMoments,
    HermitePolynomial,
    controlled_moments,
    hermite_regression,
    regression,
)


@pytest.mark.parametrize("degree", range(5))
@pytest.mark.parametrize("V", [None, orthonormal(4, 2)], ids=["whole space", "subspace"])
def test_regression_is_the_least_squares_polynomial(degree, V):
    X, y = data(800)
    features = monomials(X if V is None else X @ V, degree)
    expected = features @ np.linalg.lstsq(features, y)[0]
    fit = hermite_regression([(X[:300], y[:300]), (X[300:], y[300:])], degree, V)
    assert_equal_to_rounding(fit(X), expected, ulps=20_000)
    assert fit.degree == degree


@pytest.mark.parametrize("degree", range(5))
def test_polynomial_has_the_moments_that_it_is_given_by(degree):
    rng, V = np.random.default_rng(0), orthonormal(3, 2)
    tensors = [naive_moment(rng.standard_normal((9, 2)), rng.standard_normal(9), j) for j in range(degree + 1)]
    polynomial = HermitePolynomial(tuple(tensors), V)
    X, masses = gaussian_grid(3, 6)
    moments = HermiteMoments.from_blocks([(X, len(masses) * masses * polynomial(X))], 4, V)
    for j in range(5):
        expected = tensors[j] if j <= degree else np.zeros((2,) * j)
        assert_equal_to_rounding(
            moments.tensor(j), expected, size=1 + max(np.abs(T).max() for T in tensors), ulps=10_000
        )


@pytest.mark.parametrize("V", [None, orthonormal(8, 5)], ids=["whole space", "subspace"])
def test_quadratic_fit_by_products_is_that_by_normal_equations(V, monkeypatch):
    X, y = data(400, 8)
    blocks = [(X[:150], y[:150]), (X[150:], y[150:])]
    direct = hermite_regression(blocks, 2, V, control=lambda X: X[:, 0] ** 3)
    monkeypatch.setattr(regression, "_MAX_DIRECT", 1)
    iterated = hermite_regression(blocks, 2, V, control=lambda X: X[:, 0] ** 3)
    for mine, other in zip(iterated.tensors, direct.tensors, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-8 * np.abs(direct.tensors[1]).max())


def test_quadratic_fit_by_products_takes_few_steps(monkeypatch):
    monkeypatch.setattr(regression, "_MAX_DIRECT", 1)
    monkeypatch.setattr(regression, "_CG_STEPS", 25)
    X, y = data(66 * 10, 10)
    assert hermite_regression([(X, y)], 2).degree == 2


def test_quadratic_fit_that_stops_early_says_so(monkeypatch):
    monkeypatch.setattr(regression, "_MAX_DIRECT", 1)
    monkeypatch.setattr(regression, "_CG_STEPS", 2)
    with pytest.warns(UserWarning, match="stopped after 2 steps .* its 15 coefficients need more rows than 60"):
        hermite_regression([data(60)], 2)


@pytest.mark.parametrize("largest", [2048, 1], ids=["normal equations", "products"])
def test_singular_designs_are_fitted_too(largest, monkeypatch):
    monkeypatch.setattr(regression, "_MAX_DIRECT", largest)
    rng = np.random.default_rng(0)
    X = rng.choice([-1.0, 1.0], (200, 3))  # x_i² = 1: the squares are constants
    y = 1 + X[:, 0] - 2 * X[:, 0] * X[:, 2]
    np.testing.assert_allclose(hermite_regression([(X, y)], 2)(X), y, atol=1e-9)


@pytest.mark.parametrize("V", [None, orthonormal()], ids=["whole space", "subspace"])
@pytest.mark.parametrize("degree", [1, 2])
def test_controlled_moments_are_those_of_the_fit_plus_those_of_its_residual(V, degree):
    X, y = data(700)
    Z = X if V is None else X @ V
    moments = controlled_moments([(X[:99], y[:99]), (X[99:], y[99:])], 4, V, degree=degree)
    stages = [monomials(X, degree)] if V is None else [monomials(X, 1), monomials(Z, 2)][:degree]
    residual = y
    for features in stages:
        residual = residual - features @ np.linalg.lstsq(features, residual)[0]
    grid, masses = gaussian_grid(4, 5)
    p = sum(fit(grid) for fit in moments.fits)
    assert_equal_to_rounding(sum(fit(X) for fit in moments.fits), y - residual, ulps=20_000)
    for j in range(5):
        naive = naive_moment(X, residual, j) + naive_moment(grid, len(masses) * masses * p, j)
        expected = seen_through(naive, *[np.eye(4) if V is None else V] * j)
        assert_equal_to_rounding(moments.tensor(j), expected, size=10.0, ulps=20_000)
    assert (moments.order, moments.count) == (4, 700)


def test_a_quadratic_leaves_nothing_to_be_noisy():
    X, _ = data(200)
    A = np.diag([1.0, -2.0, 0.5, 0.0])
    y = 3 + X @ [1.0, 0.0, -1.0, 2.0] + ((X @ A) * X).sum(axis=1)
    moments, plain = controlled_moments([(X, y)], 4), HermiteMoments.from_blocks([(X, y)], 4)
    expected = [3 + np.trace(A), [1, 0, -1, 2], 2 * A, np.zeros((4,) * 3), np.zeros((4,) * 4)]
    for j, T in enumerate(expected):
        np.testing.assert_allclose(moments.tensor(j), T, atol=1e-10)
        assert moments.noise(j) < 1e-10 < 0.01 < plain.noise(j)


def test_degree_defaults_to_one_below_the_orders_above_the_fit():
    blocks = [data(200)]
    assert [fit.degree for fit in controlled_moments(blocks, 2).fits] == [1]
    assert [fit.degree for fit in controlled_moments(blocks, 3).fits] == [2]
    assert [fit.degree for fit in controlled_moments(blocks, 4, orthonormal()).fits] == [1, 2]


def test_control_variates_keep_the_mean_and_shrink_the_variance():
    rng, w, b, n, repeats = np.random.default_rng(8), np.array([0.6, 0.8, 0.0]), 0.5, 3000, 60
    density, mass = exp(-b * b / 2) / sqrt(2 * pi), (1 + erf(b / sqrt(2))) / 2
    truth = np.array([b * mass + density, mass, density, -b * density, (b * b - 1) * density])
    estimates = np.zeros((2, repeats, 5))
    for i in range(repeats):
        X = rng.standard_normal((n, 3))
        blocks = [(X, np.maximum(X @ w + b, 0))]
        for kind, moments in enumerate((controlled_moments(blocks, 4), HermiteMoments.from_blocks(blocks, 4))):
            estimates[kind, i] = [seen_through(moments.tensor(j), *[w] * j) for j in range(5)]
    error, deviation = estimates[0].mean(axis=0) - truth, estimates.std(axis=1)
    standard_error = deviation[0] / sqrt(repeats)
    assert (standard_error < 0.06 * np.abs(truth)).all()
    assert (np.abs(error) < 4 * standard_error).all()
    assert (deviation[0] < deviation[1] / [5, 5, 3, 3, 3]).all()


def test_moments_of_a_residual_forget_what_is_subtracted():
    X, y = data()
    control = controlled_moments([(X, y)], 2).fits[0]
    moments = HermiteMoments.from_blocks([(X, y)], 3, control=control)
    plain = HermiteMoments.from_blocks([(X, y - control(X))], 3)
    for j in range(4):
        assert_equal_to_rounding(moments.tensor(j), plain.tensor(j), size=10.0)
    perfect = HermiteMoments.from_blocks([(X, control(X))], 3, control=control)
    assert max(np.abs(perfect.tensor(j)).max() for j in range(4)) < 1e-13
