"""Drawings that figures share: a grid of shades, and curves with their spread."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from twolayer.experiments.table import Table
from twolayer.pictures import COLOURS, DASHES, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

__all__ = ["draw_curves", "draw_grid"]


def draw_grid(axes: "Axes", table: Table, x: str, y: str, value: str, **style: Any) -> "QuadMesh":
    """Draw one shade for each pair of values of two columns, at even distances; pairs without a row stay sand-coloured.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    table : Table
        One row a pair.
    x, y, value : str
        Columns.
    **style
        Of ``pcolormesh``, such as vmin, vmax and cmap.

    Returns
    -------
    matplotlib.collections.QuadMesh
        For a colour bar.
    """
    columns, rows = table.levels(x), table.levels(y)
    shades = np.full((len(rows), len(columns)), np.nan)
    for row in table.rows():
        shades[rows.index(row[y]), columns.index(row[x])] = row[value]
    # a pale sand, which no value of the colour scale has: no data is not zero
    axes.set_facecolor("#f6e6c8")
    drawn = axes.pcolormesh(shades, edgecolors="0.6", linewidth=0.4, **style)
    axes.set_xticks(np.arange(len(columns)) + 0.5, [f"{level:g}" for level in columns])
    axes.set_yticks(np.arange(len(rows)) + 0.5, [f"{level:g}" for level in rows])
    return drawn


def draw_curves(
    axes: "Axes",
    table: Table,
    x: str,
    y: str,
    by: str,
    labels: Mapping[Any, str],
    middle: Callable[[Any], Any] = np.median,
) -> None:
    """Draw one curve for each value of a column, in its own colour, dashes and marker, with the quartiles as a band.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
    table : Table
        Many rows a point: the trials.
    x, y, by : str
        Columns.
    labels : mapping
        Value of `by` → what the legend calls it; its place here chooses colour, dashes and marker.
    middle : callable
        Of the trials of a point.
    """
    for place, (level, label) in enumerate(labels.items()):
        rows = table.where(**{by: level})
        if not len(rows):
            continue
        points = rows.levels(x)
        trials = [rows.where(**{x: point})[y] for point in points]
        colour = COLOURS[place % len(COLOURS)]
        axes.plot(
            points,
            [middle(values) for values in trials],
            color=colour,
            linestyle=DASHES[place % len(DASHES)],
            marker=MARKERS[place % len(MARKERS)] if len(points) < 50 else None,
            markersize=5,
            label=label,
        )
        # the middle half of the trials
        low, high = np.array([np.quantile(values, (0.25, 0.75), method="nearest") for values in trials]).T
        axes.fill_between(points, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.grid(visible=True, color="0.9", linewidth=0.6)
    axes.legend(frameon=False, fontsize="small")
