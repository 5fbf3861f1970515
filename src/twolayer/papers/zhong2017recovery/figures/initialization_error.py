"""Figure 1(b): how far the tensor initialisation is from the truth."""

import numpy as np
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from twolayer.experiments.drawing import draw_grid
from twolayer.experiments.figure import Cell, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.papers.zhong2017recovery.algorithm import initialization
from twolayer.papers.zhong2017recovery.figures.setting import Count, Counts, Problem, growth, planted

__all__ = ["INITIALIZATION_ERROR", "InitializationErrorConfig", "bottleneck_error"]


class InitializationErrorConfig(Problem, frozen=True, kw_only=True):
    """The grid of Figure 1(b)."""

    dims: Counts
    samples: Counts
    trials: Count
    partition: bool = False

    def __post_init__(self) -> None:
        """Refuse sizes without meaning."""
        self.require_room(self.dims, self.samples)


def cells(config: InitializationErrorConfig) -> list[Cell]:
    """Every size, many times."""
    return grid(
        d=config.dims,
        n=config.samples,
        trial=range(config.trials),
        width=[config.width],
        kappa=[config.kappa],
        partition=[config.partition],
    )


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Plant a network, initialise, compare as the paper does: the weights, and the sums of the signs."""
    truth, X, y = planted(cell, rng)
    start = initialization(X, y, truth.width, truth.activation, rng=rng, partition=cell["partition"]).network
    return [{"error": bottleneck_error(start.W, truth.W), "wrong_sum": bool(start.a.sum() != truth.a.sum())}]


def bottleneck_error(What: NDArray, W: NDArray) -> float:
    r"""Return :math:`\min_\pi \max_j \|w_j - \hat w_{\pi(j)}\| / \|w_j\|`, by assignments over fewer pairs each."""
    errors = cdist(W, What) / np.linalg.norm(W, axis=1)[:, None]
    levels = np.sort(errors.ravel())
    low, high = 0, len(levels) - 1
    while low < high:
        middle = (low + high) // 2
        rows, columns = linear_sum_assignment(errors > levels[middle])
        low, high = (middle + 1, high) if (errors > levels[middle])[rows, columns].any() else (low, middle)
    return float(levels[low])


def means(table: Table) -> Table:
    """One row a size: the mean error, and in how many trials the signs have the wrong sum."""
    return table.condensed(
        ["d", "n"], trials=("trial", len), mean_error=("error", np.mean), wrong_sums=("wrong_sum", np.sum)
    )


def plot(table: Table) -> Picture:
    """Mean errors as shades, darker is worse; a cross where a trial has the wrong signs."""
    found = means(table)
    picture = Picture(figsize=(5.6, 4.2), layout="constrained")
    axes = picture.subplots()
    top = float(found["mean_error"].max())
    shades = draw_grid(axes, found, "d", "n", "mean_error", vmin=0, vmax=top, cmap="Greys")
    columns, rows = found.levels("d"), found.levels("n")
    wrong = [(columns.index(row["d"]), rows.index(row["n"])) for row in found.rows() if row["wrong_sums"]]
    if wrong:
        x, y = (np.array(wrong) + 0.5).T
        axes.scatter(x, y, s=90, marker="x", color="white", linewidth=4)
        axes.scatter(x, y, s=70, marker="x", color="#D55E00", linewidth=2, label="wrong Σv in a trial")
        picture.legend(loc="outside lower center", frameon=False)
    axes.set(xlabel="inputs d", ylabel="samples n", title="Error of the tensor initialisation")
    picture.colorbar(shades, ax=axes, label="mean of the largest relative error")
    return picture


def verdict(table: Table) -> str:
    """How the error moves with n and d, and where the signs are wrong."""
    found = means(table)
    wrong = int((found["wrong_sums"] > 0).sum())
    signs = (
        f"In {int(found['wrong_sums'].sum())} of {len(table)} trials, at {wrong} of {len(found)} sizes, Σv is wrong. "
        f"The mean error lies between {found['mean_error'].min():.2f} and {found['mean_error'].max():.2f}."
    )
    slopes = _exponents(found)
    if slopes is None:
        return f"{signs} The grid is too small to tell how the error moves with n and d."
    in_n, in_d = slopes
    falls = "falls with n, as in the paper" if in_n < 0 else "does not fall with n, unlike in the paper"
    takes = f"; keeping the error takes n growing like {growth(-in_d / in_n)}" if in_n < 0 else ""
    return f"{signs} The error {falls} (like n^{in_n:.2f} d^{in_d:.2f}){takes}."


def _exponents(found: Table) -> tuple[float, float] | None:
    """Exponents of n and d of the error, by least squares of the logarithms."""
    if len(found.levels("n")) < 2 or len(found.levels("d")) < 2 or (found["mean_error"] <= 0).any():
        return None
    logs = np.column_stack([np.log(found["n"]), np.log(found["d"]), np.ones(len(found))])
    solution = np.linalg.lstsq(logs, np.log(found["mean_error"]), rcond=None)[0]
    return float(solution[0]), float(solution[1])


INITIALIZATION_ERROR = Figure(
    name="zhong2017recovery-1b",
    title="Error of the tensor initialisation over the dimension and the number of samples",
    source="zhong2017recovery, Figure 1(b)",
    claim=(
        "With more samples the initialisation is better, and to keep its error the number of samples must grow about"
        " in proportion to the dimension."
    ),
    config=InitializationErrorConfig,
    smoke=InitializationErrorConfig(dims=(10, 20, 40), samples=(2000, 4000, 8000), trials=3),
    paper=InitializationErrorConfig(
        dims=tuple(range(10, 101, 10)), samples=tuple(range(1000, 10_001, 1000)), trials=10
    ),
    cells=cells,
    run_cell=run_cell,
    columns={
        "d": "inputs",
        "n": "samples",
        "trial": "number of the trial",
        "error": "largest relative error of a unit's weights, under the best matching",
        "wrong_sum": "whether the output weights have another sum than the true ones",
    },
    plot=plot,
    verdict=verdict,
    condense=means,
)
