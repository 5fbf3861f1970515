"""Rows that say nothing new are not counted, and do not make a certificate."""

import numpy as np
import pytest

from twolayer import InputError, Status, recover
from twolayer.activation import activation
from twolayer.model import UnitsProblem
from twolayer.samples.distinct_rows import inputs_on_a_grid, n_distinct_rows, without_copies
from twolayer.teachers import random_units


def counted(X, spec, *, has_bias):
    return n_distinct_rows(UnitsProblem(X, np.ones(len(X)), activation(spec), 1, has_bias=has_bias))


@pytest.mark.parametrize("spec", ["relu", "tanh", "sigmoid", "squared_relu"])
@pytest.mark.parametrize("has_bias", [False, True])
def test_repeated_rows_count_once(spec, has_bias, rng):
    X = rng.standard_normal((30, 4))
    assert counted(X, spec, has_bias=has_bias) == 30
    assert counted(np.vstack([X, X[:10], X]), spec, has_bias=has_bias) == 30


def test_a_ray_counts_once_where_scale_says_nothing(rng):
    X = rng.standard_normal((30, 4))
    rows = np.vstack([X, 0.5 * X, 2.3 * X])
    assert counted(rows, "relu", has_bias=False) == 30
    assert counted(np.vstack([X, -X]), "relu", has_bias=False) == 60
    assert counted(rows, "relu", has_bias=True) == 90
    assert counted(rows, "tanh", has_bias=False) == 90


def test_opposite_rows_count_once_where_the_sign_says_nothing(rng):
    X = rng.standard_normal((30, 4))
    assert counted(np.vstack([X, -X]), "tanh", has_bias=False) == 30
    assert counted(np.vstack([X, -X, -2 * X]), "abs", has_bias=False) == 30
    assert counted(np.vstack([X, -X]), "tanh", has_bias=True) == 60
    assert counted(np.vstack([X, -X]), "sigmoid", has_bias=False) == 60


def noisy_rows(rng, n=300):
    teacher = random_units(4, 2, activation="tanh", rng=0)
    X = rng.standard_normal((n, 4))
    y = teacher(X)
    return X, y + 0.02 * y.std() * rng.standard_normal(n)


@pytest.mark.parametrize("k", [2, 5])
def test_copies_of_noisy_rows_change_no_standard_error(k, rng):
    X, y = noisy_rows(rng)
    once = recover(X, y, 2, "tanh", rng=0)
    some = rng.permutation(k * 300)
    again = recover(np.tile(X, (k, 1))[some], np.tile(y, k)[some], 2, "tanh", rng=0)
    assert once.status is again.status is Status.CERTIFIED_WITH_NOISE
    for name in ("a", "W"):
        first, second = (np.sort(getattr(one.certificate.standard_errors, name), axis=0) for one in (once, again))
        np.testing.assert_allclose(first, second, rtol=1e-6)
    assert again.certificate.n_rows == 300
    assert again.certificate.notes[-1].startswith(f"Of the {300 * k} rows given, {300 * (k - 1)} are copies of others")
    assert not any("copies" in note for note in once.certificate.notes)


def test_only_whole_copies_are_left_out(rng):
    X, y = noisy_rows(rng, 30)
    Z, t = without_copies(X, y)
    assert Z is X
    assert t is y
    Z, t = without_copies(np.vstack([X, X[:7], X[:3]]), np.r_[y, y[:7], y[:3]])
    np.testing.assert_array_equal(Z, X)
    np.testing.assert_array_equal(t, y)
    measured_again = np.r_[y, y[:6], y[6] + 1e-9]
    assert len(without_copies(np.vstack([X, X[:7]]), measured_again)[1]) == 37
    signs = rng.choice([-1.0, 1.0], (1000, 6)).astype(np.float32)
    Z, _ = without_copies(signs, signs.sum(axis=1))
    np.testing.assert_array_equal(np.unique(Z, axis=0), np.unique(signs, axis=0))
    assert len(Z) == 64
    zeros = np.array([[0.0, 1.0], [-0.0, 1.0], [1.0, 0.0]])
    assert len(without_copies(zeros, np.array([1.0, 1.0, 2.0]))[1]) == 2


