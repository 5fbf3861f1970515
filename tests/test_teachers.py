"""The planted laws are what the papers write."""

import numpy as np
import pytest

from twolayer.errors import InputError
from twolayer.teachers import (
    LAWS,
    centred_identity,
    centred_units,
    conditioned,
    gaussian_samples,
    haar_blocks,
    identity,
    orthogonal,
    random_units,
    simplex_blocks,
)

FIXED = {"identity", "centred_identity"}  # nothing random
SIZES = {"haar_blocks": (4, 8), "simplex_blocks": (3, 8), "identity": (4, 4), "centred_identity": (4, 4)}


@pytest.mark.parametrize(("d", "k", "kappa"), [(10, 5, 2.0), (5, 5, 3.5), (20, 2, 1.0), (7, 3, 100.0)])
def test_the_singular_values_of_a_conditioned_law_are_those_of_the_paper(d, k, kappa):
    network = conditioned(d, k, kappa, rng=0)
    expected = [1 + i * (kappa - 1) / (k - 1) for i in range(k)]
    assert network.W.shape == (k, d)
    np.testing.assert_allclose(np.linalg.svd(network.W, compute_uv=False)[::-1], expected, rtol=1e-13)
    assert set(network.a) <= {-1.0, 1.0}
    assert not network.has_bias
    assert network.polynomial is None


def test_a_conditioned_law_of_one_unit_has_norm_one():
    assert np.linalg.norm(conditioned(4, 1, 5.0, rng=0).W) == pytest.approx(1.0, rel=1e-14)


def test_both_factors_of_a_conditioned_law_are_uniform():
    """Each entry of W then has mean 0 and variance tr(Σ²)/(kd), and rows mix all singular values."""
    d, k, kappa, draws = 3, 2, 3.0, 800
    rng = np.random.default_rng(0)
    drawn = np.array([conditioned(d, k, kappa, rng=rng).W for _ in range(draws)])
    variance = (1 + kappa**2) / (k * d)
    standard_error = np.sqrt(variance / draws)
    assert standard_error < 0.05
    assert np.abs(drawn.mean(axis=0)).max() < 4.5 * standard_error
    spread = (drawn**2).std(axis=0) / np.sqrt(draws)
    assert spread.max() < 0.06 * variance
    assert (np.abs((drawn**2).mean(axis=0) - variance) < 4.5 * spread).all()


def test_output_signs_are_fair_coins():
    rng = np.random.default_rng(0)
    for law in (conditioned, random_units, orthogonal):
        signs = np.sign([law(4, 4, rng=rng).a for _ in range(200)])
        assert abs(signs.mean()) < 4.5 / np.sqrt(signs.size)
        assert np.abs(signs.T @ signs / 200 - np.eye(4)).max() < 4.5 / np.sqrt(200)


def test_orthogonal_rows_are_orthonormal():
    network = orthogonal(9, 6, rng=0)
    np.testing.assert_allclose(network.W @ network.W.T, np.eye(6), atol=1e-14)
    assert set(network.a) <= {-1.0, 1.0}
    assert not network.has_bias


def test_random_units_have_rows_of_norm_one_and_bounded_scalars():
    network = random_units(5, 2000, bias=1.5, activation="tanh", rng=0)
    np.testing.assert_allclose(np.linalg.norm(network.W, axis=1), 1.0, rtol=1e-14)
    assert 0.5 <= np.abs(network.a).min() < 0.51 < 1.99 < np.abs(network.a).max() <= 2.0
    assert -1.5 <= network.b.min() < -1.49 < 1.49 < network.b.max() <= 1.5
    assert network.activation.name == "tanh"
    second_moment = network.W.T @ network.W / 2000
    assert np.abs(second_moment - np.eye(5) / 5).max() < 4.5 / np.sqrt(2000) / 5 * np.sqrt(2)
    assert not random_units(5, 4, rng=0).has_bias


