"""The wall: what becomes of error and time as cubic units grow from as many as inputs to as many as their square."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture
from matplotlib.ticker import LogLocator, NullFormatter, NullLocator
from numpy.typing import NDArray
from scipy.optimize import minimize

from twolayer.align import align
from twolayer.decompose import least_squares
from twolayer.decompose.decomposition import generic_rank
from twolayer.experiments.drawing import draw_curves
from twolayer.experiments.figure import Cell, Config, Figure, Row
from twolayer.experiments.table import Table
from twolayer.network import TwoLayerNetwork
from twolayer.recover import recover
from twolayer.risk import population_risk
from twolayer.symtensor import rank_one_sum
from twolayer.teachers import gaussian_samples, random_units

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["WALL", "WallConfig"]

CUBE = "polynomial(0,0,0,1)"
METHODS = {
    "decomposition": "decomposition of T₃ by least squares",
    "descent": "L-BFGS on the population risk",
    "samples": "recover, from samples",
}
FOUND = 0.01  # the error of a unit, of its weights: a hundredth
EXPLAINED = 1e-10  # the relative risk of a network that labels as the planted one does
_ROUNDING = 1e-16  # of the risk, relative: where a descent need not start again, and where the picture ends

Count = Annotated[int, msgspec.Meta(ge=1, le=10**6)]
Power = Annotated[float, msgspec.Meta(ge=1, le=2)]
Ratio = Annotated[float, msgspec.Meta(gt=1, le=1e4)]


class WallConfig(Config, frozen=True):
    """Inputs d, the powers of d that are widths, and how much work each method may do."""

    dims: Annotated[tuple[Annotated[int, msgspec.Meta(ge=2, le=100)], ...], msgspec.Meta(min_length=1)]
    powers: Annotated[tuple[Power, ...], msgspec.Meta(min_length=1)]
    trials: Count
    starts: Count
    steps: Count
    samples_per_parameter: Ratio
    most_parameters_from_samples: Annotated[int, msgspec.Meta(ge=0, le=10**6)]


def determined(d: int) -> float:
    """Entries of a symmetric tensor of order 3 for each d of them: fewer generic units it determines, more it cannot.

    But for nine units at d = 6, for which it has two answers; as many as this, where that is a whole number, have some.
    """
    return (d + 1) * (d + 2) / 6


def cells(config: WallConfig) -> list[Cell]:
    """Every width by each method that takes it: decomposition refuses more than are determined, samples cost time."""
    work: dict[str, Cell] = {
        "decomposition": {"starts": config.starts},
        "descent": {"starts": config.starts, "steps": config.steps},
        "samples": {"ratio": config.samples_per_parameter},
    }
    found = []
    for d, method in product(config.dims, METHODS):
        most = {"decomposition": generic_rank(d, 3), "samples": config.most_parameters_from_samples / d}.get(
            method, d**2
        )
        widths = sorted({round(d**power) for power in config.powers})
        for width, trial in product(widths, range(config.trials)):
            if width <= most:
                found.append({"method": method, "d": d, "width": width, "trial": trial, **work[method]})
    return found


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:
    """Plant a network, learn it, compare; the time is the processor's, which other work hardly changes."""
    truth = random_units(cell["d"], cell["width"], activation=CUBE, rng=rng)
    began = time.process_time()
    found, is_sure = _LEARNERS[cell["method"]](truth, cell, rng)
    seconds = time.process_time() - began
    errors = align(found, truth).unit_errors
    nothing = TwoLayerNetwork([], np.zeros((0, truth.dim)), activation=truth.activation)
    return [
        {
            "missed": float(np.mean(errors > FOUND)),
            "error": float(errors.max()),
            "risk": population_risk(truth, found).value / population_risk(truth, nothing).value,
            "sure": is_sure,
            "seconds": seconds,
        }
    ]


def _decomposed(truth: TwoLayerNetwork, cell: Cell, rng: np.random.Generator) -> tuple[TwoLayerNetwork, bool]:
    found = least_squares(_third_order(truth), truth.width, max_starts=cell["starts"], rng=rng)
    return TwoLayerNetwork(found.weights, found.factors, activation=truth.activation), found.is_exact


