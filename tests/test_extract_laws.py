"""One function, asked in other coordinates, is one network: what does not matter to it does not matter to `extract`."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from twolayer import TwoLayerNetwork, align
from twolayer.extract import CallableBox, Status, extract
from twolayer.extract.standards import ExtractionStandards
from twolayer.network import Polynomial

WIDTH, DIM = 4, 5
EPS = float(np.finfo(float).eps)


@dataclass(frozen=True)
class Change:
    """The box that gives, at x, y0 + size * f(x A + s)."""

    A: NDArray
    s: NDArray
    y0: float = 0.0
    size: float = 1.0

    def box(self, truth):
        return lambda X: self.y0 + self.size * truth(X @ self.A + self.s)

    def applied(self, truth):
        """The network of the changed box."""
        polynomial = Polynomial(self.y0 + self.size * truth.polynomial.constant)
        return TwoLayerNetwork(
            self.size * truth.a, truth.W @ self.A.T, truth.b + truth.W @ self.s, truth.activation, polynomial
        )

    def undone(self, network):
        """What a network of the changed box is in the first coordinates, but for its polynomial."""
        W = np.linalg.solve(self.A, network.W.T).T
        return TwoLayerNetwork(network.a / self.size, W, network.b - W @ self.s, network.activation)


def change(A=None, s=None, y0=0.0, size=1.0):
    return Change(np.eye(DIM) if A is None else A, np.zeros(DIM) if s is None else s, y0, size)


def planted(activation, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.choice([-1.0, 1.0], WIDTH) * rng.uniform(0.5, 2, WIDTH)
    W = rng.standard_normal((WIDTH, DIM)) / np.sqrt(DIM)
    return TwoLayerNetwork(a, W, rng.uniform(-1, 1, WIDTH), activation, Polynomial(0.3))


def tolerance(truth, how, precision):
    r"""What rounding may come to in the units, relative to them.

    The joint fit is at its end where no row is off by more than so many roundings r of the largest answer and of the
    arguments' terms; with the Jacobian J of n rows, scaled to relative changes, parameters are then off by
    ‖J⁺‖ √n r at most.
    """
    X = np.random.default_rng(1).standard_normal((400, DIM))
    X *= np.exp(np.random.default_rng(2).uniform(np.log(1 / 3), np.log(3), (400, 1)))
    changed, there = how.applied(truth), np.linalg.solve(how.A.T, (X - how.s).T).T
    terms = (np.abs(there) @ np.abs(changed.W.T) + np.abs(changed.b)) @ np.abs(changed.a)
    rounding = precision * (np.abs(changed(there)).max() + terms.max()) / how.size
    full = np.column_stack([X, np.ones(len(X))])
    t = X @ truth.W.T + truth.b
    slope = truth.activation.derivative(t) * truth.a
    lengths = np.linalg.norm(np.column_stack([truth.W, truth.b]), axis=1)
    J = np.concatenate([lengths[i] * slope[:, [i]] * full for i in range(WIDTH)], axis=1)
    # beside the units a constant, and what a turned ramp, or an outer weight, may be traded for
    others = X if truth.activation.kinks else truth.activation(t) * truth.a
    J = np.column_stack([J, others, np.ones(len(X))])
    least = np.linalg.svd(J, compute_uv=False)[-1]
    return ExtractionStandards().explained * np.sqrt(len(X)) * abs(rounding) / least


def assert_same_network(truth, how, answers=lambda y: y, precision=EPS, **options):
    box = how.box(truth)
    found = extract(CallableBox(lambda X: answers(box(X)), DIM), rng=0, **options)
    assert found.status is Status.EQUAL
    assert found.network.width == WIDTH
    bound = tolerance(truth, how, precision)
    assert bound < 0.05  # else nothing is tested
    assert align(how.undone(found.network), replaced(truth)).max_relative_error <= bound
    return found


def replaced(truth):
    return TwoLayerNetwork(truth.a, truth.W, truth.b, truth.activation)


both = pytest.mark.parametrize("activation", ["relu", "tanh"])


@both
@pytest.mark.parametrize("seed", range(3))
def test_inputs_in_another_order(activation, seed):
    A = np.eye(DIM)[np.random.default_rng(seed).permutation(DIM)]
    assert_same_network(planted(activation, seed), change(A))


@both
@pytest.mark.parametrize("seed", range(3))
def test_inputs_rotated(activation, seed):
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((DIM, DIM)))[0]
    assert_same_network(planted(activation, seed), change(Q))


@pytest.mark.parametrize(
    ("activation", "size"),
    [("relu", 1.0), ("relu", 30.0), ("relu", 1e3), ("relu", 1e6), ("tanh", 1.0), ("tanh", 30.0), ("tanh", 1e3)],
)
@pytest.mark.parametrize("seed", range(2))
def test_inputs_shifted(activation, size, seed):
    s = size * np.random.default_rng(seed).standard_normal(DIM)
    assert_same_network(planted(activation, seed), change(s=s))


@both
@pytest.mark.parametrize("powers", [1, 2, 3, 6, 9])
@pytest.mark.parametrize("seed", range(2))
def test_every_input_in_a_unit_of_its_own(activation, powers, seed):
    units = 10.0 ** np.random.default_rng(seed).permutation(np.linspace(-powers, powers, DIM))
    assert_same_network(planted(activation, seed), change(np.diag(units)))


@both
def test_one_input_in_a_tiny_unit_and_one_in_a_huge_one(activation):
    """A step is then as steep as noise, as far as standard normal rows can tell."""
    assert_same_network(planted(activation), change(np.diag([1.0, 1e-6, 1e6, 1.0, 1.0])))


@both
@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1e3, 1e6])
def test_all_inputs_in_another_unit(activation, unit):
    assert_same_network(planted(activation), change(unit * np.eye(DIM)))


@both
@pytest.mark.parametrize("size", [1e-30, 1e-9, -1.0, 1e9, 1e30])
def test_answers_in_another_unit(activation, size):
    assert_same_network(planted(activation), change(size=size))


@both
@pytest.mark.parametrize(("y0", "size"), [(-1e3, 1.0), (1e6, 1.0), (1e9, 1.0), (1.0, 1e-9), (1e9, 1e9), (1e9, 1e3)])
def test_answers_counted_from_elsewhere(activation, y0, size):
    assert_same_network(planted(activation), change(y0=y0, size=size))


@both
def test_everything_at_once(activation):
    rng = np.random.default_rng(5)
    A = np.diag(10.0 ** np.linspace(-4, 4, DIM))[rng.permutation(DIM)]
    assert_same_network(planted(activation), change(A, rng.standard_normal(DIM), -5e4, 1e3))


@both
@pytest.mark.parametrize(("y0", "size", "unit"), [(0.0, 1.0, 1.0), (0.0, 1e-9, 1e3), (10.0, 1.0, 1.0)])
def test_answers_of_float32(activation, y0, size, unit):
    how = change(unit * np.eye(DIM), y0=y0, size=size)
    precision = float(np.finfo(np.float32).eps)
    assert_same_network(planted(activation), how, lambda y: y.astype(np.float32), precision)


@both
def test_float32_that_holds_the_answers_exactly(activation):
    """The box computes in float64, and its answers are rounded to 20 bits: float32 and float64 say the same."""
    truth = planted(activation)

    def box(X):
        y = truth(X)
        unit = 2.0 ** (np.floor(np.log2(np.abs(y) + np.finfo(float).tiny)) - 20)
        return np.round(y / unit) * unit

    wide = extract(CallableBox(box, DIM), rng=0)
    narrow = extract(CallableBox(lambda X: box(X).astype(np.float32), DIM), rng=0)
    assert wide == narrow


LAYOUTS = {
    "a column": lambda y: y[:, None],
    "Fortran order": lambda y: np.asfortranarray(y[:, None]),
    "not contiguous": lambda y: np.repeat(y, 3)[::3],
    "backwards": lambda y: y[::-1].copy()[::-1],
    "big-endian": lambda y: y.astype(">f8"),
    "read-only": lambda y: np.frombuffer(y.tobytes()),
    "a list": lambda y: y.tolist(),
    "long double": lambda y: y.astype(np.longdouble),
}


@both
@pytest.mark.parametrize("layout", LAYOUTS)
def test_how_answers_lie_in_memory(activation, layout):
    truth = planted(activation)
    plain = extract(CallableBox(truth, DIM), rng=0)
    assert extract(CallableBox(lambda X: LAYOUTS[layout](truth(X)), DIM), rng=0) == plain


@both
def test_one_thread_and_two(activation):
    for threads in (1, 2):
        with threadpool_limits(threads):
            assert_same_network(planted(activation), change())
