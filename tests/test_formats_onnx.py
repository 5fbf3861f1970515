"""Networks read out of ONNX files: a table of graphs, against what onnxruntime computes with them."""

import numpy as np
import onnx
import onnxruntime
import pytest

from model_graphs import FIRST, GRAPHS, LAST, Graph, node, write
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


def test_inputs_may_be_very_many(tmp_path):
    rng = np.random.default_rng(0)
    weights = {"W": rng.standard_normal((50_000, 2)), "V": rng.standard_normal((2, 1)), "s": rng.uniform(1, 2, 50_000)}
    nodes = [
        node("Flatten", "x", "f"),
        node("Div", "f s", "z"),
        node("MatMul", "z W", "t"),
        node("Relu", "t", "h"),
        node("MatMul", "h V", "y"),
    ]
    graph = Graph(nodes, weights, inputs=(("x", ("n", 5, 100, 100)),), dtype="d")
    network = read_onnx(write(graph, tmp_path / "model.onnx")).network
    np.testing.assert_allclose(network.W, (weights["W"] / weights["s"][:, None]).T, rtol=1e-14)


DOUBLED = [node("Concat", f"d{k} d{k}", f"d{k + 1}", axis=1) for k in range(60)]
BOMBS = {
    "a constant": [node("ConstantOfShape", "size", "big"), node("Add", "t big", "h")],
    "an expansion": [node("Expand", "one", "big0"), node("Add", "t big0", "h")],
    "a range": [node("Range", "zero limit one0", "big"), node("Add", "t big", "h")],
    "an outer sum": [node("Add", "column row", "big"), node("Add", "t big", "h")],
    "an outer product": [node("MatMul", "column row", "big"), node("Add", "t big", "h")],
    "a choice of columns": [node("Gather", "t many", "h", axis=1)],
    "doubled constants": [node("Identity", "one2", "d0"), *DOUBLED, node("MatMul", "t d60", "h")],
    "doubled values": [node("Identity", "t", "d0"), *DOUBLED, node("Identity", "d60", "h")],
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_short_file_does_not_take_much_memory(tmp_path, name):
    nodes = list(BOMBS[name])
    if name == "an expansion":
        nodes[0] = node("Expand", "one size", "big0")
    constants = {
        "size": np.array([10**6, 10**6]),
        "one": 1.0,
        "zero": 0.0,
        "one0": 1.0,
        "limit": 1e12,
        "column": np.ones((60_000, 1)),
        "row": np.ones((1, 60_000)),
        "many": np.zeros(10**7, np.int64),
        "one2": np.ones((6, 1)),
    }
    path = write(Graph([FIRST, *nodes, *LAST], constants), tmp_path / "model.onnx")
    with pytest.raises(InputError, match=r"larger than what is read|are more than are read"):
        read_onnx(path)


def test_whatever_is_changed_in_a_file_is_read_or_refused_in_a_sentence(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "model.onnx"
    contents = [graph.model().SerializeToString() for graph in GRAPHS.values()]
    read, said = 0, []
    for _ in range(400):
        changed = bytearray(contents[rng.integers(len(contents))])
        for place in rng.integers(len(changed), size=rng.integers(1, 4)):
            changed[place] = rng.integers(256)
        path.write_bytes(changed)
        try:
            read_onnx(path)
            read += 1
        except InputError as refusal:
            said.append(str(refusal))
    assert min(read, len(said)) > 50
    assert not any("\n" in sentence for sentence in said)


def test_functions_of_the_file_are_put_where_they_are_called(tmp_path):
    """As exporters write layers: a function of its own for each module."""
    graph = GRAPHS["two Gemm"].model()
    layer = onnx.helper.make_function(
        "local",
        "Dense",
        ["x", "W", "b"],
        ["h"],
        [node("Gemm", "x W b", "t"), node("Relu", "t", "h")],
        [onnx.helper.make_opsetid("", 17)],
    )
    del graph.graph.node[:2]
    graph.graph.node.insert(0, node("Dense", "x W b", "h", domain="local"))
    graph.functions.append(layer)
    graph.opset_import.append(onnx.helper.make_opsetid("local", 1))
    onnx.save(graph, tmp_path / "model.onnx")
    plain = write(GRAPHS["two Gemm"], tmp_path / "plain.onnx")
    assert read_onnx(tmp_path / "model.onnx").network == read_onnx(plain).network
