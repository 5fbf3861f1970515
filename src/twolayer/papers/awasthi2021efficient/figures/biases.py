r"""Errors of a, b and w over \|b\|: where one tensor is blind the other sees, and both together are never blind."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray

from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.network import TwoLayerNetwork
from twolayer.papers.awasthi2021efficient.algorithm import merged, rank_one_terms, recover_scalars, sample_tensors
from twolayer.pictures import COLOURS, DASHES, MARKERS
from twolayer.recover import recover
from twolayer.teachers import gaussian_samples, orthogonal

__all__ = ["BIASES", "BiasesConfig"]

METHODS = {
    "order 3": "tensor of order 3 alone",
    "order 4": "tensor of order 4 alone",
    "both": "both orders, the paper's method",
    "auto": "the default of this library",
}
ERRORS = {"w_error": "direction w", "a_error": "output weight a", "b_error": "bias b"}
BLIND = {"order 3": 0.0, "order 4": 1.0}
_LEAST, _MOST = 1e-4, 2.0  # of the axis; what is below or above is drawn at its edge

Size = Annotated[int, msgspec.Meta(ge=1, le=10**8)]
Sizes = Annotated[tuple[Size, ...], msgspec.Meta(min_length=1)]
Bias = Annotated[float, msgspec.Meta(ge=0, le=10)]


class BiasesConfig(Config, frozen=True):
    """The biases, all units of a network having the same up to signs, and the samples."""

    biases: Annotated[tuple[Bias, ...], msgspec.Meta(min_length=1)]
    samples: Sizes
    trials: Size
    d: Annotated[int, msgspec.Meta(ge=2, le=30)] = 10
    width: Annotated[int, msgspec.Meta(ge=1, le=30)] = 4

    def __post_init__(self) -> None:
        """Refuse more units than can be orthonormal, and samples that are too few for the tensors."""
        if self.width > self.d:
            raise ValueError(f"width must be at most d = {self.d}, found {self.width}")
        least = (self.d + 1) * (self.d + 2)
        if min(self.samples) < least:
            raise ValueError(f"samples must be at least {least} for d = {self.d}, found {min(self.samples)}")


def cells(config: BiasesConfig) -> list[Cell]:
    """One network and sample each, for all methods."""
    trials = range(config.trials)
    return grid(n=config.samples, bias=config.biases, trial=trials, d=[config.d], width=[config.width])


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Estimate the units from each tensor, from both, and by the default; medians of the errors over the units."""
    plain = orthogonal(cell["d"], cell["width"], "relu", rng)
    signs = rng.choice([-1.0, 1.0], plain.width)
    truth = TwoLayerNetwork(plain.a, plain.W, cell["bias"] * signs, "relu")
    X, y = gaussian_samples(truth, cell["n"], rng)
    return [{"method": method, **unit_errors(truth, *units)} for method, units in _estimates(X, y, truth.width, rng)]


def _estimates(
    X: NDArray, y: NDArray, width: int, rng: np.random.Generator
) -> Iterator[tuple[str, tuple[NDArray, NDArray, NDArray]]]:
    """Output weights, unit directions and biases, method by method; directions and biases up to a common sign."""
    tensors = sample_tensors(X, y, 1)
    # as in the algorithm: a tenth above the noise that is estimated
    terms = {
        f"order {order}": rank_one_terms(
            tensors.packed[order], X.shape[1], order, 1, 1.1 * tensors.noise[order], most=width,
            diagonalisation="joint", rng=rng,
        )
        for order in (3, 4)
    }  # fmt: skip
    directions = {name: found.directions for name, found in terms.items()}
    directions["both"] = merged(list(terms.values()))[:width]
    for name, W in directions.items():
        a, b, _ = recover_scalars(W, 1, tensors.packed) if len(W) else (np.zeros(0), np.zeros(0), None)
        yield name, (a, W, b)
    network = recover(X, y, width, "relu", bias=True, rng=rng).network
    lengths = np.linalg.norm(network.W, axis=1)
    yield "auto", (network.a * lengths, network.W / lengths[:, None], network.b / lengths)


def unit_errors(truth: TwoLayerNetwork, a: NDArray, W: NDArray, b: NDArray) -> dict[str, float]:
    """Medians over the true units of the errors of the nearest unit found, which may be turned round.

    Where nothing is found, it counts as orthogonal, of no output weight and of infinite bias.
    """
    if not len(W):
        # a direction drawn at random is √2 away, whatever the units
        return {"w_error": float(np.sqrt(2)), "a_error": float(np.median(np.abs(truth.a))), "b_error": float("inf")}
    overlaps = truth.W @ W.T
    nearest = np.argmax(np.abs(overlaps), axis=1)
    turns = np.where(np.take_along_axis(overlaps, nearest[:, None], axis=1)[:, 0] < 0, -1.0, 1.0)
    errors = {
        "w_error": np.linalg.norm(truth.W - turns[:, None] * W[nearest], axis=1),
        "a_error": np.abs(truth.a - a[nearest]),
        "b_error": np.abs(truth.b - turns * b[nearest]),
    }
    return {name: float(np.median(np.where(np.isnan(values), np.inf, values))) for name, values in errors.items()}


