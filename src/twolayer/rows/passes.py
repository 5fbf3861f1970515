r"""Passes over the rows of a sample: cut, spread over threads, added up in an order that nothing can change.

Every moment is a sum over rows. A pass cuts the rows into chunks whose size depends on nothing but the number of
columns, gives each chunk to a thread whose BLAS is held to one thread of its own, and merges the chunks' sums in a
binary tree over their positions. So the result is the same bits for any number of workers, whoever finishes first.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController

from twolayer.arrays import real_array, whole_number
from twolayer.errors import InputError
from twolayer.rows import blocks as slices

__all__ = [
    "Block",
    "Kernel",
    "Sums",
    "add_signed_gram",
    "block_rows",
    "gram_rows",
    "gram_sums",
    "one_blas_thread",
    "opened",
    "pass_sum",
    "real_sample",
    "reiterable",
    "sorted_by",
    "weighted_gram",
    "worker_count",
]

Block: TypeAlias = tuple[NDArray, NDArray]
"""Rows of a sample: X (rows, d) and y (rows,)."""

Sums: TypeAlias = tuple[NDArray, ...]
"""What a kernel makes of a chunk: fresh float64 arrays, to be added to those of the other chunks."""

Kernel: TypeAlias = Callable[[NDArray, NDArray], Sums]

_BLOCK_ENTRIES = 2**18  # 2 MiB: still in cache when it is multiplied, after it was written
_BLOCKS_PER_CHUNK = 4  # of a chunk, the work of a thread: enough to repay handing it over


def weighted_gram(X: ArrayLike, y: ArrayLike, workers: int | None = None) -> NDArray:
    r"""Weighted Gram matrix of the rows of X, the pass behind every second moment.

    .. math:: X^\top \operatorname{diag}(y)\, X = \sum_{s=1}^n y_s\, x_s x_s^\top
        = R_+^\top R_+ - R_-^\top R_-, \qquad R_\pm = \bigl(\sqrt{|y_s|}\, x_s^\top\bigr)_{s:\ \pm y_s > 0}.

    The right-hand side is what is computed: symmetric products, at half the operations of a general one.

    Parameters
    ----------
    X : array, shape (n, d)
        Rows; float32 or float64 and row-major, or it is copied first. A memory map stays on disk.
    y : array, shape (n,)
        Weights of either sign.
    workers : int, optional
        Threads; as many as BLAS would use if not given. The result does not depend on it.

    Returns
    -------
    array, shape (d, d)
        Exactly symmetric, float64.

    Raises
    ------
    InputError
        If X is not a matrix of real numbers with a row, y not a vector of as many, one of them holds NaN or infinity,
        or `workers` is below 1.

    Notes
    -----
    Time ``n d**2 / 2`` multiply-adds, half of what ``X.T @ (y[:, None] * X)`` takes; memory ``O(d**2)`` and a block of
    rows a worker. The rounding error is a few ulp of the same sum with y made positive: entries that cancel to far less
    than that lose digits, here as in any other order of the sum.
    """
    X, y = real_sample(X, y)
    (gram,) = pass_sum(gram_sums, [(X, y)], X.shape[1], workers)
    return gram


def gram_sums(X: NDArray, y: NDArray) -> Sums:
    """The kernel of `weighted_gram`."""
    d, rows = X.shape[1], gram_rows(X.shape[1])
    buffer, product, gram = np.empty((min(rows, len(y)), d)), np.empty((d, d)), np.zeros((d, d))
    for cut in slices(len(y), rows):
        order, (_, middle, _) = sorted_by(y[cut] < 0, 2)
        R = np.take(X[cut], order, axis=0, out=buffer[: len(order)], mode="clip")
        R *= np.sqrt(np.abs(y[cut][order]))[:, None]
        add_signed_gram(gram, R, middle, product)
    return (gram,)


def add_signed_gram(gram: NDArray, R: NDArray, middle: int, product: NDArray) -> None:
    """Add to `gram` the Gram matrix of the rows of R before `middle` less that of the others; `product` is scratch."""
    gram += np.matmul(R[:middle].T, R[:middle], out=product)
    gram -= np.matmul(R[middle:].T, R[middle:], out=product)


def pass_sum(kernel: Kernel, blocks: Iterable[Block], columns: int, workers: int | None = None) -> Sums:
    """Sum of ``kernel(X, y)`` over the chunks of all blocks, bit-identical for any number of workers.

    Parameters
    ----------
    kernel : callable
        Takes X (rows, d) and y (rows,), float64, and returns a tuple of fresh float64 arrays. Runs in threads.
    blocks : iterable of (X, y)
        Checked arrays; consumed once, in order, a little ahead of the workers.
    columns : int
        Width of the widest rows that the kernel multiplies; this alone decides how blocks are cut into chunks.
    workers : int, optional
        Threads; as many as BLAS would use if not given.

    Returns
    -------
    tuple of arrays

    Raises
    ------
    InputError
        If there is no row at all, the sums are not finite, or `workers` is below 1.
    """
    chunks = _chunks(blocks, _BLOCKS_PER_CHUNK * gram_rows(columns))
    workers = worker_count(workers)
    with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
        sums = _tree_sum(_in_order(kernel, chunks, workers))
    if not all(np.isfinite(part).all() for part in sums):
        raise InputError("X and y must be finite and of moderate size, but their moments hold NaN or infinity")
    return sums


def block_rows(columns: int) -> int:
    """Rows of a block that is still in cache when it is used a second time."""
    return max(_BLOCK_ENTRIES // max(columns, 1), 256)


def gram_rows(columns: int) -> int:
    """Rows of a block whose Gram matrix is taken, an even number: enough that to add up those matrices costs little."""
    return max(block_rows(columns) // 2 * 2, 1024, min(2 * columns, 4096))


def sorted_by(key: NDArray, classes: int) -> tuple[NDArray, NDArray]:
    """Stable order of the rows by `key` in 0..classes-1, and the `classes` + 1 edges between the classes."""
    order = np.argsort(key.astype(np.uint8), kind="stable")
    return order, np.concatenate([[0], np.cumsum(np.bincount(key, minlength=classes))])


def real_sample(X: ArrayLike, y: ArrayLike) -> Block:
    """X and y as arrays of floats, or InputError if they are not a matrix and a vector with as many rows."""
    X, y = real_array(X, "X", 2), real_array(y, "y", 1)
    if len(X) != len(y):
        raise InputError(f"X and y must have the same number of rows, found {len(X)} and {len(y)}")
    return X, y


def opened(blocks: Iterable[Block]) -> tuple[Iterator[Block], int]:
    """The blocks, checked as they come, and the number of columns of X, which all must share."""
    stream = iter(blocks)
    first = next(stream, None)
    if first is None:
        raise InputError("at least one block of rows is needed, found none")
    X, y = real_sample(*first)

    def checked() -> Iterator[Block]:
        yield X, y
        for block in stream:
            rows, labels = real_sample(*block)
            if rows.shape[1] != X.shape[1]:
                raise InputError(f"all blocks must have as many columns, found {X.shape[1]} and {rows.shape[1]}")
            yield rows, labels

    return checked(), X.shape[1]


def reiterable(blocks: Iterable[Block]) -> Iterable[Block]:
    """The blocks, or InputError if they can be iterated over only once."""
    if iter(blocks) is blocks:
        raise InputError("several passes over the rows need blocks that can be iterated over again, found an iterator")
    return blocks


def _chunks(blocks: Iterable[Block], rows: int) -> Iterator[Block]:
    for X, y in blocks:
        for cut in slices(len(y), rows):
            yield X[cut], y[cut]


def _in_order(kernel: Kernel, chunks: Iterator[Block], workers: int) -> Iterator[Sums]:
    """The kernel's sums of the chunks, one after another, some chunks ahead of the consumer."""

    def run(X: NDArray, y: NDArray) -> Sums:
        with np.errstate(over="ignore", invalid="ignore"):
            return kernel(np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64))

    if workers == 1:
        yield from (run(X, y) for X, y in chunks)
        return
    with ThreadPoolExecutor(workers, initializer=one_blas_thread) as pool:
        running: deque[Future[Sums]] = deque()
        for X, y in chunks:
            running.append(pool.submit(run, X, y))
            if len(running) > workers:
                yield running.popleft().result()
        while running:
            yield running.popleft().result()


def _tree_sum(terms: Iterable[Sums]) -> Sums:
    """Sum in a binary tree over the terms' positions, holding no more than log2 of their number at a time."""
    pending: list[tuple[int, Sums]] = []
    for term in terms:
        height = 0
        while pending and pending[-1][0] == height:
            term = _added(pending.pop()[1], term)
            height += 1
        pending.append((height, term))
    if not pending:
        raise InputError("at least one row is needed, found none")
    total = pending.pop()[1]
    while pending:
        total = _added(pending.pop()[1], total)
    return total


def _added(left: Sums, right: Sums) -> Sums:
    for mine, other in zip(left, right, strict=True):
        np.add(mine, other, out=mine)
    return left


def worker_count(workers: int | None) -> int:
    """Check `workers`; if it is None, as many as BLAS would use threads here."""
    if workers is not None:
        return whole_number(workers, "workers")
    return max((library.num_threads or 1 for library in _blas().lib_controllers), default=1)


def one_blas_thread() -> AbstractContextManager:
    """Hold BLAS to one thread from now until the context ends.

    Where BLAS keeps a limit for each thread rather than one for all, this is the limit of the calling thread.
    """
    return _blas().limit(limits=1)


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
