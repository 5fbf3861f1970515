"""Activations with a kink at zero: relu and its kin."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation.base import Activation, Reflection, finite
from twolayer.activation.smoothing import determinant, ramp_coefficients, step_kernel
from twolayer.errors import InputError

__all__ = ["Abs", "LeakyReLU", "ReLU", "SquaredReLU"]


class _Bent(Activation):
    r"""Two half-lines: t where t > 0, slope·t elsewhere; that is, slope·t + (1 - slope)·relu(t)."""

    slope: float
    degree = 1.0
    kinks = (0.0,)

    @property
    def reflection(self) -> Reflection:
        return Reflection(1, (0.0, -1.0 - self.slope))

    def _value(self, t: NDArray) -> NDArray:
        value = np.asarray(t * self.slope)
        return np.maximum(t, value, out=value) if self.slope < 1 else np.minimum(t, value, out=value)

    def _derivative(self, t: NDArray) -> NDArray:
        value = (t > 0).astype(t.dtype)
        value *= 1 - self.slope
        value += self.slope
        return value

    def _second_derivative(self, t: NDArray) -> NDArray:
        return np.zeros_like(t)

    def _hermite_coefficients(self, order: int, scale: NDArray, shift: NDArray) -> NDArray:
        coefficients = (1 - self.slope) * ramp_coefficients(order, scale, shift)
        coefficients[0] += self.slope * shift
        coefficients[1:2] += self.slope * scale
        return coefficients

    def _dual_kernel(self, uu: NDArray, uw: NDArray, ww: NDArray) -> NDArray:
        rise = 1 - self.slope
        one = 0.5 * (uu > 0) + 0.5 * (ww > 0)
        both = np.where((uu > 0) & (ww > 0), step_kernel(uu, uw, ww), 0.0)
        return self.slope**2 + self.slope * rise * one + rise**2 * both


@dataclass(frozen=True)
class ReLU(_Bent):
    """Rectifier: max(t, 0)."""

    keyword = "relu"
    slope = 0.0

    def _value(self, t: NDArray) -> NDArray:
        return np.maximum(t, 0.0)

    def _derivative(self, t: NDArray) -> NDArray:
        return (t > 0).astype(t.dtype)


@dataclass(frozen=True)
class LeakyReLU(_Bent):
    """Leaky rectifier: t where t > 0, slope·t elsewhere.

    Parameters
    ----------
    slope : float
        Any finite number but 1.

    Raises
    ------
    InputError
        If the slope is not a finite number, or is 1, which makes it linear.
    """

    slope: float = 0.01
    keyword = "leaky_relu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", finite(self.slope, "slope of leaky_relu"))
        if self.slope == 1:
            raise InputError("leaky_relu of slope 1 has no kink: ask for 'linear'")

    @property
    def parity(self) -> int:
        """Even at slope -1, where it is the absolute value."""
        return 1 if self.slope == -1 else 0

    @property
    def reflection(self) -> Reflection:
        """The remainder -(1 + slope)t vanishes at slope -1."""
        return Reflection(1) if self.slope == -1 else super().reflection


@dataclass(frozen=True)
class Abs(_Bent):
    """Absolute value: |t|, the leaky rectifier of slope -1."""

    keyword = "abs"
    slope = -1.0
    parity = 1
    reflection = Reflection(1)

    def _value(self, t: NDArray) -> NDArray:
        return np.abs(t)


@dataclass(frozen=True)
class SquaredReLU(Activation):
    """Squared rectifier: max(t, 0)²."""

    keyword = "squared_relu"
    degree = 2.0
    kinks = (0.0,)
    reflection = Reflection(-1, (0.0, 0.0, 1.0))

    def _value(self, t: NDArray) -> NDArray:
        value = np.maximum(t, 0.0)
        value *= value
        return value

    def _derivative(self, t: NDArray) -> NDArray:
        value = np.maximum(t, 0.0)
        value *= 2.0
        return value

    def _second_derivative(self, t: NDArray) -> NDArray:
        value = (t > 0).astype(t.dtype)
        value *= 2.0
        return value

    def _hermite_coefficients(self, order: int, scale: NDArray, shift: NDArray) -> NDArray:
        ramp = ramp_coefficients(order + 1, scale, shift)
        mean = shift * ramp[0] + scale * ramp[1]
        return np.concatenate([mean[None], 2 * scale * ramp[:order]])

    def _dual_kernel(self, uu: NDArray, uw: NDArray, ww: NDArray) -> NDArray:
        return 4 * uw * step_kernel(uu, uw, ww) + 2 / np.pi * np.sqrt(determinant(uu, uw, ww))
