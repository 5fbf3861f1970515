"""Population risks against their definition: exact Gaussian designs, adaptive quadrature, and Monte Carlo."""

from math import pi

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import ndtr

from oracles import gaussian_grid, gaussian_mean, gaussian_pair_mean, hermite
from twolayer.activation import activation
from twolayer.errors import InputError
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.risk import (
    constant_predictor,
    low_orders,
    norm_only_predictor,
    pair_means,
    population,
    population_risk,
    quadratic_predictor,
)

CUBIC = "polynomial(0.3,-1,0.4,0.5)"
TABLE = ["relu", "leaky_relu(0.2)", "squared_relu", "abs", "sigmoid", "tanh", "erf", "softplus", "gelu", "sine", CUBIC]


def draw(d, m, name, seed, bias=1.0, polynomial=False, norms=(0.3, 2.0)):
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((m, d))
    W *= rng.uniform(*norms, (m, 1)) / np.linalg.norm(W, axis=1, keepdims=True)
    Q = rng.standard_normal((d, d))
    part = Polynomial(0.7, rng.standard_normal(d), (Q + Q.T) / 4) if polynomial else None
    return TwoLayerNetwork(rng.standard_normal(m), W, bias * rng.uniform(-1, 1, m), name, part)


def unit_rows(m, d, rng):
    W = rng.standard_normal((m, d))
    return W / np.linalg.norm(W, axis=1, keepdims=True)


def pair_mean(name, s, b, cosine, sine=None, second=None, t=None, c=None):
    """One value of `pair_means`, σ = τ unless a second is named."""
    sigma, tau = activation(name), activation(second or name)
    columns = [np.array([float(value)]) for value in (s, s if t is None else t, b, b if c is None else c, cosine)]
    sine = np.sqrt(1 - columns[-1] ** 2) if sine is None else np.array([sine])
    return pair_means((sigma, tau), (columns[0], columns[1]), (columns[2], columns[3]), columns[4], sine)[0]


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("cosine", [1.0, 0.99, 0.4, -0.9, -1.0])
def test_a_mean_of_two_units_is_its_double_integral(name, cosine):
    expected = gaussian_pair_mean(activation(name), 1.3, 0.6, cosine)
    size = gaussian_pair_mean(activation(name), 1.3, 1.3, 1.0)
    assert pair_mean(name, 1.3, 0.0, cosine, t=0.6) == pytest.approx(expected, rel=1e-12, abs=1e-12 * size)


@pytest.mark.parametrize("sine", [0.0, 1e-12, 1e-7, 1e-4, 0.01, 0.3])
def test_kinks_that_are_smoothed_by_little_are_seen(sine):
    """relu by the arc-cosine kernel, where the angle is given by its sine."""
    theta = np.arcsin(sine)
    expected = (np.sin(theta) + (pi - theta) * np.cos(theta)) / (2 * pi)
    assert pair_mean("relu", 1.0, 0.0, np.cos(theta), sine) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(("b", "c"), [(-1.0, 0.5), (0.2, 0.20001), (1.5, 3.0)])
def test_two_kinks_along_one_line_are_both_seen(b, c):
    density = np.exp(-b * b / 2) / np.sqrt(2 * pi)
    expected = (1 + b * c) * ndtr(b) + c * density
    assert pair_mean("relu", 1.0, b, 1.0, 0.0, c=c) == pytest.approx(expected, rel=1e-14)
    assert pair_mean("relu", 1.0, c, 1.0, 0.0, c=b) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("b", "c", "cosine"), [(-0.4, 0.3, 0.7), (0.8, -0.5, -0.6)])
def test_a_mean_of_two_biased_rectifiers_is_its_integral_over_the_quadrant(b, c, cosine):
    determinant = 1 - cosine**2

    def integrand(h, g):
        form = (g * g - 2 * cosine * g * h + h * h) / determinant
        return (g + b) * (h + c) * np.exp(-form / 2) / (2 * pi * np.sqrt(determinant))

    expected = dblquad(integrand, -b, 10, -c, 10, epsabs=1e-11, epsrel=1e-11)[0]
    assert pair_mean("relu", 1.0, b, cosine, c=c) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("scale", [1.0, 10.0, 60.0])
