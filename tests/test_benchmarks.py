"""The benchmarks: each script runs, and the peers minimise what they claim to."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from twolayer.activation import activation
from twolayer.network import TwoLayerNetwork

BENCHMARKS = Path(__file__).resolve().parent.parent / "benchmarks"
SCRIPTS = sorted(BENCHMARKS.glob("*.py"))
sys.path.append(str(BENCHMARKS))

import recovery  # noqa: E402
from contest.command import read, time_limit  # noqa: E402
from contest.least_squares import TARGET, Clock, LeastSquares  # noqa: E402
from contest.levenberg_marquardt import normal_equations  # noqa: E402
from contest.measurement import Measurement, measure, table  # noqa: E402
from contest.methods import ANY_ACTIVATION, METHODS, REFERENCE  # noqa: E402
from contest.problems import BIASED, BIASED_SMOKE, PROBLEMS, SMOKE  # noqa: E402

ACTIVATIONS = ["relu", "squared_relu"]
RUN = Measurement("p", REFERENCE, 0, 1.0, None, "reached", 0.5, 1e-20, 1e-9, 1)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_each_script_runs_on_a_small_scale(script, tmp_path):
    command = [sys.executable, "-W", "error", str(script), "--smoke"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "┏" in done.stdout
    assert not list(tmp_path.iterdir())


def small_problem(name: str, n: int = 60) -> tuple[LeastSquares, np.ndarray]:
    """A problem and a point where no preactivation is within the reach of a finite difference of its kink."""
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((n, 4)), rng.standard_normal(n)
    problem = LeastSquares(X, y, 3, activation(name), Clock())
    z = problem.start(rng)
    assert np.abs(X @ problem.split(z)[1].T).min() > 1e-4
    return problem, z


def residual(problem: LeastSquares, z: np.ndarray) -> np.ndarray:
    a, W = z[:3], z[3:].reshape(3, 4)
    return TwoLayerNetwork(a, W, activation=problem.activation)(problem.X) - problem.y


def central_differences(function, z: np.ndarray, step: float = 1e-6) -> np.ndarray:
    return np.stack([(function(z + e) - function(z - e)) / (2 * step) for e in step * np.eye(len(z))], axis=-1)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_gradient_of_the_peers_is_that_of_their_loss(name):
    problem, z = small_problem(name)
    loss, gradient = problem.loss_and_gradient(z)

    def relative_loss(at):
        return np.sum(residual(problem, at) ** 2) / np.sum(problem.y**2)

    assert loss == pytest.approx(relative_loss(z), rel=1e-14)
    assert problem.loss(z) == pytest.approx(relative_loss(z), rel=1e-14)
    np.testing.assert_allclose(gradient, central_differences(relative_loss, z), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_normal_equations_are_those_of_the_residual(name):
    problem, z = small_problem(name)
    J = central_differences(lambda at: residual(problem, at), z)
    energy = np.sum(problem.y**2)
    loss, g, H = normal_equations(problem, z)
    assert loss == pytest.approx(problem.loss(z), rel=1e-14)
    np.testing.assert_allclose(g, J.T @ residual(problem, z) / energy, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(np.tril(H), np.tril(J.T @ J) / energy, rtol=1e-7, atol=1e-9)


def test_many_blocks_of_rows_add_up_to_the_whole():
    problem, z = small_problem("squared_relu", n=60)
    X, y = np.tile(problem.X, (2500, 1)), np.tile(problem.y, 2500)
    many = LeastSquares(X, y, 3, problem.activation, Clock())
    assert len(list(many._blocks())) > 3
    assert many.loss(z) == pytest.approx(problem.loss(z), rel=1e-12)
    np.testing.assert_allclose(many.loss_and_gradient(z)[1], problem.loss_and_gradient(z)[1], rtol=1e-10, atol=1e-14)
    for ours, theirs in zip(normal_equations(many, z), normal_equations(problem, z), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_start_is_as_large_as_the_labels(name):
    problem, z = small_problem(name)
    assert np.std(residual(problem, z) + problem.y) == pytest.approx(np.std(problem.y), rel=1e-12)


@pytest.mark.parametrize(
    ("problem", "method"),
    [
        *((replace(SMOKE, activation=name), method) for name in ACTIVATIONS for method in ANY_ACTIVATION),
        *((BIASED_SMOKE, method) for method in METHODS),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_each_method_reaches_an_easy_goal(problem, method):
    run = measure(problem, method, seed=2, limit=60.0)
    assert run.outcome == "reached"
    assert run.error < (1e-3 if "4 m" in method else 1e-6)
    assert run.loss <= TARGET
    assert run.starts >= 1
    assert run.seconds_to_target <= run.seconds


@pytest.mark.parametrize(
    ("problem", "method"),
    [
        *(("relu-50-20-8000", method) for method in ANY_ACTIVATION if method != REFERENCE),
        *(("relu-10-5-20000-bias-1", method) for method in METHODS if method not in ANY_ACTIVATION),
    ],
)
def test_each_rival_stops_in_time(problem, method):
    run = measure((PROBLEMS | BIASED)[problem], method, seed=0, limit=0.1)
    assert run.outcome == "out of time"
    assert run.error is None
    assert run.loss > TARGET
    assert (
        run.seconds > 0.1
    )  # how far beyond the limit it stops, the machine says; that it stops, the time limit of a test


@pytest.mark.parametrize(("off", "outcome"), [(1e-7, "reached"), (1e-5, "wrong")])
def test_a_network_counts_by_its_distance_from_the_planted_one(off, outcome, monkeypatch):
    teacher, _, _ = SMOKE.draw(0)
    near = TwoLayerNetwork(teacher.a, (1 + off) * teacher.W, activation=teacher.activation)
    monkeypatch.setitem(METHODS, "near", lambda *_: near)
    assert measure(SMOKE, "near", 0).outcome == outcome


@pytest.mark.parametrize(("off", "outcome"), [(2e-4, "reached"), (5e-3, "wrong")])
def test_a_network_of_another_width_counts_by_its_predictions(off, outcome, monkeypatch):
    teacher, _, _ = BIASED_SMOKE.draw(0)
    halves = TwoLayerNetwork(
        (1 + off) * np.tile(teacher.a / 2, 2), np.tile(teacher.W, (2, 1)), np.tile(teacher.b, 2), "relu"
    )
    monkeypatch.setitem(METHODS, "halves", lambda *_: halves)
    run = measure(BIASED_SMOKE, "halves", 0)
    assert run.outcome == outcome
    assert 0.3 * off < run.error < 3 * off


def test_the_biases_of_the_peers_are_weights_of_an_input_that_is_one():
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((60, 4)), rng.standard_normal(60)
    problem = LeastSquares(X, y, 3, activation("relu"), Clock(), has_bias=True)
    z = problem.start(rng)
    network = problem.network(z)
    assert network.dim == 4
    assert (network.b != 0).all()
    assert problem.loss(z) == pytest.approx(np.sum((network(X) - y) ** 2) / np.sum(y**2), rel=1e-12)


def test_what_is_not_certified_is_given_up():
    run = measure(replace(SMOKE, n=14), REFERENCE, 0)
    assert (run.outcome, run.error) == ("gave up", None)


@pytest.mark.parametrize(("seconds", "given"), [(0.01, 5.0), (2.0, 20.0), (10.0, 60.0), (100.0, 100.0)])
def test_a_peer_is_given_as_long_as_the_reference_at_least(seconds, given):
    assert time_limit(seconds, most=60.0) == given


def printed(runs: list[Measurement]) -> list[list[str]]:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(table(runs))
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in capture.get().splitlines() if "│" in line]


def test_the_table_has_medians_over_the_seeds():
    references = [replace(RUN, seed=seed, seconds=seconds) for seed, seconds in enumerate((1.0, 2.0, 6.0))]
    peers = [replace(run, method="L-BFGS", seconds=4.0, seconds_to_target=0.25, limit=50.0) for run in references]
    ours, theirs = printed([*references, *peers])
    assert ours == ["p", "recover", "3/3", "2", "1", "0.5", "1", "1e-20", "1e-09", "1", "3"]
    assert theirs == ["p", "L-BFGS", "3/3", "4", "0.5", "0.25", "2", "1e-20", "1e-09", "1", "4"]


def test_the_table_states_a_bound_where_half_of_the_runs_did_not_end():
    references = [replace(RUN, seed=seed) for seed in range(3)]
    lost = {"method": "L-BFGS", "seconds": 10.0, "limit": 10.0, "outcome": "out of time", "loss": 1e-3, "error": None}
    one_lost = [replace(references[0], **lost), *(replace(run, method="L-BFGS") for run in references[1:])]
    two_lost = [*(replace(run, **lost) for run in references[:2]), replace(references[2], method="L-BFGS")]
    assert printed([*references, *one_lost])[1][2:7] == ["2/3", "1", "1", "0.5", "1"]
    assert printed([*references, *two_lost])[1][2:8] == ["1/3", "> 10", "< 0.1", "0.5", "< 0.05", "0.001"]
    assert printed([*references, *two_lost])[1][-1] == "21", "all seconds over the one success"


def test_runs_are_read_back_as_they_were_written(tmp_path, monkeypatch, capsys):
    path = str(tmp_path / "runs.jsonl")
    smoke = ["recovery.py", "--smoke", "--methods", "recover", "L-BFGS", "--output", path]
    monkeypatch.setattr(sys, "argv", smoke)
    recovery.main()
    where, runs = read(Path(path))
    assert {"machine", "versions", "threads", "load"} <= where.keys()
    assert [run.method for run in runs] == ["recover", "L-BFGS"]
    first = capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["recovery.py", "--read", path])
    recovery.main()
    assert capsys.readouterr().out == first
