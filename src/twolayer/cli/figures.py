"""The commands that redraw the papers' figures: `figure` measures and draws, `report` gathers."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twolayer.cli.conventions import NOT_CERTIFIED, AsJson, at_least, print_json, require_writable
from twolayer.errors import InputError

if TYPE_CHECKING:
    from twolayer.experiments import Config, Figure

__all__ = ["figure", "report"]

ALL = "all"  # no figure has this name


def figure(
    name: Annotated[str, typer.Argument(help="Its name, as `twolayer list` shows it, or all.", show_default=False)],
    size: Annotated[str, typer.Option(help="smoke (a minute at most) or paper (the paper's own, hours).")] = "smoke",
    config: Annotated[Path | None, typer.Option(help="A TOML file with other numbers than the size has.")] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; by default figures/SIZE/NAME.", show_default=False)
    ] = None,
    jobs: Annotated[int, typer.Option(callback=at_least(1), help="Number of processes, at most 4 for each core.")] = 1,
    retry: Annotated[bool, typer.Option("--retry", metavar="", help="Measure again what failed before.")] = False,
    status: Annotated[bool, typer.Option("--status", metavar="", help="Only say how far it is.")] = False,
    parquet: Annotated[bool, typer.Option("--parquet", metavar="", help="Write table.parquet too.")] = False,
    as_json: AsJson = False,
) -> int:
    """Redraw a figure of a paper: its table, pictures and provenance; goes on where a run was broken off.

    Writes table.csv, figure.svg, figure.png and provenance.json; ledger.sqlite beside them keeps each measurement.
    """
    from twolayer.experiments import configuration
    from twolayer.papers.figures import FIGURES, figure_named

    chosen = [figure_named(one) for one in (FIGURES if name == ALL else [name])]
    folder = Path("figures") / size if out is None else out
    is_nested = name == ALL or out is None
    planned = [(one, configuration(one, size, config), folder / one.name if is_nested else folder) for one in chosen]
    if status:
        reports = [_standing(*plan, as_json=as_json) for plan in planned]
    else:
        options = {"jobs": jobs, "retry": retry, "parquet": parquet}
        reports = [_made(*plan, _command(plan[0], size, config, plan[2]), options, as_json) for plan in planned]
    if as_json:
        print_json(reports[0] if name != ALL else {"figures": reports})
    return NOT_CERTIFIED if not status and any(told["failures"] or told["fault"] for told in reports) else 0


def report(
    folder: Annotated[Path, typer.Argument(help="A folder with figures in it, at any depth.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the page goes.")] = Path("report.html"),
) -> None:
    """Gather all figures of a folder on one page, with tables, configuration, versions and what came out."""
    from twolayer.papers.report import write_report

    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"the page {output} must end in .html")
    require_writable(output)
    count = write_report(folder, output)
    typer.echo(f"wrote {output}, {count} figure{'' if count == 1 else 's'}")


def _made(
    figure: "Figure", config: "Config", folder: Path, command: str, options: dict[str, Any], as_json: bool
) -> dict[str, Any]:
    """Make one figure, tell how that went, and return it as plain values."""
    from twolayer.display import counted
    from twolayer.experiments import make_figure

    with counted(figure.name) as progress:
        made = make_figure(figure, config, folder, command=command, progress=progress, **options)
    if not as_json:
        _tell_failures(figure, made.failures)
        if made.fault:
            typer.echo(f"{figure.name}: the table could not be drawn: {' '.join(made.fault.split())}", err=True)
        else:
            typer.echo(f"{figure.name}: {made.verdict or 'no cell is finished, and nothing was drawn'}")
        for path in made.files:
            typer.echo(f"wrote {path}")
    return {
        "figure": figure.name,
        "verdict": made.verdict,
        "rows": len(made.table),
        "failures": [{"cell": cell, "error": error} for cell, error in made.failures],
        "fault": made.fault,
        "seconds": made.seconds,
        "files": list(map(str, made.files)),
    }


def _standing(figure: "Figure", config: "Config", folder: Path, *, as_json: bool) -> dict[str, Any]:
    """Say how far a figure is, and return it as plain values."""
    from twolayer.experiments import status_of

    found = status_of(figure, config, folder)
    total, failed = len(found.cells), len(found.failures)
    if not as_json:
        typer.echo(
            f"{figure.name}: {found.finished} of {total} cells finished, {failed} failed,"
            f" {total - found.finished - failed} to do; {found.seconds:.1f} s so far"
        )
        _tell_failures(figure, found.failures)
    return {
        "figure": figure.name,
        "cells": total,
        "finished": found.finished,
        "failures": [{"cell": cell, "error": error} for cell, error in found.failures],
        "seconds": found.seconds,
    }


def _tell_failures(figure: "Figure", failures: list[tuple[dict[str, Any], str]]) -> None:
    for cell, error in failures:
        inside = ", ".join(f"{name}={value}" for name, value in cell.items())
        typer.echo(f"{figure.name}: failed at {inside}: {' '.join(error.split())}", err=True)
    if failures:
        typer.echo(f"{figure.name}: {len(failures)} failed cells are left out; --retry measures them again", err=True)


def _command(figure: "Figure", size: str, config: Path | None, folder: Path) -> str:
    """What to type to make it again."""
    changes = [] if config is None else ["--config", str(config)]
    return shlex.join(["twolayer", "figure", figure.name, "--size", size, *changes, "--out", str(folder)])
