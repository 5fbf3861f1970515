"""What every table of the library holds: an entry has a name, what does the work, and one line that says what it is."""

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

__all__ = ["Entry", "first_line", "table"]

E = TypeVar("E", bound="Entry")


@dataclass(frozen=True)
class Entry:
    """A member of a table; to call it is to call its function.

    Attributes
    ----------
    name : str
        Its key.
    source : callable or str
        A function or class, or where to import it from when it is first asked for, ``"package.module:name"``: so a
        table can name what its room does not import.
    summary : str
        One line, as `twolayer list` prints it.

    Examples
    --------
    >>> Entry("root", "math:sqrt", "the square root")(4.0)
    2.0
    """

    name: str
    source: Callable[..., Any] | str
    summary: str

    @property
    def function(self) -> Callable[..., Any]:
        """What does the work, imported if need be."""
        if not isinstance(self.source, str):
            return self.source
        module, _, name = self.source.partition(":")
        found: Callable[..., Any] = getattr(import_module(module), name)
        return found

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call the function."""
        return self.function(*arguments, **options)


def table(*entries: E) -> dict[str, E]:
    """The entries by name, in order."""
    return {entry.name: entry for entry in entries}


def first_line(documented: Any) -> str:
    """The first line of a docstring as plain text, for the summary of an entry that says no more than that.

    Double backquotes and references, as in ``[1]_``, are left out: they are for the documents.
    """
    line = (inspect.getdoc(documented) or "").split("\n")[0]
    return re.sub(r" ?\[\d+\]_", "", line.replace("``", ""))
