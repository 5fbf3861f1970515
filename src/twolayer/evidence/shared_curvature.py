"""How firmly rows hold the units of several outputs: curvature, leverage of rows, standard errors of weights."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.linalg.lapack import dtrtri

from twolayer.coordinates import Coordinates
from twolayer.evidence.curvature import Curvature
from twolayer.evidence.standard_errors import StandardErrors
from twolayer.model.shared_units import Matrix, SharedFit, Vector
from twolayer.solvers import GramSolver

__all__ = ["SharedCurvature"]

_MOST_DENSE = 6000  # entries of all rows of units, whose H takes 288 MB and some ten seconds to factor
_MOST_EIGENVALUES = 1000  # of which all are computed: a second
_WORK = 5e9  # multiply-adds, a tenth of a second: so many rows have their leverage computed whole, and 20 at least


@dataclass(frozen=True, eq=False)
class SharedCurvature:
    r"""The projected Gauss-Newton Hessian H at a fit, and what follows from it.

    With the outer weights and what stands beside the units projected out, :math:`H_{ij} = (AA^\top)_{ij}\,
    \nabla_i^\top\Pi\nabla_j`; its inverse is the block of the units in the inverse of the whole JᵀJ. The scale of a
    homogeneous unit, which the function does not see, is held fixed by a term :math:`\theta_i\theta_i^\top`.

    Attributes
    ----------
    fit : SharedFit
        Of the network itself.
    """

    fit: SharedFit

    @property
    def is_dense(self) -> bool:
        """Whether H is formed."""
        return self.fit.theta.size <= _MOST_DENSE

    @cached_property
    def _grams(self) -> tuple[Matrix, Matrix, Matrix]:
        """H with the scales held, ∇ᵀΦ, and ΦᵀΦ."""
        fit, edge = self.fit, self.fit.theta.size
        whole = fit.problem.grams(fit)[0]
        H, cross = fit.problem.projected(fit, whole)
        if fit.problem.activation.degree:
            for i, row in enumerate(fit.theta):
                own = slice(i * len(row), (i + 1) * len(row))
                size = max(float(row @ row), 1e-300)
                H[own, own] += np.trace(H[own, own]) / len(row) * np.outer(row, row) / size
        return H, cross, whole[edge:, edge:]

    def extremes(self, is_held_out: bool) -> Curvature:
        """Extreme eigenvalues of H / n and of the Gram matrix of outer weights, each parameter in its own unit."""
        problem, fit = self.fit.problem, self.fit
        if not self.is_dense:
            return Curvature(np.nan, np.nan, problem.n_rows, is_held_out)
        H, _, G = self._grams
        T, sizes = self._standard_rows()
        m, D = fit.theta.shape
        scaled = np.einsum("iajb,ac,bd->icjd", H.reshape(m, D, m, D), T, T, optimize=True)
        scaled = (scaled * sizes[:, None, None, None] * sizes[:, None]).reshape(m * D, m * D) / problem.n_rows
        outer = np.r_[np.linalg.norm(fit.A, axis=1), np.ones(problem.n_beside)]
        least, most = _extremes(scaled)
        low, high = _extremes(G * np.outer(outer, outer) / problem.n_rows)
        return Curvature(min(least, low), max(most, high), problem.n_rows, is_held_out)

    def _standard_rows(self) -> tuple[Matrix, Vector]:
        """The map of rows from centred inputs of variance one, and the sizes of rows there."""
        problem, d = self.fit.problem, self.fit.problem.dim
        some = problem.some(4096).X.astype(np.float64)  # spreads to 1 %
        mean = some.mean(axis=0) if problem.has_bias else np.zeros(d)
        spread = np.sqrt(np.mean((some - mean) ** 2, axis=0))
        spread = np.where(spread > 0, spread, 1.0)
        T, there = np.eye(problem.n_columns), np.eye(problem.n_columns)
        T[:d, :d], there[:d, :d] = np.diag(1 / spread), np.diag(spread)
        if problem.has_bias:
            T[d, :d], there[d, :d] = -mean / spread, mean
        return T, np.maximum(np.linalg.norm(self.fit.theta @ there.T, axis=1), 1e-12)

    def most_leverage(self) -> float:
        """Largest leverage of a label: 1 if the fit would meet it whatever it is.

        Of the rows that have the largest share in what a single unit rests on, or in the outer weights.
        """
        if not self.is_dense:
            return 0.0
        H, cross, G = self._grams
        fit, problem = self.fit, self.fit.problem
        try:
            root = np.linalg.cholesky(H)
        except np.linalg.LinAlgError:
            return 1.0
        solver = GramSolver.of(G)
        explained, D = solver(cross.T), problem.n_columns
        blocks = [H[i * D : (i + 1) * D, i * D : (i + 1) * D] for i in range(problem.width)]
        inverses = np.stack([np.linalg.pinv(block, hermitian=True) for block in blocks])
        sizes, largest = np.linalg.norm(fit.A, axis=1), 0.0
        shares = np.concatenate([self._shares(rows, inverses, sizes, solver) for rows in problem.blocks()])
        count = max(20, int(_WORK / (problem.n_outputs * len(H) ** 2)))
        for row in np.argsort(-shares)[:count]:
            E, phi = self._row(slice(row, row + 1), explained)
            u = E[:, :, None] * np.repeat(fit.A, D, axis=0)[None]
            own = float(np.sum(phi * solver(phi.T).T))
            largest = max(largest, own + float(np.max(np.sum(solve_triangular(root, u[0], lower=True) ** 2, axis=0))))
        return largest

    def _row(self, rows: slice, explained: Matrix) -> tuple[Matrix, Matrix]:
        """∇ of a block less what Φ explains of it, (b, m D), and Φ."""
        problem = self.fit.problem
        x, (t, phi) = problem.inputs(rows), problem.features(rows, self.fit.theta)
        nabla = (problem.slope(t)[:, :, None] * x[:, None, :]).reshape(len(x), -1)
        return nabla - phi @ explained, phi

    def _shares(self, rows: slice, inverses: NDArray, sizes: Vector, solver: GramSolver) -> Vector:
        problem = self.fit.problem
        x, (t, phi) = problem.inputs(rows), problem.features(rows, self.fit.theta)
        quadratic = np.stack([np.einsum("nd,nd->n", x @ inverse, x) for inverse in inverses], axis=1)
        in_units = quadratic * (problem.slope(t) * sizes) ** 2
        return np.asarray(in_units.max(axis=1, initial=0.0) + np.sum(phi * solver(phi.T).T, axis=1))

    @cached_property
    def _covariances(self) -> tuple[NDArray, Matrix]:
        r"""Of each unit (θ_i, A_i), (m, D + q, D + q), and of the constants, (q, q), for noise of deviation one.

        :math:`\mathrm{Cov}(\theta) = H^{-1}`, and the outer weights follow the units:
        :math:`\delta A_i = -\sum_j A_j\,(G^{-1}\Phi^\top\nabla)_{i,j}\,\delta\theta_j` beside their own noise
        :math:`(G^{-1})_{ii}`.
        """
        H, cross, G = self._grams
        (m, D), q, solver = self.fit.theta.shape, self.fit.problem.n_outputs, GramSolver.of(G)
        explained, own = solver(cross.T), solver(np.eye(len(G))).diagonal()
        inverse, weights = GramSolver.of(H), np.repeat(self.fit.A, D, axis=0)
        root = np.asarray(dtrtri(np.triu(inverse.factor[0]))[0])  # H⁻¹ = R⁻¹ R⁻ᵀ, of which blocks are enough
        units, constants = np.zeros((m, D + q, D + q)), np.zeros((q, q))
        for k in range(m + self.fit.problem.has_bias):
            B = -(explained[k][:, None] * weights).T
            follows = inverse(B.T)
            of_outer = own[k] * np.eye(q) + B @ follows
            if k == m:
                constants = of_outer
                break
            block = slice(k * D, (k + 1) * D)
            rows = inverse.scale[block, None] * root[block]
            units[k] = np.block([[rows @ rows.T, follows[block]], [follows[block].T, of_outer]])
        return units, constants

    def standard_errors(
        self, noise: float, coordinates: Coordinates | None = None, mixing: Matrix | None = None
    ) -> StandardErrors:
        """Standard errors of the network under label noise that is independent and alike in all outputs of the fit.

        Parameters
        ----------
        noise : float
        coordinates : Coordinates, optional
            Those of the fit: the errors are then those of the network on inputs and labels as they were given.
        mixing : array, shape (r, q), optional
            Labels before these coordinates, for labels y' of the fit, of r outputs, are y' times this.
        """
        problem, fit = self.fit.problem, self.fit
        m, d = problem.width, problem.dim
        U = np.eye(problem.n_outputs) if mixing is None else mixing
        U = U if coordinates is None else U * coordinates.unit
        q = U.shape[1]
        if not self.is_dense:
            unknown = np.full((m, d), np.inf)
            return StandardErrors(np.full((m, q), np.inf), unknown, unknown[:, 0], np.full(q, np.inf), False)
        back = np.eye(problem.n_columns) if coordinates is None else coordinates.matrix_of_rows(problem.has_bias)
        units, constants = self._covariances
        errors = np.zeros((m, len(back) + q))
        for k in range(m):
            J = self._to_network(back @ fit.theta[k], U.T @ fit.A[k]) @ _blocks(back, U.T)
            errors[k] = noise * np.sqrt(np.maximum(np.einsum("ab,bc,ac->a", J, units[k], J), 0.0))
        constant = noise * np.sqrt(np.maximum(np.einsum("ca,cd,da->a", U, constants, U), 0.0))
        b = errors[:, d] if problem.has_bias else np.zeros(m)
        return StandardErrors(errors[:, len(back) :], errors[:, :d], b, constant, True)

    def _to_network(self, row: Vector, a: Vector) -> Matrix:
        """Derivative of a unit in its balanced form, (w, b, a), by the same before."""
        degree, D = self.fit.problem.activation.degree, len(row)
        J, size = np.eye(D + len(a)), float(np.linalg.norm(a))
        if not degree or size == 0:
            return J
        stretch, direction = size ** (1 / degree), a / size
        J[:D, :D] *= stretch
        J[:D, D:] = stretch / (degree * size) * np.outer(row, direction)
        J[D:, D:] = (np.eye(len(a)) - np.outer(direction, direction)) / size
        return J


def _blocks(first: Matrix, second: Matrix) -> Matrix:
    (a, b), (c, d) = first.shape, second.shape
    return np.block([[first, np.zeros((a, d))], [np.zeros((c, b)), second]])


def _extremes(H: Matrix) -> tuple[float, float]:
    """Least and largest eigenvalue; of many, by a few steps of inverse and of plain iteration, to two digits."""
    if len(H) <= _MOST_EIGENVALUES:
        values = np.linalg.eigvalsh(H)
        return float(values[0]), float(values[-1])
    v = np.random.default_rng(0).standard_normal(len(H))
    for _ in range(20):
        v = H @ (v / np.linalg.norm(v))
    most = float(np.linalg.norm(v))
    try:
        factor = cho_factor(H + 1e-14 * most * np.eye(len(H)), check_finite=False)
    except np.linalg.LinAlgError:
        return 0.0, most
    for _ in range(20):
        v = cho_solve(factor, v / np.linalg.norm(v), check_finite=False)
    return 1 / float(np.linalg.norm(v)), most
