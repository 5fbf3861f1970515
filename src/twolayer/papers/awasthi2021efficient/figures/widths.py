"""Learning through m = d: beyond it the paper needs tensors of higher orders, the default nothing else."""

from typing import Annotated, Literal

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray

from twolayer.experiments.drawing import draw_curves
from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.papers.awasthi2021efficient.algorithm import recover_awasthi2021
from twolayer.recover import recover
from twolayer.teachers import gaussian_samples, random_units

__all__ = ["WIDTHS", "WidthsConfig"]

Method = Literal["awasthi2021efficient", "auto"]
METHODS = {"awasthi2021efficient": "the paper's algorithm", "auto": "the default of this library"}
LEARNED = 0.01  # of the norm of the labels: a hundredth

Size = Annotated[int, msgspec.Meta(ge=1, le=10**7)]


class WidthsConfig(Config, frozen=True):
    """The widths, and the problem."""

    widths: Annotated[tuple[Size, ...], msgspec.Meta(min_length=1)]
    n: Size
    trials: Size
    d: Annotated[int, msgspec.Meta(ge=2, le=12)] = 6
    bias: Annotated[float, msgspec.Meta(ge=0, le=10)] = 1.0
    methods: Annotated[tuple[Method, ...], msgspec.Meta(min_length=1)] = ("awasthi2021efficient", "auto")

    def __post_init__(self) -> None:
        """Refuse widths beyond order 6, and fewer samples than parameters."""
        most = self.d * (self.d + 1) // 2
        if max(self.widths) > most:
            raise ValueError(f"widths must be at most d(d+1)/2 = {most}, found {max(self.widths)}")
        least = max(self.widths) * (self.d + 2) + 2
        if self.n < least:
            raise ValueError(f"n must be at least {least} for these widths, found {self.n}")


def cells(config: WidthsConfig) -> list[Cell]:
    """Every method on every width, many times."""
    return grid(
        method=config.methods,
        width=config.widths,
        trial=range(config.trials),
        d=[config.d],
        n=[config.n],
        bias=[config.bias],
    )


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Plant a network, learn it, and compare outputs on fresh samples."""
    truth = random_units(cell["d"], cell["width"], cell["bias"], "relu", rng)
    X, y = gaussian_samples(truth, cell["n"], rng)
    # its relative error has a standard error of about a percent of itself
    fresh, labels = gaussian_samples(truth, 5000, rng)
    if cell["method"] == "auto":
        found = recover(X, y, truth.width, "relu", bias=True, rng=rng).network
    else:
        found, _ = recover_awasthi2021(X, y, truth.width, rng=rng)
    error = float(np.mean((found(fresh) - labels) ** 2) / labels.var())
    return [{"error": error, "learned": error <= LEARNED}]


def rates(table: Table) -> Table:
    """One row a method and width: the share of trials learned, and the median error."""
    return table.condensed(
        ["method", "d", "width"], trials=("trial", len), rate=("learned", np.mean), median_error=("error", np.median)
    )


def plot(table: Table) -> Picture:
    """Errors, and rates of learning, against m/d."""
    ratio = Table({**{name: table[name] for name in table.columns}, "ratio": table["width"] / table["d"]})
    picture = Picture(figsize=(10.0, 4.2), layout="constrained")
    of_errors, of_rates = picture.subplots(1, 2)
    draw_curves(of_errors, ratio, "ratio", "error", "method", METHODS)
    shares = ratio.condensed(["method", "ratio"], rate=("learned", np.mean))
    draw_curves(of_rates, shares, "ratio", "rate", "method", METHODS)
    of_errors.set(yscale="log", ylabel="squared error / variance of y")
    of_errors.set_title("Error of the function, median and quartiles")
    of_rates.set(ylabel=f"share of trials with an error of at most {LEARNED}", ylim=(-0.05, 1.05))
    of_rates.set_title("Rate of learning")
    for axes in (of_errors, of_rates):
        axes.set_xlabel("units per input m/d")
        axes.axvline(1.0, color="0.5", linewidth=1, zorder=0, label="as many units as inputs")
        axes.get_legend().remove()
    picture.legend(*of_errors.get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    return picture


def verdict(table: Table) -> str:
    """What each method leaves on either side of m = d, and whether the paper's does what the paper says."""
    return " ".join(_said_of(method, table.where(method=method)) for method in table.levels("method"))


def _said_of(method: str, table: Table) -> str:
    is_within = table["width"] <= table["d"]
    parts = [
        f"{table['learned'][side].mean():.0%} of {side.sum()} trials {where} (median error"
        f" {np.median(table['error'][side]):.1g}{_judged(method, table, side)})"
        for side, where in ((is_within, "with m ≤ d"), (~is_within, "with m > d"))
        if side.any()
    ]
    name = METHODS[method]
    return f"{name[0].upper()}{name[1:]} learns {' and '.join(parts)}."


def _judged(method: str, table: Table, side: NDArray[np.bool_]) -> str:
    if method != "awasthi2021efficient":
        return ""
    # nine of ten trials, as a rate of all would hang on one
    agrees = table["learned"][side].mean() >= 0.9
    return f", {'as' if agrees else 'not as'} the paper says, at n = {table['n'].max()}"


WIDTHS = Figure(
    name="awasthi2021efficient-widths",
    title="Learning ReLU networks with biases, through as many units as inputs",
    source="awasthi2021efficient, Theorems 3.1 and 3.2; the paper has no figure",
    claim="Networks of m ≤ d independent units are learned from orders up to 4, wider ones from orders of 6 and more.",
    config=WidthsConfig,
    smoke=WidthsConfig(widths=(2, 6, 8), n=4000, trials=2),
    paper=WidthsConfig(widths=(2, 3, 4, 5, 6, 7, 8, 10, 12, 15, 18), n=100_000, trials=10),
    cells=cells,
    run_cell=run_cell,
    columns={
        "method": "who learns",
        "d": "inputs",
        "width": "units m",
        "n": "samples",
        "trial": "number of the trial",
        "error": "mean squared error on fresh samples over the variance of y",
        "learned": f"whether the error is at most {LEARNED}",
    },
    plot=plot,
    verdict=verdict,
    condense=rates,
    paired=("method",),
)
