"""Graphs of two-layer networks as exporters write them, and what is no such network: made here, node by node."""

from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

D, M = 4, 6
RNG = np.random.default_rng(0)
W, B, V, C = RNG.standard_normal((D, M)), RNG.standard_normal(M), RNG.standard_normal((M, 1)), RNG.standard_normal(1)
V3, C3 = RNG.standard_normal((M, 3)), RNG.standard_normal(3)
KINDS = {"f": TensorProto.FLOAT, "d": TensorProto.DOUBLE, "e": TensorProto.FLOAT16, "l": TensorProto.INT64}


def node(kind, inputs, output, domain="", **options):
    outputs = output.split() if isinstance(output, str) else output
    return helper.make_node(kind, inputs.split(" ") if inputs else [], outputs, domain=domain, **options)


@dataclass(frozen=True)
class Graph:
    """A model, and what is to be read of it: or, the words with which it is refused.

    `constants` are of the type of the graph, but for arrays of whole numbers or truth values.
    """

    nodes: list
    constants: dict = field(default_factory=dict)
    activation: str = "relu"
    width: int = M
    link: str = "identity"
    refused: str = ""
    inputs: tuple = (("x", ("n", D)),)
    outputs: tuple = (("y", ("n", 1)),)
    dtype: str = "f"
    opset: int = 17
    linear: bool = False
    reach: float = 5.0  # of the rows at which it is compared
    atol: float = 0.0  # beyond rounding, relative to the largest value: where the file rounds more

    def model(self):
        kind = KINDS[self.dtype]
        plain = {"W": W, "b": B, "V": V, "c": C, "V3": V3, "c3": C3} | self.constants
        used = {name for one in self.nodes for name in one.input}
        arrays = {
            name: array if (array := np.asarray(value)).dtype.kind in "iubSO" else array.astype(self.dtype)
            for name, value in plain.items()
            if name in used
        }
        # a scale of quantisation stays of single precision, whatever the graph
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info(name, kind, shape) for name, shape in self.inputs],
            [
                helper.make_tensor_value_info(name, KINDS[rest[0]] if rest else kind, shape)
                for name, shape, *rest in self.outputs
            ],
            [numpy_helper.from_array(array, name) for name, array in arrays.items()],
        )
        opsets = [helper.make_opsetid("", self.opset)]
        opsets += [helper.make_opsetid("ai.onnx.ml", 3)] if any(one.domain for one in self.nodes) else []
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)


FIRST = node("Gemm", "x W b", "t")
LAST = [node("MatMul", "h V", "s"), node("Add", "s c", "y")]


def between(*nodes, **options):
    """Those between a first layer that gives t and a second that takes h."""
    return Graph([FIRST, *nodes, *LAST], **options)


def activated(kind, activation, **options):
    attributes = {name: options.pop(name) for name in ("alpha", "beta", "gamma", "approximate") if name in options}
    return between(node(kind, "t", "h", **attributes), activation=activation, **options)


def written_out(steps, activation, constants=None, **options):
    """Steps "kind inputs -> output", one a line, of an activation that is written out."""
    nodes = []
    for line in steps.strip().splitlines():
        (kind, inputs), output = line.split("->")[0].strip().split(" ", 1), line.split("->")[1].strip()
        nodes.append(node(kind, inputs.strip(), output))
    return between(*nodes, activation=activation, constants=constants or {}, **options)


S = {"half": 0.5, "one": 1.0, "root": np.sqrt(2), "zero": 0.0, "six": 6.0, "three": 3.0, "twenty": 20.0, "minus": -1.0}

