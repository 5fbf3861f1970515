"""Networks trained by scikit-learn, and ONNX files written by hand."""

import warnings
from functools import cache
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from twolayer import TwoLayerNetwork
from twolayer.network import Polynomial

OPERATORS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}
IN_SCIKIT_LEARN = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic"}


@cache
def trained(width: int, activation: str, *, is_centred: bool = True, max_iter: int = 200) -> TwoLayerNetwork:
    """What MLPRegressor makes of the diabetes data, standardised (the targets only if `is_centred`)."""
    X, y = load_diabetes(return_X_y=True)
    X, y = StandardScaler().fit_transform(X), (y - y.mean()) / y.std() if is_centred else y
    model = MLPRegressor(
        hidden_layer_sizes=(width,), activation=IN_SCIKIT_LEARN[activation], random_state=0, max_iter=max_iter
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    constant = float(model.intercepts_[1][0])
    W, a = model.coefs_[0].T, model.coefs_[1][:, 0]
    return TwoLayerNetwork(a, W, model.intercepts_[0], activation, Polynomial(constant))


def write_onnx(path: Path, network: TwoLayerNetwork, dtype=np.float64) -> Path:
    """Gemm, the activation, MatMul, Add."""
    constants = {"W": network.W.T, "b": network.b, "a": network.a[:, None], "c": [network.polynomial.constant]}
    nodes = [
        helper.make_node("Gemm", ["x", "W", "b"], ["t"]),
        helper.make_node(OPERATORS[network.activation.name], ["t"], ["h"]),
        helper.make_node("MatMul", ["h", "a"], ["s"]),
        helper.make_node("Add", ["s", "c"], ["y"]),
    ]
    return save_graph(path, nodes, constants, network.dim, dtype=dtype)


def save_graph(path: Path, nodes, constants, dim, outputs=(("y", 1),), dtype=np.float64, rows=None) -> Path:
    kind = TensorProto.FLOAT if dtype == np.float32 else TensorProto.DOUBLE
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", kind, [rows, dim])],
        [helper.make_tensor_value_info(name, kind, [rows, columns]) for name, columns in outputs],
        [numpy_helper.from_array(np.asarray(value, dtype), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return path