def _descended(truth: TwoLayerNetwork, cell: Cell, rng: np.random.Generator) -> tuple[TwoLayerNetwork, bool]:
    """The best of some descents from random rows; an output weight is the cube of a row's length, with its sign."""
    T, shape = _third_order(truth), truth.W.shape
    energy = risk_and_gradient(np.zeros(shape), T)[0]

    def relative(z: NDArray) -> tuple[float, NDArray]:
        value, gradient = risk_and_gradient(z.reshape(shape), T)
        return value / energy, gradient.ravel() / energy

    # L-BFGS remembers 20 pairs, as in `rivals`; it stops at its steps, not where the loss falls slowly
    options = {"maxcor": 20, "maxiter": cell["steps"], "maxfun": 2 * cell["steps"], "ftol": 0.0, "gtol": 1e-14}
    best, least = np.zeros(shape), np.inf
    for _ in range(cell["starts"]):
        start = rng.standard_normal(shape) / np.sqrt(truth.dim)
        end = minimize(relative, start.ravel(), jac=True, method="L-BFGS-B", options=options)
        if end.fun < least:
            best, least = end.x.reshape(shape), end.fun
        if least <= _ROUNDING:
            break
    return TwoLayerNetwork(np.ones(len(best)), best, activation=truth.activation), False


def _recovered(truth: TwoLayerNetwork, cell: Cell, rng: np.random.Generator) -> tuple[TwoLayerNetwork, bool]:
    X, y = gaussian_samples(truth, math.ceil(cell["ratio"] * truth.W.size), rng)
    found = recover(X, y, truth.width, truth.activation, rng=rng)
    return found.network, found.is_certified


_LEARNERS: dict[str, Callable[[TwoLayerNetwork, Cell, np.random.Generator], tuple[TwoLayerNetwork, bool]]] = {
    "decomposition": _decomposed,
    "descent": _descended,
    "samples": _recovered,
}


def _third_order(network: TwoLayerNetwork) -> NDArray[np.float64]:
    return rank_one_sum(network.a, network.W, 3)


def risk_and_gradient(V: NDArray[np.float64], T: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    r"""Population risk of :math:`\sum_i (v_i\cdot x)^3` against the network of tensor T, and its gradient in V.

    With :math:`D = \sum_i v_i^{\otimes 3} - T` the difference of the networks is :math:`\langle D, x^{\otimes 3}\rangle
    = \langle D, He_3(x)\rangle + 3\,t\cdot x`, t the trace of D, so that its mean square is :math:`6\|D\|_F^2 +
    9\|t\|^2`: nothing but T is to be learned, and nothing but T is needed.
    """
    d = V.shape[1]
    squares = (V[:, :, None] * V[:, None, :]).reshape(len(V), -1)
    D = (squares.T @ V).reshape(d, d, d) - T
    t = np.trace(D)
    lengths = np.einsum("ia,ia->i", V, V)
    gradient = 36 * squares @ D.reshape(-1, d) + 18 * np.outer(lengths, t) + 36 * V * (V @ t)[:, None]
    return float(6 * np.vdot(D, D) + 9 * t @ t), gradient


def rates(table: Table) -> Table:
    """One row a method and size: means and medians over the trials."""
    return table.condensed(
        ["d", "method", "width"],
        trials=("trial", len),
        missed=("missed", np.mean),
        error=("error", np.median),
        risk=("risk", np.median),
        seconds=("seconds", np.median),
    )


MEASURES = {
    "missed": "share of units not found",
    "risk": "population risk / mean of y²",
    "seconds": "seconds of processor time",
}
LIMITS: dict[str, tuple[Callable[[int], float], str]] = {
    "r = (d+1)(d+2)/6: entries of T₃ / d": (determined, "--"),
    "r = d^(3/2)": (lambda d: d**1.5, ":"),
}


def plot(table: Table) -> Picture:
    """A column of panels for each d: units not found, risk and time against the width."""
    dims = table.levels("d")
    picture = Picture(figsize=(0.9 + 3.5 * len(dims), 8.6), layout="constrained")
    panels = picture.subplots(len(MEASURES), len(dims), squeeze=False, sharex="col", sharey="row")
    for place, d in enumerate(dims):
        of_d = table.where(d=d)
        drawn = Table({**{name: of_d[name] for name in of_d.columns}, "risk": np.maximum(of_d["risk"], _ROUNDING)})
        for axes, (measure, label) in zip(panels[:, place], MEASURES.items(), strict=True):
            draw_curves(axes, drawn, "width", measure, "method", METHODS)
            axes.get_legend().remove()
            _mark_limits(axes, d)
            axes.set(xscale="log", yscale="linear" if measure == "missed" else "log", xlim=(0.93 * d, 1.07 * d**2))
            if place == 0:
                axes.set_ylabel(label)
        marks = [d, round(d**1.5), d**2]
        panels[-1, place].set_xticks(marks, [f"{r}" for r in marks])
        panels[-1, place].xaxis.set_minor_formatter(NullFormatter())
        panels[-1, place].set_xlabel("units r, from d to d²")
        panels[0, place].set_title(f"d = {d}")
    of_time = panels[-1, 0].yaxis  # which may be of less than a decade
    of_time.set_major_locator(LogLocator(subs=(1, 2, 5)))
    of_time.set_major_formatter("{x:g}")
    of_time.set_minor_locator(NullLocator())
    handles = {label: handle for axes in panels.flat for handle, label in zip(*axes.get_legend_handles_labels())}  # noqa: B905
    picture.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=min(3, 2 * len(dims) - 1), frameon=False
    )
    return picture


