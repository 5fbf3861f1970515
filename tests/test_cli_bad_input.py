"""The command line and what is wrong: one sentence, the right exit code, and nothing left on the disk."""

import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from command_line import PLANT, RECOVER, assert_refused, loaded
from twolayer import LAWS, TwoLayerNetwork, cli
from twolayer.network import Polynomial


@pytest.mark.parametrize(
    ("command", "word"),
    [
        ("recovre samples.npz", "recovre"),
        ("recover samples.npz --width three --activation relu", "--width"),
        ("recover samples.npz --width 0 --activation relu", "--width must be a whole number of at least 1, or auto"),
        ("recover samples.npz --width many --activation relu", "or auto, found 'many'"),
        ("recover samples.npz --width ² --activation relu", "--width"),
        ("sample --dim 3 --width 0 -n 9 -o samples.npz", "'--width': it must be at least 1, found 0"),
        ("sample --dim 3 --width 2 -n 0 -o samples.npz", "--samples"),
        ("sample --dim 3 --width 2 -n 9 -o samples.npz --seed -1", "'--seed': it must be at least 0, found -1"),
        ("sample --dim 3 --width 2 -n 9 -o samples.npz --noise nan", "found nan"),
        ("compare a.npz b.npz --rtol -0.5", "found -0.5"),
        ("sample --dim 3 --width 2 -n 10", "--output"),
        ("show", "file"),
        ("list --jsno", "--jsno"),
    ],
)
def test_misuse_is_refused_in_one_line(twolayer_cli, command, word):
    assert_refused(twolayer_cli(command), word)


def test_a_complaint_is_one_line_whatever_it_is_made_of(capsys):
    cli.complain("choose from:\n\tthis,\n\tthat")
    assert capsys.readouterr() == ("", "Error: choose from: this, that\n")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ("--law random_units --kappa 3", ["random_units", "--kappa"]),
        ("--law conditoned", ["conditoned", *LAWS]),
        ("--activation rleu", ["rleu", "relu"]),
        ("--width 7", ["7", "6"]),
        ("--kappa 0.5", ["kappa", "0.5"]),
        ("-n 99999999999999999999999", ["99999999999999999999999 samples of 6 inputs", "bytes, and this machine has"]),
        ("--dim 99999999999999999999999", ["300 samples of 99999999999999999999999 inputs"]),
        ("--law random_units --bias 1e308", ["bias", "1e+300", "1e+308"]),
        ("--noise 1e308", ["beyond floating point"]),
        ("--kappa 1e200", ["beyond floating point"]),
        ("-o samples.txt", ["samples.txt", ".csv"]),
        ("--teacher teacher.csv", ["teacher.csv", ".npz"]),
        ("-o nowhere/samples.npz", ["nowhere"]),
        ("--teacher nowhere/teacher.npz", ["nowhere"]),
    ],
)
def test_a_bad_request_for_samples_is_refused_and_writes_nothing(twolayer_cli, changed, words, tmp_path):
    assert_refused(twolayer_cli(f"{PLANT} {changed}"), *words)
    assert list(tmp_path.iterdir()) == []


def test_more_samples_than_memory_holds_are_refused_before_a_network_is_drawn(twolayer_cli, monkeypatch):
    monkeypatch.setattr(np.random, "default_rng", lambda _: pytest.fail("drawn first"))
    outcome = twolayer_cli("sample --dim 1000000000 --width 1 -n 1000000000 -o samples.npz")
    assert_refused(outcome, "1000000000 samples of 1000000000 inputs take 8000000000000000000 bytes", "machine has")


