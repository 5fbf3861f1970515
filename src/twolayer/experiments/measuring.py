"""Measure the cells of a figure that the ledger does not have, in one process or in several."""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from threadpoolctl import threadpool_limits

from twolayer.errors import InputError
from twolayer.experiments.figure import Cell, Config, Figure
from twolayer.experiments.fingerprint import code_of, versions
from twolayer.experiments.ledger import Entry, Ledger, canonical
from twolayer.experiments.table import Table, Value
from twolayer.plain import builtin

__all__ = ["Progress", "Standing", "cells_of", "check_jobs", "ledger_versions", "measure", "seed_of", "standing"]

Progress = Callable[[int, int, int], None]
"""Called with the numbers of cells that are finished, of all, and of those that failed."""


@dataclass(frozen=True)
class Standing:
    """How far a figure is.

    Attributes
    ----------
    cells : list of dict
        All of its grid, in the order of the table.
    entries : list of Entry or None
        How each went; None where it is still to be measured.
    """

    cells: Sequence[Cell]
    entries: Sequence[Entry | None]

    @property
    def finished(self) -> int:
        """Number of cells that have their rows."""
        return sum(entry is not None and entry.rows is not None for entry in self.entries)

    @property
    def failures(self) -> list[tuple[Cell, str]]:
        """Cells that failed, and their errors."""
        pairs = zip(self.cells, self.entries, strict=True)
        return [(cell, entry.error) for cell, entry in pairs if entry is not None and entry.error is not None]

    @property
    def seconds(self) -> float:
        """Time of all cells, one after the other."""
        return sum(entry.seconds for entry in self.entries if entry is not None)

    def table(self, columns: Sequence[str]) -> Table:
        """Return the table of what is finished."""
        rows = [row for entry in self.entries if entry is not None and entry.rows is not None for row in entry.rows]
        return Table.from_rows(rows, columns)


def cells_of(figure: Figure, config: Config) -> list[Cell]:
    """Return the cells of a figure at a size, or refuse a grid that has one twice or has none."""
    cells = figure.cells(config)
    texts = [canonical(cell) for cell in cells]
    twice = next((text for place, text in enumerate(texts) if text in texts[:place]), None) if _repeats(texts) else None
    if twice is not None:
        raise InputError(f"the grid of {figure.name} has the same cell twice: {twice}")
    if not cells:
        raise InputError(f"the grid of {figure.name} has no cell")
    return cells


def _repeats(texts: list[str]) -> bool:
    return len(set(texts)) < len(texts)


def seed_of(figure: Figure, cell: Cell) -> int:
    """Return the seed of a cell: 128 bits of the SHA-256 of the figure's name and the cell without its paired names."""
    own = {name: value for name, value in cell.items() if name not in figure.paired}
    return int.from_bytes(hashlib.sha256(canonical([figure.name, own]).encode()).digest()[:16])


def ledger_versions(figure: Figure) -> dict[str, str]:
    """Return everything that a result of `figure` depends on besides its cell."""
    return {**versions(), **code_of(figure.run_cell)}


def standing(cells: Sequence[Cell], ledger: Ledger) -> Standing:
    """Return what the ledger has of some cells."""
    known = ledger.entries()
    return Standing(cells, [known.get(ledger.key(cell)) for cell in cells])


def check_jobs(jobs: int) -> None:
    """Refuse a number of processes that would only stifle the machine: above four for each of its cores."""
    most_per_core = 4  # some wait for the disk, but beyond that they only wait for one another
    cores = os.cpu_count() or 1
    if not 1 <= jobs <= most_per_core * cores:
        raise InputError(
            f"jobs must be at least 1 and at most {most_per_core * cores}, {most_per_core} for each of {cores} cores,"
            f" found {jobs}"
        )


def measure(
    figure: Figure,
    cells: Sequence[Cell],
    ledger: Ledger,
    *,
    jobs: int = 1,
    retry: bool = False,
    progress: Progress | None = None,
) -> Standing:
    """Measure what the ledger does not have, and return where that leaves the figure.

    Parameters
    ----------
    figure : Figure
    cells : sequence of Cell
    ledger : Ledger
        Each result goes into it as it comes.
    jobs : int
        Number of processes; each uses one thread for linear algebra.
    retry : bool
        Whether to measure again what failed before.
    progress : callable, optional

    Returns
    -------
    Standing

    Raises
    ------
    InputError
        If a process dies, as one does that is out of memory, or the ledger cannot be written.
    """
    before = standing(cells, ledger)
    pending = [
        cell
        for cell, entry in zip(cells, before.entries, strict=True)
        if entry is None or (retry and entry.error is not None)
    ]
    failed = 0 if retry else len(before.failures)
    done = len(cells) - len(pending)
    for cell, entry in _measured(figure, pending, jobs):
        ledger.record(cell, seed_of(figure, cell), entry)
        done, failed = done + 1, failed + (entry.error is not None)
        if progress is not None:
            progress(done, len(cells), failed)
    return standing(cells, ledger)


def _measured(figure: Figure, cells: Sequence[Cell], jobs: int) -> Iterator[tuple[Cell, Entry]]:
    """Cells and how they went, in the order in which they end."""
    work = [(figure.run_cell, cell, seed_of(figure, cell), tuple(figure.columns)) for cell in cells]
    processes = min(jobs, len(cells))
    if processes <= 1:
        yield from (_run(*arguments) for arguments in work)
        return
    pool = Parallel(
        n_jobs=processes,
        return_as="generator_unordered",
        batch_size=1,
        pre_dispatch="2*n_jobs",
        initializer=_follow,
        initargs=(os.getpid(),),
    )
    try:
        yield from pool(delayed(_run)(*arguments) for arguments in work)
    except TerminatedWorkerError as error:
        raise InputError(
            "a process died, which may be for want of memory: what was finished stays; go on with fewer jobs"
        ) from error


def _follow(parent: int) -> None:
    """Let this process end when its parent does: one that is killed cannot end its children."""

    def look() -> None:
        while os.getppid() == parent:
            # a second: soon enough for a parent that is gone, and no load
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def _run(run_cell: Callable[..., Any], cell: Cell, seed: int, columns: tuple[str, ...]) -> tuple[Cell, Entry]:
    """Run one cell, and keep what it raises."""
    began = time.perf_counter()
    try:
        with threadpool_limits(1):
            rows = run_cell(dict(cell), np.random.default_rng(seed))
        lines = [_line(cell, row, columns) for row in rows]
    except Exception as error:  # noqa: BLE001 - whatever it is, it is kept as the error of the cell
        return cell, Entry(time.perf_counter() - began, None, f"{type(error).__name__}: {error}")
    return cell, Entry(time.perf_counter() - began, lines, None)


def _line(cell: Cell, row: Any, columns: tuple[str, ...]) -> dict[str, Value]:
    """One line of the table, as plain values."""
    values = {**cell, **row}
    missing = [name for name in columns if name not in values]
    unknown = [name for name in row if name not in columns]
    if missing or unknown:
        raise InputError(f"a row must have the columns of its figure, found {missing} missing and {unknown} unknown")
    return {name: _entry(name, values[name]) for name in columns}


def _entry(name: str, value: Any) -> Value:
    entry = builtin(value)
    if not isinstance(entry, str | bool | int | float):
        raise InputError(f"an entry of a table is a number, a truth value or text, found {entry!r} as {name}")
    return entry
