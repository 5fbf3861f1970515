"""What makes swept units exact: steps that crossed a hyperplane, units in narrow gaps, and the biases."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.sweep.asking import Ask
from twolayer.extract.sweep.gradients import Gradients, free_steps, remeasured, seeing_gradients
from twolayer.extract.sweep.pieces import Pieces
from twolayer.extract.sweep.rules import SweepRules
from twolayer.extract.sweep.units import Units, rank_one

__all__ = ["biased", "crossed", "improved", "mended", "revisited"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def crossed(gradients: Gradients, W: Matrix, arguments: Matrix, rules: SweepRules) -> NDArray[np.bool_]:
    """Which steps reach, or nearly reach, a hyperplane of units w (m, d) whose arguments there are these, (k, m)."""
    steps = gradients.steps
    reached = np.empty(steps.shape, bool)
    for k, t in enumerate(arguments):
        away = -W.T / np.where(t == 0, np.finfo(np.float64).tiny, t)
        ways = np.where(steps[k] > 0, away.max(axis=1, initial=0.0), -away.min(axis=1, initial=0.0))
        reached[k] = np.abs(steps[k]) * ways >= rules.crossing
    return reached


def mended(ask: Ask, gradients: Gradients, W: Matrix, arguments: Matrix, rules: SweepRules) -> tuple[Gradients, int]:
    """The gradients with those entries measured again whose steps reached a hyperplane, and how many there were."""
    which, inputs = np.nonzero(crossed(gradients, W, arguments, rules))
    if not len(which):
        return gradients, 0
    points, index = np.unique(which, return_inverse=True)
    steps = free_steps(W, arguments[points], gradients.points[points], rules.safe)[index, inputs]
    # where the unit itself is spoilt, its hyperplane is nearer than it seems
    before = gradients.steps[which, inputs]
    same = steps * before > 0
    steps = np.where(same, np.sign(before) * np.minimum(np.abs(steps), np.abs(before) / 2), steps)
    return remeasured(ask, gradients, which, inputs, steps, rules), len(which)


def improved(ask: Ask, gradients: Gradients, units: Units, arguments: Matrix, rules: SweepRules) -> Gradients:
    """The gradients with those of doubtful units measured again, by steps as long as the hyperplanes let them.

    The first were as long as the nearest hyperplane lets any; now each input has its own.
    """
    W, doubted = units.rows[:, :-1], units.errors > rules.worth
    beside = np.r_[doubted, False] | np.r_[False, doubted]
    worst = np.argsort(-gradients.errors * beside)[: min(int(beside.sum()), int(rules.again * len(beside)))]
    steps = free_steps(W, arguments[worst], gradients.points[worst], rules.far)
    errors = gradients.rounding[worst] * np.sqrt(2 * np.sum(steps**-2.0, axis=1))
    is_better = rules.gain * errors < gradients.errors[worst]
    worst, steps = worst[is_better], steps[is_better]
    if not len(worst):
        return gradients
    d = W.shape[1]
    return remeasured(ask, gradients, np.repeat(worst, d), np.tile(np.arange(d), len(worst)), steps.ravel(), rules)


def revisited(
    ask: Ask, units: Units, which: NDArray[np.intp], line: Pieces, rng: np.random.Generator, rules: SweepRules
) -> Units:
    """The units with some of them measured again, each where its hyperplane has most room."""
    if not len(which):
        return units
    rows = units.rows
    places, room = _roomy(units, which, rng, rules)
    normals = rows[which, :-1] / np.linalg.norm(rows[which, :-1], axis=1)[:, None]
    aside = (room / 2)[:, None] * normals
    points = np.concatenate([places - aside, places + aside])
    distance = np.linalg.norm(points - line.path.start, axis=1) / np.linalg.norm(line.path.direction)
    found = seeing_gradients(ask, points, rows, line.rounding(distance), rules)
    jumps = found.gradients[len(which) :] - found.gradients[: len(which)]
    W, A = rank_one(jumps, units.A[which])
    errors = np.hypot(*found.errors.reshape(2, -1)) / np.linalg.norm(W, axis=1)
    better = errors < units.errors[which]
    chosen = which[better]
    new_rows, new_A, new_errors = rows.copy(), units.A.copy(), units.errors.copy()
    new_rows[chosen, :-1], new_A[chosen], new_errors[chosen] = W[better], A[better], errors[better]
    new_rows[chosen, -1] = -np.einsum("md,md->m", W[better], places[better])
    return Units(new_rows, new_A, new_errors, units.linear, units.constant)


def _roomy(units: Units, which: NDArray[np.intp], rng: np.random.Generator, rules: SweepRules) -> tuple[Matrix, Vector]:
    """A point on each of some hyperplanes far from all others, and how far."""
    W, b = units.rows[:, :-1], units.rows[:, -1]
    length = np.linalg.norm(W, axis=1)
    normal, offset = W / length[:, None], b / length
    d = W.shape[1]
    scale = max(float(np.median(np.abs(offset))), rules.at_origin)
    places, rooms = np.empty((len(which), d)), np.empty(len(which))
    trials = rng.standard_normal((rules.places, d)) * scale
    trials *= np.exp(rng.uniform(-1, 2, (rules.places, 1)))
    distances = trials @ normal.T + offset
    for row, unit in enumerate(which):
        # put each trial on the hyperplane, along its normal
        moved = distances - distances[:, [unit]] * (normal @ normal[unit])
        moved[:, unit] = np.inf
        room = np.abs(moved).min(axis=1, initial=scale * d)
        best = int((room / (scale + np.linalg.norm(trials, axis=1) / np.sqrt(d))).argmax())
        places[row], rooms[row] = trials[best] - distances[best, unit] * normal[unit], room[best]
    return places, rooms


def biased(ask: Ask, units: Units, scale: float, rng: np.random.Generator, rules: SweepRules) -> Units:
    r"""The units with all biases, and the constant, solved from fresh rows beside each hyperplane.

    Given which units are active, the values are linear in the biases: with the active units' :math:`A_i` as columns,
    least squares by the normal equations of m + q unknowns.
    """
    W, b, A = units.rows[:, :-1], units.rows[:, -1], units.A
    m, d = W.shape
    q = A.shape[1]
    length = np.linalg.norm(W, axis=1)
    normal = W / length[:, None]
    own = np.repeat(np.arange(m), rules.offsets)
    near = np.maximum(scale, 0.1 * np.abs(b) / length)[own]
    X = near[:, None] * rng.standard_normal((len(own), d))
    aside = 0.3 * near * np.tile([1.0, -1.0], len(own))[: len(own)]
    X += (aside - np.einsum("nd,nd->n", X, normal[own]) - (b / length)[own])[:, None] * normal[own]
    X = ask.placed(X)
    t = units.arguments(X)
    clear = (np.abs(t) > 1e-6 * length * np.linalg.norm(X, axis=1)[:, None]).all(axis=1)
    X, t = X[clear], t[clear]
    left = ask(X) - units(X)
    active = (t > 0).astype(np.float64)
    weights = 1 / np.maximum(np.linalg.norm(X, axis=1), 1e-300)  # rounding grows with the distance
    active_w = active * weights[:, None] ** 2
    gram = np.block(
        [
            [(active_w.T @ active) * (A @ A.T), active_w.sum(axis=0)[:, None] * A],
            [(active_w.sum(axis=0)[:, None] * A).T, np.sum(weights**2) * np.eye(q)],
        ]
    )
    right = np.r_[np.einsum("nm,nq,mq->m", active_w, left, A), (weights**2) @ left]
    size = np.sqrt(np.maximum(gram.diagonal(), 1e-300))
    solution = np.linalg.lstsq(gram / np.outer(size, size), right / size, rcond=1e-12)[0] / size
    rows = units.rows.copy()
    rows[:, -1] += solution[:m]
    return replace(units, rows=rows, constant=units.constant + solution[m:])
