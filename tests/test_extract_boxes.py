"""What a black box may be, and what is refused before anything is asked."""

import sys

import numpy as np
import pytest
from onnx import helper

from black_boxes import save_graph, write_onnx
from model_graphs import GRAPHS, write
from twolayer import InputError, TwoLayerNetwork, export_model, read_model
from twolayer.extract import CallableBox, CommandBox, Declared, OnnxBox, extract, open_box
from twolayer.network import Polynomial

NETWORK = TwoLayerNetwork([1.0, -2.0], [[1.0, 2.0, 0.0], [0.5, -1.0, 1.0]], [0.3, -0.2], "tanh", Polynomial(0.5))
X = np.array([[0.1, 0.2, 0.3], [1e-17, -2.5e30, 3.0]])
CONSTANTS = {"W": NETWORK.W.T, "b": NETWORK.b, "a": NETWORK.a[:, None], "c": [0.5]}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_file_gives_what_its_network_gives(tmp_path, dtype):
    box = OnnxBox(write_onnx(tmp_path / "box.onnx", NETWORK, dtype))
    assert box.dim == 3
    assert box.declared == Declared(2, "tanh")
    values = box(X[:1])
    assert values.dtype == dtype
    np.testing.assert_allclose(values.ravel(), NETWORK(X[:1]), rtol=4 * np.finfo(dtype).eps)


def node(kind, inputs, output, **options):
    return helper.make_node(kind, inputs.split(), [output], **options)


def refused(path, nodes, **options):
    save_graph(path, nodes, CONSTANTS, 3, **options)
    with pytest.raises(InputError) as caught:
        OnnxBox(path)
    return str(caught.value).replace(str(path), "FILE")


def test_a_transposed_first_layer_has_its_width_read_right(tmp_path):
    nodes = [node("Gemm", "x W b", "t", transB=1), node("Relu", "t", "h"), node("MatMul", "h a", "y")]
    path = save_graph(tmp_path / "box.onnx", nodes, {**CONSTANTS, "W": NETWORK.W}, 3)
    assert OnnxBox(path).declared == Declared(2, "relu")


NODES = [node("Gemm", "x W b", "t"), node("Tanh", "t", "h"), node("MatMul", "h a", "s"), node("Add", "s c", "y")]


@pytest.mark.parametrize("rows", [1, 3])
def test_a_file_that_takes_so_many_rows_at_once_is_asked_for_so_many(tmp_path, rows):
    box = OnnxBox(save_graph(tmp_path / "box.onnx", NODES, CONSTANTS, 3, rows=rows))
    Z = np.random.default_rng(0).standard_normal((7, 3))
    np.testing.assert_allclose(np.ravel(box(Z)), NETWORK(Z), rtol=1e-13)


def test_a_number_of_inputs_that_is_left_open_is_read_from_the_first_layer(tmp_path):
    path = tmp_path / "box.onnx"
    assert OnnxBox(save_graph(path, NODES, CONSTANTS, None)).dim == 3
    computed = [node("Identity", "W", "V"), node("Gemm", "x V b", "t"), *NODES[1:]]
    save_graph(path, computed, CONSTANTS, None)
    with pytest.raises(InputError, match=r"found an input of shape \(\?, \?\)$"):
        OnnxBox(path)


def test_files_of_other_networks_are_refused(tmp_path):
    first = [node("Gemm", "x W b", "t"), node("Tanh", "t", "h")]
    last = node("MatMul", "h a", "y")
    path = tmp_path / "box.onnx"
    second = [node("MatMul", "h a", "u"), node("Relu", "u", "v"), node("MatMul", "v c", "y")]
    assert refused(path, [*first, *second]) == "FILE must have two layers, found 3 (Gemm or MatMul)"
    assert refused(path, [node("ReduceSum", "x", "y")]).endswith("not of a two-layer network: ReduceSum")
    unknown = [node("Gemm", "x W b", "t"), node("Softmax", "t", "s"), node("Sign", "s", "h"), last]
    assert refused(path, unknown) == "FILE has operators that are not of a two-layer network: Sign, Softmax"
    two = refused(path, [*first, last], outputs=(("y", 1), ("h", 2)))
    assert two == "FILE must have one output of float or double numbers, found 2 among: y, h"


