"""How exact the answers of a box are, and how far out it gives any."""

from dataclasses import dataclass, replace
from math import comb
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.lines import MEDIAN_TO_DEVIATION

__all__ = ["DOUBLE", "SINGLE", "Asked", "AskingRules", "farthest", "measured_noise", "relative_rounding", "step_of"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

SINGLE, DOUBLE = float(np.finfo(np.float32).eps), float(np.finfo(np.float64).eps)
"""Relative rounding of float32 and float64."""


@dataclass(frozen=True)
class AskingRules:
    """How a box is met, and what is believed of it.

    Attributes
    ----------
    first_rows : int
        Standard normal rows that are asked for first, and twice.
    farthest : int
        Powers of ten by which these are multiplied where all answers to them are the same.
    far_rows, farthest_asked : int
        Rows that tell how far a box can be asked, and the powers of ten up to which it is tried.
    repeated : float
        What asking twice may differ by, relative to the largest value: threads that share a sum add it up in another
        order, in float32 with some roundings of that.
    kept : float
        What a kept answer may differ by: the same rows asked at once come back the same, on another machine to some
        roundings of float64.
    smallest, largest : float
        Of values that are reckoned with: their squares, and sums of these, are within float64.
    lattice : float
        Roundings by which a value may be off a multiple of a number of which all are multiples.
    least_step : float
        Roundings of the largest value that such a number is at least: of what is finer, rounding is the better account.
    least_distinct : int
        Different values from which on the least gap between two may be such a number; few values have any gap.
    noise_lines, noise_step : int, float
        Short lines on which noise is measured, and how far their points are apart.
    unusual_noise : float
        Roundings above which noise is measured again where fewer hyperplanes are in the way.
    wide, wide_first_rows, wide_far_rows, wide_noise_lines : int
        Inputs from which on a row is dear, as there are few questions to a parameter, and fewer are asked to meet the
        box: as many as the same tests need.
    save_seconds : float
        How often answers are written to the file: so much work is lost at most.
    queries, queries_a_unit, queries_a_weight : int
        A budget that should be enough: for the lines and checks, and to find a unit, beside what each weight costs.
    fewest_units : int
        That it is reckoned for; twice as many as inputs where that is more.
    more : int
        By how many times a budget is raised that should have been enough and was not.
    """

    first_rows: int = 256
    farthest: int = 6
    far_rows: int = 32
    farthest_asked: int = 10
    repeated: float = 4 * SINGLE
    kept: float = 16 * DOUBLE
    smallest: float = 1e-100
    largest: float = 1e100
    lattice: float = 64.0
    least_step: float = 1e3
    least_distinct: int = 8
    noise_lines: int = 48
    noise_step: float = 1e-3
    unusual_noise: float = 64.0
    wide: int = 256
    wide_first_rows: int = 64
    wide_far_rows: int = 8
    wide_noise_lines: int = 12
    save_seconds: float = 10.0
    queries: int = 200_000
    queries_a_unit: int = 8000
    queries_a_weight: int = 600
    fewest_units: int = 16
    more: int = 4

    def of(self, dim: int) -> "AskingRules":
        """The rules for a box of so many inputs."""
        if dim < self.wide:
            return self
        few = self.wide_first_rows, self.wide_far_rows, self.wide_noise_lines
        return replace(self, first_rows=few[0], far_rows=few[1], noise_lines=few[2])


class Asked(Protocol):
    """What can be asked far out: an `Oracle`, or a view of one."""

    dim: int
    rounding_step: float | None

    @property
    def arithmetic(self) -> float:
        """Relative rounding of the numbers that the box computes with."""

    def __call__(self, X: Matrix) -> Vector:
        """Values at the rows."""

    def within_reach(self, X: Matrix) -> Vector | None:
        """Values at few rows, None where there are none."""

    def placed(self, X: Matrix) -> Matrix:
        """The rows as they are seen."""


def farthest(box: Asked, rng: np.random.Generator, rules: AskingRules = AskingRules()) -> float:
    """The largest power of √10 by which standard normal rows can be multiplied; 1 at least."""
    X = rng.standard_normal((rules.far_rows, box.dim))
    powers = (10.0 ** (k / 2) for k in range(2 * rules.farthest_asked, 0, -1))
    return next((power for power in powers if box.within_reach(box.placed(power * X)) is not None), 1.0)


def relative_rounding(box: Asked, first: Vector, rng: np.random.Generator, rules: AskingRules = AskingRules()) -> float:
    """Of the answers: that of their type, of the number of which they are multiples, or of their noise."""
    largest = float(np.abs(first).max())
    # what is rounded to multiples of a step is off by step/√12, root mean square
    quantised = 0.0 if box.rounding_step is None else box.rounding_step / np.sqrt(12)
    return max(box.arithmetic, quantised / largest, measured_noise(box, largest, rng, rules) / largest)


def measured_noise(box: Asked, largest: float, rng: np.random.Generator, rules: AskingRules = AskingRules()) -> float:
    """Noise of the answers, from eighth differences of neighbouring points, where most functions are smooth.

    A function of some hundred hyperplanes bends on most of the short lines. Where more is found than rounding, lines a
    tenth as long are looked at too; but where answers repeat on them, they are rounded, and the longer lines are right.
    """
    noise, _ = _noise_on_lines(box, rng, rules, rules.noise_step)
    if noise <= rules.unusual_noise * box.arithmetic * largest:
        return noise
    less, is_rounded = _noise_on_lines(box, rng, rules, rules.noise_step / 10)
    return noise if is_rounded else min(noise, less)


def _noise_on_lines(box: Asked, rng: np.random.Generator, rules: AskingRules, step: float) -> tuple[float, bool]:
    """Noise on lines of nine points, and whether answers repeat on most of them."""
    lines = rules.noise_lines
    base, direction = rng.standard_normal((2, lines, 1, box.dim))
    steps = step * np.arange(9)[:, None]
    near = box(box.placed((base + steps * direction).reshape(-1, box.dim))).reshape(lines, 9, -1)
    weights = np.array([(-1) ** k * comb(8, k) for k in range(9)], float)
    eighth = np.abs(np.einsum("lkq,k->lq", near, weights)) / np.linalg.norm(weights)
    repeats = (np.diff(np.sort(near, axis=1), axis=1) == 0).any(axis=(1, 2))
    return MEDIAN_TO_DEVIATION * float(np.median(eighth)), bool(np.mean(repeats) > 0.5)


def step_of(values: Vector, precisions: tuple[float, ...], rules: AskingRules) -> float | None:
    """The largest power of ten, or else the least gap, of which all values are multiples, to one of the precisions."""
    largest, distinct = float(np.abs(values).max()), np.unique(values)
    powers = np.ceil(np.log10(largest)) - np.arange(-np.floor(np.log10(DOUBLE)))
    candidates = [float(10**power) for power in powers]
    if len(distinct) >= rules.least_distinct:
        candidates.append(float(np.diff(distinct).min()))
    for step in candidates:
        count = values / step
        off = float((np.abs(count - np.round(count)) / np.maximum(np.abs(count), 1)).max())
        if any(
            step > rules.least_step * precision * largest and off <= rules.lattice * precision
            for precision in precisions
        ):
            return step
    return None