def test_steep_units_are_integrated_too(scale):
    cosine = 0.999
    expected = 2 / pi * np.arcsin(2 * scale**2 * cosine / (1 + 2 * scale**2))
    assert pair_mean("erf", scale, 0.0, cosine) == pytest.approx(expected, rel=1e-13)
    turn = np.exp(-(scale**2) * (1 - cosine))
    both = (turn * np.cos(0.1) - np.exp(-(scale**2) * (1 + cosine)) * np.cos(0.5)) / 2
    assert pair_mean("sine", scale, 0.3, cosine, c=0.2) == pytest.approx(both, abs=1e-13)
    assert pair_mean(f"scaled(sine,{scale})", 1.0, 0.3 / scale, cosine, c=0.2 / scale) == pytest.approx(both, abs=1e-13)


def test_two_different_activations_have_a_mean():
    """E[σ(g) g] is the first coefficient of σ, whichever of the two is integrated along."""
    coefficient = gaussian_mean(lambda g: np.tanh(2 * g + 0.3) * g)
    assert pair_mean("scaled(tanh,2)", 1.0, 0.15, 1.0, 0.0, "linear", c=0.0) == pytest.approx(coefficient, rel=1e-13)
    assert pair_mean("linear", 1.0, 0.0, 0.6, None, "tanh", t=2.0, c=0.3) == pytest.approx(0.6 * coefficient, rel=1e-13)


@pytest.mark.parametrize("first", TABLE)
@pytest.mark.parametrize("second", ["relu", "tanh"])
def test_the_risk_on_one_input_is_its_integral(first, second):
    """With d = 1 all units are collinear: every pair must be completed."""
    f, g = draw(1, 3, first, 1, polynomial=True), draw(1, 4, second, 2)
    cuts = [-b / w for network in (f, g) for w, b in zip(network.W[:, 0], network.b, strict=True)]

    def square(t):
        return float((f([[t]]) - g([[t]]))[0] ** 2)

    risk = population_risk(f, g)
    expected = gaussian_mean(square, cuts)
    assert risk.value == pytest.approx(expected, rel=1e-10)
    assert risk.tail_bound <= 1e-11 * expected


def test_the_risk_of_polynomials_is_that_over_an_exact_design():
    X, masses = gaussian_grid(3, 5)
    f, g = draw(3, 5, CUBIC, 0, polynomial=True), draw(3, 4, "polynomial(0,0,1,0,0.2)", 1, polynomial=True)
    risk = population_risk(f, g)
    assert risk.value == pytest.approx(masses @ (f(X) - g(X)) ** 2, rel=1e-12)
    assert (risk.tail_bound, risk.exact_pairs) == (0.0, 0)


@pytest.mark.parametrize("name", ["relu", "scaled(tanh,2.5)", "softplus", "sine", "squared_relu"])
def test_the_risk_is_the_mean_over_samples(name):
    f, g = draw(6, 30, name, 3), draw(6, 20, name, 4, polynomial=True)
    X = np.random.default_rng(5).standard_normal((200_000, 6))
    errors = (f(X) - g(X)) ** 2
    standard_error = errors.std() / np.sqrt(len(X))
    assert standard_error < 0.01 * errors.mean()
    assert abs(errors.mean() - population_risk(f, g).value) < 4 * standard_error


@pytest.mark.parametrize("name", ["relu", "abs", "tanh", "erf", "leaky_relu(-0.5)"])
def test_a_series_cut_early_misses_no_more_than_its_bound(name):
    f, g = draw(4, 40, name, 6, bias=0.5), draw(4, 30, name, 7, bias=0.5)
    exact = population_risk(f, g, rtol=1e-14)
    energy = sum(
        a**2 * pair_mean(name, np.linalg.norm(w), b, 1.0, 0.0)
        for network in (f, g)
        for a, w, b in zip(network.a, network.W, network.b, strict=True)
    )
    for rtol in (1e-2, 1e-4, 1e-8):
        rough = population_risk(f, g, rtol)
        assert rough.tail_bound <= rtol * energy * (1 + 1e-9)
        assert rough.order <= exact.order
        assert abs(rough.value - exact.value) <= rough.tail_bound + 1e-12 * exact.value


def test_an_early_cut_does_miss_something():
    """Else the bound above would be shown by nothing."""
    f, g = draw(4, 40, "relu", 6, bias=0.5), draw(4, 30, "relu", 7, bias=0.5)
    rough, exact = population_risk(f, g, 0.3), population_risk(f, g)
    assert rough.order < 64 < exact.order
    assert 1e-9 * exact.value < abs(rough.value - exact.value) <= rough.tail_bound


