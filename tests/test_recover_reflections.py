"""Orientations of units: a lifted fit with any of them turned is decoded to the network that it came from."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from twolayer.activation import activation
from twolayer.model import UnitsProblem
from twolayer.model.reflections import network_of, orientations, unlifted
from twolayer.network import Polynomial, TwoLayerNetwork

LIFTED = ["relu", "leaky_relu(0.1)", "softplus", "gelu", "squared_relu", "polynomial(0,-1,0.7,0.5)", "sigmoid"]
HOMOGENEOUS = ["relu", "leaky_relu(0.1)", "squared_relu"]


def turned_fit(spec, rng, *, d, m, has_bias, is_fixed, constant=0.0, n=60):
    """A lifted problem, its exact point with random units turned round, the flips, and the network of the labels.

    The lift is not written with the reflection law, but as what the network and the units leave between them, by
    least squares on its features.
    """
    sigma = activation(spec)
    signs = np.where(rng.random(m) < 0.5, -1.0, 1.0)
    a = signs if is_fixed else signs * rng.uniform(0.5, 2.0, m)
    W, b = rng.standard_normal((m, d)), rng.standard_normal(m) if has_bias else np.zeros(m)
    polynomial = Polynomial(constant) if has_bias else None
    network = TwoLayerNetwork(a, W, b, sigma, polynomial)
    X = rng.standard_normal((n, d))
    y = network(X)
    flips = np.where(rng.random(m) < 0.5, -1.0, 1.0)
    theta = flips[:, None] * (np.hstack([W, b[:, None]]) if has_bias else W)
    v = a * flips if sigma.reflection.sign < 0 else a
    problem = UnitsProblem(X, y, sigma, m, signs=v if is_fixed else None, has_bias=has_bias, is_lifted=True)
    z = problem.join(theta, v)
    free = np.ones(len(z), bool)  # all but the units: what the model is linear in
    free[: theta.size] = False
    if not is_fixed:
        start = problem.n_rows_of_units * problem.n_columns
        free[start : start + m] = False
    base = problem.residual(z)
    columns = np.column_stack([problem.residual(z + e) - base for e in np.eye(len(z))[free]])
    z[free] = np.linalg.lstsq(columns, -base, rcond=1e-13)[0]
    return problem, z, flips, network


@pytest.mark.parametrize(("spec", "is_fixed"), [*((spec, False) for spec in LIFTED), *((s, True) for s in HOMOGENEOUS)])
@pytest.mark.parametrize("has_bias", [False, True])
def test_random_flips_are_decoded(spec, has_bias, is_fixed):
    for seed in range(5):
        rng = np.random.default_rng(seed)
        problem, z, flips, network = turned_fit(spec, rng, d=5, m=5, has_bias=has_bias, is_fixed=is_fixed, constant=0.7)
        assert problem.loss(z) < 1e-24 * problem.energy, "the lift holds what turning left behind"
        plain, point = unlifted(problem, z)
        assert plain.loss(point) < 1e-22 * problem.energy
        assert not plain.is_lifted
        found = network_of(plain, point)
        X = rng.standard_normal((30, 5))
        assert_allclose(found(X), network(X), atol=1e-10 * np.abs(network(X)).max())
        if spec != "sigmoid" or not has_bias:  # with a constant of its own, a sigmoid network has no orientations
            assert (orientations(problem, z) == flips).all()
            assert_allclose(found.W, network.W, atol=1e-9)
            assert_allclose(found.a, network.a, atol=1e-9)
            assert_allclose(found.b, network.b, atol=1e-9)


@pytest.mark.parametrize("m", [7, 9])
@pytest.mark.parametrize("spec", ["relu", "softplus"])
def test_more_units_than_inputs_are_decoded_by_search(spec, m):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        problem, z, flips, _ = turned_fit(spec, rng, d=6, m=m, has_bias=True, is_fixed=False, n=200)
        assert problem.loss(z) < 1e-22 * problem.energy
        assert (orientations(problem, z) == flips).all()
        plain, point = unlifted(problem, z)
        assert plain.loss(point) < 1e-20 * problem.energy


def test_decoding_bears_the_errors_of_a_fit():
    rng = np.random.default_rng(3)
    problem, z, flips, _ = turned_fit("relu", rng, d=6, m=6, has_bias=False, is_fixed=True)
    assert (orientations(problem, z + 1e-3 * rng.standard_normal(len(z))) == flips).all()


@pytest.mark.parametrize("spec", ["relu", "squared_relu", "sigmoid", "tanh"])
def test_a_fit_without_a_lift_stays_as_it_is(spec):
    rng = np.random.default_rng(4)
    X = rng.standard_normal((20, 3))
    signs = np.array([1.0, -1.0]) if activation(spec).degree else None
    problem = UnitsProblem(X, rng.standard_normal(20), activation(spec), 2, signs=signs, has_bias=True, ridge=0.2)
    z = rng.standard_normal(problem.n_parameters)
    plain, point = unlifted(problem, z)
    assert plain.ridge == problem.ridge
    assert_allclose(point, z, rtol=0, atol=0)
    assert (orientations(problem, z) == 1).all()


@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("is_lifted", [False, True])
@pytest.mark.parametrize("spec", ["relu", "leaky_relu(0.1)", "squared_relu", "sigmoid", "tanh", "quadratic"])
def test_the_network_of_a_fit_predicts_what_the_fit_does(spec, is_lifted, has_bias):
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((20, 3)), rng.standard_normal(20)
    problem = UnitsProblem(X, y, activation(spec), 4, has_bias=has_bias, is_lifted=is_lifted)
    z = rng.standard_normal(problem.n_parameters)
    network = network_of(problem, z)
    assert_allclose(network(X) - y, problem.residual(z), atol=1e-12)
    assert (network.polynomial is None) == (not has_bias and not problem.is_lifted)
