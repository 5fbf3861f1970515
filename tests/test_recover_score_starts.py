"""Starts for inputs that are not Gaussian: nearer to the units than Hermite moments of such inputs."""

import numpy as np
import pytest

from twolayer.moments import second_moment
from twolayer.search import directions
from twolayer.search.directions import moment_directions
from twolayer.search.score_starts import fitted_density, score_directions
from twolayer.teachers import random_units


def lumps(rng, n, d, apart=2.0):
    """Two Gaussians on either side of the origin, along the first input."""
    X = rng.standard_normal((n, d))
    X[:, 0] += apart * rng.choice([-1.0, 1.0], n)
    return X


def angles(directions, W):
    """How far the nearest direction is from each unit, as the sine of the angle between them."""
    cosines = np.abs(W @ directions.T).max(axis=1)
    return np.sqrt(1 - np.minimum(cosines, 1) ** 2)


@pytest.mark.parametrize("spec", ["relu", "softplus"])
def test_the_units_of_a_network_are_near(spec):
    rng = np.random.default_rng(4)
    teacher = random_units(5, 3, 1.0, spec, rng)
    X = lumps(rng, 60_000, 5)
    rest = second_moment(X, teacher(X)).rest
    density = fitted_density(X, rng)
    assert len(density.weights) == 2
    assert angles(score_directions(X, rest, 3, density, rng), teacher.W).max() < 0.35


def test_one_gaussian_is_enough_for_gaussian_inputs(rng):
    assert len(fitted_density(rng.standard_normal((2000, 4)) @ rng.standard_normal((4, 4)), rng).weights) == 1


def test_too_few_rows_have_no_density(rng):
    assert fitted_density(rng.standard_normal((30, 5)), rng) is None
    assert fitted_density(rng.standard_normal((500, 61)), rng) is None


def test_the_start_is_by_score_functions_where_inputs_are_not_gaussian(monkeypatch):
    """Over several networks the directions are nearer than those of Hermite moments of the same rows."""
    by_scores, by_hermite = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        teacher = random_units(5, 3, 1.0, "relu", rng)
        X = lumps(rng, 20_000, 5)
        y, spectrum = teacher(X), second_moment(X, teacher(X))
        by_scores.append(angles(moment_directions(X, y, 3, spectrum, np.random.default_rng(0)), teacher.W).mean())
        with monkeypatch.context() as patch:
            patch.setattr(directions, "fitted_density", lambda *_: None)
            found = moment_directions(X, y, 3, spectrum, np.random.default_rng(0))
        by_hermite.append(angles(found, teacher.W).mean())
    assert np.median(by_scores) < 0.6 * np.median(by_hermite)
