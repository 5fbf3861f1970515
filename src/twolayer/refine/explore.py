"""How far to refine, and with which refiner: from a first look at a start to a minimum at rounding."""

from collections.abc import Callable

from twolayer.model.fit import ROUNDING, Fit
from twolayer.model.problem import UnitsProblem, Vector
from twolayer.refine.gauss_newton import gauss_newton
from twolayer.refine.levenberg_marquardt import levenberg_marquardt
from twolayer.refine.progress import Stopping

__all__ = ["Report", "explore", "explore_patiently", "explore_roughly", "is_dense", "polish", "refined"]

Report = Callable[[str, int, float], None]


def is_dense(problem: UnitsProblem) -> bool:
    """Whether the normal matrix is worth forming: of few parameters, or of few rows for them.

    Up to 200 parameters it costs less than the conjugate gradients that do without it; up to 3000 where there are fewer
    than 5 rows a parameter, as they then take hundreds of steps on a matrix so ill-conditioned.
    """
    p = problem.n_parameters
    return p <= 200 or (p <= 3000 and problem.n_rows < 5 * p)


def explore(problem: UnitsProblem, start: Vector, report: Report, stage: str, max_steps: int = 400) -> Fit:
    """Refine a start until it is exact or has ceased to make headway.

    Exact steps make headway at once or not at all: 15 % in 8 steps; inexact ones cross plateaus: 5 % in 20.
    """
    patience, least_gain = (8, 0.15) if is_dense(problem) else (20, 0.05)
    return refined(problem, start, Stopping(max_steps, patience=patience, least_gain=least_gain), report, stage)


def explore_roughly(problem: UnitsProblem, start: Vector, report: Report, stage: str) -> Fit:
    """Refine a start that will be refined again, elsewhere: no more than the first, large gains."""
    return refined(problem, start, Stopping(100, patience=4, least_gain=0.1), report, stage)


def explore_patiently(problem: UnitsProblem, start: Vector, report: Report, stage: str) -> Fit:
    """Refine a start where steps are cheap, and where much of the loss is not the units' to explain."""
    return refined(problem, start, Stopping(400, patience=20, least_gain=0.01), report, stage)


def polish(problem: UnitsProblem, start: Vector, report: Report, stage: str = "polish") -> Fit:
    """Refine to the minimum, to rounding."""
    return refined(problem, start, Stopping(60, floor=ROUNDING, patience=3, least_gain=1e-9), report, stage)


def refined(
    problem: UnitsProblem, start: Vector, stopping: Stopping, report: Report | None = None, stage: str = ""
) -> Fit:
    """Refine by the refiner that suits the size, and tell of each step."""
    here = Fit.at(problem, start)
    if here.loss <= stopping.floor:  # a start that has arrived costs no Jacobian
        return here
    if report is not None:
        stopping.report = lambda step, loss: report(stage, step, loss)
    return (levenberg_marquardt if is_dense(problem) else gauss_newton)(problem, start, stopping)
