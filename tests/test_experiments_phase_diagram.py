"""The phase diagram and the frontier: the rivals descend on what they say, and the sentences follow the numbers."""

import numpy as np
import pytest

from twolayer.activation import activation
from twolayer.align import recovery_error
from twolayer.experiments import Table
from twolayer.papers.ours.frontier import FRONTIER
from twolayer.papers.ours.phase_diagram import PHASE_DIAGRAM
from twolayer.papers.ours.rivals import RIVALS, Residual, adam, restarted
from twolayer.teachers import gaussian_samples, random_units


@pytest.fixture
def problem(rng):
    X = rng.standard_normal((30, 4))
    return Residual(X, rng.standard_normal(30), 3, activation("tanh"))


def test_the_residual_is_that_of_the_network(problem, rng):
    z = problem.start(rng)
    difference = problem.network(z)(problem.X) - problem.y
    np.testing.assert_allclose(problem.value(z), difference / np.linalg.norm(problem.y), rtol=1e-13)


def test_the_jacobian_is_the_slope_of_the_residual(problem, rng):
    z, h = problem.start(rng), 1e-6
    slopes = [(problem.value(z + h * e) - problem.value(z - h * e)) / (2 * h) for e in np.eye(len(z))]
    np.testing.assert_allclose(problem.jacobian(z), np.transpose(slopes), atol=1e-9)


def test_the_gradient_is_that_of_the_jacobian(problem, rng):
    z = problem.start(rng)
    loss, gradient = problem.loss_and_gradient(z)
    assert loss == pytest.approx(problem.value(z) @ problem.value(z), rel=1e-13)
    np.testing.assert_allclose(gradient, 2 * problem.jacobian(z).T @ problem.value(z), atol=1e-14)


@pytest.mark.parametrize("name", RIVALS)
def test_each_rival_recovers_an_easy_network(name):
    truth = random_units(4, 2, rng=1)
    X, y = gaussian_samples(truth, 200, 2)
    found = restarted(name, X, y, 2, truth.activation, 10, np.random.default_rng(3))
    assert recovery_error(found, truth) < 1e-4


def test_the_first_step_of_adam_moves_every_parameter_by_the_rate(problem, rng):
    z = problem.start(rng)
    moved = adam(problem, z, steps=2) - z  # of which the last has the rate 0
    np.testing.assert_allclose(moved, -0.05 * np.sqrt(0.5) * np.sign(problem.loss_and_gradient(z)[1]), rtol=1e-6)


def test_more_starts_are_never_worse():
    truth = random_units(5, 5, rng=1)
    X, y = gaussian_samples(truth, 100, 2)
    losses = [
        np.sum((restarted("lbfgs", X, y, 5, truth.activation, starts, np.random.default_rng(3))(X) - y) ** 2)
        for starts in (1, 3, 6)
    ]
    assert losses[0] >= losses[1] >= losses[2]


def test_the_papers_algorithm_is_asked_for_no_more_units_than_inputs():
    wide = [cell["method"] for cell in PHASE_DIAGRAM.cells(PHASE_DIAGRAM.paper) if cell["width"] == 20]
    assert "zhong2017recovery" not in wide
    assert {"auto", "unlifted", "lbfgs", "levenberg_marquardt", "adam"} == set(wide)


@pytest.mark.parametrize("figure", [PHASE_DIAGRAM, FRONTIER], ids=lambda figure: figure.name)
def test_the_first_cell_is_easy(figure):
    cell = figure.cells(figure.smoke)[0]
    (row,) = figure.run_cell(cell, np.random.default_rng(0))
    assert row["recovered"]
    table = Table.from_rows([{**cell, **row}], figure.columns)
    for axes in figure.plot(table).axes:
        assert axes.get_ylabel()
        assert axes.get_xlabel() or axes.get_label() == "<colorbar>"


def phase_table(**shares):
    rows = [
        {"method": method, "width": 2, "ratio": 2.0, "trial": k, "recovered": k < share * 10}
        for method, share in shares.items()
        for k in range(10)
    ]
    return Table.from_rows(rows, rows[0])


def test_who_is_ahead_of_the_default_is_named():
    assert "behind none of them" in PHASE_DIAGRAM.verdict(phase_table(auto=0.9, lbfgs=0.4))
    said = PHASE_DIAGRAM.verdict(phase_table(auto=0.3, lbfgs=0.4, adam=0.1))
    assert "the default 30%, restarted L-BFGS 40%, restarted Adam 10%" in said
    assert said.endswith("The default is behind restarted L-BFGS.")


def test_the_verdict_says_from_which_ratio_on_half_are_recovered():
    rates = {"auto": (1.0, 0.25, 0.5, 1.0), "lbfgs": (0.0, 0.0, 0.0, 0.75), "adam": (1.0, 1.0, 1.0, 0.0)}
    rows = [
        {"method": method, "width": width, "ratio": ratio, "trial": k, "recovered": k < 4 * share}
        for method, shares in rates.items()
        for ratio, share in zip((1.5, 2.0, 4.0, 16.0), shares, strict=True)
        for width in (2, 5)
        for k in range(4)
    ]
    said = PHASE_DIAGRAM.verdict(Table.from_rows(rows, rows[0]))
    assert "samples per parameter on: the default 4, restarted L-BFGS 16, restarted Adam nowhere." in said


def test_the_frontier_is_the_widest_network_of_which_half_are_recovered():
    rates = {(100, 2): 1.0, (100, 4): 0.5, (100, 8): 0.25, (400, 2): 1.0, (400, 4): 1.0, (400, 8): 1.0, (50, 2): 0.0}
    rows = [
        {"has_bias": False, "d": 5, "n": n, "width": width, "recovered": k < 4 * rate, "certified": k < 1}
        for (n, width), rate in rates.items()
        for k in range(4)
    ]
    table = Table.from_rows(rows, rows[0])
    found = FRONTIER.condense(table)
    assert dict(zip(found["n"].tolist(), found["widest"].tolist(), strict=True)) == {100: 4, 400: 8, 50: 0}
    said = FRONTIER.verdict(table)
    assert "Without biases" in said
    assert "With biases" not in said
    assert "4 at n = 100, 8 (the widest tried) at n = 400, none at n = 50" in said
    assert "Of 7 certified networks, 1 differ from the planted one" in said
