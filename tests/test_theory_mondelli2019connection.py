"""The quantities of mondelli2019connection against their definitions, and its bound against exact risks."""

from itertools import product
from math import factorial

import numpy as np
import pytest

from oracles import gaussian_mean, hermite
from twolayer.activation import activation
from twolayer.errors import InputError
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.papers.mondelli2019connection.theory import (
    Assumptions,
    assumptions,
    comparison,
    corollary1,
    correlation,
    theorem2,
    theorem2_terms,
    theorem3,
)
from twolayer.risk import norm_only_predictor, population_risk, quadratic_predictor
from twolayer.teachers import centred_identity, centred_units, haar_blocks, identity, simplex_blocks

CUBIC = "polynomial(0.5,1,0,0.3)"
GIVEN = Assumptions(r=12, d=8, norm_error=0.0, delta=0.25, eta_avg=0.5, eta_var=0.2)


def coefficient(name, k):
    sigma = activation(name)
    return gaussian_mean(lambda g: sigma(g) * hermite(k, g), [0.0]) / np.sqrt(factorial(k))


def equal_units(W, name):
    return TwoLayerNetwork(np.ones(len(W)), W, activation=name)


def unit_rows(m, d, rng):
    W = rng.standard_normal((m, d))
    return W / np.linalg.norm(W, axis=1, keepdims=True)


def test_assumptions_are_measured_as_they_are_stated():
    W = np.random.default_rng(0).standard_normal((7, 4))
    r, d = W.shape
    found = assumptions(W)
    assert (found.r, found.d) == (r, d)
    assert found.norm_error == pytest.approx(max(abs(np.sqrt(sum(w**2)) - 1) for w in W))
    assert found.delta == pytest.approx(max(abs(sum(W[i] * W[j])) for i, j in product(range(r), range(r)) if i != j))
    assert found.eta_avg == pytest.approx(sum(sum(W[:, c]) ** 2 for c in range(d)) / r)
    excess = sum(np.outer(w, w) for w in W) - r / d * np.eye(d)
    assert found.eta_var == pytest.approx(np.abs(np.linalg.eigvalsh(excess)).max() / (r / d))
    assert not found.has_unit_norms


def test_more_units_than_a_block_are_measured():
    W = unit_rows(1100, 3, np.random.default_rng(0))
    gram = W @ W.T - np.eye(1100)
    assert assumptions(W).delta == pytest.approx(np.abs(gram).max(), rel=1e-12)
    assert correlation(W, W[1050:1051]) == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize("d", [2, 5, 40])
def test_the_examples_of_the_paper_satisfy_what_it_says_of_them(d):
    """Section 3.1: the identity, its centred form, and simplices."""
    plain, centred = assumptions(identity(d, d).W), assumptions(centred_identity(d, d).W)
    assert (plain.delta, plain.eta_avg, plain.eta_var) == pytest.approx((0, 1, 0), abs=1e-14)
    assert (centred.delta, centred.eta_avg, centred.eta_var) == pytest.approx((1 / (d - 1), 0, 1), abs=1e-13)
    assert centred.delta <= (d + 1) / (d * (d - 1))
    assert centred.eta_var <= 2
    simplex, many = (assumptions(simplex_blocks(d, blocks * (d + 1), rng=0).W) for blocks in (1, 4))
    assert (simplex.delta, simplex.eta_avg, simplex.eta_var) == pytest.approx((1 / d, 0, 0), abs=1e-12)
    assert (many.eta_avg, many.eta_var) == pytest.approx((0, 0), abs=1e-12)
    assert all(found.has_unit_norms for found in (plain, centred, simplex, many))


def test_haar_blocks_are_nearly_of_norm_one_and_nearly_isotropic():
    found = [assumptions(haar_blocks(50, r, rng=0).W) for r in (50, 350)]
    assert all(entry.norm_error < 0.05 for entry in found)
    assert found[0].eta_var == pytest.approx(1.0, rel=1e-10)
    assert found[1].eta_var < 0.25


