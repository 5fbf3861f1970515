"""Escape from local minima: units that the residual asks for take the place of units that it does not need."""

from collections.abc import Iterator

import numpy as np

from twolayer.model import UnitsProblem
from twolayer.model.fit import Fit
from twolayer.model.problem import Vector
from twolayer.model.units import unit_saliency, unit_values, with_unit, without_unit
from twolayer.moments import weighted_gram
from twolayer.refine.explore import Report, explore

__all__ = ["exchange", "missing_units", "narrower_fits", "prune"]

_WORTHWHILE = 0.97  # of the loss: an exchange that brings less than 3 % only moves between equal minima
_MOST_UNITS_TRIED = 12  # in turn, the least important first: to try more costs more than a new start does
_MOST_UNITS_REMOVED = 3  # in turn, where one has to go: linear theory ranks them, and only a refinement tells


def exchange(fit: Fit, report: Report, rng: np.random.Generator) -> Fit:
    r"""Exchange units, one at a time, while that lowers the loss.

    Take unit i away and look at what it leaves unexplained, :math:`r_i = y - \sum_{j\ne i}`. The moments of r_i,

    .. math:: \mathbb E[r_i\,(x x^\top - I)] \quad\text{and}\quad \mathbb E[r_i\, x],

    point to the units that are missing, with their signs (inertia): the strongest direction of either sign takes the
    place of unit i and everything is refined again. A local minimum has a wrong unit, or a wrong sign, and r_i for it
    is just what the right one would explain, so that this ends at the global minimum far more often than a new random
    start does.

    Returns
    -------
    Fit
        Exact, or such that no exchange tried brings 3 %.

    Notes
    -----
    An exchange costs O(n d²) for the moments and a refinement; at most 12 units are tried, the least important first.
    """
    for _ in range(30):  # each lowers the loss by 3 % at least: more would be a wandering
        better = next((trial for trial in _exchanges(fit, report, rng) if trial.loss < _WORTHWHILE * fit.loss), None)
        if better is None:
            return fit
        fit = better
        if fit.is_exact:
            return fit
    return fit


def _exchanges(fit: Fit, report: Report, rng: np.random.Generator) -> Iterator[Fit]:
    """Fits with one unit exchanged."""
    problem = fit.problem
    values = unit_values(problem, fit.point)
    order = np.argsort(unit_saliency(problem, fit.point))[:_MOST_UNITS_TRIED]
    order = order if problem.width > _MOST_UNITS_TRIED else rng.permutation(order)
    residual = -problem.residual(fit.point)
    for i in order:
        smaller, point = without_unit(problem, fit.point, int(i))
        old = problem.units(fit.point)[1][i]
        for sign, row in missing_units(problem, residual + values[:, i], rng):
            if sign == np.sign(problem.units(fit.point)[0][i]) and _cosine(row, old) > 0.9:
                continue
            yield explore(*with_unit(smaller, point, sign, row), report, "exchange")


def prune(fit: Fit, width: int, report: Report) -> Fit:
    """Leave units out, one at a time and the least missed first, until `width` are left.

    A wide fit has a unit near each of the true ones, and others that merge, cancel or vanish. Costs up to 3
    refinements a unit left out.
    """
    while fit.problem.width > width:
        fit = min(narrower_fits(fit, report), key=lambda narrower: narrower.loss)
    return fit


def narrower_fits(fit: Fit, report: Report) -> Iterator[Fit]:
    """Fits with one unit fewer: the least important ones are left out in turn."""
    problem = fit.problem
    if problem.width == 1:
        return
    for unit in np.argsort(unit_saliency(problem, fit.point))[:_MOST_UNITS_REMOVED]:
        yield explore(*without_unit(problem, fit.point, int(unit)), report, "one unit fewer", max_steps=40)


def missing_units(problem: UnitsProblem, target: Vector, rng: np.random.Generator) -> Iterator[tuple[float, Vector]]:
    """Signs and rows of single units that explain part of `target`, the most promising first."""
    X, n, d = np.asarray(problem.X), problem.n_rows, problem.X.shape[1]
    centred = target - target.mean()
    candidates: list[tuple[float, Vector]] = []
    parity = problem.unit_parity
    if parity >= 0:
        values, vectors = np.linalg.eigh(weighted_gram(X, centred) / n)
        ends = sorted((0, d - 1), key=lambda j: -abs(values[j]))
        candidates += [(float(np.sign(values[j]) or 1.0), vectors[:, j]) for j in ends]
    if parity <= 0:
        signs = (1.0,) if parity else (1.0, -1.0)
        for direction in (X.T @ centred, rng.standard_normal(d)):
            candidates += [(sign, np.asarray(direction)) for sign in signs]
    for sign, direction in candidates:
        row = np.zeros(problem.n_columns)
        row[:d] = direction / max(float(np.linalg.norm(direction)), 1e-300)
        if parity == 0 and centred @ (X @ row[:d]) * sign < 0:
            row = -row
        yield sign, _scaled(problem, row, sign, centred)


def _scaled(problem: UnitsProblem, row: Vector, sign: float, target: Vector) -> Vector:
    """Give a row the length that fits the target best, where the length is what carries the scale."""
    degree = problem.activation.degree
    if problem.n_amplitudes or not degree:
        return row
    value = np.concatenate([problem.unit_block(rows, row[None])[:, 0] for rows in problem.blocks()])
    value -= value.mean()
    amount = sign * float(value @ target) / max(float(value @ value), 1e-300)
    floor = 0.05 * float(np.std(target)) / max(float(np.std(value)), 1e-300)
    return row * max(amount, floor) ** (1 / degree)


def _cosine(u: Vector, w: Vector) -> float:
    return abs(float(u @ w)) / max(float(np.linalg.norm(u) * np.linalg.norm(w)), 1e-300)
