"""Smooth units read far out, where each stands alone, and waves from their frequencies."""

import warnings

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import make_friedman1
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import scale

from black_boxes import save_graph
from twolayer import TwoLayerNetwork, align
from twolayer.activation import activation
from twolayer.extract import CallableBox, OnnxBox, extract
from twolayer.extract.smooth.far_line import Bend, LineRules, far_line
from twolayer.extract.smooth.rows import rows_at
from twolayer.extract.smooth.shapes import is_ramp, is_step, part, shape, unpart
from twolayer.extract.smooth.walk import candidates
from twolayer.extract.smooth.waves import WaveRules, waves
from twolayer.network import Polynomial

EPS = float(np.finfo(np.float64).eps)
FEW = LineRules(rounds=4)  # a wave is halved without end
RAMPS, STEPS = ("softplus", "gelu"), ("tanh", "erf")


def planted(width, dim, sigma, seed=0):
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((width, dim)) / np.sqrt(dim)
    a = rng.choice([-1.0, 1.0], width) * rng.uniform(0.5, 2, width)
    return TwoLayerNetwork(a, W, rng.uniform(-1, 1, width), sigma, Polynomial(0.3))


def line_of(network, scale=1e5, seed=0, **options):
    """A far line through a network whose values near the origin are about one."""
    known = {"eps": EPS, "arithmetic": EPS, "size": 1.0, "is_bounded": network.activation.name in STEPS}
    return far_line(network, network.dim, scale, np.random.default_rng(seed), **(known | options))


def places_on(line, network):
    return -(network.W @ line.p + network.b) / (network.W @ line.u)


@pytest.mark.parametrize("sigma", [*STEPS, *RAMPS])
def test_a_line_far_out_bends_where_the_units_are(sigma):
    network = planted(6, 4, sigma)
    line = line_of(network)
    places = np.sort(places_on(line, network))
    bends = sorted((bend.t[0], bend.t[-1]) for bend in line.bends())
    assert len(bends) == 6
    for place, (left, right) in zip(places, bends, strict=True):
        assert left < place < right


def test_a_line_is_straight_between_its_bends():
    network = planted(6, 4, "tanh")
    line = line_of(network)
    straight = np.flatnonzero(line.is_straight)
    middle = (line.t[straight] + line.t[straight + 1]) / 2
    chord = (line.values[straight] + line.values[straight + 1]) / 2
    assert np.abs(network(line.at(middle)) - chord).max() < 1e-8


def test_two_units_that_nearly_touch_on_a_line_are_one_bend():
    sigma = activation("tanh")
    network = TwoLayerNetwork([1.0, -0.6], [[1.0, 0.5], [1.0, 0.5]], [0.0, 8.0], sigma)
    assert len(line_of(network).bends()) == 1


def test_a_kink_has_no_width_and_is_no_bend():
    assert line_of(planted(6, 4, "relu"), is_bounded=False).bends() == []


def test_a_sine_bends_everywhere():
    assert not line_of(planted(2, 3, "sine"), is_bounded=True, rules=FEW).bends()


@pytest.mark.parametrize("sigma", [*STEPS, *RAMPS])
def test_the_shape_of_a_bend_is_the_unit(sigma):
    network = planted(1, 3, sigma)
    line = line_of(network)
    names = tuple(activation(name) for name in (STEPS if sigma in STEPS else RAMPS))
    (bend,) = line.bends()
    seen = shape(bend, names)
    along = network.W[0] @ line.u
    assert seen.sigma.name == sigma
    assert seen.misfit < 1e-6
    height = network.a[0] * (np.sign(along) if sigma in STEPS else 1)
    np.testing.assert_allclose(seen.a, height, rtol=1e-5)
    np.testing.assert_allclose(seen.slope, abs(along), rtol=1e-5)
    np.testing.assert_allclose(seen.place, places_on(line, network)[0], atol=1e-4)


def test_a_shape_is_found_beside_a_level_and_a_change_that_are_not_exact():
    t = np.linspace(-6, 6, 81)
    bend = Bend(t, 0.7 * (np.tanh(1.5 * (t - 0.3)) + 1) + 0.05, change=1.6, level=0.0, gap=10.0)
    seen = shape(bend, (activation("tanh"),))
    np.testing.assert_allclose((seen.a, seen.slope, seen.place), (0.7, 1.5, 0.3), rtol=1e-6)


@pytest.mark.parametrize("sigma", [*STEPS, *RAMPS])
def test_a_row_is_read_from_differences(sigma):
    network = planted(4, 5, sigma)
    line = line_of(network)
    shapes = [shape(bend, (network.activation,)) for bend in line.bends()]
    rows = rows_at(network, line, shapes, EPS)
    truth = np.column_stack([network.W, network.b]) * np.sign(network.W @ line.u)[:, None]
    for place, row in zip([one.place for one in shapes], rows, strict=True):
        unit = np.argmin(np.abs(places_on(line, network) - place))
        np.testing.assert_allclose(row[:-1], truth[unit, :-1], rtol=0, atol=1e-4)
        assert abs(row[-1] - truth[unit, -1]) < 0.1


