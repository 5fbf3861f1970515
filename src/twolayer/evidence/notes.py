"""What cannot be known of a network, and what else to mind, in sentences."""

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.evidence.facts import Look
from twolayer.evidence.found import Found
from twolayer.evidence.gaussianity import GaussianityTest
from twolayer.evidence.status import Status
from twolayer.evidence.twins import is_turning_untried

__all__ = ["notes_on", "notes_on_activation", "notes_on_inputs", "notes_on_turns", "notes_on_unseen_units"]


def notes_on(found: Found, seen: Look, status: Status) -> tuple[str, ...]:
    """What is to be said of the end of a search."""
    problem, facts = found.fit.problem, seen.facts
    notes = notes_on_activation(problem.activation, problem.has_bias)
    if not problem.is_lifted and is_turning_untried(seen.network, seen.errors, problem.X):
        notes.append(f"{problem.width} units are too many to try all sets that may be turned round together.")
    notes += notes_on_turns(seen.turns)
    notes += notes_on_unseen_units(found.unseen_units, problem.width, is_lifted=problem.is_lifted)
    if facts.is_one_of_several:
        notes.append("Polynomials of this degree have no more coefficients than these units have parameters.")
    if facts.aliased_inputs:
        notes.append(
            f"Input {facts.aliased_inputs[0]} takes values on a grid only: the activation is periodic, and cannot tell"
            " a weight there from one that is a period over the grid's step larger."
        )
    if found.noise is not None and found.noise.test is None:
        notes.append(
            "What is left is the rounding of samples in single precision, and no more is known of the weights."
        )
    has_narrower = problem.width > 1 and not facts.needs_all_units and not found.unseen_units
    if status is Status.NOT_IDENTIFIABLE and has_narrower:
        notes.append(f"A network of {problem.width - 1} units explains the data as well.")
    return tuple(notes)


def notes_on_activation(activation: Activation, has_bias: bool) -> list[str]:
    """What no data can tell of units of this kind."""
    law, parity, notes = activation.reflection, activation.parity, []
    if parity > 0:
        notes.append("The activation is even: (w, b) and (-w, -b) are the same unit.")
    elif parity < 0:
        notes.append("The activation is odd: (a, w, b) and (-a, -w, -b) are the same unit.")
    elif has_bias and len(law.polynomial) == 1:
        notes.append("A unit may be turned round, (a, w, b) to (-a, -w, -b), for a change of the constant.")
    if activation.degree:
        notes.append(
            "The activation is homogeneous: the scale of a unit is in its input weights, |a| = 1 by convention."
        )
    return notes


def notes_on_turns(turns: NDArray[np.int_]) -> list[str]:
    """Which units can be turned round together."""
    if not len(turns):
        return []
    units = ", ".join(map(str, np.flatnonzero(turns[0])))
    count = len(turns) + 1
    return [f"Turning units {units} round together leaves the function as it is: {count} sign patterns give it."]


def notes_on_unseen_units(unseen: int, width: int, *, is_lifted: bool) -> list[str]:
    """What the rows do not show of the units that were asked for."""
    notes = []
    if is_lifted:
        notes.append(
            "The polynomial part holds the sum of units that are linear on all of these inputs, and what turning the"
            " others round leaves: one cannot be told from the other."
        )
    if unseen:
        kind = "linear or dead" if is_lifted else "dead"
        notes.append(f"Of the units asked for, {unseen} are {kind} on all of these inputs, or one too many.")
        notes.append(f"A network of {width} units explains the data as well.")
    return notes


def notes_on_inputs(inputs: GaussianityTest) -> tuple[str, ...]:
    """What is lost where the inputs are not Gaussian."""
    if inputs.is_gaussian:
        return ()
    return (
        f"The inputs are not Gaussian in the directions that matter ({inputs.kind} in one of {inputs.n_directions}:"
        f" p = {inputs.p_value:.1g}): the moments of the theory give no more than a start, and nothing is promised of"
        " whether the search finds the network. Residual, curvature and standard errors are those of inputs like these,"
        " and so is the function: units that bend where there are no inputs are not seen.",
    )
