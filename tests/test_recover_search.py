"""The search: units taken out and put in by the sum that they stand for, planted traps left, refiners that end where
others do."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import least_squares

from fits import Told, fit_at, minimum_near, silent
from lifted_models import SlowModel, random_problem, slow_psi
from twolayer.activation import activation
from twolayer.align import recovery_error
from twolayer.model import UnitsProblem
from twolayer.model.fit import EXACT, ROUNDING
from twolayer.model.reflections import network_of
from twolayer.model.units import unit_values, with_unit, without_unit
from twolayer.network import TwoLayerNetwork
from twolayer.refine.explore import explore, explore_roughly, polish
from twolayer.search.exchange import exchange, missing_units, narrower_fits, prune
from twolayer.teachers import conditioned, gaussian_samples, orthogonal, random_units

# σ, biases, lifted, outer weights fixed
MODELS = [
    ("relu", False, False, True),
    ("relu", True, True, True),
    ("relu", False, True, False),
    ("squared_relu", False, True, True),
    ("squared_relu", True, True, False),
    ("tanh", True, False, False),
    ("sigmoid", True, True, False),
    ("softplus", True, True, False),
]
models = pytest.mark.parametrize(("spec", "has_bias", "is_lifted", "is_fixed"), MODELS)


def drawn_problem(spec, has_bias, is_lifted, is_fixed, m=3):
    rng = np.random.default_rng(4)
    return random_problem(spec, has_bias=has_bias, is_lifted=is_lifted, is_fixed=is_fixed, rng=rng, n=9, d=3, m=m)


def network_of_fit(fit):
    return network_of(fit.problem, fit.point)


# Units taken out and put in


@models
def test_the_values_of_the_units_are_what_each_adds(spec, has_bias, is_lifted, is_fixed):
    problem, z = drawn_problem(spec, has_bias, is_lifted, is_fixed)
    theta, _, v, _, _ = SlowModel(problem).unpack(z)
    inputs = np.column_stack([problem.X, np.ones(9)]) if has_bias else problem.X
    expected = [v[i] * slow_psi(problem.activation, inputs @ theta[i], is_lifted) for i in range(3)]
    assert_allclose(unit_values(problem, z), np.transpose(expected), rtol=1e-13, atol=1e-13)


def test_the_values_of_units_on_many_rows_are_put_together(rng):
    X = rng.standard_normal((5000, 3))
    network = random_units(3, 2, activation="tanh", rng=1)
    fit = fit_at(X, X[:, 0], network)
    assert_allclose(unit_values(fit.problem, fit.point), np.tanh(X @ network.W.T) * network.a, rtol=1e-12, atol=1e-14)


@models
@pytest.mark.parametrize("unit", [0, 2])
def test_without_a_unit_all_others_and_the_lift_stay(spec, has_bias, is_lifted, is_fixed, unit):
    problem, z = drawn_problem(spec, has_bias, is_lifted, is_fixed)
    smaller, point = without_unit(problem, z, unit)
    kept = [i for i in range(3) if i != unit]
    theta, linear, v, Q, constant = SlowModel(problem).unpack(z)
    assert smaller.width == 2
    one_less = SlowModel(smaller).unpack(point)
    assert_allclose(one_less[0], [theta[i] for i in kept])
    assert_allclose(one_less[1], linear)
    assert_allclose(one_less[2], [v[i] for i in kept])
    assert_allclose(one_less[3], Q[np.ix_(kept, kept)])
    assert one_less[4] == constant


@models
def test_with_a_unit_the_model_is_larger_by_that_unit(spec, has_bias, is_lifted, is_fixed):
    problem, z = drawn_problem(spec, has_bias, is_lifted, is_fixed)
    row = np.linspace(1.0, 2.0, problem.n_columns)
    larger, point = with_unit(problem, z, -1.0, row)
    before, after = SlowModel(problem), SlowModel(larger)
    amplitude = -1.0 if is_fixed else -0.5 * np.mean(np.abs(before.unpack(z)[2]))
    inputs = np.column_stack([problem.X, np.ones(9)]) if has_bias else problem.X
    added = amplitude * slow_psi(problem.activation, inputs @ row, is_lifted)
    expected = [before.value(x, z) for x in problem.X] + added
    assert_allclose([after.value(x, point) for x in problem.X], expected, rtol=1e-11, atol=1e-11)
    assert_allclose(without_unit(larger, point, problem.width)[1], z)


# Units that the residual asks for


@pytest.mark.parametrize("a", [1.0, -1.0])
@pytest.mark.parametrize("spec", ["relu", "leaky_relu(0.1)", "squared_relu"])
def test_the_missing_unit_is_the_first_that_is_proposed(spec, a):
    """Its direction up to sampling errors, its orientation, its sign, and where σ is homogeneous its length."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20_000, 6))
    row = 0.3 * np.array([1.0, -2.0, 0.5, 0.0, 1.0, 1.0])
    target = a * activation(spec)(X @ row) + 5.0
    problem = UnitsProblem(X, target, activation(spec), 1, signs=np.ones(1))
    sign, found = next(missing_units(problem, target, rng))
    assert sign == a
    assert np.linalg.norm(found - row) < 0.1 * np.linalg.norm(row)


