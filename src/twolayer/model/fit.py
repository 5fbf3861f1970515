"""What a search carries from its first start to the judge: a point of a problem, and its loss."""

from dataclasses import dataclass

from twolayer.model.problem import UnitsProblem, Vector

__all__ = ["EXACT", "ROUNDING", "Fit"]

EXACT = 1e-22  # relative squared residual that only rounding explains: 1e-11 of the labels, 50 000 roundings of a sum
ROUNDING = 1e-28  # a hundred roundings of each label: no further step can be seen to lower this


@dataclass(frozen=True, eq=False)
class Fit:
    """A point of a problem and its loss.

    Attributes
    ----------
    problem : UnitsProblem
    point : array, shape (p,)
    loss : float
        Squared residual, with the ridge where the problem has one, relative to ‖y‖².
    losses : tuple of float
        Of the start and after each step of the refinement that ended here.
    """

    problem: UnitsProblem
    point: Vector
    loss: float
    losses: tuple[float, ...] = ()

    @classmethod
    def at(cls, problem: UnitsProblem, point: Vector) -> "Fit":
        """The fit that a point is, unrefined."""
        return cls(problem, point, problem.loss(point) / problem.energy)

    @property
    def is_exact(self) -> bool:
        """Whether nothing but rounding is left."""
        return self.loss <= EXACT

    @property
    def squares(self) -> float:
        """The loss in the unit of y²."""
        return self.loss * self.problem.energy
