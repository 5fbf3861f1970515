"""Levenberg-Marquardt with the normal matrix formed: for problems with few parameters."""

import numpy as np
from scipy.linalg.lapack import dposv

from twolayer.model.fit import Fit
from twolayer.model.problem import UnitsProblem, Vector
from twolayer.refine.progress import Stopping
from twolayer.solvers import NielsenDamping

__all__ = ["levenberg_marquardt"]


@np.errstate(over="ignore", invalid="ignore")  # a trial step far out is passed over
def levenberg_marquardt(problem: UnitsProblem, start: Vector, stopping: Stopping, first_damping: float = 1e-2) -> Fit:
    r"""Minimise by steps :math:`(J^\top J + \mu\,\mathrm{diag}(J^\top J))\,\delta = -J^\top r`.

    The damping μ follows the ratio of actual to predicted decrease (Nielsen's rule); the scaling is Marquardt's, so
    that the method does not depend on the units of a parameter.

    Parameters
    ----------
    problem : UnitsProblem
    start : array, shape (p,)
    stopping : Stopping
    first_damping : float
        μ to begin with: less where the start is nearly the minimum, as a damped step gains a digit or two at most.

    Returns
    -------
    Fit

    Notes
    -----
    A step costs n p² / 2 + p³ / 6 multiply-adds and (p, p) memory. It fails by stopping at a local minimum or where no
    damping gives a decrease.

    References
    ----------
    Marquardt (1963), An algorithm for least-squares estimation of nonlinear parameters; Nielsen (1999), Damping
    parameter in Marquardt's method.
    """
    z = np.array(start, dtype=np.float64)
    loss, gradient, H = problem.normal_equations(z)
    stopping.begin(problem, loss)
    damping = NielsenDamping(first_damping)
    while not stopping.is_over:
        scale = H.diagonal().copy()
        np.maximum(scale, 1e-12 * scale.max(initial=1e-300), out=scale)
        for _ in range(12):  # the damping grows by 2, 4, 8, ...: to 1e20 times what it was
            step = _damped_step(H, damping.value * scale, gradient)
            if step is not None:
                trial = problem.loss(z + step)
                if trial < loss:
                    break
            damping.fail()
        else:
            break
        predicted = float(step @ (damping.value * scale * step - gradient))
        damping.succeed((loss - trial) / max(predicted, 1e-300))
        z += step
        loss, gradient, H = problem.normal_equations(z)
        stopping.record(loss)
    return Fit(problem, z, loss / problem.energy, tuple(stopping.losses))


def _damped_step(H: np.ndarray, damping: Vector, gradient: Vector) -> Vector | None:
    """The damped Gauss-Newton step from the lower triangle of H; None where rounding leaves it indefinite."""
    damped = H.copy(order="F")
    np.einsum("ii->i", damped)[:] += damping
    _, step, failure = dposv(damped, -gradient, lower=1, overwrite_a=1)
    return step if failure == 0 and np.isfinite(step).all() else None
