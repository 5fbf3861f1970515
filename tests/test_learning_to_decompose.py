"""Labels made from tensors are those of the network, and learners and decomposers take each other's place."""

import numpy as np
import pytest

from twolayer.align import recovery_error
from twolayer.decompose import decompose
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.mondelli2019connection.learning_to_decompose import (
    decompose_by_learning,
    labels,
    learn_by_decomposing,
)
from twolayer.recover import recover
from twolayer.symtensor import rank_one_sum
from twolayer.teachers import centred_units

CUBE = "polynomial(0,0,0,1)"
FULL = "polynomial(0.3,1,0.5,0.4,0.1)"


def power_sums(W, *orders):
    return [rank_one_sum(np.ones(len(W)), W, order) for order in orders]


def unit_rows(m, d, seed):
    W = np.random.default_rng(seed).standard_normal((m, d))
    return W / np.linalg.norm(W, axis=1, keepdims=True)


def equal_units(m, d, name, seed=1):
    return TwoLayerNetwork(np.ones(m), unit_rows(m, d, seed), activation=name)


def learner(X, y, width, sigma):
    return recover(X, y, width, sigma, rng=0).network


def decomposer(tensors, width):
    return decompose(tensors[0], width, rng=0).factors


def distance(rows, others):
    """Largest distance of a row from its partner, signs and all."""
    assert rows.shape == others.shape
    nearest = np.argmax(rows @ others.T, axis=1)
    assert sorted(nearest) == list(range(len(rows)))
    return np.linalg.norm(rows - others[nearest], axis=1).max()


@pytest.mark.parametrize(
    ("orders", "name"),
    [
        ((3,), CUBE),
        ((3,), "linear"),
        ((3,), "polynomial(0,2,0,-1)"),
        ((3,), "polynomial(0.7,2,0,-1)"),
        ((3,), "scaled(polynomial(0,2,0,-1),1.5)"),
        ((4,), "polynomial(0.5,0,-1,0,2)"),
        ((4,), "quadratic"),
        ((5,), "polynomial(0,1,0,0,0,0.3)"),
        ((6,), "polynomial(1,0,0,0,0.5,0,0.1)"),
        ((3, 4), FULL),
        ((4, 3), FULL),
        ((3, 4), "polynomial(2,0,0,1)"),
        ((4, 5), "polynomial(0.1,0.2,0.3,0.4,0.5,0.6)"),
    ],
)
def test_labels_from_tensors_are_those_of_the_network_at_any_points(orders, name):
    W = unit_rows(9, 4, 0)
    X = np.random.default_rng(1).uniform(-3, 2, (50, 4))
    y = labels(power_sums(W, *orders), X, name, width=9)
    expected = TwoLayerNetwork(np.ones(9), W, activation=name)(X)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())


def test_many_points_are_labelled_in_blocks():
    W = unit_rows(3, 40, 0)
    X = np.random.default_rng(1).standard_normal((1500, 40))
    expected = TwoLayerNetwork(np.ones(3), W, activation=CUBE)(X)
    np.testing.assert_allclose(labels(power_sums(W, 3), X), expected, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("orders", "name"), [((3,), CUBE), ((3,), "polynomial(0.5,1,0,1)"), ((3, 4), FULL), ((3, 4), "polynomial(0,1,1,1)")]
)
def test_a_learner_of_networks_decomposes_tensors(orders, name):
    """It sees points and labels made from the tensors, and nothing else."""
    W = centred_units(10, 8, rng=1).W
    found = decompose_by_learning(power_sums(W, *orders), 8, learner, name, rng=0)
    assert distance(found.factors, W) < 1e-8
    assert found.residual < 1e-8


def test_a_learner_decomposes_more_terms_than_dimensions():
    W = centred_units(6, 10, rng=1).W
    found = decompose_by_learning(power_sums(W, 3, 4), 10, learner, FULL, rng=0)
    assert distance(found.factors, W) < 1e-8


def test_the_learner_is_given_what_was_asked_for():
    W, seen = unit_rows(4, 5, 0), {}

    def watching(X, y, width, sigma):
        seen.update(X=X, y=y, width=width, sigma=sigma)
        return TwoLayerNetwork(np.ones(4), W, activation=sigma)

    found = decompose_by_learning(power_sums(W, 3), 4, watching, CUBE, n=77, rng=3)
    assert seen["X"].shape == (77, 5)
    assert (seen["X"] == np.random.default_rng(3).standard_normal((77, 5))).all()
    np.testing.assert_allclose(seen["y"], TwoLayerNetwork(np.ones(4), W, activation=CUBE)(seen["X"]), rtol=1e-11)
    assert (seen["width"], seen["sigma"].name) == (4, CUBE)
    assert found.residual < 1e-14
    decompose_by_learning(power_sums(W, 3), 4, watching)
    assert len(seen["X"]) == 10 * 4 * 5


