"""From lines to all the units of a box that goes from level to level: read the steps, fit them, look at the rest."""

from dataclasses import replace

import numpy as np

from twolayer.activation import activation
from twolayer.extract.fits import fit_smooth, missing_step
from twolayer.extract.lines import Line, Vector
from twolayer.extract.steps import FORWARD, Steps, distinct_steps, read_steps
from twolayer.extract.walks import Rows, Walk, joined, smallest, some_of
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["StepWalk"]


class StepWalk(Walk):
    """A walk for tanh and its kin."""

    def network(self, name: str, width: int | None) -> tuple[TwoLayerNetwork, float]:
        """The network of σ = `name` that is in the box, no wider than is asked, and the scale of its units.

        Where what the lines show does not explain the box, more lines are walked: a unit is as a rule missing that
        stood alone on too few of them, and a fit without it ends anywhere.
        """
        self.report("lines", 0, 1.0)
        line_scale = self._line_scale(name)
        seen = self._seen(name, line_scale)
        best: tuple[TwoLayerNetwork, float, float] | None = None
        for _ in range(self.rules.most_walks):
            for _ in range(1, self.rules.step_lines):
                seen = seen.joined(self._seen(name, line_scale))
            units = distinct_steps(seen, self.rules.votes, self.rules.steps)
            network, scale, left, is_explained = self._fitted(units, name, width)
            if best is None or left < best[2]:
                best = network, scale, left
            if is_explained:
                break
        assert best is not None
        return best[:2]

    def likelier(self, names: tuple[str, ...]) -> str:
        """The σ as which most jumps of a far line can be read."""
        line, _, values = self.line(min(self.rules.far_scale, self.view.reach / 10), self.rules.line_points)
        return max(names, key=lambda name: len(self._read(line, values, name)))

    def _fitted(self, units: Steps, name: str, width: int | None) -> tuple[TwoLayerNetwork, float, float, bool]:
        """The network from the steps that were read, its scale, what is left of it, and whether that is rounding."""
        return self._completed(TwoLayerNetwork(units.a, units.rows[:, :-1], units.rows[:, -1], activation(name)), width)

    def _completed(self, every: TwoLayerNetwork, width: int | None) -> tuple[TwoLayerNetwork, float, float, bool]:
        """The network that units begin with, its scale, what is left of it, and whether that is rounding."""
        scale = natural_scale(every)
        distance = np.abs(every.b) / np.linalg.norm(every.W, axis=1)
        # what grows is seen from wherever it is, and a wave is everywhere
        is_far = (distance > self.rules.far_step * scale) & (every.activation.name in FORWARD)
        network, farthest = some_of(every, ~is_far), float(distance[~is_far].max(initial=0.0))
        fitted = self._rows(network, network.width, scale, farthest)
        network, before = fit_smooth(network, fitted.X, fitted.y, self.rules.fits), np.inf
        for step in range(1, self.rules.most_rounds + 1):
            left = fitted.left(network)
            self.report("joint fit", step, left)
            is_enough = width is not None and network.width >= width
            if self.is_explained(fitted, network) or is_enough or left > self.rules.headway * before:
                break
            before = left
            unit = missing_step(network, fitted.X, fitted.y, self.rng, self.rules.fits)
            wider = joined(network, unit)
            fitted = self._rows(wider, wider.width, scale, farthest)
            network = fit_smooth(wider, fitted.X, fitted.y, self.rules.fits)
        network = self.narrowest(self.shown_only(network, scale, fitted), fitted)
        left, is_explained = fitted.left(network), self.is_explained(fitted, network)
        if is_explained and self.rules.beyond:  # the same units, known better from afar
            far = self._rows(network, network.width, scale, max(farthest, self.rules.beyond * scale))
            rows = fitted.joined(far)
            better = fit_smooth(network, rows.X, rows.y, self.rules.fits)
            network = better if self.is_explained(fitted, better) else network
        return self._with_far_units(network, some_of(every, is_far)), scale, left, is_explained

    def _rows(self, network: TwoLayerNetwork, width: int, scale: float, farthest: float) -> Rows:
        """Rows for a joint fit, more of them beside each hyperplane at which too few would see the unit change."""
        rows = self.rows(self._count(width), scale, farthest)
        t = np.abs(rows.X @ network.W.T + network.b)
        for unit in np.flatnonzero((t < 3).mean(axis=0) < self.rules.thin):  # at 3 units of it, a step is level to 1 %
            rows = rows.joined(self._beside(network, int(unit), scale))
        return rows

    def _beside(self, network: TwoLayerNetwork, unit: int, scale: float, count: int = 0) -> Rows:
        """Rows of this scale that were moved to where the argument of a unit is a normal number, times two."""
        w, b = network.W[unit], network.b[unit]
        away = self.rng.standard_normal((count or self._count(1), network.dim)) * scale
        t = 2 * self.rng.standard_normal(len(away))
        X = self.view.placed(away - ((away @ w + b + t) / (w @ w))[:, None] * w)
        return Rows(X, self.view(X))

    def _with_far_units(self, network: TwoLayerNetwork, far: TwoLayerNetwork) -> TwoLayerNetwork:
        """The network with units so far away that they are level where the others are not, fitted beside themselves.

        All of them are there, as they are known, while one is fitted: beside its hyperplane another may change course.
        So they are fitted in turn, twice: first beside what was read of the others, then beside what was fitted.
        """
        units = [some_of(far, np.arange(far.width) == unit) for unit in range(far.width)]
        for index, unit in [*enumerate(units)] * (2 if far.width > 1 else 1):
            rows = self._beside(unit, 0, float(np.abs(unit.b[0]) / np.linalg.norm(unit.W[0])))
            without = network
            for other in units[:index] + units[index + 1 :]:
                without = joined(without, zero_at_the_origin(other))
            fitted = self._fitted_alone(unit, Rows(rows.X, rows.y - without(rows.X)))
            is_there = rows.left(joined(without, fitted)) < self.rules.headway * rows.left(without)
            units[index] = fitted if is_there else replace(fitted, a=0 * fitted.a)
        for unit in units:
            network = joined(network, zero_at_the_origin(unit)) if unit.a.any() else network
        return network

    def _fitted_alone(self, unit: TwoLayerNetwork, rows: Rows) -> TwoLayerNetwork:
        """One unit fitted to what is left at the rows beside it, 0 at the origin.

        From afar w and b are all but one parameter, which no fit parts to more than some digits: the coordinates begin
        at the foot of its hyperplane.
        """
        foot = -(unit.b[0] / (unit.W[0] @ unit.W[0])) * unit.W[0]
        local = replace(unit, b=unit.b + unit.W @ foot)
        fitted = fit_smooth(local, rows.X - foot, rows.y, self.rules.fits)
        return zero_at_the_origin(replace(fitted, b=fitted.b - fitted.W @ foot))

    def _line_scale(self, name: str) -> float:
        """The smallest scale at which nearly as many steps can be read, and as exactly, on two lines as at any."""
        scales = self.scales(self.rules.step_scales)
        pairs = ([self._seen(name, scale) for _ in range(2)] for scale in scales)
        counts = [sum(float((1 / (1 + one.error / self.rules.good)).sum()) for one in pair) for pair in pairs]
        return smallest(scales, counts, self.rules.nearly_all)

    def _seen(self, name: str, scale: float) -> Steps:
        line, _, values = self.line(scale, self.rules.line_points)
        return self._read(line, values, name)

    def _read(self, line: Line, values: Vector, name: str) -> Steps:
        rounding, precision = self.rules.rounding * self.view.rounding(values), self.rules.rounding * self.view.eps
        return read_steps(self.view, line, values, name, rounding, precision, self.rules.steps, self.rules.marks)

    def _count(self, width: int) -> int:
        return self.count(width, self.view.dim + 2, 1)


def zero_at_the_origin(network: TwoLayerNetwork) -> TwoLayerNetwork:
    """The units with the constant that makes them 0 at the origin, so that others keep theirs beside them."""
    units = replace(network, polynomial=None)
    return replace(units, polynomial=Polynomial(-float(units(np.zeros((1, network.dim)))[0])))


def natural_scale(network: TwoLayerNetwork) -> float:
    """Where the units are neither linear nor level: within a unit or two of their hyperplanes."""
    if not network.width:
        return 1.0
    length = np.linalg.norm(network.W, axis=1)
    return float(max(0.5 / np.median(length), np.median(np.abs(network.b) / length)))
