r"""A box seen in its own units: what it is read in does not depend on the units that its user chose.

.. math:: v(z) = \frac{f(\ell \odot z) - y_0}{s},

with lengths ℓ in which every input matters alike, and a level and a size of the values near the origin. All lengths and
the size are powers of two, so that to change the units rounds nothing; the level is 0 unless it hides what varies.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.precision import farthest, relative_rounding
from twolayer.extract.querying import Oracle
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["Units", "View", "ViewRules", "own_lengths"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Units:
    """What one is, of every input and of the values, and where the values are counted from.

    Attributes
    ----------
    lengths : array, shape (d,)
        Above 0.
    level, size : float, or array of shape (q,)
        Of each of several outputs.
    """

    lengths: Vector
    level: float | Vector = 0.0
    size: float | Vector = 1.0

    def network(self, own: TwoLayerNetwork) -> TwoLayerNetwork:
        """The network of the user's inputs and values that is this one in these units."""
        P = Polynomial() if own.polynomial is None else own.polynomial
        lengths = self.lengths if own.n_outputs == 1 else self.lengths[:, None]
        linear = None if P.linear is None else self.size * P.linear / lengths
        quadratic = None if P.quadratic is None else self.size * P.quadratic / np.outer(self.lengths, self.lengths)
        polynomial = Polynomial(self.level + self.size * P.constant, linear, quadratic)
        is_none = own.polynomial is None and not np.any(self.level)
        W = own.W / self.lengths
        return TwoLayerNetwork(self.size * own.a, W, own.b, own.activation, None if is_none else polynomial)


@dataclass(frozen=True)
class ViewRules:
    """When the user's units are not the box's own.

    Attributes
    ----------
    unusual : float
        How much the lengths of inputs may differ, or be off 1 in a bounded box, before they are evened out. Of 1000
        random networks of up to 8 units on up to 8 inputs, of five activations, none came so far.
    hiding : float
        How many times the spread of the values near the origin a level is that hides them: from here on it costs three
        bits and more of every sum that it is in, and of every fit.
    telling : float
        Roundings of the values that going along an input must change for the input to count.
    share : float
        The part of the largest change that a length is measured by: a box that swings comes to it in its first swing.
    """

    unusual: float = 1e3
    hiding: float = 8.0
    telling: float = 1e3
    share: float = 0.1


