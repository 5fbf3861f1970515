"""From the end of a search to a status and a certificate: a table of rules, the first that applies decides."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from twolayer.coordinates import Coordinates
from twolayer.evidence.certificate import Certificate, singular_value_conditioning
from twolayer.evidence.facts import Facts, Look, look
from twolayer.evidence.found import Found
from twolayer.evidence.gaussianity import gaussianity_of_inputs
from twolayer.evidence.notes import notes_on, notes_on_inputs
from twolayer.evidence.order import in_order, with_canonical_signs
from twolayer.evidence.standard_errors import standard_errors
from twolayer.evidence.standards import STANDARDS, Standards
from twolayer.evidence.status import Status
from twolayer.network import TwoLayerNetwork

__all__ = ["RULES", "Rule", "Verdict", "judge", "status_of"]


class Rule(NamedTuple):
    """A condition on the facts, under some standards, and the status that it decides."""

    applies: Callable[[Facts, Standards], bool]
    status: Status


class Verdict(NamedTuple):
    """What can be claimed of a network, and on what evidence."""

    network: TwoLayerNetwork
    status: Status
    certificate: Certificate


def _has_too_few_rows(facts: Facts, standards: Standards) -> bool:
    """Whether another network could meet these labels as well, by chance: rows too few, or one that stands alone."""
    if facts.is_exact:
        least, leverage = standards.exact_rows_per_parameter, standards.most_leverage
    else:
        least, leverage = standards.noisy_rows_per_parameter, standards.most_leverage_under_noise
    return facts.distinct_rows < least * facts.parameters or not facts.has_power or facts.leverage > leverage


def _has_equals(facts: Facts, _: Standards) -> bool:
    """Whether other networks of as many units explain the rows as well, or one of fewer."""
    is_determined = not (facts.is_flat or facts.is_one_of_several or facts.aliased_inputs)
    return not (is_determined and facts.needs_all_units) or (facts.unseen_units > 0 and not facts.is_lifted)


# In this order: what does not explain the rows, what the rows are too few for, what they leave open; the rest is known.
RULES: tuple[Rule, ...] = (
    Rule(lambda facts, _: not facts.is_exact and facts.lift_was_exact, Status.UNRESOLVED_REFLECTION),
    Rule(lambda facts, _: not facts.is_noise, Status.MISFIT),
    Rule(lambda facts, _: not facts.has_signal, Status.NO_SIGNAL),
    Rule(_has_too_few_rows, Status.TOO_FEW_ROWS),
    Rule(_has_equals, Status.NOT_IDENTIFIABLE),
    Rule(lambda facts, _: facts.is_lifted, Status.UNRESOLVED_REFLECTION),
    Rule(lambda facts, standards: not facts.relative_error <= standards.most_relative_error, Status.LOOSE_WEIGHTS),
    Rule(lambda facts, _: facts.twins > 0, Status.AMBIGUOUS_REFLECTION),
    Rule(lambda facts, _: facts.is_exact, Status.CERTIFIED),
    Rule(lambda *_: True, Status.CERTIFIED_WITH_NOISE),
)


def status_of(facts: Facts, standards: Standards = STANDARDS) -> Status:
    """The status of the first rule that applies."""
    return next(rule.status for rule in RULES if rule.applies(facts, standards))


def judge(found: Found, coordinates: Coordinates | None = None, standards: Standards = STANDARDS) -> Verdict:
    """Decide what can be claimed of the end of a search, and put the evidence together; nothing is refitted.

    Parameters
    ----------
    found : Found
    coordinates : Coordinates, optional
        Those of the samples: network, noise and standard errors are then brought back from there.
    standards : Standards

    Returns
    -------
    Verdict
    """
    found = in_order(found, coordinates)
    seen = look(found, standards)
    status = status_of(seen.facts, standards)
    network = with_canonical_signs(_given(seen.network, coordinates))
    return Verdict(network, status, _certificate(found, seen, status, coordinates))


def _given(network: TwoLayerNetwork, coordinates: Coordinates | None) -> TwoLayerNetwork:
    return network if coordinates is None else coordinates.invert_network(network)


def _certificate(found: Found, seen: Look, status: Status, coordinates: Coordinates | None) -> Certificate:
    fit, problem, noise = found.fit, found.fit.problem, found.noise
    n, spread = problem.n_rows, float(problem.y.std(dtype=np.float64))
    kappa, lambda_ = singular_value_conditioning(_given(seen.network, coordinates))
    # what a fit that is not certain chose depends on the rows that would test it
    units = seen.network.W if status.is_certified else None
    inputs = gaussianity_of_inputs(problem.X, problem.y, problem.width, units)
    errors = seen.errors
    if coordinates is not None and coordinates.moves_inputs:
        level = seen.noise * float(np.sqrt(seen.some.n_rows / n))
        errors = standard_errors(seen.some, fit.point, seen.H, level, coordinates)
    elif coordinates is not None:
        errors = errors.stretched(*coordinates.stretch(seen.network), coordinates.unit)
    return Certificate(
        n_rows=n,
        n_parameters=problem.n_parameters,
        width=problem.width,
        residual=float(np.sqrt(fit.squares / n)) / spread,
        noise=seen.noise * (1.0 if coordinates is None else coordinates.unit),
        held_out_residual=None if found.held_out_loss is None else float(np.sqrt(found.held_out_loss)) / spread,
        kappa=kappa,
        lambda_=lambda_,
        curvature=seen.curvature,
        standard_errors=errors,
        score_test=None if noise is None else noise.test,
        wider_gain=None if noise is None else noise.wider_gain,
        narrower_loss=None if noise is None else noise.narrower_loss,
        unseen_units=found.unseen_units,
        notes=notes_on(found, seen, status) + notes_on_inputs(inputs),
        inputs=inputs,
    )
