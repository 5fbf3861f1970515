"""How much memory does `recover` take, beyond the samples themselves?

    python benchmarks/memory.py [--smoke]

A million rows of 100 inputs, float64 (800 MB), are written to a file. A process of its own loads them, notes the
highest resident memory that it has had, recovers the network, and notes it again: the difference is what `recover`
took. Noise has a standard deviation of 1 % of the labels'.
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from numpy.lib.format import open_memmap
from rich.console import Console
from rich.table import Table

from contest.problems import KAPPA
from twolayer.align import recovery_error
from twolayer.network import TwoLayerNetwork
from twolayer.recover import recover
from twolayer.teachers import conditioned

CASES = (("squared_relu", 5, 0.0), ("relu", 10, 0.0), ("relu", 10, 0.01))  # activation, units, noise
TARGET_MB = 500
BLOCK = 10_000


def write_inputs(path: Path, n: int, d: int) -> None:
    """Standard Gaussian inputs, block by block."""
    X, rng = open_memmap(path, mode="w+", dtype=np.float64, shape=(n, d)), np.random.default_rng(0)
    for first in range(0, n, BLOCK):
        X[first : first + BLOCK] = rng.standard_normal((min(BLOCK, n - first), d))
    X.flush()


def peak_megabytes() -> float:
    """Highest resident memory of this process so far."""
    kilobyte = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilobyte / 1e6


def measure(inputs: Path, teacher_path: Path, noise: float) -> dict[str, object]:
    """Load, recover, and say what that took; in a process of its own, because a peak does not go down again."""
    teacher = TwoLayerNetwork.load(teacher_path)
    X = np.load(inputs, allow_pickle=False)
    y = teacher(X)
    y += noise * y.std() * np.random.default_rng(1).standard_normal(len(y))
    before, start = peak_megabytes(), perf_counter()
    result = recover(X, y, teacher.width, teacher.activation, rng=0)
    seconds, after = perf_counter() - start, peak_megabytes()
    return {
        "samples": (X.nbytes + y.nbytes) / 1e6,
        "before": before,
        "taken": after - before,
        "seconds": seconds,
        "status": result.status.name,
        "error": recovery_error(result.network, teacher),
    }


def measure_apart(inputs: Path, teacher_path: Path, noise: float) -> dict[str, object]:
    command = [sys.executable, __file__, "--measure", str(inputs), str(teacher_path), str(noise)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="few rows and one case, to see that it runs")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        inputs, teacher_path, noise = given.measure
        print(json.dumps(measure(Path(inputs), Path(teacher_path), float(noise))))
        return
    n, d, cases = (5_000, 10, CASES[:1]) if given.smoke else (1_000_000, 100, CASES)
    table = Table(title=f"Memory of recover in MB, n = {n}, d = {d}, float64; target {TARGET_MB}")
    for heading in ("activation", "k", "noise", "samples", "before", "taken", "seconds", "status", "error"):
        table.add_column(heading, no_wrap=True, justify="left" if heading in ("activation", "status") else "right")
    with TemporaryDirectory() as folder:
        inputs, teacher_path = Path(folder) / "X.npy", Path(folder) / "teacher.npz"
        write_inputs(inputs, n, d)
        for activation, k, noise in cases:
            conditioned(d, k, KAPPA, activation, rng=0).save(teacher_path)
            found = measure_apart(inputs, teacher_path, noise)
            amounts = [f"{found[name]:.0f}" for name in ("samples", "before", "taken")]
            seconds, error = f"{found['seconds']:.1f}", f"{found['error']:.0e}"
            table.add_row(activation, str(k), f"{noise:g}", *amounts, seconds, str(found["status"]), error)
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
