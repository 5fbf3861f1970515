"""Where samples come from: arrays and files, checked once, then walked through in blocks of rows."""

import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import first_nonfinite, real_array
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.files import FilePath, read_npy, read_npz, write_csv, write_npz
from twolayer.names import nearest
from twolayer.tables import NumberTable, read_table

__all__ = [
    "NamedSamples",
    "check_magnitude",
    "check_samples",
    "read_named_samples",
    "read_samples",
    "write_samples",
]

TABLES = (".csv", ".tsv", ".txt", ".dat", ".parquet", ".pq")

Samples = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]


def check_samples(X: ArrayLike, y: ArrayLike) -> Samples:
    """Return samples as arrays that every computation here accepts, or say what is wrong with them.

    Parameters
    ----------
    X : array, shape (n, d)
    y : array, shape (n,)

    Returns
    -------
    X, y : arrays
        Of float32 or float64 each, C-contiguous, finite; not copied if they are so already. A constant y passes.

    Raises
    ------
    InputError
        If an array holds no real numbers (objects, text, complex numbers), has another number of dimensions or no
        entry, the lengths differ, or an entry is NaN or infinite (the first such row and column are named, counted from
        0).

    Notes
    -----
    One pass over the data, in blocks.
    """
    X, y = real_array(X, "X", 2), real_array(y, "y", 1)
    if len(X) != len(y):
        raise InputError(f"X and y must have the same number of rows, found {len(X)} and {len(y)}")
    if X.size == 0:
        raise InputError(f"X must have at least one row and one column, found shape {X.shape}")
    place = first_nonfinite(X)
    if place is not None:
        raise InputError(f"X must be finite, found {X[place]} in row {place[0]}, column {place[1]} (counted from 0)")
    place = first_nonfinite(y)
    if place is not None:
        raise InputError(f"y must be finite, found {y[place]} in row {place[0]} (counted from 0)")
    return X, y


def check_magnitude(X: NDArray[Any], y: NDArray[Any]) -> None:
    """Refuse samples whose squares are not numbers.

    Raises
    ------
    InputError
        If the largest magnitude in an array is above 1e100, or below 1e-100 and not 0.
    """
    most = 1e100  # products of three such numbers, summed over 1e8 rows, are numbers still
    for name, values in (("X", X), ("y", y)):
        largest = max(float(values.max()), -float(values.min()))
        if largest > most or 0 < largest < 1 / most:
            raise InputError(
                f"{name} must be between {1 / most:g} and {most:g} in magnitude, found {largest:g}:"
                " give it in another unit"
            )


@equal_by_value
@dataclass(frozen=True, eq=False)
class NamedSamples:
    """Samples and what their columns are called.

    Attributes
    ----------
    X, y : arrays, shapes (n, d) and (n,)
        As `check_samples` returns them.
    inputs : tuple of str, or None
        Names of the columns of X; None where nothing says them.
    outputs : tuple of str, or None
        Of what y is.
    notes : tuple of str
        What was taken for granted in reading them, in sentences.
    """

    X: NDArray[np.floating[Any]]
    y: NDArray[np.floating[Any]]
    inputs: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


def read_samples(path: FilePath, y_path: FilePath | None = None) -> Samples:
    """Read samples from a file, or from a pair of files: X and y of `read_named_samples`."""
    named = read_named_samples(path, y_path)
    return named.X, named.y


def read_named_samples(
    path: FilePath,
    y_path: FilePath | None = None,
    *,
    target: str | None = None,
    header: bool | None = None,
    without: Sequence[str] = (),
) -> NamedSamples:
    """Read samples with the names of their columns.

    Parameters
    ----------
    path : path
        A ``.npz`` with the arrays X and y, a table (``.csv``, ``.tsv``, ``.txt``, ``.dat`` or ``.parquet``, as
        `twolayer.tables.read_table` reads it), ``"-"`` for either of them on standard input, or the ``.npy`` of X,
        which is mapped and so may be larger than the memory.
    y_path : path, optional
        The ``.npy`` of y, where `path` is that of X.
    target : str, optional
        The column of a table that is y: its name, or its number, counted from 1, where the table has no names. By
        default the one called ``y`` or ``target`` where there is one, else the last.
    header, without
        As of `twolayer.tables.read_table`.

    Raises
    ------
    InputError
        If a file is missing, of another kind, damaged or unsafe, or the samples in it are bad; the message names the
        file.
    """
    if os.fspath(path) == "-":
        return _from_standard_input(target=target, header=header, without=without)
    kind = Path(path).suffix.lower()
    is_table = kind in TABLES
    if (kind == ".npy") != (y_path is not None):
        raise InputError(
            f"samples come as one .npz or table, or as the .npy of X and that of y, found {_named(path, y_path)}"
        )
    if not is_table and (target is not None or header is not None or without):
        raise InputError(f"only tables have columns to choose, found {path}")
    read = NamedSamples(np.zeros((0, 0)), np.zeros(0))
    if kind == ".npz":
        X, y = _arrays_of_npz(path)
    elif is_table:
        read = _columns_of(path, target, header, without)
        X, y = read.X, read.y
    elif kind == ".npy" and y_path is not None:
        X, y = read_npy(path), read_npy(y_path)
    else:
        raise InputError(f"samples are read from .npz, .npy, .csv, .tsv, .txt or .parquet files, found {path}")
    try:
        X, y = check_samples(X, y)
    except InputError as error:
        raise InputError(f"{_named(path, y_path)}: {error}") from None
    return NamedSamples(X, y, read.inputs, read.outputs, read.notes)


