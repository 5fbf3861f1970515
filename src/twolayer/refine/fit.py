"""A fit on its way, and the choice of the refiner that takes it further."""

from collections.abc import Callable
from dataclasses import dataclass

from twolayer.model import UnitsProblem
from twolayer.model.problem import Vector
from twolayer.refine import Stopping, gauss_newton, levenberg_marquardt

__all__ = ["EXACT", "ROUNDING", "Fit", "Report", "explore", "explore_patiently", "explore_roughly", "polish"]

EXACT = 1e-22  # relative squared residual that only rounding explains
ROUNDING = 1e-28  # no further step can be seen to lower this
Report = Callable[[str, int, float], None]

_DENSE_PARAMETERS, _MOST_DENSE_PARAMETERS, _DENSE_ROWS_PER_PARAMETER = 200, 3000, 5


@dataclass(frozen=True)
class Fit:
    """A point of a problem and its loss, relative to ‖y‖²."""

    problem: UnitsProblem
    point: Vector
    loss: float

    @property
    def is_exact(self) -> bool:
        """Whether nothing but rounding is left."""
        return self.loss <= EXACT


def is_dense(problem: UnitsProblem) -> bool:
    """Whether the normal matrix is worth forming: few parameters, or few rows for them, where it is ill-conditioned."""
    p = problem.n_parameters
    return p <= _DENSE_PARAMETERS or (p <= _MOST_DENSE_PARAMETERS and problem.n_rows < _DENSE_ROWS_PER_PARAMETER * p)


def explore(problem: UnitsProblem, start: Vector, report: Report, stage: str, max_steps: int = 400) -> Fit:
    """Refine a start until it is exact or has ceased to make headway."""
    if is_dense(problem):
        stopping = Stopping(max_steps, patience=8, least_gain=0.15)
    else:
        stopping = Stopping(max_steps, patience=20, least_gain=0.05)
    return _refined(problem, start, report, stage, stopping)


def explore_roughly(problem: UnitsProblem, start: Vector, report: Report, stage: str) -> Fit:
    """Refine a start that will be refined again, elsewhere: no more than the first, large gains."""
    return _refined(problem, start, report, stage, Stopping(100, patience=4, least_gain=0.1))


def explore_patiently(problem: UnitsProblem, start: Vector, report: Report, stage: str) -> Fit:
    """Refine a start where steps are cheap, and where much of the loss is not the units' to explain."""
    return _refined(problem, start, report, stage, Stopping(400, patience=20, least_gain=0.01))


def polish(problem: UnitsProblem, start: Vector, report: Report, stage: str = "polish") -> Fit:
    """Refine to the minimum, to rounding."""
    return _refined(problem, start, report, stage, Stopping(60, floor=ROUNDING, patience=3, least_gain=1e-9))


def _refined(problem: UnitsProblem, start: Vector, report: Report, stage: str, stopping: Stopping) -> Fit:
    stopping.report = lambda step, loss: report(stage, step, loss)
    refined = (levenberg_marquardt if is_dense(problem) else gauss_newton)(problem, start, stopping)
    return Fit(problem, refined.point, refined.loss / problem.energy)
