"""From the end of a search to a status and a certificate."""

from dataclasses import replace
from math import comb

import numpy as np
from numpy.typing import NDArray

from twolayer.decompose.decomposition import TWO_DECOMPOSITIONS
from twolayer.evidence.certificate import (
    Certificate,
    Curvature,
    StandardErrors,
    Status,
    curvature,
    most_leverage,
    normal_matrix,
    singular_value_conditioning,
    standard_errors,
)
from twolayer.evidence.gaussianity import GaussianityTest, gaussianity_of_inputs
from twolayer.evidence.score_test import MOST_DENSE_PARAMETERS
from twolayer.evidence.twins import equivalent_turns, is_turning_untried
from twolayer.model import UnitsProblem
from twolayer.model.problem import Matrix, Vector
from twolayer.model.reflections import network_of
from twolayer.network import TwoLayerNetwork
from twolayer.refine.fit import EXACT, Fit
from twolayer.samples.distinct_rows import inputs_on_a_grid, n_distinct_rows
from twolayer.search.exchange import narrower_fits
from twolayer.search.noise import has_no_signal
from twolayer.search.portfolio import Found
from twolayer.search.unseen import seen_part

__all__ = ["judge"]

_EXACT_ROWS_PER_PARAMETER = 1.5
_NOISY_ROWS_PER_PARAMETER = 8
_JUDGING_ROWS_PER_PARAMETER = 4
_FLAT, _FLAT_IN_SINGLE_PRECISION = 1e-10, 1e-6
_MOST_RELATIVE_ERROR = 0.3
_ON_THE_KINK = 1e-9
_MOST_LEVERAGE, _MOST_LEVERAGE_UNDER_NOISE, _ROWS_FOR_LEVERAGE = 1 - 1e-5, 0.9, 100  # rows a parameter


def judge(found: Found) -> tuple[TwoLayerNetwork, Status, Certificate]:
    """Decide what can be claimed, and collect the evidence.

    Where an exact fit is not identifiable, the units that it does not need are left out.
    """
    judged = _judged(found)
    if judged[1] is Status.NOT_IDENTIFIABLE and found.fit.is_exact:
        seen = seen_part(found.fit, _silent)
        if seen.problem.width < found.fit.problem.width:
            return _judged(replace(found, fit=seen, width=found.width or found.fit.problem.width))
    return judged


def _judged(found: Found) -> tuple[TwoLayerNetwork, Status, Certificate]:
    fit, evidence = found.fit, found.evidence
    problem, point = fit.problem, fit.point
    network = network_of(problem, point)
    n, p = problem.n_rows, problem.n_parameters
    squares = fit.loss * problem.energy
    spread = float(problem.y.std(dtype=np.float64))
    noise = float(np.sqrt(squares / max(n - p, 1)))
    some, H, bend, is_unchecked = _judging_rows(found)
    errors = standard_errors(some, point, H, noise * np.sqrt(some.n_rows / n))
    is_explained = not problem.is_lifted and (fit.is_exact or (evidence is not None and evidence.is_noise))
    turns = equivalent_turns(network, errors, problem.X) if is_explained else np.zeros((0, network.width), int)
    status = _status(found, bend, network, errors, has_twin=len(turns) > 0, is_unchecked=is_unchecked)
    kappa, lambda_ = singular_value_conditioning(network)
    # what a fit that is not certain chose depends on the rows that would test it
    units = network.W if status.is_certified else None
    inputs = gaussianity_of_inputs(problem.X, problem.y, network.width, units)
    certificate = Certificate(
        n_rows=n,
        n_parameters=p,
        width=problem.width,
        residual=float(np.sqrt(squares / n)) / spread,
        noise=noise,
        held_out_residual=None if found.held_out_loss is None else float(np.sqrt(found.held_out_loss)) / spread,
        kappa=kappa,
        lambda_=lambda_,
        curvature=bend,
        standard_errors=errors,
        score_test=None if evidence is None else evidence.test,
        wider_gain=None if evidence is None else evidence.wider_gain,
        narrower_loss=None if evidence is None else evidence.narrower_loss,
        unseen_units=_unseen(found),
        notes=_notes(found, network, status, errors, turns) + _notes_on_inputs(inputs),
        inputs=inputs,
    )
    return network, status, certificate


