"""Do the units have biases? Fitted with them first, and without where none is seen."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from twolayer.errors import InputError
from twolayer.evidence import STANDARDS, Status
from twolayer.recover.result import Result

__all__ = ["with_bias_decided"]

# What biases do not explain, a network without them, which is one with them too, does not explain either.
_SETTLED = (Status.MISFIT, Status.NO_SIGNAL)


def with_bias_decided(attempt: Callable[..., Result]) -> Result:
    """The result with biases, or that without where it is certified and nothing of them is seen.

    Parameters
    ----------
    attempt : callable
        Called with whether there are biases and, for the second fit of a certified network, its width and activation.

    Notes
    -----
    Costs one recovery, and a second one where no bias is seen or the first is not certified for another reason than
    that it does not explain the labels.
    """
    try:
        first = attempt(True)
    except InputError:  # too few rows for the biases, or what is wrong without them too
        return _noted(attempt(False), "Units have no biases here: there are too few rows for these.")
    if first.is_certified:
        if not _has_no_bias_seen(first):
            return first
        second = attempt(False, first.network.width, first.network.activation)
        if not second.is_certified:
            return first
        choices = second.certificate.choices or first.certificate.choices
        second = replace(second, certificate=replace(second.certificate, choices=choices))
        return _noted(second, "No bias and no constant differ from zero by 6 standard errors: they are left out.")
    if first.status in _SETTLED:
        return first
    try:
        second = attempt(False)
    except InputError:
        return first
    return _noted(second, "With biases nothing is certified: they are left out.") if second.is_certified else first


def _has_no_bias_seen(result: Result) -> bool:
    """Whether biases and constant are zero, by their standard errors, or by rounding where labels are exact."""
    network, errors = result.network, result.certificate.standard_errors
    if network.polynomial is not None and network.polynomial.degree > 0:
        return False
    sizes = np.linalg.norm(network.W, axis=1)
    tiny = STANDARDS.same_exact_values
    constant = 0.0 if network.polynomial is None else network.polynomial.constant
    spread = np.abs(network.A).max(initial=0.0) * (sizes.max(initial=0.0) if network.activation.degree else 1.0)
    return bool(
        np.all(np.abs(network.b) <= STANDARDS.clearly * errors.b + tiny * sizes)
        and np.all(np.abs(constant) <= STANDARDS.clearly * np.asarray(errors.constant) + tiny * spread)
    )


def _noted(result: Result, note: str) -> Result:
    return replace(result, certificate=replace(result.certificate, notes=(*result.certificate.notes, note)))
