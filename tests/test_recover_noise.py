"""Noise or misfit: the ratio by its definition, and evidence for what was planted, in and beyond the network."""

import numpy as np
import pytest

from fits import Told, fit_at, minimum_near, silent
from twolayer import Status, recover
from twolayer.align import recovery_error
from twolayer.evidence.noise import NoiseEvidence, gain_ratio, has_no_signal
from twolayer.evidence.score_test import ScoreTest
from twolayer.model.fit import Fit
from twolayer.network import TwoLayerNetwork
from twolayer.search.noise import noise_evidence
from twolayer.teachers import gaussian_samples, orthogonal, random_units


def same(fit):
    """Fresh starts that find nothing new."""
    return lambda _: fit


def narrow_and_wide(n=200, d=4):
    """Problems of one and of two units, without samples that matter; p = d + 1 and 2(d + 1)."""
    X = np.random.default_rng(0).standard_normal((n, d))
    return [fit_at(X, X[:, 0], random_units(d, width, activation="tanh", rng=0)) for width in (1, 2)]


# The ratio


@pytest.mark.parametrize("ratio", [0.0, 0.6, 5.0])
def test_the_ratio_is_one_where_the_gain_is_four_variances_a_parameter_and_forty(ratio):
    narrow, wide = narrow_and_wide()
    variance = 0.3 / (200 - 10)  # ‖y‖² as the unit
    loss = 0.3 + ratio * (4 * 5 + 40) * variance
    narrow, wide = Fit(narrow.problem, narrow.point, loss), Fit(wide.problem, wide.point, 0.3)
    assert gain_ratio(narrow, wide) == pytest.approx(ratio, abs=1e-12)


def test_without_twenty_rows_to_spare_no_gain_counts():
    for n, counts in ((29, False), (30, True)):
        narrow, wide = narrow_and_wide(n)
        found = gain_ratio(Fit(narrow.problem, narrow.point, 1.0), Fit(wide.problem, wide.point, 1e-6))
        assert (found > 0) == counts


def test_a_unit_fitted_to_noise_gains_little_and_a_true_one_much():
    teacher = orthogonal(5, 3, "relu", rng=0)
    X, y = gaussian_samples(teacher, 500, noise=0.1, rng=1)
    right = minimum_near(X, y, teacher)
    narrower = minimum_near(X, y, TwoLayerNetwork(teacher.a[:2], teacher.W[:2], activation="relu"))
    added = random_units(5, 1, activation="relu", rng=5)
    W = np.vstack([teacher.W, 0.1 * added.W])
    wider = minimum_near(X, y, TwoLayerNetwork(np.r_[teacher.a, 1.0], W, activation="relu"))
    assert 0 < gain_ratio(right, wider) < 0.6
    assert gain_ratio(narrower, right) > 100


@pytest.mark.parametrize(("factor", "is_silent"), [(0.99, False), (1.01, True)])
def test_a_fit_to_noise_explains_two_variances_a_parameter_and_twenty(factor, is_silent):
    narrow, _ = narrow_and_wide()
    noise = (2 * 5 + 20) / (200 - 5)  # what it explains, of what it leaves
    assert has_no_signal(Fit(narrow.problem, narrow.point, factor / (1 + noise))) == is_silent


# The evidence


@pytest.mark.parametrize(
    ("wider", "narrower", "is_noise", "needs_all"),
    [
        (0.1, 9.0, True, True),
        (0.59, 5.0, True, True),
        (0.6, None, False, False),
        (None, None, False, False),
        (0.1, 4.9, True, False),
    ],
)
def test_the_thresholds_are_as_documented(wider, narrower, is_noise, needs_all):
    evidence = NoiseEvidence(ScoreTest(1.0, 0.5, 5), wider, narrower, has_power=True)
    assert (evidence.is_noise, evidence.needs_all_units) == (is_noise, needs_all)


@pytest.mark.parametrize(("p_value", "goes_on"), [(2e-4, True), (5e-5, False)])
def test_one_in_ten_thousand_is_too_much_for_chance(p_value, goes_on, monkeypatch):
    monkeypatch.setitem(noise_evidence.__globals__, "score_test", lambda *_: ScoreTest(3.0, p_value, 5))
    teacher = orthogonal(5, 3, "relu", rng=0)
    X, y = gaussian_samples(teacher, 600, noise=0.1, rng=1)
    fit, told = minimum_near(X, y, teacher), Told()
    evidence = noise_evidence(fit, same(fit), told, np.random.default_rng(0))
    assert evidence.is_noise == goes_on
    assert bool(told.steps) == goes_on


@pytest.mark.parametrize(("spec", "noise"), [("relu", 0.01), ("relu", 0.3), ("squared_relu", 0.1), ("tanh", 0.02)])
def test_what_a_right_network_leaves_passes_for_noise(spec, noise):
    teacher, told = orthogonal(5, 3, spec, rng=0), Told()
    X, y = gaussian_samples(teacher, 1500, noise=noise, rng=1)
    fit = minimum_near(X, y, teacher)
    evidence = noise_evidence(fit, same(fit), told, np.random.default_rng(0))
    assert evidence.is_noise
    assert evidence.needs_all_units
    assert evidence.has_power
    assert told.stages == ["one unit more", "one unit split", "one unit fewer"]


def test_a_missing_unit_is_seen_in_what_is_left():
    teacher = orthogonal(5, 3, "relu", rng=0)
    X, y = gaussian_samples(teacher, 1500, noise=0.05, rng=1)
    fit = minimum_near(X, y, TwoLayerNetwork(teacher.a[:2], teacher.W[:2], activation="relu"))
    evidence = noise_evidence(fit, same(fit), silent, np.random.default_rng(0))
    assert not evidence.is_noise
    assert evidence.test.p_value < 1e-6
    assert (evidence.wider_gain, evidence.narrower_loss) == (None, None)  # not asked any more


