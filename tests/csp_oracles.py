"""Slow definitions for daniely2020hardness: one tuple, one patch, one assignment at a time."""

from fractions import Fraction
from itertools import product

import numpy as np


def satisfies(clauses, psi) -> bool:
    """Whether ψ makes a literal of every clause true; a clause is a list of (sign, variable)."""
    return all(any(sign * psi[variable] == 1 for sign, variable in clause) for clause in clauses)


def clauses_of(formula, row):
    """Constraint `row` as clauses of (sign, variable)."""
    K = formula.predicate.clause_size
    literals = list(zip(formula.signs[row].tolist(), formula.variables[row].tolist(), strict=True))
    return [literals[i : i + K] for i in range(0, len(literals), K)]


def dense(X) -> np.ndarray:
    return X.toarray() if hasattr(X, "toarray") else X


def network_output(x, units, output: str):
    """[Σ relu(w·x)] clipped to [0, 1], or the largest relu(w·x), in whatever arithmetic the numbers bring."""
    hidden = [max(0, sum(a * b for a, b in zip(unit, x, strict=True))) for unit in units]
    return min(1, sum(hidden)) if output == "clip" else max(hidden)


def cnn_units(w, k):
    """The k units of a CNN with filter w, each with zeros outside of its own patch."""
    t = len(w)
    return [[0] * (t * i) + list(w) + [0] * (t * (k - 1 - i)) for i in range(k)]


def assignments(n):
    return product((-1, 1), repeat=n)


def full_matrix(blocks) -> np.ndarray:
    """M, n × n, of its entries z^{ij}_r = blocks[r, i, j]: diagonal blocks of size t."""
    t, k, _ = blocks.shape
    M = np.zeros((k * t, k * t))
    for i, j, r in product(range(k), range(k), range(t)):
        M[i * t + r, j * t + r] = blocks[r, i, j]
    return M


def exact_solution(A, b) -> list[Fraction]:
    """Solve A x = b over the rationals, by elimination; entries of A and b are the floats that they are."""
    rows = [[Fraction(float(v)) for v in [*row, right]] for row, right in zip(A, b, strict=True)]
    for c in range(len(rows)):
        pivot = next(i for i in range(c, len(rows)) if rows[i][c])
        rows[c], rows[pivot] = rows[pivot], rows[c]
        rows[c] = [v / rows[c][c] for v in rows[c]]
        for i in range(len(rows)):
            if i != c and rows[i][c]:
                rows[i] = [v - rows[i][c] * u for v, u in zip(rows[i], rows[c], strict=True)]
    return [row[-1] for row in rows]
