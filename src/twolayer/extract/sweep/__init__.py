"""Piecewise linear boxes taken apart along one line, at about one question a parameter."""

from twolayer.extract.sweep.rules import SweepRules
from twolayer.extract.sweep.sweeping import Swept, swept
from twolayer.extract.sweep.units import Units

__all__ = ["SweepRules", "Swept", "Units", "swept"]
