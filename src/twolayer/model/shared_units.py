"""The least-squares problem of several outputs that share their units, outer weights and lift projected out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import dsyrk

from twolayer.activation import Activation
from twolayer.model.fit import EXACT
from twolayer.rows import some_rows
from twolayer.rows.threads import Part, over_blocks
from twolayer.solvers import GramSolver

__all__ = ["SharedFit", "SharedUnits", "View"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

BLOCK_ROWS = 2048  # of which a block of some dozens of units fits the cache
_ROUNDING_OF_SUMS = 1e-12  # of the loss: what a step may gain that only moves outer weights within their rounding
_WORTH_THREADS = 2e7  # multiply-adds, some milliseconds
_JACOBIAN_BLOCK_ENTRIES = 1_500_000  # 12 MB: a block that is written and multiplied at once


@dataclass(frozen=True, eq=False)
class SharedUnits:
    r"""Least squares for the units of a network with q outputs.

    .. math:: \min_\Theta\ \min_C\ \|Y - \Phi(\Theta)\,C\|_F^2, \qquad
       \Phi = [\psi(\tilde X\Theta^\top),\ B], \quad C = \begin{pmatrix} A \\ P \end{pmatrix}.

    All that the outputs do not share is linear, and solved for: the outer weights A (m, q), and what stands beside the
    units, P: a constant, or the *lift*, which takes up what turning units round leaves behind. By the reflection law
    σ(-t) = s σ(t) + p(t), ψ = σ + s p/2 has the parity s exactly, so that with a lift of the degree of p both
    orientations of a unit are one point.

    With the projection :math:`\Pi` to the complement of Φ, the residual is R = Π Y, and its derivative, but for a term
    that vanishes with R [1]_, :math:`-\Pi\sum_i \sigma'(t_i)\,(\tilde x\cdot\delta_i)\,A_i`. So that

    .. math:: H_{ij} = (A A^\top)_{ij}\ \nabla_i^\top \Pi \nabla_j, \qquad g_i = -\nabla_i^\top R A_i^\top,
       \qquad \nabla_i = \operatorname{diag}(\sigma'(t_i))\,\tilde X,

    which costs no more for q outputs than for one.

    Attributes
    ----------
    X, Y : arrays, shapes (n, d) and (n, q)
    activation : Activation
    width : int
    has_bias : bool
        Fit biases, and a constant of each output.
    is_lifted : bool
        With a lift; ignored where p = 0 or of a degree above two.

    References
    ----------
    .. [1] L. Kaufman, A variable projection method for solving separable nonlinear least squares problems, BIT 15,
       1975; G. Golub, V. Pereyra, SIAM J. Numer. Anal. 10, 1973.
    """

    X: NDArray
    Y: Matrix
    activation: Activation
    width: int
    has_bias: bool
    is_lifted: bool = False

    def __post_init__(self) -> None:
        polynomial = self.activation.reflection.polynomial
        lifts = self.is_lifted and any(polynomial) and len(polynomial) <= 3
        object.__setattr__(self, "is_lifted", lifts)

    # -- sizes ---------------------------------------------------------------------------------------------------------

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.X)

    @property
    def dim(self) -> int:
        """Number d of inputs."""
        return int(self.X.shape[1])

    @property
    def n_outputs(self) -> int:
        """Number q of outputs."""
        return int(self.Y.shape[1])

    @property
    def n_columns(self) -> int:
        """Entries D of a unit's row: d, and one for its bias."""
        return self.dim + self.has_bias

    @cached_property
    def half(self) -> Vector:
        """Coefficients of s p/2, empty without a lift."""
        law = self.activation.reflection
        return np.asarray(law.polynomial, float) * law.sign / 2 if self.is_lifted else np.zeros(0)

    @property
    def lift_degree(self) -> int:
        """The degree of the lift; -1 without one."""
        return int(max(np.flatnonzero(self.half), default=-1))

    @cached_property
    def n_beside(self) -> int:
        """Columns that stand beside the units."""
        return self._beside(np.zeros((1, self.dim))).shape[1]

    @property
    def n_features(self) -> int:
        """Columns of Φ."""
        return self.width + self.n_beside

    @property
    def n_parameters(self) -> int:
        """Parameters of the model, the scale of homogeneous units counted once."""
        free = self.n_columns + self.n_outputs - bool(self.activation.degree)
        return self.width * free + self.n_beside * self.n_outputs

    @property
    def n_equations(self) -> int:
        """Number of labels."""
        return self.n_rows * self.n_outputs

    @cached_property
    def energy(self) -> float:
        """‖Y‖², the scale of the loss."""
        return float(np.vdot(self.Y, self.Y)) or 1.0

    def resized(self, width: int, *, is_lifted: bool | None = None) -> "SharedUnits":
        """The same problem for another number of units, or with or without the lift."""
        lifts = self.is_lifted if is_lifted is None else is_lifted
        return SharedUnits(self.X, self.Y, self.activation, width, self.has_bias, lifts)

    def on(self, X: NDArray, Y: Matrix) -> "SharedUnits":
        """The same problem on other rows."""
        return SharedUnits(X, Y, self.activation, self.width, self.has_bias, self.is_lifted)

    def some(self, count: int) -> "SharedUnits":
        """The same problem on so many rows drawn at random, always the same ones; itself where there are no more."""
        rows = some_rows(self.n_rows, count)
        return self if rows is None else self.on(np.ascontiguousarray(self.X[rows]), self.Y[rows])

    # -- the model on a block of rows ----------------------------------------------------------------------------------

    def blocks(self, size: int = BLOCK_ROWS) -> Iterator[slice]:
        """Blocks of rows that cover the samples."""
        for start in range(0, self.n_rows, size):
            yield slice(start, min(start + size, self.n_rows))

    def inputs(self, rows: slice) -> Matrix:
        """The block of x̃ in float64."""
        block = self.X[rows].astype(np.float64, copy=False)
        return np.hstack([block, np.ones((len(block), 1))]) if self.has_bias else block

    def _beside(self, x: Matrix) -> Matrix:
        """The columns B of a block of inputs."""
        degree, ones = self.lift_degree, np.ones((len(x), 1))
        parts = [ones] if self.has_bias or degree in (0, 2) else []
        if degree >= 1:
            parts.append(x)
        if degree == 2:
            i, j = np.triu_indices(self.dim)
            parts.append(x[:, i] * x[:, j])
        return np.hstack(parts) if parts else np.zeros((len(x), 0))

    def features(self, rows: slice, theta: Matrix) -> tuple[Matrix, Matrix]:
        """Preactivations t (b, m) and Φ (b, f) of a block."""
        x = self.inputs(rows)
        t = x @ theta.T
        return t, np.hstack([self.psi(t), self._beside(x[:, : self.dim])])

    def psi(self, t: Matrix) -> Matrix:
        """σ, or ψ where there is a lift."""
        value = self.activation(t)
        return value + np.polynomial.polynomial.polyval(t, self.half) if len(self.half) else value

    def slope(self, t: Matrix) -> Matrix:
        """Its derivative."""
        slope = self.activation.derivative(t)
        if len(self.half) > 1:
            slope = slope + np.polynomial.polynomial.polyval(t, np.polynomial.polynomial.polyder(self.half))
        return slope

    def _over_blocks(self, kernel: Callable[[slice], Part]) -> Iterator[Part]:
        work = self.n_rows * self.width * self.n_columns
        return over_blocks(kernel, self.blocks(), is_large=work > _WORTH_THREADS)

    # -- the whole problem ---------------------------------------------------------------------------------------------

    def fit(self, theta: Matrix) -> "SharedFit":
        """The best outer weights and lift for units; the loss."""
        f, q = self.n_features, self.n_outputs

        def gram_of(rows: slice) -> tuple[Matrix, Matrix]:
            phi = self.features(rows, theta)[1]
            return phi.T @ phi, phi.T @ self.Y[rows]

        G, M = np.zeros((f, f)), np.zeros((f, q))
        for gram, moment in self._over_blocks(gram_of):
            G, M = G + gram, M + moment
        solve = GramSolver.of(G)
        C, slope = solve(M), np.inf
        for _ in range(12):  # each takes out the rounding of the last: two are enough but for the worst of conditions
            last, (left, loss) = slope, self._left(theta, C)
            step = solve(left)
            slope = float(np.vdot(left, step))  # what the next step may gain
            best = SharedFit(self, theta, C, loss / self.energy)
            if not slope < 0.25 * last or slope <= _ROUNDING_OF_SUMS * loss:
                break
            C = C + step
        return best

    def _left(self, theta: Matrix, C: Matrix) -> tuple[Matrix, float]:
        """Φᵀ R and ‖R‖² of coefficients that need not be the best."""

        def on_block(rows: slice) -> tuple[Matrix, float]:
            phi = self.features(rows, theta)[1]
            r = self.Y[rows] - phi @ C
            return phi.T @ r, float(np.vdot(r, r))

        left, loss = np.zeros_like(C), 0.0
        for moment, squares in self._over_blocks(on_block):
            left, loss = left + moment, loss + squares
        return left, loss

    def residual(self, theta: Matrix, C: Matrix) -> Matrix:
        """Labels minus model, (n, q)."""
        parts = self._over_blocks(lambda rows: self.Y[rows] - self.features(rows, theta)[1] @ C)
        return np.concatenate(list(parts))

    def values(self, theta: Matrix) -> Matrix:
        """ψ of each unit on all rows, (n, m)."""
        return np.concatenate([self.psi(self.inputs(rows) @ theta.T) for rows in self.blocks()])

    def normal_equations(self, fit: "SharedFit") -> tuple[Vector, Matrix]:
        """The g (m D,) and H (m D, m D) of the class; O(n (m D + f)²) multiply-adds / 2."""
        whole, pulled = self.grams(fit)
        return -pulled, self.projected(fit, whole)[0]

    def projected(self, fit: "SharedFit", whole: Matrix) -> tuple[Matrix, Matrix]:
        """The H of the class from `grams`, and the cross products ∇ᵀΦ (m D, f)."""
        D, m = self.n_columns, self.width
        edge, end = m * D, m * D + self.n_features
        cross = whole[:edge, edge:end]
        H = whole[:edge, :edge] - cross @ GramSolver.of(whole[edge:end, edge:end])(cross.T)
        H.reshape(m, D, m, D)[:] *= (fit.A @ fit.A.T)[:, None, :, None]
        return H, cross

    def grams(self, fit: "SharedFit", more: Callable[[slice], Matrix] | None = None) -> tuple[Matrix, Vector]:
        r"""Inner products over all rows of the columns [∇, Φ, and more], and :math:`\nabla^\top(R A^\top)`.

        Parameters
        ----------
        fit : SharedFit
        more : callable, optional
            ``more(rows)`` are further columns (b, k) on a block of rows.
        """
        m, D, f = self.width, self.n_columns, self.n_features
        edge = m * D
        size = edge + f + (0 if more is None else more(slice(0, 1)).shape[1])
        whole, pulled = np.zeros((size, size), order="F"), np.zeros((m, D))
        for rows in self.blocks(min(max(_JACOBIAN_BLOCK_ENTRIES // size, 64), 8192)):
            x = self.inputs(rows)
            t, phi = self.features(rows, fit.theta)
            S = self.slope(t)
            J = np.empty((len(x), size))
            np.multiply(S[:, :, None], x[:, None, :], out=J[:, :edge].reshape(len(x), m, D))
            J[:, edge : edge + f] = phi
            if more is not None:
                J[:, edge + f :] = more(rows)
            whole = dsyrk(1.0, J.T, beta=1.0, c=whole, lower=1, overwrite_c=1)
            pulled += (S * ((self.Y[rows] - phi @ fit.C) @ fit.A.T)).T @ x
        return np.tril(whole) + np.tril(whole, -1).T, pulled.ravel()

    def view(self, fit: "SharedFit") -> "View":
        """The problem seen from a fit, for products without a Jacobian."""
        n, f = self.n_rows, self.n_features
        slopes, features = np.empty((n, self.width), np.float32), np.empty((n, f), np.float32)

        def on_block(rows: slice) -> tuple[Matrix, Matrix, Matrix]:
            t, phi = self.features(rows, fit.theta)
            S = self.slope(t)
            slopes[rows], features[rows] = S, phi
            r = (self.Y[rows] - phi @ fit.C) @ fit.A.T
            return S.T @ S, phi.T @ phi, (S * r).T @ self.inputs(rows)

        gram, G, gradient = (np.zeros((k, k2)) for k, k2 in ((self.width,) * 2, (f, f), (self.width, self.n_columns)))
        for SS, phiphi, pulled in self._over_blocks(on_block):
            gram, G, gradient = gram + SS, G + phiphi, gradient - pulled
        return View(self, fit, slopes, features, gram * (fit.A @ fit.A.T), GramSolver.of(G), gradient)


@dataclass(frozen=True, eq=False)
class SharedFit:
    """Units, and the best outer weights and lift for them.

    Attributes
    ----------
    problem : SharedUnits
    theta : array, shape (m, D)
        Rows of the units, the bias last.
    C : array, shape (f, q)
        Outer weights, then the coefficients of what stands beside.
    loss : float
        Squared residual relative to ‖Y‖².
    losses : tuple of float
        Of the start and after each step of the refinement that ended here.
    """

    problem: SharedUnits
    theta: Matrix
    C: Matrix
    loss: float
    losses: tuple[float, ...] = ()

    @property
    def A(self) -> Matrix:  # noqa: N802
        """Outer weights, (m, q)."""
        return self.C[: self.problem.width]

    @property
    def beside(self) -> Matrix:
        """Coefficients of what stands beside the units, (r, q)."""
        return self.C[self.problem.width :]

    @property
    def is_exact(self) -> bool:
        """Whether nothing but rounding is left."""
        return self.loss <= EXACT

    @property
    def squares(self) -> float:
        """The loss in the unit of Y²."""
        return self.loss * self.problem.energy

    @cached_property
    def residual(self) -> Matrix:
        """Labels minus model, (n, q)."""
        return self.problem.residual(self.theta, self.C)


@dataclass(frozen=True, eq=False)
class View:
    """What products with H take, computed once at a fit: slopes and features in float32, Gram matrices, gradient."""

    problem: SharedUnits
    fit: SharedFit
    slopes: NDArray[np.float32]
    features: NDArray[np.float32]
    slope_gram: Matrix
    project: "GramSolver"
    gradient: Matrix

    @cached_property
    def single_inputs(self) -> NDArray[np.float32]:
        """The x̃ in float32."""
        return np.concatenate([self.problem.inputs(rows).astype(np.float32) for rows in self.problem.blocks()])

    def product(self, P: Matrix) -> Matrix:
        """H P for a direction P (m, D), in float32, which an inexact step does not notice; 4 n m D multiply-adds."""
        A, x = self.fit.A.astype(np.float32), self.single_inputs
        direction = np.ascontiguousarray(P.T, np.float32)
        pushed = np.empty((len(x), self.problem.n_outputs), np.float32)

        def push(rows: slice) -> NDArray:
            t = x[rows] @ direction
            t *= self.slopes[rows]
            np.matmul(t, A, out=pushed[rows])
            return self.features[rows].T @ pushed[rows]

        over = self.problem._over_blocks
        moment = sum(over(push), np.zeros((self.problem.n_features, self.problem.n_outputs)))
        coefficients = self.project(moment).astype(np.float32)

        def pull(rows: slice) -> NDArray:
            left = (pushed[rows] - self.features[rows] @ coefficients) @ A.T
            left *= self.slopes[rows]
            return left.T @ x[rows]

        return np.asarray(sum(over(pull), np.zeros(P.shape)))
