"""The sine: the activation of a landscape full of local minima."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation.base import Activation, Reflection

__all__ = ["Sine"]


@dataclass(frozen=True)
class Sine(Activation):
    """Sine: sin(t)."""

    keyword = "sine"
    parity = -1
    reflection = Reflection(-1)
    antiperiod = np.pi

    def _value(self, t: NDArray) -> NDArray:
        return np.sin(t)

    def _derivative(self, t: NDArray) -> NDArray:
        return np.cos(t)

    def _second_derivative(self, t: NDArray) -> NDArray:
        return -np.sin(t)

    def _hermite_coefficients(self, order: int, scale: NDArray, shift: NDArray) -> NDArray:
        # E sin(sg + μ) = e^(-s²/2) sin μ; its j-th derivative in μ, times s^j
        turns = np.stack([np.sin(shift), np.cos(shift), -np.sin(shift), -np.cos(shift)])
        j = np.arange(order + 1)
        return turns[j % 4] * scale ** j.reshape(-1, *[1] * scale.ndim) * np.exp(-(scale**2) / 2)

    def _dual_kernel(self, uu: NDArray, uw: NDArray, ww: NDArray) -> NDArray:
        # cos u cos w = (cos(u - w) + cos(u + w))/2
        return 0.5 * (np.exp(-(uu + ww - 2 * uw) / 2) + np.exp(-(uu + ww + 2 * uw) / 2))
