"""Sigmoids, and the smooth rectifiers that have a sigmoid for a slope."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported on first use: scipy.special takes a fifth of a second
from numpy.typing import NDArray

from twolayer.activation.base import Activation, Reflection
from twolayer.activation.smoothing import (
    bump_coefficients,
    bump_kernel,
    determinant,
    gaussian_density,
    logistic_mixture,
    ramp_coefficients,
    sign_coefficients,
    step_coefficients,
    step_kernel,
)

__all__ = ["GELU", "Erf", "Sigmoid", "Softplus", "Tanh"]


@dataclass(frozen=True)
class Sigmoid(Activation):
    """Logistic function: 1/(1 + exp(-t))."""

    keyword = "sigmoid"
    reflection = Reflection(-1, (1.0,))

    def _value(self, t: NDArray) -> NDArray:
        return scipy.special.expit(t)

    def _derivative(self, t: NDArray) -> NDArray:
        return _logistic_density(t)

    def _second_derivative(self, t: NDArray) -> NDArray:
        return -np.tanh(t / 2) * _logistic_density(t)

    def _hermite_coefficients(self, order: int, scale: NDArray, shift: NDArray) -> NDArray:
        return _mixed(lambda v: step_coefficients(order, scale, shift, v))

    def _dual_kernel(self, uu: NDArray, uw: NDArray, ww: NDArray) -> NDArray:
        return _mixed(lambda v: _mixed(lambda v_: bump_kernel(uu, uw, ww, v, v_)))


@dataclass(frozen=True)
class Tanh(Activation):
    """Hyperbolic tangent: 2 sigmoid(2t) - 1."""

    keyword = "tanh"
    parity = -1
    reflection = Reflection(-1)

    def _value(self, t: NDArray) -> NDArray:
        return np.tanh(t)

    def _derivative(self, t: NDArray) -> NDArray:
        return 4 * _logistic_density(2 * t)

    def _second_derivative(self, t: NDArray) -> NDArray:
        return -8 * np.tanh(t) * _logistic_density(2 * t)

    def _hermite_coefficients(self, order: int, scale: NDArray, shift: NDArray) -> NDArray:
        return _mixed(lambda v: sign_coefficients(order, 2 * scale, 2 * shift, v))

    def _dual_kernel(self, uu: NDArray, uw: NDArray, ww: NDArray) -> NDArray:
        return 16 * _mixed(lambda v: _mixed(lambda v_: bump_kernel(4 * uu, 4 * uw, 4 * ww, v, v_)))


@dataclass(frozen=True)
class Erf(Activation):
    """Error function: 2/√π times the integral of exp(-u²) from 0 to t, as in SciPy.

    The function that zhong2017recovery calls erf (Theorem 3.5) lacks the factor 2/√π.
    """

    keyword = "erf"
    parity = -1
    reflection = Reflection(-1)

    def _value(self, t: NDArray) -> NDArray:
        return scipy.special.erf(t)

    def _derivative(self, t: NDArray) -> NDArray:
        return 2 * 2**0.5 * gaussian_density(2**0.5 * t)

    def _second_derivative(self, t: NDArray) -> NDArray:
        return -4 * 2**0.5 * t * gaussian_density(2**0.5 * t)

    def _hermite_coefficients(self, order: int, scale: NDArray, shift: NDArray) -> NDArray:
        return sign_coefficients(order, scale, shift, 0.5)

    def _dual_kernel(self, uu: NDArray, uw: NDArray, ww: NDArray) -> NDArray:
        return 4 * bump_kernel(uu, uw, ww, 0.5, 0.5)


@dataclass(frozen=True)
class Softplus(Activation):
    """Softplus: log(1 + exp(t)), whose slope is the logistic function."""

    keyword = "softplus"
    reflection = Reflection(1, (0.0, -1.0))

    def _value(self, t: NDArray) -> NDArray:
        value = np.log1p(np.exp(-np.abs(t)))
        value += np.maximum(t, 0.0)
        return value

    def _derivative(self, t: NDArray) -> NDArray:
        return scipy.special.expit(t)

    def _second_derivative(self, t: NDArray) -> NDArray:
        return _logistic_density(t)

    def _hermite_coefficients(self, order: int, scale: NDArray, shift: NDArray) -> NDArray:
        return _mixed(lambda v: ramp_coefficients(order, scale, shift, v))

    def _dual_kernel(self, uu: NDArray, uw: NDArray, ww: NDArray) -> NDArray:
        return _mixed(lambda v: _mixed(lambda v_: step_kernel(uu, uw, ww, v, v_)))


@dataclass(frozen=True)
class GELU(Activation):
    """Gaussian error linear unit: t·Φ(t), Φ the standard Gaussian distribution function."""

    keyword = "gelu"
    reflection = Reflection(1, (0.0, -1.0))

    def _value(self, t: NDArray) -> NDArray:
        return t * scipy.special.ndtr(t)

    def _derivative(self, t: NDArray) -> NDArray:
        value = gaussian_density(t)
        value *= t
        value += scipy.special.ndtr(t)
        return value

    def _second_derivative(self, t: NDArray) -> NDArray:
        near = np.clip(t, -40.0, 40.0)
        return (2 - near * near) * gaussian_density(near)

    def _hermite_coefficients(self, order: int, scale: NDArray, shift: NDArray) -> NDArray:
        # t·Φ(t) = ∫Φ - φ(t)
        return ramp_coefficients(order, scale, shift, 1.0) - bump_coefficients(order, scale, shift, 1.0)

    def _dual_kernel(self, uu: NDArray, uw: NDArray, ww: NDArray) -> NDArray:
        # Stein's identity for each tφ(t) of (Φ + tφ)(u·x) (Φ + tφ)(w·x)
        bumps = 1 / (1 + uu) + 1 / (1 + ww) + 1 / determinant(uu, uw, ww, 1.0, 1.0)
        return step_kernel(uu, uw, ww, 1.0, 1.0) + uw * bumps * bump_kernel(uu, uw, ww, 1.0, 1.0)


def _mixed(of_variance: Callable[[float], NDArray]) -> NDArray:
    """Average over the variances that make a logistic function of steps."""
    (weight, variance), *rest = zip(*logistic_mixture(), strict=True)
    total = weight * of_variance(variance)
    for weight, variance in rest:
        total += weight * of_variance(variance)
    return total


def _logistic_density(t: NDArray) -> NDArray:
    decay = np.exp(-np.abs(t))
    total = 1 + decay
    total *= total
    decay /= total
    return decay
