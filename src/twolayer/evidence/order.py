"""Units in an order and with signs that depend on the function, not on the run that found them."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.coordinates import Coordinates
from twolayer.evidence.found import Found
from twolayer.model.fit import Fit
from twolayer.model.problem import Matrix
from twolayer.model.units import only_units
from twolayer.network import TwoLayerNetwork

__all__ = ["canonical_places", "in_order", "with_canonical_signs"]

_DIGITS = 6  # of a weight that decide the order: those of two runs on the same rows agree to more


def in_order(found: Found, coordinates: Coordinates | None = None) -> Found:
    """The same end of a search with its units in lexicographic order of (w, b, a) on the inputs as they were given.

    Where the constant makes up for turning a unit round, a > 0. Rows count in units of their length where σ is
    homogeneous, and as `with_canonical_signs` turns them where it is odd or even. Weights that agree to six digits of
    the largest count as equal.
    """
    fit = _turned_for_a_constant(found.fit)
    problem, width = fit.problem, fit.problem.width
    v, theta = problem.units(fit.point)
    rows = theta if coordinates is None else coordinates.invert_rows(theta)
    d = rows.shape[1] - problem.has_bias
    order, _ = canonical_places(rows[:, :d], rows[:, d:], np.reshape(v, (width, -1)), problem.activation)
    if not np.array_equal(order, np.arange(width)):
        fit = Fit(*only_units(problem, fit.point, order), fit.loss, fit.losses)
    return found if fit is found.fit else replace(found, fit=fit)


def canonical_places(
    W: Matrix, b: Matrix, a: Matrix, activation: Activation
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The order of units, and the signs (of theirs, before they are ordered) with which they are turned round.

    Parameters
    ----------
    W, b, a : arrays, shapes (m, d), (m, 0 or 1), (m, q)
    activation : Activation
    """
    rows = np.hstack([W, b])
    if activation.degree:
        rows = rows / np.maximum(np.linalg.norm(W, axis=1, keepdims=True), 1e-300)
    flips = np.ones(len(W))
    if activation.parity and len(W):
        flips = _flips(activation.parity, a, rows[:, : W.shape[1]])
        rows = flips[:, None] * rows
        a = flips[:, None] * a if activation.parity < 0 else a
    columns = [*rows.T, *a.T]
    return np.lexsort([_rounded(column) for column in columns[::-1]]), flips


def _turned_for_a_constant(fit: Fit) -> Fit:
    """The fit with a > 0, where turning a unit round is made up for by the constant, as of a sigmoid."""
    problem, law = fit.problem, fit.problem.activation.reflection
    v, theta = problem.units(fit.point)
    may_turn = law.sign < 0 and len(law.polynomial) == 1 and problem.has_constant and not problem.is_lifted
    if not may_turn or v.ndim > 1 or not (v < 0).any():
        return fit
    flips = np.where(v < 0, -1.0, 1.0)
    constant = problem.constant(fit.point) + law.polynomial[0] * float(v[v < 0].sum())
    point = problem.join(flips[:, None] * theta, flips * v, constant=constant)
    return Fit(problem, point, fit.loss, fit.losses)


def with_canonical_signs(network: TwoLayerNetwork) -> TwoLayerNetwork:
    """The same network with a > 0 where σ is odd, and the largest weight of each row positive where it is even."""
    parity = network.activation.parity
    if not parity or not network.width:
        return network
    flips = _flips(parity, network.A, network.W)
    a = (flips[:, None] * network.A).reshape(network.a.shape) if parity < 0 else network.a
    return replace(network, a=a, W=flips[:, None] * network.W, b=flips * network.b + 0.0)


def _flips(parity: int, a: Matrix, W: Matrix) -> NDArray[np.float64]:
    """Which units are turned round: ±1."""
    deciding = a if parity < 0 else W
    largest = np.take_along_axis(deciding, np.abs(deciding).argmax(axis=1, keepdims=True), axis=1)[:, 0]
    return np.where(largest < 0, -1.0, 1.0)


def _rounded(column: NDArray[np.float64]) -> NDArray[np.float64]:
    size = float(np.abs(column).max(initial=0.0))
    return np.round(column / size, _DIGITS) + 0.0 if size else column
