"""Rows that say nothing new are not counted, and do not make a certificate."""

import numpy as np
import pytest

from twolayer import Status, recover
from twolayer.activation import activation
from twolayer.recover.distinct_rows import n_distinct_rows
from twolayer.refine import UnitsProblem
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
