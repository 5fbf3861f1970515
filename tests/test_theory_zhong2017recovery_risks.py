"""The risks (2) and (3) of zhong2017recovery, their gradients and Hessians, against their definitions."""

from itertools import product

import numpy as np
import pytest

from oracles import gaussian_grid
from twolayer import InputError, TwoLayerNetwork
from twolayer.papers.zhong2017recovery import theory
from twolayer.polynomial import Polynomial
from twolayer.teachers import conditioned

KINKED = ["relu", "leaky_relu(0.01)", "leaky_relu(-0.5)", "squared_relu", "abs"]
SMOOTH = ["sigmoid", "tanh", "erf", "softplus", "gelu", "sine", "linear", "quadratic", "polynomial(0,1,0.3,0.5)"]


def perturbed(network, size, rng):
    return TwoLayerNetwork(network.a, network.W + size * rng.standard_normal(network.W.shape), None, network.activation)


def moved(network, step):
    return TwoLayerNetwork(network.a, network.W + step.reshape(network.W.shape), None, network.activation)


def differences(f, network, step):
    """Central differences of f in each entry of W, one per row, by Richardson's extrapolation."""
    rows = []
    for direction in np.eye(network.W.size):
        near, far = (
            (f(moved(network, h * direction)) - f(moved(network, -h * direction))) / (2 * h) for h in (step, 2 * step)
        )
        rows.append((4 * near - far) / 3)
    return np.array(rows)


def truth(name, k=3, d=4, seed=0):
    return conditioned(d, k, 2.0, name, seed)


# The empirical risk, equation (2)


@pytest.fixture
def problem():
    rng = np.random.default_rng(5)
    return rng, rng.standard_normal((23, 4)), rng.standard_normal(23)


@pytest.mark.parametrize("name", ["tanh", "squared_relu", "relu"])
def test_the_empirical_risk_and_its_derivatives_are_their_sums(problem, name, monkeypatch):
    monkeypatch.setattr(
        "twolayer.papers.zhong2017recovery.theory.risk._BLOCK_ENTRIES", 130
    )  # several blocks, the last short
    rng, X, y = problem
    network = TwoLayerNetwork([1.0, -2.0, 0.5], rng.standard_normal((3, 4)), rng.standard_normal(3), name)
    sigma, risk, gradient, hessian = network.activation, 0.0, np.zeros((3, 4)), np.zeros((3, 4, 3, 4))
    for x, target in zip(X, y, strict=True):
        t = [float(w @ x + b) for w, b in zip(network.W, network.b, strict=True)]
        residual = sum(v * float(sigma(s)) for v, s in zip(network.a, t, strict=True)) - target
        risk += residual**2 / 2
        for j in range(3):
            gradient[j] += residual * network.a[j] * float(sigma.derivative(t[j])) * x
            hessian[j, :, j] += residual * network.a[j] * float(sigma.second_derivative(t[j])) * np.outer(x, x)
            for i in range(3):
                slopes = float(sigma.derivative(t[j])) * float(sigma.derivative(t[i]))
                hessian[j, :, i] += network.a[j] * network.a[i] * slopes * np.outer(x, x)
    n = len(y)
    assert theory.empirical_risk(network, X, y) == pytest.approx(risk / n, rel=1e-13)
    np.testing.assert_allclose(theory.empirical_gradient(network, X, y), gradient / n, atol=1e-13)
    np.testing.assert_allclose(theory.empirical_hessian(network, X, y), hessian.reshape(12, 12) / n, atol=1e-13)


def test_the_empirical_derivatives_are_those_of_the_risk(problem):
    rng, X, y = problem
    polynomial = Polynomial(0.3, rng.standard_normal(4))
    network = TwoLayerNetwork([1.0, -2.0], rng.standard_normal((2, 4)), [0.1, 0.2], "tanh", polynomial)

    def at(step):
        return TwoLayerNetwork(network.a, network.W + step.reshape(2, 4), network.b, "tanh", polynomial)

    h = 1e-5
    gradient = [
        (theory.empirical_risk(at(h * e), X, y) - theory.empirical_risk(at(-h * e), X, y)) / (2 * h) for e in np.eye(8)
    ]
    hessian = [
        (theory.empirical_gradient(at(h * e), X, y) - theory.empirical_gradient(at(-h * e), X, y)).ravel() / (2 * h)
        for e in np.eye(8)
    ]
    np.testing.assert_allclose(theory.empirical_gradient(network, X, y).ravel(), gradient, atol=1e-8)
    np.testing.assert_allclose(theory.empirical_hessian(network, X, y), hessian, atol=1e-8)


