"""Units that data can do without: dropped one by one, the others refitted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.model import UnitsProblem
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.refine import Stopping
from twolayer.refine.levenberg_marquardt import levenberg_marquardt

__all__ = ["DataRules", "Point", "reduced_on_data"]

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Point:
    """A point of the curve of error against width.

    Attributes
    ----------
    width : int
    error : float
        Root mean square of the difference from the original on the data, over the deviation of the original there.
    network : TwoLayerNetwork
    """

    width: int
    error: float
    network: TwoLayerNetwork


@dataclass(frozen=True)
class DataRules:
    """How units are dropped on data.

    Attributes
    ----------
    widths : int
        Points of the curve, at widths that fall by a factor; then the gap where the tolerance is crossed is halved.
    steps : int
        Of a refit of all weights; 0 refits the outer ones only.
    most_parameters : int
        Beyond so many only the outer weights are refitted: a step costs the cube of their number.
    """

    widths: int = 8
    steps: int = 60
    most_parameters: int = 700


def reduced_on_data(
    network: TwoLayerNetwork, X: Matrix, tolerance: float, rules: DataRules = DataRules()
) -> tuple[TwoLayerNetwork, tuple[Point, ...]]:
    r"""The narrowest network found that is within a tolerance of the original on rows of data, and the curve.

    Units are dropped from the widest to the narrowest in the order of backward elimination: always the one without
    which least squares over the outer weights of the others, with an affine part, leaves least [1]_. With the Gram
    matrix G of the columns that are left, that is the one with the least :math:`\|\alpha_i\|^2/(G^{-1})_{ii}`. At some
    of the widths all weights are then refitted to the values of the original.

    Parameters
    ----------
    network : TwoLayerNetwork
    X : array, shape (n, d)
    tolerance : float
        Relative root mean square, see `Point`.
    rules : DataRules

    Notes
    -----
    Time O(m³ + n m²) for the order, and for each refit some steps of O(n p² + p³), p its parameters.

    References
    ----------
    .. [1] Hassibi and Stork (1993), optimal brain surgeon, on the outer weights.
    """
    y = network(X).reshape(len(X), -1)
    order = _order_of_elimination(network, X, y)
    points: dict[int, Point] = {}

    def at(width: int) -> Point:
        if width not in points:
            points[width] = _refitted(network, np.sort(order[network.width - width :]), X, y, rules)
        return points[width]

    widths = np.round(np.geomspace(max(network.width, 1), 1, rules.widths)).astype(int).tolist()
    grid = sorted({*widths, network.width, 0}, reverse=True)
    good, bad = network.width, -1
    for width in grid:
        if at(width).error > tolerance:
            bad = max(bad, width)
            break
        good = width
    while bad >= 0 and good - bad > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if at(middle).error <= tolerance else (good, middle)
    best = at(good)
    curve = tuple(points[width] for width in sorted(points, reverse=True))
    return (best.network if best.error <= tolerance else network), curve


def _design(network: TwoLayerNetwork, X: Matrix, kept: NDArray[np.intp]) -> Matrix:
    features = network.activation(X @ network.W[kept].T + network.b[kept])
    return np.column_stack([features, X, np.ones(len(X))])


def _order_of_elimination(network: TwoLayerNetwork, X: Matrix, y: Matrix) -> NDArray[np.intp]:
    """Units in the order in which they go."""
    m = network.width
    D = _design(network, X, np.arange(m))
    scale = np.linalg.norm(D, axis=0)
    D = D / np.where(scale > 0, scale, 1.0)
    # columns that are nearly dependent make the inverse huge: a ridge of rounding keeps it
    G = D.T @ D + 1e-10 * np.eye(D.shape[1])
    inverse = np.linalg.inv(G)
    weights = inverse @ (D.T @ y)
    left, gone = np.ones(m, bool), []
    for _ in range(m):
        cost = np.where(left, (weights[:m] ** 2).sum(axis=1) / np.maximum(np.diag(inverse)[:m], 1e-300), np.inf)
        unit = int(np.argmin(cost))
        column = inverse[:, unit].copy()
        weights -= np.outer(column, weights[unit]) / column[unit]
        inverse -= np.outer(column, column) / column[unit]
        left[unit] = False
        gone.append(unit)
    return np.array(gone, int)


def _refitted(network: TwoLayerNetwork, kept: NDArray[np.intp], X: Matrix, y: Matrix, rules: DataRules) -> Point:
    """The outer weights by least squares, then all weights, where there is one output and not too many parameters."""
    D = _design(network, X, kept)
    found = np.linalg.lstsq(D, y, rcond=1e-12)[0]
    m, d = len(kept), network.dim
    fit = TwoLayerNetwork(
        found[:m], network.W[kept], network.b[kept], network.activation, Polynomial(found[-1], found[m : m + d])
    )
    best = _point(fit, X, y)
    if y.shape[1] == 1 and m and rules.steps and m * (d + 2) <= rules.most_parameters and best.error > 0:
        refined = _point(_all_weights(fit, X, y[:, 0], rules), X, y)
        best = min(best, refined, key=lambda one: one.error)
    return best


def _all_weights(fit: TwoLayerNetwork, X: Matrix, y: NDArray[np.float64], rules: DataRules) -> TwoLayerNetwork:
    """Least squares in all weights but the affine part, which is taken off the values and stays."""
    assert fit.polynomial is not None
    assert fit.polynomial.linear is not None
    linear = fit.polynomial.linear
    problem = UnitsProblem(X, y - X @ linear, fit.activation, fit.width, has_bias=True)
    start = problem.join(np.column_stack([fit.W, fit.b]), fit.a, constant=float(fit.polynomial.constant))
    found = levenberg_marquardt(problem, start, Stopping(max_steps=rules.steps))
    a, theta = problem.units(found.point)
    constant = problem.constant(found.point)
    return TwoLayerNetwork(a, theta[:, :-1], theta[:, -1], fit.activation, Polynomial(constant, linear))


def _point(network: TwoLayerNetwork, X: Matrix, y: Matrix) -> Point:
    deviation = float(np.sqrt(np.mean((y - y.mean(axis=0)) ** 2)))
    off = float(np.sqrt(np.mean((network(X).reshape(y.shape) - y) ** 2)))
    return Point(network.width, off / deviation if deviation else off, network)
