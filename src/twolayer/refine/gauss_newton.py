"""Matrix-free Gauss-Newton with the dual kernel as preconditioner: for problems with many parameters."""

import numpy as np

from twolayer.model.fit import Fit
from twolayer.model.linearization import Linearization
from twolayer.model.preconditioner import kernel_preconditioner
from twolayer.model.problem import UnitsProblem, Vector
from twolayer.refine.progress import Stopping
from twolayer.solvers import conjugate_gradients

__all__ = ["gauss_newton"]

_MAX_TRIES = 14
_INNER_STEPS, _MAX_INNER_STEPS = 30, 240
_TOLERANCE_MANY_ROWS, _TOLERANCE_FEW_ROWS, _FEW_ROWS_PER_PARAMETER = 5e-2, 1e-3, 8
_TIGHTEST = 1e-5
_FALLING = 0.8
_FIRST_DAMPING, _LEAST_DAMPING = 1e-2, 1e-10


def gauss_newton(problem: UnitsProblem, start: Vector, stopping: Stopping) -> Fit:
    r"""Minimise by inexact steps :math:`(J^\top J + \mu D)\,\delta = -J^\top r` that never form J.

    The step is solved for by conjugate gradients, preconditioned with :math:`(K + \mu\,\mathrm{diag}\,K)^{-1} \otimes
    I`, K = SᵀS/n the dual kernel of the units: for standard Gaussian inputs the expectation of JᵀJ is this Kronecker
    product up to a correction inside the span of the units. Where the quadratic model falls short of the actual
    decrease, as on the long plateau before the units part, the step is lengthened while that helps.

    Parameters
    ----------
    problem : UnitsProblem
    start : array, shape (p,)
    stopping : Stopping

    Returns
    -------
    Fit

    Notes
    -----
    A step costs a linearization and some 4 to 12 products of 4 n M D multiply-adds, and O(n M + p) memory; at most 30
    products, and up to 240 while steps do what the model says and the loss falls by a fifth. It fails by stopping at a
    local minimum.
    """
    here = problem.linearize(np.array(start, dtype=np.float64))
    stopping.begin(problem, here.loss)
    many_rows = problem.n_rows >= _FEW_ROWS_PER_PARAMETER * problem.n_parameters
    loosest = _TOLERANCE_MANY_ROWS if many_rows else _TOLERANCE_FEW_ROWS
    damping, tolerance, inner_steps = _FIRST_DAMPING, loosest, _INNER_STEPS
    while not stopping.is_over:
        for _ in range(_MAX_TRIES):
            step, predicted = _inexact_step(problem, here, damping, tolerance, inner_steps)
            loss = problem.loss(here.point + step)
            if loss < here.loss:
                break
            damping = max(damping, 1e-6) * 4
        else:
            break
        gain = (here.loss - loss) / max(predicted, 1e-300)
        if gain > 0.9:
            step, loss = _lengthen(problem, here.point, step, loss)
        damping = max(damping * (0.2 if gain > 0.6 else 1.0 if gain > 0.15 else 2.0), _LEAST_DAMPING)
        # the faster the loss falls, the more an exact step is worth
        tolerance = max(loosest * loss / here.loss, _TIGHTEST)
        if gain <= 0.9:
            inner_steps = _INNER_STEPS
        elif loss < _FALLING * here.loss:
            inner_steps = min(2 * inner_steps, _MAX_INNER_STEPS)
        here = problem.linearize(here.point + step)
        stopping.record(here.loss)
    return Fit(problem, here.point, here.loss / problem.energy, tuple(stopping.losses))


def _inexact_step(
    problem: UnitsProblem, at: Linearization, damping: float, tolerance: float, inner_steps: int
) -> tuple[Vector, float]:
    """The damped step, and the decrease of the loss that the quadratic model predicts."""
    shift = np.empty_like(at.gradient)
    shift_rows, shift_features = problem.split(shift)
    shift_rows[:] = damping * at.slope_gram.diagonal()[:, None]
    shift_features[:] = damping * at.feature_gram.diagonal()
    step = conjugate_gradients(
        lambda u: problem.gauss_newton_product(at, u) + shift * u,
        -at.gradient,
        kernel_preconditioner(problem, at, damping),
        tolerance,
        inner_steps,
    )
    return step, float(-(step @ at.gradient))


def _lengthen(problem: UnitsProblem, point: Vector, step: Vector, loss: float) -> tuple[Vector, float]:
    """Double the step while the loss falls."""
    while True:
        longer = problem.loss(point + 2 * step)
        if not longer < loss:
            return step, loss
        step, loss = 2 * step, longer