def test_the_terms_of_theorem_2_are_those_of_equations_9_and_10():
    c1, c2 = theorem2_terms(2.0, 3.0, GIVEN, 0.1, 5, is_even=False)
    assert c1 == pytest.approx(2 * 4 * 0.5 * 12 + 2 * 9 * 0.04 * 144 / 8)
    assert c2 == pytest.approx(2 * 0.1 * 1.2 * 5 / 8 / (1 - 0.25 * 1.2 * 12 / 8))
    c1, c2 = theorem2_terms(2.0, 3.0, GIVEN, 0.1, 5, is_even=True)
    assert c1 == pytest.approx(2 * 9 * 0.04 * 144 / 8)
    assert c2 == pytest.approx(2 * 0.01 * 1.2 * 5 / 8 / (1 - 0.0625 * 1.2 * 12 / 8))


def test_a_denominator_that_is_not_positive_leaves_no_bound():
    crowded = Assumptions(r=12, d=8, norm_error=0.0, delta=0.9, eta_avg=0.5, eta_var=0.2)
    assert theorem2_terms(1.0, 1.0, crowded, 0.1, 5, is_even=False)[1] == np.inf
    truth = equal_units(unit_rows(30, 3, np.random.default_rng(0)), "relu")
    found = theorem2(truth, 0.1, 1)
    assert found.bound == 0.0
    assert not found.holds
    assert "1 - δ(1 + η_var)r/d must not be negative" in found.violations[0]


@pytest.mark.parametrize("name", ["relu", "abs", "tanh", CUBIC])
def test_theorem_2_is_put_together_from_its_parts(name):
    truth = equal_units(np.eye(9)[:6], name)  # η_avg = η_var = 1
    found = theorem2(truth, 0.2, 3)
    first, second = coefficient(name, 1), coefficient(name, 2)
    c1, c2 = theorem2_terms(first, second, assumptions(truth.W), 0.2, 3, is_even=name == "abs")
    norm_only = norm_only_predictor(truth).risk.value
    assert found.is_even == (name == "abs")
    assert (found.c1, found.c2) == pytest.approx((c1, c2), rel=1e-10, abs=1e-12)
    assert found.bound == pytest.approx(max(norm_only - c1, 0) * (1 - c2), rel=1e-10, abs=1e-10)
    assert found.holds


