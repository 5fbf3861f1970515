"""How firmly rows hold the parameters of a fit: normal matrix, its extreme eigenvalues, leverage of rows."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from twolayer.evidence.parameter_map import ParameterMap
from twolayer.evidence.score_test import MOST_DENSE_PARAMETERS
from twolayer.model.preconditioner import kernel_preconditioner
from twolayer.model.problem import Matrix, UnitsProblem, Vector

__all__ = ["Curvature", "curvature", "most_leverage", "normal_matrix"]


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


def normal_matrix(problem: UnitsProblem, point: Vector, *, may_thin: bool = True) -> Matrix | None:
    """JᵀJ (lower triangle) where it is small enough to be formed, up to 1000 parameters; None above.

    Where all rows would take more than 1e8 multiply-adds, so many rows are drawn at random as do not, 100 for each
    parameter at least, and the sum is scaled up, if it may be: standard errors are then some per cent off.
    """
    if problem.n_parameters > MOST_DENSE_PARAMETERS:
        return None
    p = problem.n_parameters
    some = problem.some(max(100 * p, 10**8 // p**2)) if may_thin else problem
    return some.normal_equations(point)[2] * (problem.n_rows / some.n_rows)


def curvature(problem: UnitsProblem, point: Vector, H: Matrix | None, is_held_out: bool) -> Curvature:
    """Extreme eigenvalues of JᵀJ / n with the parameters in units of their own, so that they compare with Var(y) = 1.

    The units are those of centred inputs of variance one, so that neither unit nor mean of the inputs matters. From the
    `normal_matrix` H; where there is none, by LOBPCG with the dual-kernel preconditioner, some 60 products.
    """
    units, n = ParameterMap.of_standard_units(problem, point), problem.n_rows
    if H is not None:
        values = np.linalg.eigvalsh(units.quadratic_form(H) / n)
        return Curvature(float(values[0]), float(values[-1]), n, is_held_out)
    at = problem.linearize(point)
    precondition = kernel_preconditioner(problem, at, 0.0)
    p = problem.n_parameters

    def hessian(V: Matrix) -> Matrix:
        pushed = units.apply(V)
        return units.apply_transpose(np.column_stack([problem.gauss_newton_product(at, v) for v in pushed.T])) / n

    def inverse_kernel(V: Matrix) -> Matrix:
        return units.invert(np.column_stack([precondition(v) for v in units.invert_transpose(V).T]))

    from scipy.sparse.linalg import lobpcg  # slow to import, and seldom needed

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
    units = ParameterMap.of_standard_units(problem, point)
    try:
        root = np.linalg.cholesky(units.quadratic_form(H))
    except np.linalg.LinAlgError:
        return 1.0
    blocks = (units.apply_transpose(J.T) for _, _, J in problem.jacobian_blocks(point))
    return max(float(np.sum(solve_triangular(root, J, lower=True) ** 2, axis=0).max()) for J in blocks)
