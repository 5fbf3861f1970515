r"""The sweep: all units of a piecewise linear box from one line, at about one question a parameter.

A line through the whole space meets every hyperplane once. The gradients of the box on its m + 1 pieces differ, from
one to the next, by one unit: d questions each, and all units are known but for which way round they are, which the
first gradient says.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.querying import Report
from twolayer.extract.sweep.asking import Ask
from twolayer.extract.sweep.gradients import Gradients, blind_gradients
from twolayer.extract.sweep.orientation import oriented
from twolayer.extract.sweep.pieces import Path, Pieces, pieces
from twolayer.extract.sweep.polish import biased, improved, mended, revisited
from twolayer.extract.sweep.rules import SweepRules
from twolayer.extract.sweep.units import Units, rank_one

__all__ = ["swept"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def swept(
    ask: Ask,
    path: Path,
    rng: np.random.Generator,
    report: Report = lambda *_: None,
    rules: SweepRules = SweepRules(),
    afford: Callable[[int], None] = lambda _: None,
) -> tuple[Units, float] | None:
    """The units that one line shows, and at which scale; None where the box is not piecewise linear along it.

    Parameters
    ----------
    ask : Ask
    path : Path
    rng : Generator
    report : callable, optional
    rules : SweepRules, optional
    afford : callable, optional
        Told the number of units when it is known, before what they cost is asked for; it may raise.
    """
    line = pieces(ask, path, rules)
    if line is None:
        return None
    m = len(line.kinks)
    report("kinks", m, 1.0)
    afford(m)
    gradients = blind_gradients(ask, line, np.arange(m + 1), rng, rules)
    if gradients is None:
        return None
    units = _units(line, gradients)
    # on the line the arguments are known from its kinks, even of units whose w is spoilt
    t = line.middles[0][:, None] - line.kinks
    along = t * (np.diff(line.slopes, axis=0) * units.A).sum(axis=1) / (units.A**2).sum(axis=1)
    for step in range(rules.mends):
        gradients, count = mended(ask, gradients, units.rows[:, :-1], along, rules)
        if not count:
            break
        report("steps", step + 1, count / gradients.steps.size)
        units = _units(line, gradients)
    scale = _scale(units, rules)
    if units.errors.max(initial=0.0) > rules.worth:
        gradients = improved(ask, gradients, units, along, rules)
        units = _units(line, gradients)
    if m:
        worst = np.argsort(-units.errors)
        most = max(1, int(rules.visits * (m + 1) / 2))
        doubted = worst[units.errors[worst] > rules.worth][:most]
        units = revisited(ask, units, doubted, line, rng, rules)
        units = _with_affine_part(units, gradients)
        units = oriented(units, rules)
        units = biased(ask, units, scale, rng, rules)
    report("units", m, float(units.errors.max(initial=0.0)))
    return units, scale


def _units(line: Pieces, gradients: Gradients) -> Units:
    """The units between neighbouring gradients, each active at the end of the line."""
    W, A = rank_one(np.diff(gradients.gradients, axis=0), np.diff(line.slopes, axis=0))
    b = -np.einsum("md,md->m", W, line.path.at(line.kinks))
    errors = np.hypot(gradients.errors[1:], gradients.errors[:-1])
    errors = errors / np.maximum(np.linalg.norm(W, axis=1), np.finfo(np.float64).tiny)
    linear = gradients.gradients[0]
    return Units(np.column_stack([W, b]), A, errors, linear, gradients.values[0] - gradients.points[0] @ linear)


def _with_affine_part(units: Units, gradients: Gradients) -> Units:
    """The affine part again, from the gradient that is known best."""
    best = int(gradients.errors.argmin())
    point = gradients.points[best]
    active = units.arguments(point[None])[0] > 0
    linear = gradients.gradients[best] - units.rows[active, :-1].T @ units.A[active]
    plain = replace(units, linear=linear, constant=np.zeros_like(units.constant))
    return replace(plain, constant=gradients.values[best] - plain(point[None])[0])


def _scale(units: Units, rules: SweepRules) -> float:
    """Median distance of the hyperplanes from the origin, but of those that go through it; 1 where there are none."""
    if not len(units.rows):
        return 1.0
    distance = np.abs(units.rows[:, -1]) / np.maximum(np.linalg.norm(units.rows[:, :-1], axis=1), 1e-300)
    away = distance[distance > rules.through]
    return float(np.median(away)) if len(away) else rules.at_origin
