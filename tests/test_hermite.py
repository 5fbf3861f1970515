"""Hermite polynomials and tensors against their explicit sums; quadrature against moments that are known."""

import math

import numpy as np
import pytest
from scipy.special import erfc

from oracles import gaussian_grid, hermite
from twolayer.errors import InputError
from twolayer.hermite import gauss_hermite, gaussian_panels, hermite_projection, hermite_tensor, hermite_values


def _odd_factorial(p):
    """E g^(2p) = 1·3·5 … (2p - 1)."""
    return math.prod(range(1, 2 * p, 2))


def test_values_are_the_explicit_sums():
    t = np.linspace(-4, 4, 41).reshape(41, 1)
    values = hermite_values(t, 9)
    assert values.shape == (10, 41, 1)
    for j in range(10):
        size = sum(abs(c) * 4.0**p for p, c in enumerate(np.polynomial.hermite_e.herme2poly([0] * j + [1])))
        np.testing.assert_allclose(values[j], hermite(j, t), rtol=0, atol=1e-15 * size)


def test_values_are_orthogonal_with_norms_of_j_factorial():
    points, masses = gaussian_grid(1, 12)
    values = hermite_values(points[:, 0], 11)
    size = np.sqrt([float(math.factorial(j)) for j in range(12)])
    np.testing.assert_allclose((values * masses) @ values.T / np.outer(size, size), np.eye(12), atol=1e-13)


def test_values_of_low_orders_keep_shape_and_dtype():
    t = np.float32([0.5, -2.0])
    np.testing.assert_array_equal(hermite_values(t, 0), np.ones((1, 2)))
    np.testing.assert_array_equal(hermite_values(t, 2), [[1, 1], [0.5, -2], [-0.75, 3]])
    assert hermite_values(t, 2).dtype == np.float32
    assert hermite_values([1, 2], 2).dtype == np.float64
    assert hermite_values(3.0, 2).shape == (3,)


@pytest.mark.parametrize("order", range(5))
def test_tensor_on_a_direction_is_the_polynomial_of_the_projection(order):
    rng = np.random.default_rng(0)
    X, w = rng.standard_normal((7, 3)), rng.standard_normal(3)
    w /= np.linalg.norm(w)
    projection = hermite_tensor(X, order)
    for _ in range(order):
        projection = projection @ w
    np.testing.assert_allclose(projection, hermite(order, X @ w) * np.ones(7), rtol=0, atol=1e-13)


def test_tensor_entries_are_products_of_polynomials():
    """He_j(x) at a multi-index that has coordinate c exactly m_c times is Π_c He_{m_c}(x_c)."""
    x = np.array([0.7, -1.3, 2.1])
    for order in range(6):
        tensor = hermite_tensor(x, order)
        assert tensor.shape == (3,) * order
        for index, entry in np.ndenumerate(tensor):
            expected = math.prod(hermite(index.count(c), x[c]) for c in range(3))
            assert entry == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("order", [2, 3])
def test_tensor_moments_obey_steins_identity(order):
    """E[f(w·x) He_j(x)] = E[f^(j)(w·x)] w^⊗j; here f(t) = t^4, on an exact Gaussian design."""
    w = np.array([0.3, -0.8, 1.1])
    points, masses = gaussian_grid(3, 6)
    moment = np.tensordot(masses * (points @ w) ** 4, hermite_tensor(points, order), 1)
    power = math.prod(np.ix_(*[w] * order))
    variance = w @ w
    derivative = {2: 12 * variance, 3: 0.0}[order]
    np.testing.assert_allclose(moment, derivative * power, atol=1e-12)


def test_tensor_of_many_points_is_that_of_each():
    X = np.random.default_rng(1).standard_normal((2, 5, 3))
    for order in range(5):
        together = hermite_tensor(X, order)
        assert together.shape == (2, 5, *[3] * order)
        np.testing.assert_array_equal(together[1, 3], hermite_tensor(X[1, 3], order))


def test_tensor_keeps_float32():
    assert hermite_tensor(np.ones(3, np.float32), 4).dtype == np.float32


@pytest.mark.parametrize("size", [1, 5, 40, 500])
def test_gauss_hermite_is_exact_for_polynomials(size):
    nodes, weights = gauss_hermite(size)
    for p in range(min(size, 12)):
        assert np.sum(weights * nodes ** (2 * p)) == pytest.approx(_odd_factorial(p), rel=1e-12)
    assert not weights.flags.writeable
    assert not nodes.flags.writeable


@pytest.mark.parametrize("kink", [-2.3, 0.0, 0.4, 7.0])
def test_panels_are_right_at_a_kink_where_gauss_hermite_is_not(kink):
    density, tail = math.exp(-kink * kink / 2) / math.sqrt(2 * math.pi), erfc(kink / math.sqrt(2)) / 2
    exact = density - kink * tail  # E max(g - kink, 0)
    nodes, weights = gaussian_panels(centres=[kink])
    assert np.sum(weights * np.maximum(nodes - kink, 0)) == pytest.approx(exact, rel=1e-12, abs=1e-16)
    nodes, weights = gauss_hermite(300)
    assert kink == 7.0 or abs(np.sum(weights * np.maximum(nodes - kink, 0)) - exact) > 1e-5


def test_panels_have_the_moments_of_the_gaussian():
    nodes, weights = gaussian_panels(order=20)
    for p in range(11):
        assert np.sum(weights * nodes ** (2 * p)) == pytest.approx(_odd_factorial(p), rel=1e-13)
        assert abs(np.sum(weights * nodes ** (2 * p + 1))) < 1e-13 * _odd_factorial(p + 1)


def test_projection_on_high_orders_is_accurate():
    """E[e^(ag) He_j(g)] = a^j e^(a²/2)."""
    computed = hermite_projection(lambda g: np.exp(1.5 * g), 60)
    expected = 1.5 ** np.arange(61) * math.exp(1.125)
    size = np.sqrt([float(math.factorial(j)) for j in range(61)]) * math.exp(2.25)  # of e^(ag) in the mean square
    assert np.max(np.abs(computed - expected) / size) < 1e-14


@pytest.mark.parametrize("steepness", [1.0, 30.0, 1e4])
def test_projection_resolves_a_steep_smooth_step(steepness):
    """E[Φ(s(g - c)) He_j(g)] has a closed form at any steepness s."""
    centre, order = 0.7, 6
    r = steepness / math.hypot(1, steepness)
    z = -centre * r
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    expected = [erfc(-z / math.sqrt(2)) / 2, *(r**j * hermite(j - 1, -z) * density for j in range(1, order + 1))]
    computed = hermite_projection(
        lambda g: erfc(-steepness * (g - centre) / math.sqrt(2)) / 2, order, [centre], width=1 / steepness
    )
    np.testing.assert_allclose(computed, expected, rtol=0, atol=2e-13)


@pytest.mark.parametrize("order", [-1, 1.0, True, None])
def test_bad_order_is_refused(order):
    for f in (lambda: hermite_values(0.0, order), lambda: hermite_tensor([0.0], order)):
        with pytest.raises(InputError, match=f"^order must be an integer of at least 0, got {order}$"):
            f()


def test_tensor_of_a_scalar_is_refused():
    with pytest.raises(InputError, match="got a scalar"):
        hermite_tensor(1.0, 2)
