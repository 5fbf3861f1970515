"""Networks with biases: wrong signs are grown out of, and units that no row shows are reported and not invented."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fits import Told, fit_at, minimum_near, silent
from twolayer import Status, TwoLayerNetwork, TwoLayerRegressor, recover
from twolayer.align import align, recovery_error
from twolayer.model.fit import EXACT
from twolayer.model.units import straight_units, unit_losses
from twolayer.recover import RecoveryError
from twolayer.search.growth import grown_and_pruned
from twolayer.search.inactive import seen_part, without_idle_units
from twolayer.teachers import gaussian_samples, orthogonal, random_units

# d, m, B, n: some six rows a parameter
SMALL = [(10, 5, 1.0, 400), (10, 5, 2.0, 800), (10, 10, 1.0, 800)]
LARGE = [*SMALL, (20, 20, 1.0, 2800), (10, 20, 1.0, 2000)]
LARGEST = (50, 50, 1.0, 16_000)


def with_units_out_of_sight(teacher, biases, rng=500):
    more = random_units(teacher.dim, len(biases), activation=teacher.activation, rng=rng)
    return TwoLayerNetwork(
        np.r_[teacher.a, more.a], np.vstack([teacher.W, more.W]), np.r_[teacher.b, biases], teacher.activation
    )


def recovered(teacher, n, seed, told=None):
    X, y = gaussian_samples(teacher, n, rng=seed + 1000)
    return recover(X, y, teacher.width, teacher.activation, bias=True, rng=seed, progress=told)


def assert_recovered(d, m, B, n, seed):
    teacher = random_units(d, m, bias=B, rng=seed)
    result = recovered(teacher, n, seed)
    assert result.status is Status.CERTIFIED
    assert recovery_error(result.network, teacher) < 1e-6


def assert_seen_units_are_exact(d, m, B, n, seed):
    seen = random_units(d, m, bias=B, rng=seed)
    teacher = with_units_out_of_sight(seen, [6.0, -6.0], rng=seed + 500)
    result = recovered(teacher, n, seed)
    assert result.status is Status.UNRESOLVED_REFLECTION
    assert result.network.width == m
    assert result.certificate.unseen_units == 2
    assert_allclose(np.sort(align(result.network, teacher).unit_errors)[:m], 0, atol=1e-6)
    fresh = np.random.default_rng(seed).standard_normal((5000, d))
    assert np.mean((result.network(fresh) - teacher(fresh)) ** 2) < 1e-6 * np.var(teacher(fresh))


# From samples


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("d", "m", "B", "n"), SMALL)
def test_networks_with_biases_are_recovered_from_six_rows_a_parameter(d, m, B, n, seed):
    assert_recovered(d, m, B, n, seed)


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(("d", "m", "B", "n"), LARGE)
def test_ten_of_ten_networks_with_biases_are_recovered(d, m, B, n, times):
    for seed in range(10):
        assert_recovered(d, m, B, times * n, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_fifty_units_with_biases_are_recovered(seed):
    assert_recovered(*LARGEST, seed)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(("d", "m", "B", "n"), SMALL)
def test_units_that_no_row_shows_leave_the_others_exact(d, m, B, n, seed):
    assert_seen_units_are_exact(d, m, B, n, seed)


@pytest.mark.slow
@pytest.mark.parametrize(("d", "m", "B", "n"), LARGE)
def test_units_that_no_row_shows_leave_the_others_exact_ten_times_of_ten(d, m, B, n):
    for seed in range(10):
        assert_seen_units_are_exact(d, m, B, n, seed)


@pytest.mark.slow
def test_units_that_no_row_shows_leave_fifty_others_exact():
    assert_seen_units_are_exact(*LARGEST, 0)


@pytest.mark.parametrize("spec", ["relu", "leaky_relu(0.1)"])
def test_a_linear_unit_is_the_affine_part_of_a_network_that_is_not_certified(spec):
    """Its width is as asked for, every label is explained, and yet nobody can tell which way round the others are."""
    seen = random_units(6, 3, bias=1.0, activation=spec, rng=3)
    teacher = with_units_out_of_sight(seen, [8.0])
    X, y = gaussian_samples(teacher, 800, rng=4)
    result = recover(X, y, 4, spec, bias=True, rng=0)
    assert result.status is Status.UNRESOLVED_REFLECTION
    assert (result.network.width, result.certificate.unseen_units) == (3, 1)
    assert result.network.polynomial.degree == 1
    assert_allclose(result.network(X), y, atol=1e-9)
    assert any("1 are linear or dead" in note for note in result.certificate.notes)
    with pytest.raises(RecoveryError, match="linear on all of these inputs"):
        result.unwrap()


@pytest.mark.parametrize("seed", range(2))
def test_a_linear_unit_is_not_certified_where_it_was_found_without_the_lift(seed):
    teacher = with_units_out_of_sight(random_units(6, 1, bias=1.0, rng=seed), [9.0])
    X, y = gaussian_samples(teacher, 400, rng=4)
    result = recover(X, y, 2, "relu", bias=True, method="unlifted", rng=0)
    assert result.status is Status.UNRESOLVED_REFLECTION
    assert result.network.width == 1
    assert_allclose(result.network(X), y, atol=1e-9)


def test_a_dead_unit_is_left_out():
    seen = random_units(6, 3, bias=1.0, rng=3)
    result = recovered(with_units_out_of_sight(seen, [-8.0]), 800, 0)
    assert result.status is Status.NOT_IDENTIFIABLE
    assert result.certificate.unseen_units == 1
    assert recovery_error(result.network, seen) < 1e-6
    assert "Of the units asked for, 1 are dead on all of these inputs, or one too many." in result.certificate.notes


def test_units_beyond_reach_can_be_left_unasked_for():
    seen = random_units(6, 3, bias=1.0, rng=3)
    X, y = gaussian_samples(with_units_out_of_sight(seen, [8.0, -8.0]), 800, rng=4)
    result = recover(X, y, 3, "relu", bias=True, rng=0)
    assert result.status is Status.UNRESOLVED_REFLECTION
    assert result.certificate.unseen_units == 0
    assert align(result.network, seen).max_relative_error < 1e-6
    assert_allclose(result.network(X), y, atol=1e-9)


def test_an_affine_part_of_the_labels_without_biases_is_found_too():
    teacher = orthogonal(6, 2, "relu", rng=0)
    X, y = gaussian_samples(teacher, 400, rng=7)
    result = recover(X, y + 0.3 * X[:, 0], 2, "relu", rng=0)
    assert result.status is Status.UNRESOLVED_REFLECTION
    assert_allclose(result.network(X), y + 0.3 * X[:, 0], atol=1e-9)


def test_inputs_off_centre_keep_the_affine_part():
    teacher = with_units_out_of_sight(random_units(4, 2, bias=0.5, rng=3), [9.0])
    rng = np.random.default_rng(5)
    X = 3 * rng.standard_normal((600, 4)) * [1.0, 0.1, 5.0, 1.0] + [30.0, 0.0, -20.0, 5.0]
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    result = recover(X, 1e3 * teacher(Z), 3, "relu", bias=True, rng=0)
    assert result.status is Status.UNRESOLVED_REFLECTION
    assert_allclose(result.network(X), 1e3 * teacher(Z), atol=1e-6)


@pytest.mark.parametrize("alpha", [0.0, None])
def test_the_regressor_keeps_what_is_exact(alpha):
    teacher = with_units_out_of_sight(random_units(5, 2, bias=0.5, rng=3), [9.0, -9.0])
    X, y = gaussian_samples(teacher, 3000, rng=1)
    X = 2 * X + 1
    model = TwoLayerRegressor(4, alpha=alpha, random_state=0).fit(X, y)
    assert model.status_ is Status.UNRESOLVED_REFLECTION
    assert_allclose(model.predict(X), y, atol=1e-8)


def test_a_unit_that_few_rows_see_is_certified():
    """Nineteen of 800 rows lie beyond its kink: every third of them is less than it has parameters, all are not."""
    teacher = random_units(10, 3, bias=0.5, rng=1)
    teacher = TwoLayerNetwork(teacher.a, teacher.W, [0.3, -0.2, -2.0], "relu")
    X, y = gaussian_samples(teacher, 800, rng=2)
    assert 11 < (X @ teacher.W[2] > 2).sum() < 33
    result = recover(X, y, 3, "relu", bias=True, rng=0)
    assert result.status is Status.CERTIFIED
    assert recovery_error(result.network, teacher) < 1e-6


# Growth


def test_a_wrong_sign_is_grown_out_of():
    teacher = random_units(10, 10, bias=1.0, rng=5)  # T_2 has five eigenvalues above 0, and three units are positive
    told = Told()
    result = recovered(teacher, 800, 5, told)
    assert "two units more" in told.stages
    assert "exchange" not in told.stages
    assert result.status is Status.CERTIFIED
    assert recovery_error(result.network, teacher) < 1e-6


def wrong_signs(n_wrong, n=600):
    teacher = orthogonal(8, 6, "relu", rng=0)
    teacher = TwoLayerNetwork(np.where(np.arange(6) < 3, 1.0, -1.0), teacher.W, np.linspace(-0.5, 0.5, 6), "relu")
    X, y = gaussian_samples(teacher, n, rng=1)
    wrong = TwoLayerNetwork(np.where(np.arange(6) < 3 - n_wrong, 1.0, -1.0), teacher.W, teacher.b, "relu")
    return minimum_near(X, y, wrong, has_bias=True)


@pytest.mark.parametrize("n_wrong", [1, 2])
def test_growth_ends_at_as_many_units_as_it_began_with(n_wrong):
    trap, told = wrong_signs(n_wrong), Told()
    grown = grown_and_pruned(trap, told, np.random.default_rng(0))
    assert trap.loss > 1e-3
    assert grown.loss <= EXACT
    assert grown.problem.width == 6
    assert sorted(grown.problem.signs) == [-1, -1, -1, 1, 1, 1]
    assert told.stages[0] == "two units more"
    assert told.stages[-1] == "one unit fewer"


def test_growth_needs_two_rows_a_parameter():
    trap, told = wrong_signs(1, n=140), Told()  # 55 parameters, and 73 with two units more
    assert grown_and_pruned(trap, told, np.random.default_rng(0)) is trap
    assert not told.stages


def test_growth_never_makes_a_fit_worse():
    X, y = gaussian_samples(orthogonal(8, 3, "relu", rng=0), 600, noise=0.1, rng=1)
    fit = minimum_near(X, y, orthogonal(8, 3, "relu", rng=0))
    grown = grown_and_pruned(fit, silent, np.random.default_rng(0))
    assert grown.problem.width == 3
    assert grown.loss <= fit.loss


@pytest.mark.parametrize(("spec", "has_bias"), [("relu", True), ("squared_relu", False), ("tanh", True)])
def test_the_loss_without_a_unit_is_that_of_the_linear_least_squares_without_its_columns(spec, has_bias):
    teacher = random_units(4, 3, bias=0.7, activation=spec, rng=2)
    X, _ = gaussian_samples(teacher, 300, rng=3)
    fit = fit_at(X, np.ones(300), teacher, has_bias=has_bias)
    problem, point = fit.problem, fit.point
    J = np.vstack([part[2] for part in problem.jacobian_blocks(point)])
    v, theta = problem.units(point)
    inputs = problem.inputs(slice(None))
    columns = theta.size + np.arange(problem.n_amplitudes)
    for unit, loss in enumerate(unit_losses(fit.problem, fit.point) / fit.problem.energy):
        own = np.arange(problem.n_columns) + unit * problem.n_columns
        others = np.delete(J, np.r_[own, columns[unit : unit + 1]], axis=1)
        values = v[unit] * problem.activation(inputs @ theta[unit])
        left = values - others @ np.linalg.lstsq(others, values)[0]
        assert loss == pytest.approx(float(left @ left) / problem.energy, rel=1e-6)


# Units out of sight


def straight_of(fit):
    return straight_units(fit.problem, fit.point)


def test_units_that_are_affine_on_all_rows_are_straight():
    X = np.random.default_rng(0).uniform(-1, 1, (200, 2))
    W = np.array([[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
    network = TwoLayerNetwork(np.ones(4), W, [1.5, -2.5, -0.9, 0.2], "relu")
    assert straight_of(fit_at(X, X[:, 0], network, has_bias=True)).tolist() == [True, True, False, False]
    curved = TwoLayerNetwork(np.ones(4), W, [40.0, 5.0, -0.9, -60.0], "softplus")
    assert straight_of(fit_at(X, X[:, 0], curved, has_bias=True)).tolist() == [True, False, False, False]
    squares = TwoLayerNetwork(np.ones(4), W, [1.5, -2.5, -0.9, 0.2], "squared_relu")
    assert not straight_of(fit_at(X, X[:, 0], squares, has_bias=True)).any()


def test_a_unit_that_only_late_rows_bend_is_not_straight():
    X = np.random.default_rng(0).uniform(-1, 1, (5000, 2))
    X[-1] = [-3.0, 0.0]
    network = TwoLayerNetwork(np.ones(3), [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [1.5, 1.5, 0.0], "relu")
    assert straight_of(fit_at(X, X[:, 0], network, has_bias=True)).tolist() == [False, True, False]


def test_a_straight_unit_that_makes_up_for_a_turned_one_is_seen_through():
    """relu(t) = relu(-t) + t: with t + 9 as a third unit, an exact fit of three units is one of two."""
    teacher = random_units(5, 2, bias=0.5, rng=1).balanced()
    X, y = gaussian_samples(teacher, 300, rng=2)
    a, w, b = teacher.a, teacher.W, teacher.b
    three = TwoLayerNetwork(np.r_[a, a[0]], [-w[0], w[1], w[0]], [-b[0], b[1], b[0] + 9.0], "relu")
    problem_fit = fit_at(X, y, three, has_bias=True)
    point = problem_fit.point.copy()
    point[-1] = -9.0 * a[0]
    fit = type(problem_fit)(problem_fit.problem, point, problem_fit.problem.loss(point) / problem_fit.problem.energy)
    assert fit.is_exact
    found = seen_part(fit, silent)
    assert found.is_exact
    assert (found.problem.width, found.problem.is_lifted) == (2, False)


def test_idle_units_are_left_out_and_no_others():
    teacher = random_units(5, 3, bias=0.5, rng=2).balanced()
    X, y = gaussian_samples(teacher, 500, rng=3)
    W = np.vstack([teacher.W[:2], 0.3 * teacher.W[2], 0.7 * teacher.W[2], 1e-3 * np.ones(5)])
    b = np.r_[teacher.b[:2], 0.3 * teacher.b[2], 0.7 * teacher.b[2], -1.0]
    fit = fit_at(X, y, TwoLayerNetwork(np.r_[teacher.a, teacher.a[2], 1.0], W, b, "relu"), has_bias=True)
    found = without_idle_units(fit, silent)
    assert found.is_exact
    assert found.problem.width == 3
    assert without_idle_units(found, silent) is found
