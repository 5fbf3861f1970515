"""Polynomial activations: linear, quadratic, and any other."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.polynomial.polynomial import polyder
from numpy.typing import NDArray

from twolayer.activation.base import Activation, Reflection, finite
from twolayer.errors import InputError

__all__ = ["Linear", "Polynomial", "Quadratic"]


@dataclass(frozen=True, init=False)
class Polynomial(Activation):
    r"""Polynomial: c_0 + c_1 t + c_2 t² and so on.

    Parameters
    ----------
    *coefficients : float
        Of ascending powers; zeros at the end are dropped.

    Raises
    ------
    InputError
        If one is not a finite number, or all but the first are zero.
    """

    coefficients: tuple[float, ...]
    keyword = "polynomial"

    def __init__(self, *coefficients: float) -> None:
        numbers = [finite(number, "coefficient of a polynomial") for number in coefficients]
        if not any(numbers[1:]):
            raise InputError("polynomial needs a coefficient that is not zero beyond its first, the constant")
        while numbers[-1] == 0:
            numbers.pop()
        object.__setattr__(self, "coefficients", tuple(numbers))

    def _arguments(self) -> tuple[float, ...]:
        return self.coefficients

    @property
    def degree(self) -> float | None:
        """The power, if there is only one; else None."""
        return float(len(self.coefficients) - 1) if not any(self.coefficients[:-1]) else None

    @property
    def parity(self) -> int:
        """Even or odd where all powers are."""
        even, odd = any(self.coefficients[0::2]), any(self.coefficients[1::2])
        return int(even) - int(odd)

    @property
    def reflection(self) -> Reflection:
        """The sign is that of the leading power; the polynomial, twice the part of the other parity."""
        sign = (-1) ** (len(self.coefficients) - 1)
        other = [c * ((-1) ** j - sign) for j, c in enumerate(self.coefficients)]
        while other and other[-1] == 0:
            other.pop()
        return Reflection(sign, tuple(other))

    @property
    def powers(self) -> tuple[int, ...]:
        """Those with a coefficient."""
        return tuple(j for j, c in enumerate(self.coefficients) if j and c)

    def _value(self, t: NDArray) -> NDArray:
        return _horner(self.coefficients, t)

    def _derivative(self, t: NDArray) -> NDArray:
        return _horner(polyder(self.coefficients).tolist(), t)

    def _second_derivative(self, t: NDArray) -> NDArray:
        return _horner(polyder(self.coefficients, 2).tolist(), t)

    def _hermite_coefficients(self, order: int, scale: NDArray, shift: NDArray) -> NDArray:
        coefficients = _smoothed_derivatives(self.coefficients, order, scale**2, shift)
        return coefficients * scale ** np.arange(order + 1).reshape(-1, *[1] * scale.ndim)

    def _dual_kernel(self, uu: NDArray, uw: NDArray, ww: NDArray) -> NDArray:
        # Mehler: E[f(u·x) f(w·x)] = Σ_j (u·w)^j/j! E[f^(j)(u·x)] E[f^(j)(w·x)], here f = σ'
        slope = polyder(self.coefficients).tolist()
        first, second = (_smoothed_derivatives(slope, len(slope) - 1, v, np.zeros_like(v)) for v in (uu, ww))
        return sum((uw**j / factorial(j) * first[j] * second[j] for j in range(len(slope))), np.zeros_like(uw))


@dataclass(frozen=True, init=False)
class Linear(Polynomial):
    """Identity: t."""

    keyword = "linear"

    def __init__(self) -> None:
        super().__init__(0.0, 1.0)

    def _arguments(self) -> tuple[float, ...]:
        return ()


@dataclass(frozen=True, init=False)
class Quadratic(Polynomial):
    """Square: t²."""

    keyword = "quadratic"

    def __init__(self) -> None:
        super().__init__(0.0, 0.0, 1.0)

    def _arguments(self) -> tuple[float, ...]:
        return ()


def _horner(coefficients: Sequence[float], t: NDArray) -> NDArray:
    value = np.full_like(t, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value *= t
        if coefficient:
            value += coefficient
    return value


def _smoothed_derivatives(coefficients: Sequence[float], order: int, variance: NDArray, shift: NDArray) -> NDArray:
    r"""Derivatives :math:`\mathbb E[f^{(j)}(\mu + sg)] = \sum_i f^{(j+2i)}(\mu)\,s^{2i}/(2^i i!)`, j = 0..order."""
    smoothed = np.zeros((order + 1, *variance.shape))
    for j in range(min(order, len(coefficients) - 1) + 1):
        for i in range((len(coefficients) - 1 - j) // 2 + 1):
            derivative = _horner(polyder(coefficients, j + 2 * i).tolist(), shift)
            smoothed[j] += derivative * (variance / 2) ** i / factorial(i)
    return smoothed
