"""The figure of mondelli2019connection: its descent is the paper's, sample by sample."""

import msgspec
import numpy as np
import pytest

from legends import is_inside
from twolayer.experiments.table import Table
from twolayer.papers.mondelli2019connection.figures import GENERALISATION
from twolayer.papers.mondelli2019connection.figures.descent import Descent
from twolayer.papers.mondelli2019connection.figures.generalisation import cells, run_cell
from twolayer.teachers import haar_blocks

STEP_SIZES = np.array([1e-3, 5e-3, 2e-3])


@pytest.fixture
def problem():
    """Weights to begin with, samples, and labels that differ from curve to curve."""
    rng = np.random.default_rng(1)
    W = rng.standard_normal((13, 7)) / np.sqrt(7)
    return W, rng.standard_normal((300, 7)), 3 * rng.standard_normal((300, 3))


def literal_descent(W, X, y, step_size, slope):
    """The update of the paper, one sample after another, on ½(ŷ − y)², and the mean of all weights so far."""
    W, total, errors = W.copy(), np.zeros_like(W), []
    for t, (x, label) in enumerate(zip(X, y, strict=True)):
        total += W
        errors.append(sum(np.tanh(slope * w @ x) for w in total / (t + 1)) - label)
        residual = sum(np.tanh(slope * w @ x) for w in W) - label
        gradient = np.array([residual * slope * (1 - np.tanh(slope * w @ x) ** 2) * x for w in W])
        W = W - step_size * gradient
    return W, total / len(X), np.array(errors)


@pytest.mark.parametrize("slope", [2.5, 0.7])
def test_every_curve_is_the_literal_loop_to_rounding(problem, slope):
    W, X, Y = problem
    descent = Descent.started(W, STEP_SIZES, slope=slope, dtype=np.float64)
    errors = np.vstack([descent.run(X[:110], Y[:110]), descent.run(X[110:], Y[110:])])
    assert descent.steps == len(X)
    for curve, step_size in enumerate(STEP_SIZES):
        weights, average, expected = literal_descent(W, X, Y[:, curve], step_size, slope)
        assert np.abs(weights - W).max() > 0.05  # it moved
        np.testing.assert_allclose(descent.weights[curve], weights, rtol=0, atol=1e-13)
        np.testing.assert_allclose(descent.averages[curve], average, rtol=0, atol=1e-13)
        np.testing.assert_allclose(errors[:, curve], expected, rtol=0, atol=1e-12)


def test_single_precision_within_a_block_changes_nothing_that_shows(problem):
    W, X, Y = problem
    exact, single = (Descent.started(W, STEP_SIZES, dtype=dtype) for dtype in (np.float64, np.float32))
    errors = exact.run(X, Y)
    np.testing.assert_allclose(single.run(X, Y), errors, rtol=0, atol=1e-4)
    np.testing.assert_allclose(single.averages, exact.averages, rtol=0, atol=1e-5)


def test_curves_too_many_for_the_cache_go_in_groups_and_come_out_the_same():
    rng = np.random.default_rng(2)
    W, X = rng.standard_normal((700, 5)) / np.sqrt(5), rng.standard_normal((50, 5))
    Y = 10 * rng.standard_normal((50, 4))
    sizes = np.array([1e-4, 2e-4, 3e-4, 4e-4])
    together = Descent.started(W, sizes, dtype=np.float64)
    errors = together.run(X, Y)
    for curve in range(4):
        alone = Descent.started(W, sizes[curve : curve + 1], dtype=np.float64)
        np.testing.assert_allclose(alone.run(X, Y[:, curve : curve + 1])[:, 0], errors[:, curve], rtol=0, atol=1e-11)
        np.testing.assert_allclose(alone.weights[0], together.weights[curve], rtol=0, atol=1e-13)


CELL = {
    "law": "haar_blocks", "r": 6, "trial": 0, "d": 3, "n": 90, "window": 30, "records": 2,
    "learner": "descent", "relative_step_sizes": [0.1, 0.4], "rows": 0,
}  # fmt: skip


def test_a_cell_is_the_descent_on_samples_drawn_at_once_with_errors_summed_over_windows():
    rows = run_cell(CELL, np.random.default_rng(7))
    rng = np.random.default_rng(7)
    start = rng.spawn(1)[0].standard_normal((6, 3)) / np.sqrt(3)
    truth = haar_blocks(3, 6, "scaled(tanh,2.5)", rng)
    X = rng.standard_normal((90, 3))
    y = truth(X)
    assert [(row["step_size"], row["samples"]) for row in rows] == [
        (pytest.approx(s / 18), samples) for samples in (30, 90) for s in (0.1, 0.4)
    ]
    for row in rows:
        seen = row["samples"]
        _, average, errors = literal_descent(start, X[:seen], y[:seen], row["step_size"], 2.5)
        last = slice(seen - 30, seen)
        assert row["generalisation_error"] == pytest.approx(sum(errors[last] ** 2) / sum(y[last] ** 2), rel=1e-4)
        distances = np.array([[np.sum((v - w) ** 2) for w in truth.W] for v in average])
        both_ways = (distances.min(axis=0).mean() + distances.min(axis=1).mean()) / 2
        assert row["weight_error"] == pytest.approx(both_ways, rel=1e-5)


