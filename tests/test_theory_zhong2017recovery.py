"""The quantities of zhong2017recovery against their definitions, by slow and independent means."""

from itertools import product

import numpy as np
import pytest

from oracles import gaussian_grid, gaussian_mean
from twolayer import InputError, TwoLayerNetwork
from twolayer.activation import activation
from twolayer.hermite import hermite_tensor
from twolayer.papers.theories import THEORIES
from twolayer.papers.zhong2017recovery import theory
from twolayer.teachers import conditioned, orthogonal

KINKED = ["relu", "leaky_relu(0.01)", "leaky_relu(-0.5)", "squared_relu", "abs"]
SMOOTH = ["sigmoid", "tanh", "erf", "softplus", "gelu", "sine", "linear", "quadratic", "polynomial(0,1,0.3,0.5)"]


def truth(name, k=3, d=4, seed=0):
    return conditioned(d, k, 2.0, name, seed)


# Properties 3.1 to 3.3 (section 3)


@pytest.mark.parametrize("name", KINKED + SMOOTH)
@pytest.mark.parametrize("scale", [0.3, 40.0])
def test_alpha_and_beta_are_the_gaussian_moments_of_the_derivative(name, scale):
    sigma = activation(name)
    for q, power in product((0, 1, 2), (1, 2)):
        size = gaussian_mean(lambda z, p=power: abs(float(sigma.derivative(scale * z))) ** p, cuts=(0.0,))
        mean = gaussian_mean(lambda z, p=power, q=q: float(sigma.derivative(scale * z)) ** p * z**q, cuts=(0.0,))
        found = (theory.alpha if power == 1 else theory.beta)(name, q, scale)
        assert found == pytest.approx(mean, rel=1e-11, abs=1e-12 * size)


@pytest.mark.parametrize("name", KINKED + SMOOTH)
def test_rho_is_the_least_of_its_three_terms(name):
    scale = np.array([0.5, 2.0])
    a0, a1, a2 = (theory.alpha(name, q, scale) for q in range(3))
    b0, b2 = (theory.beta(name, q, scale) for q in (0, 2))
    terms = [b0 - a0**2 - a1**2, b2 - a1**2 - a2**2, a0 * a2 - a1**2]
    size = np.max([b0, b2], axis=0)
    assert np.all(np.abs(theory.rho_terms(name, scale) - terms) <= 1e-13 * size)
    assert np.all(np.abs(theory.rho(name, scale) - np.min(terms, axis=0)) <= 1e-13 * size)


def test_rho_has_its_closed_forms():
    scale = np.array([0.1, 1.0, 7.0])
    np.testing.assert_allclose(theory.rho("relu", scale), 0.25 - 1 / (2 * np.pi), rtol=1e-13)
    np.testing.assert_allclose(theory.rho("squared_relu", scale), (4 / np.pi - 1) * scale**2, rtol=1e-13)
    np.testing.assert_allclose(theory.rho("quadratic", scale), -4 * scale**2, rtol=1e-13)
    third = theory.rho_terms("sine", scale)[2]
    np.testing.assert_allclose(third, (1 - scale**2) * np.exp(-(scale**2)), atol=1e-14)


def test_rho_of_the_linear_function_vanishes_far_below_rounding():
    assert np.all(np.abs(theory.rho("linear", np.geomspace(1e-3, 1e3, 7))) < 1e-26)


def test_rho_of_a_sigmoid_keeps_its_digits_where_it_is_almost_linear():
    # σ'(sz) = 1 − s²z² + O(s⁴) for tanh, so that the first term is 2s⁴ to leading order
    scale = 1e-3
    assert theory.rho_terms("tanh", scale)[0] == pytest.approx(2 * scale**4, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "growth", "nonlinearity", "smoothness"),
    [
        ("relu", True, True, True),
        ("leaky_relu(0.01)", True, True, True),
        ("squared_relu", True, True, True),
        ("sigmoid", True, True, True),
        ("tanh", True, True, True),
        ("erf", True, True, True),
        ("linear", True, False, True),
        ("quadratic", False, False, True),
        # beyond the paper's table
        ("softplus", True, True, True),
        ("scaled(tanh,2.5)", True, True, True),
        ("polynomial(0,0,0,1)", True, True, False),
        ("polynomial(0,1,0,1)", False, True, False),
        ("gelu", False, True, True),
        ("abs", False, False, True),
        ("sine", False, False, True),
        ("leaky_relu(-0.01)", False, True, True),
    ],
)
def test_the_table_of_theorem_3_5_comes_out(name, growth, nonlinearity, smoothness):
    found = theory.properties(name)
    assert (found.growth.holds, found.nonlinearity.holds, found.smoothness.holds) == (growth, nonlinearity, smoothness)
    assert found.hold == (growth and nonlinearity and smoothness)


