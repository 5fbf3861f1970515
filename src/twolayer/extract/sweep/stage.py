"""The sweep as a stage of an extraction: lines are swept until a network is the box, to rounding."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.querying import Report
from twolayer.extract.rounding import rounding_of_rows
from twolayer.extract.standards import ExtractionStandards
from twolayer.extract.sweep.asking import Ask
from twolayer.extract.sweep.cost import queries_of
from twolayer.extract.sweep.pieces import Path
from twolayer.extract.sweep.rules import SweepRules
from twolayer.extract.sweep.sweeping import swept
from twolayer.extract.sweep.units import Units
from twolayer.extract.view import View
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["Swept", "asking", "by_sweep", "is_flat", "network_of", "random_path"]

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Swept:
    """What the lines of a sweep have come to.

    Attributes
    ----------
    network : TwoLayerNetwork
        The best.
    scale : float
        At which its hyperplanes are.
    left : float
        What the box differs from it by on fresh inputs, relative to the values' spread.
    is_exact : bool
        Whether rounding explains that.
    """

    network: TwoLayerNetwork
    scale: float
    left: float
    is_exact: bool


def by_sweep(
    view: View,
    rng: np.random.Generator,
    report: Report,
    standards: ExtractionStandards,
    rules: SweepRules = SweepRules(),
) -> Swept | None:
    """The network of a piecewise linear box; None where it is of another kind.

    Parameters
    ----------
    view : View
    rng : Generator
    report : callable
    standards : ExtractionStandards
    rules : SweepRules, optional
    """
    ask = asking(view)

    def afford(units: int) -> None:
        view.oracle.need((units + 1) * view.dim, queries_of(units, view.dim, standards, rules))

    best: Swept | None = None
    if not is_flat(view, rng, rules):
        return None
    for _ in range(rules.lines if view.eps < rules.fine else 1):
        found = swept(ask, random_path(view, rng, rules), rng, report, rules, afford)
        if found is None:
            break
        result = _compared(view, network_of(found[0]), found[1], rng, standards, rules)
        if best is None or result.left < best.left:
            best = result
        if result.is_exact:
            break
    return best


def asking(view: View) -> Ask:
    """The box as it is swept."""
    return Ask(lambda X: view(X).reshape(len(X), -1), view.oracle.is_single)


def _compared(
    view: View,
    network: TwoLayerNetwork,
    scale: float,
    rng: np.random.Generator,
    standards: ExtractionStandards,
    rules: SweepRules,
) -> Swept:
    """A network beside its box, on few rows: whether it is worth all checks."""
    X = view.placed(scale * rng.standard_normal((rules.fresh_rows, view.dim)))
    y = view(X)
    off = np.abs(network(X) - y)
    spread = np.maximum(y.std(axis=0), np.finfo(np.float64).tiny)
    allowed = np.maximum(
        standards.explained * rounding_of_rows(view, network, X, y, standards), standards.finest * spread
    )
    return Swept(network, scale, float((off / spread).max()), bool((off <= allowed).all()))


def random_path(view: View, rng: np.random.Generator, rules: SweepRules) -> Path:
    """A line through the space, as far out as the box can be asked."""
    start, direction = view.placed(rng.standard_normal((2, view.dim)))
    return Path(start, direction, min(float(np.sinh(rules.farthest)), view.reach / 2), view.eps, view.arithmetic)


def is_flat(view: View, rng: np.random.Generator, rules: SweepRules) -> bool:
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


def network_of(units: Units) -> TwoLayerNetwork:
    """The units as a network, which has a linear part only where there is one."""
    W, b = units.rows[:, :-1], units.rows[:, -1]
    is_one = units.A.shape[1] == 1
    constant = float(units.constant[0]) if is_one else units.constant
    linear = (units.linear[:, 0] if is_one else units.linear) if np.any(units.linear) else None
    return TwoLayerNetwork(units.A, W, b, "relu", Polynomial(constant, linear))
