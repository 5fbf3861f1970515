"""Figures: drawn from results, without a display and without global state."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from twolayer.extract.auditing import Audit
    from twolayer.network import TwoLayerNetwork

__all__ = [
    "COLOURS",
    "DASHES",
    "MARKERS",
    "audit_picture",
    "draw_losses",
    "draw_taken",
    "draw_weights",
    "recovery_picture",
]

# Okabe and Ito's palette stays apart for every kind of colour vision; markers and dashes say the same again.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":")


def recovery_picture(truth: "TwoLayerNetwork", recovered: "TwoLayerNetwork", losses: Mapping[str, ArrayLike]) -> Figure:
    """Return the picture of a recovery: weights against the truth on the left, losses against steps on the right.

    Parameters
    ----------
    truth, recovered : TwoLayerNetwork
        The planted network and the recovered one, its units matched to the truth's.
    losses : mapping
        Label → loss after each step.
    """
    figure = Figure(figsize=(10.0, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    draw_weights(left, truth, recovered)
    draw_losses(right, losses)
    return figure


def draw_weights(axes: "Axes", truth: "TwoLayerNetwork", recovered: "TwoLayerNetwork") -> None:
    """Draw every input weight of `recovered` over the same weight of `truth`, one colour and marker a unit."""
    ends = np.array([min(truth.W.min(), recovered.W.min()), max(truth.W.max(), recovered.W.max())])
    axes.plot(ends, ends, color="0.6", linewidth=1, zorder=1, label="equal")
    for unit in range(truth.width):
        axes.scatter(
            truth.W[unit],
            recovered.W[unit],
            s=28,
            marker=MARKERS[unit % len(MARKERS)],
            facecolors="none",
            edgecolors=COLOURS[unit % len(COLOURS)],
            label=f"unit {unit}" if truth.width <= len(COLOURS) else None,
        )
    axes.set(xlabel="true weight", ylabel="recovered weight", title="Recovered weights against the truth")
    axes.set_aspect("equal")
    axes.locator_params(nbins=7)
    axes.legend(frameon=False, fontsize="small")


def draw_losses(axes: "Axes", losses: Mapping[str, ArrayLike]) -> None:
    """Draw each loss against its steps, both on logarithmic axes; a loss of zero or NaN is left out."""
    for place, (label, values) in enumerate(losses.items()):
        curve = np.asarray(values, dtype=float)
        steps = np.arange(1, len(curve) + 1)
        drawn = np.isfinite(curve) & (curve > 0)
        axes.plot(
            steps[drawn],
            curve[drawn],
            color=COLOURS[place % len(COLOURS)],
            linestyle=DASHES[place % len(DASHES)],
            marker="o" if len(curve) < 100 else None,
            markersize=4,
            label=label,
        )
    axes.set(xscale="log", yscale="log", xlabel="step", ylabel="relative loss ‖y − ŷ‖² / ‖y‖²", title="Loss by step")
    axes.legend(frameon=False, fontsize="small")
    axes.grid(visible=True, color="0.9", linewidth=0.6)


def audit_picture(audit: "Audit") -> Figure:
    """Return the picture of an audit: units taken on the left, digits of the values, against digits of the answers."""
    figure = Figure(figsize=(10.0, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = audit.of("digits")
    draw_taken(left, {audit.name: audit})
    digits = [int(row.value) for row in rows]
    right.plot([min(digits), max(digits)], [min(digits), max(digits)], color="0.6", linewidth=1, label="as many")
    right.plot(digits, [row.value_digits for row in rows], color=COLOURS[0], marker=MARKERS[0], label="of values")
    right.plot(digits, [row.unit_digits for row in rows], color=COLOURS[1], marker=MARKERS[1], label="of units")
    right.set(xlabel="significant digits of the answers", ylabel="correct digits", title="How exactly it is taken")
    right.legend(frameon=False, fontsize="small")
    return figure


def draw_taken(axes: "Axes", audits: "Mapping[str, Audit]") -> None:
    """Draw the share of units taken against the digits of the answers, a line for each audit."""
    for number, (label, audit) in enumerate(audits.items()):
        rows = audit.of("digits")
        share = [100 * row.units / audit.reference.width for row in rows]
        colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
        axes.plot([int(row.value) for row in rows], share, label=label, color=colour, marker=marker)
    axes.set(xlabel="significant digits of the answers", ylabel="units taken (%)", title="How much is taken")
    axes.set_ylim(-5, 105)
    axes.legend(frameon=False, fontsize="small")
