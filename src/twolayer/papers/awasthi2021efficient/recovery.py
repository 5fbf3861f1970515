"""The paper's algorithm as a method of `recover`: what it finds is judged as it is."""

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.model.problem import UnitsProblem
from twolayer.papers.awasthi2021efficient.algorithm import recover_awasthi2021
from twolayer.refine.fit import Fit, Report
from twolayer.search.portfolio import Found

__all__ = ["recovery"]


def recovery(
    X: NDArray,
    y: NDArray,
    width: int,
    activation: Activation,
    *,
    has_bias: bool,
    rounding: float,  # noqa: ARG001 - of the labels; every method is told
    rng: np.random.Generator,
    report: Report,
) -> Found:
    """The robust algorithm of the paper; its m + 2 units are judged as they are, without further refinement."""
    if activation.name != "relu" or not has_bias:
        raise InputError("the method awasthi2021efficient is for ReLU units with biases; use the method auto")
    network, _ = recover_awasthi2021(X, y, width, rng=rng)
    network = network.balanced()
    problem = UnitsProblem(X, y, network.activation, network.width, signs=np.sign(network.a), has_bias=True)
    point = problem.join(np.column_stack([network.W, network.b]))
    loss = problem.loss(point) / float(y.astype(np.float64) @ y)
    report("least squares", 0, loss)
    return Found(Fit(problem, point, loss), None, None, None, None)
