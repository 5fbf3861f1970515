"""The paper's algorithm as a method of `recover`: what it finds is judged as it is."""

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.model.problem import UnitsProblem
from twolayer.papers.zhong2017recovery.algorithm import recover_zhong2017
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
    """Algorithms 1 and 2 of the paper; what they return is judged as it is, without further refinement."""
    if has_bias:
        raise InputError("the method zhong2017recovery knows no biases; use the method auto")
    network, learning = recover_zhong2017(X, y, width, activation, rng=rng)
    energy = float(y.astype(np.float64) @ y)
    for step, risk in enumerate(learning.risks):
        report("gradient descent", step, 2 * len(y) * float(risk) / energy)
    problem = UnitsProblem(X, y, network.activation, network.width, signs=np.sign(network.a))
    point = problem.join(network.balanced().W)
    return Found(Fit(problem, point, problem.loss(point) / energy), None, None, None, None)
