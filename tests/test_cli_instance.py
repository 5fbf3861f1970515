"""The commands `instance` and `theory` as their user meets them."""

import json
import subprocess
import sys

import numpy as np
import pytest

from command_line import assert_refused
from twolayer import TwoLayerNetwork
from twolayer.instances import instance_digest, load_instance
from twolayer.papers.families import FAMILIES, make_instance
from twolayer.papers.mondelli2019connection.theory import theorem2
from twolayer.papers.theories import THEORIES
from twolayer.papers.verification import verify_instance
from twolayer.teachers import orthogonal

SMALL = "instance planar --dim 5 --order 4 --samples 30 --seed 3 -o small.npz"

# --- instance ---


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_is_made_by_its_name_alone_and_accepted(twolayer_cli, family):
    made = twolayer_cli(f"instance {family} --seed 7 -o made.npz")
    assert (made.code, made.err) == (0, "")
    assert FAMILIES[family].citation[:40] in made.out
    assert "wrote made.npz" in made.out
    assert ".." not in made.out.replace("...", "")
    verified = twolayer_cli("instance verify made.npz")
    assert (verified.code, verified.err) == (0, "")
    assert verified.out.splitlines()[-1] == f"accepted: {family}, sha256 {verify_instance('made.npz').digest}"
    assert instance_digest(load_instance("made.npz")) == instance_digest(make_instance(family, 7))


def test_help_lists_the_families_and_says_what_each_is(twolayer_cli):
    for command in ("instance", "instance --help"):
        outcome = twolayer_cli(command)
        assert (outcome.code, outcome.err) == (0, "")
        assert all(name in outcome.out for name in [*FAMILIES, "verify"])


@pytest.mark.parametrize("family", FAMILIES)
def test_help_of_a_family_lists_its_own_options(twolayer_cli, family, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    outcome = twolayer_cli(f"instance {family} --help")
    assert outcome.code == 0
    for option in FAMILIES[family].defaults:
        assert f"--{option.replace('_', '-')} " in outcome.out.replace("/", " ")
        assert FAMILIES[family].explanations[option][:30] in outcome.out


def test_no_option_of_a_family_takes_the_name_of_one_of_the_command(twolayer_cli):
    own = {option for family in FAMILIES.values() for option in family.defaults}
    assert own.isdisjoint({"output", "seed", "as_json", "json", "help", "family"})


def test_options_reach_the_family(twolayer_cli):
    assert twolayer_cli(SMALL).code == 0
    loaded = load_instance("small.npz")
    assert dict(loaded.options) == {"dim": 5, "order": 4, "samples": 30, "activation": "relu"}
    assert (loaded.seed, loaded.X.shape) == (3, (30, 5))


def test_json_is_the_claim_and_nothing_else(twolayer_cli):
    outcome = twolayer_cli(f"{SMALL} --json")
    assert (outcome.code, outcome.err, outcome.out.count("\n")) == (0, "", 1)
    facts, made = json.loads(outcome.out), load_instance("small.npz")
    assert facts["claim"]["sizes"] == dict(made.claim.sizes)
    assert facts["claim"]["statement"] == made.claim.statement
    assert (facts["family"], facts["options"], facts["seed"]) == ("planar", dict(made.options), 3)
    assert (facts["samples"], facts["dim"], facts["has_planted_network"]) == (30, 5, True)
    assert (facts["digest"], facts["citation"], facts["output"]) == (instance_digest(made), made.citation, "small.npz")
    verified = json.loads(twolayer_cli("instance verify small.npz --json").out)
    assert (verified["accepted"], verified["digest"], len(verified["checks"])) == (True, facts["digest"], 5)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("instance plnar -o f.npz", ["plnar", "planar"]),
        ("instance planar", ["--output"]),
        ("instance planar --widht 3 -o f.npz", ["--widht"]),
        ("instance planar --dim many -o f.npz", ["--dim", "integer"]),
        ("instance planar --dim 2 -o f.npz", ["dim", "at least 3", "2"]),
        ("instance planar --order 5 -o f.npz", ["order 5", "nearest", "4"]),
        ("instance planar --seed -1 -o f.npz", ["--seed"]),
        ("instance planar -o nowhere/f.npz", ["nowhere"]),
        ("instance verify", ["PATH"]),
        ("instance verify missing.npz", ["missing.npz"]),
    ],
)
def test_a_bad_request_is_refused_in_one_line_and_writes_nothing(twolayer_cli, tmp_path, command, words):
    outcome = twolayer_cli(command)
    assert_refused(outcome._replace(err=outcome.err.replace("path", "PATH")), *words)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_made(twolayer_cli, monkeypatch):
    monkeypatch.setattr("twolayer.papers.families.make_instance", None)
    assert_refused(twolayer_cli("instance planar -o nowhere/f.npz"), "nowhere")


