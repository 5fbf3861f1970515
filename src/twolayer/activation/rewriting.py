"""Which activations are one function up to units and an affine part, so that a network can be written with either."""

from dataclasses import dataclass

import numpy as np

from twolayer.activation.base import Activation
from twolayer.activation.sigmoidal import Sigmoid, Tanh

__all__ = ["Rewriting", "is_bent", "rewriting"]


@dataclass(frozen=True)
class Rewriting:
    r"""The law :math:`\sigma(t) = \mathrm{factor}\,\sigma_2(\mathrm{scale}\,t) + \mathrm{constant} + \mathrm{slope} t`.

    A unit a σ(w·x + b) is the unit of outer weight factor a and row scale (w, b) of σ₂, beside the affine function
    a (constant + slope (w·x + b)).

    Attributes
    ----------
    factor, scale, constant, slope : float
    """

    factor: float = 1.0
    scale: float = 1.0
    constant: float = 0.0
    slope: float = 0.0


_LAWS = {
    (Tanh(), Sigmoid()): Rewriting(2.0, 2.0, -1.0),
    (Sigmoid(), Tanh()): Rewriting(0.5, 0.5, 0.5),
}


def is_bent(sigma: Activation) -> bool:
    """Whether σ is two half-lines that meet, at an angle, at 0: relu, leaky_relu, abs."""
    return sigma.degree == 1 and sigma.kinks == (0.0,)


def rewriting(sigma: Activation, other: Activation) -> Rewriting | None:
    """How σ is written with another activation; None where no such law is known.

    It is known of an activation and itself, of tanh(t) = 2 sigmoid(2t) - 1, and of any two of two half-lines: relu,
    leaky_relu and abs.

    Parameters
    ----------
    sigma, other : Activation
    """
    if sigma == other:
        return Rewriting()
    if is_bent(sigma) and is_bent(other):
        (left, right), (its_left, its_right) = _slopes(sigma), _slopes(other)
        factor = (right - left) / (its_right - its_left)
        return Rewriting(factor, slope=right - factor * its_right)
    return _LAWS.get((sigma, other))


def _slopes(sigma: Activation) -> tuple[float, float]:
    left, right = sigma(np.array([-1.0, 1.0]))
    return -float(left), float(right)
