"""The rules of the search: each start, step and threshold with a case that it decides."""

import re
from dataclasses import fields, replace

import numpy as np
import pytest

from fits import Told, silent
from twolayer.activation import activation
from twolayer.evidence.score_test import ScoreTest
from twolayer.model import UnitsProblem
from twolayer.model.fit import Fit
from twolayer.network import TwoLayerNetwork
from twolayer.refine.gauss_newton import InexactSteps, gauss_newton
from twolayer.refine.progress import Stopping
from twolayer.samples import Samples
from twolayer.search import searching
from twolayer.search.plan import PLAN, SearchPlan
from twolayer.search.searching import search
from twolayer.search.session import Session
from twolayer.search.starts import STARTS, first_start
from twolayer.teachers import gaussian_samples, orthogonal, random_units


def planted(spec, d, m, n, has_bias, seed):
    rng = np.random.default_rng(seed)
    teacher = random_units(d, m, bias=float(has_bias), activation=spec, rng=rng)
    return Samples.of(*gaussian_samples(teacher, n, rng=rng), has_bias)


def session(samples, width, spec, plan=PLAN, rng=0, report=silent):
    return Session(samples, width, activation(spec), np.random.default_rng(rng), report, plan=plan)


def ends_exact(samples, width, spec, names, rng, monkeypatch):
    """Whether a search with some of the starts only ends at a network that leaves rounding."""
    monkeypatch.setattr(searching, "STARTS", {name: STARTS[name] for name in names})
    found = search(samples, width, activation(spec), rng=np.random.default_rng(rng), report=silent)
    return found.fit.is_exact and not found.fit.problem.is_lifted


def part_of(samples, width=2, spec="relu"):
    rng = np.random.default_rng(0)
    return searching._Search(samples, width, activation(spec), True, PLAN, rng, silent, np.zeros(0, int))


# The first start suits the case


@pytest.mark.parametrize(
    ("spec", "d", "m", "n", "has_bias", "stage"),
    [
        ("tanh", 4, 9, 600, False, "overcomplete start"),
        ("relu", 4, 9, 900, True, "overcomplete start"),
        ("tanh", 20, 16, 1500, False, "plain start: third moment"),
        ("tanh", 6, 4, 300, False, "plain start: spectral"),  # few parameters: moments would cost more
        ("tanh", 20, 16, 1500, True, "plain start: spectral"),  # a bias gives T_2 a part
        ("squared_relu", 50, 5, 2000, False, "principal inputs"),
        ("squared_relu", 8, 3, 300, False, "plain start: spectral"),  # its lift has a number for each pair of units
        ("relu", 8, 3, 300, True, "lifted start: spectral"),
        ("relu", 8, 3, 70, True, "plain start: spectral"),  # rows too few for the lift
        ("relu", 30, 20, 4000, False, "lifted start: spectral"),  # the span of 20 units does not halve the inputs
    ],
)
def test_the_first_start_is_by_what_shows_the_units(spec, d, m, n, has_bias, stage):
    told = Told()
    first_start(session(planted(spec, d, m, n, has_bias, 0), m, spec, report=told))
    assert told.stages[0].removesuffix(", on some rows") == stage


def test_a_start_is_explored_on_some_rows_first_where_the_second_moment_shows_the_units():
    for spec, rows, is_shown in (("relu", 2000, True), ("relu", 100, False), ("tanh", 2000, False)):
        told = Told()
        first_start(session(planted(spec, 6, 3, rows, False, 0), 3, spec, report=told))
        assert told.stages[0].endswith(", on some rows") == is_shown


def test_the_table_begins_with_what_moments_show_and_each_start_says_what_it_is():
    assert next(iter(STARTS)) == "first"
    assert all(entry.name == name and entry.summary for name, entry in STARTS.items())


# The other starts


def test_only_the_plain_start_leads_to_units_that_the_lift_loses(monkeypatch):
    """Softplus without biases on two inputs: the affine part of the lift takes what the units should."""
    samples = planted("softplus", 2, 4, 96, False, 274032268)
    alone = dict.fromkeys(STARTS, 0)
    for name in alone:
        alone[name] = sum(ends_exact(samples, 4, "softplus", [name], rng, monkeypatch) for rng in range(3))
    assert alone["plain"] == 3
    assert max(count for name, count in alone.items() if name != "plain") <= 1


