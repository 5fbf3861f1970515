"""Theorem 3: random weights, whose baseline an estimate cannot beat unless it correlates with them."""

from dataclasses import dataclass
from math import log, sqrt

import numpy as np

from twolayer.network import TwoLayerNetwork
from twolayer.papers.mondelli2019connection.theory.separated_weights import low_coefficients
from twolayer.papers.mondelli2019connection.theory.weights import checked_weights, gram_blocks
from twolayer.risk import PopulationRisk, constant_predictor, population_risk, quadratic_predictor

__all__ = ["Theorem3", "theorem3"]


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
    coefficients = np.abs(low_coefficients(truth.activation))
    # of the coefficients of order 0 to 2: a second one below this is rounding, and none
    has_none = bool(coefficients[2] <= 1e-12 * coefficients.max())
    baseline = (constant_predictor(truth) if has_none else quadratic_predictor(truth)).risk.value
    cubes = sum(
        float(np.sum(gram**3)) for _, gram in gram_blocks(checked_weights(truth.W), checked_weights(estimate.W))
    )
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
