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
    "read_inputs",
    "read_named_samples",
    "read_samples",
    "write_samples",
]

TABLES = (".csv", ".tsv", ".txt", ".dat", ".parquet", ".pq")

Samples = tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]


def check_samples(X: ArrayLike, y: ArrayLike, *, may_have_outputs: bool = False) -> Samples:
    """Return samples as arrays that every computation here accepts, or say what is wrong with them.

    Parameters
    ----------
    X : array, shape (n, d)
    y : array, shape (n,), or (n, 1), which is made (n,)
    may_have_outputs : bool
        Whether y may be of shape (n, q) with several outputs.

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
    X, y = real_array(X, "X", 2), _labels(y, may_have_outputs)
    if len(X) != len(y):
        raise InputError(f"X and y must have the same number of rows, found {len(X)} and {len(y)}")
    if X.size == 0:
        raise InputError(f"X must have at least one row and one column, found shape {X.shape}")
    place = first_nonfinite(X)
    if place is not None:
        raise InputError(f"X must be finite, found {X[place]} in row {place[0]}, column {place[1]} (counted from 0)")
    place = first_nonfinite(y)
    if place is not None:
        output = f", output {place[1]}" if y.ndim == 2 else ""
        raise InputError(f"y must be finite, found {y[place]} in row {place[0]}{output} (counted from 0)")
    return X, y


def _labels(y: ArrayLike, may_have_outputs: bool) -> NDArray[np.floating[Any]]:
    """Labels as an array (n,), or (n, q) of several outputs."""
    try:
        dimensions = np.ndim(y)
    except ValueError:  # ragged, of which `real_array` says so
        dimensions = 1
    if dimensions != 2:
        return real_array(y, "y", 1)
    labels = real_array(y, "y", 2)
    if labels.shape[1] == 1:
        return np.ascontiguousarray(labels[:, 0])
    if labels.shape[1] == 0:
        raise InputError(f"y must have an output, found shape {labels.shape}")
    if not may_have_outputs:
        raise InputError(f"y must have one output here, found {labels.shape[1]}: give one column at a time")
    return labels


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
    X, y : arrays, shapes (n, d) and (n,), or (n, q) of several outputs
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
    target: str | Sequence[str] | None = None,
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
    target : str or sequence of str, optional
        The column of a table that is y, or the columns of several outputs: by name, or by number, counted from 1, where
        the table has no names. By default the one called ``y`` or ``target`` where there is one, else the last.
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
        X, y = check_samples(X, y, may_have_outputs=True)
    except InputError as error:
        raise InputError(f"{_named(path, y_path)}: {error}") from None
    return NamedSamples(X, y, read.inputs, read.outputs, read.notes)


def read_inputs(
    path: FilePath,
    dim: int,
    inputs: Sequence[str] | None = None,
    *,
    header: bool | None = None,
    without: Sequence[str] = (),
) -> NDArray[np.floating[Any]]:
    """Read rows of inputs alone from a table, or the X of an ``.npz``.

    Parameters
    ----------
    path : path
    dim : int
        How many inputs there are to be.
    inputs : sequence of str, optional
        Their names: columns are taken by these, in whatever order they stand, and others are passed over.
    header, without
        As of `twolayer.tables.read_table`.

    Raises
    ------
    InputError
        If the file cannot be read, or has not these inputs.
    """
    if Path(path).suffix.lower() == ".npz":
        X = read_npz(path).get("X")
        if X is None:
            raise InputError(f"{path} must hold the array X")
    else:
        table = read_table(path, header=header, without=without)
        X, names = table.values, table.names
        if inputs is not None and names is not None and set(inputs) & set(names):
            X = X[:, [_column(table, name, path) for name in inputs]]
    X = real_array(X, "X", 2)
    if X.shape[1] != dim:
        raise InputError(f"{path} must have {dim} columns of inputs, found {X.shape[1]}")
    place = first_nonfinite(X)
    if place is not None:
        raise InputError(f"{path} must be finite, found {X[place]} in row {place[0]}, column {place[1]} from 0")
    return X


def write_samples(path: FilePath, X: ArrayLike, y: ArrayLike) -> None:
    """Write samples to a ``.npz`` or a ``.csv`` that `read_samples` reads back exactly, whole or not at all.

    Raises
    ------
    InputError
        If the samples are bad, `path` has another ending or cannot be written.
    """
    X, y = check_samples(X, y, may_have_outputs=True)
    kind = Path(path).suffix.lower()
    if kind == ".npz":
        write_npz(path, {"X": X, "y": y})
    elif kind == ".csv" and y.ndim == 1:
        write_csv(path, np.column_stack([X, y]), header=[*(f"x{i}" for i in range(X.shape[1])), "y"])
    elif kind == ".csv":
        raise InputError(f"samples of several outputs are written to .npz files, found {path}")
    else:
        raise InputError(f"samples are written to .npz or .csv files, found {path}")


def _arrays_of_npz(path: FilePath) -> tuple[NDArray[Any], NDArray[Any]]:
    arrays = read_npz(path)
    if not {"X", "y"} <= arrays.keys():
        found = [*sorted(arrays)[:5], "..."] if len(arrays) > 5 else sorted(arrays)
        raise InputError(f"{path} must hold the arrays X and y, found {', '.join(found) or 'none'}")
    return arrays["X"], arrays["y"]


def _columns_of(
    path: FilePath, target: str | Sequence[str] | None, header: bool | None, without: Sequence[str]
) -> NamedSamples:
    """Inputs and targets of a table."""
    table = read_table(path, header=header, without=without)
    if table.values.shape[1] < 2:
        raise InputError(f"{path} must have at least two columns, inputs and a target, found {table.values.shape[1]}")
    asked = [target] if isinstance(target, str) else list(target or ())
    notes: tuple[str, ...] = ()
    if asked:
        columns = [_column(table, name, path) for name in asked]
    else:
        columns, notes = _likely_target(table)
    kept = [i for i in range(table.values.shape[1]) if i not in columns]
    if not kept:
        raise InputError(f"{path} must have an input beside its targets, found {', '.join(asked)} only")
    inputs = outputs = None
    if table.names is not None:
        inputs, outputs = tuple(table.names[i] for i in kept), tuple(table.names[i] for i in columns)
    y = table.values[:, columns if len(columns) > 1 else columns[0]]
    return NamedSamples(
        np.ascontiguousarray(table.values[:, kept]), np.ascontiguousarray(y), inputs, outputs, (*table.notes, *notes)
    )


def _likely_target(table: NumberTable) -> tuple[list[int], tuple[str, ...]]:
    """The column that nobody said is the target, and what to say of the choice."""
    last = table.values.shape[1] - 1
    called = [i for i, name in enumerate(table.names or ()) if name.lower() in ("y", "target")]
    if table.names is not None and len(called) == 1 and called[0] != last:
        return called, (f"The target is the column {table.names[called[0]]}.",)
    return [last], ()


def _column(table: NumberTable, name: str, path: FilePath) -> int:
    """The column of that name, or of that number where there are no names."""
    names, count = list(table.names or ()), table.values.shape[1]
    if names.count(name) > 1:
        raise InputError(f"{path} has more than one column {name!r}")
    if name in names:
        return names.index(name)
    if not names and name.isascii() and name.isdigit() and 1 <= int(name) <= count:
        return int(name) - 1
    known = nearest(name, names) if names else f": it has no header, and columns 1 to {count}"
    raise InputError(f"{path} has no column {name!r}{known}")


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