def random_truth(rng):
    """Weights for which the hypotheses of Theorem 2 hold; for about half of them some estimate has a bound above 0."""
    d = int(rng.integers(6, 25))
    name = str(rng.choice(["relu", "erf", "abs", "gelu", "polynomial(0,-3,0,1)", "polynomial(3,0,-6,0,1)"]))
    law = rng.choice(["simplex", "identity", "centred", "turned"])
    if law == "simplex":
        return simplex_blocks(d, d + 1, name, rng)
    if law == "turned":
        return equal_units(np.linalg.qr(rng.standard_normal((d, d)))[0][: int(rng.integers(d // 2, d + 1))], name)
    return (identity if law == "identity" else centred_identity)(d, d, name)


def random_estimate(truth, rng):
    """Unit rows: unrelated ones, or ones near those of the truth."""
    R = int(rng.integers(1, truth.width + 1))
    near = truth.W[rng.permutation(truth.width)[:R]]
    return equal_units(unit_rows(R, truth.dim, rng) * 10 ** rng.uniform(-2, 3) + near, truth.activation)


def test_the_exact_risk_of_a_thousand_estimates_is_above_the_bound():
    rng = np.random.default_rng(0)
    ratios, telling = [], set()
    for draw in range(100):
        truth = random_truth(rng)
        weights = assumptions(truth.W)
        assert 1 - weights.delta * (1 + weights.eta_var) * weights.r / weights.d >= -1e-12
        first, second = (truth.activation.hermite_coefficients(2) / np.sqrt([1, 1, 2]))[1:]
        norm_only = norm_only_predictor(truth).risk.value
        for _ in range(10):
            estimate = random_estimate(truth, rng)
            W = estimate.W / np.linalg.norm(estimate.W, axis=1, keepdims=True)
            epsilon, is_even = correlation(truth.W, W), truth.activation.parity == 1
            c1, c2 = theorem2_terms(first, second, weights, epsilon, len(W), is_even)
            bound = max(norm_only - c1, 0) * max(1 - c2, 0)
            risk = population_risk(truth, equal_units(W, truth.activation)).value
            assert risk >= bound * (1 - 1e-10)
            if bound > 1e-6:
                ratios.append(risk / bound)
                telling.add(draw)
    assert len(ratios) > 250  # the bound says something of these
    assert len(telling) > 50  # and of more than half of the truths
    assert min(ratios) < 1.6  # and not much less than the truth


def test_read_literally_the_bound_fails_where_both_its_factors_are_negative():
    """Linear units, found exactly: risk 0, norm-only risk 4, c_1 = 8, c_2 = 2, and (4 - 8)(1 - 2) = 4."""
    truth = identity(4, 4, "linear")
    found = comparison(truth, truth)
    assert (found.risk.value, found.epsilon) == (0.0, 1.0)
    assert (found.theorem2.norm_only_risk, found.theorem2.c1, found.theorem2.c2) == pytest.approx((4, 8, 2))
    assert found.theorem2.holds
    assert found.theorem2.bound == 0.0


def test_a_comparison_has_all_side_by_side():
    rng = np.random.default_rng(0)
    truth = simplex_blocks(20, 21, "tanh", rng)
    estimate = equal_units(unit_rows(3, 20, rng), "tanh")
    found = comparison(truth, estimate)
    assert found.epsilon == pytest.approx(max(abs(w @ v) for w in truth.W for v in estimate.W), rel=1e-14)
    assert found.risk == population_risk(truth, estimate)
    assert found.theorem2 == theorem2(truth, found.epsilon, 3)
    assert found.theorem3 == theorem3(truth, estimate)
    assert 0 < found.theorem2.bound < found.risk.value
    X = rng.standard_normal((200_000, 20))
    y = truth(X)
    assert found.constant_risk == pytest.approx(y.var(), rel=0.02)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"W": 2 * np.eye(4)}, "(A1) the units of the estimate must have norm one, found one off by 1"),
        ({"a": [1, 1, 1, 0.5]}, "the output weights of the estimate must be 1, found 0.5"),
        ({"b": [0, 0, 0, 1.0]}, "the estimate must have no biases"),
        ({"polynomial": Polynomial(1.0)}, "the estimate must have no polynomial part"),
        ({"activation": "tanh"}, "the estimate has tanh units, the truth relu units"),
    ],
)
def test_what_is_not_a_network_of_the_paper_violates_its_hypotheses(change, complaint):
    truth = identity(4, 4, "relu")
    parts = {"a": np.ones(4), "W": np.eye(4), "b": None, "activation": "relu", "polynomial": None} | change
    found = comparison(truth, TwoLayerNetwork(**parts))
    assert found.theorem2.violations == (complaint,)
    assert not found.theorem2.holds


