"""The command line as its user meets it: exit codes, what is printed where, what is left on the disk."""

import json
import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

import twolayer
from command_line import PLANT, RECOVER, assert_refused, loaded
from twolayer import ACTIVATIONS, DECOMPOSITIONS, EXPORTS, LAWS, READERS, RECOVERIES, TwoLayerNetwork, align
from twolayer.links import LINKS
from twolayer.network import Polynomial
from twolayer.papers.families import FAMILIES
from twolayer.papers.figures import FIGURES
from twolayer.papers.theories import THEORIES

TABLES = {
    "activations": ACTIVATIONS,
    "laws": LAWS,
    "decompositions": DECOMPOSITIONS,
    "methods": RECOVERIES,
    "families": FAMILIES,
    "theories": THEORIES,
    "figures": FIGURES,
    "files read": READERS,
    "forms written": EXPORTS,
    "links": LINKS,
}

# --- the whole ---


def test_the_version_is_the_librarys(twolayer_cli):
    assert twolayer_cli("--version") == (0, f"twolayer {twolayer.__version__}\n", "")


def test_without_a_command_it_explains_itself(twolayer_cli):
    outcome = twolayer_cli("")
    assert outcome.code == 0
    assert all(command in outcome.out for command in ("demo", "sample", "recover", "compare", "show", "list"))


@pytest.mark.parametrize("command", ["demo", "sample", "recover", "compare", "show", "list"])
def test_each_command_explains_itself(twolayer_cli, command):
    outcome = twolayer_cli(f"{command} --help")
    assert outcome.code == 0
    assert command in outcome.out


def test_help_loads_nothing_heavy():
    code = "import sys; from twolayer.cli import run; run(['--help']); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_what_a_compiled_library_prints_during_a_recovery_is_no_part_of_the_json(tmp_path):
    samples = tmp_path / "samples.npz"
    X = np.random.default_rng(0).standard_normal((100, 2))
    np.savez(samples, X=X, y=np.maximum(X @ [1.0, 2.0], 0))
    code = (
        "import importlib, os, sys; from twolayer.cli import run; room = importlib.import_module('twolayer.recover')\n"
        "honest = room.recover\n"
        "def talkative(*given, **options):\n    os.write(1, b'from below')\n    return honest(*given, **options)\n"
        "room.recover = talkative; run(sys.argv[1:])"
    )
    words = ["recover", str(samples), "--width", "1", "--activation", "relu", "--json"]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["status"] == "CERTIFIED"
    assert "from below" in done.stderr


