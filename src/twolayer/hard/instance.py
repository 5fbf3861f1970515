"""A hard instance: a data set, the network planted in it, and the claim that it is hard."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from numpy.typing import NDArray
from scipy import sparse

__all__ = ["Claim", "Family", "Instance"]

Inputs: TypeAlias = NDArray[Any] | sparse.csr_array
Planted: TypeAlias = Mapping[str, NDArray[Any]]
Option: TypeAlias = int | float | str | bool


@dataclass(frozen=True)
class Claim:
    """What is claimed of an instance: the statement, where it is proved, and the numbers that it speaks of.

    Parameters
    ----------
    statement : str
        One sentence: who cannot learn it, and to what accuracy.
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


@dataclass(frozen=True, eq=False)
class Instance:
    """Inputs and labels, the planted network or None where none exists, the claim, and how it was made.

    Parameters
    ----------
    family, options, seed
        What makes it anew: ``make_instance(family, seed, **options)``.
    X : ndarray or scipy.sparse.csr_array, shape (n, d)
    y : ndarray, shape (n,)
    planted : mapping of str to ndarray, or None
        What the family needs to compute the planted function; None where no network of the size claimed exists.
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


@dataclass(frozen=True)
class Family:
    """A kind of hard instance: how one is made, and how a file that says it is one is checked from scratch.

    Parameters
    ----------
    name, summary, citation : str
    defaults : mapping of str to number, str or bool
        Every option with its default value; an option has the type of its default.
    draw : callable
        ``draw(rng, **options) -> (X, y, planted, claim)``.
    labels : callable
        ``labels(planted, X) -> y``: what the planted function says, computed from the stored arrays alone.
    sizes : callable
        ``sizes(X, y, planted, options) -> dict``: the numbers of the claim, computed anew from the arrays alone.
    tolerance : float
        Largest difference, relative to the largest label, between `y` and ``labels(planted, X)``; 0 where exact.
    explanations : mapping of str to str
        What an option is, in a few words, for the command line.
    """

    name: str
    summary: str
    citation: str
    defaults: Mapping[str, Option]
    draw: Callable[..., tuple[Inputs, NDArray[Any], Planted | None, Claim]]
    labels: Callable[[Planted, Inputs], NDArray[Any]]
    sizes: Callable[[Inputs, NDArray[Any], Planted | None, Mapping[str, Option]], Mapping[str, int | float]]
    tolerance: float = 0.0
    explanations: Mapping[str, str] = field(default_factory=dict)
