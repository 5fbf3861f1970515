"""Theorem 2: separated isotropic weights, c_1, c_2, the bound, and whether its hypotheses hold."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.arrays import real_number, whole_number
from twolayer.network import TwoLayerNetwork
from twolayer.papers.mondelli2019connection.theory.weights import Assumptions, assumptions
from twolayer.risk import norm_only_predictor

__all__ = ["Theorem2", "bound_of", "low_coefficients", "theorem2", "theorem2_terms", "violations_of"]


@dataclass(frozen=True)
class Theorem2:
    r"""The bound of Theorem 2, :math:`(\text{norm-only risk} - c_1)(1 - c_2)`, and what is in its way.

    Attributes
    ----------
    epsilon : float
        The largest correlation that an estimate may have with the truth.
    is_even : bool
        Whether c_1 and c_2 are those of even activations, Eq. (10), or of all, Eq. (9).
    c1, c2 : float
        c_2 is infinite where its denominator is not positive.
    norm_only_risk : float
        :math:`\min_{a,b} \mathbb E|y(x) - (a + b\|x\|^2)|^2`.
    bound : float
        0 unless both factors are positive: where both are negative their product says nothing.
    violations : tuple of str
        Hypotheses that do not hold, in words.
    """

    epsilon: float
    is_even: bool
    c1: float
    c2: float
    norm_only_risk: float
    bound: float
    violations: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether all hypotheses do."""
        return not self.violations


def theorem2_terms(
    first: float, second: float, weights: Assumptions, epsilon: float, R: int, is_even: bool
) -> tuple[float, float]:
    r"""Terms c_1 and c_2 of Theorem 2, from the coefficients :math:`\hat\sigma_1, \hat\sigma_2` of σ.

    .. math:: c_1 = 2\hat\sigma_1^2\,\eta_{avg}\,r + 2\hat\sigma_2^2\,\eta_{var}^2\,\frac{r^2}{d}, \qquad
        c_2 = \frac{2\varepsilon(1+\eta_{var})R/d}{1 - \delta(1+\eta_{var})r/d}; \tag{9}

    for even σ, where :math:`\hat\sigma_1 = 0` and the first order beyond the second is the fourth, ε² and δ² take the
    places of ε and δ (10). With a denominator that is not positive, c_2 is infinite.
    """
    r, d, spread = weights.r, weights.d, 1 + weights.eta_var
    power = 2 if is_even else 1
    c1 = 2 * second**2 * weights.eta_var**2 * r**2 / d + (0.0 if is_even else 2 * first**2 * weights.eta_avg * r)
    left = _denominator(weights, power)
    return c1, 2 * epsilon**power * spread * R / d / left if left > 0 else np.inf


def theorem2(truth: TwoLayerNetwork, epsilon: float, R: int) -> Theorem2:
    r"""Lower bound on the risk of every estimate of R units that has at most ε-correlation with the truth, Theorem 2.

    The form for even σ is taken where σ is even. The hypotheses are on the truth; those on an estimate, R units of norm
    one with output weights 1 and no more, are checked by `comparison`.

    Parameters
    ----------
    truth : TwoLayerNetwork
    epsilon : float
        At least 0.
    R : int

    Returns
    -------
    Theorem2

    Raises
    ------
    InputError
        If the truth has no unit, epsilon is negative or R is below 1.
    """
    epsilon, R = real_number(epsilon, "epsilon", least=0), whole_number(R, "R")
    weights = assumptions(truth.W)
    return bound_of(truth, weights, epsilon, R, violations_of(truth, weights, "truth"))


def _denominator(weights: Assumptions, power: int) -> float:
    """What c_2 divides by; with power 1, what the hypotheses want not to be negative."""
    return 1 - weights.delta**power * (1 + weights.eta_var) * weights.r / weights.d


def bound_of(
    truth: TwoLayerNetwork, weights: Assumptions, epsilon: float, R: int, violations: tuple[str, ...]
) -> Theorem2:
    """Theorem 2 from what is measured of the truth, its violations and those found before."""
    _, first, second = low_coefficients(truth.activation)
    is_even = truth.activation.parity == 1
    if (left := _denominator(weights, 1)) < 0:
        violations += (f"1 - δ(1 + η_var)r/d must not be negative, found {left:.3g}",)
    c1, c2 = theorem2_terms(float(first), float(second), weights, epsilon, R, is_even)
    norm_only = norm_only_predictor(truth).risk.value
    bound = max(norm_only - c1, 0.0) * (1 - c2) if c2 < 1 else 0.0
    return Theorem2(epsilon, is_even, c1, c2, norm_only, bound, violations)


def violations_of(network: TwoLayerNetwork, weights: Assumptions, name: str) -> tuple[str, ...]:
    """What keeps a network from being one of the paper's, in words."""
    found = []
    if not weights.has_unit_norms:
        found.append(f"(A1) the units of the {name} must have norm one, found one off by {weights.norm_error:.3g}")
    if (network.a != 1).any():
        found.append(f"the output weights of the {name} must be 1, found {network.a[network.a != 1][0]:.6g}")
    if network.has_bias:
        found.append(f"the {name} must have no biases")
    if network.polynomial is not None:
        found.append(f"the {name} must have no polynomial part")
    return tuple(found)


def low_coefficients(sigma: Activation) -> NDArray[np.float64]:
    r"""Coefficients :math:`\hat\sigma_k = \mathbb E[\sigma(g) He_k(g)]/\sqrt{k!}` of Eq. (5), k = 0, 1, 2."""
    return sigma.hermite_coefficients(2) / np.sqrt([1.0, 1.0, 2.0])
