"""Where a ridge fit starts: at units drawn at random, or at units that the labels ask for, added a few at a time."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from twolayer.ridge.descent import levenberg_marquardt
from twolayer.ridge.objective import Objective
from twolayer.ridge.plan import PLAN, RidgePlan
from twolayer.ridge.prior import Prior

__all__ = ["grown_start", "random_start", "with_outer_weights"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_NEW = 1e-2  # part of a candidate that must lie outside what is there, or it is a copy


def random_start(objective: Objective, rng: np.random.Generator) -> Vector:
    """Units in random directions, their kinks on random rows, and the outer weights least squares."""
    return with_outer_weights(objective, _random_units(objective, objective.width, rng))


def grown_start(objective: Objective, rng: np.random.Generator, alpha: float, plan: RidgePlan = PLAN) -> Vector:
    r"""Units added a few at a time: those of many candidates that the gradient of the likelihood asks for most.

    With r the gradients by the outputs at what is there, and φ a candidate's values less what the features that are
    there have of them, the next unit is the one of largest :math:`\|\phi^\top r\|/\|\phi\|`. Between two rounds all
    units are refitted in a few steps (where there are too many parameters for them, all units are added at once). In
    one to three dimensions, where random units stall on their way to a far kink, this finds planted networks of exact
    width.

    References
    ----------
    Orthogonal matching pursuit (Pati, Rezaiifar, Krishnaprasad 1993) with the refits of Fahlman and Lebiere (1990).
    """
    m = objective.width
    is_dense = plan.is_dense(objective.n_parameters, has_scale=objective.likelihood.has_scale)
    rounds = min(plan.growth_rounds, m) if is_dense else 1
    ends = np.linspace(0, m, rounds + 1).round().astype(int)
    z = np.zeros(0)
    for start, end in pairwise(map(int, ends)):
        units = _best_units(objective, z, start, end, rng, plan)
        larger = objective.of_width(end)
        z = with_outer_weights(larger, units)
        if end < m:
            prior = Prior.single(larger, alpha)
            z = levenberg_marquardt(larger, z, prior, plan.growth_steps, moves_ridge=False, plan=plan).point.z
    return z


def with_outer_weights(objective: Objective, units: Matrix) -> Vector:
    """The point of given units, with the outer weights and constants of a slightly damped least-squares fit.

    Of labels that are classes, four times their deviation from the mean is fitted: near log odds of zero the log odds
    of a frequency change four times as fast. Homogeneous units are balanced against their outer weights.
    """
    m, weights = objective.width, objective.weights
    Y = objective.Y if objective.likelihood.has_scale else 4 * (objective.Y - weights @ objective.Y / weights.sum())
    features = objective.activation(objective.X @ units.T)
    if objective.has_bias:
        features = np.column_stack([features, np.ones(len(features))])
    gram = (features * weights[:, None]).T @ features
    gram[np.diag_indices_from(gram)] += 1e-3 * np.trace(gram) / len(gram) + 1e-300
    solved = np.linalg.solve(gram, (features * weights[:, None]).T @ Y)
    A, constant = solved[:m], solved[m:].ravel()
    degree = objective.activation.degree
    if degree:
        sizes, lengths = np.linalg.norm(A, axis=1), np.linalg.norm(units, axis=1)
        scale = np.maximum((sizes / np.maximum(lengths, 1e-300)) ** (1 / (1 + degree)), 1e-3)
        units, A = scale[:, None] * units, A / scale[:, None] ** degree
    return objective.join(units, A, constant)


def _random_units(objective: Objective, count: int, rng: np.random.Generator) -> Matrix:
    """Random rows (count, D); half of their directions are differences of two rows of the samples."""
    d = objective.n_columns - objective.has_bias
    X = objective.X[:, :d]
    first, second, at = rng.integers(0, len(X), (3, count))
    directions = rng.standard_normal((count, d))
    apart = X[first] - X[second]
    takes = (rng.random(count) < 0.5) & (np.linalg.norm(apart, axis=1) > 1e-9)
    directions[takes] = apart[takes]
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-300)
    if not objective.activation.degree:  # how sharply a unit bends is its own to choose
        directions *= np.exp(rng.uniform(-1.0, 2.0, (count, 1)))
    if not objective.has_bias:
        return directions
    return np.column_stack([directions, -np.einsum("ij,ij->i", directions, X[at])])


def _best_units(
    objective: Objective, z: Vector, start: int, end: int, rng: np.random.Generator, plan: RidgePlan
) -> Matrix:
    """The units of `z`, which has `start` of them, and the candidates that are asked for most, up to `end`."""
    units = objective.of_width(start).split(z)[0] if start else np.zeros((0, objective.n_columns))
    trials = _random_units(objective, plan.candidates, rng)
    wanted, features, values, sizes = _asked(objective.some(plan.candidate_rows, rng), z, units, trials)
    basis = np.linalg.qr(features)[0]
    wanted, values = wanted - basis @ (basis.T @ wanted), values - basis @ (basis.T @ values)
    chosen: list[int] = []
    while True:
        left = np.linalg.norm(values, axis=0)
        scores = np.linalg.norm(values.T @ wanted, axis=1) / np.maximum(left, 1e-300)
        best = int(np.argmax(np.where(left > _NEW * sizes, scores, -1.0)))
        chosen.append(best)
        if len(chosen) == end - start:
            return np.vstack([units, trials[chosen]])
        direction = (values[:, best] / max(float(left[best]), 1e-300))[:, None]
        wanted, values = (part - direction @ (direction.T @ part) for part in (wanted, values))


def _asked(objective: Objective, z: Vector, units: Matrix, trials: Matrix) -> tuple[Matrix, Matrix, Matrix, Vector]:
    """The gradients by the outputs, the features that are there, those of candidates, and the norms of these.

    All times the roots of the weights.
    """
    root = np.sqrt(objective.weights)[:, None]
    features = np.ones((objective.n_rows, int(objective.has_bias)))
    if len(units):
        point = objective.of_width(len(units)).at(z)
        features, outputs = np.column_stack([point.features, features]), point.outputs
    else:
        constant = objective.likelihood.constant(objective.Y, objective.weights) * objective.has_bias
        outputs = np.tile(constant, (objective.n_rows, 1))
    values = root * objective.activation(objective.X @ trials.T)
    wanted = root * objective.likelihood.gradients(outputs, objective.Y)
    return wanted, root * features, values, np.linalg.norm(values, axis=0)
