"""What every peer minimises: the squared residual of a network, relative to that of nothing."""

from collections.abc import Iterator
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.network import TwoLayerNetwork

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

TARGET = 1e-14
_BLOCK_ENTRIES = 1 << 17  # 1 MiB of inputs, preactivations and slopes: half as fast again as all rows at once
_JACOBIAN_ENTRIES = 1 << 20


class OutOfTimeError(Exception):
    """The time that a method was given is over."""


class Clock:
    """Seconds since its making, the end of the time given, and the losses on the way, relative to ‖y‖²."""

    def __init__(self, limit: float = np.inf) -> None:
        self.limit, self.best, self.starts = limit, np.inf, 0
        self.seconds_to_target: float | None = None
        self._began = perf_counter()

    @property
    def seconds(self) -> float:
        return perf_counter() - self._began

    def check(self) -> None:
        """Raise `OutOfTimeError` if it is."""
        if self.seconds > self.limit:
            raise OutOfTimeError

    def record(self, loss: float) -> None:
        self.best = min(self.best, loss)
        if loss <= TARGET and self.seconds_to_target is None:
            self.seconds_to_target = self.seconds
        self.check()


class LeastSquares:
    r"""The problem :math:`f(a, W) = \|\sum_i a_i\,\sigma(X w_i) - y\|^2 / \|y\|^2`, z = (a, W) in one vector.

    Biases are weights of one more input, which is 1. Rows are passed in blocks that fit a cache, and the clock is
    looked at before each.
    """

    def __init__(
        self, X: Matrix, y: Vector, width: int, activation: Activation, clock: Clock, has_bias: bool = False
    ) -> None:
        self.X = np.column_stack([X, np.ones(len(X))]) if has_bias else X
        self.y, self.width, self.activation, self.clock, self.has_bias = y, width, activation, clock, has_bias
        self.energy = float(y @ y)
        self.size = width * (self.X.shape[1] + 1)

    def split(self, z: Vector) -> tuple[Vector, Matrix]:
        """Views a (m,) and W (m, d) of z."""
        return z[: self.width], z[self.width :].reshape(self.width, -1)

    def network(self, z: Vector) -> TwoLayerNetwork:
        a, W = self.split(z)
        if self.has_bias:
            return TwoLayerNetwork(a, W[:, :-1], W[:, -1], self.activation)
        return TwoLayerNetwork(a, W, activation=self.activation)

    def start(self, rng: np.random.Generator) -> Vector:
        """Gaussian rows and signs of a at random, with |a| = ‖w‖ on average and a model as large as the labels."""
        self.clock.starts += 1
        z = np.empty(self.size)
        a, W = self.split(z)
        a[:] = rng.choice([-1.0, 1.0], self.width)
        W[:] = rng.standard_normal(W.shape) / np.sqrt(W.shape[1])
        rows = slice(0, 4096)
        ratio = np.std(self.y[rows]) / np.std(self.activation(self.X[rows] @ W.T) @ a)
        if self.activation.degree:
            z *= ratio ** (1 / (1 + self.activation.degree))
        else:
            a *= ratio
        return z

    def loss(self, z: Vector) -> float:
        a, W = self.split(z)
        squares = 0.0
        for rows in self._blocks():
            r = self.activation(self.X[rows] @ W.T) @ a - self.y[rows]
            squares += float(r @ r)
        return squares / self.energy

    def loss_and_gradient(self, z: Vector) -> tuple[float, Vector]:
        """Three products a block: T = X Wᵀ, σ(T)ᵀ r and (σ'(T) ∘ r)ᵀ X."""
        a, W = self.split(z)
        squares, gradient = 0.0, np.zeros(self.size)
        by_a, by_W = self.split(gradient)
        for rows in self._blocks():
            x = self.X[rows]
            t = x @ W.T
            values = self.activation(t)
            r = values @ a - self.y[rows]
            squares += float(r @ r)
            by_a += r @ values
            slopes = self.activation.derivative(t)
            slopes *= r[:, None]
            by_W += slopes.T @ x
        by_W *= a[:, None]
        gradient *= 2 / self.energy
        return squares / self.energy, gradient

    def jacobian_blocks(self, z: Vector) -> Iterator[tuple[Vector, Matrix]]:
        """Residual and Jacobian [σ(T), (σ'(T) ∘ a) ⊗ x] of each block of rows."""
        a, W = self.split(z)
        for rows in self._blocks(self.size, _JACOBIAN_ENTRIES):
            x = self.X[rows]
            t = x @ W.T
            J = np.empty((len(x), self.size))
            J[:, : self.width] = self.activation(t)
            by_W = J[:, self.width :].reshape(len(x), *W.shape)
            np.multiply((self.activation.derivative(t) * a)[:, :, None], x[:, None, :], out=by_W)
            yield J[:, : self.width] @ a - self.y[rows], J

    def _blocks(self, entries_per_row: int | None = None, entries: int = _BLOCK_ENTRIES) -> Iterator[slice]:
        size = max(128, entries // (entries_per_row or self.X.shape[1] + 2 * self.width))
        for first in range(0, len(self.y), size):
            self.clock.check()
            yield slice(first, first + size)
