"""From the end of a search for several outputs to a status and a certificate, by the same table of rules."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from twolayer.coordinates import Coordinates
from twolayer.evidence.certificate import Certificate, singular_value_conditioning
from twolayer.evidence.facts import Facts, aliased_inputs, is_one_of_several
from twolayer.evidence.gaussianity import gaussianity_of_inputs
from twolayer.evidence.noise import NoiseEvidence, has_no_signal
from twolayer.evidence.notes import notes_on_activation, notes_on_inputs, notes_on_turns, notes_on_unseen_units
from twolayer.evidence.order import canonical_places
from twolayer.evidence.shared_curvature import SharedCurvature
from twolayer.evidence.standard_errors import StandardErrors
from twolayer.evidence.standards import STANDARDS, Standards
from twolayer.evidence.twins import equivalent_turns
from twolayer.evidence.verdict import Verdict, status_of
from twolayer.model.fit import EXACT
from twolayer.model.shared_reflections import shared_network
from twolayer.model.shared_units import Matrix, SharedFit, SharedUnits
from twolayer.model.units import straight_rows
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.samples.distinct_rows import n_distinct_rows

__all__ = ["SharedFound", "judge_outputs"]

_UNUSED = 1e-9  # of a unit's output weights: what only rounding leaves of one that is zero


@dataclass(frozen=True, eq=False)
class SharedFound:
    """Where a search for several outputs ended, and its record.

    Attributes
    ----------
    fit : SharedFit
        Of the network itself, at a minimum over all rows.
    lifted_loss : float or None
        The least loss of a lifted fit, relative to ‖Y‖².
    held_out : array of bool, shape (n,), or None
        Rows kept from the search.
    held_out_loss : float or None
        Mean squared residual on them, before they were used, in the unit of the labels' variance.
    noise : NoiseEvidence or None
        None where the fit is exact.
    width : int or None
        The number of units asked for, where that is not the number of the fit.
    mixing : array, shape (r, q), or None
        Labels of the samples are those of the fit times this: where outputs are combinations of others, or noise is not
        independent and alike in all of them, labels are fitted that are not, and in which it is.
    """

    fit: SharedFit
    lifted_loss: float | None = None
    held_out: NDArray[np.bool_] | None = None
    held_out_loss: float | None = None
    noise: NoiseEvidence | None = None
    width: int | None = None
    mixing: Matrix | None = None

    @property
    def unseen_units(self) -> int:
        """How many of the units asked for the fit does without."""
        return 0 if self.width is None else self.width - self.fit.problem.width


def judge_outputs(found: SharedFound, coordinates: Coordinates, standards: Standards = STANDARDS) -> Verdict:
    """Decide what can be claimed of the end of a search, and put the evidence together; nothing is refitted.

    Parameters
    ----------
    found : SharedFound
    coordinates : Coordinates
        Those of the samples: network, noise and standard errors are brought back from there.
    standards : Standards

    Returns
    -------
    Verdict
    """
    found = _in_order(found, coordinates)
    fit, problem, noise = found.fit, found.fit.problem, found.noise
    n, q, p = problem.n_rows, problem.n_outputs, problem.n_parameters
    level = float(np.sqrt(fit.squares / max(problem.n_equations - p, 1)))
    some = _judging_fit(found, standards)
    bend = SharedCurvature(some)
    extremes = bend.extremes(is_held_out=False)
    errors = bend.standard_errors(level * np.sqrt(some.problem.n_rows / n), coordinates, found.mixing)
    network = _given(found, coordinates)
    is_noise = noise is not None and replace(noise, standards=standards).is_noise
    own_errors = bend.standard_errors(level * np.sqrt(some.problem.n_rows / n))
    own = shared_network(fit)
    is_explained = not problem.is_lifted and (fit.is_exact or is_noise)
    turns = equivalent_turns(own, own_errors, problem.X) if is_explained else np.zeros((0, own.width), int)
    has_straight = is_explained and problem.width > 1 and bool(straight_rows(problem, fit.theta).any())
    is_flat = not extremes.smallest > standards.flat * extremes.largest
    facts = Facts(
        is_exact=fit.is_exact,
        is_lifted=problem.is_lifted,
        lift_was_exact=found.lifted_loss is not None and found.lifted_loss <= EXACT,
        is_noise=fit.is_exact or is_noise,
        has_signal=fit.is_exact or not has_no_signal(fit, standards),
        has_power=fit.is_exact or (noise is not None and noise.has_power),
        needs_all_units=fit.is_exact or (noise is not None and noise.needs_all_units),
        distinct_rows=n_distinct_rows(problem) * q,
        parameters=p,
        leverage=0.0 if is_flat or (not fit.is_exact and n > standards.rows_that_share * p) else bend.most_leverage(),
        is_flat=is_flat,
        is_one_of_several=is_one_of_several(problem.activation, problem.n_columns, problem.has_bias, p),
        aliased_inputs=aliased_inputs(problem.activation, problem.X, problem.has_bias),
        unseen_units=found.unseen_units,
        relative_error=0.0 if fit.is_exact else _relative_error(network, errors),
        twins=len(turns) + has_straight,
    )
    status = status_of(facts, standards)
    inputs = gaussianity_of_inputs(
        problem.X, _principal_output(problem), problem.width, own.W if status.is_certified else None
    )
    notes = notes_on_activation(problem.activation, problem.has_bias) + notes_on_turns(turns)
    notes += notes_on_unseen_units(found.unseen_units, problem.width, is_lifted=problem.is_lifted)
    kappa, lambda_ = singular_value_conditioning(network)
    certificate = Certificate(
        n_rows=n,
        n_parameters=p,
        width=problem.width,
        residual=_residual_size(found),
        noise=_noise_in_given_units(found, coordinates, level),
        held_out_residual=None if found.held_out_loss is None else float(np.sqrt(found.held_out_loss)),
        kappa=kappa,
        lambda_=lambda_,
        curvature=extremes,
        standard_errors=errors,
        score_test=None if noise is None else noise.test,
        wider_gain=None if noise is None else noise.wider_gain,
        narrower_loss=None if noise is None else noise.narrower_loss,
        unseen_units=found.unseen_units,
        notes=(*notes, *_on_outputs(network, errors, standards), *notes_on_inputs(inputs)),
        inputs=inputs,
    )
    return Verdict(network, status, certificate)


def _in_order(found: SharedFound, coordinates: Coordinates) -> SharedFound:
    """The same with its units in the order, and with the signs, that the network has on inputs as they were given."""
    fit, network = found.fit, _given(found, coordinates)
    order, flips = canonical_places(network.W, network.b[:, None], network.A, network.activation)
    if fit.problem.is_lifted or network.activation.antiperiod:
        flips = np.ones(len(flips))
    C = fit.C.copy()
    C[: len(order)] = ((flips[:, None] if network.activation.parity < 0 else 1.0) * C[: len(order)])[order]
    theta = (flips[:, None] * fit.theta)[order]
    return replace(found, fit=SharedFit(fit.problem, theta, C, fit.loss, fit.losses))


def _judging_fit(found: SharedFound, standards: Standards) -> SharedFit:
    """The fit on the rows that judge it: all of a noisy one; of an exact one some, those on a kink left out."""
    fit, problem = found.fit, found.fit.problem
    if not fit.is_exact:
        return fit
    speaking = np.ones(problem.n_rows, bool)
    sizes = np.linalg.norm(fit.theta, axis=1)
    for rows in problem.blocks() if problem.activation.kinks else ():
        x = problem.inputs(rows)
        t, rounding = x @ fit.theta.T, standards.on_the_kink * np.linalg.norm(x, axis=1)[:, None] * sizes
        for kink in problem.activation.kinks:
            speaking[rows] &= np.all(np.abs(t - kink) > rounding, axis=1)
    if speaking.sum() * problem.n_outputs <= problem.n_parameters or speaking.sum() <= problem.n_features:
        speaking[:] = True
    least = 3 * max(problem.n_parameters // problem.n_outputs, problem.n_features, problem.n_columns)
    some = problem.on(problem.X[speaking], problem.Y[speaking]).some(max(least, 2000))
    return SharedFit(some, fit.theta, fit.C, fit.loss)


def _given(found: SharedFound, coordinates: Coordinates) -> TwoLayerNetwork:
    """The network on inputs and labels as they were given."""
    network = shared_network(found.fit)
    if found.mixing is not None:
        M, P = found.mixing, network.polynomial
        mixed = None
        if P is not None:
            linear, quadratic = (None if part is None else part @ M for part in (P.linear, P.quadratic))
            mixed = Polynomial(P.constant @ M, linear, quadratic)
        network = replace(network, a=network.A @ M, polynomial=mixed)
    return coordinates.invert_network(network).balanced()


def _residual_size(found: SharedFound) -> float:
    """Root mean square of what the network leaves, each output in units of its spread."""
    left = found.fit.residual
    return float(np.sqrt(np.mean((left if found.mixing is None else left @ found.mixing) ** 2)))


def _noise_in_given_units(found: SharedFound, coordinates: Coordinates, level: float) -> float:
    """Root mean square over outputs of the noise, in the units of y."""
    U = np.eye(found.fit.problem.n_outputs) if found.mixing is None else found.mixing
    return level * float(np.linalg.norm(U * coordinates.unit) / np.sqrt(U.shape[1]))


def _relative_error(network: TwoLayerNetwork, errors: StandardErrors) -> float:
    """The largest standard error of a unit's weights, of their length, and of its outer weights, of theirs."""
    pairs = ((errors.W, network.W), (errors.a, network.A))
    with np.errstate(invalid="ignore"):
        return max(
            float(np.max(np.linalg.norm(e, axis=1) / np.maximum(np.linalg.norm(w, axis=1), 1e-300), initial=0.0))
            for e, w in pairs
        )


def _principal_output(problem: SharedUnits) -> NDArray[np.float64]:
    """The combination of the outputs that varies most."""
    centred = problem.Y - problem.Y.mean(axis=0)
    return np.asarray(centred @ np.linalg.eigh(centred.T @ centred)[1][:, -1])


def _on_outputs(network: TwoLayerNetwork, errors: StandardErrors, standards: Standards) -> list[str]:
    """Which outputs do without some of the units."""
    if not network.width:
        return []
    least = np.maximum(standards.clearly * errors.a, _UNUSED * np.linalg.norm(network.A, axis=1, keepdims=True))
    counts = np.sum(np.abs(network.A) > least, axis=0)
    return [
        f"Output {j} uses {count} of the {network.width} units, as far as the rows show (counted from 0)."
        for j, count in enumerate(counts)
        if count < network.width
    ]
