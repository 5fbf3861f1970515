"""The last step of a search: where its end is not identifiable, what can be said with fewer units."""

from dataclasses import replace

from twolayer.coordinates import Coordinates
from twolayer.evidence.found import Found
from twolayer.evidence.status import Status
from twolayer.evidence.verdict import Verdict, judge
from twolayer.refine.explore import Report
from twolayer.search.inactive import seen_part

__all__ = ["concluded"]


def concluded(found: Found, report: Report, coordinates: Coordinates | None = None) -> Verdict:
    """The verdict on the end of a search; what is refitted for it is reported like all else.

    Where an exact fit is not identifiable, the units that it does not need are left out.
    """
    verdict = judge(found, coordinates)
    if verdict.status is not Status.NOT_IDENTIFIABLE or not found.fit.is_exact:
        return verdict
    seen, width = seen_part(found.fit, report), found.fit.problem.width
    if seen.problem.width == width:
        return verdict
    return judge(replace(found, fit=seen, width=found.width or width), coordinates)