@pytest.mark.parametrize(
    ("orders", "name"), [((3,), CUBE), ((4,), "polynomial(0,0,0,0,1)"), ((3, 4), "polynomial(0,0,0,1,1)")]
)
def test_by_default_every_tensor_has_a_say_in_the_labels(orders, name):
    W = unit_rows(4, 5, 0)
    tensors = power_sums(W, *orders)
    expected = TwoLayerNetwork(np.ones(4), W, activation=name)
    np.testing.assert_allclose(labels(tensors, np.eye(5)), expected(np.eye(5)), rtol=1e-12, atol=1e-14)
    asked = []

    def watching(X, y, width, sigma):
        asked.append(sigma.name)
        np.testing.assert_allclose(y, expected(X), rtol=1e-10, atol=1e-10)
        return expected

    decompose_by_learning(tensors, 4, watching, rng=0)
    assert asked == [name]


def test_components_have_norm_one_and_the_signs_of_the_tensor():
    """A learner may write a(w·x)³ with any a, and of either sign."""
    W = unit_rows(4, 5, 0)
    scale = np.array([-2.0, 0.5, -1.0, 3.0])

    def other(X, y, width, sigma):
        return TwoLayerNetwork(np.r_[scale**-3, 0.0], np.vstack([scale[:, None] * W, np.zeros(5)]), activation=sigma)

    found = decompose_by_learning(power_sums(W, 3), 4, other)
    np.testing.assert_allclose(found.factors, W, atol=1e-14)
    even = decompose_by_learning(power_sums(W, 4), 4, other, "polynomial(0,0,0,0,1)")
    largest = np.abs(W).argmax(axis=1)
    np.testing.assert_allclose(even.factors, W * np.sign(W[np.arange(4), largest])[:, None], atol=1e-14)
    assert even.residual < 1e-14


def test_a_learner_that_fails_leaves_a_residual():
    W = unit_rows(4, 5, 0)
    found = decompose_by_learning(power_sums(W, 3, 4), 4, lambda *_: equal_units(4, 5, FULL, seed=9), FULL)
    differences = [
        np.linalg.norm(T - rank_one_sum(np.ones(4), found.factors, T.ndim)) / np.linalg.norm(T)
        for T in power_sums(W, 3, 4)
    ]
    assert found.residual == pytest.approx(max(differences), rel=1e-12)
    assert found.residual > 0.5


@pytest.mark.parametrize("name", [CUBE, "polynomial(0.5,1,0,1)", FULL, "polynomial(0,1,1,1)", "polynomial(1,0,1,0,1)"])
def test_a_decomposer_of_tensors_learns_networks_from_any_points(name):
    teacher = equal_units(4, 5, name)
    X = np.random.default_rng(0).uniform(-2, 1, (200, 5))
    network = learn_by_decomposing(X, teacher(X), 4, decomposer, name)
    assert recovery_error(network, teacher) < 1e-8
    np.testing.assert_array_equal(network.a, 1.0)


def test_the_decomposer_is_given_the_tensors_of_the_network():
    teacher, seen = centred_units(4, 6, FULL, rng=1), []

    def watching(tensors, width):
        seen.extend([*tensors, width])
        return teacher.W

    X = np.random.default_rng(0).standard_normal((100, 4))
    learn_by_decomposing(X, teacher(X), 6, watching, FULL)
    fourth, third, width = seen
    np.testing.assert_allclose(fourth, power_sums(teacher.W, 4)[0], atol=1e-10)
    np.testing.assert_allclose(third, power_sums(teacher.W, 3)[0], atol=1e-10)
    assert width == 6


@pytest.mark.parametrize("name", ["polynomial(0,1,0,0,1)", CUBE])
def test_a_decomposer_may_return_components_of_either_sign(name):
    """Through t + t⁴ the signs follow from a vector, through t³ from a tensor."""
    teacher = equal_units(4, 5, name)
    X = np.random.default_rng(0).standard_normal((200, 5))
    network = learn_by_decomposing(X, teacher(X), 4, lambda *_: np.array([[1], [-1], [-1], [1]]) * teacher.W, name)
    np.testing.assert_allclose(network.W, teacher.W, atol=1e-12)


