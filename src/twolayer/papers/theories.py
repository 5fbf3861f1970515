"""The table of papers: what each says of one network."""

from typing import Any

import numpy as np

from twolayer.entry import Entry, table
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork

__all__ = ["THEORIES", "Theory"]


class Theory(Entry):
    """A paper; to call it with a network is to ask what it says of that, a dict of named numbers, arrays and sentences.

    All of these papers speak of one output. Numbers beyond floating point come out infinite or NaN where they stand alone, and are an InputError where another
    one is computed from them; so is a network of which the paper does not speak.
    """

    def __call__(self, network: TwoLayerNetwork) -> dict[str, Any]:
        """Evaluate the paper for a network."""
        if network.n_outputs > 1:
            raise InputError(
                f"the statements of {self.name} are for one output, found {network.n_outputs}: take one of them,"
                " network.output(j)"
            )
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                found: dict[str, Any] = self.function(network)
                return found
        except (ArithmeticError, np.linalg.LinAlgError) as failure:
            raise InputError(
                f"what the paper says of this network is beyond floating point ({failure}): give it in another unit"
            ) from failure


# imported when they are asked for, so that it is quick to list them
THEORIES: dict[str, Theory] = table(
    Theory(
        "zhong2017recovery",
        "twolayer.papers.zhong2017recovery.theory:quantities",
        "conditioning, curvature and moments: whether the network can be recovered",
    ),
    Theory(
        "awasthi2021efficient",
        "twolayer.papers.awasthi2021efficient.theory:quantities",
        "units with biases: which tensors show them, and which signs cannot be known",
    ),
    Theory(
        "mondelli2019connection",
        "twolayer.papers.mondelli2019connection.theory:quantities",
        "separation and isotropy of the units, and the risk of whoever does not know them",
    ),
    Theory(
        "daniely2020hardness",
        "twolayer.papers.daniely2020hardness.theory:quantities",
        "the norms of inputs on which networks of such random weights are hard to learn",
    ),
    Theory(
        "e2021hardness",
        "twolayer.papers.e2021hardness.theory:quantities",
        "path norm, Barron norm, and how little the gradient says of a parity",
    ),
)