def plot(table: Table) -> Picture:
    r"""Errors of w, a and b against \|b\|, a column a number of samples, a curve a method; the roots as lines."""
    samples = table.levels("n")
    picture = Picture(figsize=(1.0 + 4.2 * len(samples), 9.0), layout="constrained")
    panels = picture.subplots(len(ERRORS), len(samples), squeeze=False, sharex=True, sharey=True)
    for row, (error, name) in zip(panels, ERRORS.items(), strict=True):
        for axes, n in zip(row, samples, strict=True):
            for place, (method, label) in enumerate(METHODS.items()):
                curve = table.where(n=n, method=method).condensed(["bias"], middle=(error, np.median))
                axes.plot(
                    curve["bias"], np.clip(curve["middle"], _LEAST, _MOST), label=label, color=COLOURS[place],
                    linestyle=DASHES[place], marker=MARKERS[place], markersize=9 if method in BLIND else 5,
                    markerfacecolor="none" if method in BLIND else None, clip_on=False,
                )  # fmt: skip
            for place, (method, root) in enumerate(BLIND.items()):
                axes.axvline(
                    root, color=COLOURS[place], linestyle=DASHES[place], linewidth=3, alpha=0.3, zorder=0,
                    label=f"{method} is blind",
                )  # fmt: skip
            axes.set(yscale="log", ylim=(_LEAST, _MOST), title=f"{name[0].upper()}{name[1:]}, n = {n}")
            axes.set(xlabel="bias |b| of the units", ylabel=f"error, at least {_LEAST:g}")
            axes.grid(visible=True, color="0.9", linewidth=0.6)
    drawn, columns = panels[0, 0].get_legend_handles_labels(), 3 if len(samples) > 1 else 1
    picture.legend(*drawn, loc="outside lower center", ncols=columns, frameon=False)
    return picture


def middles(table: Table) -> Table:
    """One row a method, n and bias: median errors over the trials."""
    return table.condensed(["method", "n", "bias"], **{error: (error, np.median) for error in ERRORS})


def verdict(table: Table) -> str:
    """What the largest sample shows at the roots, at worst up to bias 2, and what the default leaves."""
    found = middles(table.where(n=int(table["n"].max())))
    said, agrees = [], True
    for method, root in BLIND.items():
        at_root = found.where(bias=root)
        if not len(at_root):
            continue
        alone, both = (float(at_root.where(method=name)["w_error"][0]) for name in (method, "both"))
        agrees &= alone > 3 * both
        said.append(
            f"at |b| = {root:g} the tensor of {method} alone misses the directions by {alone:.2g}, both orders by"
            f" {both:.2g}"
        )
    agreement = "as Lemma 4.3 says" if agrees else "not as Lemma 4.3 leads one to expect"
    roots = f"; {'; '.join(said)}, {agreement}" if said else ""
    return f"With {found['n'].max()} samples{roots}. {_worst(found)}".replace("samples; at", "samples, at")


def _worst(found: Table) -> str:
    """What the paper's method and the default leave up to the largest bias that is at most 2."""
    within = found["bias"][found["bias"] <= 2]
    if not len(within):
        return "No |b| of at most 2 is here."
    worst = {name: (own := found.where(method=name))["w_error"][own["bias"] <= 2].max() for name in ("both", "auto")}
    return (
        f"Up to |b| = {within.max():g} the paper's method misses the directions by at most {worst['both']:.2g}, the"
        f" default of this library by at most {worst['auto']:.1g}."
    )


BIASES = Figure(
    name="awasthi2021efficient-biases",
    title="Errors of units over their bias, from one tensor and from two",
    source="awasthi2021efficient, Lemma 4.3 and Algorithm 1; the paper has no figure",
    claim=(
        "The Hermite coefficient of order 3 vanishes at b = 0 and that of order 4 at |b| = 1, where each is blind; of"
        " two consecutive orders one always sees the unit."
    ),
    config=BiasesConfig,
    smoke=BiasesConfig(biases=(0.0, 0.5, 1.0, 2.0), samples=(2000, 10_000), trials=1, d=6, width=3),
    paper=BiasesConfig(
        biases=(0.0, 0.125, 0.25, 0.5, 0.75, 0.875, 1.0, 1.125, 1.25, 1.5, 2.0, 2.5, 3.0),
        samples=(10_000, 100_000, 1_000_000),
        trials=5,
    ),
    cells=cells,
    run_cell=run_cell,
    columns={
        "method": "which tensors, or the default",
        "n": "samples",
        "bias": "|b| of all units",
        "d": "inputs",
        "width": "units",
        "trial": "number of the trial",
        "w_error": "distance of the directions up to sign, median over the units; √2 where nothing is found",
        "a_error": "error of the output weights, of size 1",
        "b_error": "error of the biases",
    },
    plot=plot,
    verdict=verdict,
    condense=middles,
)
