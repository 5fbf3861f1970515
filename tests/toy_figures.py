"""A figure of milliseconds, to try the engine on; run as a program, it makes itself in a folder."""

import sys
import time
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from matplotlib.figure import Figure as Picture

from twolayer.entry import Entry
from twolayer.experiments import Config, Figure, Table, grid, make_figure

TROUBLE = {"at": None, "raises": ValueError}  # a test sets these to see a cell fail


class ToyConfig(Config, frozen=True):
    sizes: Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=1000)], ...], msgspec.Meta(min_length=1)]
    trials: Annotated[int, msgspec.Meta(ge=1)]
    rate: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.5
    kind: Literal["mean", "median"] = "mean"
    is_slow: bool = False

    def __post_init__(self):
        if self.trials > 10 * len(self.sizes):
            raise ValueError("trials must be at most ten times the number of sizes")


def cells(config):
    return grid(
        method=["short", "long"],
        size=config.sizes,
        trial=range(config.trials),
        rate=[config.rate],
        kind=[config.kind],
        pause=[0.03 if config.is_slow else 0.0],
    )


def run_cell(cell, rng):
    draws = rng.standard_normal(cell["size"])
    time.sleep(cell["pause"])
    if TROUBLE["at"] == (cell["method"], cell["size"], cell["trial"]):
        raise TROUBLE["raises"]("it went\nwrong")
    last = 1 if cell["method"] == "short" else 2
    return [{"step": step, "first": draws[0] * step, "is_odd": step % 2 == 1} for step in range(last)]


def plot(table: Table) -> Picture:
    picture = Picture(figsize=(4, 3), layout="constrained")
    axes = picture.subplots()
    axes.scatter(table["size"], table["first"], label="draws")
    axes.set(xlabel="size of the sample", ylabel="first draw")
    return picture


def verdict(table: Table) -> str:
    return f"{len(table)} rows, <b>not bold</b>."


TOY = Figure(
    name="toy-1",
    title="A toy & nothing else",
    source="nobody2026nothing, Figure 0",
    claim="Nothing is shown.",
    config=ToyConfig,
    smoke=ToyConfig(sizes=(1, 2, 3), trials=2),
    paper=ToyConfig(sizes=(1, 2, 3, 4, 5), trials=4, is_slow=True),
    cells=cells,
    run_cell=run_cell,
    columns={
        "method": "which",
        "size": "how many draws",
        "trial": "number of the trial",
        "step": "number of the row",
        "first": "the first draw, times the step",
        "is_odd": "whether the step is odd",
    },
    plot=plot,
    verdict=verdict,
    paired=("method",),
)


def entry_of(figure: Figure) -> Entry:
    return Entry(figure.name, figure, figure.summary)


def tell(done: int, total: int, failed: int) -> None:
    print(done, total, failed, flush=True)


if __name__ == "__main__":
    make_figure(TOY, TOY.paper, Path(sys.argv[1]), jobs=int(sys.argv[2]), progress=tell)
