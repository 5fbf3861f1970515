"""Tests of the inputs: against other implementations and by the share of false alarms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import erfc
from scipy.stats import kurtosistest, skewtest

from twolayer.evidence.gaussianity import (
    anderson_darling_p_value,
    gaussianity_of_inputs,
    gaussianity_test,
    kurtosis_p_value,
    skewness_p_value,
)
from twolayer.moments import second_moment
from twolayer.recover import recover
from twolayer.rows.shuffle import row_keys
from twolayer.teachers import random_units

LAWS = {
    "uniform": lambda rng, n, d: rng.uniform(-1, 1, (n, d)),
    "student": lambda rng, n, d: rng.standard_t(4, (n, d)),
    "two lumps": lambda rng, n, d: rng.standard_normal((n, d)) + 2 * rng.choice([-1, 1], (n, 1)),
    "exponential": lambda rng, n, d: rng.exponential(size=(n, d)),
}


def standardised(z):
    return (z - z.mean()) / z.std()


@pytest.mark.parametrize("n", [8, 9, 20, 50, 1000])
@pytest.mark.parametrize(("ours", "scipys"), [(skewness_p_value, skewtest), (kurtosis_p_value, kurtosistest)])
def test_p_values_of_moments_are_those_of_scipy(ours, scipys, n, rng):
    for power in (1, 1.5):  # numbers that are Gaussian, and numbers that are not
        Z = rng.standard_normal((n, 40))
        Z = np.sign(Z) * np.abs(Z) ** power
        Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
        assert_allclose(ours(Z), scipys(Z).pvalue, rtol=1e-12)
        assert_allclose(ours(Z[:, 0]), scipys(Z[:, 0]).pvalue, rtol=1e-12)


def anderson_darling_statistic(z):
    """The integral over the distribution functions, in closed form between the numbers; with its factor for n."""
    n, z = len(z), np.sort(z)
    below, above = np.r_[0.0, erfc(-z / np.sqrt(2)) / 2, 1.0], np.r_[1.0, erfc(z / np.sqrt(2)) / 2, 0.0]
    total = -1.0
    for i in range(n + 1):
        F = i / n  # ∫ (F - u)² / (u (1 - u)) du = F² log u - (1 - F)² log(1 - u) - u
        total += F**2 * np.log(below[i + 1] / below[i]) if i > 0 else 0.0
        total += (1 - F) ** 2 * np.log(above[i] / above[i + 1]) if i < n else 0.0
    return n * total * (1 + 0.75 / n + 2.25 / n**2)


@pytest.mark.parametrize("n", [10, 50, 500])
@pytest.mark.parametrize(("level", "critical"), [(0.1, 0.631), (0.05, 0.752), (0.025, 0.873), (0.01, 1.035)])
def test_the_anderson_darling_p_value_has_the_critical_values_of_the_table(level, critical, n, rng):
    """D'Agostino and Stephens (1986), table 4.7: numbers are skewed until their statistic is the critical one."""
    z = rng.standard_normal(n)
    low, high = 0.0, 2.0
    for _ in range(60):
        t = (low + high) / 2
        statistic = anderson_darling_statistic(standardised(np.exp(t * z)))
        low, high = (t, high) if statistic < critical else (low, t)
    skewed = standardised(np.exp(high * z))
    assert anderson_darling_statistic(skewed) == pytest.approx(critical, rel=1e-9)
    assert_allclose(anderson_darling_p_value(skewed), level, rtol=0.02)


def test_the_anderson_darling_p_value_falls_as_the_statistic_grows_and_ends_at_4e_24(rng):
    """The four exponentials of table 4.9, at the edges between them and beyond."""
    Z = rng.standard_normal((60, 300)) * rng.choice([0.0, 1.0], (60, 300), p=[0.05, 0.95]) ** rng.integers(0, 2, 300)
    Z = (Z - Z.mean(axis=0)) / Z.std(axis=0)
    A = np.array([anderson_darling_statistic(z) for z in Z.T])
    order, p = np.argsort(A), anderson_darling_p_value(Z)
    assert A.min() < 0.2 < 0.34 < 0.6 < A.max()
    assert np.all(np.diff(p[order]) < 4e-3)
    formulas = [
        (0.0, 0.2, lambda A: 1 - np.exp(-13.436 + 101.14 * A - 223.73 * A**2)),
        (0.2, 0.34, lambda A: 1 - np.exp(-8.318 + 42.796 * A - 59.938 * A**2)),
        (0.34, 0.6, lambda A: np.exp(0.9177 - 4.279 * A - 1.38 * A**2)),
        (0.6, 10.0, lambda A: np.exp(1.2937 - 5.709 * A + 0.0186 * A**2)),
    ]
    for low, high, formula in formulas:
        inside = (low <= A) & (high > A)
        assert inside.any()
        assert_allclose(p[inside], formula(A[inside]), rtol=1e-9)
    assert_allclose(anderson_darling_p_value(standardised(rng.exponential(size=5000))), 3.7e-24, rtol=0.03)


