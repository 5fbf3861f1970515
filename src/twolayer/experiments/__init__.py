"""The papers' experiments, redrawn, and new ones: a figure is a grid of cells, a picture of its table, a verdict."""

from twolayer.experiments.drawing import draw_curves, draw_grid
from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.figures import FIGURES, figure_named
from twolayer.experiments.table import Table, Value

__all__ = [
    "FIGURES",
    "Cell",
    "Config",
    "Figure",
    "Row",
    "Table",
    "Value",
    "draw_curves",
    "draw_grid",
    "figure_named",
    "grid",
]
