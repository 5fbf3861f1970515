"""What learners make of planted samples as these grow, beside a twin of the same size that is easy."""

import warnings
from collections.abc import Callable
from typing import Annotated, Any, Literal, get_args

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import NullLocator
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from twolayer.estimators import TwoLayerRegressor
from twolayer.experiments.drawing import draw_curves
from twolayer.experiments.figure import Cell, Config, Figure, Row
from twolayer.experiments.table import Table
from twolayer.instances import Family
from twolayer.papers.daniely2020hardness.instances import EASY_TWIN, RANDOM_NETWORK, SIGN_CNN, Learner, MajorityVote

__all__ = ["LEARNING", "LearningConfig"]

BALANCED = {"clause_size": 4, "clauses": 9, "width": 9, "planting": "balanced"}
NAIVE = {"clause_size": 3, "clauses": 3, "width": 3, "planting": "uniform"}
KINDS: dict[str, tuple[str, Family, dict[str, Any]]] = {
    "balanced sign-CNN": ("planted with care", SIGN_CNN, BALANCED),
    "balanced random network": ("the same, transformed", RANDOM_NETWORK, {**BALANCED, "law": "normal"}),
    "naive sign-CNN": ("planted naively", SIGN_CNN, NAIVE),
    "easy twin": ("Gaussian inputs", EASY_TWIN,
                  {"clause_size": 3, "clauses": 3, "width": 3, "twin": "gaussian_inputs"}),
}  # fmt: skip


# the network is a small one, of 30 hidden units and 150 epochs, so that a cell takes seconds
LEARNERS: dict[str, Callable[[int], object]] = {
    "least squares": lambda _: RidgeCV(alphas=(1.0, 10.0, 100.0, 1000.0)),
    "TwoLayerRegressor": lambda seed: TwoLayerRegressor(width=1, random_state=seed),
    "MLPRegressor": lambda seed: MLPRegressor(hidden_layer_sizes=(30,), max_iter=150, random_state=seed),
}
VOTE = "majority vote"

Kind = Literal["balanced sign-CNN", "balanced random network", "naive sign-CNN", "easy twin"]
Name = Literal["least squares", "TwoLayerRegressor", "MLPRegressor", "majority vote"]
Size = Annotated[int, msgspec.Meta(ge=1, le=10**6)]


class LearningConfig(Config, frozen=True):
    """Sizes of the samples, who learns, and what."""

    samples: Annotated[tuple[Annotated[int, msgspec.Meta(ge=20, le=10**6)], ...], msgspec.Meta(min_length=1)]
    trials: Size
    variables: Annotated[int, msgspec.Meta(ge=36, le=10**4)] = 40
    fresh: Annotated[int, msgspec.Meta(ge=100, le=10**6)] = 2000
    kinds: Annotated[tuple[Kind, ...], msgspec.Meta(min_length=1)] = get_args(Kind)
    learners: Annotated[tuple[Name, ...], msgspec.Meta(min_length=1)] = get_args(Name)


