"""What a sweep will take, from its line: said before it starts."""

import time
from dataclasses import dataclass

import numpy as np

from twolayer.arrays import whole_number
from twolayer.extract.boxes import Box
from twolayer.extract.querying import Oracle
from twolayer.extract.sweep.cost import queries_of
from twolayer.extract.sweep.pieces import pieces
from twolayer.extract.sweep.rules import SweepRules
from twolayer.extract.sweep.stage import asking, is_flat, random_path
from twolayer.extract.view import View

__all__ = ["Estimate", "estimate"]


@dataclass(frozen=True)
class Estimate:
    """What the extraction of a piecewise linear box will take.

    Attributes
    ----------
    units : int
        That a line has met.
    queries : int
        In all; an upper bound where one line is enough.
    seconds : float
        At the pace at which the box has answered so far.
    megabytes : float
        For the gradients and units, and rows that are asked at once.
    asked : int
        What the estimate has taken.
    """

    units: int
    queries: int
    seconds: float
    megabytes: float
    asked: int


def estimate(box: Box, *, budget: int = 3_000_000, rng: np.random.Generator | int | None = None) -> Estimate | None:
    """What `extract` will take of a piecewise linear box, from one line; None where the box is of another kind.

    Parameters
    ----------
    box : Box
    budget : int
        The most rows to ask for.
    rng : Generator, int or None

    Raises
    ------
    InputError
        As of `extract`.

    Notes
    -----
    Some hundred questions to meet the box, and about nine a unit; 106 an input where there are fewer than 256.
    """
    generator = np.random.default_rng(rng)
    start, rules = time.monotonic(), SweepRules()
    oracle = Oracle(box, whole_number(budget, "budget"), None, generator)
    view = View(oracle, generator, is_plain=oracle.dim >= oracle.rules.wide)
    line = pieces(asking(view), random_path(view, generator, rules), rules) if is_flat(view, generator, rules) else None
    if line is None:
        return None
    units, d, q = len(line.kinks), view.dim, int(oracle.n_outputs or 1)
    queries = oracle.asked + queries_of(units, d, rules=rules)
    pace = (time.monotonic() - start) / oracle.asked
    numbers = (units + 1) * d * (q + 2) * 3 + units * d * 5 + max(rules.block, 45 * d) * 4
    return Estimate(units, queries, pace * queries, 8 * numbers / 2**20, oracle.asked)