def test_the_strongest_of_two_missing_units_comes_first_and_the_other_sign_second():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((20_000, 5))
    rows = np.array([[0.0, 0.0, 1.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0, 0.0]])
    target = np.maximum(X @ rows.T, 0) @ np.array([1.0, -1.0])
    problem = UnitsProblem(X, target, activation("relu"), 1, signs=np.ones(1))
    (sign, first), (other_sign, second), *_ = missing_units(problem, target, rng)
    assert (sign, other_sign) == (-1.0, 1.0)
    assert abs(first[1]) > 0.95 * np.linalg.norm(first)
    assert abs(second[2]) > 0.95 * np.linalg.norm(second)


@pytest.mark.parametrize(
    ("spec", "is_lifted", "has_gradient"), [("abs", False, False), ("tanh", False, True), ("relu", True, False)]
)
def test_even_units_are_sought_by_second_moments_and_odd_ones_by_first(spec, is_lifted, has_gradient):
    rng = np.random.default_rng(2)
    X = rng.standard_normal((20_000, 4))
    row = np.array([0.0, 0.6, 0.0, -0.8])
    target = slow_psi(activation(spec), X @ row, is_lifted)
    problem = UnitsProblem(X, target, activation(spec), 1, is_lifted=is_lifted, has_bias=True)
    proposed = list(missing_units(problem, target, rng))
    assert len(proposed) == 2
    sign, found = proposed[0]
    assert sign == 1.0
    assert np.linalg.norm(found) == pytest.approx(1.0)
    assert found[4] == 0.0
    assert abs(found[:4] @ row) > 0.99
    assert not has_gradient or found[:4] @ row > 0.99


def test_a_unit_that_second_moments_cannot_show_is_sought_by_first_ones_with_either_sign():
    rng = np.random.default_rng(3)
    X = rng.standard_normal((20_000, 4))
    row = np.array([0.0, 0.6, 0.0, -0.8])
    target = -1 / (1 + np.exp(-X @ row))
    problem = UnitsProblem(X, target, activation("sigmoid"), 1)
    proposed = [(sign, float(found @ row)) for sign, found in missing_units(problem, target, rng)]
    assert any(sign == -1 and cosine > 0.99 for sign, cosine in proposed)
    assert any(sign == 1 and cosine < -0.99 for sign, cosine in proposed)


# Exchange and prune


def test_a_unit_with_a_wrong_sign_is_exchanged():
    teacher = orthogonal(6, 3, "relu", rng=0)
    teacher = TwoLayerNetwork([1.0, -1.0, -1.0], teacher.W, activation="relu")
    X, y = gaussian_samples(teacher, 400, rng=1)
    trap = minimum_near(X, y, TwoLayerNetwork([1.0, 1.0, -1.0], teacher.W, activation="relu"))
    told = Told()
    assert trap.loss > 1e-2
    found = exchange(trap, told, np.random.default_rng(0))
    assert found.loss <= EXACT
    assert told.stages == ["exchange"]
    assert recovery_error(network_of_fit(found), teacher) < 1e-9


