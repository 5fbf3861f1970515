"""Other coordinates for inputs and labels: samples taken there, and what was found brought back."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from twolayer.model.problem import Matrix, UnitsProblem, Vector
from twolayer.network import TwoLayerNetwork
from twolayer.polynomial import Polynomial
from twolayer.rows import row_blocks

__all__ = ["Coordinates"]


@dataclass(frozen=True)
class Coordinates:
    r"""The affine maps :math:`z = A(x - \mu)` of inputs and :math:`t = (y - o)/u` of labels.

    `apply_inputs` and `apply_labels` go there; everything called ``invert_…`` brings back what was found there.

    Attributes
    ----------
    mean : array, shape (d,)
        The μ; 0 where there are no biases to make up for it.
    A : array, shape (e, d) or (d,)
        The matrix, or the diagonal of one. A zero on the diagonal sends a column to 0, and a weight brought back.
    offset, unit : float, or arrays of shape (q,)
        The o, 0 where the network has no constant to make up for it, and u > 0; of several outputs, those of each.
    """

    mean: Vector
    A: Matrix | Vector
    offset: Any = 0.0
    unit: Any = 1.0

    @classmethod
    def own(cls, X: NDArray[Any], y: NDArray[Any], has_bias: bool) -> Self:
        """Those in which samples of any units look alike: columns of a size near 1, labels of mean square 1.

        A column is divided by the power of two nearest to its root mean square, so that nothing is rounded and columns
        that are about 1 stay as they are; it is centred, where there are biases, if its mean is beyond its spread. One
        that varies by less than 1e-7 of its mean is taken for a constant and sent to 0: half of its digits, and those
        of a bias that makes up for its mean, would be rounding.
        """
        mean, square = _column_moments(X)
        variance = np.maximum(square - mean**2, 0.0)
        is_far = has_bias & (mean**2 > variance)
        mean, size = np.where(is_far, mean, 0.0), np.sqrt(np.where(is_far, variance, square))
        if is_far.any():  # the difference of two squares has no digits where the mean is large
            size = np.where(is_far, np.sqrt(_column_moments(X, mean)[1]), size)
        scale = np.exp2(-np.round(np.log2(np.where(size > 0, size, 1.0))))
        scale = np.where(is_far & (size <= 1e-7 * np.abs(mean)), 0.0, scale)
        return cls(mean, scale, *_label_unit(y, has_bias))

    @classmethod
    def standard(cls, X: Matrix, y: Vector, has_bias: bool) -> Self:
        """Columns and labels of mean 0, with biases, and mean square 1; a column that does not vary is sent to 0."""
        mean = X.mean(axis=0) if has_bias else np.zeros(X.shape[1])
        spread = np.sqrt(np.mean((X - mean) ** 2, axis=0))
        varies = spread > 1e-14 * np.abs(X).max(axis=0)  # what is less is the rounding of a column that does not
        scale = np.where(varies, 1 / np.where(varies, spread, 1.0), 0.0)
        return cls(mean, scale, *_label_unit(y, has_bias))

    @classmethod
    def white(cls, X: NDArray[Any], has_bias: bool) -> Self | None:
        r"""The map that whitens some rows, or None where they are white enough as they are.

        For x ~ N(μ, Σ) and A = Σ^{-1/2} the result is standard Gaussian, the setting of the theory (zhong2017recovery,
        section 3, suggests it). Directions in which the inputs do not vary are sent to 0.
        """
        n, d = X.shape
        mean = X.mean(axis=0, dtype=np.float64) if has_bias else np.zeros(d)
        second = np.zeros((d, d))
        for rows in row_blocks(X):
            centred = X[rows] - mean
            second += centred.T @ centred
        values, vectors = np.linalg.eigh(second / n)
        # Eigenvalues within a factor of 4 of 1 slow no search down; those of n white rows are within (1 ± √(d/n))².
        slack = (1 + np.sqrt(d / n)) ** 2
        low = 4.0 * slack if n <= 4 * d else 4.0 / (1 - np.sqrt(d / n)) ** 2
        if values[-1] <= 4.0 * slack and values[0] >= 1 / low and mean @ mean <= d:
            return None
        kept = values > 1e-12 * max(
            values[-1], 1e-300
        )  # a spread of 1e-6 of the largest: the rest is taken for constant
        scale = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
        return cls(mean, (vectors * scale) @ vectors.T)

    @classmethod
    def projection(cls, basis: Matrix) -> Self:
        """Coordinates in the span of orthonormal rows, shape (e, d)."""
        return cls(np.zeros(basis.shape[1]), basis)

    @classmethod
    def span_of(cls, units: Matrix) -> Self:
        """Projection to the span of units, rows of shape (m, d) with m ≤ d."""
        return cls.projection(np.linalg.svd(units, full_matrices=False)[2])

    @property
    def moves_inputs(self) -> bool:
        """Whether any input changes."""
        return bool(self.A.ndim == 2 or self.mean.any() or np.any(self.A != 1))

    def apply_inputs(self, X: NDArray[Any]) -> NDArray[Any]:
        """The z of each row; the array itself where nothing changes."""
        if self.mean.any():
            X = X - self.mean
        if self.A.ndim == 2:
            return X @ self.A.T
        return X * self.A.astype(X.dtype) if self.moves_inputs else X

    def apply_labels(self, y: NDArray[Any]) -> NDArray[np.float64]:
        """The t of each label."""
        return (y.astype(np.float64, copy=False) - self.offset) / self.unit

    def matrix_of_rows(self, has_bias: bool) -> Matrix:
        """The G, (D, D'), with which a unit's row (w, b) on z, or w without biases, is the row G (w, b) on x."""
        A = np.diag(self.A) if self.A.ndim == 1 else self.A
        if not has_bias:
            return A.T
        shift = -(A @ self.mean)[None]
        return np.block([[A.T, np.zeros((A.shape[1], 1))], [shift, np.ones((1, 1))]])

    def invert_rows(self, rows: Matrix) -> Matrix:
        """Rows θ with θ·x̃ what the rows, shape (m, e) or with biases (m, e + 1), make of z."""
        e = len(self.A)
        back = rows[:, :e] @ self.A if self.A.ndim == 2 else rows[:, :e] * self.A
        return np.column_stack([back, rows[:, e:] - (back @ self.mean)[:, None]]) if rows.shape[1] > e else back

    def invert_point(self, source: UnitsProblem, z: Vector, target: UnitsProblem) -> Vector:
        """Parameters of `target`, on the inputs as they are, for the model that `z` is of `source`, on mapped ones.

        What `source` has of the lift must be in `target` too, or is left out. Labels are the same in both.
        """
        v, theta = source.units(z)
        quadratic = source.quadratic_form(z) if source.has_quadratic else None
        linear = self.invert_rows(source.linear_part(z)[None])[0] if source.has_linear_row else None
        constant = source.constant(z)
        return target.join(self.invert_rows(theta), v, linear=linear, quadratic=quadratic, constant=constant)

    def stretch(self, network: TwoLayerNetwork) -> tuple[Any, float]:
        """Factors of outer weights and of rows (w, b) that bring a network to the unit of y.

        A homogeneous σ of one output keeps its outer weights, and has the unit in its rows.
        """
        degree = network.activation.degree
        return (1.0, self.unit ** (1 / degree)) if degree and np.ndim(self.unit) == 0 else (self.unit, 1.0)

    def invert_network(self, network: TwoLayerNetwork) -> TwoLayerNetwork:
        """The network from x to y that `network` is from z to t, for a diagonal A."""
        outer, rows = self.stretch(network)
        W = network.W * self.A
        polynomial = network.polynomial
        if polynomial is not None or np.any(self.offset):
            with np.errstate(divide="ignore"):  # a column sent to 0 has an infinite scale
                scale = 1 / self.A
            before = Polynomial(0.0 * self.offset) if polynomial is None else polynomial
            polynomial = self.unit * before.after(scale, self.mean) + Polynomial(self.offset)
        b = network.b - W @ self.mean
        return replace(network, a=outer * network.a, W=rows * W, b=rows * b, polynomial=polynomial)

    def apply_network(self, network: TwoLayerNetwork) -> TwoLayerNetwork:
        """The network from z to t that `network` is from x to y, for a diagonal A; a column sent to 0 has no weight."""
        outer, rows = self.stretch(network)
        W = np.where(self.A > 0, network.W / np.where(self.A > 0, self.A, 1.0), 0.0)
        polynomial = network.polynomial
        if polynomial is not None or np.any(self.offset):
            before = Polynomial(0.0 * self.offset) if polynomial is None else polynomial
            scale = np.where(self.A > 0, self.A, np.inf)
            moved = before.after(np.ones_like(self.A), -self.mean).after(scale, np.zeros_like(self.A))
            polynomial = (1 / self.unit) * (moved + Polynomial(-self.offset))
        b = network.b + network.W @ self.mean
        return replace(network, a=network.a / outer, W=W / rows, b=b / rows, polynomial=polynomial)


def _column_moments(X: NDArray[Any], origin: Vector | float = 0.0) -> tuple[Vector, Vector]:
    """Mean and mean square of each column about an origin, in blocks of rows."""
    total, squares = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for rows in row_blocks(X):
        block = X[rows].astype(np.float64) - origin
        total += block.sum(axis=0)
        squares += np.einsum("ij,ij->j", block, block)
    return total / len(X), squares / len(X)


def _label_unit(y: NDArray[Any], has_bias: bool) -> tuple[Any, Any]:
    """Offset and unit of labels, which must not be constant with biases, nor 0 everywhere; of several outputs, each."""
    if y.ndim == 2:
        of_each = [_label_unit(column, has_bias) for column in y.T]
        return np.array([offset for offset, _ in of_each]), np.array([unit for _, unit in of_each])
    offset = float(y.mean(dtype=np.float64)) if has_bias else 0.0
    largest = float(np.abs(y - offset).max())
    return offset, largest * float(np.sqrt(np.mean(((y - offset) / largest) ** 2, dtype=np.float64)))
