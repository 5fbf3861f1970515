"""What the command line shows: tables for a reader, and what goes on meanwhile."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from twolayer.extract.auditing import Audit
    from twolayer.network import TwoLayerNetwork

__all__ = [
    "audit_table",
    "comparison_table",
    "components_table",
    "counted",
    "facts",
    "names_table",
    "narrated",
    "quantities_table",
    "units_table",
]

SHOWN_UNITS = 20  # rows that a terminal shows without scrolling
SHOWN_LETTERS = 9  # of a name above a column of numbers
SHOWN_INPUTS = 6  # entries that fit a line beside the rest


def console() -> Console:
    """Return a console on standard output, wide enough for a table where there is no terminal to measure."""
    screen = Console(highlight=False, markup=False, emoji=False)
    # as wide as a line of this library: what is piped is read in an editor
    asked = os.environ.get("COLUMNS", "")
    width = int(asked) if asked.isascii() and asked.isdigit() and int(asked) >= 20 else 120
    return screen if screen.is_terminal else Console(highlight=False, markup=False, emoji=False, width=width)


@contextmanager
def narrated(title: str) -> Iterator[Callable[[str, int, float], None]]:
    """Keep one line on standard error up to date while the body runs; silent where that is no terminal."""
    screen = Console(stderr=True, highlight=False, markup=False, emoji=False)
    with screen.status(title) as line:
        yield lambda stage, step, loss: line.update(f"{title}: {stage}, step {step}, relative loss {loss:.1e}")


@contextmanager
def counted(title: str) -> Iterator[Callable[[int, int, int], None]]:
    """Keep a bar on standard error up to date, with the time left; silent where that is no terminal.

    It is called with the numbers of cells that are finished, of all, and of those that failed.
    """
    screen = Console(stderr=True, highlight=False, markup=False, emoji=False)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    left = TimeRemainingColumn(elapsed_when_finished=False)
    with Progress(*columns, TextColumn("left"), left, console=screen, disable=not screen.is_terminal) as bar:
        task = bar.add_task(title, total=None)

        def update(done: int, total: int, failed: int) -> None:
            told = f"{title}, {failed} failed" if failed else title
            bar.update(task, completed=done, total=total, description=told)

        yield update


def facts(network: "TwoLayerNetwork") -> dict[str, Any]:
    """Return everything that defines `network`, as plain values."""
    polynomial = network.polynomial
    return {
        "width": network.width,
        "dim": network.dim,
        "n_outputs": network.n_outputs,
        "activation": network.activation.name,
        "path_norm": network.path_norm(),
        "a": network.a,
        "W": network.W,
        "b": network.b,
        "polynomial": polynomial
        and {"constant": polynomial.constant, "linear": polynomial.linear, "quadratic": polynomial.quadratic},
    }


def units_table(network: "TwoLayerNetwork", width: int = 120, inputs: Sequence[str] | None = None) -> Table:
    """Return a table with one row a unit: output weight, bias, length, and as many input weights as fit.

    The constant and the linear part stand below the units: the table is the whole function where no input is left out.
    """
    room = (width - 46) // 11 - (2 * (network.n_outputs > 1))  # columns of ten figures and what is between them
    count = max(1, min(network.dim, room, SHOWN_INPUTS))
    names = [_short(name) for name in inputs[:count]] if inputs is not None else [f"w_{i + 1}" for i in range(count)]
    table = Table(box=box.SIMPLE_HEAD)
    headings = ["unit", _leading_entries(network.n_outputs, "a"), "b", "|w|", *names]
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for unit in range(min(network.width, SHOWN_UNITS)):
        w = network.W[unit]
        size = float(np.hypot.reduce(w, initial=0.0))  # which does not overflow where squares would
        a = f"{network.a[unit]:.6g}" if network.n_outputs == 1 else _entries(network.a[unit])
        numbers = [f"{entry:.4f}" if abs(entry) < 1e3 else f"{entry:.3g}" for entry in w[:count]]
        table.add_row(str(unit), a, _plain(network.b[unit]), f"{size:.6g}", *numbers)
    polynomial = network.polynomial
    if polynomial is not None:
        constant = np.atleast_1d(polynomial.constant)
        shown = f"{constant[0]:.6g}" if len(constant) == 1 else _entries(constant)
        table.add_row("constant", shown, *[""] * (len(headings) - 2))
        if polynomial.linear is not None:
            first = polynomial.linear if network.n_outputs == 1 else polynomial.linear[:, 0]
            table.add_row("linear", "", "", "", *(f"{entry:.4f}" for entry in first[:count]))
        if polynomial.quadratic is not None:
            table.add_row("quadratic", "yes", *[""] * (len(headings) - 2))
    more = [f"{network.width - SHOWN_UNITS} more units"] if network.width > SHOWN_UNITS else []
    more += [f"{network.dim - count} more inputs"] if network.dim > count else []
    table.caption = ", ".join(more) or None
    return table


def _plain(value: float) -> str:
    return f"{value:.6g}" if abs(value) > 1e-12 else "0"  # what is left of a bias that is none


def _short(name: str) -> str:
    return name if len(name) <= SHOWN_LETTERS else name[: SHOWN_LETTERS - 1] + "~"


def comparison_table(
    truth: "TwoLayerNetwork", recovered: "TwoLayerNetwork", errors: NDArray[np.float64], width: int = 120
) -> Table:
    """Return a table with truth above recovery, two rows a unit; the units are matched already."""
    count = max(1, min(truth.dim, (width - 38) // 10, SHOWN_INPUTS))
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("unit", "", "a", *(f"w_{i + 1}" for i in range(count)), "error"):
        table.add_column(heading, justify="right", no_wrap=True)
    for unit in range(min(truth.width, SHOWN_UNITS)):
        for kind, network in (("true", truth), ("found", recovered)):
            table.add_row(
                str(unit) if network is truth else "",
                kind,
                f"{network.a[unit]:.4f}" if truth.n_outputs == 1 else _entries(network.a[unit]),
                *(f"{entry:.4f}" for entry in network.W[unit][:count]),
                "" if network is truth else f"{errors[unit]:.1e}",
            )
    if truth.dim > count:
        table.caption = f"{truth.dim - count} more inputs"
    return table


def components_table(weights: NDArray[np.float64], factors: NDArray[np.float64]) -> Table:
    """Return a table with one row a term of a decomposition: weight, and leading entries of the unit factor."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in ("term", "weight", _leading_entries(factors.shape[1]).replace("w", "u")):
        table.add_column(heading, justify="right", no_wrap=True)
    for term in range(min(len(weights), SHOWN_UNITS)):
        table.add_row(str(term), f"{weights[term]:.6g}", _entries(factors[term]))
    if len(weights) > SHOWN_UNITS:
        table.caption = f"{len(weights) - SHOWN_UNITS} more terms"
    return table


