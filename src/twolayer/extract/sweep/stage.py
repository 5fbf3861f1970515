"""The sweep as a stage of an extraction: lines are swept until a network passes the checks."""

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import is_bent
from twolayer.extract.judgement import Wanted, judged
from twolayer.extract.outcome import Extraction
from twolayer.extract.querying import Report
from twolayer.extract.standards import ExtractionStandards
from twolayer.extract.sweep.pieces import Path
from twolayer.extract.sweep.rules import SweepRules
from twolayer.extract.sweep.sweeping import swept
from twolayer.extract.sweep.units import Units
from twolayer.extract.view import View
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["by_sweep"]

Matrix = NDArray[np.float64]


def by_sweep(
    view: View,
    wanted: Wanted,
    rng: np.random.Generator,
    report: Report,
    standards: ExtractionStandards,
    rules: SweepRules = SweepRules(),
) -> Extraction | None:
    """The extraction of a piecewise linear box; None where it is of another kind, or is to be.

    Parameters
    ----------
    view : View
    wanted : Wanted
    rng : Generator
    report : callable
    standards : ExtractionStandards
    rules : SweepRules, optional
    """
    if wanted.activation is not None and not is_bent(wanted.activation):
        return None

    def ask(X: Matrix) -> Matrix:
        return view(X).reshape(len(X), -1)

    if not _is_flat(view, rng, rules):
        return None
    best: Extraction | None = None
    for _ in range(rules.lines):
        path = random_path(view, rng, rules)
        found = swept(ask, path, rng, report, rules)
        if found is None:
            break
        result = judged(view, _network(found.units), found.scale, wanted, rng, standards)
        if best is None or result.largest_difference < best.largest_difference:
            best = result
        if result.is_certified:
            return result
    return best


def random_path(view: View, rng: np.random.Generator, rules: SweepRules) -> Path:
    """A line through the space, as far out as the box can be asked."""
    start, direction = view.placed(rng.standard_normal((2, view.dim)))
    return Path(start, direction, min(float(np.sinh(rules.farthest)), view.reach / 2), view.eps, view.arithmetic)


def _is_flat(view: View, rng: np.random.Generator, rules: SweepRules) -> bool:
    """Whether the box is linear near most of some random points, to its rounding: of what is smooth, few are."""
    shape = (rules.spots, view.dim)
    at, aside = rng.standard_normal(shape), rules.aside * np.sqrt(view.eps) * rng.standard_normal(shape)
    rows = view.placed(np.concatenate([at - aside, at, at + aside]))
    before, here, after = view(rows).reshape(3, rules.spots, -1)
    second = np.abs(before - 2 * here + after).max(axis=1)
    allowed = rules.flat * np.max(view.rounding(_values(before, here, after)))
    return bool(np.mean(second <= allowed) >= rules.flat_share)


def _values(*parts: Matrix) -> Matrix:
    """Values one after the other, (n,) where they are of one output."""
    every = np.concatenate(parts)
    return every[:, 0] if every.shape[1] == 1 else every


def _network(units: Units) -> TwoLayerNetwork:
    """The units as a network, which has a linear part only where there is one."""
    W, b = units.rows[:, :-1], units.rows[:, -1]
    is_one = units.A.shape[1] == 1
    constant = float(units.constant[0]) if is_one else units.constant
    linear = (units.linear[:, 0] if is_one else units.linear) if np.any(units.linear) else None
    return TwoLayerNetwork(units.A, W, b, "relu", Polynomial(constant, linear))
