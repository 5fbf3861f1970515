"""The ledger of a figure: what was measured stays, whatever happens next."""

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from twolayer.errors import InputError
from twolayer.experiments.figure import Cell
from twolayer.experiments.table import Value

__all__ = ["Entry", "Ledger", "canonical"]

_TABLES = """
CREATE TABLE IF NOT EXISTS made_by (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cells (
    key TEXT PRIMARY KEY, cell TEXT NOT NULL, seed TEXT NOT NULL, seconds REAL NOT NULL, rows TEXT, error TEXT,
    digest TEXT NOT NULL
);
"""


def canonical(value: Any) -> str:
    """Return `value` as JSON of which there is one text only: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


@dataclass(frozen=True)
class Entry:
    """How a cell went.

    Attributes
    ----------
    seconds : float
        Time by the clock.
    rows : list of dict, or None
        What it measured; None where it failed.
    error : str or None
        The text of what it raised.
    """

    seconds: float
    rows: Sequence[Mapping[str, Value]] | None
    error: str | None


class Ledger:
    """Results by cell in a file of SQLite, with one writer at a time; each is on the disk before the next is asked for.

    The key of a cell is the hash of its content, the figure's name, and the versions; a file whose versions are others
    is refused, so that results of two versions never meet in one table.

    Parameters
    ----------
    path : Path
    figure : str
        The figure's name.
    versions : mapping of str to str
        Of everything that the results depend on besides their cells.
    is_writer : bool
        Whether to write; if not, a file that does not exist is like an empty one.

    Raises
    ------
    InputError
        If the file is damaged, of another figure or another version (which are named), cannot be opened, or another
        process is writing.
    """

    def __init__(self, path: Path, figure: str, versions: Mapping[str, str], *, is_writer: bool = True) -> None:
        self.path = path
        self._figure, self._versions = figure, {"figure": figure, **versions}
        self._lock: sqlite3.Connection | None = None
        self._file = sqlite3.connect(":memory:")
        try:
            self._open(is_writer)
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def _open(self, is_writer: bool) -> None:
        path = self.path
        if path.is_dir():
            raise InputError(f"{path} is a folder, where the ledger should be: {_BEGIN_ANEW}")
        with self._trouble():
            if is_writer:
                self._lock = _locked(path.with_suffix(".lock"))
                self._file = sqlite3.connect(path)
                self._file.execute("PRAGMA synchronous = FULL")
                self._file.executescript(_TABLES)
            elif path.exists() and path.stat().st_size:
                # a reader writes too, once: it takes back what a killed run had begun
                # half a minute: another process may be writing, which takes a moment; longer, and it hangs
                self._file = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=30.0)
            else:
                self._file.executescript(_TABLES)
            self._check()

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self._lock is not None:
            self._lock.close()

    def entries(self) -> dict[str, Entry]:
        """Return everything that is known, by key."""
        with self._trouble():
            lines = self._file.execute("SELECT key, cell, seed, seconds, rows, error, digest FROM cells").fetchall()
            for line in lines:
                if _digest(line[:-1]) != line[-1]:
                    raise InputError(f"{self.path} is damaged in the entry {line[0]}: {_BEGIN_ANEW}")
            return {
                key: Entry(seconds, None if rows is None else json.loads(rows), error)
                for key, _, _, seconds, rows, error, _ in lines
            }

    def key(self, cell: Cell) -> str:
        """Return the key of a cell."""
        return hashlib.sha256(canonical([self._versions, cell]).encode()).hexdigest()

    def record(self, cell: Cell, seed: int, entry: Entry) -> None:
        """Keep how a cell went; on return it is on the disk."""
        rows = None if entry.rows is None else json.dumps(entry.rows)
        line = (self.key(cell), canonical(cell), f"{seed:x}", entry.seconds, rows, entry.error)
        with self._trouble(), self._file:
            self._file.execute("INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?, ?)", (*line, _digest(line)))

    def _check(self) -> None:
        """Refuse what others made; sign what is new."""
        found = dict(self._file.execute("SELECT name, value FROM made_by").fetchall())
        if not found:
            with self._file:
                self._file.executemany("INSERT INTO made_by VALUES (?, ?)", self._versions.items())
        elif found != self._versions:
            raise InputError(
                f"{self.path} is of another version ({_difference(found, self._versions)}), and results of two versions"
                f" are not mixed: {_BEGIN_ANEW}"
            )

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        """Say in one sentence what the file or the disk refuses."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise InputError(f"cannot use {self.path}: {error}; what was finished stays") from error
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{self.path} is damaged, or no ledger ({error}): {_BEGIN_ANEW}") from error


_BEGIN_ANEW = "give another folder, or move the file away to begin anew"


def _locked(path: Path) -> sqlite3.Connection:
    """Hold the one place of a writer, which the system frees when the process ends, however it ends."""
    lock = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if "locked" in str(error):
            raise InputError(f"another run is writing to {path.parent}: wait for it, or give another folder") from error
        raise
    return lock


def _digest(line: Sequence[Any]) -> str:
    return hashlib.sha256(repr(tuple(line)).encode()).hexdigest()


def _difference(there: Mapping[str, str], here: Mapping[str, str]) -> str:
    """Name what differs, versions before modules."""
    most_named = 4  # more would be a list, not a sentence
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    names = ["figure"] if "figure" in names else names
    said = [
        f"{name} {there.get(name, 'none')} there, {here.get(name, 'none')} here" for name in names if "." not in name
    ]
    modules = [name for name in names if "." in name]
    if modules:
        more = f" and {len(modules) - most_named} more" if len(modules) > most_named else ""
        said.append(f"the code of {', '.join(modules[:most_named])}{more} has changed")
    return "; ".join(said)
