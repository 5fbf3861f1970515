"""A hard instance: a data set, the network planted in it, and the claim that it is hard."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from twolayer.entry import Entry
from twolayer.equality import equal_by_value
from twolayer.one_line import in_one_line

__all__ = ["Claim", "Family", "Inputs", "Instance", "Option", "Planted", "Shapes"]

Inputs: TypeAlias = NDArray[Any] | sparse.csr_array
Planted: TypeAlias = Mapping[str, NDArray[Any]]
Option: TypeAlias = int | float | str | bool
Shapes: TypeAlias = Mapping[str, tuple[int, ...]]


def _shapes_by_name(options: Mapping[str, Any]) -> Shapes:
    """Read off the shapes that options of the common names ask for: samples, dim and width."""
    rows = {"X": options.get("samples"), "W": options.get("width")}
    return {name: (count, options["dim"]) for name, count in rows.items() if count is not None and "dim" in options}


def _entries_of_shapes(options: Mapping[str, Any]) -> int:
    """Count the entries of dense arrays of those shapes."""
    return sum(prod(max(0, size) for size in shape) for shape in _shapes_by_name(options).values())


@dataclass(frozen=True)
class Claim:
    """What is claimed of an instance: the statement, where it is proved, and the numbers that it speaks of.

    Parameters
    ----------
    statement : str
        One sentence, without a full stop: who cannot learn it, and to what accuracy.
    theorem : str
        Such as "Theorem 3.1".
    assumption : str
        Under which the statement is proved, or "none".
    sizes : mapping of str to number
        Sizes, norms and bounds; each can be computed anew from the file.
    """

    statement: str
    theorem: str
    assumption: str
    sizes: Mapping[str, int | float] = field(default_factory=dict)


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Instance:
    """Inputs and labels, the planted network or None where there is none, the claim, and how it was made.

    Parameters
    ----------
    family, options, seed
        What makes it anew: ``make_instance(family, seed, **options)``.
    X : ndarray or scipy.sparse.csr_array, shape (n, d)
    y : ndarray, shape (n,)
    planted : mapping of str to ndarray, or None
        What the family needs to compute the planted function; None where labels are fair coins and nothing is planted.
    claim : Claim
    citation : str
    """

    family: str
    options: Mapping[str, Option]
    seed: int
    X: Inputs
    y: NDArray[Any]
    planted: Planted | None
    claim: Claim
    citation: str


@dataclass(frozen=True, kw_only=True)
class Family(Entry):
    """A kind of hard instance: how one is made, and how a file that says it is one is checked from scratch.

    Parameters
    ----------
    name, summary, citation : str
        The summary is a sentence for the command line.
    source : callable
        ``source(rng, **options) -> (X, y, planted, claim)``: draws one.
    defaults : mapping of str to number, str or bool
        Every option with its default value; an option has the type of its default.
    labels : callable
        ``labels(planted, X) -> y``: what the planted function says, computed from the stored arrays alone.
    sizes : callable
        ``sizes(X, y, planted, options) -> dict``: the numbers of the claim, computed anew from the arrays alone, but
        for `drawn_sizes`.
    tolerance : float
        Largest difference, relative to the largest label, between `y` and ``labels(planted, X)``; 0 where exact.
    rounding : float
        By how much another machine's arithmetic may change an entry that is no integer, of the largest of its row.
    drawn_sizes : tuple of str
        Numbers of the claim that follow from no array, but from what was drawn and is not told; of a file, they are
        compared with those of the instance made anew.
    shapes : callable
        ``shapes(options) -> dict``: of ``X`` and of planted arrays, so that a file of other shapes than its options ask
        for is refused before anything is made of them.
    entries : callable
        ``entries(options) -> int``: how many numbers its arrays have, or a bound of them, so that what the memory
        of this machine cannot hold is refused before it is made.
    explanations : mapping of str to str
        What every option is, in a few words, for the command line.
    """

    citation: str
    defaults: Mapping[str, Option]
    labels: Callable[[Planted, Inputs], NDArray[Any]]
    sizes: Callable[[Inputs, NDArray[Any], Planted | None, Mapping[str, Option]], Mapping[str, int | float]]
    tolerance: float = 0.0
    rounding: float = 1e-12
    drawn_sizes: tuple[str, ...] = ()
    shapes: Callable[[Mapping[str, Any]], Shapes] = _shapes_by_name
    entries: Callable[[Mapping[str, Any]], int] = _entries_of_shapes
    explanations: Mapping[str, str] = field(default_factory=dict)

    def draw(self, rng: np.random.Generator, **options: Option) -> tuple[Inputs, NDArray[Any], Planted | None, Claim]:
        """Draw inputs, labels, what is planted, and the claim."""
        drawn: tuple[Inputs, NDArray[Any], Planted | None, Claim] = self(rng, **options)
        return drawn
