"""A network as a file of another program: ONNX, safetensors, a workbook, PMML."""

import ast
import io
import json
import struct
from typing import Any
from xml.etree import ElementTree

import numpy as np

from twolayer.activation import activation
from twolayer.errors import InputError
from twolayer.formats.formulas import formula, in_words, link_formula
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["to_excel", "to_onnx", "to_pmml", "to_safetensors", "with_ramps_for_the_linear_part"]

_OPERATORS = {"max": "Max", "min": "Min", "abs": "Abs", "exp": "Exp", "log": "Log", "tanh": "Tanh", "erf": "Erf"}
_OPERATORS |= {"sin": "Sin"}
_ARITHMETIC = {ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul", ast.Div: "Div"}
_LINKS = {"logistic": "Sigmoid", "softmax": "Softmax", "tanh": "Tanh", "exp": "Exp"}


def to_onnx(network: TwoLayerNetwork, link: str = "identity", *, single: bool = False) -> Any:
    """An ``onnx.ModelProto`` with one input x, (n, d), and one output y, (n, q).

    Parameters
    ----------
    network : TwoLayerNetwork
    link : str
    single : bool
        In single precision, which all that runs ONNX has; double is exact, but for erf and gelu: the error function is
        computed in single precision there too.

    Raises
    ------
    InputError
        If onnx is not installed, or the link is unknown.
    """
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        raise InputError("ONNX files need the package onnx: pip install 'twolayer[export]'") from None
    kind, dtype = (TensorProto.FLOAT, np.float32) if single else (TensorProto.DOUBLE, np.float64)
    graph = _Graph(network, is_single=single)
    if link != "identity":
        if link not in _LINKS:
            raise InputError(f"the link {link!r} is not one of {', '.join(_LINKS)}")
        graph.add(_LINKS[link], ["value"], "y")
    else:
        graph.add("Identity", ["value"], "y")
    value_info = helper.make_tensor_value_info
    made = helper.make_graph(
        [helper.make_node(operator, inputs, [output], **options) for operator, inputs, output, options in graph.nodes],
        "twolayer",
        [value_info("x", kind, ["n", network.dim])],
        [value_info("y", kind, ["n", network.n_outputs])],
        [numpy_helper.from_array(_of_type(value, dtype), name) for name, value in graph.constants.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(made, opset_imports=opsets, ir_version=8, producer_name="twolayer")


def _of_type(value: Any, dtype: type) -> Any:
    array = np.asarray(value)
    return array if array.dtype.kind == "i" else array.astype(dtype)


class _Graph:
    """Nodes and constants of a network, up to its value."""

    def __init__(self, network: TwoLayerNetwork, *, is_single: bool) -> None:
        self.is_single = is_single
        self.nodes: list[tuple[str, list[str], str, dict[str, Any]]] = []
        self.constants: dict[str, Any] = {}
        polynomial = network.polynomial or Polynomial(np.zeros(network.n_outputs))
        parts = ["c"]
        self.constants["c"] = np.reshape(polynomial.constant, (1, -1))
        if network.width:
            self.constants |= {"W": network.W.T, "b": network.b}
            self.add("Gemm", ["x", "W", "b"], "t")
            if network.activation.name == "sigmoid":  # an operator, and not tanh, as formulas elsewhere have it
                h = self.add("Sigmoid", ["t"], "h")
            else:
                h = self.expression(ast.parse(formula(network.activation), mode="eval").body)
            self.constants["A"] = network.A
            self.add("MatMul", [h, "A"], "units")
            parts.append("units")
        if polynomial.linear is not None or not network.width:
            linear = np.zeros((network.dim, network.n_outputs)) if polynomial.linear is None else polynomial.linear
            self.constants["u"] = np.reshape(linear, (network.dim, network.n_outputs))
            self.add("MatMul", ["x", "u"], "linear")
            parts.append("linear")
        if polynomial.quadratic is not None:
            self.quadratic(np.reshape(polynomial.quadratic, (network.dim, network.dim, network.n_outputs)))
            parts.append("quadratic")
        total = parts[0]
        for place, part in enumerate(parts[1:]):
            output = "value" if place == len(parts) - 2 else f"sum{place}"
            self.add("Add", [total, part], output)
            total = output

    def add(self, operator: str, inputs: list[str], output: str, **options: Any) -> str:
        """Add a node."""
        self.nodes.append((operator, inputs, output, options))
        return output

    def expression(self, tree: ast.expr) -> str:
        """The nodes of a formula of t, and the name of its value."""
        output = f"f{len(self.nodes)}"
        if isinstance(tree, ast.Name):
            return tree.id
        if isinstance(tree, ast.Constant):
            name = f"k{len(self.constants)}"
            self.constants[name] = np.array(float(tree.value))  # type: ignore[arg-type]
            return name
        if isinstance(tree, ast.Call):
            assert isinstance(tree.func, ast.Name)
            if tree.func.id == "max" and isinstance(tree.args[1], ast.Constant) and tree.args[1].value == 0.0:
                inputs = [self.expression(tree.args[0])]
                return self.add("Relu", inputs, f"f{len(self.nodes)}")
            inputs = [self.expression(argument) for argument in tree.args]
            if tree.func.id == "erf":  # which onnxruntime has in single precision only
                single = self.add("Cast", inputs, f"f{len(self.nodes)}", to=1)
                found = self.add("Erf", [single], f"f{len(self.nodes)}")
                return self.add("Cast", [found], f"f{len(self.nodes)}", to=1 if self.is_single else 11)
            return self.add(_OPERATORS[tree.func.id], inputs, f"f{len(self.nodes)}")
        if isinstance(tree, ast.UnaryOp):
            if isinstance(tree.operand, ast.Constant):
                return self.expression(ast.Constant(-float(tree.operand.value)))  # type: ignore[arg-type]
            return self.add("Neg", [self.expression(tree.operand)], f"f{len(self.nodes)}")
        assert isinstance(tree, ast.BinOp), output
        inputs = [self.expression(tree.left), self.expression(tree.right)]
        return self.add(_ARITHMETIC[type(tree.op)], inputs, f"f{len(self.nodes)}")

    def quadratic(self, Q: Any) -> None:
        """The quadratic part: squares along the eigenvectors of each output's matrix."""
        d, _, outputs = Q.shape
        directions, squares = np.zeros((d, d * outputs)), np.zeros((d * outputs, outputs))
        for j in range(outputs):
            values, vectors = np.linalg.eigh(Q[:, :, j])
            directions[:, j * d : (j + 1) * d], squares[j * d : (j + 1) * d, j] = vectors, values
        self.constants |= {"directions": directions, "curvatures": squares}
        self.add("MatMul", ["x", "directions"], "along")
        self.add("Mul", ["along", "along"], "square")
        self.add("MatMul", ["square", "curvatures"], "quadratic")


def to_safetensors(network: TwoLayerNetwork, link: str = "identity") -> bytes:
    """The arrays a, W, b and of the polynomial in double precision; what they are stands in the header."""
    arrays = {"a": network.a, "W": network.W, "b": network.b}
    if network.polynomial is not None:
        parts = {name: getattr(network.polynomial, name) for name in ("constant", "linear", "quadratic")}
        arrays |= {f"polynomial_{name}": np.asarray(value) for name, value in parts.items() if value is not None}
    told = {"format": "twolayer.network", "activation": network.activation.name, "link": link}
    header: dict[str, Any] = {"__metadata__": told}
    content = b""
    for name, value in arrays.items():
        part = np.ascontiguousarray(value, "<f8").tobytes()
        header[name] = {
            "dtype": "F64",
            "shape": list(value.shape),
            "data_offsets": [len(content), len(content) + len(part)],
        }
        content += part
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)  # the data begin at a multiple of eight
    return struct.pack("<Q", len(head)) + head + content


_EXCEL = {
    "max": "MAX",
    "min": "MIN",
    "abs": "ABS",
    "exp": "EXP",
    "log": "LN",
    "tanh": "TANH",
    "erf": "ERF",
    "sin": "SIN",
}
_MOST_COLUMNS = 16_384  # of a sheet


def to_excel(network: TwoLayerNetwork, link: str = "identity") -> bytes:
    """A workbook in which row 2 of the sheet ``predict`` computes the network, to be copied down over rows of inputs.

    Its columns are the inputs, the argument and the value of each unit, and the outputs; weights are on the sheets
    ``units`` and ``outputs``.

    Raises
    ------
    InputError
        If openpyxl is not installed; if the network has a quadratic part, or more columns than a sheet.
    """
    try:
        from openpyxl import Workbook
        from openpyxl.utils import get_column_letter as letter
    except ImportError:
        raise InputError("a workbook needs the package openpyxl: pip install 'twolayer[excel]'") from None
    d, m, q = network.dim, network.width, network.n_outputs
    polynomial = network.polynomial or Polynomial(np.zeros(q))
    if polynomial.quadratic is not None:
        raise InputError("a quadratic part is not written as a workbook")
    if d + 2 * m + q > _MOST_COLUMNS:
        raise InputError(f"the network needs {d + 2 * m + q} columns, and a sheet has {_MOST_COLUMNS}")
    book = Workbook()
    predict, units, outputs = book.active, book.create_sheet("units"), book.create_sheet("outputs")
    predict.title = "predict"
    units.append(["unit", *(f"w{k}" for k in range(1, d + 1)), "b"])
    for i in range(m):
        units.append([i + 1, *network.W[i].tolist(), float(network.b[i])])
    linear = np.zeros((d, q)) if polynomial.linear is None else np.reshape(polynomial.linear, (d, q))
    outputs.append(["output", "constant", *(f"u{k}" for k in range(1, d + 1)), *(f"a{i}" for i in range(1, m + 1))])
    for j in range(q):
        constant = float(np.ravel(polynomial.constant)[j])
        outputs.append([j + 1, constant, *linear[:, j].tolist(), *network.A[:, j].tolist()])
    names = [
        *(f"x{k}" for k in range(1, d + 1)),
        *(f"t{i}" for i in range(1, m + 1)),
        *(f"h{i}" for i in range(1, m + 1)),
    ]
    predict.append([*names, *(f"y{j}" for j in range(1, q + 1))])
    inputs = f"$A2:${letter(d)}2"
    row: list[Any] = [0.0] * d
    last = letter(d + 1)
    row += [f"=SUMPRODUCT({inputs},units!$B${i + 2}:${last}${i + 2})+units!${letter(d + 2)}${i + 2}" for i in range(m)]
    text = formula(network.activation)
    row += [f"={in_words(text, f'{letter(d + i + 1)}2', _EXCEL)}" for i in range(m)]
    values = f"${letter(d + m + 1)}2:${letter(d + 2 * m)}2"
    for j in range(q):
        place = j + 2
        value = f"outputs!$B${place}+SUMPRODUCT({inputs},outputs!$C${place}:${letter(d + 2)}${place})"
        if m:
            value += f"+SUMPRODUCT({values},outputs!${letter(d + 3)}${place}:${letter(d + m + 2)}${place})"
        row.append(f"={in_words(link_formula(link), f'({value})', _EXCEL)}")
    predict.append(row)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


_PMML = {
    "relu": "rectifier",
    "sigmoid": "logistic",
    "tanh": "tanh",
    "sine": "sine",
    "softsign": "Elliott",
    "quadratic": "square",
}
_PMML |= {"linear": "identity"}


def to_pmml(network: TwoLayerNetwork) -> bytes:
    """A ``NeuralNetwork`` of PMML 4.4, a regression; a linear part of ReLU networks is written as two units.

    Raises
    ------
    InputError
        If PMML has no such activation, or there is a linear part beside another one, or a quadratic one.
    """
    network = with_ramps_for_the_linear_part(network, "PMML")
    kind = network.activation.name
    if kind not in _PMML:
        raise InputError(f"PMML has no activation {kind}: it has {', '.join(_PMML)}")
    d, m, q = network.dim, network.width, network.n_outputs
    inputs, targets = [f"x{k}" for k in range(1, d + 1)], [f"y{j}" for j in range(1, q + 1)]
    constant = np.zeros(q) if network.polynomial is None else np.ravel(network.polynomial.constant)
    root = ElementTree.Element("PMML", version="4.4", xmlns="http://www.dmg.org/PMML-4_4")
    ElementTree.SubElement(ElementTree.SubElement(root, "Header"), "Application", name="twolayer")
    fields = ElementTree.SubElement(root, "DataDictionary", numberOfFields=str(d + q))
    for name in (*inputs, *targets):
        ElementTree.SubElement(fields, "DataField", name=name, optype="continuous", dataType="double")
    body = ElementTree.SubElement(root, "NeuralNetwork", functionName="regression", activationFunction=_PMML[kind])
    schema = ElementTree.SubElement(body, "MiningSchema")
    for name in inputs:
        ElementTree.SubElement(schema, "MiningField", name=name, usageType="active")
    for name in targets:
        ElementTree.SubElement(schema, "MiningField", name=name, usageType="target")
    layer = ElementTree.SubElement(body, "NeuralInputs", numberOfInputs=str(d))
    for name in inputs:
        _field(ElementTree.SubElement(layer, "NeuralInput", id=f"in-{name}"), name)
    hidden = ElementTree.SubElement(body, "NeuralLayer", numberOfNeurons=str(m), activationFunction=_PMML[kind])
    for i in range(m):
        neuron = ElementTree.SubElement(hidden, "Neuron", id=f"unit-{i + 1}", bias=repr(float(network.b[i])))
        for name, weight in zip(inputs, network.W[i], strict=True):
            ElementTree.SubElement(neuron, "Con", {"from": f"in-{name}", "weight": repr(float(weight))})
    last = ElementTree.SubElement(body, "NeuralLayer", numberOfNeurons=str(q), activationFunction="identity")
    for j, name in enumerate(targets):
        neuron = ElementTree.SubElement(last, "Neuron", id=f"out-{name}", bias=repr(float(constant[j])))
        for i in range(m):
            ElementTree.SubElement(neuron, "Con", {"from": f"unit-{i + 1}", "weight": repr(float(network.A[i, j]))})
    ends = ElementTree.SubElement(body, "NeuralOutputs", numberOfOutputs=str(q))
    for name in targets:
        _field(ElementTree.SubElement(ends, "NeuralOutput", outputNeuron=f"out-{name}"), name)
    ElementTree.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root) + b"\n"


def _field(parent: ElementTree.Element, name: str) -> None:
    derived = ElementTree.SubElement(parent, "DerivedField", optype="continuous", dataType="double")
    ElementTree.SubElement(derived, "FieldRef", field=name)


def with_ramps_for_the_linear_part(network: TwoLayerNetwork, where: str) -> TwoLayerNetwork:
    r"""The same function without a linear part: :math:`u\cdot x = \mathrm{relu}(u\cdot x) - \mathrm{relu}(-u\cdot x)`.

    Raises
    ------
    InputError
        If there is a linear part and σ is not relu, or a quadratic part: `where` cannot hold it.
    """
    polynomial = network.polynomial
    if polynomial is None or (polynomial.linear is None and polynomial.quadratic is None):
        return network
    if polynomial.quadratic is not None or network.activation != activation("relu"):
        raise InputError(f"{where} cannot hold the polynomial part of a network of {network.activation.name} units")
    u = np.reshape(np.asarray(polynomial.linear), (network.dim, network.n_outputs)).T
    q = network.n_outputs
    return TwoLayerNetwork(
        np.vstack([network.A, np.eye(q), -np.eye(q)]),
        np.vstack([network.W, u, -u]),
        np.r_[network.b, np.zeros(2 * q)],
        network.activation,
        Polynomial(polynomial.constant),
    )
