"""Networks read out of ONNX files: the graph is walked through once, and each tensor brought into the normal form."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.formats.assembled import network_of
from twolayer.formats.onnx_file import open_onnx
from twolayer.formats.onnx_operators import OPERATORS
from twolayer.formats.reading import Reading, refusal
from twolayer.formats.steps import Step
from twolayer.formats.values import BATCH, Labels, Linked, Model, NotTwoLayers, Value

__all__ = ["read_graph", "read_onnx"]

Array = NDArray[Any]

# Operators that are computed where all that goes into them is constant.
_FOLDED = (
    *("Constant", "ConstantOfShape", "Identity", "Cast", "CastLike", "Transpose", "Reshape", "Flatten", "Squeeze"),
    *("Unsqueeze", "Concat", "Gather", "Slice", "Split", "Expand", "Range", "Shape", "Size", "Where", "Equal", "Not"),
    *("Add", "Sub", "Mul", "Div", "Neg", "Abs", "Sqrt", "Reciprocal", "Pow", "Exp", "Log", "Max", "Min", "MatMul"),
    *("Floor", "Ceil", "Erf", "Tanh", "ReduceSum", "ReduceProd", "ReduceMean", "DequantizeLinear"),
    "ArrayFeatureExtractor",
)
_LARGEST = 1 << 22  # numbers of a constant that a node makes, 32 MiB, or four times those that the file holds

_ROUNDINGS = {1: 1e-6, 10: 1e-3, 11: 1e-11, 16: 1e-2}  # of the types of ONNX, some dozen roundings


def read_onnx(path: str | Path) -> Reading:
    r"""The network in an ONNX file, read off its weights; nothing is run.

    Layers may be written in any of the ways in which exporters write them: Gemm, MatMul and Add, Transpose, Reshape,
    Flatten and Squeeze, convolutions; Identity, Cast and Dropout pass; BatchNormalization, scalers and any other
    arithmetic with constants is folded in; activations may be operators, or written out in others. Inputs may be
    several columns, or of any shape, whose entries are taken in their order. A graph may end with the logistic
    function, softmax, exp or tanh, which is the link of what is read, and with labels, which are left out. Weights that
    are quantised are read as what they stand for; the rounding of what is computed on the way is left out, and noted.

    Parameters
    ----------
    path : path

    Returns
    -------
    Reading

    Raises
    ------
    InputError
        If the file is none, or not to be trusted (see `open_onnx`); if it is not of two layers: the operator where it
        stops to be is named.

    Notes
    -----
    Time and memory O(d (d + m)): inputs may be rearranged before the first layer.
    """
    return read_graph(str(path), open_onnx(path))


def read_graph(name: str, model: Any) -> Reading:
    """The network in an ``onnx.ModelProto`` that holds all its data; `name` is for messages."""
    try:
        graph = _inlined(model, name)
        walk = _Walk(name, graph, {entry.domain: entry.version for entry in model.opset_import})
        for node in graph.node:
            walk.take(node)
        return walk.reading()
    except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise refusal(name, f"it is damaged ({str(error)[:100]})", "export it again") from None


def _inlined(model: Any, path: str | Path) -> Any:
    """The graph, with the functions of the file put where they are called."""
    if not model.functions:
        return model.graph
    from onnx import inliner

    try:
        return inliner.inline_local_functions(model).graph
    except Exception as error:  # noqa: BLE001 - of compiled code, of whatever kind
        raise refusal(str(path), f"its functions cannot be put in place ({str(error)[:100]})") from None


class _Walk:
    """A graph, walked through node by node.

    Attributes
    ----------
    values : dict
        What each name of a tensor stands for: an array, or a value in the normal form.
    """

    def __init__(self, name: str, graph: Any, opsets: dict[str, int]) -> None:
        from onnx import numpy_helper

        self.name, self.graph, self.opsets = name, graph, opsets
        try:
            self.values: dict[str, Any] = {one.name: _number(numpy_helper.to_array(one)) for one in graph.initializer}
        except Exception:  # noqa: BLE001 - what is damaged is said in several ways
            raise refusal(name, "a tensor of it is damaged", "export it again") from None
        self.size = sum(array.size for array in self.values.values())
        if graph.sparse_initializer:
            raise refusal(name, "its weights are sparse", "export them dense")
        entries = [entry for entry in graph.input if entry.name not in self.values]
        shapes = [self._shape(entry) for entry in entries]
        sizes = [int(np.prod(shape[1:], dtype=int)) for shape in shapes]
        kinds = {entry.type.tensor_type.elem_type for entry in entries}
        self.rows = shapes[0][0] if shapes else 0
        self.model = Model(sum(sizes), max([_ROUNDINGS.get(kind, 1e-11) for kind in kinds] or [1e-11]))
        self._refuse_inputs(entries, kinds, sizes)
        if any(one.data_type in (1, 10, 16) for one in graph.initializer):
            self.model.rtol = max(self.model.rtol, *(_ROUNDINGS.get(one.data_type, 0.0) for one in graph.initializer))
        start = 0
        for entry, shape, size in zip(entries, shapes, sizes, strict=True):
            self.values[entry.name] = self._placed(range(start, start + size), shape[1:])
            start += size
        if len(entries) > 1:
            self.model.note(f"The inputs, in order, are {', '.join(entry.name for entry in entries)}.")
        elif entries and len(shapes[0]) > 2:
            self.model.note(f"Inputs of shape {shapes[0][1:]} are taken row by row, {sizes[0]} numbers.")

    def _placed(self, columns: range, shape: tuple[int, ...]) -> Value:
        try:
            return self.model.inputs(columns, shape)
        except NotTwoLayers as error:
            raise refusal(self.name, str(error)) from None

    def _refuse_inputs(self, entries: list[Any], kinds: set[int], sizes: list[int]) -> None:
        if not entries or not all(sizes):
            raise refusal(self.name, "it does not say how many inputs it takes", "export it with their shape")
        if not kinds <= set(_ROUNDINGS):
            raise refusal(self.name, "its inputs are no floating-point numbers", "export it with such inputs")

    def _shape(self, entry: Any) -> tuple[int, ...]:
        """Sizes of an input, 0 where one is open; that of the first layer where only the file's weights say it."""
        kind = entry.type.tensor_type
        sizes = [int(one.dim_value) for one in kind.shape.dim]
        if len(sizes) == 2 and not sizes[1]:
            for node in self.graph.node:
                if node.op_type in ("MatMul", "Gemm") and node.input[0] == entry.name and node.input[1] in self.values:
                    weights = self.values[node.input[1]]
                    is_turned = any(one.name == "transB" and one.i for one in node.attribute)
                    sizes[1] = int(weights.shape[-1] if is_turned else weights.shape[0])
        return tuple(sizes) if sizes else (0, 0)

    def take(self, node: Any) -> None:
        """Bring what a node gives into the normal form."""
        from onnx import helper

        inputs = [self.values.get(name) for name in node.input]
        missing = [name for name in node.input if name and name not in self.values]
        if missing:
            raise refusal(self.name, f"{_named(node)} takes {missing[0]!r}, which nothing gives", "export it again")
        options = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        try:
            given = self._given(node, inputs, options)
        except NotTwoLayers as error:
            raise refusal(self.name, f"at {_named(node)}, {error}") from None
        except InputError as error:
            raise refusal(self.name, f"at {_named(node)} or before, {error}") from None
        except (ArithmeticError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise refusal(self.name, f"{_named(node)} has inputs that it cannot have ({str(error)[:100]})") from None
        for name, value in zip(node.output, given, strict=False):
            if name:
                self.values[name] = value

    def _given(self, node: Any, inputs: list[Any], options: dict[str, Any]) -> tuple[Any, ...]:
        is_constant = all(value is None or isinstance(value, np.ndarray) for value in inputs)
        if is_constant and node.op_type in _FOLDED:
            return self._computed(node, inputs, options)
        if node.op_type not in OPERATORS:
            raise NotTwoLayers("the operator is not one of a two-layer network")
        step = Step(self.model, node.op_type, inputs, options, self.rows, len(node.output))
        with np.errstate(all="ignore"):
            given = OPERATORS[node.op_type](step)
        return given if isinstance(given, tuple) else (given,)

    def _computed(self, node: Any, inputs: list[Any], options: dict[str, Any]) -> tuple[Any, ...]:
        """What a node gives of constants."""
        from onnx.reference import ReferenceEvaluator

        if _size_made(node.op_type, inputs) > max(_LARGEST, 4 * self.size):
            raise NotTwoLayers("it makes a constant that is larger than what is read")
        if (
            node.op_type == "Constant"
            and "value" not in options
            and not any(name in options for name in ("value_float", "value_floats", "value_int", "value_ints"))
        ):
            raise NotTwoLayers("it gives no numbers")
        if node.op_type in ("ConstantOfShape", "Expand"):  # the same in every row
            inputs = [*inputs[:-1], np.where(inputs[-1] == BATCH, 1, inputs[-1])]
        opsets = dict(self.opsets) or {"": 17}
        run = ReferenceEvaluator(node, opsets=opsets)
        fed = {name: value for name, value in zip(node.input, inputs, strict=True) if name}
        try:
            found = run.run(None, fed)
        except Exception as error:  # noqa: BLE001 - each operator has exceptions of its own
            raise NotTwoLayers(f"its constants do not fit ({str(error)[:100]})") from None
        return tuple(_number(np.asarray(one)) for one in found)

    def reading(self) -> Reading:
        """What the outputs of the graph are."""
        found = {entry.name: self.values.get(entry.name) for entry in self.graph.output}
        numbers = {name: value for name, value in found.items() if value is not None and not isinstance(value, Labels)}
        if len(numbers) != 1:
            which = ", ".join(numbers) or "none of numbers that are computed"
            raise refusal(self.name, f"it must have one output, found {which}")
        (value,) = numbers.values()
        if isinstance(value, np.ndarray):
            raise refusal(self.name, "its output is a constant")
        link, inner = (value.link, value.inner) if isinstance(value, Linked) else ("identity", value)
        if len(found) > 1:
            self.model.note("The labels that the file gives beside its numbers are left out.")
        try:
            network = network_of(self.model, self.model.combination(inner))
        except InputError as error:
            raise refusal(self.name, str(error)) from None
        if link == "logistic" and network.n_outputs == 2 and _are_opposite(network):
            network = network.output(1)
            self.model.note("Of two probabilities the second is read; the first is one minus it.")
        return Reading(network, link, self.name, tuple(self.model.notes))


def _size_made(operator: str, inputs: list[Any]) -> float:
    """How many numbers a node would make of its constants, at most: a short file may ask for many."""
    arrays = [array for array in inputs if array is not None]
    sizes = [float(array.size) for array in arrays]
    if operator == "ConstantOfShape":
        return float(np.prod(np.where(arrays[-1] == BATCH, 1, arrays[-1]).astype(float)))
    if operator == "Expand":
        return sizes[0] * float(np.prod(np.where(arrays[-1] == BATCH, 1, arrays[-1]).astype(float)))
    if operator == "Range":
        return abs(float(inputs[1] - inputs[0]) / float(inputs[2]))
    if operator == "Gather":
        return sizes[0] * sizes[1] / max(arrays[0].shape[0] if arrays[0].ndim == 1 else 1, 1)
    if operator == "MatMul":
        return sizes[0] * sizes[1] / max(arrays[0].shape[-1], 1)
    if operator in ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min", "Where", "Equal"):
        return float(np.prod(np.broadcast_shapes(*(array.shape for array in arrays)), dtype=float))
    return sum(sizes)


def _are_opposite(network: Any) -> bool:
    polynomial = network.polynomial
    parts = [network.A.T, *([] if polynomial is None else [np.atleast_2d(polynomial.constant)[0][:, None]])]
    if polynomial is not None and polynomial.linear is not None:
        parts.append(polynomial.linear.T)
    return all(np.array_equal(one[0], -one[1]) for one in parts)


def _number(array: Array) -> Array:
    """Numbers in double precision; whole ones and truth values as they are."""
    kind = array.dtype
    return array if kind.kind in "iubSUO" else array.astype(np.float64)


def _named(node: Any) -> str:
    name = f" {node.name[:60]!r}" if node.name else ""
    return f"its operator {node.op_type}{name}"
