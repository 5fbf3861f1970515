"""The overcomplete families are what they claim: their sizes and labels, and what low orders can know of them."""

from math import comb

import numpy as np
import pytest

from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.mondelli2019connection.instances import HAAR, OVERCOMPLETE
from twolayer.risk import low_orders

SMALL = {OVERCOMPLETE.name: {"dim": 9, "width": 40, "samples": 300}, HAAR.name: {"dim": 6, "width": 18, "samples": 300}}
FAMILIES = pytest.mark.parametrize("family", [OVERCOMPLETE, HAAR], ids=lambda family: family.name)


def drawn(family, seed=0, **options):
    return family.draw(np.random.default_rng(seed), **family.defaults | SMALL[family.name] | options)


def network(planted):
    return TwoLayerNetwork(planted["a"], planted["W"], activation=str(planted["activation"]))


@FAMILIES
def test_labels_and_sizes_follow_from_the_arrays(family):
    X, y, planted, claim = drawn(family)
    W = planted["W"]
    r, d = W.shape
    np.testing.assert_array_equal(family.labels(planted, X), y)
    np.testing.assert_allclose(y, sum(network(planted).activation(X @ w) for w in W), rtol=1e-11, atol=1e-11)
    sizes = family.sizes(X, y, planted, {})
    assert sizes == claim.sizes
    assert (sizes["samples"], sizes["dim"], sizes["width"]) == (*X.shape, r)
    assert sizes["width_over_d_three_halves"] == pytest.approx(r / d ** (3 / 2))
    assert sizes["width_over_d_squared"] == pytest.approx(r / d**2)
    assert (sizes["unknowns"], sizes["third_order_entries"]) == (r * (d - 1), comb(d + 2, 3))
    pairs = [abs(W[i] @ W[j]) for i in range(r) for j in range(i)]
    assert sizes["largest_correlation"] == pytest.approx(max(pairs), rel=1e-12)


@FAMILIES
def test_the_variance_of_the_claim_is_that_of_the_labels(family):
    _, y, _, claim = drawn(family, samples=100_000)
    squares = (y - y.mean()) ** 2
    assert squares.std() / np.sqrt(len(y)) < 0.02 * squares.mean()
    assert abs(squares.mean() - claim.sizes["variance"]) < 4 * squares.std() / np.sqrt(len(y))
    assert f"{claim.sizes['variance']:.6g}" in claim.statement


def test_by_default_no_quadratic_polynomial_knows_anything_of_the_labels():
    _, _, planted, claim = drawn(OVERCOMPLETE)
    mean, linear, quadratic = low_orders(network(planted))
    assert max(abs(mean), np.abs(linear).max(), np.abs(quadratic).max()) < 1e-12
    assert claim.theorem == "Theorem 1"
    assert "Conjecture 1" in claim.assumption


def test_the_default_sizes_determine_the_components_in_the_hard_range():
    d, r = (OVERCOMPLETE.defaults[name] for name in ("dim", "width"))
    assert d**1.5 < r < d**2
    assert r * (d - 1) < comb(d + 2, 3)


def test_the_activation_is_the_cubic_asked_for():
    X, y, planted, _ = drawn(OVERCOMPLETE, a0=0.5, a1=2.0, a3=-0.25)
    t = X @ planted["W"].T
    np.testing.assert_allclose(y, (0.5 + 2 * t - 0.25 * t**3).sum(axis=1), rtol=1e-10, atol=1e-10)


def test_haar_units_are_those_of_the_experiment():
    X, y, planted, claim = drawn(HAAR)
    np.testing.assert_allclose(y, np.tanh(2.5 * X @ planted["W"].T).sum(axis=1), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(planted["W"].sum(axis=0), 0.0, atol=1e-13)
    assert "nothing is proved" in claim.assumption


@FAMILIES
def test_a_seed_names_an_instance(family):
    first, again, other = (drawn(family, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[2]["W"], again[2]["W"])
    assert first[3] == again[3]
    assert (first[2]["W"] != other[2]["W"]).any()
    assert family.defaults.keys() == family.explanations.keys()


@pytest.mark.parametrize(
    ("family", "options", "complaint"),
    [
        (OVERCOMPLETE, {"dim": 16, "width": 64}, r"from 65 to 255, found 64: the nearest is 65"),
        (OVERCOMPLETE, {"dim": 16, "width": 256}, r"from 65 to 255, found 256: the nearest is 255"),
        (OVERCOMPLETE, {"dim": 2}, "dim must be an integer of at least 3"),
        (OVERCOMPLETE, {"a3": 0.0}, "a3 must not be 0"),
        (OVERCOMPLETE, {"samples": 0}, "samples must be an integer of at least 1"),
        (HAAR, {"width": 20}, "a multiple of 6 units, found 20: the nearest is 18"),
    ],
)
def test_sizes_that_the_construction_does_not_allow_are_refused(family, options, complaint):
    with pytest.raises(InputError, match=complaint):
        drawn(family, **options)