@pytest.mark.parametrize("law", LAWS)
def test_a_seed_names_a_network(law):
    draw, size = LAWS[law].function, SIZES.get(law, (6, 4))
    assert draw(*size, rng=3) == draw(*size, rng=np.random.default_rng(3))
    assert draw(*size, activation="abs", rng=3).activation.name == "abs"
    assert (draw(*size, rng=3).dim, draw(*size, rng=3).width) == size
    assert LAWS[law].summary


@pytest.mark.parametrize("law", sorted(LAWS.keys() - FIXED))
def test_another_seed_names_another_network_and_a_generator_moves_on(law):
    draw, size = LAWS[law].function, SIZES.get(law, (6, 4))
    assert draw(*size, rng=3) != draw(*size, rng=4)
    rng = np.random.default_rng(3)
    assert draw(*size, rng=rng) != draw(*size, rng=rng)


@pytest.mark.parametrize("law", ["centred_units", "haar_blocks", "simplex_blocks", "identity", "centred_identity"])
def test_the_laws_of_equal_units_have_output_weights_one(law):
    network = LAWS[law].function(*SIZES.get(law, (6, 4)), rng=0)
    np.testing.assert_array_equal(network.a, 1.0)
    assert not network.has_bias
    assert network.polynomial is None


def test_centred_units_are_the_centred_gaussians_of_the_paper():
    """They are functions of one Gaussian array, so that the definition can be written out on the same draw."""
    d, r = 7, 12
    g = np.random.default_rng(5).standard_normal((r, d)) / np.sqrt(d)
    expected = [(g[i] - sum(g) / r) / np.linalg.norm(g[i] - sum(g) / r) for i in range(r)]
    np.testing.assert_allclose(centred_units(d, r, rng=5).W, expected, rtol=1e-12)


def test_haar_blocks_are_orthogonal_up_to_one_shift():
    W = haar_blocks(6, 18, rng=0).W
    np.testing.assert_allclose(W.sum(axis=0), 0.0, atol=1e-13)
    for block in W.reshape(3, 6, 6):
        differences = block[1:] - block[0]  # the shift drops out
        np.testing.assert_allclose(differences @ differences.T, np.eye(5) + 1, atol=1e-13)
    assert np.abs(W[:6] - W[6:12]).max() > 0.1


def test_each_block_is_uniform():
    """The entries of Haar blocks and of rotated simplices have the moments of a uniform direction."""
    d, draws = 3, 1500
    for entries in (haar_blocks(d, draws * d, rng=0).W, simplex_blocks(d, draws * (d + 1), rng=0).W[:: d + 1]):
        standard_error = 1 / np.sqrt(draws)
        assert np.abs(entries.mean(axis=0)).max() < 4.5 * standard_error / np.sqrt(d)
        assert np.abs(np.mean(entries**2, axis=0) - 1 / d).max() < 4.5 * standard_error / d
        assert np.abs(np.mean(entries**4, axis=0) - 3 / (d * (d + 2))).max() < 4.5 * standard_error / d
        assert np.abs(entries.T @ entries / len(entries) - np.eye(d) / d).max() < 4.5 * standard_error / d


def test_simplex_blocks_are_simplices():
    d = 5
    W = simplex_blocks(d, 3 * (d + 1), rng=1).W
    for block in W.reshape(3, d + 1, d):
        np.testing.assert_allclose(block @ block.T, (1 + 1 / d) * np.eye(d + 1) - 1 / d, atol=1e-13)
        np.testing.assert_allclose(block.sum(axis=0), 0.0, atol=1e-13)
        np.testing.assert_allclose(block.T @ block, (d + 1) / d * np.eye(d), atol=1e-13)
    np.testing.assert_allclose(simplex_blocks(1, 2, rng=0).W.sum(), 0.0, atol=1e-15)


def test_the_identity_and_its_centred_form():
    np.testing.assert_array_equal(identity(4, 4).W, np.eye(4))
    W = centred_identity(4, 4).W
    np.testing.assert_allclose(np.linalg.norm(W, axis=1), 1.0, rtol=1e-14)
    np.testing.assert_allclose(W @ W.T, 4 / 3 * np.eye(4) - 1 / 3, atol=1e-15)


