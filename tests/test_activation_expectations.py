"""Gaussian expectations of every activation: Hermite coefficients and dual kernels against quadrature."""

import math
from functools import partial

import numpy as np
import pytest
from scipy.special import erfc

from activations import Hinge, every
from oracles import gaussian_mean, gaussian_pair_mean, hermite
from twolayer.activation import activation
from twolayer.activation.smoothing import step_kernel
from twolayer.errors import InputError


@every
@pytest.mark.parametrize("scale", [0.3, 1.0, 2.5])
def test_hermite_coefficients_agree_with_adaptive_quadrature(sigma, scale):
    order, shifts = 8, np.array([-1.7, 0.0, 0.6])
    expected, mean_square = np.empty((order + 1, 3)), np.empty(3)
    for i, shift in enumerate(shifts):
        cuts = [(kink - shift) / scale for kink in sigma.kinks]
        product = partial(_value_products, sigma, scale, shift, order)
        *expected[:, i], mean_square[i] = gaussian_mean(product, cuts)
    error = np.abs(sigma.hermite_coefficients(order, scale, shifts) - expected)
    size = np.sqrt([[math.factorial(j)] for j in range(order + 1)] * mean_square)
    assert np.max(error / size) < 1e-13


def _value_products(sigma, scale, shift, order, g):
    """Products of σ(scale g + shift) with He_0(g), …, He_order(g), and with itself."""
    value = sigma(scale * g + shift)
    return np.array([*(value * hermite(j, g) for j in range(order + 1)), value * value])


@every
def test_hermite_coefficients_at_scale_zero_are_the_value(sigma):
    shifts = np.array([-1e-200, -2.0, 0.0, 0.7, 30.0])
    coefficients = sigma.hermite_coefficients(3, 0.0, shifts)
    np.testing.assert_allclose(coefficients[0], sigma(shifts), rtol=1e-14, atol=1e-15)
    assert not coefficients[1:].any()


@every
def test_hermite_coefficients_are_continuous_to_scale_zero(sigma):
    tiny, zero = (sigma.hermite_coefficients(6, scale, [-2.0, 0.7, 1e12]) for scale in (1e-300, 0.0))
    assert (np.abs(tiny - zero) <= 1e-13 * np.abs(zero) + 1e-15 * np.maximum(1, np.abs(zero[0]))).all()


@every
def test_mean_of_an_odd_activation_near_zero_keeps_its_relative_accuracy(sigma):
    mean = sigma.hermite_coefficients(0, 1e-6, 1e-8)[0]
    rel = 1e-5 if 0.0 in sigma.kinks else 1e-10  # at a kink the slope itself has changed by 1e-6 there
    assert sigma.parity != -1 or mean == pytest.approx(sigma.derivative(0.0) * 1e-8, rel=rel, abs=0)


@every
def test_hermite_coefficients_broadcast(sigma):
    scale, shift = np.array([[0.0], [0.5], [2.0]]), np.array([-1.0, 0.0])
    table = sigma.hermite_coefficients(4, scale, shift)
    assert table.shape == (5, 3, 2)
    for (i, j), _ in np.ndenumerate(table[0]):
        np.testing.assert_array_equal(table[:, i, j], sigma.hermite_coefficients(4, scale[i, 0], shift[j]))
    for order in (0, 1):  # quadrature takes other nodes for other orders
        part = sigma.hermite_coefficients(order, scale, shift)
        np.testing.assert_allclose(part, table[: order + 1], rtol=1e-13, atol=1e-15)


@every
def test_hermite_series_sums_to_the_mean_square(sigma):
    """Parseval at a high order: Σ c_j²/j! = E σ², up to what a kink leaves at order 100."""
    coefficients = sigma.hermite_coefficients(100, 0.1, 0.1)
    normalised = coefficients / np.sqrt([float(math.factorial(j)) for j in range(101)])
    mean_square = gaussian_mean(
        lambda g: sigma(0.1 * g + 0.1) ** 2, [(kink - 0.1) / 0.1 for kink in (0.0, *sigma.kinks)]
    )
    np.testing.assert_allclose(np.sum(normalised**2), mean_square, rtol=1e-12 if sigma.is_smooth else 1e-3)


C0 = 1 / math.sqrt(2 * math.pi)


@pytest.mark.parametrize(
    ("spec", "moments"),
    [
        ("relu", [C0, 1 / 2, C0, 0, -C0, 0, 3 * C0]),
        ("leaky_relu(0.2)", [0.8 * C0, 1.2 / 2, 0.8 * C0, 0, -0.8 * C0]),
        ("squared_relu", [1 / 2, 2 * C0, 1, 2 * C0, 0]),
        ("abs", [2 * C0, 0, 2 * C0, 0, -2 * C0]),
        ("quadratic", [1, 0, 2, 0, 0]),
        ("linear", [0, 1, 0, 0, 0]),
        ("sine", [0, math.exp(-0.5), 0, -math.exp(-0.5), 0]),
    ],
)
def test_unit_scale_coefficients_are_the_papers(spec, moments):
    computed = activation(spec).hermite_coefficients(len(moments) - 1)
    np.testing.assert_allclose(computed, moments, rtol=1e-15, atol=1e-16)


