r"""On the connection between learning two-layer neural networks and tensor decomposition (mondelli2019connection).

Its networks are :math:`y(x) = \sum_{i=1}^r \sigma(w_i\cdot x)` with units of norm one and x ~ N(0, I). It says that an
estimate :math:`\hat y(x) = \sum_{i=1}^R \sigma(\hat w_i\cdot x)` none of whose units correlates with a true one
predicts hardly better than a predictor that does not know the units at all. In this library's names r is m and the w_i
are the rows of W; output weights are 1.

- `assumptions`: (A1) to (A4) of given weights, with their δ, η_avg and η_var;
- `theorem2_terms`, `theorem2`: separated isotropic weights, c_1, c_2, the bound, and whether its hypotheses hold;
- `theorem3`: random weights; its η is not explicit, so what is computed is the smallest η that an estimate shows;
- `corollary1`: which tensors must be hard to decompose for the bound of Theorem 2 to hold for every algorithm;
- `comparison`: for an estimate, its largest correlation with the truth, its exact risk, and the bound, side by side.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.activation import Activation
from twolayer.activation.polynomial import Polynomial
from twolayer.activation.scaled import Scaled
from twolayer.arrays import frozen_array, real_number, whole_number
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.risk import PopulationRisk, constant_predictor, norm_only_predictor, population_risk, quadratic_predictor

__all__ = [
    "Assumptions",
    "Comparison",
    "Corollary1",
    "Theorem2",
    "Theorem3",
    "assumptions",
    "comparison",
    "corollary1",
    "correlation",
    "theorem2",
    "theorem2_terms",
    "theorem3",
]

Matrix = NDArray[np.float64]

_BLOCK = 1024
_UNIT = 1e-9  # how far a norm may be from one
_ZERO = 1e-12  # of the coefficients of order 0 to 2: a second one below this is none


@dataclass(frozen=True)
class Assumptions:
    r"""The least numbers for which weights satisfy (A1) to (A4).

    Attributes
    ----------
    r, d : int
        Units and inputs.
    norm_error : float
        (A1) wants 0: :math:`\max_i |\|w_i\| - 1|`.
    delta : float
        (A2): :math:`\max_{i\ne j} |\langle w_i, w_j\rangle|`; 0 for one unit.
    eta_avg : float
        (A3): :math:`\|\sum_i w_i\|^2 / r`.
    eta_var : float
        (A4): :math:`\|\sum_i w_iw_i^\top - \tfrac rd I\|_{op}\; d/r`.
    """

    r: int
    d: int
    norm_error: float
    delta: float
    eta_avg: float
    eta_var: float

    @property
    def has_unit_norms(self) -> bool:
        """Whether (A1) holds, to rounding."""
        return self.norm_error <= _UNIT


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


@dataclass(frozen=True)
class Theorem3:
    r"""What Theorem 3 speaks of, for given weights and an estimate.

    Attributes
    ----------
    baseline : float
        Var y where :math:`\hat\sigma_2 = 0`, Eq. (14); else the risk of the best :math:`a + \langle x, Ax\rangle`,
        Eq. (15).
    has_no_second_order : bool
        Whether :math:`\hat\sigma_2 = 0`.
    units_over_d_three_halves, units_over_d_squared : float
        :math:`r/d^{3/2}`, beyond which decomposing the third-order tensor is conjectured hard, and
        :math:`r(\log d)^2/d^2`, which the theorem wants to vanish.
    third_order_correlation : float
        :math:`\sum_{ij}\langle w_i, \hat w_j\rangle^3/R`, which the proof shows to vanish.
    eta : float
        The smallest η ≥ 0 with :math:`(\text{baseline} - r\eta)(1 - \tfrac Rr\eta) \le` risk.
    """

    baseline: float
    has_no_second_order: bool
    units_over_d_three_halves: float
    units_over_d_squared: float
    third_order_correlation: float
    eta: float


@dataclass(frozen=True)
class Corollary1:
    """The bound of Theorem 2 as a statement about algorithms.

    If weights that satisfy (A1) to (A4) are ε-hard to learn from the tensors of these orders, then every estimate made
    by an algorithm of polynomial time has a risk of at least the bound.
    """

    tensors: tuple[int, ...]
    theorem2: Theorem2


@dataclass(frozen=True)
class Comparison:
    """An estimate beside the truth: its largest correlation, its exact risk, that of the best constant, the bounds."""

    epsilon: float
    risk: PopulationRisk
    constant_risk: float
    theorem2: Theorem2
    theorem3: Theorem3


def assumptions(W: ArrayLike) -> Assumptions:
    r"""Measure (A1) to (A4) of weights W (r, d), one row a unit; time O(r² d), memory O(r (d + 1000)).

    The paper's examples measure up to less than it allows them: centred and rescaled unit vectors have
    :math:`\delta = 1/(d-1)` and :math:`\eta_{var} = 1`.

    Raises
    ------
    InputError
        If `W` is not a finite matrix with at least one row and one column.
    """
    W = _weights(W)
    r, d = W.shape
    delta = 0.0
    for start, gram in _gram_blocks(W, W):
        gram[np.arange(len(gram)), start + np.arange(len(gram))] = 0.0
        delta = max(delta, float(np.abs(gram).max()))
    covariance = W.T @ W - r / d * np.eye(d)
    return Assumptions(
        r=r,
        d=d,
        norm_error=float(np.abs(np.linalg.norm(W, axis=1) - 1).max()),
        delta=delta,
        eta_avg=float(np.sum(W.sum(axis=0) ** 2)) / r,
        eta_var=float(np.linalg.norm(covariance, 2)) * d / r,
    )


def correlation(W: ArrayLike, What: ArrayLike) -> float:
    r"""Largest correlation :math:`\varepsilon = \max_{ij}|\langle w_i, \hat w_j\rangle|` between rows."""
    W, What = _weights(W), _weights(What)
    return max(float(np.abs(gram).max()) for _, gram in _gram_blocks(W, What))


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
    left = 1 - weights.delta**power * spread * r / d
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
    return _theorem2(truth, weights, epsilon, R, _violations(truth, weights, "truth"))


def theorem3(truth: TwoLayerNetwork, estimate: TwoLayerNetwork, risk: PopulationRisk | None = None) -> Theorem3:
    r"""Quantities of Theorem 3 for the truth and an estimate.

    The theorem says of weights from `twolayer.teachers.centred_units` that, where no unit of the estimate correlates
    with one of the truth, the risk is at least :math:`(\text{baseline} - r\eta)(1 - \tfrac Rr\eta)` with
    :math:`\eta\to0` as d → ∞, at :math:`r = o(d^2/\log^2 d)`. (In the text's (14) and (15) the bound is written for the
    supremum over such estimates; it is meant for each of them.)

    Parameters
    ----------
    truth, estimate : TwoLayerNetwork
    risk : PopulationRisk, optional
        That of the estimate, where it is at hand.
    """
    risk = population_risk(truth, estimate) if risk is None else risk
    r, d, R = truth.width, truth.dim, estimate.width
    coefficients = np.abs(_normalised(truth.activation))
    has_none = bool(coefficients[2] <= _ZERO * coefficients.max())
    baseline = (constant_predictor(truth) if has_none else quadratic_predictor(truth)).risk.value
    cubes = sum(float(np.sum(gram**3)) for _, gram in _gram_blocks(_weights(truth.W), _weights(estimate.W)))
    both = r + baseline * R / r
    root = sqrt((r - baseline * R / r) ** 2 + 4 * R * risk.value)
    return Theorem3(
        baseline=baseline,
        has_no_second_order=has_none,
        units_over_d_three_halves=r / d**1.5,
        units_over_d_squared=r * log(d) ** 2 / d**2,
        third_order_correlation=cubes / R,
        eta=max(0.0, (both - root) / (2 * R)),
    )


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
    degree, parity = _degree(truth.activation), truth.activation.parity
    if degree > order + 1:
        raise InputError(
            f"tensors of order {order} and {order + 1} carry polynomials of degree up to {order + 1}, found degree"
            f" {degree}: take order {degree - 1} at least"
        )
    tensors = (order,) if parity == (-1) ** order else (order, order + 1)  # a degree of that parity is at most ℓ
    return Corollary1(tensors, theorem2(truth, epsilon, R))


def comparison(truth: TwoLayerNetwork, estimate: TwoLayerNetwork) -> Comparison:
    """Put an estimate beside the truth: its largest correlation, its exact risk, and what the theorems say of it.

    Parameters
    ----------
    truth, estimate : TwoLayerNetwork
        On the same inputs, each with at least one unit.

    Returns
    -------
    Comparison
        The risk is exact whatever the networks; whether the bound applies to them is in ``theorem2.violations``.

    Raises
    ------
    InputError
        If they have not the same inputs, or one has no unit.
    """
    risk = population_risk(truth, estimate)
    epsilon = correlation(truth.W, estimate.W)
    weights = assumptions(truth.W)
    violations = _violations(truth, weights, "truth") + _violations(estimate, assumptions(estimate.W), "estimate")
    if truth.activation != estimate.activation:
        violations += (f"the estimate has {estimate.activation.name} units, the truth {truth.activation.name} units",)
    return Comparison(
        epsilon=epsilon,
        risk=risk,
        constant_risk=constant_predictor(truth).risk.value,
        theorem2=_theorem2(truth, weights, epsilon, estimate.width, violations),
        theorem3=theorem3(truth, estimate, risk),
    )


def _theorem2(
    truth: TwoLayerNetwork, weights: Assumptions, epsilon: float, R: int, violations: tuple[str, ...]
) -> Theorem2:
    _, first, second = _normalised(truth.activation)
    is_even = truth.activation.parity == 1
    left = 1 - weights.delta * (1 + weights.eta_var) * weights.r / weights.d
    if left < 0:
        violations += (f"1 - δ(1 + η_var)r/d must not be negative, found {left:.3g}",)
    c1, c2 = theorem2_terms(float(first), float(second), weights, epsilon, R, is_even)
    norm_only = norm_only_predictor(truth).risk.value
    bound = max(norm_only - c1, 0.0) * (1 - c2) if c2 < 1 else 0.0
    return Theorem2(epsilon, is_even, c1, c2, norm_only, bound, violations)


def _violations(network: TwoLayerNetwork, weights: Assumptions, name: str) -> tuple[str, ...]:
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


def _normalised(sigma: Activation) -> NDArray[np.float64]:
    r"""Coefficients :math:`\hat\sigma_k = \mathbb E[\sigma(g) He_k(g)]/\sqrt{k!}` of Eq. (5), k = 0, 1, 2."""
    return sigma.hermite_coefficients(2) / np.sqrt([1.0, 1.0, 2.0])


def _degree(sigma: Activation) -> int:
    while isinstance(sigma, Scaled):
        sigma = sigma.base
    if not isinstance(sigma, Polynomial):
        raise InputError(f"the corollary is on polynomial activations, found {sigma.name}")
    return len(sigma.coefficients) - 1


def _weights(W: ArrayLike) -> Matrix:
    W = frozen_array(W, "W", 2)
    if 0 in W.shape:
        raise InputError(f"W must have at least one row and one column, found shape {W.shape}")
    return W


def _gram_blocks(W: Matrix, V: Matrix) -> Iterator[tuple[int, Matrix]]:
    """Inner products of all rows of V with a block of rows of W at a time, and where the block starts."""
    for start in range(0, len(W), _BLOCK):
        yield start, W[start : start + _BLOCK] @ V.T
