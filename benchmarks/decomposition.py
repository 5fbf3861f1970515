"""Is `decompose` as good as alternating least squares, and as quick?

    python benchmarks/decomposition.py [--smoke] [--dim 15] [--ranks 15 30 60 100] [--noises 0 1e-3 1e-2]
                                       [--weights equal unequal signed] [--seeds 3] [--limit 30] [--output RUNS]

Symmetric tensors of order four, Σ λ_i u_i⊗u_i⊗u_i⊗u_i, u_i random unit vectors; weights all one ("equal"), from 1 to 10
in a geometric row ("unequal"), or those with every other sign turned ("signed"); symmetric Gaussian noise of the given
share of the tensor's norm. "found" is the share of components with a cosine above 0.99 to one of those returned, each
of which counts once.

`decompose(T, r)` is called as it is. The peers, TensorLy's `parafac` and pyttb's `cp_als`, know no symmetry: of their
four factors for a term, all alike at a solution, the first counts. They are given what `decompose` is not told, the
level of the noise: they start again, from random factors, until a residual is below 1.05 times the noise (without
noise, below 1e-4) or the time is over, and the fit of least residual counts. A start has 1000 sweeps at most, and ends
early where a sweep gains less than 1e-8. Their time is three times that of `decompose`, at least `--least` and at most
`--limit` seconds; goal and time are looked at after each sweep (pyttb: after every ten).

The numbers are medians over the seeds; "ratio" is that of the seconds of `decompose` to those of the method.
"""

import argparse
import contextlib
import json
import os
import platform
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.optimize import linear_sum_assignment

from twolayer.decompose import decompose
from twolayer.symtensor import rank_one_sum, symmetrize

FOUND, AS_NOISE, AS_EXACT = 0.99, 1.05, 1e-4
TIMES, SWEEPS, LOOK, GAIN = 3.0, 1000, 10, 1e-8
REFERENCE = "decompose"
WEIGHTS: dict[str, Callable[[int], NDArray]] = {
    "equal": np.ones,
    "unequal": lambda r: np.geomspace(1, 10, r),
    "signed": lambda r: np.geomspace(1, 10, r) * np.where(np.arange(r) % 2, -1.0, 1.0),
}


@dataclass(frozen=True)
class Cell:
    """A law of tensors."""

    dim: int
    rank: int
    noise: float
    weights: str

    def draw(self, seed: int) -> tuple[NDArray, NDArray]:
        """The tensor and its components, unit rows."""
        rng = np.random.default_rng((seed, self.dim, self.rank))
        U = rng.standard_normal((self.rank, self.dim))
        U /= np.linalg.norm(U, axis=1, keepdims=True)
        T = rank_one_sum(WEIGHTS[self.weights](self.rank), U, 4)
        E = symmetrize(rng.standard_normal(T.shape))
        return T + self.noise * np.linalg.norm(T) / np.linalg.norm(E) * E, U

    @property
    def goal(self) -> float:
        """The relative residual at which a peer is told that it may end."""
        return AS_NOISE * self.noise or AS_EXACT


@dataclass(frozen=True)
class Run:
    """How a method did on a tensor: the share found, seconds, relative residual, starts."""

    cell: Cell
    method: str
    seed: int
    found: float
    seconds: float
    residual: float
    starts: int


class EndOfStart(Exception):  # noqa: N818 - nothing went wrong
    """A start is at its goal, or the time that a peer was given is over."""


Start = Callable[[NDArray, int, int, float, float], tuple[NDArray, float]]
"""From a tensor, a rank, a seed, the goal and the time of the end to factors (rows) and their relative residual."""


def tensorly_start(T: NDArray, rank: int, seed: int, goal: float, end: float) -> tuple[NDArray, float]:
    """One random start of TensorLy's alternating least squares."""
    from tensorly.decomposition import parafac

    least, factors = np.inf, np.zeros((rank, len(T)))

    def look(found, error) -> None:
        nonlocal least, factors
        if float(error) < least:
            least, factors = float(error), found.factors[0].T.copy()
        if least <= goal or perf_counter() > end:
            raise EndOfStart

    with contextlib.suppress(EndOfStart):
        parafac(T, rank, n_iter_max=SWEEPS, init="random", tol=GAIN, random_state=seed, callback=look)
    return factors, least


