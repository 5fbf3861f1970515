"""The commands `read` and `export`."""

import json

import numpy as np
import pytest

from command_line import assert_refused
from model_graphs import GRAPHS, write
from twolayer import EXPORTS, TwoLayerNetwork, read_model
from twolayer.network import Polynomial

NETWORK = TwoLayerNetwork([1.0, -2.0], [[1.0, 2.0], [0.5, -1.0]], [0.3, -0.2], "tanh", Polynomial(0.5))
X = np.random.default_rng(0).standard_normal((10, 4))


def test_read_writes_the_network_of_a_model_and_says_how_near_it_is(twolayer_cli):
    write(GRAPHS["torch legacy"], "m.onnx")
    code, out, err = twolayer_cli("read m.onnx -o n.npz")
    assert (code, err) == (0, "")
    assert "TwoLayerNetwork: 6 relu units on 4 inputs" in out
    assert "The file itself, run by onnxruntime, differs by" in out
    assert "wrote n.npz" in out
    assert TwoLayerNetwork.load("n.npz").width == 6


def test_read_says_the_link_and_what_was_left_out(twolayer_cli):
    write(GRAPHS["two classes as scikit-learn's"], "m.onnx")
    code, out, _ = twolayer_cli("read m.onnx")
    assert code == 0
    assert "On top of it stands the link logistic" in out
    assert "Of two probabilities the second is read" in out.replace("\n", " ")


def test_several_outputs_are_compared_beside_each_other(twolayer_cli):
    write(GRAPHS["two separate outputs"], "m.onnx")
    code, out, _ = twolayer_cli("read m.onnx --json")
    content = json.loads(out)
    assert code == 0
    assert content["network"]["n_outputs"] == 4
    assert content["checked"] < 1e-5
    assert content["notes"] == ["The outputs, in order, are those of y, z."]


def test_read_prints_json(twolayer_cli):
    write(GRAPHS["quantised throughout"], "m.onnx")
    code, out, _ = twolayer_cli("read m.onnx --json")
    content = json.loads(out)
    assert code == 0
    assert content["network"]["activation"] == "relu"
    assert content["link"] == "identity"
    assert "rounds on the way" in content["notes"][0]
    assert content["checked"] > 1e-3


def test_what_is_no_two_layer_network_is_refused(twolayer_cli):
    write(GRAPHS["three layers"], "m.onnx")
    assert_refused(twolayer_cli("read m.onnx"), "at its operator Relu", "ask it as a black box instead")
    assert_refused(twolayer_cli("read absent.onnx"), "cannot read absent.onnx")
    assert_refused(twolayer_cli("read m.pt"), "m.pt is a pickle")
    assert_refused(twolayer_cli("read m.onnx -o m.txt"), "what is written is an .npz")


def test_the_activation_of_bare_weights_is_told(twolayer_cli):
    NETWORK.save("n.npz")
    assert twolayer_cli("export n.npz -o n.safetensors").code == 0
    assert_refused(twolayer_cli("read n.npz --activation relu"), "says itself which activation")


@pytest.mark.parametrize("form", EXPORTS)
def test_export_writes_every_form(twolayer_cli, tmp_path, form):
    NETWORK.save("n.npz")
    if form == "excel":
        pytest.importorskip("openpyxl")
    path = f"n.{EXPORTS[form].end}"
    assert twolayer_cli(f"export n.npz -o {path} --to {form}") == (0, f"wrote {path}\n", "")
    assert (tmp_path / path).stat().st_size > 100


@pytest.mark.parametrize("end", ["onnx", "json", "safetensors"])
def test_what_is_exported_is_read_back(twolayer_cli, end):
    NETWORK.save("n.npz")
    assert twolayer_cli(f"export n.npz -o m.{end} --link logistic").code == 0
    code, out, _ = twolayer_cli(f"read m.{end} -o again.npz")
    assert code == 0
    assert "link logistic" in out
    again, rows = TwoLayerNetwork.load("again.npz"), X[:, :2]
    np.testing.assert_allclose(again(rows), NETWORK(rows), rtol=1e-12)


