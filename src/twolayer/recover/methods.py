"""The table of recovery methods."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.recover.fit import Fit, Report
from twolayer.recover.portfolio import Found, portfolio
from twolayer.refine import UnitsProblem

__all__ = ["RECOVERIES", "Recovery"]


@dataclass(frozen=True)
class Recovery:
    """A method and what to say of it in one line.

    Attributes
    ----------
    function : callable
        Called with (X, y, width, activation) and the keywords has_bias, rounding, rng and report; returns where its
        search ended.
    summary : str
    """

    function: Callable[..., Found]
    summary: str


def _zhong2017recovery(
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
    from twolayer.recover.zhong2017recovery import recover_zhong2017  # with what it needs, only for those who study it

    if has_bias:
        raise InputError("the method zhong2017recovery knows no biases; use the method auto")
    network, learning = recover_zhong2017(X, y, width, activation, rng=rng)
    energy = float(y.astype(np.float64) @ y)
    for step, risk in enumerate(learning.risks):
        report("gradient descent", step, 2 * len(y) * float(risk) / energy)
    problem = UnitsProblem(X, y, network.activation, network.width, signs=np.sign(network.a))
    point = problem.join(network.balanced().W)
    return Found(Fit(problem, point, problem.loss(point) / energy), None, None, None, None)


def _awasthi2021efficient(
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
    from twolayer.recover.awasthi2021efficient import recover_awasthi2021  # as above

    if activation.name != "relu" or not has_bias:
        raise InputError("the method awasthi2021efficient is for ReLU units with biases; use the method auto")
    network, _ = recover_awasthi2021(X, y, width, rng=rng)
    network = network.balanced()
    problem = UnitsProblem(X, y, network.activation, network.width, signs=np.sign(network.a), has_bias=True)
    point = problem.join(np.column_stack([network.W, network.b]))
    loss = problem.loss(point) / float(y.astype(np.float64) @ y)
    report("least squares", 0, loss)
    return Found(Fit(problem, point, loss), None, None, None, None)


RECOVERIES: dict[str, Recovery] = {
    "auto": Recovery(
        portfolio, "moments, lifted Gauss-Newton, exchange of units; stops at a certificate (the default)"
    ),
    "unlifted": Recovery(
        partial(portfolio, is_lifted=False), "the default without its lift, to see what the lift is worth"
    ),
    "zhong2017recovery": Recovery(
        _zhong2017recovery, "tensor initialization and gradient descent, faithful to the paper"
    ),
    "awasthi2021efficient": Recovery(
        _awasthi2021efficient, "tensors of two orders, then least squares on m + 2 ReLU units, faithful to the paper"
    ),
}
