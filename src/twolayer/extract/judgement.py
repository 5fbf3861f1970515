"""Is the network that was found the one in the box, and what are its units? Fresh inputs, near and far, tell."""

from collections.abc import Sequence

import numpy as np

from twolayer.activation import Activation, is_bent
from twolayer.extract.evidence import unit_evidence
from twolayer.extract.forms import SIGMOID, TANH, oriented, written_with
from twolayer.extract.lines import Matrix, Vector
from twolayer.extract.outcome import Check, Extraction, Status
from twolayer.extract.querying import Oracle
from twolayer.network import TwoLayerNetwork

__all__ = ["judged"]

_NEAR_SCALES, _NEAR_ROWS = (0.3, 1.0, 3.0, 10.0), 4096
_FAR_SCALES, _FAR_ROWS = tuple(10.0**k for k in range(2, 11)), 1024
_EQUAL, _EXPLAINED, _TURNED, _LEAST_TOLERANCE = 200.0, 40.0, 20.0, 1e-9
_COARSE, _COARSEST = 1e-3, 0.1
_LARGE = 1e3
_SHOWN = 0.2


def judged(
    oracle: Oracle,
    network: TwoLayerNetwork,
    scale: float,
    sigma: Activation | None,
    width: int | None,
    rng: np.random.Generator,
) -> Extraction:
    """Compare the network with the box, and say what the units are.

    Parameters
    ----------
    oracle : Oracle
    network : TwoLayerNetwork
    scale : float
        Of the inputs on which its units are seen.
    sigma, width : Activation, int or None
        What was asked for.
    rng : Generator
    """
    shown = unit_evidence(oracle, network, scale, rng)
    network, notes = _written(oracle, network, sigma)
    checks = _checks(oracle, network, scale, rng)
    is_coarse = _is_coarse(checks)
    declared = oracle.box.declared.width
    if declared is not None and declared > network.width:
        notes.append(
            f"The box declares {declared} units and shows {network.width}: {declared - network.width} are dead (add"
            " nothing that rounding lets see), linear (in the affine part), or duplicates (of the same hyperplane as"
            " another)."
        )
    inexact = [check for check in checks[: len(_NEAR_SCALES)] if check.largest > _explained(check)]
    unlike = [check for check in checks if check.largest > check.tolerance]
    if is_coarse:
        notes.append(_coarseness(oracle))
    elif not unlike:
        notes.append(_accuracy(inexact, checks))
    if not network.width:
        notes.append(f"No unit was found on inputs up to scale {checks[-1].scale:.2g}.")
    if unlike:
        notes.append(_difference(unlike[0]))
    status = Status.EQUAL
    if is_coarse and (not unlike or oracle.rounding_step is not None):
        status = Status.COARSE
    elif unlike:
        status = Status.DIFFERENT
    elif inexact:
        status = Status.INEXACT
    elif np.any(np.abs(shown - 1) > _SHOWN):
        status = Status.NOT_SHOWN
    elif width is not None and network.width != width:
        status = Status.OTHER_WIDTH
    return Extraction(
        network, status, checks, shown, declared, oracle.asked, oracle.answered_from_file, oracle.eps, tuple(notes)
    )


def _written(oracle: Oracle, network: TwoLayerNetwork, sigma: Activation | None) -> tuple[TwoLayerNetwork, list[str]]:
    """The network as it was asked for, and in how many ways it can be written."""
    notes = []
    if is_bent(network.activation):
        network = oriented(network, 1e3 * oracle.eps)
        network = network if sigma is None else written_with(network, sigma)
        if network.polynomial is not None and network.polynomial.linear is not None:
            notes.append(
                "An affine part is left beside the units: linear units (always active), or units that are the other way"
                " round; which it is takes a search through all orientations."
            )
    if network.activation == TANH and (
        sigma == SIGMOID or (sigma is None and oracle.box.declared.activation == "sigmoid")
    ):
        network = written_with(network, SIGMOID)
    if network.activation in (TANH, SIGMOID):
        notes.append("tanh(t) = 2 sigmoid(2t) - 1: the box may be written with either.")
    return network, notes


def _checks(oracle: Oracle, network: TwoLayerNetwork, scale: float, rng: np.random.Generator) -> tuple[Check, ...]:
    """Comparisons at growing scales until the box overflows; far out, only where most rows can tell."""
    checks: list[Check] = []
    for factor in _NEAR_SCALES + _FAR_SCALES:
        is_far = factor in _FAR_SCALES
        X = oracle.placed(factor * scale * rng.standard_normal((_FAR_ROWS if is_far else _NEAR_ROWS, network.dim)))
        y = oracle.within_reach(X) if checks else oracle(X)
        if y is None:
            break
        tolerance = _far_tolerance(oracle, network, X, y) if is_far else np.full(len(X), _tolerance(oracle, y))
        if is_far:  # the units are known no better than from where they are seen, beside a large constant say
            tolerance = np.maximum(tolerance, min(check.tolerance for check in checks[: len(_NEAR_SCALES)]))
        if not is_far or np.median(tolerance) <= _COARSE or _is_coarse(checks):
            checks.append(_check(network, factor * scale, X, y, tolerance))
    return tuple(checks)


