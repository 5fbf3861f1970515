"""Is the network that was found the one in the box, and what are its units? Fresh inputs, near and far, tell."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from twolayer.activation import Activation, is_bent
from twolayer.extract.evidence import unit_evidence
from twolayer.extract.forms import SIGMOID, TANH, oriented, written_with
from twolayer.extract.lines import Matrix, Vector
from twolayer.extract.outcome import Check, Extraction
from twolayer.extract.rounding import change_when_turned, rounding_of_rows
from twolayer.extract.standards import ExtractionStandards
from twolayer.extract.verdict import Findings, is_coarse, verdict
from twolayer.extract.view import View
from twolayer.network import TwoLayerNetwork

__all__ = ["Wanted", "judged"]


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Attributes
    ----------
    activation : Activation or None
    width : int or None
    """

    activation: Activation | None = None
    width: int | None = None


def judged(
    view: View,
    network: TwoLayerNetwork,
    scale: float,
    wanted: Wanted,
    rng: np.random.Generator,
    standards: ExtractionStandards,
) -> Extraction:
    """Compare the network with the box, and say what the units are.

    Parameters
    ----------
    view : View
    network : TwoLayerNetwork
        In the units of the view.
    scale : float
        Of the inputs on which its units are seen.
    wanted : Wanted
    rng : Generator
    standards : ExtractionStandards
    """
    standards = standards.of(network.width, network.dim)
    shown = unit_evidence(view, network, scale, rng)
    network = _written(view, network, wanted.activation)
    near = _near_checks(view, network, scale, rng, standards)
    far = _far_checks(view, network, scale, rng, standards, near)
    found = Findings(near, far, shown, wanted.width, view.rounding_step is not None, standards)
    oracle = view.oracle
    return Extraction(
        view.units.network(network),
        verdict(found),
        (*near, *far),
        shown,
        oracle.box.declared.width,
        oracle.asked,
        oracle.answered_from_file,
        view.eps,
        tuple(_notes(view, network, found)),
    )


def _written(view: View, network: TwoLayerNetwork, sigma: Activation | None) -> TwoLayerNetwork:
    """The network as it was asked for."""
    if is_bent(network.activation):
        has_linear_part = network.polynomial is not None and network.polynomial.linear is not None
        if network.activation.name == "relu" and network.n_outputs == 1 and has_linear_part:
            # what is left of it comes of as many sums as there are units, each known to some hundred roundings
            network = oriented(network, 1e3 * view.rounding(np.ones(1)))
        return network if sigma is None else written_with(network, sigma)
    says_sigmoid = view.oracle.box.declared.activation == "sigmoid"
    is_sigmoid = sigma == SIGMOID or (sigma is None and says_sigmoid)
    return written_with(network, SIGMOID) if network.activation == TANH and is_sigmoid else network


def _near_checks(
    view: View, network: TwoLayerNetwork, scale: float, rng: np.random.Generator, standards: ExtractionStandards
) -> tuple[Check, ...]:
    """Comparisons where the units are; at the nearest scale the box must answer, at the others it may refuse."""
    checks: list[Check] = []
    for factor in standards.near_scales:
        X = view.placed(factor * scale * rng.standard_normal((standards.near_rows, network.dim)))
        y = view.within_reach(X) if checks else view(X)
        if y is None:
            break
        explained = standards.equal * rounding_of_rows(view, network, X, y, standards) / _spread(y)
        tolerance = np.clip(explained, standards.finest, standards.coarsest)
        checks.append(_check(network, factor * scale, X, y, tolerance))
    return tuple(checks)


def _far_checks(
    view: View,
    network: TwoLayerNetwork,
    scale: float,
    rng: np.random.Generator,
    standards: ExtractionStandards,
    near: tuple[Check, ...],
) -> tuple[Check, ...]:
    """Comparisons at growing scales until the box overflows, where most rows can tell."""
    checks: list[Check] = []
    for factor in standards.far_scales:
        X = view.placed(factor * scale * rng.standard_normal((standards.far_rows, network.dim)))
        y = view.within_reach(X)
        if y is None:
            break
        # the units are known no better than from where they are seen, beside a large constant say
        tolerance = np.maximum(_far_tolerance(view, network, X, y, standards), min(check.tolerance for check in near))
        if np.median(tolerance) <= standards.coarse or is_coarse(near, standards):
            checks.append(_check(network, factor * scale, X, y, tolerance))
    return tuple(checks)


