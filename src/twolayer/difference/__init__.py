"""How far two piecewise linear networks are apart on a box of inputs, with proof."""

from twolayer.difference.largest import Difference, Outcome, largest_difference

__all__ = ["Difference", "Outcome", "largest_difference"]