def test_the_risk_does_not_depend_on_how_a_network_is_written():
    f, g = draw(5, 8, "relu", 0), draw(5, 8, "relu", 1, polynomial=True)
    risk = population_risk(f, g).value
    turned = g.reflected([0, 3, 5])
    split = TwoLayerNetwork(
        np.r_[f.a[:1] / 2, f.a[:1] / 2, f.a[1:], 5.0], np.vstack([f.W[:1], f.W, f.W[:1]]),
        np.r_[f.b[:1], f.b, 0.3], "relu", Polynomial(0.0, -5.0 * f.W[0] / 2)
    )  # fmt: skip
    extra = TwoLayerNetwork([5.0], f.W[:1], [0.3], "relu", Polynomial(0.0, -5.0 * f.W[0] / 2))
    assert population_risk(f.balanced(), turned).value == pytest.approx(risk, rel=1e-11)
    assert population_risk(g, f).value == pytest.approx(risk, rel=1e-12)
    zero = TwoLayerNetwork([], np.zeros((0, 5)))
    assert population_risk(split, f).value == pytest.approx(population_risk(extra, zero).value, rel=1e-11)


def test_equal_networks_have_no_risk_at_all():
    f = draw(5, 30, "tanh", 0, polynomial=True)
    mixed = np.random.default_rng(0).permutation(30)
    g = TwoLayerNetwork(f.a[mixed], f.W[mixed], f.b[mixed], "tanh", f.polynomial)
    assert population_risk(f, g).value == 0.0


def test_a_small_risk_is_its_linearisation():
    f = draw(5, 30, "relu", 0)
    change = np.random.default_rng(1).standard_normal(f.W.shape)

    def risk(step):
        return population_risk(f, TwoLayerNetwork(f.a, f.W + step * change, f.b, "relu")).value

    assert risk(1e-4) == pytest.approx(risk(1e-5) * 100, rel=2e-3)


def test_units_that_do_not_move_are_constants():
    f = TwoLayerNetwork([2.0, 1.0], [[0.0, 0.0], [3.0, 4.0]], [0.5, 0.0], "tanh")
    assert low_orders(f)[0] == pytest.approx(2 * np.tanh(0.5), rel=1e-14)
    rest = TwoLayerNetwork([1.0], [[3.0, 4.0]], [0.0], "tanh")
    assert population_risk(f, rest).value == pytest.approx(4 * np.tanh(0.5) ** 2, rel=1e-12)


@pytest.mark.parametrize("scale", [10.0, 30.0, 100.0, 1000.0])
def test_a_series_that_overflows_or_has_not_begun_is_no_risk_of_zero(scale):
    """The coefficients of steep sines are below rounding at low orders, and overflow at high ones."""
    f, g = (TwoLayerNetwork([1.0], [[s]], activation="sine") for s in (scale, scale + 0.1))
    assert population_risk(f, g).value == pytest.approx(1 - np.exp(-0.005), rel=1e-9)


def test_units_too_steep_for_quadrature_are_refused():
    f, g = (TwoLayerNetwork([1.0], [[s]], activation="scaled(tanh,2)") for s in (1.0, 6e3))
    with pytest.raises(InputError, match=r"steepness of at most 10000 to be averaged, found 1\.2e\+04"):
        population_risk(f, g)


@pytest.mark.parametrize(("name", "scale"), [("polynomial(0,0,0,1)", 1e110), ("quadratic", 1e100), ("relu", 1e200)])
def test_a_risk_beyond_floating_point_is_refused(name, scale):
    f, g = (TwoLayerNetwork([1.0], [row], activation=name) for row in ([scale, 0.0], [0.0, scale]))
    for ask in (lambda: population_risk(f, g), lambda: constant_predictor(f), lambda: norm_only_predictor(f)):
        with pytest.raises(InputError, match="mean square of the outputs is beyond floating point"):
            ask()


@pytest.mark.parametrize("batch", [20, 4096])
def test_many_blocks_add_up(batch, monkeypatch):
    """Units in more than one block, against the pairwise definition with the arc-cosine kernel."""
    monkeypatch.setattr(population, "_PAIRS_AT_ONCE", batch)
    rng = np.random.default_rng(0)
    W, a = unit_rows(600, 8, rng), rng.standard_normal(600)
    f = TwoLayerNetwork(a, W, activation="relu")
    theta = np.arccos(np.clip(W @ W.T, -1, 1))
    np.fill_diagonal(theta, 0.0)
    kernel = (np.sin(theta) + (pi - theta) * np.cos(theta)) / (2 * pi)
    risk = population_risk(f, TwoLayerNetwork([], np.zeros((0, 8))))
    assert risk.value == pytest.approx(a @ kernel @ a, rel=1e-11)
    assert risk.exact_pairs > 40


