"""Experiments on daniely2020hardness, which has none of its own."""

from twolayer.papers.daniely2020hardness.figures.learning import LEARNING
from twolayer.papers.daniely2020hardness.figures.norms import NORMS

__all__ = ["LEARNING", "NORMS"]
