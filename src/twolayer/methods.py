"""The table of recovery methods."""

from twolayer.entry import Entry, table

__all__ = ["RECOVERIES"]

# Methods are named here, and imported when they are asked for: the table is listed without them, and the core does not
# import the papers.
RECOVERIES: dict[str, Entry] = table(
    Entry(
        "auto",
        "twolayer.search.searching:search",
        "moments, lifted Gauss-Newton, exchange of units; stops at a certificate (the default)",
    ),
    Entry(
        "unlifted",
        "twolayer.search.searching:unlifted_search",
        "the default without its lift, to see what the lift is worth",
    ),
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
