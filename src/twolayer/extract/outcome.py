"""What an extraction returns."""

from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.equality import equal_by_value
from twolayer.extract.standards import ExtractionStandards
from twolayer.network import TwoLayerNetwork
from twolayer.recover.result import RecoveryError

__all__ = ["Check", "Extraction", "Status"]


class Status(Enum):
    """How an extraction ended; the text is the advice."""

    EQUAL = (
        "The network gives what the box gives, to the accuracy that the notes name, on fresh inputs of every scale that"
        " was tried."
    )
    DIFFERENT = (
        "The network found does not give what the box gives: it may have another activation or more than two layers, or"
        " need another seed or a larger budget."
    )
    COARSE = (
        "The box's answers are rounded or noisy, and too coarse to read a network from: take the one found for an"
        " approximation, no better than the checks say, or ask for answers with more digits."
    )
    INEXACT = (
        "The network gives what the box gives nearly, but not to the rounding of its answers: a weak unit may be"
        " missing, or the box may be something else; take it for an approximation, or try another seed."
    )
    NOT_SHOWN = (
        "The network gives what the box gives, but the box does not show each of its units where that unit alone"
        " should be seen: other networks may be equal to it; try another seed."
    )
    OTHER_WIDTH = (
        "The network gives what the box gives, but with another number of units than was asked for: leave out the"
        " width."
    )

    @property
    def is_certified(self) -> bool:
        """Whether the network is claimed to be the one in the box."""
        return self is Status.EQUAL


@dataclass(frozen=True)
class Check:
    """A comparison with the box on fresh Gaussian inputs.

    Attributes
    ----------
    scale : float
        Standard deviation of the inputs.
    rows : int
    largest, rms : float
        Difference at the row where rounding explains the least of it, and root mean square, relative to the standard
        deviation of the values.
    tolerance : float
        What rounding explains of it at that row.
    """

    scale: float
    rows: int
    largest: float
    rms: float
    tolerance: float


@equal_by_value
@dataclass(frozen=True, eq=False, repr=False)
class Extraction:
    """A network from a black box, and the evidence for it. Extractions are equal where all of this is.

    Attributes
    ----------
    network : TwoLayerNetwork
    status : Status
        Its value is the advice.
    checks : tuple of Check
    unit_evidence : array, shape (m,)
        How much of each unit the box shows at the unit's own hyperplane; 1 for all of it. Empty where that was not
        looked at: of several outputs that are not piecewise linear, and behind a link, the recovery is certified.
    declared_width : int or None
        What the box says of itself, where it does.
    queries, answered_from_file : int
        Rows asked for, and how many of them a file had answers to.
    rounding : float
        Relative precision of the answers.
    notes : tuple of str
        What cannot be known, and which units are not to be found.
    link : str
        The key of `LINKS` of the function that makes the box's answers of the network's outputs.
    """

    network: TwoLayerNetwork
    status: Status
    checks: tuple[Check, ...]
    unit_evidence: NDArray[np.float64]
    declared_width: int | None
    queries: int
    answered_from_file: int
    rounding: float
    notes: tuple[str, ...]
    link: str = "identity"

    @property
    def is_certified(self) -> bool:
        """Whether this is the network in the box, as the evidence says."""
        return self.status.is_certified

    @property
    def largest_difference(self) -> float:
        """The largest of all checks."""
        return max(check.largest for check in self.checks)

    def __repr__(self) -> str:
        units = f"{self.network.width} {self.network.activation.name} units on {self.network.dim} inputs"
        return f"<Extraction: {self.status.name}, {units}, {self.queries} queries>"

    def unwrap(self) -> TwoLayerNetwork:
        """Return the network if it is certified.

        Raises
        ------
        RecoveryError
            If it is not, with the advice.
        """
        if not self.is_certified:
            raise RecoveryError(f"{self.status.name}: {self.status.value}")
        return self.network

    def summary(self) -> str:
        """The evidence, for a reader."""
        near = len(ExtractionStandards.near_scales)
        lines = [
            f"{self.queries} queries, answers exact to {self.rounding:.1e}",
            *(
                f"inputs of scale {check.scale:.2g}: largest relative difference {check.largest:.1e} on"
                f" {check.rows} rows"
                for check in self.checks[:near]
            ),
        ]
        if far := self.checks[near:]:
            lines.append(
                f"and farther out, to scale {far[-1].scale:.2g}: largest relative difference"
                f" {max(check.largest for check in far):.1e} on {sum(check.rows for check in far)} rows"
            )
        if len(self.unit_evidence):
            low, high = self.unit_evidence.min(), self.unit_evidence.max()
            lines.append(f"each unit shown at its own hyperplane: {low:.3f} to {high:.3f} of what it should be")
        return "\n".join([*lines, *self.notes])

    def to_dict(self) -> dict[str, Any]:
        """The evidence, for a program."""
        return {
            "checks": [asdict(check) for check in self.checks],
            "unit_evidence": self.unit_evidence,
            "declared_width": self.declared_width,
            "queries": self.queries,
            "answered_from_file": self.answered_from_file,
            "rounding": self.rounding,
            "link": self.link,
            "notes": list(self.notes),
        }
