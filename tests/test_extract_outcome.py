"""What an extraction says of itself, number by number."""

import numpy as np
import pytest

from twolayer import TwoLayerNetwork
from twolayer.extract import Check, Extraction, Status
from twolayer.recover import RecoveryError

NEAR = tuple(Check(scale, 4096, 1e-12 * k, 1e-13, 1e-9) for k, scale in enumerate((0.3, 1.0, 3.0, 10.0), 1))
FAR = (Check(1e2, 1024, 7e-11, 1e-12, 1e-9), Check(1e3, 1000, 2e-11, 1e-12, 1e-9))


def extraction(status=Status.EQUAL, far=FAR, shown=(0.9995, 1.0)):
    network = TwoLayerNetwork(np.ones(len(shown)), np.ones((len(shown), 3)), None, "relu")
    return Extraction(network, status, (*NEAR, *far), np.array(shown), 2, 50_000, 100, 1e-16, ("A note.",))


def test_the_summary_tells_each_near_check_and_the_far_ones_together():
    assert extraction().summary().splitlines() == [
        "50000 queries, answers exact to 1.0e-16",
        "inputs of scale 0.3: largest relative difference 1.0e-12 on 4096 rows",
        "inputs of scale 1: largest relative difference 2.0e-12 on 4096 rows",
        "inputs of scale 3: largest relative difference 3.0e-12 on 4096 rows",
        "inputs of scale 10: largest relative difference 4.0e-12 on 4096 rows",
        "and farther out, to scale 1e+03: largest relative difference 7.0e-11 on 2024 rows",
        "each unit shown at its own hyperplane: 1.000 to 1.000 of what it should be",
        "A note.",
    ]


def test_the_summary_leaves_out_what_was_not_compared():
    lines = extraction(far=(), shown=()).summary().splitlines()
    assert len(lines) == 1 + 4 + 1
    low_and_high = extraction(shown=(1.25, 0.5)).summary()
    assert "0.500 to 1.250 of what it should be" in low_and_high


def test_the_largest_difference_is_that_of_all_checks():
    assert extraction().largest_difference == 7e-11


@pytest.mark.parametrize("status", Status)
def test_only_what_is_equal_is_certified(status):
    found = extraction(status)
    assert found.is_certified is status.is_certified is (status is Status.EQUAL)
    if found.is_certified:
        assert found.unwrap() is found.network
    else:
        with pytest.raises(RecoveryError, match=f"^{status.name}: "):
            found.unwrap()


def test_a_program_gets_all_of_it():
    told = extraction().to_dict()
    assert told["checks"][0] == {"scale": 0.3, "rows": 4096, "largest": 1e-12, "rms": 1e-13, "tolerance": 1e-9}
    assert len(told["checks"]) == 6
    assert {key: told[key] for key in ("declared_width", "queries", "answered_from_file", "rounding", "notes")} == {
        "declared_width": 2,
        "queries": 50_000,
        "answered_from_file": 100,
        "rounding": 1e-16,
        "notes": ["A note."],
    }


def test_equality_and_one_line():
    assert extraction() == extraction()
    assert extraction() != extraction(far=())
    assert extraction(shown=(np.nan, 1.0)) == extraction(shown=(np.nan, 1.0))
    assert repr(extraction()) == "<Extraction: EQUAL, 2 relu units on 3 inputs, 50000 queries>"
