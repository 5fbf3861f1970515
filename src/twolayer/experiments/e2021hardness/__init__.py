"""The experiments of e2021hardness: parities in training, what their gradients tell, and a sine neuron's landscape."""

from twolayer.experiments.e2021hardness.gradient_variance import GRADIENT_VARIANCE
from twolayer.experiments.e2021hardness.parity import PARITY_TRAINING
from twolayer.experiments.e2021hardness.sine import SINE_LANDSCAPE

__all__ = ["GRADIENT_VARIANCE", "PARITY_TRAINING", "SINE_LANDSCAPE"]
