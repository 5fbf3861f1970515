"""The verdict, rule by rule: facts that are right but for one thing, at its threshold and beyond."""

import re
from dataclasses import fields, replace

import numpy as np
import pytest

from twolayer.evidence import RULES, STANDARDS, Standards, Status
from twolayer.evidence.facts import Facts
from twolayer.evidence.verdict import status_of

EXACT = Facts(is_exact=True, distinct_rows=1000, parameters=10)
NOISY = Facts(is_exact=False, distinct_rows=1000, parameters=10)

# what is changed, and what it decides: of an exact fit, of a noisy one
ONE_THING = [
    ({}, Status.CERTIFIED, Status.CERTIFIED_WITH_NOISE),
    ({"is_noise": False}, Status.MISFIT, Status.MISFIT),
    ({"has_signal": False}, Status.NO_SIGNAL, Status.NO_SIGNAL),
    ({"has_power": False}, Status.TOO_FEW_ROWS, Status.TOO_FEW_ROWS),
    ({"distinct_rows": 15}, Status.CERTIFIED, Status.TOO_FEW_ROWS),
    ({"distinct_rows": 14}, Status.TOO_FEW_ROWS, Status.TOO_FEW_ROWS),
    ({"distinct_rows": 80}, Status.CERTIFIED, Status.CERTIFIED_WITH_NOISE),
    ({"distinct_rows": 79}, Status.CERTIFIED, Status.TOO_FEW_ROWS),
    ({"leverage": 1.0}, Status.TOO_FEW_ROWS, Status.TOO_FEW_ROWS),
    ({"leverage": 1 - 0.9e-5}, Status.TOO_FEW_ROWS, Status.TOO_FEW_ROWS),
    ({"leverage": 1 - 1.1e-5}, Status.CERTIFIED, Status.TOO_FEW_ROWS),
    ({"leverage": 0.91}, Status.CERTIFIED, Status.TOO_FEW_ROWS),
    ({"leverage": 0.9}, Status.CERTIFIED, Status.CERTIFIED_WITH_NOISE),
    ({"is_flat": True}, Status.NOT_IDENTIFIABLE, Status.NOT_IDENTIFIABLE),
    ({"is_one_of_several": True}, Status.NOT_IDENTIFIABLE, Status.NOT_IDENTIFIABLE),
    ({"aliased_inputs": (1,)}, Status.NOT_IDENTIFIABLE, Status.NOT_IDENTIFIABLE),
    ({"needs_all_units": False}, Status.NOT_IDENTIFIABLE, Status.NOT_IDENTIFIABLE),
    ({"unseen_units": 1}, Status.NOT_IDENTIFIABLE, Status.NOT_IDENTIFIABLE),
    ({"is_lifted": True}, Status.UNRESOLVED_REFLECTION, Status.UNRESOLVED_REFLECTION),
    ({"is_lifted": True, "unseen_units": 1}, Status.UNRESOLVED_REFLECTION, Status.UNRESOLVED_REFLECTION),
    ({"lift_was_exact": True}, Status.CERTIFIED, Status.UNRESOLVED_REFLECTION),
    ({"relative_error": 0.31}, Status.LOOSE_WEIGHTS, Status.LOOSE_WEIGHTS),
    ({"relative_error": np.nan}, Status.LOOSE_WEIGHTS, Status.LOOSE_WEIGHTS),
    ({"relative_error": 0.3}, Status.CERTIFIED, Status.CERTIFIED_WITH_NOISE),
    ({"twins": 1}, Status.AMBIGUOUS_REFLECTION, Status.AMBIGUOUS_REFLECTION),
]


@pytest.mark.parametrize(("changes", "exact", "noisy"), ONE_THING, ids=lambda value: str(value)[:40])
def test_one_thing_decides(changes, exact, noisy):
    assert status_of(replace(EXACT, **changes)) is exact
    assert status_of(replace(NOISY, **changes)) is noisy


# Of two things that are wrong, the one that comes first in this order decides.
ORDER = [
    ({"lift_was_exact": True}, Status.UNRESOLVED_REFLECTION),
    ({"is_noise": False}, Status.MISFIT),
    ({"has_signal": False}, Status.NO_SIGNAL),
    ({"has_power": False}, Status.TOO_FEW_ROWS),
    ({"is_flat": True}, Status.NOT_IDENTIFIABLE),
    ({"is_lifted": True}, Status.UNRESOLVED_REFLECTION),
    ({"relative_error": 1.0}, Status.LOOSE_WEIGHTS),
    ({"twins": 3}, Status.AMBIGUOUS_REFLECTION),
]


@pytest.mark.parametrize("first", range(len(ORDER)))
@pytest.mark.parametrize("second", range(len(ORDER)))
def test_what_comes_first_decides(first, second):
    changes = ORDER[first][0] | ORDER[second][0]
    assert status_of(replace(NOISY, **changes)) is ORDER[min(first, second)][1]


def test_every_status_of_a_recovery_has_a_rule_and_the_last_rule_always_applies():
    decided = {rule.status for rule in RULES}
    assert decided == set(Status) - {Status.UNCLEAR_CHOICE, Status.APPROXIMATION}
    assert RULES[-1].applies(NOISY, STANDARDS)


def test_each_threshold_is_documented_with_its_reason():
    lines = re.findall(r"^    ([a-z_, ]+) : .*\n((?:        .*\n)+)", Standards.__doc__, re.MULTILINE)
    described = {name for names, _ in lines for name in names.split(", ")}
    assert described == {field.name for field in fields(Standards)}
    assert all(len(reason.split()) > 8 for _, reason in lines)


@pytest.mark.parametrize(
    ("name", "stricter", "facts"),
    [
        ("exact_rows_per_parameter", 200.0, EXACT),
        ("noisy_rows_per_parameter", 200.0, NOISY),
        ("most_leverage", -1.0, EXACT),
        ("most_leverage_under_noise", -1.0, NOISY),
        ("most_relative_error", -1.0, NOISY),
    ],
)
def test_the_standards_that_are_given_count(name, stricter, facts):
    assert status_of(facts).is_certified
    assert not status_of(facts, replace(STANDARDS, **{name: stricter})).is_certified
