"""The wall: risk and errors are what they say, each method learns what is easy, the sentences follow the numbers."""

from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from twolayer.experiments import Table
from twolayer.hermite import gauss_hermite
from twolayer.network import TwoLayerNetwork
from twolayer.papers.ours.wall import CUBE, WALL, determined, risk_and_gradient
from twolayer.risk import population_risk
from twolayer.symtensor import packed_size, rank_one_sum
from twolayer.teachers import random_units


def cell(method, d, width, **work):
    return {"method": method, "d": d, "width": width, "trial": 0, "starts": 3, "steps": 1000, "ratio": 4.0, **work}


def measured(method, d, width, seed=0, **work):
    (row,) = WALL.run_cell(cell(method, d, width, **work), np.random.default_rng(seed))
    return row


def test_the_risk_is_the_mean_square_of_the_difference(rng):
    truth, V = random_units(3, 4, activation=CUBE, rng=rng), rng.standard_normal((5, 3))
    guess = TwoLayerNetwork(np.ones(5), V, activation=CUBE)
    value, _ = risk_and_gradient(V, rank_one_sum(truth.a, truth.W, 3))
    nodes, weights = gauss_hermite(8)  # exact for the degree, 6 in each input
    X = np.stack(np.meshgrid(nodes, nodes, nodes), axis=-1).reshape(-1, 3)
    mass = np.prod(np.meshgrid(weights, weights, weights), axis=0).ravel()
    assert value == pytest.approx(mass @ (truth(X) - guess(X)) ** 2, rel=1e-12)
    assert value == pytest.approx(population_risk(truth, guess).value, rel=1e-12)


def test_the_gradient_is_the_slope_of_the_risk(rng):
    V, W = rng.standard_normal((2, 4, 3))
    T = rank_one_sum(np.ones(4), W, 3)
    slope = approx_fprime(V.ravel(), lambda z: risk_and_gradient(z.reshape(4, 3), T)[0], 1e-7)
    np.testing.assert_allclose(risk_and_gradient(V, T)[1].ravel(), slope, rtol=1e-4, atol=1e-3)
    rounding = 100 * np.finfo(float).eps * np.linalg.norm(W, axis=1).max() ** 5  # of products of five factors
    assert np.abs(risk_and_gradient(W, T)[1]).max() < rounding


@pytest.mark.parametrize("method", ["decomposition", "descent", "samples"])
def test_each_method_finds_a_few_units_whole(method):
    row = measured(method, 5, 5)
    assert row["missed"] == 0
    assert row["error"] < 1e-6
    assert row["risk"] < 1e-12
    assert row["sure"] == (method != "descent")
    assert row["seconds"] > 0


def test_who_learns_nothing_has_a_risk_of_one(monkeypatch):
    def nothing(truth, *_):
        return TwoLayerNetwork(np.zeros(truth.width), truth.W, activation=CUBE), False

    monkeypatch.setitem(WALL.run_cell.__globals__["_LEARNERS"], "descent", nothing)
    row = measured("descent", 4, 3)
    assert row["missed"] == 1
    assert row["risk"] == pytest.approx(1, rel=1e-12)


def test_the_methods_are_given_the_same_network(monkeypatch):
    seen = []

    def keep(truth, *_):
        seen.append(truth.W.tobytes())
        return truth, False

    for method in ("decomposition", "samples"):
        monkeypatch.setitem(WALL.run_cell.__globals__["_LEARNERS"], method, keep)
        measured(method, 4, 3)
    assert seen[0] == seen[1]
    assert {"method", "starts", "steps", "ratio"} == set(WALL.paired)


def test_a_unit_is_missed_where_no_term_of_the_tensor_is_near_its_own(monkeypatch, rng):
    """Against the terms a w⊗w⊗w themselves, over all matchings: they know neither signs nor scales nor an order."""

    def perturbed(truth, *_):
        moved = truth.W + 10.0 ** rng.uniform(-4, -1, (4, 1)) * rng.standard_normal(truth.W.shape)
        order, scale = rng.permutation(4), rng.uniform(0.5, 2, 4) * rng.choice([-1.0, 1.0], 4)
        planted.append((truth, TwoLayerNetwork((truth.a / scale**3)[order], (moved * scale[:, None])[order],
                                               activation=CUBE)))  # fmt: skip
        return planted[-1][1], False

    planted = []
    monkeypatch.setitem(WALL.run_cell.__globals__["_LEARNERS"], "descent", perturbed)
    rows = [measured("descent", 6, 4, seed) for seed in range(20)]
    for row, (truth, found) in zip(rows, planted, strict=True):
        roots, others = (np.cbrt(one.a)[:, None] * one.W for one in (truth, found))
        far = np.linalg.norm(roots[:, None] - others, axis=2) / np.linalg.norm(roots, axis=1)[:, None]
        fewest = min(np.mean(far[range(4), list(order)] > 0.01) for order in permutations(range(4)))
        assert row["missed"] == fewest
    assert {0.25, 0.5, 0.75} <= {row["missed"] for row in rows}


def test_beyond_the_count_everything_is_explained_and_nothing_found():
    row = measured("descent", 5, 15)
    assert row["risk"] < 1e-10
    assert row["missed"] == 1