@pytest.mark.parametrize(
    ("name", "L1", "p", "L2"),
    [
        ("relu", 1.0, 0.0, np.inf),
        ("squared_relu", 2.0, 1.0, 2.0),
        ("sigmoid", 0.25, 0.0, np.sqrt(3) / 18),
        ("tanh", 1.0, 0.0, 4 / (3 * np.sqrt(3))),
        ("linear", 1.0, 0.0, 0.0),
        ("abs", 1.0, 0.0, np.inf),
        ("polynomial(0,0,0,1)", 3.0, 2.0, np.inf),
    ],
)
def test_the_constants_of_the_properties_are_found(name, L1, p, L2):
    found = theory.properties(name)
    assert (found.L1, found.p) == pytest.approx((L1, p), rel=1e-6)
    np.testing.assert_allclose(found.L2, L2, rtol=1e-4)


def test_the_smoothness_says_which_alternative_holds():
    assert (theory.properties("relu").is_smooth, theory.properties("relu").is_piecewise_linear) == (False, True)
    squared = theory.properties("squared_relu")
    assert (squared.is_smooth, squared.is_piecewise_linear) == (True, False)
    linear = theory.properties("linear")
    assert (linear.is_smooth, linear.is_piecewise_linear) == (True, True)


def test_no_power_bounds_a_derivative_that_grows_but_does_not_start_at_zero():
    found = theory.properties("polynomial(0,1,0,1)")
    assert np.isnan(found.p)
    assert "does not vanish at 0" in found.growth.evidence


def test_an_almost_linear_activation_is_still_nonlinear():
    assert theory.properties("leaky_relu(0.999999)").nonlinearity.holds


def test_only_first_order_kinks_make_the_derivative_jump():
    assert theory.derivative_jumps("relu") == ((0.0, 1.0),)
    assert theory.derivative_jumps("abs") == ((0.0, 2.0),)
    assert theory.derivative_jumps("leaky_relu(0.25)") == ((0.0, 0.75),)
    assert theory.derivative_jumps("squared_relu") == ()
    assert theory.derivative_jumps("tanh") == ()


def test_a_scale_must_be_positive():
    for scale in (0.0, -1.0, np.nan):
        with pytest.raises(InputError, match="a scale must be positive and finite"):
            theory.rho("relu", scale)


# Moments (section 5.1)