def test_a_sample_must_fit_the_network():
    with pytest.raises(InputError, match=r"X must have shape \(n, 4\)"):
        theory.empirical_gradient(truth("relu"), np.ones((3, 5)), np.ones(3))


# The population risk, equation (3)


def pairs_closed_form(network, teacher, kernel):
    """½ Σ c c' K(u, u') over the units of both networks, from a closed kernel."""
    W, c = np.concatenate([network.W, teacher.W]), np.concatenate([network.a, -teacher.a])
    return sum(c[i] * c[j] * kernel(W[i], W[j]) for i, j in product(range(len(c)), repeat=2)) / 2


def relu_kernel(u, w):
    """The arc-cosine kernel of order 1."""
    norms = np.linalg.norm(u) * np.linalg.norm(w)
    angle = np.arccos(np.clip(u @ w / norms, -1, 1))
    return norms * (np.sin(angle) + (np.pi - angle) * np.cos(angle)) / (2 * np.pi)


def squared_relu_kernel(u, w):
    """The arc-cosine kernel of order 2."""
    norms = np.linalg.norm(u) * np.linalg.norm(w)
    angle = np.arccos(np.clip(u @ w / norms, -1, 1))
    value = 3 * np.sin(angle) * np.cos(angle) + (np.pi - angle) * (1 + 2 * np.cos(angle) ** 2)
    return norms**2 * value / (2 * np.pi)


@pytest.mark.parametrize(("name", "kernel"), [("relu", relu_kernel), ("squared_relu", squared_relu_kernel)])
def test_the_population_risk_is_the_arc_cosine_closed_form(name, kernel):
    rng = np.random.default_rng(0)
    teacher = truth(name)
    student = TwoLayerNetwork([1.0, -0.5], rng.standard_normal((2, 4)), None, name)
    expected = pairs_closed_form(student, teacher, kernel)
    assert theory.population_risk(student, teacher) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "size", "rtol"), [("polynomial(0,1,0.3,0.5)", 8, 1e-13), ("tanh", 200, 1e-9), ("gelu", 80, 1e-9)]
)
def test_the_population_derivatives_are_those_of_an_exact_design(name, size, rtol):
    # A Gauss-Hermite grid as sample: the plane rule must agree with the full-dimensional one.
    rng = np.random.default_rng(2)
    teacher = TwoLayerNetwork([1.0, -1.0], 0.7 * rng.standard_normal((2, 2)), None, name)
    student = perturbed(teacher, 0.3, rng)
    X, weights = gaussian_grid(2, size)
    rows = np.flatnonzero(weights > 1e-30)
    X, weights = X[rows], weights[rows] * len(rows)
    sigma, t = student.activation, X @ student.W.T
    residual = (student(X) - teacher(X)) * weights / len(rows)
    slopes = student.a * sigma.derivative(t)
    gradient = (slopes * residual[:, None]).T @ X
    jacobian = (slopes[:, :, None] * X[:, None, :]).reshape(len(X), 4)
    hessian = (jacobian * (weights / len(rows))[:, None]).T @ jacobian
    for j in range(2):
        own = slice(2 * j, 2 * j + 2)
        hessian[own, own] += (X * (residual * student.a[j] * sigma.second_derivative(t[:, j]))[:, None]).T @ X
    risk = float(residual @ (student(X) - teacher(X))) / 2
    assert theory.population_risk(student, teacher) == pytest.approx(risk, rel=rtol)
    np.testing.assert_allclose(
        theory.population_gradient(student, teacher), gradient, atol=rtol * np.abs(gradient).max()
    )
    np.testing.assert_allclose(theory.population_hessian(student, teacher), hessian, atol=rtol * np.abs(hessian).max())


@pytest.mark.parametrize("name", [*KINKED, "tanh", "softplus", "polynomial(0,1,0.3,0.5)"])
def test_the_population_derivatives_are_those_of_the_risk(name):
    # For relu, leaky relu and abs this sees the Dirac in the Hessian.
    rng = np.random.default_rng(4)
    teacher = TwoLayerNetwork([1.0, -1.0], 0.6 * rng.standard_normal((2, 3)), None, name)
    student = perturbed(teacher, 0.3, rng)
    gradient, hessian = theory.population_gradient(student, teacher), theory.population_hessian(student, teacher)
    by_risk = differences(lambda network: theory.population_risk(network, teacher), student, 1e-3)
    by_gradient = differences(lambda network: theory.population_gradient(network, teacher).ravel(), student, 1e-3)
    np.testing.assert_allclose(gradient.ravel(), by_risk, atol=1e-8 * max(1.0, np.abs(gradient).max()))
    np.testing.assert_allclose(hessian, by_gradient, atol=1e-7 * max(1.0, np.abs(hessian).max()))