def test_p_values_of_gaussian_numbers_are_uniform(rng):
    p = np.array([anderson_darling_p_value(standardised(rng.standard_normal(200))) for _ in range(1000)])
    for level in (0.05, 0.2, 0.5, 0.8):
        assert abs(np.mean(p < level) - level) < 4 * np.sqrt(level * (1 - level) / len(p))


def test_the_smallest_p_value_is_multiplied_by_the_number_of_tests(rng):
    X, u = rng.uniform(-1, 1, (150, 3)), rng.standard_normal((4, 3))
    kinds = [
        [f(standardised(X @ row)) for row in u]
        for f in (lambda z: skewtest(z).pvalue, lambda z: kurtosistest(z).pvalue, anderson_darling_p_value)
    ]
    found = gaussianity_test(X, u)
    assert_allclose(found.p_value, min(1, 12 * np.min(kinds)), rtol=1e-6)
    assert found.n_directions == 4


def test_the_tests_of_both_halves_and_of_the_units_are_counted_together(rng):
    X = rng.uniform(-1, 1, (301, 4))
    y, units = np.exp(X @ rng.standard_normal(4)), rng.standard_normal((3, 4))
    order = np.lexsort((y, row_keys(X)))
    least, count = [], []
    for choosing, judging in ((order[::2], order[1::2]), (order[1::2], order[::2])):
        moment = second_moment(X[choosing], y[choosing])
        found = gaussianity_test(X[judging], np.vstack([moment.vectors[:, :2].T, moment.affine[:4]]))
        least.append(found.p_value / found.n_directions)
        count.append(found.n_directions)
    assert count == [3, 3]
    assert gaussianity_of_inputs(X, y, 2).p_value == pytest.approx(min(1, 6 * min(least)))
    least.append(gaussianity_test(X, units).p_value / 3)
    found = gaussianity_of_inputs(X, y, 2, units)
    assert found.p_value == pytest.approx(min(1, 9 * min(least)))
    assert found.n_directions == 9
    assert found.p_value < 1  # else it says nothing


@pytest.mark.parametrize("law", [*LAWS, "gaussian"])
def test_the_order_of_the_rows_does_not_matter(law, rng):
    X = rng.standard_normal((400, 3)) if law == "gaussian" else LAWS[law](rng, 400, 3)
    y = np.maximum(X @ np.ones(3), 0)
    found = gaussianity_of_inputs(X, y, 1, np.ones((1, 3)))
    for order in (rng.permutation(400), np.argsort(y), np.argsort(X[:, 0])):
        assert gaussianity_of_inputs(X[order], y[order], 1, np.ones((1, 3))).p_value == pytest.approx(found.p_value)


def test_rows_that_take_few_values_are_divided_fairly(rng):
    """On the corners of a square each half has all corners, and sees that they are not Gaussian."""
    X = rng.choice([-1.0, 1.0], (300, 2))
    assert not gaussianity_of_inputs(X, np.maximum(X @ np.ones(2), 0), 2).is_gaussian


@pytest.mark.parametrize("spec", ["tanh", "squared_relu"])
def test_inputs_that_were_measured_twice_bring_no_false_alarms(spec):
    """Of two equal rows one must not choose what the other judges, nor may both count."""
    alarms = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X = np.repeat(rng.standard_normal((250, 20)), 2, axis=0)
        y = random_units(20, 3, 0.0, spec, rng)(X)
        alarms += not gaussianity_of_inputs(X, y + 0.1 * y.std() * rng.standard_normal(500), 3).is_gaussian
    assert alarms <= 1


def test_of_very_many_rows_some_are_tested(rng):
    X = np.vstack([rng.standard_normal((60_000, 2)), rng.uniform(-1, 1, (60_000, 2))])
    found = gaussianity_of_inputs(X, X[:, 0] ** 2, 1)
    assert not found.is_gaussian  # the last rows are among them


