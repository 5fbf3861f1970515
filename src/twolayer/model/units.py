"""Units of a fit taken out, put in, and weighed against what the others can make up for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.model.problem import Matrix, UnitsProblem, Vector
from twolayer.model.shared_units import SharedUnits
from twolayer.saliency import group_saliency, saliency, thinned

__all__ = [
    "has_affine_law",
    "only_units",
    "straight_rows",
    "straight_units",
    "thinned_out",
    "unit_losses",
    "unit_saliency",
    "unit_values",
    "with_unit",
    "without_unit",
]

_MOST_DENSE = 4000  # parameters, up to which a normal matrix is inverted to weigh units: some seconds
_ENOUGH_ROWS = 4096  # rows that show which of some hundred units the others can replace


def unit_values(problem: UnitsProblem, z: Vector) -> Matrix:
    """What each unit adds to the model, (n, m)."""
    v, theta = problem.units(z)
    return np.vstack([problem.unit_block(rows, theta) * v for rows in problem.blocks()])


def only_units(problem: UnitsProblem, z: Vector, kept: NDArray[Any]) -> tuple[UnitsProblem, Vector]:
    """The problem and the point with some of the units, by index or by mask, and all else as it is."""
    v, theta = problem.units(z)
    kept = np.flatnonzero(kept) if np.asarray(kept).dtype == bool else np.asarray(kept)
    smaller = problem.resized(v[kept] if problem.signs is not None else None, len(kept))
    quadratic = problem.quadratic_form(z)[np.ix_(kept, kept)] if problem.has_quadratic else None
    return smaller, smaller.join(theta[kept], v[kept], **_lift_of(problem, z, quadratic))


def without_unit(problem: UnitsProblem, z: Vector, unit: int) -> tuple[UnitsProblem, Vector]:
    """The problem and the point with one unit fewer."""
    return only_units(problem, z, np.arange(problem.width) != unit)


def with_unit(problem: UnitsProblem, z: Vector, sign: float, row: Vector) -> tuple[UnitsProblem, Vector]:
    """The problem and the point with one unit more; a free outer weight starts small."""
    v, theta = problem.units(z)
    amplitude = sign if problem.signs is not None else sign * 0.5 * float(np.abs(v).mean() if len(v) else 1.0)
    larger = problem.resized(np.r_[v, sign] if problem.signs is not None else None, problem.width + 1)
    quadratic = np.pad(problem.quadratic_form(z), (0, 1)) if problem.has_quadratic else None
    return larger, larger.join(np.vstack([theta, row]), np.r_[v, amplitude], **_lift_of(problem, z, quadratic))


def unit_saliency(problem: UnitsProblem, z: Vector) -> Vector:
    """Squared error that each unit spares, (m,), if the others may change their outer weights to make up for it."""
    some = problem.some(_ENOUGH_ROWS)
    values, beside = unit_values(some, z), _beside(some)
    columns = values if beside is None else np.hstack([values, beside])
    return saliency(columns.T @ columns)[: problem.width] * (problem.n_rows / some.n_rows)


def unit_losses(problem: UnitsProblem, z: Vector) -> Vector:
    r"""Squared error that each unit spares, (m,), if the others may change in all their parameters; to first order.

    With :math:`J u` the values of a unit, u its own parameters. It costs O(n p² + p³), and is ‖J u‖² instead above 4000
    parameters. Of many parameters, three rows for each tell it, drawn at random.
    """
    if problem.n_parameters > _MOST_DENSE:
        return np.asarray(np.sum(unit_values(problem, z) ** 2, axis=0))
    n = problem.n_rows
    if problem.n_parameters > 500:  # of fewer, all rows cost less than a second
        problem = problem.some(3 * problem.n_parameters)
    v, theta = problem.units(z)
    edge, D = problem.n_rows_of_units * problem.n_columns, problem.n_columns
    groups, values = [], []
    for unit in range(problem.width):
        own, u = np.arange(unit * D, (unit + 1) * D), theta[unit] / (problem.activation.degree or 1.0)
        if problem.n_amplitudes:
            own, u = np.r_[own, edge + unit], np.r_[0 * u, v[unit]]
        groups.append(own)
        values.append(u)
    return group_saliency(problem.normal_equations(z)[2], groups, values) * (n / problem.n_rows)


def thinned_out(problem: UnitsProblem, z: Vector, width: int) -> tuple[UnitsProblem, Vector]:
    """The problem and the point without the units that the others replace best, whose weights grow for it.

    Dead units, doubles, and units that are split in two or three go first. Not refined.
    """
    some = problem.some(max(_ENOUGH_ROWS, 4 * problem.width))
    values = unit_values(some, z)
    target = values.sum(axis=1) - some.residual(z)
    kept, factors = thinned(values, target, width, _beside(some))
    smaller, point = only_units(problem, z, kept)
    rows, coefficients = smaller.split(point)
    if smaller.signs is None:
        coefficients[:width] *= factors
    else:  # a sign that is fixed cannot turn: at least a tenth of the unit stays
        assert smaller.activation.degree
        rows[:width] *= (np.maximum(factors, 0.1) ** (1 / smaller.activation.degree))[:, None]
    return smaller, point


def has_affine_law(problem: UnitsProblem | SharedUnits) -> bool:
    """Whether turning a unit round leaves an affine function behind: relu, leaky relu, softplus, gelu."""
    return len(problem.activation.reflection.polynomial) == 2


def straight_units(problem: UnitsProblem, z: Vector) -> NDArray[np.bool_]:
    """Units of such a σ that are affine on all rows, to rounding: no row lies on the other side of the kink."""
    return straight_rows(problem, problem.units(z)[1])


def straight_rows(problem: UnitsProblem | SharedUnits, theta: Matrix) -> NDArray[np.bool_]:
    """The same of units with these rows, of a problem of one output or of several."""
    straight = np.zeros(len(theta), bool)
    if not has_affine_law(problem):
        return straight
    some = problem.some(4096)  # in which most units show their kink
    straight |= _are_affine(some, theta)
    if straight.any() and some is not problem:
        straight[straight] = _are_affine(problem, theta[straight])
    return straight


def _are_affine(problem: UnitsProblem | SharedUnits, theta: Matrix) -> NDArray[np.bool_]:
    t = problem.inputs(slice(None)) @ theta.T
    values = problem.activation(t)
    sizes = np.sqrt(np.mean(values**2, axis=0))
    t, values = t - t.mean(axis=0), values - values.mean(axis=0)
    slopes = np.sum(t * values, axis=0) / np.maximum(np.sum(t * t, axis=0), 1e-300)
    bends = np.sqrt(np.mean((values - slopes * t) ** 2, axis=0))
    return np.asarray(bends <= 1e-12 * np.maximum(sizes, 1e-300))


def _beside(problem: UnitsProblem) -> Matrix | None:
    """The columns that the model has besides its units: a constant, a linear part."""
    if problem.has_linear_row:
        return np.vstack([problem.inputs(rows) for rows in problem.blocks()])
    return np.ones((problem.n_rows, 1)) if problem.has_constant else None


def _lift_of(problem: UnitsProblem, z: Vector, quadratic: Matrix | None) -> dict[str, Any]:
    linear = problem.linear_part(z) if problem.has_linear_row else None
    return {"linear": linear, "quadratic": quadratic, "constant": problem.constant(z)}
