"""What every walk through a box needs: rows to fit on, whether the fit explains them, which of its units it needs."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.evidence import unit_evidence
from twolayer.extract.fits import FitRules, fit_ramps, fit_smooth, ramp_parts
from twolayer.extract.lines import Line, MarkRules, Matrix, Vector, random_line
from twolayer.extract.querying import Report
from twolayer.extract.ramps import RampRules
from twolayer.extract.rounding import roundings_left
from twolayer.extract.standards import ExtractionStandards
from twolayer.extract.steps import StepRules
from twolayer.extract.view import View
from twolayer.network import TwoLayerNetwork

__all__ = ["Rows", "Walk", "WalkRules", "joined", "some_of"]


@dataclass(frozen=True)
class WalkRules:
    """How a box is walked through, and when it has been walked through enough.

    Attributes
    ----------
    marks, ramps, steps, fits : MarkRules, RampRules, StepRules, FitRules
        How what is on a line is read, and fitted.
    line_points, trial_points : int
        Points of a line that is read, and of one that only tells at which scale to read. Marks 1/4096 of the line
        apart are parted.
    rows_per_parameter, further_rows : int
        Rows of the joint fit: so many to a parameter, and to each parameter of one unit. Eight to one lets a fit that
        has one unit too few leave seven eighths of what that unit does.
    ramp_scales : tuple of float
        At which kinks are looked for, in units of the inputs; those above `far_scale` only if none nearer shows any.
    far_scale : float
    step_scales : tuple of float
        At which steps are looked for: they are jumps only where the line is long beside their width.
    step_lines : int
        Lines read at once for steps.
    votes : int
        Lines on which a step must have been seen: what two close ones look like together is seen only once.
    most_walks : int
        How often so many lines more are read where the steps seen so far explain too little.
    most_lines, quiet_lines : int
        Of lines for ramps: at most, and until so many together brought nothing new.
    most_rounds : int
        Of fitting, and looking at what is left.
    headway : float
        A further unit that leaves more than this part of what was left has explained nothing.
    rounding : float
        Roundings of a value that are noise on a line: f and its arguments round once or twice each.
    good : float
        Relative error at which a step counts half, in choosing the scale of the lines.
    nearly_all : float
        The smallest scale is taken that shows this part of the marks of the best.
    nearest : float
        The part of its scale that a walk sees at least: rows are drawn no nearer the origin.
    far_step : float
        Distance of a step, in units of the scale of the others, from which on it is fitted beside itself. Nearer, all
        are fitted together; from some thousand on w and b are too nearly one parameter for that.
    thin : float
        The part of the rows that must see a unit change course: where fewer do, rows are added beside its hyperplane.
    beyond : float
        How many scales farther out steps are fitted once more when all are known: hyperplanes are known better there.
    far_rows, farthest : int
        Rows at each power of ten outwards that tell where ramps begin that nearer lines do not show, and how many.
    unshown : float
        A unit that the box shows so much less of is tried without.
    doubtful : float
        Roundings that are left over without a unit, up to which it is tried without.
    most_doubted : int
        Of such units, how many are tried, those first that would be missed least: each costs a joint fit.
    """

    marks: MarkRules = MarkRules()
    ramps: RampRules = RampRules()
    steps: StepRules = StepRules()
    fits: FitRules = FitRules()
    line_points: int = 4096
    trial_points: int = 1024
    rows_per_parameter: int = 8
    further_rows: int = 20
    ramp_scales: tuple[float, ...] = tuple(10.0**k for k in range(-2, 8))
    far_scale: float = 1e4
    step_scales: tuple[float, ...] = tuple(10.0**k for k in range(1, 8))
    step_lines: int = 8
    votes: int = 2
    most_walks: int = 4
    most_lines: int = 30
    quiet_lines: int = 4
    most_rounds: int = 6
    headway: float = 0.7
    rounding: float = 4.0
    good: float = 0.03
    nearly_all: float = 0.8
    nearest: float = 0.1
    far_step: float = 300.0
    thin: float = 0.1
    beyond: float = 10.0
    far_rows: int = 256
    farthest: int = 10
    unshown: float = 0.5
    doubtful: float = 300.0
    most_doubted: int = 2


@dataclass(frozen=True)
class Rows:
    """Rows that a joint fit is on.

    Attributes
    ----------
    X, y : arrays, shapes (n, d) and (n,)
    """

    X: Matrix
    y: Vector

    def left(self, network: TwoLayerNetwork) -> float:
        """Largest difference from the network, relative to the largest value."""
        largest = max(float(np.abs(self.y).max()), np.finfo(np.float64).tiny)
        return float(np.abs(network(self.X) - self.y).max()) / largest

    def joined(self, other: "Rows") -> "Rows":
        """These and others."""
        return Rows(np.vstack([self.X, other.X]), np.r_[self.y, other.y])


@dataclass(frozen=True)
class Walk:
    """A box, as it is seen, and by what rules it is walked through.

    Attributes
    ----------
    view : View
    rng : Generator
    report : callable
        Called with (stage, step, what is left).
    standards : ExtractionStandards
    rules : WalkRules
    """

    view: View
    rng: np.random.Generator
    report: Report = lambda *_: None
    standards: ExtractionStandards = ExtractionStandards()
    rules: WalkRules = WalkRules()

    def line(self, scale: float, points: int) -> tuple[Line, Matrix, Vector]:
        """A random line at this scale, its points, and the values there."""
        line = random_line(self.view.dim, scale, points, self.rng, self.view.reach)
        at = line.at(line.theta)
        return line, at, self.view(at)

    def rows(self, count: int, scale: float, farthest: float = 0.0) -> Rows:
        """Gaussian rows of all sizes from a third of `scale` to three times that, or the `farthest` hyperplane."""
        low, high = np.log(scale / 3), np.log(3 * max(scale, farthest))
        sizes = np.exp(self.rng.uniform(low, high, (count, 1)))
        X = self.view.placed(sizes * self.rng.standard_normal((count, self.view.dim)))
        return Rows(X, self.view(X))

    def count(self, width: int, per_unit: int, further: int) -> int:
        """How many rows for a joint fit of so many units, of so many parameters each, and some parameters more."""
        return self.rules.rows_per_parameter * (width * per_unit + further + 1) + self.rules.further_rows * per_unit

    def is_explained(self, rows: Rows, network: TwoLayerNetwork) -> bool:
        """Whether what is left over is rounding."""
        return roundings_left(self.view, network, rows.X, rows.y, self.standards) <= self.standards.explained

    def scales(self, scales: tuple[float, ...]) -> tuple[float, ...]:
        """Those from which the box can be asked farther out still; a tenth of its reach if none is such."""
        return tuple(scale for scale in scales if 10 * scale <= self.view.reach) or (self.view.reach / 10,)

    def shown_only(self, network: TwoLayerNetwork, scale: float, rows: Rows) -> TwoLayerNetwork:
        """The network without the units that the box does not show, if it is none the worse."""
        shown = unit_evidence(self.view, network, scale, self.rng)
        kept = np.abs(shown - 1) < self.rules.unshown
        if kept.all():
            return network
        narrower = self._fitted_with(network, kept, rows)
        is_as_good = self.is_explained(rows, narrower) or rows.left(narrower) <= 2 * rows.left(network)
        return narrower if is_as_good else network

    def narrowest(self, network: TwoLayerNetwork, rows: Rows) -> TwoLayerNetwork:
        """The network without units that the others make up for, such as the second of two on one hyperplane."""
        network = self._that_add_something(network, rows)
        while network.width > 1 and self.is_explained(rows, network):
            missed = cost_of_leaving_out(network, rows)
            least = self.rules.doubtful * self.view.rounding(rows.y)
            doubted = [unit for unit in np.argsort(missed)[: self.rules.most_doubted] if missed[unit] < least]
            trials = (self._fitted_with(network, np.arange(network.width) != unit, rows) for unit in doubted)
            narrower = next((trial for trial in trials if self.is_explained(rows, trial)), None)
            if narrower is None:
                break
            network = narrower
        return network

    def _that_add_something(self, network: TwoLayerNetwork, rows: Rows) -> TwoLayerNetwork:
        """The network without the smooth units that a fit has left idle: nowhere do they add as much as a rounding."""
        if network.activation.kinks:
            return network
        swing = np.ptp(network.activation(rows.X @ network.W.T + network.b), axis=0)
        adds = np.abs(network.a) * swing > self.view.rounding(rows.y)
        return network if adds.all() else replace(some_of(network, adds), polynomial=network.polynomial)

    def _fitted_with(self, network: TwoLayerNetwork, kept: NDArray[np.bool_], rows: Rows) -> TwoLayerNetwork:
        """The best fit that starts from some of the units."""
        some = some_of(network, kept)
        if network.activation.kinks:
            return fit_ramps(ramp_parts(some)[0], rows.X, rows.y, self.rules.fits)
        return fit_smooth(some, rows.X, rows.y, self.rules.fits)


def cost_of_leaving_out(network: TwoLayerNetwork, rows: Rows) -> Vector:
    r"""Root mean square left over without each unit, (m,), if the others change their outer weights to make up for it.

    With the columns :math:`A = [a_i \sigma(w_i\cdot X + b_i) \mid X \mid 1]` and the Gram matrix :math:`G = A^\top A`,
    what column i has that no others have is :math:`1 / (G^{-1})_{ii}`, squared. With :math:`A = QR` it is one over the
    square of the norm of row i of :math:`R^{-1}`, the pseudo-inverse where columns are alike.
    """
    values = network.activation(rows.X @ network.W.T + network.b) * network.a
    R = np.linalg.qr(np.column_stack([values, rows.X, np.ones(len(rows.X))]), mode="r")
    inverse = np.linalg.pinv(R)[: network.width]
    return 1 / np.linalg.norm(inverse, axis=1) / np.sqrt(len(rows.X))


def joined(network: TwoLayerNetwork, more: TwoLayerNetwork) -> TwoLayerNetwork:
    """The sum of two networks of one activation."""
    one, other = network.polynomial, more.polynomial
    return TwoLayerNetwork(
        np.r_[network.a, more.a],
        np.vstack([network.W, more.W]),
        np.r_[network.b, more.b],
        network.activation,
        one + other if one is not None and other is not None else one or other,
    )


def some_of(network: TwoLayerNetwork, kept: NDArray[np.bool_]) -> TwoLayerNetwork:
    """Some of the units, alone."""
    return TwoLayerNetwork(network.a[kept], network.W[kept], network.b[kept], network.activation)


def smallest(scales: tuple[float, ...], counts: list[float], share: float) -> float:
    """The smallest of the scales that counts this share of what the best does."""
    return next(scale for scale, count in zip(scales, counts, strict=True) if count >= share * max(counts))
