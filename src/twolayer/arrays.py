"""What passes for an array of real numbers, and what does not."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.errors import InputError

__all__ = [
    "first_nonfinite",
    "frozen_array",
    "random_generator",
    "real_array",
    "real_number",
    "row_norms",
    "squarable",
    "whole_number",
]

_BLOCK_ENTRIES = 1 << 16  # looked at together: 512 KiB, still in cache for the second look


def real_array(values: ArrayLike, name: str, ndim: int) -> NDArray[np.floating[Any]]:
    """Return `values` as a C-contiguous array of float32 or float64, without a copy where it is one already.

    Integers, booleans and other floating types become float64. Values are not looked at; see `first_nonfinite`.

    Raises
    ------
    InputError
        If `values` are objects, text, complex, dates or ragged, have masked entries, or have not `ndim` dimensions;
        `name` names them.
    """
    if np.ma.is_masked(values):
        raise InputError(f"{name} must have no masked entries: fill them, or leave out their rows")
    try:
        array = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be an array of numbers, found {type(values).__name__}: {error}") from None
    if array.dtype.kind not in "biuf":
        raise InputError(f"{name} must hold real numbers, found an array of {_kind(array.dtype)}")
    if array.ndim != ndim:
        raise InputError(f"{name} must have {_dimensions(ndim)}, found shape {array.shape}")
    if array.dtype not in (np.float32, np.float64):
        with np.errstate(over="ignore"):  # a long double beyond float64 becomes infinite, which first_nonfinite finds
            array = array.astype(np.float64)
    return np.ascontiguousarray(array) if ndim else array


def frozen_array(values: ArrayLike, name: str, ndim: int) -> NDArray[np.float64]:
    """Return a read-only float64 copy of `values`, all finite.

    Raises
    ------
    InputError
        As `real_array`, and if an entry is NaN or infinite.
    """
    array = np.array(real_array(values, name, ndim), dtype=np.float64, order="C")
    place = first_nonfinite(array)
    if place is not None:
        raise InputError(f"{name} must be finite, found {array[place]} at index {', '.join(map(str, place))}")
    array.setflags(write=False)
    return array


def squarable(array: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Return `array`, whose products of two entries, summed, are within floating point.

    Raises
    ------
    InputError
        If an entry is above 1e150 in magnitude; `name` names the array.
    """
    largest = float(np.abs(array).max(initial=0.0))
    most = 1e150  # its square is a number, and so is the sum of 1e8 squares
    if largest > most:
        raise InputError(
            f"{name} must be at most {most:g} in magnitude, found {largest:g}: give the inputs another unit"
        )
    return array


def row_norms(W: NDArray[np.float64]) -> NDArray[np.float64]:
    """Euclidean norms of rows, where the square of an entry may overflow or underflow."""
    largest = np.abs(W).max(axis=1, initial=0.0)
    safe = np.where(largest > 0, largest, 1.0)
    return largest * np.linalg.norm(W / safe[:, None], axis=1)


def first_nonfinite(array: NDArray[np.floating[Any]]) -> tuple[int, ...] | None:
    """Index of the first entry, in C order, that is NaN or infinite; None if there is none.

    One pass over blocks of rows, without a temporary the size of `array`.
    """
    if array.ndim == 0:
        return None if np.isfinite(array) else ()
    size = max(1, _BLOCK_ENTRIES // max(1, int(np.prod(array.shape[1:]))))
    for start in range(0, len(array), size):
        block = array[start : start + size]
        with np.errstate(over="ignore", invalid="ignore"):
            total = block.sum()
        if not np.isfinite(total):  # finite entries may overflow their sum, but a finite sum has only finite entries
            bad = np.argwhere(~np.isfinite(block))
            if len(bad):
                first = [int(i) for i in bad[0]]
                return (start + first[0], *first[1:])
    return None


def random_generator(rng: Any) -> np.random.Generator:
    """Return a Generator: the one given, or a new one from a seed, or from the system where it is None.

    Raises
    ------
    InputError
        If it is none of these.
    """
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        raise InputError(f"rng must be a Generator, a seed of at least 0 or None, found {rng!r}") from None


def whole_number(value: Any, name: str, least: int = 1) -> int:
    """Return `value` as an int of at least `least`; booleans and fractions are refused.

    Raises
    ------
    InputError
        If it is none; `name` names it.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer) or value < least:
        raise InputError(f"{name} must be an integer of at least {least}, found {value!r}")
    return int(value)


def real_number(value: Any, name: str, least: float) -> float:
    """Return `value` as a finite float of at least `least`, which may be minus infinity.

    Raises
    ------
    InputError
        If it is none; `name` names it.
    """
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not (is_number and least <= value < np.inf and value > -np.inf):
        bound = "" if least == -np.inf else f" of at least {least:g}"
        raise InputError(f"{name} must be a finite number{bound}, found {value!r}")
    return float(value)


def _kind(dtype: np.dtype[Any]) -> str:
    names = {"O": "objects", "U": "text", "S": "text", "T": "text", "c": "complex numbers", "V": "records"}
    return names.get(dtype.kind, f"type {dtype}")


def _dimensions(ndim: int) -> str:
    return {0: "no dimension", 1: "one dimension", 2: "two dimensions"}.get(ndim, f"{ndim} dimensions")
