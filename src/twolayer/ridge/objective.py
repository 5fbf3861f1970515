"""The penalised likelihood of a network with q outputs on weighted rows: value, gradient and curvature."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsymv, dsyrk

from twolayer.activation import Activation
from twolayer.network import TwoLayerNetwork
from twolayer.ridge.likelihood import Likelihood

__all__ = ["Objective", "Point", "Remembering"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_BLOCK_ENTRIES = (
    1_500_000  # 12 MB: a block of a Jacobian, or of products of pairs, that is written and multiplied at once
)


@dataclass(frozen=True, eq=False)
class Point:
    """A point of an objective, with what its derivatives are made of.

    Attributes
    ----------
    z : array, shape (p,)
    t, features : arrays, shape (n, m)
        Preactivations and σ of them.
    outputs : array, shape (n, q)
    loss : float
        Weighted sum of the losses of the rows.
    """

    z: Vector
    t: Matrix
    features: Matrix
    outputs: Matrix
    loss: float


@dataclass(frozen=True, eq=False)
class Objective:
    r"""A weighted sum of losses of the rows, :math:`L(z) = \sum_l \omega_l\,\ell(f_z(x_l), y_l)`.

    Here :math:`f_z(x) = A^\top\sigma(\Theta\tilde x) + c` with x̃ = (x, 1) and a constant where there are biases, x̃ =
    x and no constant where there are none. A weight of two is exactly a row given twice. The parameters z are the rows
    Θ (m, D), A (m, q) and c (q,), in this order.

    Attributes
    ----------
    X : array, shape (n, D)
        The x̃ of the rows.
    Y : array, shape (n, q)
    weights : array, shape (n,)
        The ω, positive.
    activation : Activation
    width : int
    has_bias : bool
    likelihood : Likelihood
    """

    X: Matrix
    Y: Matrix
    weights: Vector
    activation: Activation
    width: int
    has_bias: bool
    likelihood: Likelihood

    @classmethod
    def of(
        cls,
        X: Matrix,
        Y: Matrix,
        weights: Vector,
        activation: Activation,
        width: int,
        *,
        has_bias: bool,
        likelihood: Likelihood,
    ) -> "Objective":
        """The objective for inputs without the column of ones."""
        inputs = np.column_stack([X, np.ones(len(X))]) if has_bias else X
        return cls(np.ascontiguousarray(inputs), Y, weights, activation, width, has_bias, likelihood)

    def some(self, count: int, rng: np.random.Generator) -> "Objective":
        """The same on so many rows drawn at random; itself where there are no more."""
        if self.n_rows <= count:
            return self
        return self.at_rows(rng.choice(self.n_rows, count, replace=False))

    def at_rows(self, rows: NDArray[Any]) -> "Objective":
        """The same on some rows, by index or by mask."""
        return replace(self, X=self.X[rows], Y=self.Y[rows], weights=self.weights[rows])

    def of_width(self, width: int) -> "Objective":
        """The same with another number of units."""
        return replace(self, width=width)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.X)

    @property
    def n_columns(self) -> int:
        """The D."""
        return self.X.shape[1]

    @property
    def n_outputs(self) -> int:
        """The q."""
        return self.Y.shape[1]

    @property
    def n_parameters(self) -> int:
        """The p."""
        return self.width * (self.n_columns + self.n_outputs) + self.has_bias * self.n_outputs

    @cached_property
    def total_weight(self) -> float:
        """Sum of the weights: the number of rows that they stand for."""
        return float(self.weights.sum())

    @property
    def edges(self) -> tuple[int, int]:
        """Where Θ ends in z, and where A does."""
        rows = self.width * self.n_columns
        return rows, rows + self.width * self.n_outputs

    def split(self, z: Vector) -> tuple[Matrix, Matrix, Vector]:
        """Θ (m, D), A (m, q) and c (q,), or (0,) without biases, as views."""
        first, second = self.edges
        return z[:first].reshape(self.width, -1), z[first:second].reshape(self.width, -1), z[second:]

    def join(self, theta: Matrix, A: Matrix, c: Vector | None = None) -> Vector:
        """The z of its parts."""
        constant = np.zeros(self.has_bias * self.n_outputs) if c is None else c
        return np.concatenate([theta.ravel(), A.ravel(), constant])

    def point_of(self, network: TwoLayerNetwork) -> Vector:
        """The z of a network of this width on these inputs, with no more of a polynomial than constants."""
        rows = np.column_stack([network.W, network.b]) if self.has_bias else network.W
        constant = 0.0 if network.polynomial is None else network.polynomial.constant
        return self.join(rows, network.A, np.broadcast_to(constant, self.has_bias * self.n_outputs))

    def at(self, z: Vector) -> Point:
        """The objective at `z`; n m (D + q) multiply-adds."""
        theta, A, c = self.split(z)
        t = self.X @ theta.T
        features = self.activation(t)
        outputs = features @ A
        if self.has_bias:
            outputs += c
        return Point(z, t, features, outputs, float(self.weights @ self.likelihood.losses(outputs, self.Y)))

    def gradient(self, point: Point) -> Vector:
        """Derivative of L by z, (p,); n m (D + 2q) multiply-adds."""
        _, A, _ = self.split(point.z)
        G = self.weights[:, None] * self.likelihood.gradients(point.outputs, self.Y)
        from_rows = (self.activation.derivative(point.t) * (G @ A.T)).T @ self.X
        return self.join(from_rows, point.features.T @ G, G.sum(axis=0)[: self.has_bias * self.n_outputs])

    def curvature(self, point: Point) -> Matrix:
        r"""The Gauss-Newton matrix :math:`\sum_l \omega_l J_l^\top \Lambda_l J_l` (p, p), Λ the curvatures of ℓ.

        Only its lower triangle is filled. Of one output it is a product of J with itself, n p² / 2 multiply-adds. Of
        several, the part of the rows is :math:`\sum_l (\omega_l K_{l,ij} s_{li} s_{lj})\, \tilde x_l\tilde x_l^\top`
        for units i and j, with s the slopes and :math:`K_l = A\Lambda_l A^\top`: a product of a matrix of pairs of
        units with a matrix of pairs of inputs, n m² D² / 4 multiply-adds for any q; the other parts take n q m² D and n
        q² m².
        """
        H = np.zeros((self.n_parameters, self.n_parameters), order="F")
        entries = self.n_parameters
        if self.n_outputs > 1:
            entries = (self.width * (self.width + 1) + self.n_columns * (self.n_columns + 1)) // 2
        size = max(_BLOCK_ENTRIES // entries, 64)
        for start in range(0, self.n_rows, size):
            rows = slice(start, min(start + size, self.n_rows))
            if self.n_outputs == 1:
                H = dsyrk(1.0, self._scaled_jacobian(point, rows).T, beta=1.0, c=H, lower=1, overwrite_c=1)
            else:
                self._add_curvature(H, point, rows)
        return H

    def _scaled_jacobian(self, point: Point, rows: slice) -> Matrix:
        """Derivatives of one output by z, each row times the root of its weight and curvature."""
        X, phi = self.X[rows], point.features[rows]
        Lambda = self.likelihood.curvatures(point.outputs[rows])
        root = np.sqrt(self.weights[rows] if Lambda is None else self.weights[rows] * Lambda[:, 0, 0])[:, None]
        S = self.activation.derivative(point.t[rows]) * self.split(point.z)[1][:, 0] * root
        first, second = self.edges
        J = np.empty((len(X), self.n_parameters))
        np.multiply(S[:, :, None], X[:, None, :], out=J[:, :first].reshape(len(X), self.width, -1))
        np.multiply(phi, root, out=J[:, first:second])
        J[:, second:] = root
        return J

    def _add_curvature(self, H: Matrix, point: Point, rows: slice) -> None:
        m, D, q = self.width, self.n_columns, self.n_outputs
        _, A, _ = self.split(point.z)
        first, _ = self.edges
        X, weights, phi = self.X[rows], self.weights[rows], point.features[rows]
        S = self.activation.derivative(point.t[rows])
        Lambda = self.likelihood.curvatures(point.outputs[rows])
        i, j, k, e, units, inputs = self._pairs
        pushed, across = np.ascontiguousarray(S.T * weights), np.ascontiguousarray(S.T)
        U = pushed[i] * across[j]  # of pairs of units, (m (m + 1) / 2, n)
        if Lambda is None:
            U *= (A @ A.T)[i, j][:, None]
        else:
            K = np.einsum("icl,jc->ijl", np.einsum("ic,lcd->idl", A, Lambda), A)
            U *= K[i, j]
        packed = U @ (X[:, k] * X[:, e])
        H[:first, :first] += packed[units, inputs].transpose(0, 2, 1, 3).reshape(m * D, m * D)
        extended = np.column_stack([phi, np.ones(len(phi))]) if self.has_bias else phi
        M = extended.shape[1]
        cross = np.zeros((M, q, m * D))
        outer = np.zeros((M, q, M, q))
        for c in range(q):
            # of the rows and output c: Σ_l ω_l (A Λ_l)_ic s_li x̃_l φ_lk
            factor = weights[:, None] * S * (A[:, c] if Lambda is None else Lambda[:, :, c] @ A.T)
            cross[:, c] = extended.T @ (factor[:, :, None] * X[:, None, :]).reshape(len(X), m * D)
            for f in range(c + 1) if Lambda is not None else (c,):
                scale = weights if Lambda is None else weights * Lambda[:, c, f]
                outer[:, c, :, f] = (extended * scale[:, None]).T @ extended
                outer[:, f, :, c] = outer[:, c, :, f]
        H[first:, :first] += cross.reshape(M * q, m * D)
        H[first:, first:] += outer.reshape(M * q, M * q)

    @cached_property
    def _pairs(self) -> tuple[NDArray[np.intp], ...]:
        """Pairs of units and of inputs, each once, and where each entry of a symmetric matrix finds its pair."""
        i, j = np.triu_indices(self.width)
        k, e = np.triu_indices(self.n_columns)
        units = np.zeros((self.width, self.width), int)
        units[i, j] = units[j, i] = np.arange(len(i))
        inputs = np.zeros((self.n_columns, self.n_columns), int)
        inputs[k, e] = inputs[e, k] = np.arange(len(k))
        return i, j, k, e, units[:, :, None, None], inputs[None, None]


@dataclass(frozen=True, eq=False)
class Remembering(Objective):
    r"""An objective that remembers rows seen before by their curvature.

    .. math:: L(z) + L_0 + \tfrac12 (z - z_0)^\top H_0 (z - z_0).

    What is learned of a batch of rows counts with those before it as if they were still there, up to the change of
    their curvature (online Laplace approximation).

    Attributes
    ----------
    anchor : array, shape (p,)
        The z_0, where the rows before had their minimum.
    memory : array, shape (p, p)
        The H_0, of which only the lower triangle is read.
    past_loss, past_weight : float
        The L_0, and how many rows it is of.

    References
    ----------
    Ritter, Botev, Barber (2018), Online structured Laplace approximations for overcoming catastrophic forgetting.
    """

    anchor: Vector
    memory: Matrix
    past_loss: float
    past_weight: float

    @property
    def total_weight(self) -> float:
        """Sum of the weights, of the rows before too."""
        return float(self.weights.sum()) + self.past_weight

    def at(self, z: Vector) -> Point:
        """The objective at `z`; p² multiply-adds more."""
        point, away = super().at(z), z - self.anchor
        return replace(point, loss=point.loss + self.past_loss + 0.5 * float(away @ self._remembered(away)))

    def gradient(self, point: Point) -> Vector:
        """Derivative by z."""
        return super().gradient(point) + self._remembered(point.z - self.anchor)

    def curvature(self, point: Point) -> Matrix:
        """The Gauss-Newton matrix, lower triangle."""
        return super().curvature(point) + np.tril(self.memory)

    def _remembered(self, direction: Vector) -> Vector:
        return np.asarray(dsymv(1.0, self.memory, direction, lower=1))
