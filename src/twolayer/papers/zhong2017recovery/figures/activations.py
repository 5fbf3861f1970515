"""Theorem 3.5: which activations have the properties that the guarantees ask for."""

from typing import Annotated

import msgspec
import numpy as np
from matplotlib.figure import Figure as Picture

from twolayer.activation import activation
from twolayer.experiments.figure import Cell, Config, Figure, Row, grid
from twolayer.experiments.table import Table
from twolayer.papers.zhong2017recovery.theory import properties

__all__ = ["ACTIVATION_PROPERTIES", "ActivationsConfig"]

PROPERTIES = {
    "growth": "3.1: σ' ≥ 0 is bounded by a power",
    "nonlinearity": "3.2: ρ > 0",
    "smoothness": "3.3: smooth, or piecewise linear",
}
THEOREM = {
    "relu": (True, True, True),
    "leaky_relu(0.01)": (True, True, True),
    "squared_relu": (True, True, True),
    "sigmoid": (True, True, True),
    "tanh": (True, True, True),
    "erf": (True, True, True),
    "linear": (True, False, True),
    "quadratic": (False, False, True),
}
"""What Theorem 3.5 says of an activation, property by property; where it is silent on one, as it must be."""

BEYOND = ("softplus", "gelu", "abs", "polynomial(0,1,0,0.5)", "scaled(tanh,2.5)", "sine")


class ActivationsConfig(Config, frozen=True):
    """The activations to look at."""

    activations: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]

    def __post_init__(self) -> None:
        """Refuse names that are none."""
        for name in self.activations:
            activation(name)


def cells(config: ActivationsConfig) -> list[Cell]:
    """One an activation."""
    return grid(activation=config.activations)


def run_cell(cell: Cell, rng: np.random.Generator) -> list[Row]:  # noqa: ARG001 - nothing is random here
    """Decide the three properties, from the activation's values."""
    found = properties(cell["activation"])
    said = THEOREM.get(found.activation)
    agrees = "not in the theorem"
    if said is not None:
        agrees = "yes" if said == tuple(getattr(found, name).holds for name in PROPERTIES) else "no"
    return [
        {
            **{name: getattr(found, name).holds for name in PROPERTIES},
            "is_smooth": found.is_smooth,
            "is_piecewise_linear": found.is_piecewise_linear,
            "as_in_theorem": agrees,
        }
    ]


def plot(table: Table) -> Picture:
    """One row an activation, one column a property: filled where it holds, a cross where it does not."""
    names = table["activation"].tolist()
    picture = Picture(figsize=(7.0, 1.4 + 0.32 * len(names)), layout="constrained")
    axes = picture.subplots()
    holds = np.array([table[name] for name in PROPERTIES])
    for value, label, marker, colour in ((True, "holds", "o", "#0072B2"), (False, "does not hold", "x", "#D55E00")):
        columns, rows = np.nonzero(holds == value)
        axes.scatter(columns, rows, s=70, label=label, marker=marker, color=colour)
    axes.set_xticks(range(len(PROPERTIES)), PROPERTIES.values(), fontsize="small")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="property", ylabel="activation", xlim=(-0.5, 2.5), ylim=(len(names) - 0.5, -0.5))
    axes.grid(visible=True, color="0.9", linewidth=0.6)
    axes.set_axisbelow(True)
    picture.legend(loc="outside upper center", ncols=2, frameon=False)
    return picture


def verdict(table: Table) -> str:
    """Where this agrees with the theorem, and where not."""
    said = table["as_in_theorem"]
    covered, wrong = int((said != "not in the theorem").sum()), table["activation"][said == "no"].tolist()
    if not covered:
        first = "None of these activations is one that the theorem names."
    elif not wrong:
        first = f"Of {covered} activations that the theorem names, all {covered} have the properties that it says."
    else:
        first = f"Of {covered} activations that the theorem names, {', '.join(wrong)} differ from what it says."
    others = table.where(as_in_theorem="not in the theorem")
    have = [row["activation"] for row in others.rows() if all(row[name] for name in PROPERTIES)]
    if not len(others):
        return first
    return f"{first} Of {len(others)} others, all three hold for {', '.join(map(str, have)) or 'none'}."


ACTIVATION_PROPERTIES = Figure(
    name="zhong2017recovery-theorem-3-5",
    title="Which activations have Properties 3.1 to 3.3",
    source="zhong2017recovery, Theorem 3.5",
    claim=(
        "ReLU, leaky ReLU, squared ReLU, sigmoid, tanh and erf have Properties 3.1, 3.2 and 3.3; the linear function"
        " lacks 3.2, and the quadratic one 3.1 and 3.2."
    ),
    config=ActivationsConfig,
    smoke=ActivationsConfig(activations=tuple(THEOREM)),
    paper=ActivationsConfig(activations=(*THEOREM, *BEYOND)),
    cells=cells,
    run_cell=run_cell,
    columns={
        "activation": "its name",
        "growth": "whether Property 3.1 holds",
        "nonlinearity": "whether Property 3.2 holds",
        "smoothness": "whether Property 3.3 holds",
        "is_smooth": "whether (a) of Property 3.3 holds",
        "is_piecewise_linear": "whether (b) of Property 3.3 holds",
        "as_in_theorem": "whether that is what Theorem 3.5 says",
    },
    plot=plot,
    verdict=verdict,
)
