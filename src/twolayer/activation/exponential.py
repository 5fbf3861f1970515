"""Linear to the right of zero, and an exponential that levels off to the left: elu and selu."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation.base import Activation, Reflection, finite
from twolayer.errors import InputError

__all__ = ["ELU", "SELU"]


class _Levelling(Activation):
    r"""factor·t where t > 0, factor·alpha·(exp(t) - 1) elsewhere."""

    alpha: float
    factor: float = 1.0
    kinks = (0.0,)
    reflection = Reflection(0)

    def _value(self, t: NDArray) -> NDArray:
        return self.factor * np.where(t > 0, t, self.alpha * np.expm1(np.minimum(t, 0)))

    def _derivative(self, t: NDArray) -> NDArray:
        return self.factor * np.where(t > 0, np.ones_like(t), self.alpha * np.exp(np.minimum(t, 0)))

    def _second_derivative(self, t: NDArray) -> NDArray:
        return self.factor * np.where(t > 0, np.zeros_like(t), self.alpha * np.exp(np.minimum(t, 0)))


@dataclass(frozen=True)
class ELU(_Levelling):
    """Exponential linear unit: t where t > 0, alpha·(exp(t) - 1) elsewhere.

    Parameters
    ----------
    alpha : float
        Any finite number but 0.

    Raises
    ------
    InputError
        If alpha is not a finite number, or is 0, which makes it the rectifier.
    """

    alpha: float = 1.0
    keyword = "elu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", finite(self.alpha, "alpha of elu"))
        if self.alpha == 0:
            raise InputError("elu of alpha 0 is the rectifier: ask for 'relu'")


@dataclass(frozen=True)
class SELU(_Levelling):
    """Scaled exponential linear unit: 1.0507·elu(t) with alpha = 1.6733, as Klambauer et al. (2017) chose them."""

    keyword = "selu"
    # for which mean 0 and variance 1 are a fixed point, to the digits that every library has
    alpha = 1.6732632423543772848170429916717
    factor = 1.0507009873554804934193349852946
