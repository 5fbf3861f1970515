r"""Units of large \|b\| are a line or nothing where the inputs are, and cost no more than that: m + 2 units do."""

from typing import Annotated

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture
from numpy.typing import NDArray

from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.network import TwoLayerNetwork
from twolayer.papers.awasthi2021efficient.algorithm import recover_awasthi2021
from twolayer.papers.awasthi2021efficient.theory import split_by_bias
from twolayer.pictures import COLOURS, DASHES, MARKERS
from twolayer.recover import recover
from twolayer.risk import constant_predictor, population_risk
from twolayer.teachers import gaussian_samples, orthogonal

__all__ = ["LARGE_BIASES", "LargeBiasesConfig"]

METHODS = {
    "affine": "the large units exactly as lines",
    "awasthi2021efficient": "the paper's algorithm",
    "auto": "the default of this library",
}
_MODERATE = 1.5  # the bias up to which a unit counts as moderate; those of the figure are larger

Size = Annotated[int, msgspec.Meta(ge=1, le=10**7)]
Bias = Annotated[float, msgspec.Meta(gt=_MODERATE, le=20)]


class LargeBiasesConfig(Config, frozen=True):
    """The biases of the two large units, the others, and the samples."""

    biases: Annotated[tuple[Bias, ...], msgspec.Meta(min_length=1)]
    n: Size
    trials: Size
    d: Annotated[int, msgspec.Meta(ge=3, le=30)] = 8
    width: Annotated[int, msgspec.Meta(ge=3, le=30)] = 5

    def __post_init__(self) -> None:
        """Refuse more units than can be orthonormal, and fewer samples than the tensors take."""
        if self.width > self.d:
            raise ValueError(f"width must be at most d = {self.d}, found {self.width}")
        if self.n < (self.d + 1) * (self.d + 2):
            raise ValueError(f"n must be at least {(self.d + 1) * (self.d + 2)} for d = {self.d}, found {self.n}")


def cells(config: LargeBiasesConfig) -> list[Cell]:
    """One network and sample each, for all methods."""
    trials = range(config.trials)
    return grid(bias=config.biases, trial=trials, n=[config.n], d=[config.d], width=[config.width])


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Plant a network with a unit of bias B and one of -B, learn it, and compute the risks exactly."""
    plain = orthogonal(cell["d"], cell["width"], "relu", rng)
    b = np.concatenate([[cell["bias"], -cell["bias"]], rng.uniform(-1.0, 1.0, plain.width - 2)])
    truth = TwoLayerNetwork(plain.a, plain.W, b, "relu")
    X, y = gaussian_samples(truth, cell["n"], rng)
    found = recover(X, y, truth.width, "relu", bias=True, rng=rng)
    networks = {
        "affine": split_by_bias(truth, _MODERATE).network,
        "awasthi2021efficient": recover_awasthi2021(X, y, truth.width, rng=rng)[0],
        "auto": found.network,
    }
    variance = constant_predictor(truth).risk.value
    return [
        {
            "method": method,
            "error": population_risk(network, truth).value / variance,
            "units": network.width,
            "certified": method == "auto" and found.is_certified,
        }
        for method, network in networks.items()
    ]


def plot(table: Table) -> Picture:
    """Risks against B, a curve a method."""
    floor = 1e-16  # risks that are zero to rounding are drawn there
    picture = Picture(figsize=(6.8, 4.4), layout="constrained")
    axes = picture.subplots()
    for place, (method, label) in enumerate(METHODS.items()):
        curve = table.where(method=method).condensed(["bias"], middle=("error", np.median))
        axes.plot(
            curve["bias"], np.maximum(curve["middle"], floor), label=label, color=COLOURS[place],
            linestyle=DASHES[place], marker=MARKERS[place], markersize=5,
        )  # fmt: skip
    axes.set(
        xlabel="bias B of the two large units, B and −B",
        ylabel=f"risk / variance of y, at least {floor:g}",
        yscale="log",
        title="What units of large bias cost",
    )
    axes.grid(visible=True, color="0.9", linewidth=0.6)
    picture.legend(loc="outside lower center", ncols=2, frameon=False)
    return picture


def middles(table: Table) -> Table:
    """One row a method and B: the median risk, and the share certified."""
    statistics = {"error": ("error", np.median), "units": ("units", np.max), "certified": ("certified", np.mean)}
    return table.condensed(["method", "bias"], **statistics)


def verdict(table: Table) -> str:
    """How the paper's algorithm fares as B grows, and the default."""
    largest = float(table["bias"].max())
    found = middles(table)
    faithful, default = (found.where(method=method) for method in ("awasthi2021efficient", "auto"))
    at_largest = float(faithful.where(bias=largest)["error"][0])
    worst = float(faithful["error"].max())
    most, allowed = int(faithful["units"].max()), int(table["width"].max()) + 2
    shares = default["certified"][np.argsort(default["bias"])]
    return (
        f"The paper's algorithm leaves {at_largest:.1g} of the variance at B = {largest:g}, and {worst:.1g} at worst,"
        f" with up to {most} units, {'within' if most <= allowed else 'above'} the m + 2 = {allowed} of Claim D.14. The"
        f" default leaves between {float(default['error'].min()):.1g} and {float(default['error'].max()):.1g}, and"
        f" certifies {shares.mean():.0%} of the networks{_fall(shares, float(default['bias'].min()), largest)}."
    )


def _fall(shares: NDArray[np.float64], least: float, largest: float) -> str:
    """What a share of certified networks that falls as B grows is put down to."""
    if shares[-1] >= shares[0]:
        return ""
    return (
        f", {shares[0]:.0%} at B = {least:g} and {shares[-1]:.0%} at B = {largest:g}: a unit that is bent where no"
        " input is cannot be known"
    )


LARGE_BIASES = Figure(
    name="awasthi2021efficient-large-biases",
    title="Units of large bias",
    source="awasthi2021efficient, section 5 and Claim D.14; the paper has no figure",
    claim="Units of large |b| may be left to an affine part, which two more ReLU units write: m + 2 in all.",
    config=LargeBiasesConfig,
    smoke=LargeBiasesConfig(biases=(2.0, 4.0, 6.0), n=8000, trials=1),
    paper=LargeBiasesConfig(biases=(1.75, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0), n=100_000, trials=10),
    cells=cells,
    run_cell=run_cell,
    columns={
        "method": "who learns",
        "bias": "the B of the two large units",
        "n": "samples",
        "d": "inputs",
        "width": "units planted",
        "trial": "number of the trial",
        "error": "risk over the variance of y, exact",
        "units": "units of the network found",
        "certified": "whether the default says that this is the network",
    },
    plot=plot,
    verdict=verdict,
    condense=middles,
)
