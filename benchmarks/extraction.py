"""How many questions does a black box take, how soon, in how much memory, and how exact is what comes back?

    python benchmarks/extraction.py [--smoke] [--seeds 3] [--large] [--files FOLDER]

Planted ReLU networks, as frameworks start them: rows and output weights uniform as Glorot has them, biases uniform on
[-0.01, 0.01], a constant. Each is a process of its own, on one thread, so that its memory is its own. With `--files`,
networks of others too, from .npz files with W, b, a (or A) and c. Columns: status; questions, their power of two and
how many a parameter; seconds of the processor and megabytes at most, the box's included; the largest relative error of
a unit. "walk" is the former first stage, of which the joint fit is dense. "published" is not measured here: it is what
Carlini, Jagielski and Mironov (CRYPTO 2020) give for a network of this shape, trained on MNIST.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from contest.measurement import provenance
from twolayer import TwoLayerNetwork, align
from twolayer.extract import CallableBox, extract
from twolayer.extract.querying import Oracle
from twolayer.extract.ramp_walk import RampWalk
from twolayer.extract.view import View
from twolayer.network import Polynomial

SIZES = ((10, 15), (20, 10), (64, 36), (784, 32), (784, 128))
SMOKE = ((10, 15),)
LARGE = ((3072, 256), (784, 1024), (3072, 512))
WALKED = ((10, 15), (20, 10))
PUBLISHED = {"784-128-1": "2^21.5", "deti_784_128_1": "2^21.5"}
COLUMNS = ("network", "parameters", "method", "seed", "status", "questions", "", "a parameter", "s", "MB", "error")


def planted(dim: int, width: int, seed: int) -> TwoLayerNetwork:
    rng = np.random.default_rng(seed)
    inner, outer = np.sqrt(6 / (dim + width)), np.sqrt(6 / (width + 1))
    W, a = rng.uniform(-inner, inner, (width, dim)), rng.uniform(-outer, outer, width)
    return TwoLayerNetwork(a, W, rng.uniform(-0.01, 0.01, width), "relu", Polynomial(0.05))


def on_file(path: Path) -> TwoLayerNetwork:
    arrays = np.load(path)
    a = arrays["a"] if "a" in arrays else arrays["A"].T
    constant = arrays["c"] if a.ndim == 2 else float(arrays["c"])
    return TwoLayerNetwork(a, arrays["W"], arrays["b"], "relu", Polynomial(constant))


def is_piecewise_linear(path: Path) -> bool:
    with np.load(path) as arrays:
        return str(arrays["activation"]).lower() == "relu"


def largest_error(network: TwoLayerNetwork, truth: TwoLayerNetwork) -> float:
    return align(network, truth).max_relative_error if network.width == truth.width else np.inf


def measured(truth: TwoLayerNetwork, method: str, seed: int) -> tuple[str, int, float]:
    """Status, questions, largest error."""
    box = CallableBox(lambda X: np.maximum(X @ truth.W.T + truth.b, 0) @ truth.a + truth.polynomial.constant, truth.dim)
    if method == "walk":
        rng = np.random.default_rng(seed)
        oracle = Oracle(box, 10**8, None, rng)
        view = View(oracle, rng)
        network = view.units.network(RampWalk(view, rng).network()[0])
        return "-", oracle.asked, largest_error(network, truth)
    found = extract(box, budget=10**8, rng=seed)
    return found.status.name, found.queries, largest_error(found.network, truth)


def one(arguments: list[str]) -> None:
    """Measure one network, and print what was found: this is the process of its own."""
    import resource  # not on every system
    import time

    name, method, seed = arguments[0], arguments[1], int(arguments[2])
    truth = on_file(Path(name)) if name.endswith(".npz") else planted(*map(int, name.split("-")[:2]), seed)
    start, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status, queries, error = measured(truth, method, seed)
    seconds = time.process_time() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    parameters = truth.W.size + truth.b.size + truth.a.size + truth.n_outputs
    print(parameters, status, queries, seconds, (most - before) / 1024, error)  # kilobytes, on Linux


def row(name: str, method: str, seed: int) -> list[str]:
    command = [sys.executable, str(Path(__file__).resolve()), "--one", name, method, str(seed)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(command, env={**os.environ, **threads}, capture_output=True, text=True, check=True)
    parameters, status, queries, seconds, megabytes, error = done.stdout.split()
    count = int(queries)
    return [
        Path(name).stem,
        parameters,
        method,
        str(seed),
        status,
        queries,
        f"2^{np.log2(count):.1f}",
        f"{count / int(parameters):.2f}",
        f"{float(seconds):.1f}",
        f"{float(megabytes):.0f}",
        f"{float(error):.1e}",
        PUBLISHED.get(Path(name).stem, ""),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--files", type=Path)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        one(options.one)
        return
    sizes = SMOKE if options.smoke else SIZES + (LARGE if options.large else ())
    names = [f"{dim}-{width}-1" for dim, width in sizes]
    if options.files:
        names += [str(path) for path in sorted(options.files.glob("*.npz")) if is_piecewise_linear(path)]
    table = Table(*COLUMNS, "published")
    walked = {f"{dim}-{width}-1" for dim, width in WALKED}
    for name in names:
        for seed in range(1 if options.smoke else options.seeds):
            for method in ("extract", "walk") if name in walked else ("extract",):
                table.add_row(*row(name, method, seed))
    console = Console(width=200)
    console.print(table)
    console.print(provenance())


if __name__ == "__main__":
    main()
