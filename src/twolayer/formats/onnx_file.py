"""ONNX files opened without trusting them: nothing is read but the file, and the data files beside it that it names."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from twolayer.errors import InputError

__all__ = ["open_onnx"]

# What a tensor of a file may say of its data elsewhere; a checksum is not looked at.
_KNOWN_KEYS = {"location", "offset", "length", "checksum"}


def open_onnx(path: str | Path) -> Any:
    """The ``onnx.ModelProto`` in a file, with the data that it keeps in other files brought in.

    Parameters
    ----------
    path : path
        What exporters write for large weights, ``model.onnx`` and ``model.onnx.data``, is one model: the data files lie
        in the folder of the model, wherever the program runs.

    Raises
    ------
    InputError
        If there is no such file, it is empty or no ONNX model; if it names a data file that is absent, not a regular
        file, or shorter than what the model wants of it, or that is not in the model's own folder (an absolute path,
        one that climbs out, a link that leads out); if onnx is not installed.

    Notes
    -----
    Each part of a data file is read by its offset and length, once: a model of k numbers takes memory O(k), whatever
    the size of the file.
    """
    onnx = _onnx()
    try:
        if stat.S_IFMT(Path(path).stat().st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
            raise InputError(f"{path} is not a regular file, and no ONNX model is read from elsewhere")
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    if not content:
        raise InputError(f"{path} is empty: it holds no ONNX model")
    try:
        model = onnx.load_model_from_string(content)
    except Exception:  # noqa: BLE001 - protobuf has its own exceptions, and they differ by version
        raise InputError(f"{path} is not an ONNX model, or is damaged") from None
    if not model.graph.node:
        raise InputError(f"{path} is not an ONNX model, or is damaged: its graph has no node")
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _bring_in(tensor, Path(path), onnx)
    return model


def _onnx() -> Any:
    try:
        import onnx
    except ImportError as error:
        raise InputError(f"an ONNX file needs the package {error.name}: pip install 'twolayer[export]'") from None
    return onnx


def _tensors(model: Any) -> Iterator[Any]:
    """Every tensor of a model: initialisers, and attributes of nodes, of inner graphs and functions too."""
    graphs, nodes = [model.graph], [node for function in model.functions for node in function.node]
    while graphs or nodes:
        while graphs:
            graph = graphs.pop()
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
            nodes += graph.node
        for attribute in nodes.pop().attribute if nodes else ():
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for sparse in [
                *([attribute.sparse_tensor] if attribute.HasField("sparse_tensor") else []),
                *attribute.sparse_tensors,
            ]:
                yield from (sparse.values, sparse.indices)
            graphs += [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def _bring_in(tensor: Any, path: Path, onnx: Any) -> None:
    """Replace where the data of a tensor is by the data."""
    told = {entry.key: entry.value for entry in tensor.external_data}
    location = told.get("location", "")
    if told.keys() - _KNOWN_KEYS or not location:
        raise InputError(f"{path} does not say in which file the data of {tensor.name!r} is")
    data = _within(path, location)
    try:
        offset, length = int(told.get("offset") or 0), int(told.get("length") or 0)
    except ValueError:
        raise InputError(f"{path} does not say where in {location} the data of {tensor.name!r} is") from None
    wanted = _byte_size(tensor, onnx, path)
    try:
        with data.open("rb") as stream:
            there = os.fstat(stream.fileno()).st_size
            if offset < 0 or (length and length != wanted) or offset + wanted > there:
                raise InputError(
                    f"{path} wants {wanted} bytes of {location} from {offset} for {tensor.name!r}, found"
                    f" {there} bytes in it" + (f" and a length of {length}" if length else "")
                )
            stream.seek(offset)
            tensor.raw_data = stream.read(wanted)
    except OSError as error:
        raise InputError(f"cannot read {data}, which {path} names: {error.strerror or error}") from None
    tensor.data_location = onnx.TensorProto.DEFAULT
    del tensor.external_data[:]


def _within(path: Path, location: str) -> Path:
    """The data file, if it is a regular file in the folder of the model or below it, links followed."""
    parts = (*PurePosixPath(location).parts, *PureWindowsPath(location).parts)
    is_absolute = PurePosixPath(location).is_absolute() or bool(PureWindowsPath(location).anchor)
    if is_absolute or ".." in parts or "\0" in location:
        raise InputError(f"{path} keeps its data in {location[:200]!r}, which is not in its own folder: not opened")
    folder = Path(os.path.realpath(path.parent))
    data = Path(os.path.realpath(folder / location))
    if not data.is_relative_to(folder):
        raise InputError(f"{path} keeps its data in {location[:200]!r}, which leads out of its own folder: not opened")
    if not data.exists():
        raise InputError(f"{path} keeps its weights in {location}, which must lie beside it and does not")
    if not data.is_file():
        raise InputError(f"{path} keeps its data in {location[:200]!r}, which is not a regular file: not opened")
    return data


def _byte_size(tensor: Any, onnx: Any, path: Path) -> int:
    """How many bytes the data of a tensor takes."""
    bits = {"UINT4": 4, "INT4": 4, "FLOAT4E2M1": 4, "UINT2": 2, "INT2": 2}
    try:
        kind = onnx.TensorProto.DataType.Name(tensor.data_type)
        size = bits.get(kind) or 8 * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, ValueError, TypeError):
        raise InputError(f"{path} has a tensor {tensor.name!r} of an unknown type") from None
    count = 1
    for length in tensor.dims:
        if length < 0:
            raise InputError(f"{path} has a tensor {tensor.name!r} of shape {tuple(tensor.dims)}")
        count *= length
    return (count * size + 7) // 8