def test_theorem_3_finds_the_smallest_eta_that_an_estimate_shows():
    rng = np.random.default_rng(0)
    for name, R, size in ((CUBIC, 40, 0.2), (CUBIC, 38, 0.1), ("relu", 40, 0.1)):
        truth = centred_units(10, 40, name, rng)
        shift = size * rng.standard_normal((R, 10)) / np.sqrt(10)
        near = truth.W[:R] + shift
        estimate = equal_units(near / np.linalg.norm(near, axis=1, keepdims=True), name)
        found, risk = theorem3(truth, estimate), population_risk(truth, estimate).value
        assert found.third_order_correlation == pytest.approx(
            sum((w @ v) ** 3 for w in truth.W for v in estimate.W) / R, rel=1e-12
        )
        assert found.units_over_d_three_halves == pytest.approx(40 / 10**1.5)
        assert found.units_over_d_squared == pytest.approx(40 * np.log(10) ** 2 / 100)

        def bound(eta, found=found, R=R):
            return (found.baseline - 40 * eta) * (1 - R / 40 * eta)

        assert found.eta > 0
        assert bound(found.eta) == pytest.approx(risk, rel=1e-9)
        assert (bound(np.linspace(0, found.eta, 50)[:-1]) > risk).all()


def test_the_baseline_of_theorem_3_is_the_variance_only_without_a_second_order():
    rng = np.random.default_rng(1)
    cubic, relu = centred_units(6, 20, CUBIC, rng), centred_units(6, 20, "relu", rng)
    assert theorem3(cubic, cubic).has_no_second_order
    assert theorem3(cubic, cubic).baseline == pytest.approx(comparison(cubic, cubic).constant_risk)
    assert not theorem3(relu, relu).has_no_second_order
    assert theorem3(relu, relu).baseline == pytest.approx(quadratic_predictor(relu).risk.value)


def test_a_better_estimate_shows_a_larger_eta():
    truth = centred_units(8, 30, CUBIC, 0)
    rng = np.random.default_rng(1)
    noise = rng.standard_normal(truth.W.shape)
    etas = []
    for step in (0.0, 0.1, 0.3):
        W = truth.W + step * noise
        etas.append(theorem3(truth, equal_units(W / np.linalg.norm(W, axis=1, keepdims=True), CUBIC)).eta)
    assert etas[0] > etas[1] > etas[2] >= 0
    assert etas[0] == pytest.approx(min(1.0, comparison(truth, truth).constant_risk / 30))


@pytest.mark.parametrize(
    ("name", "order", "tensors"),
    [
        ("polynomial(0,1,0,1)", 3, (3,)),
        ("scaled(polynomial(0,1,0,1),2)", 3, (3,)),
        (CUBIC, 3, (3, 4)),
        ("polynomial(1,0,0,0,1)", 4, (4,)),
        ("quadratic", 3, (3, 4)),
        ("quadratic", 4, (4,)),
        ("polynomial(0,0,0,0,1)", 3, (3, 4)),
        ("linear", 4, (4, 5)),
    ],
)
def test_corollary_1_names_the_tensors_that_carry_the_activation(name, order, tensors):
    truth = simplex_blocks(9, 10, name, 0)
    found = corollary1(truth, order, 0.1, 2)
    assert found.tensors == tensors
    assert found.theorem2 == theorem2(truth, 0.1, 2)


@pytest.mark.parametrize(
    ("ask", "complaint"),
    [
        (lambda: corollary1(identity(3, 3, "relu"), 3, 0.1, 1), "the activation must be a polynomial, found relu"),
        (lambda: corollary1(identity(3, 3, "polynomial(0,0,0,0,0,1)"), 3, 0.1, 1), "degree 5: take order 4 at least"),
        (lambda: corollary1(identity(3, 3, "linear"), 2, 0.1, 1), "order must be an integer of at least 3"),
        (lambda: theorem2(identity(3, 3), -0.1, 1), "epsilon must be a finite number of at least 0"),
        (lambda: theorem2(identity(3, 3), 0.1, 0), "R must be an integer of at least 1"),
        (lambda: assumptions(np.zeros((0, 3))), "at least one row and one column"),
        (lambda: assumptions([[np.nan]]), "W must be finite"),
        (lambda: comparison(identity(3, 3), identity(4, 4)), "must have the same inputs"),
    ],
)
def test_what_the_theorems_do_not_speak_of_is_refused(ask, complaint):
    with pytest.raises(InputError, match=complaint):
        ask()
