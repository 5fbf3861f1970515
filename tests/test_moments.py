"""Hermite moments against naive sums over placements, exact Gaussian designs, and the laws that hold on any data."""

from math import pi, sqrt

import numpy as np
import pytest
from scipy.sparse.linalg import eigsh

from moment_oracles import (
    DESIGNS,
    assert_equal_to_rounding,
    assert_exact,
    basis,
    data,
    naive_moment,
    orthonormal,
    outer,
    population,
    seen_through,
)
from oracles import hermite
from twolayer.errors import InputError
from twolayer.moments import (
    HermiteMoments,
    MomentOperator,
    controlled_moments,
    hermite_regression,
    moment_cube,
    moment_vector,
    weighted_gram,
)

designs = pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)


@designs
@pytest.mark.parametrize("j", range(5))
def test_each_moment_is_one_rank_one_term_per_unit(design, j):
    X, y, W, _ = design
    identity, V = np.eye(W.shape[1]), basis(W.shape[1], 2)
    assert_exact(HermiteMoments.from_blocks([(X, y)], 4).tensor(j), population(design, j, *[identity] * j), design)
    assert_exact(HermiteMoments.from_blocks([(X, y)], 4, V).tensor(j), population(design, j, *[V] * j), design)


@designs
@pytest.mark.parametrize("order", range(1, 8))
def test_each_contraction_is_one_term_per_unit(design, order):
    X, y, W, _ = design
    identity, V, alpha = np.eye(W.shape[1]), basis(W.shape[1], 2), np.linspace(0.4, -0.7, W.shape[1])
    expected = population(design, order, identity, *[alpha] * (order - 1))
    assert_exact(moment_vector(X, y, order, alpha), expected, design)
    if order >= 2:
        operator = MomentOperator(X, y, order, alpha)
        expected = population(design, order, V, V, *[alpha] * (order - 2))
        assert_exact(operator.restrict(V), expected, design)
        assert_exact(V.T @ (operator @ V), expected, design)
    if order >= 3:
        expected = population(design, order, V, V, V, *[alpha] * (order - 3))
        assert_exact(moment_cube(X, y, V, order, alpha), expected, design)


def test_order_three_is_blind_to_relu_and_order_four_is_not():
    design = DESIGNS["relu"]
    moments = HermiteMoments.from_blocks([design[:2]], 4)
    assert np.abs(moments.tensor(3)).max() < 1e-12
    assert np.abs(moments.tensor(4)).max() > 0.1


@pytest.mark.parametrize("j", range(5))
@pytest.mark.parametrize("k", [None, 1, 3, 6])
def test_moments_are_the_naive_means(j, k):
    X, y = data()
    V = None if k is None else basis(4, k)
    expected = seen_through(naive_moment(X, y, j), *[np.eye(4) if V is None else V] * j)
    actual = HermiteMoments.from_blocks([(X, y)], max(j, 1), V).tensor(j)
    assert_equal_to_rounding(actual, expected, size=1 + np.abs(expected).max())
    assert actual.shape == (k or 4,) * j


@pytest.mark.parametrize("order", range(1, 7))
def test_contractions_are_the_naive_means(order):
    X, y = data(101)
    alpha, V = np.array([0.5, -1.0, 2.0, 0.3]), basis()
    T, size = naive_moment(X, y, order), 10.0**order
    assert_equal_to_rounding(moment_vector(X, y, order, alpha), seen_through(T, *[alpha] * (order - 1)), size)
    if order >= 2:
        M, operator = seen_through(T, *[alpha] * (order - 2)), MomentOperator(X, y, order, alpha)
        assert operator.shape == (4, 4)
        assert_equal_to_rounding(operator.matmat(V), M @ V, size)
        assert_equal_to_rounding(operator @ V[:, 0], M @ V[:, 0], size)
        assert_equal_to_rounding(operator.T @ V, M @ V, size)
        assert_equal_to_rounding(operator.restrict(V), V.T @ M @ V, size)
    if order >= 3:
        expected = seen_through(seen_through(T, *[alpha] * (order - 3)), V, V, V)
        assert_equal_to_rounding(moment_cube(X, y, V, order, alpha), expected, size)


