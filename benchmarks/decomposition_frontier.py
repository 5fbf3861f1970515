"""Where does each way to decompose stop, against d, d^(3/2) and d²?

    python benchmarks/decomposition_frontier.py [--smoke] [--part small hard] [--dims 6 8] [--trials 2] [--seconds 2]
                                                [--hard-dim 40] [--hard-widths 40 120 270] [--patience 60]

*small*: components are r random unit vectors in d dimensions. From T³ = Σ w⊗w⊗w alone, and from T³ with T⁴, each
method is asked for all of them; a cell is the share found (cosine above 0.99, the sign included), the mean over trials.
With both tensors a method decomposes T⁴, and T³ gives the signs; "learning" makes labels from the tensors and hands
them to `recover` (decompose_by_learning), with σ = t³ or σ = t³ + t⁴. "no" is a rank that the method refuses, with its
reason below the table; a method that found less than a tenth, or took longer than the limit, is not asked for larger r
at that d ("·"). The last column says whether the tensors have as many distinct entries as there are unknowns. For T³
that is r below about d²/6, which for d < 36 is below d^(3/2): what stops the methods here is the count.

*hard*: the third order beyond d^(3/2), where the count is no obstacle. Components are drawn from the law W_{d,r} of
Theorem 1 (centred_units), d = 40, where T³ determines 253 < r ≤ 294 of them; σ = He₃. Each way runs in a process of its
own, and is stopped when patience ends: whether it would have ended some day is not known. Beside them T⁴ of the same
components, which subspace power decomposes up to r = d(d - 1)/2.

The sizes where theory places the limits: linearly independent components, r ≤ d; best known algorithms of polynomial
time from T³, r ≈ d^(3/2), conjectured to be the limit as d grows; from T⁴, r ≤ d(d-1)/2.
"""

import argparse
import multiprocessing
from collections.abc import Callable
from math import comb
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from twolayer.activation import Activation
from twolayer.decompose import DECOMPOSITIONS
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.mondelli2019connection.learning_to_decompose import decompose_by_learning
from twolayer.recover import recover
from twolayer.symtensor import contract, rank_one_sum
from twolayer.teachers import centred_units, random_units

Tensors = list[NDArray]
Method = Callable[[Tensors, int, int], NDArray]

FOUND = 0.99
WORTH_GOING_ON = 0.1
HERMITE_CUBE = "polynomial(0,-3,0,1)"
RATIOS = (0.5, 1.0, 1.25, 1.5, 2.0, 2.75, 3.5)
PLAIN = tuple(name for name in DECOMPOSITIONS if name != "auto")


def learned(tensors: Tensors, r: int, seed: int, activation: str | None = None) -> NDArray:
    def learner(X: NDArray, y: NDArray, width: int, sigma: Activation) -> TwoLayerNetwork:
        return recover(X, y, width, sigma, rng=seed).network

    return decompose_by_learning(tensors, r, learner, activation, n=5 * r * len(tensors[0]), rng=seed).factors


def decomposed(name: str) -> Method:
    """The method on the tensor of highest order, the signs from that of order three."""

    def run(tensors: Tensors, r: int, seed: int) -> NDArray:
        factors = DECOMPOSITIONS[name](tensors[-1], r, rng=seed).factors
        if len(tensors) == 1:
            return factors
        signs = np.array([contract(tensors[0], w, w, w) for w in factors])
        overlaps = np.linalg.lstsq((factors @ factors.T) ** 3, signs, rcond=None)[0]
        return np.where(overlaps < 0, -1.0, 1.0)[:, None] * factors

    return run


METHODS: dict[str, Method] = {name: decomposed(name) for name in PLAIN} | {"learning": learned}
HEADINGS = {"joint_diagonalisation": "joint", "subspace_power": "subspace", "least_squares": "fit"}


def share_found(W: NDArray, factors: NDArray) -> float:
    return float(np.mean((W @ factors.T).max(axis=1) > FOUND))


def cell(method: Method, orders: tuple[int, ...], d: int, r: int, trials: int) -> tuple[float | str, float]:
    """Mean share of components found, or why the method refuses, and the seconds that took."""
    start, shares = perf_counter(), []
    for seed in range(trials):
        W = random_units(d, r, rng=seed).W
        try:
            shares.append(share_found(W, method(power_sums(W, orders), r, seed)))
        except InputError as refusal:
            return str(refusal), perf_counter() - start
    return float(np.mean(shares)), perf_counter() - start


def power_sums(W: NDArray, orders: tuple[int, ...]) -> Tensors:
    return [rank_one_sum(np.ones(len(W)), W, order) for order in orders]


