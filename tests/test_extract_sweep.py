"""The sweep: piecewise linear boxes at about one question a parameter, of one output and of several."""

from pathlib import Path

import numpy as np
import pytest

from twolayer import InputError, TwoLayerNetwork, align
from twolayer.extract import CallableBox, Status, estimate, extract
from twolayer.extract.sweep.asking import Ask, differences
from twolayer.extract.sweep.gradients import Gradients, blind_gradients, free_steps
from twolayer.extract.sweep.orientation import oriented
from twolayer.extract.sweep.pieces import Path as Line
from twolayer.extract.sweep.pieces import pieces
from twolayer.extract.sweep.polish import biased, mended
from twolayer.extract.sweep.rules import SweepRules
from twolayer.extract.sweep.sweeping import swept
from twolayer.extract.sweep.units import Units
from twolayer.network import Polynomial

NETWORKS = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "networks"
RULES = SweepRules()


def planted(m, d, q=1, seed=0, bias=1.0):
    rng = np.random.default_rng(seed)
    A = rng.choice([-1.0, 1.0], (m, q)) * rng.uniform(0.5, 2, (m, q))
    W = rng.standard_normal((m, d)) / np.sqrt(d)
    constant = 0.3 if q == 1 else np.linspace(-1, 1, q)
    return TwoLayerNetwork(A, W, rng.uniform(-bias, bias, m), "relu", Polynomial(constant))


def asked(network):
    """The network as a box of a sweep, with a count of its rows."""
    rows = []

    def values(X):
        rows.append(len(X))
        return network(X).reshape(len(X), -1)

    return Ask(values), rows


def line(d, seed=0):
    return Line(*np.random.default_rng(seed).standard_normal((2, d)), 2e8)


def units_of(network, linear=0.0):
    q = network.n_outputs
    rows = np.column_stack([network.W, network.b])
    return Units(rows, network.A, np.full(network.width, 1e-15), np.zeros((network.dim, q)) + linear, np.zeros(q))


# --- pieces of a line ---


@pytest.mark.parametrize(("m", "d"), [(1, 1), (3, 2), (30, 5), (300, 20)])
@pytest.mark.parametrize("seed", range(3))
def test_a_line_bends_where_it_meets_the_hyperplanes(m, d, seed):
    network, path = planted(m, d, seed=seed), line(d, seed)
    ask, _ = asked(network)
    met = np.sort(-(network.W @ path.start + network.b) / (network.W @ path.direction))
    np.testing.assert_allclose(pieces(ask, path).kinks, met, rtol=1e-8, atol=1e-8)


def test_a_kink_takes_nine_points():
    ask, rows = asked(planted(300, 20))
    pieces(ask, line(20))
    assert sum(rows) < 10 * 300


def test_three_hyperplanes_between_two_points_are_not_taken_for_one():
    """From a short stretch of a line on which the first grid has no point."""
    W, b = np.ones((3, 1)), np.array([0.20, 0.21, 0.22])
    ask, _ = asked(TwoLayerNetwork([1.0, -3.0, 1.5], W, b, "relu"))
    found = pieces(ask, Line(np.zeros(1), np.ones(1), 2e8))
    np.testing.assert_allclose(found.kinks, [-0.22, -0.21, -0.20], rtol=1e-12)


def test_the_middles_are_between_the_kinks():
    ask, _ = asked(planted(9, 4))
    found = pieces(ask, line(4))
    middles, widths = found.middles
    assert np.all(np.diff(np.searchsorted(found.kinks, middles)) == 1)
    assert np.all(widths > 0)


@pytest.mark.parametrize("activation", ["softplus", "sine"])
def test_what_is_smooth_has_no_pieces(activation):
    network = planted(4, 3)
    ask, rows = asked(TwoLayerNetwork(network.a, network.W, network.b, activation))
    assert pieces(ask, line(3)) is None
    assert sum(rows) < 10_000


# --- gradients ---


def test_differences_move_one_input_each_and_leave_the_points_as_they_are():
    points = np.arange(6.0).reshape(2, 3)
    which, inputs = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 2, 0])
    seen = []

    def values(X):
        seen.append(X.copy())
        return X[:, :1]

    _, moved = differences(Ask(values), points, which, inputs, np.full(5, 0.5), block=6)
    expected = points[which]
    expected[np.arange(5), inputs] += 0.5
    np.testing.assert_array_equal(np.concatenate(seen), expected)
    np.testing.assert_array_equal(moved, np.full(5, 0.5))


def test_steps_that_a_box_of_float32_does_not_see_are_reckoned_as_it_sees_them():
    points, at = np.ones((1, 1)), np.zeros(1, int)
    _, moved = differences(Ask(lambda X: X, is_single=True), points, at, at, np.array([1e-7 * 1.3]), block=6)
    assert moved == np.float64(np.float32(1 + 1.3e-7)) - 1


