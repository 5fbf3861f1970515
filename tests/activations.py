"""The activations to test with: each of the table with a plain formula, and two that have nothing but formulas."""

import math
from dataclasses import dataclass

import numpy as np
import pytest

from twolayer.activation import Activation, Reflection, activation


def _normal_distribution(t):
    return 0.5 * math.erfc(-t / math.sqrt(2))


# Each member, and its formula for one number.
FORMULAS = {
    "relu": lambda t: max(t, 0.0),
    "leaky_relu(0.01)": lambda t: t if t > 0 else 0.01 * t,
    "leaky_relu(-1)": abs,
    "leaky_relu(3)": lambda t: t if t > 0 else 3 * t,
    "squared_relu": lambda t: max(t, 0.0) ** 2,
    "abs": abs,
    "sigmoid": lambda t: 1 / (1 + math.exp(-t)),
    "tanh": lambda t: (math.exp(t) - math.exp(-t)) / (math.exp(t) + math.exp(-t)),
    "erf": math.erf,
    "softplus": lambda t: math.log(1 + math.exp(t)),
    "gelu": lambda t: t * _normal_distribution(t),
    "gelu_tanh": lambda t: t / 2 * (1 + math.tanh(math.sqrt(2 / math.pi) * (t + 0.044715 * t**3))),
    "silu": lambda t: t / (1 + math.exp(-t)),
    "hardswish": lambda t: 0.0 if t < -3 else t if t > 3 else t * (t + 3) / 6,
    "mish": lambda t: t * math.tanh(math.log1p(math.exp(t))),
    "elu(1)": lambda t: t if t > 0 else math.expm1(t),
    "elu(-0.3)": lambda t: t if t > 0 else -0.3 * math.expm1(t),
    "selu": lambda t: 1.0507009873554805 * (t if t > 0 else 1.6732632423543772 * math.expm1(t)),
    "hardtanh": lambda t: max(-1.0, min(1.0, t)),
    "softsign": lambda t: t / (1 + abs(t)),
    "sine": math.sin,
    "linear": lambda t: t,
    "quadratic": lambda t: t * t,
    "polynomial(0,1,0,0.5)": lambda t: t + 0.5 * t**3,
    "polynomial(1,2,-3,0,0.25)": lambda t: 1 + 2 * t - 3 * t**2 + 0.25 * t**4,
    "polynomial(1,0,2)": lambda t: 1 + 2 * t**2,
    "scaled(tanh,2.5)": lambda t: math.tanh(2.5 * t),
    "scaled(squared_relu,0.5)": lambda t: max(t / 2, 0.0) ** 2,
    "scaled(scaled(gelu,2),3)": lambda t: 6 * t * _normal_distribution(6 * t),
}
every = pytest.mark.parametrize("sigma", [activation(spec) for spec in FORMULAS], ids=str)


@dataclass(frozen=True)
class Hinge(Activation):
    """max(t - place, 0): a kink away from zero, no closed form."""

    place: float
    keyword = "hinge"
    reflection = Reflection(1, (0.0, -1.0))

    @property
    def kinks(self):
        return (self.place,)

    def _value(self, t):
        return np.maximum(t - self.place, 0)

    def _derivative(self, t):
        return (t > self.place).astype(t.dtype)

    def _second_derivative(self, t):
        return np.zeros_like(t)
