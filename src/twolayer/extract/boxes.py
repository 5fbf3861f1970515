"""Kinds of black box: anything that gives one number for each row of inputs."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from twolayer.arrays import whole_number
from twolayer.errors import InputError

__all__ = ["Box", "CallableBox", "CommandBox", "Declared", "shortened"]


@dataclass(frozen=True)
class Declared:
    """What a box says of itself.

    Attributes
    ----------
    width : int or None
        Number of units.
    activation : str or None
    link : str or None
        The function on top of its outputs, a key of `LINKS`.
    """

    width: int | None = None
    activation: str | None = None
    link: str | None = None


class Box(Protocol):
    """What can be asked: `box(X)` gives the values at the rows of X, (n, dim).

    Attributes
    ----------
    name : str
        For messages.
    dim : int
        Number of inputs.
    declared : Declared
    """

    name: str
    dim: int
    declared: Declared

    def __call__(self, X: NDArray[np.float64]) -> Any:
        """Values at the rows of X, (n, dim); what they are like is checked by whoever asks."""


class CallableBox:
    """A Python function of a matrix of rows.

    Parameters
    ----------
    function : callable
        Takes X (n, dim), gives n numbers.
    dim : int
    name : str, optional
    """

    def __init__(self, function: Callable[[NDArray[np.float64]], Any], dim: int, name: str | None = None) -> None:
        if not callable(function):
            raise InputError(f"a black box must be callable, found {type(function).__name__}")
        self.function, self.dim = function, whole_number(dim, "dim")
        self.name = name or str(getattr(function, "__name__", type(function).__name__))
        self.declared = Declared()

    def __call__(self, X: NDArray[np.float64]) -> Any:
        """Whatever the function gives; what it raises becomes an InputError, what it prints goes to standard error."""
        try:
            with redirect_stdout(sys.stderr):
                return self.function(X)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            what = shortened(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
            raise InputError(f"{self.name} raised {what} when asked for {len(X)} rows of {self.dim} inputs") from error


class CommandBox:
    """A program that reads rows on standard input, numbers separated by commas, and writes one number a line.

    Parameters
    ----------
    command : str
        As typed in a shell, but run without one. It is started once for each batch.
    dim : int

    Attributes
    ----------
    longest_line : int
        Characters of a number and what may stand around it: a program that writes more a row never ends, perhaps.
    """

    longest_line = 400

    def __init__(self, command: str, dim: int) -> None:
        try:
            self.words = shlex.split(command)
        except ValueError as error:
            raise InputError(f"cannot read the command {command!r}: {error}") from None
        if not self.words:
            raise InputError("the command is empty")
        self.dim, self.name, self.declared = whole_number(dim, "dim"), f"the command {self.words[0]!r}", Declared()

    def __call__(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """The numbers that the program writes."""
        with TemporaryFile("w+") as asked, TemporaryFile("w+") as complaints:
            asked.writelines(",".join(map(repr, row)) + "\n" for row in X.tolist())
            asked.seek(0)
            answer, code = self._run(asked, complaints, (len(X) + 1) * self.longest_line)
            complaints.seek(0)
            last = (complaints.read(self.longest_line * 100).strip() or "nothing on standard error").splitlines()[-1]
        if answer is None:
            raise InputError(f"{self.name} goes on writing after {len(X)} rows: one number a row was expected")
        if code:
            raise InputError(f"{self.name} ended with exit code {code}: {shortened(last)}")
        return np.array([self._number(line) for line in answer.splitlines() if line.strip()])

    def _run(self, asked: IO[str], complaints: IO[str], most: int) -> tuple[str | None, int]:
        """What the program writes, None if that is more than so many characters, and its exit code."""
        try:
            running = subprocess.Popen(
                self.words, stdin=asked, stdout=subprocess.PIPE, stderr=complaints, text=True, errors="replace"
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise InputError(f"{self.name} cannot be run: {reason}") from None
        with running:
            try:
                assert running.stdout is not None
                answer = running.stdout.read(most + 1)
                if len(answer) <= most:
                    return answer, running.wait()
            except BaseException:
                running.kill()
                raise
            running.kill()
        return None, 0

    def _number(self, line: str) -> float:
        try:
            return float(line)
        except ValueError:
            message = f"{self.name} wrote {shortened(line.strip())!r} where one number a line was expected"
            raise InputError(message) from None


def shortened(text: str, longest: int = 200) -> str:
    """What somebody else's code said, in one line that is not too long."""
    line = " ".join(text.split())
    return line if len(line) <= longest else line[:longest] + "..."