@pytest.mark.parametrize("spec", ["relu", "squared_relu"])
def test_a_unit_too_many_is_not_needed(spec):
    teacher = orthogonal(5, 3, spec, rng=0)
    X, y = gaussian_samples(teacher, 1500, noise=0.05, rng=1)
    W = np.vstack([teacher.W, 0.05 * random_units(5, 1, rng=6).W])
    fit = minimum_near(X, y, TwoLayerNetwork(np.r_[teacher.a, 1.0], W, activation=spec))
    evidence = noise_evidence(fit, same(fit), silent, np.random.default_rng(0))
    assert evidence.is_noise
    assert not evidence.needs_all_units
    assert evidence.narrower_loss < 1


def test_a_gain_that_only_a_fresh_start_finds_is_a_misfit():
    """Fresh starts are asked for a unit more, and for half as many again."""
    teacher = orthogonal(5, 4, "relu", rng=0)
    X, y = gaussian_samples(teacher, 1500, noise=0.05, rng=1)
    fit, asked = minimum_near(X, y, teacher), []

    def fresh(width):
        asked.append(width)
        wider = fit.problem.resized(np.ones(width), width)
        return Fit(wider, np.zeros(wider.n_parameters), fit.loss * (1.0 if width == 5 else 0.9))

    evidence = noise_evidence(fit, fresh, silent, np.random.default_rng(0))
    assert asked == [5, 6]
    extra, freedom = 2 * 5, 1500 - 6 * 5
    assert evidence.wider_gain == pytest.approx((1 / 0.9 - 1) * freedom / (4 * extra + 40), rel=1e-9)
    assert not evidence.is_noise
    assert evidence.narrower_loss is None


def test_a_single_unit_needs_no_defence_against_none():
    teacher = orthogonal(4, 1, "relu", rng=0)
    X, y = gaussian_samples(teacher, 500, noise=0.05, rng=1)
    fit = minimum_near(X, y, teacher)
    evidence = noise_evidence(fit, same(fit), silent, np.random.default_rng(0))
    assert evidence.narrower_loss == np.inf
    assert evidence.needs_all_units


@pytest.mark.parametrize(("n", "has_power"), [(1400, False), (1900, True)])
def test_power_is_a_unit_of_a_tenth_of_the_strength_that_would_be_seen(n, has_power):
    """The gain of a unit of six parameters, 4·6 + 40 noise variances, against n/10 variances of a unit."""
    teacher = orthogonal(5, 2, "relu", rng=0)
    unit = np.sqrt(0.5 - 1 / (2 * np.pi))  # standard deviation of max(g, 0)
    rng = np.random.default_rng(1)
    X = rng.standard_normal((n, 5))
    y = teacher(X) + np.sqrt(2.5) * unit * rng.standard_normal(n)
    fit = minimum_near(X, y, teacher)
    assert (n / 10 >= (4 * 6 + 40) * 2.5) == has_power
    assert noise_evidence(fit, same(fit), silent, np.random.default_rng(0)).has_power == has_power


def test_hardly_more_rows_than_parameters_have_no_power():
    teacher = orthogonal(5, 2, "relu", rng=0)
    X, y = gaussian_samples(teacher, 35, noise=1e-6, rng=1)
    fit = minimum_near(X, y, teacher)
    assert not noise_evidence(fit, same(fit), silent, np.random.default_rng(0)).has_power


# Single precision


def rounded(spec, seed, kind):
    """Samples with the rounding of single precision, which is not alike in all rows, in both or in the labels."""
    rng = np.random.default_rng(seed)
    teacher = TwoLayerNetwork(rng.choice([-1.0, 1.0], 5), rng.standard_normal((5, 10)), activation=spec)
    X = rng.standard_normal((1000, 10))
    if kind == "both":
        X = X.astype(np.float32)
    y = teacher(X.astype(float)).astype(np.float32)
    return teacher, X, y.astype(float) if kind == "labels, kept as double" else y


@pytest.mark.parametrize("kind", ["both", "labels", "labels, kept as double"])
@pytest.mark.parametrize("spec", ["relu", "squared_relu"])
def test_samples_in_single_precision_are_certified_to_single_precision(spec, kind):
    for seed in range(2, 5):
        teacher, X, y = rounded(spec, seed, kind)
        result = recover(X, y, 5, spec, rng=seed)
        assert result.status is Status.CERTIFIED_WITH_NOISE
        assert recovery_error(result.network, teacher) < 1e-6
        assert result.certificate.score_test is None
        assert any("the rounding of samples in single precision" in note for note in result.certificate.notes)


@pytest.mark.parametrize("width", [4, 6])
def test_a_wrong_width_in_single_precision_is_not_certified(width):
    for seed in range(3):
        _, X, y = rounded("relu", seed, "both")
        assert not recover(X, y, width, "relu", rng=seed).is_certified


def test_the_width_of_samples_in_single_precision_is_found():
    _, X, y = rounded("squared_relu", 2, "both")
    result = recover(X, y, "auto", "squared_relu", rng=0)
    assert (result.network.width, result.is_certified) == (5, True)


def test_in_double_precision_a_residual_of_that_size_is_still_tested(rng):
    teacher, X, _ = rounded("relu", 0, "labels")
    y = teacher(X) * (1 + 1e-8) + 1e-7 * (X[:, 0] * X[:, 1])
    result = recover(X, y, 5, "relu", rng=0)
    assert result.certificate.residual < 1e-7
    assert result.status is Status.MISFIT
    assert recover(X, 7.0 * y.astype(np.float32), 5, "relu", rng=0).status is not Status.MISFIT
