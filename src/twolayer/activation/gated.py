"""The argument times a gate that opens with it: silu, hardswish, mish and gelu_tanh."""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported on first use: scipy.special takes a fifth of a second
from numpy.typing import NDArray

from twolayer.activation.base import Activation, Reflection

__all__ = ["GELUTanh", "HardSwish", "Mish", "SiLU"]


@dataclass(frozen=True)
class SiLU(Activation):
    """Sigmoid linear unit, or swish: t·sigmoid(t)."""

    keyword = "silu"
    reflection = Reflection(1, (0.0, -1.0))

    def _value(self, t: NDArray) -> NDArray:
        return t * scipy.special.expit(t)

    def _derivative(self, t: NDArray) -> NDArray:
        gate = scipy.special.expit(t)
        return gate + np.clip(t, -_FAR, _FAR) * gate * scipy.special.expit(-t)

    def _second_derivative(self, t: NDArray) -> NDArray:
        gate, near = scipy.special.expit(t), np.clip(t, -_FAR, _FAR)
        return gate * scipy.special.expit(-t) * (2 - near * np.tanh(near / 2))


@dataclass(frozen=True)
class GELUTanh(Activation):
    """Gaussian error linear unit by a tanh: t/2·(1 + tanh(√(2/π)(t + 0.044715 t³))), which many libraries offer."""

    keyword = "gelu_tanh"
    reflection = Reflection(1, (0.0, -1.0))

    def _value(self, t: NDArray) -> NDArray:
        near = np.clip(t, -_CUBE, _CUBE)  # whose cube does not overflow, and the tanh is ±1 beyond
        return t * (0.5 + 0.5 * np.tanh(_ROOT * (near + _CUBIC * near**3)))

    def _derivative(self, t: NDArray) -> NDArray:
        near = np.clip(t, -_CUBE, _CUBE)
        gate = np.tanh(_ROOT * (near + _CUBIC * near**3))
        return 0.5 + 0.5 * gate + 0.5 * near * (1 - gate * gate) * _ROOT * (1 + 3 * _CUBIC * near * near)

    def _second_derivative(self, t: NDArray) -> NDArray:
        near = np.clip(t, -_CUBE, _CUBE)
        gate = np.tanh(_ROOT * (near + _CUBIC * near**3))
        slope = _ROOT * (1 + 3 * _CUBIC * near * near)
        rest = 1 - gate * gate
        return rest * (slope - near * gate * slope * slope + 3 * _ROOT * _CUBIC * near * near)


_ROOT, _CUBIC = (2 / np.pi) ** 0.5, 0.044715  # the constants of the approximation, as its authors fitted them
_CUBE = 50.0  # where the tanh has long been 1, in any precision


@dataclass(frozen=True)
class HardSwish(Activation):
    """Piecewise swish: t times the clipped line that goes from 0 at -3 to 1 at 3."""

    keyword = "hardswish"
    kinks = (-3.0, 3.0)
    reflection = Reflection(1, (0.0, -1.0))

    def _value(self, t: NDArray) -> NDArray:
        return t * (np.clip(t + 3, 0, 6) / 6)

    def _derivative(self, t: NDArray) -> NDArray:
        inside = (np.clip(t, -3, 3) * 2 + 3) / 6
        return np.where(t <= -3, np.zeros_like(t), np.where(t <= 3, inside, np.ones_like(t)))

    def _second_derivative(self, t: NDArray) -> NDArray:
        return ((t > -3) & (t <= 3)).astype(t.dtype) / 3


@dataclass(frozen=True)
class Mish(Activation):
    """Mish: t·tanh(log(1 + exp(t)))."""

    keyword = "mish"
    reflection = Reflection(0)

    def _value(self, t: NDArray) -> NDArray:
        return t * _gate(t)[0]

    def _derivative(self, t: NDArray) -> NDArray:
        gate, slope, _ = _gate(t)
        return gate + np.clip(t, -_FAR, _FAR) * slope

    def _second_derivative(self, t: NDArray) -> NDArray:
        _, slope, bend = _gate(t)
        return 2 * slope + np.clip(t, -_FAR, _FAR) * bend


_FAR = 800.0  # where exp(-t) has underflowed, so that t times it may be formed


def _gate(t: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    r"""The gate :math:`g = \tanh(\log(1+e^t))` and its first two derivatives.

    With :math:`e = e^{-|t|}`, :math:`g = (1+2e)/(1+2e+2e^2)` where t > 0 and :math:`(e^2+2e)/(e^2+2e+2)` elsewhere;
    with p the logistic function, :math:`g' = (1-g^2)\,p` and :math:`g'' = (1-g^2)\,p\,(1 - p - 2gp)`.
    """
    e = np.exp(-np.abs(t))
    above, below = 1 + 2 * e + 2 * e * e, e * e + 2 * e + 2
    g = np.where(t > 0, (1 + 2 * e) / above, e * (e + 2) / below)
    # 1 - g² = (1 - g)(1 + g) without cancellation
    rest = np.where(t > 0, 2 * e * e / above, 2 / below) * (1 + g)
    p = scipy.special.expit(t)
    slope = rest * p
    return g, slope, slope * (1 - p - 2 * g * p)
