r"""A box whose outputs have passed through a logistic function: taken apart before it.

.. math:: y = \frac1{1 + e^{-z(x)}}, \qquad z(x) = \sum_i a_i\,\sigma(w_i\cdot x + b_i) + c.

The logit of an answer is z, to :math:`\epsilon/(1 - y)`: next to nothing where z is negative, and all of it where y has
become 1. So z is cut off where the answers say too little of it, which makes it level there, and units are read, and
fitted, where it is below.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation, activation
from twolayer.arrays import whole_number
from twolayer.errors import InputError
from twolayer.extract.boxes import Box, Declared
from twolayer.extract.forms import SIGMOID, written_with
from twolayer.extract.lines import Matrix
from twolayer.extract.outcome import Check
from twolayer.extract.querying import Oracle, Report
from twolayer.extract.smooth.walk import SmoothWalk
from twolayer.extract.view import View
from twolayer.extract.walks import Rows, Walk
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["Linked", "LinkedRules", "LogitBox", "extract_linked"]


@dataclass(frozen=True)
class LinkedRules:
    """How far z is believed, and what is compared in the end.

    Attributes
    ----------
    limit : float
        The z from which on it is cut off: its rounding is that of the answers times e¹², some 4e-11.
    lines : int
        Far lines at most: on many of them a unit changes course only where z is cut off.
    scales : tuple of float
        Of the inputs at which network and box are compared, in units of the scale on which the units are seen.
    rows : int
        Compared at each.
    equal : float
        Largest difference of the answers, relative to 1, up to which network and box are equal.
    rows_per_height : int
        Rows for each height that is fitted where the units are known from another output.
    same : float
        Relative error up to which a unit of one output is that of another.
    """

    limit: float = 12.0
    lines: int = 24
    scales: tuple[float, ...] = (0.3, 1.0, 3.0, 10.0, 100.0)
    rows: int = 2048
    equal: float = 1e-9
    rows_per_height: int = 40
    same: float = 1e-3


@dataclass(frozen=True)
class Linked:
    """A network before its logistic outputs, and what speaks for it.

    Attributes
    ----------
    network : TwoLayerNetwork
        Of z; what the box gives is the logistic function of its outputs.
    checks : tuple of Check
        Of the answers, at fresh inputs; differences and tolerance relative to 1.
    queries : int
    """

    network: TwoLayerNetwork
    checks: tuple[Check, ...]
    queries: int

    @property
    def is_certified(self) -> bool:
        """Whether network and box agree at all fresh inputs."""
        return all(check.largest <= check.tolerance for check in self.checks)

    def __call__(self, X: Matrix) -> NDArray[np.float64]:
        """The answers of the network, through the logistic function."""
        return np.asarray(SIGMOID(self.network(X)))


class LogitBox:
    """The logit of one output of a box, cut off at the limit.

    Parameters
    ----------
    box : Box
    output : int
    limit : float
    """

    def __init__(self, box: Box, output: int = 0, limit: float = LinkedRules().limit) -> None:
        self.box, self.output, self.limit = box, output, limit
        self.name, self.dim, self.declared = box.name, box.dim, Declared()

    def __call__(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """The z where it is below the limit, and the limit elsewhere.

        Raises
        ------
        InputError
            If an answer is outside [0, 1].
        """
        y = np.asarray(self.box(X), np.float64).reshape(len(X), -1)[:, self.output]
        if not np.all((y >= 0) & (y <= 1)):
            raise InputError(f"{self.name} must give values from 0 to 1, as a logistic output does, found {y.min():g}")
        with np.errstate(divide="ignore"):
            z = np.log(y) - np.log1p(-y)
        return np.clip(z, -DEEPEST, self.limit)


DEEPEST = 700.0
"""Below this e^z is no float64 of full precision."""


class LinkedWalk(SmoothWalk):
    """A walk that leaves out where z is cut off."""

    @property
    def _limit(self) -> float:
        box: Any = self.view.oracle.box
        return float((box.limit - self.view.units.level) / self.view.units.size)

    def rows(self, count: int, scale: float, farthest: float = 0.0) -> Rows:
        """Rows of all sizes where z is below its limit; as many as there are among four times the count."""
        every = super().rows(4 * count, scale, farthest)
        return self._below(every, count)

    def _beside(self, network: TwoLayerNetwork, unit: int, scale: float, count: int = 0) -> Rows:
        every = super()._beside(network, unit, scale, 4 * (count or self._count(1)))
        return self._below(every, count or self._count(1))

    def _below(self, rows: Rows, count: int) -> Rows:
        kept = np.flatnonzero(rows.y < self._limit)[:count]
        return Rows(rows.X[kept], rows.y[kept]) if len(kept) else Rows(rows.X[:1], rows.y[:1])

    def _is_complete(self, known: TwoLayerNetwork, is_bounded: bool) -> bool:  # noqa: ARG002 - of any walk
        """Whether what was read makes up z far out, where it is below its limit."""
        X = self.view.placed(self._scale * self.rng.standard_normal((4 * self.how.complete_rows, self.view.dim)))
        y = self.view(X)
        below = y < self._limit
        if below.sum() < self.how.complete_rows / 4:
            return False
        left = (y - known(X))[below]
        left = left - np.median(left)
        return bool(np.mean(np.abs(left) < self.how.complete * np.abs(known.a).min()) > 0.8)

    def _is_wavy(self, growth: int) -> bool:  # noqa: ARG002 - of any walk
        return False


def extract_linked(
    box: Box,
    *,
    sigma: str | Activation = "tanh",
    budget: int = 3_000_000,
    rng: np.random.Generator | int | None = None,
    report: Report | None = None,
    rules: LinkedRules = LinkedRules(),
) -> Linked:
    """Find the two-layer network before the logistic outputs of a box.

    Parameters
    ----------
    box : Box
        Of one output or several, all from 0 to 1.
    sigma : str or Activation
        Of the hidden units: tanh, sigmoid or erf.
    budget : int
        The most rows to ask for, for each output.
    rng : Generator, int or None
    report : callable, optional
        Called with (stage, step, what is left).
    rules : LinkedRules, optional

    Returns
    -------
    Linked

    Raises
    ------
    InputError
        As `extract` does; if an answer is not from 0 to 1; if no unit is seen.

    Notes
    -----
    One output is taken apart, and the others fitted with its units; where they do not do, these are taken apart too,
    and their units matched. It fails where a unit changes course only where all outputs have become 1.
    """
    wanted, generator = activation(sigma), np.random.default_rng(rng)
    outputs = np.asarray(box(np.zeros((1, box.dim)))).size
    parts: dict[int, TwoLayerNetwork] = {}
    queries, scale, left = 1, 1.0, list(range(outputs))
    while left:
        # the units of one output explain others, as a rule
        known = _matched([parts[j] for j in sorted(parts)], rules) if parts else None
        told = {} if known is None else _explained(box, left, known, scale, generator, rules)
        queries += 0 if known is None else _rows_for(known, rules)
        parts |= told
        left = [j for j in left if j not in told]
        for j in list(left):
            part, scale_of, asked = _of_one(box, j, wanted, budget, generator, report or (lambda *_: None), rules)
            queries += asked
            if part is not None:
                parts[j], scale = part, scale_of
                left.remove(j)
                break
        else:
            if left:
                raise InputError(f"no unit of output {left[0]} of {box.name} was seen where its answers say enough")
    network = _matched([parts[j] for j in range(outputs)], rules)
    network = written_with(network, SIGMOID) if wanted == SIGMOID else network
    checks = tuple(_check(box, network, factor * scale, generator, rules) for factor in rules.scales)
    return Linked(network, checks, queries + len(checks) * rules.rows)


def _rows_for(known: TwoLayerNetwork, rules: LinkedRules) -> int:
    return rules.rows_per_height * (known.width + 1)


def _explained(
    box: Box, outputs: list[int], known: TwoLayerNetwork, scale: float, rng: np.random.Generator, rules: LinkedRules
) -> dict[int, TwoLayerNetwork]:
    """The outputs that are sums of known units, whose heights there are a linear fit.

    Each row has the weight that its answer has digits: z is known to the rounding of y over 1 - y, and of itself.
    """
    count = _rows_for(known, rules)
    X = scale * np.exp(rng.uniform(np.log(0.3), np.log(10.0), (count, 1))) * rng.standard_normal((count, box.dim))
    y = np.asarray(box(X), np.float64).reshape(count, -1)
    design = np.column_stack([known.activation(X @ known.W.T + known.b), np.ones(count)])
    told = {}
    for j in outputs:
        with np.errstate(divide="ignore"):
            z = np.log(y[:, j]) - np.log1p(-y[:, j])
        kept = (z < rules.limit) & (z > -DEEPEST)
        if kept.sum() < 2 * (known.width + 1):
            continue
        weight = 1 / (1 + np.exp(z[kept]) + np.abs(z[kept]))
        heights = np.linalg.lstsq(design[kept] * weight[:, None], z[kept] * weight, rcond=None)[0]
        off = np.abs(design[kept] @ heights - z[kept]) * weight
        if off.max() <= rules.equal:
            told[j] = replace(known, a=heights[:-1], polynomial=Polynomial(float(heights[-1])))
    return told


def _of_one(
    box: Box,
    output: int,
    sigma: Activation,
    budget: int,
    rng: np.random.Generator,
    report: Report,
    rules: LinkedRules,
) -> tuple[TwoLayerNetwork | None, float, int]:
    """The network of one output, None where no unit was seen, the scale of its units, and the rows asked for."""
    oracle = Oracle(LogitBox(box, output, rules.limit), whole_number(budget, "budget"), None, rng)
    view = View(oracle, rng)
    blurred = np.finfo(np.float64).eps * np.exp(rules.limit)
    view.eps = max(view.eps, blurred / float(view.units.size))
    walk = LinkedWalk.of(Walk(view, rng, report))
    object.__setattr__(walk, "how", replace(walk.how, most_lines=rules.lines))
    best: tuple[TwoLayerNetwork, float] | None = None
    for network, scale in walk.attempts(sigma, 0, None):
        best = network, scale
    if best is None:
        return None, 1.0, oracle.asked
    return view.units.network(best[0]), best[1], oracle.asked


def _matched(networks: list[TwoLayerNetwork], rules: LinkedRules) -> TwoLayerNetwork:
    """One network of all outputs: the units of the first, and those that others have beside them."""
    first = networks[0]
    rows, heights = np.zeros((0, first.dim + 1)), np.zeros((0, len(networks)))
    for output, one in enumerate(networks):
        for a, row in zip(one.a, np.column_stack([one.W, one.b]), strict=True):
            # σ is odd: a unit that is turned round has its height turned too
            signs = np.where(rows @ row < 0, -1.0, 1.0)
            apart = np.linalg.norm(signs[:, None] * rows - row, axis=1) / np.linalg.norm(row)
            if len(rows) and apart.min() < rules.same:
                like = int(apart.argmin())
                heights[like, output] += signs[like] * a
            else:
                rows = np.vstack([rows, row])
                heights = np.vstack([heights, a * np.eye(len(networks))[output]])
    constants = np.array([0.0 if one.polynomial is None else float(one.polynomial.constant) for one in networks])
    constant = Polynomial(float(constants[0])) if len(networks) == 1 else Polynomial(constants)
    return TwoLayerNetwork(heights, rows[:, :-1], rows[:, -1], first.activation, constant)


def _check(box: Box, network: TwoLayerNetwork, scale: float, rng: np.random.Generator, rules: LinkedRules) -> Check:
    X = scale * rng.standard_normal((rules.rows, box.dim))
    y = np.asarray(box(X), np.float64).reshape(len(X), -1)
    difference = np.abs(np.asarray(SIGMOID(network(X))).reshape(y.shape) - y)
    return Check(scale, rules.rows, float(difference.max()), float(np.sqrt(np.mean(difference**2))), rules.equal)
