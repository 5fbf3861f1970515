"""Cliques of a small graph, exactly."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["clique"]


def clique(adjacent: NDArray[np.bool_], size: int) -> tuple[int, ...] | None:
    """Find `size` vertices that are adjacent to one another, or None if there are none.

    Parameters
    ----------
    adjacent : array of bool, shape (r, r)
        Symmetric; the diagonal is not looked at.
    size : int
        At least 1.

    Returns
    -------
    tuple of int or None
        Ascending.

    Notes
    -----
    Branch and bound: a proper colouring of the candidates bounds the clique among them, which has no colour twice.
    Exponential in the worst case; sets of vertices are the bits of integers.
    """
    r = len(adjacent)
    neighbours = [sum(1 << int(j) for j in np.flatnonzero(adjacent[i]) if j != i) for i in range(r)]
    stack: list[tuple[tuple[int, ...], int]] = [((), (1 << r) - 1)]
    while stack:
        members, candidates = stack.pop()
        if len(members) == size:
            return tuple(sorted(members))
        branches = []
        for vertex, bound in reversed(_colouring(candidates, neighbours)):
            if len(members) + bound < size:
                break
            branches.append(((*members, vertex), candidates & neighbours[vertex]))
            candidates &= ~(1 << vertex)
        stack.extend(reversed(branches))
    return None


def _colouring(candidates: int, neighbours: Sequence[int]) -> list[tuple[int, int]]:
    """Each candidate with the number of its colour from 1, colour by colour: it and those before it have no more."""
    coloured, colour = [], 0
    while candidates:
        colour += 1
        free = candidates
        while free:
            vertex = (free & -free).bit_length() - 1
            coloured.append((vertex, colour))
            candidates &= ~(1 << vertex)
            free &= ~(neighbours[vertex] | 1 << vertex)
    return coloured