@pytest.mark.parametrize("name", KINKED + SMOOTH)
def test_gamma_is_the_gaussian_moment_of_the_activation(name):
    sigma, scales = activation(name), np.array([0.7, 1.9])
    for j in range(5):
        means = [gaussian_mean(lambda z, s=s, j=j: float(sigma(s * z)) * z**j, cuts=(0.0,)) for s in scales]
        np.testing.assert_allclose(theory.gamma(name, j, scales), means, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name", ["squared_relu", "relu", "sigmoid", "gelu"])
def test_the_units_moments_are_definition_5_1(name):
    network = truth(name)
    norms = np.linalg.norm(network.W, axis=1)
    g0, g1, g2, g3, g4 = (theory.gamma(name, j, norms) for j in range(5))
    for j, value in enumerate((g0, g1, g2 - g0, g3 - 3 * g1, g4 + 3 * g0 - 6 * g2)):
        np.testing.assert_allclose(theory.unit_moments(network, j), value, rtol=1e-12, atol=1e-12)


def wide_product(M):
    """The paper's M ⊗̃ I for a matrix: the six placements, e_j summed, literally."""
    d = len(M)
    pair = np.einsum("ab,cd->abcd", M, np.eye(d))
    placements = {(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)}
    total = np.zeros((d,) * 4)
    for a, b in placements:
        rest = [axis for axis in range(4) if axis not in (a, b)]
        total += np.moveaxis(pair, (0, 1, 2, 3), (a, b, *rest))
    return total


def test_the_moment_tensors_are_definition_5_1_with_half_of_the_doubled_identity():
    d = 3
    rng = np.random.default_rng(3)
    network = TwoLayerNetwork([1.0, -2.0], rng.standard_normal((2, d)), None, "polynomial(0.2,1,-0.5,0.3,0.1)")
    X, weights = gaussian_grid(d, 8)
    labels, identity = weights * network(X), np.eye(d)
    m1 = labels @ X
    m2 = np.einsum("s,sa,sb->ab", labels, X, X)
    np.testing.assert_allclose(theory.moment(network, 1), m1, atol=1e-12)
    np.testing.assert_allclose(theory.moment(network, 2), m2 - labels.sum() * identity, atol=1e-12)
    m3 = np.einsum("s,sa,sb,sc->abc", labels, X, X, X)
    placed = sum(np.einsum(places, m1, identity) for places in ("a,bc->abc", "b,ac->abc", "c,ab->abc"))
    np.testing.assert_allclose(theory.moment(network, 3), m3 - placed, atol=1e-11)
    m4 = np.einsum("s,sa,sb,sc,sd->abcd", labels, X, X, X, X)
    corrected = m4 - wide_product(m2) + 0.5 * labels.sum() * wide_product(identity)
    np.testing.assert_allclose(theory.moment(network, 4), corrected, atol=1e-11)


def test_the_moment_tensors_are_those_of_a_network_with_biases_too():
    network = TwoLayerNetwork([1.0, 0.5], [[1.0, 0.2], [-0.3, 0.6]], [0.4, -0.7], "polynomial(0,1,1,1)")
    X, weights = gaussian_grid(2, 8)
    for j in range(1, 5):
        expected = np.tensordot(weights * network(X), hermite_tensor(X, j), 1)
        np.testing.assert_allclose(theory.moment(network, j), expected, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "orders"), [("relu", (2, 4)), ("abs", (2, 4)), ("squared_relu", (2, 3)), ("tanh", (3, 3))]
)
def test_the_contracted_moments_are_the_first_moments_that_do_not_vanish(name, orders):
    network = truth(name)
    alpha = np.random.default_rng(1).standard_normal(network.dim)
    assert theory.moment_orders(network) == orders
    for P, modes, order in ((theory.P2, 2, orders[0]), (theory.P3, 3, orders[1])):
        contracted = theory.moment(network, order)
        for _ in range(order - modes):
            contracted = contracted @ alpha
        np.testing.assert_allclose(P(network, alpha), contracted, atol=1e-12)


def test_there_is_no_cube_without_third_and_fourth_moment():
    with pytest.raises(InputError, match="M_3 and M_4 of this quadratic network vanish"):
        theory.moment_orders(truth("quadratic"))


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("relu", (True, True, True, True)),
        ("leaky_relu(0.01)", (True, True, True, True)),
        ("squared_relu", (True, True, True, True)),
        ("abs", (True, True, True, True)),
        ("tanh", (True, True, True, True)),
        ("erf", (True, True, True, True)),
        ("sigmoid", (True, True, True, False)),
        ("linear", (True, False, True, True)),
        ("quadratic", (True, False, True, True)),
    ],
)
def test_assumption_5_3_is_decided(name, holds):
    found = theory.assumption(truth(name))
    assert (found.shared.holds, found.order.holds, found.even.holds, found.odd.holds) == holds
    assert found.holds == all(holds)


def test_a_unit_without_a_share_in_a_moment_breaks_the_first_condition():
    # m_3 of t − t³/6 at norm s is −s³, m_1 = s − s³/2: zero at s = √2 for one unit only
    cubic = "polynomial(0,1,0,-0.16666666666666666)"
    network = TwoLayerNetwork([1.0, 1.0], [[np.sqrt(2.0), 0.0], [0.0, 1.0]], None, cubic)
    found = theory.assumption(network)
    assert not found.shared.holds
    assert found.shared.evidence == "M_1 ≠ 0, but m_1 of unit 0 is 0"


