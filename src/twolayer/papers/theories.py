"""The table of papers: what each says of one network."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.awasthi2021efficient import theory as awasthi2021efficient
from twolayer.papers.daniely2020hardness import theory as daniely2020hardness
from twolayer.papers.e2021hardness import theory as e2021hardness
from twolayer.papers.mondelli2019connection.theory import assumptions, theorem2
from twolayer.papers.zhong2017recovery import theory as zhong2017recovery
from twolayer.risk import constant_predictor, norm_only_predictor, quadratic_predictor

__all__ = ["THEORIES", "Theory"]


@dataclass(frozen=True)
class Theory:
    """A paper: what it says of one network, by name.

    Attributes
    ----------
    evaluate : callable
        ``evaluate(network) -> dict`` of named numbers, arrays and sentences; InputError where the paper does not speak
        of such a network.
    summary : str
    """

    evaluate: Callable[[TwoLayerNetwork], dict[str, Any]]
    summary: str

    def function(self, network: TwoLayerNetwork) -> dict[str, Any]:
        """Evaluate the paper for a network.

        Numbers beyond floating point come out infinite or NaN where they stand alone, and are an InputError where
        another one is computed from them.
        """
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                return self.evaluate(network)
        except (ArithmeticError, np.linalg.LinAlgError) as failure:
            raise InputError(
                f"what the paper says of this network is beyond floating point ({failure}): give it in another unit"
            ) from failure


def _mondelli2019connection(network: TwoLayerNetwork) -> dict[str, Any]:
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


THEORIES: dict[str, Theory] = {
    "zhong2017recovery": Theory(
        zhong2017recovery.quantities, "conditioning, curvature and moments: whether the network can be recovered"
    ),
    "awasthi2021efficient": Theory(
        awasthi2021efficient.quantities, "units with biases: which tensors show them, and which signs cannot be known"
    ),
    "mondelli2019connection": Theory(
        _mondelli2019connection, "separation and isotropy of the units, and the risk of whoever does not know them"
    ),
    "daniely2020hardness": Theory(
        daniely2020hardness.quantities, "the norms of inputs on which networks of such random weights are hard to learn"
    ),
    "e2021hardness": Theory(
        e2021hardness.quantities, "path norm, Barron norm, and how little the gradient says of a parity"
    ),
}