@pytest.mark.parametrize("q", [1, 3])
def test_gradients_in_the_middle_of_pieces_are_those_of_the_active_units(q):
    network, path = planted(12, 30, q), line(30)
    ask, _ = asked(network)
    # in a cube as wide as the longest steps, so that none is to be measured again
    rules = SweepRules(cube=np.sqrt(30))
    found = blind_gradients(ask, pieces(ask, path), np.arange(13), np.random.default_rng(0), rules)
    active = found.points @ network.W.T + network.b > 0
    exact = np.einsum("km,md,mq->kdq", active, network.W, network.A)
    np.testing.assert_allclose(found.gradients, exact, atol=1e-10)


def test_a_step_across_a_hyperplane_is_measured_again():
    network = planted(1, 4)
    ask, _ = asked(network)
    point = -network.b[0] * network.W / (network.W @ network.W.T) + 0.01 * network.W
    values, argument = ask(point), point @ network.W.T + network.b
    steps = np.full((1, 4), 5.0)
    spoilt = (ask(point + 5.0 * np.eye(4)) - values).reshape(1, 4, 1) / 5.0
    gradients = Gradients(point, values, steps, spoilt, np.full(1, 1e-16))
    exact = network.a[0] * network.W[0]
    assert np.abs(spoilt[0, :, 0] - exact).max() > 0.1
    for _ in range(RULES.mends):
        W = gradients.gradients[:, :, 0] / network.a[0]
        gradients, _ = mended(ask, gradients, W, argument, RULES)
    np.testing.assert_allclose(gradients.gradients[0, :, 0], exact, atol=1e-10)


def test_free_steps_cross_no_hyperplane_and_go_the_longer_way():
    W, b, points = planted(40, 6).W, planted(40, 6).b, np.random.default_rng(1).standard_normal((5, 6))
    t = points @ W.T + b
    steps = free_steps(W, t, points, 0.9)
    moved = t[:, None] + steps[:, :, None] * W.T
    assert np.all(moved * t[:, None] > 0)
    back = t[:, None] - steps[:, :, None] * W.T / 0.89
    assert np.mean((back * t[:, None] > 0).all(axis=2)) < 0.5


# --- which way round ---


