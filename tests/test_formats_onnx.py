"""Networks read out of ONNX files: a table of graphs, against what onnxruntime computes with them."""

import numpy as np
import onnxruntime
import pytest

from model_graphs import GRAPHS, write
from twolayer import InputError
from twolayer.formats.onnx_reader import read_onnx

READ = {name: graph for name, graph in GRAPHS.items() if not graph.refused}
REFUSED = {name: graph for name, graph in GRAPHS.items() if graph.refused}


def computed(path, graph, X):
    """What onnxruntime computes with a file at rows of all inputs beside each other."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # as written: its own changes of quantised graphs round more
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    fed, start = {}, 0
    for name, shape in graph.inputs:
        size = int(np.prod(shape[1:]))
        fed[name] = X[:, start : start + size].reshape(-1, *shape[1:]).astype(graph.dtype)
        start += size
    rows = graph.inputs[0][1][0]
    blocks = range(0, len(X), rows) if isinstance(rows, int) else [slice(None)]
    blocks = [slice(block, block + rows) if isinstance(rows, int) else block for block in blocks]
    name = graph.outputs[-1][0]
    values = [session.run([name], {key: value[block] for key, value in fed.items()})[0] for block in blocks]
    return np.concatenate(values).astype(float).reshape(len(X), -1)


def test_the_table_has_sixty_graphs_and_more():
    assert len(GRAPHS) >= 60
    assert len(READ) >= 50


@pytest.mark.parametrize("name", READ)
def test_a_graph_is_read_as_what_it_computes(tmp_path, name):
    graph = READ[name]
    path = write(graph, tmp_path / "model.onnx")
    found = read_onnx(path)
    network = found.network
    assert (network.activation.name.split("(")[0], network.width) == (graph.activation.split("(")[0], graph.width)
    assert graph.activation in (network.activation.name, network.activation.keyword)
    assert found.link == graph.link
    has_linear = network.polynomial is not None and network.polynomial.linear is not None
    assert has_linear == graph.linear
    X = np.random.default_rng(1).standard_normal((200, network.dim)) * np.repeat([0.02, 0.2, 1.0, 0.1], 50)[:, None]
    X *= graph.reach
    X = X.astype(graph.dtype).astype(float)
    expected = computed(path, graph, X)
    size = np.abs(expected).max()
    rounding = {"f": 2e-6, "d": 1e-13, "e": 1e-2}[graph.dtype]
    off = np.abs(found(X).reshape(len(X), -1) - expected[:, -found.network.n_outputs :]).max() / size
    assert off <= max(rounding, graph.atol)


@pytest.mark.parametrize("name", REFUSED)
def test_a_graph_of_another_kind_is_refused_with_the_operator_and_the_way_round(tmp_path, name):
    path = write(REFUSED[name], tmp_path / "model.onnx")
    with pytest.raises(InputError) as caught:
        read_onnx(path)
    message = str(caught.value)
    assert message.startswith(f"{path} cannot be read as a two-layer network: ")
    assert REFUSED[name].refused in message
    assert "ask it as a black box instead: `twolayer extract`" in message
    assert "\n" not in message
