"""Matrix-free Gauss-Newton with the dual kernel as preconditioner: for problems with many parameters."""

from dataclasses import dataclass

import numpy as np

from twolayer.model.fit import Fit
from twolayer.model.linearization import Linearization
from twolayer.model.preconditioner import kernel_preconditioner
from twolayer.model.problem import UnitsProblem, Vector
from twolayer.refine.progress import Stopping
from twolayer.solvers import conjugate_gradients

__all__ = ["InexactSteps", "gauss_newton"]


@dataclass(frozen=True)
class InexactSteps:
    """How exactly a step is solved for, and how far it is trusted.

    Attributes
    ----------
    tries : int
        Dampings that are tried, each four times the last, before a point counts as a minimum: up to 1e2 from 1e-6.
    products : int
        Most products with JᵀJ of a step; at first, while steps fall short, few are worth their cost.
    most_products : int
        To which they are doubled while steps do what the model says and the loss falls: near an ill-conditioned minimum
        a step that is not exact gains little.
    tolerance : float
        Of the conjugate gradients, a square of a relative size, where there are many rows.
    tolerance_of_few : float
        The same where there are few, and JᵀJ is ill-conditioned.
    few_rows : float
        Rows for each parameter that count as few.
    tightest : float
        To which the tolerance falls as the loss does.
    falling : float
        Loss after a step, of that before, up to which the loss falls fast enough for more products.
    first_damping, least_damping : float
        Of the diagonal; the least is above the rounding of products in float32, squared.
    """

    tries: int = 14
    products: int = 30
    most_products: int = 240
    tolerance: float = 5e-2
    tolerance_of_few: float = 1e-3
    few_rows: float = 8.0
    tightest: float = 1e-5
    falling: float = 0.8
    first_damping: float = 1e-2
    least_damping: float = 1e-10


def gauss_newton(problem: UnitsProblem, start: Vector, stopping: Stopping, rule: InexactSteps = InexactSteps()) -> Fit:
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
    rule : InexactSteps

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
    many_rows = problem.n_rows >= rule.few_rows * problem.n_parameters
    loosest = rule.tolerance if many_rows else rule.tolerance_of_few
    damping, tolerance, products = rule.first_damping, loosest, rule.products
    while not stopping.is_over:
        for _ in range(rule.tries):
            step, predicted = _inexact_step(problem, here, damping, tolerance, products)
            loss = problem.loss(here.point + step)
            if loss < here.loss:
                break
            damping = max(damping, 1e-6) * 4
        else:
            break
        gain = (here.loss - loss) / max(predicted, 1e-300)
        if gain > 0.9:
            step, loss = _lengthen(problem, here.point, step, loss)
        damping = max(damping * (0.2 if gain > 0.6 else 1.0 if gain > 0.15 else 2.0), rule.least_damping)
        # the faster the loss falls, the more an exact step is worth
        tolerance = max(loosest * loss / here.loss, rule.tightest)
        if gain <= 0.9:
            products = rule.products
        elif loss < rule.falling * here.loss:
            products = min(2 * products, rule.most_products)
        here = problem.linearize(here.point + step)
        stopping.record(here.loss)
    return Fit(problem, here.point, here.loss / problem.energy, tuple(stopping.losses))


def _inexact_step(
    problem: UnitsProblem, at: Linearization, damping: float, tolerance: float, products: int
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
        products,
    )
    return step, float(-(step @ at.gradient))


def _lengthen(problem: UnitsProblem, point: Vector, step: Vector, loss: float) -> tuple[Vector, float]:
    """Double the step while the loss falls."""
    while True:
        longer = problem.loss(point + 2 * step)
        if not longer < loss:
            return step, loss
        step, loss = 2 * step, longer
