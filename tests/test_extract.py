"""Networks out of boxes: trained ones in files, and the cases in which a unit is not to be seen."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from black_boxes import trained, write_onnx
from twolayer import InputError, TwoLayerNetwork, align
from twolayer.extract import CallableBox, OnnxBox, Status, extract
from twolayer.network import Polynomial
from twolayer.recover import RecoveryError

PREDICTIONS = {np.float64: 1e-6, np.float32: 1e-4}
UNITS = {np.float64: 1e-9, np.float32: 5e-3}


def planted(width, dim, activation, rng, bias=1.0):
    a = rng.choice([-1.0, 1.0], width) * rng.uniform(0.5, 2, width)
    W = rng.standard_normal((width, dim)) / np.sqrt(dim)
    return TwoLayerNetwork(a, W, rng.uniform(-bias, bias, width), activation, Polynomial(0.3))


def extracted(function, dim, **options):
    return extract(CallableBox(function, dim), rng=0, **options)


def assert_the_trained_network_comes_back(tmp_path, width, activation, dtype):
    truth = trained(width, activation)
    box = OnnxBox(write_onnx(tmp_path / "box.onnx", truth, dtype))
    found = extract(box, rng=0)
    assert found.status is Status.EQUAL
    X = np.random.default_rng(1).standard_normal((100_000, 10)).astype(np.float32)
    theirs = box(X).ravel()
    assert np.abs(found.network(X) - theirs).max() <= PREDICTIONS[dtype] * theirs.std()
    matched = align(found.network, truth)
    lost = matched.unit_errors > UNITS[dtype]
    assert found.network.width == width - lost.sum()
    assert lost.sum() == sum("dead" in note for note in found.notes) == 0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("width", [5, 10])
def test_a_trained_network_comes_back_from_its_file(tmp_path, width, activation, dtype):
    assert_the_trained_network_comes_back(tmp_path, width, activation, dtype)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("width", "activation"),
    [
        (20, "relu"),
        (20, "tanh"),
        (20, "sigmoid"),
        (50, "relu"),
        (50, "tanh"),
        (50, "sigmoid"),
        (100, "relu"),
    ],
)
@pytest.mark.timeout(900)
def test_a_wide_trained_network_comes_back(tmp_path, width, activation, dtype):
    assert_the_trained_network_comes_back(tmp_path, width, activation, dtype)


@pytest.mark.parametrize("activation", ["erf", "leaky_relu(0.1)", "abs", "sigmoid"])
def test_an_activation_that_is_named_is_the_one_it_is_written_with(activation, rng):
    truth = planted(4, 4, activation, rng)
    found = extracted(truth, 4, activation=activation)
    assert found.is_certified
    assert found.network.activation == truth.activation
    assert align(found.network, truth).max_relative_error <= 1e-9


@pytest.mark.parametrize("activation", ["squared_relu", "softplus"])
def test_what_leaves_no_mark_is_recovered_from_samples(activation, rng):
    truth = planted(2, 3, activation, rng)
    found = extracted(truth, 3)
    assert found.is_certified
    assert found.network.activation == truth.activation
    assert align(found.network, truth).max_relative_error <= 1e-7


def test_erf_and_tanh_are_told_apart(rng):
    truth = planted(4, 4, "erf", rng)
    assert extracted(truth, 4).network.activation.name == "erf"


@pytest.mark.parametrize("scale", [1e-3, 1e3])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_scale_of_the_inputs_is_found(activation, scale, rng):
    truth = planted(4, 3, activation, rng)
    truth = TwoLayerNetwork(truth.a, truth.W / scale, truth.b, activation)
    found = extracted(truth, 3)
    assert found.is_certified
    assert align(found.network, truth).max_relative_error <= 1e-9


def test_hyperplanes_far_away_and_through_the_origin_are_seen(rng):
    W = rng.standard_normal((4, 4))
    for b in ([6.0, -6.0, 100.0, 0.1], np.zeros(4)):
        truth = TwoLayerNetwork([1, -1, 0.5, 2], W, b, "relu")
        found = extracted(truth, 4)
        assert found.is_certified
        assert align(found.network, truth).max_relative_error <= 1e-8


@pytest.mark.parametrize("distance", [30.0, 300.0, 1e5, 1e8])
def test_a_ramp_that_begins_far_out_is_found(distance, rng):
    near = planted(4, 3, "relu", rng)
    truth = TwoLayerNetwork(
        np.r_[near.a, 0.5], np.vstack([near.W, [1, 0, 0]]), np.r_[near.b, -distance], "relu", Polynomial(0.3)
    )
    found = extracted(truth, 3)
    assert found.is_certified
    assert align(found.network, truth).max_relative_error <= 1e-8
    assert found.checks[-1].scale > 1e8


@pytest.mark.parametrize("orientation", [1.0, -1.0])
@pytest.mark.parametrize("distance", [1e4, 1e6])
def test_ramps_that_all_begin_far_out_are_found(distance, orientation, rng):
    W = rng.standard_normal((4, 5))
    W /= np.linalg.norm(W, axis=1, keepdims=True)
    truth = TwoLayerNetwork([1, -1, 0.5, 2], W, orientation * distance * rng.uniform(0.7, 1.3, 4), "relu")
    found = extracted(truth, 5)
    assert found.is_certified
    assert align(found.network, truth).max_relative_error <= 1e-9


@pytest.mark.parametrize("distance", [4.0, 20.0, 2000.0, 1e6])
def test_a_step_that_is_far_out_is_found(distance, rng):
    near = planted(4, 3, "tanh", rng)
    truth = TwoLayerNetwork(
        np.r_[near.a, 0.5], np.vstack([near.W, [5, 0, 0]]), np.r_[near.b, -5 * distance], "tanh", Polynomial(0.3)
    )
    found = extracted(truth, 3)
    assert found.is_certified
    assert align(found.network, truth).max_relative_error <= 1e-8


@pytest.mark.parametrize("distance", [35.0, 100.0, 2000.0, 1e5])
def test_two_steps_that_are_far_out_are_found_each_beside_the_other(distance, rng):
    near = planted(4, 3, "tanh", rng)
    W, b = np.vstack([near.W, [5, 0, 0], [0, 2, 1]]), np.r_[near.b, -5 * distance, 3 * distance]
    truth = TwoLayerNetwork(np.r_[near.a, 0.5, 0.8], W, b, "tanh", Polynomial(0.3))
    found = extracted(truth, 3)
    assert found.is_certified
    assert align(found.network, truth).max_relative_error <= 1e-8


def test_what_differs_only_far_out_is_not_called_equal(rng):
    near = planted(3, 3, "tanh", rng)
    found = extracted(lambda X: near(X) + (X[:, 0] > 3e6), 3)
    assert found.status is Status.DIFFERENT
    unlike = [check.scale for check in found.checks if check.largest > check.tolerance]
    assert 1e5 < unlike[0] < 1e8
    assert any(f"differ on inputs of scale {unlike[0]:.2g}: by " in note for note in found.notes)


def test_what_is_cut_off_far_out_is_no_two_layer_network(rng):
    units = planted(3, 3, "relu", rng)
    assert extracted(lambda X: np.clip(units(X), -1e3, 1e3), 3).status is Status.DIFFERENT


@pytest.mark.parametrize(
    ("write", "activation"),
    [
        (lambda t: np.log(1 + np.exp(t)), "softplus"),  # overflows
        (lambda t: np.where(np.abs(t) < 1e4, np.maximum(t, 0), np.nan), "relu"),
    ],
)
def test_a_box_that_cannot_be_asked_far_out_is_compared_as_far_as_it_can(write, activation, rng):
    truth = planted(2, 3, activation, rng)

    def box(X):
        with np.errstate(over="ignore"):
            return write(X @ truth.W.T + truth.b) @ truth.a + 0.3

    found = extracted(box, 3)
    assert found.is_certified
    assert 10 < found.checks[-1].scale < 1e5
    assert align(found.network, truth).max_relative_error <= 1e-7


def test_a_box_that_refuses_far_out_is_not_asked_there(rng):
    truth = planted(3, 3, "tanh", rng)

    def box(X):
        if np.abs(X).max() > 1e6:
            raise ValueError("outside of what I know")
        return truth(X)

    found = extracted(box, 3)
    assert found.is_certified
    assert align(found.network, truth).max_relative_error <= 1e-9


def test_dead_linear_and_duplicate_units_are_reported_and_not_invented(tmp_path, rng):
    W = rng.standard_normal((6, 4))
    W[3], W[4], W[5] = W[2], 0, W[0] * 1e-14  # the same hyperplane; w = 0; a hyperplane 10¹⁴ away
    b = np.array([0.1, -0.2, 0.3, 0.3, -1.0, 1.0])
    a = np.array([1.0, -1.5, 0.5, 0.7, 1.0, 1.0])
    truth = TwoLayerNetwork(a, W, b, "relu", Polynomial(0.2))
    found = extract(OnnxBox(write_onnx(tmp_path / "box.onnx", truth)), rng=0)
    assert found.is_certified
    assert found.network.width == 3
    assert any("declares 6 units and shows 3: 3 are dead" in note for note in found.notes)
    seen = TwoLayerNetwork([1.0, -1.5, 1.2], W[:3], b[:3], "relu", Polynomial(0.2))
    assert align(found.network, seen).max_relative_error <= 1e-8


@pytest.mark.parametrize("seed", [1, 2])
def test_twenty_units_much_alike_come_back_from_float32_answers(tmp_path, seed):
    truth = trained(20, "sigmoid", is_centred=False, max_iter=400)
    box = OnnxBox(write_onnx(tmp_path / "box.onnx", truth, np.float32))
    found = extract(box, rng=seed)
    assert found.status is Status.EQUAL
    assert found.network.width == 20
    assert max(check.largest for check in found.checks[:4]) <= 1e-5


@pytest.mark.parametrize("constant", [1e6, 1e9])
def test_beside_a_large_constant_the_units_are_as_exact_as_its_rounding_lets(constant, rng):
    units = planted(4, 5, "relu", rng)
    found = extracted(lambda X: units(X) + constant, 5)
    assert found.status is Status.EQUAL
    assert max(check.largest for check in found.checks) <= 1e-14 * constant


def test_a_linear_part_stays_beside_the_units(rng):
    units, u = planted(3, 5, "relu", rng), rng.standard_normal(5)
    found = extracted(lambda X: units(X) + X @ u, 5)
    assert found.is_certified
    assert found.network.polynomial.linear is not None
    assert any("affine part" in note for note in found.notes)
    truth = TwoLayerNetwork(units.a, units.W, units.b, "relu", Polynomial(0.3, u))
    assert align(found.network, truth).max_relative_error <= 1e-9


def test_orientations_are_decoded_where_there_is_no_linear_part(rng):
    truth = planted(8, 4, "relu", rng)
    found = extracted(truth, 4)
    assert found.network.polynomial.linear is None
    assert align(found.network, truth).max_relative_error <= 1e-9


def test_an_affine_box_has_no_units():
    found = extracted(lambda X: X @ [1.0, 2.0] + 3, 2)
    assert found.is_certified
    assert found.network.width == 0
    np.testing.assert_allclose(found.network.polynomial.linear, [1, 2], rtol=1e-9)
    assert "No unit was found on inputs up to scale 1e+10." in found.notes


def test_a_box_of_one_input_and_one_of_one_unit(rng):
    on_a_line = TwoLayerNetwork([1.0, -1.0, 2.0], [[1.0], [2.0], [-1.0]], [0.5, 0.3, 1.0], "relu")
    for truth in (on_a_line, planted(1, 3, "relu", rng), planted(1, 3, "tanh", rng)):
        found = extracted(truth, truth.dim)
        assert found.is_certified
        assert align(found.network, truth).max_relative_error <= 1e-9


def test_answers_of_six_digits_give_the_network_to_six_digits(rng):
    truth = planted(3, 3, "relu", rng)
    found = extracted(lambda X: np.round(truth(X), 6), 3)
    assert 1e-8 < found.rounding < 1e-5
    assert found.is_certified
    assert align(found.network, truth).max_relative_error <= 1e-5


def with_a_weak_unit(weight):
    """A float32 box of three units, and a fourth whose outer weight is this."""
    W = np.random.default_rng(0).standard_normal((4, 4))
    truth = TwoLayerNetwork([1.0, -1.5, 0.7, weight], W, [0.3, -0.5, 0.8, -0.4], "relu")
    return extracted(lambda X: truth(X).astype(np.float32), 4)


def test_a_weak_unit_that_is_missing_is_not_called_rounding():
    found = with_a_weak_unit(1e-5)
    assert found.network.width == 3
    assert found.status is Status.INEXACT
    assert not found.is_certified
    assert any("is left over, of which the rounding of the answers explains" in note for note in found.notes)


def test_a_unit_near_the_rounding_is_not_looked_for_in_other_activations():
    rng = np.random.default_rng(16)
    W = (rng.standard_normal((10, 10)) / np.sqrt(10)).astype(np.float32)
    b = rng.uniform(-1, 1, 10).astype(np.float32)
    a = (rng.choice([-1.0, 1.0], 10) * rng.uniform(0.5, 2, 10)).astype(np.float32)
    a[3] *= np.float32(1.2e-5)  # far from what is equal, and from what is different, on every kernel
    stages = set()
    found = extract(
        CallableBox(lambda X: np.maximum(X.astype(np.float32) @ W.T + b, 0) @ a, 10),
        rng=16,
        progress=lambda stage, *_: stages.add(stage),
    )
    assert found.status is Status.INEXACT
    assert stages <= {"kinks", "steps", "units", "lines", "joint fit"}


def test_what_is_called_equal_is_so_to_an_accuracy_that_is_named():
    found = with_a_weak_unit(1e-6)
    assert found.status is Status.EQUAL
    said = next(note for note in found.notes if "a unit that adds less would not be seen" in note)
    accuracy = float(said.split()[5])
    assert 1e-6 < max(check.largest for check in found.checks[:4]) < accuracy < 1e-4


@pytest.mark.parametrize(("activation", "step"), [("relu", 1e-4), ("tanh", 1e-3)])
def test_answers_of_few_digits_are_said_to_be_too_coarse(activation, step, rng):
    truth = planted(3, 3, activation, rng)
    found = extracted(lambda X: np.round(truth(X) / step) * step, 3)
    assert found.status is Status.COARSE
    assert not found.is_certified
    assert any(f"answers are quantised: all are multiples of {step:g}, and no" in note for note in found.notes)


def test_a_box_that_rounds_to_whole_numbers_is_not_called_equal(rng):
    truth = planted(3, 3, "relu", rng)
    for size in (1.0, 100.0, 1e4):
        found = extracted(lambda X, size=size: np.round(size * truth(X)), 3)
        assert found.status is Status.COARSE
        assert any("answers are quantised: all are multiples of 1, and no weights" in note for note in found.notes)


def test_what_is_not_of_the_activation_asked_for_is_not_certified(rng):
    found = extracted(planted(2, 3, "tanh", rng), 3, activation="erf")
    assert found.status is Status.DIFFERENT
    assert found.largest_difference > 1e-6
    with pytest.raises(RecoveryError, match="DIFFERENT: The network found does not give"):
        found.unwrap()


def test_another_width_than_the_one_asked_for_is_said(rng):
    found = extracted(planted(3, 3, "relu", rng), 3, width=5)
    assert found.status is Status.OTHER_WIDTH
    assert not found.is_certified


def test_a_seed_makes_it_repeatable_and_copies_are_equal(rng):
    truth = planted(3, 3, "relu", rng)
    found = extracted(truth, 3)
    for other in (extracted(truth, 3), copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert found == other
    assert found != extracted(truth, 3, budget=10**6, width=2)
    assert found != replace(found, unit_evidence=found.unit_evidence + 1e-15)
    assert found != "something else"


def test_an_extraction_is_shown_in_one_line(rng):
    found = extracted(planted(3, 4, "relu", rng), 4)
    assert repr(found) == f"<Extraction: EQUAL, 3 relu units on 4 inputs, {found.queries} queries>"


def test_the_evidence_is_there_for_readers_and_programs(rng):
    found = extracted(planted(3, 3, "tanh", rng), 3)
    assert found.unwrap() is found.network
    text = found.summary()
    assert f"{found.queries} queries" in text
    assert text.count("largest relative difference") == 4 + 1
    assert "and farther out, to scale" in text
    assert found.to_dict()["queries"] == found.queries
    np.testing.assert_allclose(found.unit_evidence, 1, atol=1e-6)


def test_bad_options_are_refused():
    with pytest.raises(InputError, match="unknown activation 'reelu'"):
        extracted(lambda X: X[:, 0], 1, activation="reelu")
    with pytest.raises(InputError, match="width must be"):
        extracted(lambda X: X[:, 0], 1, width=0)


@pytest.mark.parametrize("activation", ["auto", "relu"])
def test_ramps_that_cancel_far_out_are_a_network_of_twice_as_many(activation, rng):
    W, b = rng.standard_normal((3, 3)), rng.uniform(-1, 1, 3)

    def clipped(X):
        return np.clip(X @ W.T + b, -1, 1) @ [1.0, -1.5, 0.7]

    found = extract(CallableBox(clipped, 3), activation=activation, rng=0)
    assert found.status is Status.EQUAL
    assert found.network.width == 6
    X = rng.standard_normal((1000, 3))
    for scale in (1.0, 100.0):
        np.testing.assert_allclose(found.network(scale * X), clipped(scale * X), atol=1e-11)
