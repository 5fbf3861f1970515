"""The figures on awasthi2021efficient: blind orders, widths beyond the inputs, large biases."""

import msgspec
import numpy as np
import pytest

from legends import is_inside
from twolayer.experiments.table import Table
from twolayer.network import TwoLayerNetwork
from twolayer.papers.awasthi2021efficient.figures import BIASES, LARGE_BIASES, WIDTHS
from twolayer.papers.awasthi2021efficient.figures.biases import unit_errors

FIGURES = [BIASES, WIDTHS, LARGE_BIASES]


def measured(figure, config=None):
    cells = figure.cells(config or figure.smoke)
    rows = [{**cell, **row} for cell in cells for row in figure.run_cell(cell, np.random.default_rng(11))]
    return Table.from_rows(rows, figure.columns)


@pytest.fixture(scope="module")
def tables():
    return {figure.name: measured(figure) for figure in FIGURES}


def test_errors_of_units_that_are_there_but_turned_round_scaled_or_missing():
    truth = TwoLayerNetwork([1.0, -1.0, 1.0], np.eye(3), [0.5, -0.5, 0.5], "relu")
    exact = unit_errors(truth, truth.a, -truth.W, -truth.b)
    assert exact == {"w_error": 0, "a_error": 0, "b_error": 0}
    off = unit_errors(truth, truth.a + 0.25, truth.W[::-1][::-1], truth.b + 0.125)
    assert off == {"w_error": 0, "a_error": 0.25, "b_error": 0.125}
    angle = 0.3
    turned = np.eye(3) * np.cos(angle) + np.eye(3)[[1, 2, 0]] * np.sin(angle)
    assert unit_errors(truth, truth.a, turned, truth.b)["w_error"] == pytest.approx(2 * np.sin(angle / 2), rel=1e-12)
    none = unit_errors(truth, np.zeros(0), np.zeros((0, 3)), np.zeros(0))
    assert none == {"w_error": pytest.approx(np.sqrt(2)), "a_error": 1, "b_error": np.inf}
    assert unit_errors(truth, np.full(3, np.nan), truth.W, truth.b)["a_error"] == np.inf


def test_each_order_is_blind_at_its_root_and_only_there(tables):
    table = tables[BIASES.name].where(n=10_000)
    error = {(row["method"], row["bias"]): row["w_error"] for row in table.rows()}
    assert error["order 3", 0.0] > 0.4
    assert error["order 4", 1.0] > 0.4
    for method, bias in (("order 4", 0.0), ("order 3", 1.0), ("both", 0.0), ("both", 1.0)):
        assert error[method, bias] < 0.1
    assert max(error["auto", bias] for bias in (0.0, 0.5, 1.0)) < 1e-10
    assert "as Lemma 4.3 says" in BIASES.verdict(tables[BIASES.name])


def test_one_number_of_samples_has_room_for_its_legend(tables):
    assert is_inside(BIASES.plot(tables[BIASES.name].where(n=10_000)))


def test_the_verdict_on_blindness_goes_the_other_way_too(tables):
    table = tables[BIASES.name]
    seen = Table({**{name: table[name] for name in table.columns}, "w_error": np.full(len(table), 0.1)})
    assert "not as Lemma 4.3" in BIASES.verdict(seen)


def test_without_the_roots_the_verdict_says_nothing_of_them(tables):
    said = BIASES.verdict(tables[BIASES.name].where(bias=2.0))
    assert "Lemma" not in said
    assert said.startswith("With 10000 samples. Up to |b| = 2 the paper's method misses")


def test_of_biases_that_were_not_measured_nothing_is_said(tables):
    table = tables[BIASES.name]
    large = Table({**{name: table[name] for name in table.columns}, "bias": np.full(len(table), 2.5)})
    assert BIASES.verdict(large) == "With 10000 samples. No |b| of at most 2 is here."
    assert "Up to |b| = 0.5 the paper's method" in BIASES.verdict(table.where(bias=0.5))