@pytest.mark.parametrize("sigma", [*STEPS, *RAMPS])
def test_part_and_unpart_are_inverse(sigma):
    sigma = activation(sigma)
    t = np.array([-2.0, -0.5, 0.3, 1.0, 2.5])
    sign = -1 if is_step(sigma) else 1
    np.testing.assert_allclose(part(sigma, t), sigma(t) + sign * sigma(-t) - (1 + sign) * sigma(np.zeros(1)))
    positive = t[t > 0]
    np.testing.assert_allclose(unpart(sigma, part(sigma, positive)), positive, rtol=1e-9)


def test_steps_ramps_and_others_are_told_apart():
    assert [name for name in ("tanh", "erf", "sigmoid", "sine", "relu", "softplus") if is_step(activation(name))] == [
        "tanh",
        "erf",
    ]
    assert is_ramp(activation("softplus"))
    assert is_ramp(activation("gelu"))
    assert not any(is_ramp(activation(name)) for name in ("relu", "leaky_relu(0.1)", "tanh", "squared_relu", "abs"))


def test_what_is_looked_for_follows_from_how_the_box_grows():
    bounded, growing = ([one.name for one in candidates(None, growth)] for growth in (0, 1))
    assert set(bounded) == {"tanh", "erf", "sine"}
    assert {"softplus", "gelu"} <= set(growing)
    assert candidates(activation("relu"), 1) == ()
    assert [one.name for one in candidates(activation("sigmoid"), 0)] == ["tanh"]


def test_waves_are_found_however_close_their_frequencies():
    network = planted(20, 5, "sine")
    found = waves(network, 5, np.random.default_rng(0))
    X = np.random.default_rng(1).standard_normal((200, 5))
    assert found.width == 20
    np.testing.assert_allclose(found(X), network(X), atol=1e-2)  # where a joint fit begins


def test_what_is_no_sum_of_sines_is_not_taken_for_one():
    assert waves(planted(3, 2, "tanh"), 2, np.random.default_rng(0), rules=WaveRules(lengths=(250, 500))) is None


@pytest.mark.parametrize("sigma", ["tanh", "sigmoid", "erf", "softplus", "gelu", "sine"])
def test_thirty_units_of_an_activation_that_is_not_given(sigma):
    truth = planted(30, 8, sigma)
    found = extract(CallableBox(truth, 8), rng=0)
    assert found.is_certified
    assert found.network.activation.name == ("tanh" if sigma == "sigmoid" else sigma)
    X = np.random.default_rng(1).standard_normal((1000, 8))
    assert found.network.width == 30
    np.testing.assert_allclose(found.network(X), truth(X), atol=1e-11)


@pytest.mark.parametrize("seed", range(3))
def test_two_units_of_nearly_one_height_and_direction_are_two(seed):
    rng = np.random.default_rng(seed)
    W, b, a = rng.standard_normal((6, 4)) / 2, rng.standard_normal(6), rng.uniform(0.8, 1.6, 6)
    aside = np.linalg.svd(W[4:5])[2][1]
    W[5], a[5] = W[4] + 0.05 * np.linalg.norm(W[4]) * aside, 1.001 * a[4]
    truth = TwoLayerNetwork(a, W, b, "tanh")
    found = extract(CallableBox(truth, dim=4), activation="tanh", rng=seed)
    assert found.is_certified
    assert found.network.width == 6
    assert align(found.network, truth).max_relative_error < 1e-9


def fitted_by_scikit_learn(sigma, seed, width=12):
    X, y = make_friedman1(300, n_features=8, noise=0.1, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return MLPRegressor(hidden_layer_sizes=(width,), activation=sigma, max_iter=400, random_state=seed).fit(
            scale(X), y
        )


@pytest.mark.parametrize("sigma", ["logistic", "tanh"])
@pytest.mark.parametrize("seed", range(4))
def test_networks_that_training_left_with_units_alike_come_back(sigma, seed):
    box = fitted_by_scikit_learn(sigma, seed)
    found = extract(CallableBox(box.predict, dim=8), rng=0)
    assert found.is_certified
    assert found.network.width == 12
    assert max(check.largest for check in found.checks) < 1e-9


@pytest.mark.parametrize(("operator", "sigma"), [("Gelu", "gelu"), ("Softplus", "softplus"), ("Sin", "sine")])
def test_a_file_that_names_its_operator_is_taken_at_its_word(tmp_path, operator, sigma):
    truth = planted(8, 6, sigma)
    constants = {"W": truth.W.T, "b": truth.b, "V": truth.a[:, None]}
    nodes = [
        helper.make_node("Gemm", ["x", "W", "b"], ["h"]),
        helper.make_node(operator, ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "V"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 1])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), tmp_path / "m.onnx")
    found = extract(OnnxBox(tmp_path / "m.onnx"), rng=0)
    assert found.is_certified
    assert found.network.activation.name == sigma
    assert found.network.width == 8


def test_units_are_not_called_dead_where_the_network_is_another(tmp_path):
    truth = planted(7, 5, "relu")
    nodes = [
        helper.make_node("Gemm", ["x", "W", "b"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "V"], ["l"]),
        helper.make_node("Sigmoid", ["l"], ["y"]),
    ]
    constants = {"W": truth.W.T, "b": truth.b, "V": truth.a[:, None]}
    found = extract(OnnxBox(save_graph(tmp_path / "m.onnx", nodes, constants, 5, dtype=np.float32)), rng=0)
    assert not found.is_certified
    assert not any("are dead" in note for note in found.notes)
