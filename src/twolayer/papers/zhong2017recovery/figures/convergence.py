"""Figure 1(c): gradient descent from three initialisations, and the default beside it."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray

from twolayer.experiments.figure import Cell, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.network import TwoLayerNetwork
from twolayer.papers.zhong2017recovery.algorithm import initialization
from twolayer.papers.zhong2017recovery.figures.setting import Count, Problem, planted
from twolayer.pictures import COLOURS, DASHES, MARKERS
from twolayer.recover import recover

__all__ = ["CONVERGENCE", "ConvergenceConfig", "descent"]

STARTS = {
    "tensor": "(I) v and W by the tensor method, descent on W",
    "random": "(II) v and W random, descent on both",
    "random_W": "(III) v true, W random, descent on W",
    "auto": "the default of this library, its own steps",
}
REACHED = 1e-6  # the relative loss at which a descent counts as arrived
LINEAR = (0.5, 2.0)  # how the later half of the steps may differ from the earlier, where the rate is linear
TOP = 1e3  # where the picture ends, in initial losses: beyond it a descent diverges


class ConvergenceConfig(Problem, frozen=True, kw_only=True):
    """The problem, and the descents."""

    d: Count = 10
    n: Count = 10_000
    trials: Count
    steps: Count
    every: Count = 10
    step_size: Annotated[float, msgspec.Meta(gt=0, le=10)] = 0.02
    scale: Annotated[float, msgspec.Meta(gt=0, le=100)] = 1.0

    def __post_init__(self) -> None:
        """Refuse sizes without meaning."""
        self.require_room((self.d,), (self.n,))


def cells(config: ConvergenceConfig) -> list[Cell]:
    """Every start, many times; the default has no numbers of its own."""
    own = {name: getattr(config, name) for name in ("steps", "every", "step_size", "scale")}
    problem = {name: getattr(config, name) for name in ("d", "n", "width", "kappa")}
    pairs = grid(start=list(STARTS), trial=range(config.trials))
    return [{**pair, **problem, "descent": {} if pair["start"] == "auto" else own} for pair in pairs]


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Plant a network, start, and follow the objective, relative to the mean square of y."""
    truth, X, y = planted(cell, rng)
    if cell["start"] == "auto":
        history = recover(X, y, truth.width, truth.activation, rng=rng).history
        return [{"step": step, "loss": known.loss} for step, known in enumerate(history)]
    own = cell["descent"]
    start = _start(cell["start"], truth, X, y, own["scale"], rng)
    losses = descent(start, X, y, own["step_size"], own["steps"], both=cell["start"] == "random")
    followed = list(enumerate(losses))
    return [
        {"step": step, "loss": loss} for step, loss in followed if step % own["every"] == 0 or step + 1 == len(followed)
    ]


def _start(
    kind: str, truth: TwoLayerNetwork, X: NDArray, y: NDArray, scale: float, rng: np.random.Generator
) -> TwoLayerNetwork:
    if kind == "tensor":
        return initialization(X, y, truth.width, truth.activation, rng=rng, partition=False).network
    W = scale * rng.standard_normal(truth.W.shape)
    a = truth.a if kind == "random_W" else rng.standard_normal(truth.width)
    return TwoLayerNetwork(a, W, activation=truth.activation)


def descent(
    start: TwoLayerNetwork, X: NDArray, y: NDArray, step_size: float, steps: int, *, both: bool
) -> Iterator[float]:
    r"""Follow gradient descent on :math:`\frac1{2n}\sum_s(f(x_s) - y_s)^2`, in W, or in W and v.

    Yields the relative objective :math:`\|f - y\|^2/\|y\|^2` before each step and after the last, while it is finite.
    """
    sigma, W, v, n = start.activation, start.W, start.a, len(y)
    energy = float(y @ y)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(steps + 1):
            t = X @ W.T
            values = sigma(t)
            residual = values @ v - y
            loss = float(residual @ residual) / energy
            if not np.isfinite(loss):
                return
            yield loss
            gradient_W = (residual[:, None] * sigma.derivative(t) * v).T @ X / n
            if both:
                v = v - step_size * (values.T @ residual) / n
            W = W - step_size * gradient_W


def ends(table: Table) -> Table:
    """One row a start and trial: the last objective, the step at which it was small, and how its rate changed then."""
    return Table.from_rows(
        [
            {
                "start": start,
                "trial": trial,
                "steps": int(rows["step"].max()),
                "last_loss": float(rows["loss"][rows["step"].argmax()]),
                "steps_to_1e-6": min(rows["step"][rows["loss"] <= REACHED].tolist(), default=np.inf),
                "rate_change": _rate_change(rows["step"], rows["loss"]),
            }
            for (start, trial), rows in table.groups("start", "trial")
        ],
        ["start", "trial", "steps", "last_loss", "steps_to_1e-6", "rate_change"],
    )


def _rate_change(steps: NDArray, losses: NDArray) -> float:
    """How fast a small objective falls in the later half of its steps over how fast in the earlier half.

    It is 1 where convergence is linear, and NaN of fewer than five points.
    """
    # below 1e-24 a loss is rounding, and has no rate
    small = (losses <= REACHED) & (losses > 1e-24)
    steps, logs = steps[small], np.log(losses[small])
    middle = len(steps) // 2
    if middle < 2:
        return float("nan")
    earlier = (logs[middle] - logs[0]) / (steps[middle] - steps[0])
    later = (logs[-1] - logs[middle]) / (steps[-1] - steps[middle])
    return float(later / earlier) if earlier else float("inf")


