"""The least network that is the same function: everywhere, on a box of inputs, or nearly so on data."""

from twolayer.reduction.on_data import Point
from twolayer.reduction.reduce import reduce
from twolayer.reduction.reduced import Reduction, Removal

__all__ = ["Point", "Reduction", "Removal", "reduce"]
