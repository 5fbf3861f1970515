"""From lines to all the units of a box that bends at hyperplanes: read what stands alone, fit it, look at the rest."""

import numpy as np

from twolayer.extract.fits import fit_ramps, inactive_at_the_origin, missing_ramp, ramp_parts
from twolayer.extract.lines import Function, Matrix, kinks
from twolayer.extract.ramps import Ramps, distinct, read_ramps, unexplained, unlike
from twolayer.extract.walks import Rows, Walk, joined, smallest
from twolayer.network import TwoLayerNetwork

__all__ = ["RampWalk"]


class RampWalk(Walk):
    """A walk for relu and its kin."""

    def network(self, start: TwoLayerNetwork | None = None) -> tuple[TwoLayerNetwork, float]:
        """The relu network, with an affine part, that is in the box, and the scale at which it bends.

        From a `start` that has its units nearly, only those are looked for that it lacks.
        """
        d = self.view.dim
        if start is None or not start.width:
            scale = self._scale()
            self.report("lines", 0, 1.0)
            rows = self._new(None, np.zeros((0, d + 1)), scale).rows
        else:
            scale, rows = 1.0, ramp_parts(start)[0]
        scale, farthest = self._distances(rows, scale)
        fitted = self.rows(self._count(len(rows)), scale, farthest)
        network, before = fit_ramps(rows, fitted.X, fitted.y, self.rules.fits), np.inf
        for step in range(1, self.rules.most_rounds + 1):
            left = fitted.left(network)
            self.report("joint fit", step, left)
            if self.is_explained(fitted, network) or left > self.rules.headway * before:
                break
            before = left
            found = self._new(network, ramp_parts(network)[0], scale)
            new = found.rows if len(found) else missing_ramp(network, fitted.X, fitted.y, self.rng, self.rules.fits)
            rows = np.vstack([ramp_parts(network)[0], new])
            fitted = self.rows(self._count(len(rows)), scale, farthest)
            network = fit_ramps(rows, fitted.X, fitted.y, self.rules.fits)
        network = self.narrowest(self.shown_only(network, scale, fitted), fitted)
        if self.is_explained(fitted, network):
            network = self._with_far_units(network, scale)
        return network, scale

    def _new(self, network: TwoLayerNetwork | None, known: Matrix, scale: float) -> Ramps:
        """What bends the box beyond the network: line after line, until several bring nothing new."""
        left: Function = self.view if network is None else lambda X: self.view(X) - network(X)
        rules, found, quiet = self.rules, Ramps.none(self.view.dim), 0
        for _ in range(rules.most_lines):
            line, points, values = self.line(scale, rules.line_points)
            rounding = rules.rounding * self.view.rounding(values, np.cos(line.theta))
            if network is not None:
                values = values - network(points)
            all_known = np.vstack([known, found.rows])
            marks = unexplained(line, kinks(line, values, rounding, rules.marks), all_known, rules.ramps)
            read = unlike(read_ramps(left, line, marks, rules.ramps), known, scale, rules.ramps)
            before, found = len(found), distinct(found.joined(read), scale, rules.ramps)
            quiet = quiet + 1 if len(found) == before else 0
            if quiet == rules.quiet_lines:
                break
        return found

    def _with_far_units(self, network: TwoLayerNetwork, scale: float) -> TwoLayerNetwork:
        """The network with the units that only lines farther out show; written so that they are 0 on this side."""
        for _ in range(self.rules.most_rounds):
            place = self._first_unlike(network, scale)
            if not np.isfinite(place):
                break
            known = ramp_parts(network)[0]
            found = self._new(network, known, place)
            count = self._count(len(found) or network.width)
            if len(found):
                rows = self.rows(count, place, self._distances(found.rows, place)[1])
                left = rows.y - network(rows.X)
                more = inactive_at_the_origin(fit_ramps(found.rows, rows.X, left, self.rules.fits))
                better = joined(network, more)
            else:  # the same units, known better from afar
                rows = self.rows(count, scale, place)
                better = fit_ramps(known, rows.X, rows.y, self.rules.fits)
            if rows.left(better) > self.rules.headway * rows.left(network):
                break
            network = better
        return network

    def _first_unlike(self, network: TwoLayerNetwork, scale: float) -> float:
        """The nearest scale, of powers of ten times `scale`, at which the box is not the network; infinite if none."""
        for power in range(1, self.rules.farthest + 1):
            X = 10.0**power * scale * self.rng.standard_normal((self.rules.far_rows, network.dim))
            X = self.view.placed(X)
            y = self.view.within_reach(X)
            if y is None:
                break
            if not self.is_explained(Rows(X, y), network):
                return 10.0**power * scale
        return np.inf

    def _scale(self) -> float:
        """The smallest scale at which a line shows nearly as many kinks as at any; far only where none shows nearer."""
        counts: list[float] = []
        scales = self.scales(self.rules.ramp_scales)
        for scale in scales:
            # two powers of ten below the far ones, so that units of which the near lines showed one are seen together
            if scale > self.rules.far_scale and any(counts[:-2]):
                break
            line, _, values = self.line(scale, self.rules.trial_points)
            rounding = self.rules.rounding * self.view.rounding(values, np.cos(line.theta))
            counts.append(len(kinks(line, values, rounding, self.rules.marks).theta))
        if not any(counts):
            return min(1.0, self.view.reach / 10)
        return smallest(scales[: len(counts)], counts, self.rules.nearly_all)

    def _distances(self, rows: Matrix, scale: float) -> tuple[float, float]:
        """Median and largest distance of hyperplanes from the origin; `scale` counts where all go through it."""
        if not len(rows):
            return scale, scale
        distance = np.abs(rows[:, -1]) / np.linalg.norm(rows[:, :-1], axis=1)
        return max(float(np.median(distance)), self.rules.nearest * scale), float(distance.max())

    def _count(self, width: int) -> int:
        return self.count(width, self.view.dim + 1, self.view.dim)
