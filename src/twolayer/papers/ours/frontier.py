"""The frontier: how wide a ReLU network the default recovers, by the number of samples, with and without biases."""

from typing import Annotated

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture

from twolayer.align import recovery_error
from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.pictures import COLOURS, DASHES, MARKERS
from twolayer.recover import recover
from twolayer.teachers import gaussian_samples, random_units

__all__ = ["FRONTIER", "FrontierConfig"]

RECOVERED = 0.01  # the largest error of a unit, of its weights: a hundredth
LABELS = {False: "without biases", True: "with biases in [−1, 1]"}

Count = Annotated[int, msgspec.Meta(ge=1, le=10**7)]
Counts = Annotated[tuple[Count, ...], msgspec.Meta(min_length=1)]


class FrontierConfig(Config, frozen=True):
    """Inputs, samples, and the widths to try."""

    d: Count
    samples: Counts
    widths: Counts
    trials: Count


def cells(config: FrontierConfig) -> list[Cell]:
    """Every width that has at most as many parameters as there are samples."""
    sizes = grid(
        has_bias=(False, True), d=[config.d], n=config.samples, width=config.widths, trial=range(config.trials)
    )
    return [size for size in sizes if size["width"] * (config.d + size["has_bias"]) + size["has_bias"] < size["n"]]


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Plant a network, recover it, compare."""
    truth = random_units(cell["d"], cell["width"], bias=float(cell["has_bias"]), rng=rng)
    X, y = gaussian_samples(truth, cell["n"], rng)
    found = recover(X, y, truth.width, truth.activation, bias=cell["has_bias"], rng=rng)
    error = recovery_error(found.network, truth)
    return [{"error": error, "recovered": error <= RECOVERED, "certified": found.is_certified}]


def frontier(table: Table) -> Table:
    """One row a number of samples: the widest network of which half of the trials are recovered, 0 if none is."""
    rows = []
    for (has_bias, n), trials in table.groups("has_bias", "n"):
        rates = trials.condensed(["width"], rate=("recovered", np.mean))
        widest = int(rates["width"][rates["rate"] >= 0.5].max(initial=0))
        rows.append({"has_bias": has_bias, "n": n, "widest": widest, "widest_tried": int(rates["width"].max())})
    return Table.from_rows(rows, ["has_bias", "n", "widest", "widest_tried"])


def plot(table: Table) -> Picture:
    """The widest network recovered against the number of samples, beside what the parameters allow."""
    found, d = frontier(table), int(table["d"][0])
    picture = Picture(figsize=(6.4, 4.4), layout="constrained")
    axes = picture.subplots()
    for place, (has_bias, label) in enumerate(LABELS.items()):
        rows = found.where(has_bias=has_bias)
        axes.plot(
            rows["n"],
            rows["widest"],
            color=COLOURS[place],
            linestyle=DASHES[place],
            marker=MARKERS[place],
            markersize=10 - 5 * place,
            markerfacecolor=("none", None)[place],
            label=label,
        )
    ends = np.array([found["n"].min(), found["n"].max()])
    axes.plot(ends, ends / d, color="0.5", linestyle=":", label="as many parameters as samples")
    axes.set(xscale="log", yscale="log", xlabel="samples n", ylabel="widest network recovered, units")
    axes.set_xticks(samples := found.levels("n"), [str(n) for n in samples])
    axes.set_yticks(widths := table.levels("width"), [str(width) for width in widths])
    axes.minorticks_off()
    axes.grid(visible=True, color="0.9", linewidth=0.6)
    axes.legend(frameon=False, fontsize="small")
    return picture


def verdict(table: Table) -> str:
    """The widest network at each number of samples, and how many samples a parameter takes there."""
    found, said = frontier(table), []
    for has_bias, label in LABELS.items():
        rows = found.where(has_bias=has_bias)
        told = ", ".join(f"{row['widest'] or 'none'}{_more(row)} at n = {row['n']}" for row in rows.rows())
        if len(rows):
            said.append(
                f"{label.capitalize()}, the units of the widest network recovered in half of the trials: {told}."
            )
    others = int((table["certified"] & ~table["recovered"]).sum())
    said.append(
        f"Of {int(table['certified'].sum())} certified networks, {others or 'none'} differ from the planted one."
    )
    return " ".join(said)


def _more(row: Row) -> str:
    return " (the widest tried)" if row["widest"] == row["widest_tried"] else ""


FRONTIER = Figure(
    name="frontier",
    title="The widest ReLU network recovered, by the number of samples",
    source="twolayer",
    claim="No paper has this figure; a network cannot be told from fewer samples than it has parameters.",
    config=FrontierConfig,
    smoke=FrontierConfig(d=5, samples=(100, 400), widths=(2, 4, 8, 16), trials=2),
    paper=FrontierConfig(
        d=10, samples=(250, 500, 1000, 2000, 4000, 8000), widths=(2, 4, 6, 8, 10, 15, 20, 30, 40, 60), trials=6
    ),
    cells=cells,
    run_cell=run_cell,
    columns={
        "has_bias": "whether the units have biases",
        "d": "inputs",
        "n": "samples",
        "width": "units",
        "trial": "number of the trial",
        "error": "largest relative error of a unit's weights, infinite if a sign is wrong",
        "recovered": f"whether the error is at most {RECOVERED}",
        "certified": "whether the recovery is certified",
    },
    plot=plot,
    verdict=verdict,
    condense=frontier,
)
