"""From walks along lines to all the units of a box: read what stands alone, fit it, look at what is left."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import activation
from twolayer.extract.evidence import unit_evidence
from twolayer.extract.fits import fit_ramps, fit_smooth, inactive_at_the_origin, missing_ramp, missing_step, ramp_parts
from twolayer.extract.lines import Function, Matrix, Vector, kinks, random_line
from twolayer.extract.querying import Oracle, Report
from twolayer.extract.ramps import Ramps, distinct, read_ramps, unexplained, unlike
from twolayer.extract.steps import Steps, distinct_steps, read_steps
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["Rows", "is_explained", "walk_ramps", "walk_steps"]

_LINE_POINTS, _TRIAL_POINTS = 4096, 1024
_ROWS_PER_PARAMETER = 8
_RAMP_SCALES = tuple(10.0**k for k in range(-2, 8))
_FAR_SCALE = 1e4
_STEP_SCALES = tuple(10.0**k for k in range(1, 8))
_FAR_ROWS, _FARTHEST, _FAR_STEP = 256, 10, 30.0
_MOST_LINES, _QUIET_LINES, _STEP_LINES, _MOST_ROUNDS = 30, 4, 8, 6
_MOST_WALKS, _BEYOND, _GOOD = 4, 10.0, 0.03
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
        largest = max(float(np.abs(self.y).max()), np.finfo(np.float64).tiny)
        return float(np.abs(network(self.X) - self.y).max()) / largest


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
    network = _narrowest(oracle, _shown_only(oracle, network, scale, fitted, rng), fitted)
    return _with_far_ramps(oracle, network, scale, rng) if is_explained(
        oracle, fitted.left(network)
    ) else network, scale


def walk_steps(
    oracle: Oracle, name: str, width: int | None, rng: np.random.Generator, report: Report
) -> tuple[TwoLayerNetwork, float]:
    """The network of a box that goes from level to level, for σ = `name`, and the scale of its units.

    Where what the lines show does not explain the box, more lines are walked: a unit is as a rule missing that stood
    alone on too few of them, and a fit without it ends anywhere.
    """
    report("lines", 0, 1.0)
    line_scale = _scale_of_steps(oracle, name, rng)
    seen = _steps_on_a_line(oracle, name, line_scale, rng)
    tries: list[tuple[TwoLayerNetwork, float, float]] = []
    while len(tries) < _MOST_WALKS and not (tries and is_explained(oracle, tries[-1][2])):
        for _ in range(1, _STEP_LINES):
            seen = seen.joined(_steps_on_a_line(oracle, name, line_scale, rng))
        tries.append(_steps_fitted(oracle, distinct_steps(seen, votes=2), name, width, rng, report))
    network, scale, _ = min(tries, key=lambda one: one[2])
    return network, scale


def _steps_fitted(
    oracle: Oracle, units: Steps, name: str, width: int | None, rng: np.random.Generator, report: Report
) -> tuple[TwoLayerNetwork, float, float]:
    """The network from the steps that were read, its scale, and what is left of the values near the origin."""
    d = oracle.box.dim
    every = TwoLayerNetwork(units.a, units.rows[:, :-1], units.rows[:, -1], activation(name))
    scale = _natural_scale(every)
    distance = np.abs(every.b) / np.linalg.norm(every.W, axis=1)
    is_far = distance > _FAR_STEP * scale
    network, farthest = _some_of(every, ~is_far), float(distance[~is_far].max(initial=0.0))
    fitted = Rows.asked(oracle, _count(network.width, d + 2, 1), scale, rng, farthest)
    network, before = fit_smooth(network, fitted.X, fitted.y), np.inf
    for step in range(1, _MOST_ROUNDS + 1):
        left = fitted.left(network)
        report("joint fit", step, left)
        is_enough = width is not None and network.width >= width
        if is_explained(oracle, left) or is_enough or left > _HEADWAY * before:
            break
        before = left
        unit = missing_step(network, fitted.X, fitted.y, rng)
        wider = _joined(network, unit)
        fitted = Rows.asked(oracle, _count(wider.width, d + 2, 1), scale, rng, farthest)
        network = fit_smooth(wider, fitted.X, fitted.y)
    network = _narrowest(oracle, _shown_only(oracle, network, scale, fitted, rng), fitted)
    left = fitted.left(network)
    if is_explained(oracle, left):  # the same units, known better from afar
        rows = Rows.asked(oracle, _count(network.width, d + 2, 1), scale, rng, max(farthest, _BEYOND * scale))
        better = fit_smooth(network, rows.X, rows.y)
        network = better if fitted.left(better) <= 2 * left else network
    return _with_far_steps(oracle, network, _some_of(every, is_far), rng), scale, left


def _new_ramps(
    oracle: Oracle, network: TwoLayerNetwork | None, rows: Matrix, scale: float, rng: np.random.Generator
) -> Ramps:
    """What bends the box beyond the network: line after line, until several bring nothing new."""
    left: Function = oracle if network is None else lambda X: oracle(X) - network(X)
    found, quiet = Ramps.none(oracle.box.dim), 0
    for _ in range(_MOST_LINES):
        line = random_line(oracle.box.dim, scale, _LINE_POINTS, rng, oracle.reach)
        points = line.at(line.theta)
        values = oracle(points)
        rounding = _ROUNDING * oracle.eps * float(np.abs(np.cos(line.theta) * values).max())
        if network is not None:
            values = values - network(points)
        marks = unexplained(line, kinks(line, values, rounding), np.vstack([rows, found.rows]))
        before = len(found)
        found = distinct(found.joined(unlike(read_ramps(left, line, marks), rows, scale)), scale)
        quiet = quiet + 1 if len(found) == before else 0
        if quiet == _QUIET_LINES:
            break
    return found


def _with_far_ramps(
    oracle: Oracle, network: TwoLayerNetwork, scale: float, rng: np.random.Generator
) -> TwoLayerNetwork:
    """The network with the units that only lines farther out show; written so that they are 0 on this side."""
    for _ in range(_MOST_ROUNDS):
        place = _first_unlike(oracle, network, scale, rng)
        if not np.isfinite(place):
            break
        known = ramp_parts(network)[0]
        found = _new_ramps(oracle, network, known, place, rng)
        count = _count(len(found) or network.width, network.dim + 1, network.dim)
        if len(found):
            rows = Rows.asked(oracle, count, place, rng, _distances(found.rows, place)[1])
            more = inactive_at_the_origin(fit_ramps(found.rows, rows.X, rows.y - network(rows.X)))
            better = _joined(network, more)
        else:  # the same units, known better from afar
            rows = Rows.asked(oracle, count, scale, rng, place)
            better = fit_ramps(known, rows.X, rows.y)
        if rows.left(better) > _HEADWAY * rows.left(network):
            break
        network = better
    return network


def _with_far_steps(
    oracle: Oracle, network: TwoLayerNetwork, far: TwoLayerNetwork, rng: np.random.Generator
) -> TwoLayerNetwork:
    """The network with units so far away that they are level where the others are not, fitted beside themselves."""
    for unit in range(far.width):
        w, b = far.W[unit], far.b[unit]
        length, count = np.linalg.norm(w), _count(1, network.dim + 2, 1)
        away = rng.standard_normal((count, network.dim)) * (abs(b) / length)
        X = away - ((away @ w + b + 2 * rng.standard_normal(count)) / length**2)[:, None] * w
        X = oracle.placed(X)
        rows = Rows(X, oracle(X))
        more = fit_smooth(_some_of(far, np.arange(far.width) == unit), rows.X, rows.y - network(rows.X))
        step = replace(more, polynomial=None)
        wider = _joined(network, replace(step, polynomial=Polynomial(-float(step(np.zeros((1, network.dim)))[0]))))
        if rows.left(wider) < _HEADWAY * rows.left(network):
            network = wider
    return network


def _joined(network: TwoLayerNetwork, more: TwoLayerNetwork) -> TwoLayerNetwork:
    """The sum of two networks of one activation."""
    one, other = network.polynomial, more.polynomial
    return TwoLayerNetwork(
        np.r_[network.a, more.a],
        np.vstack([network.W, more.W]),
        np.r_[network.b, more.b],
        network.activation,
        one + other if one is not None and other is not None else one or other,
    )


def _some_of(network: TwoLayerNetwork, kept: NDArray[np.bool_]) -> TwoLayerNetwork:
    """Some of the units, alone."""
    return TwoLayerNetwork(network.a[kept], network.W[kept], network.b[kept], network.activation)


def _first_unlike(oracle: Oracle, network: TwoLayerNetwork, scale: float, rng: np.random.Generator) -> float:
    """The nearest scale, of powers of ten times `scale`, at which the box is not the network; infinite if none is."""
    for power in range(1, _FARTHEST + 1):
        X = oracle.placed(10.0**power * scale * rng.standard_normal((_FAR_ROWS, network.dim)))
        y = oracle.within_reach(X)
        if y is None:
            break
        if not is_explained(oracle, Rows(X, y).left(network)):
            return 10.0**power * scale
    return np.inf


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
    some = _some_of(network, kept)
    if network.activation.kinks:
        return fit_ramps(ramp_parts(some)[0], rows.X, rows.y)
    return fit_smooth(some, rows.X, rows.y)


def _scale_of_kinks(oracle: Oracle, rng: np.random.Generator) -> float:
    """The smallest scale at which a line shows nearly as many kinks as at any; far out only where none shows nearer."""
    counts: list[int] = []
    scales = _within(_RAMP_SCALES, oracle)
    for scale in scales:
        if scale > _FAR_SCALE and any(counts[:-2]):
            break
        line = random_line(oracle.box.dim, scale, _TRIAL_POINTS, rng, oracle.reach)
        values = oracle(line.at(line.theta))
        rounding = _ROUNDING * oracle.eps * float(np.abs(np.cos(line.theta) * values).max())
        counts.append(len(kinks(line, values, rounding).theta))
    return _smallest(scales[: len(counts)], counts) if any(counts) else min(1.0, oracle.reach / 10)


def _scale_of_steps(oracle: Oracle, name: str, rng: np.random.Generator) -> float:
    """The smallest scale at which nearly as many steps can be read, and as exactly, on two lines as at any."""
    scales = _within(_STEP_SCALES, oracle)
    lines = ([_steps_on_a_line(oracle, name, scale, rng) for _ in range(2)] for scale in scales)
    return _smallest(scales, [sum(float((1 / (1 + one.error / _GOOD)).sum()) for one in pair) for pair in lines])


def _steps_on_a_line(oracle: Oracle, name: str, scale: float, rng: np.random.Generator) -> Steps:
    line = random_line(oracle.box.dim, scale, _LINE_POINTS, rng, oracle.reach)
    return read_steps(oracle, line, oracle(line.at(line.theta)), _ROUNDING * oracle.eps, name)


def _distances(rows: Matrix, scale: float) -> tuple[float, float]:
    """Median and largest distance of hyperplanes from the origin; `scale` counts where all go through it."""
    if not len(rows):
        return scale, scale
    distance = np.abs(rows[:, -1]) / np.linalg.norm(rows[:, :-1], axis=1)
    return max(float(np.median(distance)), _NEAREST * scale), float(distance.max())


def _within(scales: tuple[float, ...], oracle: Oracle) -> tuple[float, ...]:
    """Those from which the box can be asked farther out still; a tenth of its reach if none is such."""
    return tuple(scale for scale in scales if 10 * scale <= oracle.reach) or (oracle.reach / 10,)


def _smallest(scales: tuple[float, ...], counts: Sequence[float]) -> float:
    return next(scale for scale, count in zip(scales, counts, strict=True) if count >= _AT_LEAST_AS_MANY * max(counts))


def _natural_scale(network: TwoLayerNetwork) -> float:
    """Where the units are neither linear nor level: within a unit or two of their hyperplanes."""
    if not network.width:
        return 1.0
    length = np.linalg.norm(network.W, axis=1)
    return float(max(0.5 / np.median(length), np.median(np.abs(network.b) / length)))


def _count(width: int, per_unit: int, further: int) -> int:
    return _ROWS_PER_PARAMETER * (width * per_unit + further + 1) + 20 * per_unit
