"""The papers' experiments, redrawn, and new ones: a figure is a grid of cells, a picture of its table, a verdict.

The table of figures imports all that they measure, and is loaded when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

from twolayer.experiments.configuration import SIZES, configuration
from twolayer.experiments.drawing import draw_curves, draw_grid
from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.making import Made, make_figure, status_of
from twolayer.experiments.table import Table, Value

if TYPE_CHECKING:
    from twolayer.experiments.figures import FIGURES, figure_named

__all__ = [
    "FIGURES",
    "SIZES",
    "Cell",
    "Config",
    "Figure",
    "Made",
    "Row",
    "Table",
    "Value",
    "configuration",
    "draw_curves",
    "draw_grid",
    "figure_named",
    "grid",
    "make_figure",
    "status_of",
]


def __getattr__(name: str) -> Any:
    if name in {"FIGURES", "figure_named"}:
        from twolayer.experiments import figures

        return getattr(figures, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
