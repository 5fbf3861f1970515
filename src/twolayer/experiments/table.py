"""The table of a figure: named columns of numbers or text, and its bytes as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.files import FilePath, atomic_writer, distrust

__all__ = ["Table", "Value"]

Value = str | bool | int | float


class Table:
    """Columns of one length, in a fixed order; the rows keep the order that they came in.

    Parameters
    ----------
    columns : mapping of str to sequence
        A column is of whole numbers, of numbers, of true and false, or of text: the narrowest of these that holds all
        its entries.

    Raises
    ------
    InputError
        If the columns are not of one length.
    """

    def __init__(self, columns: Mapping[str, Sequence[Any] | NDArray[Any]]) -> None:
        self._columns = {name: _column(values) for name, values in columns.items()}
        lengths = {len(values) for values in self._columns.values()}
        if len(lengths) > 1:
            raise InputError(f"the columns of a table must be of one length, found {sorted(lengths)}")

    @classmethod
    def from_rows(cls, rows: Sequence[Mapping[str, Value]], columns: Iterable[str]) -> "Table":
        """Return the table of some rows, each of which has every one of `columns`."""
        return cls({name: [row[name] for row in rows] for name in columns})

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._columns)

    def __len__(self) -> int:
        return len(next(iter(self._columns.values()), ()))

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self._columns[column]

    def __repr__(self) -> str:
        return f"<Table of {len(self)} rows: {', '.join(self.columns)}>"

    def rows(self) -> Iterator[dict[str, Value]]:
        """Return the rows, as plain values by column."""
        lists = [values.tolist() for values in self._columns.values()]
        return (dict(zip(self.columns, row, strict=True)) for row in zip(*lists, strict=True))

    def where(self, **values: Value) -> "Table":
        """Return the rows whose columns have these values."""
        kept = np.ones(len(self), dtype=bool)
        for column, value in values.items():
            kept &= self[column] == value
        return self._taken(kept)

    def levels(self, column: str) -> list[Any]:
        """Return the different values of a column: numbers from the least on, text as it first appears."""
        values, first = np.unique(self[column], return_index=True)
        order = np.argsort(first) if values.dtype.kind == "U" else slice(None)
        return list(values[order].tolist())

    def groups(self, *columns: str) -> Iterator[tuple[tuple[Any, ...], "Table"]]:
        """Return, for each combination of values that occurs, in order of appearance, the values and their rows."""
        keys = list(zip(*(self[column].tolist() for column in columns), strict=True))
        places: dict[tuple[Any, ...], list[int]] = {}
        for place, key in enumerate(keys):
            places.setdefault(key, []).append(place)
        return ((key, self._taken(np.array(rows))) for key, rows in places.items())

    def condensed(self, by: Sequence[str], **statistics: tuple[str, Any]) -> "Table":
        """Return one row for each combination of `by`: new column = (column, function of its values).

        ``table.condensed(["d", "n"], rate=("recovered", np.mean))`` has the columns d, n and rate.
        """
        groups = list(self.groups(*by))
        columns: dict[str, list[Any]] = {name: [key[place] for key, _ in groups] for place, name in enumerate(by)}
        for name, (column, statistic) in statistics.items():
            columns[name] = [statistic(rows[column]) for _, rows in groups]
        return Table(columns)

    def to_csv(self) -> bytes:
        """Return the table as CSV in UTF-8: numbers to as many digits as bring them back, lines ended by a newline."""
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([_written(value) for value in row.values()] for row in self.rows())
        return stream.getvalue().encode()

    def write_csv(self, path: FilePath) -> None:
        """Write the table as `to_csv` has it, whole or not at all."""
        with atomic_writer(path) as stream:
            stream.write(self.to_csv())

    @classmethod
    def read_csv(cls, path: FilePath) -> "Table":
        """Read what `write_csv` wrote: the same columns, of the same kinds.

        Raises
        ------
        InputError
            If there is no such file, it is no text, has no header, or has a line of another length.
        """
        with distrust(path, "a table in UTF-8 text"), open(path, encoding="utf-8", newline="") as stream:  # noqa: PTH123
            header, *lines = list(csv.reader(stream)) or [[]]
            if not header:
                raise InputError(f"{path} is no table: it has no header")
            wrong = next((number for number, line in enumerate(lines, start=2) if len(line) != len(header)), None)
            if wrong is not None:
                raise InputError(
                    f"{path} is no table: line {wrong} has {len(lines[wrong - 2])} cells, not {len(header)}"
                )
            return cls({name: _read([line[place] for line in lines]) for place, name in enumerate(header)})

    def _taken(self, rows: NDArray[Any]) -> "Table":
        return Table({name: values[rows] for name, values in self._columns.items()})


def _column(values: Sequence[Any] | NDArray[Any]) -> NDArray[Any]:
    """The narrowest array of the values: bool, int64, float64 or text."""
    array = np.asarray(values)
    if array.dtype.kind in "bUf" and not (array.dtype.kind == "U" and not all(isinstance(v, str) for v in values)):
        return array.astype(np.float64) if array.dtype.kind == "f" else array
    if array.dtype.kind in "iu":
        return array.astype(np.int64)
    raise InputError(f"a column is of numbers, of truth values or of text, found {array.dtype}")


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value) if isinstance(value, float) else str(value)


def _read(cells: list[str]) -> list[Any]:
    """A column as it was before it was written."""
    words = {"true": True, "false": False}
    if all(cell in words for cell in cells):
        return [words[cell] for cell in cells]
    for kind in (int, float):
        try:
            return [kind(cell) for cell in cells]
        except ValueError:
            continue
    return cells
