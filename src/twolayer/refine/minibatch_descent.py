"""Stochastic descent in small batches: from a random start into the basin of many units at once."""

import numpy as np

from twolayer.model.fit import Fit
from twolayer.model.problem import UnitsProblem, Vector
from twolayer.refine.progress import Stopping
from twolayer.solvers import Adam

__all__ = ["minibatch_descent"]

BATCH = 500  # rows: enough for a gradient that points downhill, few enough for hundreds of steps an epoch


def minibatch_descent(
    problem: UnitsProblem, start: Vector, epochs: int, rate: float, rng: np.random.Generator, stopping: Stopping
) -> Fit:
    r"""Descend by `Adam` (Kingma and Ba, 2015) on batches of 500 rows, the rate falling to zero like a cosine.

    With g the gradient of half the mean squared residual of a batch, and m, s its running mean and mean square,

    .. math:: z \leftarrow z - \eta_k\,c\,\frac{\hat m}{\sqrt{\hat s} + \epsilon}, \qquad
              \eta_k = \tfrac\eta2 \bigl(1 + \cos(\pi k / K)\bigr),

    where c is the root mean square of the rows at the start, for what is among rows, or of the outer weights, for
    other coefficients: a step is a share of what it changes. Where there are many units, n / 500 rough steps are worth
    far more than one with the gradient of all rows, which costs as much.

    Parameters
    ----------
    problem : UnitsProblem
        Not lifted by a quadratic form.
    start : array, shape (p,)
    epochs : int
    rate : float
        η, the first step as a share of the typical weight.
    rng : Generator
    stopping : Stopping
        Takes note of the running loss after each epoch; does not end the descent.

    Returns
    -------
    Fit
        The last point, which need not be the best, and the sum of squared residuals that the last epoch met.

    Notes
    -----
    An epoch costs 3 n M D multiply-adds in float32, and O(p) memory. It fails by stopping short of some units; there
    have to be some 8 rows a parameter, or it learns the rows by heart.
    """
    z = np.array(start, dtype=np.float64)
    scale = _scales(problem, z)
    rule = Adam(z.shape)
    loss = problem.loss(z)
    stopping.begin(problem, loss)
    batches = max(problem.n_rows // BATCH, 1)
    for epoch in range(epochs):
        loss = 0.0
        for j, rows in enumerate(np.array_split(rng.permutation(problem.n_rows), batches)):
            step = epoch * batches + j + 1
            squares, gradient = problem.batch_gradient(np.sort(rows), z)
            loss += squares
            gradient *= scale
            eta = rate / 2 * (1 + np.cos(np.pi * step / (epochs * batches)))
            z -= eta * scale * rule.direction(gradient)
        stopping.record(loss)
    return Fit(problem, z, loss / problem.energy, tuple(stopping.losses))


def _scales(problem: UnitsProblem, z: Vector) -> Vector:
    """For each parameter, the root mean square of its kind."""
    scale = np.ones_like(z)
    rows, coefficients = problem.split(scale)
    amplitudes, units = problem.units(z)
    rows[:] = np.sqrt(np.mean(units**2))
    coefficients[:] = np.sqrt(np.mean(amplitudes**2))
    return scale
