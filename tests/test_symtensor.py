"""Symmetric tensors against loops over their entries."""

from itertools import permutations, product
from math import comb, factorial

import numpy as np
import pytest

from twolayer.errors import InputError
from twolayer.hermite import hermite_tensor
from twolayer.symtensor import (
    contract,
    flatten,
    multi_indices,
    multiplicities,
    outer_power,
    pack,
    packed_power,
    packed_size,
    rank_one_sum,
    sym3,
    sym6,
    symmetrize,
    transform,
    unpack,
)

sizes = pytest.mark.parametrize(("dim", "order"), [(1, 1), (1, 4), (2, 3), (3, 1), (3, 2), (3, 4), (4, 3), (2, 5)])


def _random(dim, order, seed=0):
    """Draw a symmetric tensor entry by entry: equal wherever the sorted multi-index is."""
    rng, entries = np.random.default_rng(seed), {}
    T = np.empty((dim,) * order)
    for index in np.ndindex(T.shape):
        T[index] = entries.setdefault(tuple(sorted(index)), rng.standard_normal())
    return T


def _power(w, order):
    T = np.empty((len(w),) * order)
    for index in np.ndindex(T.shape):
        T[index] = np.prod([w[i] for i in index])
    return T


@sizes
def test_multi_indices_are_the_sorted_ones_in_order(dim, order):
    expected = [index for index in product(range(dim), repeat=order) if list(index) == sorted(index)]
    np.testing.assert_array_equal(multi_indices(dim, order), expected)
    assert packed_size(dim, order) == len(expected) == comb(dim + order - 1, order)
    assert not multi_indices(dim, order).flags.writeable


@sizes
def test_multiplicities_count_arrangements(dim, order):
    expected = [len(set(permutations(index))) for index in multi_indices(dim, order).tolist()]
    np.testing.assert_array_equal(multiplicities(dim, order), expected)
    assert multiplicities(dim, order).sum() == dim**order
    assert not multiplicities(dim, order).flags.writeable


@sizes
def test_pack_takes_each_distinct_entry_and_unpack_puts_it_back(dim, order):
    T = _random(dim, order)
    packed = pack(T)
    assert packed.tolist() == [T[tuple(index)] for index in multi_indices(dim, order)]
    np.testing.assert_array_equal(unpack(packed, dim, order), T)
    assert unpack(packed.astype(np.float32), dim, order).dtype == np.float32


@sizes
def test_inner_product_is_the_packed_one_with_multiplicities(dim, order):
    S, T = _random(dim, order, 1), _random(dim, order, 2)
    assert multiplicities(dim, order) @ (pack(S) * pack(T)) == pytest.approx(np.sum(S * T), rel=1e-13)


@sizes
def test_symmetrize_is_the_orthogonal_projection(dim, order):
    T = np.random.default_rng(3).standard_normal((dim,) * order)
    S = symmetrize(T)
    for axes in permutations(range(order)):
        np.testing.assert_allclose(S.transpose(axes), S, rtol=1e-14, atol=1e-15)
    other = _random(dim, order)
    assert np.sum((T - S) * other) == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(symmetrize(other), other, rtol=1e-14)


@sizes
def test_powers_are_products_of_entries(dim, order):
    W = np.random.default_rng(4).standard_normal((3, dim))
    for w, packed in zip(W, packed_power(W, order), strict=True):
        np.testing.assert_allclose(outer_power(w, order), _power(w, order), rtol=1e-14)
        np.testing.assert_allclose(packed, pack(_power(w, order)), rtol=1e-14)


@sizes
def test_rank_one_sum_adds_weighted_powers(dim, order):
    rng = np.random.default_rng(5)
    weights, W = rng.standard_normal(6), rng.standard_normal((6, dim))
    expected = sum(weight * _power(w, order) for weight, w in zip(weights, W, strict=True))
    np.testing.assert_allclose(rank_one_sum(weights, W, order), expected, rtol=1e-12, atol=1e-13)


def test_contract_takes_the_last_axes_with_the_vectors_in_order():
    T = np.random.default_rng(6).standard_normal((2, 3, 4))  # no symmetry, so that the order shows
    u, v = np.array([1.0, -2.0, 0.5]), np.array([0.3, 1.0, 2.0, -1.0])
    np.testing.assert_allclose(contract(T, u, v), np.einsum("ijk,j,k->i", T, u, v), rtol=1e-13)
    np.testing.assert_array_equal(contract(T), T)
    assert contract(_power(np.array([1.0, 2.0]), 3), [1, 0], [0, 1], [1, 1]) == 1 * 2 * 3


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_transform_sends_powers_to_powers(order):
    rng = np.random.default_rng(7)
    w, V = rng.standard_normal(4), rng.standard_normal((4, 2))
    np.testing.assert_allclose(transform(_power(w, order), V), _power(V.T @ w, order), rtol=1e-12)