def plot(table: Table) -> Picture:
    """The objective by steps; the trials of a start share colour, dashes and the marker at their end.

    What diverges ends at the upper edge.
    """
    picture = Picture(figsize=(7.4, 5.0), layout="constrained")
    axes = picture.subplots()
    top = max(TOP, float(table["loss"][table["step"] == 0].max(initial=0)))
    for place, (start, label) in enumerate(STARTS.items()):
        for (trial,), rows in table.where(start=start).groups("trial"):
            drawn = rows["loss"] > 0
            axes.plot(
                rows["step"][drawn],
                np.minimum(rows["loss"][drawn], top),
                color=COLOURS[place],
                linestyle=DASHES[place],
                marker=MARKERS[place],
                markevery=[-1],
                linewidth=1.3,
                clip_on=False,
                label=label if trial == table.where(start=start)["trial"].min() else None,
            )
    axes.set(yscale="log", xlabel="step", ylabel="objective ‖y − ŷ‖² / ‖y‖²", title="Convergence from each start")
    axes.set_ylim(top=top)
    axes.grid(visible=True, color="0.9", linewidth=0.6)
    picture.legend(loc="outside lower center", frameon=False, fontsize="small")
    return picture


def verdict(table: Table) -> str:
    """How many trials of each start converge, how fast, and whether that is what the paper shows."""
    found = ends(table)
    said, medians, shares = [], {}, {}
    for start, label in STARTS.items():
        rows = found.where(start=start)
        if not len(rows):
            continue
        reached = np.isfinite(rows["steps_to_1e-6"])
        shares[start] = float(reached.mean())
        text = f"{label}: {int(reached.sum())} of {len(rows)} trials reach {REACHED:g}"
        if reached.any():
            medians[start] = float(np.median(rows["steps_to_1e-6"][reached]))
            text += f", after {medians[start]:.0f} steps in the median"
        if (rows["last_loss"] > TOP).any():
            text += f", and {int((rows['last_loss'] > TOP).sum())} diverge"
        said.append(text)
    if not {"tensor", "random", "random_W"} <= shares.keys():
        return f"{'; '.join(said)}. Not all of the paper's starts are here."
    changes = {start: _changes(found.where(start=start)) for start in ("tensor", "random_W")}
    return f"{'; '.join(said)}. {_told(changes)}{_judged(medians, shares, changes)}"


def _changes(rows: Table) -> NDArray[np.float64]:
    """Changes of the rate of the trials that converge, as far as they can be told."""
    changes = rows["rate_change"]
    return changes[np.isfinite(rows["steps_to_1e-6"]) & ~np.isnan(changes)]


def _told(changes: dict[str, NDArray[np.float64]]) -> str:
    every = np.concatenate(list(changes.values()))
    if not len(every):
        return f"Too few steps are below {REACHED:g} to tell whether (I) and (III) end with a linear rate. "
    return (
        f"Where (I) and (III) are below {REACHED:g}, the rate of the later half of the steps is {every.min():.2f} to"
        f" {every.max():.2f} times that of the earlier; {LINEAR[0]:g} to {LINEAR[1]:g} counts as linear. "
    )


def _judged(medians: dict[str, float], shares: dict[str, float], changes: dict[str, NDArray[np.float64]]) -> str:
    differs = []
    if shares["tensor"] < 1:
        differs.append("(I) does not always converge")
    if "tensor" in medians and medians["tensor"] > min(medians.get(s, np.inf) for s in ("random", "random_W")):
        differs.append("(I) is not the fastest")
    if shares["random"] > 0:
        differs.append("(II) converges at times")
    if shares["random_W"] == 0:
        differs.append("(III) does not converge in these steps")
    elif shares["random_W"] < 1:
        differs.append("(III) does not always converge in these steps")
    for start, name in (("tensor", "(I)"), ("random_W", "(III)")):
        if ((changes[start] < LINEAR[0]) | (changes[start] > LINEAR[1])).any():
            differs.append(f"{name} does not always end with a linear rate")
    return f"Unlike in the paper, {', and '.join(differs)}." if differs else "That agrees with the paper."


CONVERGENCE = Figure(
    name="zhong2017recovery-1c",
    title="Convergence of gradient descent from three initialisations",
    source="zhong2017recovery, Figure 1(c)",
    claim=(
        "From the tensor initialisation (I) descent is fastest, from random v and W (II) it does not converge, and from"
        " the true v and random W (III) it does; (I) and (III) end with a linear rate."
    ),
    config=ConvergenceConfig,
    smoke=ConvergenceConfig(n=4000, trials=2, steps=600),
    paper=ConvergenceConfig(trials=5, steps=2000),
    cells=cells,
    run_cell=run_cell,
    columns={
        "start": "where the descent begins",
        "trial": "number of the trial",
        "step": "steps made; of the default, the steps of its own kinds, one after the other",
        "loss": "objective ‖y − ŷ‖² / ‖y‖²; of the default, on the rows that the step looks at",
    },
    plot=plot,
    verdict=verdict,
    condense=ends,
    paired=("start", "descent"),
)
