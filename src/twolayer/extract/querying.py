"""Asking a black box: in batches, within a budget, checked, counted, and kept in a file to go on from."""

import time
from collections.abc import Callable
from math import comb
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.extract.boxes import Box
from twolayer.files import FilePath, read_npz, write_npz

__all__ = ["BATCH_ROWS", "Oracle", "Report"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Report = Callable[[str, int, float], None]

BATCH_ROWS = 16384
_SAVE_SECONDS = 10.0
_FIRST_ROWS, _FAR_ROWS = 256, 32
_FARTHEST_ASKED = 10  # powers of ten
_FARTHEST = 6  # powers of ten
_MEDIAN = 0.6745  # of the modulus of a standard normal number
_SINGLE, _DOUBLE = float(np.finfo(np.float32).eps), float(np.finfo(np.float64).eps)
_REPEATED = 4 * _SINGLE  # what asking twice may differ by, relative to the largest value
_KEPT = 16 * _DOUBLE  # what a kept answer may differ by: the same rows asked at once come back the same
_SMALLEST, _LARGEST = 1e-100, 1e100
_LATTICE, _LEAST_STEP, _LEAST_DISTINCT = 64, 1e3, 8
_QUERIES, _QUERIES_A_UNIT, _UNITS, _MORE = 200_000, (8000, 600), 16, 4
_FORMAT, _VERSION = "twolayer.queries", 1
_MAX_FILE_BYTES = 1 << 33


class Oracle:
    """A box with a count of what it was asked.

    Parameters
    ----------
    box : Box
    budget : int
        The most rows to ask for, kept answers included.
    kept : path, optional
        A file of answers: read first if it is there, and written every ten seconds and at the end of `kept_open`.
    rng : Generator
        Of the first rows, and of the noise measurement.

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
    magnitude : float
        Largest answer to the first rows.

    Raises
    ------
    InputError
        From any question: if the box raises, gives another number of values than rows, one that is not a finite
        number, other answers when asked again or than the file says, the same everywhere, or if the budget is spent.
    """

    def __init__(self, box: Box, budget: int, kept: FilePath | None, rng: np.random.Generator) -> None:
        self.box, self.budget, self.kept = box, budget, kept
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
                "format": np.asarray(_FORMAT),
                "version": np.asarray(_VERSION),
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
                if time.monotonic() - self._saved_at > _SAVE_SECONDS:
                    self.save()
        return y

    def _checked(self, X: Matrix) -> Vector:
        """Ask the box, and trust nothing."""
        name = self.box.name
        try:
            with np.errstate(all="ignore"):  # what comes of an overflow in the box is not finite, and refused below
                y = np.asarray(self.box(X.copy()))
        except (TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{name} must give an array of numbers: {error}") from None
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
            d, (each, each_input) = self.box.dim, _QUERIES_A_UNIT
            enough = _QUERIES + max(_UNITS, 2 * d) * (each + each_input * d)
            raise InputError(
                f"the budget of {self.budget} queries is too small:"
                f" {enough if self.budget < enough else _MORE * self.budget} should be enough"
            )
        self.asked += rows

    @np.errstate(over="ignore")
    def _meet(self, rng: np.random.Generator) -> None:
        """The first questions: is it the same when asked again, does it vary, how exact is it, how far can one ask?"""
        X = rng.standard_normal((_FIRST_ROWS, self.box.dim))
        if self._known and X[0].tobytes() not in self._known:
            self._compare_with_file()
        first = self(X)
        self.magnitude = float(np.abs(first).max())
        self._spend(len(X))
        self._compare(X, first, is_kept=self.answered_from_file > 0)
        if np.ptp(first) == 0:  # nothing happens near the origin
            first = np.r_[first, self(10 ** rng.uniform(0, _FARTHEST, (len(X), 1)) * X)]
            self.magnitude = float(np.abs(first).max())
        if np.ptp(first) <= 8 * _DOUBLE * self.magnitude:
            constant = (
                f"{self.box.name} gives {first[0]:g} wherever it is asked, on inputs up to scale {10**_FARTHEST:g}"
            )
            raise InputError(f"{constant}: there is no network in a constant")
        if not _SMALLEST < self.magnitude < _LARGEST:
            raise InputError(
                f"{self.box.name} must give values between {_SMALLEST:g} and {_LARGEST:g} in magnitude, found"
                f" {self.magnitude:g}: give them in another unit"
            )
        self.is_single = bool(np.all(first == first.astype(np.float32)))
        precision = _SINGLE if self.is_single else _DOUBLE
        self.reach = self._farthest(rng)
        self.rounding_step = _step_of(first, (_DOUBLE, precision))
        spread = 0.0 if self.rounding_step is None else self.rounding_step / np.sqrt(12) / self.magnitude
        self.eps = max(precision, spread, self._measured_noise(rng))

    def _compare(self, X: Matrix, first: Vector, *, is_kept: bool) -> None:
        """Ask again, and once more where the first answers are of a file: they may be of another box."""
        again = self._checked(X)
        differs, size = np.abs(first - again), float(np.abs(first).max())
        row = int(differs.argmax())
        if is_kept and differs[row] > _KEPT * size and np.abs(self._checked(X) - again).max() <= _KEPT * size:
            raise InputError(
                f"the answers in {self.kept} are of another box: {first[row]:.9g} for a row to which {self.box.name}"
                f" answers {again[row]:.9g}"
            )
        if differs[row] <= _REPEATED * size:
            return
        raise InputError(
            f"{self.box.name} is not deterministic: asked twice for the same row, it gave {first[row]:.9g} and"
            f" {again[row]:.9g}"
        )

    def _compare_with_file(self) -> None:
        """Answers that were kept with another seed are compared too, some of them, before more are kept with them."""
        X, y = self._rows[0][:_FIRST_ROWS], self._values[0][:_FIRST_ROWS]
        self._spend(len(X))
        self._compare(X, y, is_kept=True)

    def _farthest(self, rng: np.random.Generator) -> float:
        """The largest power of √10 by which rows can be multiplied; 1 at least."""
        X = rng.standard_normal((_FAR_ROWS, self.box.dim))
        powers = (10.0 ** (k / 2) for k in range(2 * _FARTHEST_ASKED, 0, -1))
        return next((power for power in powers if self.within_reach(self.placed(power * X)) is not None), 1.0)

    def _measured_noise(self, rng: np.random.Generator) -> float:
        """Relative noise, from eighth differences of neighbouring points, where most functions are smooth."""
        base, direction = rng.standard_normal((2, 48, 1, self.box.dim))
        steps = 1e-3 * np.arange(9)[:, None]
        near = self(self.placed((base + steps * direction).reshape(-1, self.box.dim))).reshape(48, 9)
        weights = np.array([(-1) ** k * comb(8, k) for k in range(9)], float)
        eighth = np.abs(near @ weights) / np.linalg.norm(weights)
        return float(np.median(eighth)) / _MEDIAN / self.magnitude

    def _load(self) -> None:
        if self.kept is None or not Path(self.kept).exists():
            return
        entries = read_npz(self.kept, max_bytes=_MAX_FILE_BYTES)
        X, y = entries.get("X"), entries.get("y")
        is_ours = str(entries.get("format")) == _FORMAT and X is not None and y is not None
        if not is_ours or X.shape != (len(y), self.box.dim) or X.dtype != np.float64 or y.dtype != np.float64:  # type: ignore[union-attr,arg-type]
            raise InputError(f"{self.kept} is not a file of queries with {self.box.dim} inputs")
        self._rows, self._values = [X], [y]  # type: ignore[list-item]
        self._known = {row.tobytes(): float(value) for row, value in zip(X, y, strict=True)}  # type: ignore[arg-type]


def _step_of(values: Vector, precisions: tuple[float, ...]) -> float | None:
    """The largest power of ten, or else the least gap, of which all values are multiples, to one of the precisions."""
    largest, distinct = float(np.abs(values).max()), np.unique(values)
    powers = np.ceil(np.log10(largest)) - np.arange(-np.floor(np.log10(_DOUBLE)))
    candidates = [float(10**power) for power in powers]
    if len(distinct) >= _LEAST_DISTINCT:
        candidates.append(float(np.diff(distinct).min()))
    for step in candidates:
        count = values / step
        off = float((np.abs(count - np.round(count)) / np.maximum(np.abs(count), 1)).max())
        if any(step > _LEAST_STEP * precision * largest and off <= _LATTICE * precision for precision in precisions):
            return step
    return None