@pytest.mark.parametrize("W", [unit_rows(6, 4, 0), unit_rows(3, 2, 0) @ np.eye(2, 4)], ids=["many", "in a plane"])
def test_signs_that_do_not_follow_from_the_tensors_are_refused(W):
    """More units than inputs, or dependent ones, have one sum with many choices of sign as far as a solve can tell."""
    teacher = TwoLayerNetwork(np.ones(len(W)), W, activation="polynomial(0,1,0,0,1)")
    X = np.random.default_rng(0).standard_normal((200, 4))
    complaint = (
        f"signs of {len(W)} components follow from the tensor of order 1 .* found rank {np.linalg.matrix_rank(W)}"
    )
    with pytest.raises(InputError, match=complaint):
        learn_by_decomposing(X, teacher(X), len(W), lambda *_: -W, teacher.activation)


def test_the_two_reductions_undo_each_other():
    """Learn by a decomposer that itself decomposes by a learner."""
    teacher = equal_units(4, 5, CUBE)
    X = np.random.default_rng(0).standard_normal((100, 5))

    def through_a_learner(tensors, width):
        return decompose_by_learning(tensors, width, learner, CUBE, rng=1).factors

    assert recovery_error(learn_by_decomposing(X, teacher(X), 4, through_a_learner, CUBE), teacher) < 1e-8


W3 = unit_rows(3, 4, 0)
T3, T4, T5 = power_sums(W3, 3, 4, 5)
POINTS = np.random.default_rng(0).standard_normal((60, 4))


@pytest.mark.parametrize(
    ("ask", "complaint"),
    [
        (lambda: labels([T3], POINTS, "relu"), "must be a polynomial, found relu"),
        (lambda: labels([T3], POINTS, "quadratic"), "order 3 alone carries odd polynomials, found quadratic"),
        (lambda: labels([T4], POINTS, CUBE), "order 4 alone carries even polynomials, found polynomial"),
        (lambda: labels([T4], POINTS, "linear"), "order 4 alone carries even polynomials, found linear"),
        (lambda: labels([T3], POINTS, FULL), "order up to 3 carry polynomials of degree up to 3"),
        (lambda: labels([T3, T4], POINTS, "polynomial(0,0,0,0,0,1)"), "carry polynomials of degree up to 4"),
        (lambda: labels([T3], POINTS, "polynomial(1,0,0,1)"), "width, which the constant of the activation needs"),
        (lambda: labels([T3, T5], POINTS), r"consecutive orders, of order 3 or more, found orders \[3, 5\]"),
        (lambda: labels([T3, T4, T5], POINTS), r"found orders \[3, 4, 5\]"),
        (lambda: labels([], POINTS), r"found orders \[\]"),
        (lambda: labels([np.eye(4)], POINTS), r"found orders \[2\]"),
        (lambda: labels([T3, T4[:3, :3, :3, :3]], POINTS), "all axes of one length"),
        (lambda: labels([T3[:3]], POINTS), "all axes of one length"),
        (lambda: labels([T3 + np.arange(4)], POINTS), "must be symmetric"),
        (lambda: labels([0 * T3], POINTS), "not zero"),
        (lambda: labels([T3 * np.nan], POINTS), "tensor must be finite"),
        (lambda: labels([T3], POINTS[:, :3]), "X must have 4 columns, as the tensors have, found 3"),
        (lambda: decompose_by_learning([T4], 5, learner, "quadratic"), "full trace 5, found 3"),
        (lambda: decompose_by_learning([T3, 2 * T4], 3, learner, CUBE), "full trace 3, found 6"),
        (lambda: decompose_by_learning([T3], 0, learner), "width must be an integer of at least 1"),
        (
            lambda: decompose_by_learning([T3], 3, lambda *_: TwoLayerNetwork([1.0], np.zeros((1, 4)))),
            "components must be rows of length 4, at least one, found shape",
        ),
        (lambda: learn_by_decomposing(POINTS, np.ones(60), 3, decomposer, "quadratic"), "of degree at least 3"),
        (lambda: learn_by_decomposing(POINTS, np.ones(60), 3, decomposer, "tanh"), "must be a polynomial"),
        (lambda: learn_by_decomposing(POINTS[:10], np.ones(10), 3, decomposer), "of 20 distinct entries need as many"),
        (lambda: learn_by_decomposing(POINTS, np.ones(59), 3, decomposer), "as many rows, found 60 and 59"),
        (
            lambda: learn_by_decomposing(np.tile(POINTS[:10], (6, 1)), np.ones(60), 3, decomposer),
            "general position, found 10 of 20 directions",
        ),
        (lambda: learn_by_decomposing(POINTS, POINTS[:, 0] ** 3, 1, lambda *_: np.ones((1, 3))), "rows of length 4"),
    ],
)
def test_what_the_theorem_does_not_allow_is_refused(ask, complaint):
    with pytest.raises(InputError, match=complaint):
        ask()
