"""Bounded activations with kinks: hardtanh and softsign."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation.base import Activation, Reflection

__all__ = ["HardTanh", "Softsign"]


@dataclass(frozen=True)
class HardTanh(Activation):
    """Clipped line: t between -1 and 1, and ±1 beyond; relu6(t) is 3 + 3 hardtanh(t/3 - 1)."""

    keyword = "hardtanh"
    parity = -1
    kinks = (-1.0, 1.0)
    reflection = Reflection(-1)

    def _value(self, t: NDArray) -> NDArray:
        return np.clip(t, -1.0, 1.0)

    def _derivative(self, t: NDArray) -> NDArray:
        return ((t > -1) & (t <= 1)).astype(t.dtype)

    def _second_derivative(self, t: NDArray) -> NDArray:
        return np.zeros_like(t)


@dataclass(frozen=True)
class Softsign(Activation):
    """Softsign: t/(1 + |t|)."""

    keyword = "softsign"
    parity = -1
    kinks = (0.0,)
    reflection = Reflection(-1)

    def _value(self, t: NDArray) -> NDArray:
        return t / (1 + np.abs(t))

    def _derivative(self, t: NDArray) -> NDArray:
        return 1 / (1 + np.abs(t)) / (1 + np.abs(t))  # no square, which would overflow

    def _second_derivative(self, t: NDArray) -> NDArray:
        side = np.where(t > 0, -2.0, 2.0).astype(t.dtype)
        return side / (1 + np.abs(t)) / (1 + np.abs(t)) / (1 + np.abs(t))
