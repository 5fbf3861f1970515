"""The least-squares problem of a network, its units, and which way round they are."""

from twolayer.model.problem import UnitsProblem

__all__ = ["UnitsProblem"]
