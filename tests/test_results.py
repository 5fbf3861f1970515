"""What every result owes its user: == that answers, equal copies, and a repr of one line."""

import copy
import doctest
import enum
import pickle
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from twolayer import (
    FAMILIES,
    HermiteMoments,
    align,
    decompose,
    load_instance,
    make_instance,
    one_line,
    population_risk,
    save_instance,
    verify_instance,
)
from twolayer.decompose import joint_diagonalise, moment_terms
from twolayer.moments import SecondMoment
from twolayer.network import Polynomial
from twolayer.symtensor import rank_one_sum
from twolayer.teachers import conditioned, gaussian_samples


def tensor(scale=1.0):
    return scale * rank_one_sum(np.array([2.0, 1.0]), np.eye(4)[:2], 3)


def samples():
    return gaussian_samples(conditioned(4, 2, rng=0), 200, rng=1)


RESULTS = {
    "decomposition": lambda: decompose(tensor(), rng=0),
    "joint_diagonalisation": lambda: joint_diagonalise(tensor(), rng=0),
    "moment_terms": lambda: moment_terms(*samples(), 3, 2, rng=0),
    "moments": lambda: HermiteMoments.from_blocks([samples()], order=3),
    "alignment": lambda: align(conditioned(4, 2, rng=0), conditioned(4, 2, rng=0)),
    "risk": lambda: population_risk(conditioned(4, 2, rng=0), conditioned(4, 2, rng=1)),
    "verification": lambda: verify_instance(make_instance("parity", dim=5, samples=20)),
    "polynomial": lambda: Polynomial(1.0, np.arange(30.0), np.eye(30)),
    **{family: lambda family=family: make_instance(family, 1) for family in ("overcomplete", "sign_cnn", "parity")},
}


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_equal_to_what_was_made_alike_and_to_its_copies(name):
    result = RESULTS[name]()
    for other in (RESULTS[name](), copy.copy(result), copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert (result == other) is True
        assert (result != other) is False
    assert (result == 1) is False
    assert (result == object()) is False


@pytest.mark.parametrize("name", RESULTS)
def test_the_repr_of_a_result_is_one_line_that_can_be_read(name):
    line = repr(RESULTS[name]())
    assert "\n" not in line
    assert len(line) < 1500


def test_decompositions_differ_by_any_entry():
    found = decompose(tensor(), rng=0)
    for change in (
        {"weights": found.weights * (1 + 1e-15)},
        {"factors": -found.factors},
        {"gap": None},
        {"method": "power"},
        {"residual": found.residual + 1e-16},
    ):
        assert (found == replace(found, **change)) is False


@pytest.mark.parametrize("family", FAMILIES)
def test_an_instance_is_equal_to_its_file_and_to_no_other(family, tmp_path):
    made = make_instance(family, 3)
    save_instance(made, tmp_path / "instance.npz")
    assert load_instance(tmp_path / "instance.npz") == made
    assert make_instance(family, 3) == made
    assert make_instance(family, 4) != made
    assert replace(made, y=made.y[::-1].copy()) != made


# One line


def test_the_examples_are_as_written():
    assert doctest.testmod(one_line).failed == 0


class Colour(enum.Enum):
    RED = "a long text"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.zeros((2, 3), dtype=np.float32), "float32 (2, 3)"),
        (sparse.csr_array((4, 5)), "float64 (4, 5)"),
        (np.float64(0.5), "0.5"),
        (Colour.RED, "RED"),
        ({"a": np.arange(3), 1: None}, "{'a': int64 (3,), 1: None}"),
        ((np.arange(3), [True]), "(int64 (3,), [True])"),
        ("two\nlines", r"'two\nlines'"),
        ("x" * 100, "'" + "x" * 56 + "..."),
    ],
)
def test_values_in_a_line(value, expected):
    assert one_line.one_line(value) == expected


def test_a_result_inside_a_result_stays_in_the_line():
    moment = SecondMoment(np.arange(3), np.eye(3), np.arange(4), np.arange(5))
    assert repr(moment) == "SecondMoment(values=int64 (3,), vectors=float64 (3, 3), affine=int64 (4,), rest=int64 (5,))"
    assert one_line.one_line([moment]) == f"[{moment!r}]"