def test_coefficients_of_steep_tanh_are_the_papers():
    """Normalised coefficients of tanh(5t/2), of orders 1, 3, 5, 7, as mondelli2019connection's experiment has them."""
    coefficients = activation("scaled(tanh,2.5)").hermite_coefficients(7)
    normalised = coefficients / np.sqrt([float(math.factorial(j)) for j in range(8)])
    np.testing.assert_allclose(normalised[1::2], [0.7514, -0.2730, 0.1637, -0.1133], atol=5e-5)
    np.testing.assert_allclose(normalised[::2], 0, atol=1e-15)


@pytest.mark.parametrize("b", [-2.0, -0.3, 1.1])
def test_biased_relu_has_the_coefficients_of_lemma_3_5(b):
    expected = [(-1) ** k * hermite(k - 2, b) * math.exp(-b * b / 2) * C0 for k in range(2, 9)]
    np.testing.assert_allclose(activation("relu").hermite_coefficients(8, 1.0, b)[2:], expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("order", "scale", "shift"), [(-1, 1, 0), (2.0, 1, 0), (True, 1, 0), (2, -1, 0), (2, np.nan, 0), (2, 1, np.inf)]
)
def test_hermite_coefficients_refuse_bad_input(order, scale, shift):
    with pytest.raises(InputError):
        activation("relu").hermite_coefficients(order, scale, shift)


PAIRS = [  # ‖u‖, ‖w‖, cosine
    (1.0, 1.0, 1.0),
    (0.7, 1.6, -1.0),
    (1.3, 0.4, 0.0),
    (0.5, 2.0, 0.6),
    (1.2, 1.0, -0.35),
    (1.0, 1.5, 0.99),
]


@every
@pytest.mark.parametrize(("u", "w", "cosine"), PAIRS)
def test_dual_kernel_agrees_with_nested_quadrature(sigma, u, w, cosine):
    expected = gaussian_pair_mean(sigma.derivative, u, w, cosine, sigma.kinks)
    computed = sigma.dual_kernel(u * u, u * w * cosine, w * w)
    size = np.sqrt(sigma.dual_kernel(u * u, u * u, u * u) * sigma.dual_kernel(w * w, w * w, w * w))
    assert abs(computed - expected) < 1e-11 * size


def test_kernel_of_two_smoothed_steps_keeps_their_variances_apart():
    """The mean product of two steps smoothed by 0.3 and 2, for the collinear units 1.5 and 0.7."""
    first, second = (partial(_smoothed_step, norm / math.sqrt(v)) for norm, v in ((1.5, 0.3), (0.7, 2.0)))
    expected = gaussian_mean(lambda g: first(g) * second(g))
    computed = step_kernel(np.float64(2.25), np.float64(1.05), np.float64(0.49), 0.3, 2.0)
    np.testing.assert_allclose(computed, expected, rtol=1e-13)


def _smoothed_step(steepness, g):
    return erfc(-steepness * g / math.sqrt(2)) / 2


@every
def test_dual_kernel_of_a_vanished_unit_is_the_mean_slope(sigma):
    slope = sigma.hermite_coefficients(1, 1.5)[1] / 1.5  # E σ'(w·x)
    np.testing.assert_allclose(sigma.dual_kernel(0.0, 0.0, 2.25), sigma.derivative(0.0) * slope, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(sigma.dual_kernel(2.25, 0.0, 0.0), sigma.derivative(0.0) * slope, rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(sigma.dual_kernel(0.0, 0.0, 0.0), sigma.derivative(0.0) ** 2, rtol=1e-13)


@every
def test_dual_kernel_makes_a_symmetric_positive_gram_matrix(sigma):
    W = np.random.default_rng(3).standard_normal((12, 4))
    G = W @ W.T
    square = np.diag(G)
    K = sigma.dual_kernel(square[:, None], G, square)
    np.testing.assert_allclose(K, K.T, rtol=1e-13, atol=1e-14 * np.abs(K).max())
    assert np.linalg.eigvalsh(K)[0] > -1e-13 * np.abs(K).max()


@every
def test_dual_kernel_forgives_rounding_beyond_cauchy_schwarz(sigma):
    for sign in (-1, 1):
        beyond = sigma.dual_kernel(2.0, sign * 2.0 * (1 + 1e-15), 2.0)
        np.testing.assert_allclose(beyond, sigma.dual_kernel(2.0, sign * 2.0, 2.0), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("sigma", [activation("silu"), Hinge(0.8)], ids=str)
@pytest.mark.parametrize(("scale", "shift"), [(0.0, 1.3), (0.4, -1.0), (1.0, 0.0), (6.0, 2.0)])
def test_a_new_activation_inherits_hermite_coefficients(sigma, scale, shift):
    cuts = [(point - shift) / scale for point in sigma.kinks] if scale else []
    expected = gaussian_mean(partial(_value_products, sigma, scale, shift, 5), cuts)[:-1]
    np.testing.assert_allclose(sigma.hermite_coefficients(5, scale, shift), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("u", "w", "cosine"), [*PAIRS, (3.0, 2.0, 0.9)])
def test_a_new_smooth_activation_inherits_a_dual_kernel(u, w, cosine):
    expected = gaussian_pair_mean(activation("silu").derivative, u, w, cosine)
    np.testing.assert_allclose(activation("silu").dual_kernel(u * u, u * w * cosine, w * w), expected, rtol=1e-11)


def test_a_new_activation_with_a_kink_inherits_a_dual_kernel_too():
    expected = gaussian_pair_mean(Hinge(0.8).derivative, 1.0, 1.0, 0.5, (0.8,))
    np.testing.assert_allclose(Hinge(0.8).dual_kernel(1.0, 0.5, 1.0), expected, rtol=1e-11)