ACTIVATIONS = {
    "relu": activated("Relu", "relu"),
    "tanh": activated("Tanh", "tanh"),
    "sigmoid": activated("Sigmoid", "sigmoid"),
    "softplus": activated("Softplus", "softplus"),
    "leaky relu": activated("LeakyRelu", "leaky_relu", alpha=0.25),
    "elu": activated("Elu", "elu(0.5)", alpha=0.5),
    "selu": activated("Selu", "selu"),
    "celu": activated("Celu", "elu(1)", alpha=2.0),
    "gelu of opset 20": activated("Gelu", "gelu", opset=20),
    "gelu by a tanh": activated("Gelu", "gelu_tanh", opset=20, approximate="tanh"),
    "gelu by a tanh written out": written_out(
        "Pow t cube -> u\nMul u kappa -> v\nAdd t v -> w0\nMul w0 rho -> p\nTanh p -> q\n"
        "Add q one -> r\nMul t r -> s0\nMul s0 half -> h",
        "gelu_tanh",
        {"cube": 3.0, "kappa": 0.044715, "rho": np.sqrt(2 / np.pi), "one": 1.0, "half": 0.5},
    ),
    "mish": activated("Mish", "mish", opset=18),
    "hard sigmoid": activated("HardSigmoid", "hardtanh", alpha=1 / 6),
    "hard swish": activated("HardSwish", "hardswish"),
    "softsign": activated("Softsign", "softsign"),
    "erf": activated("Erf", "erf"),
    "sine": activated("Sin", "sine"),
    "absolute value": activated("Abs", "abs"),
    "thresholded relu": activated("ThresholdedRelu", "", refused="at its operator ThresholdedRelu"),
    "prelu of one slope": written_out("PRelu t slope -> h", "leaky_relu", {"slope": [0.25]}),
    "prelu of a slope a unit": written_out(
        "PRelu t slope -> h", "relu", {"slope": np.linspace(-0.5, 0.5, M)}, linear=True
    ),
    "relu6 by clip": written_out("Clip t zero six -> h", "hardtanh", S),
    "hardtanh by clip": written_out("Clip t minus one -> h", "hardtanh", S),
    "clamp from below": written_out("Clip t zero -> h", "relu", S),
    "maximum with zero": written_out("Max t zero -> h", "relu", S),
    "maximum with as many zeros": Graph(
        [
            FIRST,
            node("Shape", "t", "size"),
            node("ConstantOfShape", "size", "zeros"),
            node("Max", "t zeros", "h"),
            *LAST,
        ]
    ),
    "minimum with zero": written_out("Min t zero -> h", "relu", S),
    "clip of opset 6": Graph(
        [FIRST, helper.make_node("Clip", ["t"], ["h"], min=0.0, max=6.0), *LAST], activation="hardtanh", opset=9
    ),
    "gelu written out": written_out(
        "Div t root -> u\nErf u -> e\nAdd e one -> f\nMul t f -> g\nMul g half -> h", "gelu", S
    ),
    "gelu written out by factors": written_out(
        "Mul t half -> u\nMul t r -> v\nErf v -> e\nAdd one e -> f\nMul u f -> h", "gelu", S | {"r": np.sqrt(0.5)}
    ),
    "silu written out": written_out("Sigmoid t -> s0\nMul t s0 -> h", "silu"),
    "mish written out": written_out("Softplus t -> u\nTanh u -> v\nMul t v -> h", "mish"),
    "hard swish written out": written_out(
        "Add t three -> u\nClip u zero six -> v\nDiv v six -> w0\nMul t w0 -> h", "hardswish", S
    ),
    "softsign written out": written_out("Abs t -> u\nAdd u one -> v\nDiv t v -> h", "softsign", S),
    "softplus by torch": written_out("Softplus t -> u\nGreater t twenty -> v\nWhere v t u -> h", "softplus", S),
    "softplus written out": written_out("Exp t -> u\nAdd u one -> v\nLog v -> h", "softplus", S, atol=1e-5),
    "steep softplus by torch": written_out(
        "Mul t three -> t3\nSoftplus t3 -> u\nDiv u three -> u3\nGreater t3 twenty -> v\nWhere v t u3 -> h",
        "softplus",
        S,
    ),
    "sigmoid written out": written_out("Neg t -> u\nExp u -> v\nAdd v one -> w0\nReciprocal w0 -> h", "sigmoid", S),
    "elu written out": written_out(
        "Greater t zero -> p\nExp t -> e\nSub e one -> f\nWhere p t f -> h", "elu(1)", S, atol=1e-5
    ),
    "leaky relu written out": written_out(
        "Greater t zero -> p\nMul t q -> f\nWhere p t f -> h", "leaky_relu", {"zero": 0.0, "q": 0.25}
    ),
    "tanh by a sigmoid": written_out(
        "Mul t k -> u\nSigmoid u -> v\nMul v k -> w0\nSub w0 one -> h", "sigmoid", {"k": 2.0, "one": 1.0}
    ),
    "negated relu": written_out("Neg t -> u\nRelu u -> v\nNeg v -> h", "relu"),
    "square of a relu": written_out("Relu t -> u\nMul u u -> h", "squared_relu", atol=1e-5),
    "unit and its argument": written_out("Relu t -> u\nAdd t u -> h", "leaky_relu"),
    "unit less its argument": written_out("Relu t -> u\nSub u t -> h", "relu"),
    "argument less its unit": written_out("Tanh t -> u\nSub t u -> h", "tanh", linear=True),
    "scaled tanh": written_out("Mul t k -> u\nTanh u -> v\nMul v q -> h", "tanh", {"k": 2 / 3, "q": 1.7159}),
    "a cube": written_out("Mul t t -> u\nMul u t -> h", "", refused="Mul make of a number is no activation"),
}

