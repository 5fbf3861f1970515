"""A box in its own units: what they are, that nothing is rounded by them, and that the network comes back."""

import numpy as np
import pytest

from twolayer import TwoLayerNetwork
from twolayer.extract import CallableBox
from twolayer.extract.querying import Oracle
from twolayer.extract.rounding import change_when_turned, rounding_of_rows
from twolayer.extract.standards import ExtractionStandards
from twolayer.extract.view import Units, View, ViewRules, own_lengths
from twolayer.extract.walks import Rows, Walk, cost_of_leaving_out
from twolayer.network import Polynomial

W = np.random.default_rng(0).standard_normal((4, 3))
B = np.array([0.5, -1.0, 0.2, 0.7])


def planted(activation="relu", units=1.0, level=0.3, size=1.0):
    return TwoLayerNetwork(size * np.array([1.0, -1.5, 0.7, 2.0]), W * units, B, activation, Polynomial(level))


def seen(function, rules=ViewRules(), dim=3):
    rng = np.random.default_rng(0)
    return View(Oracle(CallableBox(function, dim), 10**6, None, rng), rng, rules)


def lengths(function, dim=3, **rules):
    oracle = Oracle(CallableBox(function, dim), 10**6, None, np.random.default_rng(0))
    return own_lengths(oracle, ViewRules(**rules))


# --- lengths ---


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus", "squared_relu", "sine"])
def test_lengths_that_are_about_one_stay_one(activation):
    assert lengths(planted(activation)).tolist() == [1, 1, 1]


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus"])
def test_an_input_in_a_small_unit_has_a_great_length(activation):
    found = lengths(planted(activation, np.array([1.0, 1e-6, 1e6])))
    ratios = np.log10(found / found[0])
    np.testing.assert_allclose(ratios, [0, 6, -6], atol=1.5)
    assert np.array_equal(np.log2(found), np.round(np.log2(found)))


def test_a_bounded_box_has_a_length_and_a_growing_one_only_ratios():
    assert lengths(planted("tanh", 1e-5)).min() > 1e4
    assert lengths(planted("relu", 1e-5)).tolist() == [1, 1, 1]
    assert lengths(planted("tanh", 1e-2)).tolist() == [1, 1, 1]


def test_an_input_that_changes_nothing_has_the_length_of_the_others():
    found = lengths(planted("tanh", np.array([1e-6, 0.0, 1e-6])))
    assert found[0] <= found[1] <= found[2] or found[2] <= found[1] <= found[0]
    assert found.min() > 1e5


def test_a_constant_along_every_axis_has_no_lengths():
    assert lengths(lambda X: (X[:, 0] * X[:, 1] > 0) * 1.0, dim=2).tolist() == [1, 1]


def test_noise_is_no_length():
    """An input that does not count, with noise of 1e-7 that depends on it."""

    def box(X):
        noise = np.modf(np.abs(X[:, 1]) * 1.1e7)[0]
        return np.tanh(X[:, 0] + 0.3) + 1e-7 * noise

    assert lengths(box, dim=2).tolist() == [1, 1]


@pytest.mark.parametrize("share", [0.03, 0.3, 3.0])
def test_a_noisy_box_keeps_its_units(share):
    """Noise of the bits of a row, as large as anything that varies."""

    def box(X):
        mixed = (np.ascontiguousarray(X).view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)).sum(axis=1, dtype=np.uint64)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xC2B2AE3D27D4EB4F)
        return planted("tanh")(X) + share * ((mixed >> np.uint64(11)) / 2.0**53 - 0.5)

    assert lengths(box).tolist() == [1, 1, 1]


def test_the_axes_are_asked_as_far_as_the_box_answers():
    def box(X):
        if np.abs(X).max() > 1e9:
            raise ValueError("too far")
        return planted("tanh", np.array([1.0, 1e-6, 1.0]))(X)

    found = lengths(box)
    assert 1e4 < found[1] / found[0] < 1e8


# --- units ---


def test_a_view_rounds_nothing():
    truth = planted("relu", np.array([1.0, 1e-6, 1e6]), size=1e-12, level=0.0)
    view = seen(truth)
    Z = np.random.default_rng(1).standard_normal((100, 3))
    assert np.array_equal(view(Z) * view.units.size, truth(Z * view.units.lengths))
    assert 0.5 <= view.magnitude <= 2
    assert view.units.level == 0


def test_a_level_is_taken_away_where_it_hides_what_varies():
    assert seen(planted(level=1e6)).units.level == pytest.approx(1e6, abs=20)
    assert seen(planted(level=10.0)).units.level == 0


@pytest.mark.parametrize("level", [0.0, 1e6])
def test_rounding_is_that_of_the_answers_as_they_come(level):
    view = seen(planted(level=level))
    values = view(np.random.default_rng(1).standard_normal((1000, 3)))
    answers = values * view.units.size + view.units.level
    expected = np.finfo(float).eps * np.abs(answers).max() / view.units.size
    assert view.rounding(values) == pytest.approx(expected)