def test_export_refuses_what_it_cannot_do(twolayer_cli):
    NETWORK.save("n.npz")
    assert_refused(twolayer_cli("export n.npz -o n.py"), "one of torch, sklearn, python, sympy")
    assert_refused(twolayer_cli("export n.npz -o n.x --to cobol"), "unknown form 'cobol'")
    assert_refused(twolayer_cli("export absent.npz -o n.c"), "absent.npz")
    assert_refused(twolayer_cli("export n.npz -o n.npz --to json"), "is the input")
    assert_refused(twolayer_cli("export n.npz -o none/n.c"), "cannot write none/n.c")


# --- reduce ---

REDUNDANT = TwoLayerNetwork([1, 2, 3, 0], [[1, 0], [2, 0], [-1, 0], [1, 1]], [0, 0, 0, 5], "relu")


def test_reduce_writes_the_least_network_with_its_proof(twolayer_cli):
    REDUNDANT.save("n.npz")
    code, out, err = twolayer_cli("reduce n.npz -o least.npz --proof")
    assert (code, err) == (0, "")
    for words in ("4 units became 1", "1 twin", "Minimal: units bend", "unit 3: dead", "unit 2: antipode (of unit 0)"):
        assert words in " ".join(out.split())
    least, rows = TwoLayerNetwork.load("least.npz"), X[:, :2]
    assert least.width == 1
    np.testing.assert_allclose(least(rows), REDUNDANT(rows), rtol=1e-13, atol=1e-13)


def test_reduce_on_a_box_and_on_data(twolayer_cli):
    network = TwoLayerNetwork([1.0, 1.0], [[1.0, 0], [0, 1.0]], [5.0, 0.0], "relu")
    network.save("n.npz")
    code, out, _ = twolayer_cli("reduce n.npz --box=-1,1 --json")
    content = json.loads(out)
    assert code == 0
    assert (content["width"], content["removals"]) == (1, [{"rule": "active", "unit": 0, "into": None}])
    assert content["box"] == [[-1.0, -1.0], [1.0, 1.0]]
    np.savetxt("rows.csv", np.column_stack([X[:, :2], X[:, 0]]), delimiter=",")
    code, out, _ = twolayer_cli("reduce n.npz --data rows.csv --tolerance 0.1 -o least.npz")
    assert code == 0
    assert "units: error" in out
    assert TwoLayerNetwork.load("least.npz").width <= 1
    np.save("rows.npy", X[:, :2])
    np.savez("rows.npz", X=X[:, :2])
    for name in ("rows.npy", "rows.npz"):
        assert twolayer_cli(f"reduce n.npz --data {name}").code == 0


def test_reduce_refuses_bad_input(twolayer_cli):
    REDUNDANT.save("n.npz")
    np.savetxt("rows.csv", X[:, :1], delimiter=",")
    np.savez("rows.npz", Z=X)
    assert_refused(twolayer_cli("reduce n.npz --box=1"), "--box is two numbers, as in --box=-1,1, found '1'")
    assert_refused(twolayer_cli("reduce n.npz --box=1,0"), "a box must have an inside")
    assert_refused(twolayer_cli("reduce n.npz --data rows.csv"), "must have a column for each of 2 inputs")
    assert_refused(twolayer_cli("reduce n.npz --data rows.npz"), "has no entry 'X'")
    assert_refused(twolayer_cli("reduce n.npz --tolerance 0.1"), "a tolerance is of data")
    assert_refused(twolayer_cli("reduce n.npz -o n.npz"), "is the input")
    assert_refused(twolayer_cli("reduce n.txt"), "is not of a kind that is read")


def test_model_files_are_reduced_and_exported_as_they_are(twolayer_cli):
    write(GRAPHS["two classes by a sigmoid"], "m.onnx")
    code, out, _ = twolayer_cli("reduce m.onnx --box=-0.2,0.2 -o least.onnx")
    assert code == 0
    assert "link logistic" in out
    first, least = read_model("m.onnx"), read_model("least.onnx")
    assert least.network.width < first.network.width
    assert least.link == "logistic"
    np.testing.assert_allclose(least(X / 20), first(X / 20), rtol=1e-9)
    assert twolayer_cli("export m.onnx -o m.json").code == 0
    assert read_model("m.json").network == first.network
    assert read_model("m.json").link == "logistic"