def _judging_rows(found: Found) -> tuple[UnitsProblem, Matrix | None, Curvature, bool]:
    """Rows to judge by, their normal matrix and curvature, and whether one of them is met whatever its label.

    What few rows show of an exact fit every so many rows may miss: then all are looked at. Standard errors of noise are
    those of all rows; a unit that is there for a gross outlier alone is met by its row whatever the label.
    """
    problem, point = found.fit.problem, found.fit.point
    speaking = _speaking_rows(found.fit)
    some, is_held_out = _some_rows(found, speaking)
    H = normal_matrix(some, point)
    bend = curvature(some, point, H, is_held_out=is_held_out)
    if not found.fit.is_exact:
        H = H if some is problem else normal_matrix(problem, point)
        if H is None or problem.n_rows > _ROWS_FOR_LEVERAGE * problem.n_parameters:
            return problem, H, bend, False
        return problem, H, bend, most_leverage(problem, point, H) > _MOST_LEVERAGE_UNDER_NOISE
    is_flat, is_unchecked = _shortcomings(some, point, H, bend)
    if (is_flat or is_unchecked) and some.n_rows < speaking.sum():
        some = problem.on(problem.X[speaking], problem.y[speaking])
        H = normal_matrix(some, point, may_thin=False)
        bend = curvature(some, point, H, is_held_out=False)
        _, is_unchecked = _shortcomings(some, point, H, bend)
    return some, H, bend, is_unchecked


def _shortcomings(problem: UnitsProblem, point: Vector, H: Matrix | None, bend: Curvature) -> tuple[bool, bool]:
    """Whether a direction is flat on these rows; and if not, whether a row is met whatever its label is."""
    is_flat = _is_flat(bend, problem.n_parameters)
    return is_flat, not is_flat and H is not None and most_leverage(problem, point, H) > _MOST_LEVERAGE


def _speaking_rows(fit: Fit) -> NDArray[np.bool_]:
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
        t, rounding = x @ theta.T, _ON_THE_KINK * np.linalg.norm(x, axis=1)[:, None] * sizes
        for kink in problem.activation.kinks:
            speaking[rows] &= np.all(np.abs(t - kink) > rounding, axis=1)
    return speaking if speaking.sum() > problem.n_parameters else np.ones(problem.n_rows, bool)