def _mark_limits(axes: "Axes", d: int) -> None:
    for name, (limit, dashes) in LIMITS.items():
        axes.axvline(limit(d), color="0.35", linestyle=dashes, linewidth=1.2, label=name)


def widest(table: Table) -> int:
    """The most units of which all are found in half of the trials at least; 0 if there are none."""
    shares = table.condensed(["width"], whole=("missed", lambda missed: np.mean(missed == 0)))
    return int(shares["width"][shares["whole"] >= 0.5].max(initial=0))


def verdict(table: Table) -> str:
    """How far each method goes at each d, how that grows, beside both limits; and who explains all and finds less."""
    reached = {
        (d, method): widest(table.where(d=d, method=method))
        for d in table.levels("d")
        for method in METHODS
        if len(table.where(d=d, method=method))
    }
    said = [_reach(table.where(d=d), d, reached) for d in table.levels("d")]
    return " ".join(
        text for text in (*said, _growth(reached), _beside_theory(reached), _unlearned(table), _slowest(table)) if text
    )


def _reach(table: Table, d: int, reached: dict[tuple[int, str], int]) -> str:
    told = []
    for method in METHODS:
        if (d, method) in reached:
            most, tried = reached[d, method], int(table.where(method=method)["width"].max())
            told.append(f"{most} ({method}{', the widest tried' if most == tried else ''})")
    return (
        f"d = {d}: all units are found in half of the trials up to r = {', '.join(told)}; T₃ determines fewer than"
        f" {determined(d):.4g}, and d^(3/2) is {d**1.5:.4g}."
    )


def _growth(reached: dict[tuple[int, str], int]) -> str:
    """Exponents of d, for the methods that were tried to their end."""
    dims = sorted({d for d, _ in reached})
    if len(dims) < 2:
        return ""
    told = []
    for method in ("decomposition", "descent"):
        most = {d: reached[d, method] for d in dims if reached.get((d, method))}
        if len(most) == len(dims):
            told.append(f"d^{_power(most):.2f} ({method})")
    count = f"what T₃ determines as d^{_power({d: determined(d) for d in dims}):.2f}"
    return f"From d = {dims[0]} to {dims[-1]} that grows as {' and '.join(told)}, {count}." if told else ""


def _power(values: Mapping[int, float]) -> float:
    """Slope of the logarithm of values in that of d."""
    return float(np.polyfit(np.log(list(values)), np.log(list(values.values())), 1)[0])