def _far_tolerance(
    view: View, network: TwoLayerNetwork, X: Matrix, y: Vector, standards: ExtractionStandards
) -> Vector:
    r"""What is explained of rows far out, where less is known of units that are bounded: their hyperplanes turn.

    To the tolerance is added what comes of moving their arguments in proportion to their terms, which is next to
    nothing but in the rows that are close to a hyperplane. Units that grow may cancel far out: then the rounding of
    what cancels counts, of :math:`\sum_i |a_i| |w_i|\cdot|x|`.
    """
    tolerance = np.full(y.shape, standards.equal * view.rounding(y) / _spread(y))
    # at arguments of a thousand a step is level, and a ramp as large as they are
    if np.abs(network.activation(np.array([-1e3, 1e3]))).max() < 500:
        turned = change_when_turned(network, X, standards.turned * np.sqrt(view.rounding(np.ones(1))))
        return tolerance + turned / _spread(y)
    # an affine part that they cancel is no larger, nor are biases so far out
    cancelled = np.abs(X) @ np.abs(network.W.T) @ np.abs(network.a)
    return np.maximum(tolerance, standards.equal * view.eps * cancelled / _spread(y))


def _check(network: TwoLayerNetwork, scale: float, X: Matrix, y: Vector, tolerance: Vector) -> Check:
    difference = np.abs(network(X) - y) / _spread(y)
    worst = np.unravel_index(np.argmax(difference / tolerance), difference.shape)
    rms = float(np.sqrt(np.mean(difference**2, axis=0)).max())
    return Check(scale, len(X), float(difference[worst]), rms, float(np.broadcast_to(tolerance, y.shape)[worst]))


def _spread(y: Vector) -> Any:
    """Standard deviation of the values, (q,) of several outputs; their size where there is none."""
    largest = np.abs(y).max(axis=0)
    spread = y.std(axis=0)
    spread = np.where(spread > np.finfo(np.float64).eps * largest, spread, np.where(largest > 0, largest, 1.0))
    return float(spread) if y.ndim == 1 else spread


def _notes(view: View, network: TwoLayerNetwork, found: Findings) -> list[str]:
    """What cannot be known, and to what accuracy the rest is."""
    notes, declared, sigma = [], view.oracle.box.declared.width, network.activation
    if is_bent(sigma) and network.polynomial is not None and network.polynomial.linear is not None:
        notes.append(
            "An affine part is left beside the units: linear units (always active), or units that are the other way"
            " round; which it is takes a search through all orientations."
        )
    if sigma in (TANH, SIGMOID):
        notes.append("tanh(t) = 2 sigmoid(2t) - 1: the box may be written with either.")
    if declared is not None and declared > network.width and not (found.is_coarse or found.unlike):
        notes.append(
            f"The box declares {declared} units and shows {network.width}: {declared - network.width} are dead (add"
            " nothing that rounding lets see), linear (in the affine part), or duplicates (of the same hyperplane as"
            " another)."
        )
    if found.is_coarse:
        notes.append(_coarseness(view))
    elif not found.unlike:
        notes.append(_accuracy(found))
    if not network.width:
        notes.append(f"No unit was found on inputs up to scale {(*found.near, *found.far)[-1].scale:.2g}.")
    return [*notes, *(_difference(check) for check in found.unlike[:1])]


def _difference(check: Check) -> str:
    return (
        f"Network and box differ on inputs of scale {check.scale:.2g}: by {check.largest:.1e} of the values' standard"
        f" deviation, of which rounding explains {check.tolerance:.1e}."
    )


def _accuracy(found: Findings) -> str:
    """To what network and box agree where the units are, and what is therefore not seen."""
    if found.inexact:
        worst = max(found.inexact, key=lambda check: check.largest / check.tolerance)
        return (
            f"On inputs of scale {worst.scale:.2g} {worst.largest:.1e} of the values' standard deviation is left over,"
            f" of which the rounding of the answers explains {found.explained(worst):.1e}."
        )
    seen = max(found.explained(check) for check in found.near)
    return (
        f"Network and box agree to {seen:.1e} of the values' standard deviation where the units are: a unit that adds"
        " less would not be seen."
    )


def _coarseness(view: View) -> str:
    step = view.rounding_step
    if step is None:
        return (
            f"The box's answers are exact to about {view.eps:.1e} of their size: no network can be told from one that"
            " differs by as much."
        )
    return (
        f"The box's answers are quantised: all are multiples of {step:.3g}, and no weights can be read from them to"
        f" better than that, about {view.eps:.1e} of their size; answers with more digits, from before the rounding,"
        " would help."
    )
