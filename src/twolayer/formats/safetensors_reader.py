"""Networks read out of ``.safetensors`` files, which hold arrays by name and nothing that could run."""

import json
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.formats.layers import Layers
from twolayer.formats.reading import Reading, careful, refusal
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["read_safetensors", "safetensors"]

Array = NDArray[Any]

_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}
_LONGEST_HEADER = 100_000_000  # bytes, as the format itself has it
_OWN = "twolayer.network"


def safetensors(path: str | Path) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays of a file by name, and what it says of itself.

    Raises
    ------
    InputError
        If the file is none, or damaged: what it says of its arrays must fit what it holds.
    """
    with careful(path, "a safetensors file"):
        content = Path(path).read_bytes()
        (size,) = struct.unpack("<Q", content[:8])
        if not 2 <= size <= min(_LONGEST_HEADER, len(content) - 8):
            raise ValueError("its header does not fit in it")
        header = json.loads(content[8 : 8 + size].decode())
        told = header.pop("__metadata__", {})
        data = memoryview(content)[8 + size :]
        arrays = {str(name): _array(str(name), entry, data) for name, entry in header.items()}
        return arrays, {str(key): str(value) for key, value in told.items()}


def _array(name: str, entry: dict[str, Any], data: memoryview) -> Array:
    kind, (begin, end) = entry["dtype"], entry["data_offsets"]
    shape = tuple(int(length) for length in entry["shape"])
    if kind not in _TYPES:
        raise ValueError(f"{name[:50]!r} is of the type {str(kind)[:10]!r}, and floating-point numbers were expected")
    count = int(np.prod(shape, dtype=object)) if shape else 1
    if min(shape, default=0) < 0 or not 0 <= begin <= end <= len(data):
        raise ValueError(f"{name[:50]!r} is not where it is said to be")
    if end - begin != count * np.dtype(_TYPES[kind]).itemsize:
        raise ValueError(f"{name[:50]!r} is of another size than is said")
    array = np.frombuffer(data[begin:end], _TYPES[kind])
    if kind == "BF16":  # the upper halves of numbers of single precision
        array = (array.astype("<u4") << 16).view("<f4")
    return array.reshape(shape).astype(np.float64)


def read_safetensors(path: str | Path, activation: str | None = None) -> Reading:
    """The network in the weights of two dense layers.

    Parameters
    ----------
    path : path
        With the arrays of two layers, as a state dict of torch has them (``0.weight``, ``0.bias``, ``2.weight`` and so
        on, rows are units), or with kernels (rows are inputs); or what this library exported.
    activation : str, optional
        What stands between the layers: the file says it only where this library wrote it.

    Raises
    ------
    InputError
        If the file is none or damaged, holds anything but two layers, or the activation is not known.
    """
    with careful(path, "a safetensors file"):
        name = str(path)
        arrays, told = safetensors(path)
        if told.get("format") == _OWN:
            return _own(name, arrays, told)
        layers = _layers(name, arrays)
        activation = activation or told.get("activation")
        if activation is None:
            raise refusal(
                name, "it does not say which activation stands between its layers", "give it with --activation"
            )
        chain = Layers(name, layers[0][0].shape[0])
        chain.affine(*layers[0], "its first layer")
        chain.function(activation, "its first layer")
        chain.affine(*layers[1], "its second layer")
        return chain.reading()


def _own(name: str, arrays: dict[str, Array], told: dict[str, str]) -> Reading:
    if not {"a", "W", "b"} <= arrays.keys():
        raise refusal(name, "one of its arrays a, W and b is missing", "export it again")
    parts = [arrays.get(f"polynomial_{part}") for part in ("constant", "linear", "quadratic")]
    polynomial = None if parts[0] is None else Polynomial(parts[0], *parts[1:])
    network = TwoLayerNetwork(arrays["a"], arrays["W"], arrays["b"], told.get("activation", ""), polynomial)
    return Reading(network, told.get("link", "identity"), name)


def _layers(name: str, arrays: dict[str, Array]) -> list[tuple[Array, Array | None]]:
    """Weights (inputs, outputs) and bias of both layers, in order."""
    matrices = sorted((key for key, value in arrays.items() if value.ndim == 2), key=_natural)
    if len(matrices) != 2:
        raise refusal(name, f"it has {len(matrices)} matrices of weights, and two layers were expected")
    biases: list[Array | None] = []
    used = set(matrices)
    for key in matrices:
        stem = re.sub(r"(weight|kernel|W)$", "", key)
        known = [one for one in (f"{stem}bias", f"{stem}b") if one in arrays]
        biases.append(arrays[known[0]] if known else None)
        used.update(known[:1])
    rest = sorted(arrays.keys() - used)
    if rest:
        raise refusal(name, f"it has arrays that are of no dense layer, such as {rest[0][:50]!r}")
    first, second = (arrays[key] for key in matrices)
    is_turned = not matrices[0].endswith("kernel")
    if is_turned and first.shape[0] != second.shape[1] and first.shape[1] == second.shape[0]:
        is_turned = False
    weights = [first.T, second.T] if is_turned else [first, second]
    return list(zip(weights, biases, strict=True))


def _natural(key: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", key)]
