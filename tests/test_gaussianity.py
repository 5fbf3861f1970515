"""Tests of the inputs: against other implementations and by the share of false alarms."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import anderson, kurtosistest, skewtest

from twolayer.evidence.gaussianity import anderson_darling_p_value, gaussianity_test
from twolayer.recover import recover
from twolayer.teachers import random_units

LAWS = {
    "uniform": lambda rng, n, d: rng.uniform(-1, 1, (n, d)),
    "student": lambda rng, n, d: rng.standard_t(4, (n, d)),
    "two lumps": lambda rng, n, d: rng.standard_normal((n, d)) + 2 * rng.choice([-1, 1], (n, 1)),
    "exponential": lambda rng, n, d: rng.exponential(size=(n, d)),
}


def standardised(z):
    return (z - z.mean()) / z.std()


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_anderson_darling_p_value_has_the_critical_values_of_the_tables(rng):
    """Scaled mixtures of a sample with itself, cubed, until the statistic is the critical one of each level."""
    z = rng.standard_normal(500)
    for level in (0.15, 0.10, 0.05, 0.025, 0.01):
        low, high = 0.0, 2.0
        for _ in range(60):
            t = (low + high) / 2
            found = anderson(z + t * z**3, "norm")
            critical = found.critical_values[list(found.significance_level).index(100 * level)]
            low, high = (t, high) if found.statistic < critical else (low, t)
        skewed = z + high * z**3
        assert_allclose(anderson_darling_p_value(standardised(skewed)), level, rtol=0.12)


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


def test_a_direction_that_matters_not_is_not_tested(rng):
    X = rng.standard_normal((2000, 3))
    X[:, 2] = rng.uniform(-1, 1, 2000)
    assert gaussianity_test(X, np.eye(3)[:2]).is_gaussian
    assert not gaussianity_test(X, np.eye(3)).is_gaussian


def test_what_does_not_vary_and_too_few_rows_are_not_tested(rng):
    assert gaussianity_test(np.ones((100, 2)), np.eye(2)).n_directions == 0
    assert gaussianity_test(rng.standard_normal((100, 2)), np.zeros((1, 2))).n_directions == 0
    assert gaussianity_test(rng.uniform(size=(20, 2)), np.eye(2)).p_value == 1


@pytest.mark.parametrize("law", [None, "uniform", "two lumps"])
def test_the_certificate_says_so(law, rng):
    teacher = random_units(5, 2, 0.5, "relu", rng)
    X = rng.standard_normal((800, 5)) if law is None else LAWS[law](rng, 800, 5)
    result = recover(X, teacher(X), 2, "relu", bias=True, rng=0)
    assert result.certificate.inputs.is_gaussian == (law is None)
    warned = [note for note in result.certificate.notes if note.startswith("The inputs are not Gaussian")]
    assert len(warned) == (law is not None)
