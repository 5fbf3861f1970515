"""The figures on daniely2020hardness: learners on planted samples, norms beside their bounds."""

import msgspec
import numpy as np
import pytest

from legends import is_inside
from twolayer.experiments.table import Table
from twolayer.papers.daniely2020hardness.figures import LEARNING, NORMS
from twolayer.papers.daniely2020hardness.instances import RANDOM_NETWORK, SIGN_CNN, MajorityVote
from twolayer.papers.daniely2020hardness.theory import norm_bound

NAIVE = {"kind": "naive sign-CNN", "learner": "majority vote", "n": 300, "trial": 0, "variables": 40, "fresh": 400}


def test_a_learner_sees_the_first_rows_and_is_judged_on_the_others():
    (row,) = LEARNING.run_cell(NAIVE, np.random.default_rng(12))
    options = {"clause_size": 3, "clauses": 3, "width": 3, "planting": "uniform", "samples": 700, "variables": 40}
    X, y, _, _ = SIGN_CNN.draw(np.random.default_rng(12), **{**SIGN_CNN.defaults, **options})
    predicted = MajorityVote(41).fit(X[:300], y[:300]).predict(X[300:])
    assert row["error"] == pytest.approx(float(np.mean((predicted - y[300:]) ** 2)), rel=1e-12)
    assert 0 < row["error"] < row["constant"] == pytest.approx(float(y[300:].var()), rel=1e-12)


@pytest.mark.parametrize("learner", ["least squares", "TwoLayerRegressor", "MLPRegressor"])
def test_learners_learn_the_easy_twin_and_come_out_the_same_again(learner):
    cell = NAIVE | {"kind": "easy twin", "learner": learner}
    (row,), (again,) = (LEARNING.run_cell(cell, np.random.default_rng(13)) for _ in range(2))
    assert row == again
    assert row["error"] < 0.8 * row["constant"]


def test_learners_of_a_kind_share_their_samples_and_the_vote_needs_patches():
    cells = LEARNING.cells(LEARNING.smoke)
    assert LEARNING.paired == ("learner",)
    voted = {cell["kind"] for cell in cells if cell["learner"] == "majority vote"}
    assert voted == {cell["kind"] for cell in cells} - {"balanced random network"}
    assert len(cells) == 2 * (4 * 4 - 1)


def learned(errors):
    rows = [
        {**NAIVE, "kind": kind, "learner": learner, "error": error, "constant": 0.25}
        for kind, error in errors.items()
        for learner in ("least squares", "MLPRegressor")
    ]
    return Table.from_rows(rows, LEARNING.columns)


def test_the_verdict_on_learning_goes_both_ways():
    hard, easy = "balanced sign-CNN", "easy twin"
    assert LEARNING.verdict(learned({hard: 0.26, easy: 0.05})).endswith(
        "So nothing is learned of what is planted with care and the easy twin is learned; these are small sizes."
    )
    assert "0.260 (least squares; a constant has 0.250)" in LEARNING.verdict(learned({hard: 0.26, easy: 0.05}))
    assert "So something is learned of what is planted with care" in LEARNING.verdict(learned({hard: 0.05, easy: 0.05}))
    assert "the easy twin is not learned, not as claimed" in LEARNING.verdict(learned({hard: 0.26, easy: 0.26}))


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        ("balanced sign-CNN", 0.26, ". So nothing is learned of what is planted with care; these are small sizes."),
        ("easy twin", 0.05, ". So the easy twin is learned; these are small sizes."),
        ("naive sign-CNN", 0.05, "is here, so that this says nothing of the claim."),
    ],
)
def test_the_verdict_on_learning_is_silent_on_what_was_not_measured(kind, error, words):
    assert LEARNING.verdict(learned({kind: error})).endswith(words)


def test_norms_are_those_of_the_inputs_over_the_bounds_of_the_theory():
    cell = {"architecture": "fully connected", "law": "sphere", "variables": 40, "trial": 0, "samples": 50}
    (row,) = NORMS.run_cell(cell, np.random.default_rng(14))
    options = {"clause_size": 4, "clauses": 9, "width": 9, "law": "sphere", "variables": 40, "samples": 50}
    X, _, _, _ = RANDOM_NETWORK.draw(np.random.default_rng(14), **{**RANDOM_NETWORK.defaults, **options})
    dense = X if isinstance(X, np.ndarray) else X.toarray()
    longest = max(np.sqrt(np.sum(x**2)) for x in dense)
    bound = norm_bound("fully_connected", "sphere", dense.shape[1], scale=1.0, epsilon=0.5)
    assert row["dim"] == dense.shape[1] == 369
    assert row["largest_norm"] == pytest.approx(longest, rel=1e-12)
    assert row["over_printed"] == pytest.approx(longest / bound.value, rel=1e-12)
    assert row["over_derived"] == pytest.approx(longest / bound.derived, rel=1e-12)


def normed(printed):
    rows = [
        {"architecture": "convolutional", "law": law, "variables": 40, "dim": 369, "trial": 0, "largest_norm": 10.0,
         "over_printed": ratio, "over_derived": 0.1}
        for law, ratio in printed.items()
    ]  # fmt: skip
    return Table.from_rows(rows, NORMS.columns)


def test_the_verdict_on_norms_names_those_that_are_longer():
    said = NORMS.verdict(normed({"sign": 0.5, "sphere": 20.0}))
    assert said == (
        "The bound as printed does not hold: 50% of 2 samples are within it; longer in the median: convolutional"
        " sphere."
        " The bound as derived holds: 100% of 2 samples are within it."
    )
    assert "longer in the median" not in NORMS.verdict(normed({"sign": 0.5, "sphere": 0.9}))


@pytest.mark.parametrize(
    ("figure", "table"),
    [
        (LEARNING, learned({"balanced sign-CNN": 0.26, "easy twin": 0.05})),
        (NORMS, normed({"sign": 0.5, "sphere": 2.0})),
    ],
    ids=["learning", "norms"],
)
def test_every_axis_is_labelled(figure, table):
    assert is_inside(figure.plot(table))
    panels = figure.plot(table).axes
    assert len(panels) == 2
    for axes in panels:
        assert axes.get_xlabel()
        assert axes.get_ylabel()
        assert axes.get_title()


def test_one_panel_has_room_for_its_legend():
    assert is_inside(LEARNING.plot(learned({"balanced sign-CNN": 0.26})))
    assert is_inside(NORMS.plot(normed(dict.fromkeys(["normal", "uniform", "sign", "gaussian", "sphere"], 0.5))))


def test_too_few_variables_for_the_clauses_are_refused():
    with pytest.raises(msgspec.ValidationError, match=r">= 36.*variables"):
        msgspec.convert({"samples": [100], "trials": 1, "variables": 35}, LEARNING.config)