class View:
    """A box in some units, asked as an `Oracle` is.

    Parameters
    ----------
    oracle : Oracle
    rng : Generator
        Of the rows on which is measured what depends on the units.
    rules : ViewRules, optional
    is_plain : bool
        Whether all lengths are taken for one, and not measured: 106 questions an input are saved.

    Attributes
    ----------
    units : Units
    dim : int
    eps : float
        Relative rounding of the answers as the box gives them.
    rounding_step : float or None
        The number of which all answers, as the box gives them, are multiples, where there is one.
    reach : float
        How far standard normal rows, in these units, can be asked; see `Oracle`.
    magnitude : float
        Largest value, in these units, at standard normal rows.
    """

    def __init__(
        self, oracle: Oracle, rng: np.random.Generator, rules: ViewRules = ViewRules(), *, is_plain: bool = False
    ) -> None:
        self.oracle, self.dim = oracle, oracle.box.dim
        self.units = Units(np.ones(self.dim) if is_plain else own_lengths(oracle, rules))
        self._has_lengths = bool(np.any(self.units.lengths != 1))
        self.reach, self.eps, self.rounding_step, first = oracle.reach, oracle.eps, oracle.rounding_step, oracle.first
        if self._has_lengths:
            self.reach = farthest(self, rng)
            first = self(self.placed(rng.standard_normal((len(first), self.dim))))
            self.rounding_step = oracle.step_of(first)
            self.eps = relative_rounding(self, first, rng)
        level = np.median(first, axis=0)
        level = np.where(np.abs(level) > rules.hiding * np.ptp(first, axis=0), level, 0.0)
        size = np.abs(first - level).max(axis=0)
        unit = power_of_two(np.where(size > 0, size, 1.0))
        is_one = first.ndim == 1
        self.units = Units(self.units.lengths, float(level) if is_one else level, float(unit) if is_one else unit)
        self.magnitude = float((size / unit).max())

    def __call__(self, X: Matrix) -> Vector:
        """The values at the rows of X."""
        return self._values(self.oracle(self._there(X)))

    def values_as_given(self, X: Matrix) -> Vector:
        """The values at the rows of X, in the units in which the box gives them."""
        return self.oracle(self._there(X))

    def within_reach(self, X: Matrix) -> Vector | None:
        """The values at few rows, or None if the box overflows there or refuses."""
        y = self.oracle.within_reach(self._there(X))
        return None if y is None else self._values(y)

    def placed(self, X: Matrix) -> Matrix:
        """The rows as the box sees them: rounded to float32 where it computes in that."""
        return self.oracle.placed(X * self.units.lengths) / self.units.lengths

    def _there(self, X: Matrix) -> Matrix:
        """The rows in the user's units; as they are where these are the same, as there may be gigabytes of them."""
        return X * self.units.lengths if self._has_lengths else X

    @property
    def arithmetic(self) -> float:
        """Relative rounding of the numbers that the box computes with."""
        return self.oracle.arithmetic

    def rounding(self, values: Vector, weights: Vector | float = 1.0) -> Any:
        """What the answers' rounding may change in such values, times weights, the level taken away included.

        One number, or (q,) of several outputs.
        """
        offset = self.units.level / self.units.size
        most = self.eps * np.abs(weights * (values + offset)).max(initial=0.0, axis=0)
        return float(most) if values.ndim == 1 else most

    def _values(self, y: Vector) -> Vector:
        return (y - self.units.level) / self.units.size


def own_lengths(oracle: Oracle, rules: ViewRules = ViewRules()) -> Vector:
    """How far one has to go along each input to change the box by as much, in powers of two.

    Along each axis in turn, both ways from the origin, in steps of √10 from 1e-13 to 1e13, or as far as the box can be
    asked: where the change first reaches a tenth of the most that the least telling of the axes shows. A box that grows
    has no length of its own (what it has, the walks find): there only ratios count. An input that changes nothing gets
    the median. All are 1 where they are all about as long, and about one where they are lengths.
    """
    d = oracle.box.dim
    origin = oracle(np.zeros((1, d)))
    steps, changes = [], []
    for step in 10.0 ** np.arange(-13, 13.25, 0.5):
        y = oracle.within_reach(step * np.vstack([np.eye(d), -np.eye(d)]))
        if y is None:
            break
        steps.append(step)
        changes.append(np.abs(y - origin).reshape(2, d, -1).max(axis=(0, 2)))
    change, along = np.array(changes), np.array(steps)
    most = change.max(axis=0)
    # not the precision that was measured: where a unit is wrong, what varies looks like noise, or like few values;
    # noise is there at the first steps already
    noise = change[:4].max(axis=0)
    tells = most > np.maximum(rules.telling * oracle.arithmetic * oracle.magnitude, 10 * noise)
    if not tells.any():
        return np.ones(d)
    lengths = along[np.argmax(change >= np.maximum(rules.share * most[tells].min(), 3 * noise), axis=0)]
    lengths[~tells] = np.median(lengths[tells])
    is_bounded = np.all(most[tells] <= 3 * change[-min(5, len(change))][tells])  # no growth over two powers of ten
    overall = float(np.exp(np.mean(np.log(lengths))))
    is_even = lengths.max() <= rules.unusual * lengths.min()
    is_usual = not is_bounded or 1 / rules.unusual <= overall <= rules.unusual
    if is_even and is_usual:
        return np.ones(d)
    return power_of_two(lengths if is_bounded else lengths / overall)


def power_of_two(number: Any) -> Any:
    """The nearest power of two: to multiply by it rounds nothing."""
    return 2.0 ** np.round(np.log2(number))
