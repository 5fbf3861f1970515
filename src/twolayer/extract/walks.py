"""From walks along lines to all the units of a box: read what stands alone, fit it, look at what is left."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import activation
from twolayer.extract.evidence import unit_evidence
from twolayer.extract.fits import fit_ramps, fit_smooth, missing_ramp, missing_step, ramp_parts
from twolayer.extract.lines import Function, Matrix, Vector, kinks, random_line
from twolayer.extract.querying import Oracle, Report
from twolayer.extract.ramps import Ramps, distinct, read_ramps, unexplained, unlike
from twolayer.extract.steps import Steps, distinct_steps, read_steps
from twolayer.network import TwoLayerNetwork

__all__ = ["Rows", "is_explained", "walk_ramps", "walk_steps"]

_LINE_POINTS, _TRIAL_POINTS = 4096, 1024
_ROWS_PER_PARAMETER = 8
_RAMP_SCALES = tuple(10.0**k for k in range(-2, 5))
_STEP_SCALES = tuple(10.0**k for k in range(1, 8))
_MOST_LINES, _QUIET_LINES, _STEP_LINES, _MOST_ROUNDS = 30, 4, 8, 6
_AT_LEAST_AS_MANY = 0.8
_NEAREST = 0.1
_ROUNDING = 4.0
_EXPLAINED = 40.0  # roundings
_SHOWN, _HEADWAY = 0.5, 0.7
_MOST_DOUBTED, _DOUBTFUL = 2, 300.0


@dataclass(frozen=True)
class Rows:
    """Rows that the joint fit is on.

    Attributes
    ----------
    X, y : arrays, shapes (n, d) and (n,)
    """

    X: Matrix
    y: Vector

    @classmethod
    def asked(cls, oracle: Oracle, count: int, scale: float, rng: np.random.Generator, farthest: float = 0.0) -> "Rows":
        """Gaussian rows of all sizes from a third of `scale` to three times that, or the `farthest` hyperplane."""
        low, high = np.log(scale / 3), np.log(3 * max(scale, farthest))
        sizes = np.exp(rng.uniform(low, high, (count, 1)))
        X = oracle.placed(sizes * rng.standard_normal((count, oracle.box.dim)))
        return cls(X, oracle(X))

    def left(self, network: TwoLayerNetwork) -> float:
        """Largest difference from the network, relative to the largest value."""
        return float(np.abs(network(self.X) - self.y).max() / np.abs(self.y).max())


def is_explained(oracle: Oracle, left: float) -> bool:
    """Whether what is left over, relative to the largest value, is rounding."""
    return left <= _EXPLAINED * oracle.eps


def walk_ramps(oracle: Oracle, rng: np.random.Generator, report: Report) -> tuple[TwoLayerNetwork, float]:
    """The relu network, with an affine part, of a box that bends at hyperplanes, and the scale at which it does."""
    d = oracle.box.dim
    scale = _scale_of_kinks(oracle, rng)
    report("lines", 0, 1.0)
    found = _new_ramps(oracle, None, np.zeros((0, d + 1)), scale, rng)
    rows = found.rows
    scale, farthest = _distances(rows, scale)
    fitted = Rows.asked(oracle, _count(len(rows), d + 1, d), scale, rng, farthest)
    network, before = fit_ramps(rows, fitted.X, fitted.y), np.inf
    for step in range(1, _MOST_ROUNDS + 1):
        left = fitted.left(network)
        report("joint fit", step, left)
        if is_explained(oracle, left) or left > _HEADWAY * before:
            break
        before = left
        found = _new_ramps(oracle, network, ramp_parts(network)[0], scale, rng)
        new = found.rows if len(found) else missing_ramp(network, fitted.X, fitted.y, rng)
        rows = np.vstack([ramp_parts(network)[0], new])
        fitted = Rows.asked(oracle, _count(len(rows), d + 1, d), scale, rng, farthest)
        network = fit_ramps(rows, fitted.X, fitted.y)
    return _narrowest(oracle, _shown_only(oracle, network, scale, fitted, rng), fitted), scale


def walk_steps(
    oracle: Oracle, name: str, width: int | None, rng: np.random.Generator, report: Report
) -> tuple[TwoLayerNetwork, float]:
    """The network of a box that goes from level to level, for σ = `name`, and the scale of its units."""
    d, sigma = oracle.box.dim, activation(name)
    report("lines", 0, 1.0)
    scale = _scale_of_steps(oracle, name, rng)
    every = _steps_on_a_line(oracle, name, scale, rng)
    for _ in range(1, _STEP_LINES):
        every = every.joined(_steps_on_a_line(oracle, name, scale, rng))
    units = distinct_steps(every, votes=2)
    network = TwoLayerNetwork(units.a, units.rows[:, :-1], units.rows[:, -1], sigma)
    scale = _natural_scale(network)
    fitted = Rows.asked(oracle, _count(network.width, d + 2, 1), scale, rng)
    network, before = fit_smooth(network, fitted.X, fitted.y), np.inf
    for step in range(1, _MOST_ROUNDS + 1):
        left = fitted.left(network)
        report("joint fit", step, left)
        is_enough = width is not None and network.width >= width
        if is_explained(oracle, left) or is_enough or left > _HEADWAY * before:
            break
        before = left
        unit = missing_step(network, fitted.X, fitted.y, rng)
        wider = TwoLayerNetwork(
            np.r_[network.a, unit.a], np.vstack([network.W, unit.W]), np.r_[network.b, unit.b], sigma
        )
        fitted = Rows.asked(oracle, _count(wider.width, d + 2, 1), scale, rng)
        network = fit_smooth(wider, fitted.X, fitted.y)
    return _narrowest(oracle, _shown_only(oracle, network, scale, fitted, rng), fitted), scale


def _new_ramps(
    oracle: Oracle, network: TwoLayerNetwork | None, rows: Matrix, scale: float, rng: np.random.Generator
) -> Ramps:
    """What bends the box beyond the network: line after line, until several bring nothing new."""
    left: Function = oracle if network is None else lambda X: oracle(X) - network(X)
    found, quiet = Ramps.none(oracle.box.dim), 0
    for _ in range(_MOST_LINES):
        line = random_line(oracle.box.dim, scale, _LINE_POINTS, rng)
        points = line.at(line.theta)
        values = oracle(points)
        rounding = _ROUNDING * oracle.eps * float(np.abs(np.cos(line.theta) * values).max())
        if network is not None:
            values = values - network(points)
        marks = unexplained(line, kinks(line, values, rounding), np.vstack([rows, found.rows]))
        before = len(found)
        found = distinct(found.joined(unlike(read_ramps(left, line, marks), rows)))
        quiet = quiet + 1 if len(found) == before else 0
        if quiet == _QUIET_LINES:
            break
    return found


def _shown_only(
    oracle: Oracle, network: TwoLayerNetwork, scale: float, rows: Rows, rng: np.random.Generator
) -> TwoLayerNetwork:
    """The network without the units that the box does not show, if it is none the worse."""
    shown = unit_evidence(oracle, network, scale, rng)
    kept = np.abs(shown - 1) < _SHOWN
    if kept.all():
        return network
    narrower = _fitted_with(network, kept, rows)
    is_as_good = is_explained(oracle, rows.left(narrower)) or rows.left(narrower) <= 2 * rows.left(network)
    return narrower if is_as_good else network


def _narrowest(oracle: Oracle, network: TwoLayerNetwork, rows: Rows) -> TwoLayerNetwork:
    """The network without units that the others make up for, such as the second of two on one hyperplane."""
    while network.width > 1 and is_explained(oracle, rows.left(network)):
        missed = _missed(network, rows)
        doubted = [unit for unit in np.argsort(missed)[:_MOST_DOUBTED] if missed[unit] < _DOUBTFUL * oracle.eps]
        trials = (_fitted_with(network, np.arange(network.width) != unit, rows) for unit in doubted)
        narrower = next((trial for trial in trials if is_explained(oracle, rows.left(trial))), None)
        if narrower is None:
            break
        network = narrower
    return network


def _missed(network: TwoLayerNetwork, rows: Rows) -> Vector:
    """Root mean square left over without each unit, relative to the values, if the others change their amplitudes."""
    values = network.activation(rows.X @ network.W.T + network.b) * network.a
    Q, R = np.linalg.qr(np.column_stack([values, rows.X, np.ones(len(rows.X))]))
    inverse = np.linalg.pinv(R)[: network.width]
    return 1 / np.linalg.norm(inverse, axis=1) / np.sqrt(len(Q)) / float(np.abs(rows.y).max())


def _fitted_with(network: TwoLayerNetwork, kept: NDArray[np.bool_], rows: Rows) -> TwoLayerNetwork:
    """The best fit that starts from some of the units."""
    some = TwoLayerNetwork(network.a[kept], network.W[kept], network.b[kept], network.activation)
    if network.activation.kinks:
        return fit_ramps(ramp_parts(some)[0], rows.X, rows.y)
    return fit_smooth(some, rows.X, rows.y)


def _scale_of_kinks(oracle: Oracle, rng: np.random.Generator) -> float:
    """The smallest scale at which a line shows nearly as many kinks as at any."""
    counts = []
    for scale in _RAMP_SCALES:
        line = random_line(oracle.box.dim, scale, _TRIAL_POINTS, rng)
        values = oracle(line.at(line.theta))
        rounding = _ROUNDING * oracle.eps * float(np.abs(np.cos(line.theta) * values).max())
        counts.append(len(kinks(line, values, rounding).theta))
    return _smallest(_RAMP_SCALES, counts)


def _scale_of_steps(oracle: Oracle, name: str, rng: np.random.Generator) -> float:
    """The smallest scale at which nearly as many steps can be read on two lines as at any."""
    counts = [sum(len(_steps_on_a_line(oracle, name, scale, rng)) for _ in range(2)) for scale in _STEP_SCALES]
    return _smallest(_STEP_SCALES, counts)


def _steps_on_a_line(oracle: Oracle, name: str, scale: float, rng: np.random.Generator) -> Steps:
    line = random_line(oracle.box.dim, scale, _LINE_POINTS, rng)
    return read_steps(oracle, line, oracle(line.at(line.theta)), _ROUNDING * oracle.eps, name)


def _distances(rows: Matrix, scale: float) -> tuple[float, float]:
    """Median and largest distance of hyperplanes from the origin; `scale` counts where all go through it."""
    if not len(rows):
        return scale, scale
    distance = np.abs(rows[:, -1]) / np.linalg.norm(rows[:, :-1], axis=1)
    return max(float(np.median(distance)), _NEAREST * scale), float(distance.max())


def _smallest(scales: tuple[float, ...], counts: list[int]) -> float:
    return next(scale for scale, count in zip(scales, counts, strict=True) if count >= _AT_LEAST_AS_MANY * max(counts))


def _natural_scale(network: TwoLayerNetwork) -> float:
    """Where the units are neither linear nor level: within a unit or two of their hyperplanes."""
    if not network.width:
        return 1.0
    length = np.linalg.norm(network.W, axis=1)
    return float(max(0.5 / np.median(length), np.median(np.abs(network.b) / length)))


def _count(width: int, per_unit: int, further: int) -> int:
    return _ROWS_PER_PARAMETER * (width * per_unit + further + 1) + 20 * per_unit
