"""Experiments on daniely2020hardness, which has none of its own."""

from twolayer.experiments.daniely2020hardness.learning import LEARNING
from twolayer.experiments.daniely2020hardness.norms import NORMS

__all__ = ["LEARNING", "NORMS"]