def test_files_that_are_no_networks_are_refused(here):
    (here / "text.onnx").write_text("hello")
    (here / "empty.onnx").touch()
    for name, words in (
        ("text.onnx", "is not an ONNX model"),
        ("empty.onnx", r"^empty\.onnx is empty: it holds no ONNX model$"),
        ("none.onnx", "cannot read none.onnx: No such file"),
    ):
        with pytest.raises(InputError, match=words):
            open_box(name)


def test_what_onnxruntime_cannot_run_is_refused_in_a_sentence(tmp_path):
    nodes = [node("Gemm", "x W b", "t"), node("Softplus", "t", "h"), node("MatMul", "h missing", "y")]
    message = refused(tmp_path / "box.onnx", nodes)
    assert message.startswith("onnxruntime cannot run FILE: ")
    assert "\n" not in message


def test_a_pickle_is_never_loaded(here):
    (here / "model.pkl").write_bytes(b"cos\nsystem\n(S'touch loaded'\ntR.")
    for name in ("model.pkl", "model.joblib"):
        with pytest.raises(InputError, match=f"{name} is a pickle, which can run anything when it is loaded"):
            open_box(name, 3)
    assert not (here / "loaded").exists()


def test_a_function_is_found_by_the_name_of_its_module(here):
    (here / "boxes_here.py").write_text(
        "class Model:\n    @staticmethod\n    def predict(X):\n        return X[:, 0]\n"
    )
    box = open_box("boxes_here:Model.predict", 3)
    assert (box(X) == X[:, 0]).all()
    assert box.name == "boxes_here:Model.predict"
    with pytest.raises(InputError, match=r"the number of inputs of boxes_here:Model\.predict is not known: give --dim"):
        open_box("boxes_here:Model.predict")
    with pytest.raises(InputError, match=r"the module 'boxes_here' has no 'Model\.fit'"):
        open_box("boxes_here:Model.fit", 3)
    with pytest.raises(InputError, match="cannot import 'not_there': ModuleNotFoundError"):
        open_box("not_there:f", 3)
    for name in ("nothing", ":predict", "boxes_here:", ":"):
        with pytest.raises(InputError, match=rf"a black box is a module:function or an \.onnx file, found '{name}'"):
            open_box(name, 3)


def test_the_inputs_of_a_file_are_its_own(tmp_path):
    path = write_onnx(tmp_path / "box.onnx", NETWORK)
    assert open_box(str(path), 3).dim == 3
    with pytest.raises(InputError, match="has 3 inputs, and --dim says 4"):
        open_box(str(path), 4)


def test_whatever_a_function_raises_is_said_and_only_an_interruption_is_one():
    class Weird(BaseException):
        pass

    def raising(error):
        def function(X):
            raise error

        return CallableBox(function, 2, "box")

    with pytest.raises(InputError, match=r"^box raised Weird: w when asked for 1 rows of 2 inputs$"):
        raising(Weird("w"))(np.zeros((1, 2)))
    with pytest.raises(KeyboardInterrupt):
        raising(KeyboardInterrupt())(np.zeros((1, 2)))


def test_a_device_is_not_read_as_a_model(tmp_path):
    path = tmp_path / "zero.onnx"
    path.symlink_to("/dev/null")
    with pytest.raises(InputError, match=r"zero.onnx is not a regular file, and no ONNX model is read from elsewhere$"):
        OnnxBox(path)


@pytest.mark.parametrize("said", [2, None])
def test_a_file_of_several_outputs_gives_all_of_them(tmp_path, said):
    rng = np.random.default_rng(0)
    W, V = rng.standard_normal((3, 4)), rng.standard_normal((4, 2))
    nodes = [node("MatMul", "x W", "h"), node("Relu", "h", "r"), node("MatMul", "r V", "y")]
    path = save_graph(tmp_path / "two.onnx", nodes, {"W": W, "V": V}, 3, (("y", said),))
    box, Z = OnnxBox(path), rng.standard_normal((5, 3))
    np.testing.assert_allclose(box(Z), np.maximum(Z @ W, 0) @ V, rtol=1e-13)
    assert (box.declared.width, box.declared.activation, box.declared.link) == (4, "relu", None)


