"""Equality of what holds arrays: exact, total, never ambiguous."""

import copy
import pickle
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
import pytest
from scipy import sparse

from twolayer import TwoLayerNetwork
from twolayer.equality import equal, equal_by_value


@dataclass(frozen=True)
class Plain:
    """A dataclass whose own == is ambiguous."""

    values: np.ndarray


@equal_by_value
@dataclass(frozen=True, eq=False)
class Fit:
    weights: object
    parts: object = ()
    seconds: float = field(default=0.0, compare=False)


class Narrower(Fit):
    pass


def samples():
    """Values no two of which are equal; made anew at each call."""
    return {
        "vector": np.array([1.0, 2.0]),
        "vector with NaN": np.array([1.0, np.nan]),
        "of float32": np.array([1.0, 2.0], np.float32),
        "a row": np.array([[1.0, 2.0]]),
        "a column": np.array([[1.0], [2.0]]),
        "empty": np.zeros(0),
        "empty, two columns": np.zeros((0, 2)),
        "complex": np.array([1.0, np.nan * 1j]),
        "text": np.array(["a", "b"]),
        "objects": np.array([np.array([1.0, 2.0]), None, float("nan")], dtype=object),
        "times": np.array(["2020-01-01", "NaT"], "datetime64[D]"),
        "tuple": (1.0, np.array([1.0, 2.0])),
        "list": [1.0, np.array([1.0, 2.0])],
        "longer": (1.0, np.array([1.0, 2.0]), 3),
        "dict": {"a": np.array([1.0, np.nan]), "b": {"c": (1, np.ones(2))}},
        "another key": {"a": np.array([1.0, np.nan]), "d": {"c": (1, np.ones(2))}},
        "another value": {"a": np.array([1.0, np.nan]), "b": {"c": (1, np.zeros(2))}},
        "NaN": float("nan"),
        "one": 1,
        "one and a half": np.float64(1.5),
        "none": None,
        "word": "one",
        "network": TwoLayerNetwork([1.0], [[1.0, 2.0]]),
        "dataclass": Plain(np.array([1.0, 2.0])),
        "dataclass of others": Plain(np.array([1.0, 3.0])),
        "ours": Fit(np.array([1.0, 2.0])),
        "ours, with parts": Fit(np.array([1.0, 2.0]), (np.ones(2), {"a": np.nan})),
        "a subclass of ours": Narrower(np.array([1.0, 2.0])),
        "sparse": sparse.csr_array(np.diag([1.0, 2.0])),
        "sparse, other entries": sparse.csr_array(np.diag([1.0, 3.0])),
        "sparse, other shape": sparse.csr_array(np.diag([1.0, 2.0, 0.0])),
        "sparse, other kind": sparse.coo_array(np.diag([1.0, 2.0])),
    }


@pytest.mark.parametrize("name", samples())
def test_a_value_equals_one_made_the_same_way_and_no_other(name):
    one = samples()[name]
    for other_name, other in samples().items():
        assert equal(one, other) is (name == other_name)
        assert equal(other, one) is (name == other_name)
        assert (Fit(one) == Fit(other)) is (name == other_name)
        assert (Fit(one) != Fit(other)) is (name != other_name)


def test_copies_are_equal():
    fit = Fit(np.array([1.0, np.nan]), ({"a": np.ones((2, 3))}, [Plain(np.ones(3))]))
    for other in (copy.copy(fit), copy.deepcopy(fit), pickle.loads(pickle.dumps(fit))):
        assert fit == other


def test_how_an_array_lies_in_memory_does_not_matter():
    X = np.arange(12.0).reshape(3, 4)
    frozen = X.copy()
    frozen.setflags(write=False)
    for other in (np.asfortranarray(X), np.repeat(X, 2, axis=1)[:, ::2], frozen, X.astype(">f8").astype("<f8")):
        assert equal(X, other)


def test_the_numbers_zero_of_either_sign_and_of_any_type_are_one():
    for one, other in (
        (0.0, -0.0),
        (1, 1.0),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), np.bool_(True)),
    ):
        assert equal(one, other)
    assert equal(np.array([0.0]), np.array([-0.0]))


def test_a_mapping_is_its_content():
    assert equal(MappingProxyType({"a": np.ones(2), "b": 1}), {"b": 1, "a": np.ones(2)})


def test_a_sparse_matrix_is_its_content():
    X = sparse.csr_array(([1.0, 2.0, 3.0, 0.0], ([0, 0, 1, 1], [0, 0, 1, 0])), shape=(2, 2))
    assert equal(X, sparse.csr_array(np.diag([3.0, 3.0])))


def test_what_does_not_count_does_not_count():
    assert Fit(np.ones(2), seconds=1.0) == Fit(np.ones(2), seconds=2.0)


class Strange:
    """Its == says neither True nor False."""

    def __eq__(self, other):
        return np.array([True, False])

    __hash__ = None


def test_what_cannot_say_whether_it_is_equal_is_not():
    one = Strange()
    assert equal(one, one)
    assert equal(Strange(), Strange()) is False


def test_what_holds_arrays_has_no_hash():
    with pytest.raises(TypeError, match="unhashable"):
        hash(Fit(np.ones(2)))
