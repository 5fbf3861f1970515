"""When a refinement stops."""

from collections.abc import Callable
from dataclasses import dataclass, field

from twolayer.model.problem import UnitsProblem
from twolayer.model.shared_units import SharedUnits

__all__ = ["Stopping"]


@dataclass
class Stopping:
    """When to stop: at a floor, after a number of steps, or where progress has become too slow.

    Attributes
    ----------
    max_steps : int
    floor : float
        Relative loss that counts as zero.
    patience : int
        Number of steps over which progress is judged.
    least_gain : float
        Relative decrease of the loss that `patience` steps must bring.
    report : callable, optional
        Called with the step and the relative loss.
    """

    max_steps: int = 200
    floor: float = 1e-26
    patience: int = 10
    least_gain: float = 0.05
    report: Callable[[int, float], None] | None = None
    losses: list[float] = field(default_factory=list)
    _energy: float = 1.0

    def begin(self, problem: UnitsProblem | SharedUnits, loss: float) -> None:
        """Start counting at a first loss."""
        self._energy = problem.energy
        self.losses = [loss / self._energy]

    def record(self, loss: float) -> None:
        """Take note of the loss after a step."""
        self.losses.append(loss / self._energy)
        if self.report is not None:
            self.report(len(self.losses) - 1, self.losses[-1])

    @property
    def is_over(self) -> bool:
        """Whether no further step is to be taken."""
        steps, last = len(self.losses) - 1, self.losses[-1]
        if steps >= self.max_steps or last <= self.floor:
            return True
        return steps >= self.patience and last > (1 - self.least_gain) * self.losses[-1 - self.patience]
