"""Parameters of a fit in other units: a linear map that treats the rows of all units alike."""

from typing import Self

import numpy as np

from twolayer.coordinates import Coordinates
from twolayer.model.problem import Matrix, UnitsProblem, Vector
from twolayer.model.reflections import network_of

__all__ = ["ParameterMap"]


class ParameterMap:
    r"""The map :math:`z = T u` of parameters: a matrix G for each row, a factor for each row and each other parameter.

    Parameters
    ----------
    G : array, shape (D, D)
        Invertible where its inverse is asked for.
    rows : array, shape (M,)
        Factor of each row of the units, and of the linear part where there is one.
    others : array, shape (f,)
        Factor of each other parameter.
    """

    def __init__(self, G: Matrix, rows: Vector, others: Vector) -> None:
        self.G, self.rows, self.others = G, rows, others

    @classmethod
    def of_standard_units(cls, problem: UnitsProblem, point: Vector) -> Self:
        """From units of the parameters' own, on centred inputs of variance one, to the parameters of an unlifted fit.

        A row is in units of its size on such inputs, an outer weight in units of its magnitude, the constant in units
        of y.
        """
        some = problem.some(4096).X.astype(np.float64)  # spreads to 1 %
        d, D = problem.X.shape[1], problem.n_columns
        mean = some.mean(axis=0) if problem.has_bias else np.zeros(d)
        spread = np.sqrt(np.mean((some - mean) ** 2, axis=0))
        spread = np.where(spread > 0, spread, 1.0)
        G, there = np.eye(D), np.eye(D)
        G[:d, :d], there[:d, :d] = np.diag(1 / spread), np.diag(spread)
        if problem.has_bias:
            G[d, :d], there[d, :d] = -mean / spread, mean
        v, theta = problem.units(point)
        rows, others = np.ones(problem.n_rows_of_units), np.ones(problem.n_features)
        rows[: problem.width] = np.maximum(np.linalg.norm(theta @ there.T, axis=1), 1e-12)
        others[: problem.n_amplitudes] = np.maximum(np.abs(v), 1e-12)[: problem.n_amplitudes]
        return cls(G, rows, others)

    @classmethod
    def to_given(cls, coordinates: Coordinates, problem: UnitsProblem, point: Vector) -> Self:
        """From the parameters of a fit in its own coordinates to those of the same network on the samples as given."""
        outer, stretch = coordinates.stretch(network_of(problem, point))
        others = np.full(problem.n_features, coordinates.unit)
        others[: problem.n_amplitudes] = outer
        return cls(coordinates.matrix_of_rows(problem.has_bias), np.full(problem.n_rows_of_units, stretch), others)

    def apply(self, V: Matrix) -> Matrix:
        """T V, for V of shape (p, q)."""
        return self._applied(self.G, self.rows, self.others, V)

    def apply_transpose(self, V: Matrix) -> Matrix:
        """Tᵀ V."""
        return self._applied(self.G.T, self.rows, self.others, V)

    def invert(self, V: Matrix) -> Matrix:
        """T⁻¹ V."""
        return self._applied(np.asarray(np.linalg.inv(self.G), np.float64), 1 / self.rows, 1 / self.others, V)

    def invert_transpose(self, V: Matrix) -> Matrix:
        """T⁻ᵀ V."""
        return self._applied(np.asarray(np.linalg.inv(self.G).T, np.float64), 1 / self.rows, 1 / self.others, V)

    def quadratic_form(self, H: Matrix) -> Matrix:
        """Tᵀ H T, for H of which the lower triangle is given."""
        return self.apply_transpose(self.apply_transpose(np.tril(H) + np.tril(H, -1).T).T)

    def lengths(self) -> Vector:
        """Length of each row of T."""
        return np.concatenate([np.outer(self.rows, np.linalg.norm(self.G, axis=1)).ravel(), self.others])

    def variances(self, C: Matrix) -> Vector:
        """Diagonal of T C Tᵀ, for the lower triangle of a covariance C of all parameters."""
        M, D = len(self.rows), len(self.G)
        result = np.concatenate([np.zeros(M * D), self.others**2 * C.diagonal()[M * D :]])
        for k, factor in enumerate(self.rows):
            own = C[k * D : (k + 1) * D, k * D : (k + 1) * D]
            own = np.tril(own) + np.tril(own, -1).T
            result[k * D : (k + 1) * D] = factor**2 * np.einsum("ij,jk,ik->i", self.G, own, self.G)
        return result

    def _applied(self, G: Matrix, rows: Vector, others: Vector, V: Matrix) -> Matrix:
        edge = len(V) - len(others)
        turned = (rows[:, None, None] * (G @ V[:edge].reshape(len(rows), len(G), -1))).reshape(edge, -1)
        return np.vstack([turned, others[:, None] * V[edge:]])
