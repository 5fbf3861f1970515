"""Units that the rows do not show: what is linear or zero on all of them, and what stands there twice."""

import numpy as np

from twolayer.model.fit import Fit
from twolayer.model.reflections import unlifted
from twolayer.model.units import has_affine_law, straight_units, unit_losses, without_unit
from twolayer.refine.explore import Report, explore, polish

__all__ = ["seen_part", "without_idle_units"]


def seen_part(fit: Fit, report: Report) -> Fit:
    r"""The same function with only those units that the rows show.

    A unit whose kink lies beyond all rows is zero or affine on them, so that of all such units only the sum is known:
    an affine function :math:`u \cdot x + c`. It joins what turning the others round leaves behind. Units are left out
    while the fit stays exact. If some orientations of those that are left explain the affine part, what comes back is a
    fit of the network without it, else a lifted one.

    Parameters
    ----------
    fit : Fit
        Exact, lifted or not.
    report : callable

    Returns
    -------
    Fit
        Exact; the one given if nothing can be left out of it.

    Notes
    -----
    A unit left out costs a normal matrix, its inverse and some steps.
    """
    bent = _bent_part(fit, report) if has_affine_law(fit.problem) else fit
    if not bent.is_exact:
        return fit
    bent = without_idle_units(bent, report)
    if not bent.problem.is_lifted:
        return bent
    plain = explore(*unlifted(bent.problem, bent.point), report, "network", max_steps=60)
    return plain if plain.is_exact else bent


def _bent_part(fit: Fit, report: Report) -> Fit:
    """A lifted fit without the units that are affine on all rows."""
    problem, point = fit.problem, fit.point
    straight = straight_units(problem, point)
    if problem.is_lifted and not straight.any():
        return fit
    v, theta = problem.units(point)
    if straight.all():
        return fit
    signs = None if problem.signs is None else v[~straight]
    lifted = problem.resized(signs, int((~straight).sum()), is_lifted=True)
    start = lifted.join(theta[~straight], v[~straight])
    inputs = np.vstack([lifted.inputs(rows) for rows in lifted.blocks()])
    linear = np.asarray(np.linalg.lstsq(inputs, -lifted.residual(start), rcond=1e-12)[0], np.float64)
    return polish(lifted, lifted.join(theta[~straight], v[~straight], linear=linear), report, "affine part")


def without_idle_units(fit: Fit, report: Report) -> Fit:
    """Leave units out of an exact fit while it stays exact."""
    while fit.problem.width > 1:
        losses = unit_losses(fit.problem, fit.point) / fit.problem.energy
        tried = [int(unit) for unit in np.argsort(losses)[:2] if losses[unit] <= 1e-5]
        narrower = (
            explore(*without_unit(fit.problem, fit.point, unit), report, "idle unit", max_steps=40) for unit in tried
        )
        better = next((trial for trial in narrower if trial.is_exact), None)
        if better is None:
            return fit
        fit = better
    return fit
