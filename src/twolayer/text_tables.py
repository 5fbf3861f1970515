"""How a text holds a table: separator, decimals, header; found out from its first lines."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TextIO

from twolayer.errors import InputError
from twolayer.files import FilePath

__all__ = ["Layout", "cells_of", "layout_of", "missing", "numeric", "opened"]

_LOOKED_AT = 200  # lines that are looked at to find out: enough to see a decimal mark, and read in a millisecond
_SEPARATORS = (";", "\t", "|", ",", None)  # in this order where several would do; None is any run of blanks
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# what spreadsheets, R, pandas, SAS and databases write for a value that is not there
_MISSING = {"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "nil", "?", "-", "--", ".", "#div/0!", "#value!"}


@dataclass(frozen=True)
class Layout:
    """How the lines of a text are to be read.

    Attributes
    ----------
    separator : str or None
        None for runs of blanks.
    decimal : str
        ``"."`` or ``","``.
    width : int
        Number of columns, empty ones at the end not counted.
    names : tuple of str, or None
    unnamed : tuple of int
        Columns whose cell in the header is empty: they are called by their place.
    last_header_line : int
        Lines up to this one, counted from 1, hold no row.
    has_labels : bool
        Whether the first column holds labels of the rows, which are no numbers.
    notes : tuple of str
    """

    separator: str | None
    decimal: str
    width: int
    names: tuple[str, ...] | None
    unnamed: tuple[int, ...]
    last_header_line: int
    has_labels: bool
    notes: tuple[str, ...]

    def is_named(self, column: int) -> bool:
        """Whether the header says the name of a column."""
        return self.names is not None and column not in self.unnamed

    def rows(self, path: FilePath) -> Iterator[tuple[int, str]]:
        """Number, counted from 1, and text of each line that holds a row."""
        with opened(path) as lines:
            for number, line in enumerate(lines, start=1):
                if number > self.last_header_line and _says_something(line):
                    yield number, line.rstrip("\r\n")


def layout_of(path: FilePath, header: bool | None = None) -> Layout:
    """Find out how a text holds its table, from its first lines.

    Raises
    ------
    InputError
        If it holds no row.
    """
    said, comment, lines = _first_lines(path)
    if not lines:
        raise InputError(f"{path} holds no row of numbers")
    body = [line for _, line in lines[1:]] or [lines[0][1]]
    separator = _separator(body, lines[0][1]) if said is None else said
    rows = [cells_of(line, separator) for line in body]
    decimal = _decimal(rows, separator)
    first = cells_of(lines[0][1], separator)
    is_header = _is_header(first, rows, len(lines) > 1) if header is None else header
    if is_header and len(lines) == 1:
        raise InputError(f"{path} holds no row of numbers")
    width = _width(rows if is_header else [first, *rows])
    if is_header:  # a column that has a name is one, also where all of its cells are empty
        width = max(width, min(len(_trimmed(first, 1)), max(len(row) for row in rows)))
    first = _trimmed(first, width)
    names, end, notes = None, 0 if said is None else 1, []
    if is_header:
        # a header one cell short stands above labels of the rows, which have no name (as R writes it)
        is_short = len(first) == width - 1 > 1 and _are_labels([row[0] for row in rows])
        names, end = (["", *first] if is_short else first), lines[0][0]
        if len(names) != width:
            raise InputError(
                f"{path} is not a table of numbers: line {lines[1][0]} has {width} cells, and the header {len(first)}"
            )
        if header is None and any(numeric(name, decimal) for name in first):
            notes.append(f"Line {end} is taken for the names of the columns: {', '.join(first)[:60]}.")
    elif comment is not None:
        cells = cells_of(comment, separator)
        names = cells if len(cells) == width and not any(numeric(cell, decimal) for cell in cells) else None
    if decimal == ",":
        notes.append("Decimals are marked by commas.")
    has_labels = bool(names and not names[0] and any(_is_text(row[0]) for row in rows if row))
    if has_labels:
        notes.append("The first column has no name and labels the rows: it is left out.")
    return Layout(
        separator,
        decimal,
        width,
        None if names is None else tuple(name or f"column {i}" for i, name in enumerate(names, start=1)),
        () if names is None else tuple(i for i, name in enumerate(names) if not name),
        end,
        has_labels,
        tuple(notes),
    )


def opened(path: FilePath) -> TextIO:
    """The text, in UTF-8, or in UTF-16 where it begins as that does (as spreadsheets save it)."""
    with Path(path).open("rb") as stream:
        mark = stream.read(2)
    return Path(path).open(encoding="utf-16" if mark in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")


def cells_of(line: str, separator: str | None) -> list[str]:
    """The cells of a line, without blanks and quotes around them."""
    line = line.strip("\r\n")
    if separator is None:
        return line.replace('"', "").split()
    if '"' not in line:
        return [cell.strip() for cell in line.split(separator)]
    return [cell.strip() for cell in next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])]


def numeric(cell: str, decimal: str) -> bool:
    """Whether a cell is a finite number, with that mark of decimals."""
    if decimal == ",":
        if "." in cell:
            return False
        cell = cell.replace(",", ".", 1)
    return _NUMBER.fullmatch(cell.strip()) is not None


def missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.strip().lower() in _MISSING


def _is_text(cell: str) -> bool:
    return not (numeric(cell, ".") or numeric(cell, ",") or missing(cell))


def _are_labels(cells: list[str]) -> bool:
    """Whether cells are text, or count up by one."""
    if any(map(_is_text, cells)):
        return True
    whole = [int(cell) for cell in cells if cell.isdigit()]
    return len(whole) == len(cells) and all(after - before == 1 for before, after in pairwise(whole))


def _says_something(line: str) -> bool:
    """Whether a line has more than blanks and separators, and is no comment."""
    return bool(line.strip(' \t\r\n,;|"')) and not line.lstrip().startswith("#")


def _first_lines(path: FilePath) -> tuple[str | None, str | None, list[tuple[int, str]]]:
    """The separator that a line ``sep=`` says, the comment before the first line, and lines with their numbers."""
    said, comment, found = None, None, []
    with opened(path) as lines:
        for number, line in enumerate(lines, start=1):
            stated = re.fullmatch(r"\s*\"?sep=(.)\"?\s*", line) if number == 1 else None
            if stated:
                said = stated[1]
            elif _says_something(line):
                found.append((number, line.strip("\r\n")))
            elif not found and line.lstrip().startswith("#"):
                comment = line.strip().lstrip("# ")
            if len(found) == _LOOKED_AT:
                break
    return said, comment, found


def _separator(body: list[str], first: str) -> str | None:
    """The separator with which most lines are rows of numbers of one width."""
    scores = {}
    for separator in _SEPARATORS:
        rows = [cells_of(line, separator) for line in body]
        width = _width(rows)
        if width < 2:
            continue
        decimal = _decimal(rows, separator)
        cells = [cell for row in rows for cell in row]
        is_number = sum(numeric(cell, decimal) or missing(cell) for cell in cells) / len(cells)
        is_row = sum(len(_trimmed(row, width)) == width for row in rows) / len(rows)
        head = len(_trimmed(cells_of(first, separator), width))
        scores[separator] = is_number * is_row + (1.0 if head == width else 0.5 if head == width - 1 > 1 else 0.0)
    return max(scores, key=lambda separator: scores[separator]) if scores else ","


def _decimal(rows: list[list[str]], separator: str | None) -> str:
    """The mark of decimals: a comma where cells with commas are numbers so, and none has a point."""
    with_comma = [cell for row in rows for cell in row if "," in cell]
    is_comma = separator != "," or all(re.fullmatch(r"[+-]?\d*,\d+([eE][+-]?\d+)?", cell) for cell in with_comma)
    return "," if with_comma and is_comma and all(numeric(cell, ",") for cell in with_comma) else "."


def _width(rows: list[list[str]]) -> int:
    """The commonest number of cells, those left out that are empty at the end of every row."""
    lengths = [len(row) for row in rows]
    width = max(lengths, key=lengths.count)
    while width > 1 and all(len(row) < width or not row[width - 1] for row in rows):
        width -= 1
    return width


def _trimmed(cells: list[str], width: int) -> list[str]:
    while len(cells) > width and not cells[-1]:
        cells = cells[:-1]
    return cells


def _is_header(first: list[str], rows: list[list[str]], has_more: bool) -> bool:
    """Whether the first cells are names: a text among them, or numbers as they are written in place of names."""
    if any(map(_is_text, first)):
        return True
    if not has_more:
        return False
    named = first[1:] if first and not first[0] else first
    if len(named) > 1 and named == [str(i) for i in range(len(named))]:
        return True
    return _is_even_count(first) and not any(
        all(re.fullmatch(r"[+-]?\d+", cell) for cell in column) for column in zip(*rows, strict=False)
    )


def _is_even_count(first: list[str]) -> bool:
    """Whether these are whole numbers in equal steps upwards, three at least."""
    if len(first) < 3 or not all(re.fullmatch(r"\d+", cell) for cell in first):
        return False
    steps = {int(after) - int(before) for before, after in pairwise(first)}
    return len(steps) == 1 and min(steps) > 0
