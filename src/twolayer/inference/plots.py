"""Pictures of a network on its rows: weights with intervals, units over their projections, residuals, effects."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.errors import InputError
from twolayer.inference.of_results import effect, has_bias, rows_of_fit, weights
from twolayer.inference.parameters import names_of
from twolayer.links import given_link, unlinked
from twolayer.network import TwoLayerNetwork
from twolayer.recover import Result
from twolayer.rows import some_rows
from twolayer.sources import check_samples

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_of_effects", "plot_of_network", "plot_of_result"]

# Okabe and Ito's palette stays apart for every kind of colour vision; markers say the same again.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_POINTS = 1500  # rows that are drawn: more are a cloud
_UNITS, _INPUTS = 6, 16  # that a page shows: those that do most


def plot_of_result(result: Result, X: ArrayLike | None = None, y: ArrayLike | None = None) -> "Figure":
    """The picture of a result, on the rows of its fit or on others.

    Raises
    ------
    InputError
        If the result has no rows and none are given, or they are bad.
    """
    if (X is None) != (y is None):
        raise InputError("a picture needs both X and y, found one of them")
    if X is None or y is None:
        X, y = rows_of_fit(result)
    elif result.link != "identity":
        inputs, labels = check_samples(X, y, may_have_outputs=True)
        y, shown = unlinked(given_link(result.link), np.asarray(labels, np.float64))
        X = inputs[shown]
    rows = [row for row in weights(result) if row.unit is not None]
    errors = {(row.unit, row.name): row.error for row in rows}
    names = names_of(result.inputs, result.network.dim)
    sizes = np.array([[errors[unit, name] for name in names] for unit in range(result.network.width)])
    figure = plot_of_network(
        result.network, X, y, inputs=names, outputs=result.outputs, errors=sizes, has_bias=has_bias(result)
    )
    figure.suptitle(f"{result.status.name}: residual {result.certificate.residual:.2g} of the spread")
    return figure


def plot_of_network(
    network: TwoLayerNetwork,
    X: ArrayLike,
    y: ArrayLike,
    *,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    errors: NDArray[np.float64] | None = None,
    output: int = 0,
    has_bias: bool = True,
) -> "Figure":
    r"""Input weights by name, each unit over its :math:`t = w\cdot x + b` with partial residuals, and what is left.

    Partial residuals are the unit's value plus what the whole network leaves: where they do not follow the curve, the
    activation or the unit is wrong. Of more than six units those are drawn whose values vary most.

    Parameters
    ----------
    network : TwoLayerNetwork
    X, y : arrays, shapes (n, d) and (n,) or (n, q)
    inputs, outputs : sequence of str, optional
    errors : array, shape (m, d), optional
        Standard errors of the input weights; bars are 1.96 of them.
    output : int
        Which of several.
    has_bias : bool
        Whether biases are parameters.
    """
    from matplotlib.figure import Figure

    X, y = check_samples(X, y, may_have_outputs=True)
    one = network.output(output)
    labels = y.reshape(len(y), -1)[:, output]
    left = labels - one(X)
    t = np.asarray(X, np.float64) @ one.W.T + one.b
    values = one.activation(t) * one.a
    shown = np.sort(np.argsort(-values.std(axis=0), kind="stable")[:_UNITS])
    drawn = some_rows(len(X), _POINTS)
    rows = np.arange(len(X)) if drawn is None else drawn
    n_cells = len(shown) + 1
    columns = min(3, n_cells)
    height = -(-n_cells // columns)
    figure = Figure(figsize=(4.0 + 3.2 * columns, max(3.4, 2.9 * height)), layout="constrained")
    grid = figure.add_gridspec(height, columns + 1, width_ratios=[1.3, *[1.0] * columns])
    _draw_weights(figure.add_subplot(grid[:, 0]), one, names_of(inputs, one.dim), errors, shown)
    for place, unit in enumerate(shown):
        axes = figure.add_subplot(grid[place // columns, 1 + place % columns])
        colour = _COLOURS[place % len(_COLOURS)]
        _draw_unit(axes, one, int(unit), t[rows, unit], values[rows, unit] + left[rows], colour)
        axes.set_xlabel("w·x + b" if has_bias else "w·x")
    axes = figure.add_subplot(grid[(n_cells - 1) // columns, 1 + (n_cells - 1) % columns])
    name = names_of(outputs, network.n_outputs, "y")[output]
    _draw_left(axes, one(X)[rows], left[rows], name)
    if len(shown):
        figure.legend(frameon=False, fontsize="small", loc="outside lower left", ncols=min(6, len(shown)))
    return figure


def plot_of_effects(result: Result) -> "Figure":
    """What each input does to the output, all else as it is in the rows: mean value with 1.96 standard errors."""
    from matplotlib.figure import Figure

    X, _ = rows_of_fit(result)
    inputs = names_of(result.inputs, result.network.dim)
    effects = [effect(result, place) for place in range(len(inputs))]
    order = np.argsort([-float(np.ptp(one.mean)) for one in effects], kind="stable")[:_INPUTS]
    columns = min(4, len(order))
    height = -(-len(order) // columns)
    figure = Figure(figsize=(2.9 * columns + 0.6, 2.5 * height + 0.4), layout="constrained")
    cells = np.atleast_1d(figure.subplots(height, columns, sharey=True, squeeze=False)).ravel()
    for axes, place in zip(cells, order, strict=False):
        one = effects[place]
        axes.fill_between(one.at, one.mean - 1.96 * one.error, one.mean + 1.96 * one.error, color="0.85")
        axes.plot(one.at, one.mean, color=_COLOURS[0])
        held = np.asarray(X, np.float64)[:, place]
        drawn = some_rows(len(held), 200)  # ticks of more rows are a bar
        axes.plot(
            held if drawn is None else held[drawn],
            np.full(len(held) if drawn is None else 200, 0.0),
            "|",
            color="0.4",
            markersize=5,
            transform=axes.get_xaxis_transform(),
            clip_on=False,
        )
        axes.set(xlabel=one.name)
        axes.grid(visible=True, color="0.92", linewidth=0.6)
    for axes in cells[len(order) :]:
        axes.set_axis_off()
    figure.supylabel(f"mean of {names_of(result.outputs, result.network.n_outputs, 'y')[0]}")
    return figure


def _draw_weights(
    axes: "Axes", network: TwoLayerNetwork, inputs: tuple[str, ...], errors: Any, shown: NDArray[np.intp]
) -> None:
    """Input weights from top to bottom by name, one colour and marker a unit."""
    title = "Weights" if len(shown) == network.width else f"{len(shown)} of {network.width} units"
    sizes = np.abs(network.W[shown]).max(axis=0, initial=0.0)
    places = np.sort(np.argsort(-sizes, kind="stable")[:_INPUTS])
    heights = np.arange(len(places))
    for k, unit in enumerate(shown):
        offset = (k - (len(shown) - 1) / 2) * 0.7 / max(len(shown), 1)
        bars = None if errors is None else 1.96 * np.nan_to_num(errors[unit, places])
        axes.errorbar(
            network.W[unit, places],
            heights + offset,
            xerr=bars,
            fmt=_MARKERS[k % len(_MARKERS)],
            color=_COLOURS[k % len(_COLOURS)],
            markersize=5,
            capsize=2.5,
            linewidth=1,
            label=f"unit {unit}, a = {network.a[unit]:.3g}",
        )
    axes.axvline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.set_yticks(heights, [_short(inputs[i]) for i in places])
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.set(xlabel="input weight", title=title + (" with 95 % intervals" if errors is not None else ""))
    axes.grid(visible=True, axis="x", color="0.92", linewidth=0.6)


def _draw_unit(
    axes: "Axes", network: TwoLayerNetwork, unit: int, t: NDArray[Any], partial: NDArray[Any], colour: str
) -> None:
    """A unit over its projection, and the partial residuals about it."""
    line = np.linspace(t.min(), t.max(), 200)
    axes.plot(t, partial, ".", color="0.6", markersize=3, zorder=1, rasterized=len(t) > 500)
    axes.plot(line, network.activation(line) * network.a[unit], color=colour, linewidth=1.8, zorder=2)
    axes.set(title=f"Unit {unit}")
    axes.grid(visible=True, color="0.92", linewidth=0.6)


def _draw_left(axes: "Axes", fitted: NDArray[Any], left: NDArray[Any], name: str) -> None:
    """What the network leaves, against its values."""
    axes.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    axes.plot(fitted, left, ".", color=_COLOURS[0], markersize=3, rasterized=len(left) > 500)
    axes.set(xlabel=f"value of the network ({_short(name)})", title="What is left")
    axes.grid(visible=True, color="0.92", linewidth=0.6)


def _short(name: str, most: int = 18) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"