# Small problems with few rows that the table solves, and does not without one of its starts: σ, d, m, n, biases, seed.
OWN_CASES = {
    "moments": [
        ("abs", 5, 7, 63, False, 73406286),
        ("abs", 5, 7, 77, True, 1022138423),
        ("sigmoid", 6, 5, 63, False, 632277816),
        ("relu", 6, 8, 120, False, 864375900),
    ],
    "plain": [
        ("leaky_relu(0.1)", 4, 5, 36, False, 561101573),
        ("relu", 8, 6, 99, True, 612434041),
        ("gelu", 4, 6, 54, False, 167945105),
        ("relu", 2, 4, 23, True, 363725745),
    ],
    "wide": [
        ("tanh", 4, 7, 77, True, 380055482),
        ("squared_relu", 2, 4, 32, True, 614364270),
        ("gelu", 3, 5, 46, True, 727470124),
        ("relu", 2, 4, 23, True, 363725745),
    ],
    "lifted": [("squared_relu", 2, 4, 32, True, 614364270), ("gelu", 3, 5, 46, True, 727470124)],
}


@pytest.mark.parametrize("name", OWN_CASES)
def test_each_later_start_solves_what_the_others_do_not(name, monkeypatch):
    """How a search ends may hang on the last digit: what is asked is that fewer end well without the start."""
    with_it, without = 0, 0
    for spec, d, m, n, has_bias, seed in OWN_CASES[name]:
        samples = planted(spec, d, m, n, has_bias, seed)
        with_it += ends_exact(samples, m, spec, STARTS, 0, monkeypatch)
        without += ends_exact(samples, m, spec, [one for one in STARTS if one != name], 0, monkeypatch)
    assert without < with_it


def test_the_later_starts_are_those_with_cases_of_their_own():
    assert list(STARTS) == ["first", *OWN_CASES]


@pytest.mark.slow
def test_a_wide_start_alone_solves_more_than_any_other(monkeypatch):
    """Small problems with few rows; drawn alike for all. Whatever fails from one start is tried from another."""
    rng = np.random.default_rng(1)
    solved, union = dict.fromkeys(["first", "moments", "plain", "wide", "lifted"], 0), 0
    for _ in range(250):
        spec = str(rng.choice(["relu", "tanh", "sigmoid", "softplus", "squared_relu", "gelu", "abs", "erf", "sine"]))
        d = int(rng.integers(2, 9))
        m, has_bias = int(rng.integers(2, min(2 * d, 8) + 1)), bool(rng.integers(2))
        parameters = m * (d + has_bias + (not activation(spec).degree)) + has_bias
        samples = planted(
            spec, d, m, int(parameters * rng.choice([1.8, 2.5, 4.0])), has_bias, int(rng.integers(1 << 30))
        )
        ends = {name: ends_exact(samples, m, spec, [name], 0, monkeypatch) for name in solved}
        union += any(ends.values())
        solved = {name: solved[name] + ends[name] for name in solved}
    assert solved["wide"] == max(solved.values())
    assert union > solved["wide"] + 5


def test_a_wide_start_is_half_as_wide_again_and_pruned():
    samples, told = planted("relu", 5, 4, 400, True, 0), Told()
    fit = STARTS["wide"](session(samples, 4, "relu", report=told))
    assert fit.problem.width == 6
    assert searching.prune(fit, 4, silent).problem.width == 4


def test_later_starts_doubt_a_fifth_of_the_signs():
    samples = planted("relu", 8, 4, 300, False, 0)
    signs = [STARTS["plain"](session(samples, 4, "relu", rng=rng)).problem.signs for rng in range(60)]
    usual = np.sign(np.sum(signs, axis=0))
    assert 0.1 < np.mean(np.array(signs) != usual) < 0.3
    certain = replace(PLAN, doubt=0.0)
    assert all(
        (STARTS["plain"](session(samples, 4, "relu", certain, rng)).problem.signs == usual).all() for rng in range(9)
    )


# Rows


def far_unit(n, seed):
    """Three units of four inputs, the kink of one so far out that one row in four thousand shows it."""
    rng = np.random.default_rng(seed)
    W = np.vstack([rng.standard_normal((2, 4)), np.eye(4)[:1]])
    X = rng.standard_normal((n, 4))
    return Samples.of(X, TwoLayerNetwork([1.0, -1.0, 1.0], W, [0.1, -0.2, -3.5], "relu")(X), True)


@pytest.mark.parametrize("seed", [0, 2, 6])
def test_rows_that_disagree_are_among_those_of_the_next_search(seed, monkeypatch):
    samples = far_unit(60_000, seed)

    def is_found(plan):
        found = search(samples, 3, activation("relu"), plan=plan, rng=np.random.default_rng(seed), report=silent)
        return found.fit.is_exact and not found.fit.problem.is_lifted

    assert is_found(PLAN)
    assert not is_found(replace(PLAN, searches=1))
    begin = searching._Search.__init__
    monkeypatch.setattr(searching._Search, "__init__", lambda self, *given: begin(self, *given[:-1], np.zeros(0, int)))
    assert not is_found(PLAN)


