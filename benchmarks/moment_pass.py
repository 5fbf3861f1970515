"""How fast is the pass behind the moments, Xᵀ diag(y) X, beside this machine's own matrix product?

    python benchmarks/moment_pass.py [--smoke]

Rates count 2 n d² operations whatever is really done, so a symmetric pass may exceed 1. The matrix product is X.T @ Y
on arrays of the same shapes; with t threads it is the better of BLAS on t threads and of t products side by side on one
thread each, because a busy machine can stall the first. All are timed in turn, round after round, and each ratio is
the median over the rounds of the ratio within a round, so that what else the machine does cancels out as far as it can.
"""

import argparse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from threadpoolctl import ThreadpoolController

from twolayer.moments import weighted_gram

TARGETS = {1: 0.80, 2: 0.70}
BLAS = ThreadpoolController().select(user_api="blas")


def product_side_by_side(X: NDArray, Y: NDArray, threads: int) -> None:
    """Multiply as many row ranges as threads, each on one BLAS thread."""
    edges = np.linspace(0, len(X), threads + 1).astype(int)
    with BLAS.limit(limits=1), ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda start, stop: X[start:stop].T @ Y[start:stop], edges[:-1], edges[1:]))


def product_by_blas(X: NDArray, Y: NDArray, threads: int) -> None:
    with BLAS.limit(limits=threads):
        X.T @ Y


def plain_numpy(X: NDArray, y: NDArray, threads: int) -> None:
    with BLAS.limit(limits=threads):
        X.T @ (y[:, None] * X)


def seconds(run: Callable, *arguments: object) -> float:
    start = perf_counter()
    run(*arguments)
    return perf_counter() - start


def measure(n: int, d: int, threads: int, rounds: int) -> dict[str, NDArray]:
    """Seconds of each contender, round by round."""
    rng = np.random.default_rng(0)
    X, Y, y = rng.standard_normal((n, d)), rng.standard_normal((n, d)), rng.standard_normal(n)
    contenders: dict[str, Callable[[], float]] = {
        "matrix product, BLAS": lambda: seconds(product_by_blas, X, Y, threads),
        "matrix product, side by side": lambda: seconds(product_side_by_side, X, Y, threads),
        "weighted_gram": lambda: seconds(weighted_gram, X, y, threads),
        "plain NumPy": lambda: seconds(plain_numpy, X, y, threads),
    }
    for run in contenders.values():
        run()
    times = [[run() for run in contenders.values()] for _ in range(rounds)]
    return dict(zip(contenders, np.transpose(times), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="small sizes, to see that it runs")
    small = parser.parse_args().smoke
    n, d, rounds = (4_000, 40, 2) if small else (200_000, 200, 15)
    table = Table(title=f"Xᵀ diag(y) X at n = {n}, d = {d}, float64, {rounds} rounds")
    for heading in ("threads", "what", "GFLOP/s", "best", "ratio", "target"):
        table.add_column(heading, no_wrap=True)
    for threads, target in TARGETS.items():
        times = measure(n, d, threads, rounds)
        machine = np.minimum(times["matrix product, BLAS"], times["matrix product, side by side"])
        for name, taken in times.items():
            rate = 2e-9 * n * d * d / taken
            aim = f"{target:.2f}" if name == "weighted_gram" and not small else ""
            ratio = np.median(machine / taken)
            table.add_row(str(threads), name, f"{np.median(rate):.1f}", f"{rate.max():.1f}", f"{ratio:.2f}", aim)
        table.add_section()
    Console().print(table)


if __name__ == "__main__":
    main()