def test_lowest_orders_need_no_alpha():
    X, y = data()
    np.testing.assert_array_equal(moment_vector(X, y, 1), moment_vector(X, y, 1, np.ones(4)))
    np.testing.assert_array_equal(MomentOperator(X, y, 2) @ basis(), MomentOperator(X, y, 2, np.ones(4)) @ basis())
    np.testing.assert_array_equal(moment_cube(X, y, basis(), 3), moment_cube(X, y, basis(), 3, np.ones(4)))


def test_operator_serves_an_eigensolver_and_leaves_the_sample_alone():
    X, y = data()
    copies = X.copy(), y.copy()
    operator = MomentOperator(X, y, 4, np.ones(4))
    values = eigsh(operator, k=2, which="LM", v0=np.ones(4), return_eigenvectors=False)
    dense = np.linalg.eigvalsh(seen_through(naive_moment(X, y, 4), np.ones(4), np.ones(4)))
    assert_equal_to_rounding(np.sort(np.abs(values)), np.sort(np.abs(dense))[-2:])
    np.testing.assert_array_equal(X, copies[0])
    np.testing.assert_array_equal(y, copies[1])


@pytest.mark.parametrize("j", range(1, 5))
def test_along_a_unit_vector_the_moment_is_the_mean_of_a_polynomial(j):
    X, y = data()
    u = np.array([2.0, -1.0, 0.5, 1.0]) / 2.5
    tensor = HermiteMoments.from_blocks([(X, y)], j).tensor(j)
    assert_equal_to_rounding(seen_through(tensor, *[u] * j), np.mean(y * hermite(j, X @ u)), size=10.0)


@pytest.mark.parametrize("j", range(5))
def test_moments_turn_with_the_inputs_and_are_linear_in_the_labels(j):
    X, y = data()
    Q, other = orthonormal(4, 4), np.cos(X[:, 0])

    def tensor(X, y):
        return HermiteMoments.from_blocks([(X, y)], 4).tensor(j)

    assert_equal_to_rounding(tensor(X @ Q, y), seen_through(tensor(X, y), *[Q] * j), size=30.0)
    assert_equal_to_rounding(tensor(X, 2 * y - 3 * other), 2 * tensor(X, y) - 3 * tensor(X, other), size=30.0)


@pytest.mark.parametrize("j", [2, 3, 4])
def test_tensors_are_exactly_symmetric(j):
    X, y = data()
    for tensor in (HermiteMoments.from_blocks([(X, y)], j).tensor(j), controlled_moments([(X, y)], j).tensor(j)):
        np.testing.assert_array_equal(tensor, np.moveaxis(tensor, 0, -1))
        np.testing.assert_array_equal(tensor, np.swapaxes(tensor, 0, 1))
    cube = moment_cube(X, y, basis(), 4, np.ones(4))
    np.testing.assert_array_equal(cube, cube.transpose(2, 0, 1))
    np.testing.assert_array_equal(cube, cube.transpose(1, 0, 2))


@pytest.mark.parametrize("V", [None, basis()], ids=["whole space", "subspace"])
def test_merged_parts_are_the_whole_in_any_order_and_grouping(V):
    X, y = data(900)
    parts = [HermiteMoments.from_blocks([(X[cut], y[cut])], 4, V) for cut in np.split(np.arange(900), [100, 457])]
    whole = HermiteMoments.from_blocks([(X, y)], 4, V)
    left = parts[0].merge(parts[1]).merge(parts[2])
    right = parts[2].merge(parts[1].merge(parts[0]))
    streamed = HermiteMoments.from_blocks(((X[s : s + 7], y[s : s + 7]) for s in range(0, 900, 7)), 4, V)
    shuffled = HermiteMoments.from_blocks([(X[s : s + 90], y[s : s + 90]) for s in range(810, -1, -90)], 4, V)
    assert left.count == streamed.count == whole.count == 900
    for j in range(5):
        for moments in (left, right, streamed, shuffled):
            assert_equal_to_rounding(moments.tensor(j), whole.tensor(j), size=30.0)