def test_transform_is_linear_in_each_entry():
    T, V = _random(3, 3), np.random.default_rng(8).standard_normal((3, 2))
    np.testing.assert_allclose(transform(T, V), np.einsum("abc,ai,bj,ck->ijk", T, V, V, V), rtol=1e-12, atol=1e-14)


def test_flatten_is_as_square_as_can_be():
    T = _random(3, 5)
    assert flatten(T).shape == (9, 27)
    assert flatten(T)[3 * 1 + 2, 9 * 0 + 3 * 1 + 2] == T[1, 2, 0, 1, 2]
    assert flatten(T, rows=1).shape == (3, 81)
    assert flatten(_random(3, 4)).shape == (9, 9)


def test_flattening_has_the_rank_of_the_decomposition():
    W = np.random.default_rng(9).standard_normal((5, 3))
    assert np.linalg.matrix_rank(flatten(rank_one_sum(np.array([1, -1, 2, -3, 1]), W, 4))) == 5


def test_sym3_adds_the_three_placements():
    M, v = _random(3, 2), np.array([0.5, -1.0, 2.0])
    T = sym3(M, v)
    for a, b, c in np.ndindex(T.shape):
        assert T[a, b, c] == pytest.approx(M[a, b] * v[c] + M[a, c] * v[b] + M[b, c] * v[a])
    np.testing.assert_allclose(T, 3 * symmetrize(np.multiply.outer(M, v)))


def test_sym6_adds_the_six_placements():
    M, N = _random(3, 2, 1), _random(3, 2, 2)
    T = sym6(M, N)
    for a, b, c, d in np.ndindex(T.shape):
        pairings = [((a, b), (c, d)), ((a, c), (b, d)), ((a, d), (b, c))]
        assert T[a, b, c, d] == pytest.approx(sum(M[p] * N[q] + M[q] * N[p] for p, q in pairings))
    np.testing.assert_allclose(T, 6 * symmetrize(np.multiply.outer(M, N)))


def test_products_with_the_identity_are_the_papers():
    """v ⊗̃ I and M ⊗̃ I of zhong2017recovery, section 5.1, as sums of outer products of vectors."""
    rng = np.random.default_rng(10)
    e, V, s = np.eye(3), rng.standard_normal((2, 3)), np.array([1.5, -0.7])
    v = V[0]
    three = sum(_outer(v, e[j], e[j]) + _outer(e[j], v, e[j]) + _outer(e[j], e[j], v) for j in range(3))
    np.testing.assert_allclose(sym3(e, v), three, rtol=1e-14)
    six = sum(
        s[i] * _outer(*arrangement)
        for i in range(2)
        for j in range(3)
        for arrangement in (
            (V[i], V[i], e[j], e[j]),
            (V[i], e[j], V[i], e[j]),
            (e[j], V[i], V[i], e[j]),
            (V[i], e[j], e[j], V[i]),
            (e[j], V[i], e[j], V[i]),
            (e[j], e[j], V[i], V[i]),
        )
    )
    np.testing.assert_allclose(sym6(np.einsum("i,ia,ib->ab", s, V, V), e), six, rtol=1e-13, atol=1e-14)


def _outer(*vectors):
    return np.einsum(*(part for axis, vector in enumerate(vectors) for part in (vector, [axis])))


def test_hermite_tensors_are_powers_less_identity_products():
    """The moments M_3 and M_4 of zhong2017recovery, the latter with the half that its text lacks."""
    x, identity = np.array([0.4, -1.2, 0.9]), np.eye(3)
    third = outer_power(x, 3) - sym3(identity, x)
    fourth = outer_power(x, 4) - sym6(np.outer(x, x), identity) + sym6(identity, identity) / 2
    np.testing.assert_allclose(hermite_tensor(x, 3), third, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(hermite_tensor(x, 4), fourth, rtol=1e-13, atol=1e-14)


def test_float32_is_kept():
    W = np.ones((2, 3), np.float32)
    T = rank_one_sum(np.ones(2, np.float32), W, 3)
    for result in (
        T,
        pack(T),
        packed_power(W, 3),
        outer_power(W[0], 3),
        transform(T, W.T),
        sym3(np.outer(W[0], W[0]), W[0]),
    ):
        assert result.dtype == np.float32


def test_packed_tensor_of_another_size_is_refused():
    message = "a symmetric tensor of order 3 in 4 dimensions has 20 distinct entries, got an array of shape (19,)"
    with pytest.raises(InputError) as failure:
        unpack(np.zeros(19), 4, 3)
    assert str(failure.value) == message


@pytest.mark.parametrize("shape", [(), (2, 3), (3, 3, 2)])
def test_tensor_of_unequal_axes_is_refused(shape):
    for f in (pack, symmetrize, flatten):
        with pytest.raises(InputError, match="all its axes of one length"):
            f(np.zeros(shape))


def test_multiplicities_stay_exact_at_high_order():
    assert multiplicities(2, 12).tolist() == [comb(12, p) for p in range(13)]
    assert multiplicities(8, 8).max() == factorial(8)
