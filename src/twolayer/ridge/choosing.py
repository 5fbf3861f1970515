"""A width, or an activation, that is not given: the one whose ridge fit has the highest evidence."""

from collections.abc import Callable, Iterable

from twolayer.activation import Activation
from twolayer.ridge.fit import RidgeFit

__all__ = ["chosen_fit"]

_WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)  # each at most twice as wide as the one before
_WORTH = 3.0  # in the log evidence, a factor of 20: less is no reason for more units
_PATIENCE = 3  # widths in a row that are worth no more


def chosen_fit(
    fitted: Callable[[int, Activation], RidgeFit], widths: Iterable[int] | None, activations: Iterable[Activation]
) -> RidgeFit:
    """The fit of highest evidence; of those close to it, the first of fewest units.

    Parameters
    ----------
    fitted : callable
        The ridge fit of a width and an activation.
    widths : iterable of int or None
        Those allowed, ascending; None tries more and more units until three widths in a row are worth no more.
    activations : iterable of Activation

    Notes
    -----
    Evidence is comparable between widths: a unit that does nothing adds nothing to it.
    """
    best: RidgeFit | None = None
    for sigma in activations:
        own = _best_width(fitted, _WIDTHS if widths is None else tuple(widths), sigma)
        if best is None or _is_better(own, best):
            best = own
    assert best is not None
    return best


def _best_width(fitted: Callable[[int, Activation], RidgeFit], widths: tuple[int, ...], sigma: Activation) -> RidgeFit:
    best, idle = fitted(widths[0], sigma), 0
    for width in widths[1:]:
        if best.is_exact:
            break
        trial = fitted(width, sigma)
        if trial.log_evidence > best.log_evidence + _WORTH:
            best, idle = trial, 0
        else:
            idle += 1
        if idle == _PATIENCE:
            break
    return best


def _is_better(one: RidgeFit, other: RidgeFit) -> bool:
    """Whether the evidence is clearly for one, or does not decide and it has fewer units, as where both are exact."""
    if one.is_exact and other.is_exact:
        return one.objective.width < other.objective.width
    gain = one.log_evidence - other.log_evidence
    return gain > _WORTH or (gain > -_WORTH and one.objective.width < other.objective.width)
