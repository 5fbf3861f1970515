"""The command line of a benchmark that lets methods compete, and what it runs."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from contest.measurement import Measurement, measure, provenance, table
from contest.methods import METHODS, REFERENCE
from contest.problems import Problem

LEAST_SECONDS, TIMES = 5.0, 10.0


def time_limit(seconds: float, most: float, least: float = LEAST_SECONDS) -> float:
    """What a peer is given where the reference took `seconds`."""
    return max(seconds, min(most, max(least, TIMES * seconds)))


def run(problem: Problem, seed: int, methods: list[str], most: float, least: float) -> list[Measurement]:
    """The reference, and then the others with a limit that it sets."""
    reference = measure(problem, REFERENCE, seed)
    limit = time_limit(reference.seconds, most, least)
    return [reference, *(measure(problem, method, seed, limit) for method in methods if method != REFERENCE)]


def read(path: Path) -> tuple[dict, list[Measurement]]:
    """Where the runs in a file were made, and the runs."""
    first, *rest = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return first, [Measurement(**entry) for entry in rest]


def contest(
    description: str | None,
    problems: dict[str, Problem],
    methods: Sequence[str],
    smoke: Problem,
    *,
    seeds: int,
    least_seconds: float = LEAST_SECONDS,
) -> None:
    """Run the methods on the problems, as the command line says, and print the table."""
    given = _arguments(description, problems, methods, seeds)
    console = Console(width=150)
    if given.read:
        runs = []
        for path in given.read:
            where, made = read(path)
            console.print(where)
            runs += made
        console.print(table(runs))
        return
    chosen, seeds, limit = [problems[name] for name in given.problems], given.seeds, given.limit
    if given.smoke:
        chosen, seeds, limit = [smoke], 1, 1.0
    for method in (REFERENCE, *given.methods):  # what is done once in a process is no part of a time
        measure(smoke, method, 0, 1.0)
    where, runs = provenance(), []
    console.print(where)
    _append(given.output, where)
    for problem in chosen:
        for seed in range(seeds):
            for measurement in run(problem, seed, given.methods, limit, least_seconds):
                runs.append(measurement)
                _append(given.output, asdict(measurement))
    console.print(table(runs))


def _arguments(
    description: str | None, problems: dict[str, Problem], methods: Sequence[str], seeds: int
) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one tiny problem, one seed, to see that it runs")
    parser.add_argument("--problems", nargs="+", choices=problems, default=list(problems), metavar="NAME")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(methods), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--limit", type=float, default=60.0, help="most seconds of a peer, unless recover takes more")
    parser.add_argument("--output", type=Path, help="write each run to this file, one JSON object a line")
    parser.add_argument("--read", type=Path, nargs="+", help="only print the table of the runs in these files")
    return parser.parse_args()


def _append(path: Path | None, entry: dict) -> None:
    if path is not None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
