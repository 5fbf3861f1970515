"""The black box that a name on the command line stands for."""

import importlib
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from twolayer.errors import InputError
from twolayer.extract.boxes import Box, CallableBox, shortened
from twolayer.extract.onnx_box import OnnxBox

__all__ = ["as_box", "open_box"]

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


def as_box(target: Any, dim: int | None = None) -> Box:
    """A box of whatever can be asked.

    Parameters
    ----------
    target : Box, callable, str or path
        A box as it is; a function of rows; anything with ``predict`` that says its number of inputs as scikit-learn's
        estimators do; a module of torch; what `open_box` takes.
    dim : int, optional
        Number of inputs, where it is not said.

    Raises
    ------
    InputError
        If it cannot be asked, or its number of inputs is not known or another.
    """
    if isinstance(target, str | os.PathLike):
        return open_box(os.fspath(target), dim)
    said = getattr(target, "dim", None)
    if not isinstance(said, int):
        said = getattr(target, "n_features_in_", None)
    if said is None and _is_torch(target):
        said = next((part.in_features for part in target.modules() if hasattr(part, "in_features")), None)
    if said is not None and dim is not None and said != dim:
        raise InputError(f"the box has {said} inputs, and dim says {dim}")
    if hasattr(target, "declared") and hasattr(target, "name"):
        return target
    function = target if callable(target) else getattr(target, "predict", None)
    if function is None:
        raise InputError(f"a black box is a function, an estimator, a path or a box, found {type(target).__name__}")
    known = said if dim is None else dim
    if known is None:
        raise InputError("the number of inputs of the box is not known: give dim, as in extract(f, dim=3)")
    name = str(getattr(target, "__name__", type(target).__name__))
    return CallableBox(_numbers_of(function) if _is_torch(target) else function, known, name)


def _is_torch(target: Any) -> bool:
    return any(kind.__module__.startswith("torch.") for kind in type(target).__mro__)


def _numbers_of(module: Any) -> Callable[..., Any]:
    """A module of torch as a function of arrays, in its own precision, without gradients."""

    def values(X: Any) -> Any:
        torch = importlib.import_module("torch")
        first = next(iter(module.parameters()), None)
        with torch.no_grad():
            given = torch.as_tensor(X, dtype=torch.float64 if first is None else first.dtype)
            return module(given).double().numpy()

    return values


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
