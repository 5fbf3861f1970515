"""Tests of the start for many more units than inputs: what is left out, what is added, and where it leads."""

import numpy as np
import pytest

from twolayer.activation import activation
from twolayer.align import recovery_error
from twolayer.model import UnitsProblem
from twolayer.model.fit import Fit
from twolayer.model.units import thinned_out, unit_values
from twolayer.moments import second_moment
from twolayer.network import TwoLayerNetwork
from twolayer.recover import recover
from twolayer.search import overcomplete
from twolayer.search.directions import random_start
from twolayer.search.overcomplete import grown, overcomplete_fit, spare_units


def quiet(stage, step, loss):
    """Nobody listens."""


def crowd(name, d, m, n, seed=0, has_bias=False):
    """A network of unit rows with random outer weights, and samples of it."""
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((m, d))
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    a = rng.uniform(0.5, 2, m) * rng.choice([-1.0, 1.0], m)
    b = rng.uniform(-1, 1, m) if has_bias else np.zeros(m)
    network = TwoLayerNetwork(a, W, b, activation=name)
    X = rng.standard_normal((n, d))
    return network, X, network(X)


def fit_at(problem, point):
    return Fit(problem, point, problem.loss(point) / problem.energy)


def planted_fit(name, *, is_lifted=False, extra=2):
    """The planted network with useless units added: copies with their weight shared, at a loss of zero."""
    network, X, y = crowd(name, 4, 6, 400)
    theta = np.vstack([network.W, network.W[:extra]])
    v = np.r_[network.a, 0.25 * network.a[:extra]]
    v[:extra] *= 0.75
    signs = None
    if activation(name).degree:
        theta, signs = theta * np.abs(v)[:, None], np.sign(v)
    problem = UnitsProblem(X, y, activation(name), 6 + extra, signs=signs, is_lifted=is_lifted)
    return network, fit_at(problem, problem.join(theta, v))


@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_units_that_others_can_replace_are_left_out_and_the_others_take_their_weight(name):
    network, wide = planted_fit(name)
    assert wide.loss < 1e-28
    fit = fit_at(*thinned_out(wide.problem, wide.point, 6))
    _, theta = fit.problem.units(fit.point)
    assert fit.loss < 1e-12
    rows = np.abs(theta / np.linalg.norm(theta, axis=1, keepdims=True) @ network.W.T)
    assert rows.max(axis=0).min() > 1 - 1e-12


def test_the_unit_left_out_is_the_one_whose_absence_costs_least():
    network, X, y = crowd("tanh", 3, 5, 300, seed=3)
    y = y + 0.1 * np.random.default_rng(0).standard_normal(300)
    problem = UnitsProblem(X, y, activation("tanh"), 5)
    fit = fit_at(problem, problem.join(network.W, network.a))
    values = unit_values(problem, fit.point)
    losses = []
    for i in range(5):  # refitted weights of the others, one unit away
        others = np.delete(values, i, axis=1)
        left = y - others @ np.linalg.lstsq(others, y, rcond=None)[0]
        losses.append(left @ left / problem.energy)
    assert fit_at(*thinned_out(fit.problem, fit.point, 4)).loss == pytest.approx(min(losses), rel=1e-6)


@pytest.mark.parametrize(("name", "order"), [("tanh", 3), ("relu", 4)])
def test_units_are_added_where_the_residual_has_them(name, order):
    network, X, y = crowd(name, 5, 4, 20000, seed=1)
    signs = np.sign(network.a[1:]) if activation(name).degree else None
    problem = UnitsProblem(X, y, activation(name), 3, signs=signs, is_lifted=True)
    scale = np.abs(network.a[1:, None]) if signs is not None else 1.0
    linear = 0.5 * network.a @ network.W if problem.has_linear_row else None
    point = problem.join(scale * network.W[1:], network.a[1:], linear=linear)
    larger, there = grown(fit_at(problem, point), 1, np.random.default_rng(0))
    assert larger.width == 4
    v, theta = larger.units(there)
    cosine = theta[3] @ network.W[0] / np.linalg.norm(theta[3])
    assert abs(cosine) > 0.98
    assert v[3] * (cosine if name == "tanh" else 1.0) * network.a[0] > 0
    np.testing.assert_array_equal(theta[:3], problem.units(point)[1])


