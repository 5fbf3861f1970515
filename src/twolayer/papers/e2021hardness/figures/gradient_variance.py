"""Theorem 5, seen: what the gradient tells of a parity shrinks by half with each input."""

from typing import Annotated

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture

from twolayer.activation import activation
from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.papers.e2021hardness.theory import network_gradients, parity_gradient_variance
from twolayer.pictures import COLOURS, DASHES, MARKERS
from twolayer.teachers import random_units

__all__ = ["GRADIENT_VARIANCE", "GradientVarianceConfig"]

Dimension = Annotated[int, msgspec.Meta(ge=1, le=16)]


class GradientVarianceConfig(Config, frozen=True):
    """The dimensions, and the networks at whose weights the gradients are taken."""

    dims: Annotated[tuple[Dimension, ...], msgspec.Meta(min_length=1)]
    trials: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    width: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    activations: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)] = ("relu", "tanh")

    def __post_init__(self) -> None:
        """Refuse names that are no activation."""
        for name in self.activations:
            activation(name)


def cells(config: GradientVarianceConfig) -> list[Cell]:
    """One network a dimension, activation and trial."""
    return grid(activation=config.activations, d=config.dims, trial=range(config.trials), width=[config.width])


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Compute the variance over all 2^d parities, exactly, and the bound, both over the mean square of ∇h."""
    network = random_units(cell["d"], cell["width"], bias=1.0, activation=cell["activation"], rng=rng)
    found = parity_gradient_variance(network_gradients(network), cell["d"])
    return [{"variance": found.variance / found.energy, "bound": found.bound / found.energy}]


def plot(table: Table) -> Picture:
    """Variance against dimension, a curve an activation, and the bound."""
    picture = Picture(figsize=(6.4, 4.2), layout="constrained")
    axes = picture.subplots()
    bound = table.condensed(["d"], bound=("bound", np.max))
    order = np.argsort(bound["d"])
    axes.plot(bound["d"][order], bound["bound"][order], color="black", linestyle=":", label="bound 4/2ᵈ")
    for place, name in enumerate(table.levels("activation")):
        curve = table.where(activation=name).condensed(["d"], middle=("variance", np.median))
        axes.plot(
            curve["d"], curve["middle"], label=name, color=COLOURS[place % len(COLOURS)], markersize=9 - 3 * place,
            linestyle=DASHES[place % len(DASHES)], marker=MARKERS[place % len(MARKERS)], markerfacecolor="none",
        )  # fmt: skip
    axes.set(
        xlabel="inputs d",
        ylabel="variance of the gradient / mean square of ∇h",
        yscale="log",
        title="How little the gradient says of a parity",
    )
    axes.grid(visible=True, color="0.9", linewidth=0.6)
    axes.legend(frameon=False, fontsize="small")
    return picture


def middles(table: Table) -> Table:
    """One row an activation and dimension: the median variance, the bound."""
    return table.condensed(["activation", "d"], variance=("variance", np.median), bound=("bound", np.max))


def verdict(table: Table) -> str:
    """Whether the bound holds, how nearly it is met, and by what factor the variance falls with each input."""
    shares = table["variance"] / table["bound"]
    above = int(np.sum(shares > 1 + 1e-9))
    holds = "holds in all" if not above else f"fails in {above} of"
    said = (
        f"The bound of Theorem 5 {holds} {len(table)} cases; the variance is {shares.min():.1%} to"
        f" {shares.max():.1%} of it"
    )
    dims = np.array(table.levels("d"))
    if len(dims) > 1:
        middle = [np.median(table.where(d=int(d))["variance"]) for d in dims]
        factor = 2 ** -np.polyfit(dims, np.log2(middle), 1)[0]
        said += f", and falls by a factor of {factor:.2f} with each input, where the theorem has 2"
    return said + "."


GRADIENT_VARIANCE = Figure(
    name="e2021hardness-gradients",
    title="The gradient's variance over all parities, and its bound",
    source="e2021hardness, Theorem 5",
    claim="Over the 2^d parities the gradient of any model h varies by at most 4 E‖∇h‖²/2^d.",
    config=GradientVarianceConfig,
    smoke=GradientVarianceConfig(dims=(2, 4, 6, 8, 10), trials=2),
    paper=GradientVarianceConfig(dims=tuple(range(2, 17)), trials=10),
    cells=cells,
    run_cell=run_cell,
    columns={
        "activation": "of the network",
        "d": "inputs",
        "trial": "number of the trial",
        "variance": "of the gradient over all parities, over the mean square of the gradient of the network",
        "bound": "of Theorem 5, over the same",
    },
    plot=plot,
    verdict=verdict,
    condense=middles,
)
