"""How much of a box can be taken: against the digits of its answers, their type, and the number of queries."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.align import align
from twolayer.errors import InputError
from twolayer.extract.boxes import Box, Declared
from twolayer.extract.extraction import BUDGET, extract
from twolayer.extract.forms import written_with
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["Audit", "AuditRules", "CoarserBox", "Taken", "audit", "rounded_to"]

Report = Callable[[str, int, float], None]


@dataclass(frozen=True)
class AuditRules:
    """What is tried, and what counts as taken.

    Attributes
    ----------
    digits : tuple of int
        Significant digits of the answers.
    types : tuple of str
        Floating-point types that they are rounded to.
    shares : tuple of float
        Budgets, as parts of the queries that the whole extraction takes.
    taken : float
        Relative error up to which a unit counts as taken: at a tenth its direction is told from any other's.
    rows : int
        Standard normal inputs at which the functions are compared.
    """

    digits: tuple[int, ...] = tuple(range(1, 17))
    types: tuple[str, ...] = ("float64", "float32", "float16")
    shares: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    taken: float = 0.1
    rows: int = 4096


@dataclass(frozen=True)
class Taken:
    """What one extraction took.

    Attributes
    ----------
    limit, value : str
        What was limited, ``"digits"``, ``"type"`` or ``"queries"``, and to what.
    status : str
        Of the extraction; ``"REFUSED"`` where it ended in an error.
    units : int
        Units of the reference that are known to a tenth.
    unit_digits : float
        Correct digits of them, in the middle; 0 where there are none.
    value_digits : float
        Correct digits of the network's values, root mean square, of their standard deviation; 0 at least.
    queries : int
        That were asked.
    seconds : float
    """

    limit: str
    value: str
    status: str
    units: int
    unit_digits: float
    value_digits: float
    queries: int
    seconds: float


@dataclass(frozen=True)
class Audit:
    """What can be taken of a box.

    Attributes
    ----------
    name : str
        Of the box.
    reference : TwoLayerNetwork
        What it is taken to hold.
    is_certified : bool
        Whether that was given, or extracted with certificate.
    rows : tuple of Taken
    """

    name: str
    reference: TwoLayerNetwork
    is_certified: bool
    rows: tuple[Taken, ...]

    def of(self, limit: str) -> list[Taken]:
        """The extractions with one kind of limit."""
        return [row for row in self.rows if row.limit == limit]

    def sentence(self) -> str:
        """What the digits say, in one sentence."""
        m, rows = self.reference.width, self.of("digits")
        none = [row.value for row in rows if row.units == 0]
        every = [row.value for row in rows if row.units == m]
        some = [row for row in rows if 0 < row.units < m]
        parts = []
        if none:
            parts.append(f"with answers cut to {max(none, key=int)} digits nothing is taken")
        if some:
            most = max(some, key=lambda row: int(row.value))
            parts.append(f"{most.value} digits give {most.units} of {m} units")
        if every:
            least = min(every, key=int)
            exact = max(rows, key=lambda row: row.value_digits)
            parts.append(f"{least} digits give all {m} units, and {exact.value} give {exact.value_digits:.0f} digits")
        text = "; ".join(parts) or "no number of digits was tried"
        return text[:1].upper() + text[1:] + "."

    def to_dict(self) -> dict[str, Any]:
        """For a program."""
        return {
            "box": self.name,
            "width": self.reference.width,
            "dim": self.reference.dim,
            "activation": self.reference.activation.name,
            "is_certified": self.is_certified,
            "rows": [asdict(row) for row in self.rows],
            "sentence": self.sentence(),
        }


class CoarserBox:
    """A box whose answers are changed before anybody sees them.

    Parameters
    ----------
    box : Box
    change : callable
        Of the answers.
    """

    def __init__(self, box: Box, change: Callable[[NDArray[np.float64]], NDArray[Any]]) -> None:
        self.box, self.change = box, change
        self.name, self.dim, self.declared = box.name, box.dim, Declared()
        self.asked = 0

    def __call__(self, X: NDArray[np.float64]) -> NDArray[Any]:
        """The changed answers."""
        self.asked += len(X)
        with np.errstate(over="ignore", invalid="ignore"):  # what a type cannot hold is not finite, and refused
            return self.change(np.asarray(self.box(X)))


def rounded_to(values: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    """Values cut to so many significant digits, as they are printed."""
    values = np.asarray(values, np.float64)
    return np.array([float(f"{value:.{digits - 1}e}") for value in values.ravel()]).reshape(values.shape)


def audit(
    box: Box,
    reference: TwoLayerNetwork | None = None,
    *,
    rules: AuditRules = AuditRules(),
    budget: int = BUDGET,
    rng: int = 0,
    report: Report | None = None,
) -> Audit:
    """Extract a box again and again with less and less of its answers, and count what each time is taken.

    Parameters
    ----------
    box : Box
        Of one output.
    reference : TwoLayerNetwork, optional
        What it holds; by default what is extracted from its whole answers.
    rules : AuditRules, optional
    budget : int
        The most rows of each extraction.
    rng : int
        Seed of each.
    report : callable, optional
        Called with (stage, step, what is left).

    Returns
    -------
    Audit

    Raises
    ------
    InputError
        If nothing is extracted from the whole answers, so that there is nothing to count; and as `extract` does.

    Notes
    -----
    Some twenty extractions. What is found is what this library takes today; that a limit stops it does not prove that
    nothing else gets by.
    """
    whole = _extracted(CoarserBox(box, lambda y: y), "whole", "", None, budget, rules, rng, report)
    found, is_certified = whole[1], reference is not None or whole[0].status == "EQUAL"
    truth = reference or found
    if truth is None or not truth.width:
        raise InputError(f"nothing was extracted from {box.name}, so that there is nothing to count")
    rows = [
        _extracted(CoarserBox(box, change), limit, value, truth, most, rules, rng, report)[0]
        for limit, value, change, most in _limits(rules, whole[0].queries, budget)
    ]
    return Audit(box.name, truth, is_certified, tuple(rows))


def _limits(rules: AuditRules, queries: int, budget: int) -> Iterator[tuple[str, str, Callable[..., Any], int]]:
    for digits in rules.digits:
        yield "digits", str(digits), lambda y, digits=digits: rounded_to(y, digits), budget
    for name in rules.types:
        yield "type", name, lambda y, name=name: np.asarray(y).astype(name), budget
    for share in rules.shares:
        most = int(np.ceil(share * queries))
        yield "queries", str(most), lambda y: y, most


def _extracted(
    box: CoarserBox,
    limit: str,
    value: str,
    truth: TwoLayerNetwork | None,
    budget: int,
    rules: AuditRules,
    rng: int,
    report: Report | None,
) -> tuple[Taken, TwoLayerNetwork | None]:
    """One extraction, and what it took of the truth, itself where there is none."""
    start = time.monotonic()
    if report is not None:
        report(f"{limit} {value}".strip(), 0, 1.0)
    try:
        found = extract(box, budget=budget, rng=rng)
    except InputError:
        return Taken(limit, value, "REFUSED", 0, 0.0, 0.0, box.asked, time.monotonic() - start), None
    seconds = time.monotonic() - start
    reference = truth or found.network
    errors, off = unit_errors(found.network, reference), _off(found.network, reference, rules)
    is_taken = errors <= rules.taken
    digits = -float(np.log10(max(np.median(errors[is_taken]), FINEST))) if is_taken.any() else 0.0
    taken = Taken(
        limit,
        value,
        found.status.name,
        int(is_taken.sum()),
        digits,
        max(0.0, -float(np.log10(max(off, FINEST)))),
        found.queries,
        seconds,
    )
    return taken, found.network


FINEST = 1e-16
"""No more digits are counted than float64 has."""


def unit_errors(network: TwoLayerNetwork, truth: TwoLayerNetwork) -> NDArray[Any]:
    """The relative error of each unit of the truth, (m,); 1 where it is not found."""
    network = written_with(network, truth.activation)
    errors = np.ones(truth.width)
    if network.activation != truth.activation or not network.width:
        return errors
    matched = align(replace(network, polynomial=network.polynomial or Polynomial()), truth)
    errors[: len(matched.unit_errors)] = np.sort(np.minimum(matched.unit_errors, 1.0))
    return errors


def _off(network: TwoLayerNetwork, truth: TwoLayerNetwork, rules: AuditRules) -> float:
    X = np.random.default_rng(0).standard_normal((rules.rows, truth.dim))
    y = truth(X)
    return float(np.sqrt(np.mean((network(X) - y) ** 2)) / max(float(y.std()), np.finfo(np.float64).tiny))
