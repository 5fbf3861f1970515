"""Units of several outputs that the rows do not show: what is linear or zero on all of them, or there twice."""

from collections.abc import Callable

import numpy as np

from twolayer.model.shared_reflections import unlifted_units
from twolayer.model.shared_units import SharedFit
from twolayer.model.units import straight_rows
from twolayer.refine.explore import Report
from twolayer.search.shared_width import shared_saliency

__all__ = ["seen_units"]


def seen_units(fit: SharedFit, explored: Callable[..., SharedFit], report: Report) -> SharedFit:
    r"""The same function with only those units that the rows show; as `seen_part` for one output.

    Parameters
    ----------
    fit : SharedFit
        Exact, lifted or not.
    explored : callable
        Refines a start.
    report : callable

    Returns
    -------
    SharedFit
        Exact; the one given if nothing can be left out of it.
    """
    bent = fit
    straight = straight_rows(fit.problem, fit.theta)
    if straight.any() and not straight.all():
        lifted = fit.problem.resized(int((~straight).sum()), is_lifted=True)
        bent = explored(lifted, fit.theta[~straight], report, "affine part")
    if not bent.is_exact:
        return fit
    bent = _without_idle_units(bent, explored, report)
    if not bent.problem.is_lifted:
        return bent
    plain = explored(*unlifted_units(bent), report, "network", 60)
    return plain if plain.is_exact else bent


def _without_idle_units(fit: SharedFit, explored: Callable[..., SharedFit], report: Report) -> SharedFit:
    """Leave units out of an exact fit while it stays exact."""
    while fit.problem.width > 1:
        spared = shared_saliency(fit) / fit.problem.energy
        tried = [int(unit) for unit in np.argsort(spared)[:2] if spared[unit] <= 1e-5]
        fewer = fit.problem.resized(fit.problem.width - 1)
        narrower = (explored(fewer, np.delete(fit.theta, unit, axis=0), report, "idle unit", 40) for unit in tried)
        better = next((trial for trial in narrower if trial.is_exact), None)
        if better is None:
            return fit
        fit = better
    return fit
