"""The table of figures: one figure, one file, one line here."""

from twolayer.errors import InputError
from twolayer.experiments.figure import Figure
from twolayer.papers.awasthi2021efficient.figures import BIASES, LARGE_BIASES, WIDTHS
from twolayer.papers.daniely2020hardness.figures import LEARNING, NORMS
from twolayer.papers.e2021hardness.figures import GRADIENT_VARIANCE, PARITY_TRAINING, SINE_LANDSCAPE
from twolayer.papers.mondelli2019connection.figures import GENERALISATION
from twolayer.papers.ours.frontier import FRONTIER
from twolayer.papers.ours.phase_diagram import PHASE_DIAGRAM
from twolayer.papers.ours.wall import WALL
from twolayer.papers.zhong2017recovery.figures import (
    ACTIVATION_PROPERTIES,
    CONVERGENCE,
    INITIALIZATION_ERROR,
    RECOVERY_RATE,
)

__all__ = ["FIGURES", "figure_named"]

FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        RECOVERY_RATE,
        INITIALIZATION_ERROR,
        CONVERGENCE,
        ACTIVATION_PROPERTIES,
        BIASES,
        WIDTHS,
        LARGE_BIASES,
        GENERALISATION,
        PARITY_TRAINING,
        GRADIENT_VARIANCE,
        SINE_LANDSCAPE,
        LEARNING,
        NORMS,
        PHASE_DIAGRAM,
        FRONTIER,
        WALL,
    )
}


def figure_named(name: str) -> Figure:
    """Return the figure of this name, or refuse with the names that there are."""
    if name not in FIGURES:
        raise InputError(f"unknown figure {name!r}; known are {', '.join(FIGURES)}")
    return FIGURES[name]
