"""Blocks of rows, shared out to threads."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TypeVar

from twolayer.rows.passes import one_blas_thread, worker_count

__all__ = ["over_blocks", "threads_over_rows"]

Part = TypeVar("Part")
_workers: ContextVar[int] = ContextVar("workers", default=1)


@contextmanager
def threads_over_rows() -> Iterator[None]:
    """Within this context, as many threads over blocks of rows as BLAS would use, and BLAS held to one in each.

    Threads of BLAS itself gain little on blocks that fit the cache, nothing on small problems, and lose much where the
    processors are shared.
    """
    token = _workers.set(worker_count(None))
    try:
        with one_blas_thread():
            yield
    finally:
        _workers.reset(token)


def over_blocks(kernel: Callable[[slice], Part], blocks: Iterable[slice], *, is_large: bool) -> Iterator[Part]:
    """What the kernel makes of each block, in order; in threads where the work is large enough to pay for them."""
    workers = _workers.get()
    if workers == 1 or not is_large:
        yield from map(kernel, blocks)
        return
    with ThreadPoolExecutor(workers, initializer=one_blas_thread) as pool:
        # each block in a copy of the caller's context, which says what NumPy warns of
        yield from pool.map(lambda pair: pair[0].run(kernel, pair[1]), [(copy_context(), block) for block in blocks])