def test_of_many_units_the_one_of_no_use_is_exchanged():
    """Fourteen units, of which twelve at most are tried: the least important first."""
    teacher = orthogonal(16, 14, "squared_relu", rng=3)
    X, y = gaussian_samples(teacher, 1500, rng=1)
    W = teacher.W.copy()
    W[5] = 0.02 * np.random.default_rng(7).standard_normal(16)
    start = fit_at(X, y, TwoLayerNetwork(teacher.a, W, activation="squared_relu"))
    trap = polish(
        start.problem.resized(start.problem.signs * np.where(np.arange(14) == 5, -1, 1), 14), start.point, silent
    )
    assert trap.loss > 1e-3
    assert exchange(trap, silent, np.random.default_rng(0)).loss <= EXACT


@pytest.mark.parametrize(("m", "tried"), [(3, 3), (12, 12), (14, 12)])
def test_a_unit_in_turn_is_sought_anew_in_what_the_others_leave(m, tried, monkeypatch):
    """Of more than twelve, the twelve least important ones, the least first."""
    teacher = orthogonal(16, m, "relu", rng=3)
    X, y = gaussian_samples(teacher, 300, rng=1)
    strengths = np.random.default_rng(2).permutation(np.linspace(0.2, 3.0, m))
    fit = fit_at(X, y, TwoLayerNetwork(-teacher.a, strengths[:, None] * teacher.W, activation="relu"))
    targets = []
    monkeypatch.setitem(
        exchange.__globals__, "missing_units", lambda _problem, target, _rng: targets.append(target) or ()
    )
    assert exchange(fit, silent, np.random.default_rng(0)) is fit
    parts = np.maximum(X @ fit.point.reshape(m, 16).T, 0) * -teacher.a
    lefts = [y - np.delete(parts, i, axis=1).sum(axis=1) for i in range(m)]
    units = [int(np.argmin([np.abs(target - left).max() for left in lefts])) for target in targets]
    for target, unit in zip(targets, units, strict=True):
        assert_allclose(target, lefts[unit], atol=1e-12)
    weakest = list(np.argsort(parts.var(axis=0)))[:tried]
    assert units == weakest if m > 12 else sorted(units) == sorted(weakest)


def test_where_only_noise_is_left_nothing_is_exchanged():
    teacher = conditioned(5, 2, 2, "relu", rng=0)
    X, y = gaussian_samples(teacher, 600, noise=0.1, rng=1)
    fit, told = minimum_near(X, y, teacher), Told()
    assert exchange(fit, told, np.random.default_rng(0)) is fit
    assert told.stages == ["exchange"]


def test_what_a_wide_fit_has_too_much_is_pruned():
    """A unit in two halves and one of no use: two have to go, and the halves have to become one."""
    teacher = random_units(5, 3, activation="relu", rng=2).balanced()
    X, y = gaussian_samples(teacher, 500, rng=3)
    idle = 1e-3 * np.ones((1, 5))
    W = np.vstack([teacher.W[:2], 0.3 * teacher.W[2], 0.7 * teacher.W[2], idle])
    wide = fit_at(X, y, TwoLayerNetwork(np.r_[teacher.a[:2], teacher.a[2], teacher.a[2], 1.0], W, activation="relu"))
    pruned = prune(wide, 3, silent)
    assert pruned.problem.width == 3
    assert recovery_error(network_of_fit(pruned), teacher) < 1e-9
    assert prune(pruned, 3, silent) is pruned


def test_narrower_fits_leave_the_weakest_units_out_one_at_a_time(monkeypatch):
    teacher = orthogonal(8, 5, "relu", rng=0)
    strengths = np.array([3.0, 0.01, 2.0, 0.1, 1.0])
    teacher = TwoLayerNetwork(teacher.a, strengths[:, None] * teacher.W, activation="relu")
    X, y = gaussian_samples(teacher, 600, rng=1)
    begun, told = [], Told()

    def heard(problem, start, report, stage, max_steps):
        begun.append(problem.residual(start))
        return explore(problem, start, report, stage, max_steps)

    monkeypatch.setitem(narrower_fits.__globals__, "explore", heard)
    fits = list(narrower_fits(fit_at(X, y, teacher), told))
    assert told.stages == ["one unit fewer"]
    for unit, fit, residual in zip((1, 3, 4), fits, begun, strict=True):
        left_out = teacher.a[unit] * np.maximum(X @ teacher.W[unit], 0)
        assert_allclose(residual, -left_out, atol=1e-12)
        assert fit.problem.width == 4
        assert EXACT < fit.loss < np.sum(left_out**2) / np.sum(y**2)


