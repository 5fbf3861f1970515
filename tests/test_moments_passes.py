"""Passes over rows: the weighted Gram matrix, seams between blocks, threads, and memory."""

import time
import tracemalloc

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from moment_oracles import (
    assert_equal_to_rounding,
    data,
    monomials,
    orthonormal,
)
from twolayer.moments import (
    HermiteMoments,
    MomentOperator,
    controlled_moments,
    hermite_regression,
    moment_cube,
    moment_vector,
    weighted_gram,
)
from twolayer.moments.pairs import pair_count
from twolayer.rows import passes


@pytest.mark.parametrize("weights", ["both signs", "positive", "negative", "with zeros", "zero"])
def test_weighted_gram_is_the_plain_product(weights):
    X, y = data(3000, 7)
    y = {"both signs": y, "positive": abs(y), "negative": -abs(y), "with zeros": y * (y > 0), "zero": 0 * y}[weights]
    gram = weighted_gram(X, y)
    assert_equal_to_rounding(gram, X.T @ (y[:, None] * X), size=np.abs(y) @ (X * X).sum(axis=1) + 1e-300, ulps=4)
    np.testing.assert_array_equal(gram, gram.T)


@pytest.mark.parametrize("kind", [np.float32, np.int64, "fortran", "strided", "one column", "one row"])
def test_weighted_gram_takes_any_layout_and_real_dtype(kind):
    X, y = data(300, 6)
    X, y = {
        "fortran": lambda: (np.asfortranarray(X), y),
        "strided": lambda: (X[::3, ::2], y[::3]),
        "one column": lambda: (X[:, :1], y),
        "one row": lambda: (X[:1], y[:1]),
    }.get(kind, lambda: ((10 * X).astype(kind), (10 * y).astype(kind)))()
    expected = X.astype(float).T @ (y.astype(float)[:, None] * X.astype(float))
    assert_equal_to_rounding(
        weighted_gram(X, y), expected, size=np.abs(y).astype(float) @ (X.astype(float) ** 2).sum(1)
    )


def test_results_are_the_same_bits_for_any_number_of_workers():
    X, y = data(22_000, 20)
    V, delays = orthonormal(20, 20), iter(np.random.default_rng(1).uniform(0, 0.004, 1000))

    def late(X):
        time.sleep(next(delays))  # so that the workers finish out of turn
        return np.zeros(len(X))

    chunk = passes._BLOCKS_PER_CHUNK * passes.gram_rows(210)
    assert len(X) > 4 * chunk

    def results(workers):
        moments = HermiteMoments.from_blocks([(X, y)], 4, V, control=late, workers=workers)
        yield from (moments.tensor(j) for j in range(5))
        yield weighted_gram(X, y, workers)
        yield MomentOperator(X, y, 3, V[:, 0], workers=workers) @ V
        yield moment_cube(X, y, V, 4, V[:, 0], workers=workers)
        yield moment_vector(X, y, 3, V[:, 0], workers=workers)
        yield from controlled_moments([(X, y)], 2, V, workers=workers).fits[0].tensors

    one = list(results(1))
    for workers in (2, 5, None):
        for mine, other in zip(results(workers), one, strict=True):
            np.testing.assert_array_equal(mine, other)


def test_terms_are_added_in_a_binary_tree_over_their_positions():
    half = 2.0**-53  # 1 + half rounds to 1, so that the order of the sum shows in it
    (total,) = passes._tree_sum((np.array([1.0 if i == 0 else half]),) for i in range(7))
    assert total[0] == (((1.0 + half) + (half + half)) + ((half + half) + half))
    assert total[0] != sum([1.0] + [half] * 6)


def test_blocks_and_chunks_leave_no_seams():
    X, y = data(9001, 300)
    pieces = [(X[start : start + 1000], y[start : start + 1000]) for start in range(0, 9001, 1000)]
    V, U, alpha = orthonormal(300, 4), orthonormal(300, 25), np.ones(300)
    assert max(passes.gram_rows(width) for width in (300, pair_count(25))) < 9001 / 8
    assert passes.block_rows(300) < 1000

    def assert_mean_of_pieces(mean):
        means = sum(len(piece[1]) * mean(*piece) for piece in pieces) / len(y)
        assert_equal_to_rounding(mean(X, y), means, size=np.abs(means).max() + 1)

    assert_mean_of_pieces(lambda X, y: weighted_gram(X, y) / len(y))
    assert_mean_of_pieces(lambda X, y: moment_vector(X, y, 3, alpha))
    assert_mean_of_pieces(lambda X, y: MomentOperator(X, y, 3, alpha) @ V)
    assert_mean_of_pieces(lambda X, y: moment_cube(X, y, U, 5, U[:, 0]))
    assert_mean_of_pieces(lambda X, y: HermiteMoments.from_blocks([(X, y)]).tensor(2))
    assert_mean_of_pieces(lambda X, y: HermiteMoments.from_blocks([(X, y)], 4, U).tensor(4))
    linear = hermite_regression([(X, y)], 1)
    assert_equal_to_rounding(linear(X), linear.tensors[0] + X @ linear.tensors[1], size=10.0)
    features = monomials(X[:, :8], 2)
    expected = features @ np.linalg.lstsq(features, y)[0]
    assert_equal_to_rounding(hermite_regression([(X[:, :8], y)], 2)(X[:, :8]), expected, size=100.0)


@pytest.mark.parametrize("workers", [1, 2])
def test_blas_is_held_to_one_thread_in_a_pass_and_then_let_go(workers):
    X, y = data(50)
    seen = []

    def threads():
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    def look(X):
        seen.append(threads())
        return np.zeros(len(X))

    def fail(X):
        raise ZeroDivisionError

    with threadpool_limits(2, user_api="blas"):
        assert passes.worker_count(None) == 2
        HermiteMoments.from_blocks([(X, y)], control=look, workers=workers)
        with pytest.raises(ZeroDivisionError):
            HermiteMoments.from_blocks([(X, y)], control=fail, workers=workers)
        assert seen == [{1}]
        assert threads() == {2}


def test_nothing_of_size_d_cubed_or_n_d_squared_is_formed():
    n, d, k = 4_000, 400, 5
    X, y = data(n, d)
    V, alpha = orthonormal(d, k), np.ones(d)
    tracemalloc.start()
    MomentOperator(X, y, 4, alpha, workers=1) @ V
    moment_cube(X, y, V, 4, alpha, workers=1)
    moment_vector(X, y, 4, alpha, workers=1)
    HermiteMoments.from_blocks([(X, y)], 4, V, workers=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 4
    assert X.nbytes < d**3 * 8 / 10