def test_a_changed_file_is_refused_and_says_what_differs(twolayer_cli):
    assert twolayer_cli(SMALL).code == 0
    with np.load("small.npz") as file:
        entries = {name: file[name] for name in file.files}
    entries["y"][4] += 1.0
    np.savez("small.npz", **entries)
    for command in ("instance verify small.npz", "instance verify small.npz --json"):
        assert_refused(twolayer_cli(command), "small.npz", "digest")


# --- theory ---


@pytest.fixture
def network_cli(twolayer_cli):
    """The command line, in a folder with a network of which every paper speaks."""
    drawn = orthogonal(6, 3, activation="relu", rng=1)
    TwoLayerNetwork(np.ones(3), drawn.W / np.linalg.norm(drawn.W, axis=1, keepdims=True)).save("network.npz")
    return twolayer_cli


@pytest.mark.parametrize("paper", THEORIES)
def test_theory_prints_the_quantities_of_the_paper(network_cli, paper):
    expected = THEORIES[paper](TwoLayerNetwork.load("network.npz"))
    outcome = network_cli(f"theory {paper} network.npz")
    assert (outcome.code, outcome.err) == (0, "")
    assert all(name in outcome.out for name in expected)
    outcome = network_cli(f"theory {paper} network.npz --json")
    found = json.loads(outcome.out)
    assert (outcome.code, outcome.err, list(found)) == (0, "", list(expected))
    numbers = {name: value for name, value in expected.items() if isinstance(value, float) and np.isfinite(value)}
    assert len(numbers) >= 5
    assert {name: found[name] for name in numbers} == numbers


def test_quantities_are_those_known_of_orthonormal_relu_units(network_cli):
    """κ = λ = 1, ρ = 1/4 − 1/2π; δ = 0; a risk of the constant of r (1/2 − 1/2π), units of norm one on d = 6 inputs."""
    zhong = json.loads(network_cli("theory zhong2017recovery network.npz --json").out)
    assert (zhong["condition"], zhong["volume"]) == (pytest.approx(1), pytest.approx(1))
    assert zhong["rho"] == pytest.approx(1 / 4 - 1 / (2 * np.pi), rel=1e-12)
    assert zhong["smallest_eigenvalue"] == pytest.approx(1 / 4 - 1 / (2 * np.pi), rel=1e-9)
    mondelli = json.loads(network_cli("theory mondelli2019connection network.npz --json").out)
    assert mondelli["delta"] < 1e-12
    assert mondelli["epsilon"] == pytest.approx(6**-0.5)
    assert mondelli["constant_risk"] == pytest.approx(3 * (1 / 2 - 1 / (2 * np.pi)), rel=1e-9)
    estimates = theorem2(TwoLayerNetwork.load("network.npz"), 6**-0.5, 3)
    assert (mondelli["c2"], mondelli["theorem2_bound"]) == (pytest.approx(estimates.c2), pytest.approx(estimates.bound))
    lecture = json.loads(network_cli("theory e2021hardness network.npz --json").out)
    assert lecture["path_norm"] == pytest.approx(TwoLayerNetwork.load("network.npz").path_norm())


