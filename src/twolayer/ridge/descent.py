"""From a start to a minimum of the penalised likelihood, the ridge moving along with the weights if it may."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf, dpotrs

from twolayer.ridge.objective import Objective, Point
from twolayer.ridge.plan import PLAN, RidgePlan
from twolayer.ridge.posterior import DensePosterior
from twolayer.ridge.prior import Prior
from twolayer.solvers import NielsenDamping

__all__ = ["Descent", "levenberg_marquardt", "noise_variance", "quasi_newton"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_EXACT = 1e-20  # of labels of variance one: what is left is rounding
_TRIALS = 14  # of a step, each with more damping than the one before: the last is 10¹¹ times as damped
_SETTLED = 0.05  # ridges that change by less, in the mean of their logarithms, are where the evidence wants them


@dataclass(frozen=True, eq=False)
class Descent:
    """Where a descent ended.

    Attributes
    ----------
    point : Point
    prior : Prior
        With the ridges that it ended with.
    steps : int
    """

    point: Point
    prior: Prior
    steps: int

    @property
    def value(self) -> float:
        """Loss and half the penalty."""
        return self.point.loss + 0.5 * float(self.prior.penalties @ self.point.z**2)


def noise_variance(objective: Objective, point: Point, effective_parameters: float) -> float:
    """Estimated σ²: the squared residual over the degrees of freedom left; 1 where the likelihood has no scale."""
    if not objective.likelihood.has_scale:
        return 1.0
    freedom = objective.total_weight * objective.n_outputs - effective_parameters
    return max(2 * point.loss, 1e-300) / max(freedom, 1.0)


def levenberg_marquardt(
    objective: Objective, z: Vector, prior: Prior, max_steps: int, *, moves_ridge: bool, plan: RidgePlan = PLAN
) -> Descent:
    r"""Levenberg and Marquardt's method on :math:`L(z) + \tfrac12\sum_i \pi_i z_i^2`.

    With `moves_ridge` the penalties are set to where the evidence is stationary before each step, as the trained
    weights of one step are good enough for the next ridge (Foresee and Hagan 1997).

    Returns
    -------
    Descent

    Notes
    -----
    A step costs one curvature and a factorisation, and with `moves_ridge` an inverse besides.
    """
    walk = _Walk(objective, objective.at(z), prior)
    slow, steps = 0, 0
    while steps < max_steps and slow < 3:
        H = objective.curvature(walk.point)
        change = walk.move_ridge(H) if moves_ridge else 0.0
        gain = walk.step(H)
        steps += 1
        if 2 * walk.point.loss <= _EXACT * objective.total_weight or (gain == 0 and change < _SETTLED):
            break
        slow = slow + 1 if gain < plan.least_gain and change < _SETTLED else 0
    return Descent(walk.point, walk.prior, steps)


class _Walk:
    """Where a descent has come to."""

    def __init__(self, objective: Objective, point: Point, prior: Prior):
        self.objective, self.point, self.prior = objective, point, prior
        self.penalties = prior.penalties
        self.damping = NielsenDamping(1e-2, least=1e-12)

    def value(self, point: Point) -> float:
        return point.loss + 0.5 * float(self.penalties @ point.z**2)

    def move_ridge(self, H: Matrix) -> float:
        """Set the ridges by the evidence at this point; by how much their logarithms change, weighted by the γ."""
        posterior = DensePosterior(self.objective, self.point, self.prior, H)
        variance = noise_variance(self.objective, self.point, posterior.effective_parameters)
        prior = self.prior.updated(self.point.z, posterior.determined, variance)
        weights = posterior.determined + 1e-300  # where the data determine nothing, a ridge may drift
        change = float(weights @ np.abs(np.log(prior.alphas / self.prior.alphas)) / weights.sum())
        self.prior, self.penalties = prior, prior.penalties
        return change

    def step(self, H: Matrix) -> float:
        """Go down; by how much relative to the value, 0 where no step does."""
        gradient = self.objective.gradient(self.point) + self.penalties * self.point.z
        scale = H.diagonal() + self.penalties
        scale = np.maximum(scale, 1e-10 * scale.max(initial=1e-300))
        value = self.value(self.point)
        for _ in range(_TRIALS):
            damped = H.copy(order="F")
            damped[np.diag_indices_from(damped)] += self.penalties + self.damping.value * scale
            factor, failed = dpotrf(damped, lower=1, overwrite_a=1)
            if not failed:
                move = -dpotrs(factor, gradient, lower=1)[0]
                trial = self.objective.at(self.point.z + move)
                fall = value - self.value(trial)
                if fall > 0:  # also false where the trial overflows
                    expected = 0.5 * float(move @ (self.damping.value * scale * move - gradient))
                    self.damping.succeed(fall / max(expected, 1e-300))
                    self.point = trial
                    return fall / max(value, 1e-300)
            self.damping.fail()
        return 0.0


def quasi_newton(objective: Objective, z: Vector, prior: Prior, max_steps: int) -> Descent:
    """L-BFGS on the same function, for more parameters than a curvature is formed of; n m (2D + 3q) a step."""
    from scipy.optimize import minimize  # slow to import

    penalties = prior.penalties

    def value_and_gradient(z: Vector) -> tuple[float, Vector]:
        point = objective.at(z)
        return point.loss + 0.5 * float(penalties @ z**2), objective.gradient(point) + penalties * z

    options = {"maxiter": max_steps, "maxcor": 20, "ftol": 1e-9, "gtol": 1e-9 * objective.total_weight}
    found = minimize(value_and_gradient, z, jac=True, method="L-BFGS-B", options=options)
    return Descent(objective.at(found.x), prior, int(found.nit))
