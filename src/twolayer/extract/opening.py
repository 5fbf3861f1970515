"""The black box that a name on the command line stands for."""

import importlib
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from twolayer.errors import InputError
from twolayer.extract.boxes import Box, CallableBox, shortened
from twolayer.extract.onnx_box import OnnxBox

__all__ = ["open_box"]

_PICKLES = {".pkl", ".pickle", ".joblib"}  # never loaded: a pickle can run anything


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
        box = OnnxBox(target)
        if dim is not None and dim != box.dim:
            raise InputError(f"{target} has {box.dim} inputs, and --dim says {dim}")
        return box
    if kind in _PICKLES:
        raise InputError(f"{target} is a pickle, which can run anything when it is loaded: save the model as ONNX")
    if not all(target.partition(":")):
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
        with redirect_stdout(sys.stderr):
            found: Any = importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise InputError(f"cannot import {module_name!r}: {shortened(f'{type(error).__name__}: {error}')}") from error
    for part in function_name.split("."):
        if not hasattr(found, part):
            raise InputError(f"the module {module_name!r} has no {function_name!r}")
        found = getattr(found, part)
    return found