@pytest.mark.parametrize(("spec", "n", "d"), [("squared_relu", 500, 20), ("tanh", 500, 20), ("relu", 1000, 50)])
def test_false_alarms_are_rare_in_directions_that_the_rows_chose(spec, n, d):
    """Tested on the rows that chose them, the same directions give an alarm in every tenth sample at least."""
    alarms, naive = 0, 0
    for seed in range(200):
        rng = np.random.default_rng([seed, n, d])
        teacher = random_units(d, 3, 0.0, spec, rng)
        X = rng.standard_normal((n, d))
        alarms += not gaussianity_of_inputs(X, teacher(X), 3, teacher.W).is_gaussian
        naive += not gaussianity_test(X, second_moment(X, teacher(X)).vectors[:, :3].T).is_gaussian
    assert alarms <= 2
    assert naive >= 20


@pytest.mark.slow
@pytest.mark.parametrize(
    ("spec", "n", "d"), [("squared_relu", 500, 20), ("tanh", 500, 20), ("relu", 500, 20), ("relu", 1000, 50)]
)
def test_false_alarms_are_rare_in_recoveries(spec, n, d):
    alarms = 0
    for seed in range(400):
        rng = np.random.default_rng([seed, n, d])
        teacher = random_units(d, 3, 0.0, spec, rng)
        X = rng.standard_normal((n, d))
        alarms += not recover(X, teacher(X), 3, spec, rng=seed).certificate.inputs.is_gaussian
    assert alarms <= 2


@pytest.mark.slow
def test_false_alarms_are_rare_where_no_network_fits():
    """Units of tanh that do what they can for relu lean on single rows: they are not tested on these."""
    alarms = 0
    for seed in range(30):
        rng = np.random.default_rng([seed, 1000, 20])
        teacher = random_units(20, 6, 0.0, "relu", rng)
        X = rng.standard_normal((1000, 20))
        result = recover(X, teacher(X), 6, "tanh", rng=seed)
        assert not result.is_certified
        alarms += not result.certificate.inputs.is_gaussian
    assert alarms <= 1


def test_gaussian_inputs_of_any_mean_and_covariance_pass():
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(200):
        X = rng.standard_normal((300, 5)) @ rng.standard_normal((5, 5)) + 10 * rng.standard_normal(5)
        alarms += not gaussianity_test(X, rng.standard_normal((6, 5))).is_gaussian
    assert alarms <= 3


@pytest.mark.parametrize("law", LAWS)
def test_other_inputs_do_not(law, rng):
    X = LAWS[law](rng, 1500, 5)
    assert not gaussianity_test(X, np.eye(5)).is_gaussian
    assert not gaussianity_of_inputs(X, np.maximum(X[:, :2], 0).sum(axis=1), 2, np.eye(5)[:2]).is_gaussian


def test_a_direction_that_matters_not_is_not_tested(rng):
    X = rng.standard_normal((2000, 3))
    X[:, 2] = rng.uniform(-1, 1, 2000)
    assert gaussianity_test(X, np.eye(3)[:2]).is_gaussian
    assert not gaussianity_test(X, np.eye(3)).is_gaussian


def test_what_does_not_vary_and_too_few_rows_are_not_tested(rng):
    assert gaussianity_test(np.ones((100, 2)), np.eye(2)).n_directions == 0
    assert gaussianity_test(rng.standard_normal((100, 2)), np.zeros((1, 2))).n_directions == 0
    half_constant = np.c_[rng.standard_normal(100), np.full(100, 3.7)]
    assert gaussianity_test(half_constant, np.eye(2)).n_directions == 1
    p_values = [gaussianity_test(rng.standard_normal((100, 2)), np.eye(2)).p_value for _ in range(20)]
    assert max(p_values) == 1  # not six times the least
    assert gaussianity_test(rng.choice([-1.0, 1.0], (49, 2)), np.eye(2)).p_value == 1
    assert gaussianity_test(rng.choice([-1.0, 1.0], (50, 2)), np.eye(2)).p_value < 1e-3
    assert gaussianity_of_inputs(rng.standard_normal((1, 2)), np.ones(1), 1).n_directions == 0


@pytest.mark.parametrize("law", [None, "uniform", "two lumps"])
def test_the_certificate_says_so(law, rng):
    teacher = random_units(5, 2, 0.5, "relu", rng)
    X = rng.standard_normal((800, 5)) if law is None else LAWS[law](rng, 800, 5)
    result = recover(X, teacher(X), 2, "relu", bias=True, rng=0)
    assert result.certificate.inputs.is_gaussian == (law is None)
    warned = [note for note in result.certificate.notes if note.startswith("The inputs are not Gaussian")]
    assert len(warned) == (law is not None)
