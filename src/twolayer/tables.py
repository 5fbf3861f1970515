"""Tables of numbers as people have them: text with any separator and header, or Parquet; nothing guessed in silence."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.files import FilePath, distrust
from twolayer.names import nearest
from twolayer.text_tables import Layout, cells_of, layout_of, missing, numeric

__all__ = ["NumberTable", "read_csv", "read_table"]


@equal_by_value
@dataclass(frozen=True, eq=False)
class NumberTable:
    """A table of numbers.

    Attributes
    ----------
    values : array, shape (n, k)
    names : tuple of str, or None
        Of the columns, where the file says them; a column without one is called by its place, ``"column 2"``.
    notes : tuple of str
        What was taken for granted in reading it, in sentences.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...] | None
    notes: tuple[str, ...] = ()


def read_table(path: FilePath, *, header: bool | None = None, without: Sequence[str] = ()) -> NumberTable:
    """Read a table of numbers from text (``.csv``, ``.tsv``, ``.txt``, ``.dat``) or from Parquet.

    Of text, these are found out: the separator (comma, semicolon, tab, bar, blanks; a first line ``sep=;`` decides),
    the mark of decimals, a header, a first column without a name that counts the rows or labels them. Lines that are
    blank, hold separators only, or begin with ``#`` are passed over, and so are empty cells at the end of all lines.

    A first line is a header where a cell of it is no number. Numbers are one too where they are 0, 1, 2, …, as pandas
    writes columns without names, or whole numbers in equal steps above columns of which none holds whole numbers only.
    The note says so: a row lost by mistake harms little, a header among the rows much.

    Parameters
    ----------
    path : path
    header : bool, optional
        Whether the first line is a header; found out by default.
    without : sequence of str
        Columns to leave out, by their names.

    Raises
    ------
    InputError
        If there is no such file, no row, a cell is missing or not a number (line and column are named, counted from 1,
        and the column's name), a line has another number of cells, a column to leave out is not there, or the bytes are
        no text; if a Parquet file is read without pyarrow.

    Notes
    -----
    Two passes over the file; memory for the numbers, 8 bytes each.
    """
    if Path(path).suffix.lower() in (".parquet", ".pq"):
        return _read_parquet(path, without)
    with distrust(path, "a table of numbers in UTF-8 text"):
        layout = layout_of(path, header)
        left_out = {_place(layout.names, name, path) for name in without}
        if layout.has_labels:
            left_out.add(0)
        kept = [column for column in range(layout.width) if column not in left_out]
        values = _values(path, layout, kept)
        return _without_count(values, layout, kept)


def read_csv(path: FilePath) -> NDArray[np.float64]:
    """The numbers of a text table, as `read_table` reads them."""
    return read_table(path).values


def _values(path: FilePath, layout: Layout, kept: list[int]) -> NDArray[np.float64]:
    """The numbers of the columns that are kept."""
    try:
        values = np.loadtxt(_clean_lines(path, layout, kept), delimiter="\t", comments=None, ndmin=2)
    except InputError:
        raise
    except ValueError:
        values = np.full((1, 1), np.nan)
    if not np.isfinite(values).all():
        raise InputError(f"{path} is not a table of numbers: {_fault(path, layout, kept)}")
    return values


def _clean_lines(path: FilePath, layout: Layout, kept: list[int]) -> Iterator[str]:
    """The rows as lines of numbers with points for decimals and tabs between them."""
    is_whole = len(kept) == layout.width
    for number, line in layout.rows(path):
        # a point where commas mark decimals may separate thousands: it is not read as something else
        is_simple = is_whole and layout.separator is not None and '"' not in line
        is_simple = is_simple and not (layout.decimal == "," and "." in line)
        if is_simple and line.count(layout.separator) == layout.width - 1:  # type: ignore[arg-type]
            clean = line.replace(layout.separator, "\t")  # type: ignore[arg-type]
            yield clean.replace(",", ".") if layout.decimal == "," else clean
            continue
        cells = cells_of(line, layout.separator)
        cells = cells[: len(cells) - _n_empty_beyond(cells, layout.width)]
        if len(cells) != layout.width:
            raise InputError(
                f"{path} is not a table of numbers: line {number} has {len(cells)} cells, and most"
                f" lines have {layout.width}"
            )
        read = [cells[column] if numeric(cells[column], layout.decimal) else "nan" for column in kept]
        clean = "\t".join(read)
        yield clean.replace(",", ".") if layout.decimal == "," else clean


