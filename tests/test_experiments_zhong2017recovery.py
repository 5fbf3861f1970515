"""The experiments of zhong2017recovery: what is measured, and what the sentences make of it."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from twolayer.experiments import Table
from twolayer.papers.figures import FIGURES, figure_named
from twolayer.papers.zhong2017recovery.figures import (
    ACTIVATION_PROPERTIES,
    CONVERGENCE,
    INITIALIZATION_ERROR,
    RECOVERY_RATE,
)
from twolayer.papers.zhong2017recovery.figures.activations import THEOREM
from twolayer.papers.zhong2017recovery.figures.convergence import descent
from twolayer.papers.zhong2017recovery.figures.initialization_error import bottleneck_error
from twolayer.papers.zhong2017recovery.theory import empirical_gradient, empirical_risk
from twolayer.teachers import conditioned, gaussian_samples

# --- Figure 1(a) ---


def rate_table(rate, dims=(10, 20, 40), samples=(1000, 2000, 3000, 4000)):
    """Two trials a size; `rate(d, n)` of them recover."""
    cells = [(d, n, trial) for d in dims for n in samples for trial in range(2)]
    recovered = [trial < 2 * rate(d, n) for d, n, trial in cells]
    d, n, trial = zip(*cells, strict=True)
    error = np.where(recovered, 1e-9, np.inf)
    return Table({"method": ["auto"] * len(d), "d": d, "n": n, "trial": trial, "error": error, "recovered": recovered})


def test_the_paper_size_is_the_papers():
    config = RECOVERY_RATE.paper
    assert (config.dims, config.samples) == (tuple(range(10, 110, 10)), tuple(range(1000, 11_000, 1000)))
    assert (config.trials, config.width, config.kappa, config.step_size) == (10, 5, 2.0, 0.02)
    assert len(RECOVERY_RATE.cells(config)) == 2 * 1000


@pytest.mark.parametrize("method", ["auto", "zhong2017recovery"])
def test_an_easy_network_is_recovered(method):
    cell = next(cell for cell in RECOVERY_RATE.cells(RECOVERY_RATE.paper) if cell["method"] == method)
    (row,) = RECOVERY_RATE.run_cell({**cell, "n": 4000, "width": 2}, np.random.default_rng(3))
    assert row["recovered"]
    assert row["error"] < 1e-4


def test_few_steps_are_not_enough_for_the_papers_algorithm():
    cell = {**RECOVERY_RATE.cells(RECOVERY_RATE.paper)[0], "n": 4000, "width": 2}
    cell["descent"] = {**cell["descent"], "max_steps": 1}
    (row,) = RECOVERY_RATE.run_cell(cell, np.random.default_rng(3))
    assert not row["recovered"]
    assert row["error"] > 0.01


def test_a_limit_proportional_to_the_dimension_is_said_to_agree():
    said = RECOVERY_RATE.verdict(rate_table(lambda d, n: float(n >= 100 * d)))
    assert "from n = 1000 on at d = 10; from n = 2000 on at d = 20; from n = 4000 on at d = 40" in said
    assert said.endswith(
        "grows like d^1.00, which agrees with the paper's d^1 (exponents from 0.6 to 1.4 count as agreement)."
    )


def test_a_limit_that_grows_otherwise_is_said_to_disagree():
    assert "grows like d^0.25, which does not agree" in RECOVERY_RATE.verdict(
        rate_table(lambda d, n: float(n >= 1000 * (d / 10) ** 0.25), dims=(10, 20, 160), samples=(1000, 1190, 2000))
    )


def test_full_recovery_and_none_are_said_plainly():
    assert "100.0% of 24 trials, every one at each of the 12 sizes" in RECOVERY_RATE.verdict(rate_table(lambda *_: 1))
    said = RECOVERY_RATE.verdict(rate_table(lambda *_: 0.5))
    assert "recovers 50.0%" in said
    assert "from no n here on at d = 10, 20, 40" in said


def test_a_size_that_is_recovered_by_luck_is_no_limit():
    said = RECOVERY_RATE.verdict(rate_table(lambda _, n: float(n != 2000), dims=(10,)))
    assert "from n = 3000 on at d = 10" in said


# --- Figure 1(b) ---


def test_the_bottleneck_error_is_the_least_over_all_permutations(rng):
    for size in (1, 2, 5):
        W, What = rng.standard_normal((2, size, 4))
        norms = np.linalg.norm(W, axis=1)
        slow = min(
            max(np.linalg.norm(W[j] - What[p[j]]) / norms[j] for j in range(size)) for p in permutations(range(size))
        )
        assert bottleneck_error(What, W) == pytest.approx(slow, rel=1e-12)


def test_the_error_of_the_initialisation_falls_with_the_samples():
    cell = INITIALIZATION_ERROR.cells(INITIALIZATION_ERROR.paper)[0] | {"width": 2}
    few, many = (
        np.mean(
            [INITIALIZATION_ERROR.run_cell({**cell, "n": n}, np.random.default_rng(k))[0]["error"] for k in range(5)]
        )
        for n in (500, 8_000)
    )
    assert many < few / 2


@pytest.mark.parametrize(("power", "words"), [(1.0, "d^1.00, which agrees"), (3.0, "d^3.00, which does not agree")])
def test_the_growth_of_the_samples_is_read_off_the_errors(power, words):
    cells = [(d, n) for d in (10, 20, 40) for n in (1000, 2000, 4000)]
    d, n = np.array(cells).T
    table = Table({"d": d, "n": n, "trial": 0 * d, "error": np.sqrt(d**power / n), "wrong_sum": n == 1000})
    said = INITIALIZATION_ERROR.verdict(table)
    assert words in said
    assert "(exponents from 0.6 to 1.4 count as agreement)." in said
    assert "In 3 of 9 trials, at 3 of 9 sizes, Σv is wrong" in said
    assert INITIALIZATION_ERROR.condense(table)["wrong_sums"].sum() == 3


# --- Figure 1(c) ---


def test_the_descent_takes_the_steps_of_the_risk(rng):
    truth = conditioned(4, 3, rng=rng)
    X, y = gaussian_samples(truth, 60, rng)
    start = replace(truth, W=truth.W + 0.1 * rng.standard_normal(truth.W.shape))
    after = replace(start, W=start.W - 0.02 * empirical_gradient(start, X, y))
    expected = [2 * empirical_risk(network, X, y) / np.mean(y * y) for network in (start, after)]
    np.testing.assert_allclose(list(descent(start, X, y, 0.02, 1, both=False)), expected, rtol=1e-12)


def test_the_descent_on_both_moves_the_output_weights_down_their_slope(rng):
    truth = conditioned(4, 3, rng=rng)
    X, y = gaussian_samples(truth, 60, rng)
    start = replace(truth, W=truth.W + 0.1 * rng.standard_normal(truth.W.shape), a=truth.a * 1.1)
    h = 1e-6
    slope = [
        (
            empirical_risk(replace(start, a=start.a + h * e), X, y)
            - empirical_risk(replace(start, a=start.a - h * e), X, y)
        )
        / (2 * h)
        for e in np.eye(3)
    ]
    after = replace(start, W=start.W - 0.02 * empirical_gradient(start, X, y), a=start.a - 0.02 * np.array(slope))
    found = list(descent(start, X, y, 0.02, 1, both=True))
    assert found[1] == pytest.approx(2 * empirical_risk(after, X, y) / np.mean(y * y), rel=1e-6)


def test_a_descent_that_blows_up_ends(rng):
    truth = conditioned(4, 3, rng=rng)
    X, y = gaussian_samples(truth, 60, rng)
    losses = list(descent(replace(truth, W=truth.W + 1), X, y, 10.0, 100, both=True))
    assert 2 <= len(losses) < 100
    assert np.isfinite(losses).all()


def curves(**lasts):
    """One trial a start, that ends at a loss after so many steps."""
    rows = [(start, 0, step, loss) for start, (last, loss) in lasts.items() for step in range(last + 1) if step == last]
    start, trial, step, loss = zip(*rows, strict=True)
    return Table({"start": start, "trial": trial, "step": step, "loss": loss})


@pytest.mark.parametrize(
    ("lasts", "words"),
    [
        ({"tensor": (50, 1e-9), "random": (500, 0.3), "random_W": (90, 1e-9), "auto": (5, 1e-30)}, "agrees with the"),
        ({"tensor": (50, 0.1), "random": (500, 0.3), "random_W": (90, 1e-9)}, "(I) does not always converge"),
        ({"tensor": (95, 1e-9), "random": (500, 0.3), "random_W": (90, 1e-9)}, "(I) is not the fastest"),
        ({"tensor": (50, 1e-9), "random": (80, 1e-8), "random_W": (90, 1e-9)}, "(II) converges at times"),
        ({"tensor": (50, 1e-9), "random": (500, 0.3), "random_W": (90, 0.1)}, "(III) does not converge"),
        ({"tensor": (50, 1e-9), "random": (500, 0.3), "random_W": (90, 1e-9)}, "Too few steps are below 1e-06 to tell"),
        ({"tensor": (50, 1e-9)}, "Not all of the paper's starts"),
        ({"random": (3, 1e9)}, "0 of 1 trials reach 1e-06, and 1 diverge"),
    ],
)
def test_convergence_is_put_into_words(lasts, words):
    assert words in CONVERGENCE.verdict(curves(**lasts))


def followed(exponent=1.0, stalled=0.5):
    """(I) and two trials of (III) of which the logarithm falls like a power of the steps; a third (III), and a (II)."""
    falls = [("tensor", 0), ("random_W", 0), ("random_W", 1)]
    rows = [
        (*trial, step, np.exp(-14 - 40 * (step / 800) ** exponent)) for trial in falls for step in range(1, 800, 10)
    ]
    start, trial, step, loss = zip(*rows, ("random_W", 2, 800, stalled), ("random", 0, 800, 0.5), strict=True)
    return CONVERGENCE.verdict(Table({"start": start, "trial": trial, "step": step, "loss": loss}))


def test_a_single_trial_of_the_third_start_that_stalls_is_named():
    assert followed().endswith("Unlike in the paper, (III) does not always converge in these steps.")
    assert followed(stalled=1e-9).endswith("counts as linear. That agrees with the paper.")


@pytest.mark.parametrize(("exponent", "is_linear"), [(0.5, False), (0.8, True), (1.3, True), (2.0, False)])
def test_whether_the_rate_is_linear_is_read_off_the_losses(exponent, is_linear):
    said = followed(exponent, stalled=1e-9)
    assert ("(I) does not always end with a linear rate" not in said) is is_linear
    assert ("(III) does not always end with a linear rate" not in said) is is_linear


def test_the_default_comes_to_rounding_in_few_steps():
    cells = CONVERGENCE.cells(CONVERGENCE.smoke)
    rows = CONVERGENCE.run_cell(next(cell for cell in cells if cell["start"] == "auto"), np.random.default_rng(0))
    assert rows[-1]["loss"] < 1e-25
    assert len(rows) < 60


# --- Theorem 3.5 ---


def test_the_table_of_the_theorem_comes_out():
    rows = [
        {**cell, **row}
        for cell in ACTIVATION_PROPERTIES.cells(ACTIVATION_PROPERTIES.paper)
        for row in ACTIVATION_PROPERTIES.run_cell(cell, np.random.default_rng(0))
    ]
    table = Table.from_rows(rows, ACTIVATION_PROPERTIES.columns)
    assert len(table.where(as_in_theorem="yes")) == len(THEOREM)
    assert "all 8 have the properties" in ACTIVATION_PROPERTIES.verdict(table)
    changed = Table(
        {**{name: table[name] for name in table.columns}, "as_in_theorem": ["no"] + ["yes"] * (len(table) - 1)}
    )
    assert "relu differ from what it says" in ACTIVATION_PROPERTIES.verdict(changed)
    said = ACTIVATION_PROPERTIES.verdict(table.where(as_in_theorem="not in the theorem"))
    assert said.startswith("None of these activations is one that the theorem names. Of 6 others, all three hold for")


# --- what they draw ---


@pytest.mark.parametrize("name", [name for name in FIGURES if name.startswith("zhong2017recovery")])
def test_every_axis_is_labelled(name):
    tables = {
        "zhong2017recovery-1a": rate_table(lambda *_: 0.5),
        "zhong2017recovery-1b": Table({"d": [1], "n": [2], "trial": [0], "error": [0.5], "wrong_sum": [True]}),
        "zhong2017recovery-1c": curves(tensor=(50, 1e-9), auto=(3, 1e-20)),
        "zhong2017recovery-theorem-3-5": Table(
            {"activation": ["relu"], "growth": [True], "nonlinearity": [False], "smoothness": [True]}
        ),
    }
    picture = figure_named(name).plot(tables[name])
    for axes in picture.axes:
        assert axes.get_ylabel()
        assert axes.get_xlabel() or axes.get_label() == "<colorbar>"
