"""Units that are of one piece on a box of inputs."""

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.activation import Activation
from twolayer.arrays import real_array
from twolayer.errors import InputError
from twolayer.reduction.everywhere import Units

__all__ = ["box_of", "reduced_on_box"]

Vector = NDArray[np.float64]


def box_of(box: tuple[ArrayLike, ArrayLike], dim: int) -> tuple[Vector, Vector]:
    """Least and largest inputs, (d,) each, of a pair of numbers or of vectors.

    Raises
    ------
    InputError
        If they are not finite, of another length, or the least is not below the largest.
    """
    if not isinstance(box, tuple | list) or len(box) != 2:
        raise InputError("a box is a pair: the least and the largest inputs")
    low, high = (np.broadcast_to(_bound(bound, dim), (dim,)).astype(np.float64) for bound in box)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise InputError("a box has finite bounds")
    if not (low < high).all():
        k = int(np.flatnonzero(~(low < high))[0])
        raise InputError(f"a box must have an inside: input {k} is to be from {low[k]:g} to {high[k]:g}")
    return low, high


def _bound(bound: ArrayLike, dim: int) -> NDArray[np.floating]:
    array = real_array(bound, "the bound of a box", np.ndim(bound))
    if array.shape not in ((), (1,), (dim,)):
        raise InputError(f"a bound of the box is one number, or {dim}, found shape {array.shape}")
    return array


def reduced_on_box(units: Units, low: Vector, high: Vector) -> None:
    r"""Take out, in place, units whose argument stays on one piece of σ on the box.

    The range of :math:`w\cdot x + b` on the box is that of its values at two corners,
    :math:`b + \sum_k \min(w_k l_k, w_k h_k)` and the same with max. It is computed in rational arithmetic, of the very
    numbers that the weights are, so that a bound that is met exactly counts as met.
    """
    pieces = pieces_of(units.activation)
    if not pieces:
        return
    for unit in np.flatnonzero(units.alive):
        least, most = argument_range(units.W[unit], float(units.b[unit]), low, high)
        for start, end, coefficients in pieces:
            if (start is None or least >= start) and (end is None or most <= end):
                units.add_ridge(coefficients, units.A[[unit]], units.W[[unit]], units.b[[unit]])
                is_constant = not any(coefficients[1:])
                units.remove("inactive" if is_constant else "active", unit)
                break


def argument_range(w: Vector, b: float, low: Vector, high: Vector) -> tuple[Fraction, Fraction]:
    """The least and the largest w·x + b on the box, exactly."""
    least = most = Fraction(b)
    for weight, lower, upper in zip(w.tolist(), low.tolist(), high.tolist(), strict=True):
        ends = Fraction(weight) * Fraction(lower), Fraction(weight) * Fraction(upper)
        least, most = least + min(ends), most + max(ends)
    return least, most


Piece = tuple[Fraction | None, Fraction | None, tuple[float, ...]]


def pieces_of(sigma: Activation) -> list[Piece]:
    """Where σ is a polynomial of degree two at most: from, to (None: without end), and its coefficients."""
    kind = sigma.keyword
    zero, one, three = Fraction(0), Fraction(1), Fraction(3)
    if kind in ("relu", "leaky_relu", "abs"):
        slope = {"relu": 0.0, "abs": -1.0}.get(kind, getattr(sigma, "slope", 0.0))
        return [(None, zero, (0.0, slope)), (zero, None, (0.0, 1.0))]
    if kind == "squared_relu":
        return [(None, zero, (0.0,)), (zero, None, (0.0, 0.0, 1.0))]
    if kind == "hardtanh":
        return [(None, -one, (-1.0,)), (-one, one, (0.0, 1.0)), (one, None, (1.0,))]
    if kind == "hardswish":
        return [(None, -three, (0.0,)), (-three, three, (0.0, 0.5, 1 / 6)), (three, None, (0.0, 1.0))]
    if kind in ("elu", "selu"):
        return [(zero, None, (0.0, float(sigma.factor)))]  # type: ignore[attr-defined]
    return []
