"""Plain values: what json writes, and reads back."""

import doctest
import json

import numpy as np
import pytest

from twolayer import plain as module
from twolayer.plain import builtin, plain


def test_the_examples_are_as_written():
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        (np.array(3.0), 3.0),
        (np.bool_(True), True),
        (np.float32(0.5), 0.5),
        ([float("inf"), -np.inf, np.nan], [None, None, None]),
        ({"a": {"b": (1, "x", None)}}, {"a": {"b": [1, "x", None]}}),
        ([], []),
    ],
)
def test_plain_values_are_what_json_has(value, expected):
    found = plain(value)
    assert found == expected
    assert json.loads(json.dumps(found, allow_nan=False)) == expected


def test_truth_values_stay_truth_values_and_whole_numbers_whole():
    assert plain(np.array([True, False])) == [True, False]
    assert [type(entry) for entry in plain([np.True_, np.int8(1), np.float16(1)])] == [bool, int, float]


def test_builtin_changes_the_type_and_nothing_else():
    array = np.arange(3)
    assert builtin(array) is array
    assert type(builtin(np.int64(2))) is int
    assert np.isnan(builtin(np.float64("nan")))
