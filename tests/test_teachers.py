"""The planted laws are what the papers write."""

import numpy as np
import pytest

from twolayer.errors import InputError
from twolayer.teachers import LAWS, conditioned, gaussian_samples, orthogonal, random_units


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
def test_a_seed_names_a_network_and_a_generator_moves_on(law):
    draw = LAWS[law].function
    assert draw(6, 4, rng=3) == draw(6, 4, rng=np.random.default_rng(3))
    assert draw(6, 4, rng=3) != draw(6, 4, rng=4)
    rng = np.random.default_rng(3)
    assert draw(6, 4, rng=rng) != draw(6, 4, rng=rng)
    assert draw(6, 4, activation="abs", rng=3).activation.name == "abs"
    assert LAWS[law].summary


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
