"""Starts: the second moment by its definition and by Gaussian expectation, signs and directions of planted units."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import linear_sum_assignment

from lifted_models import SlowModel
from twolayer.activation import activation
from twolayer.model import UnitsProblem
from twolayer.moments import SecondMoment, second_moment
from twolayer.network import TwoLayerNetwork
from twolayer.recover import recover
from twolayer.rows import some_rows
from twolayer.search.directions import amplitude_signs, moment_directions, odd_terms, principal_directions, random_start
from twolayer.teachers import conditioned, gaussian_samples, orthogonal, random_units

C2_RELU = 1 / np.sqrt(2 * np.pi)  # E[max(g, 0)(g² - 1)]


def spectrum_of(values):
    d = len(values)
    return SecondMoment(np.asarray(values, float), np.eye(d), np.zeros(d + 1), np.zeros(1))


# The second moment


def test_the_second_moment_is_that_of_the_labels_less_their_best_affine_fit(rng):
    X, y = rng.standard_normal((60, 4)) + 0.5, rng.standard_normal(60)
    inputs = np.column_stack([X, np.ones(60)])
    affine = np.linalg.lstsq(inputs, y)[0]
    rest = y - inputs @ affine
    T = sum(r * np.outer(x, x) for r, x in zip(rest, X, strict=True)) / 60
    found = second_moment(X, y)
    assert_allclose(found.affine, affine, atol=1e-12)
    assert_allclose(found.rest, rest, atol=1e-12)
    assert_allclose((found.vectors * found.values) @ found.vectors.T, T, atol=1e-12)
    assert_allclose(found.vectors.T @ found.vectors, np.eye(4), atol=1e-12)
    assert (np.diff(np.abs(found.values)) <= 0).all()


def test_an_input_that_never_varies_does_not_spoil_the_affine_fit(rng):
    X, y = rng.standard_normal((60, 4)), rng.standard_normal(60)
    X[:, 2] = 3.0
    inputs = np.column_stack([np.delete(X, 2, axis=1), np.ones(60)])
    rest = y - inputs @ np.linalg.lstsq(inputs, y)[0]
    assert_allclose(second_moment(X, y).rest, rest, atol=1e-12)


def test_of_relu_units_it_is_the_sum_of_their_projectors():
    """To five standard errors of an entry, std(rest)·√2/√n."""
    teacher = random_units(5, 3, activation="relu", rng=3)
    n = 100_000
    X, y = gaussian_samples(teacher, n, rng=4)
    found = second_moment(X, y + X @ np.arange(5.0) + 7)
    expected = C2_RELU * (teacher.W.T * teacher.a) @ teacher.W
    error = (found.vectors * found.values) @ found.vectors.T - expected
    assert np.abs(error).max() < 5 * np.sqrt(2 / n) * found.rest.std()
    assert np.abs(expected).max() > 10 * np.abs(error).max()


# Signs


@pytest.mark.parametrize("spec", ["relu", "polynomial(0,1,-1,0.2)"])
@pytest.mark.parametrize("seed", range(3))
def test_the_inertia_of_the_second_moment_has_the_signs_of_the_outer_weights(spec, seed):
    drawn = conditioned(8, 5, 2, spec, rng=seed)
    teacher = TwoLayerNetwork([1.0, -1.0, 1.0, 1.0, -1.0], drawn.W, activation=spec)
    X, y = gaussian_samples(teacher, 100_000, rng=seed)
    c2 = activation(spec).hermite_coefficients(2)[2]
    assert np.sign(c2) == (1 if spec == "relu" else -1)
    assert sorted(amplitude_signs(c2, 5, second_moment(X, y))) == [-1, -1, 1, 1, 1]


@pytest.mark.parametrize(
    ("c2", "width", "expected"),
    [
        (0.4, 3, [-1, 1, 1]),
        (-0.4, 3, [1, -1, -1]),
        (0.4, 6, [-1, 1, 1, -1, 1, -1]),  # two more than there are inputs: they alternate
        (0.0, 3, [1, -1, 1]),
        (1e-9, 2, [1, -1]),
    ],
)
def test_signs_are_those_of_the_leading_eigenvalues_and_alternate_beyond(c2, width, expected):
    assert list(amplitude_signs(c2, width, spectrum_of([-3.0, 2.0, 1.0, -0.5]))) == expected


# Directions


@pytest.mark.parametrize(("spec", "seed"), [("relu", 0), ("squared_relu", 1), ("gelu", 2), ("relu", 3)])
def test_the_moments_point_along_the_units(spec, seed, rng):
    teacher = conditioned(8, 3, 2, spec, rng=seed)
    X, y = gaussian_samples(teacher, 100_000, rng=seed + 10)
    found = moment_directions(X, y, 3, second_moment(X, y), rng)
    assert found.shape == (3, 8)
    assert_allclose(np.linalg.norm(found, axis=1), 1)
    cosines = np.abs(found @ teacher.W.T) / np.linalg.norm(teacher.W, axis=1)
    assert cosines[linear_sum_assignment(-cosines)].min() > 0.95


@pytest.mark.parametrize(("n", "d", "width"), [(79, 6, 3), (400, 6, 1), (400, 3, 4), (4000, 30, 26)])
def test_without_rows_enough_or_with_other_numbers_of_units_the_moments_are_silent(n, d, width, rng):
    X, y = rng.standard_normal((n, d)), rng.standard_normal(n)
    assert moment_directions(X, y, width, second_moment(X, y), rng) is None


def test_eighty_rows_are_enough_for_the_moments_of_three_units(rng):
    X, y = rng.standard_normal((80, 6)), rng.standard_normal(80)
    assert moment_directions(X, y, 3, second_moment(X, y), rng).shape == (3, 6)


def test_odd_units_that_the_second_moment_does_not_show_are_shown_by_the_third_with_their_signs():
    signs = np.where(np.arange(8) % 3, 1.0, -1.0)
    teacher = TwoLayerNetwork(signs, orthogonal(12, 8, "tanh", rng=0).W, activation="tanh")
    X, y = gaussian_samples(teacher, 50_000, rng=1)
    terms = odd_terms(X, second_moment(X, y).rest, 8, np.random.default_rng(2))
    cosines = terms.factors @ teacher.W.T
    rows, columns = linear_sum_assignment(-np.abs(cosines))
    paired = cosines[rows, columns]
    assert np.abs(paired).min() > 0.95
    c3 = activation("tanh").hermite_coefficients(3)[3]
    assert (np.sign(terms.weights[rows] * paired) == np.sign(c3 * teacher.a[columns])).all()


def test_the_first_start_of_odd_units_is_by_the_third_moment_and_near():
    teacher = random_units(20, 16, activation="tanh", rng=0)
    X, y = gaussian_samples(teacher, 5000, rng=1)
    losses = {}
    result = recover(X, y, 16, "tanh", rng=0, progress=lambda stage, _, loss: losses.setdefault(stage, loss))
    assert result.is_certified
    assert losses["plain start: third moment"] < 0.3


def test_principal_directions_are_drawn_in_the_leading_span():
    vectors = np.linalg.qr(np.random.default_rng(1).standard_normal((5, 5)))[0]
    spectrum = SecondMoment(np.array([4.0, -3, 2, 1, 0.5]), vectors, np.zeros(6), np.zeros(1))
    rows = np.vstack([principal_directions(spectrum, 2, np.random.default_rng(seed)) for seed in range(200)])
    assert_allclose(np.linalg.norm(rows, axis=1), 1)
    inside = rows @ vectors[:, :2]
    assert_allclose(np.linalg.norm(inside, axis=1), 1)
    assert_allclose(inside.T @ inside / len(rows), np.eye(2) / 2, atol=0.1)  # evenly, in no direction more


# The whole start

STARTS = [
    ("relu", False, False, True),
    ("relu", False, True, True),
    ("relu", True, True, True),
    ("squared_relu", True, True, True),
    ("tanh", True, False, False),
    ("tanh", False, False, False),
    ("sigmoid", False, True, False),
    ("softplus", True, True, False),
]


@pytest.mark.parametrize("is_drawn", [False, True])
@pytest.mark.parametrize(("spec", "has_bias", "is_lifted", "is_fixed"), STARTS)
def test_a_start_is_as_large_as_what_its_units_are_to_explain(spec, has_bias, is_lifted, is_fixed, is_drawn, rng):
    """The labels less their mean; or less their affine fit, which an affine lift begins with."""
    n, d = 300, 4
    signs = np.array([1.0, -1.0, -1.0])
    X = rng.standard_normal((n, d))
    y = 20 * np.abs(X[:, 0]) + 30 * X[:, 1] + 4
    problem = UnitsProblem(
        X, y, activation(spec), 3, signs=signs if is_fixed else None, has_bias=has_bias, is_lifted=is_lifted
    )
    directions = None if is_drawn else np.linalg.qr(rng.standard_normal((d, 3)))[0].T
    model = SlowModel(problem)
    z = random_start(problem, second_moment(X, y), signs, rng, directions)
    theta, linear, v, Q, constant = model.unpack(z)
    theta, v = np.array(theta), np.array(v)
    units_alone = np.array([model.value(x, z) for x in X]) - constant
    inputs = np.column_stack([X, np.ones(n)])
    target = y - y.mean()
    if problem.has_linear_row:
        kept = d + has_bias
        assert_allclose(linear, np.linalg.lstsq(inputs, y)[0][:kept], atol=1e-10)
        units_alone = units_alone - inputs[:, :kept] @ linear
        target = y - inputs @ np.linalg.lstsq(inputs, y)[0]
    assert np.std(units_alone) == pytest.approx(np.std(target), rel=1e-12)
    assert not Q.any()
    assert constant == pytest.approx(y.mean() if problem.has_constant and not problem.has_linear_row else 0.0)
    assert (np.sign(v) == signs).all()
    assert not is_fixed or (v == signs).all()
    if directions is not None:
        size = np.linalg.norm(theta[:, :d], axis=1)
        assert_allclose(theta[:, :d] / size[:, None], directions, atol=1e-12)
        assert_allclose(size, size[0] if is_fixed else 1.0)


def test_a_start_of_many_rows_takes_its_scale_from_some_of_them(rng):
    teacher = orthogonal(5, 3, "relu", rng=0)
    X, y = gaussian_samples(teacher, 20_000, rng=1)
    X, y = X[np.argsort(y)], np.sort(y)
    problem = UnitsProblem(X, y, activation("relu"), 3, signs=np.sign(teacher.a))
    z = random_start(problem, second_moment(X, y), np.sign(teacher.a), rng)
    rows = some_rows(20_000, 4096)
    assert np.std(problem.residual(z)[rows] + y[rows]) == pytest.approx(np.std(y[rows]), rel=1e-12)
    assert np.std(y[rows]) == pytest.approx(np.std(y), rel=0.05)  # though the rows are sorted


def test_random_starts_differ_and_the_same_seed_gives_the_same():
    X, y = gaussian_samples(orthogonal(5, 3, "tanh", rng=0), 100, rng=1)
    problem = UnitsProblem(X, y, activation("tanh"), 3, has_bias=True)
    draws = [random_start(problem, second_moment(X, y), np.ones(3), np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert (draws[0] == draws[1]).all()
    assert np.abs(draws[0] - draws[2])[:18].min() > 0