LAYERS = {
    "two Gemm": Graph([FIRST, node("Relu", "t", "h"), node("Gemm", "h V c", "y")]),
    "torch legacy": Graph(
        [
            node("Gemm", "x Wt b", "t", alpha=1.0, beta=1.0, transB=1),
            node("Relu", "t", "h"),
            node("Gemm", "h Vt c", "y", transB=1),
        ],
        {"Wt": W.T, "Vt": V.T},
    ),
    "torch of inputs of any shape": Graph(
        [
            node("Transpose", "Wt", "W0", perm=[1, 0]),
            node("MatMul", "x W0", "m"),
            node("Add", "b m", "t"),
            node("Relu", "t", "h"),
            node("Transpose", "Vt", "V0", perm=[1, 0]),
            node("MatMul", "h V0", "s"),
            node("Add", "c s", "y"),
        ],
        {"Wt": W.T, "Vt": V.T},
    ),
    "alpha, beta and no bias": Graph(
        [node("Gemm", "x W b", "t", alpha=2.0, beta=0.5), node("Relu", "t", "h"), node("Gemm", "h V", "y", alpha=0.5)]
    ),
    "in double precision": between(node("Relu", "t", "h"), dtype="d"),
    "in half precision": between(node("Relu", "t", "h"), dtype="e", atol=2e-2),
    "squeezed": Graph(
        [FIRST, node("Relu", "t", "h"), node("MatMul", "h V", "s"), node("Squeeze", "s one", "y")],
        {"one": np.array([1])},
        outputs=(("y", ("n",)),),
    ),
    "squeezed by an attribute": Graph(
        [FIRST, node("Relu", "t", "h"), node("MatMul", "h V", "s"), node("Squeeze", "s", "y", axes=[1])],
        outputs=(("y", ("n",)),),
        opset=11,
    ),
    "reshaped to one axis": Graph(
        [FIRST, node("Relu", "t", "h"), node("MatMul", "h V", "s"), node("Reshape", "s minus", "y")],
        {"minus": np.array([-1])},
        outputs=(("y", ("n",)),),
    ),
    "last layer a vector": Graph(
        [FIRST, node("Relu", "t", "h"), node("MatMul", "h v", "y")], {"v": V[:, 0]}, outputs=(("y", ("n",)),)
    ),
    "last layer a sum": Graph(
        [FIRST, node("Relu", "t", "h"), node("Mul", "h v", "u"), node("ReduceSum", "u one", "y", keepdims=1)],
        {"v": V[:, 0], "one": np.array([1])},
    ),
    "last layer a mean": Graph([FIRST, node("Relu", "t", "h"), node("ReduceMean", "h", "y", axes=[1])]),
    "no second layer": Graph([FIRST, node("Tanh", "t", "y")], activation="tanh", outputs=(("y", ("n", M)),)),
    "fixed rows": between(node("Relu", "t", "h"), inputs=(("x", (1, D)),), outputs=(("y", (1, 1)),)),
    "an image that is flattened": Graph(
        [node("Flatten", "x", "f", axis=1), node("Gemm", "f W b", "t"), node("Relu", "t", "h"), *LAST],
        inputs=(("x", ("n", 1, 2, 2)),),
    ),
    "an image that is reshaped": Graph(
        [node("Reshape", "x to", "f"), node("Gemm", "f W b", "t"), node("Relu", "t", "h"), *LAST],
        {"to": np.array([-1, D])},
        inputs=(("x", ("n", 2, 2)),),
    ),
    "reshaped by its own shape": Graph(
        [
            node("Shape", "x", "all"),
            node("Gather", "all first", "n0", axis=0),
            node("Unsqueeze", "n0 first0", "n1"),
            node("Concat", "n1 minus", "to", axis=0),
            node("Reshape", "x to", "f"),
            node("Gemm", "f W b", "t"),
            node("Relu", "t", "h"),
            *LAST,
        ],
        {"first": np.array(0), "first0": np.array([0]), "minus": np.array([-1])},
        inputs=(("x", ("n", 1, 2, 2)),),
    ),
    "channels last": Graph(
        [
            node("Transpose", "x", "p", perm=[0, 2, 3, 1]),
            node("Flatten", "p", "f"),
            node("Gemm", "f W b", "t"),
            node("Relu", "t", "h"),
            *LAST,
        ],
        inputs=(("x", ("n", 2, 1, 2)),),
    ),
    "convolution over all of the input": Graph(
        [node("Conv", "x K b", "t0"), node("Flatten", "t0", "t"), node("Relu", "t", "h"), *LAST],
        {"K": W.T.reshape(M, 1, 2, 2)},
        inputs=(("x", ("n", 1, 2, 2)),),
    ),
    "convolution and pooling": Graph(
        [
            node("Conv", "x K", "t"),
            node("Relu", "t", "h0"),
            node("GlobalAveragePool", "h0", "p"),
            node("Flatten", "p", "h"),
            node("MatMul", "h V2", "y"),
        ],
        {"K": RNG.standard_normal((2, 1, 2, 2)), "V2": RNG.standard_normal((2, 1))},
        width=8,
        inputs=(("x", ("n", 1, 3, 3)),),
    ),
    "rows as columns": Graph(
        [node("Transpose", "x", "xt"), node("MatMul", "Wt xt", "y")],
        {"Wt": W.T},
        outputs=(("y", (M, "n")),),
        refused="at its operator Transpose, it takes its rows as col",
    ),
    "columns one by one": Graph(
        [node("Concat", "p q r s0", "x", axis=1), FIRST, node("Relu", "t", "h"), *LAST],
        inputs=tuple((name, ("n", 1)) for name in ("p", "q", "r", "s0")),
    ),
    "two inputs side by side": Graph(
        [
            node("MatMul", "p W2", "u"),
            node("MatMul", "q W1", "v"),
            node("Add", "u v", "t"),
            node("Relu", "t", "h"),
            *LAST,
        ],
        {"W2": W[:3], "W1": W[3:]},
        inputs=(("p", ("n", 3)), ("q", ("n", 1))),
    ),
    "a skip connection": Graph(
        [
            FIRST,
            node("Relu", "t", "h"),
            node("MatMul", "h V", "s"),
            node("MatMul", "x U", "r"),
            node("Add", "s r", "y"),
        ],
        {"U": RNG.standard_normal((D, 1))},
        linear=True,
    ),
    "one branch less another": Graph(
        [
            node("MatMul", "x W", "u"),
            node("MatMul", "x U", "v"),
            node("Sub", "u v", "t"),
            node("Relu", "t", "h"),
            *LAST,
        ],
        {"U": RNG.standard_normal((D, M))},
    ),
    "two groups of units": Graph(
        [
            FIRST,
            node("Relu", "t", "h"),
            node("MatMul", "x W2", "t2"),
            node("Relu", "t2", "h2"),
            node("Concat", "h h2", "all", axis=-1),
            node("MatMul", "all V9", "y"),
        ],
        {"W2": RNG.standard_normal((D, 3)), "V9": RNG.standard_normal((9, 1))},
        width=9,
    ),
    "two kinds of units": Graph(
        [
            FIRST,
            node("Relu", "t", "h"),
            node("Tanh", "t", "h2"),
            node("Concat", "h h2", "all", axis=1),
            node("MatMul", "all V12", "y"),
        ],
        {"V12": RNG.standard_normal((12, 1))},
        refused="its units have different activations, tanh and relu",
    ),
    "tanh and sigmoid": Graph(
        [
            FIRST,
            node("Sigmoid", "t", "h"),
            node("Tanh", "t", "h2"),
            node("Concat", "h h2", "all", axis=1),
            node("MatMul", "all V12", "y"),
        ],
        {"V12": RNG.standard_normal((12, 1))},
        activation="sigmoid",
        width=12,
    ),
    "halves of a split": Graph(
        [
            node("Split", "x sizes", "p q", axis=1),
            node("MatMul", "p W2", "u"),
            node("MatMul", "q W1", "v"),
            node("Add", "u v", "t"),
            node("Relu", "t", "h"),
            *LAST,
        ],
        {"sizes": np.array([2, 2]), "W2": W[:2], "W1": W[2:]},
    ),
    "some of the columns": Graph(
        [node("Slice", "x from to axis", "f"), node("MatMul", "f W3", "t"), node("Relu", "t", "h"), *LAST],
        {"from": np.array([1]), "to": np.array([4]), "axis": np.array([1]), "W3": W[1:]},
    ),
    "columns in another order": Graph(
        [node("Gather", "x order", "f", axis=1), node("MatMul", "f W", "t"), node("Relu", "t", "h"), *LAST],
        {"order": np.array([3, 1, 0, 2])},
    ),
    "weights as constants of nodes": Graph(
        [
            node("Constant", "", "W0", value=numpy_helper.from_array(W.astype("f"))),
            node("MatMul", "x W0", "t"),
            node("Relu", "t", "h"),
            node("MatMul", "h V", "y"),
        ]
    ),
    "three layers": Graph(
        [
            FIRST,
            node("Relu", "t", "h"),
            node("MatMul", "h Q", "t2"),
            node("Relu", "t2", "h2"),
            node("MatMul", "h2 V", "y"),
        ],
        {"Q": RNG.standard_normal((M, M))},
        refused="at its operator Relu, a function of what two layers give",
    ),
    "a product of two layers": Graph(
        [FIRST, node("MatMul", "x W9", "u"), node("Mul", "t u", "h"), *LAST],
        {"W9": RNG.standard_normal((D, M))},
        refused="at its operator Mul, it joins functions of different combinations of the inputs",
    ),
    "attention": Graph(
        [FIRST, node("Transpose", "t", "u"), node("MatMul", "t u", "y")],
        refused="at its operator Transpose, it takes its rows as columns",
        outputs=(("y", ("n", "n")),),
    ),
    "layer normalisation": between(
        node("LayerNormalization", "t g", "u"),
        node("Relu", "u", "h"),
        constants={"g": np.ones(M)},
        refused="at its operator LayerNormalization, the operator is not one of a two-layer network",
    ),
}

