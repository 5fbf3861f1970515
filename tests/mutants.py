"""Change the code on purpose, one place at a time, and see whether the tests notice: ``make mutants``.

Cosmic Ray proposes the changes: another number, operator or comparison, a `not`, a `break`. Each is tried in a copy of
the sources, by the few tests that `mutants.toml` names for its module. They come in an order that the seed decides, a
module after the other in turn, until the time is over; the same seed tries the same changes again.
"""

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice, zip_longest
from os import environ
from pathlib import Path
from threading import Lock

from cosmic_ray import plugins
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

ROOT = Path(__file__).resolve().parent.parent
OUTCOMES = ("killed", "survived", "timeout")
ARITHMETIC = {"Add", "Sub", "Mul", "Div", "Pow"}
NOT_CHANGED = ("core/NoOp", "core/VariableReplacer", "core/VariableInserter")  # the last two ask for names


@dataclass(frozen=True)
class Mutant:
    """A module with one place changed."""

    module: str
    line: int
    old: str
    new: str
    code: str


def mutants(module: str, seed: int) -> Iterator[Mutant]:
    """The changes of a module, in the order of the seed."""
    source = (ROOT / "src" / "twolayer" / module).read_text(encoding="utf-8")
    left_out, nodes = places_without_meaning(source), list(ast_nodes(get_ast(source)))
    places = []
    for name in sorted(filter(is_sensible, plugins.operator_names())):
        operator = plugins.get_operator(name)()
        starts = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        inside = [any(first <= start < last for first, last in left_out) for start in starts]
        places += [(name, occurrence) for occurrence in range(len(starts)) if not inside[occurrence]]
    for name, occurrence in random.Random(f"{seed} {module}").sample(places, len(places)):
        code = mutate_code(source, plugins.get_operator(name)(), occurrence)
        if code is not None:
            yield Mutant(module, *difference(source, code), code)


def is_sensible(operator: str) -> bool:
    """Whether an operator of Cosmic Ray makes changes that someone might make; bits of floats are an error at once."""
    _, _, swapped = operator.partition("ReplaceBinaryOperator_")
    if swapped:
        return set(swapped.split("_")) <= ARITHMETIC or set(swapped.split("_")) <= {"BitAnd", "BitOr"}
    return operator not in NOT_CHANGED


