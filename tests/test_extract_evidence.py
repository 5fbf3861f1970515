"""What a box shows of a unit, at that unit's own hyperplane."""

import numpy as np
import pytest

from twolayer import TwoLayerNetwork
from twolayer.extract.evidence import unit_evidence
from twolayer.extract.walks import joined

W = np.random.default_rng(0).standard_normal((3, 4))
both = pytest.mark.parametrize("activation", ["relu", "tanh"])


def network(activation, a=(1.0, -1.5, 0.7), rows=W, b=(0.3, -0.5, 0.8)):
    """Steps so narrow that they are seldom seen from another's hyperplane."""
    steep = 1000.0 if activation == "tanh" else 1.0
    return TwoLayerNetwork(a, steep * np.array(rows), steep * np.array(b), activation)


def evidence(box, claimed, reach=1.0):
    return unit_evidence(box, claimed, reach, np.random.default_rng(1))


@both
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0, 1.5])
def test_it_is_the_part_of_the_unit_that_is_there(activation, share):
    truth = network(activation, a=(1.0, -1.5 * share, 0.7))
    np.testing.assert_allclose(evidence(truth, network(activation)), [1, share, 1], atol=1e-9)


@both
def test_a_unit_not_yet_found_does_not_spoil_it(activation):
    """It crosses the others' hyperplanes, but few of the places there: the median is right where a mean is not."""
    missing = network(activation, [3.0], [[1.0, -1.0, 0.5, 0.2]], [-1.5])
    shown = evidence(joined(network(activation), missing), network(activation))
    np.testing.assert_allclose(shown, 1, atol=1e-9)


def test_far_out_it_looks_as_far_around_as_a_tenth_of_the_way():
    """A ramp at 1e6 is bent with a step of a third of that tenth: one as long as the near ones shows nothing."""
    far = TwoLayerNetwork([1.0], [[1.0, 0.0, 0.0, 0.0]], [-1e6], "relu")
    box = joined(far, TwoLayerNetwork([1e-3], [[1.0, 0.0, 0.0, 0.0]], [-1e6 - 1e3], "relu"))
    asked = []

    def noted(X):
        asked.append(X)
        return box(X)

    assert evidence(noted, far) == pytest.approx(1, abs=1e-2)
    along = asked[0][:, 0] - 1e6
    assert np.abs(along).max() == pytest.approx(0.3 * 1e5)
    assert 1e5 < np.abs(asked[0][:, 1:]).max() < 1e6


def test_it_asks_three_rows_at_fifteen_places_of_each_hyperplane():
    asked = []

    def noted(X):
        asked.append(len(X))
        return network("relu")(X)

    evidence(noted, network("relu"))
    assert asked == [3 * 15 * 3]


def test_of_no_unit_there_is_none():
    assert evidence(network("relu"), network("relu", (), np.zeros((0, 4)), ())).shape == (0,)
