r"""The difference of two piecewise linear networks as one sum of moduli.

With :math:`\tilde x = (x, 1)` a unit of a piecewise linear σ of kinks κ is

.. math:: \sigma(t) = \sum_k \gamma_k |t - \kappa_k| + p t + r,

γ half the change of slope at κ, so that the difference of two networks is
:math:`\sum_i s_i |\theta_i\cdot\tilde x| + \ell\cdot\tilde x` with signs s. Units of one hyperplane cancel
here, whatever way round each network has them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork

__all__ = ["Bends", "difference_of"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

FAR = 8.0
"""Beyond the outermost kinks: where the slopes of the two ends are taken."""


@dataclass(frozen=True)
class Bends:
    r"""The function :math:`\sum_i s_i |\theta_i\cdot\tilde x| + \ell\cdot\tilde x`.

    Attributes
    ----------
    signs : array of ±1, shape (K,)
    theta : array, shape (K, d + 1)
    linear : array, shape (d + 1,)
    of_first : array of bool, shape (K,)
        Which of the two networks each is of.
    """

    signs: Vector
    theta: Matrix
    linear: Vector
    of_first: NDArray[np.bool_]

    def __call__(self, x: Vector) -> float:
        """The value at a point (d,)."""
        full = np.r_[x, 1.0]
        return float(self.signs @ np.abs(self.theta @ full) + self.linear @ full)

    def negated(self) -> "Bends":
        """The function with the other sign."""
        return Bends(-self.signs, self.theta, -self.linear, self.of_first)


def difference_of(first: TwoLayerNetwork, second: TwoLayerNetwork) -> Bends:
    """The first less the second, both of one output.

    Raises
    ------
    InputError
        If the numbers of inputs differ, or σ is not piecewise linear, or the polynomial part is not affine.
    """
    if first.dim != second.dim:
        raise InputError(f"the networks must have the same inputs, found {first.dim} and {second.dim}")
    signs, theta, linear = zip(_bends(first, 1.0), _bends(second, -1.0), strict=True)
    of_first = np.repeat([True, False], [len(one) for one in signs])
    return Bends(np.concatenate(signs), np.vstack(theta), linear[0] + linear[1], of_first)


def _bends(network: TwoLayerNetwork, sign: float) -> tuple[Vector, Matrix, Vector]:
    kinks, half_changes, p, r = piecewise_linear(network.activation)
    rows = np.column_stack([network.W, network.b])
    linear = sign * (p * network.a @ rows)
    linear[-1] += sign * r * network.a.sum()
    P = network.polynomial
    if P is not None:
        if P.quadratic is not None and np.any(P.quadratic):
            raise InputError("the networks must be piecewise linear, found a quadratic part")
        linear[-1] += sign * float(P.constant)
        linear[:-1] += 0.0 if P.linear is None else sign * P.linear
    heights, theta = [np.zeros(0)], [np.zeros((0, network.dim + 1))]
    for kink, gamma in zip(kinks, half_changes, strict=True):
        shifted = rows.copy()
        shifted[:, -1] -= kink
        heights.append(sign * gamma * network.a)
        theta.append(shifted)
    height, every = np.concatenate(heights), np.vstack(theta)
    is_there = height != 0
    return np.sign(height[is_there]), every[is_there] * np.abs(height[is_there])[:, None], linear


def piecewise_linear(sigma: Activation) -> tuple[Vector, Vector, float, float]:
    """Kinks κ, half changes of slope γ, p and r of a piecewise linear σ.

    Raises
    ------
    InputError
        If σ is not one.
    """
    kinks = np.array(sigma.kinks, float)
    ends = np.r_[kinks[0] - FAR, kinks, kinks[-1] + FAR] if len(kinks) else np.array([-FAR, FAR])
    values = sigma(ends)
    slopes = np.diff(values) / np.diff(ends)
    gamma = np.diff(slopes) / 2
    p = float(slopes[0] + slopes[-1]) / 2
    r = float(values[0] - gamma @ np.abs(ends[0] - kinks) - p * ends[0])
    t = np.linspace(ends[0] - FAR, ends[-1] + FAR, 257)  # on it, between all kinks and beyond them
    written = np.abs(t[:, None] - kinks) @ gamma + p * t + r
    if np.abs(sigma(t) - written).max() > 1e-12 * np.abs(written).max():
        raise InputError(f"a proof needs piecewise linear units, such as relu, found {sigma.name}")
    return kinks, gamma, p, r
