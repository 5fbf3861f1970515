"""Experiments on awasthi2021efficient, which has none of its own."""

from twolayer.papers.awasthi2021efficient.figures.biases import BIASES
from twolayer.papers.awasthi2021efficient.figures.large_biases import LARGE_BIASES
from twolayer.papers.awasthi2021efficient.figures.widths import WIDTHS

__all__ = ["BIASES", "LARGE_BIASES", "WIDTHS"]
