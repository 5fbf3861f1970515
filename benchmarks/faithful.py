"""Do the paper's own algorithms recover the paper's own networks?

    python benchmarks/faithful.py [--smoke] [--multiple 200] [--seeds 5]

zhong2017recovery, section 7: squared ReLU, k = 5, κ = 2, output weights ±1 unknown, no noise, n = multiple · d rows.

The first table has Algorithm 1 + 2, of at most 8000 steps, with one thing changed in each row. "signs" counts the
starts whose output weights are all right, and "recovered" the runs that end at a largest relative error of at most 0.01
with the right output weights, the paper's criterion; errors are medians over the seeds, the last one over the recovered
runs.

The second table has Algorithm 1 alone, four times as many seeds, with some of its three estimates replaced by the exact
moment: the subspace V of P_2, the cube R_3 and the moments of RECMAGSIGN. What helps is what limits it.
"""

import argparse
from collections.abc import Iterable
from time import process_time

import numpy as np
from rich.console import Console
from rich.table import Table

from twolayer.align import align, recovery_error
from twolayer.decompose import kcl
from twolayer.moments import MomentOperator, moment_cube
from twolayer.network import TwoLayerNetwork
from twolayer.papers.zhong2017recovery.algorithm import decoded, eigsh_subspace, magnitudes_and_signs, recover_zhong2017
from twolayer.papers.zhong2017recovery.theory import moment
from twolayer.teachers import conditioned, gaussian_samples

WIDTH, KAPPA, ACTIVATION, RECOVERED, MAX_STEPS = 5, 2.0, "squared_relu", 1e-2, 8000

# What is changed: how many times the rows, and the options of Algorithm 2.
RESAMPLED = {"partition": False, "resampling": True, "max_steps": None}
VARIANTS: dict[str, tuple[int, dict]] = {
    "as in the paper": (1, {}),
    "three times the rows": (3, {}),
    "six times the rows": (6, {}),
    "no partition": (1, {"partition": False}),
    "no partition, twice the rows": (2, {"partition": False}),
    "no partition, eigsh": (1, {"partition": False, "subspace": "eigsh"}),
    "no partition, inverse-row plug-in": (1, {"partition": False, "plug_in": "inverse"}),
    "no partition, step 0.02": (1, {"partition": False, "step_size": 0.02}),
    "no partition, resampling": (1, RESAMPLED),
    "no partition, resampling, fifty times the rows": (50, RESAMPLED | {"subspace": "eigsh"}),
}
# Which of V, R_3 and the moments of RECMAGSIGN are exact.
STAGES = {
    "nothing exact": "",
    "V exact": "V",
    "R_3 exact": "R",
    "RECMAGSIGN's moments exact": "Q",
    "V and R_3 exact": "VR",
    "V and RECMAGSIGN's moments exact": "VQ",
}


def trial(d: int, n: int, options: dict, seed: int) -> dict[str, float]:
    """One planted network, recovered: what the first table's columns are made of."""
    teacher = conditioned(d, WIDTH, KAPPA, ACTIVATION, rng=seed)
    X, y = gaussian_samples(teacher, n, rng=1000 + seed)
    start = process_time()
    network, history = recover_zhong2017(X, y, WIDTH, ACTIVATION, rng=seed, **{"max_steps": MAX_STEPS} | options)
    seconds = process_time() - start
    first = align(history.start.network, teacher)
    return {
        "signs": first.signs_equal,
        "initial": first.max_relative_error,
        "final": recovery_error(network, teacher),
        "steps": history.steps,
        "seconds": seconds,
    }


def start_with_exact(stages: str, d: int, n: int, partition: bool, seed: int) -> tuple[bool, float]:
    """Algorithm 1 with exact moments in some stages: whether the output weights are right, and the error."""
    rng = np.random.default_rng(seed)
    teacher = conditioned(d, WIDTH, KAPPA, ACTIVATION, rng=seed)
    X, y = gaussian_samples(teacher, n, rng=1000 + seed)
    S2, S3, S4 = np.array_split(rng.permutation(n), 3) if partition else (slice(None),) * 3
    V = eigsh_subspace(MomentOperator(X[S2], y[S2], 2), WIDTH, rng=rng).basis
    if "V" in stages:
        V = np.linalg.qr(teacher.W.T)[0]
    cube = moment_cube(X[S3], y[S3], V, 3)
    if "R" in stages:
        cube = np.einsum("abc,ai,bj,ck->ijk", moment(teacher, 3), V, V, V, optimize=True)
    directions = kcl(cube, WIDTH, projections=100, rng=rng).factors
    network = magnitudes_and_signs(X[S4], y[S4], V, directions, teacher.activation, V[:, 0])
    if "Q" in stages:
        first, second = V.T @ moment(teacher, 1), V.T @ moment(teacher, 2) @ V
        a, rows = decoded(first, second, directions, teacher.activation, np.ones(WIDTH))
        network = TwoLayerNetwork(a, rows @ V.T, activation=teacher.activation)
    found = align(network, teacher)
    return found.signs_equal, found.max_relative_error


def recoveries(sizes: tuple[int, ...], multiple: int, seeds: int) -> Table:
    table = _table(
        f"Algorithm 1 + 2, {ACTIVATION}, k = {WIDTH}, κ = {KAPPA:g}, {seeds} seeds",
        ("d", "n", "what", "signs", "recovered", "initial error", "final error", "steps", "CPU s"),
    )
    for d in sizes:
        for name, (times, options) in VARIANTS.items():
            runs = [trial(d, times * multiple * d, options, seed) for seed in range(seeds)]
            ends = [run["final"] for run in runs if run["final"] <= RECOVERED]
            table.add_row(
                str(d),
                str(times * multiple * d),
                name,
                f"{sum(run['signs'] for run in runs)}/{seeds}",
                f"{len(ends)}/{seeds}",
                _median(run["initial"] for run in runs),
                f"{np.median(ends):.1e}" if ends else "-",
                f"{np.median([run['steps'] for run in runs]):.0f}",
                f"{np.median([run['seconds'] for run in runs]):.1f}",
            )
        table.add_section()
    return table


def starts(sizes: tuple[int, ...], multiple: int, seeds: int) -> Table:
    table = _table(
        f"Algorithm 1 with exact stages, {seeds} seeds", ("d", "n", "partition", "what", "signs", "initial error")
    )
    for d in sizes:
        for partition in (True, False):
            for name, stages in STAGES.items():
                runs = [start_with_exact(stages, d, multiple * d, partition, seed) for seed in range(seeds)]
                signs = f"{sum(right for right, _ in runs)}/{seeds}"
                error = _median(error for _, error in runs)
                table.add_row(str(d), str(multiple * d), "yes" if partition else "no", name, signs, error)
        table.add_section()
    return table


def _median(values: Iterable[float]) -> str:
    return f"{np.median(list(values)):.2f}"


def _table(title: str, headings: tuple[str, ...]) -> Table:
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading, no_wrap=True, justify="left" if heading == "what" else "right")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one small size, one seed, to see that it runs")
    parser.add_argument("--multiple", type=int, default=200, help="rows for each input dimension")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    sizes, seeds = ((10,), 1) if given.smoke else ((10, 20, 40), given.seeds)
    console = Console(width=150)
    console.print(recoveries(sizes, given.multiple, seeds))
    console.print(starts(sizes, given.multiple, 4 * seeds))


if __name__ == "__main__":
    main()