def test_less_work_finds_less():
    risks = [measured("descent", 6, 6, starts=1, steps=steps)["risk"] for steps in (5, 50, 500)]
    assert risks[0] > risks[1] > risks[2]


def test_more_starts_are_never_worse():
    risks = [measured("descent", 6, 8, seed=1, starts=starts, steps=60)["risk"] for starts in (1, 2, 3, 4, 5, 6)]
    assert risks == sorted(risks, reverse=True)
    assert risks[0] > risks[-1]


@pytest.mark.parametrize("d", [2, 5, 10, 15])
def test_the_count_is_that_of_the_entries(d):
    assert determined(d) * d == pytest.approx(packed_size(d, 3), rel=1e-15)


def test_each_method_has_the_widths_that_it_takes():
    config = WALL.paper
    found = {(one["method"], one["d"]): set() for one in WALL.cells(config)}
    for one in WALL.cells(config):
        found[one["method"], one["d"]].add(one["width"])
    for d in config.dims:
        assert {d, round(d**1.5), d**2} <= found["descent", d]
        assert max(found["decomposition", d]) < determined(d) <= min(found["descent", d] - found["decomposition", d])
        assert max(found["samples", d]) * d <= config.most_parameters_from_samples


# --- what is said ---


def made_up(reached, *, beyond=(), sure=()):
    """A table in which the units of a (d, method) are found up to a width; those of `beyond` are explained though."""
    rows = []
    for (d, method), most in reached.items():
        for width in (d, round(d**1.25), round(d**1.5), round(d**1.75), d**2):
            missed = float(width > most)
            risk = 1e-14 if not missed or (d, width) in beyond else 0.01
            row = {"method": method, "d": d, "width": width, "missed": missed, "error": missed, "risk": risk}
            rows += [{**row, "trial": k, "sure": (d, width) in sure, "seconds": 1.0 + k} for k in range(2)]
    return Table.from_rows(rows, WALL.columns)


def test_the_verdict_counts_up_to_where_each_method_goes():
    table = made_up({(10, "decomposition"): 18, (10, "samples"): 10, (20, "decomposition"): 42})
    said = WALL.verdict(table)
    assert "d = 10: all units are found in half of the trials up to r = 18 (decomposition), 10 (samples)" in said
    assert "d = 20: all units are found in half of the trials up to r = 42 (decomposition)" in said
    half = Table(
        {**{name: table[name] for name in table.columns}, "missed": np.maximum(table["missed"], table["trial"])}
    )
    assert "r = 18 (decomposition), 10 (samples)" in WALL.verdict(half)
    assert "grows as d^1.22 (decomposition), what T₃ determines as d^1.81" in said
    assert "comes to 55% of that or more: this wall is that of the count" in said
    assert "A relative risk of at most 1e-10 comes with all units found, always." in said


def test_the_verdict_says_what_is_found_beyond_three_halves_and_what_could_be():
    assert "ends well before either limit" in WALL.verdict(made_up({(20, "descent"): 20}))
    assert "At d = 20 all is found beyond d^(3/2)" in WALL.verdict(made_up({(20, "descent"): 189}))
    assert "At d = 60 more than d^(3/2) could be determined, and are not" in WALL.verdict(
        made_up({(60, "descent"): 167})
    )


def test_the_verdict_says_who_generalises_without_the_weights():
    said = WALL.verdict(made_up({(10, "descent"): 10}, beyond={(10, 18), (10, 56)}, sure={(10, 10), (10, 18)}))
    assert "4 of 10 networks have a relative risk" in said
    assert "4 without a single unit of it" in said
    assert "Of these 2 have fewer units than T₃ determines, and a method is sure of descent at d = 10, r = 18." in said


def test_the_verdict_says_where_the_time_goes():
    table = made_up({(10, "descent"): 10, (10, "samples"): 10})
    seconds = np.where(table["width"] == 32, 2.5, 0.5) * (1 + (table["method"] == "samples") * table["width"])
    said = WALL.verdict(Table({**{name: table[name] for name in table.columns}, "seconds": seconds}))
    assert "the most is taken by descent at r = 32 (5 times as long as at r = 10), by samples at r = 32 (15" in said


def test_the_picture_has_a_column_of_panels_for_each_d():
    table = made_up({(10, "decomposition"): 18, (10, "descent"): 100, (20, "descent"): 20}, beyond={(20, 400)})
    picture = WALL.plot(table)
    assert len(picture.axes) == 6
    assert {axes.get_xscale() for axes in picture.axes} == {"log"}
    assert [axes.get_title() for axes in picture.axes[:2]] == ["d = 10", "d = 20"]
    assert [axes.get_ylabel() for axes in picture.axes if axes.get_ylabel()] == [
        "share of units not found",
        "population risk / mean of y²",
        "seconds of processor time",
    ]
    assert {text.get_text() for text in picture.legends[0].get_texts()} == {
        "decomposition of T₃ by least squares",
        "L-BFGS on the population risk",
        "r = (d+1)(d+2)/6: entries of T₃ / d",
        "r = d^(3/2)",
    }


def test_decomposition_is_asked_for_no_more_terms_than_it_takes():
    for size in (WALL.smoke, WALL.paper):
        for cell in WALL.cells(size):
            assert cell["method"] != "decomposition" or 6 * cell["width"] < (cell["d"] + 1) * (cell["d"] + 2)