@pytest.mark.parametrize(("n", "is_part"), [(1000, False), (1600, True)])
def test_a_search_takes_ten_rows_a_parameter_and_twenty_an_input(n, is_part):
    """Of 9 units on 8 inputs: 9·8 parameters and 8 of the lift's linear part, hence 800 rows and 160."""
    samples = planted("relu", 8, 9, n, False, 0)
    part = searching._Search(
        samples, 9, activation("relu"), True, PLAN, np.random.default_rng(0), silent, np.zeros(0, int)
    )
    assert (part.held_out is not None) == is_part
    assert part.session.samples.n_rows == (960 if is_part else n)


@pytest.mark.parametrize(("width", "n", "lifts"), [(3, 70, False), (3, 90, True), (3, 89, False)])
def test_the_lift_wants_two_rows_and_a_half_a_parameter(width, n, lifts):
    """Three units on eight inputs and the linear part of the lift: 36 parameters with biases."""
    assert session(planted("relu", 8, 3, n, True, 0), width, "relu").can_lift(width) == lifts


# Noise


@pytest.mark.parametrize(("p_value", "might_be"), [(1e-13, False), (1e-11, True)])
def test_what_is_clearly_no_noise_is_not_polished(p_value, might_be, monkeypatch):
    monkeypatch.setattr(searching, "score_test", lambda *_: ScoreTest(9.0, p_value, 5))
    samples = planted("relu", 4, 2, 200, False, 0)
    problem = samples.problem(2, activation("relu"), signs=np.ones(2))
    assert part_of(samples).might_be_noise(Fit(problem, np.zeros(8), 0.1)) == might_be


@pytest.mark.parametrize(("n", "might_be"), [(19, False), (20, True)])
def test_fewer_than_two_rows_and_a_half_a_parameter_cannot_show_noise(n, might_be, monkeypatch):
    monkeypatch.setattr(searching, "score_test", lambda *_: ScoreTest(1.0, 0.5, 5))
    samples = planted("relu", 4, 2, n, False, 0)
    problem = samples.problem(2, activation("relu"), signs=np.ones(2))
    assert part_of(samples).might_be_noise(Fit(problem, np.zeros(8), 0.1)) == might_be


# Steps of Gauss-Newton


def near_start(spec, d, m, n, seed, off):
    rng = np.random.default_rng(seed)
    teacher = random_units(d, m, 0.0, spec, rng=rng).balanced()
    X, y = gaussian_samples(teacher, n, rng=rng)
    problem = UnitsProblem(X, y, activation(spec), m)
    return problem, problem.join(teacher.W + off * rng.standard_normal(teacher.W.shape), teacher.a)


def steps_to_the_end(rule, problem, start):
    fit = gauss_newton(problem, start, Stopping(60, floor=1e-24, patience=60, least_gain=1e-9), rule)
    return len(fit.losses) - 1 if fit.loss <= 1e-24 else np.inf


@pytest.mark.parametrize("case", [("tanh", 8, 30, 900, 0, 0.05), ("tanh", 6, 24, 500, 1, 0.03)])
def test_near_an_ill_conditioned_minimum_only_longer_inner_solves_arrive(case):
    problem, start = near_start(*case)
    assert steps_to_the_end(InexactSteps(), problem, start) < 20
    assert steps_to_the_end(InexactSteps(most_products=30), problem, start) == np.inf


def test_the_faster_the_loss_falls_the_more_exact_the_steps():
    problem, start = near_start("tanh", 10, 20, 500, 4, 0.1)
    usual, loose = InexactSteps(), InexactSteps(tightest=1e-3)
    assert steps_to_the_end(usual, problem, start) <= steps_to_the_end(loose, problem, start) - 3


@pytest.mark.parametrize("record", [SearchPlan, InexactSteps])
def test_each_number_that_steers_is_documented(record):
    lines = re.findall(r"^    ([a-z_, ]+) : ", record.__doc__, re.MULTILINE)
    described = {name for names in lines for name in names.split(", ")}
    assert described == {field.name for field in fields(record)}


def test_units_of_a_crowd_are_more_than_two_an_input():
    samples = Samples.of(*gaussian_samples(orthogonal(6, 3, "relu", rng=0), 100, rng=1), False)
    assert not session(samples, 12, "relu").is_crowded
    assert session(samples, 13, "relu").is_crowded
