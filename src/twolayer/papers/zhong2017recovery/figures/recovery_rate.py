"""Figure 1(a): how often the network is recovered, over dimension and number of samples."""

from typing import Annotated, Literal

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture

from twolayer.align import recovery_error
from twolayer.experiments.drawing import draw_grid
from twolayer.experiments.figure import Cell, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.papers.zhong2017recovery.algorithm import recover_zhong2017
from twolayer.papers.zhong2017recovery.figures.setting import Count, Counts, Problem, growth, planted
from twolayer.recover import recover

__all__ = ["RECOVERY_RATE", "RecoveryRateConfig"]

Method = Literal["zhong2017recovery", "auto"]
METHODS: dict[str, str] = {"zhong2017recovery": "the paper's algorithm", "auto": "the default of this library"}
RECOVERED = 0.01  # the largest error of a unit, of its weights, that counts as recovered


class RecoveryRateConfig(Problem, frozen=True, kw_only=True):
    """The grid of Figure 1(a), the methods, and the descent of the paper's: without resampling, as there.

    The descent ends at a residual of `rtol` times the labels, where the weights are known far better than is asked.
    """

    dims: Counts
    samples: Counts
    trials: Count
    methods: Annotated[tuple[Method, ...], msgspec.Meta(min_length=1)] = ("zhong2017recovery", "auto")
    step_size: Annotated[float, msgspec.Meta(gt=0, le=10)] = 0.02
    max_steps: Count = 2000
    rtol: Annotated[float, msgspec.Meta(ge=0, le=1e-3)] = 1e-6
    partition: bool = False

    def __post_init__(self) -> None:
        """Refuse sizes without meaning."""
        self.require_room(self.dims, self.samples)


def cells(config: RecoveryRateConfig) -> list[Cell]:
    """Every method on every size, many times; only the paper's has numbers of its own."""
    own = {name: getattr(config, name) for name in ("step_size", "max_steps", "rtol", "partition")}
    problems = grid(
        d=config.dims, n=config.samples, trial=range(config.trials), width=[config.width], kappa=[config.kappa]
    )
    return [
        {"method": method, **problem, "descent": own if method == "zhong2017recovery" else {}}
        for method in config.methods
        for problem in problems
    ]


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Plant a network, recover it, compare."""
    truth, X, y = planted(cell, rng)
    if cell["method"] == "auto":
        found = recover(X, y, truth.width, truth.activation, rng=rng).network
    else:
        found, _ = recover_zhong2017(X, y, truth.width, truth.activation, rng=rng, **cell["descent"])
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
        axes.set(xlabel="inputs d", ylabel="samples n", title=METHODS[method][:1].upper() + METHODS[method][1:])
    picture.colorbar(shades, ax=panels, label="recovery rate")
    return picture


def verdict(table: Table) -> str:
    """What share of the trials, and of the sizes, each method recovers, and what that says of the claim."""
    return " ".join(_said_of(method, table.where(method=method)) for method in table.levels("method"))


def _said_of(method: str, table: Table) -> str:
    found = rates(table)
    sizes, always = len(found), int((found["rate"] == 1).sum())
    share = f"{METHODS[method].capitalize()} recovers {table['recovered'].mean():.1%} of {len(table)} trials"
    if always == sizes:
        return (
            f"{share}, every one at each of the {sizes} sizes: n = {found['n'].min()} is enough even at d ="
            f" {found['d'].max()}, so that no limit to be proportional to d is met here."
        )
    least = {d: _least(found.where(d=d)) for d in found.levels("d")}
    known = {d: n for d, n in least.items() if n is not None}
    dims = {n: [str(d) for d in least if least[d] == n] for n in least.values()}
    told = "; ".join(f"from {f'n = {n}' if n else 'no n here'} on at d = {', '.join(of_n)}" for n, of_n in dims.items())
    return f"{share}, and every one at {always} of {sizes} sizes. Every trial is recovered {told}. {_fit(known)}"


def _least(found: Table) -> int | None:
    """The least n from which on the rate is 1, if there is one."""
    missed = found["n"][found["rate"] < 1].max(initial=0)
    enough = found["n"][found["n"] > missed]
    return int(enough.min()) if len(enough) else None


def _fit(least: dict[int, int]) -> str:
    """Whether the n needed is proportional to d: the exponent of a power law through the points."""
    if len(least) < 3 or len(set(least.values())) == 1:
        return "That is too little to tell whether the n needed is proportional to d."
    exponent = float(np.polyfit(np.log(list(least)), np.log(list(least.values())), 1)[0])
    return f"The n needed grows like {growth(exponent)}."


RECOVERY_RATE = Figure(
    name="zhong2017recovery-1a",
    title="Recovery rate over the dimension and the number of samples",
    source="zhong2017recovery, Figure 1(a)",
    claim="The least number of samples for a recovery rate of 100 % is about proportional to the dimension.",
    config=RecoveryRateConfig,
    smoke=RecoveryRateConfig(dims=(10, 20), samples=(1000, 2000), trials=3),
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
    paired=("method", "descent"),
)
