"""What a sweep costs, in questions."""

from twolayer.extract.standards import ExtractionStandards
from twolayer.extract.sweep.rules import SweepRules

__all__ = ["queries_of"]


def queries_of(
    units: int, dim: int, standards: ExtractionStandards = ExtractionStandards(), rules: SweepRules = SweepRules()
) -> int:
    r"""The most questions of a sweep from its line on, where one line is enough.

    .. math:: (m + 1)\, d\, (1 + s) + 2 v d + 40 (m + 1) + 49 m + c,

    with s the share of gradients that are measured again, v the units that are visited, some 40 for the step of each
    gradient, 49 for the bias and the evidence of a unit, and c for the checks.
    """
    gradients = (units + 1) * dim
    visits = max(1, int(rules.visits * (units + 1) / 2))
    few = standards.after_sweep().of(units, dim)
    checks = len(few.near_scales) * few.near_rows + len(few.far_scales) * few.far_rows
    a_unit = 2 * rules.corners * 5 + rules.offsets + 45
    return (
        int((1 + rules.again) * gradients) + 2 * visits * (dim + 1) + a_unit * (units + 1) + checks + rules.fresh_rows
    )
