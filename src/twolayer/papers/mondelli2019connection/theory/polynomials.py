"""Corollary 1: which tensors must be hard to decompose for the bound of Theorem 2 to hold for every algorithm."""

from dataclasses import dataclass

from twolayer.activation import Activation
from twolayer.activation.polynomial import Polynomial
from twolayer.activation.scaled import Scaled
from twolayer.arrays import whole_number
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.mondelli2019connection.theory.separated_weights import Theorem2, theorem2

__all__ = ["Corollary1", "corollary1", "powers_of"]


@dataclass(frozen=True)
class Corollary1:
    """The bound of Theorem 2 as a statement about algorithms.

    If weights that satisfy (A1) to (A4) are ε-hard to learn from the tensors of these orders, then every estimate made
    by an algorithm of polynomial time has a risk of at least the bound.
    """

    tensors: tuple[int, ...]
    theorem2: Theorem2


def corollary1(truth: TwoLayerNetwork, order: int, epsilon: float, R: int) -> Corollary1:
    r"""Corollary 1: the bound for all algorithms of polynomial time, if decomposition is ε-hard.

    Parameters
    ----------
    truth : TwoLayerNetwork
        With a polynomial activation.
    order : int
        The ℓ ≥ 3. A polynomial of degree up to ℓ and of the parity of ℓ rests on :math:`T^{(\ell)}` alone; one of
        degree up to ℓ + 1, on :math:`T^{(\ell)}` and :math:`T^{(\ell+1)}`.
    epsilon : float
        The ε of the hardness.
    R : int
        Units of the estimate.

    Raises
    ------
    InputError
        If σ is not a polynomial, or of too high a degree for the order (the least order is named).
    """
    order = whole_number(order, "order", least=3)
    degree, parity = len(powers_of(truth.activation)) - 1, truth.activation.parity
    if degree > order + 1:
        raise InputError(
            f"tensors of order {order} and {order + 1} carry polynomials of degree up to {order + 1}, found degree"
            f" {degree}: take order {degree - 1} at least"
        )
    tensors = (order,) if parity == (-1) ** order else (order, order + 1)  # a degree of that parity is at most ℓ
    return Corollary1(tensors, theorem2(truth, epsilon, R))


def powers_of(sigma: Activation) -> tuple[float, ...]:
    """Coefficients of the ascending powers of a polynomial activation, stretched or not; InputError for any other."""
    factor = 1.0
    while isinstance(sigma, Scaled):
        factor *= sigma.factor
        sigma = sigma.base
    if not isinstance(sigma, Polynomial):
        raise InputError(f"the activation must be a polynomial, found {sigma.name}")
    return tuple(c * factor**j for j, c in enumerate(sigma.coefficients))
