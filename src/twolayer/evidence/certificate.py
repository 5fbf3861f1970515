"""Is this the network that made the data?"""

import warnings
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri
from scipy.sparse.linalg import lobpcg

from twolayer.evidence.choice import Choice
from twolayer.evidence.gaussianity import GaussianityTest
from twolayer.evidence.score_test import MOST_DENSE_PARAMETERS, ScoreTest
from twolayer.model import UnitsProblem
from twolayer.model.problem import Matrix, Vector
from twolayer.network import TwoLayerNetwork
from twolayer.refine.gauss_newton import damped, kernel_preconditioner
from twolayer.solvers import conjugate_gradients

__all__ = [
    "Certificate",
    "Curvature",
    "StandardErrors",
    "Status",
    "curvature",
    "most_leverage",
    "normal_matrix",
    "singular_value_conditioning",
    "standard_errors",
]

_SAFELY_POSITIVE = 1e-5  # of the diagonal of a Cholesky factor
_ROWS_FOR_SIZES = 4096
_PROBES = 12
_ROWS_PER_PARAMETER = 100


class Status(Enum):
    """How a recovery ended; the text is the advice."""

    CERTIFIED = "The network explains every label to rounding, and no other network near it does."
    CERTIFIED_WITH_NOISE = (
        "What the network leaves unexplained is indistinguishable from label noise; the standard errors say how exact"
        " each weight is. Width and activation are those given or chosen: noise may hide a weaker unit or a similar"
        " activation."
    )
    MISFIT = (
        "The best network found leaves a residual that still depends on the inputs: try a larger width, another"
        " activation, biases, or another seed."
    )
    NO_SIGNAL = (
        "There is no signal: the best network found explains no more of these labels than it would of pure noise. See"
        " that the rows of X and y belong together; if they do, more rows, less noise, biases or another activation may"
        " show what y owes to X."
    )
    UNRESOLVED_REFLECTION = (
        "The data are explained by units and a polynomial that no choice of their orientations leaves: other units are"
        " linear on all of these inputs, or the data have such a part of their own, or the activation is another of the"
        " same family."
    )
    LOOSE_WEIGHTS = (
        "The residual passes for noise, but the noise leaves some weights almost as uncertain as they are large, as the"
        " standard errors say: give more rows, or try a narrower network, or an activation without a scale of its own,"
        " such as relu for softplus."
    )
    AMBIGUOUS_REFLECTION = (
        "The function is known and its weights are not: some units can be turned round together without a change."
        " Biases, or a constant that is left free, make it a matter of convention."
    )
    NOT_IDENTIFIABLE = (
        "Other networks explain the data as well (a flat direction of the squared error, or a unit too many): try a"
        " smaller width, or an activation that is not a polynomial of low degree."
    )
    TOO_FEW_ROWS = (
        "The network explains these rows, but they are too few, for its number of parameters and the noise, to tell it"
        " from others: give more rows."
    )
    UNCLEAR_CHOICE = (
        "The network explains the rows, and so does another width or activation that was tried: the certificate names"
        " them. Give the one that is known, or more rows, or rows with less noise."
    )
    APPROXIMATION = (
        "A regularised approximation was asked for and fitted; it makes no claim about where the data come from."
    )

    @property
    def is_certified(self) -> bool:
        """Whether the network is claimed to be the one that made the data."""
        return self in (Status.CERTIFIED, Status.CERTIFIED_WITH_NOISE)


@dataclass(frozen=True)
class StandardErrors:
    """One standard deviation of each weight under the estimated label noise; 0 for what the normalisation fixes.

    Attributes
    ----------
    a, W, b : arrays, shapes (m,), (m, d), (m,)
    constant : float
    is_exact : bool
        False where a stochastic estimate of the inverse's diagonal was used (some 10 % off).
    """

    a: Vector
    W: Matrix
    b: Vector
    constant: float
    is_exact: bool


@dataclass(frozen=True)
class Curvature:
    """Extreme eigenvalues of the Gauss-Newton Hessian JᵀJ/n, with each parameter in its own unit.

    Attributes
    ----------
    smallest, largest : float
    n_rows : int
        Rows that it was computed on.
    is_held_out : bool
        Whether these rows were kept from the fit.
    """

    smallest: float
    largest: float
    n_rows: int
    is_held_out: bool