def test_half_as_many_units_are_spare_where_rows_are_plenty_and_a_quarter_where_they_are_not():
    X, y = np.zeros((1000, 4)), np.ones(1000)
    tanh = activation("tanh")
    assert spare_units(UnitsProblem(X, y, tanh, 20)) == 10
    assert spare_units(UnitsProblem(X[:400], y[:400], tanh, 20)) == 5


def test_three_times_as_many_units_as_inputs_are_recovered_from_few_rows():
    network, X, y = crowd("tanh", 6, 18, 1200)
    result = recover(X, y, 18, "tanh", rng=0)
    assert result.is_certified
    assert recovery_error(result.network, network) < 1e-8


def test_a_wide_start_ends_at_the_width_that_was_asked_for():
    _, X, y = crowd("relu", 4, 12, 3000, has_bias=True)
    wide = UnitsProblem(X, y, activation("relu"), 18, signs=np.tile([1.0, -1.0], 9), has_bias=True, is_lifted=True)
    start = random_start(wide, second_moment(X, y), wide.signs, np.random.default_rng(0))
    fit = overcomplete_fit(wide, start, 12, quiet, np.random.default_rng(0))
    assert fit.problem.width == 12
    assert fit.problem.n_rows == 3000
    assert fit.loss < 0.01


@pytest.mark.parametrize("name", ["tanh", "relu"])
def test_a_descent_in_batches_comes_first_where_parameters_and_rows_are_many(name, monkeypatch):
    monkeypatch.setattr(overcomplete, "MANY_PARAMETERS", 100)
    has_bias = name == "relu"
    network, X, y = crowd(name, 6, 18, 4000, has_bias=has_bias)
    stages = []
    result = recover(X, y, 18, name, bias=has_bias, rng=0, progress=lambda *stage: stages.append(stage[0]))
    assert stages.count("overcomplete start, in batches") == 60
    assert stages.index("overcomplete start, in batches") < stages.index("overcomplete start")
    assert result.is_certified
    assert recovery_error(result.network, network) < 1e-8


def test_rows_too_few_for_many_parameters_are_not_descended_on(monkeypatch):
    monkeypatch.setattr(overcomplete, "MANY_PARAMETERS", 100)
    _, X, y = crowd("tanh", 6, 18, 500)
    stages = []
    recover(X, y, 18, "tanh", rng=0, progress=lambda *stage: stages.append(stage[0]))
    assert "overcomplete start" in stages
    assert "overcomplete start, in batches" not in stages


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_hundred_and_fifty_units_on_forty_inputs_are_recovered():
    network, X, y = crowd("tanh", 40, 150, 70000)
    result = recover(X, y, 150, "tanh", rng=0)
    assert result.is_certified
    assert recovery_error(result.network, network) < 1e-8


@pytest.mark.slow
@pytest.mark.parametrize("n", [20000, 5000])
def test_sixty_tanh_units_on_twenty_inputs_are_recovered(n):
    network, X, y = crowd("tanh", 20, 60, n)
    result = recover(X, y, 60, "tanh", rng=0)
    assert result.is_certified
    assert recovery_error(result.network, network) < 1e-4


@pytest.mark.slow
def test_fifty_relu_units_with_biases_on_ten_inputs_are_recovered():
    reached = 0
    for seed in range(10):
        network, X, y = crowd("relu", 10, 50, 20000, seed, has_bias=True)
        result = recover(X, y, 50, "relu", bias=True, rng=seed)
        reached += result.is_certified and recovery_error(result.network, network) < 1e-4
    assert reached >= 8
