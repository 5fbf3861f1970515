"""The table of figures: one figure, one file, one line here."""

from typing import TYPE_CHECKING

from twolayer.entry import Entry, table
from twolayer.errors import InputError

if TYPE_CHECKING:
    from twolayer.experiments import Figure

__all__ = ["FIGURES", "figure_named"]

# What does the work is a `Figure`, imported when it is asked for: they need all of the library, and are listed often.
FIGURES: dict[str, Entry] = table(
    Entry(
        "zhong2017recovery-1a",
        "twolayer.papers.zhong2017recovery.figures.recovery_rate:RECOVERY_RATE",
        "Recovery rate over the dimension and the number of samples (zhong2017recovery, Figure 1(a))",
    ),
    Entry(
        "zhong2017recovery-1b",
        "twolayer.papers.zhong2017recovery.figures.initialization_error:INITIALIZATION_ERROR",
        "Error of the tensor initialisation over the dimension and the number of samples"
        " (zhong2017recovery, Figure 1(b))",
    ),
    Entry(
        "zhong2017recovery-1c",
        "twolayer.papers.zhong2017recovery.figures.convergence:CONVERGENCE",
        "Convergence of gradient descent from three initialisations (zhong2017recovery, Figure 1(c))",
    ),
    Entry(
        "zhong2017recovery-theorem-3-5",
        "twolayer.papers.zhong2017recovery.figures.activations:ACTIVATION_PROPERTIES",
        "Which activations have Properties 3.1 to 3.3 (zhong2017recovery, Theorem 3.5)",
    ),
    Entry(
        "awasthi2021efficient-biases",
        "twolayer.papers.awasthi2021efficient.figures.biases:BIASES",
        "Errors of units over their bias, from one tensor and from two"
        " (awasthi2021efficient, Lemma 4.3 and Algorithm 1; the paper has no figure)",
    ),
    Entry(
        "awasthi2021efficient-widths",
        "twolayer.papers.awasthi2021efficient.figures.widths:WIDTHS",
        "Learning ReLU networks with biases, through as many units as inputs"
        " (awasthi2021efficient, Theorems 3.1 and 3.2; the paper has no figure)",
    ),
    Entry(
        "awasthi2021efficient-large-biases",
        "twolayer.papers.awasthi2021efficient.figures.large_biases:LARGE_BIASES",
        "Units of large bias (awasthi2021efficient, section 5 and Claim D.14; the paper has no figure)",
    ),
    Entry(
        "mondelli2019connection-1",
        "twolayer.papers.mondelli2019connection.figures.generalisation:GENERALISATION",
        "Stochastic gradient descent on more and more units (mondelli2019connection, Figure 1)",
    ),
    Entry(
        "e2021hardness-1",
        "twolayer.papers.e2021hardness.figures.parity:PARITY_TRAINING",
        "Online gradient descent on parities (e2021hardness, Figure 1)",
    ),
    Entry(
        "e2021hardness-gradients",
        "twolayer.papers.e2021hardness.figures.gradient_variance:GRADIENT_VARIANCE",
        "The gradient's variance over all parities, and its bound (e2021hardness, Theorem 5)",
    ),
    Entry(
        "e2021hardness-sine",
        "twolayer.papers.e2021hardness.figures.sine:SINE_LANDSCAPE",
        'The landscape of a sine neuron (e2021hardness, "An illustration of the landscape of sine neuron")',
    ),
    Entry(
        "daniely2020hardness-learning",
        "twolayer.papers.daniely2020hardness.figures.learning:LEARNING",
        "Learners on planted samples and on an easy twin"
        " (daniely2020hardness, Theorems 3.1 and 3.4; the paper has no figure)",
    ),
    Entry(
        "daniely2020hardness-norms",
        "twolayer.papers.daniely2020hardness.figures.norms:NORMS",
        "Longest inputs of the random networks, over the bounds of the theorems"
        " (daniely2020hardness, Theorems 3.1 to 3.6; the paper has no figure)",
    ),
    Entry(
        "phase-diagram",
        "twolayer.papers.ours.phase_diagram:PHASE_DIAGRAM",
        "Who recovers a ReLU network, over rows per parameter and width (twolayer)",
    ),
    Entry(
        "frontier",
        "twolayer.papers.ours.frontier:FRONTIER",
        "The widest ReLU network recovered, by the number of samples (twolayer)",
    ),
    Entry(
        "outputs",
        "twolayer.papers.ours.outputs:OUTPUTS",
        "Several outputs: directions from moments, and recovery, by the number of outputs (twolayer)",
    ),
    Entry(
        "wall",
        "twolayer.papers.ours.wall:WALL",
        "Cubic units, from as many as inputs to as many as their square"
        " (twolayer, on Theorem 1 of mondelli2019connection)",
    ),
)


def figure_named(name: str) -> "Figure":
    """Return the figure of this name, or refuse with the names that there are."""
    if name not in FIGURES:
        raise InputError(f"unknown figure {name!r}; known are {', '.join(FIGURES)}")
    figure: Figure = FIGURES[name].function  # type: ignore[assignment]
    return figure