EXTREME = {
    "large": (1e200, 1.0, None, "relu"),
    "large squares": (1e200, 1.0, None, "squared_relu"),
    "steep": (1e5, 1.0, None, "tanh"),
    "steep in a plane": (300.0, 1.0, None, "tanh"),
    "steeper than any": (1.0, 1.0, None, "scaled(tanh,1e300)"),
    "small": (1e-300, 1.0, None, "relu"),
    "small and smooth": (1e-300, 1.0, None, "tanh"),
    "large outputs": (1.0, 1e308, None, "relu"),
    "large biases": (1.0, 1.0, 1e308, "softplus"),
    "zero": (0.0, 1.0, None, "relu"),
}


@pytest.mark.parametrize("paper", THEORIES)
@pytest.mark.parametrize("kind", EXTREME)
def test_of_an_extreme_network_a_paper_says_what_it_can_or_one_sentence(twolayer_cli, paper, kind):
    scale, a, bias, activation = EXTREME[kind]
    W = scale * np.random.default_rng(0).standard_normal((2, 3))
    TwoLayerNetwork(np.full(2, a), W, None if bias is None else [bias, -bias], activation).save("extreme.npz")
    outcome = twolayer_cli(f"theory {paper} extreme.npz --json")
    if outcome.code:
        assert_refused(outcome)
    else:
        assert json.loads(outcome.out)


@pytest.mark.parametrize("paper", ["mondelli2019connection", "zhong2017recovery"])
def test_weights_too_large_to_be_squared_are_refused_by_their_size(twolayer_cli, paper):
    TwoLayerNetwork([1.0, 1.0], 1e200 * np.eye(3)[:2]).save("large.npz")
    assert_refused(twolayer_cli(f"theory {paper} large.npz"), "W must be at most 1e+150 in magnitude, found 1e+200")


def test_no_compiled_library_complains_of_large_weights_on_standard_output(twolayer_cli):
    W = 1e200 * np.random.default_rng(0).standard_normal((3, 5))
    TwoLayerNetwork(np.ones(3), W).save("large.npz")
    command = [sys.executable, "-m", "twolayer", "theory", "mondelli2019connection", "large.npz", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


def test_of_a_network_without_units_no_paper_makes_a_traceback(twolayer_cli):
    TwoLayerNetwork([], np.zeros((0, 3))).save("empty.npz")
    for paper in THEORIES:
        outcome = twolayer_cli(f"theory {paper} empty.npz --json")
        assert outcome.code in (0, 2)
    assert_refused(twolayer_cli("theory daniely2020hardness empty.npz"), "found none")


def test_what_is_too_steep_for_a_quadrature_is_refused_before_it_takes_memory(twolayer_cli):
    for norm, activation in ((300.0, "tanh"), (1e4, "sigmoid")):
        TwoLayerNetwork([1.0, 1.0], norm * np.eye(3)[:2], activation=activation).save("steep.npz")
        assert_refused(twolayer_cli("theory zhong2017recovery steep.npz"), f"weights of norm {norm:.3g}", "too steep")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("theory zhong network.npz", ["zhong", *THEORIES]),
        ("theory zhong2017recovery missing.npz", ["missing.npz"]),
        ("theory zhong2017recovery biased.npz", ["biases"]),
        ("theory daniely2020hardness biased.npz", ["daniely2020hardness", "biases"]),
        ("theory zhong2017recovery", ["network"]),
    ],
)
def test_a_paper_that_does_not_speak_of_the_network_says_so(network_cli, command, words):
    TwoLayerNetwork([1.0, 2.0], np.eye(3)[:2], [0.1, 0.2]).save("biased.npz")
    outcome = network_cli(command)
    assert_refused(outcome._replace(err=outcome.err.replace("NETWORK", "network")), *words)
