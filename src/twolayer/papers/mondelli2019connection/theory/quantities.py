"""What the paper says of one network, by name."""

from dataclasses import asdict
from typing import Any

from twolayer.network import TwoLayerNetwork
from twolayer.papers.mondelli2019connection.theory.separated_weights import theorem2
from twolayer.papers.mondelli2019connection.theory.weights import assumptions
from twolayer.risk import constant_predictor, norm_only_predictor, quadratic_predictor

__all__ = ["quantities"]


def quantities(network: TwoLayerNetwork) -> dict[str, Any]:
    """(A1) to (A4), what the predictors that know no unit achieve, and Theorem 2 for estimates that know none.

    The estimates have as many units as the network, of a correlation of at most d^(-1/2) with it.
    """
    found: dict[str, Any] = asdict(assumptions(network.W))
    for name, predictor in (
        ("constant_risk", constant_predictor),
        ("norm_only_risk", norm_only_predictor),
        ("quadratic_risk", quadratic_predictor),
    ):
        found[name] = predictor(network).risk.value
    bound = theorem2(network, network.dim**-0.5, network.width)
    return found | {
        "epsilon": bound.epsilon,
        "c1": bound.c1,
        "c2": bound.c2,
        "theorem2_bound": bound.bound,
        "theorem2_violations": "; ".join(bound.violations) or "none",
    }