def test_only_what_can_be_called_is_a_box():
    with pytest.raises(InputError, match="must be callable, found int"):
        CallableBox(3, 2)
    with pytest.raises(InputError, match="dim must be"):
        CallableBox(len, 0)


def command(code, dim=3):
    return CommandBox(f'"{sys.executable}" -c "{code}"', dim)


def test_a_command_gets_every_digit_and_gives_one_number_a_line():
    box = command("import sys\nfor line in sys.stdin: print(line.split(',')[1])")
    assert (box(X) == X[:, 1]).all()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('one')", "wrote 'one' where one number a line was expected"),
        ("import sys; sys.exit('gone')", "ended with exit code 1: gone"),
        ("import os; os._exit(3)", "ended with exit code 3: nothing on standard error"),
    ],
)
def test_a_command_that_fails_is_refused(code, words):
    with pytest.raises(InputError, match=words):
        command(code)(X)


def test_a_command_that_is_none_is_refused():
    for text, words in (
        ("", "the command is empty"),
        ("'", "cannot read the command"),
        ("no-such-program", "cannot be run"),
    ):
        with pytest.raises(InputError, match=words):
            CommandBox(text, 3)(X)


def test_a_command_that_never_stops_writing_is_stopped():
    with pytest.raises(InputError, match=rf"goes on writing after {len(X)} rows"):
        command("while True: print(1.0)")(X)


SLOPES = np.array([0.1, 0.3])
WRITTEN = {  # what stands between the layers, and what is declared of it
    "BatchNormalization": ([node("BatchNormalization", "t k b b k", "n"), node("Relu", "n", "h")], "relu"),
    "PRelu": ([node("PRelu", "t slope", "h")], "relu"),
    "Clip": ([node("Clip", "t zero", "h")], "relu"),
    "Max": ([node("Max", "t zero", "h")], "relu"),
    "Neg": ([node("Neg", "t", "n"), node("Relu", "n", "h")], "relu"),
    "GELU written out": (
        [node("Erf", "t", "e"), node("Add", "e k", "f"), node("Mul", "t f", "h")],
        "gelu",
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_network_is_known_however_it_is_written(tmp_path, name):
    nodes, sigma = WRITTEN[name]
    constants = {**CONSTANTS, "slope": SLOPES, "zero": 0.0, "k": np.ones(2)}
    nodes = [node("Gemm", "x W b", "t"), *nodes, node("MatMul", "h a", "y")]
    # onnxruntime has the error function in single precision only
    path = save_graph(tmp_path / "box.onnx", nodes, constants, 3, dtype=np.float32)
    box = OnnxBox(path)
    assert box.declared == Declared(2, sigma)
    Z = np.random.default_rng(0).standard_normal((5, 3))
    np.testing.assert_allclose(np.ravel(box(Z)), read_model(path)(Z), rtol=1e-5, atol=1e-6)


def test_inputs_of_any_shape_and_columns_one_by_one_are_asked(tmp_path):
    for name in ("an image that is flattened", "columns one by one", "fixed rows"):
        box = OnnxBox(write(GRAPHS[name], tmp_path / "box.onnx"))
        Z = np.random.default_rng(0).standard_normal((7, 4))
        assert (box.dim, box.declared.width) == (4, 6)
        np.testing.assert_allclose(np.ravel(box(Z)), read_model(tmp_path / "box.onnx")(Z), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gelu", "softplus", "sine"])
def test_the_activation_that_a_file_declares_is_tried_first(tmp_path, kind):
    rng = np.random.default_rng(0)
    network = TwoLayerNetwork(
        rng.standard_normal(8), rng.standard_normal((8, 6)) / 2.5, rng.standard_normal(8) / 2, kind
    )
    export_model(network, tmp_path / "box.onnx")
    found = extract(OnnxBox(tmp_path / "box.onnx"), rng=0)
    assert found.is_certified
    assert (found.network.activation.name, found.network.width) == (kind, 8)