@pytest.mark.parametrize(("m", "d", "q"), [(5, 8, 1), (8, 8, 1), (12, 8, 1), (30, 4, 1), (12, 4, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_units_are_turned_until_no_linear_part_is_left(m, d, q, seed):
    truth = planted(m, d, q, seed)
    turned = np.random.default_rng(seed).random(m) < 0.5
    network = truth.reflected(turned)
    linear = network.polynomial.linear.reshape(d, q) if network.polynomial.linear is not None else 0.0
    units = Units(units_of(network).rows, network.A, np.full(m, 1e-15), linear, np.ravel(network.polynomial.constant))
    found = oriented(units)
    assert not found.linear.any()
    X = np.random.default_rng(1).standard_normal((50, d))
    np.testing.assert_allclose(found(X), truth(X).reshape(50, q), atol=1e-12)
    np.testing.assert_allclose(found.rows[:, :-1], truth.W, atol=1e-12)


def test_a_linear_part_of_its_own_stays():
    units = units_of(planted(3, 8), linear=0.1)
    assert oriented(units) is units


@pytest.mark.parametrize("q", [1, 2])
def test_biases_and_constants_are_solved(q):
    truth = units_of(planted(20, 6, q))
    rows = truth.rows.copy()
    rows[:, -1] += 1e-9 * np.random.default_rng(0).standard_normal(20)
    off = Units(rows, truth.A, truth.errors, truth.linear, truth.constant + 0.5)
    found = biased(Ask(truth), off, 0.5, np.random.default_rng(0), RULES)
    np.testing.assert_allclose(found.rows, truth.rows, atol=2e-12)
    np.testing.assert_allclose(found.constant, truth.constant, atol=2e-12)


# --- what it takes ---


@pytest.mark.parametrize(("m", "d"), [(3, 4), (30, 40), (20, 300)])
def test_what_is_estimated_is_enough_and_not_much_more(m, d):
    box = CallableBox(planted(m, d), d)
    said = estimate(box, rng=0)
    found = extract(box, rng=0)
    assert said.units == m
    assert found.queries <= said.queries <= 1.6 * found.queries
    assert said.asked < said.queries / 2
    assert said.seconds > 0
    assert said.megabytes > 8 * m * d / 2**20


def test_there_is_no_estimate_of_what_is_smooth():
    smooth = TwoLayerNetwork(np.ones(3), np.eye(3), np.zeros(3), "tanh")
    assert estimate(CallableBox(smooth, 3), rng=0) is None


def test_a_budget_that_is_too_small_is_said_before_the_gradients_are_asked_for():
    box = CallableBox(planted(30, 40), 40)
    with pytest.raises(InputError, match="the budget of 6000 queries is too small") as caught:
        extract(box, budget=6000, rng=0)
    enough = int(str(caught.value).split()[-4])
    assert extract(box, budget=enough, rng=0).is_certified


# --- the whole ---


@pytest.mark.parametrize(("m", "d"), [(1, 1), (4, 3), (10, 20), (30, 20), (50, 30), (20, 300)])
@pytest.mark.parametrize("seed", range(2))
def test_a_planted_network_comes_back(m, d, seed):
    truth = planted(m, d, seed=seed)
    found = extract(CallableBox(truth, d), rng=seed)
    assert found.status is Status.EQUAL
    assert align(found.network, truth).max_relative_error <= 1e-9
    assert found.network.polynomial.linear is None


def test_a_sweep_asks_little_more_than_a_question_a_parameter():
    truth = planted(40, 100)
    ask, rows = asked(truth)
    units, _ = swept(ask, line(100), np.random.default_rng(0))
    assert len(units.rows) == 40
    assert sum(rows) < 1.7 * 40 * 100


@pytest.mark.parametrize(("m", "d", "q"), [(4, 6, 3), (12, 5, 2), (9, 300, 10)])
def test_all_outputs_come_back_at_once(m, d, q):
    truth = planted(m, d, q)
    found = extract(CallableBox(truth, d), rng=0)
    assert found.status is Status.EQUAL
    assert found.network.n_outputs == q
    assert align(found.network, truth).max_relative_error <= 1e-9


def test_outputs_in_units_of_their_own_come_back():
    truth = planted(6, 8, 3)
    sizes, levels = np.array([1e-6, 1.0, 1e9]), np.array([0.0, 1e5, -1e9])
    found = extract(CallableBox(lambda X: truth(X) * sizes + levels, 8), rng=0)
    X = np.random.default_rng(1).standard_normal((100, 8))
    assert np.all(np.abs(found.network(X) - truth(X) * sizes - levels).max(axis=0) <= 1e-8 * sizes)


def test_hyperplanes_that_are_parallel_are_told_apart():
    W = np.random.default_rng(0).standard_normal((3, 6))
    truth = TwoLayerNetwork([1.0, -2.0, 0.5], W[[0, 0, 1]], [0.3, -0.4, 0.1], "relu")
    found = extract(CallableBox(truth, 6), rng=0)
    assert found.status is Status.EQUAL
    assert found.network.width == 3
    X = np.random.default_rng(1).standard_normal((100, 6))
    np.testing.assert_allclose(found.network(X), truth(X), atol=1e-9)


@pytest.mark.parametrize("activation", ["leaky_relu(0.2)", "abs"])
def test_other_half_lines_come_back_as_ramps_and_an_affine_part(activation):
    network = planted(6, 9)
    truth = TwoLayerNetwork(network.a, network.W, network.b, activation)
    found = extract(CallableBox(truth, 9), rng=0)
    assert found.status is Status.EQUAL
    X = np.random.default_rng(1).standard_normal((100, 9))
    np.testing.assert_allclose(found.network(X), truth(X), atol=1e-9)


def test_units_that_are_clipped_come_back_as_pairs_of_ramps():
    network = planted(3, 6)
    found = extract(CallableBox(lambda X: np.clip(X @ network.W.T + network.b, 0, 1) @ network.a, 6), rng=0)
    assert found.status is Status.EQUAL
    assert found.network.width == 6


def test_three_layers_are_not_called_equal():
    rng = np.random.default_rng(0)
    first, second = rng.standard_normal((6, 4)), rng.standard_normal((5, 6))
    found = extract(
        CallableBox(lambda X: np.maximum(np.maximum(X @ first.T + 0.1, 0) @ second.T - 0.2, 0).sum(1), 4), rng=0
    )
    assert not found.is_certified


def on_file(name):
    if not (NETWORKS / name).exists():
        pytest.skip("the networks of others are not here")
    arrays = np.load(NETWORKS / name)
    a = arrays["a"] if "a" in arrays else arrays["A"].T
    constant = arrays["c"] if a.ndim == 2 else float(arrays["c"])
    return TwoLayerNetwork(a, arrays["W"], arrays["b"], "relu", Polynomial(constant))


@pytest.mark.parametrize(
    ("name", "a_parameter"),
    [
        ("deti_784_128_1.npz", 1.5),
        ("ailaby_mnist_0vs1_784_2_1.npz", 3),
        ("ailaby_mnist_2vs3_784_2_1.npz", 3),
        ("ailaby_1_deep_nn_512_2_1.npz", 3),
        ("ailaby_1_deep_nn_2048_4_1.npz", 3),
        ("art_784_4_10.npz", 2),
    ],
)
def test_the_networks_of_others_come_back(name, a_parameter):
    truth = on_file(name)
    found = extract(CallableBox(truth, truth.dim), rng=0)
    assert found.status is Status.EQUAL
    assert align(found.network, truth).max_relative_error <= 1e-9
    assert found.queries <= a_parameter * (truth.W.size + 2 * truth.width + 1)
