"""Restarted Adam with automatic differentiation, by torch."""

from importlib.util import find_spec

import numpy as np

from contest.least_squares import TARGET, LeastSquares
from twolayer.network import TwoLayerNetwork

IS_INSTALLED = find_spec("torch") is not None

_RATE, _LEAST_RATE, _HOPELESS_RATE, _HOPELESS_LOSS = 0.05, 1e-8, 1e-3, 1e-4
_BATCH, _PATIENCE, _LEAST_GAIN = 1000, 20, 0.3


def adam(problem: LeastSquares, rng: np.random.Generator) -> TwoLayerNetwork:
    """Minimise over (a, W) jointly in float64, from one start after another until the target is met.

    Batches of 1000 rows (all rows where there are fewer; smaller batches took longer). The rate, 0.05 at first, is
    halved when 20 batches, at least 5 epochs, have brought less than 30 %; a start is given up when the rate is below
    0.001 and the loss above 1e-4.
    """
    import torch

    X, y = torch.from_numpy(problem.X), torch.from_numpy(problem.y)
    shuffle = torch.Generator().manual_seed(int(rng.integers(2**31)))
    while True:
        z, loss = _minimise(problem, problem.start(rng), X, y, shuffle)
        if loss <= TARGET:
            return problem.network(z)


def _minimise(problem: LeastSquares, start, X, y, shuffle) -> tuple[np.ndarray, float]:
    import torch

    parameters = [torch.tensor(part, requires_grad=True) for part in problem.split(start)]
    optimizer = torch.optim.Adam(parameters, lr=_RATE, betas=(0.9, 0.99))
    patience = max(5, _PATIENCE * _BATCH // len(y))
    rate, best, since = _RATE, np.inf, 0
    while True:
        loss = _epoch(problem, optimizer, parameters, X, y, shuffle) / problem.energy
        if loss <= 2 * TARGET:  # the mean over the steps of an epoch; now at its end
            z = np.concatenate([part.detach().numpy().ravel() for part in parameters])
            loss = problem.loss(z)
        problem.clock.record(loss)
        if loss <= TARGET:
            return z, loss
        since += 1
        if loss < (1 - _LEAST_GAIN) * best:
            best, since = loss, 0
        elif since >= patience:
            rate, since = rate / 2, 0
            for group in optimizer.param_groups:
                group["lr"] = rate
        if rate < _LEAST_RATE or (rate < _HOPELESS_RATE and loss > _HOPELESS_LOSS):
            return start, loss


def _epoch(problem: LeastSquares, optimizer, parameters, X, y, shuffle) -> float:
    """One pass over the rows; the sum of the squared residuals met on the way."""
    import torch

    a, W = parameters
    squares = 0.0
    is_whole = len(y) <= _BATCH
    batches = [slice(None)] if is_whole else torch.randperm(len(y), generator=shuffle).split(_BATCH)
    for rows in batches:
        r = value(X[rows], a, W, problem.activation.name) - y[rows]
        energy = r @ r
        optimizer.zero_grad(set_to_none=True)
        (energy / len(r)).backward()
        optimizer.step()
        squares += float(energy.detach())
        problem.clock.check()
    return squares


def value(X, a, W, activation: str):
    """The network as torch sees it."""
    import torch

    t = X @ W.T
    if activation == "tanh":
        return torch.tanh(t) @ a
    t = torch.relu(t)
    return (t * t if activation == "squared_relu" else t) @ a
