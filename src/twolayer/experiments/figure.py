"""What a figure is: a grid of cells to measure, and how its table is drawn and put into words."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec
import numpy as np

from twolayer.experiments.table import Table, Value

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Picture

__all__ = ["Cell", "Config", "Figure", "Row", "grid"]

Cell: TypeAlias = dict[str, Any]
"""What makes one measurement: names and plain values (text, numbers, truth values, or lists of them)."""

Row: TypeAlias = Mapping[str, Value]
"""One line of the table: column → text, number or truth value."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The numbers of a figure that a reader may change; a subclass, frozen too, gives each its type and its range.

    ``dims: tuple[Annotated[int, msgspec.Meta(ge=1)], ...]``, say: what a TOML file has is checked against it. What no
    range can say, ``__post_init__`` checks, with a ValueError of one sentence. Fields without default come first.
    """


def _as_it_is(table: Table) -> Table:
    return table


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: what it measures, how that is drawn, and what it says.

    Parameters
    ----------
    name : str
        Of small letters, digits and hyphens, such as "zhong2017recovery-1a".
    title : str
        One line.
    source : str
        Where it is from: bib key and figure, theorem or section; "twolayer" where no paper has it.
    claim : str
        What the paper shows, in one sentence.
    config : type
        A subclass of `Config`.
    smoke, paper : Config
        Its sizes: one for a minute at most, and the paper's own.
    cells : callable
        ``cells(config) -> list of Cell``: everything to measure, in the order of the table. A cell has all that its
        result depends on; repeated trials differ by a number in it.
    run_cell : callable
        ``run_cell(cell, rng) -> list of Row``: one measurement. A function of a module, and of nothing but its
        arguments; all randomness comes from `rng`, whose seed derives from the content of the cell. What it raises
        becomes the error of the cell.
    columns : mapping of str to str
        The columns of the table, in order, and what each is, in a few words: those of a row, and those of its cell.
    plot : callable
        ``plot(table) -> matplotlib.figure.Figure``, from the table alone.
    verdict : callable
        ``verdict(table) -> str``: what came out, beside what the paper shows, in sentences made of the table's numbers.
    condense : callable
        ``condense(table) -> Table``: what a reader wants to see of it in the report (rates instead of trials).
    paired : tuple of str
        Names of the cell that its seed does not depend on: cells that differ in nothing else draw the same data.
    """

    name: str
    title: str
    source: str
    claim: str
    config: type[Config]
    smoke: Config
    paper: Config
    cells: Callable[[Any], list[Cell]]
    run_cell: Callable[[Cell, np.random.Generator], Sequence[Row]]
    columns: Mapping[str, str]
    plot: Callable[[Table], "Picture"]
    verdict: Callable[[Table], str]
    condense: Callable[[Table], Table] = _as_it_is
    paired: tuple[str, ...] = field(default=())

    @property
    def summary(self) -> str:
        """The line that says what it is."""
        return f"{self.title} ({self.source})"

    def __call__(self, cell: Cell, rng: np.random.Generator) -> Sequence[Row]:
        """Measure a cell."""
        return self.run_cell(cell, rng)


def grid(**axes: Iterable[Any]) -> list[Cell]:
    """Return a cell for each combination of the axes' values, the last axis running fastest."""
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
