"""How soon is a network recovered, beside what others would do?

    python benchmarks/recovery.py [--smoke] [--problems NAME ...] [--methods NAME ...] [--seeds 3] [--limit 60]
                                  [--output RUNS] [--read RUNS ...]

Planted networks with κ = 2 and output weights ±1, Gaussian inputs, no noise: the paper's setting (squared ReLU, k = 5),
from its 20 rows a parameter and from 2, and ReLU up to 50 units on 500 inputs. No method knows the signs of the output
weights.

The goal is a largest relative error of at most 1e-6. `recover` is timed as a whole, certificate included, once with
its lift off. A peer minimises over (a, W) from one random start after another until the squared residual is at most
1e-14 of that of nothing. All but `recover` are given ten times the seconds that it took, at least 5 and at most
`--limit`, but never less than it took itself.

"seconds" and "ratio" (seconds of `recover` over those of the method, seed by seed) are medians; "> s" says that half of
the seeds or more were not recovered within s seconds. "to 1e-14" are the seconds until that loss was first met, and
"loss" is the least met. All methods run in this process, in turn, on the threads that the environment gives them.
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from contest.measurement import Measurement, measure, provenance, table
from contest.methods import METHODS, REFERENCE
from contest.problems import PROBLEMS, SMOKE, Problem

LEAST_SECONDS, TIMES = 5.0, 10.0


def time_limit(seconds: float, most: float) -> float:
    """What a peer is given where the reference took `seconds`."""
    return max(seconds, min(most, max(LEAST_SECONDS, TIMES * seconds)))


def run(problem: Problem, seed: int, methods: list[str], most: float) -> list[Measurement]:
    """The reference, and then the others with a limit that it sets."""
    reference = measure(problem, REFERENCE, seed)
    limit = time_limit(reference.seconds, most)
    return [reference, *(measure(problem, method, seed, limit) for method in methods if method != REFERENCE)]


def read(path: Path) -> tuple[dict, list[Measurement]]:
    """Where the runs in a file were made, and the runs."""
    first, *rest = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return first, [Measurement(**entry) for entry in rest]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one tiny problem, one seed, to see that it runs")
    parser.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS), metavar="NAME")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=60.0, help="most seconds of a peer, unless recover takes more")
    parser.add_argument("--output", type=Path, help="write each run to this file, one JSON object a line")
    parser.add_argument("--read", type=Path, nargs="+", help="only print the table of the runs in these files")
    given = parser.parse_args()
    console = Console(width=150)
    if given.read:
        runs = []
        for path in given.read:
            where, made = read(path)
            console.print(where)
            runs += made
        console.print(table(runs))
        return
    problems, seeds, limit = [PROBLEMS[name] for name in given.problems], given.seeds, given.limit
    if given.smoke:
        problems, seeds, limit = [SMOKE], 1, 1.0
    for method in (REFERENCE, *given.methods):  # what is done once in a process is no part of a time
        measure(SMOKE, method, 0, 1.0)
    where, runs = provenance(), []
    console.print(where)
    _append(given.output, where)
    for problem in problems:
        for seed in range(seeds):
            for measurement in run(problem, seed, given.methods, limit):
                runs.append(measurement)
                _append(given.output, asdict(measurement))
    console.print(table(runs))


def _append(path: Path | None, entry: dict) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


if __name__ == "__main__":
    main()
