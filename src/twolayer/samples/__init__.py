"""Samples as every search and every judge sees them, made once at the door."""

from twolayer.samples.samples import Samples, n_parameters

__all__ = ["Samples", "n_parameters"]
