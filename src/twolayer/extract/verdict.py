"""From what was found out about a network and its box to a status: a table of rules, and no box asked any more."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.equality import equal_by_value
from twolayer.extract.outcome import Check, Status
from twolayer.extract.standards import ExtractionStandards

__all__ = ["RULES", "Findings", "verdict"]


@equal_by_value
@dataclass(frozen=True, eq=False)
class Findings:
    """What was found out.

    Attributes
    ----------
    near, far : tuple of Check
        Comparisons where the units are, and farther out.
    shown : array, shape (m,)
        How much of each unit the box shows at the unit's own hyperplane.
    wanted_width : int or None
        The number of units that was asked for.
    is_quantised : bool
        Whether all answers are multiples of a number.
    standards : ExtractionStandards
    """

    near: tuple[Check, ...]
    far: tuple[Check, ...]
    shown: NDArray[np.float64]
    wanted_width: int | None = None
    is_quantised: bool = False
    standards: ExtractionStandards = ExtractionStandards()

    def explained(self, check: Check) -> float:
        """What rounding of the answers alone explains of a near check; where more is left, a unit may be missing."""
        return max(self.standards.finest, self.standards.explained / self.standards.equal * check.tolerance)

    @property
    def unlike(self) -> list[Check]:
        """The checks that rounding does not explain."""
        return [check for check in (*self.near, *self.far) if check.largest > check.tolerance]

    @property
    def inexact(self) -> list[Check]:
        """The near checks of which rounding of the answers alone does not explain all."""
        return [check for check in self.near if check.largest > self.explained(check)]

    @property
    def is_coarse(self) -> bool:
        """Whether the box's answers say too little even where the units are."""
        return is_coarse(self.near, self.standards)

    @property
    def is_shown(self) -> bool:
        """Whether the box shows each unit, and no more than that, where it alone changes course."""
        return bool(np.all(np.abs(self.shown - 1) <= self.standards.shown))

    @property
    def is_as_wide(self) -> bool:
        """Whether there are as many units as were asked for, if so."""
        return self.wanted_width in (None, len(self.shown))


RULES: tuple[tuple[Callable[[Findings], bool], Status], ...] = (
    # noise that is no quantisation may hide behind its own tolerance, but not what goes beyond it
    (lambda found: found.is_coarse and (found.is_quantised or not found.unlike), Status.COARSE),
    (lambda found: bool(found.unlike), Status.DIFFERENT),
    (lambda found: bool(found.inexact), Status.INEXACT),
    (lambda found: not found.is_shown, Status.NOT_SHOWN),
    (lambda found: not found.is_as_wide, Status.OTHER_WIDTH),
)
"""The status is that of the first rule that holds, and EQUAL where none does."""


def verdict(found: Findings) -> Status:
    """The status that the findings come to."""
    return next((status for holds, status in RULES if holds(found)), Status.EQUAL)


def is_coarse(near: tuple[Check, ...], standards: ExtractionStandards) -> bool:
    """Whether rounding explains too much at every near scale."""
    return min(check.tolerance for check in near) > standards.coarse