def test_too_few_rows_that_differ_are_refused_with_their_number(rng):
    X, y = noisy_rows(rng, 9)
    with pytest.raises(InputError, match="at least 11 rows, found 9 that differ among 45"):
        recover(np.tile(X, (5, 1)), np.tile(y, 5), 2, "tanh", rng=0)


@pytest.mark.parametrize("spec", ["relu", "tanh", "squared_relu"])
def test_too_few_inputs_measured_again_and_again_are_refused(spec, rng):
    X, y = np.repeat(rng.standard_normal((1, 4)), 60, axis=0), rng.standard_normal(60)
    with pytest.raises(InputError, match="rows, found 1 that differ among 60"):
        recover(X, y, 2, spec, rng=0)


def test_rows_that_nearly_agree_make_no_noise_beside_the_result(rng):
    """Warnings are errors here; relu gives a Hessian that is zero to rounding, squared ReLU steps beyond any number."""
    x, other, y = rng.standard_normal((1, 4)), rng.standard_normal((1, 4)), rng.standard_normal(60)
    for X, spec in (
        (x + 1e-9 * rng.standard_normal((60, 4)), "relu"),
        (
            np.vstack([np.repeat(other, 30, 0), np.repeat(x, 30, 0)]) + 1e-12 * rng.standard_normal((60, 4)),
            "squared_relu",
        ),
    ):
        assert not recover(X, y, 2, spec, rng=0).is_certified


@pytest.mark.parametrize("copies", [(1.0, 1.0, 1.0), (1.0, 0.5, 2.3)])
def test_copies_of_too_few_rows_are_too_few_rows(copies, rng):
    teacher = random_units(4, 4, activation="relu", rng=0)
    X = rng.standard_normal((19, 4))
    X = np.vstack([c * X for c in copies])
    assert recover(X, teacher(X), 4, "relu", rng=0).status is not Status.CERTIFIED
    X = rng.standard_normal((57, 4))
    assert recover(X, teacher(X), 4, "relu", rng=0).status is Status.CERTIFIED


@pytest.mark.parametrize("spec", ["relu", "leaky_relu(0.1)", "abs"])
@pytest.mark.parametrize("seed", range(3))
def test_linear_labels_have_no_kink_to_be_certified(spec, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((500, 4))
    result = recover(X, X @ rng.standard_normal(4) + 1.5, 1, spec, bias=True, rng=seed)
    assert not result.is_certified


@pytest.mark.parametrize("seed", [2, 3, 13, 14])
def test_two_near_units_taken_for_one_leave_more_than_noise(seed):
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((3, 5))
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    turned = rng.standard_normal(5)
    turned -= (turned @ W[0]) * W[0]
    W[1] = W[0] + 0.3 * turned / np.linalg.norm(turned)
    X = rng.standard_normal((3000, 5))
    y = np.maximum(X @ W.T, 0) @ [1.0, 1.0, -1.0]
    y += 0.02 * y.std() * rng.standard_normal(3000)
    result = recover(X, y, 2, "relu", rng=seed)
    assert not result.is_certified


def test_inputs_on_a_grid_are_told_from_others(rng):
    steps = rng.integers(-5, 6, (200, 1))
    X = np.hstack([0.3 * steps, 0.3 * steps + 0.1, rng.standard_normal((200, 1)), np.ones((200, 1))])
    assert inputs_on_a_grid(X, has_bias=True) == (0, 1)
    assert inputs_on_a_grid(X, has_bias=False) == (0, 1, 3)  # 0.1 is a third of a step: of a finer grid with 0
    X[:, 1] += 0.0123
    assert inputs_on_a_grid(X, has_bias=False) == (0, 3)
