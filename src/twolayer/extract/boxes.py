"""Kinds of black box: anything that gives one number for each row of inputs."""

import importlib
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from twolayer.arrays import whole_number
from twolayer.errors import InputError

__all__ = ["Box", "CallableBox", "CommandBox", "Declared", "open_box"]

_PICKLES = {".pkl", ".pickle", ".joblib"}
_LONGEST = 200


@dataclass(frozen=True)
class Declared:
    """What a box says of itself.

    Attributes
    ----------
    width : int or None
        Number of units.
    activation : str or None
    """

    width: int | None = None
    activation: str | None = None


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
        """Whatever the function gives; what it raises becomes an InputError."""
        try:
            return self.function(X)
        except Exception as error:
            what = _shortened(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
            raise InputError(f"{self.name} raised {what} when asked for {len(X)} rows of {self.dim} inputs") from error


class CommandBox:
    """A program that reads rows on standard input, numbers separated by commas, and writes one number a line.

    Parameters
    ----------
    command : str
        As typed in a shell, but run without one. It is started once for each batch.
    dim : int
    """

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
        rows = "".join(",".join(map(repr, row)) + "\n" for row in X.tolist())
        try:
            done = subprocess.run(self.words, input=rows, capture_output=True, text=True, check=False)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise InputError(f"{self.name} cannot be run: {reason}") from None
        if done.returncode:
            last = (done.stderr.strip() or "nothing on standard error").splitlines()[-1]
            raise InputError(f"{self.name} ended with exit code {done.returncode}: {_shortened(last)}")
        return np.array([self._number(line) for line in done.stdout.splitlines() if line.strip()])

    def _number(self, line: str) -> float:
        try:
            return float(line)
        except ValueError:
            message = f"{self.name} wrote {_shortened(line.strip())!r} where one number a line was expected"
            raise InputError(message) from None


def open_box(target: str, dim: int | None = None) -> Box:
    """The box that a name stands for.

    Parameters
    ----------
    target : str
        ``module:function``, with the module found as from a script in this folder, or the path of an ``.onnx`` file.
    dim : int, optional
        Number of inputs; an ONNX file says it itself.

    Raises
    ------
    InputError
        If there is no such thing, or `dim` is missing or differs from the file's. Pickles are never loaded.
    """
    kind = Path(target).suffix.lower()
    if kind == ".onnx":
        from twolayer.extract.onnx_box import OnnxBox

        box = OnnxBox(target)
        if dim is not None and dim != box.dim:
            raise InputError(f"{target} has {box.dim} inputs, and --dim says {dim}")
        return box
    if kind in _PICKLES:
        raise InputError(f"{target} is a pickle, which can run anything when it is loaded: save the model as ONNX")
    if ":" not in target:
        raise InputError(f"a black box is a module:function or an .onnx file, found {target!r}")
    if dim is None:
        raise InputError(f"the number of inputs of {target} is not known: give --dim")
    return CallableBox(_imported(target), dim, target)


def _imported(target: str) -> Callable[..., Any]:
    module_name, _, function_name = target.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:
        raise InputError(f"cannot import {module_name!r}: {_shortened(f'{type(error).__name__}: {error}')}") from error
    for part in function_name.split("."):
        if not hasattr(found, part):
            raise InputError(f"the module {module_name!r} has no {function_name!r}")
        found = getattr(found, part)
    return found


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "..."
