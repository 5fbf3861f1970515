"""Networks in ONNX files, run by onnxruntime."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.extract.boxes import Declared
from twolayer.formats.onnx_file import open_onnx
from twolayer.formats.onnx_reader import read_graph

__all__ = ["OnnxBox"]

# The operators of a two-layer network as exporters write it: the layers, the activations, and what may stand between.
_LAYERS = {"Gemm", "MatMul"}
_ACTIVATIONS = {
    "Relu": "relu",
    "LeakyRelu": "leaky_relu",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
    "Softplus": "softplus",
    "Erf": "erf",
    "Gelu": "gelu",
    "Abs": "abs",
    "Sin": "sine",
}
_AROUND = {"Add", "Sub", "Mul", "Div", "Cast", "Identity", "Flatten", "Reshape", "Squeeze", "Constant", "Scaler"}
_TYPES = {1: np.float32, 11: np.float64}  # elements of ONNX tensors


class OnnxBox:
    """A two-layer network in an ONNX file, of one output or several, asked through onnxruntime.

    Of a classifier's label and probabilities, the probabilities are asked for.

    Its weights are looked at for nothing but whether it is one, its width and its activation: see `declared`.

    Parameters
    ----------
    path : path

    Raises
    ------
    InputError
        If there is no such file, or it is no ONNX model, or not one of two layers and known operators, one input, and
        one output of numbers; if onnx and onnxruntime are not installed.

    Notes
    -----
    A file that takes a fixed number of rows at once is asked for so many at a time, the last of them filled up. Weights
    that it keeps in a file of their own are read from its own folder and from nowhere else.
    """

    def __init__(self, path: str | Path) -> None:
        self.name = str(path)
        model = open_onnx(path)
        self._inputs: list[tuple[str, tuple[int, ...]]] = []
        self._output = _numbers_of(self.name, model.graph)
        self.dim, self._rows, self._type, self.declared = self._understood(model)
        runtime = _runtime()
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        try:
            self._session = runtime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # noqa: BLE001 - the exceptions of onnxruntime have no common name
            reason = str(error).strip().split("\n")[0][:200]
            raise InputError(f"onnxruntime cannot run {path}: {reason}") from None
        self._inputs = self._inputs or [(self._session.get_inputs()[0].name, (self.dim,))]

    def _understood(self, model: Any) -> tuple[int, int, type, Declared]:
        """What `_checked` gives, of whatever is read as a network too, written in whatever operators."""
        try:
            found = read_graph(self.name, model)
        except InputError:
            found = None
        if found is None:
            return _checked(self.name, model.graph)
        constants = {entry.name for entry in model.graph.initializer}
        entries = [entry for entry in model.graph.input if entry.name not in constants]
        kinds = {entry.type.tensor_type.elem_type for entry in entries}
        shapes = [_shape(entry)[1:] for entry in entries]
        if not kinds <= _TYPES.keys():
            return _checked(self.name, model.graph)
        sizes = [(math.prod(shape) or found.network.dim,) if len(shape) == 1 else shape for shape in shapes]
        self._inputs = [(entry.name, size) for entry, size in zip(entries, sizes, strict=True)]
        link = None if found.link == "identity" else found.link
        declared = Declared(_width(model.graph) or found.network.width, found.network.activation.name, link)
        return found.network.dim, _shape(entries[0])[0], _TYPES[kinds.pop()], declared

    def __call__(self, X: NDArray[np.float64]) -> NDArray[Any]:
        """The values, in the precision of the file."""
        if not self._rows:
            return self._run(X)
        blocks = [X[start : start + self._rows] for start in range(0, len(X), self._rows)]
        values = [self._run(np.resize(block, (self._rows, self.dim))) for block in blocks]
        return np.concatenate([one[: len(block)] for one, block in zip(values, blocks, strict=True)])

    def _run(self, X: NDArray[np.float64]) -> NDArray[Any]:
        try:
            fed: dict[str, NDArray[Any]] = {}
            start = 0
            for name, shape in self._inputs:
                columns = X[:, start : start + math.prod(shape)]
                fed[name] = columns.reshape(len(X), *shape).astype(self._type)
                start += math.prod(shape)
            return np.asarray(self._session.run([self._output], fed)[0]).reshape(len(X), -1)
        except Exception as error:  # noqa: BLE001 - the exceptions of onnxruntime have no common name
            reason = str(error).strip().split("\n")[0][:200]
            raise InputError(f"onnxruntime cannot run {self.name} on {len(X)} rows at once: {reason}") from None


def _runtime() -> Any:
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError as error:
        raise InputError(f"an ONNX file needs the package {error.name}: pip install 'twolayer[export]'") from None
    return onnxruntime


def _numbers_of(name: str, graph: Any) -> str:
    """The name of the graph's output that has the numbers: beside the label of a classifier, its probabilities."""
    numbers = [output.name for output in graph.output if output.type.tensor_type.elem_type in _TYPES]
    if len(numbers) != 1:
        found = ", ".join(output.name for output in graph.output) or "none"
        raise InputError(f"{name} must have one output of float or double numbers, found {len(numbers)} among: {found}")
    return str(numbers[0])


