"""How a result is written in a line: a dataclass that holds arrays, without printing them."""

from collections.abc import Mapping
from dataclasses import fields
from enum import Enum
from typing import Any, TypeVar

import numpy as np

__all__ = ["in_one_line", "one_line"]

C = TypeVar("C", bound=type)


def in_one_line(cls: C) -> C:
    """Give a dataclass a ``repr`` of one line, by `one_line`.

    Python's own prints every array whole, over as many lines as it has rows. Goes above ``@dataclass``.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @in_one_line
    ... @dataclass
    ... class Fit:
    ...     weights: np.ndarray
    ...     residual: float
    >>> Fit(np.zeros((3, 5)), 1e-3)
    Fit(weights=float64 (3, 5), residual=0.001)
    """

    def shown(self: Any) -> str:
        inside = ", ".join(f"{part.name}={one_line(getattr(self, part.name))}" for part in fields(self) if part.repr)
        return f"{type(self).__name__}({inside})"

    cls.__repr__ = shown  # type: ignore[assignment,method-assign]
    return cls


def one_line(value: Any, most: int = 60) -> str:
    """A value in a line: an array, sparse ones too, by type and shape; else its ``repr``.

    Containers are written member by member, and a member longer than `most` characters is cut: a line is to be read.
    """
    if isinstance(value, np.ndarray) or hasattr(value, "tocsr"):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {one_line(entry, most)}" for key, entry in value.items()) + "}"
    if type(value) in (list, tuple):
        left, right = "[]" if isinstance(value, list) else "()"
        return left + ", ".join(one_line(entry, most) for entry in value) + right
    text = " ".join(repr(value).split())
    if isinstance(value, str) and len(text) > most:
        return text[: most - 3] + "..."
    return text