def _beside_theory(reached: dict[tuple[int, str], int]) -> str:
    """Whether anything is found beyond d^(3/2), and whether anything could be."""
    dims = sorted({d for d, _ in reached})
    best = {d: max(most for (own, _), most in reached.items() if own == d) for d in dims}
    beyond, open_dims = [d for d in dims if best[d] > d**1.5], [d for d in dims if determined(d) > d**1.5 + 1]
    if beyond:
        return f"At d = {_listed(beyond)} all is found beyond d^(3/2), where that is not expected as d grows."
    if open_dims:
        return f"At d = {_listed(open_dims)} more than d^(3/2) could be determined, and are not found: as expected."
    share = min(best[d] / determined(d) for d in dims)
    said = (
        f"At such d T₃ ceases to determine the units before d^(3/2), and the best method comes to {share:.0%} of that"
    )
    # half a chance
    if share < 0.5:
        return f"{said} where it comes least far: it ends well before either limit."
    return f"{said} or more: this wall is that of the count, and says nothing for or against d^(3/2)."


def _unlearned(table: Table) -> str:
    """Networks that generalise and are not the planted one, and those of them that a method is sure of."""
    is_other = (table["risk"] <= EXPLAINED) & (table["missed"] > 0)
    if not is_other.any():
        return f"A relative risk of at most {EXPLAINED:g} comes with all units found, always."
    nothing = np.sum(is_other & (table["missed"] == 1))
    below = np.sum(is_other & (table["width"] < [determined(d) for d in table["d"].tolist()]))
    mistaken = zip(*(table[name][is_other & table["sure"]] for name in ("method", "d", "width")), strict=True)
    sure = dict.fromkeys(f"{method} at d = {d}, r = {width}" for method, d, width in mistaken)
    return (
        f"{np.sum(is_other)} of {len(table)} networks have a relative risk of at most {EXPLAINED:g} and are not the"
        f" planted one, {nothing} without a single unit of it: they generalise, and the weights are not learned. Of"
        f" these {below} have fewer units than T₃ determines, and a method is sure of {', '.join(sure) or 'none'}."
    )


def _slowest(table: Table) -> str:
    """Where each method takes longest, at the largest d."""
    d, told = max(table.levels("d")), []
    for method in METHODS:
        rows = rates(table.where(d=d, method=method))
        if len(rows):
            place, times = int(rows["seconds"].argmax()), rows["seconds"] / rows["seconds"][0]
            first, slowest = rows["width"][0], rows["width"][place]
            told.append(f"{method} at r = {slowest} ({times[place]:.3g} times as long as at r = {first})")
    return f"Of processor time at d = {d} the most is taken by {', by '.join(told)}."


def _listed(dims: Iterable[int]) -> str:
    return ", ".join(map(str, dims))


WALL = Figure(
    name="wall",
    title="Cubic units, from as many as inputs to as many as their square",
    source="twolayer, on Theorem 1 of mondelli2019connection",
    claim=(
        "No paper has this figure; the tensor T₃ is all that can be learned of cubic units, it is decomposed up to some"
        " d^(3/2) of them in polynomial time, more is not expected as d grows, and from r = (d+1)(d+2)/6 on it does not"
        " determine them."
    ),
    config=WallConfig,
    smoke=WallConfig(
        dims=(8, 9),
        powers=(1.0, 1.2, 1.3, 1.4, 1.6, 2.0),
        trials=1,
        starts=3,
        steps=1000,
        samples_per_parameter=4.0,
        most_parameters_from_samples=100,
    ),
    paper=WallConfig(
        dims=(10, 12, 15),
        powers=(1.0, 1.1, 1.15, 1.2, 1.25, 1.3, 1.35, 1.4, 1.45, 1.5, 1.6, 1.8, 2.0),
        trials=2,
        starts=3,
        steps=3000,
        samples_per_parameter=4.0,
        most_parameters_from_samples=560,
    ),
    cells=cells,
    run_cell=run_cell,
    columns={
        "method": "decomposition of the exact T₃, descent on the exact risk, or recovery from samples",
        "d": "inputs",
        "width": "units, the r",
        "trial": "number of the trial",
        "missed": f"share of units whose weights are not found to {FOUND:g}",
        "error": "largest relative error of a unit's weights, output weight and all; infinite if units are missing",
        "risk": "population risk over the mean square of the planted network",
        "sure": "whether the method says that these are the units, and no others nearby",
        "seconds": "of processor time, which differ from run to run",
    },
    plot=plot,
    verdict=verdict,
    condense=rates,
    paired=("method", "starts", "steps", "ratio"),
)
