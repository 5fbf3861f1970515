"""The lecture's hard instances are what they claim to be."""

import math

import numpy as np
import pytest

from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.e2021hardness.instances import COSINE, HALFSPACES, PARITY
from twolayer.papers.e2021hardness.theory import (
    class_gradient_variance,
    intersection,
    log_query_dimension_of_waves,
    network_gradients,
)
from twolayer.teachers import random_units

FAMILIES = (PARITY, HALFSPACES, COSINE)
SMALL = {
    "parity": {"dim": 10, "samples": 50},
    "halfspaces": {"dim": 9, "halfspaces": 3, "samples": 60, "largest_weight": 2, "largest_bias": 1},
    "cosine": {"dim": 4, "samples": 40, "harmonics": 2},
}


def small(family, seed=0):
    options = SMALL[family.name]
    return *family.draw(np.random.default_rng(seed), **options), options


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_labels_and_sizes_follow_from_the_arrays(family):
    for options in (family.defaults, SMALL[family.name]):
        X, y, planted, claim = family.draw(np.random.default_rng(1), **options)
        assert X.shape == (options["samples"], options["dim"])
        assert y.shape == (options["samples"],)
        assert np.array_equal(family.labels(planted, X), y)
        assert dict(family.sizes(X, y, planted, options)) == dict(claim.sizes)
        assert all(np.isfinite(value) for value in claim.sizes.values())
        assert set(options) == set(family.defaults)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_same_seed_makes_the_same_instance_and_another_one_another(family):
    first, again, other = small(family), small(family), small(family, seed=1)
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert first[3] == again[3]
    assert not np.array_equal(first[1], other[1])
    assert not np.array_equal(first[2]["W"], other[2]["W"])


def test_a_parity_instance_is_a_parity_and_elimination_modulo_two_finds_it():
    X, y, planted, claim, _ = small(PARITY)
    assert set(np.unique(X)) == {0.0, 1.0}
    A = np.column_stack([X, y < 0]).astype(int)
    for row in range(10):
        pivot = next(i for i in range(row, len(A)) if A[i, row])
        A[[row, pivot]] = A[[pivot, row]]
        A[[i for i in range(len(A)) if i != row and A[i, row]]] ^= A[row]
    v = A[:10, 10]
    assert not A[10:].any()
    assert np.array_equal(y, (-1.0) ** (X @ v))
    assert np.array_equal(planted["W"][0], 2 * v)
    assert claim.sizes["path_norm"] == 6 * v.sum() ** 2 + 1 <= claim.sizes["path_norm_bound"] == 601
    assert claim.sizes["log2_query_dimension"] == 10
    assert claim.sizes["gradient_variance_over_energy"] == 4 / 1024
    assert claim.sizes["correlational_queries"] == pytest.approx(1023 * 2 ** (-20 / 3))


def test_parities_are_drawn_uniformly():
    d, draws = 5, 400
    rng = np.random.default_rng(0)
    V = np.array([PARITY.draw(rng, dim=d, samples=1)[2]["W"][0] / 2 for _ in range(draws)])
    assert np.abs(V.mean(axis=0) - 0.5).max() < 4 * 0.5 / math.sqrt(draws)
    assert len(np.unique(V, axis=0)) == 32


def test_a_halfspace_instance_is_an_intersection_of_integer_half_spaces():
    X, y, planted, claim, options = small(HALFSPACES)
    assert set(np.unique(X)) == {-1.0, 1.0}
    W, b = planted["W"][:3] / 2, -(planted["b"][:3] + 1) / 2
    assert set(np.unique(W)) <= {0, 1, 2}
    assert set(np.unique(b)) <= {0, 1}
    assert np.array_equal(y > 0, intersection(W, b, X))
    assert set(np.unique(y)) == {-1.0, 1.0}
    network = TwoLayerNetwork(planted["a"], planted["W"], planted["b"])
    assert claim.sizes["path_norm"] == network.path_norm() == pytest.approx(claim.sizes["path_norm_formula"])
    assert claim.sizes["least_margin_seen"] >= claim.sizes["least_margin"] * (1 - 1e-12) == pytest.approx(1 / 18)
    assert claim.sizes["inside"] == int(np.sum(y == 1))
    assert options["samples"] * 0.05 < claim.sizes["inside"] < options["samples"] * 0.6


def test_a_cosine_instance_is_a_wave_of_norm_root_d():
    d = 6
    X, y, planted, claim = COSINE.draw(np.random.default_rng(3), dim=d, samples=2000, harmonics=1)
    w = planted["W"][0] / (2 * math.pi)
    assert w @ w == pytest.approx(d, rel=1e-12)
    np.testing.assert_allclose(y, np.cos(2 * math.pi * X @ w), atol=1e-12)
    assert abs(X.mean()) < 4 / math.sqrt(X.size)
    assert abs(np.mean(X**2) - 1) < 4 * math.sqrt(2 / X.size)
    assert claim.sizes["mean_square"] == pytest.approx(0.5, rel=1e-12)
    assert claim.sizes["log_query_dimension"] == log_query_dimension_of_waves(d)
    expected = math.log(4) - log_query_dimension_of_waves(d)
    assert claim.sizes["log_gradient_variance_over_energy"] == pytest.approx(expected, rel=1e-12)
    at_zero = 2 * np.abs(planted["W"][0]).sum() ** 2 + 2
    assert claim.sizes["barron_bound"] == pytest.approx(at_zero, rel=1e-12)


