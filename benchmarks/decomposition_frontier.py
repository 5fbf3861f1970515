"""Where does each way to decompose stop, against d, d^(3/2) and d²?

    python benchmarks/decomposition_frontier.py [--smoke] [--dims 6 8] [--trials 2] [--seconds 20]

Components are r random unit vectors in d dimensions. From T³ = Σ w⊗w⊗w alone, and from T³ with T⁴, each method is asked
for all of them; a cell is the share found (cosine above 0.99, the sign included), the mean over trials. With both
tensors a method decomposes T⁴, and T³ gives the signs; "learning" makes labels from the tensors and hands them to
`recover` (decompose_by_learning), with σ = t³ or σ = t³ + t⁴. "no" is a rank that the method refuses; a method that
found less than a tenth, or took longer than the limit, is not asked for larger r at that d ("·").

The sizes where theory places the limits: linearly independent components, r ≤ d; best known algorithms of polynomial
time from T³, r ≈ d^(3/2), conjectured to be the limit; from T⁴, r ≤ d(d-1)/2. The last column says whether the tensors
have as many distinct entries as there are unknowns, without which no method at all can work. For T³ that is r below
about d²/6, which for d < 36 is below d^(3/2): the conjectured hard range itself needs larger sizes than these.
"""

import argparse
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
from twolayer.hard.learning_to_decompose import decompose_by_learning
from twolayer.network import TwoLayerNetwork
from twolayer.recover import recover
from twolayer.symtensor import contract, rank_one_sum
from twolayer.teachers import random_units

Tensors = list[NDArray]
Method = Callable[[Tensors, int, int], NDArray]

FOUND = 0.99
WORTH_GOING_ON = 0.1
RATIOS = (0.5, 1.0, 1.25, 1.5, 2.0, 2.75, 3.5)
PLAIN = tuple(name for name in DECOMPOSITIONS if name != "auto")


def learned(tensors: Tensors, r: int, seed: int) -> NDArray:
    def learner(X: NDArray, y: NDArray, width: int, sigma: Activation) -> TwoLayerNetwork:
        return recover(X, y, width, sigma, rng=seed).network

    cube = "polynomial(0,0,0,1)" if len(tensors) == 1 else "polynomial(0,0,0,1,1)"
    return decompose_by_learning(tensors, r, learner, cube, n=5 * r * len(tensors[0]), rng=seed).factors


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


def cell(method: Method, orders: tuple[int, ...], d: int, r: int, trials: int) -> tuple[float | None, float]:
    """Mean share of components found, None where the rank is refused, and the seconds that took."""
    start, shares = perf_counter(), []
    for seed in range(trials):
        W = random_units(d, r, rng=seed).W
        try:
            shares.append(share_found(W, method([rank_one_sum(np.ones(r), W, order) for order in orders], r, seed)))
        except InputError:
            return None, perf_counter() - start
    return float(np.mean(shares)), perf_counter() - start


def frontier(orders: tuple[int, ...], dims: list[int], ratios: tuple[float, ...], trials: int, limit: float) -> Table:
    table = Table(title=f"share of components found from {' and '.join(f'T^{order}' for order in orders)}")
    for heading in ("d", "r", "r/d", "r/d^1.5", "r/d²", *(HEADINGS.get(name, name) for name in METHODS), "determined"):
        table.add_column(heading, no_wrap=True, justify="right")
    for d in dims:
        stopped: set[str] = set()
        for r in sorted({max(2, round(ratio * d)) for ratio in ratios}):
            cells = []
            for name, method in METHODS.items():
                if name in stopped:
                    cells.append("·")
                    continue
                share, seconds = cell(method, orders, d, r, trials)
                cells.append("no" if share is None else f"{share:.2f}")
                if (share is not None and share < WORTH_GOING_ON) or seconds > limit:
                    stopped.add(name)
            entries = comb(d + 2, 3) + (comb(d + 3, 4) if len(orders) == 2 else 0)
            sizes = (str(d), str(r), f"{r / d:.2f}", f"{r / d**1.5:.2f}", f"{r / d**2:.2f}")
            table.add_row(*sizes, *cells, "yes" if r * (d - 1) <= entries else "no")
        table.add_section()
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one small size, to see that it runs")
    parser.add_argument("--dims", type=int, nargs="+", default=[6, 8], help="the d")
    parser.add_argument("--trials", type=int, default=2, help="random components for each cell")
    parser.add_argument("--seconds", type=float, default=2.0, help="a method slower than this stops at that d")
    given = parser.parse_args()
    dims, ratios, trials = ([4], (0.5, 1.0), 1) if given.smoke else (given.dims, RATIOS, given.trials)
    for orders in ((3,), (3, 4)):
        Console(width=140).print(frontier(orders, dims, ratios, trials, given.seconds))


if __name__ == "__main__":
    main()
