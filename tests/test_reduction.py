"""Networks reduced to the least that are the same function; proofs checked by code that shares nothing with them."""

from fractions import Fraction

import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from black_boxes import trained
from networks import SPECS
from twolayer import InputError, TwoLayerNetwork, reduce
from twolayer.activation import activation
from twolayer.network import Polynomial

# Those whose least width is known, and how their units may be hidden.
KNOWN = [
    *("relu", "leaky_relu(0.1)", "abs", "squared_relu", "tanh", "sigmoid", "erf", "softplus", "gelu", "silu"),
    *("elu(1)", "selu", "softsign", "sine", "scaled(tanh,2.5)", "scaled(relu,3)"),
]


def hidden(sigma, rng):
    """A network of some units that need each other, and the same function with many more units, shuffled."""
    d, m, q = int(rng.integers(1, 6)), int(rng.integers(0, 7)), int(rng.choice([1, 1, 2, 3]))
    A, W, b = rng.standard_normal((m, q)), rng.standard_normal((m, d)), rng.standard_normal(m)
    constant, linear, quadratic = rng.standard_normal(q), np.zeros((d, q)), np.zeros((d, d, q))
    law, degree = sigma.reflection, sigma.degree or 0
    rows = [list(unit) for unit in zip(A, W, b, strict=True)]
    more = []

    def turned(a, w, c):
        """The same unit the other way round, and what is left taken off the polynomial."""
        nonlocal constant, linear, quadratic
        p = [*law.polynomial, 0, 0, 0][:3]
        # a σ(t) = s a σ(-t) + a p(-t), t = w·x + c
        constant = constant + a * (p[0] - p[1] * c + p[2] * c * c)
        linear = linear + np.outer(w, a) * (-p[1] + 2 * p[2] * c)
        quadratic = quadratic + p[2] * np.multiply.outer(np.outer(w, w), a)
        return law.sign * a, -w, -c

    def stretched(a, w, c):
        s = 2.0 ** rng.integers(-3, 4) if degree else 1.0
        return a / s**degree, w * s, c * s

    def another(a, w, c):
        unit = stretched(a, w, c)
        return turned(*unit) if law.sign and rng.random() < 0.5 else unit

    for unit in rows:  # twins and antipodes: the outer weights in parts
        for _ in range(int(rng.integers(0, 3))):
            part = rng.uniform(-1, 1) * unit[0]
            more.append(another(part, unit[1], unit[2]))
            unit[0] = unit[0] - part
    for _ in range(int(rng.integers(0, 3))):  # units whose signed sum is zero
        w, c, parts = rng.standard_normal(d), rng.standard_normal(), rng.integers(-8, 9, (3, q)) / 4.0
        more += [another(part, w, c) for part in (*parts, -parts.sum(axis=0))]
    for _ in range(int(rng.integers(0, 3))):
        more.append((np.zeros(q), rng.standard_normal(d), rng.standard_normal()))
    for _ in range(int(rng.integers(0, 3))):
        a, c = rng.standard_normal(q), rng.standard_normal()
        constant = constant - a * float(sigma(c))
        more.append((a, np.zeros(d), c))
    units = [*rows, *more]
    order = rng.permutation(len(units))
    arrays = [np.array([units[i][k] for i in order]) for k in range(3)]
    degree_left = 2 if quadratic.any() else 1
    parts = [constant, linear, quadratic][: degree_left + 1]
    parts = [part[..., 0] if q == 1 else part for part in parts]
    shapes = [(len(units), q), (len(units), d), (len(units),)]
    written = TwoLayerNetwork(
        *(array.reshape(shape) for array, shape in zip(arrays, shapes, strict=True)), sigma, Polynomial(*parts)
    )
    return TwoLayerNetwork(A, W, b, sigma), written