def test_the_default_sees_the_first_of_the_same_samples_and_finds_the_same_network():
    cell = CELL | {"learner": "default", "relative_step_sizes": [], "rows": 240}
    differs = {name for name in cell if cell[name] != CELL[name]}
    assert differs == set(GENERALISATION.paired)
    (row,) = run_cell(cell, np.random.default_rng(7))
    assert row["certified"]
    assert row["samples"] == 240
    assert row["weight_error"] < 1e-20
    assert row["generalisation_error"] < 1e-20


def test_cells_of_many_units_have_few_step_sizes_and_together_all_of_them():
    config = msgspec.structs.replace(GENERALISATION.paper, laws=("haar_blocks",))
    by_width = {r: [c["relative_step_sizes"] for c in cells(config) if c["r"] == r] for r in config.widths}
    assert by_width[50][0] == list(config.relative_step_sizes)
    assert [len(steps) for steps in by_width[2500]] == [1, 1, 1]
    assert [c["rows"] for c in cells(config) if c["learner"] == "default"] == [25_500, 51_000, 178_500]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"widths": (50, 120)}, "widths must be multiples of d = 50"),
        ({"n": 5_000_001}, "n must be a multiple of window"),
        ({"records": 501}, "at least records times it"),
    ],
)
def test_a_configuration_without_meaning_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        msgspec.structs.replace(GENERALISATION.paper, **change)


def made_up(errors, learner="descent"):
    common = {"learner": learner, "law": "haar_blocks", "d": 10, "trial": 0, "step_size": 0.1, "certified": False}
    return [
        {
            **common,
            "r": r,
            "samples": samples,
            "generalisation_error": error * 1000 / samples,
            "weight_error": error / 2,
        }
        for r, error in errors.items()
        for samples in (500, 1000)
    ]


def test_the_verdict_says_whether_errors_grow_with_the_width():
    grow, fall = (
        Table.from_rows(made_up(errors), GENERALISATION.columns) for errors in ({10: 0.1, 30: 0.5}, {10: 0.5, 30: 0.1})
    )
    assert "0.1 and 0.05 at r = 10, 0.5 and 0.25 at r = 30; as in the paper" in GENERALISATION.verdict(grow)
    assert "unlike the paper's" in GENERALISATION.verdict(fall)
    assert "default" not in GENERALISATION.verdict(grow)
    default = made_up({10: 1e-30}, "default")[1:]
    assert "at r = 10, from the first 1000" in GENERALISATION.verdict(Table.from_rows(default, GENERALISATION.columns))


def test_the_verdict_names_the_widths_whose_best_step_size_is_at_an_edge():
    falling, rising, inside = (0.4, 0.3, 0.2), (0.2, 0.3, 0.4), (0.3, 0.2, 0.4)
    rows = [
        row | {"step_size": step_size / r, "generalisation_error": error, "weight_error": inside[place]}
        for r, errors in ((10, falling), (20, inside), (30, rising), (40, falling))
        for place, (step_size, error) in enumerate(zip((0.05, 0.1, 0.2), errors, strict=True))
        for row in made_up({r: 1.0})
    ]
    assert GENERALISATION.verdict(Table.from_rows(rows, GENERALISATION.columns)).endswith(
        "they do not both grow with r. The least relative generalisation error is at the largest step size tried at"
        " r = 10, 40, so that a larger one might do better. The least relative generalisation error is at the smallest"
        " step size tried at r = 30, so that a smaller one might do better."
    )


def test_every_panel_has_its_axes_labelled_and_a_curve_a_step_size():
    table = Table.from_rows(made_up({10: 0.1, 30: 0.5}) + made_up({10: 1e-30}, "default")[1:], GENERALISATION.columns)
    picture = GENERALISATION.plot(table)
    panels = picture.axes
    assert len(panels) == 4
    for axes in panels:
        assert axes.get_xlabel() == "samples seen"
        assert "error" in axes.get_ylabel()
        assert "r = " in axes.get_title()
    labels = [text.get_text() for text in picture.legends[0].get_texts()]
    default = "the default of this library, its error beside it"
    assert labels == ["descent, s = 10/(r d)", "best from ‖x‖ alone", default, "descent, s = 30/(r d)"]
    assert [text.get_text() for text in panels[0].texts] == ["1e-30"]
    assert is_inside(picture)
    assert is_inside(GENERALISATION.plot(table.where(r=10)))