N6 = {"k": np.linspace(0.5, 1.5, M), "m": np.linspace(-1, 1, M), "v": np.linspace(1, 2, M), "g": np.linspace(-1, 1, M)}
NORMALISED = {
    "batch normalisation before": between(
        node("BatchNormalization", "t k g m v", "u"), node("Relu", "u", "h"), constants=N6
    ),
    "leaky relu and batch normalisation": between(
        node("LeakyRelu", "t", "u", alpha=0.2),
        node("BatchNormalization", "u k g m v", "h"),
        constants=N6,
        activation="leaky_relu",
    ),
    "batch normalisation after": between(
        node("Relu", "t", "u"), node("BatchNormalization", "u k g m v", "h", epsilon=1e-3), constants=N6
    ),
    "batch normalisation of the inputs": Graph(
        [node("BatchNormalization", "x k g m v", "z"), node("Gemm", "z W b", "t"), node("Relu", "t", "h"), *LAST],
        {name: value[:D] for name, value in N6.items()},
    ),
    "batch normalisation in training": between(
        node("BatchNormalization", "t k g m v", ["u", "a1", "a2"], training_mode=1),
        node("Relu", "u", "h"),
        constants=N6,
        refused="normalises by the rows that are asked for",
    ),
    "dropout and identity": between(
        node("Identity", "t", "t1"), node("Relu", "t1", "u"), node("Dropout", "u", "h"), opset=13
    ),
    "standard scaler": Graph(
        [
            node("Sub", "x mean", "z0"),
            node("Div", "z0 dev", "z"),
            node("Gemm", "z W b", "t"),
            node("Relu", "t", "h"),
            *LAST,
        ],
        {"mean": np.arange(D) / 3, "dev": 1 + np.arange(D) / 2},
    ),
    "scaler of the operators for tables": Graph(
        [
            node("Scaler", "x", "z", domain="ai.onnx.ml", offset=[0.0, 1.0, 2.0, 3.0], scale=[1.0, 0.5, 2.0, 1.0]),
            node("Gemm", "z W b", "t"),
            node("Relu", "t", "h"),
            *LAST,
        ]
    ),
    "scaled back outputs": Graph(
        [FIRST, node("Relu", "t", "h"), node("MatMul", "h V", "s"), node("Mul", "s ten", "u"), node("Add", "u c", "y")],
        {"ten": [10.0]},
    ),
}