def cells(config: LearningConfig) -> list[Cell]:
    """Every learner on every sample; the vote only where inputs are made of patches."""
    return [
        {"kind": kind, "learner": learner, "n": n, "trial": trial, "variables": config.variables, "fresh": config.fresh}
        for kind in config.kinds
        for learner in config.learners
        if learner != VOTE or KINDS[kind][1] is not RANDOM_NETWORK
        for n in config.samples
        for trial in range(config.trials)
    ]


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Draw a planted sample, fit to a part of it, and look at the loss on the rest, predictions clipped to [0, 1]."""
    _, family, options = KINDS[cell["kind"]]
    sizes = {"samples": cell["n"] + cell["fresh"], "variables": cell["variables"]}
    inputs, y, _, _ = family.draw(rng, **{**family.defaults, **options, **sizes})
    X = inputs if isinstance(inputs, np.ndarray) else inputs.toarray()
    seen, unseen = slice(0, cell["n"]), slice(cell["n"], None)
    learner = _learner(cell["learner"], cell["variables"] + 1, int(rng.integers(2**31)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # after the epochs that it is given
        warnings.filterwarnings("ignore", message=".* parameters are fitted to .* rows")
        learner.fit(X[seen], y[seen])
    predicted = np.clip(learner.predict(X[unseen]), 0, 1)
    return [{"error": np.mean((predicted - y[unseen]) ** 2), "constant": np.var(y[unseen])}]


def _learner(name: str, patch_size: int, seed: int) -> Learner:
    """The vote knows the size of a patch and takes inputs as they are; for the others they are scaled."""
    return MajorityVote(patch_size) if name == VOTE else make_pipeline(StandardScaler(), LEARNERS[name](seed))


def plot(table: Table) -> Picture:
    """Errors against the size of the sample, a panel a kind, a curve a learner."""
    kinds = table.levels("kind")
    picture = Picture(figsize=(0.6 + 3.6 * len(kinds), 4.4), layout="constrained")
    panels = picture.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        part = table.where(kind=kind)
        draw_curves(axes, part, "n", "error", "learner", {name: name for name in get_args(Name)})
        axes.get_legend().remove()
        axes.axhline(float(np.median(part["constant"])), color="0.5", linewidth=1, label="best constant")
        # the loss of 1/10 by which the theorems tell a learner from a guess
        axes.axhline(0.1, color="0.5", linewidth=1, linestyle=":", label="1/10")
        axes.set_xscale("log")
        axes.set_xticks(part.levels("n"), [str(n) for n in part.levels("n")], rotation=30)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set(xlabel="samples seen", ylabel="mean squared error on fresh samples")
        axes.set_ylim(bottom=0)
        axes.set_title(f"{kind}:\n{KINDS[kind][0]}", fontsize="medium")
        axes.tick_params(labelleft=True)
    names = {label: line for axes in panels for line, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    picture.legend(
        list(names.values()), list(names), loc="outside lower center", ncols=min(6, 2 * len(kinds)), frameon=False
    )
    return picture


def middles(table: Table) -> Table:
    """One row a kind, learner and n: median errors."""
    return table.condensed(
        ["kind", "learner", "n"], error=("error", np.median), constant=("constant", np.median), trials=("trial", len)
    )


def verdict(table: Table) -> str:
    """Who learns what from the largest sample, against the best constant and the threshold 1/10."""
    found = middles(table.where(n=int(table["n"].max())))
    said, best = [], {}
    for kind in found.levels("kind"):
        row = min(found.where(kind=kind).rows(), key=lambda row: float(row["error"]))
        best[kind] = float(row["error"]) / float(row["constant"])
        said.append(f"{kind} {row['error']:.3f} ({row['learner']}; a constant has {row['constant']:.3f})")
    return f"The best errors from {found['n'].max()} samples: {'; '.join(said)}. {_judged(best)}"


def _judged(best: dict[str, float]) -> str:
    """What follows from the best errors over those of the best constants, of the kinds that were measured."""
    easy = "easy twin"
    hard = [best[kind] for kind in ("balanced sign-CNN", "balanced random network") if kind in best]
    said, agrees = [], True
    if hard:
        is_hard = min(hard) > 0.95
        agrees &= is_hard
        said.append(f"{'nothing' if is_hard else 'something'} is learned of what is planted with care")
    if easy in best:
        is_easy = best[easy] < 0.8
        agrees &= is_easy
        said.append(f"the easy twin is {'' if is_easy else 'not '}learned")
    if not said:
        return "Neither what is planted with care nor the easy twin is here, so that this says nothing of the claim."
    return f"So {' and '.join(said)}{'' if agrees else ', not as claimed'}; these are small sizes."


LEARNING = Figure(
    name="daniely2020hardness-learning",
    title="Learners on planted samples and on an easy twin",
    source="daniely2020hardness, Theorems 3.1 and 3.4; the paper has no figure",
    claim="No efficient learner brings the mean squared error on planted samples below 1/10; an easy twin is learned.",
    config=LearningConfig,
    smoke=LearningConfig(samples=(200, 800), trials=1, fresh=1000),
    paper=LearningConfig(samples=(250, 500, 1000, 2000, 4000, 8000), trials=5),
    cells=cells,
    run_cell=run_cell,
    columns={
        "kind": "of sample",
        "learner": "who learns",
        "n": "samples seen",
        "variables": "variables n' of the planted assignment",
        "trial": "number of the trial",
        "error": "mean squared error on fresh samples",
        "constant": "that of the best constant",
    },
    plot=plot,
    verdict=verdict,
    condense=middles,
    paired=("learner",),
)
