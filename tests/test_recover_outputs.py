"""Several outputs that share their units are recovered together, and what they do not determine is said."""

from dataclasses import replace

import numpy as np
import pytest

from twolayer import recover, recovery_error
from twolayer.align import align
from twolayer.errors import InputError
from twolayer.evidence import Status
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.teachers import gaussian_samples, random_units

SIGMAS = ("relu", "squared_relu", "tanh", "sigmoid", "softplus", "gelu", "sine", "abs", "erf", "leaky_relu")


def planted(spec="relu", *, d=6, m=4, q=3, n=400, noise=0.0, bias=1.0, seed=0):
    network = random_units(d, m, bias=bias, activation=spec, rng=seed, outputs=q)
    return network, *gaussian_samples(network, n, seed + 1, noise)


@pytest.mark.parametrize("spec", SIGMAS)
def test_the_network_comes_back_and_is_certified(spec):
    network, X, Y = planted(spec)
    result = recover(X, Y, 4, spec, bias=True, rng=0)
    assert result.status is Status.CERTIFIED
    assert recovery_error(result.network, network) < 1e-8
    np.testing.assert_allclose(result.network(X), Y, atol=1e-8)


@pytest.mark.parametrize("spec", ["relu", "tanh", "softplus", "squared_relu", "abs"])
def test_units_without_biases_come_back(spec):
    network, X, Y = planted(spec, bias=0.0)
    result = recover(X, Y, 4, spec, rng=0)
    assert result.status is Status.CERTIFIED
    assert result.network.polynomial is None
    assert recovery_error(result.network, network) < 1e-8


def test_more_units_than_inputs_come_back():
    network, X, Y = planted(d=4, m=12, q=6, n=400)
    result = recover(X, Y, 12, "relu", bias=True, rng=0)
    assert result.is_certified
    assert recovery_error(result.network, network) < 1e-8


def test_more_outputs_than_units_are_combinations_of_others_and_are_counted_so():
    network, X, Y = planted("tanh", m=2, q=7)
    result = recover(X, Y, 2, "tanh", bias=True, rng=0)
    assert result.is_certified
    assert recovery_error(result.network, network) < 1e-8
    two = recover(X, Y[:, :2], 2, "tanh", bias=True, rng=0)
    assert result.certificate.n_parameters == two.certificate.n_parameters


def test_outputs_that_are_multiples_of_one_are_one():
    network, X, y = planted("relu", q=1)
    row, shift = np.array([2.0, -3.0, 0.5]), np.array([1.0, 0.0, -4.0])
    result = recover(X, y[:, None] * row + shift, 4, "relu", bias=True, rng=0)
    whole = TwoLayerNetwork(np.outer(network.a, row), network.W, network.b, "relu", Polynomial(shift))
    assert result.is_certified
    assert recovery_error(result.network, whole) < 1e-8
    few = recover(X[:38], y[:38, None] * row, 4, "relu", bias=True, rng=0)  # of 29 parameters: copies are no more rows
    assert few.status is not Status.CERTIFIED


def test_one_column_is_one_output():
    _, X, y = planted("tanh", q=1)
    assert recover(X, y[:, None], 4, "tanh", bias=True, rng=0) == recover(X, y, 4, "tanh", bias=True, rng=0)


# ---------------------------------------------------------------------------------------------------------------- laws


@pytest.mark.parametrize("spec", ["relu", "tanh"])
def test_outputs_mixed_are_outer_weights_mixed(spec):
    network, X, Y = planted(spec)
    M = np.random.default_rng(5).standard_normal((3, 3))
    result = recover(X, Y @ M, 4, spec, bias=True, rng=0)
    mixed = replace(network, a=network.a @ M)
    assert recovery_error(result.network, mixed) < 1e-8


def test_units_of_inputs_and_of_outputs_do_not_matter():
    network, X, Y = planted("tanh")
    scale, shift = np.array([1e6, 1, 1e-6, 1, 1, 100.0]), np.array([0, 5.0, 0, 0, 0, 1e4])
    units = np.array([1e-8, 1.0, 1e8])
    result = recover(X * scale + shift, Y * units, 4, "tanh", bias=True, rng=0)
    W = network.W / scale
    moved = TwoLayerNetwork(network.a * units, W, network.b - W @ shift, "tanh")
    assert result.is_certified
    np.testing.assert_allclose(result.network(X * scale + shift) / units, Y, atol=1e-8)
    assert align(result.network, moved).max_relative_error < 1e-6


def test_the_order_of_rows_does_not_matter():
    network, X, Y = planted("relu")
    order = np.argsort(X[:, 0])
    result = recover(X[order], Y[order], 4, "relu", bias=True, rng=3)
    assert recovery_error(result.network, network) < 1e-8


# --------------------------------------------------------------------------------------------------------------- noise


def errors_in_standard_errors(spec, seed, mix):
    """Deviations of the weights found from the planted ones, in standard errors."""
    network, X, Y = planted(spec, m=3, n=1500, seed=seed)
    Y = Y + np.random.default_rng(seed).standard_normal(Y.shape) @ mix
    result = recover(X, Y, 3, spec, bias=True, rng=0)
    assert result.status is Status.CERTIFIED_WITH_NOISE
    truth = align(network.balanced(), result.network).network
    found, errors = result.network, result.certificate.standard_errors
    parts = [((getattr(found, name) - getattr(truth, name)) / getattr(errors, name)).ravel() for name in "aWb"]
    return np.concatenate([*parts, found.polynomial.constant / errors.constant])


