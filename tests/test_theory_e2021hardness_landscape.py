"""The sine landscape and Barron norms, against quadrature."""

import math

import numpy as np
import pytest

from planes import gaussian_mean
from twolayer.errors import InputError
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.papers.e2021hardness.theory import (
    barron_bound,
    empirical_sine_risk,
    parity_gradient_variance,
    parity_network,
    quantities,
    sine_landscape,
    sine_risk,
    spectral_bound,
)
from twolayer.papers.e2021hardness.theory.gradients import network_gradients
from twolayer.teachers import random_units

# --- the sine landscape ---


def test_the_population_risk_of_a_sine_neuron_is_that_of_quadrature():
    truth, L = np.array([0.2, 0.1]), 1.3
    W = np.array([[0.3, -0.1], [-0.2, -0.1], [0.0, 0.0], [0.21, 0.11]])

    def sine(w, x, y):
        return np.sin(2 * np.pi * L * (w[0] * x + w[1] * y))

    expected = [gaussian_mean(lambda x, y, w=w: (sine(w, x, y) - sine(truth, x, y)) ** 2) for w in W]
    np.testing.assert_allclose(sine_risk(W, truth, L), expected, atol=1e-12)
    assert sine_risk([truth], truth, L).item() == 0.0


def test_the_empirical_risk_of_a_sine_neuron_is_its_sum():
    rng = np.random.default_rng(0)
    W, truth, X = rng.standard_normal((3, 2)), rng.standard_normal(2), rng.standard_normal((7, 2))
    expected = [sum((math.sin(3 * math.pi * w @ x) - math.sin(3 * math.pi * truth @ x)) ** 2 for x in X) / 7 for w in W]
    np.testing.assert_allclose(empirical_sine_risk(W, truth, X, 1.5), expected, rtol=1e-12)


def test_the_landscape_is_a_well_on_a_plain_and_rough_where_it_is_sampled():
    land = sine_landscape(truth=(1.0, 0.5), frequency=1.0, samples=60, reach=2.0, points=41, rng=0)
    i, j = np.unravel_index(land.population.argmin(), land.population.shape)
    assert (land.first[j], land.second[i]) == (1.0, 0.5)
    away = np.hypot(land.first[None, :] - 1, land.second[:, None] - 0.5) > 0.5
    away &= np.hypot(land.first[None, :] + 1, land.second[:, None] + 0.5) > 0.5
    away &= np.hypot(land.first[None, :], land.second[:, None]) > 0.5
    assert np.ptp(land.population[away]) < 0.02
    inner = land.empirical[1:-1, 1:-1]
    around = [land.empirical[1 + a : 40 + a, 1 + b : 40 + b] for a in (-1, 0, 1) for b in (-1, 0, 1) if a or b]
    assert np.sum(np.all([inner < other for other in around], axis=0)) > 30
    X = np.random.default_rng(0).standard_normal((60, 2))
    one = empirical_sine_risk([[land.first[3], land.second[8]]], land.truth, X)
    assert land.empirical[8, 3] == pytest.approx(one.item(), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sine_risk([[1.0]], [1.0, 2.0]), "2 columns like truth, found 1"),
        (lambda: empirical_sine_risk([[1.0]], [1.0], np.ones((0, 1))), r"found shape \(0, 1\)"),
        (lambda: sine_landscape(truth=(1.0,)), "over two inputs, found 1"),
        (lambda: sine_landscape(frequency=-1.0), "frequency must be"),
    ],
)
def test_what_is_no_landscape_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


# --- Barron norms ---


def test_the_spectral_bound_of_a_cosine_is_the_lecture_s():
    omega = np.array([[1.0, -2.0, 0.5]])
    assert spectral_bound([1.0], omega, [np.pi / 2]) == pytest.approx(2 * 3.5**2 + 2, rel=1e-14)
    d = 9
    w = np.full(d, 1.0)  # norm √d, and the largest ‖w‖_1 of all with it
    assert spectral_bound([1.0], [np.sqrt(d) * w], [np.pi / 2]) == pytest.approx(2 * d**3 + 2, rel=1e-14)


def test_the_spectral_bound_has_value_and_slope_at_zero():
    A, omega, phi = [2.0, -1.0], np.array([[1.0, 0.0], [0.5, -1.0]]), [0.3, 0.7]
    value = 2 * math.sin(0.3) - math.sin(0.7)
    slope = [2 * math.cos(0.3) - 0.5 * math.cos(0.7), math.cos(0.7)]
    spectrum = 2 * 1.0**2 + 1 * 1.5**2
    expected = 2 * spectrum + 2 * abs(value) + 2 * (abs(slope[0]) + abs(slope[1]))
    assert spectral_bound(A, omega, phi) == pytest.approx(expected, rel=1e-14)
    assert barron_bound(TwoLayerNetwork(A, omega, phi, "sine")) == pytest.approx(expected, rel=1e-14)
    with pytest.raises(InputError, match="found 1 amplitudes, 2 frequencies"):
        spectral_bound([1.0], omega, phi)


def test_a_barron_bound_of_a_relu_network_is_its_path_norm_and_what_is_linear():
    network = random_units(4, 3, bias=1.0, rng=0)
    path = sum(
        abs(a) * (sum(abs(x) for x in w) + abs(b)) for a, w, b in zip(network.a, network.W, network.b, strict=True)
    )
    assert barron_bound(network) == pytest.approx(path, rel=1e-14)
    affine = TwoLayerNetwork(network.a, network.W, network.b, "relu", Polynomial(-2.0, [1.0, -1.0, 0.5, 0.0]))
    assert barron_bound(affine) == pytest.approx(path + 2 + 2 * 2.5, rel=1e-14)
    curved = TwoLayerNetwork(network.a, network.W, network.b, "relu", Polynomial(0.0, None, np.eye(4)))
    assert barron_bound(curved) is None
    assert barron_bound(random_units(4, 3, activation="tanh", rng=0)) is None


def test_the_quantities_of_a_network_are_named_numbers():
    v = [1, 1, 0, 1, 1, 0]
    found = quantities(parity_network(v))
    assert (found["inputs"], found["units"], found["log2_parities"]) == (6, 5, 6)
    assert found["path_norm"] == found["barron_bound"] == 97
    assert found["path_norm_over_d_squared"] == pytest.approx(97 / 36)
    network = random_units(5, 4, bias=0.5, activation="tanh", rng=0)
    found = quantities(network)
    whole = parity_gradient_variance(network_gradients(network), 5)
    assert found["parity_gradient_variance"] == pytest.approx(whole.variance, rel=1e-12)
    assert found["parity_gradient_bound"] == pytest.approx(whole.bound, rel=1e-12)
    assert "barron_bound" not in found
    assert "parity_gradient_bound" not in quantities(random_units(11, 2, rng=0))
    assert all(isinstance(value, float) for value in found.values())