@dataclass(frozen=True)
class Certificate:
    """The evidence for a network.

    Attributes
    ----------
    n_rows, n_parameters, width : int
    residual : float
        Root mean square of what the network leaves, relative to the standard deviation of y.
    noise : float
        Estimated standard deviation of the label noise, √(‖r‖²/(n-p)), in the unit of y.
    held_out_residual : float or None
        As `residual`, on rows kept from the search, before they were fitted too; None where all rows were needed.
    kappa, lambda_ : float
        σ_1/σ_k and Πσ_i/σ_k^k of the recovered W (zhong2017recovery, Definition 4.1); infinite where k > d.
    curvature : Curvature
    standard_errors : StandardErrors
    score_test : ScoreTest or None
        Whether the residual depends on the inputs; None where there is only rounding.
    wider_gain, narrower_loss : float or None
        What more units gain and one unit fewer loses, relative to a generous bound for noise; a certificate needs the
        first below 0.6 and the second above 5. None where there is only rounding.
    notes : tuple of str
        What cannot be known, and what else to mind.
    inputs : GaussianityTest or None
        Whether the inputs are Gaussian in the directions of the units and of T_2. None where that was not asked.
    choices : tuple of Choice
        What else was tried where width or activation was not given, and how clear the choice was.
    unseen_units : int
        Units asked for that are not among those of the network, because no row shows them.
    """

    n_rows: int
    n_parameters: int
    width: int
    residual: float
    noise: float
    held_out_residual: float | None
    kappa: float
    lambda_: float
    curvature: Curvature
    standard_errors: StandardErrors
    score_test: ScoreTest | None
    wider_gain: float | None
    narrower_loss: float | None
    notes: tuple[str, ...]
    inputs: GaussianityTest | None = None
    choices: tuple[Choice, ...] = ()
    unseen_units: int = 0

    def to_dict(self) -> dict[str, Any]:
        """The certificate as plain numbers, lists and text, fit for JSON (infinite numbers become None)."""
        return _plain(asdict(self))

    def summary(self) -> str:
        """A few lines to read."""
        kind = "held-out" if self.curvature.is_held_out else "the fitted"
        lines = [
            f"{self.width} units, {self.n_parameters} parameters, {self.n_rows} rows",
            f"residual {self.residual:.1e} of the standard deviation of y; estimated noise {self.noise:.1e}",
            f"smallest eigenvalue of the Gauss-Newton Hessian {self.curvature.smallest:.1e} on {kind} rows",
            f"condition number kappa {self.kappa:.3g}, lambda {self.lambda_:.3g}",
            f"largest standard error of an input weight {np.max(self.standard_errors.W, initial=0.0):.1e}",
        ]
        if self.held_out_residual is not None:
            lines.insert(2, f"residual on held-out rows {self.held_out_residual:.1e}")
        if self.score_test is not None:
            lines.append(f"score test for lack of fit: p = {self.score_test.p_value:.2g}")
        return "\n".join([*lines, *(choice.summary() for choice in self.choices), *self.notes])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.bool_ | bool):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


def singular_value_conditioning(network: TwoLayerNetwork) -> tuple[float, float]:
    """κ = σ_1/σ_k and λ = Πσ_i/σ_k^k of W; infinite where the units are dependent."""
    values = np.linalg.svd(network.W, compute_uv=False)
    if network.width > network.dim or network.width == 0 or values[-1] == 0:
        return np.inf, np.inf
    with np.errstate(over="ignore"):
        return float(values[0] / values[-1]), float(np.exp(np.sum(np.log(values / values[-1]))))


