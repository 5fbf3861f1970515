"""The last step of a search: where its end is not identifiable, what can be said with fewer units."""

from dataclasses import replace

from twolayer.coordinates import Coordinates
from twolayer.evidence.found import Found
from twolayer.evidence.status import Status
from twolayer.evidence.verdict import Verdict, judge
from twolayer.refine.explore import Report
from twolayer.search.exchange import narrower_fits
from twolayer.search.inactive import seen_part

__all__ = ["concluded"]


def concluded(found: Found, report: Report, coordinates: Coordinates | None = None) -> Verdict:
    """The verdict on the end of a search; what is refitted for it is reported like all else.

    Where an exact fit is not identifiable, the units that it does not need are left out. If none can be, a fit with a
    unit fewer shows whether there is one too many.
    """
    verdict = judge(found, coordinates)
    if verdict.status is not Status.NOT_IDENTIFIABLE:
        return verdict
    fit = found.fit
    if fit.is_exact:
        seen = seen_part(fit, report)
        if seen.problem.width < fit.problem.width:
            return judge(replace(found, fit=seen, width=found.width or fit.problem.width), coordinates)
    needs_all = fit.is_exact or found.noise is None or found.noise.needs_all_units
    if found.unseen_units or fit.problem.width == 1 or not needs_all:
        return verdict
    has_narrower = any(narrower.is_exact for narrower in narrower_fits(fit, report))
    return judge(replace(found, has_narrower=True), coordinates) if has_narrower else verdict