def broken_samples(kind: str) -> None:
    """Make `samples.npz` bad in one way."""
    X, y = loaded().values()
    if kind == "nan":
        X[17, 2] = np.nan
    elif kind == "infinity":
        y[23] = np.inf
    elif kind == "flat":
        X = X[:, 0]
    elif kind == "longer":
        y = np.append(y, 0.0)
    elif kind == "few":
        X, y = X[:9], y[:9]
    elif kind == "constant":
        y = np.ones_like(y)
    elif kind == "text":
        X = X.astype(str)
    elif kind == "objects":
        X = X.astype(object)
    np.savez("samples.npz", X=X, y=y)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("nan", ["X", "nan", "17"]),
        ("infinity", ["y", "inf", "23"]),
        ("flat", ["X", "two dimensions"]),
        ("longer", ["300", "301"]),
        ("few", ["9", "18"]),
        ("constant", ["y", "constant"]),
        ("text", ["X", "text"]),
        ("objects", ["X", "objects"]),
    ],
)
def test_bad_samples_are_refused_and_write_nothing(planted, kind, words, tmp_path):
    broken_samples(kind)
    assert_refused(planted(RECOVER), *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["samples.npz", "teacher.npz"]


def test_what_is_an_npz_is_named_as_one(planted, tmp_path):
    np.save("tensor.npy", np.zeros((2, 2, 2)))
    for command in ("instance parity", "decompose tensor.npy", "extract math:sin --dim 1"):
        assert_refused(planted(f"{command} -o made.csv"), "made.csv", ".npz")
    assert not (tmp_path / "made.csv").exists()


@pytest.mark.parametrize(
    "network",
    [
        TwoLayerNetwork([1.0, 1.0], 1e200 * np.eye(3)[:2]),
        TwoLayerNetwork([1e308, -1e308], np.eye(3)[:2], [1e308, 0.0], "tanh"),
        TwoLayerNetwork([1.0], [[-5e-324]], polynomial=Polynomial(1e308, [1e308], [[1e308]])),
    ],
)
def test_a_network_beyond_floating_point_is_shown_and_equal_to_itself(twolayer_cli, network):
    network.save("network.npz")
    for command in ("show network.npz", "show network.npz --json", "compare network.npz network.npz"):
        outcome = twolayer_cli(command)
        assert (outcome.code, outcome.err) == (0, "")
    assert TwoLayerNetwork.load("network.npz") == network


def test_the_list_shows_no_marks_of_references(twolayer_cli):
    assert "]_" not in twolayer_cli("list").out


def test_a_truncated_archive_is_refused(planted, tmp_path):
    whole = (tmp_path / "samples.npz").read_bytes()
    (tmp_path / "samples.npz").write_bytes(whole[: len(whole) // 2])
    assert_refused(planted(RECOVER), "samples.npz")


def test_a_pickle_in_an_archive_is_never_opened(planted, tmp_path):
    with zipfile.ZipFile("samples.npz", "w") as archive:
        archive.writestr("X.npy", b"cos\nmkdir\n(S'owned'\ntR.")
        archive.writestr("y.npy", b"cos\nmkdir\n(S'owned'\ntR.")
    assert_refused(planted(RECOVER), "samples.npz")
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("missing.npz --width 3 --activation relu", ["missing.npz"]),
        ("samples.npz teacher.npz samples.npz --width 3 --activation relu", ["three", "3"]),
        ("samples.npz --width 3 --activation rleu", ["rleu", "squared_relu"]),
        ("samples.npz --width 3 --activation automatic", ["automatic", "squared_relu", "'auto'"]),
        ("samples.npz --width auto --activation relu --method unlifted", ["unlifted", "auto"]),
        ("samples.npz --width 3 --activation relu --method magic", ["magic", "auto"]),
        ("samples.npz --width 60 --activation relu", ["60"]),
        ("teacher.npz --width 3 --activation relu", ["teacher.npz", "X"]),
        (".  --width 3 --activation relu", ["."]),
    ],
)
def test_a_bad_request_to_recover_is_refused(planted, arguments, words):
    outcome = planted(f"recover {arguments} -o network.npz")
    assert_refused(outcome)
    assert any(word in outcome.err for word in words)


@pytest.mark.parametrize(
    "output", ["network.csv", "network", "network.npz.txt", "nowhere/network.npz", ".", "teacher.npz/network.npz"]
)
def test_an_output_that_cannot_be_written_is_refused_before_the_long_computation(planted, output, monkeypatch):
    monkeypatch.setattr(sys.modules["twolayer.recover"], "recover", lambda *_, **__: pytest.fail("computed first"))
    assert_refused(planted(RECOVER.replace("network.npz", output)), output)


def test_rehearsing_a_write_leaves_an_existing_file_as_it_was(tmp_path):
    file = tmp_path / "network.npz"
    file.write_bytes(b"precious")
    cli.require_writable(file)
    assert file.read_bytes() == b"precious"
    assert list(tmp_path.iterdir()) == [file]


def test_interrupting_the_computation_leaves_nothing_behind(planted, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(sys.modules["twolayer.recover"], "recover", interrupted)
    assert planted(RECOVER) == (130, "", "Error: interrupted\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["samples.npz", "teacher.npz"]


def test_interrupting_the_writing_leaves_the_old_file(planted, monkeypatch, tmp_path):
    def interrupted(stream, **_):
        stream.write(b"half a file")
        signal.raise_signal(signal.SIGINT)

    before = (tmp_path / "samples.npz").read_bytes()
    monkeypatch.setattr(np, "savez", interrupted)
    assert planted(PLANT).code == 130
    assert (tmp_path / "samples.npz").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["samples.npz", "teacher.npz"]


def test_control_c_ends_a_running_recovery_without_a_traceback(planted, tmp_path):
    """A problem far too large to finish, interrupted from outside while it is being worked on."""
    rng = np.random.default_rng(0)
    np.savez("samples.npz", X=rng.standard_normal((20_000, 100)), y=rng.standard_normal(20_000))
    code = """
import os, signal, sys, threading, twolayer.recover
from twolayer.cli import run

signal.signal(signal.SIGINT, signal.default_int_handler)
room = sys.modules["twolayer.recover"]
recover = room.recover

def recover_until_interrupted(*arguments, **options):
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    return recover(*arguments, **options)

room.recover = recover_until_interrupted
sys.exit(run(sys.argv[1:]))
"""
    command = f"{RECOVER} --width 20".split()
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "Error: interrupted\n")
    assert not (tmp_path / "network.npz").exists()


@pytest.mark.parametrize("name", ["samples.npz", "link.npz"])
def test_the_samples_are_never_overwritten_by_what_is_recovered_from_them(planted, name):
    Path("link.npz").symlink_to("samples.npz")
    before = Path("samples.npz").read_bytes()
    done = planted(f"{RECOVER} --width 3 -o {name}")
    assert done.code == 2
    assert "would be lost" in done.err
    assert Path("samples.npz").read_bytes() == before
