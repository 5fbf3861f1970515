"""How far two piecewise linear networks are apart on a box, with proof."""

from itertools import pairwise, product

import numpy as np
import pytest

from twolayer import InputError, TwoLayerNetwork
from twolayer.difference import Outcome, largest_difference
from twolayer.difference.bends import difference_of
from twolayer.difference.bounds import Region, pairs_of, upper_bound
from twolayer.network import Polynomial


def network(width, dim, seed, sigma="relu", **more):
    rng = np.random.default_rng(seed)
    W, b = rng.standard_normal((width, dim)), rng.uniform(-1, 1, width)
    return TwoLayerNetwork(rng.standard_normal(width), W, b, sigma, **more)


def turned_and_shuffled(truth, seed=0):
    """The same relu function: units scaled, in another order, some the other way round beside an affine part."""
    rng = np.random.default_rng(seed)
    order, scale = rng.permutation(truth.width), rng.uniform(0.5, 2, truth.width)
    turn = rng.choice([1.0, -1.0], truth.width)
    rows = np.column_stack([truth.W, truth.b])
    affine = (truth.a * (turn < 0)) @ rows  # relu(t) = relu(-t) + t
    rows = rows * (scale * turn)[:, None]
    polynomial = Polynomial(float(affine[-1]), affine[:-1])
    return TwoLayerNetwork((truth.a / scale)[order], rows[order, :-1], rows[order, -1], "relu", polynomial)


@pytest.mark.parametrize("sigma", ["relu", "leaky_relu(0.1)", "abs", "hardtanh", "linear"])
def test_the_sum_of_moduli_is_the_difference(sigma):
    first = network(4, 3, 0, sigma, polynomial=Polynomial(0.5, np.array([1.0, 2.0, -1.0])))
    second = network(3, 3, 1)
    bends = difference_of(first, second)
    X = np.random.default_rng(2).uniform(-3, 3, (50, 3))
    np.testing.assert_allclose([bends(x) for x in X], first(X) - second(X), atol=1e-12)


@pytest.mark.parametrize(("width", "dim"), [(1, 1), (5, 3), (30, 10), (50, 60)])
def test_one_function_written_in_two_ways_is_proved_equal(width, dim):
    truth = network(width, dim, 0)
    found = largest_difference(truth, turned_and_shuffled(truth), -1, 1)
    assert found.outcome is Outcome.EQUAL
    assert found.upper < 1e-9
    assert found.parts == 2


def vertices_of_arrangement(networks, low, high):
    """In the plane: all crossings of hyperplanes and the box's sides, among which a piecewise linear maximum is."""
    lines = [np.r_[w, b] for one in networks for w, b in zip(one.W, one.b, strict=True)]
    lines += [np.array([1.0, 0, -end]) for end in (low, high)] + [np.array([0, 1.0, -end]) for end in (low, high)]
    for first, second in product(lines, lines):
        A = np.array([first[:2], second[:2]])
        if abs(np.linalg.det(A)) > 1e-9:
            x = np.linalg.solve(A, -np.array([first[2], second[2]]))
            if np.all((x >= low - 1e-12) & (x <= high + 1e-12)):
                yield x


@pytest.mark.parametrize("seed", range(6))
def test_the_largest_difference_is_that_of_all_vertices(seed):
    first, second = network(4, 2, seed), network(3, 2, seed + 100)
    found = largest_difference(first, second, -1, 1)
    X = np.array(list(vertices_of_arrangement((first, second), -1, 1)))
    truth = np.abs(first(X) - second(X)).max()
    assert found.outcome is Outcome.DIFFERENT
    assert found.lower == pytest.approx(truth, rel=1e-9)
    assert found.lower <= found.upper <= found.lower * (1 + 2e-6)
    at = found.where[None]
    assert abs(first(at) - second(at))[0] == pytest.approx(found.lower, rel=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_no_point_is_above_the_bound_of_its_part(seed):
    first, second = network(5, 3, seed), network(5, 3, seed + 50)
    bends, region = difference_of(first, second), Region(np.full(3, -1.0), np.full(3, 1.0))
    X = np.random.default_rng(seed).uniform(-1, 1, (3000, 3))
    t = np.column_stack([X, np.ones(len(X))]) @ bends.theta.T
    side = np.zeros(len(bends.signs))
    bounds = []
    for unit in (0, 6, 2):
        part = np.all(t * side >= 0, axis=1)
        bound = upper_bound(bends, pairs_of(bends, region), region, side).upper
        bounds.append(bound)
        assert part.any()
        assert (first(X) - second(X))[part].max() <= bound
        side[unit] = np.sign(t[part].mean(axis=0)[unit])
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(bounds))


def test_a_part_that_is_empty_has_no_bound():
    bends = difference_of(TwoLayerNetwork([1.0], [[1.0]], [5.0]), TwoLayerNetwork([1.0], [[1.0]], [0.0]))
    region = Region(np.array([-1.0]), np.array([1.0]))
    assert upper_bound(bends, {}, region, np.array([-1.0, 0.0])).upper == -np.inf


def test_a_small_change_of_one_unit_is_measured():
    truth = network(20, 10, 0)
    a = truth.a.copy()
    a[3] += 1e-4
    other = TwoLayerNetwork(a, truth.W, truth.b)
    found = largest_difference(truth, other, -1, 1)
    largest = max(np.abs(truth.W[3]).sum() + truth.b[3], 0)  # of the ramp, at a corner of the box
    assert found.outcome is Outcome.DIFFERENT
    assert found.lower == pytest.approx(1e-4 * largest, rel=1e-6)
    assert largest_difference(truth, other, -1, 1, tolerance=1e-2).outcome is Outcome.EQUAL


def test_what_takes_too_long_is_not_decided():
    first, second = network(60, 20, 0), network(60, 20, 1)
    bounds = largest_difference(first, second, -1, 1, seconds=0.0)
    between = (bounds.lower + bounds.upper) / 2
    found = largest_difference(first, second, -1, 1, tolerance=between, seconds=0.0)
    assert found.outcome is Outcome.UNDECIDED
    assert found.lower < between < found.upper


def test_of_several_outputs_the_worst_counts():
    rng = np.random.default_rng(0)
    W, b, A = rng.standard_normal((4, 2)), rng.uniform(-1, 1, 4), rng.standard_normal((4, 3))
    B = A.copy()
    B[:, 1] *= 1.5
    found = largest_difference(TwoLayerNetwork(A, W, b), TwoLayerNetwork(B, W, b), -1, 1)
    one = largest_difference(TwoLayerNetwork(A[:, 1], W, b), TwoLayerNetwork(B[:, 1], W, b), -1, 1)
    assert found.lower == one.lower > 0
    assert found.upper == pytest.approx(one.upper, rel=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (network(2, 2, 0), network(2, 3, 0), "the networks must have the same inputs, found 2 and 3"),
        (network(2, 2, 0, "tanh"), network(2, 2, 0), "a proof needs piecewise linear units, such as relu, found tanh"),
        (network(2, 2, 0, "squared_relu"), network(2, 2, 0), "a proof needs piecewise linear units"),
    ],
)
def test_what_cannot_be_proved_is_refused(first, second, message):
    with pytest.raises(InputError, match=message):
        largest_difference(first, second, -1, 1)


@pytest.mark.parametrize("region", [(1, -1), (-np.inf, 1), (0, np.nan)])
def test_a_region_without_inside_is_refused(region):
    with pytest.raises(InputError, match="the region must"):
        largest_difference(network(2, 2, 0), network(2, 2, 0), *region)
