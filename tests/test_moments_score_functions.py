"""Score functions: against differences of the density, and Stein's identity on exact grids."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal

from twolayer.errors import InputError
from twolayer.hermite import hermite_values
from twolayer.moments import moment_vector
from twolayer.moments.score_functions import GaussianMixture, score_matrix, score_slice, score_vector


def mixture(rng, d=2, parts=2):
    B = rng.standard_normal((parts, d, d)) / 2
    covariances = B @ B.swapaxes(1, 2) + 0.5 * np.eye(d)
    weights = rng.uniform(0.5, 1, parts)
    return GaussianMixture(weights / weights.sum(), rng.standard_normal((parts, d)), covariances)


def density(p, X):
    """By scipy."""
    parts = zip(p.weights, p.means, p.covariances, strict=True)
    return sum(w * multivariate_normal(mean, C).pdf(X) for w, mean, C in parts)


def derivative(p, x, directions, h=2e-2):
    """The derivative of the density in several directions, by repeated differences of order eight."""
    if not directions:
        return float(density(p, x))
    steps, weights = (1, 2, 3, 4), (4 / 5, -1 / 5, 4 / 105, -1 / 280)
    u, rest = directions[0], directions[1:]
    return sum(
        w * (derivative(p, x + k * h * u, rest, h) - derivative(p, x - k * h * u, rest, h)) / h
        for k, w in zip(steps, weights, strict=True)
    )


def test_the_log_density_is_that_of_the_mixture(rng):
    p, X = mixture(rng, 3, 3), rng.standard_normal((20, 3))
    assert_allclose(p.log_density(X), np.log(density(p, X)), rtol=1e-10)


def test_score_functions_are_derivatives_of_the_density_over_it(rng):
    """One row with label 1: the moment is the score function there."""
    p, x = mixture(rng), rng.standard_normal(2)
    X, one, e = x[None], np.ones(1), np.eye(2)
    v = rng.standard_normal(2)
    first = [-derivative(p, x, [e[i]]) / density(p, x) for i in range(2)]
    second = [[derivative(p, x, [e[i], e[j]]) / density(p, x) for j in range(2)] for i in range(2)]
    third = [[-derivative(p, x, [e[i], e[j], v]) / density(p, x) for j in range(2)] for i in range(2)]
    assert_allclose(score_vector(X, one, p), first, rtol=1e-7, atol=1e-7)
    assert_allclose(score_matrix(X, one, p), second, rtol=1e-6, atol=1e-6)
    assert_allclose(score_slice(X, one, p, v), third, rtol=1e-5, atol=1e-5)


def grid(p, order=12):
    """Rows and weights whose sums are the expectations of polynomials under p."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(order)
    z = np.stack(np.meshgrid(nodes, nodes), axis=-1).reshape(-1, 2)
    w = np.outer(weights, weights).ravel() / (2 * np.pi)
    X = [mean + z @ np.linalg.cholesky(C).T for mean, C in zip(p.means, p.covariances, strict=True)]
    return np.vstack(X), np.concatenate([share * w for share in p.weights])


def test_steins_identity_holds_on_well_separated_parts():
    """Parts 40 apart: at each node all of the density is that of its own part, and the sums are exact."""
    rng = np.random.default_rng(1)
    B = rng.standard_normal((2, 2, 2))
    p = GaussianMixture([0.3, 0.7], [[0.0, 0.0], [40.0, 5.0]], B @ B.swapaxes(1, 2) / 4 + 0.3 * np.eye(2))
    X, weights = grid(p)
    w, b, v = np.array([0.6, -0.3]), 0.2, rng.standard_normal(2)
    t = X @ w + b
    y = len(X) * weights * t**5
    means = {j: float(weights @ t**j) for j in range(5)}
    assert_allclose(score_vector(X, y, p), 5 * means[4] * w, rtol=1e-9)
    assert_allclose(score_matrix(X, y, p), 20 * means[3] * np.outer(w, w), rtol=1e-8)
    assert_allclose(score_slice(X, y, p, v), 60 * means[2] * (w @ v) * np.outer(w, w), rtol=1e-7)


def test_for_a_standard_gaussian_they_are_hermite_moments(rng):
    p = GaussianMixture([1.0], np.zeros((1, 4)), np.eye(4)[None])
    X, y, v = rng.standard_normal((50, 4)), rng.standard_normal(50), rng.standard_normal(4)
    v /= np.linalg.norm(v)
    assert_allclose(score_vector(X, y, p), moment_vector(X, y, 1), atol=1e-12)
    assert_allclose(score_matrix(X, y, p) @ v, moment_vector(X, y, 2, v), atol=1e-12)
    assert_allclose(score_slice(X, y, p, v) @ v, moment_vector(X, y, 3, v), atol=1e-12)
    assert_allclose(v @ score_slice(X, y, p, v) @ v, np.mean(y * hermite_values(X @ v, 3)[3]), atol=1e-12)


def test_an_affine_function_leaves_nothing_in_the_second_order():
    rng = np.random.default_rng(2)
    p = mixture(rng)
    part = rng.choice(2, 400_000, p=p.weights)
    L = np.linalg.cholesky(p.covariances)
    X = p.means[part] + np.einsum("nij,nj->ni", L[part], rng.standard_normal((len(part), 2)))
    affine = 1 + X @ [2.0, -1.0]
    assert np.abs(score_matrix(X, affine, p)).max() < 0.05
    assert_allclose(score_vector(X, affine, p), [2.0, -1.0], atol=0.05)


def test_a_fitted_mixture_is_near_the_one_that_the_inputs_are_from(rng):
    X = np.vstack([rng.standard_normal((3000, 3)) + 4, 0.5 * rng.standard_normal((1000, 3)) - 4])
    found = GaussianMixture.fitted(X, 2, rng=0)
    order = np.argsort(found.weights)
    assert_allclose(found.weights[order], [0.25, 0.75], atol=0.01)
    assert_allclose(found.means[order], [[-4] * 3, [4] * 3], atol=0.1)
    assert_allclose(found.covariances[order], [0.25 * np.eye(3), np.eye(3)], atol=0.1)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda p: GaussianMixture([0.5, 0.6], p.means, p.covariances), "sum one"),
        (lambda p: GaussianMixture([1.0], p.means, p.covariances), "fit together"),
        (lambda p: GaussianMixture(p.weights, p.means, -p.covariances), "positive definite"),
        (lambda _: GaussianMixture.fitted(np.ones((3, 2)), 2), "at least 4 rows"),
        (lambda p: score_vector(np.ones((3, 5)), np.ones(3), p), "the density has 2 inputs, X has 5"),
        (lambda p: score_slice(np.ones((3, 2)), np.ones(3), p, np.ones(3)), "2 entries"),
    ],
)
def test_bad_input_is_refused(rng, act, words):
    with pytest.raises(InputError, match=words):
        act(mixture(rng))
