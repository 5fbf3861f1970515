"""Make a figure: measure, draw, and write table, pictures and provenance into a folder."""

import hashlib
import io
import json
import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from twolayer.errors import InputError
from twolayer.experiments.figure import Cell, Config, Figure
from twolayer.experiments.fingerprint import versions
from twolayer.experiments.ledger import Ledger, canonical
from twolayer.experiments.measuring import Progress, Standing, cells_of, check_jobs, ledger_versions, measure, standing
from twolayer.experiments.table import Table
from twolayer.files import atomic_writer

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

__all__ = ["Made", "make_figure", "status_of"]

LEDGER = "ledger.sqlite"


@dataclass(frozen=True)
class Made:
    """What was made of a figure.

    Attributes
    ----------
    table : Table
    verdict : str
        Empty if no cell is finished, or there is a fault.
    failures : list of (dict, str)
        Cells that failed, and their errors; they are not in the table.
    seconds : float
        Time of all cells, one after the other, whenever they were measured.
    files : list of Path
    fault : str
        What was raised where the table was drawn and put into words, so that only the table is written; else empty.
    """

    table: Table
    verdict: str
    failures: list[tuple[Cell, str]]
    seconds: float
    files: list[Path]
    fault: str = ""


def make_figure(
    figure: Figure,
    config: Config,
    folder: Path,
    *,
    jobs: int = 1,
    retry: bool = False,
    parquet: bool = False,
    command: str = "",
    progress: Progress | None = None,
) -> Made:
    """Measure what is not measured yet, then write table.csv, figure.svg, figure.png and provenance.json.

    Parameters
    ----------
    figure : Figure
    config : Config
        Of the figure: one of its sizes, or any other.
    folder : Path
        Is made if need be. It also holds the ledger, from which an interrupted run goes on, to the same table.
    jobs : int
        Number of processes, at most four for each core of the machine.
    retry : bool
        Whether to measure again what failed before.
    parquet : bool
        Whether to write table.parquet too; needs pyarrow.
    command : str
        What a reader types to make it again, for the provenance.
    progress : callable, optional
        Called with the numbers of cells finished, of all, and failed.

    Returns
    -------
    Made

    Raises
    ------
    InputError
        If there are too many jobs, the folder cannot be written, its ledger is damaged or of another version, or
        another run is writing there.
    """
    check_jobs(jobs)
    cells = cells_of(figure, config)
    write_parquet = _parquet_writer() if parquet else None
    _require_folder(folder)
    with Ledger(folder / LEDGER, figure.name, ledger_versions(figure)) as ledger:
        found = measure(figure, cells, ledger, jobs=jobs, retry=retry, progress=progress)
    table = found.table(tuple(figure.columns))
    if not len(table):
        return Made(table, "", found.failures, found.seconds, [])
    contents = {"table.csv": table.to_csv()}
    if write_parquet is not None:
        contents["table.parquet"] = write_parquet(table)
    verdict, fault = "", ""
    try:
        pictures, verdict = _pictures(figure.plot(table)), figure.verdict(table)
    except Exception as error:  # noqa: BLE001 - whatever it is, the table that was measured is kept
        fault = f"{type(error).__name__}: {error}"
    else:
        digest = hashlib.sha256(contents["table.csv"]).hexdigest()
        provenance = _as_json(_provenance(figure, config, found, verdict, command, digest))
        contents |= {**pictures, "provenance.json": provenance}
    for name, content in contents.items():
        with atomic_writer(folder / name) as stream:
            stream.write(content)
    return Made(table, verdict, found.failures, found.seconds, [folder / name for name in contents], fault)


def status_of(figure: Figure, config: Config, folder: Path) -> Standing:
    """Return how far a figure is in a folder; nothing is measured or written."""
    cells = cells_of(figure, config)
    with Ledger(folder / LEDGER, figure.name, ledger_versions(figure), is_writer=False) as ledger:
        return standing(cells, ledger)


def _require_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror or error}") from error


def _pictures(picture: "Picture") -> dict[str, bytes]:
    """The picture as SVG, its text as text, and as PNG; the same picture gives the same bytes."""
    import matplotlib as mpl

    drawn = {}
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "twolayer"}):
        for kind, metadata in {"svg": {"Date": None}, "png": {"Software": None}}.items():
            stream = io.BytesIO()
            picture.savefig(stream, format=kind, dpi=150, metadata=metadata)
            drawn[f"figure.{kind}"] = stream.getvalue()
    return drawn


def _provenance(
    figure: Figure, config: Config, found: Standing, verdict: str, command: str, digest: str
) -> dict[str, Any]:
    return {
        "figure": figure.name,
        "title": figure.title,
        "source": figure.source,
        "claim": figure.claim,
        "verdict": verdict,
        "command": command,
        "config": msgspec.to_builtins(config),
        "cells": len(found.cells),
        "failures": [{"cell": cell, "error": error} for cell, error in found.failures],
        "seconds_of_all_cells": round(found.seconds, 3),
        "seeds": _seeds_in_words(figure),
        "versions": versions(),
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256_of_table": digest,
        "sha256_of_code": hashlib.sha256(
            canonical({"figure": figure.name, **ledger_versions(figure)}).encode()
        ).hexdigest(),
    }


def _seeds_in_words(figure: Figure) -> str:
    seeds = "128 bits of the SHA-256 of the figure's name and the cell's content, as JSON"
    return f"{seeds} without {', '.join(figure.paired)}" if figure.paired else seeds


def _as_json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _parquet_writer() -> Callable[[Table], bytes]:
    """A function from a table to the bytes of a Parquet file, or a refusal before anything long is computed."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            "Parquet needs pyarrow, which is not installed: pip install pyarrow, or leave it out"
        ) from None

    def written(table: Table) -> bytes:
        stream = io.BytesIO()
        columns = {name: pyarrow.array(table[name]) for name in table.columns}
        pyarrow.parquet.write_table(pyarrow.table(columns), stream)
        return stream.getvalue()

    return written
