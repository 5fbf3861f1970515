"""Gauss-Newton on the units alone, all that is linear projected out: for several outputs that share their units."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dposv

from twolayer.model.preconditioner import damped
from twolayer.model.shared_units import Matrix, SharedFit, SharedUnits
from twolayer.refine.gauss_newton import InexactSteps
from twolayer.refine.progress import Stopping
from twolayer.solvers import NielsenDamping, conjugate_gradients

__all__ = ["variable_projection"]


def variable_projection(
    problem: SharedUnits, theta: Matrix, stopping: Stopping, rule: InexactSteps = InexactSteps()
) -> SharedFit:
    r"""Minimise :math:`\|\Pi(\Theta) Y\|_F^2` over the units by steps :math:`(H + \mu\,\mathrm{diag} H)\,\delta = -g`.

    Where H is small, it is formed, and the damping follows Nielsen's rule; where it is not, the step is solved for by
    conjugate gradients, preconditioned with the dual kernel of the units, :math:`(S^\top S \circ A A^\top)^{-1} \otimes
    I`. After each step the outer weights are solved for anew.

    Parameters
    ----------
    problem : SharedUnits
    theta : array, shape (m, D)
        The start.
    stopping : Stopping
    rule : InexactSteps

    Returns
    -------
    SharedFit

    Notes
    -----
    A step costs n (m D + f)² / 2 multiply-adds where H is formed, else some dozens of products of 4 n m D. It fails by
    stopping at a local minimum.
    """
    here = problem.fit(theta)
    stopping.begin(problem, here.loss * problem.energy)
    steps = _Formed(here) if is_formed(problem) else _Unformed(here, rule)
    while not stopping.is_over:
        better = steps.next()
        if better is None:
            break
        stopping.record(better.loss * problem.energy)
        here = better
    return SharedFit(problem, here.theta, here.C, here.loss, tuple(stopping.losses))


def is_formed(problem: SharedUnits) -> bool:
    """Whether H is worth forming: of few parameters, or of few rows for them, as in `is_dense` for one output."""
    p = problem.width * problem.n_columns
    return p <= 300 or (p <= 1500 and problem.n_rows * problem.n_outputs < 5 * p)


class _Formed:
    """Levenberg-Marquardt steps with H."""

    def __init__(self, start: SharedFit) -> None:
        self.here, self.damping = start, NielsenDamping(1e-2)

    def next(self) -> SharedFit | None:
        """A better fit, or None where no damping gives one."""
        here, problem = self.here, self.here.problem
        g, H = problem.normal_equations(here)
        H[np.diag_indices_from(H)] += 1e-13 * H.diagonal().max(initial=1e-300)
        scale = H.diagonal().copy()
        for _ in range(12):
            damping = self.damping.value * scale
            _, step, failure = dposv(H + np.diag(damping), -g, lower=1)
            if failure == 0 and np.isfinite(step).all():
                trial = problem.fit(here.theta + step.reshape(here.theta.shape))
                if trial.loss < here.loss:
                    predicted = float(step @ (damping * step - g)) / problem.energy
                    self.damping.succeed((here.loss - trial.loss) / max(predicted, 1e-300))
                    self.here = trial
                    return trial
            self.damping.fail()
        return None


class _Unformed:
    """Inexact steps with products of H."""

    def __init__(self, start: SharedFit, rule: InexactSteps) -> None:
        self.here, self.rule, self.damping, self.products = start, rule, rule.first_damping, rule.products
        problem = start.problem
        is_plenty = problem.n_rows * problem.n_outputs >= rule.few_rows * problem.n_parameters
        self.loosest = rule.tolerance if is_plenty else rule.tolerance_of_few
        self.tolerance = self.loosest

    def next(self) -> SharedFit | None:
        """A better fit, or None where no damping gives one."""
        here, rule, problem = self.here, self.rule, self.here.problem
        view = problem.view(here)
        diagonal = view.slope_gram.diagonal()[:, None]
        for _ in range(rule.tries):
            factor, shift = cho_factor(damped(view.slope_gram, self.damping)), self.damping * diagonal
            step = conjugate_gradients(
                lambda P, shift=shift: view.product(P) + shift * P,  # type: ignore[misc]
                -view.gradient,
                lambda P, factor=factor: cho_solve(factor, P, check_finite=False),  # type: ignore[misc]
                self.tolerance,
                self.products,
            )
            trial = problem.fit(here.theta + step)
            if trial.loss < here.loss:
                break
            self.damping = max(self.damping, 1e-6) * 4
        else:
            return None
        gain = (here.loss - trial.loss) * problem.energy / max(-float(np.vdot(step, view.gradient)), 1e-300)
        self.damping = max(self.damping * (0.2 if gain > 0.6 else 1.0 if gain > 0.15 else 2.0), rule.least_damping)
        self.tolerance = max(self.loosest * trial.loss / here.loss, rule.tightest)
        if gain <= 0.9:
            self.products = rule.products
        elif trial.loss < rule.falling * here.loss:
            self.products = min(2 * self.products, rule.most_products)
        self.here = trial
        return trial