def test_the_module_is_the_command_line():
    done = subprocess.run([sys.executable, "-m", "twolayer", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"twolayer {twolayer.__version__}\n"


# --- sample ---


def test_samples_are_labelled_by_the_teacher(planted):
    samples = loaded()
    teacher = TwoLayerNetwork.load("teacher.npz")
    assert samples["X"].shape == (300, 6)
    assert (teacher.width, teacher.dim, teacher.activation.name) == (3, 6, "squared_relu")
    np.testing.assert_array_equal(samples["y"], teacher(samples["X"]))


def test_the_same_seed_draws_the_same_samples_and_another_seed_others(planted):
    first = loaded()
    assert planted(PLANT).code == 0
    np.testing.assert_array_equal(loaded()["X"], first["X"])
    assert planted(PLANT.replace("--seed 5", "--seed 6")).code == 0
    assert np.abs(loaded()["X"] - first["X"]).max() > 1


def test_noise_is_in_standard_deviations_of_the_labels(planted):
    assert planted(PLANT.replace("-n 300", "-n 4000") + " --noise 0.1").code == 0
    samples = loaded()
    clean = TwoLayerNetwork.load("teacher.npz")(samples["X"])
    # The standard error of an empirical standard deviation is 1/sqrt(2n) of it, 1.1 % here.
    assert np.std(samples["y"] - clean) / np.std(clean) == pytest.approx(0.1, rel=4 * 0.011)


def test_the_condition_number_is_the_one_asked_for(planted):
    assert planted(PLANT + " --kappa 7").code == 0
    assert np.linalg.cond(TwoLayerNetwork.load("teacher.npz").W) == pytest.approx(7, rel=1e-12)


def test_biases_are_drawn_where_the_law_has_them(planted):
    assert planted(PLANT + " --law random_units --bias 0.5").code == 0
    assert 0 < np.abs(TwoLayerNetwork.load("teacher.npz").b).max() <= 0.5


# --- recover ---


def test_what_was_planted_is_recovered_and_certified(planted):
    outcome = planted(RECOVER)
    assert outcome.code == 0
    assert outcome.err == ""
    assert "wrote network.npz" in outcome.out
    assert "CERTIFIED: " in outcome.out
    assert planted("compare network.npz teacher.npz --rtol 1e-6").code == 0


def test_width_and_activation_need_not_be_given(planted):
    outcome = planted("recover samples.npz --width auto --activation auto -o network.npz")
    assert outcome.code == 0
    assert "width 3 was chosen" in outcome.out
    assert "activation squared_relu was chosen" in outcome.out
    assert planted("compare network.npz teacher.npz --rtol 1e-6").code == 0
    shown = json.loads(planted("recover samples.npz --width auto --activation squared_relu --json").out)
    (choice,) = shown["certificate"]["choices"]
    assert (choice["subject"], choice["chosen"], choice["trials"][0]["value"]) == ("width", "3", "3")


def test_biases_are_recovered_where_they_are_asked_for(twolayer_cli):
    plant = "sample --law random_units --bias 0.5 --dim 5 --width 3 -n 1000 -o samples.npz --teacher teacher.npz"
    assert twolayer_cli(plant).code == 0
    assert twolayer_cli("recover samples.npz --width 3 --activation relu --bias -o network.npz").code == 0
    assert twolayer_cli("compare network.npz teacher.npz --rtol 1e-6").code == 0
    assert twolayer_cli("recover samples.npz --width 3 --activation relu").code == 3


def test_a_network_trained_elsewhere_is_recovered_from_its_answers(twolayer_cli):
    """Ten ReLU units that scikit-learn trained on its diabetes data, asked at 8 000 Gaussian inputs."""
    features, target = load_diabetes(return_X_y=True)
    trained = MLPRegressor(hidden_layer_sizes=(10,), solver="lbfgs", max_iter=5000, random_state=0)
    trained.fit(StandardScaler().fit_transform(features), target)
    X = np.random.default_rng(0).standard_normal((8000, features.shape[1]))
    np.savetxt("queries.csv", np.column_stack([X, trained.predict(X)]), fmt="%.17g", delimiter=",")
    assert twolayer_cli("recover queries.csv --width 10 --activation relu --bias -o network.npz").code == 0
    (hidden, output), (biases, constant) = trained.coefs_, trained.intercepts_
    truth = TwoLayerNetwork(output[:, 0], hidden.T, biases, polynomial=Polynomial(constant[0]))
    assert align(TwoLayerNetwork.load("network.npz"), truth).max_relative_error <= 1e-6


def test_a_table_and_a_pair_of_arrays_are_read_like_the_archive(planted):
    samples = loaded()
    np.save("X.npy", samples["X"])
    np.save("y.npy", samples["y"])
    np.savetxt("samples.csv", np.column_stack([samples["X"], samples["y"]]), fmt="%.17g", delimiter=",")
    networks = []
    for source in ("samples.npz", "samples.csv", "X.npy y.npy"):
        assert planted(RECOVER.replace("samples.npz", source)).code == 0
        networks.append(TwoLayerNetwork.load("network.npz"))
    assert networks[0] == networks[1] == networks[2]


def test_the_same_seed_recovers_the_same_network(planted):
    networks = []
    for _ in range(2):
        assert planted(f"{RECOVER} --seed 3").code == 0
        networks.append(TwoLayerNetwork.load("network.npz"))
    assert networks[0] == networks[1]


def test_json_is_one_object_and_nothing_else(planted):
    outcome = planted(f"{RECOVER} --json")
    report = json.loads(outcome.out)
    assert outcome.err == ""
    assert outcome.out.count("\n") == 1
    assert report["status"] == "CERTIFIED"
    assert report["is_certified"] is True
    assert isinstance(report["certificate"], dict)
    network = TwoLayerNetwork.load("network.npz")
    np.testing.assert_array_equal(report["network"]["W"], network.W)
    np.testing.assert_array_equal(report["network"]["a"], network.a)


@pytest.mark.parametrize("wrong", ["--width 2", "--activation relu", "--activation tanh"])
def test_a_wrong_model_is_finished_but_not_certified(planted, wrong):
    outcome = planted(f"{RECOVER} {wrong}")
    assert outcome.code == 3
    assert outcome.err.count("\n") == 1  # the advice
    assert len(outcome.err.split()) > 3
    assert planted("show network.npz").code == 0
    report = json.loads(planted(f"{RECOVER} {wrong} --json").out)
    assert report["is_certified"] is False
    assert report["advice"] in outcome.err


# --- compare ---


@pytest.fixture
def networks(twolayer_cli):
    """Write `network.npz` and variants of it."""
    rng = np.random.default_rng(1)
    a, W = np.array([1.5, -0.5, 2.0]), rng.standard_normal((3, 4))
    TwoLayerNetwork(a, W).save("network.npz")
    TwoLayerNetwork(a[[2, 0, 1]] / 4, 4 * W[[2, 0, 1]]).save("same.npz")
    TwoLayerNetwork(a, W * (1 + 1e-4)).save("near.npz")
    TwoLayerNetwork(-a, W).save("negative.npz")
    TwoLayerNetwork(a[:2], W[:2]).save("narrow.npz")
    TwoLayerNetwork(a, W[:, :3]).save("short.npz")
    TwoLayerNetwork(a, W, activation="tanh").save("tanh.npz")
    return twolayer_cli


def test_the_order_of_units_and_their_scale_do_not_matter(networks):
    outcome = networks("compare network.npz same.npz --rtol 1e-12")
    assert outcome.code == 0
    assert outcome.out.startswith("equal: ")


@pytest.mark.parametrize(("other", "code", "says"), [("same", 0, "EQUAL"), ("near", 1, "DIFFERENT")])
def test_networks_are_compared_on_a_region(networks, other, code, says):
    outcome = networks(f"compare network.npz {other}.npz --region -1,1")
    assert (outcome.code, outcome.err) == (code, "")
    assert outcome.out.splitlines()[-1].startswith(says)
    report = json.loads(networks(f"compare network.npz {other}.npz --region -1,1 --json").out)
    assert report["outcome"] == says
    assert report["lower"] <= report["upper"]


def test_what_is_not_decided_of_a_region_is_neither_equal_nor_different(networks):
    report = json.loads(networks("compare network.npz negative.npz --region -1,1 --seconds 0 --json").out)
    between = (report["lower"] + report["upper"]) / 2
    outcome = networks(f"compare network.npz negative.npz --region -1,1 --seconds 0 --tolerance {between}")
    assert outcome.code == (3 if report["lower"] < between < report["upper"] else 0)


@pytest.mark.parametrize("region", ["1", "a,b", "1,2,3"])
def test_a_region_that_is_no_two_numbers_is_refused(networks, region):
    outcome = networks(f"compare network.npz same.npz --region {region}")
    assert outcome.code == 2
    assert f"--region is two numbers, lo,hi, found {region!r}" in outcome.err


@pytest.mark.parametrize("other", ["near", "negative", "narrow", "short", "tanh"])
def test_different_networks_are_told_apart(networks, other):
    outcome = networks(f"compare network.npz {other}.npz")
    assert (outcome.code, outcome.err) == (1, "")
    assert outcome.out.startswith("different: ")


def test_the_tolerance_is_the_users(networks):
    assert networks("compare network.npz near.npz --rtol 1e-3").code == 0
    assert networks("compare network.npz near.npz --rtol 9e-5").code == 1
    report = json.loads(networks("compare network.npz near.npz --rtol 1e-3 --json").out)
    assert report["equal"] is True
    assert report["error"] == pytest.approx(1e-4, rel=1e-3)


def test_networks_that_cannot_be_matched_have_no_error_in_json(networks):
    outcome = networks("compare network.npz narrow.npz --json")
    assert outcome.code == 1
    assert json.loads(outcome.out) == {"equal": False, "error": None, "rtol": 1e-6, "difference": "units: 3 and 2"}


def test_comparing_with_what_is_no_network_is_refused(networks):
    assert_refused(networks("compare network.npz nothing.npz"), "nothing.npz")
    np.savez("samples.npz", X=np.ones((2, 2)), y=np.ones(2))
    assert_refused(networks("compare samples.npz network.npz"), "samples.npz", "network")


# --- show and list ---


def test_show_prints_every_unit(networks):
    outcome = networks("show network.npz")
    assert outcome.code == 0
    assert "3 relu units on 4 inputs" in outcome.out
    assert all(f"{value:.6g}" in outcome.out for value in (1.5, -0.5, 2.0))


def test_show_says_how_many_units_it_leaves_out(twolayer_cli):
    TwoLayerNetwork(np.ones(33), np.ones((33, 50))).save("wide.npz")
    assert "13 more units" in twolayer_cli("show wide.npz").out
    assert len(json.loads(twolayer_cli("show wide.npz --json").out)["a"]) == 33


def test_show_gives_a_program_the_whole_network(networks):
    facts = json.loads(networks("show network.npz --json").out)
    network = TwoLayerNetwork.load("network.npz")
    assert TwoLayerNetwork(facts["a"], facts["W"], facts["b"], facts["activation"]) == network
    assert facts["path_norm"] == network.path_norm()
    assert facts["polynomial"] is None


def test_list_gives_each_table_with_names_and_summaries(twolayer_cli):
    outcome = twolayer_cli("list --json")
    assert (outcome.code, outcome.err) == (0, "")
    listed = json.loads(outcome.out)
    assert {kind: [entry["name"] for entry in entries] for kind, entries in listed.items()} == {
        kind: list(table) for kind, table in TABLES.items()
    }
    assert all(entry["summary"] for entries in listed.values() for entry in entries)


def test_list_prints_every_name(twolayer_cli):
    outcome = twolayer_cli("list")
    assert outcome.code == 0
    assert all(name in outcome.out for table in TABLES.values() for name in table)
