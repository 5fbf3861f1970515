"""Figure 1: online gradient descent learns the parity of few inputs, and nothing of the parity of many."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Annotated

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture

from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.papers.e2021hardness.figures.hinge import HingeDescent, parity_batch
from twolayer.pictures import COLOURS, DASHES, MARKERS

__all__ = ["PARITY_TRAINING", "ParityTrainingConfig"]


Size = Annotated[int, msgspec.Meta(ge=1, le=10**7)]


class ParityTrainingConfig(Config, frozen=True):
    """The parities, the network, and its training."""

    dims: Annotated[tuple[Annotated[int, msgspec.Meta(ge=1, le=40)], ...], msgspec.Meta(min_length=1)]
    steps: Size
    records: Size
    width: Size = 2000
    batch: Size = 2000
    rate: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.002
    trials: Size = 1

    def __post_init__(self) -> None:
        """Refuse to average over less than a step."""
        if self.records > self.steps:
            raise ValueError(f"records must be at most steps, {self.steps}, found {self.records}")


def cells(config: ParityTrainingConfig) -> list[Cell]:
    """One training a dimension and trial."""
    return grid(
        d=config.dims,
        trial=range(config.trials),
        width=[config.width],
        batch=[config.batch],
        rate=[config.rate],
        steps=[config.steps],
        records=[config.records],
    )


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Train, every batch a new one, and average what each batch shows before it is used."""
    return list(_trained(cell, rng))


def _trained(cell: Cell, rng: np.random.Generator) -> Iterator[Row]:
    descent = initial_network(cell["d"], cell["width"], cell["rate"], rng)
    ends = np.linspace(0, cell["steps"], cell["records"] + 1).round().astype(int)
    for first, end in pairwise(ends):
        seen = [descent.step(*parity_batch(cell["d"], cell["batch"], rng)) for _ in range(first, end)]
        loss, wrong = np.mean(seen, axis=0)
        yield {"step": end, "loss": loss, "wrong": wrong}


def initial_network(d: int, width: int, rate: float, rng: np.random.Generator) -> HingeDescent:
    """Draw where a training begins: w_j ~ N(0, 2 I/d), no biases, a_j = ±1; the lecture does not say."""
    V = np.column_stack([np.sqrt(2 / d) * rng.standard_normal((width, d)), np.zeros(width)])
    return HingeDescent(rng.choice([-1.0, 1.0], width).astype(np.float32), V.astype(np.float32), rate)


def plot(table: Table) -> Picture:
    """Loss, and share of wrong signs, against steps; a curve a dimension."""
    picture = Picture(figsize=(10.0, 4.2), layout="constrained")
    of_loss, of_signs = picture.subplots(1, 2)
    for axes, measure, guess in ((of_loss, "loss", 1.0), (of_signs, "wrong", 0.5)):
        for place, d in enumerate(table.levels("d")):
            curve = table.where(d=d).condensed(["step"], middle=(measure, np.median))
            axes.plot(
                curve["step"], curve["middle"], label=f"d = {d}", color=COLOURS[place % len(COLOURS)],
                linestyle=DASHES[place % len(DASHES)], marker=MARKERS[place % len(MARKERS)], markersize=4,
                markevery=(place, max(1, len(curve) // 8)),
            )  # fmt: skip
        axes.axhline(guess, color="0.5", linewidth=1, label="knowing nothing")
        axes.set(xlabel="step (each on a new batch)", ylim=(-0.03 * guess, 1.6 * guess))
        axes.grid(visible=True, color="0.9", linewidth=0.6)
    of_loss.set(ylabel="hinge loss (cut at 1.6)", title="Loss by step")
    of_signs.set(ylabel="share of wrong signs", title="Errors by step")
    picture.legend(*of_loss.get_legend_handles_labels(), loc="outside right center", frameon=False)
    return picture


def ends(table: Table) -> Table:
    """Where each training ends."""
    last = [rows.where(step=int(rows["step"].max())) for _, rows in table.groups("d", "trial")]
    return Table.from_rows([row for rows in last for row in rows.rows()], table.columns)


def verdict(table: Table) -> str:
    """Which parities were learned, and which not at all."""
    found = ends(table).condensed(["d"], wrong=("wrong", np.median), loss=("loss", np.median))
    # one in twenty wrong: the parity is learned
    learned = [d for d, wrong in zip(found["d"], found["wrong"], strict=True) if wrong <= 0.05]
    # a guess is wrong half the time; a trial's share of a thousand rows is within 0.05 of that
    unknown = [d for d, wrong in zip(found["d"], found["wrong"], strict=True) if wrong >= 0.45]
    parts = ", ".join(f"{row['wrong']:.1%} at d = {row['d']}" for row in found.rows())
    is_as_said = learned and unknown and max(learned) < min(unknown)
    agreement = "as in the lecture" if is_as_said else "which is not the lecture's division of few from many inputs"
    return (
        f"After {table['step'].max()} steps the share of wrong signs is {parts}: learned for d of {_listed(learned)},"
        f" no better than guessing for d of {_listed(unknown)}, {agreement}."
    )


def _listed(dims: list[int]) -> str:
    return ", ".join(str(d) for d in dims) or "none"


PARITY_TRAINING = Figure(
    name="e2021hardness-1",
    title="Online gradient descent on parities",
    source="e2021hardness, Figure 1",
    claim="Gradient descent learns the parity of few inputs; at d = 20 it shows no improvement in a reasonable time.",
    config=ParityTrainingConfig,
    smoke=ParityTrainingConfig(dims=(2, 4, 6, 20), steps=400, records=20, width=200, batch=400, rate=0.02),
    paper=ParityTrainingConfig(dims=(4, 8, 10, 12, 16, 20), steps=20_000, records=200),
    cells=cells,
    run_cell=run_cell,
    columns={
        "d": "inputs, all in the parity",
        "trial": "number of the trial",
        "step": "steps made",
        "loss": "hinge loss of new batches, mean since the last row",
        "wrong": "share of wrong signs on new batches, mean since the last row",
    },
    plot=plot,
    verdict=verdict,
    condense=ends,
)