def test_float32_boxes_see_float32_rows():
    view = seen(lambda X: planted("relu", np.array([1.0, 1e-6, 1e6]))(X).astype(np.float32))
    Z = view.placed(np.random.default_rng(1).standard_normal((100, 3)))
    X = Z * view.units.lengths
    assert np.array_equal(X, X.astype(np.float32))


@pytest.mark.parametrize(
    "polynomial",
    [None, Polynomial(0.3), Polynomial(0.3, [1.0, 2.0, -1.0]), Polynomial(0.1, [1.0, 0.0, 0.0], np.eye(3))],
)
@pytest.mark.parametrize("level", [0.0, 5.0])
def test_the_network_comes_back_in_the_units_of_the_user(polynomial, level):
    own = TwoLayerNetwork([1.0, -2.0], W[:2], B[:2], "tanh", polynomial)
    units = Units(np.array([2.0, 1024.0, 0.25]), level, 8.0)
    X = np.random.default_rng(1).standard_normal((50, 3)) * units.lengths
    np.testing.assert_allclose(units.network(own)(X), level + 8 * own(X / units.lengths), rtol=1e-14)
    assert (units.network(own).polynomial is None) is (polynomial is None and not level)


# --- what rounding explains ---


def test_moving_an_argument_changes_a_steep_step_and_not_a_level_one():
    steep = TwoLayerNetwork([2.0], [[1e6]], [0.0], "tanh")
    X = np.array([[0.0], [1e-6], [1.0]])
    expected = [0.0, 2 * (np.tanh(1.0) - np.tanh(0.9)), 0.0]
    np.testing.assert_allclose(change_when_turned(steep, X, 0.1), expected, atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_what_leaving_out_a_unit_costs_is_what_least_squares_leaves(activation):
    network = planted(activation)
    X = np.random.default_rng(2).standard_normal((200, 3))
    columns = np.column_stack([network.activation(X @ network.W.T + network.b) * network.a, X, np.ones(200)])
    for unit, cost in enumerate(cost_of_leaving_out(network, Rows(X, network(X)))):
        others = np.delete(columns, unit, axis=1)
        left = columns[:, unit] - others @ np.linalg.lstsq(others, columns[:, unit], rcond=None)[0]
        assert cost == pytest.approx(np.sqrt(np.mean(left**2)), rel=1e-9)


def test_leaving_out_one_of_two_equal_units_costs_next_to_nothing():
    twice = TwoLayerNetwork([1.0, 0.5, 2.0], np.vstack([W[:1], W[:1], W[1:2]]), [0.5, 0.5, -1.0], "relu")
    X = np.random.default_rng(2).standard_normal((200, 3))
    cost = cost_of_leaving_out(twice, Rows(X, twice(X)))
    assert max(cost[:2]) > 0.1  # of a pair that is one column the pseudo-inverse shares the loss
    assert cost[2] > 0.1


def test_rows_are_explained_where_rounding_is_all_that_is_left():
    truth = planted("tanh")
    view = seen(truth)
    walk = Walk(view, np.random.default_rng(1))
    rows = walk.rows(500, 1.0)
    own = TwoLayerNetwork(
        truth.a / view.units.size, truth.W, truth.b, "tanh", Polynomial(truth.polynomial.constant / view.units.size)
    )
    assert walk.is_explained(rows, own)
    size = np.abs(rows.y).max()
    for roundings, is_explained in ((10, True), (100, False)):
        off = Polynomial(own.polynomial.constant + roundings * view.eps * size)
        assert walk.is_explained(rows, TwoLayerNetwork(own.a, own.W, own.b, "tanh", off)) is is_explained


def test_an_argument_is_moved_both_ways():
    ramp = TwoLayerNetwork([2.0, -1.0], [[1.0], [-1.0]], [0.0, 0.0], "relu")
    X = np.array([[1.0], [-1.0]])
    np.testing.assert_allclose(change_when_turned(ramp, X, 1.5), [2 * 1.5 + 0.5, 2 * 0.5 + 1.5])


def test_one_row_that_is_off_is_not_explained():
    truth = planted("tanh")
    view = seen(truth)
    walk = Walk(view, np.random.default_rng(1))
    rows = walk.rows(500, 1.0)
    own = TwoLayerNetwork(
        truth.a / view.units.size, truth.W, truth.b, "tanh", Polynomial(truth.polynomial.constant / view.units.size)
    )
    y = rows.y.copy()
    y[7] += 100 * view.eps * np.abs(y).max()
    assert not walk.is_explained(Rows(rows.X, y), own)


def test_the_arguments_of_a_quantised_box_are_not_quantised():
    steep = TwoLayerNetwork([1.0], [[1e3, 0.0, 0.0]], [1e3], "tanh", Polynomial(0.0))
    view = seen(lambda X: np.round(steep(X), 2))
    X = np.random.default_rng(1).standard_normal((1000, 3))
    y = view(X)
    expected = np.full(1000, view.rounding(y))
    np.testing.assert_allclose(rounding_of_rows(view, steep, X, y, ExtractionStandards()), expected)
