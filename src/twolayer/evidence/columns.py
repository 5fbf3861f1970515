"""Columns that no network can be told apart on: constant ones, copies, those that add up to a constant."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.rows import row_blocks

__all__ = ["notes_on_columns"]

_DEPENDENT = 1e-8  # of a column's length that the others leave: half of the digits of double precision
_SHOWN = 8  # columns that a sentence names


def notes_on_columns(X: NDArray[Any], has_bias: bool, names: Sequence[str] | None = None) -> tuple[str, ...]:
    r"""What is wrong with the columns of X, in sentences: a constant (with biases), zeros, copies, sums.

    A column is dependent if the others, beside a constant where there are biases, leave less than 1e-8 of its length:
    of the columns in units of their spread, the eigenvectors of the Gram matrix with eigenvalues below 1e-16 n. Each
    such relation is one that a weight may be added along, and no row tells.

    Parameters
    ----------
    X : array, shape (n, d)
    has_bias : bool
    names : sequence of str, optional
        Else columns are called by their number, counted from 0.

    Notes
    -----
    O(n d²) time.
    """
    d = X.shape[1]
    called = [f"column {i}" if names is None else f"column {i} ({names[i]})" for i in range(d)]
    mean = X.mean(axis=0, dtype=np.float64) if has_bias else np.zeros(d)
    gram = np.zeros((d, d))
    for rows in row_blocks(X):
        block = X[rows].astype(np.float64) - mean
        gram += block.T @ block
    spread = np.sqrt(gram.diagonal() / len(X))
    size = np.abs(X).max(axis=0)
    still = np.flatnonzero(spread <= 1e-12 * np.maximum(size, 1e-300))  # of which rounding of the mean leaves as much
    notes = [
        f"{called[i][0].upper()}{called[i][1:]} is constant: leave this column out, as it tells nothing." for i in still
    ]
    moving = np.setdiff1d(np.arange(d), still)
    if len(moving) < 2:
        return tuple(notes)
    G = gram[np.ix_(moving, moving)] / np.outer(spread[moving], spread[moving]) / len(X)
    copies = [
        (i, j)
        for j in range(len(moving))
        for i in range(j)
        if abs(abs(G[i, j]) - 1) < _DEPENDENT**2 * 100 + 1e-13  # 1 - cos is half the square of the angle
    ]
    taken = set()
    for i, j in copies:
        if j not in taken:
            taken.add(j)
            what = "a copy" if np.array_equal(X[:, moving[i]], X[:, moving[j]]) else "a multiple"
            notes.append(f"{called[moving[j]].capitalize()} is {what} of {called[moving[i]]}: leave one out.")
    rest = np.array([k for k in range(len(moving)) if k not in taken])
    values, vectors = np.linalg.eigh(G[np.ix_(rest, rest)])
    null = vectors[:, values < _DEPENDENT**2 * 100 + 1e-13]
    if null.shape[1]:
        parts = np.flatnonzero(np.linalg.norm(null, axis=1) > 1e-4)
        listed = [called[moving[rest[k]]] for k in parts[:_SHOWN]] + (["…"] if len(parts) > _SHOWN else [])
        beside = "sums of multiples of them are constant" if has_bias else "sums of multiples of them are zero"
        count = "one of them" if null.shape[1] == 1 else f"{null.shape[1]} of them"
        notes.append(f"These depend on each other ({beside}): {', '.join(listed)}; leave {count} out.")
    return tuple(notes)
