"""What an ONNX file itself computes, to compare with what was read of it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.formats.onnx_file import open_onnx
from twolayer.formats.reading import Reading

__all__ = ["difference"]

_ROWS, _SCALES = 32, (0.01, 0.1, 1.0, 10.0)  # of standard normal rows, at each of the scales


def difference(found: Reading, path: str | Path) -> float | None:
    """The largest difference between a reading and its ONNX file, run by onnxruntime; over the largest value.

    Parameters
    ----------
    found : Reading
    path : path
        A file in one or two parts: it is opened as it was for reading.

    Returns
    -------
    float or None
        None where onnxruntime cannot run the file.
    """
    import onnxruntime  # type: ignore[import-untyped]

    model = open_onnx(path)
    constants = {entry.name for entry in model.graph.initializer}
    entries = [entry for entry in model.graph.input if entry.name not in constants]
    X = np.random.default_rng(0).standard_normal((_ROWS * len(_SCALES), found.network.dim))
    X *= np.repeat(_SCALES, _ROWS)[:, None]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        values = _values(session, entries, X)
    except Exception:  # noqa: BLE001 - the exceptions of onnxruntime have no common name
        return None
    expected = found(X).reshape(len(X), -1)
    numbers = [value.astype(float).reshape(len(X), -1) for value in values if value.dtype.kind == "f"]
    if sum(value.shape[1] for value in numbers) < expected.shape[1]:
        return None
    value = np.concatenate(numbers, axis=1)[:, -expected.shape[1] :]
    is_there = np.isfinite(value)
    size = float(np.abs(value[is_there]).max(initial=0.0))
    return float(np.abs(value - expected)[is_there].max(initial=0.0)) / size if size else None


def _values(session: Any, entries: list[Any], X: NDArray[np.float64]) -> list[NDArray[Any]]:
    """All outputs at the rows, asked for as many at a time as the file takes."""
    types = {1: np.float32, 10: np.float16, 11: np.float64}
    shapes = [[int(size.dim_value) for size in entry.type.tensor_type.shape.dim] for entry in entries]
    at_once = shapes[0][0] or len(X)
    parts = []
    for begin in range(0, len(X), at_once):
        rows = np.resize(X[begin : begin + at_once], (at_once, X.shape[1]))
        fed, start = {}, 0
        for entry, shape in zip(entries, shapes, strict=True):
            size = int(np.prod(shape[1:])) or X.shape[1]
            columns = rows[:, start : start + size].reshape(at_once, *(one or -1 for one in shape[1:]))
            fed[entry.name] = columns.astype(types[entry.type.tensor_type.elem_type])
            start += size
        found = session.run(None, fed)
        parts.append([np.asarray(one)[: len(X) - begin] for one in found if isinstance(one, np.ndarray)])
    return [np.concatenate(values) for values in zip(*parts, strict=True)]
