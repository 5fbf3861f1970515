"""Restarted L-BFGS, by SciPy."""

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from contest.least_squares import TARGET, LeastSquares
from twolayer.network import TwoLayerNetwork

_MEMORY = 20
_PATIENCE, _LEAST_GAIN = 20, 0.1


def lbfgs(problem: LeastSquares, rng: np.random.Generator) -> TwoLayerNetwork:
    """Minimise over (a, W) jointly, from one start after another until the target is met.

    A start is given up when 20 iterations have brought less than 10 %. With signs of a that are drawn for each start
    and then kept, it took about twice as long.
    """
    while True:
        z, loss = _minimise(problem, problem.start(rng))
        if loss <= TARGET:
            return problem.network(z)


def _minimise(problem: LeastSquares, start: np.ndarray) -> tuple[np.ndarray, float]:
    losses: list[float] = []

    def watch(intermediate_result: OptimizeResult) -> None:
        losses.append(float(intermediate_result.fun))
        problem.clock.record(losses[-1])
        is_slow = len(losses) > _PATIENCE and losses[-1] > (1 - _LEAST_GAIN) * losses[-1 - _PATIENCE]
        if is_slow or losses[-1] <= TARGET:
            raise StopIteration

    options = {"maxcor": _MEMORY, "maxiter": 100_000, "maxfun": 1_000_000, "ftol": 0.0, "gtol": 0.0}
    found = minimize(problem.loss_and_gradient, start, jac=True, method="L-BFGS-B", callback=watch, options=options)
    return found.x, float(found.fun)
