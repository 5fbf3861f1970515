"""Standardised inputs and labels of any number of outputs, weighted, and networks brought there and back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.network import TwoLayerNetwork
from twolayer.polynomial import Polynomial

__all__ = ["Standard"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_ROUNDING = 1e-14  # of the largest entry of a column: what varies by less is the rounding of a column that does not


@dataclass(frozen=True, eq=False)
class Standard:
    r"""The maps :math:`z_j = s_j(x_j - \mu_j)` of inputs and :math:`t_c = (y_c - o_c)/u_c` of labels.

    Attributes
    ----------
    mean, scale : arrays, shape (d,)
        The μ, and the s, 0 for a column that does not vary.
    offset, unit : arrays, shape (q,)
        The o and u; 0 and 1 where labels are classes.
    has_bias : bool
        Whether there are biases to make up for means: else the μ and o are 0.
    """

    mean: Vector
    scale: Vector
    offset: Vector
    unit: Vector
    has_bias: bool

    @classmethod
    def of(cls, X: Matrix, Y: Matrix, weights: Vector, has_bias: bool, *, keeps_labels: bool = False) -> "Standard":
        """Columns of mean 0, with biases, and mean square 1 under the weights, and labels alike or as they are."""
        mean, spread = _mean_and_spread(X, weights, has_bias)
        varies = spread > _ROUNDING * np.abs(X).max(axis=0)
        scale = np.where(varies, 1 / np.where(varies, spread, 1.0), 0.0)
        if keeps_labels:
            return cls(mean, scale, np.zeros(Y.shape[1]), np.ones(Y.shape[1]), has_bias)
        offset, unit = _mean_and_spread(Y, weights, has_bias)
        is_constant = unit <= _ROUNDING * np.abs(Y).max(axis=0)
        return cls(mean, scale, offset, np.where(is_constant, 1.0, unit), has_bias)

    def inputs(self, X: Matrix) -> Matrix:
        """The z of each row."""
        return (X - self.mean) * self.scale

    def labels(self, Y: Matrix) -> Matrix:
        """The t of each row."""
        return (Y - self.offset) / self.unit

    def given(self, network: TwoLayerNetwork) -> TwoLayerNetwork:
        """The network from x to y that `network` is from z to t; outer weights take the units of the labels."""
        W = network.W * self.scale
        constant = np.zeros(1) if network.polynomial is None else np.atleast_1d(network.polynomial.constant)
        polynomial = Polynomial(constant * self.unit + self.offset) if self.has_bias else None
        b = network.b - W @ self.mean
        return TwoLayerNetwork(network.A * self.unit, W, b, network.activation, polynomial)

    def standardised(self, network: TwoLayerNetwork) -> TwoLayerNetwork:
        """The network from z to t that `network` is from x to y; a column sent to 0 has no weight."""
        varies = self.scale > 0
        W = np.where(varies, network.W / np.where(varies, self.scale, 1.0), 0.0)
        constant = np.zeros(1) if network.polynomial is None else np.atleast_1d(network.polynomial.constant)
        polynomial = Polynomial((constant - self.offset) / self.unit) if self.has_bias else None
        b = network.b + network.W @ self.mean
        return TwoLayerNetwork(network.A / self.unit, W, b, network.activation, polynomial)

    def matrix_of_rows(self) -> Matrix:
        """The G with which a unit's row (w, b) on z, or w without biases, is the row G (w, b) on x."""
        if not self.has_bias:
            return np.diag(self.scale)
        d = len(self.scale)
        G = np.eye(d + 1)
        G[:d, :d] = np.diag(self.scale)
        G[d, :d] = -self.scale * self.mean
        return G


def _mean_and_spread(values: Matrix, weights: Vector, is_centred: bool) -> tuple[Vector, Vector]:
    share = weights / weights.sum()
    mean = share @ values if is_centred else np.zeros(values.shape[1])
    largest = np.abs(values - mean).max(axis=0)  # so that no square overflows
    relative = (values - mean) / np.where(largest > 0, largest, 1.0)
    return mean, largest * np.sqrt(share @ relative**2)