def _some_rows(found: Found, speaking: NDArray[np.bool_]) -> tuple[UnitsProblem, bool]:
    """Held-out rows where there are enough, else the fitted ones, every so many of an exact fit."""
    fit, held_out = found.fit, found.held_out
    problem, p = fit.problem, fit.problem.n_parameters
    rows = np.flatnonzero(speaking)
    fresh = np.zeros(0, int) if held_out is None else np.flatnonzero(held_out & speaking)
    is_held_out = len(fresh) >= 2 * p
    if is_held_out:
        rows = fresh[: _JUDGING_ROWS_PER_PARAMETER * p]
    elif fit.is_exact:
        rows = rows[:: max(1, len(rows) // (_JUDGING_ROWS_PER_PARAMETER * p))]
    return (problem if len(rows) == problem.n_rows else problem.on(problem.X[rows], problem.y[rows])), is_held_out


def _unseen(found: Found) -> int:
    """How many of the units asked for the fit does without."""
    return 0 if found.width is None else found.width - found.fit.problem.width


def _notes_on_unseen_units(found: Found) -> list[str]:
    problem, unseen = found.fit.problem, _unseen(found)
    notes = []
    if problem.is_lifted:
        notes.append(
            "The polynomial part holds the sum of units that are linear on all of these inputs, and what turning the"
            " others round leaves: one cannot be told from the other."
        )
    if unseen:
        kind = "linear or dead" if problem.is_lifted else "dead"
        notes.append(f"Of the units asked for, {unseen} are {kind} on all of these inputs, or one too many.")
        notes.append(f"A network of {problem.width} units explains the data as well.")
    return notes


def _is_flat(bend: Curvature, n_parameters: int) -> bool:
    least = _FLAT if n_parameters <= MOST_DENSE_PARAMETERS else _FLAT_IN_SINGLE_PRECISION
    return not bend.smallest > least * bend.largest


def _is_one_of_several(problem: UnitsProblem) -> bool:
    """Whether σ is a polynomial, and its units have as many parameters as such functions have coefficients, or more.

    Even where no direction is flat, several networks then give the same function: see `generic_rank`.
    """
    powers, inputs = problem.activation.powers, problem.n_columns
    if not powers:
        return False
    of_each = [comb(inputs + j - 1, j) for j in powers]
    coefficients = of_each[-1] if problem.has_bias else sum(of_each)
    has_two = len(powers) == 1 and (powers[0], inputs) in TWO_DECOMPOSITIONS
    return problem.n_parameters >= coefficients - inputs * has_two


def _aliased_inputs(problem: UnitsProblem) -> tuple[int, ...]:
    """Inputs on a grid, where σ is periodic."""
    if not problem.activation.antiperiod:
        return ()
    return inputs_on_a_grid(np.asarray(problem.X), has_bias=problem.has_bias)


def _is_loose(network: TwoLayerNetwork, errors: StandardErrors) -> bool:
    """Whether a unit's weights are hardly known, in relation to their size."""
    rows = np.linalg.norm(errors.W, axis=1) > _MOST_RELATIVE_ERROR * np.linalg.norm(network.W, axis=1)
    return bool(rows.any() or np.any(errors.a > _MOST_RELATIVE_ERROR * np.abs(network.a)))


def _status(
    found: Found,
    bend: Curvature,
    network: TwoLayerNetwork,
    errors: StandardErrors,
    *,
    has_twin: bool,
    is_unchecked: bool,
) -> Status:
    fit, evidence = found.fit, found.evidence
    n, p = n_distinct_rows(fit.problem), fit.problem.n_parameters
    is_flat = _is_flat(bend, p) or _is_one_of_several(fit.problem) or bool(_aliased_inputs(fit.problem))
    if not fit.is_exact:
        if found.lifted_loss is not None and found.lifted_loss <= EXACT:
            return Status.UNRESOLVED_REFLECTION
        if evidence is None or not evidence.is_noise:
            return Status.MISFIT
        if has_no_signal(fit):
            return Status.NO_SIGNAL
        if n < _NOISY_ROWS_PER_PARAMETER * p or not evidence.has_power or is_unchecked:
            return Status.TOO_FEW_ROWS
        is_flat = is_flat or not evidence.needs_all_units
    elif n < _EXACT_ROWS_PER_PARAMETER * p or is_unchecked:
        return Status.TOO_FEW_ROWS
    if is_flat or (_unseen(found) and not fit.problem.is_lifted):
        return Status.NOT_IDENTIFIABLE
    if fit.problem.is_lifted:
        return Status.UNRESOLVED_REFLECTION
    if not fit.is_exact and _is_loose(network, errors):
        return Status.LOOSE_WEIGHTS
    if has_twin:
        return Status.AMBIGUOUS_REFLECTION
    return Status.CERTIFIED if fit.is_exact else Status.CERTIFIED_WITH_NOISE


def _silent(*_: object) -> None:
    """Report to nobody."""


def _notes(
    found: Found, network: TwoLayerNetwork, status: Status, errors: StandardErrors, turns: np.ndarray
) -> tuple[str, ...]:
    """What cannot be known, in sentences."""
    problem = found.fit.problem
    law, parity = problem.activation.reflection, problem.activation.parity
    notes = []
    if parity > 0:
        notes.append("The activation is even: (w, b) and (-w, -b) are the same unit.")
    elif parity < 0:
        notes.append("The activation is odd: (a, w, b) and (-a, -w, -b) are the same unit.")
    elif problem.has_bias and len(law.polynomial) == 1:
        notes.append("A unit may be turned round, (a, w, b) to (-a, -w, -b), for a change of the constant.")
    if problem.activation.degree:
        notes.append(
            "The activation is homogeneous: the scale of a unit is in its input weights, |a| = 1 by convention."
        )
    if not problem.is_lifted and is_turning_untried(network, errors, problem.X):
        notes.append(f"{network.width} units are too many to try all sets that may be turned round together.")
    if len(turns):
        units = ", ".join(map(str, np.flatnonzero(turns[0])))
        count = len(turns) + 1
        notes.append(
            f"Turning units {units} round together leaves the function as it is: {count} sign patterns give it."
        )
    notes += _notes_on_unseen_units(found)
    if _is_one_of_several(problem):
        notes.append("Polynomials of this degree have no more coefficients than these units have parameters.")
    aliased = _aliased_inputs(problem)
    if aliased:
        notes.append(
            f"Input {aliased[0]} takes values on a grid only: the activation is periodic, and cannot tell a weight"
            " there from one that is a period over the grid's step larger."
        )
    if found.evidence is not None and found.evidence.test is None:
        notes.append(
            "What is left is the rounding of samples in single precision, and no more is known of the weights."
        )
    if status is Status.NOT_IDENTIFIABLE and problem.width > 1 and not _unseen(found):
        enough = found.evidence is not None and not found.evidence.needs_all_units
        if enough or any(narrower.is_exact for narrower in narrower_fits(found.fit, _silent)):
            notes.append(f"A network of {problem.width - 1} units explains the data as well.")
    return tuple(notes)


def _notes_on_inputs(inputs: GaussianityTest) -> tuple[str, ...]:
    """What is lost where the inputs are not Gaussian."""
    if inputs.is_gaussian:
        return ()
    return (
        f"The inputs are not Gaussian in the directions that matter ({inputs.kind} in one of {inputs.n_directions}:"
        f" p = {inputs.p_value:.1g}): the moments of the theory give no more than a start, and nothing is promised of"
        " whether the search finds the network. Residual, curvature and standard errors are those of inputs like these,"
        " and so is the function: units that bend where there are no inputs are not seen.",
    )
