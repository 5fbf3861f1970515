"""The facts that a verdict rests on, each looked at once: of the fit, its rows, its curvature and its noise."""

from dataclasses import dataclass, replace
from math import comb

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.decompose.decomposition import TWO_DECOMPOSITIONS
from twolayer.evidence.curvature import Curvature, curvature, most_leverage, normal_matrix
from twolayer.evidence.found import Found
from twolayer.evidence.noise import has_no_signal
from twolayer.evidence.score_test import MOST_DENSE_PARAMETERS
from twolayer.evidence.standard_errors import StandardErrors, standard_errors
from twolayer.evidence.standards import STANDARDS, Standards
from twolayer.evidence.twins import equivalent_turns
from twolayer.model.fit import EXACT, Fit
from twolayer.model.problem import Matrix, UnitsProblem, Vector
from twolayer.model.reflections import network_of
from twolayer.model.units import straight_units
from twolayer.network import TwoLayerNetwork
from twolayer.rows import some_rows
from twolayer.samples.distinct_rows import inputs_on_a_grid, n_distinct_rows

__all__ = ["Facts", "Look", "aliased_inputs", "is_one_of_several", "look"]


@dataclass(frozen=True)
class Facts:
    """What is known of the end of a search; the rules of the verdict see nothing else.

    Attributes
    ----------
    is_exact : bool
        The network leaves only rounding.
    is_lifted : bool
        It has a polynomial part that no orientation of its units explains.
    lift_was_exact : bool
        A lifted fit left only rounding on its way.
    is_noise, has_signal, has_power, needs_all_units : bool
        What a network leaves is noise; it explains more than noise would; a weaker unit would have been noticed; one
        unit fewer is clearly worse. All true of an exact one.
    distinct_rows, parameters : int
        Rows that differ as far as the model can tell, and parameters.
    leverage : float
        The largest of a row, where that was looked at; else 0.
    is_flat : bool
        A direction of parameter space leaves the fit as it is.
    is_one_of_several : bool
        σ is a polynomial of too low a degree for so many units.
    aliased_inputs : tuple of int
        Inputs on a grid, where σ is periodic.
    unseen_units : int
        Units asked for that the fit does without.
    relative_error : float
        The largest standard error of a unit's weights, of their length.
    twins : int
        Sets of units that can be turned round together, and one more where a unit is affine on all rows.
    """

    is_exact: bool
    is_lifted: bool = False
    lift_was_exact: bool = False
    is_noise: bool = True
    has_signal: bool = True
    has_power: bool = True
    needs_all_units: bool = True
    distinct_rows: int = 0
    parameters: int = 0
    leverage: float = 0.0
    is_flat: bool = False
    is_one_of_several: bool = False
    aliased_inputs: tuple[int, ...] = ()
    unseen_units: int = 0
    relative_error: float = 0.0
    twins: int = 0


@dataclass(frozen=True, eq=False)
class Look:
    """The facts, and what they were read off: in the problem's own coordinates.

    Attributes
    ----------
    facts : Facts
    network : TwoLayerNetwork
    noise : float
        Estimated standard deviation of the label noise.
    curvature : Curvature
    some : UnitsProblem
        The rows that standard errors are of.
    H : array, shape (p, p), or None
        Their normal matrix, where there is one.
    errors : StandardErrors
    turns : array of 0 and 1, shape (count, m)
        Sets of units that can be turned round together.
    """

    facts: Facts
    network: TwoLayerNetwork
    noise: float
    curvature: Curvature
    some: UnitsProblem
    H: Matrix | None
    errors: StandardErrors
    turns: NDArray[np.int_]


def look(found: Found, standards: Standards = STANDARDS) -> Look:
    """Look at the end of a search; nothing is refitted."""
    fit, problem, point = found.fit, found.fit.problem, found.fit.point
    network = network_of(problem, point)
    n, p = problem.n_rows, problem.n_parameters
    noise = float(np.sqrt(fit.squares / max(n - p, 1)))
    some, H, bend, leverage = _judging_rows(found, standards)
    errors = standard_errors(some, point, H, noise * np.sqrt(some.n_rows / n))
    evidence = None if found.noise is None else replace(found.noise, standards=standards)
    is_noise = evidence is not None and evidence.is_noise
    is_explained = not problem.is_lifted and (fit.is_exact or is_noise)
    turns = equivalent_turns(network, errors, problem.X) if is_explained else np.zeros((0, network.width), int)
    # a unit that is affine on all rows takes up what turning any other round leaves
    has_straight = is_explained and problem.width > 1 and bool(straight_units(problem, point).any())
    facts = Facts(
        is_exact=fit.is_exact,
        is_lifted=problem.is_lifted,
        lift_was_exact=found.lifted_loss is not None and found.lifted_loss <= EXACT,
        is_noise=fit.is_exact or is_noise,
        has_signal=fit.is_exact or not has_no_signal(fit, standards),
        has_power=fit.is_exact or (evidence is not None and evidence.has_power),
        needs_all_units=fit.is_exact or (evidence is not None and evidence.needs_all_units),
        distinct_rows=n_distinct_rows(problem),
        parameters=p,
        leverage=leverage,
        is_flat=_is_flat(bend, p, standards),
        is_one_of_several=is_one_of_several(problem.activation, problem.n_columns, problem.has_bias, p),
        aliased_inputs=aliased_inputs(problem.activation, problem.X, problem.has_bias),
        unseen_units=found.unseen_units,
        relative_error=0.0 if fit.is_exact else _relative_error(network, errors),
        twins=len(turns) + has_straight,
    )
    return Look(facts, network, noise, bend, some, H, errors, turns)


