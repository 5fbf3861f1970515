"""The nonlinear least-squares problem that every refiner solves: units, and what their reflections leave behind."""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk

from twolayer.activation import Activation
from twolayer.model.linearization import Linearization
from twolayer.rows import some_rows
from twolayer.rows.threads import Part, over_blocks

__all__ = ["UnitsProblem"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

BLOCK_ROWS = 2048  # of which a block of some dozens of units fits the cache
_WORTH_THREADS = 2e7  # multiply-adds, some milliseconds
_SINGLE_COPY_ENTRIES = 60_000_000  # up to 240 MB for a float32 copy of the inputs
_JACOBIAN_BLOCK_ENTRIES = 1_500_000  # 12 MB: a block that is written and multiplied at once


class UnitsProblem:
    r"""Least squares for the units of a two-layer network, with or without the lift.

    Unlifted, the model is the network, :math:`\sum_i v_i \sigma(\theta_i\cdot\tilde x) + c`. By the reflection law
    :math:`\sigma(-t) = s\,\sigma(t) + p(t)`, the function :math:`\psi = \sigma + \tfrac s2 p` has the parity s
    exactly, and the *lifted* model is

    .. math:: \sum_i v_i\,\psi(\theta_i\cdot\tilde x) + P(x)

    with P free in the span of what reflections can leave behind: an affine function if p is affine, a constant if p is
    constant, a quadratic form in the current units if p is quadratic. To it, both orientations of a unit are the same
    point, so that no unit has to be pushed through zero to turn round. The orientations are decoded afterwards.

    The p parameters are M rows of D entries (the units, then the linear part of an affine lift) and f coefficients of
    features that the model is linear in: the outer weights where they are free, the quadratic form, the constant.
    D = d + 1 with biases, x̃ = (x, 1), else D = d.

    Parameters
    ----------
    X, y : arrays, shapes (n, d) and (n,)
    activation : Activation
    width : int
    signs : array of ±1, shape (m,), optional
        Fixed outer weights, for homogeneous σ, whose scale is free. Without it they are parameters.
    has_bias : bool
        Fit biases, and a constant of the network.
    is_lifted : bool
        Fit the lifted model; ignored where p = 0.
    ridge : float
        Penalty on the squared weights of the units and free outer weights (biases, constant and lift excluded).

    Notes
    -----
    The Jacobian is J = [S ⊗ x̃, Φ] with S (n, M) and Φ (n, f); it is never formed whole. A product with JᵀJ costs
    4 n M D multiply-adds in float32, a linearization the same in float64, the normal matrix n p² / 2.
    """

    def __init__(
        self,
        X: NDArray,
        y: NDArray,
        activation: Activation,
        width: int,
        *,
        signs: Vector | None = None,
        has_bias: bool = False,
        is_lifted: bool = False,
        ridge: float = 0.0,
    ) -> None:
        self.X, self.y, self.activation, self.width, self.ridge = X, y, activation, width, ridge
        self.signs, self.has_bias = signs, has_bias
        self.n_rows = self.n_equations = len(X)
        self.n_columns = X.shape[1] + has_bias
        law = activation.reflection
        self._half = np.asarray(law.polynomial, float) * law.sign / 2 if is_lifted else np.zeros(0)
        degree = max(np.flatnonzero(self._half), default=-1)
        self.is_lifted = bool(degree >= 0)
        self.has_linear_row, self.has_quadratic = degree == 1, degree == 2
        self.has_constant = (has_bias or degree == 0) and not (self.has_linear_row and has_bias)
        self.n_rows_of_units = width + self.has_linear_row
        self._pairs = np.triu_indices(width) if self.has_quadratic else (np.zeros(0, int),) * 2
        self.n_amplitudes = 0 if signs is not None else width
        self.n_features = self.n_amplitudes + len(self._pairs[0]) + self.has_constant
        self.n_parameters = self.n_rows_of_units * self.n_columns + self.n_features

    # -- parameters ----------------------------------------------------------------------------------------------------

    def split(self, z: Vector) -> tuple[Matrix, Vector]:
        """Rows (M, D) and coefficients (f,) of a parameter vector, as views."""
        size = self.n_rows_of_units * self.n_columns
        return z[:size].reshape(self.n_rows_of_units, self.n_columns), z[size:]

    def join(
        self,
        theta: Matrix,
        amplitudes: Vector | None = None,
        *,
        linear: Vector | None = None,
        quadratic: Matrix | None = None,
        constant: float = 0.0,
    ) -> Vector:
        """Parameter vector with the units `theta` (m, D) and what else is given; the rest is zero.

        `linear` and `quadratic` are as `linear_part` and `quadratic_form` return them.
        """
        z = np.zeros(self.n_parameters)
        rows, c = self.split(z)
        rows[: self.width] = theta
        if self.n_amplitudes:
            c[: self.width] = amplitudes
        if linear is not None and self.has_linear_row:
            rows[self.width] = linear
        if quadratic is not None and self.has_quadratic:
            i, j = self._pairs
            c[self.n_amplitudes : self.n_amplitudes + len(i)] = quadratic[i, j] / np.where(i == j, 2.0, 1.0)
        if self.has_constant:
            c[-1] = constant
        elif self.has_linear_row and self.has_bias and linear is None:
            rows[self.width, -1] = constant
        return z

    def units(self, z: Vector) -> tuple[Vector, Matrix]:
        """Outer weights (m,) and rows (m, D) of the units."""
        rows, c = self.split(z)
        return (c[: self.width] if self.signs is None else self.signs), rows[: self.width]

    def linear_part(self, z: Vector) -> Vector:
        """The affine lift's row (D,)."""
        return self.split(z)[0][self.width]

    def quadratic_form(self, z: Vector) -> Matrix:
        r"""The symmetric Q (m, m) of the quadratic lift :math:`\tfrac12 t^\top Q t`."""
        Q = np.zeros((self.width, self.width))
        c = self.split(z)[1][self.n_amplitudes :]
        Q[self._pairs] = c[: len(self._pairs[0])]
        return Q + Q.T

    def constant(self, z: Vector) -> float:
        """The constant among the features; 0 where there is none."""
        return float(self.split(z)[1][-1]) if self.has_constant else 0.0

    def penalized(self, z: Vector) -> Vector:
        """`z` with the entries that the ridge leaves alone set to zero."""
        penalized = np.zeros_like(z)
        rows, c = self.split(penalized)
        old_rows, old_c = self.split(z)
        rows[: self.width, : self.X.shape[1]] = old_rows[: self.width, : self.X.shape[1]]
        c[: self.n_amplitudes] = old_c[: self.n_amplitudes]
        return penalized

    def resized(self, signs: Vector | None, width: int, *, is_lifted: bool | None = None) -> "UnitsProblem":
        """The same problem for another number of units, or other signs, or with or without the lift."""
        other = self._like(self.X, self.y, width, signs, self.is_lifted if is_lifted is None else is_lifted)
        if "_single_inputs" in self.__dict__:
            other.__dict__["_single_inputs"] = self._single_inputs
        return other

    def on(self, X: NDArray, y: NDArray) -> "UnitsProblem":
        """The same problem on other rows."""
        return self._like(X, y, self.width, self.signs, self.is_lifted)

    def _like(self, X: NDArray, y: NDArray, width: int, signs: Vector | None, is_lifted: bool) -> "UnitsProblem":
        return UnitsProblem(
            X,
            y,
            self.activation,
            width,
            signs=signs,
            has_bias=self.has_bias,
            is_lifted=is_lifted,
            ridge=self.ridge,
        )

    def some(self, count: int) -> "UnitsProblem":
        """The same problem on so many rows drawn at random, always the same ones; itself where there are no more."""
        rows = some_rows(self.n_rows, count)
        return self if rows is None else self.on(np.ascontiguousarray(self.X[rows]), self.y[rows])

    @property
    def unit_parity(self) -> int:
        """Parity of what a unit computes: s if lifted, that of σ if not."""
        return self.activation.reflection.sign if self.is_lifted else self.activation.parity

    # -- the model on a block of rows ----------------------------------------------------------------------------------

    def inputs(self, rows: slice) -> Matrix:
        """The block of x̃ in float64."""
        block = self.X[rows].astype(np.float64, copy=False)
        return np.hstack([block, np.ones((len(block), 1))]) if self.has_bias else block

    def blocks(self, size: int = BLOCK_ROWS) -> Iterator[slice]:
        """Blocks of rows that cover the samples."""
        for start in range(0, self.n_rows, size):
            yield slice(start, min(start + size, self.n_rows))

    def _over_blocks(self, kernel: Callable[[slice], Part]) -> Iterator[Part]:
        work = self.n_rows * self.n_rows_of_units * self.n_columns
        return over_blocks(kernel, self.blocks(), is_large=work > _WORTH_THREADS)

    def _project(self, rows: slice | NDArray[np.intp], theta: Matrix) -> Matrix:
        """x̃·θ for a block of rows, without a copy of the inputs."""
        block = self.X[rows].astype(np.float64, copy=False)
        return block @ theta[:, :-1].T + theta[:, -1] if self.has_bias else block @ theta.T

    def unit_block(self, rows: slice, theta: Matrix) -> Matrix:
        """ψ(θ·x̃) of each row of `theta`, on a block of samples."""
        return self._psi(self._project(rows, theta))

    def _psi(self, t: Matrix) -> Matrix:
        value = self.activation(t)
        return value + np.polynomial.polynomial.polyval(t, self._half) if self.is_lifted else value

    def _slope(self, t: Matrix) -> Matrix:
        slope = self.activation.derivative(t)
        if self.is_lifted and len(self._half) > 1:
            slope += np.polynomial.polynomial.polyval(t, np.polynomial.polynomial.polyder(self._half))
        return slope

    def _predict(self, t: Matrix, z: Vector) -> tuple[Vector, Matrix]:
        """Value of the model from the preactivations t (b, M), and ψ of the units."""
        _, c = self.split(z)
        v, _ = self.units(z)
        psi = self._psi(t[:, : self.width])
        value = psi @ v
        if self.has_linear_row:
            value += t[:, self.width]
        if self.has_quadratic:
            value += 0.5 * np.einsum("ij,ij->i", t @ self.quadratic_form(z), t)
        if self.has_constant:
            value += c[-1]
        return value, psi

    def _differentiate(self, t: Matrix, psi: Matrix, z: Vector) -> tuple[Matrix, Matrix]:
        """Slopes S (b, M) and features Φ (b, f) of a block."""
        v, _ = self.units(z)
        S = np.ones((len(t), self.n_rows_of_units), t.dtype)
        np.multiply(self._slope(t[:, : self.width]), v, out=S[:, : self.width])
        features = np.empty((len(t), self.n_features), t.dtype)
        features[:, : self.n_amplitudes] = psi[:, : self.n_amplitudes]
        if self.has_quadratic:
            S += t @ self.quadratic_form(z)
            i, j = self._pairs
            end = self.n_amplitudes + len(i)
            np.multiply(t[:, i], t[:, j], out=features[:, self.n_amplitudes : end])
        if self.has_constant:
            features[:, -1] = 1.0
        return S, features

    def predict(self, rows: slice | NDArray[np.intp], z: Vector) -> Vector:
        """Value of the model on a block of rows."""
        return self._predict(self._project(rows, self.split(z)[0]), z)[0]

    # -- the whole problem ---------------------------------------------------------------------------------------------

    @cached_property
    def energy(self) -> float:
        """‖y‖², the scale of the loss."""
        return float(self.y.astype(np.float64) @ self.y) or 1.0

    def residual(self, z: Vector) -> Vector:
        """Model minus labels, (n,)."""
        if self.n_rows <= BLOCK_ROWS:
            return self.predict(slice(0, self.n_rows), z) - self.y
        parts = self._over_blocks(lambda rows: self.predict(rows, z) - self.y[rows])
        return np.concatenate(list(parts))

    def loss(self, z: Vector) -> float:
        """Sum of squared residuals, ridge included."""
        r = self.residual(z)
        with np.errstate(over="ignore", invalid="ignore"):
            return float(r @ r) + (self.ridge * float(self.penalized(z) @ z) if self.ridge else 0.0)

    def jacobian_blocks(self, z: Vector) -> Iterator[tuple[slice, Vector, Matrix]]:
        """Rows, residual and Jacobian (b, p) of each block: for problems with few parameters."""
        theta = self.split(z)[0]
        size = min(max(_JACOBIAN_BLOCK_ENTRIES // self.n_parameters, 64), 8192)
        edge = self.n_rows_of_units * self.n_columns
        for rows in self.blocks(size):
            x = self.inputs(rows)
            t = x @ theta.T
            value, psi = self._predict(t, z)
            S, features = self._differentiate(t, psi, z)
            J = np.empty((len(x), self.n_parameters))
            np.multiply(S[:, :, None], x[:, None, :], out=J[:, :edge].reshape(len(x), *theta.shape))
            J[:, edge:] = features
            yield rows, value - self.y[rows], J

    def normal_equations(self, z: Vector) -> tuple[float, Vector, Matrix]:
        """Loss, Jᵀr and JᵀJ (lower triangle filled, upper triangle not), ridge included; O(n p²) and (p, p) memory."""
        H = np.zeros((self.n_parameters, self.n_parameters), order="F")
        g, loss = np.zeros(self.n_parameters), 0.0
        for _, r, J in self.jacobian_blocks(z):
            H = dsyrk(1.0, J.T, beta=1.0, c=H, lower=1, overwrite_c=1)
            g += J.T @ r
            loss += float(r @ r)
        if self.ridge:
            penalized = self.penalized(z)
            loss, g = loss + self.ridge * float(penalized @ z), g + self.ridge * penalized
            H[np.diag_indices_from(H)] += self.ridge * self.penalized(np.ones_like(z))
        return loss, g, H

    def batch_gradient(self, chosen: NDArray[np.intp], z: Vector) -> tuple[float, Vector]:
        """Squared residual of some rows, and half the gradient of its mean, ridge left out; in float32."""
        z = z.astype(np.float32)
        x = np.ones((len(chosen), self.n_columns), np.float32)
        x[:, : self.X.shape[1]] = self.X[chosen]
        t = x @ self.split(z)[0].T
        value, psi = self._predict(t, z)
        S, features = self._differentiate(t, psi, z)
        r = (value - self.y[chosen]).astype(np.float32)
        gradient = np.empty_like(z)
        rows, coefficients = self.split(gradient)
        np.matmul((S * r[:, None]).T, x, out=rows)
        np.matmul(r, features, out=coefficients)
        return float(r @ r), gradient / np.float32(len(chosen))

    def linearize(self, z: Vector) -> Linearization:
        """The problem seen from `z`, for products without a Jacobian."""
        theta = self.split(z)[0]
        slopes = np.empty((self.n_rows, self.n_rows_of_units), np.float32)
        features = np.empty((self.n_rows, self.n_features), np.float32)
        slope_gram = np.zeros((self.n_rows_of_units,) * 2)
        feature_gram = np.zeros((self.n_features,) * 2)
        gradient, loss = np.zeros(self.n_parameters), 0.0
        g_rows, g_features = self.split(gradient)

        def on_block(rows: slice) -> tuple[float, Matrix, Matrix, Vector, Matrix]:
            x = self.inputs(rows)
            t = x @ theta.T
            value, psi = self._predict(t, z)
            S, phi = self._differentiate(t, psi, z)
            r = value - self.y[rows]
            slopes[rows], features[rows] = S, phi
            return float(r @ r), S.T @ S, phi.T @ phi, phi.T @ r, (S * r[:, None]).T @ x

        for squares, SS, phiphi, phir, Srx in self._over_blocks(on_block):
            loss += squares
            slope_gram += SS
            feature_gram += phiphi
            g_features += phir
            g_rows += Srx
        penalized = self.penalized(z)
        return Linearization(
            z,
            loss + self.ridge * float(penalized @ z),
            gradient + self.ridge * penalized,
            slopes,
            features,
            slope_gram,
            feature_gram,
        )

    @cached_property
    def _single_inputs(self) -> NDArray[np.float32] | None:
        if self.n_rows * self.n_columns > _SINGLE_COPY_ENTRIES:
            return None
        single = np.ones((self.n_rows, self.n_columns), np.float32)
        single[:, : self.X.shape[1]] = self.X
        return single

    def gauss_newton_product(self, at: Linearization, direction: Vector) -> Vector:
        """JᵀJ·direction (ridge included) in float32, which an inexact step does not notice, at half the cost."""
        rows_of, coefficients = self.split(direction)
        P, q = np.ascontiguousarray(rows_of.T, np.float32), coefficients.astype(np.float32)
        product = np.zeros(self.n_parameters)
        out_rows, out_features = self.split(product)

        def on_block(rows: slice) -> tuple[NDArray, NDArray]:
            x = self.inputs(rows).astype(np.float32) if self._single_inputs is None else self._single_inputs[rows]
            S, phi = at.slopes[rows], at.features[rows]
            t = x @ P
            t *= S
            u = t.sum(axis=1)
            if self.n_features:
                u += phi @ q
            np.multiply(S, u[:, None], out=t)
            return t.T @ x, phi.T @ u

        for part_rows, part_features in self._over_blocks(on_block):
            out_rows += part_rows
            out_features += part_features
        return product + self.ridge * self.penalized(direction) if self.ridge else product

    def pull_back(self, at: Linearization, weights: Vector) -> Vector:
        """Jᵀ·weights for weights (n,) on the rows."""
        out = np.zeros(self.n_parameters)
        out_rows, out_features = self.split(out)
        for rows in self.blocks():
            w = weights[rows]
            out_rows += (at.slopes[rows] * w[:, None]).T @ self.inputs(rows)
            out_features += at.features[rows].T @ w
        return out
