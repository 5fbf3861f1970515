"""What the experiments of section 7 share: how the truth is planted, and what they are made of."""

from typing import Annotated

import msgspec
import numpy as np
from numpy.typing import NDArray

from twolayer.experiments.figure import Cell, Config
from twolayer.network import TwoLayerNetwork
from twolayer.teachers import conditioned, gaussian_samples

__all__ = ["Count", "Counts", "Problem", "growth", "planted"]

Count = Annotated[int, msgspec.Meta(ge=1, le=10**7)]
Counts = Annotated[tuple[Count, ...], msgspec.Meta(min_length=1)]


class Problem(Config, frozen=True, kw_only=True):
    """The planted network: its width k and condition number κ."""

    width: Count = 5
    kappa: Annotated[float, msgspec.Meta(ge=1, le=1e6)] = 2.0

    def require_room(self, dims: tuple[int, ...], samples: tuple[int, ...]) -> None:
        """Refuse sizes that the moments, or the recovery, have no meaning for."""
        if self.width > min(dims):
            raise ValueError(f"width must be at most the least number of inputs, {min(dims)}, found {self.width}")
        least = self.width * max(dims) + 1
        if min(samples) < least:
            raise ValueError(f"samples must be at least {least}, one more than the parameters, found {min(samples)}")


def planted(cell: Cell, rng: np.random.Generator) -> tuple[TwoLayerNetwork, NDArray, NDArray]:
    """Draw the truth, squared ReLU, and samples of it."""
    truth = conditioned(cell["d"], cell["width"], cell["kappa"], "squared_relu", rng)
    return truth, *gaussian_samples(truth, cell["n"], rng)


def growth(power: float) -> str:
    """Put a growth like a power of d into words, and whether that is the paper's "about proportional"."""
    # the exponent of the text, give or take 0.4: a fit to a few sizes is no closer
    least, most = (0.6, 1.4)
    agrees = "agrees" if least <= power <= most else "does not agree"
    return (
        f"d^{power:.2f}, which {agrees} with the paper's d^1 (exponents from {least:g} to {most:g} count as agreement)"
    )