HEAD = [FIRST, node("Relu", "t", "h")]
OUTPUTS = {
    "three outputs": Graph([*HEAD, node("Gemm", "h V3 c3", "y")], outputs=(("y", ("n", 3)),)),
    "classes by softmax": Graph(
        [*HEAD, node("Gemm", "h V3 c3", "z"), node("Softmax", "z", "y", axis=-1)],
        link="softmax",
        outputs=(("y", ("n", 3)),),
    ),
    "two classes by a sigmoid": Graph([*HEAD, node("Gemm", "h V c", "z"), node("Sigmoid", "z", "y")], link="logistic"),
    "labels by several sigmoids": Graph(
        [*HEAD, node("Gemm", "h V3 c3", "z"), node("Sigmoid", "z", "y")], link="logistic", outputs=(("y", ("n", 3)),)
    ),
    "bounded by a tanh": Graph([*HEAD, node("Gemm", "h V c", "z"), node("Tanh", "z", "y")], link="tanh"),
    "positive by an exponential": Graph([*HEAD, node("Gemm", "h V c", "z"), node("Exp", "z", "y")], link="exp"),
    "two classes as scikit-learn's": Graph(
        [
            *HEAD,
            node("Gemm", "h V c", "z"),
            node("Sigmoid", "z", "p"),
            node("Sub", "one p", "q"),
            node("Concat", "q p", "y", axis=1),
            node("ArgMax", "y", "best", axis=1),
            node("ArrayFeatureExtractor", "names best", "label0", domain="ai.onnx.ml"),
            node("Reshape", "label0 flat", "label"),
        ],
        {"one": 1.0, "names": np.array([3, 7]), "flat": np.array([-1])},
        link="logistic",
        outputs=(("label", ("n",), "l"), ("y", ("n", 2))),
    ),
    "two separate outputs": Graph(
        [*HEAD, node("MatMul", "h V", "y"), node("MatMul", "h V3", "z")],
        outputs=(("y", ("n", 1)), ("z", ("n", 3))),
        refused="must have one output, found y, z",
    ),
    "logarithm of a softmax": Graph(
        [*HEAD, node("Gemm", "h V3 c3", "z"), node("LogSoftmax", "z", "y")],
        outputs=(("y", ("n", 3)),),
        refused="at its operator LogSoftmax",
    ),
    "relu of the output": Graph(
        [*HEAD, node("Gemm", "h V c", "z"), node("Relu", "z", "y")],
        refused="at its operator Relu, a function of what two layers give is a third layer",
    ),
}


