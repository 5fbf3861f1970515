"""The landscape of a sine neuron: a deep well on a plain, and bad minima everywhere once it is sampled."""

from typing import Annotated

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture

from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.papers.e2021hardness.theory import sine_landscape

__all__ = ["SINE_LANDSCAPE", "SineLandscapeConfig"]

_FLAT = 0.05  # of the risk of the plain: within it, the landscape tells nothing


class SineLandscapeConfig(Config, frozen=True):
    """The grid, the frequencies that stand for dimensions, and the sample."""

    frequencies: Annotated[tuple[Annotated[float, msgspec.Meta(gt=0, le=100)], ...], msgspec.Meta(min_length=1)]
    points: Annotated[int, msgspec.Meta(ge=5, le=501)]
    samples: Annotated[int, msgspec.Meta(ge=1, le=10**5)] = 100
    reach: Annotated[float, msgspec.Meta(gt=0, le=100)] = 2.0


def cells(config: SineLandscapeConfig) -> list[Cell]:
    """One landscape a frequency, all from the same sample."""
    return grid(frequency=config.frequencies, points=[config.points], samples=[config.samples], reach=[config.reach])


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Compute both risks over the grid, w* = (1, 0)."""
    found = sine_landscape(
        frequency=cell["frequency"], samples=cell["samples"], reach=cell["reach"], points=cell["points"], rng=rng
    )
    return [
        {"w1": w1, "w2": w2, "population": found.population[i, j], "empirical": found.empirical[i, j]}
        for i, w2 in enumerate(found.second)
        for j, w1 in enumerate(found.first)
    ]


RISKS = {"population": "population risk", "empirical": "empirical risk"}


def surface(table: Table, risk: str) -> np.ndarray:
    """A risk as a matrix, rows by w2 and columns by w1."""
    return table[risk].reshape(len(table.levels("w2")), -1)


def plot(table: Table) -> Picture:
    """Population risks above, empirical ones below, a column a frequency; dark is low."""
    frequencies = table.levels("frequency")
    picture = Picture(figsize=(0.8 + 4.0 * len(frequencies), 7.2), layout="constrained")
    panels = picture.subplots(2, len(frequencies), squeeze=False)
    highest = max(table["population"].max(), table["empirical"].max())
    for row, (risk, name) in zip(panels, RISKS.items(), strict=True):
        for axes, frequency in zip(row, frequencies, strict=True):
            part = table.where(frequency=frequency)
            shades = axes.pcolormesh(
                part.levels("w1"), part.levels("w2"), surface(part, risk), shading="nearest", rasterized=True,
                vmin=0, vmax=highest, cmap="viridis",
            )  # fmt: skip
            axes.plot(1, 0, marker="o", markersize=14, markerfacecolor="none", markeredgecolor="white")
            axes.annotate("w*", (1, 0), (9, 7), textcoords="offset points", color="white")
            axes.locator_params(nbins=5)
            axes.set(
                xlabel="first weight w₁", ylabel="second weight w₂", title=f"{name}, L = {frequency:g}", aspect="equal"
            )
        picture.colorbar(shades, ax=row, label=name)
    return picture


def summaries(table: Table) -> Table:
    """One row a frequency: how much of the grid is within 5 % of the plain, and how many local minima there are."""
    rows = []
    for frequency in table.levels("frequency"):
        part = table.where(frequency=frequency)
        population, empirical = (surface(part, risk) for risk in RISKS)
        rows.append(
            {
                "frequency": frequency,
                "flat_share": float(np.mean(np.abs(population - 1) <= _FLAT)),
                "population_minima": local_minima(population),
                "empirical_minima": local_minima(empirical),
            }
        )
    return Table.from_rows(rows, ("frequency", "flat_share", "population_minima", "empirical_minima"))


def local_minima(values: np.ndarray) -> int:
    """Points inside the grid that are below all of their eight neighbours by more than rounding."""
    inner = values[1:-1, 1:-1]
    rows, columns = inner.shape
    neighbours = [
        values[1 + i : 1 + i + rows, 1 + j : 1 + j + columns]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if (i, j) != (0, 0)
    ]
    return int(np.sum(inner < np.min(neighbours, axis=0) - 1e-9))


def verdict(table: Table) -> str:
    """How flat the population landscape is, and how many minima each has."""
    found = summaries(table)
    parts = " ".join(
        f"At L = {row['frequency']:g}, {row['flat_share']:.0%} of the square is within {_FLAT:.0%} of the plain; local"
        f" minima: {row['population_minima']} of the population risk, {row['empirical_minima']} of the empirical."
        for row in found.rows()
    )
    has_more = found["empirical_minima"][-1] > found["population_minima"][-1]
    is_as_said = has_more and found["flat_share"][-1] > 1 / 2
    agreement = "agrees" if is_as_said else "does not agree"
    return f"{parts} At the largest L this {agreement} with the lecture."


SINE_LANDSCAPE = Figure(
    name="e2021hardness-sine",
    title="The landscape of a sine neuron",
    source='e2021hardness, "An illustration of the landscape of sine neuron"',
    claim=(
        "The population risk is a deep well on a plain that is otherwise extremely flat; the empirical risk is full of"
        " bad local minima."
    ),
    config=SineLandscapeConfig,
    smoke=SineLandscapeConfig(frequencies=(0.5, 1.0), points=51),
    paper=SineLandscapeConfig(frequencies=(0.25, 0.5, 1.0), points=151),
    cells=cells,
    run_cell=run_cell,
    columns={
        "frequency": "the L, in the place of the dimension",
        "w1": "first weight",
        "w2": "second weight",
        "population": "risk over all x",
        "empirical": "risk over the sample",
    },
    plot=plot,
    verdict=verdict,
    condense=summaries,
    paired=("frequency",),
)
