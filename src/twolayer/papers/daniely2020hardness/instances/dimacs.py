"""Random K-SAT formulas in the DIMACS CNF format, written and read without trust."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.files import FilePath, atomic_writer, distrust
from twolayer.papers.daniely2020hardness.instances.formula import Formula, sat

__all__ = ["read_dimacs", "write_dimacs"]

_CLAUSES_AT_ONCE = 1 << 16  # read or written together: some MB of text


def write_dimacs(path: FilePath, formula: Formula, comments: tuple[str, ...] = ()) -> None:
    """Write a K-SAT formula in DIMACS CNF, whole or not at all: one clause a line, variables counted from 1.

    Parameters
    ----------
    path : path
    formula : Formula
        Of the predicate ``sat(K)``.
    comments : tuple of str
        Lines to stand above it.

    Raises
    ------
    InputError
        If the formula is not K-SAT, a comment is more than one line, or `path` cannot be written.
    """
    predicate = formula.predicate
    if predicate.n_clauses != 1 or predicate.is_negated:
        raise InputError(f"DIMACS holds formulas of SAT_K, found one of {predicate.name}")
    if any(len(comment.splitlines()) > 1 for comment in comments):
        raise InputError("each comment must be one line")
    literals = formula.signs * (formula.variables + 1)
    with atomic_writer(path) as stream:
        head = [*(f"c {comment}" for comment in comments), f"p cnf {formula.n_variables} {len(formula)}"]
        stream.write("".join(f"{line}\n" for line in head).encode())
        for start in range(0, len(literals), _CLAUSES_AT_ONCE):
            rows = literals[start : start + _CLAUSES_AT_ONCE].tolist()
            stream.write("".join(f"{' '.join(map(str, row))} 0\n" for row in rows).encode())


def read_dimacs(path: FilePath) -> Formula:
    """Read a K-SAT formula in DIMACS CNF.

    A clause may run over several lines; a line that begins with ``%`` ends the file, as in the SATLIB collection.

    Parameters
    ----------
    path : path
        At most 1 GiB.

    Returns
    -------
    Formula
        Of the predicate ``sat(K)``.

    Raises
    ------
    InputError
        With the number of the line and what is wrong there: no header or a second one, sizes that the file cannot hold,
        what is no integer, a variable out of range or twice in a clause, clauses of different lengths, a last clause
        without its 0, more or fewer clauses than announced. Or if the file cannot be read.

    Notes
    -----
    Nothing is allocated by what the header says: memory is linear in the bytes of the file.
    """
    most = 1 << 30  # a GiB: a hundred million literals, more than any formula that is refuted
    place = Path(path)
    try:
        with distrust(path, "a formula in DIMACS CNF"):
            n_bytes = place.stat().st_size
            if n_bytes > most:
                raise InputError(f"{path} has {n_bytes} bytes, and at most {most} are read")
            numbers, lines, n_variables, n_clauses = _read_numbers(place, n_bytes)
    except _FormatError as error:
        raise InputError(f"{path}, line {error.line}: {error.reason}") from None
    try:
        return _formula(numbers, lines, n_variables, n_clauses)
    except _FormatError as error:
        raise InputError(f"{path}, line {error.line}: {error.reason}") from None


class _FormatError(Exception):
    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line, self.reason = line, reason


def _read_numbers(path: Path, n_bytes: int) -> tuple[NDArray[np.int32], NDArray[np.int32], int, int]:
    """Every number after the header with the number of its line, and the two sizes of the header."""
    longest = 1 << 20  # a MiB, far beyond any clause: a file without ends of lines is not read whole
    blocks: list[NDArray[np.int32]] = [np.empty((2, 0), dtype=np.int32)]
    header: tuple[int, int] | None = None
    with path.open("rb") as stream:
        number = 0
        block: list[int] = []
        places: list[int] = []
        counts: list[int] = []
        for number, line in enumerate(iter(lambda: stream.readline(longest), b""), start=1):
            if len(line) == longest:
                raise _FormatError(number, f"it has {longest} bytes or more")
            if line.startswith(b"%"):
                break
            if line.startswith(b"c") or line.isspace():
                continue
            if line.startswith(b"p"):
                if header is not None:
                    raise _FormatError(number, "a second header")
                header = _header(line, number, n_bytes)
                continue
            if header is None:
                raise _FormatError(number, f"expected the header 'p cnf VARIABLES CLAUSES', found {_shown(line)}")
            found = _integers(line, number)
            block += found
            places.append(number)
            counts.append(len(found))
            if len(block) > _CLAUSES_AT_ONCE:
                blocks.append(np.array([block, np.repeat(places, counts)], dtype=np.int32))
                block, places, counts = [], [], []
    if header is None:
        raise _FormatError(number or 1, "the file ends before the header 'p cnf VARIABLES CLAUSES'")
    blocks.append(np.array([block, np.repeat(np.array(places, dtype=np.int32), counts)], dtype=np.int32))
    numbers, lines = np.concatenate(blocks, axis=1)
    return numbers, lines, *header


def _header(line: bytes, number: int, n_bytes: int) -> tuple[int, int]:
    fields = line.split()
    if len(fields) != 4 or fields[:2] != [b"p", b"cnf"]:
        raise _FormatError(number, f"expected the header 'p cnf VARIABLES CLAUSES', found {_shown(line)}")
    n_variables, n_clauses = _integers(b" ".join(fields[2:]), number)
    if n_variables < 1 or n_clauses < 1:
        raise _FormatError(number, f"expected at least 1 variable and 1 clause, found {n_variables} and {n_clauses}")
    if 2 * n_clauses > n_bytes:
        raise _FormatError(number, f"{n_clauses} clauses cannot stand in a file of {n_bytes} bytes")
    return n_variables, n_clauses


def _integers(line: bytes, number: int) -> list[int]:
    largest = int(np.iinfo(np.int32).max)  # what an int32 holds
    try:
        found = list(map(_integer, line.split()) if b"_" in line else map(int, line.split()))
    except ValueError:
        wrong = next(word for word in line.split() if not _is_integer(word))
        raise _FormatError(number, f"expected integers, found {_shown(wrong)}") from None
    if found and max(max(found), -min(found)) > largest:
        wrong = next(word for word in line.split() if abs(int(word)) > largest)
        raise _FormatError(number, f"{_shown(wrong)} is beyond the largest number allowed, {largest}")
    return found


def _integer(word: bytes) -> int:
    if b"_" in word:  # which Python allows in a number
        raise ValueError
    return int(word)


def _is_integer(word: bytes) -> bool:
    try:
        _integer(word)
    except ValueError:
        return False
    return True


def _shown(text: bytes) -> str:
    shown = text.strip().decode("ascii", errors="replace")
    return repr(shown if len(shown) <= 40 else f"{shown[:40]}...")


def _formula(numbers: NDArray[np.int32], lines: NDArray[np.int32], n_variables: int, n_clauses: int) -> Formula:
    """The formula of the clauses, each ended by a 0."""
    variables = np.abs(numbers)
    beyond = np.flatnonzero(variables > n_variables)
    if len(beyond):
        at = beyond[0]
        raise _FormatError(lines[at], f"literal {numbers[at]} is out of range for {n_variables} variables")
    ends = np.flatnonzero(numbers == 0)
    last = int(lines[-1]) if len(lines) else 1
    if len(numbers) and numbers[-1] != 0:
        raise _FormatError(last, "the last clause does not end with 0")
    if len(ends) != n_clauses:
        at = lines[ends[n_clauses]] if len(ends) > n_clauses else last
        raise _FormatError(at, f"the header announces {n_clauses} clauses, and there are {len(ends)}")
    sizes = np.diff(ends, prepend=-1) - 1
    K = int(sizes[0])
    uneven = np.flatnonzero(sizes != K)
    if len(uneven):
        at = uneven[0]
        raise _FormatError(lines[ends[at]], f"a clause of {sizes[at]} literals, and those before it have {K}")
    literals = numbers.reshape(n_clauses, K + 1)[:, :K]
    in_order = np.sort(np.abs(literals), axis=1)
    twice = np.flatnonzero((in_order[:, 1:] == in_order[:, :-1]).any(axis=1))
    if len(twice):
        raise _FormatError(lines[ends[twice[0]]], "a variable stands twice in a clause")
    try:
        return Formula(n_variables, np.abs(literals) - 1, np.sign(literals), sat(K))
    except InputError as error:
        raise _FormatError(lines[ends[0]], str(error)) from None
