"""The engine of experiments: a figure is a grid of cells, a picture of its table, and a verdict. It knows no figure."""

from twolayer.experiments.configuration import SIZES, configuration
from twolayer.experiments.drawing import draw_curves, draw_grid
from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.making import Made, make_figure, status_of
from twolayer.experiments.table import Table, Value

__all__ = [
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
    "grid",
    "make_figure",
    "status_of",
]