def assert_proved(reduction, rtol=1e-9):
    """The proof, step by step, by its words: each unit stays or goes once, and each rule's condition holds."""
    old, sigma = reduction.original, reduction.original.activation
    gone = [removal.unit for removal in reduction.removals]
    assert sorted([*gone, *reduction.kept]) == list(range(old.width))
    assert len(reduction.kept) == reduction.network.width
    joined = {}
    for removal in reduction.removals:
        w, c, a = old.W[removal.unit], old.b[removal.unit], old.A[removal.unit]
        if removal.rule == "dead":
            assert not a.any()
        elif removal.rule == "constant":
            assert not w.any()
        elif removal.rule in ("twin", "antipode"):
            sign = 1 if removal.rule == "twin" else -1
            v, e = sign * old.W[removal.into], sign * old.b[removal.into]
            s = np.linalg.norm(w) / np.linalg.norm(v) if sigma.degree else 1.0
            np.testing.assert_allclose([*w, c], [*(s * v), s * e], rtol=rtol, atol=rtol * np.abs(w).max())
            weight = a * s ** (sigma.degree or 0) * (1 if sign > 0 else sigma.reflection.sign)
            joined.setdefault(removal.into, []).append(weight)
        elif removal.rule == "phase":
            v = old.W[removal.into]
            assert min(np.abs(w - v).max(), np.abs(w + v).max()) <= rtol * np.abs(w).max()
        else:
            assert removal.rule == "cancelled"
            if not sigma.antiperiod:
                parts = [old.A[removal.unit], *joined[removal.unit]]
                assert np.abs(np.sum(parts, axis=0)).max() <= rtol * np.abs(parts).sum()
    for place, unit in enumerate(reduction.kept):
        if not sigma.antiperiod:
            np.testing.assert_array_equal(reduction.network.W[place], old.W[unit])
            total = np.sum([old.A[unit], *joined.get(unit, [])], axis=0)
            np.testing.assert_allclose(reduction.network.A[place], total, rtol=1e-9, atol=1e-12)
    X = np.random.default_rng(0).standard_normal((60, old.dim)) * np.repeat([0.3, 1, 3], 20)[:, None]
    terms = np.abs(sigma(X @ old.W.T + old.b)) @ np.abs(old.A) + 1
    assert (np.abs(reduction.network(X) - old(X)).reshape(len(X), -1) <= rtol * terms).all()


def planted_case(case):
    rng = np.random.default_rng(case)
    sigma = activation(KNOWN[case % len(KNOWN)])
    least, written = hidden(sigma, rng)
    reduction = reduce(written)
    assert reduction.network.width == least.width
    assert reduction.is_minimal
    assert_proved(reduction)


@pytest.mark.parametrize("case", range(4 * len(KNOWN)))
def test_a_network_with_hidden_units_comes_back_as_the_least(case):
    planted_case(case)


def test_a_thousand_networks_of_a_thousand_come_back_as_the_least():
    for case in range(1000):
        planted_case(case)


@pytest.mark.parametrize("spec", SPECS)
def test_a_network_that_needs_its_units_keeps_them(spec):
    rng = np.random.default_rng(0)
    network = TwoLayerNetwork(rng.standard_normal(5), rng.standard_normal((5, 3)), rng.standard_normal(5), spec)
    found = reduce(network)
    if spec in ("linear", "quadratic", "polynomial(0.3,-1,0.7)", "polynomial(1,0,2)"):
        assert found.network.width == 0
    else:
        assert found.network == network
        assert not found.removals
    X = rng.standard_normal((20, 3))
    np.testing.assert_allclose(found.network(X), network(X), rtol=1e-12, atol=1e-12)
    unknown = ("gelu_tanh", "hardtanh", "hardswish", "mish", "polynomial(0,1,0,0.5)", "polynomial(0.3,-1,0.7,0.5)")
    assert found.is_minimal == (spec not in unknown)
    assert spec not in unknown or "no theorem is known here" in found.reason


