"""What is claimed: every status from samples that call for it, and from evidence that is right but for one thing."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from fits import Told, fit_at, minimum_near
from twolayer import Status, TwoLayerNetwork, recover
from twolayer.align import recovery_error
from twolayer.evidence import Found, judge
from twolayer.evidence.curvature import curvature, normal_matrix
from twolayer.evidence.noise import NoiseEvidence
from twolayer.evidence.score_test import ScoreTest
from twolayer.rows import some_rows
from twolayer.search.conclusion import concluded
from twolayer.teachers import conditioned, gaussian_samples, orthogonal, random_units


def samples(teacher, n, noise=0.0, rng=7):
    return gaussian_samples(teacher, n, noise=noise, rng=rng)


# From samples


def test_exact_labels_are_certified():
    teacher = orthogonal(6, 3, "relu", rng=0)
    result = recover(*samples(teacher, 600), 3, "relu", rng=0)
    assert result.status is Status.CERTIFIED
    assert recovery_error(result.network, teacher) < 1e-9
    assert result.certificate.score_test is None


@pytest.mark.parametrize(("spec", "noise"), [("relu", 0.02), ("squared_relu", 0.1), ("tanh", 0.02)])
def test_noisy_labels_are_certified_with_noise(spec, noise):
    teacher = orthogonal(6, 3, spec, rng=0)
    X, y = samples(teacher, 3000, noise)
    result = recover(X, y, 3, spec, rng=0)
    assert result.status is Status.CERTIFIED_WITH_NOISE
    assert recovery_error(result.network, teacher) < noise
    assert_allclose(result.certificate.noise, np.std(y - teacher(X)), rtol=0.02)


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_too_few_units_are_a_misfit(noise):
    X, y = samples(orthogonal(6, 3, "relu", rng=0), 900, noise)
    result = recover(X, y, 2, "relu", rng=0)
    assert result.status is Status.MISFIT
    assert result.certificate.residual > 0.1


def test_labels_with_an_affine_part_of_their_own_are_an_unresolved_reflection():
    """The lift explains them, and no orientation of the units leaves that part."""
    X, y = samples(orthogonal(6, 2, "relu", rng=0), 400)
    assert recover(X, y + 0.3 * X[:, 0], 2, "relu", rng=0).status is Status.UNRESOLVED_REFLECTION


@pytest.mark.parametrize(("n", "status"), [(50, Status.TOO_FEW_ROWS), (60, Status.CERTIFIED)])
def test_exact_labels_of_too_few_rows_are_not_certified(n, status):
    """Forty parameters; a certificate asks for half as many rows again."""
    result = recover(*samples(orthogonal(10, 4, "squared_relu", rng=0), n), 4, "squared_relu", rng=0)
    assert result.certificate.n_parameters == 40
    assert result.certificate.residual < 1e-10
    assert result.status is status


@pytest.mark.parametrize(("n", "noise"), [(80, 0.01), (300, 0.9)])
def test_noisy_labels_of_too_few_rows_are_not_certified(n, noise):
    """Less than eight rows a parameter, or noise that a weaker unit would have hidden in."""
    X, y = samples(orthogonal(6, 2, "relu", rng=0), n, noise)
    assert recover(X, y, 2, "relu", rng=0).status is Status.TOO_FEW_ROWS


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_too_many_units_are_not_identifiable(noise):
    result = recover(*samples(orthogonal(5, 2, "squared_relu", rng=0), 1500, noise), 3, "squared_relu", rng=0)
    assert result.status is Status.NOT_IDENTIFIABLE
    assert "A network of 2 units explains the data as well." in result.certificate.notes


def test_a_unit_that_noise_leaves_almost_linear_has_loose_weights():
    """Of tanh within 3 % of its scale, the product of both weights is seen, and hardly either of them."""
    teacher = TwoLayerNetwork([30.0], [[0.03, 0.0, 0.0]], activation="tanh")
    result = recover(*samples(teacher, 4000, 0.3), 1, "tanh", rng=0)
    assert result.status is Status.LOOSE_WEIGHTS
    errors = result.certificate.standard_errors
    assert errors.a[0] > 0.3 * abs(result.network.a[0])


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_units_that_can_be_turned_together_are_ambiguous(noise):
    """Three rows that sum to zero: Σ relu(w_i·x) = Σ relu(-w_i·x)."""
    W = np.random.default_rng(3).standard_normal((3, 5))
    W[2] = -W[0] - W[1]
    result = recover(*samples(TwoLayerNetwork(np.ones(3), W, activation="relu"), 2000, noise), 3, "relu", rng=0)
    assert result.status is Status.AMBIGUOUS_REFLECTION
    said = "Turning units 0, 1, 2 round together leaves the function as it is: 2 sign patterns give it."
    assert said in result.certificate.notes


# Wrong models under noise


@pytest.mark.parametrize(("asked", "status"), [(3, Status.MISFIT), (4, Status.MISFIT), (6, Status.NOT_IDENTIFIABLE)])
@pytest.mark.parametrize("spec", ["relu", "squared_relu"])
def test_a_wrong_width_is_not_certified_under_noise(asked, status, spec):
    X, y = samples(conditioned(6, 5, 2, spec, rng=1), 3000, 0.02)
    assert recover(X, y, asked, spec, rng=0).status is status


@pytest.mark.parametrize(
    ("spec", "asked"),
    [
        ("relu", "leaky_relu(0.2)"),
        ("relu", "squared_relu"),
        ("relu", "softplus"),
        ("relu", "tanh"),
        ("squared_relu", "relu"),
        ("tanh", "relu"),
        ("tanh", "sine"),
    ],
)
def test_a_wrong_activation_is_not_certified_under_noise(spec, asked):
    X, y = samples(conditioned(5, 2, 2, spec, rng=1), 2000, 0.02)
    assert not recover(X, y, 2, asked, rng=0).is_certified


# From evidence

GOOD = NoiseEvidence(ScoreTest(1.0, 0.5, 20), wider_gain=0.1, narrower_loss=20.0, has_power=True)


def noisy_found(noise=0.1, n=600):
    teacher = orthogonal(5, 2, "relu", rng=0)
    X, y = samples(teacher, n, noise)
    return Found(minimum_near(X, y, teacher), noise=GOOD)


def exact_found(teacher, n=600):
    X, y = samples(teacher, n)
    return Found(fit_at(X, y, teacher))


def test_good_evidence_is_a_certificate():
    assert judge(noisy_found())[1] is Status.CERTIFIED_WITH_NOISE
    assert judge(exact_found(orthogonal(5, 2, "relu", rng=0)))[1] is Status.CERTIFIED


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"noise": None}, Status.MISFIT),
        ({"noise": replace(GOOD, wider_gain=None, narrower_loss=None)}, Status.MISFIT),
        ({"noise": replace(GOOD, wider_gain=0.7)}, Status.MISFIT),
        ({"noise": replace(GOOD, has_power=False)}, Status.TOO_FEW_ROWS),
        ({"noise": replace(GOOD, narrower_loss=4.0)}, Status.NOT_IDENTIFIABLE),
        ({"lifted_loss": 1e-23}, Status.UNRESOLVED_REFLECTION),
        ({"lifted_loss": 1e-21}, Status.CERTIFIED_WITH_NOISE),
    ],
)
def test_one_thing_that_is_wrong_with_a_noisy_fit_decides(changes, status):
    assert judge(replace(noisy_found(), **changes))[1] is status


@pytest.mark.parametrize(("n", "status"), [(79, Status.TOO_FEW_ROWS), (80, Status.CERTIFIED_WITH_NOISE)])
def test_a_noisy_fit_needs_eight_rows_a_parameter(n, status):
    assert judge(noisy_found(n=n))[1] is status


@pytest.mark.parametrize(("n", "status"), [(14, Status.TOO_FEW_ROWS), (15, Status.CERTIFIED)])
def test_an_exact_fit_needs_one_row_and_a_half_a_parameter(n, status):
    assert judge(exact_found(orthogonal(5, 2, "abs", rng=0), n))[1] is status


def test_a_flat_direction_of_an_exact_fit_is_not_identifiable():
    teacher = TwoLayerNetwork([1.0, 1.0], np.outer([0.3, 0.7], [1.0, 2.0, 0.0]), activation="relu")
    found = exact_found(teacher)
    assert judge(found).status is Status.NOT_IDENTIFIABLE
    told = Told()
    _, status, certificate = concluded(found, told)
    assert status is Status.NOT_IDENTIFIABLE
    assert told.stages  # what is refitted is told
    assert certificate.notes[-1] == "A network of 1 units explains the data as well."


def test_weights_as_uncertain_as_they_are_large_are_loose():
    found = noisy_found(noise=3.0, n=400)
    _, status, certificate = judge(found)
    assert np.linalg.norm(certificate.standard_errors.W, axis=1).max() > 0.3
    assert status is Status.LOOSE_WEIGHTS


def test_the_numbers_of_a_certificate_are_those_of_its_fit():
    found = noisy_found()
    network, _, certificate = judge(found)
    X, y = found.fit.problem.X, found.fit.problem.y
    residual = y - np.maximum(X @ network.W.T, 0) @ network.a
    assert certificate.residual == pytest.approx(np.sqrt(np.mean(residual**2)) / y.std(), rel=1e-9)
    assert certificate.noise == pytest.approx(np.sqrt(np.sum(residual**2) / (600 - 10)), rel=1e-9)
    active = X @ network.W.T > 0
    J = (active[:, :, None] * X[:, None, :] * network.a[:, None]).reshape(600, 10)
    deviations = certificate.noise * np.sqrt(np.linalg.inv(J.T @ J).diagonal())
    assert_allclose(certificate.standard_errors.W.ravel(), deviations, rtol=1e-8)
    values = np.linalg.svd(network.W)[1]
    assert certificate.kappa == pytest.approx(values[0] / values[1], rel=1e-12)
    assert (certificate.n_rows, certificate.n_parameters, certificate.width) == (600, 10, 2)
    assert (certificate.wider_gain, certificate.narrower_loss) == (0.1, 20.0)
    assert certificate.score_test == GOOD.test
    assert certificate.held_out_residual is None


def test_rows_that_were_held_out_judge():
    found = noisy_found(n=600)
    held_out = np.arange(600) >= 500
    y = found.fit.problem.y
    _, _, certificate = judge(replace(found, held_out=held_out, held_out_loss=0.04))
    assert certificate.held_out_residual == pytest.approx(0.2 / y.std())
    assert certificate.curvature.is_held_out
    assert certificate.curvature.n_rows == 40  # four a parameter
    rows = 500 + some_rows(100, 40)
    some, point = found.fit.problem.on(found.fit.problem.X[rows], y[rows]), found.fit.point
    there = curvature(some, point, normal_matrix(some, point), is_held_out=True)
    assert certificate.curvature.smallest == pytest.approx(there.smallest, rel=1e-9)
    _, _, few = judge(replace(found, held_out=np.arange(600) >= 581, held_out_loss=0.04))
    assert not few.curvature.is_held_out
    assert pytest.approx(certificate.standard_errors.W) == few.standard_errors.W


# Polynomial units


@pytest.mark.parametrize(("d", "width", "bias"), [(6, 9, False), (5, 9, True), (5, 7, False)])
def test_cubic_units_of_which_several_sets_give_the_same_function_are_not_certified(d, width, bias):
    truth = random_units(d, width, activation="polynomial(0,0,0,1)", rng=2)
    b = np.random.default_rng(2).standard_normal(width) if bias else None
    truth = TwoLayerNetwork(truth.a, truth.W, b, activation=truth.activation)
    X, y = gaussian_samples(truth, 400, rng=2)
    result = recover(X, y, width, truth.activation, bias=bias, rng=2)
    assert result.certificate.residual < 1e-12
    assert result.status is Status.NOT_IDENTIFIABLE
    assert any("coefficients" in note for note in result.certificate.notes)


def test_a_cubic_unit_fewer_is_certified():
    truth = random_units(6, 8, activation="polynomial(0,0,0,1)", rng=2)
    X, y = gaussian_samples(truth, 400, rng=2)
    assert recover(X, y, 8, truth.activation, rng=2).is_certified


# What few rows show


def with_a_far_unit(kink, n, seed):
    """Samples of three units of four inputs, one of which has its kink far out."""
    rng = np.random.default_rng(seed)
    W = np.vstack([rng.standard_normal((2, 4)), [1.0, 0, 0, 0]])
    truth = TwoLayerNetwork([1.0, -1.0, 1.0], W, [0.1, -0.2, -kink], activation="relu")
    X = rng.standard_normal((n, 4))
    return truth, X, truth(X)


@pytest.mark.parametrize(("kink", "seed"), [(2.6, 11), (2.2, 13), (2.6, 17), (2.2, 19)])
def test_a_unit_that_fewer_rows_show_than_it_has_numbers_is_not_certified_with_its_kink_on_rows(kink, seed):
    _, X, y = with_a_far_unit(kink, 300, seed)
    assert 0 < np.sum(X[:, 0] > kink) < 5
    assert not recover(X, y, 3, "relu", bias=True, rng=seed).is_certified


def test_a_unit_that_one_row_in_seven_hundred_shows_is_found_and_certified():
    truth, X, y = with_a_far_unit(3.0, 20_000, 1)
    result = recover(X, y, 3, "relu", bias=True, rng=1)
    assert result.status is Status.CERTIFIED
    assert recovery_error(result.network, truth) < 1e-9
    assert not any("Turning units" in note for note in result.certificate.notes)


@pytest.mark.parametrize("spec", ["relu", "squared_relu"])
def test_a_row_that_alone_tells_a_weight_certifies_nothing(spec):
    teacher = orthogonal(5, 1, spec, rng=0)
    X, y = samples(teacher, 400)
    active = int(np.argmax(y))
    feature = np.zeros(400)
    feature[active], y[active] = 1.0, y[active] + 3.7
    result = recover(np.column_stack([X, feature]), y, 1, spec, rng=0)
    assert result.certificate.residual < 1e-10
    assert result.status is Status.TOO_FEW_ROWS


@pytest.mark.parametrize("has_bias", [False, True])
def test_a_sine_on_whole_numbers_is_one_of_many(has_bias):
    rng = np.random.default_rng(4)
    b = np.array([0.4]) if has_bias else None
    network = TwoLayerNetwork([1.3], [[0.7, -0.4]], b, "sine")
    X = rng.integers(-6, 7, (300, 2)).astype(float)
    alias = TwoLayerNetwork([1.3], [[0.7 + 2 * np.pi, -0.4]], b, "sine")
    assert np.abs(alias(X) - network(X)).max() < 1e-12
    found = recover(X, network(X), 1, "sine", bias=has_bias, rng=0)
    assert not found.is_certified
    assert any("on a grid" in note for note in found.certificate.notes)
    Z = rng.standard_normal((300, 2))
    assert recover(Z, network(Z), 1, "sine", bias=has_bias, rng=0).is_certified


def test_squared_relus_on_a_sphere_may_all_be_turned_round():
    rng = np.random.default_rng(5)
    network = TwoLayerNetwork(np.ones(3), np.linalg.qr(rng.standard_normal((3, 3)))[0], None, "squared_relu")
    X = rng.standard_normal((600, 3))
    on_a_sphere = X / np.linalg.norm(X, axis=1, keepdims=True)
    turned = TwoLayerNetwork(-network.a, -network.W, None, "squared_relu")
    assert np.abs(network(on_a_sphere) - turned(on_a_sphere) - 1).max() < 1e-12
    found = recover(on_a_sphere, network(on_a_sphere), 3, "squared_relu", bias=True, rng=0)
    assert found.status is Status.AMBIGUOUS_REFLECTION
    assert recover(X, network(X), 3, "squared_relu", bias=True, rng=0).is_certified


def test_a_unit_that_one_outlier_made_is_not_certified():
    rng = np.random.default_rng(0)
    d, m, name = int(rng.integers(1, 5)), int(rng.integers(1, 4)), str(rng.choice(["relu", "tanh", "relu", "sigmoid"]))
    a = rng.choice([-1, 1], m) * rng.uniform(0.5, 2, m)
    network = TwoLayerNetwork(a, rng.standard_normal((m, d)), rng.uniform(-1, 1, m), name)
    n = int(rng.choice([200, 400, 1000]))
    X = rng.standard_normal((n, d))
    y, _ = network(X), rng.choice(4)
    y = y + 0.02 * y.std() * rng.standard_cauchy(n)
    found = recover(X, y, m, name, bias=True, rng=0)
    Z = rng.standard_normal((4000, d))
    assert np.std(found.network(Z) - network(Z)) > network(Z).std()  # it has learned the outliers
    assert found.status is Status.TOO_FEW_ROWS


@pytest.mark.parametrize("noise", [0.0, 0.01])
@pytest.mark.parametrize("spread", [None, 1e-12, 1e-9])
def test_a_column_that_hardly_varies_beside_its_mean_certifies_nothing(spread, noise, rng):
    """One rounding, or less than half of its digits: the bias could stand for it as well."""
    X = rng.standard_normal((500, 2))
    X[:, 0] = rng.choice([0.1 + 0.2, 0.3], 500) if spread is None else 1 + spread * X[:, 0]
    teacher = TwoLayerNetwork([1.0], [[1.0, 0.7]], [0.1], "tanh")
    result = recover(X, teacher(X) + noise * rng.standard_normal(500), 1, "tanh", bias=True, rng=0)
    assert result.status is Status.NOT_IDENTIFIABLE
    assert not result.network.W[0, 0]


@pytest.mark.parametrize("seed", range(3))
def test_a_unit_that_is_straight_on_all_rows_takes_up_turned_ones_under_noise_too(seed):
    rng = np.random.default_rng(seed)
    X = np.abs(rng.standard_normal((600, 4))) + 0.05
    W = [[3, 3, 3, 3], [1, -1, 0.5, -0.7], [-0.6, 0.9, 1, -1.2]]
    y = TwoLayerNetwork([1.0, 1.0, -1.0], W, None, "relu")(X)
    with np.errstate(all="raise", under="ignore"):
        assert not recover(X, y + 0.02 * rng.standard_normal(600), 3, "relu", rng=0).is_certified
    assert not recover(X, y, 3, "relu", rng=0).is_certified
