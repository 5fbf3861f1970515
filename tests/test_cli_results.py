"""The command line's results as a person meets them: tables of any width, any encoding, any file, and new rows."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from command_line import assert_refused
from twolayer import Result, TwoLayerNetwork, cli, decompose
from twolayer.network import Polynomial
from twolayer.symtensor import rank_one_sum

CLINIC = "recover clinic.csv --width 2 --activation tanh --bias"


@pytest.fixture
def clinic(twolayer_cli):
    """The command line, in a folder with a table as a spreadsheet of another country writes it."""
    rng = np.random.default_rng(1)
    X = rng.standard_normal((300, 3))
    y = 3 + 2 * np.tanh(X @ [1, 0.5, -0.5] + 0.3) + 1.5 * np.tanh(X @ [-0.3, 1, 0.2])
    y += 0.05 * rng.standard_normal(300)
    lines = ["age;pulse of the heart;dose;outcome"]
    lines += [";".join(f"{value:.15g}".replace(".", ",") for value in row) for row in np.column_stack([X, y])]
    Path("clinic.csv").write_text("\n".join(lines) + "\n")
    return twolayer_cli


def process(*words, encoding="utf-8", columns="80"):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": columns}
    return subprocess.run(
        [sys.executable, "-m", "twolayer", *words],
        capture_output=True,
        env=environment,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_the_verdict_comes_first_and_names_are_carried_to_the_last_table(clinic):
    outcome = clinic(f"{CLINIC} --fit fit.npz -o network.npz --plot fit.svg")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith("CERTIFIED_WITH_NOISE: What the network leaves")
    for word in ("outcome = constant + 2 tanh units", "age", "pulse of the heart", "dose", "std err"):
        assert word in outcome.out
    assert "Decimals are marked by commas." in outcome.out
    assert outcome.out.endswith("next: twolayer predict fit.npz NEW.csv\n")
    assert Path("fit.svg").read_text().startswith("<?xml")
    shown = clinic("show fit.npz")
    assert shown.out.splitlines()[0] == outcome.out.splitlines()[0]
    assert "pulse of the heart" in shown.out


def test_the_verdict_is_in_both_streams_where_it_is_no_certificate(clinic):
    outcome = clinic("recover clinic.csv --width 1 --activation relu")
    assert outcome.code == 3
    assert outcome.out.startswith("MISFIT: ")
    assert outcome.err.startswith("MISFIT: ")


def test_width_activation_and_bias_need_not_be_given(clinic):
    outcome = clinic("recover clinic.csv --json")
    told = json.loads(outcome.out)
    assert told["network"]["width"] == 2
    assert told["network"]["polynomial"]["constant"] == pytest.approx(3, abs=0.1)
    assert told["inputs"] == ["age", "pulse of the heart", "dose"]
    assert told["outputs"] == ["outcome"]


def test_json_has_the_weights_with_their_errors(clinic):
    told = json.loads(clinic(f"{CLINIC} --json --target outcome").out)
    weight = next(row for row in told["weights"] if row["unit"] == 0 and row["name"] == "age")
    assert weight["coefficient"] == told["network"]["W"][0][0]
    assert 0 < weight["error"] < 0.1
    assert told["notes_on_the_samples"] == ["Decimals are marked by commas."]


def test_more_can_be_asked_for(clinic):
    assert "smallest eigenvalue" not in clinic(CLINIC).out
    assert "smallest eigenvalue" in clinic(f"{CLINIC} --verbose").out


def test_samples_may_come_on_standard_input(clinic, monkeypatch):
    for name in ("clinic.csv", "samples.npz"):
        if name == "samples.npz":
            assert clinic("sample --dim 3 --width 1 -n 50 -o samples.npz").code == 0
        with Path(name).open("rb") as stream:
            done = subprocess.run(
                [sys.executable, "-m", "twolayer", "recover", "-", "--width", "1", "--activation", "relu", "--json"],
                stdin=stream,
                capture_output=True,
                check=False,
            )
        assert done.returncode in (0, 3)
        assert json.loads(done.stdout)["network"]["dim"] == 3
    done = subprocess.run(
        [sys.executable, "-m", "twolayer", "recover", "-"], input=b"a,b\n1,x\n", capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.decode().startswith("Error: standard input is not a table of numbers: line 2, column 2")


# -------------------------------------------------------------------------------------------------------------- predict


def test_new_rows_are_predicted_by_name_in_any_order(clinic):
    clinic(f"{CLINIC} --fit fit.npz -o network.npz")
    Path("new.csv").write_text("who,dose,age,pulse of the heart\nA,0.5,1,-1\nB,0.25,0,2\n")
    outcome = clinic("predict fit.npz new.csv --std --without who")
    assert outcome.code == 0
    lines = outcome.out.splitlines()
    assert lines[0] == "outcome,outcome std"
    result = Result.load("fit.npz")
    values, errors = result.predict([[1, -1, 0.5], [0, 2, 0.25]], return_std=True)
    np.testing.assert_array_equal(
        [[float(cell) for cell in line.split(",")] for line in lines[1:]], np.c_[values, errors]
    )
    Path("plain.csv").write_text("1,-1,0.5\n0,2,0.25\n")
    assert clinic("predict network.npz plain.csv").out.splitlines()[1:] == [f"{value:.17g}" for value in values]
    assert clinic("predict network.npz plain.csv -o values.npy").out == "wrote values.npy, 2 rows\n"
    np.testing.assert_array_equal(np.load("values.npy"), values)
    assert clinic("predict fit.npz new.csv --without who --std -o values.csv").code == 0
    assert Path("values.csv").read_text().splitlines()[0] == "outcome,outcome std"
    told = json.loads(clinic("predict network.npz plain.csv --json").out)
    assert told["values"] == [[value] for value in values]


def test_what_cannot_be_predicted_is_refused(clinic):
    clinic(f"{CLINIC} --fit fit.npz -o network.npz")
    Path("new.csv").write_text("dose,age\n1,2\n")
    assert_refused(clinic("predict fit.npz new.csv"), "no column", "pulse of the heart")
    assert_refused(clinic("predict network.npz new.csv"), "must have 3 columns of inputs, found 2")
    Path("hole.csv").write_text("age,pulse of the heart,dose\n1,2,\n")
    assert_refused(clinic("predict fit.npz hole.csv"), "line 2, column 3 (dose)", "missing value")
    Path("good.csv").write_text("1,2,3\n4,5,6\n")
    assert_refused(clinic("predict network.npz good.csv --std"), "without standard errors")
    assert_refused(clinic("predict network.npz good.csv -o values.txt"), ".csv or .npy")
    assert_refused(clinic("predict clinic.csv good.csv"), "clinic.csv")


# ----------------------------------------------------------------------------------------------------------------- show


def test_whatever_was_written_can_be_shown(clinic):
    assert clinic("sample --dim 3 --width 2 -n 50 -o samples.npz --teacher teacher.npz").code == 0
    assert clinic("instance planar --seed 3 -o planar.npz").code == 0
    np.save("tensor.npy", rank_one_sum(np.array([2.0, 1.0]), np.eye(3)[:2], 3))
    assert decompose(np.load("tensor.npy"), rng=0).rank == 2
    assert clinic("decompose tensor.npy -o terms.npz").code == 0
    for name, kind, word in (
        ("samples.npz", "samples", "next: twolayer recover samples.npz"),
        ("clinic.csv", "samples", "pulse of the heart"),
        ("teacher.npz", "network", "path norm"),
        ("planar.npz", "instance", "instance verify planar.npz"),
        ("terms.npz", "decomposition", "factors (2, 3)"),
    ):
        outcome = clinic(f"show {name}")
        assert (outcome.code, outcome.err) == (0, "")
        assert word in outcome.out
        assert json.loads(clinic(f"show {name} --json").out)["kind"] == kind


def test_the_constant_and_the_linear_part_are_shown(twolayer_cli):
    network = TwoLayerNetwork([1.0], [[1.0, 2.0]], [0.5], "relu", Polynomial(3.0, [7.0, -4.0]))
    network.save("poly.npz")
    out = twolayer_cli("show poly.npz").out
    for word in ("constant", " 3 ", "linear", "7.0000", "-4.0000"):
        assert word in out


# --------------------------------------------------------------------------------------------------- widths and letters


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_tables_fit_the_terminal_and_lose_nothing(tmp_path, monkeypatch, columns):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    W, b = 10 * rng.standard_normal((5, 20)), rng.standard_normal(5)
    network = TwoLayerNetwork(rng.standard_normal(5), W, b, "tanh")
    network.save("network.npz")
    done = process("show", "network.npz", columns=columns)
    lines = done.stdout.decode().splitlines()
    assert done.returncode == 0
    assert max(map(len, lines)) <= int(columns)
    assert "…" not in done.stdout.decode()
    assert "more inputs" in done.stdout.decode()
    demo = process("demo", columns=columns)
    text = demo.stdout.decode()
    assert demo.returncode == 0
    table = [line for line in text.splitlines() if "found" in line and "e-" in line]
    assert len(table) == 5  # each with its whole error
    assert all(float(line.split()[-1]) < 1e-6 for line in table)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "latin-1"])
@pytest.mark.parametrize(
    "words", [["list"], ["--help"], ["recover", "-h"], ["theory", "zhong2017recovery", "t.npz"], ["show", "t.npz"]]
)
def test_a_terminal_of_another_encoding_breaks_nothing(tmp_path, monkeypatch, encoding, words):
    monkeypatch.chdir(tmp_path)
    TwoLayerNetwork([1.0, 2.0], np.eye(2), None, "relu").save("t.npz")
    done = process(*words, encoding=encoding)
    assert done.returncode == 0
    assert done.stderr == b""
    done.stdout.decode(encoding)


def test_letters_that_an_encoding_has_not_are_spelled(tmp_path):
    text = process("list", encoding="ascii", columns="120").stdout.decode("ascii")
    assert "max(t, 0)^2" in text
    assert "theta" not in text


@pytest.mark.parametrize("width", ["1", "2"])
def test_one_is_no_plural(clinic, width):
    out = clinic(f"recover clinic.csv --width {width} --activation relu").out
    assert "1 relu units" not in out
    assert ("1 relu unit " in out) == (width == "1")


# ----------------------------------------------------------------------------------------------------- faults and help


def test_no_fault_of_the_program_ends_with_the_code_for_different(monkeypatch, capsys):
    def broken(_):
        raise ZeroDivisionError("by chance")

    monkeypatch.setattr(cli, "run", broken)
    monkeypatch.delenv("TWOLAYER_TRACEBACK", raising=False)
    with pytest.raises(SystemExit) as left:
        cli.main([])
    assert left.value.code == 70
    err = capsys.readouterr().err
    assert err.startswith("Error: ZeroDivisionError: by chance (a fault of twolayer")
    assert err.count("\n") == 1
    monkeypatch.setenv("TWOLAYER_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        cli.main([])


@pytest.mark.parametrize(
    "command", ["", "demo", "recover", "predict", "show", "extract", "compare", "sample", "decompose", "list", "figure"]
)
def test_help_is_short_to_ask_for_and_has_flags_without_values(twolayer_cli, command):
    short, long = twolayer_cli(f"{command} -h"), twolayer_cli(f"{command} --help")
    assert short == long
    assert short.code == 0
    flags = [line for line in short.out.splitlines() if "<bool>" in line]
    assert all("--help" in line or "completion" in line for line in flags)


def test_help_has_examples_and_says_what_is_what(twolayer_cli):
    out = twolayer_cli("--help").out
    for word in ("Use", "Study", "Papers", "twolayer recover clinic.csv", "--install-completion"):
        assert word in out
    assert "Example:" in twolayer_cli("recover --help").out


def test_the_shell_completes_names_of_activations():
    from twolayer.cli.networks import activation_names

    assert activation_names("rel") == ["relu"]
    assert "auto" in activation_names("a")


def test_pictures_and_fits_are_refused_by_their_names_before_anything_is_computed(clinic):
    assert_refused(clinic(f"{CLINIC} --plot fit.gif"), ".svg", "fit.gif")
    assert_refused(clinic(f"{CLINIC} --fit fit.json"), ".npz", "fit.json")
    assert_refused(clinic("recover clinic.csv --target outcom"), "did you mean outcome?")
    assert_refused(clinic("recover clinic.csv --activation tahn"), "did you mean tanh?")


def test_a_column_can_be_left_out_or_be_the_target(clinic):
    told = json.loads(clinic("recover clinic.csv --width 1 --activation relu --without age --target dose --json").out)
    assert told["inputs"] == ["pulse of the heart", "outcome"]
    assert told["outputs"] == ["dose"]


@pytest.mark.parametrize("columns", ["60", "80"])
def test_the_list_fits_a_narrow_terminal_whole(columns):
    text = process("list", columns=columns).stdout.decode()
    assert max(map(len, text.splitlines())) <= int(columns)
    assert "relu: Rectifier: max(t, 0)." in text
    assert "…" not in text.replace("x_1, …", "")


def test_of_labels_of_two_values_it_is_said_what_is_made_for_them(clinic):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((100, 2))
    np.savetxt("classes.csv", np.c_[X, X[:, 0] + 0.5 * rng.standard_normal(100) > 0], delimiter=",")
    outcome = clinic("recover classes.csv --width 1 --activation relu --bias")
    assert outcome.code == 3
    assert "two values only, 0 and 1" in " ".join(outcome.out.split())


def test_what_writes_files_can_say_so_in_json(twolayer_cli):
    told = json.loads(twolayer_cli("sample --dim 3 --width 2 -n 50 -o s.npz --teacher t.npz --json").out)
    assert (told["rows"], told["dim"], told["width"], told["teacher"]) == (50, 3, 2, "t.npz")
    told = json.loads(twolayer_cli("demo -o here --json").out)
    assert told["status"] == "CERTIFIED"
    assert max(told["errors"]) < 1e-6
    assert len(told["written"]) == 3


def test_every_command_takes_a_result_for_its_network(clinic):
    clinic(f"{CLINIC} --fit fit.npz -o network.npz")
    assert clinic("compare fit.npz network.npz").out.startswith("equal")
    assert "neither biases nor" in clinic("theory zhong2017recovery fit.npz").err  # it was read
    assert clinic("export fit.npz -o network.json").code == 0
    assert clinic("reduce fit.npz").code == 0


def test_the_link_of_a_result_is_exported_with_it(clinic):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 2))
    scores = 2 * np.tanh(X[:, 0] - 0.5 * X[:, 1]) + 0.02 * rng.standard_normal(300)
    np.savetxt("p.csv", np.c_[X, 1 / (1 + np.exp(-scores))], delimiter=",", fmt="%.17g")
    command = "recover p.csv --width 1 --activation tanh --bias --link logistic --fit fit.npz"
    assert clinic(command).code == 0
    assert json.loads(clinic("export fit.npz -o p.json --json").out)["link"] == "logistic"
    np.savetxt("x.csv", X[:3], delimiter=",", fmt="%.17g")
    values = [float(line) for line in clinic("predict fit.npz x.csv").out.splitlines()[1:]]
    np.testing.assert_allclose(values, 1 / (1 + np.exp(-scores[:3])), atol=0.02)