def write_samples(path: FilePath, X: ArrayLike, y: ArrayLike) -> None:
    """Write samples to a ``.npz`` or a ``.csv`` that `read_samples` reads back exactly, whole or not at all.

    Raises
    ------
    InputError
        If the samples are bad, `path` has another ending or cannot be written.
    """
    X, y = check_samples(X, y)
    kind = Path(path).suffix.lower()
    if kind == ".npz":
        write_npz(path, {"X": X, "y": y})
    elif kind == ".csv":
        write_csv(path, np.column_stack([X, y]), header=[*(f"x{i}" for i in range(X.shape[1])), "y"])
    else:
        raise InputError(f"samples are written to .npz or .csv files, found {path}")


def _arrays_of_npz(path: FilePath) -> tuple[NDArray[Any], NDArray[Any]]:
    arrays = read_npz(path)
    if not {"X", "y"} <= arrays.keys():
        found = [*sorted(arrays)[:5], "..."] if len(arrays) > 5 else sorted(arrays)
        raise InputError(f"{path} must hold the arrays X and y, found {', '.join(found) or 'none'}")
    return arrays["X"], arrays["y"]


def _columns_of(path: FilePath, target: str | None, header: bool | None, without: Sequence[str]) -> NamedSamples:
    """Inputs and target of a table."""
    table = read_table(path, header=header, without=without)
    if table.values.shape[1] < 2:
        raise InputError(f"{path} must have at least two columns, inputs and a target, found {table.values.shape[1]}")
    column, notes = _target(table, target, path)
    kept = [i for i in range(table.values.shape[1]) if i != column]
    inputs = outputs = None
    if table.names is not None:
        inputs, outputs = tuple(table.names[i] for i in kept), (table.names[column],)
    X = np.ascontiguousarray(table.values[:, kept])
    return NamedSamples(X, np.ascontiguousarray(table.values[:, column]), inputs, outputs, (*table.notes, *notes))


def _target(table: NumberTable, target: str | None, path: FilePath) -> tuple[int, tuple[str, ...]]:
    """Which column is the target, and what to say of the choice."""
    count = table.values.shape[1]
    names = [] if table.names is None else list(table.names)
    if target is None:
        called = [i for i, name in enumerate(names) if name.lower() in ("y", "target")]
        if len(called) == 1 and called[0] != count - 1:
            return called[0], (f"The target is the column {names[called[0]]}.",)
        return count - 1, ()
    if names.count(target) > 1:
        raise InputError(f"{path} has more than one column {target!r}")
    if target in names:
        return names.index(target), ()
    if not names and target.isascii() and target.isdigit() and 1 <= int(target) <= count:
        return int(target) - 1, ()
    known = nearest(target, names) if names else f": it has no header, and columns 1 to {count}"
    raise InputError(f"{path} has no column {target!r}{known}")


def _from_standard_input(**options: Any) -> NamedSamples:
    """Samples on standard input: kept in a file meanwhile, and known by their first bytes."""
    content = sys.stdin.buffer.read()
    kind = {b"PK\x03\x04": ".npz", b"PAR1": ".parquet"}.get(content[:4], ".csv")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"samples{kind}"
        path.write_bytes(content)
        try:
            return read_named_samples(path, **options)
        except InputError as error:
            raise InputError(str(error).replace(str(path), "standard input")) from None


def _named(path: FilePath, y_path: FilePath | None) -> str:
    return f"{path}" if y_path is None else f"{path} and {y_path}"