class _StandardUnits:
    """Parameters of an unlifted fit in units of their own, on centred inputs of variance one: z = T u.

    A row is in units of its size on such inputs, an outer weight in units of its magnitude, the constant in units of y.
    """

    def __init__(self, problem: UnitsProblem, point: Vector):
        some = problem.X[: min(_ROWS_FOR_SIZES, problem.n_rows)].astype(np.float64)
        d, D = problem.X.shape[1], problem.n_columns
        mean = some.mean(axis=0) if problem.has_bias else np.zeros(d)
        spread = np.sqrt(np.mean((some - mean) ** 2, axis=0))
        spread = np.where(spread > 0, spread, 1.0)
        self.back, self.there = np.eye(D), np.eye(D)  # of a row on standard inputs to the row, and from there
        self.back[:d, :d], self.there[:d, :d] = np.diag(1 / spread), np.diag(spread)
        if problem.has_bias:
            self.back[d, :d], self.there[d, :d] = -mean / spread, mean
        v, theta = problem.units(point)
        self.sizes = np.ones(problem.n_rows_of_units)
        self.sizes[: problem.width] = np.maximum(np.linalg.norm(theta @ self.there.T, axis=1), 1e-12)
        self.others = np.ones(problem.n_features)
        self.others[: problem.n_amplitudes] = np.maximum(np.abs(v), 1e-12)[: problem.n_amplitudes]

    def outward(self, V: Matrix) -> Matrix:
        """T V, for V of shape (p, q)."""
        return self._applied(self.back, self.sizes, self.others, V)

    def pulled(self, V: Matrix) -> Matrix:
        """Tᵀ V."""
        return self._applied(self.back.T, self.sizes, self.others, V)

    def compared(self, H: Matrix) -> Matrix:
        """Tᵀ H T, for H of which the lower triangle is given."""
        return self.pulled(self.pulled(np.tril(H) + np.tril(H, -1).T).T)

    def inward(self, V: Matrix) -> Matrix:
        """T⁻¹ V."""
        return self._applied(self.there, 1 / self.sizes, 1 / self.others, V)

    def pushed(self, V: Matrix) -> Matrix:
        """T⁻ᵀ V."""
        return self._applied(self.there.T, 1 / self.sizes, 1 / self.others, V)

    def _applied(self, G: Matrix, sizes: Vector, others: Vector, V: Matrix) -> Matrix:
        edge = len(V) - len(others)
        rows = (sizes[:, None, None] * (G @ V[:edge].reshape(len(sizes), len(G), -1))).reshape(edge, -1)
        return np.vstack([rows, others[:, None] * V[edge:]])