def test_more_harmonics_make_the_triangle_wave():
    X, y, planted, claim = COSINE.draw(np.random.default_rng(0), dim=3, samples=200, harmonics=40)
    t = X @ planted["W"][0] / (2 * math.pi)
    triangle = math.pi**2 / 8 * (1 - 4 * np.abs(t - np.round(t)))
    assert np.abs(y - triangle).max() < 0.01
    assert planted["a"].shape == (40,)
    assert claim.sizes["mean_square"] == pytest.approx(math.pi**4 / 192, rel=1e-4)


def test_the_gradient_varies_no_more_than_claimed_over_the_sphere_of_waves():
    """By sampling w from the sphere, as the family does; x by a large sample."""
    d = 2
    rng = np.random.default_rng(0)
    sizes = COSINE.draw(rng, dim=d, samples=5, harmonics=1)[3].sizes
    W = rng.standard_normal((300, d))
    W *= math.sqrt(d) / np.linalg.norm(W, axis=1)[:, None]
    X = rng.standard_normal((8_000, d))
    network = random_units(d, 6, bias=1.0, rng=1)
    found = class_gradient_variance(network_gradients(network), X, np.cos(2 * math.pi * X @ W.T))
    assert found.variance < math.exp(sizes["log_gradient_variance_over_energy"]) * found.energy
    assert found.bound > found.variance


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_arrays_that_are_not_of_the_family_are_refused(family):
    X, y, planted, _, options = small(family)

    def refused(match, X=X, y=y, planted=planted, **changed):
        with pytest.raises(InputError, match=match):
            family.sizes(X, y, planted, options | changed)

    def turned(name):
        array = planted[name].copy()
        array.flat[-1] += 1.0
        return {**planted, name: array}

    for name in ("a", "W", "b"):
        refused("the planted network is not|the labels are not", planted=turned(name))
    refused("X and y must have shapes", X=X[:-1])
    refused("X and y must have shapes", y=y[:-1])
    refused("X and y must have shapes", dim=options["dim"] + 1)
    refused("arrays a, W and b", planted=None)
    refused("arrays a, W and b", planted={"a": planted["a"]})
    empty = {"a": np.zeros(0), "W": np.zeros((0, options["dim"])), "b": np.zeros(0)}
    refused("have a unit", planted=empty)


@pytest.mark.parametrize("family", [PARITY, HALFSPACES], ids=lambda family: family.name)
def test_inputs_off_the_cube_are_refused(family):
    X, y, planted, _, options = small(family)
    X[0, 0] = 0.5
    with pytest.raises(InputError, match="X must hold"):
        family.sizes(X, y, planted, options)


def test_half_spaces_beyond_the_options_and_foreign_labels_are_refused():
    X, y, planted, _, options = small(HALFSPACES)
    with pytest.raises(InputError, match="beyond the largest"):
        HALFSPACES.sizes(X, y, planted, options | {"largest_weight": 1})
    with pytest.raises(InputError, match="beyond the largest"):
        HALFSPACES.sizes(X, y, planted, options | {"largest_bias": 0})
    with pytest.raises(InputError, match="not that of an intersection of 2 half-spaces"):
        HALFSPACES.sizes(X, y, planted, options | {"halfspaces": 2})
    with pytest.raises(InputError, match="labels are not those"):
        HALFSPACES.sizes(X, -y, planted, options)


def test_a_wave_of_another_norm_or_shape_is_refused():
    X, y, planted, _, options = small(COSINE)
    with pytest.raises(InputError, match=r"norm sqrt\(4\), found 4"):
        COSINE.sizes(X, y, {**planted, "W": 2 * planted["W"]}, options)
    with pytest.raises(InputError, match="a wave of 1 harmonics"):
        COSINE.sizes(X, y, planted, options | {"harmonics": 1})


@pytest.mark.parametrize(
    ("family", "options", "message"),
    [
        (PARITY, {"dim": 0}, "dim must be an integer of at least 1"),
        (PARITY, {"dim": 1001}, "dim must be at most 1000, found 1001"),
        (PARITY, {"samples": 0}, "samples must be an integer of at least 1"),
        (HALFSPACES, {"halfspaces": 0}, "halfspaces must be an integer of at least 1"),
        (HALFSPACES, {"largest_bias": -1}, "largest_bias must be an integer of at least 0"),
        (COSINE, {"harmonics": 0}, "harmonics must be an integer of at least 1"),
    ],
)
def test_options_out_of_range_are_refused(family, options, message):
    with pytest.raises(InputError, match=message):
        family.draw(np.random.default_rng(0), **{**SMALL[family.name], **options})


def test_the_largest_parity_still_has_finite_numbers():
    *_, claim = PARITY.draw(np.random.default_rng(0), dim=1000, samples=2)
    assert all(math.isfinite(value) for value in claim.sizes.values())
    assert claim.sizes["gradient_variance_over_energy"] > 0
