"""An estimate beside the truth: what is known of it, and what the theorems say."""

from dataclasses import dataclass

from twolayer.network import TwoLayerNetwork
from twolayer.papers.mondelli2019connection.theory.random_weights import Theorem3, theorem3
from twolayer.papers.mondelli2019connection.theory.separated_weights import Theorem2, bound_of, violations_of
from twolayer.papers.mondelli2019connection.theory.weights import assumptions, correlation
from twolayer.risk import PopulationRisk, constant_predictor, population_risk

__all__ = ["Comparison", "comparison"]


@dataclass(frozen=True)
class Comparison:
    """An estimate beside the truth: its largest correlation, its exact risk, that of the best constant, the bounds."""

    epsilon: float
    risk: PopulationRisk
    constant_risk: float
    theorem2: Theorem2
    theorem3: Theorem3


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
    violations = violations_of(truth, weights, "truth") + violations_of(estimate, assumptions(estimate.W), "estimate")
    if truth.activation != estimate.activation:
        violations += (f"the estimate has {estimate.activation.name} units, the truth {truth.activation.name} units",)
    return Comparison(
        epsilon=epsilon,
        risk=risk,
        constant_risk=constant_predictor(truth).risk.value,
        theorem2=bound_of(truth, weights, epsilon, estimate.width, violations),
        theorem3=theorem3(truth, estimate, risk),
    )
