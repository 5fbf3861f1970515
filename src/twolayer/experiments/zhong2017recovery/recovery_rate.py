"""Figure 1(a): how often the network is recovered, over dimension and number of samples."""

from typing import Annotated, Literal

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture

from twolayer.align import recovery_error
from twolayer.experiments.drawing import draw_grid
from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.recover import recover
from twolayer.recover.zhong2017recovery import recover_zhong2017
from twolayer.teachers import conditioned, gaussian_samples

__all__ = ["RECOVERY_RATE", "RecoveryRateConfig"]

Method = Literal["zhong2017recovery", "auto"]
METHODS: dict[str, str] = {"zhong2017recovery": "the paper's algorithm", "auto": "the default of this library"}
RECOVERED = 0.01
STEP_SIZE = 0.02

Size = Annotated[int, msgspec.Meta(ge=1, le=10**7)]
Sizes = Annotated[tuple[Size, ...], msgspec.Meta(min_length=1)]


class RecoveryRateConfig(Config, frozen=True):
    """The grid of Figure 1(a), the problem and the methods."""

    dims: Sizes
    samples: Sizes
    trials: Size
    methods: Annotated[tuple[Method, ...], msgspec.Meta(min_length=1)] = ("zhong2017recovery", "auto")
    width: Size = 5
    kappa: Annotated[float, msgspec.Meta(ge=1, le=1e6)] = 2.0

    def __post_init__(self) -> None:
        """Refuse what Algorithm 1 and the recovery have no meaning for."""
        if self.width > min(self.dims):
            raise ValueError(f"width must be at most the least of dims, {min(self.dims)}, found {self.width}")
        if min(self.samples) <= self.width * max(self.dims):
            raise ValueError(f"samples must be above width times the largest of dims, found {min(self.samples)}")


def cells(config: RecoveryRateConfig) -> list[Cell]:
    """Every method on every size, many times."""
    return grid(
        method=config.methods,
        d=config.dims,
        n=config.samples,
        trial=range(config.trials),
        width=[config.width],
        kappa=[config.kappa],
    )


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Plant a network, recover it, compare."""
    truth = conditioned(cell["d"], cell["width"], cell["kappa"], "squared_relu", rng)
    X, y = gaussian_samples(truth, cell["n"], rng)
    if cell["method"] == "auto":
        found = recover(X, y, truth.width, truth.activation, rng=rng).network
    else:
        found, _ = recover_zhong2017(X, y, truth.width, truth.activation, rng=rng, step_size=STEP_SIZE)
    error = recovery_error(found, truth)
    return [{"error": error, "recovered": error <= RECOVERED}]


def rates(table: Table) -> Table:
    """One row a method and size: the share of trials that recovered the network, and the median error."""
    return table.condensed(
        ["method", "d", "n"], trials=("trial", len), rate=("recovered", np.mean), median_error=("error", np.median)
    )


def plot(table: Table) -> Picture:
    """Recovery rates as shades of grey, a panel a method, as in the paper: white is always, black is never."""
    methods = table.levels("method")
    picture = Picture(figsize=(1.2 + 4.4 * len(methods), 4.0), layout="constrained")
    panels = picture.subplots(1, len(methods), squeeze=False)[0]
    for axes, method in zip(panels, methods, strict=True):
        shades = draw_grid(axes, rates(table.where(method=method)), "d", "n", "rate", vmin=0, vmax=1, cmap="gray")
        axes.set(xlabel="inputs d", ylabel="samples n", title=METHODS[method])
    picture.colorbar(shades, ax=panels, label="recovery rate")
    return picture


def verdict(table: Table) -> str:
    """What share of the trials, and of the sizes, each method recovers."""
    return " ".join(_said_of(method, table.where(method=method)) for method in table.levels("method"))


def _said_of(method: str, table: Table) -> str:
    found = rates(table)
    always = found["rate"] == 1
    least = ", ".join(f"{d}: {_least(found.where(d=d))}" for d in found.levels("d"))
    return (
        f"Of {len(table)} trials, {METHODS[method]} recovers {table['recovered'].mean():.1%}, and every trial in"
        f" {always.sum()} of {len(found)} sizes; the least n from which on it always does, by d, is {least}."
    )


def _least(found: Table) -> str:
    """The least n from which on the rate is 1."""
    missed = found["n"][found["rate"] < 1].max(initial=0)
    enough = found["n"][found["n"] > missed]
    return str(enough.min()) if len(enough) else "none"


RECOVERY_RATE = Figure(
    name="zhong2017recovery-1a",
    title="Recovery rate over the dimension and the number of samples",
    source="zhong2017recovery, Figure 1(a)",
    claim="The least number of samples for a recovery rate of 100 % is about proportional to the dimension.",
    config=RecoveryRateConfig,
    smoke=RecoveryRateConfig(dims=(10, 20), samples=(1000, 2000), trials=2),
    paper=RecoveryRateConfig(dims=tuple(range(10, 101, 10)), samples=tuple(range(1000, 10_001, 1000)), trials=10),
    cells=cells,
    run_cell=run_cell,
    columns={
        "method": "who recovers",
        "d": "inputs",
        "n": "samples",
        "trial": "number of the trial",
        "error": "largest relative error of a unit's weights, infinite if a sign is wrong",
        "recovered": f"whether the error is at most {RECOVERED}",
    },
    plot=plot,
    verdict=verdict,
    condense=rates,
    paired=("method",),
)
