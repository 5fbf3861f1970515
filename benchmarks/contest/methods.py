"""The methods: the library's, and those it is measured against."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from contest.adam import IS_INSTALLED, adam
from contest.lbfgs import lbfgs
from contest.least_squares import Clock, LeastSquares
from contest.levenberg_marquardt import levenberg_marquardt
from contest.mlp import mlp
from contest.shared import SHARED, SharedLeastSquares
from twolayer.activation import activation as parse_activation
from twolayer.network import TwoLayerNetwork
from twolayer.recover import recover

Method = Callable[[NDArray, NDArray, int, str, Clock, np.random.Generator, bool], TwoLayerNetwork]
Peer = Callable[[LeastSquares, np.random.Generator], TwoLayerNetwork]


def _library(
    X: NDArray,
    y: NDArray,
    width: int,
    activation: str,
    clock: Clock,
    rng: np.random.Generator,
    has_bias: bool,
    *,
    method: str,
) -> TwoLayerNetwork:
    """The whole call, certificate included; the clock hears of every step."""

    def watch(stage: str, _step: int, loss: float) -> None:
        if stage not in stages:
            stages.add(stage)
            clock.starts += " start: " in stage
        clock.record(loss)

    stages: set[str] = set()
    return recover(X, y, width, activation, bias=has_bias, method=method, rng=rng, progress=watch).unwrap()


def _peer(
    X: NDArray,
    y: NDArray,
    width: int,
    activation: str,
    clock: Clock,
    rng: np.random.Generator,
    has_bias: bool,
    *,
    minimise: Peer,
    times: int = 1,
) -> TwoLayerNetwork:
    if y.ndim == 2:
        return SHARED[minimise.__name__](SharedLeastSquares(X, y, width, parse_activation(activation), clock), rng)
    return minimise(LeastSquares(X, y, times * width, parse_activation(activation), clock, has_bias), rng)


REFERENCE = "recover"
METHODS: dict[str, Method] = {
    REFERENCE: partial(_library, method="auto"),
    "recover, lift off": partial(_library, method="unlifted"),
    "L-BFGS": partial(_peer, minimise=lbfgs),
    "Levenberg-Marquardt": partial(_peer, minimise=levenberg_marquardt),
}
if IS_INSTALLED:
    METHODS["Adam"] = partial(_peer, minimise=adam)
ANY_ACTIVATION = tuple(METHODS)
METHODS["MLPRegressor"] = partial(_peer, minimise=mlp)
METHODS["MLPRegressor, 4 m units"] = partial(_peer, minimise=mlp, times=4)