def test_samples_are_standard_gaussian_and_labelled_by_the_network():
    network = random_units(4, 3, bias=1.0, rng=0)
    X, y = gaussian_samples(network, 50_000, rng=1)
    np.testing.assert_array_equal(y, network(X))
    assert np.abs(X.mean(axis=0)).max() < 4.5 / np.sqrt(50_000)
    assert np.abs(X.T @ X / 50_000 - np.eye(4)).max() < 4.5 * np.sqrt(2 / 50_000)
    assert (gaussian_samples(network, 10, rng=1)[0] == gaussian_samples(network, 10, rng=1)[0]).all()


def test_noise_is_a_multiple_of_the_spread_of_the_clean_labels():
    network = random_units(4, 3, bias=1.0, rng=0)
    X, y = gaussian_samples(network, 50_000, rng=1, noise=0.25)
    clean = network(X)
    noise = (y - clean) / clean.std()
    assert abs(noise.mean()) < 4.5 * 0.25 / np.sqrt(50_000)
    assert abs(noise.std() - 0.25) < 4.5 * 0.25 / np.sqrt(100_000)
    assert abs(noise @ clean) / np.linalg.norm(clean) < 4.5 * 0.25


@pytest.mark.parametrize(
    ("draw", "complaint"),
    [
        (lambda: conditioned(4, 5), "at most as many units as inputs, found 5 units and 4 inputs"),
        (lambda: orthogonal(4, 5), "at most as many units as inputs, found 5 units and 4 inputs"),
        (lambda: conditioned(4, 0), "number of units must be an integer of at least 1, found 0"),
        (lambda: random_units(0, 3), "number of inputs must be an integer of at least 1, found 0"),
        (lambda: random_units(3.0, 3), r"number of inputs must be an integer of at least 1, found 3\.0"),
        (lambda: orthogonal(True, 1), "found True"),
        (lambda: centred_units(4, 1), "centred and needs at least 2 units, found 1"),
        (lambda: haar_blocks(1, 1), "centred and needs at least 2 units, found 1"),
        (lambda: haar_blocks(4, 9), "with 4 inputs this law needs a multiple of 4 units, found 9: the nearest is 8"),
        (lambda: haar_blocks(4, 1), "a multiple of 4 units, found 1: the nearest is 4"),
        (lambda: simplex_blocks(4, 9), "a multiple of 5 units, found 9: the nearest is 10"),
        (lambda: simplex_blocks("4", 9), "number of inputs must be an integer of at least 1, found '4'"),
        (lambda: identity(4, 3), "as many units as inputs, found 3 units and 4 inputs: take 4 units"),
        (lambda: centred_identity(1, 1), "centred and needs at least 2 units, found 1"),
        (lambda: conditioned(4, 2, 0.5), "kappa must be a finite number of at least 1"),
        (lambda: conditioned(4, 2, np.nan), "kappa must be"),
        (lambda: conditioned(4, 2, np.inf), "kappa must be"),
        (lambda: conditioned(4, 2, "big"), "kappa must be"),
        (lambda: random_units(4, 2, bias=-1.0), "bias must be a finite number of at least 0"),
        (lambda: random_units(4, 2, bias=np.nan), "bias must be"),
        (lambda: random_units(4, 2, activation="no such thing"), "no such thing"),
        (lambda: gaussian_samples(random_units(2, 2), 0), "number of samples must be an integer of at least 1"),
        (lambda: gaussian_samples(random_units(2, 2), 5, noise=-1), "noise must be"),
        (lambda: gaussian_samples(random_units(2, 2), 5, noise=np.inf), "noise must be"),
    ],
)
def test_a_law_that_cannot_be_drawn_from_is_refused(draw, complaint):
    with pytest.raises(InputError, match=complaint):
        draw()
