"""Experiments on awasthi2021efficient, which has none of its own."""

from twolayer.experiments.awasthi2021efficient.biases import BIASES
from twolayer.experiments.awasthi2021efficient.large_biases import LARGE_BIASES
from twolayer.experiments.awasthi2021efficient.widths import WIDTHS

__all__ = ["BIASES", "LARGE_BIASES", "WIDTHS"]