def test_units_that_cancel_leave_no_moment():
    W = [[1.0, 2.0], [1.0, 2.0]]
    assert not theory.assumption(TwoLayerNetwork([1.0, -1.0], W, None, "squared_relu")).order.holds


# Definition 4.1 and Theorem 4.2


def test_the_conditioning_is_definition_4_1():
    W = np.diag([4.0, 3.0, 2.0]) @ np.linalg.qr(np.random.default_rng(0).standard_normal((5, 3)))[0].T
    found = theory.conditioning(TwoLayerNetwork([1.0, -3.0, 2.0], W, None, "squared_relu"))
    np.testing.assert_allclose(found.singular_values, [4.0, 3.0, 2.0], rtol=1e-14)
    assert found.condition == pytest.approx(2.0)
    assert found.volume == pytest.approx(3.0)
    assert (found.v_max, found.v_min, found.ratio) == (3.0, 1.0, 3.0)
    assert (found.p, found.rho) == pytest.approx((1.0, 4 * (4 / np.pi - 1)))
    assert found.tau == pytest.approx(6.0**4 / (4 / np.pi - 1) ** 2)  # ρ is least at σ_k/2 = 1
    assert found.curvature_floor == pytest.approx(4 * (4 / np.pi - 1) / 12)
    assert found.curvature_ceiling == pytest.approx(3 * 9 * 16)


def test_orthogonal_units_are_the_best_case():
    found = theory.conditioning(orthogonal(6, 4, "relu", 0))
    assert (found.condition, found.volume) == pytest.approx((1.0, 1.0))


def test_dependent_units_have_infinite_condition_and_no_curvature():
    found = theory.conditioning(TwoLayerNetwork([1.0, 1.0], [[1.0, 0.0], [2.0, 0.0]], None, "relu"))
    assert (found.condition, found.volume, found.tau, found.curvature_floor) == (np.inf, np.inf, np.inf, 0.0)


@pytest.mark.parametrize("name", ["relu", "leaky_relu(0.01)", "squared_relu", "tanh", "sigmoid"])
def test_the_curvature_at_the_truth_is_above_the_floor_of_theorem_4_2(name):
    for seed, kappa in ((0, 1.0), (1, 3.0)):
        bounds = theory.hessian_bounds(conditioned(5, 3, kappa, name, seed))
        L1 = theory.properties(name).L1
        assert 0 < bounds.lower < bounds.smallest * (1 + 1e-12)
        assert bounds.largest < 8 * L1**2 * bounds.upper


def test_orthonormal_relu_units_attain_the_floor_of_theorem_4_2():
    bounds = theory.hessian_bounds(orthogonal(5, 3, "relu", 0))
    assert bounds.lower == pytest.approx(0.25 - 1 / (2 * np.pi), rel=1e-12)
    assert bounds.smallest == pytest.approx(bounds.lower, rel=1e-12)


@pytest.mark.parametrize("name", ["linear", "quadratic"])
def test_the_curvature_at_the_truth_vanishes_for_linear_and_quadratic(name):
    bounds = theory.hessian_bounds(truth(name))
    assert abs(bounds.smallest) < 1e-12 * bounds.largest


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (TwoLayerNetwork([1, 1, 1], np.ones((3, 2))), "1 ≤ m ≤ d, found m = 3 units of d = 2"),
        (TwoLayerNetwork([1, 1], np.eye(2), [1, 0]), "neither biases nor a polynomial part"),
        (TwoLayerNetwork([1, 0], np.eye(2)), "weights other than zero"),
    ],
)
def test_conditioning_refuses_what_is_not_the_papers_network(network, message):
    with pytest.raises(InputError, match=message):
        theory.conditioning(network)


@pytest.mark.parametrize("paper", THEORIES)
def test_every_paper_speaks_of_one_output(paper):
    with pytest.raises(InputError, match=f"the statements of {paper} are for one output, found 2"):
        THEORIES[paper](TwoLayerNetwork(np.ones((1, 2)), [[1.0, 0.0]]))