def quantised(values, bits=8):
    scale = np.abs(values).max() / (2 ** (bits - 1) - 1)
    return np.round(values / scale).astype(np.int8), np.float32(scale)


QW, SW = quantised(W)
QV, SV = quantised(V)
Q = {
    "QW": QW,
    "sw": SW,
    "QV": QV,
    "sv": SV,
    "z8": np.array(0, np.int8),
    "zu": np.array(0, np.uint8),
    "mid": np.array(128, np.uint8),
    "sx": np.float32(8 / 256),
    "st": np.float32(40 / 256),
    "sh": np.float32(20 / 256),
}
WEIGHTS = [node("DequantizeLinear", "QW sw z8", "W0"), node("DequantizeLinear", "QV sv z8", "V0")]
QUANTISED = {
    "quantised weights": Graph(
        [*WEIGHTS, node("Gemm", "x W0 b", "t"), node("Relu", "t", "h"), node("MatMul", "h V0", "y")], Q
    ),
    "quantised throughout": Graph(
        [
            *WEIGHTS,
            node("QuantizeLinear", "x sx mid", "x8"),
            node("DequantizeLinear", "x8 sx mid", "x1"),
            node("Gemm", "x1 W0 b", "t"),
            node("QuantizeLinear", "t st mid", "t8"),
            node("DequantizeLinear", "t8 st mid", "t1"),
            node("Relu", "t1", "h"),
            node("QuantizeLinear", "h sh zu", "h8"),
            node("DequantizeLinear", "h8 sh zu", "h1"),
            node("MatMul", "h1 V0", "y"),
        ],
        Q,
        atol=0.05,
        reach=1.0,
    ),
    "relu in the rounding": Graph(
        [
            *WEIGHTS,
            node("Gemm", "x W0 b", "t"),
            node("QuantizeLinear", "t sh zu", "h8"),
            node("DequantizeLinear", "h8 sh zu", "h1"),
            node("MatMul", "h1 V0", "y"),
        ],
        Q,
        atol=0.05,
        reach=1.0,
    ),
    "products of whole numbers": Graph(
        [
            node("DynamicQuantizeLinear", "x", "x8 s8 z0"),
            node("MatMulInteger", "x8 QW z0", "t8"),
            node("Cast", "t8", "t", to=1),
            node("Relu", "t", "h"),
            *LAST,
        ],
        Q,
        refused="at its operator DynamicQuantizeLinear",
    ),
}

GRAPHS = {**ACTIVATIONS, **LAYERS, **NORMALISED, **OUTPUTS, **QUANTISED}


def write(graph: Graph, path):
    onnx.save(graph.model(), path)
    return path