def _n_empty_beyond(cells: list[str], width: int) -> int:
    """How many empty cells stand beyond the columns."""
    beyond = 0
    while len(cells) - beyond > width and not cells[-1 - beyond]:
        beyond += 1
    return beyond


def _fault(path: FilePath, layout: Layout, kept: list[int]) -> str:
    """Where and what the first fault is, found slowly."""
    for number, line in layout.rows(path):
        cells = cells_of(line, layout.separator)
        for column in kept:
            cell = cells[column] if column < len(cells) else ""
            if numeric(cell, layout.decimal):
                continue
            name = f" ({layout.names[column]})" if layout.names and layout.is_named(column) else ""
            place = f"line {number}, column {column + 1}{name}"
            if missing(cell):
                held = f"holds {cell!r}" if cell else "holds ''"
                return f"{place} {held}, a missing value: fill it in, or leave out the row"
            return f"{place} holds {cell[:40]!r}{_hint(cell, layout.decimal)}"
    return "it cannot be read"


def _hint(cell: str, decimal: str) -> str:
    if re.fullmatch(r"[+-]?\d{1,3}([,.' ]\d{3})+([.,]\d+)?", cell):
        return ", and thousands are not to be separated"
    if decimal == "," and numeric(cell, "."):
        return ", and other cells mark decimals by commas"
    parts = re.split(r"[;\s]+", cell)
    if len(parts) > 1 and all(numeric(part, ".") or numeric(part, ",") for part in parts):
        return ", and cells of other lines are separated otherwise"
    return ""


def _without_count(values: NDArray[np.float64], layout: Layout, kept: list[int]) -> NumberTable:
    """The table without a first column that has no name and counts the rows."""
    names = None if layout.names is None else tuple(layout.names[column] for column in kept)
    notes = list(layout.notes)
    if names is not None and values.shape[1] > 1 and kept[0] == 0:
        counts = _counts_rows(values[:, 0])
        if counts and (not layout.is_named(0) or names[0].startswith("Unnamed:")):
            notes.append("The first column has no name and counts the rows: it is left out.")
            values, names = np.ascontiguousarray(values[:, 1:]), names[1:]
        elif not layout.is_named(0):
            notes.append("The first column has no name, and is kept.")
        elif counts:
            notes.append(f"The column {names[0]} counts the rows: is it to be kept?")
    return NumberTable(values, names, tuple(notes))


def _counts_rows(column: NDArray[np.float64]) -> bool:
    return len(column) > 2 and column[0] in (0, 1) and bool(np.all(np.diff(column) == 1))


def _place(names: Sequence[str] | None, name: str, path: FilePath) -> int:
    """Which column has that name, or is called by that place, counted from 1, where there are no names."""
    if names is None:
        raise InputError(f"{path} has no header, and so no column {name!r}")
    if list(names).count(name) > 1:
        raise InputError(f"{path} has more than one column {name!r}")
    if name not in names:
        raise InputError(f"{path} has no column {name!r}{nearest(name, names)}")
    return list(names).index(name)


def _read_parquet(path: FilePath, without: Sequence[str]) -> NumberTable:
    with distrust(path, "a Parquet file of numbers"):
        with Path(path).open("rb"):
            pass
        try:
            from pyarrow import ArrowException, parquet
        except ImportError:
            raise InputError(f"{path} needs pyarrow: pip install 'twolayer[parquet]'") from None
        try:
            table = parquet.read_table(path)
        except ArrowException as error:
            raise ValueError(str(error)) from None
        names = table.column_names
        left_out = {_place(names, name, path) for name in without}
        notes = ["The index of the data frame is left out."] if "__index_level_0__" in names else []
        kept = [i for i, name in enumerate(names) if i not in left_out and name != "__index_level_0__"]
        columns = [_parquet_column(path, names[i], table.column(i)) for i in kept]
        if not columns or not len(columns[0]):
            raise InputError(f"{path} holds no row of numbers")
        return NumberTable(np.column_stack(columns), tuple(names[i] for i in kept), tuple(notes))


def _parquet_column(path: FilePath, name: str, column: Any) -> NDArray[np.float64]:
    """One column as numbers; what is missing is named with its row, counted from 1."""
    if column.null_count:
        row = next(i for i, value in enumerate(column) if not value.is_valid)
        raise InputError(f"{path}: row {row + 1}, column {name}, is a missing value: fill it in, or leave out the row")
    values = column.to_numpy()
    if values.dtype.kind not in "biuf":
        raise InputError(f"{path}: the column {name} must hold numbers, found {column.type}: leave it out")
    return values.astype(np.float64)
