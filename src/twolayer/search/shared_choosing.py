"""The recovery from several outputs, width and activation given or to be found."""

import numpy as np

from twolayer.activation import Activation
from twolayer.evidence.shared_verdict import judge_outputs
from twolayer.evidence.verdict import Verdict
from twolayer.refine.explore import Report
from twolayer.samples import Samples
from twolayer.search.shared_search import search_outputs

__all__ = ["recover_outputs"]


def recover_outputs(
    samples: Samples, width: int | None, activation: Activation | None, *, rng: np.random.Generator, report: Report
) -> Verdict:
    """Search and judge."""
    assert width is not None
    assert activation is not None
    found = search_outputs(samples, width, activation, rng=rng, report=report)
    return judge_outputs(found, samples.coordinates)