def normal_matrix(problem: UnitsProblem, point: Vector, *, may_thin: bool = True) -> Matrix | None:
    """JᵀJ (lower triangle) where it is small enough to be formed, up to 1000 parameters; None above.

    With more than 100 rows a parameter, every so many rows are taken and the sum is scaled up, if it may be.
    """
    if problem.n_parameters > MOST_DENSE_PARAMETERS:
        return None
    stride = max(1, problem.n_rows // (_ROWS_PER_PARAMETER * problem.n_parameters)) if may_thin else 1
    some = problem.on(problem.X[::stride], problem.y[::stride]) if stride > 1 else problem
    return some.normal_equations(point)[2] * (problem.n_rows / some.n_rows)


def curvature(problem: UnitsProblem, point: Vector, H: Matrix | None, is_held_out: bool) -> Curvature:
    """Extreme eigenvalues of JᵀJ / n with the parameters in units of their own, so that they compare with Var(y) = 1.

    The units are those of centred inputs of variance one, so that neither unit nor mean of the inputs matters. From the
    `normal_matrix` H; where there is none, by LOBPCG with the dual-kernel preconditioner, some 60 products.
    """
    units, n = _StandardUnits(problem, point), problem.n_rows
    if H is not None:
        values = np.linalg.eigvalsh(units.compared(H) / n)
        return Curvature(float(values[0]), float(values[-1]), n, is_held_out)
    at = problem.linearize(point)
    precondition = kernel_preconditioner(problem, at, 0.0)
    p = problem.n_parameters

    def hessian(V: Matrix) -> Matrix:
        pushed = units.outward(V)
        return units.pulled(np.column_stack([problem.gauss_newton_product(at, v) for v in pushed.T])) / n

    def inverse_kernel(V: Matrix) -> Matrix:
        return units.inward(np.column_stack([precondition(v) for v in units.pushed(V).T]))

    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # LOBPCG says where it stopped; two digits are enough here
        smallest, _ = lobpcg(
            hessian, rng.standard_normal((p, 2)), M=inverse_kernel, largest=False, maxiter=25, tol=1e-3
        )
        largest, _ = lobpcg(hessian, rng.standard_normal((p, 2)), largest=True, maxiter=15, tol=1e-2)
    return Curvature(float(smallest.min()), float(largest.max()), n, is_held_out)


def most_leverage(problem: UnitsProblem, point: Vector, H: Matrix) -> float:
    r"""Largest leverage :math:`J_i (J^\top J)^{-1} J_i^\top` of a row: 1 if the fit would meet whatever label it has.

    H is JᵀJ over just these rows. Time O(n p²).
    """
    units = _StandardUnits(problem, point)
    try:
        root = np.linalg.cholesky(units.compared(H))
    except np.linalg.LinAlgError:
        return 1.0
    blocks = (units.pulled(J.T) for _, _, J in problem.jacobian_blocks(point))
    return max(float(np.sum(solve_triangular(root, J, lower=True) ** 2, axis=0).max()) for J in blocks)


def standard_errors(problem: UnitsProblem, point: Vector, H: Matrix | None, noise: float) -> StandardErrors:
    r"""Standard errors noise·√diag((JᵀJ)⁻¹) of the parameters of an unlifted fit.

    Exact with the `normal_matrix` H. Where there is none, the diagonal is estimated with random signs z,
    :math:`\mathrm{diag}(M^{-1}) + \mathrm{mean}\,z\circ(H^{-1} - M^{-1})z`, with the dual-kernel preconditioner M as
    control variate, H⁻¹z by conjugate gradients.
    """
    variances = _inverse_diagonal(H) if H is not None else _probed_inverse_diagonal(problem, point)
    errors = noise * np.sqrt(np.maximum(variances, 0.0))
    rows, c = problem.split(errors)
    d, m = problem.X.shape[1], problem.width
    return StandardErrors(
        a=c[:m].copy() if problem.n_amplitudes else np.zeros(m),
        W=rows[:m, :d].copy(),
        b=rows[:m, d].copy() if problem.has_bias else np.zeros(m),
        constant=float(c[-1]) if problem.has_constant else 0.0,
        is_exact=H is not None,
    )


def _inverse_diagonal(H: Matrix) -> Vector:
    scale = 1 / np.sqrt(np.maximum(H.diagonal(), 1e-150))
    factor, is_indefinite = dpotrf(H * np.outer(scale, scale), lower=1, overwrite_a=1)
    if not is_indefinite and factor.diagonal().min() > _SAFELY_POSITIVE:
        return scale**2 * dpotri(factor, lower=1, overwrite_c=1)[0].diagonal()
    values, vectors = np.linalg.eigh(H * np.outer(scale, scale), UPLO="L")
    values = np.maximum(values, 1e-15 * values[-1])
    with np.errstate(divide="ignore", invalid="ignore"):  # where nothing is determined, the variance is infinite or NaN
        return scale**2 * np.einsum("ij,j,ij->i", vectors, 1 / values, vectors)


def _probed_inverse_diagonal(problem: UnitsProblem, point: Vector) -> Vector:
    at = problem.linearize(point)
    precondition = kernel_preconditioner(problem, at, 0.0)
    diagonal = np.zeros(problem.n_parameters)
    rows, c = problem.split(diagonal)
    rows[:] = np.linalg.inv(damped(at.slope_gram, 0.0)).diagonal()[:, None]
    if problem.n_features:
        c[:] = np.linalg.inv(damped(at.feature_gram, 0.0)).diagonal()
    rng, correction = np.random.default_rng(0), np.zeros_like(diagonal)
    for _ in range(_PROBES):
        z = rng.choice([-1.0, 1.0], len(diagonal))
        solved = conjugate_gradients(lambda u: problem.gauss_newton_product(at, u), z, precondition, 1e-3, 40)
        correction += z * (solved - precondition(z))
    return np.maximum(diagonal + correction / _PROBES, 0.5 * diagonal)
