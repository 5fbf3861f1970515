"""Tests of the least squares for a moment of samples that is never formed, against the dense tensor."""

import re

import numpy as np
import pytest

from decomposition_problems import sum_of, term_distance
from moment_oracles import data, naive_moment
from oracles import gaussian_grid, hermite
from twolayer.decompose import Decomposition, Status, polish
from twolayer.decompose.cp_fit import SumFit
from twolayer.decompose.flattening import flattened
from twolayer.decompose.sample_moment import SampleMoment, moment_terms
from twolayer.errors import InputError

ORDERS = [3, 4, 5, 6]


def terms(r=3, d=4, seed=1):
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((r, d))
    weights = rng.uniform(1, 2, r) * np.where(np.arange(r) % 2, -1, 1)
    return weights, factors / np.linalg.norm(factors, axis=1, keepdims=True)


def contracted(T, factors):
    """T(·, u, ..., u) for each u, one axis at a time."""

    def once(u):
        image = T
        for _ in range(T.ndim - 1):
            image = image @ u
        return image

    return np.array([once(u) for u in factors])


@pytest.mark.parametrize("order", ORDERS)
def test_the_contractions_are_those_of_the_dense_moment(order):
    X, y = data()
    _, factors = terms(seed=2)
    image = SampleMoment(X, y, order).contracted(factors)
    np.testing.assert_allclose(image, contracted(naive_moment(X, y, order), factors), rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_what_terms_leave_is_the_moment_less_their_sum(order):
    X, y = data()
    weights, factors = terms()
    T = naive_moment(X, y, order)
    rest = T - sum_of(weights, factors, order)
    left = SampleMoment(X, y, order).less(weights, factors)
    assert left.misfit == pytest.approx(np.sum(rest**2) - np.sum(T**2), abs=1e-11)
    for others in (factors, terms(seed=3)[1]):
        np.testing.assert_allclose(left.contracted(others), contracted(rest, others), rtol=0, atol=1e-11)


@pytest.mark.parametrize("order", [3, 4])
def test_a_step_is_that_of_the_dense_fit(order):
    X, y = data()
    weights, factors = terms()
    dense = SumFit(flattened(naive_moment(X, y, order)), weights, factors)
    free = SumFit(SampleMoment(X, y, order), weights, factors)
    np.testing.assert_allclose(free.descent, dense.descent, rtol=0, atol=1e-12)
    (there, decrease), (expected, expected_decrease) = free.trial(0.1), dense.trial(0.1)
    assert decrease == pytest.approx(expected_decrease, rel=1e-10)
    assert free.cost - there.cost == pytest.approx(dense.cost - expected.cost, rel=1e-9)
    np.testing.assert_allclose(there.factors, expected.factors, rtol=0, atol=1e-11)


@pytest.mark.parametrize(("order", "d", "rank"), [(3, 3, 3), (4, 3, 4), (5, 3, 5), (6, 2, 3)])
def test_terms_of_any_order_are_found_exactly_in_an_exact_design(order, d, rank):
    weights, factors = terms(rank, d, seed=order)
    X, masses = gaussian_grid(d, order + 1)
    labels = hermite(order, X @ factors.T) @ weights + 3 * hermite(order - 1, X @ factors[0])
    factorial = np.prod(np.arange(1.0, order + 1))
    found = moment_terms(X, len(masses) * masses * labels, order, rank, max_starts=4, max_steps=200, rng=0)
    assert found.is_settled
    assert found.explained == pytest.approx(np.sum(sum_of(factorial * weights, factors, order) ** 2), rel=1e-10)
    planted = Decomposition(found.weights, found.factors, order, 0.0, 0.0, "", Status.EXACT)
    assert term_distance(planted, factorial * weights, factors) < 1e-3  # half the digits, as of any sum of squares


def test_it_ends_where_the_dense_polish_stays():
    X, y = data(20000)
    found = moment_terms(X, y, 4, 3, max_steps=200, rng=0)
    stay = polish(naive_moment(X, y, 4), found.weights, found.factors)
    dense = Decomposition(found.weights, found.factors, 4, 0.0, 0.0, "", Status.RESOLVED)
    assert term_distance(dense, stay.weights, stay.factors) < 1e-3


def test_more_starts_never_explain_less():
    X, y = data()
    explained = [moment_terms(X, y, 3, 6, max_starts=starts, rng=4).explained for starts in (1, 3, 6)]
    assert explained[0] <= explained[1] <= explained[2]


def test_the_same_seed_gives_the_same_bits():
    X, y = data()
    first, second = (moment_terms(X, y, 5, 2, rng=7) for _ in range(2))
    assert first.factors.tobytes() == second.factors.tobytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((2, 3), "order must be an integer of at least 3, found 2"),
        ((3, 0), "rank must be an integer of at least 1, found 0"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(arguments, message):
    with pytest.raises(InputError, match=re.escape(message)):
        moment_terms(*data(), *arguments)


def test_no_object_of_the_size_of_the_tensor_is_made():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 60))  # order six: 4e10 entries
    u = X[0] / np.linalg.norm(X[0])
    found = moment_terms(X, (X @ u) ** 2, 6, 1, max_steps=3, rng=0)
    assert found.factors.shape == (1, 60)
