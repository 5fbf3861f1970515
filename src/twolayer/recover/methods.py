"""The table of recovery methods."""

from functools import partial

from twolayer.entry import Entry, table
from twolayer.search.searching import search

__all__ = ["RECOVERIES"]

# The methods of the papers are named here, and imported when they are asked for.
RECOVERIES: dict[str, Entry] = table(
    Entry("auto", search, "moments, lifted Gauss-Newton, exchange of units; stops at a certificate (the default)"),
    Entry("unlifted", partial(search, may_lift=False), "the default without its lift, to see what the lift is worth"),
    Entry(
        "zhong2017recovery",
        "twolayer.papers.zhong2017recovery.recovery:recovery",
        "tensor initialization and gradient descent, faithful to the paper",
    ),
    Entry(
        "awasthi2021efficient",
        "twolayer.papers.awasthi2021efficient.recovery:recovery",
        "tensors of two orders, then least squares on m + 2 ReLU units, faithful to the paper",
    ),
)
