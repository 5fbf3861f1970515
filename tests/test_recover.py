"""Recovery from end to end: what was planted comes back and is certified; what cannot be known is never certified."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from twolayer import Status, TwoLayerNetwork, recover
from twolayer.align import recovery_error
from twolayer.errors import InputError
from twolayer.network import Polynomial
from twolayer.recover import RecoveryError
from twolayer.teachers import conditioned, gaussian_samples, random_units

RECOVERABLE = [
    "relu",
    "leaky_relu(0.1)",
    "squared_relu",
    "abs",
    "sigmoid",
    "tanh",
    "erf",
    "softplus",
    "gelu",
    "sine",
    "polynomial(0,1,0,0.5)",
    "scaled(tanh,2.5)",
]


def recovered(teacher, n, rng=0, noise=0.0, **options):
    X, y = gaussian_samples(teacher, n, noise=noise, rng=rng + 1000)
    return recover(X, y, teacher.width, teacher.activation, rng=rng, **options)


@pytest.mark.parametrize("activation", RECOVERABLE)
def test_each_activation_is_recovered_to_rounding(activation):
    teacher = random_units(6, 2, activation=activation, rng=1)
    result = recovered(teacher, 400)
    assert result.status is Status.CERTIFIED
    assert recovery_error(result.network, teacher) < 1e-9


@pytest.mark.parametrize("activation", ["relu", "leaky_relu(0.1)", "squared_relu", "tanh", "sigmoid", "softplus"])
def test_biases_and_a_constant_are_recovered(activation):
    plain = random_units(5, 2, bias=1.0, activation=activation, rng=2)
    teacher = TwoLayerNetwork(plain.a, plain.W, plain.b, activation, Polynomial(0.7))
    X, y = gaussian_samples(teacher, 600, rng=3)
    result = recover(X, y, 2, activation, bias=True, rng=0)
    assert result.status is Status.CERTIFIED
    fresh = np.random.default_rng(9).standard_normal((500, 5))
    assert_allclose(result.network(fresh), teacher(fresh), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_two_rows_a_parameter_are_enough_for_the_squared_relu(seed):
    result = recovered(conditioned(10, 5, 2, "squared_relu", rng=seed), 100, seed)
    teacher = conditioned(10, 5, 2, "squared_relu", rng=seed)
    assert result.status is Status.CERTIFIED
    assert recovery_error(result.network, teacher) < 1e-9


@pytest.mark.parametrize("activation", ["relu", "squared_relu"])
def test_the_signs_of_the_outer_weights_are_found(activation):
    drawn = conditioned(12, 4, 2, activation, rng=6)
    teacher = TwoLayerNetwork(np.array([1.0, -1.0, -1.0, 1.0]), drawn.W, None, activation)
    network = recovered(teacher, 1500).unwrap()
    assert sorted(np.sign(network.a)) == sorted(teacher.a)


def test_more_units_than_inputs_are_recovered():
    teacher = random_units(3, 5, activation="relu", bias=1.0, rng=0)
    result = recovered(teacher, 800, bias=True)
    assert result.status is Status.CERTIFIED
    fresh = np.random.default_rng(1).standard_normal((200, 3))
    assert_allclose(result.network(fresh), teacher(fresh), atol=1e-8)


def test_many_rows_are_searched_in_part_and_the_others_judge():
    teacher = conditioned(8, 2, 2, "relu", rng=0)
    result = recovered(teacher, 5000)
    assert result.is_certified
    assert result.certificate.n_rows == 5000
    assert result.certificate.held_out_residual < 1e-8
    assert result.certificate.curvature.is_held_out


@pytest.mark.parametrize("scales", [[1e-3, 1, 1, 1, 1e3], [1e-6] * 5])
def test_inputs_of_any_covariance_are_whitened_for_the_search(scales, rng):
    teacher = random_units(5, 2, activation="relu", rng=3)
    X = rng.standard_normal((500, 5)) * scales
    teacher = TwoLayerNetwork(teacher.a, teacher.W / scales, None, "relu")
    result = recover(X, teacher(X), 2, "relu", rng=0)
    assert result.is_certified
    assert recovery_error(result.network, teacher) < 1e-7


def test_inputs_off_centre_are_taken_as_they_are(rng):
    teacher = random_units(4, 2, bias=0.5, activation="relu", rng=3)
    centre = np.array([30.0, 0.0, -20.0, 5.0])
    X = rng.standard_normal((600, 4)) + centre
    teacher = TwoLayerNetwork(teacher.a, teacher.W, teacher.b - teacher.W @ centre, "relu")
    network = recover(X, teacher(X), 2, "relu", bias=True, rng=0).unwrap()
    assert_allclose(network(X), teacher(X), atol=1e-8)


def test_single_precision_samples_are_recovered_to_their_precision():
    teacher = conditioned(8, 2, 2, "relu", rng=0)
    X, y = gaussian_samples(teacher, 800, rng=1)
    result = recover(X.astype(np.float32), y.astype(np.float32), 2, "relu", rng=0)
    assert recovery_error(result.network, teacher) < 1e-5


@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_wrong_width_is_never_certified(width):
    teacher = random_units(6, 3, activation="relu", rng=5)
    X, y = gaussian_samples(teacher, 800, rng=6)
    assert not recover(X, y, width, "relu", rng=0).is_certified


@pytest.mark.parametrize("asked", ["softplus", "tanh", "squared_relu", "leaky_relu(0.2)", "abs", "gelu"])
def test_a_wrong_activation_is_never_certified(asked):
    teacher = random_units(3, 1, activation="relu", rng=5)
    X, y = gaussian_samples(teacher, 200, rng=6)
    result = recover(X, y, 1, asked, rng=0)
    assert not result.is_certified
    with pytest.raises(RecoveryError, match=r"try|other|rows"):
        result.unwrap()


@pytest.mark.parametrize("activation", ["linear", "quadratic"])
def test_polynomials_of_low_degree_are_not_identifiable(activation):
    result = recovered(random_units(6, 3, activation=activation, rng=0), 300)
    assert result.status is Status.NOT_IDENTIFIABLE


def test_units_that_turn_round_together_are_reported(rng):
    W = rng.standard_normal((3, 5))
    W[2] = -W[0] - W[1]  # turning all three leaves -(w_1 + w_2 + w_3)·x = 0 behind
    teacher = TwoLayerNetwork(np.ones(3), W, None, "relu")
    X = rng.standard_normal((900, 5))
    result = recover(X, teacher(X), 3, "relu", rng=0)
    assert result.status is Status.AMBIGUOUS_REFLECTION
    assert any("round together" in note for note in result.certificate.notes)


def test_noise_is_estimated_and_the_weights_lie_within_their_standard_errors():
    teacher = conditioned(8, 3, 2, "squared_relu", rng=1)
    X, y = gaussian_samples(teacher, 1500, rng=2)
    sigma = 0.05 * y.std()
    result = recover(X, y + sigma * np.random.default_rng(3).standard_normal(1500), 3, "squared_relu", rng=0)
    assert result.status is Status.CERTIFIED_WITH_NOISE
    assert_allclose(result.certificate.noise, sigma, rtol=0.1)
    distance = np.linalg.norm(result.network.W[:, None] - teacher.W, axis=2)
    order = distance.argmin(axis=0)
    ratio = (result.network.W[order] - teacher.W) / result.certificate.standard_errors.W[order]
    assert 0.5 < np.sqrt(np.mean(ratio**2)) < 1.6


@pytest.mark.parametrize("activation", ["tanh", "erf", "sine"])
def test_a_constant_that_the_model_lacks_is_never_taken_for_noise(activation):
    X, y = gaussian_samples(random_units(5, 2, activation=activation, rng=1), 2000, rng=2)
    assert not recover(X, y + 0.1 * y.std(), 2, activation, rng=0).is_certified


def test_inputs_that_never_vary_are_refused():
    with pytest.raises(InputError, match="X must vary"):
        recover(np.zeros((50, 3)), np.arange(50.0), 2, "relu")


def test_pure_noise_is_not_certified(rng):
    X = rng.standard_normal((600, 5))
    assert not recover(X, rng.standard_normal(600), 2, "relu", rng=0).is_certified


def test_the_search_is_the_same_for_the_same_seed():
    teacher = conditioned(8, 3, 2, "relu", rng=1)
    one, two = (recovered(teacher, 600).network for _ in range(2))
    assert (one.W == two.W).all()
    assert (one.a == two.a).all()


def test_every_step_is_in_the_history_and_is_told():
    teacher, told = conditioned(8, 3, 2, "relu", rng=1), []
    result = recovered(teacher, 600, progress=lambda stage, step, loss: told.append((stage, step, loss)))
    assert [(step.stage, step.step, step.loss) for step in result.history] == told
    assert result.history[-1].loss < 1e-20
    assert result.history[0].stage.startswith("lifted start: ")


@pytest.mark.parametrize("activation", ["relu", "squared_relu"])
def test_a_larger_problem_is_explored_in_the_span_of_the_second_moment_first(activation):
    teacher = conditioned(50, 5, 2, activation, rng=1)
    result = recovered(teacher, 2000)
    stages = list(dict.fromkeys(step.stage for step in result.history))
    assert stages[0] == "principal inputs"
    assert stages[1].endswith("start: principal")
    assert recovery_error(result.unwrap(), teacher) < 1e-9


def test_a_search_in_a_span_that_is_wrong_starts_again_in_a_better_one():
    teacher = conditioned(60, 12, 2, "relu", rng=3)
    result = recovered(teacher, 2500, rng=3)  # T_2 knows the span of the units to some 30 degrees
    stages = [step.stage for step in result.history]
    turns = sum(stage == "principal inputs" != before for before, stage in zip(["", *stages], stages, strict=False))
    assert turns >= 2
    assert result.status is Status.CERTIFIED
    assert recovery_error(result.network, teacher) < 1e-6


def test_the_lift_can_be_switched_off():
    teacher, told = conditioned(8, 2, 2, "relu", rng=1), []
    result = recovered(teacher, 600, method="unlifted", progress=lambda stage, *_: told.append(stage))
    assert result.is_certified
    assert not any("lifted" in stage for stage in told)


X_GOOD, Y_GOOD = gaussian_samples(conditioned(6, 2, 2, "relu", rng=0), 60, rng=1)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"X": np.where(np.arange(60)[:, None] == 7, np.nan, X_GOOD)}, "row 7"),
        ({"y": np.where(np.arange(60) == 9, np.inf, Y_GOOD)}, "9"),
        ({"X": X_GOOD[:, 0]}, "two dimensions"),
        ({"y": Y_GOOD[:50]}, "50"),
        ({"X": X_GOOD.astype(object)}, "object"),
        ({"X": X_GOOD.astype(str)}, "text"),
        ({"X": X_GOOD[:12], "y": Y_GOOD[:12]}, "13"),
        ({"y": np.ones(60)}, "constant"),
        ({"width": 0}, "width"),
        ({"width": 1.5}, "width"),
        ({"width": 40}, "241"),
        ({"activation": "rleu"}, "relu"),
        ({"method": "magic"}, "auto"),
        ({"rng": "a"}, "rng must be a Generator, .* found 'a'"),
        ({"rng": -1}, "rng must be .* found -1"),
        ({"X": np.ma.masked_greater(X_GOOD, 1.0)}, "X must have no masked entries"),
        ({"y": np.ma.masked_greater(Y_GOOD, 1.0)}, "y must have no masked entries"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(changed, words):
    given = {"X": X_GOOD, "y": Y_GOOD, "width": 2, "activation": "relu"} | changed
    with pytest.raises(InputError, match=words) as refusal:
        recover(**given)
    assert "\n" not in str(refusal.value)


def test_one_row_is_too_few_and_not_a_constant():
    with pytest.raises(InputError, match=r"^1 units on 3 inputs have 3 parameters and need at least 4 rows, found 1$"):
        recover(np.ones((1, 3)), np.ones(1), 1, "relu")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"bias": "no"}, "bias must be True, False or 'auto', found 'no'"),
        ({"method": ["auto"]}, "method must be one of"),
    ],
)
def test_options_of_another_kind_are_refused(wrong, words):
    with pytest.raises(InputError, match=words):
        recover(np.eye(9, 3), np.arange(9.0), 1, "relu", **wrong)