def test_a_single_unit_cannot_be_left_out():
    X, y = gaussian_samples(random_units(4, 1, rng=0), 50, rng=1)
    assert not list(narrower_fits(fit_at(X, y, random_units(4, 1, rng=2)), silent))


# The refiners


def noisy_start(spec="relu", *, d=5, m=3, n=400):
    teacher = conditioned(d, m, 2, spec, rng=0)
    X, y = gaussian_samples(teacher, n, noise=0.1, rng=1)
    off = np.random.default_rng(2).standard_normal(teacher.W.shape)
    return teacher, fit_at(X, y, TwoLayerNetwork(teacher.a, teacher.W + 0.1 * off, activation=spec))


def test_a_polish_ends_at_the_least_squares():
    _, start = noisy_start()
    X, y, signs = start.problem.X, start.problem.y, start.problem.signs

    def residual(z):
        return np.maximum(X @ z.reshape(3, 5).T, 0) @ signs - y

    peer = least_squares(residual, start.point, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    fit = polish(start.problem, start.point, silent)
    assert fit.loss == pytest.approx(2 * peer.cost / np.sum(y**2), rel=1e-9)
    assert_allclose(fit.point, peer.x, atol=1e-4)


def test_a_rough_exploration_stops_before_a_whole_one_and_a_polish_goes_to_rounding():
    teacher, start = noisy_start()
    y = teacher(start.problem.X)
    problem = start.problem.on(start.problem.X, y)
    told = [Told(), Told(), Told()]
    rough = explore_roughly(problem, start.point, told[0], "rough")
    whole = explore(problem, start.point, told[1], "whole")
    end = polish(problem, start.point, told[2])
    assert [one.stages for one in told] == [["rough"], ["whole"], ["polish"]]
    assert [step for _, step, _ in told[1].steps] == list(range(1, len(told[1].steps) + 1))
    assert told[1].steps[-1][2] == whole.loss
    assert rough.loss >= whole.loss
    assert whole.is_exact
    assert end.loss <= ROUNDING
    assert explore(problem, start.point, silent, "short", max_steps=1).loss > whole.loss


def test_a_polish_goes_on_below_what_counts_as_exact():
    teacher, start = noisy_start("tanh")
    problem = start.problem.on(start.problem.X, teacher(start.problem.X))
    off = np.random.default_rng(5).standard_normal(start.point.shape)
    near = problem.join(teacher.W, teacher.a) + 3e-14 * off
    told = Told()
    assert ROUNDING < problem.loss(near) / problem.energy < 1e-26
    assert polish(problem, near, told).loss <= ROUNDING
    assert told.stages == ["polish"]


def test_an_exploration_of_noise_gives_up_early_and_a_polish_does_not():
    """More parameters than can be fitted well: the gains become small long before the minimum."""
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((300, 6)), rng.standard_normal(300)
    start = fit_at(X, y, random_units(6, 4, activation="tanh", rng=4))
    rough = explore_roughly(start.problem, start.point, silent, "rough")
    whole = explore(start.problem, start.point, silent, "whole")
    end = polish(start.problem, whole.point, silent)
    assert start.loss > rough.loss >= whole.loss > end.loss


def test_many_parameters_are_refined_without_the_normal_matrix_to_the_same_minimum(monkeypatch):
    _, start = noisy_start("squared_relu", d=60, m=5, n=1800)
    problem = start.problem
    dense = least_squares_steps(problem, start.point, 12)

    def forbidden(*_):
        raise AssertionError

    monkeypatch.setattr(UnitsProblem, "normal_equations", forbidden)
    free = polish(problem, start.point, silent)
    assert problem.n_parameters == 300
    assert free.loss == pytest.approx(problem.loss(dense) / problem.energy, rel=1e-6)


def least_squares_steps(problem, z, steps):
    """Plain Gauss-Newton from near a minimum, with numpy's least squares."""
    for _ in range(steps):
        parts = list(problem.jacobian_blocks(z))
        J, r = np.vstack([part[2] for part in parts]), np.concatenate([part[1] for part in parts])
        z = z - np.linalg.lstsq(J, r)[0]
    return z
