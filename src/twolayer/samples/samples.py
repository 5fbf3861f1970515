"""What a search and a judge see of the samples: checked, copies out, in coordinates of their own."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.activation import Activation
from twolayer.coordinates import Coordinates
from twolayer.errors import InputError
from twolayer.model.problem import UnitsProblem, Vector
from twolayer.model.shared_units import SharedUnits
from twolayer.moments import SecondMoment, SharedMoment, second_moment, shared_moment
from twolayer.rows import some_rows
from twolayer.samples.distinct_rows import n_distinct_inputs, without_copies
from twolayer.samples.outputs import check_outputs
from twolayer.sources import check_magnitude, check_samples

__all__ = ["Samples", "n_parameters"]


@dataclass(frozen=True, eq=False)
class Samples:
    """Samples of a network that may have biases, in coordinates in which samples of any units look alike.

    Attributes
    ----------
    X : array, shape (n, d)
        Inputs, of float32 or float64; not copied where copies of rows, units and means leave nothing to change.
    y : array, shape (n,) or (n, q)
        Labels, of mean square 1, and mean 0 where there are biases; of several outputs, each column so.
    has_bias : bool
        Whether units have biases, and the network a constant.
    coordinates : Coordinates
        From the inputs and labels as they were given to these.
    rounding : float
        Relative error that the labels were given with: that of single precision, or 0.
    n_given : int
        How many rows there were before copies of others were left out.
    """

    X: NDArray[Any]
    y: NDArray[np.float64]
    has_bias: bool
    coordinates: Coordinates
    rounding: float = 0.0
    n_given: int = 0

    @classmethod
    def of(
        cls, X: ArrayLike, y: ArrayLike, has_bias: bool, width: int = 0, activation: Activation | None = None
    ) -> Self:
        """Samples as a person gives them, enough of them for a network of a width and an activation if these are given.

        Raises
        ------
        InputError
            If they are not finite numbers of matching shapes, too large or too small to be squared, the inputs zeros
            only, the rows that differ no more than the parameters, the labels constant, or an output constant or a
            combination of others.

        Notes
        -----
        O(n d) time: a few passes over the rows.
        """
        X, y = check_samples(X, y, may_have_outputs=True)
        check_magnitude(X, y)
        n_given = len(X)
        X, y = without_copies(X, y)
        if not X.any():
            raise InputError("X must vary, found zeros only: they do not determine a network")
        if y.ndim == 2:
            check_outputs(y)
        if activation is not None:
            _require_rows(X, n_given, width, activation, has_bias, 1 if y.ndim == 1 else y.shape[1])
        if y.ndim == 1 and np.ptp(y) == 0:
            raise InputError(f"y must vary, found the constant {y[0]:g}: a constant does not determine a network")
        own = Coordinates.own(X, y, has_bias)
        return cls(own.apply_inputs(X), own.apply_labels(y), has_bias, own, relative_rounding(X, y), n_given)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.X)

    @property
    def dim(self) -> int:
        """Number d of inputs."""
        return int(self.X.shape[1])

    @property
    def n_outputs(self) -> int:
        """Number q of outputs."""
        return 1 if self.y.ndim == 1 else int(self.y.shape[1])

    @cached_property
    def second_moment(self) -> SecondMoment:
        """Spectrum of T_2, computed once."""
        return second_moment(self.X, self.y)

    @cached_property
    def shared_moment(self) -> SharedMoment:
        """Second moments of all outputs, computed once."""
        return shared_moment(self.X, self.y)

    def at(self, rows: NDArray[Any]) -> Self:
        """The samples of some rows, by index or by mask."""
        return replace(self, X=np.ascontiguousarray(self.X[rows]), y=self.y[rows])

    def some(self, count: int) -> Self:
        """So many rows drawn at random, always the same ones; the samples themselves where there are no more."""
        rows = some_rows(self.n_rows, count)
        return self if rows is None else self.at(rows)

    def whitened(self) -> tuple[Self, Coordinates | None]:
        """The samples on white inputs and the map there; themselves and None where they are white enough."""
        white = Coordinates.white(self.X, self.has_bias)
        return (self, None) if white is None else (replace(self, X=white.apply_inputs(self.X)), white)

    def mapped(self, change: Coordinates) -> Self:
        """The samples on other inputs, fewer of them perhaps."""
        return replace(self, X=change.apply_inputs(self.X))

    def problem(
        self, width: int, activation: Activation, *, signs: Vector | None = None, is_lifted: bool = False
    ) -> UnitsProblem:
        """The least-squares problem of a network on these samples."""
        return UnitsProblem(self.X, self.y, activation, width, signs=signs, has_bias=self.has_bias, is_lifted=is_lifted)

    def shared_problem(self, width: int, activation: Activation, *, is_lifted: bool = False) -> SharedUnits:
        """The same of a network with several outputs."""
        return SharedUnits(self.X, self.y, activation, width, self.has_bias, is_lifted)


def _require_rows(
    X: NDArray[Any], n_given: int, width: int, activation: Activation, has_bias: bool, outputs: int
) -> None:
    """Refuse a network with as many parameters as labels of rows that differ, or, for one output, as many units."""
    d = X.shape[1]
    parameters = n_parameters(d, width, activation, has_bias, outputs)
    least = max(parameters // outputs, width + has_bias if outputs > 1 else 0) + 1
    n = n_distinct_inputs(X, least)
    if n < least:
        among = f" that differ among {n_given}" if n < n_given else ""
        size = f"{width} units on {d} inputs" if outputs == 1 else f"{width} units on {d} inputs, {outputs} outputs,"
        raise InputError(f"{size} have {parameters} parameters and need at least {least} rows, found {n}{among}")


def n_parameters(d: int, width: int, activation: Activation, bias: bool, outputs: int = 1) -> int:
    """Number of parameters of a network, the scale of homogeneous units counted once."""
    return width * (d + bias + outputs - bool(activation.degree)) + bias * outputs


def relative_rounding(X: NDArray[Any], y: NDArray[Any]) -> float:
    """Of samples in single precision, what its rounding does to labels in units of their spread at most; else 0.

    Labels that are numbers of single precision, all of them, count as such, whatever their type. A large mean adds
    rounding that is alike in all rows, as noise is, and is not allowed for.
    """
    with np.errstate(over="ignore"):  # what is too large for single precision is not of it
        is_single = np.float32 in (X.dtype, y.dtype) or np.array_equal(y, y.astype(np.float32))
    return 2 * float(np.finfo(np.float32).eps) if is_single else 0.0
