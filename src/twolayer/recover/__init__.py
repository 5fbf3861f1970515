"""From samples to a network and a certificate: one method, one file."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twolayer.activation import Activation
from twolayer.activation import activation as parse_activation
from twolayer.arrays import whole_number
from twolayer.errors import InputError
from twolayer.recover.judgement import judge
from twolayer.recover.portfolio import portfolio
from twolayer.recover.result import RecoveryError, Result, Step
from twolayer.sources import check_samples

__all__ = ["RECOVERIES", "RecoveryError", "Result", "Step", "recover"]


def recover(
    X: ArrayLike,
    y: ArrayLike,
    width: int,
    activation: str | Activation = "relu",
    *,
    bias: bool = False,
    method: str = "auto",
    rng: np.random.Generator | int | None = None,
    progress: Callable[[str, int, float], None] | None = None,
) -> Result:
    X, y = check_samples(X, y)
    width = whole_number(width, "width")
    sigma = parse_activation(activation)
    generator = np.random.default_rng(rng)
    began, history = time.perf_counter(), []

    def report(stage: str, step: int, loss: float) -> None:
        history.append(Step(stage, step, loss, time.perf_counter() - began))
        if progress is not None:
            progress(stage, step, loss)

    found = portfolio(X, y, width, sigma, has_bias=bias, rng=generator, report=report)
    network, status, certificate = judge(found)
    return Result(network, status, certificate, tuple(history))


RECOVERIES = {}