def test_rows_that_are_nearly_the_same_are_not_one():
    network = TwoLayerNetwork([1.0, 1.0], [[1.0, 2.0], [1.0, 2.0 + 1e-9]], activation="tanh")
    assert reduce(network).network.width == 2
    assert reduce(network, rtol=1e-8).network.width == 1


def test_sines_of_one_frequency_are_one_sine_or_two_where_outputs_differ_in_phase():
    b = [0.1, 1.0, 2.0, -0.5]
    W = [[1.0, 2.0]] * 3 + [[-1.0, -2.0]]
    one = reduce(TwoLayerNetwork([1.0, 2.0, -1.0, 0.5], W, b, "sine"))
    assert one.network.width == 1
    assert_proved(one)
    rng = np.random.default_rng(0)
    two = reduce(TwoLayerNetwork(rng.standard_normal((4, 3)), W, b, "sine"))
    assert two.network.width == 2
    assert_proved(two)


def test_waves_that_cancel_leave_nothing():
    network = TwoLayerNetwork([1.0, 1.0], [[1.0], [1.0]], [0.0, np.pi], "sine")
    assert reduce(network).network.width == 0


def test_the_summary_says_how_many_units_went_by_which_rule():
    network = TwoLayerNetwork([1, 2, 3, 0], [[1, 0], [2, 0], [-1, 0], [1, 1]], activation="relu")
    text = reduce(network).summary()
    assert text.startswith("4 units became 1\n")
    for words in ("1 dead: its outer weight is zero", "1 twin", "1 antipode", "Minimal: units bend at different"):
        assert words in text
    assert str(reduce(network).removals[1]).startswith("unit 1: twin (of unit 0), its row is that of another unit")
    assert reduce(network).to_dict()["removals"][0] == {"rule": "dead", "unit": 3, "into": None}


# ---------------------------------------------------------------------------------------------------------------- boxes


def exact_range(w, b, low, high):
    corners = [[Fraction(float(x)) * Fraction(float(v)) for x in ends] for v, *ends in zip(w, low, high, strict=True)]
    return Fraction(b) + sum(map(min, corners)), Fraction(b) + sum(map(max, corners))


BENT = ["relu", "leaky_relu(0.1)", "abs", "squared_relu", "hardtanh", "hardswish", "elu(1)"]


@pytest.mark.parametrize("spec", BENT)
@pytest.mark.parametrize("seed", range(8))
def test_on_a_box_units_of_one_piece_join_the_polynomial_and_the_others_stay(spec, seed):
    rng = np.random.default_rng(seed)
    d, m = int(rng.integers(1, 6)), 40
    low = rng.standard_normal(d)
    high = low + rng.uniform(0.1, 2, d)
    network = TwoLayerNetwork(
        rng.standard_normal((m, 2)), rng.standard_normal((m, d)), 2 * rng.standard_normal(m), spec
    )
    found = reduce(network, box=(low, high))
    X = np.vstack([rng.uniform(low, high, (300, d)), np.where(rng.random((200, d)) < 0.5, low, high)])
    np.testing.assert_allclose(found.network(X), network(X), rtol=1e-11, atol=1e-11)
    ends = sorted({float(kink) for kink in network.activation.kinks})
    for unit in range(m):
        least, most = exact_range(network.W[unit], network.b[unit], low, high)
        is_split = any(least < kink < most for kink in ends) or (spec == "elu(1)" and least < 0)
        assert (unit in found.kept) == is_split
    assert 0 < found.network.width < m
    rules = {removal.rule for removal in found.removals}
    assert rules <= {"active", "inactive"}
    assert found.is_minimal == (spec in ("relu", "leaky_relu(0.1)", "abs", "squared_relu"))


def test_a_bound_that_is_met_exactly_counts():
    """Images have inputs from 0 to 1, and a unit without bias and negative weight is never on."""
    network = TwoLayerNetwork([1.0, 2.0, 3.0], [[1.0, 2.0], [-1.0, -0.1], [0.1, 0.2]], [0.0, 0.0, -0.3], "relu")
    found = reduce(network, box=(0, 1))
    assert [removal.rule for removal in found.removals] == ["active", "inactive"]
    # 0.1 + 0.2 is above 0.3 in numbers of the machine, by less than its rounding: the unit stays
    assert found.kept == (2,)


