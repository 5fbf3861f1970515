"""How long the inputs of the random networks are, beside the bounds of the theorems."""

from typing import Annotated, Literal

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import NullLocator

from twolayer.experiments.drawing import draw_curves
from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.papers.daniely2020hardness.instances import RANDOM_CNN, RANDOM_NETWORK
from twolayer.papers.daniely2020hardness.theory import WEIGHT_LAWS

__all__ = ["NORMS", "NormsConfig"]

FAMILIES = {"fully connected": RANDOM_NETWORK, "convolutional": RANDOM_CNN}
BOUNDS = {"over_printed": "bound as printed", "over_derived": "bound as derived"}

Law = Literal["normal", "uniform", "sign", "gaussian", "sphere"]
Variables = Annotated[int, msgspec.Meta(ge=36, le=10**5)]


class NormsConfig(Config, frozen=True):
    """Sizes of the networks, and their laws."""

    variables: Annotated[tuple[Variables, ...], msgspec.Meta(min_length=1)]
    trials: Annotated[int, msgspec.Meta(ge=1, le=1000)]
    samples: Annotated[int, msgspec.Meta(ge=1, le=10**5)] = 500
    laws: Annotated[tuple[Law, ...], msgspec.Meta(min_length=1)] = ("normal", "uniform", "sign", "gaussian", "sphere")


def cells(config: NormsConfig) -> list[Cell]:
    """One sample an architecture, law, size and trial."""
    return grid(
        architecture=list(FAMILIES),
        law=config.laws,
        variables=config.variables,
        trial=range(config.trials),
        samples=[config.samples],
    )


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Draw a sample, and compare its longest input with the bound as printed, ε = 1/2, and as derived."""
    family = FAMILIES[cell["architecture"]]
    own = {name: cell[name] for name in ("law", "variables", "samples")}
    _, _, _, claim = family.draw(rng, **{**family.defaults, "clause_size": 4, "clauses": 9, "width": 9, **own})
    norm = claim.sizes["largest_norm"]
    return [
        {
            "dim": claim.sizes["dim"],
            "largest_norm": norm,
            "over_printed": norm / claim.sizes["norm_bound"],
            "over_derived": norm / claim.sizes["derived_norm_bound"],
        }
    ]


def plot(table: Table) -> Picture:
    """Norms over their bounds against the number of inputs, a panel a bound and architecture, a curve a law."""
    architectures = table.levels("architecture")
    picture = Picture(figsize=(1.0 + 4.4 * len(architectures), 7.0), layout="constrained")
    panels = picture.subplots(len(BOUNDS), len(architectures), squeeze=False, sharey="row")
    for row, (measure, name) in zip(panels, BOUNDS.items(), strict=True):
        for axes, architecture in zip(row, architectures, strict=True):
            part = table.where(architecture=architecture)
            draw_curves(axes, part, "dim", measure, "law", {name: name for name in WEIGHT_LAWS})
            axes.get_legend().remove()
            axes.axhline(1.0, color="0.5", linewidth=1, label="the bound")
            axes.set(xscale="log", yscale="log", xlabel="inputs n of the network", title=f"{architecture}, {name}")
            axes.set_xticks(part.levels("dim"), [str(n) for n in part.levels("dim")], rotation=30)
            axes.xaxis.set_minor_locator(NullLocator())
            axes.set_ylabel("longest input / bound")
    columns = 3 * len(architectures)
    picture.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=columns, frameon=False)
    return picture


def middles(table: Table) -> Table:
    """One row an architecture, law and size: median norms."""
    statistics = {name: (name, np.median) for name in ("largest_norm", *BOUNDS)}
    return table.condensed(["architecture", "law", "variables", "dim"], **statistics)


def verdict(table: Table) -> str:
    """Where the bounds hold, and where they do not."""
    said = []
    for measure, name in BOUNDS.items():
        above = [
            f"{architecture} {law}"
            for (architecture, law), rows in table.groups("architecture", "law")
            if np.median(rows[measure]) > 1
        ]
        share = float(np.mean(table[measure] <= 1))
        wrong = f"; longer in the median: {', '.join(above)}" if above else ""
        # the theorems say almost surely: nine of ten at these sizes
        holds = "holds" if share >= 0.9 else "does not hold"
        said.append(f"The {name} {holds}: {share:.0%} of {len(table)} samples are within it{wrong}.")
    return " ".join(said)


NORMS = Figure(
    name="daniely2020hardness-norms",
    title="Longest inputs of the random networks, over the bounds of the theorems",
    source="daniely2020hardness, Theorems 3.1 to 3.6; the paper has no figure",
    claim=(
        "With high probability the inputs are no longer than a power of n that each theorem names; n^ε needs that the"
        " instance be padded with zeros, and the printed bound of Theorem 3.6 seems to have lost a factor."
    ),
    config=NormsConfig,
    smoke=NormsConfig(variables=(40, 160), trials=2, samples=200),
    paper=NormsConfig(variables=(40, 80, 160, 320, 640, 1280), trials=10),
    cells=cells,
    run_cell=run_cell,
    columns={
        "architecture": "fully connected or convolutional",
        "law": "of the weights",
        "variables": "variables n' of the planted assignment",
        "dim": "inputs n of the network",
        "trial": "number of the trial",
        "largest_norm": "norm of the longest input",
        "over_printed": "over the bound as the paper prints it, ε = 1/2",
        "over_derived": "over the bound as derived for inputs that are not padded",
    },
    plot=plot,
    verdict=verdict,
    condense=middles,
)
