"""Labels in any unit and with any mean: the same network, in that unit."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from twolayer import Status, TwoLayerNetwork, recover
from twolayer.align import recovery_error
from twolayer.errors import InputError
from twolayer.samples.samples import relative_rounding
from twolayer.teachers import gaussian_samples, random_units


@pytest.mark.parametrize("factor", [1e-6, 1e6])
@pytest.mark.parametrize("has_bias", [False, True])
@pytest.mark.parametrize("activation", ["relu", "squared_relu", "tanh", "sigmoid"])
def test_labels_in_another_unit_give_the_same_function_in_that_unit(activation, has_bias, factor):
    plain = random_units(4, 2, bias=float(has_bias), activation=activation, rng=1)
    X, y = gaussian_samples(plain, 400, rng=2)
    result = recover(X, factor * y, 2, activation, bias=has_bias, rng=0)
    assert result.status is Status.CERTIFIED
    teacher = TwoLayerNetwork(factor * plain.a, plain.W, plain.b, activation)
    fresh = np.random.default_rng(3).standard_normal((100, 4))
    assert_allclose(result.network(fresh), teacher(fresh), rtol=0, atol=1e-9 * np.abs(teacher(fresh)).max())


@pytest.mark.parametrize("mean", [1e3, 1e7, 1e11])
def test_a_large_mean_of_the_labels_hides_no_misfit(mean):
    X, y = gaussian_samples(random_units(4, 3, bias=1.0, activation="relu", rng=1), 400, rng=2)
    assert not recover(X, y + mean, 2, "relu", bias=True, rng=0).is_certified


def test_a_mean_of_the_labels_is_a_constant_of_the_network():
    teacher = random_units(4, 2, bias=1.0, activation="relu", rng=1)
    X, y = gaussian_samples(teacher, 400, rng=2)
    network = recover(X, y - 500, 2, "relu", bias=True, rng=0).unwrap()
    assert_allclose(network(X), y - 500, atol=1e-9)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_standard_errors_and_noise_are_in_the_unit_of_the_labels(activation):
    teacher = random_units(5, 2, activation=activation, rng=1)
    X, y = gaussian_samples(teacher, 1000, noise=0.02, rng=2)
    one, other = (recover(X, factor * y, 2, activation, rng=0) for factor in (1.0, 1000.0))
    assert other.status is one.status is Status.CERTIFIED_WITH_NOISE
    assert_allclose(other.certificate.noise, 1000 * one.certificate.noise, rtol=1e-6)
    errors, scaled = one.certificate.standard_errors, other.certificate.standard_errors
    assert_allclose(scaled.W, (1000 if activation == "relu" else 1) * errors.W, rtol=1e-5)
    assert_allclose(scaled.a, (0 if activation == "relu" else 1000) * errors.a, rtol=1e-5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_inputs_far_from_zero_are_centred(dtype, rng):
    plain = random_units(4, 2, bias=0.5, activation="relu", rng=3)
    X = (3000 + rng.standard_normal((500, 4))).astype(dtype)
    teacher = TwoLayerNetwork(plain.a, plain.W, plain.b - plain.W @ np.full(4, 3000.0), "relu")
    result = recover(X, teacher(X.astype(float)), 2, "relu", bias=True, rng=0)
    assert result.status is Status.CERTIFIED
    assert recovery_error(result.network, teacher) < 1e-9


@pytest.mark.parametrize(("name", "factor"), [("X", 1e200), ("X", 1e-200), ("y", 1e160), ("y", 1e-170)])
def test_numbers_that_cannot_be_squared_are_refused(name, factor, rng):
    given = {"X": rng.standard_normal((100, 3)), "y": rng.standard_normal(100)}
    given[name] = given[name] * factor
    with pytest.raises(InputError, match=f"{name} must be between 1e-100 and"):
        recover(**given, width=2, activation="relu")


def test_single_precision_is_seen_in_the_types_or_in_the_labels(rng):
    X, y = rng.standard_normal((50, 2)), rng.standard_normal(50)
    single = y.astype(np.float32)
    for inputs, labels in ((X.astype(np.float32), y), (X, single), (X, single.astype(float))):
        assert relative_rounding(inputs, labels) == 2 * np.finfo(np.float32).eps
    for labels in (y, 1e60 * y):
        assert relative_rounding(X, labels) == 0.0


def test_a_large_mean_in_single_precision_hides_no_misfit():
    X, y = gaussian_samples(random_units(4, 3, bias=1.0, activation="relu", rng=1), 2000, rng=2)
    shifted = (y + 1e6).astype(np.float32)
    assert not recover(X, shifted, 2, "relu", bias=True, rng=0).is_certified
    assert recover(X, shifted, 3, "relu", bias=True, rng=0).is_certified
