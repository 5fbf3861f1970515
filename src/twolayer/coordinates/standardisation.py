"""Samples in units of their own spread, and networks brought back from there."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from twolayer.network import TwoLayerNetwork
from twolayer.polynomial import Polynomial

__all__ = ["Standardisation"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_ROUNDING = 1e-14  # a column whose spread is less than this part of its largest entry does not vary


@dataclass(frozen=True)
class Standardisation:
    r"""The maps :math:`z = (x - \mu)/s` and :math:`t = (y - o)/u`, column by column.

    With biases, μ and s are mean and standard deviation. Without, μ = o = 0, which nothing could make up for, and s is
    the root mean square. A column that does not vary has s = ∞: z is 0 there, and so is a weight brought back.

    Attributes
    ----------
    mean, scale : arrays, shape (d,)
    offset, unit : float
        The o and u > 0.
    has_bias : bool
    """

    mean: Vector
    scale: Vector
    offset: float
    unit: float
    has_bias: bool

    @classmethod
    def of(cls, X: Matrix, y: Vector, has_bias: bool) -> Self:
        """Those of some samples, whose y must not be 0 everywhere, nor constant with biases."""
        mean = X.mean(axis=0) if has_bias else np.zeros(X.shape[1])
        offset = float(y.mean()) if has_bias else 0.0
        spread = np.sqrt(np.mean((X - mean) ** 2, axis=0))
        scale = np.where(spread > _ROUNDING * np.abs(X).max(axis=0), spread, np.inf)
        return cls(mean, scale, offset, float(np.sqrt(np.mean((y - offset) ** 2))), has_bias)

    def inputs(self, X: Matrix) -> Matrix:
        """The z of each row."""
        return (X - self.mean) / self.scale

    def labels(self, y: Vector) -> Vector:
        """The t of each label."""
        return (y - self.offset) / self.unit

    def rows(self) -> Matrix:
        """The matrix G, (D, D), that takes a unit's row (w, b) on z to the same unit's row G(w, b) on x."""
        G = np.diag(1 / self.scale)
        if not self.has_bias:
            return G
        return np.block([[G, np.zeros((len(G), 1))], [-(self.mean / self.scale)[None, :], np.ones((1, 1))]])

    def undone(self, network: TwoLayerNetwork) -> TwoLayerNetwork:
        """The network from x to y that is `network` from z to t; units are not balanced."""
        W = network.W / self.scale
        polynomial = network.polynomial
        if polynomial is not None or self.has_bias:
            before = Polynomial() if polynomial is None else polynomial
            polynomial = self.unit * before.after(self.scale, self.mean) + Polynomial(self.offset)
        return TwoLayerNetwork(self.unit * network.a, W, network.b - W @ self.mean, network.activation, polynomial)
