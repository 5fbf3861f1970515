"""Weights that an ONNX file keeps in another file: from beside the model, whole, and from nowhere else."""

import os

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from twolayer import InputError
from twolayer.extract import OnnxBox
from twolayer.formats.onnx_file import open_onnx


def split_model(folder, seed, location="model.onnx.data"):
    """A network of 3 inputs and 4 units as exporters write it in two files, and its values at rows."""
    rng = np.random.default_rng(seed)
    arrays = {"W": rng.standard_normal((3, 4)), "V": rng.standard_normal((4, 1))}
    nodes = [
        helper.make_node("MatMul", ["x", "W"], ["t"]),
        helper.make_node("Relu", ["t"], ["h"]),
        helper.make_node("MatMul", ["h", "V"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", 11, ["n", 3])],
        [helper.make_tensor_value_info("y", 11, ["n", 1])],
        [numpy_helper.from_array(value, name) for name, value in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(exist_ok=True)
    path = folder / "model.onnx"
    onnx.save(model, path, save_as_external_data=True, location=location, size_threshold=0)
    return path, lambda X: np.maximum(X @ arrays["W"], 0) @ arrays["V"]


X = np.random.default_rng(5).standard_normal((20, 3))


def test_weights_are_those_beside_the_model_wherever_the_program_runs(tmp_path, monkeypatch):
    path, values = split_model(tmp_path / "A", 1)
    other, _ = split_model(tmp_path / "B", 2)
    for folder in (other.parent, path.parent, tmp_path):
        monkeypatch.chdir(folder)
        np.testing.assert_allclose(OnnxBox(path)(X), values(X), rtol=1e-13)
        relative = os.path.relpath(path)
        np.testing.assert_allclose(OnnxBox(relative)(X), values(X), rtol=1e-13)


def told_elsewhere(path, **told):
    """The model, saying other things of where its first tensor is."""
    model = onnx.load(path, load_external_data=False)
    tensor = model.graph.initializer[0]
    known = {entry.key: entry.value for entry in tensor.external_data} | told
    del tensor.external_data[:]
    for key, value in known.items():
        tensor.external_data.add(key=key, value=value)
    path.write_bytes(model.SerializeToString())


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("../secret", "not in its own folder: not opened"),
        ("inner/../../secret", "not in its own folder: not opened"),
        ("..\\secret", "not in its own folder: not opened"),
        ("C:\\secret", "not in its own folder: not opened"),
        ("/etc/hostname", "not in its own folder: not opened"),
        ("link", "leads out of its own folder: not opened"),
        ("linked/secret", "leads out of its own folder: not opened"),
        ("inner", "not a regular file: not opened"),
        ("pipe", "not a regular file: not opened"),
        ("absent", "must lie beside it and does not"),
        ("", "does not say in which file"),
    ],
)
def test_data_elsewhere_are_not_opened(tmp_path, location, words):
    path, _ = split_model(tmp_path / "A", 1)
    (tmp_path / "secret").write_bytes(bytes(1000))
    (path.parent / "inner").mkdir()
    (path.parent / "link").symlink_to(tmp_path / "secret")
    (path.parent / "linked").symlink_to(tmp_path)
    os.mkfifo(path.parent / "pipe")
    told_elsewhere(path, location=location)
    with pytest.raises(InputError, match=words):
        OnnxBox(path)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"offset": "100000"}, "wants 96 bytes of model.onnx.data from 100000"),
        ({"offset": "-8"}, "wants 96 bytes"),
        ({"length": "8"}, "a length of 8"),
        ({"offset": "much"}, "does not say where in model.onnx.data"),
        ({"basepath": "/etc"}, "does not say in which file"),
    ],
)
def test_parts_that_are_not_there_are_refused(tmp_path, told, words):
    path, _ = split_model(tmp_path / "A", 1)
    told_elsewhere(path, **told)
    with pytest.raises(InputError, match=words):
        OnnxBox(path)


def test_a_data_file_that_is_cut_off_is_refused(tmp_path):
    path, _ = split_model(tmp_path / "A", 1)
    data = path.parent / "model.onnx.data"
    data.write_bytes(data.read_bytes()[:50])
    with pytest.raises(InputError, match=r"wants 96 bytes of model.onnx.data from 0 for 'W', found 50 bytes"):
        open_onnx(path)


def test_tensors_of_constants_and_inner_graphs_are_looked_at_too(tmp_path):
    """A node's attribute may name a file as an initialiser may, and onnxruntime would open it."""
    path, _ = split_model(tmp_path / "A", 1)
    model = onnx.load(path, load_external_data=False)
    hidden = onnx.TensorProto(name="hidden", data_type=11, dims=[3, 4], data_location=onnx.TensorProto.EXTERNAL)
    hidden.external_data.add(key="location", value="../secret")
    node = helper.make_node("Constant", [], ["c"], value=hidden)
    inner = helper.make_graph([node], "inner", [], [helper.make_tensor_value_info("c", 11, [3, 4])])
    for hiding in (node, helper.make_node("If", ["x"], ["c"], then_branch=inner, else_branch=inner)):
        again = onnx.ModelProto()
        again.CopyFrom(model)
        again.graph.node.insert(0, hiding)
        path.write_bytes(again.SerializeToString())
        with pytest.raises(InputError, match="not in its own folder: not opened"):
            open_onnx(path)


def test_bytes_that_are_no_model_are_refused(tmp_path):
    for content in (b"", b"PK\x03\x04 a zip", b"\x80\x04K\x01.", bytes(100), os.urandom(1000)):
        path = tmp_path / "m.onnx"
        path.write_bytes(content)
        with pytest.raises(InputError, match="ONNX model"):
            open_onnx(path)