def _judging_rows(found: Found, standards: Standards) -> tuple[UnitsProblem, Matrix | None, Curvature, float]:
    """Rows to judge by, their normal matrix and curvature, and the largest leverage of one.

    What some rows do not show of an exact fit others may: then all are looked at. Standard errors of noise are those of
    all rows; a unit that is there for a gross outlier alone is met by its row whatever the label.
    """
    problem, point = found.fit.problem, found.fit.point
    p = problem.n_parameters
    speaking = _speaking_rows(found.fit, standards)
    some, is_held_out = _some_rows(found, speaking, standards)
    H = normal_matrix(some, point)
    bend = curvature(some, point, H, is_held_out=is_held_out)
    is_flat = _is_flat(bend, p, standards)
    if not found.fit.is_exact:
        H = H if some is problem else normal_matrix(problem, point)
        is_shared = problem.n_rows > standards.rows_that_share * p
        return problem, H, bend, 0.0 if is_flat or is_shared or H is None else most_leverage(problem, point, H)
    leverage = 0.0 if is_flat or H is None else most_leverage(some, point, H)
    if (is_flat or leverage > standards.most_leverage) and some.n_rows < speaking.sum():
        some = problem.on(problem.X[speaking], problem.y[speaking])
        H = normal_matrix(some, point, may_thin=False)
        bend = curvature(some, point, H, is_held_out=False)
        leverage = 0.0 if _is_flat(bend, p, standards) or H is None else most_leverage(some, point, H)
    return some, H, bend, leverage


def _speaking_rows(fit: Fit, standards: Standards) -> NDArray[np.bool_]:
    """All rows but, of an exact fit, those on a kink, to rounding: on which side they are is not known.

    A search may park a kink on rows. They then seem to show what no other row does.
    """
    problem = fit.problem
    speaking = np.ones(problem.n_rows, bool)
    if not fit.is_exact:
        return speaking
    theta = problem.units(fit.point)[1]
    sizes = np.linalg.norm(theta, axis=1)
    for rows in problem.blocks() if problem.activation.kinks else ():
        x = problem.inputs(rows)
        t, rounding = x @ theta.T, standards.on_the_kink * np.linalg.norm(x, axis=1)[:, None] * sizes
        for kink in problem.activation.kinks:
            speaking[rows] &= np.all(np.abs(t - kink) > rounding, axis=1)
    return speaking if speaking.sum() > problem.n_parameters else np.ones(problem.n_rows, bool)


def _some_rows(found: Found, speaking: NDArray[np.bool_], standards: Standards) -> tuple[UnitsProblem, bool]:
    """Held-out rows drawn at random where there are enough, else fitted ones, some of them where the fit is exact."""
    problem, p = found.fit.problem, found.fit.problem.n_parameters
    rows = np.flatnonzero(speaking)
    fresh = np.zeros(0, int) if found.held_out is None else np.flatnonzero(found.held_out & speaking)
    is_held_out = len(fresh) >= 2 * p
    if is_held_out or found.fit.is_exact:
        rows = fresh if is_held_out else rows
        drawn = some_rows(len(rows), standards.judging_rows * p)
        rows = rows if drawn is None else rows[drawn]
    return (problem if len(rows) == problem.n_rows else problem.on(problem.X[rows], problem.y[rows])), is_held_out


def _is_flat(bend: Curvature, n_parameters: int, standards: Standards) -> bool:
    is_dense = n_parameters <= MOST_DENSE_PARAMETERS
    return not bend.smallest > (standards.flat if is_dense else standards.flat_in_single_precision) * bend.largest


def is_one_of_several(activation: Activation, inputs: int, has_bias: bool, n_parameters: int) -> bool:
    """Whether σ is a polynomial, and its units have as many parameters as such functions have coefficients, or more.

    Even where no direction is flat, several networks then give the same function: see `generic_rank`.
    """
    powers = activation.powers
    if not powers:
        return False
    of_each = [comb(inputs + j - 1, j) for j in powers]
    coefficients = of_each[-1] if has_bias else sum(of_each)
    has_two = len(powers) == 1 and (powers[0], inputs) in TWO_DECOMPOSITIONS
    return n_parameters >= coefficients - inputs * has_two


def aliased_inputs(activation: Activation, X: NDArray, has_bias: bool) -> tuple[int, ...]:
    """Inputs on a grid, where σ is periodic."""
    return inputs_on_a_grid(np.asarray(X), has_bias=has_bias) if activation.antiperiod else ()


def _relative_error(network: TwoLayerNetwork, errors: StandardErrors) -> float:
    """The largest standard error of a unit's weights, of their length, and of an outer weight, of its magnitude."""
    pairs: list[tuple[Vector, Vector]] = [
        (np.linalg.norm(errors.W, axis=1), np.linalg.norm(network.W, axis=1)),
        (errors.a, np.abs(network.a)),
    ]
    with np.errstate(invalid="ignore"):
        return max((float(np.max(error / np.maximum(size, 1e-300), initial=0.0)) for error, size in pairs), default=0.0)
