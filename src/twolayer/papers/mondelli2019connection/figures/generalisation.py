"""Figure 1: gradient descent learns r units of d inputs for r = d, less and less of them for r = d^(3/2) and r = d²."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from twolayer.align import align, nearest_neighbour_error
from twolayer.experiments.figure import Cell, Config, Figure, Row
from twolayer.experiments.table import Table
from twolayer.network import TwoLayerNetwork
from twolayer.papers.mondelli2019connection.figures.descent import Descent
from twolayer.pictures import COLOURS, DASHES, MARKERS
from twolayer.recover import recover
from twolayer.teachers import LAWS, gaussian_samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GENERALISATION", "GeneralisationConfig"]

Law = Literal["haar_blocks", "centred_units"]
LAW_NAMES = {"haar_blocks": "Haar blocks", "centred_units": "Gaussian units, Eq. (11)"}
SLOPE, ACTIVATION = 2.5, "scaled(tanh,2.5)"  # of the paper: tanh(5t/2)
D_OF_PAPER = 50  # the inputs of Figure 1

Size = Annotated[int, msgspec.Meta(ge=1, le=10**9)]
Sizes = Annotated[tuple[Size, ...], msgspec.Meta(min_length=1)]
StepSize = Annotated[float, msgspec.Meta(gt=0, le=10)]


class GeneralisationConfig(Config, frozen=True):
    """The networks, the descent, and what the default of this library is asked for."""

    d: Annotated[int, msgspec.Meta(ge=2, le=10**4)]
    widths: Sizes
    n: Size
    window: Size
    records: Size
    relative_step_sizes: Annotated[tuple[StepSize, ...], msgspec.Meta(min_length=1)]
    widths_of_default: tuple[Size, ...]
    rows_per_parameter: Annotated[float, msgspec.Meta(ge=1, le=1000)] = 10.0
    laws: Annotated[tuple[Law, ...], msgspec.Meta(min_length=1)] = ("haar_blocks", "centred_units")
    trials: Size = 1

    def __post_init__(self) -> None:
        """Refuse widths that the law of the weights does not have, and windows that are not there."""
        wrong = [r for r in (*self.widths, *self.widths_of_default) if r % self.d and "haar_blocks" in self.laws]
        if wrong:
            raise ValueError(f"widths must be multiples of d = {self.d} for the law haar_blocks, found {wrong[0]}")
        if min((*self.widths, *self.widths_of_default)) < 2:
            raise ValueError("widths must be at least 2: the laws are centred")
        if self.n % self.window or self.n // self.window < self.records:
            raise ValueError(f"n must be a multiple of window, and at least records times it, found {self.n}")


def cells(config: GeneralisationConfig) -> list[Cell]:
    """The descent for every law and width, as many step sizes together as pay; then the default."""
    found = []
    for law, r, trial in product(config.laws, config.widths, range(config.trials)):
        # curves of up to 2000 units together in a cell, which go through the same samples
        steps, together = config.relative_step_sizes, max(1, 2000 // r)
        for first in range(0, len(steps), together):
            own = {"learner": "descent", "relative_step_sizes": list(steps[first : first + together]), "rows": 0}
            found.append({**_problem(config, law, r, trial), **own})
    for law, r, trial in product(config.laws, config.widths_of_default, range(config.trials)):
        rows = round(config.rows_per_parameter * r * (config.d + 1))
        own = {"learner": "default", "relative_step_sizes": [], "rows": min(rows, config.n)}
        found.append({**_problem(config, law, r, trial), **own})
    return found


def _problem(config: GeneralisationConfig, law: str, r: int, trial: int) -> Cell:
    sizes = {"d": config.d, "n": config.n, "window": config.window, "records": config.records}
    return {"law": law, "r": r, "trial": trial, **sizes}


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Plant a network and learn it: both learners see the same samples, the default the first few."""
    beginning = rng.spawn(1)[0]
    truth = LAWS[cell["law"]].function(cell["d"], cell["r"], ACTIVATION, rng)
    if cell["learner"] == "default":
        return [_recovered(truth, cell["rows"], rng)]
    return list(_descended(truth, cell, beginning, rng))


def _recovered(truth: TwoLayerNetwork, rows: int, rng: np.random.Generator) -> Row:
    X, y = gaussian_samples(truth, rows, rng)
    found = recover(X, y, truth.width, truth.activation, rng=rng)
    # fresh rows: their error has a standard error of 3 % of itself
    X, y = gaussian_samples(truth, 2000, rng)
    return {
        "step_size": float("nan"),
        "samples": rows,
        "generalisation_error": np.sum((found.network(X) - y) ** 2) / np.sum(y**2),
        "weight_error": nearest_neighbour_error(align(found.network, truth).network.W, truth.W),
        "certified": found.is_certified,
    }