@pytest.mark.parametrize("spec", ["relu", "tanh"])
@pytest.mark.parametrize(
    "mix",
    [0.05 * np.eye(3), np.array([[0.1, 0.099, 0.02], [0, 0.01, 0], [0, 0, 1e-4]])],
    ids=["alike", "correlated, one output nearly without"],
)
def test_standard_errors_are_those_of_noise_in_all_outputs(spec, mix):
    z = np.concatenate([errors_in_standard_errors(spec, seed, mix) for seed in range(4)])
    assert 0.7 < np.sqrt(np.mean(z**2)) < 1.35
    assert np.abs(z).max() < 5


def test_correlated_noise_is_used_to_know_more():
    _, X, Y = planted("tanh", n=2000)
    noise = np.random.default_rng(0).standard_normal((2000, 1)) * [0.1, 0.1, 0.1]
    noise += 0.005 * np.random.default_rng(1).standard_normal((2000, 3))
    together = recover(X, Y + noise, 4, "tanh", bias=True, rng=0).certificate.standard_errors
    apart = recover(X, Y + np.random.default_rng(2).permuted(noise, axis=0), 4, "tanh", bias=True, rng=0)
    assert together.W.max() < 0.5 * apart.certificate.standard_errors.W.max()


# ------------------------------------------------------------------------------------------- what is not what was asked


def test_a_unit_too_few_is_a_misfit():
    _, X, Y = planted("relu")
    assert recover(X, Y, 3, "relu", bias=True, rng=0).status is Status.MISFIT


def test_a_unit_too_many_is_not_identifiable_and_is_left_out():
    network, X, Y = planted("relu")
    result = recover(X, Y, 5, "relu", bias=True, rng=0)
    assert result.status is Status.NOT_IDENTIFIABLE
    assert recovery_error(result.network, network) < 1e-8


def test_another_activation_is_a_misfit():
    _, X, Y = planted("tanh", n=1000)
    assert not recover(X, Y, 4, "relu", bias=True, rng=0).is_certified


def test_an_output_that_uses_fewer_units_is_noted():
    network, X, _ = planted("tanh")
    a = network.a.copy()
    a[[0, 2], 1] = 0.0
    result = recover(X, replace(network, a=a)(X), 4, "tanh", bias=True, rng=0)
    assert result.is_certified
    assert any(note.startswith("Output 1 uses 2 of the 4 units") for note in result.certificate.notes)


def test_a_unit_that_is_dead_on_all_rows_is_not_invented():
    network, X, _ = planted("relu")
    b = network.b.copy()
    b[2] = -50.0
    result = recover(X, replace(network, b=b)(X), 4, "relu", bias=True, rng=0)
    assert result.status is Status.NOT_IDENTIFIABLE
    assert result.network.width == 3


def test_pure_noise_is_not_certified():
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((600, 4)), rng.standard_normal((600, 3))
    assert not recover(X, Y, 2, "tanh", bias=True, rng=0).is_certified


def test_rows_too_few_for_a_certificate_are_said_so():
    _, X, Y = planted("tanh", n=20)  # 51 parameters, 60 labels
    result = recover(X, Y, 4, "tanh", bias=True, rng=0)
    assert not result.is_certified


# ------------------------------------------------------------------------------------------------- chosen by the rows


@pytest.mark.parametrize("spec", ["relu", "tanh", "sigmoid", "softplus", "sine"])
def test_width_and_activation_are_found(spec):
    network, X, Y = planted(spec, n=600, seed=1)
    result = recover(X, Y, rng=0)
    assert result.is_certified
    assert (result.network.width, result.network.activation.name) == (4, spec)
    assert recovery_error(result.network, network) < 1e-8


def test_width_is_found_under_noise():
    _, X, Y = planted("tanh", n=2000, noise=0.05)
    result = recover(X, Y, "auto", "tanh", bias=True, rng=0)
    assert result.status is Status.CERTIFIED_WITH_NOISE
    assert result.network.width == 4


def test_one_of_many_activations_that_noise_does_not_refute_is_not_certified():
    _, X, Y = planted("relu", n=1500, noise=0.05)
    result = recover(X, Y, 4, "auto", bias=True, rng=0)
    assert result.status is Status.UNCLEAR_CHOICE
    assert result.network.activation.name == "relu"


# ------------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda Y: Y[:, :0], r"y must have an output, found shape \(400, 0\)"),
        (lambda Y: np.column_stack([Y, np.full(400, 3.0)]), "found output 3 constant, 3"),
        (lambda Y: np.where(np.arange(1200).reshape(400, 3) == 100, np.nan, Y), "found nan in row 33, output 1"),
        (lambda Y: Y[:7], "must have the same number of rows, found 400 and 7"),
        (lambda _: [[1.0, 2.0], [3.0]], "y must be an array of numbers"),
        (lambda Y: Y[:, :, None], "y must have one dimension"),
    ],
)
def test_outputs_that_are_none_are_refused(change, message):
    _, X, Y = planted()
    with pytest.raises(InputError, match=message):
        recover(X, change(Y), 4, "relu", bias=True)


def test_rows_fewer_than_outputs_or_parameters_are_refused():
    _, X, Y = planted(q=3)
    with pytest.raises(InputError, match="no more outputs than rows, found 3 and 2"):
        recover(X[:2], Y[:2], 1, "relu")
    message = "4 units on 6 inputs, 3 outputs, have 39 parameters and need at least 14 rows"
    with pytest.raises(InputError, match=message):
        recover(X[:13], Y[:13], 4, "relu", bias=True)


def test_a_method_of_a_paper_takes_one_output():
    _, X, Y = planted()
    with pytest.raises(InputError, match="the method zhong2017recovery takes one output, found 3"):
        recover(X, Y, 4, "relu", method="zhong2017recovery")
