"""`twolayer extract` and `twolayer decompose`, most of it in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from black_boxes import trained, write_onnx
from command_line import assert_refused
from twolayer import TwoLayerNetwork, align
from twolayer.files import read_npz
from twolayer.network import Polynomial
from twolayer.symtensor import rank_one_sum

A_MODULE = """
import os
import time

import numpy as np

W = np.array([[1.0, 2.0, 0.0], [0.5, -1.0, 1.0]])


def box(X):
    return np.maximum(X @ W.T + [0.3, -0.2], 0) @ [1.0, -2.0] + 0.5


def slow(X):
    with open("asked", "a") as asked:
        asked.write("once more\\n")
    time.sleep(0.5)
    return box(X)


def talkative(X):
    print("asked by Python")
    os.system("echo asked by a program")
    return box(X)


def noisy(X):
    return box(X) + np.random.default_rng().standard_normal(len(X))
"""
A_PROGRAM = """
import sys

for line in sys.stdin:
    x, y, z = map(float, line.split(","))
    print(max(x + 2 * y + 0.3, 0) - 2 * max(0.5 * x - y + z - 0.2, 0) + 0.5)
"""
TRUTH = TwoLayerNetwork([1.0, -2.0], [[1.0, 2.0, 0.0], [0.5, -1.0, 1.0]], [0.3, -0.2], "relu", Polynomial(0.5))


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "a_box", raising=False)
    (tmp_path / "a_box.py").write_text(A_MODULE)
    (tmp_path / "a_program.py").write_text(A_PROGRAM)
    return tmp_path


def process(*words, **options):
    command = [sys.executable, "-m", "twolayer", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def test_a_function_in_a_process_of_its_own(module):
    done = process("extract", "a_box:box", "--dim", "3", "-o", "network.npz")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "2 relu units on 3 inputs" in done.stdout
    assert "wrote network.npz" in done.stdout
    assert "EQUAL: The network gives what the box gives" in done.stdout
    assert align(TwoLayerNetwork.load("network.npz"), TRUTH).max_relative_error < 1e-10


def test_the_answers_that_are_kept_are_not_replaced_by_the_network(module):
    done = process("extract", "a_box:box", "--dim", "3", "--resume", "both.npz", "-o", "both.npz")
    assert done.returncode == 2
    assert done.stderr.startswith("Error: the output both.npz would take the place of the answers kept there")
    assert not (module / "both.npz").exists()


def test_a_reader_that_goes_away_is_not_a_difference(module):
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "twolayer", "extract", "a_box:box", "--dim", "3"]
    with os.fdopen(write) as nobody:
        done = subprocess.run(words, stdout=nobody, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 141
    assert "Traceback" not in done.stderr


def test_what_a_box_prints_stays_out_of_the_json(module):
    (module / "a_box.py").write_text("print('imported')\n" + A_MODULE)
    done = process("extract", "a_box:talkative", "--dim", "3", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] == "EQUAL"
    for words in ("imported", "asked by Python", "asked by a program"):
        assert words in done.stderr


def test_a_command_in_a_process_of_its_own(module):
    command = f'"{sys.executable}" a_program.py'
    done = process("extract", "--command", command, "--dim", "3", "--json", "-o", "network.npz")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert found["status"] == "EQUAL"
    assert found["network"]["width"] == 2
    assert max(check["largest"] for check in found["evidence"]["checks"]) < 1e-9
    assert align(TwoLayerNetwork.load("network.npz"), TRUTH).max_relative_error < 1e-10


def test_an_estimator_saved_as_onnx_in_a_process_of_its_own(tmp_path):
    truth = trained(5, "sigmoid")
    path = write_onnx(tmp_path / "model.onnx", truth, np.float32)
    done = process("extract", str(path), "-o", str(tmp_path / "network.npz"))
    assert done.returncode == 0
    network = TwoLayerNetwork.load(tmp_path / "network.npz")
    assert network.activation.name == "sigmoid"
    assert align(network, truth).max_relative_error < 1e-4


def asked_times():
    """How often the slow box has been asked so far."""
    return Path("asked").read_text().count("\n") if Path("asked").exists() else 0


def test_an_interrupted_process_keeps_its_answers_and_goes_on(module):
    words = ("extract", "a_box:slow", "--dim", "3", "--resume", "answers.npz", "--json")
    running = subprocess.Popen(
        [sys.executable, "-m", "twolayer", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and asked_times() < 4:
        time.sleep(0.05)
    os.kill(running.pid, signal.SIGINT)
    _, complaint = running.communicate(timeout=60)
    assert running.returncode == 130
    assert complaint == "Error: interrupted\n"
    answered = len(read_npz("answers.npz")["y"])
    assert answered >= 256
    # without the waiting: the rows are the same, and those answered are not asked again
    (module / "a_box.py").write_text(A_MODULE.replace("time.sleep(0.5)", "pass"))
    done = process(*words)
    found = json.loads(done.stdout)
    assert done.returncode == 0
    assert found["evidence"]["answered_from_file"] >= answered


def test_bad_input_is_refused_in_one_sentence(twolayer_cli, module):
    assert_refused(twolayer_cli("extract a_box:noisy --dim 3"), "a_box:noisy is not deterministic")
    assert_refused(twolayer_cli("extract a_box:box"), "give --dim")
    assert_refused(twolayer_cli("extract"), "give one black box")
    assert_refused(twolayer_cli("extract a_box:box --command cat --dim 3"), "give one black box")
    assert_refused(twolayer_cli("extract --command cat"), "give --dim")
    assert_refused(twolayer_cli("extract a_box:box --dim 3 --budget 1000"), "the budget of 1000 queries is too small")
    assert_refused(twolayer_cli("extract a_box:box --dim 3 -o none/network.npz"), "cannot write none/network.npz")
    assert_refused(twolayer_cli("extract model.pkl --dim 3"), "is a pickle")
    assert_refused(twolayer_cli("extract none.onnx"), "cannot read none.onnx")


def test_what_is_not_certified_has_an_exit_code_of_its_own(twolayer_cli, module):
    outcome = twolayer_cli("extract a_box:box --dim 3 --width 4")
    assert outcome.code == 3
    assert outcome.err.startswith("OTHER_WIDTH: The network gives what the box gives, but")


def tensor(rank, dim, order):
    rng = np.random.default_rng(0)
    factors = rng.standard_normal((rank, dim))
    factors /= np.linalg.norm(factors, axis=1, keepdims=True)
    T = rank_one_sum(rng.uniform(1, 2, rank), factors, order)
    np.save("tensor.npy", T)
    return factors


def test_a_tensor_is_decomposed_in_a_process_of_its_own(module):
    factors = tensor(3, 5, 3)
    done = process("decompose", "tensor.npy", "--rank", "auto", "-o", "components.npz")
    assert done.returncode == 0
    assert "rank 3: singular values fall there by a factor of inf" in done.stdout
    assert "EXACT: The tensor is this sum, to rounding." in done.stdout
    components = read_npz("components.npz")
    assert components["weights"].shape == (3,)
    np.testing.assert_allclose(np.abs(components["factors"] @ factors.T).max(axis=1), 1, atol=1e-10)


def test_a_rank_that_is_given_is_the_one_used(twolayer_cli, module):
    tensor(3, 5, 4)
    outcome = twolayer_cli("decompose tensor.npy --rank 3 --json")
    found = json.loads(outcome.out)
    assert (outcome.code, found["rank"], found["status"], found["gap"]) == (0, 3, "EXACT", None)
    too_low = twolayer_cli("decompose tensor.npy --rank 1")
    assert too_low.code == 3
    assert too_low.err.startswith("UNRESOLVED")


def test_a_rank_that_is_too_small_is_not_determined_and_the_numbers_say_why(twolayer_cli, module):
    tensor(3, 6, 3)
    T = np.load("tensor.npy")
    u = np.linalg.svd(T.reshape(6, -1))[0][:, -1]  # outside of the three
    np.save("tensor.npy", T + 0.3 * np.einsum("i,j,k", u, u, u))
    outcome = twolayer_cli("decompose tensor.npy --rank 3")
    assert outcome.code == 3
    assert outcome.err.startswith("UNEXPLAINED: ")
    assert "the rank is too small, or there is noise" in outcome.err
    assert "they fall the most after 4: try that rank" in " ".join(outcome.out.split())
    told = json.loads(twolayer_cli("decompose tensor.npy --rank 3 --json").out)
    assert (told["status"], told["rank_shown"], len(told["singular_values"])) == ("UNEXPLAINED", 4, 6)
    assert twolayer_cli("decompose tensor.npy --rank 4").code == 0


def test_bad_tensors_and_ranks_are_refused(twolayer_cli, module):
    tensor(3, 5, 3)
    assert_refused(
        twolayer_cli("decompose tensor.npy --rank many"), "--rank is a number of terms or auto, found 'many'"
    )
    assert_refused(twolayer_cli("decompose tensor.npy --rank 0"), "rank must be")
    assert_refused(twolayer_cli("decompose tensor.npy --method guess"), "unknown decomposition 'guess'")
    assert_refused(twolayer_cli("decompose none.npy"), "cannot read none.npy")
    np.save("matrix.npy", np.eye(3))
    assert_refused(twolayer_cli("decompose matrix.npy"), "found shape (3, 3)")
    np.save("noise.npy", np.random.default_rng(0).standard_normal((4, 4, 4)))
    assert_refused(twolayer_cli("decompose noise.npy"), "T must be symmetric")