def _descended(
    truth: TwoLayerNetwork, cell: Cell, beginning: np.random.Generator, rng: np.random.Generator
) -> Iterator[Row]:
    """What the averages of each step size are worth, in some windows on the way.

    The predictor from the norm of the input is 0, as tanh is odd. Its errors and those of the average are summed over
    the window before they are divided: the mean of the ratios of single samples does not exist.
    """
    (r, d), window = truth.W.shape, cell["window"]
    step_sizes = np.array(cell["relative_step_sizes"]) / (r * d)
    descent = Descent.started(beginning.standard_normal((r, d)) / np.sqrt(d), step_sizes, SLOPE)
    last = np.linspace(0, cell["n"] // window - 1, cell["records"]).round().astype(int)
    for place in range(cell["n"] // window):
        X = rng.standard_normal((window, d))
        y = _labels(truth, X)
        errors = descent.run(X, np.repeat(y[:, None], len(step_sizes), axis=1))
        for curve in range(len(step_sizes)) if place in last else ():
            yield {
                "step_size": step_sizes[curve],
                "samples": descent.steps,
                "generalisation_error": np.sum(errors[:, curve] ** 2) / np.sum(y**2),
                "weight_error": nearest_neighbour_error(descent.averages[curve], truth.W),
                "certified": False,
            }


def _labels(truth: TwoLayerNetwork, X: NDArray) -> NDArray[np.float64]:
    """Labels in single precision, several times as fast; the descent is of that precision."""
    inputs, weights = X.astype(np.float32), SLOPE * truth.W.T.astype(np.float32)
    # 500 rows of all units stay in the cache
    blocks = (inputs[start : start + 500] for start in range(0, len(X), 500))
    return np.concatenate([np.tanh(block @ weights).sum(axis=1, dtype=np.float64) for block in blocks])


MEASURES = {"generalisation_error": "relative generalisation error", "weight_error": "weight error (squared distance)"}


def plot(table: Table) -> Picture:
    """Two rows of panels a law, a column a width: errors against samples, a curve a step size."""
    laws, widths = table.levels("law"), table.levels("r")
    picture = Picture(figsize=(1.0 + 3.9 * len(widths), 0.6 + 5.2 * len(laws)), layout="constrained")
    panels = picture.subplots(2 * len(laws), len(widths), squeeze=False, sharex=True, sharey="row")
    for row, (law, measure) in enumerate(product(laws, MEASURES)):
        of_law = table.where(law=law)
        for axes, r in zip(panels[row], widths, strict=True):
            _draw_descents(axes, of_law.where(r=r, learner="descent"), measure)
            axes.set(title=f"{LAW_NAMES.get(law, law)}, r = {r}", xlabel="samples seen", ylabel=MEASURES[measure])
        _draw_defaults(panels[row], of_law.where(learner="default"), widths, measure)
    drawn = {name: line for axes in panels.flat for line, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    picture.legend(
        list(drawn.values()), list(drawn), loc="outside lower center", ncols=min(3, len(widths)), frameon=False
    )
    return picture


def _draw_descents(axes: "Axes", table: Table, measure: str) -> None:
    for place, step_size in enumerate(table.levels("step_size")):
        curve = table.where(step_size=step_size).condensed(["samples"], middle=(measure, np.median))
        axes.plot(
            curve["samples"], curve["middle"], color=COLOURS[place % len(COLOURS)],
            label=f"descent, s = {step_size * table['r'][0] * table['d'][0]:.2g}/(r d)",
            linestyle=DASHES[place % len(DASHES)], marker=MARKERS[place % len(MARKERS)], markersize=4,
            markevery=max(1, len(curve) // 8),
        )  # fmt: skip
    if measure == "generalisation_error":
        axes.axhline(1.0, color="0.5", linewidth=1, label="best from ‖x‖ alone")
    axes.set(xscale="log", yscale="log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(labelbottom=True)
    axes.grid(visible=True, color="0.9", linewidth=0.6)


def _draw_defaults(panels: Sequence["Axes"], table: Table, widths: list[int], measure: str) -> None:
    """Draw a star where the default is, or, where that is far below, at the lower edge; its error stands beside it."""
    low, high = panels[0].get_ylim()
    edge = low / (high / low) ** 0.2
    for axes, r in zip(panels, widths, strict=True):
        for row in table.where(r=r).condensed(["samples"], error=(measure, np.median)).rows():
            samples, error = row["samples"], float(row["error"])
            place = samples, min(max(error, edge), high)
            axes.plot(*place, marker="*", markersize=11, color="black", linestyle="none",
                      label="the default of this library, its error beside it")  # fmt: skip
            axes.annotate(f"{error:.0e}", place, (9, 0), textcoords="offset points", va="center")
    panels[0].set_ylim(edge / (high / low) ** 0.1, high)


def ends(table: Table) -> Table:
    """Where each curve ends, and the default."""
    last = [rows.where(samples=int(rows["samples"].max())) for _, rows in table.groups("learner", "law", "r", "trial")]
    kept = [row for rows in last for row in rows.rows()]
    return Table.from_rows(kept, table.columns)


def verdict(table: Table) -> str:
    """What the best step sizes leave, by width, whether that grows with it, and what the default leaves."""
    said = [_said_of(law, table.where(law=law)) for law in table.levels("law")]
    for (r, samples), rows in table.where(learner="default").groups("r", "samples"):
        error, weights = rows["generalisation_error"].max(), rows["weight_error"].max()
        said.append(
            f"The default of this library leaves, at r = {r}, from the first {samples} of the same samples, at most"
            f" {error:.1g} of the variance, and a weight error of at most {weights:.1g}; it certifies"
            f" {rows['certified'].sum()} of {len(rows)} networks."
        )
    return " ".join(said).strip()


def _said_of(law: str, table: Table) -> str:
    descents = ends(table.where(learner="descent"))
    if not len(descents):
        return ""
    widths = descents.levels("r")
    errors, weights = ([_least(descents.where(r=r), measure) for r in widths] for measure in MEASURES)
    parts = ", ".join(
        f"{error:.2g} and {weight:.2g} at r = {r}" for r, error, weight in zip(widths, errors, weights, strict=True)
    )
    grows = bool(np.all(np.diff(errors) > 0) and np.all(np.diff(weights) > 0))
    agreement = "as in the paper, both grow with r" if grows else "unlike the paper's, they do not both grow with r"
    where = f", at d = {table['d'][0]}" + ("" if table["d"][0] == D_OF_PAPER else f" instead of {D_OF_PAPER}")
    return (
        f"{LAW_NAMES.get(law, law)}{where}: after {descents['samples'].max()} samples the least relative generalisation"
        f" error and the least weight error, over the step sizes, are {parts}"
        + (f"; {agreement}." if len(widths) > 1 else ".")
        + "".join(_at_the_edge(descents, measure) for measure in MEASURES)
    )


def _least(descents: Table, measure: str) -> float:
    """Error of the best step size, the median over the trials."""
    return float(descents.condensed(["step_size"], middle=(measure, np.median))["middle"].min())


def _at_the_edge(descents: Table, measure: str) -> str:
    """At which widths the best step size is the largest tried, or the smallest."""
    bests: dict[str, list[str]] = {"largest": [], "smallest": []}
    for r in descents.levels("r"):
        middles = descents.where(r=r).condensed(["step_size"], middle=(measure, np.median))
        best = middles["step_size"][middles["middle"].argmin()]
        for edge, place in (("largest", middles["step_size"].max()), ("smallest", middles["step_size"].min())):
            if best == place:
                bests[edge].append(str(r))
    name = MEASURES[measure].partition(" (")[0]
    return "".join(
        f" The least {name} is at the {edge} step size tried at r = {', '.join(widths)}, so that a"
        f" {edge.removesuffix('st')}r one might do better."
        for edge, widths in bests.items()
        if widths
    )


GENERALISATION = Figure(
    name="mondelli2019connection-1",
    title="Stochastic gradient descent on more and more units",
    source="mondelli2019connection, Figure 1",
    claim=(
        "As r grows from d over d^(3/2) to d², gradient descent learns the weights less and less, and it generalises"
        " well if and only if it learns the weights."
    ),
    config=GeneralisationConfig,
    smoke=GeneralisationConfig(
        d=10,
        widths=(10, 30, 100),
        n=80_000,
        window=4000,
        records=10,
        relative_step_sizes=(0.1, 0.3),
        widths_of_default=(10,),
    ),
    paper=GeneralisationConfig(
        d=D_OF_PAPER,
        widths=(50, 350, 2500),
        n=5_000_000,
        window=10_000,
        records=50,
        relative_step_sizes=(0.05, 0.1, 0.2),
        widths_of_default=(50, 100, 350),
    ),
    cells=cells,
    run_cell=run_cell,
    columns={
        "learner": "descent, averaged and one sample a step; or the default of this library",
        "law": "of the planted weights",
        "r": "units",
        "d": "inputs",
        "trial": "number of the trial",
        "step_size": "the s of the descent",
        "samples": "samples seen",
        "generalisation_error": "squared error over that of the best predictor from the norm of x, in a window",
        "weight_error": "mean squared distance to the nearest unit, both ways",
        "certified": "whether the default says that this is the network",
    },
    plot=plot,
    verdict=verdict,
    condense=ends,
    paired=("learner", "relative_step_sizes", "rows"),
)
