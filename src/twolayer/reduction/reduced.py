"""What a reduction is: the network, which rule removed which unit, and whether fewer units could do."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from twolayer.network import TwoLayerNetwork
from twolayer.reduction.on_data import Point

__all__ = ["RULES", "Reduction", "Removal"]

RULES = {
    "dead": "its outer weight is zero",
    "constant": "its input weights are zero: its value joins the constant",
    "polynomial": "the activation is a polynomial of degree two at most: it joins the polynomial part",
    "twin": "its row is that of another unit: their outer weights are added",
    "antipode": "its row is that of another unit turned round: they are added, and what turning leaves",
    "phase": "it has the frequencies of another unit: sines of one frequency are one sine",
    "cancelled": "with the units that were added to it, its outer weights have the sum zero",
    "inactive": "on the box its argument stays where the activation is constant",
    "active": "on the box its argument stays on one piece of the activation: it joins the polynomial part",
}
"""Why a unit goes."""


@dataclass(frozen=True)
class Removal:
    """One step of a proof.

    Attributes
    ----------
    rule : str
        A name in ``RULES``.
    unit : int
        The unit that goes, by its number in the network that was given.
    into : int or None
        The unit that it is added to.
    """

    rule: str
    unit: int
    into: int | None = None

    def __str__(self) -> str:
        beside = "" if self.into is None else f" (of unit {self.into})"
        return f"unit {self.unit}: {self.rule}{beside}, {RULES[self.rule]}"


@dataclass(frozen=True)
class Reduction:
    """A network with fewer units, and what speaks for it.

    Attributes
    ----------
    network : TwoLayerNetwork
    original : TwoLayerNetwork
    removals : tuple of Removal
        The proof: each unit of the original is in the network, in the order of their numbers, or here once. Empty where
        the reduction is approximate.
    kept : tuple of int
        Numbers of the units that stay, as units of the original; those whose outer weights changed too.
    is_minimal : bool
        Whether no network of the activation with a polynomial part of degree two has fewer units and is the same
        function; of an approximate reduction, False.
    reason : str
        Why it is, or why it is not known to be.
    box : tuple of arrays or None
        Least and largest inputs, (d,) each, where it holds on a box only.
    curve : tuple of Point
        Error against width, of a reduction on data.
    """

    network: TwoLayerNetwork
    original: TwoLayerNetwork
    removals: tuple[Removal, ...]
    kept: tuple[int, ...]
    is_minimal: bool
    reason: str
    box: Any = None
    curve: tuple[Point, ...] = ()

    def summary(self) -> str:
        """How many units went by which rule, and whether fewer could do, in some lines."""
        lines = [f"{self.original.width} units became {self.network.width}"]
        lines[0] += "" if self.box is None else " on the box"
        counts = Counter(removal.rule for removal in self.removals)
        lines += [f"  {count:4d} {rule}: {RULES[rule]}" for rule, count in counts.items()]
        lines += [f"  {point.width:4d} units: error {point.error:.2e}" for point in self.curve]
        return "\n".join([*lines, f"{'Minimal' if self.is_minimal else 'Not known to be minimal'}: {self.reason}."])

    def to_dict(self) -> dict[str, Any]:
        """All but the networks, as plain values."""
        return {
            "width": self.network.width,
            "original_width": self.original.width,
            "removals": [{"rule": one.rule, "unit": one.unit, "into": one.into} for one in self.removals],
            "kept": list(self.kept),
            "is_minimal": self.is_minimal,
            "reason": self.reason,
            "box": None if self.box is None else [bound.tolist() for bound in self.box],
            "curve": [{"width": point.width, "error": point.error} for point in self.curve],
        }
