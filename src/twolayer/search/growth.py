"""More units for a while: a fit that is stuck gets a unit of either sign, and gives up those that it misses least."""

import numpy as np

from twolayer.model.fit import Fit
from twolayer.model.units import unit_losses, with_unit, without_unit
from twolayer.refine.explore import Report, explore
from twolayer.search.exchange import missing_units

__all__ = ["grown_and_pruned"]


def grown_and_pruned(fit: Fit, report: Report, rng: np.random.Generator) -> Fit:
    r"""Add units until the fit is exact, then leave out as many.

    Where the signs of the outer weights are fixed and one of them is wrong, no path downhill leads to the minimum. The
    two ends of the spectrum of :math:`E[r\,(x x^\top - I)]`, with r the residual, are the units that are missing most
    of either sign. With both of them the model holds the network as soon as one unit of either sign more is enough,
    and a wide fit ends at the global minimum far more often than one of exact width does. What it has too much then
    merges, cancels or vanishes, and is left out without a loss.

    Parameters
    ----------
    fit : Fit
        At a minimum.
    report : callable
    rng : Generator

    Returns
    -------
    Fit
        Of the same width, exact or of less loss, or the one given.

    Notes
    -----
    A refinement for each two units more and one for each unit left out, up to half as many more units as there are and
    no more than two rows a parameter allow.
    """
    wide = fit
    for _ in range(1 + fit.problem.width // 4):
        trial = _with_either_sign(wide, report, rng)
        if trial is None or trial.loss > 0.7 * wide.loss:  # two units that belong there take more
            break
        wide = trial
        if wide.is_exact:
            break
    while wide.problem.width > fit.problem.width:
        unit = int(np.argmin(unit_losses(wide.problem, wide.point)))
        wide = explore(*without_unit(wide.problem, wide.point, unit), report, "one unit fewer")
    return min(fit, wide, key=lambda one: one.loss)


def _with_either_sign(fit: Fit, report: Report, rng: np.random.Generator) -> Fit | None:
    """The fit with the two units that are missing most, refined; None where the rows are too few for it."""
    problem, point = fit.problem, fit.point
    residual = -problem.residual(point)
    for sign, row in list(missing_units(problem, residual, rng))[:2]:
        problem, point = with_unit(problem, point, sign, row)
    if problem.n_rows < 2 * problem.n_parameters:
        return None
    return explore(problem, point, report, "two units more")