def frontier(
    orders: tuple[int, ...], dims: list[int], ratios: tuple[float, ...], trials: int, limit: float
) -> tuple[Table, dict[str, str]]:
    """The table, and the first reason of each method that refused."""
    table = Table(title=f"share of components found from {' and '.join(f'T^{order}' for order in orders)}")
    for heading in ("d", "r", "r/d", "r/d^1.5", "r/d²", *(HEADINGS.get(name, name) for name in METHODS), "determined"):
        table.add_column(heading, no_wrap=True, justify="right")
    reasons: dict[str, str] = {}
    for d in dims:
        stopped: set[str] = set()
        for r in sorted({max(2, round(ratio * d)) for ratio in ratios}):
            cells = []
            for name, method in METHODS.items():
                if name in stopped:
                    cells.append("·")
                    continue
                share, seconds = cell(method, orders, d, r, trials)
                if isinstance(share, str):
                    reasons.setdefault(name, f"d = {d}, r = {r}: {share}")
                    cells.append("no")
                    continue
                cells.append(f"{share:.2f}")
                if share < WORTH_GOING_ON or seconds > limit:
                    stopped.add(name)
            entries = comb(d + 2, 3) + (comb(d + 3, 4) if len(orders) == 2 else 0)
            sizes = (str(d), str(r), f"{r / d:.2f}", f"{r / d**1.5:.2f}", f"{r / d**2:.2f}")
            table.add_row(*sizes, *cells, "yes" if r * (d - 1) <= entries else "no")
        table.add_section()
    return table, reasons


def fitted(tensors: Tensors, r: int, seed: int) -> NDArray:
    return DECOMPOSITIONS["least_squares"](tensors[0], r, max_starts=1, rng=seed).factors


def learned_cubic(tensors: Tensors, r: int, seed: int) -> NDArray:
    return learned(tensors, r, seed, HERMITE_CUBE)


HARD_METHODS: dict[str, tuple[tuple[int, ...], Method]] = {
    "fit, one start": ((3,), fitted),
    "learning, He₃": ((3,), learned_cubic),
    "subspace power": ((3, 4), decomposed("subspace_power")),
}


def agreement(W: NDArray, factors: NDArray) -> tuple[float, float]:
    """Share of components found, and the mean over components of the largest cosine."""
    return share_found(W, factors), float(np.mean((W @ factors.T).max(axis=1)))


def attempt(name: str, d: int, r: int) -> tuple[float, float, float]:
    """The agreement, and the seconds that it took; runs in a process of its own."""
    orders, method = HARD_METHODS[name]
    W = centred_units(d, r, rng=0).W
    tensors = power_sums(W, orders)
    start = perf_counter()
    share, cosine = agreement(W, method(tensors, r, 0))
    return share, cosine, perf_counter() - start


def beyond(d: int, widths: list[int], patience: float) -> Table:
    """The third order where the components are more than d^(3/2), and the fourth beside it."""
    most = comb(d + 2, 3) // (d - 1)
    table = Table(title=f"units of W_(d,r), d = {d}, d^(3/2) = {d**1.5:.0f}; as many as T³ has entries for: {most}")
    for heading in ("r", "r/d^1.5", "from", "by", "found", "mean best cosine", "seconds"):
        table.add_column(heading, no_wrap=True, justify="right")
    context = multiprocessing.get_context("spawn")
    for r in widths:
        sizes = (str(r), f"{r / d**1.5:.2f}")
        W, others = (centred_units(d, r, rng=seed).W for seed in (0, 1))
        share, cosine = agreement(W, others)
        table.add_row(*sizes, "", "chance", f"{share:.2f}", f"{cosine:.2f}", "")
        for name, (orders, _) in HARD_METHODS.items():
            with context.Pool(1) as pool:  # leaving it ends the process
                try:
                    share, cosine, seconds = pool.apply_async(attempt, (name, d, r)).get(patience)
                    cells = (f"{share:.2f}", f"{cosine:.2f}", f"{seconds:.1f}")
                except multiprocessing.TimeoutError:
                    cells = ("·", "·", f"> {patience:g}")
            table.add_row(*sizes, "T³" if orders == (3,) else "T³, T⁴", name, *cells)
        table.add_section()
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one small size, to see that it runs")
    parser.add_argument("--part", nargs="+", choices=("small", "hard"), default=("small", "hard"), help="what to run")
    parser.add_argument("--dims", type=int, nargs="+", default=[6, 8], help="small: the d")
    parser.add_argument("--trials", type=int, default=2, help="small: random components for each cell")
    parser.add_argument("--seconds", type=float, default=2.0, help="small: a method slower than this stops at that d")
    parser.add_argument("--hard-dim", type=int, default=40, help="hard: the d")
    parser.add_argument("--hard-widths", type=int, nargs="+", default=[40, 120, 270], help="hard: the r")
    parser.add_argument("--patience", type=float, default=60.0, help="hard: seconds until a method is stopped")
    given = parser.parse_args()
    console = Console(width=140)
    dims, ratios, trials = ([4], (0.5, 1.0), 1) if given.smoke else (given.dims, RATIOS, given.trials)
    for orders in ((3,), (3, 4)) if "small" in given.part else ():
        table, reasons = frontier(orders, dims, ratios, trials, given.seconds)
        console.print(table)
        for name, reason in reasons.items():
            console.print(f"{HEADINGS.get(name, name)}, no: {reason}", highlight=False)
    if "hard" in given.part:
        dim, widths = (6, [8]) if given.smoke else (given.hard_dim, given.hard_widths)
        console.print(beyond(dim, widths, given.patience))


if __name__ == "__main__":
    main()