def test_the_default_learns_on_both_sides_of_as_many_units_as_inputs(tables):
    table = tables[WIDTHS.name]
    assert table.where(method="auto")["error"].max() < 1e-20
    assert table.where(method="auto")["learned"].all()
    faithful = table.where(method="awasthi2021efficient")
    assert faithful.where(width=2)["error"].max() < 0.05
    assert faithful.where(width=8)["error"].max() > faithful.where(width=2)["error"].max()
    said = WIDTHS.verdict(table)
    assert "The default of this library learns 100% of 4 trials with m ≤ d" in said
    assert "100% of 2 trials with m > d" in said


def test_each_side_of_as_many_units_as_inputs_is_judged_by_itself():
    sides = {"d": [6, 6], "width": [6, 8], "n": [4000] * 2, "trial": [0, 0], "error": [0.003, 0.2]}
    table = Table({"method": ["awasthi2021efficient"] * 2, **sides, "learned": [True, False]})
    assert WIDTHS.verdict(table) == (
        "The paper's algorithm learns 100% of 1 trials with m ≤ d (median error 0.003, as the paper says, at n = 4000)"
        " and 0% of 1 trials with m > d (median error 0.2, not as the paper says, at n = 4000)."
    )


def test_methods_of_a_figure_see_the_same_samples():
    cells = [cell for cell in WIDTHS.cells(WIDTHS.smoke) if (cell["width"], cell["trial"]) == (2, 0)]
    assert len(cells) == 2
    assert {name for name in cells[0] if cells[0][name] != cells[1][name]} == set(WIDTHS.paired)


def test_large_units_as_lines_cost_what_the_theory_says_and_the_paper_stays_within_two_more_units(tables):
    table = tables[LARGE_BIASES.name]
    affine = table.where(method="affine")
    assert (np.diff(np.log(affine["error"])) < -5).all()
    assert affine["units"].max() == 3
    assert table.where(method="awasthi2021efficient")["units"].max() <= 7
    assert "within the m + 2 = 7 of Claim D.14" in LARGE_BIASES.verdict(table)
    above = Table({**{name: table[name] for name in table.columns}, "units": np.full(len(table), 8)})
    assert "above the m + 2 = 7" in LARGE_BIASES.verdict(above)


@pytest.mark.parametrize(
    ("certified", "words"),
    [
        ((True, True, True), "certifies 100% of the networks."),
        ((False, False, True), "certifies 33% of the networks."),
        ((True, False, False), "33% of the networks, 100% at B = 2 and 0% at B = 6: a unit that is bent where"),
    ],
)
def test_what_is_said_of_certificates_follows_their_shares(tables, certified, words):
    table = tables[LARGE_BIASES.name]
    marked = [dict(zip((2.0, 4.0, 6.0), certified, strict=True))[bias] for bias in table["bias"].tolist()]
    changed = Table({**{name: table[name] for name in table.columns}, "certified": marked})
    assert words in LARGE_BIASES.verdict(changed)


@pytest.mark.parametrize(
    ("figure", "change", "message"),
    [
        (BIASES, {"width": 7}, "width must be at most d = 6, found 7"),
        (BIASES, {"samples": (50,)}, "samples must be at least 56 for d = 6, found 50"),
        (WIDTHS, {"widths": (22,)}, r"widths must be at most d\(d\+1\)/2 = 21, found 22"),
        (WIDTHS, {"n": 60}, "n must be at least 66"),
        (LARGE_BIASES, {"width": 9}, "width must be at most d = 8, found 9"),
        (LARGE_BIASES, {"n": 80}, "n must be at least 90"),
    ],
)
def test_a_configuration_without_meaning_is_refused(figure, change, message):
    with pytest.raises(ValueError, match=message):
        msgspec.structs.replace(figure.smoke, **change)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_every_axis_is_labelled_and_every_curve_has_its_name(figure, tables):
    picture = figure.plot(tables[figure.name])
    for axes in picture.axes:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        assert axes.get_title()
    assert is_inside(picture)
    names = {label for axes in picture.axes for label in axes.get_legend_handles_labels()[1]}
    assert "the default of this library" in names
