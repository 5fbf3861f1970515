"""An activation of a stretched argument."""

from dataclasses import dataclass

from numpy.typing import NDArray

from twolayer.activation.base import Activation, Reflection, finite
from twolayer.errors import InputError

__all__ = ["Scaled"]


@dataclass(frozen=True)
class Scaled(Activation):
    """Stretched argument: base(factor·t), as in tanh(5t/2), scaled(tanh,2.5).

    Parameters
    ----------
    base : Activation
    factor : float
        Above 0.

    Raises
    ------
    InputError
        If `base` is not an activation or `factor` is not a finite number above 0.
    """

    base: Activation
    factor: float
    keyword = "scaled"

    def __post_init__(self) -> None:
        if not isinstance(self.base, Activation):
            raise InputError(f"scaled takes an activation and a factor, got {str(self.base)!r} for the activation")
        object.__setattr__(self, "factor", finite(self.factor, "factor of scaled"))
        if self.factor <= 0:
            raise InputError(f"factor of scaled must be above 0, got {self.factor}")

    @property
    def degree(self) -> float | None:
        """The base's."""
        return self.base.degree

    @property
    def parity(self) -> int:
        """The base's."""
        return self.base.parity

    @property
    def reflection(self) -> Reflection:
        """The base's, its polynomial stretched too."""
        law = self.base.reflection
        return Reflection(law.sign, tuple(c * self.factor**j for j, c in enumerate(law.polynomial)))

    @property
    def powers(self) -> tuple[int, ...]:
        """The base's."""
        return self.base.powers

    @property
    def antiperiod(self) -> float | None:
        """The base's, shorter by the factor."""
        return None if self.base.antiperiod is None else self.base.antiperiod / self.factor

    @property
    def kinks(self) -> tuple[float, ...]:
        """The base's, closer by the factor."""
        return tuple(kink / self.factor for kink in self.base.kinks)

    def _value(self, t: NDArray) -> NDArray:
        return self.base._value(self.factor * t)

    def _derivative(self, t: NDArray) -> NDArray:
        return self.factor * self.base._derivative(self.factor * t)

    def _second_derivative(self, t: NDArray) -> NDArray:
        return self.factor**2 * self.base._second_derivative(self.factor * t)

    def _hermite_coefficients(self, order: int, scale: NDArray, shift: NDArray) -> NDArray:
        return self.base._hermite_coefficients(order, self.factor * scale, self.factor * shift)

    def _dual_kernel(self, uu: NDArray, uw: NDArray, ww: NDArray) -> NDArray:
        square = self.factor**2
        return square * self.base._dual_kernel(square * uu, square * uw, square * ww)