def _checked(name: str, graph: Any) -> tuple[int, int, type, Declared]:
    """Numbers of inputs and of rows at once (0: any), type of the numbers, and what the graph says of its network."""
    constants = {entry.name: tuple(entry.dims) for entry in graph.initializer}
    inputs = [entry for entry in graph.input if entry.name not in constants]
    if len(inputs) != 1:
        raise InputError(f"{name} must have one input, a matrix of rows, found {len(inputs)}")
    operators = [node.op_type for node in graph.node]
    unknown = sorted({one for one in operators if one not in _LAYERS | _AROUND | _ACTIVATIONS.keys()})
    if unknown:
        raise InputError(f"{name} has operators that are not of a two-layer network: {', '.join(unknown)}")
    layers = [node for node in graph.node if node.op_type in _LAYERS]
    if len(layers) != 2:
        raise InputError(f"{name} must have two layers, found {len(layers)} (Gemm or MatMul)")
    shape, kind = _shape(inputs[0]), inputs[0].type.tensor_type.elem_type
    if kind not in _TYPES:
        raise InputError(f"{name} must take float or double numbers")
    weights = _weights(layers[0], constants)
    dim = shape[1] if len(shape) == 2 else 0
    if len(shape) == 2 and not dim and weights is not None:
        dim = weights[0]
    if not dim:
        sizes = ", ".join(str(size or "?") for size in shape)
        raise InputError(f"{name} must take rows of a number of inputs that it says, found an input of shape ({sizes})")
    used = {_ACTIVATIONS[one] for one in operators if one in _ACTIVATIONS}
    declared = Declared(None if weights is None else weights[1], used.pop() if len(used) == 1 else None)
    return dim, shape[0], _TYPES[kind], declared


def _width(graph: Any) -> int | None:
    """The units of the first of two plain layers, those that add nothing included; None of a graph of another kind."""
    layers = [node for node in graph.node if node.op_type in _LAYERS]
    weights = _weights(layers[0], {entry.name: tuple(entry.dims) for entry in graph.initializer}) if layers else None
    return weights[1] if weights is not None and len(layers) == 2 else None


def _shape(value: Any) -> tuple[int, ...]:
    """Sizes of a tensor, 0 where a size is not fixed."""
    return tuple(int(size.dim_value) for size in value.type.tensor_type.shape.dim)


def _weights(layer: Any, constants: dict[str, tuple[int, ...]]) -> tuple[int, int] | None:
    """Inputs and units of the first weight matrix."""
    shape = constants.get(layer.input[1])
    if shape is None or len(shape) != 2:
        return None
    is_transposed = any(attribute.name == "transB" and attribute.i for attribute in layer.attribute)
    return (int(shape[1]), int(shape[0])) if is_transposed else (int(shape[0]), int(shape[1]))
