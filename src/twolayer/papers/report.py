"""The report: all figures of a folder on one page that needs nothing else."""

import hashlib
import html
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from twolayer.errors import InputError
from twolayer.experiments.inlining import inline_picture
from twolayer.experiments.table import Table, Value
from twolayer.files import FilePath, atomic_writer, distrust
from twolayer.papers.figures import FIGURES, figure_named

__all__ = ["report_of", "write_report"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_KEYS = {
    "figure": str, "title": str, "source": str, "claim": str, "verdict": str, "command": str, "config": dict,
    "cells": int, "failures": list, "seconds_of_all_cells": float, "seeds": str, "versions": dict, "machine": dict,
    "made": str, "sha256_of_table": str,
}  # fmt: skip
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #111; background: #fff; max-width: 56rem; margin: 0 auto;
  padding: 0 1rem 4rem; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.2; } h2 { font-size: 1.25rem; line-height: 1.25; margin-top: 3rem; }
nav ul { padding-left: 1.2rem; } figure { margin: 1rem 0; } figure svg { width: 100%; height: auto; display: block; }
.wide { overflow-x: auto; } .meanings { font-size: .85rem; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid #ccc; padding: .2rem .6rem; text-align: right; white-space: nowrap; }
th { border-bottom: 2px solid #555; } dl { font-size: .9rem; } dt { font-weight: 600; } dd { margin: 0 0 .4rem 1rem; }
th:first-child, td:first-child { text-align: left; }
code { font-size: .85rem; background: #f2f2f2; padding: 0 .2rem; } summary { cursor: pointer; margin: .5rem 0; }
@media print { body { max-width: none; } figure { break-inside: avoid; } h2 { break-after: avoid; }
  .wide { overflow-x: visible; } figure svg { min-width: 0 !important; } }
"""


def write_report(folder: Path, output: FilePath) -> int:
    """Write the report of all figures in `folder`, and return how many there are.

    Raises
    ------
    InputError
        As `report_of`; if `output` cannot be written.
    """
    page, count = report_of(folder)
    with atomic_writer(output) as stream:
        stream.write(page.encode())
    return count


def report_of(folder: Path) -> tuple[str, int]:
    """Return the page of all figures in `folder`, at any depth, and how many there are.

    Raises
    ------
    InputError
        If there is no figure, or one that is damaged or whose table is not the one that its provenance describes.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder")
    order = {name: place for place, name in enumerate(FIGURES)}
    found = [(_provenance(path), path.parent) for path in sorted(folder.rglob("provenance.json"))]
    if not found:
        raise InputError(f"there is no figure in {folder}: twolayer figure makes them")
    found.sort(key=lambda pair: order.get(pair[0]["figure"], len(order)))
    sections = [_section(told, home, f"f{place}") for place, (told, home) in enumerate(found)]
    links = "".join(f'<li><a href="#f{k}">{_text(told["title"])}</a></li>' for k, (told, _) in enumerate(found))
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>Figures by twolayer</title><style>{_STYLE}</style></head><body>"
        f"<h1>Figures by twolayer</h1><nav><ul>{links}</ul></nav>{''.join(sections)}</body></html>\n"
    )
    return page, len(found)


def _provenance(path: Path) -> dict[str, Any]:
    with distrust(path, "the provenance of a figure"):
        told = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(told, ensure_ascii=False).encode()  # refuses what no page can hold
    if not isinstance(told, dict):
        raise InputError(f"{path} is not the provenance of a figure")
    wrong = [key for key, kind in _KEYS.items() if not _is_of(told.get(key), kind)]
    if wrong:
        raise InputError(f"{path} is not the provenance of a figure: {', '.join(wrong)} missing or of another kind")
    return told


def _is_of(value: Any, kind: type) -> bool:
    """Whether a value is of a kind; as a number of seconds, whether it is one that a float holds."""
    if kind is not float:
        return isinstance(value, kind)
    return isinstance(value, int | float) and abs(value) <= sys.float_info.max


def _section(told: dict[str, Any], home: Path, mark: str) -> str:
    """One figure: what the paper shows, what came out, the picture, the table, and how it was made."""
    table = _table(told, home / "table.csv")
    figure = figure_named(told["figure"]) if told["figure"] in FIGURES else None
    try:
        verdict = told["verdict"] if figure is None else figure.verdict(table)
        shown = table if figure is None else figure.condense(table)
    except Exception as error:  # whatever a table makes it raise
        raise InputError(f"{home / 'table.csv'} cannot be put into words: {type(error).__name__}: {error}") from error
    failed = f" {len(told['failures'])} of {told['cells']} cells failed and are left out." if told["failures"] else ""
    return (
        f'<section id="{mark}"><h2>{_text(told["title"])}</h2><p>{_text(told["source"])}</p>'
        f"<p><strong>The paper:</strong> {_text(told['claim'])}</p>"
        f"<p><strong>Here:</strong> {_text(verdict)}{_text(failed)}</p>"
        f'<figure class="wide">{inline_picture(home / "figure.svg", mark)}</figure>'
        f"{_table_html(shown, {} if figure is None else figure.columns)}{_how(told)}</section>"
    )


def _table(told: dict[str, Any], path: Path) -> Table:
    with distrust(path, "the table of a figure"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != told["sha256_of_table"]:
        raise InputError(f"{path} is not the table that provenance.json beside it describes: make the figure again")
    return Table.read_csv(path)


def _table_html(table: Table, meanings: Mapping[str, str]) -> str:
    most = 300  # a page of more rows is slow to open
    heads = "".join(f'<th title="{_text(meanings.get(name, ""))}">{_text(name)}</th>' for name in table.columns)
    lines = "".join(
        f"<tr>{''.join(f'<td>{_text(_shown(value))}</td>' for value in row.values())}</tr>"
        for _, row in zip(range(most), table.rows(), strict=False)
    )
    told = "; ".join(f"{name}: {meanings[name]}" for name in table.columns if name in meanings)
    more = f" (the first {most}; all are in table.csv)" if len(table) > most else ""
    # a dozen rows are no wall before what comes next
    is_open = " open" if len(table) <= 12 else ""
    return (
        f"<details{is_open}><summary>Table, {len(table)} rows{more}</summary>"
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table></div>'
        f'<p class="meanings">{_text(told)}</p></details>'
    )


def _how(told: dict[str, Any]) -> str:
    """How to make it again: command, configuration, versions, seeds, time."""
    facts = {
        "Command": f"<code>{_text(told['command'])}</code>",
        "Configuration": "<br>".join(f"<code>{_text(line)}</code>" for line in _toml(told["config"])),
        "Versions": _text(", ".join(f"{name} {number}" for name, number in told["versions"].items())),
        "Seeds": _text(f"Of each cell: {told['seeds']}."),
        "Time": _text(f"{told['seconds_of_all_cells']:.1f} s for {told['cells']} cells, one after the other"),
        "Machine": _text(", ".join(f"{name} {value}" for name, value in told["machine"].items())),
        "Made": _text(told["made"]),
        "SHA-256 of table.csv": f"<code>{_text(told['sha256_of_table'])}</code>",
    }
    rows = "".join(f"<dt>{name}</dt><dd>{content}</dd>" for name, content in facts.items())
    return f"<details><summary>How it was made</summary><dl>{rows}</dl></details>"


def _toml(config: dict[str, Any]) -> Iterator[str]:
    """The configuration as lines of TOML, which JSON's numbers, texts, truth values and lists are."""
    return (f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in config.items())


def _shown(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _text(value: str) -> str:
    return html.escape(value)
