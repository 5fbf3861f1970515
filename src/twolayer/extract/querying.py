"""Asking a black box: in batches, within a budget, checked, counted, and kept in a file to go on from."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.extract.boxes import Box, shortened
from twolayer.extract.precision import DOUBLE, SINGLE, AskingRules, farthest, relative_rounding, step_of
from twolayer.files import FilePath, read_npz, write_npz

__all__ = ["BATCH_ROWS", "Oracle", "Report"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]
Answers = NDArray[np.float64]
Report = Callable[[str, int, float], None]

BATCH_ROWS, BATCH_NUMBERS = 16384, 1 << 22
"""Rows that a box is asked for at once: enough that a program is not started too often; and numbers in them, 32 MB."""

FORMAT, VERSION = "twolayer.queries", 1
"""What a file of answers says it is."""


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
    n_outputs : int
        Numbers that the box gives a row.
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
        self.rules = rules = rules.of(box.dim)
        self.box, self.dim, self.budget, self.kept = box, box.dim, budget, kept
        self.asked = self.answered_from_file = 0
        self.n_outputs: int | None = None
        self._rows: list[Matrix] = []
        self._values: list[Answers] = []
        self._known: dict[bytes, Answers] = {}
        self._saved_at = time.monotonic()
        self._load()
        try:
            self._meet(rng)
        except KeyboardInterrupt:
            self.save()
            raise

    def __call__(self, X: Matrix) -> Answers:
        """The answers to the rows of X, in float64: (n,) of one output, (n, q) of several."""
        X = np.ascontiguousarray(X, dtype=np.float64)
        self._spend(len(X))
        rows = max(1, min(BATCH_ROWS, BATCH_NUMBERS // self.dim))
        parts = [self._answers(X[start : start + rows]) for start in range(0, len(X), rows)]
        return np.concatenate(parts) if parts else self._none(0)

    def within_reach(self, X: Matrix) -> Answers | None:
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

    def _answers(self, X: Matrix) -> Answers:
        if not self._known:
            y = self._checked(X)
            self._keep(X, y)
            return y
        known = [self._known.get(row.tobytes()) for row in X]
        is_new = np.array([value is None for value in known], bool)
        y = self._none(len(X))
        if not is_new.all():
            y[~is_new] = np.array([value for value in known if value is not None])
        self.answered_from_file += int((~is_new).sum())
        if is_new.any():
            y[is_new] = self._checked(X[is_new])
            self._keep(X[is_new], y[is_new])
        return y

    def _none(self, rows: int) -> Answers:
        """Room for so many answers."""
        return np.zeros(rows) if self.n_outputs in (None, 1) else np.zeros((rows, int(self.n_outputs or 1)))

    def _keep(self, X: Matrix, y: Answers) -> None:
        """Put answers with those that the file is to hold, if there is one."""
        if self.kept is None:
            return
        self._rows.append(X.copy())
        self._values.append(y)
        if time.monotonic() - self._saved_at > self.rules.save_seconds:
            self.save()

    def _checked(self, X: Matrix) -> Answers:
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
        y = self._shaped(y, len(X)).astype(np.float64)
        bad = np.flatnonzero(~np.isfinite(y.reshape(len(X), -1)).all(axis=1))
        if len(bad):
            place = ", ".join([*(f"{value:.3g}" for value in X[bad[0]][:4]), *["..."] * (len(X[0]) > 4)])
            raise InputError(f"{name} must give finite numbers, found {_first_bad(y[bad[0]])} at x = ({place})")
        return y

    def _shaped(self, y: NDArray, rows: int) -> NDArray:
        """Answers as (n,), or (n, q) of q outputs: how many there are the first answers say."""
        if y.shape in ((rows,), (rows, 1)):
            y, found = y.reshape(rows), 1
        elif y.ndim == 2 and y.shape[0] == rows and y.shape[1] > 1:
            found = y.shape[1]
        else:
            found = 0
        if not found or self.n_outputs not in (None, found):
            numbers = "one number" if self.n_outputs in (None, 1) else f"{self.n_outputs} numbers"
            raise InputError(f"{self.box.name} must give {numbers} for each of {rows} rows, found shape {y.shape}")
        self.n_outputs = found
        return y

    def need(self, least: int, most: int) -> None:
        """Say at once if there is no budget for the least number of further rows that is needed.

        Raises
        ------
        InputError
            If there is none, with a budget that is enough for the most.
        """
        if self.asked + least > self.budget:
            raise InputError(f"the budget of {self.budget} queries is too small: {self.asked + most} should be enough")

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
            first = np.concatenate([first, self(10 ** rng.uniform(0, self.rules.farthest, (len(X), 1)) * X)])
            self.magnitude = float(np.abs(first).max())
        if np.ptp(first) <= 8 * DOUBLE * self.magnitude:
            scale = 10**self.rules.farthest
            constant = f"{self.box.name} gives {first.flat[0]:g} wherever it is asked, on inputs up to scale {scale:g}"
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
        self.eps = relative_rounding(self, first, rng, self.rules)

    def step_of(self, values: Vector) -> float | None:
        """The number of which these answers are multiples, None if there is none that is more than their rounding."""
        return step_of(values, (DOUBLE, self.arithmetic), self.rules)

    @property
    def arithmetic(self) -> float:
        """Relative rounding of the numbers that the box computes with: float32 where all its answers are."""
        return SINGLE if self.is_single else DOUBLE

    def _compare(self, X: Matrix, first: Vector, *, is_kept: bool) -> None:
        """Ask again, and once more where the first answers are of a file: they may be of another box."""
        again = self._checked(X)
        differs, size = np.abs(first - again).reshape(len(X), -1).max(axis=1), float(np.abs(first).max())
        row = int(differs.argmax())
        output = int(np.abs(first - again).reshape(len(X), -1)[row].argmax())
        said, says = (float(values.reshape(len(X), -1)[row, output]) for values in (first, again))
        if (
            is_kept
            and differs[row] > self.rules.kept * size
            and np.abs(self._checked(X) - again).max() <= self.rules.kept * size
        ):
            raise InputError(
                f"the answers in {self.kept} are of another box: {said:.9g} for a row to which {self.box.name}"
                f" answers {says:.9g}"
            )
        if differs[row] <= self.rules.repeated * size:
            return
        raise InputError(
            f"{self.box.name} is not deterministic: asked twice for the same row, it gave {said:.9g} and {says:.9g}"
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
        is_ours = str(entries.get("format")) == FORMAT and X is not None and y is not None and y.ndim in (1, 2)
        if not is_ours or X.shape != (len(y), self.box.dim) or X.dtype != np.float64 or y.dtype != np.float64:  # type: ignore[union-attr,arg-type]
            raise InputError(f"{self.kept} is not a file of queries with {self.box.dim} inputs")
        self._rows, self._values = [X], [y]  # type: ignore[list-item]
        self.n_outputs = 1 if y.ndim == 1 else y.shape[1]  # type: ignore[union-attr]
        self._known = {row.tobytes(): value for row, value in zip(X, y, strict=True)}  # type: ignore[arg-type]


def _first_bad(values: Answers) -> float:
    """The first of the numbers of a row that is not finite."""
    every = np.ravel(values)
    return float(every[~np.isfinite(every)][0])