def test_what_was_one_on_the_box_only_is_told_from_the_rest():
    network = TwoLayerNetwork([1.0, 1.0], [[1.0], [1.0]], [5.0, 0.0], "relu")
    assert reduce(network).network.width == 2
    found = reduce(network, box=(-1, 1))
    assert found.network.width == 1
    assert "on the box" in found.summary()


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((1, 0), "a box must have an inside: input 0 is to be from 1 to 0"),
        ((0, [1, 2]), "a bound of the box is one number, or 3"),
        ((0, np.inf), "finite bounds"),
        (3, "a box is a pair"),
        ((0, "a"), "must hold real numbers"),
    ],
)
def test_a_box_that_is_none_is_refused(box, words):
    with pytest.raises(InputError, match=words):
        reduce(TwoLayerNetwork([1.0], [[1.0, 2.0, 3.0]]), box=box)


# ----------------------------------------------------------------------------------------------------------------- data


def test_on_data_the_curve_falls_with_the_width_and_the_tolerance_is_kept():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 3))
    core = TwoLayerNetwork([1.0, -2.0, 1.5], rng.standard_normal((3, 3)), rng.standard_normal(3), "tanh")
    small = TwoLayerNetwork(1e-3 * rng.standard_normal(9), rng.standard_normal((9, 3)), rng.standard_normal(9), "tanh")
    network = TwoLayerNetwork(np.r_[core.a, small.a], np.r_[core.W, small.W], np.r_[core.b, small.b], "tanh")
    found = reduce(network, data=X, tolerance=0.005)
    assert found.network.width <= 3
    y = network(X)
    assert np.sqrt(np.mean((found.network(X) - y) ** 2)) <= 0.005 * y.std()
    assert not found.is_minimal
    errors = [point.error for point in found.curve]
    assert [point.width for point in found.curve] == sorted((point.width for point in found.curve), reverse=True)
    assert errors[0] < 1e-8 < errors[-1]
    fresh = rng.standard_normal((300, 3))
    assert np.sqrt(np.mean((found.network(fresh) - network(fresh)) ** 2)) <= 0.02 * y.std()


def test_a_tolerance_of_nothing_keeps_the_network():
    rng = np.random.default_rng(0)
    network = TwoLayerNetwork([1.0, -2.0], rng.standard_normal((2, 3)), [0.1, 0.2], "tanh")
    found = reduce(network, data=rng.standard_normal((50, 3)), tolerance=0.0)
    assert found.network == network


@pytest.mark.slow
def test_a_network_trained_at_two_hundred_units_is_reduced_on_its_data():
    network = trained(200, "relu", max_iter=400)
    X = load_diabetes().data
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    found = reduce(network, data=X, tolerance=0.05)
    y = network(X)
    assert np.sqrt(np.mean((found.network(X) - y) ** 2)) <= 0.05 * y.std()
    assert found.network.width < 150
    errors = [point.error for point in found.curve]
    assert errors[0] < 1e-6 < errors[-1]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"data": np.ones((3, 2)), "box": (0, 1)}, "give a box or data, not both"),
        ({"tolerance": 0.1}, "a tolerance is of data"),
        ({"data": np.ones((3, 2)), "tolerance": -1.0}, "tolerance must be a finite number of at least 0"),
        ({"data": np.ones((3, 4))}, "data must have 2 columns, found 4"),
        ({"data": np.ones((0, 2))}, "data must have a row"),
        ({"data": [[1.0, np.nan]]}, "data must be finite, found nan at row 0, column 1"),
        ({"rtol": np.nan}, "rtol must be a finite number"),
    ],
)
def test_bad_input_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        reduce(TwoLayerNetwork([1.0], [[1.0, 2.0]]), **options)