def test_low_orders_are_means_against_hermite_tensors():
    X, masses = gaussian_grid(2, 4)
    f = draw(2, 3, CUBIC, 3, polynomial=True)
    y = masses * f(X)
    mean, linear, A = low_orders(f)
    assert mean == pytest.approx(y.sum(), rel=1e-12)
    np.testing.assert_allclose(linear, y @ X, rtol=1e-12)
    np.testing.assert_allclose(A, ((X.T * y) @ X - y.sum() * np.eye(2)) / 2, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    ("predictor", "columns"),
    [
        (constant_predictor, lambda X: np.ones((len(X), 1))),
        (norm_only_predictor, lambda X: np.column_stack([np.ones(len(X)), np.sum(X**2, axis=1)])),
        (quadratic_predictor, lambda X: np.column_stack([np.ones(len(X)), X**2, X[:, :1] * X[:, 1:]])),
    ],
)
def test_a_predictor_is_the_weighted_least_squares_fit(predictor, columns):
    X, masses = gaussian_grid(2, 5)
    f = draw(2, 3, CUBIC, 3, polynomial=True)
    y, root = f(X), np.sqrt(masses)
    solution = np.linalg.lstsq(root[:, None] * columns(X), root * y, rcond=None)[0]
    fit = predictor(f)
    np.testing.assert_allclose(fit.polynomial(X), columns(X) @ solution, rtol=1e-11, atol=1e-11)
    assert fit.risk.value == pytest.approx(masses @ (y - columns(X) @ solution) ** 2, rel=1e-11)


@pytest.mark.parametrize("name", ["relu", "tanh", "softplus", "abs"])
def test_the_norm_only_predictor_has_the_closed_form_of_unit_norms(name):
    rng = np.random.default_rng(0)
    r, d = 30, 6
    f = TwoLayerNetwork(np.ones(r), unit_rows(r, d, rng), activation=name)
    second = gaussian_mean(lambda g: activation(name)(g) * hermite(2, g), [0.0]) / np.sqrt(2)
    fit = norm_only_predictor(f)
    quadratic = 0 if fit.polynomial.quadratic is None else fit.polynomial.quadratic
    np.testing.assert_allclose(quadratic, r * second / (np.sqrt(2) * d) * np.eye(d), rtol=1e-11, atol=1e-13)
    variance = constant_predictor(f).risk.value
    assert fit.risk.value == pytest.approx(variance - r**2 * second**2 / d, rel=1e-10)
    assert quadratic_predictor(f).risk.value <= fit.risk.value * (1 + 1e-12)


def test_the_variance_of_orthogonal_units_is_the_sum_of_theirs():
    f = TwoLayerNetwork(np.ones(4), np.eye(4), activation="erf")
    variance = 2 / pi * np.arcsin(2 / 3)
    assert constant_predictor(f).risk.value == pytest.approx(4 * variance, rel=1e-13)


def test_networks_on_different_inputs_are_refused():
    f, g = draw(2, 3, "relu", 0), draw(3, 3, "relu", 0)
    with pytest.raises(InputError, match="networks to compare must have the same inputs, found 2 and 3"):
        population_risk(f, g)
    for rtol in (0.0, -1.0, np.nan):
        with pytest.raises(InputError, match="rtol must be"):
            population_risk(f, f, rtol)


def test_the_risk_of_several_outputs_is_the_sum_over_outputs():
    rng = np.random.default_rng(0)
    f = TwoLayerNetwork(rng.standard_normal((4, 3)), rng.standard_normal((4, 2)), rng.standard_normal(4), "tanh")
    polynomial = Polynomial(rng.standard_normal(3), rng.standard_normal((2, 3)))
    g = TwoLayerNetwork(rng.standard_normal((2, 3)), rng.standard_normal((2, 2)), polynomial=polynomial)
    X, weights = gaussian_grid(2, 60)
    value = float(weights @ np.sum((f(X) - g(X)) ** 2, axis=1))
    assert population_risk(f, g).value == pytest.approx(value, rel=1e-2)
    parts = [population_risk(f.output(j), g.output(j)).value for j in range(3)]
    assert population_risk(f, g).value == pytest.approx(sum(parts), rel=1e-13)


def test_networks_of_other_numbers_of_outputs_have_no_risk_of_one_another():
    W = np.eye(2)
    with pytest.raises(InputError, match="must have the same outputs, found 2 and 1"):
        population_risk(TwoLayerNetwork(np.ones((2, 2)), W), TwoLayerNetwork(np.ones(2), W))