@pytest.mark.parametrize("name", [*KINKED, *SMOOTH])
def test_at_the_truth_risk_and_gradient_vanish_and_the_hessian_is_the_gauss_newton_one(name):
    network = truth(name)
    size = np.abs(theory.population_hessian(network, network)).max()
    assert abs(theory.population_risk(network, network)) < 1e-13 * size
    assert np.abs(theory.population_gradient(network, network)).max() < 1e-13 * size
    # across both units, block (i, j) is v_i v_j times the dual kernel in every direction
    hessian, d = theory.population_hessian(network, network).reshape(3, 4, 3, 4), network.dim
    for i, j in product(range(3), repeat=2):
        pair = network.W[[i, j]] if i != j else network.W[[i]]
        outside = np.eye(d) - np.linalg.pinv(pair) @ pair
        if i == j:
            kernel = theory.beta(name, 0, np.linalg.norm(network.W[i]))
        else:
            kernel = network.activation.dual_kernel(pair[0] @ pair[0], pair[0] @ pair[1], pair[1] @ pair[1])
        share = network.a[i] * network.a[j] * kernel * np.trace(outside)
        assert np.trace(outside @ hessian[i, :, j]) == pytest.approx(share, rel=1e-11, abs=1e-11 * size)


def test_the_hessian_of_one_relu_at_the_truth_is_half_the_identity():
    network = TwoLayerNetwork([2.0], [[0.3, -1.0, 2.0]])
    np.testing.assert_allclose(theory.population_hessian(network, network), 2 * np.eye(3), atol=1e-14)


def test_the_empirical_hessian_at_the_truth_estimates_the_population_one():
    rng = np.random.default_rng(6)
    network, size = truth("squared_relu", k=2, d=3), 20_000
    X = rng.standard_normal((size, 3))
    parts = np.array([theory.empirical_hessian(network, X[i::20], network(X[i::20])) for i in range(20)])
    standard_error = parts.std(axis=0, ddof=1) / np.sqrt(20)
    difference = parts.mean(axis=0) - theory.population_hessian(network, network)
    assert standard_error.max() < 0.05 * np.abs(parts.mean(axis=0)).max()
    assert np.all(np.abs(difference) < 5 * standard_error)


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_the_population_risk_does_not_see_the_order_of_units_or_a_rotation(name):
    rng = np.random.default_rng(7)
    teacher = truth(name)
    student = perturbed(teacher, 0.5, rng)
    risk = theory.population_risk(student, teacher)
    rotation = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    turned = [TwoLayerNetwork(one.a, one.W @ rotation, None, name) for one in (student, teacher)]
    assert theory.population_risk(*turned) == pytest.approx(risk, rel=1e-11)
    for order in ((1, 2, 0), (0, 2, 1)):
        shuffled = TwoLayerNetwork(student.a[list(order)], student.W[list(order)], None, name)
        assert theory.population_risk(shuffled, teacher) == pytest.approx(risk, rel=1e-12)


def test_in_one_dimension_the_population_derivatives_are_exact_too():
    teacher = TwoLayerNetwork([1.0], [[1.5]])
    student = TwoLayerNetwork([1.0], [[2.0]])
    # f − f* = relu(2t) − relu(1.5t) = ½ relu(t): risk = ½·¼·½, gradient = ½·E[t²; t>0], Hessian = E[t²; t>0]
    assert theory.population_risk(student, teacher) == pytest.approx(1 / 16, rel=1e-14)
    assert theory.population_gradient(student, teacher)[0, 0] == pytest.approx(1 / 4, rel=1e-14)
    assert theory.population_hessian(student, teacher)[0, 0] == pytest.approx(1 / 2, rel=1e-14)


def test_the_population_risk_refuses_what_it_has_no_rule_for():
    relu, tanh = truth("relu"), truth("tanh")
    with pytest.raises(InputError, match="must share activation and dimension"):
        theory.population_risk(relu, tanh)
    with pytest.raises(InputError, match="without biases"):
        theory.population_risk(TwoLayerNetwork([1.0], [[1.0]], [1.0]), TwoLayerNetwork([1.0], [[1.0]]))
    zero = TwoLayerNetwork([1.0, 1.0], [[1.0, 0.0], [0.0, 0.0]])
    with pytest.raises(InputError, match="has no Hessian where a row of W is zero"):
        theory.population_hessian(zero, zero)
