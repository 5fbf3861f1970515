"""The experiments of e2021hardness: parities in training, what their gradients tell, and a sine neuron's landscape."""

from twolayer.papers.e2021hardness.figures.gradient_variance import GRADIENT_VARIANCE
from twolayer.papers.e2021hardness.figures.parity import PARITY_TRAINING
from twolayer.papers.e2021hardness.figures.sine import SINE_LANDSCAPE

__all__ = ["GRADIENT_VARIANCE", "PARITY_TRAINING", "SINE_LANDSCAPE"]
