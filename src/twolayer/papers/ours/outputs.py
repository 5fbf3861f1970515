"""Several outputs: how well moments show the units' directions, and what is recovered, by the number of outputs."""

from dataclasses import replace
from typing import Annotated

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture

from twolayer.align import recovery_error
from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.network import TwoLayerNetwork
from twolayer.pictures import COLOURS, DASHES, MARKERS
from twolayer.recover import recover
from twolayer.samples import Samples
from twolayer.search.shared_starts import SharedSession, joint
from twolayer.teachers import gaussian_samples, random_units

__all__ = ["OUTPUTS", "OutputsConfig"]

RECOVERED = 1e-6  # largest relative error of a unit: labels are exact

Count = Annotated[int, msgspec.Meta(ge=1, le=10**6)]
Counts = Annotated[tuple[Count, ...], msgspec.Meta(min_length=1)]


class OutputsConfig(Config, frozen=True):
    """Inputs, units, numbers of outputs, and rows for each hidden parameter."""

    d: Count
    width: Count
    outputs: Counts
    rows: Counts
    trials: Count


def cells(config: OutputsConfig) -> list[Cell]:
    """All numbers of outputs and of rows."""
    return grid(d=[config.d], width=[config.width], q=config.outputs, rows=config.rows, trial=range(config.trials))


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Plant a ReLU network; directions by joint diagonalisation, then the whole recovery."""
    truth = random_units(cell["d"], cell["width"], bias=1.0, rng=rng, outputs=cell["q"])
    n = cell["rows"] * cell["width"] * (cell["d"] + 1)
    X, y = gaussian_samples(truth, n, rng)
    found = recover(X, y, truth.width, truth.activation, bias=True, rng=rng)
    return [
        {
            "n": n,
            "angle": start_angle(truth, X, y, rng),
            "recovered": recovery_error(found.network, truth) <= RECOVERED,
            "certified": found.is_certified,
        }
    ]


def start_angle(truth: TwoLayerNetwork, X: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> float:
    """Median angle, in degrees, from each unit to the nearest direction of the start."""
    samples = Samples.of(X, y, True)
    samples = replace(samples, y=samples.y.reshape(len(X), -1)).whitened()[0]
    rows = joint(SharedSession(samples, truth.width, truth.activation, rng))
    assert rows is not None
    directions = rows[:, : truth.dim] / np.linalg.norm(rows[:, : truth.dim], axis=1, keepdims=True)
    units = truth.W / np.linalg.norm(truth.W, axis=1, keepdims=True)
    cosines = np.abs(units @ directions.T).max(axis=1)
    return float(np.degrees(np.median(np.arccos(np.minimum(cosines, 1.0)))))


def summary(table: Table) -> Table:
    """Medians and shares over the trials."""
    return table.condensed(
        ["rows", "q"], angle=("angle", np.median), recovered=("recovered", np.mean), trials=("angle", len)
    )


def plot(table: Table) -> Picture:
    """The angle of the start, and the share of recoveries, against the number of outputs."""
    found, d, width = summary(table), int(table["d"][0]), int(table["width"][0])
    picture = Picture(figsize=(8.4, 3.8), layout="constrained")
    left, right = picture.subplots(1, 2)
    for place, rows in enumerate(found.levels("rows")):
        part = found.where(rows=rows)
        style = {
            "color": COLOURS[place % len(COLOURS)],
            "linestyle": DASHES[place % len(DASHES)],
            "marker": MARKERS[place % len(MARKERS)],
        }
        left.plot(part["q"], part["angle"], label=f"{rows} rows a hidden parameter", **style)
        right.plot(part["q"], part["recovered"], markersize=10 - 2 * place, markerfacecolor="none", **style)
    left.set(yscale="log", xlabel="outputs q", ylabel="median angle of the start, degrees")
    right.set(xlabel="outputs q", ylabel="share of networks recovered", ylim=(-0.05, 1.05))
    picture.suptitle(f"ReLU with biases, {width} units on {d} inputs", fontsize="medium")
    for axes in (left, right):
        axes.set_xticks(found.levels("q"))
        axes.grid(visible=True, color="0.9", linewidth=0.6)
    left.legend(frameon=False, fontsize="small")
    return picture


def verdict(table: Table) -> str:
    """How the angle falls from the fewest outputs to the most, and what is recovered there."""
    found, said = summary(table), []
    for rows in found.levels("rows"):
        part = list(found.where(rows=rows).rows())
        first, last = part[0], part[-1]
        plural = "s" if int(first["q"]) > 1 else ""
        said.append(
            f"With {rows} rows a hidden parameter the start is {first['angle']:.2g} degrees off with {first['q']}"
            f" output{plural} and {last['angle']:.2g} with {last['q']}; recovered are {first['recovered']:.0%} and"
            f" {last['recovered']:.0%}."
        )
    wrong = int((table["certified"] & ~table["recovered"]).sum())
    said.append(
        f"Of {int(table['certified'].sum())} certified networks, {wrong or 'none'} differ from the planted one."
    )
    return " ".join(said)


OUTPUTS = Figure(
    name="outputs",
    title="Several outputs: directions from moments, and recovery, by the number of outputs",
    source="twolayer",
    claim="No paper has this figure; each output is another matrix with the same factors.",
    config=OutputsConfig,
    smoke=OutputsConfig(d=6, width=3, outputs=(1, 2, 4), rows=(3, 30), trials=2),
    paper=OutputsConfig(d=20, width=10, outputs=(1, 2, 3, 4, 6, 10), rows=(3, 10, 30, 100), trials=8),
    cells=cells,
    run_cell=run_cell,
    columns={
        "d": "inputs",
        "width": "units",
        "q": "outputs",
        "rows": "rows for each hidden parameter",
        "trial": "number of the trial",
        "n": "samples",
        "angle": "median angle from a unit to the nearest direction of the start, in degrees",
        "recovered": f"whether the error is at most {RECOVERED:g}",
        "certified": "whether the recovery is certified",
    },
    plot=plot,
    verdict=verdict,
    condense=summary,
)
