"""Restarted Levenberg-Marquardt with the normal matrix formed, without the lift."""

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.blas import dsyrk

from contest.least_squares import TARGET, LeastSquares, Matrix, Vector
from twolayer.network import TwoLayerNetwork

_PATIENCE, _LEAST_GAIN = 6, 0.2
_FIRST_DAMPING, _LEAST_DAMPING, _MOST_TRIES = 1e-2, 1e-15, 12


def levenberg_marquardt(problem: LeastSquares, rng: np.random.Generator) -> TwoLayerNetwork:
    """Minimise over (a, W) jointly, from one start after another until the target is met.

    Marquardt's scaling, Nielsen's damping, JᵀJ by symmetric rank-k updates over blocks of rows, Cholesky. A start is
    given up when 6 steps have brought less than 20 %.
    """
    while True:
        z, loss = _minimise(problem, problem.start(rng))
        if loss <= TARGET:
            return problem.network(z)


def normal_equations(problem: LeastSquares, z: Vector) -> tuple[float, Vector, Matrix]:
    """Relative loss, Jᵀr and JᵀJ (lower triangle), both over ‖y‖²."""
    squares, g = 0.0, np.zeros(problem.size)
    H = np.zeros((problem.size, problem.size), order="F")
    for r, J in problem.jacobian_blocks(z):
        H = dsyrk(1 / problem.energy, J.T, beta=1.0, c=H, lower=1, overwrite_c=1)
        g += r @ J
        squares += float(r @ r)
    return squares / problem.energy, g / problem.energy, H


def _minimise(problem: LeastSquares, z: Vector) -> tuple[Vector, float]:
    problem.clock.record(problem.loss(z))  # where the problem is large, the first step may be too much
    loss, g, H = normal_equations(problem, z)
    losses, damping = [loss], _FIRST_DAMPING
    while loss > TARGET:
        if len(losses) > _PATIENCE and loss > (1 - _LEAST_GAIN) * losses[-1 - _PATIENCE]:
            break
        accepted = _decrease(problem, z, loss, g, H, damping)
        if accepted is None:
            break
        z, damping = accepted
        loss, g, H = normal_equations(problem, z)
        losses.append(loss)
        problem.clock.record(loss)
    return z, loss


def _decrease(
    problem: LeastSquares, z: Vector, loss: float, g: Vector, H: Matrix, damping: float
) -> tuple[Vector, float] | None:
    """A point of less loss and the damping to go on with, or None where no damping tried leads to one."""
    diagonal = H.diagonal()
    scale = np.maximum(diagonal, 1e-12 * diagonal.max())
    growth = 2.0
    for _ in range(_MOST_TRIES):
        step = _damped_step(H, g, damping * scale)
        trial = np.inf if step is None else problem.loss(z + step)
        if step is not None and trial < loss:
            gain = (loss - trial) / max(float(step @ (damping * scale * step - g)), 1e-300)
            return z + step, max(damping * max(0.1, 1 - (2 * gain - 1) ** 3), _LEAST_DAMPING)
        damping, growth = damping * growth, growth * 2
    return None


def _damped_step(H: Matrix, g: Vector, damping: Vector) -> Vector | None:
    damped = H.copy(order="F")
    damped[np.diag_indices_from(damped)] += damping
    try:
        return -cho_solve(cho_factor(damped, lower=True, overwrite_a=True, check_finite=False), g, check_finite=False)
    except LinAlgError:
        return None
