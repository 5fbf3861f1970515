"""The papers' quantities and bounds, evaluated: one paper, one module, named by its bib key."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twolayer.network import TwoLayerNetwork
from twolayer.theory import e2021hardness, zhong2017recovery

__all__ = ["THEORIES", "Theory"]


@dataclass(frozen=True)
class Theory:
    """A paper: what it says of one network, by name.

    Attributes
    ----------
    function : callable
        ``function(network) -> dict`` of named numbers, arrays and sentences; InputError where the paper does not speak
        of such a network.
    summary : str
    """

    function: Callable[[TwoLayerNetwork], dict[str, Any]]
    summary: str


THEORIES: dict[str, Theory] = {
    "zhong2017recovery": Theory(
        zhong2017recovery.quantities, "Conditioning, curvature and moments: whether the network can be recovered."
    ),
    "e2021hardness": Theory(
        e2021hardness.quantities, "Path norm and Barron norm: how large a network the function needs."
    ),
}