def places_without_meaning(source: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Annotations and decorators: a change there is nonsense, or changes nothing."""
    found = []
    for node in ast.walk(ast.parse(source)):
        parts = [
            *getattr(node, "decorator_list", []),
            getattr(node, "annotation", None),
            getattr(node, "returns", None),
        ]
        for part in parts:
            if isinstance(part, ast.AST):
                found.append(((part.lineno, part.col_offset - 1), (part.end_lineno, part.end_col_offset)))
    return found


def difference(source: str, code: str) -> tuple[int, str, str]:
    """The number of the line that was changed, as it was and as it is."""
    for number, (old, new) in enumerate(zip_longest(source.splitlines(), code.splitlines(), fillvalue=""), 1):
        if old != new:
            return number, old.strip(), new.strip()
    return 0, "", ""


class Workshop:
    """A copy of the project, in which modules are changed and tested."""

    def __init__(self, place: Path):
        self.place = place
        place.mkdir(parents=True)
        for name in ("src", "tests", "pyproject.toml"):
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, place / name)

    def run(self, tests: list[str], timeout: float | None) -> str:
        """Whether one of the tests notices, or takes too long."""
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        # Of a changed module no compiled copy may be kept: it would be taken for the next change in the same second.
        own = {"PYTHONPATH": str(self.place / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        files = [str(self.place / "tests" / name) for name in tests]
        try:
            done = subprocess.run(
                [*command, *files],
                cwd=self.place,
                env={**environ, **own},
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return "timeout"
        return "survived" if done.returncode == 0 else "killed"

    def outcome(self, mutant: Mutant, tests: list[str], timeout: float) -> str:
        """What the tests say of a mutant."""
        path = self.place / "src" / "twolayer" / mutant.module
        kept = path.read_text(encoding="utf-8")
        for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
            compiled.unlink()
        try:
            path.write_text(mutant.code, encoding="utf-8")
            return self.run(tests, timeout)
        finally:
            path.write_text(kept, encoding="utf-8")


def baselines(workshop: Workshop, table: dict[str, list[str]]) -> dict[str, float]:
    """How long the tests of each module may take; without those modules whose tests fail before anything is changed."""
    allowed = {}
    for module, tests in table.items():
        began = time.monotonic()
        if workshop.run(tests, None) == "survived":
            allowed[module] = 10 + 4 * (time.monotonic() - began)
        else:
            print(f"{module}: left out, {' '.join(tests)} fail as it is", flush=True)
    return allowed


def in_turn(modules: list[str], seed: int, each: int | None) -> Iterator[Mutant]:
    """The first mutant of each module, then the second of each, and so on."""
    for turn in zip_longest(*(islice(mutants(module, seed), each) for module in modules)):
        yield from (mutant for mutant in turn if mutant is not None)


def tried(
    pending: Iterator[Mutant],
    table: dict[str, list[str]],
    allowed: dict[str, float],
    places: list[Workshop],
    end: float,
) -> list[tuple[Mutant, str]]:
    """The outcomes of those mutants that the time is enough for."""
    found, lock = [], Lock()

    def work(place: Workshop) -> None:
        while time.monotonic() < end:
            with lock:
                mutant = next(pending, None)
            if mutant is None:
                return
            found.append((mutant, place.outcome(mutant, table[mutant.module], allowed[mutant.module])))

    with ThreadPoolExecutor(len(places)) as pool:
        list(pool.map(work, places))
    return found


def report(found: list[tuple[Mutant, str]], equivalent: set[tuple[str, str, str]]) -> str:
    """A table of the modules, and the survivors, line by line."""
    counted = [(one, outcome) for one, outcome in found if (one.module, one.old, one.new) not in equivalent]
    lines = [f"{'module':32} {'tried':>6} {'killed':>7} {'survived':>9} {'timeout':>8} {'noticed':>8}"]
    for module in [*dict.fromkeys(one.module for one, _ in counted), "all"]:
        count = Counter(outcome for one, outcome in counted if module in (one.module, "all"))
        share = f"{1 - count['survived'] / max(count.total(), 1):.0%}"
        killed, survived, timeout = (count[outcome] for outcome in OUTCOMES)
        lines.append(f"{module:32} {count.total():6} {killed:7} {survived:9} {timeout:8} {share:>8}")
    survivors = sorted((one.module, one.line, one.old, one.new) for one, outcome in counted if outcome == "survived")
    lines += [f"\n{module}:{line}\n  - {old}\n  + {new}" for module, line, old, new in survivors]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Try mutants until the time is over, print the table, and write it to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE", help="of mutants.toml; all if none is named")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--each", type=int, help="so many mutants a module at most")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--output", type=Path, default=ROOT / "mutants.txt")
    asked = parser.parse_args()
    settings = tomllib.loads((ROOT / "tests" / "mutants.toml").read_text(encoding="utf-8"))
    if unknown := set(asked.modules) - set(settings["tests"]):
        parser.error(f"mutants.toml does not know {', '.join(sorted(unknown))}")
    table = {name: settings["tests"][name] for name in asked.modules or settings["tests"]}
    equivalent = {(one["module"], one["old"], one["new"]) for one in settings.get("equivalent", [])}
    end = time.monotonic() + 60 * asked.minutes
    with tempfile.TemporaryDirectory() as folder:
        places = [Workshop(Path(folder, str(number))) for number in range(asked.jobs)]
        allowed = baselines(places[0], table)
        found = tried(in_turn(list(allowed), asked.seed, asked.each), table, allowed, places, end)
    text = report(found, equivalent)
    asked.output.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
