"""Asking a black box: in batches, within a budget, checked, counted, and kept in a file to go on from."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.extract.boxes import Box, shortened
from twolayer.extract.lines import MEDIAN_TO_DEVIATION
from twolayer.files import FilePath, read_npz, write_npz

__all__ = ["BATCH_ROWS", "Asked", "AskingRules", "Oracle", "Report", "farthest", "measured_noise", "relative_rounding"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Report = Callable[[str, int, float], None]

BATCH_ROWS = 16384
"""Rows that a box is asked for at once: enough that a program is not started too often, and 13 MB at 100 inputs."""

SINGLE, DOUBLE = float(np.finfo(np.float32).eps), float(np.finfo(np.float64).eps)
"""Relative rounding of float32 and float64."""

FORMAT, VERSION = "twolayer.queries", 1
"""What a file of answers says it is."""


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
    save_seconds: float = 10.0
    queries: int = 200_000
    queries_a_unit: int = 8000
    queries_a_weight: int = 600
    fewest_units: int = 16
    more: int = 4


class Oracle:
    """A box with a count of what it was asked.

    Parameters
    ----------
    box : Box
    budget : int
        The most rows to ask for, kept answers included.
    kept : path, optional
        A file of answers: read first if it is there, and written every ten seconds and when `save` is called.
    rng : Generator
        Of the first rows, and of the noise measurement.
    rules : AskingRules, optional

    Attributes
    ----------
    asked : int
        Rows asked for so far.
    answered_from_file : int
        How many of these the file answered.
    eps : float
        Relative rounding of the answers: that of float64, of float32 where all answers are float32 numbers, or what
        was measured where it is more.
    rounding_step : float or None
        The number of which all answers are multiples, where there is one.
    reach : float
        The largest power of √10, up to 1e10, by which standard normal rows can be multiplied and have finite answers.
    is_single : bool
        Whether all answers are float32 numbers.
    first : array
        The first answers.
    magnitude : float
        The largest of them.

    Raises
    ------
    InputError
        From any question: if the box raises, gives another number of values than rows, one that is not a finite
        number, other answers when asked again or than the file says, the same everywhere, or if the budget is spent.
    """

    def __init__(
        self,
        box: Box,
        budget: int,
        kept: FilePath | None,
        rng: np.random.Generator,
        rules: AskingRules = AskingRules(),
    ) -> None:
        self.rules = rules
        self.box, self.dim, self.budget, self.kept = box, box.dim, budget, kept
        self.asked = self.answered_from_file = 0
        self._rows: list[Matrix] = []
        self._values: list[Vector] = []
        self._known: dict[bytes, float] = {}
        self._saved_at = time.monotonic()
        self._load()
        try:
            self._meet(rng)
        except KeyboardInterrupt:
            self.save()
            raise

    def __call__(self, X: Matrix) -> Vector:
        """The answers to the rows of X, in float64."""
        X = np.ascontiguousarray(X, dtype=np.float64)
        self._spend(len(X))
        parts = [self._answers(X[start : start + BATCH_ROWS]) for start in range(0, len(X), BATCH_ROWS)]
        return np.concatenate(parts) if parts else np.zeros(0)

    def within_reach(self, X: Matrix) -> Vector | None:
        """The answers to at most 16 384 rows, or None if the box overflows there or refuses."""
        self._spend(len(X))
        try:
            return self._answers(X)
        except InputError:
            return None

    def placed(self, X: Matrix) -> Matrix:
        """The rows as the box sees them: rounded to float32 where it computes in that."""
        return X.astype(np.float32).astype(np.float64) if self.is_single else X

    def save(self) -> None:
        """Write the answers so far to the file, if there is one."""
        if self.kept is None or not self._rows:
            return
        write_npz(
            self.kept,
            {
                "format": np.asarray(FORMAT),
                "version": np.asarray(VERSION),
                "X": np.concatenate(self._rows),
                "y": np.concatenate(self._values),
            },
        )
        self._saved_at = time.monotonic()

    def _answers(self, X: Matrix) -> Vector:
        known = [self._known.get(row.tobytes()) for row in X] if self._known else [None] * len(X)
        is_new = np.array([value is None for value in known], bool)
        y = np.array([np.nan if value is None else value for value in known])
        self.answered_from_file += int((~is_new).sum())
        if is_new.any():
            y[is_new] = self._checked(X[is_new])
            if self.kept is not None:
                self._rows.append(X[is_new])
                self._values.append(y[is_new])
                if time.monotonic() - self._saved_at > self.rules.save_seconds:
                    self.save()
        return y

    def _checked(self, X: Matrix) -> Vector:
        """Ask the box, and trust nothing."""
        name = self.box.name
        try:
            with np.errstate(all="ignore"):  # what comes of an overflow in the box is not finite, and refused below
                y = np.asarray(self.box(X.copy()))
        except InputError:
            raise
        except Exception as error:  # noqa: BLE001 - what becomes an array says in ways of its own why it does not
            raise InputError(f"{name} must give an array of numbers: {shortened(str(error))}") from None
        if y.dtype.kind not in "biuf":
            raise InputError(f"{name} must give real numbers, found an array of {y.dtype}")
        if y.shape not in ((len(X),), (len(X), 1)):
            raise InputError(f"{name} must give one number for each of {len(X)} rows, found shape {y.shape}")
        y = y.reshape(len(X)).astype(np.float64)
        bad = np.flatnonzero(~np.isfinite(y))
        if len(bad):
            place = ", ".join(f"{value:.3g}" for value in X[bad[0]][:4])
            raise InputError(
                f"{name} must give finite numbers, found {y[bad[0]]} at x = ({place}{', ...' * (len(X[0]) > 4)})"
            )
        return y

    def _spend(self, rows: int) -> None:
        """Count the rows; where there is no budget for them, say what should do for a box of this many inputs."""
        if self.asked + rows > self.budget:
            rules, d = self.rules, self.box.dim
            a_unit = rules.queries_a_unit + rules.queries_a_weight * d
            enough = rules.queries + max(rules.fewest_units, 2 * d) * a_unit
            raise InputError(
                f"the budget of {self.budget} queries is too small:"
                f" {enough if self.budget < enough else rules.more * self.budget} should be enough"
            )
        self.asked += rows

    @np.errstate(over="ignore")
    def _meet(self, rng: np.random.Generator) -> None:
        """The first questions: is it the same when asked again, does it vary, how exact is it, how far can one ask?"""
        X = rng.standard_normal((self.rules.first_rows, self.box.dim))
        if self._known and X[0].tobytes() not in self._known:
            self._compare_with_file()
        first = self(X)
        self.magnitude = float(np.abs(first).max())
        self._spend(len(X))
        self._compare(X, first, is_kept=self.answered_from_file > 0)
        if np.ptp(first) == 0:  # nothing happens near the origin
            first = np.r_[first, self(10 ** rng.uniform(0, self.rules.farthest, (len(X), 1)) * X)]
            self.magnitude = float(np.abs(first).max())
        if np.ptp(first) <= 8 * DOUBLE * self.magnitude:
            scale = 10**self.rules.farthest
            constant = f"{self.box.name} gives {first[0]:g} wherever it is asked, on inputs up to scale {scale:g}"
            raise InputError(f"{constant}: there is no network in a constant")
        smallest, largest = self.rules.smallest, self.rules.largest
        if not smallest < self.magnitude < largest:
            raise InputError(
                f"{self.box.name} must give values between {smallest:g} and {largest:g} in magnitude, found"
                f" {self.magnitude:g}: give them in another unit"
            )
        self.is_single = bool(np.all(first == first.astype(np.float32)))
        self.first = first
        self.reach = farthest(self, rng, self.rules)
        self.rounding_step = self.step_of(first)
        self.eps = relative_rounding(self, first, rng)

    def step_of(self, values: Vector) -> float | None:
        """The number of which these answers are multiples, None if there is none that is more than their rounding."""
        return _step_of(values, (DOUBLE, self.arithmetic), self.rules)

    @property
    def arithmetic(self) -> float:
        """Relative rounding of the numbers that the box computes with: float32 where all its answers are."""
        return SINGLE if self.is_single else DOUBLE

    def _compare(self, X: Matrix, first: Vector, *, is_kept: bool) -> None:
        """Ask again, and once more where the first answers are of a file: they may be of another box."""
        again = self._checked(X)
        differs, size = np.abs(first - again), float(np.abs(first).max())
        row = int(differs.argmax())
        if (
            is_kept
            and differs[row] > self.rules.kept * size
            and np.abs(self._checked(X) - again).max() <= self.rules.kept * size
        ):
            raise InputError(
                f"the answers in {self.kept} are of another box: {first[row]:.9g} for a row to which {self.box.name}"
                f" answers {again[row]:.9g}"
            )
        if differs[row] <= self.rules.repeated * size:
            return
        raise InputError(
            f"{self.box.name} is not deterministic: asked twice for the same row, it gave {first[row]:.9g} and"
            f" {again[row]:.9g}"
        )

    def _compare_with_file(self) -> None:
        """Answers that were kept with another seed are compared too, some of them, before more are kept with them."""
        X, y = self._rows[0][: self.rules.first_rows], self._values[0][: self.rules.first_rows]
        self._spend(len(X))
        self._compare(X, y, is_kept=True)

    def _load(self) -> None:
        if self.kept is None or not Path(self.kept).exists():
            return
        entries = read_npz(
            self.kept, max_bytes=1 << 33
        )  # eight times what a budget of 3 000 000 rows of 40 inputs takes
        X, y = entries.get("X"), entries.get("y")
        is_ours = str(entries.get("format")) == FORMAT and X is not None and y is not None
        if not is_ours or X.shape != (len(y), self.box.dim) or X.dtype != np.float64 or y.dtype != np.float64:  # type: ignore[union-attr,arg-type]
            raise InputError(f"{self.kept} is not a file of queries with {self.box.dim} inputs")
        self._rows, self._values = [X], [y]  # type: ignore[list-item]
        self._known = {row.tobytes(): float(value) for row, value in zip(X, y, strict=True)}  # type: ignore[arg-type]


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


def relative_rounding(box: Asked, first: Vector, rng: np.random.Generator) -> float:
    """Of the answers: that of their type, of the number of which they are multiples, or of their noise."""
    largest = float(np.abs(first).max())
    # what is rounded to multiples of a step is off by step/√12, root mean square
    quantised = 0.0 if box.rounding_step is None else box.rounding_step / np.sqrt(12)
    return max(box.arithmetic, quantised / largest, measured_noise(box, rng) / largest)


def measured_noise(box: Asked, rng: np.random.Generator) -> float:
    """Noise of the answers, from eighth differences of neighbouring points, where most functions are smooth."""
    base, direction = rng.standard_normal((2, 48, 1, box.dim))
    steps = 1e-3 * np.arange(9)[:, None]
    near = box(box.placed((base + steps * direction).reshape(-1, box.dim))).reshape(48, 9)
    weights = np.array([(-1) ** k * comb(8, k) for k in range(9)], float)
    eighth = np.abs(near @ weights) / np.linalg.norm(weights)
    return MEDIAN_TO_DEVIATION * float(np.median(eighth))


def _step_of(values: Vector, precisions: tuple[float, ...], rules: AskingRules) -> float | None:
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
