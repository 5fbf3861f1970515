"""Where samples come from: arrays and files, checked once, then walked through in blocks of rows."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import first_nonfinite, real_array
from twolayer.errors import InputError
from twolayer.files import FilePath, read_csv, read_npy, read_npz, write_csv, write_npz

__all__ = ["check_magnitude", "check_samples", "read_samples", "write_samples"]

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
    if np.ndim(y) != 2:
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


def read_samples(path: FilePath, y_path: FilePath | None = None) -> Samples:
    """Read samples from a file, or from a pair of files.

    Parameters
    ----------
    path : path
        A ``.npz`` with the arrays X and y, a ``.csv`` (commas; the last column is y; a header line is optional), or the
        ``.npy`` of X, which is mapped and so may be larger than the memory.
    y_path : path, optional
        The ``.npy`` of y, where `path` is that of X.

    Returns
    -------
    X, y : arrays, shapes (n, d) and (n,), or (n, q) of several outputs
        As `check_samples` returns them.

    Raises
    ------
    InputError
        If a file is missing, of another kind, damaged or unsafe, or the samples in it are bad; the message names the
        file.
    """
    kind = Path(path).suffix.lower()
    if (kind == ".npy") != (y_path is not None):
        raise InputError(
            f"samples come as one .npz or .csv, or as the .npy of X and that of y, found {_named(path, y_path)}"
        )
    if kind == ".npz":
        X, y = _arrays_of_npz(path)
    elif kind == ".csv":
        X, y = _columns_of_csv(path)
    elif kind == ".npy" and y_path is not None:
        X, y = read_npy(path), read_npy(y_path)
    else:
        raise InputError(f"samples are read from .npz, .csv or .npy files, found {path}")
    try:
        return check_samples(X, y, may_have_outputs=True)
    except InputError as error:
        raise InputError(f"{_named(path, y_path)}: {error}") from None


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


def _columns_of_csv(path: FilePath) -> tuple[NDArray[Any], NDArray[Any]]:
    table = read_csv(path)
    if table.shape[1] < 2:
        raise InputError(f"{path} must have at least two columns, the inputs and then y, found {table.shape[1]}")
    return table[:, :-1], table[:, -1]


def _named(path: FilePath, y_path: FilePath | None) -> str:
    return f"{path}" if y_path is None else f"{path} and {y_path}"
