"""What the commands share: exit codes, options, how results are printed, and a rehearsal before long work.

Exit codes: 0 done (`recover` and `demo`: certified), 1 `compare` found a difference, 2 bad input (`instance verify`: a
file that is refused), 3 finished but not certified, 70 a fault of the program, 130 interrupted, 141 nobody reads
standard output any more. Results go to standard output, everything else to standard error.
"""

import ctypes
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from twolayer.errors import InputError

__all__ = [
    "BAD_INPUT",
    "FAULT",
    "INTERRUPTED",
    "NOBODY_READS",
    "NOT_CERTIFIED",
    "NOT_EQUAL",
    "AsJson",
    "Header",
    "Name",
    "NetworkFile",
    "Seed",
    "Target",
    "Without",
    "at_least",
    "closing",
    "count_or_auto",
    "loaded_network",
    "lookup",
    "print_json",
    "require_npz",
    "require_other",
    "require_picture",
    "require_writable",
    "sign_of_life",
    "standard_output_kept",
    "verdict",
    "write_picture",
]

NOT_EQUAL, BAD_INPUT, NOT_CERTIFIED, FAULT, INTERRUPTED, NOBODY_READS = 1, 2, 3, 70, 130, 141


PICTURES = (".svg", ".png", ".pdf")


def at_least(least: float) -> Callable[[Any], Any]:
    """Refuse an option below `least`, by its value; None passes."""

    def checked(value: Any) -> Any:
        if value is not None and not value >= least:
            raise typer.BadParameter(f"it must be at least {least:g}, found {value}")
        return value

    return checked


AsJson = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON object and nothing else.")]
Seed = Annotated[int, typer.Option(callback=at_least(0), help="Seed of everything random.")]
Name = Annotated[str, typer.Option(help="Its name, as `twolayer list` shows it.")]
Target = Annotated[
    list[str] | None,
    typer.Option(help="The column of a table that is y, by name; given again for more outputs; by default the last."),
]
Without = Annotated[list[str] | None, typer.Option(help="A column of a table to leave out; may be given again.")]
Header = Annotated[
    bool | None,
    typer.Option("--header/--no-header", metavar="", help="Whether the first line of a table has the names."),
]
NetworkFile = Annotated[Path, typer.Argument(help="A network, or a result (.npz).", show_default=False)]


def loaded_network(path: Path) -> Any:
    """The network of a file, or of the result that a file holds."""
    from twolayer.files import read_npz
    from twolayer.network import TwoLayerNetwork

    if path.suffix.lower() == ".npz" and path.is_file() and str(read_npz(path).get("format", "")) == "twolayer.result":
        from twolayer.recover.result import Result

        return Result.load(path).network
    return TwoLayerNetwork.load(path)


def print_json(content: dict[str, Any]) -> None:
    """Print one JSON object on standard output."""
    import json

    from twolayer.plain import plain

    typer.echo(json.dumps(plain(content), allow_nan=False))


def closing(result: Any) -> int:
    """Say the verdict last where it is no certificate, and return the exit code."""
    if not result.is_certified:
        typer.echo(verdict(result), err=True)
    return 0 if result.is_certified else NOT_CERTIFIED


def verdict(result: Any) -> str:
    """Status and advice in a line."""
    return f"{result.status.name}: {result.status.value}"


def sign_of_life(what: str) -> None:
    """Say on a terminal what goes on, before anything is imported that takes long; gone when more is to be said."""
    if sys.stderr.isatty():
        sys.stderr.write(f"{what} ...\r")
        sys.stderr.flush()


def require_picture(path: Path | None) -> None:
    """Refuse the path of a picture that cannot be written, or whose ending is of no picture."""
    if path is not None:
        if path.suffix.lower() not in PICTURES:
            raise InputError(f"a picture is a {', '.join(PICTURES)}, found the name {path}")
        require_writable(path)


def write_picture(path: Path, figure: Any) -> None:
    """Write a picture, whole or not at all."""
    from twolayer.files import atomic_writer

    with atomic_writer(path) as stream:
        figure.savefig(stream, format=path.suffix[1:].lower(), dpi=150)


def count_or_auto(value: str, option: str) -> int | Literal["auto"]:
    """The count of at least 1 that an option is given, or ``"auto"``."""
    if value == "auto":
        return "auto"
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise InputError(f"{option} must be a whole number of at least 1, or auto, found {value!r}")
    return int(value)


def lookup(table: dict[str, Any], name: str, kind: str) -> Any:
    """Return the entry `name` of `table`, or refuse with the names there are."""
    if name not in table:
        from twolayer.names import nearest

        near = nearest(name, table)
        hint = near if "did you mean" in near else ""
        raise InputError(f"unknown {kind} {name!r}{hint}; known are {', '.join(table)}")
    return table[name]


def require_other(output: Path, inputs: Iterable[Path]) -> None:
    """Refuse to write what is being read, by whatever name."""
    for path in inputs:
        if output.exists() and path.exists() and output.samefile(path):
            raise InputError(f"the output {output} is the input {path}, which would be lost: give another name")


def require_npz(path: Path) -> None:
    """Refuse the path of an .npz that cannot be written, or that is named as if it were something else."""
    if path.suffix.lower() != ".npz":
        raise InputError(f"what is written is an .npz, found the name {path}")
    require_writable(path)


class _RehearsalError(Exception):
    """Ends the rehearsal of a write."""


def require_writable(path: Path) -> None:
    """Refuse a path that cannot be written before anything long is computed, by writing up to the last step."""
    from twolayer.files import atomic_writer

    with suppress(_RehearsalError), atomic_writer(path):
        raise _RehearsalError


@contextmanager
def standard_output_kept() -> Iterator[None]:
    """Send to standard error what a box or a compiled library writes to standard output meanwhile."""
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        with suppress(OSError, TypeError):  # no C library to be found
            ctypes.CDLL(None).fflush(None)
        os.dup2(ours, 1)
        os.close(ours)