def pyttb_start(T: NDArray, rank: int, seed: int, goal: float, end: float) -> tuple[NDArray, float]:
    """One random start of the Tensor Toolbox's alternating least squares, looked at every ten sweeps."""
    import pyttb

    np.random.seed(seed)  # noqa: NPY002 - the library draws from there
    tensor, norm, found, residual = pyttb.tensor(T), np.linalg.norm(T), "random", np.inf
    for _ in range(SWEEPS // LOOK):
        found = pyttb.cp_als(tensor, rank, stoptol=0.0, maxiters=LOOK, init=found, printitn=0)[0]
        last, residual = residual, float(np.linalg.norm(found.full().data - T) / norm)
        if residual <= goal or last - residual < LOOK * GAIN or perf_counter() > end:
            break
    return found.factor_matrices[0].T, residual


PEERS: dict[str, tuple[str, Start]] = {
    "TensorLy parafac": ("tensorly", tensorly_start),
    "pyttb cp_als": ("pyttb", pyttb_start),
}


def share_found(U: NDArray, factors: NDArray) -> float:
    """Share of the rows of U with a partner of their own among the factors, up to sign."""
    lengths = np.linalg.norm(factors, axis=1, keepdims=True)
    cosines = np.abs(U @ (factors / np.where(lengths > 0, lengths, 1.0)).T)
    return float(np.mean(cosines[linear_sum_assignment(-cosines)] > FOUND))


def reference(cell: Cell, seed: int) -> Run:
    """`decompose`, called as it is."""
    T, U = cell.draw(seed)
    began = perf_counter()
    found = decompose(T, cell.rank, rng=seed)
    return Run(cell, REFERENCE, seed, share_found(U, found.factors), perf_counter() - began, found.residual, 1)


def restarted(cell: Cell, method: str, seed: int, limit: float) -> Run:
    """A peer, from one random start after another."""
    T, U = cell.draw(seed)
    began = perf_counter()
    least, best, starts = np.inf, np.zeros_like(U), 0
    while least > cell.goal and perf_counter() < began + limit:
        factors, residual = PEERS[method][1](T, cell.rank, 1000 * seed + starts, cell.goal, began + limit)
        starts += 1
        if residual < least:
            least, best = residual, factors
    seconds = perf_counter() - began
    return Run(cell, method, seed, share_found(U, best), seconds, least, starts)


def runs(cells: list[Cell], peers: list[str], seeds: int, least: float, most: float) -> Iterator[Run]:
    """All runs, cell by cell; the peers' limit follows the reference."""
    for cell in cells:
        for seed in range(seeds):
            first = reference(cell, seed)
            yield first
            for peer in peers:
                yield restarted(cell, peer, seed, min(most, max(least, TIMES * first.seconds)))


def table(made: list[Run]) -> Table:
    """Medians over the seeds."""
    shown = Table(title="Share of components found, and seconds; medians over the seeds")
    for heading in ("d", "r", "noise", "weights", "method", "found", "seconds", "ratio", "residual", "starts"):
        shown.add_column(heading, justify="left" if heading in ("weights", "method") else "right", no_wrap=True)
    for cell in dict.fromkeys(run.cell for run in made):
        here = [run for run in made if run.cell == cell]
        ours = median(run.seconds for run in here if run.method == REFERENCE)
        for method in dict.fromkeys(run.method for run in here):
            of_method = [run for run in here if run.method == method]
            found, seconds, residual, starts = (
                median(getattr(run, name) for run in of_method) for name in ("found", "seconds", "residual", "starts")
            )
            law = (str(cell.dim), str(cell.rank), f"{cell.noise:g}", cell.weights)
            numbers = (f"{found:.2f}", f"{seconds:.2f}", f"{ours / seconds:.2g}", f"{residual:.1e}", f"{starts:g}")
            shown.add_row(*law, method, *numbers)
        shown.add_section()
    return shown


def provenance(peers: list[str]) -> dict[str, object]:
    """What the numbers depend on, besides the code."""
    names = ["twolayer", "numpy", "scipy", *(PEERS[peer][0] for peer in peers)]
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "versions": {name: version(name) for name in names},
        "load": [round(entry, 2) for entry in os.getloadavg()] if hasattr(os, "getloadavg") else [],
        "variables": {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="two tiny cells, one seed, to see that it runs")
    parser.add_argument("--dim", type=int, default=15)
    parser.add_argument("--ranks", type=int, nargs="+", default=[15, 30, 60, 100])
    parser.add_argument("--noises", type=float, nargs="+", default=[0.0, 1e-3, 1e-2])
    parser.add_argument("--weights", nargs="+", choices=WEIGHTS, default=list(WEIGHTS))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--least", type=float, default=5.0, help="seconds that a peer has in any case")
    parser.add_argument("--limit", type=float, default=30.0, help="seconds that a peer has at most")
    parser.add_argument("--output", type=Path, help="write each run to this file, one JSON object a line")
    given = parser.parse_args()
    warnings.filterwarnings("ignore", module="tensorly|pyttb")
    peers = [name for name, (package, _) in PEERS.items() if find_spec(package)]
    cells = [
        Cell(given.dim, rank, noise, weights)
        for rank in given.ranks
        for noise in given.noises
        for weights in given.weights
    ]
    seeds, least, most = given.seeds, given.least, given.limit
    if given.smoke:
        cells, seeds, least, most = [Cell(4, 3, 0.0, "equal"), Cell(4, 5, 1e-2, "signed")], 1, 0.2, 0.2
    console = Console(width=120)
    console.print(where := provenance(peers))
    for _ in runs(
        [Cell(4, 3, 0.0, "equal")], peers, 1, 0.1, 0.1
    ):  # what is done once in a process is no part of a time
        pass
    made = []
    for run in runs(cells, peers, seeds, least, most):
        made.append(run)
        if given.output is not None:
            with given.output.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**asdict(run), "where": where}) + "\n")
    console.print(table(made))


if __name__ == "__main__":
    main()
