"""Recovery behind a link: probabilities, rates and bounded values are brought back to the outputs that gave them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.errors import InputError
from twolayer.links import Link, given_link, likely_links, unlinked
from twolayer.recover.result import Result
from twolayer.sources import check_samples

__all__ = ["with_link"]

Attempt = Callable[[NDArray[Any], NDArray[Any]], Result]


def with_link(attempt: Attempt, X: ArrayLike, y: ArrayLike, link: str) -> Result:
    """Recover the network behind a link.

    Parameters
    ----------
    attempt : callable
        Recovers from samples without a link.
    X, y : arrays, shapes (n, d) and (n,) or (n, q)
    link : str
        A key of `LINKS`, or ``"auto"``: of the links that the range of y allows, the first that is certified, or the
        one that leaves least.

    Raises
    ------
    InputError
        As `unlinked` and `check_samples`, and what `attempt` raises.

    Notes
    -----
    Noise that is alike in all labels is not so in the outputs behind them: what is certified under noise, is so for
    noise of the outputs.
    """
    inputs, given = check_samples(X, y, may_have_outputs=True)
    labels = np.asarray(given, np.float64)
    if link != "auto":
        return _behind(attempt, inputs, labels, given_link(link))
    best: Result | None = None
    for name in likely_links(labels):
        result = _behind(attempt, inputs, labels, given_link(name))
        if result.is_certified:
            return result
        if best is None or result.certificate.residual < best.certificate.residual:
            best = result
    assert best is not None
    return best


def _behind(attempt: Attempt, X: NDArray[Any], y: NDArray[np.float64], link: Link) -> Result:
    if link.name == "identity":
        return attempt(X, y)
    F, shown = unlinked(link, y)
    lost = int((~shown).sum())
    try:
        result = attempt(X[shown], F)
    except InputError as error:
        among = f" ({lost} of {len(shown)} rows saturate the link {link.name})" if lost else ""
        raise InputError(f"{error}{among}") from None
    notes = result.certificate.notes
    if lost:
        notes = (f"{lost} of {len(shown)} rows saturate the link {link.name}, and were left out.", *notes)
    if link.name == "softmax":
        notes = (*notes, "Probabilities show differences of outputs only: those of this network have the sum 0.")
    return replace(result, certificate=replace(result.certificate, notes=notes), link=link.name, samples=(X[shown], F))