def _is_coarse(checks: Sequence[Check]) -> bool:
    """Whether the box's answers say too little even where the units are."""
    return min(check.tolerance for check in checks[: len(_NEAR_SCALES)]) > _COARSE


def _tolerance(oracle: Oracle, y: Vector) -> float:
    """What rounding of the answers explains, relative to the spread of the values."""
    return max(_LEAST_TOLERANCE, min(_EQUAL * oracle.eps * float(np.abs(y).max()) / _spread(y), _COARSEST))


def _explained(check: Check) -> float:
    """What rounding of the answers alone explains of a near check; where more is left, a unit may be missing."""
    return max(_LEAST_TOLERANCE, _EXPLAINED / _EQUAL * check.tolerance)


def _far_tolerance(oracle: Oracle, network: TwoLayerNetwork, X: Matrix, y: Vector) -> Vector:
    r"""What is explained of rows far out, where less is known of units that are bounded: their hyperplanes turn.

    To the tolerance is added what comes of moving the arguments :math:`t_i` by :math:`\pm\delta_i`, in proportion to
    their terms :math:`|w_i|\cdot|x| + |b_i|`: :math:`\sum_i |a_i| \max_\pm |\sigma(t_i \pm \delta_i) - \sigma(t_i)|`.
    It is next to nothing but in the rows that are close to a hyperplane. Units that grow may cancel far out: then the
    rounding of what cancels is added, of :math:`\sum_i |a_i| (|w_i|\cdot|x| + |b_i|)` and of the affine part.
    """
    tolerance, sigma = np.full(len(X), _tolerance(oracle, y)), network.activation
    terms = np.abs(X) @ np.abs(network.W.T) + np.abs(network.b)
    if np.abs(sigma(np.array([-_LARGE, _LARGE]))).max() < _LARGE / 2:
        t, delta = X @ network.W.T + network.b, _TURNED * np.sqrt(oracle.eps) * terms
        moved = np.maximum(np.abs(sigma(t + delta) - sigma(t)), np.abs(sigma(t - delta) - sigma(t)))
        return tolerance + moved @ np.abs(network.a) / _spread(y)
    cancelled = terms @ np.abs(network.a)
    if network.polynomial is not None and network.polynomial.linear is not None:
        cancelled += np.abs(X) @ np.abs(network.polynomial.linear)
    return np.maximum(tolerance, _EQUAL * oracle.eps * cancelled / _spread(y))


def _check(network: TwoLayerNetwork, scale: float, X: Matrix, y: Vector, tolerance: Vector) -> Check:
    difference = np.abs(network(X) - y) / _spread(y)
    worst = int(np.argmax(difference / tolerance))
    rms = float(np.sqrt(np.mean(difference**2)))
    return Check(scale, len(X), float(difference[worst]), rms, float(tolerance[worst]))


def _spread(y: Vector) -> float:
    """Standard deviation of the values; their size where there is none."""
    largest = float(np.abs(y).max())
    spread = float(y.std())
    return spread if spread > np.finfo(np.float64).eps * largest else largest or 1.0


def _difference(check: Check) -> str:
    return (
        f"Network and box differ on inputs of scale {check.scale:.2g}: by {check.largest:.1e} of the values' standard"
        f" deviation, of which rounding explains {check.tolerance:.1e}."
    )


def _accuracy(inexact: Sequence[Check], checks: Sequence[Check]) -> str:
    """To what network and box agree where the units are, and what is therefore not seen."""
    if inexact:
        worst = max(inexact, key=lambda check: check.largest / check.tolerance)
        return (
            f"On inputs of scale {worst.scale:.2g} {worst.largest:.1e} of the values' standard deviation is left over,"
            f" of which the rounding of the answers explains {_explained(worst):.1e}."
        )
    seen = max(_explained(check) for check in checks[: len(_NEAR_SCALES)])
    return (
        f"Network and box agree to {seen:.1e} of the values' standard deviation where the units are: a unit that adds"
        " less would not be seen."
    )


def _coarseness(oracle: Oracle) -> str:
    step = oracle.rounding_step
    if step is None:
        return (
            f"The box's answers are exact to about {oracle.eps:.1e} of their size: no network can be told from one that"
            " differs by as much."
        )
    return (
        f"The box's answers are quantised: all are multiples of {step:.3g}, and no weights can be read from them to"
        f" better than that, about {oracle.eps:.1e} of their size; answers with more digits, from before the rounding,"
        " would help."
    )
