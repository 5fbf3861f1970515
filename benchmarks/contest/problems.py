"""The problems: what is planted, and from how many rows it is to be found."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.network import TwoLayerNetwork
from twolayer.teachers import conditioned, gaussian_samples, random_units

KAPPA = 2.0


@dataclass(frozen=True)
class Problem:
    """A network and n Gaussian inputs, without noise.

    Of the conditioned law (κ = 2, output weights ±1, no biases), or, with biases on [-B, B] or more units than inputs,
    with random unit rows and output weights of magnitude on [1/2, 2], or, of several outputs, Gaussian.
    """

    activation: str
    d: int
    k: int
    n: int
    bias: float = 0.0
    outputs: int = 1

    @property
    def name(self) -> str:
        biases = f"-bias-{self.bias:g}" if self.bias else ""
        outputs = f"-outputs-{self.outputs}" if self.outputs > 1 else ""
        return f"{self.activation}-{self.d}-{self.k}-{self.n}{biases}{outputs}"

    def draw(self, seed: int) -> tuple[TwoLayerNetwork, NDArray, NDArray]:
        """The planted network and its samples."""
        network, samples = np.random.default_rng(seed).spawn(2)
        if self.bias or self.k > self.d:
            teacher = random_units(self.d, self.k, self.bias, self.activation, network, self.outputs)
        else:
            teacher = conditioned(self.d, self.k, KAPPA, self.activation, rng=network)
        return teacher, *gaussian_samples(teacher, self.n, rng=samples)


PAPER = tuple(Problem("squared_relu", d, 5, n) for d, n in ((10, 1_000), (50, 5_000), (100, 10_000)))
SMALL_PAPER = tuple(Problem("squared_relu", d, 5, n) for d, n in ((10, 100), (50, 500), (100, 1_000)))
RELU = tuple(
    Problem("relu", d, k, n)
    for d, k, n in ((50, 5, 2_000), (50, 20, 8_000), (100, 20, 20_000), (100, 50, 40_000), (500, 50, 100_000))
)
PROBLEMS = {problem.name: problem for problem in SMALL_PAPER + PAPER + RELU}
SMOKE = Problem("squared_relu", 6, 2, 300)
BIASED = {problem.name: problem for problem in (Problem("relu", 10, 5, 20_000, bias=1.0),)}
BIASED_SMOKE = Problem("relu", 4, 2, 2_000, bias=1.0)
CROWDED = {
    problem.name: problem
    for problem in (
        *(Problem("tanh", 20, 60, n) for n in (20_000, 5_000, 3_000, 2_000)),
        Problem("relu", 10, 50, 20_000, bias=1.0),
    )
}
CROWDED_SMOKE = Problem("tanh", 3, 7, 1_000)
SHARING = {
    problem.name: problem
    for problem in (
        Problem("relu", d, k, n, bias=1.0, outputs=10)
        for d, k, n in ((20, 10, 2_000), (50, 20, 10_000), (100, 36, 40_000), (10, 30, 6_000))
    )
}
SHARING_SMOKE = Problem("relu", 4, 2, 500, bias=1.0, outputs=3)
