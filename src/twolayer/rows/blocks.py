"""Rows, cut into blocks: what touches all rows of a sample walks over these."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.arrays import whole_number

__all__ = ["blocks", "row_blocks", "some_rows"]

_BLOCK_BYTES = 1 << 23  # 8 MiB: large enough that Python's share is nothing, small enough for the cache
_LEAST_ROWS, _MOST_ROWS = 256, 1 << 16  # of a block, whatever the number of columns


def blocks(n: int, size: int) -> Iterator[slice]:
    """Cut n rows into slices of `size` rows each, the last one shorter if need be."""
    size = whole_number(size, "the rows of a block")
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def row_blocks(X: NDArray[Any], block_rows: int | None = None) -> Iterator[slice]:
    """Cut the rows of `X` into slices that fit a cache.

    Parameters
    ----------
    X : array, shape (n, d)
    block_rows : int, optional
        Rows of a block; by default as many as take 8 MiB, at least 256 and at most 65 536.
    """
    if block_rows is None:
        row_bytes = X.itemsize * max(1, X[:1].size)
        block_rows = min(max(_BLOCK_BYTES // row_bytes, _LEAST_ROWS), _MOST_ROWS)
    return blocks(len(X), block_rows)


def some_rows(n: int, count: int, rng: np.random.Generator | None = None) -> NDArray[np.intp] | None:
    """Indices of `count` of n rows drawn at random, in ascending order; None where that is all of them.

    The first rows of a file are no sample of it, and neither is every k-th: files are sorted, and series have periods.
    Without a generator, the same rows are drawn each time: a quantity is then a function of the samples.
    """
    if count >= n:
        return None
    generator = np.random.default_rng(n) if rng is None else rng
    return np.sort(generator.choice(n, count, replace=False))
