"""When two results are equal: dataclasses that hold arrays, compared by what they hold."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from numbers import Number
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["equal", "equal_by_value"]

C = TypeVar("C", bound=type)


def equal_by_value(cls: C) -> C:
    """Give a dataclass an ``==`` that compares its fields with `equal`, and is True or False whatever they are.

    Python's own compares the fields as a tuple, in which an array of more than one entry is neither true nor false.
    Goes above ``@dataclass(frozen=True, eq=False)``. Fields of ``field(compare=False)`` do not count; objects of
    another class, subclasses included, are unequal. As arrays can be written to, there is no hash.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @equal_by_value
    ... @dataclass(frozen=True, eq=False)
    ... class Fit:
    ...     weights: np.ndarray
    >>> Fit(np.array([1.0, np.nan])) == Fit(np.array([1.0, np.nan]))
    True
    """

    def is_equal(self: Any, other: object) -> bool:
        return _equal_fields(self, other) if type(self) is type(other) else NotImplemented

    cls.__eq__ = is_equal  # type: ignore[assignment,method-assign]
    cls.__hash__ = None  # type: ignore[assignment,method-assign]
    return cls


def equal(one: Any, other: Any) -> bool:
    """Whether two values are the same through and through.

    Arrays, sparse ones too, have the same type of entries, shape and entries; NaN equals NaN; mappings have the same
    keys with equal values, in any order; tuples, lists and dataclasses are of one class with equal parts. Anything else
    is compared by its own ``==``, and unequal where that does not say True or False.
    """
    if one is other:
        return True
    for kind, compare in (
        (np.ndarray, _equal_arrays),
        (Number, _equal_numbers),
        (Mapping, _equal_mappings),
        ((tuple, list), _equal_sequences),
    ):
        if isinstance(one, kind) or isinstance(other, kind):
            return isinstance(one, kind) and isinstance(other, kind) and compare(one, other)  # type: ignore[arg-type]
    if hasattr(one, "tocsr") or hasattr(other, "tocsr"):  # sparse, known by what it offers: SciPy is slow to import
        return type(one) is type(other) and one.shape == other.shape and equal(_entries(one), _entries(other))
    if type(one) is type(other) and _has_plain_equality(type(one)):
        return _equal_fields(one, other)
    same = one == other
    return bool(same) if isinstance(same, bool | np.bool_) else False


def _equal_fields(one: Any, other: Any) -> bool:
    return all(equal(getattr(one, part.name), getattr(other, part.name)) for part in fields(one) if part.compare)


def _has_plain_equality(kind: type) -> bool:
    """Whether it is a dataclass whose == is the one that Python makes, or none."""
    return is_dataclass(kind) and (kind.__dataclass_params__.eq or kind.__eq__ is object.__eq__)  # type: ignore[attr-defined]


def _equal_arrays(one: NDArray[Any], other: NDArray[Any]) -> bool:
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype.kind == "O":
        return all(map(equal, one.flat, other.flat))
    return np.array_equal(one, other, equal_nan=one.dtype.kind in "fcmM")


def _equal_numbers(one: Any, other: Any) -> bool:
    is_nan = one != one and other != other
    return bool(is_nan or one == other)


def _equal_mappings(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    return one.keys() == other.keys() and all(equal(one[key], other[key]) for key in one)


def _equal_sequences(one: Any, other: Any) -> bool:
    return type(one) is type(other) and len(one) == len(other) and all(map(equal, one, other))


def _entries(matrix: Any) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The one way to write down a sparse matrix: its rows in order, no place twice, no zero."""
    rows = matrix.tocsr(copy=True)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    # which integers count the places follows from how the matrix was made, not from what it is
    return rows.indptr.astype(np.int64), rows.indices.astype(np.int64), rows.data
