"""The phase diagram: who recovers a ReLU network, over rows per parameter and width."""

import math
from typing import Annotated, Literal

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture

from twolayer.align import recovery_error
from twolayer.experiments.drawing import draw_grid
from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.papers.ours.rivals import RIVALS, restarted
from twolayer.recover import recover
from twolayer.teachers import gaussian_samples, random_units

__all__ = ["PHASE_DIAGRAM", "PhaseDiagramConfig"]

Method = Literal["auto", "unlifted", "zhong2017recovery", "lbfgs", "levenberg_marquardt", "adam"]
METHODS: dict[str, str] = {
    "auto": "the default",
    "unlifted": "the default without its lift",
    "zhong2017recovery": "zhong2017recovery",
    "lbfgs": "restarted L-BFGS",
    "levenberg_marquardt": "restarted Levenberg-Marquardt",
    "adam": "restarted Adam",
}
RECOVERED = 0.01  # the largest error of a unit, of its weights: a hundredth

Count = Annotated[int, msgspec.Meta(ge=1, le=10**6)]
Ratio = Annotated[float, msgspec.Meta(gt=1, le=1e4)]


class PhaseDiagramConfig(Config, frozen=True):
    """The grid, the methods, and how many starts the restarted ones have."""

    d: Count
    widths: Annotated[tuple[Count, ...], msgspec.Meta(min_length=1)]
    ratios: Annotated[tuple[Ratio, ...], msgspec.Meta(min_length=1)]
    trials: Count
    starts: Count = 10
    methods: Annotated[tuple[Method, ...], msgspec.Meta(min_length=1)] = (
        "auto",
        "unlifted",
        "zhong2017recovery",
        "lbfgs",
        "levenberg_marquardt",
        "adam",
    )


def cells(config: PhaseDiagramConfig) -> list[Cell]:
    """Every method on every size; the paper's, which takes at most as many units as inputs, where it can."""
    sizes = grid(
        method=config.methods, d=[config.d], width=config.widths, ratio=config.ratios, trial=range(config.trials)
    )
    return [
        {**size, "starts": config.starts if size["method"] in RIVALS else 0}
        for size in sizes
        if size["method"] != "zhong2017recovery" or size["width"] <= config.d
    ]


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Plant a network, recover it from a multiple of its parameters, compare."""
    truth = random_units(cell["d"], cell["width"], rng=rng)
    n = math.ceil(cell["ratio"] * truth.W.size)
    X, y = gaussian_samples(truth, n, rng)
    if cell["method"] in RIVALS:
        found = restarted(cell["method"], X, y, truth.width, truth.activation, cell["starts"], rng)
    else:
        found = recover(X, y, truth.width, truth.activation, method=cell["method"], rng=rng).network
    error = recovery_error(found, truth)
    return [{"n": n, "error": error, "recovered": error <= RECOVERED}]


def rates(table: Table) -> Table:
    """One row a method and size: the share of trials that recovered the network."""
    return table.condensed(["method", "width", "ratio"], trials=("trial", len), rate=("recovered", np.mean))


def plot(table: Table) -> Picture:
    """Recovery rates as shades of grey, a panel a method: white is always, black is never."""
    most = 3  # three panels a line can be read on a page
    methods = table.levels("method")
    lines = math.ceil(len(methods) / most)
    columns = min(len(methods), most)
    picture = Picture(figsize=(1.4 + 3.4 * columns, 0.6 + 3.2 * lines), layout="constrained")
    panels = picture.subplots(lines, columns, squeeze=False).ravel()
    for axes, method in zip(panels, methods, strict=False):
        shades = draw_grid(
            axes, rates(table.where(method=method)), "width", "ratio", "rate", vmin=0, vmax=1, cmap="gray"
        )
        axes.set(xlabel="units m", ylabel="samples n / (m d)", title=METHODS[method])
    for axes in panels[len(methods) :]:
        axes.remove()
    picture.colorbar(shades, ax=list(panels[: len(methods)]), label="recovery rate")
    return picture


def verdict(table: Table) -> str:
    """The share of trials that each method recovers and from which ratio on half of them, and who is first."""
    shares = {method: float(table.where(method=method)["recovered"].mean()) for method in table.levels("method")}
    told = ", ".join(f"{METHODS[method]} {share:.0%}" for method, share in shares.items())
    begins = ", ".join(f"{METHODS[method]} {_begins(table.where(method=method))}" for method in shares)
    said = (
        f"Networks recovered, of all sizes of the grid together: {told}. At least half are recovered, of all"
        f" widths that a method is asked for, from so many samples per parameter on: {begins}."
    )
    if "auto" not in shares or len(shares) == 1:
        return said
    better = [METHODS[method] for method, share in shares.items() if share > shares["auto"]]
    return f"{said} The default is {'behind ' + ', '.join(better) if better else 'behind none of them'}."


def _begins(table: Table) -> str:
    """The least ratio from which on at least half of the trials recover the network."""
    shares = table.condensed(["ratio"], rate=("recovered", np.mean))
    missed = shares["ratio"][shares["rate"] < 0.5].max(initial=0.0)
    enough = shares["ratio"][shares["ratio"] > missed]
    return f"{enough.min():g}" if len(enough) else "nowhere"


PHASE_DIAGRAM = Figure(
    name="phase-diagram",
    title="Who recovers a ReLU network, over rows per parameter and width",
    source="twolayer",
    claim="No paper has this figure; the question is where each method begins to fail.",
    config=PhaseDiagramConfig,
    smoke=PhaseDiagramConfig(d=5, widths=(2, 5), ratios=(2.0, 8.0), trials=1, starts=3),
    paper=PhaseDiagramConfig(
        d=10, widths=(1, 2, 4, 6, 8, 10, 12, 15, 20), ratios=(1.2, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 16.0), trials=10
    ),
    cells=cells,
    run_cell=run_cell,
    columns={
        "method": "who recovers",
        "d": "inputs",
        "width": "units",
        "ratio": "samples per parameter",
        "trial": "number of the trial",
        "n": "samples",
        "error": "largest relative error of a unit's weights, infinite if a sign is wrong",
        "recovered": f"whether the error is at most {RECOVERED}",
    },
    plot=plot,
    verdict=verdict,
    condense=rates,
    paired=("method", "starts"),
)