@pytest.mark.parametrize("j", range(5))
def test_noise_is_half_the_distance_of_the_halves(j):
    X, y = data(401)
    V = basis()
    halves = [seen_through(naive_moment(X[rows], y[rows], j), *[V] * j) for rows in (np.s_[0::2], np.s_[1::2])]
    difference = (halves[0] - halves[1]).reshape(3 ** (j // 2), -1)
    expected = np.linalg.norm(difference, 2) / 2
    assert HermiteMoments.from_blocks([(X, y)], 4, V).noise(j) == pytest.approx(expected, rel=1e-11)


def test_noise_has_the_size_of_the_error():
    rng, u, repeats = np.random.default_rng(3), np.array([0.6, 0.0, 0.8]), 150
    truth = [1 / sqrt(2 * pi) * outer([u, u]), -1 / sqrt(2 * pi) * outer([u] * 4)]
    errors, noises = np.zeros((repeats, 2)), np.zeros((repeats, 2))
    for i in range(repeats):
        X = rng.standard_normal((500, 3))
        moments = HermiteMoments.from_blocks([(X, np.maximum(X @ u, 0))], 4)
        errors[i] = [
            np.linalg.norm((moments.tensor(j) - T).reshape(3 ** (j // 2), -1), 2)
            for j, T in zip((2, 4), truth, strict=True)
        ]
        noises[i] = [moments.noise(2), moments.noise(4)]
    ratio = noises.mean(axis=0) / errors.mean(axis=0)
    spread = np.hypot(noises.std(axis=0) / noises.mean(axis=0), errors.std(axis=0) / errors.mean(axis=0)) / sqrt(
        repeats
    )
    assert (spread < 0.1).all()
    assert (abs(ratio - 1) < 4 * spread).all()


def test_noise_of_a_single_row_is_infinite():
    X, y = data(1)
    assert HermiteMoments.from_blocks([(X, y)]).noise(2) == np.inf


X0, Y0 = data(30)
BAD = {
    "X must have two dimensions": lambda: weighted_gram(Y0, Y0),
    "y must have one dimension": lambda: weighted_gram(X0, X0),
    "same number of rows, found 30 and 29": lambda: weighted_gram(X0, Y0[:-1]),
    "X must hold real numbers": lambda: weighted_gram(X0 + 1j, Y0),
    "must be finite": lambda: weighted_gram(np.where(X0 > 1, np.inf, X0), Y0),
    "workers must be": lambda: weighted_gram(X0, Y0, workers=0),
    "at least one row is needed": lambda: HermiteMoments.from_blocks([(X0[:0], Y0[:0])]),
    "at least one block of rows is needed": lambda: HermiteMoments.from_blocks([]),
    "as many columns, found 4 and 3": lambda: HermiteMoments.from_blocks([(X0, Y0), (X0[:, :3], Y0)]),
    "order must be an integer from 0 to 4, found 5": lambda: HermiteMoments.from_blocks([(X0, Y0)], 5),
    r"V must have shape \(4, k\), a row for each column of X, found \(3, 3\)": lambda: HermiteMoments.from_blocks(
        [(X0, Y0)], 2, np.eye(3)
    ),
    "orders 0 to 2 are held, order 3 is not": lambda: HermiteMoments.from_blocks([(X0, Y0)]).tensor(3),
    "found orders 2 and 3": lambda: HermiteMoments.from_blocks([(X0, Y0)]).merge(
        HermiteMoments.from_blocks([(X0, Y0)], 3)
    ),
    "same order and V": lambda: HermiteMoments.from_blocks([(X0, Y0)], 2, np.eye(4)).merge(
        HermiteMoments.from_blocks([(X0, Y0)], 2, -np.eye(4))
    ),
    "order must be .* at least 2, found 1": lambda: MomentOperator(X0, Y0, 1),
    "order 3 needs alpha for its last 1 places": lambda: MomentOperator(X0, Y0, 3),
    "alpha must have length 4": lambda: moment_vector(X0, Y0, 2, np.ones(3)),
    "order must be .* at least 3, found 2": lambda: moment_cube(X0, Y0, np.eye(4), 2),
    "degree must be an integer from 0 to 4": lambda: hermite_regression([(X0, Y0)], 5),
    "has 35 coefficients and needs as many rows, found 30": lambda: hermite_regression([(X0, Y0)], 3),
    "but at most 2048 can be fitted": lambda: hermite_regression([(np.ones((9, 30)), np.ones(9))], 3),
    "orthonormal columns": lambda: hermite_regression([(X0, Y0)], 1, 2 * np.eye(4)),
    "found an iterator": lambda: controlled_moments(iter([(X0, Y0)]), 2),
    "order must be an integer from 1 to 4": lambda: controlled_moments([(X0, Y0)], 0),
    "degree must be 1 or 2": lambda: controlled_moments([(X0, Y0)], 2, degree=3),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_named(message):
    with pytest.raises(InputError, match=message):
        BAD[message]()