def audit_table(audit: "Audit") -> Table:
    """A row for each extraction: what its answers were cut to, and what was taken."""
    table = Table(title=f"{audit.name}: what is taken of {audit.reference.width} units")
    for heading in ("limit", "to", "status", "units", "digits of units", "digits of values", "queries", "seconds"):
        table.add_column(heading, justify="left" if heading in ("limit", "status") else "right")
    for row in audit.rows:
        numbers = (f"{row.unit_digits:.1f}", f"{row.value_digits:.1f}", f"{row.queries:,}", f"{row.seconds:.1f}")
        table.add_row(row.limit, row.value, row.status, str(row.units), *numbers)
    return table


def names_table(families: Mapping[str, Sequence[Mapping[str, str]]]) -> Table:
    """Return a table of names and summaries, family by family."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("kind")
    table.add_column("name", no_wrap=True)
    table.add_column("summary")
    for family, entries in families.items():
        for place, entry in enumerate(entries):
            table.add_row("" if place else family, entry["name"], entry["summary"], end_section=entry is entries[-1])
    return table


def quantities_table(quantities: Mapping[str, Any]) -> Table:
    """Return a table of named values: numbers to six digits, arrays by their leading entries, sentences as they are."""
    table = Table(box=box.SIMPLE_HEAD, show_header=False)
    table.add_column("quantity", no_wrap=True)
    table.add_column("value")
    for name, value in quantities.items():
        table.add_row(name, _shown(value))
    return table


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray | tuple | list):
        entries = np.asarray(value).ravel()
        return " ".join(map(_shown, entries[:SHOWN_UNITS])) + (" …" if len(entries) > SHOWN_UNITS else "")
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def _leading_entries(dim: int, name: str = "w") -> str:
    return f"{name}_1 … {name}_{SHOWN_INPUTS}" if dim > SHOWN_INPUTS else name


def _entries(w: NDArray[np.float64]) -> str:
    return " ".join(f"{entry: .4f}" for entry in w[:SHOWN_INPUTS])
