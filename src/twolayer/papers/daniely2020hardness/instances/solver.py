"""Satisfiability, decided by a real solver: CaDiCaL, by python-sat."""

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.papers.daniely2020hardness.instances.formula import Formula, Signs
from twolayer.papers.daniely2020hardness.instances.reduction import LabelledTuples

__all__ = ["realising_assignment", "satisfying_assignment"]


def satisfying_assignment(formula: Formula) -> Signs | None:
    """Find an assignment that satisfies every constraint, or None: there is none.

    Parameters
    ----------
    formula : Formula
        Of the predicate ``sat(K)`` or ``conjunction(K, M)``, which may be negated.

    Returns
    -------
    array of ±1, shape (n_variables,), or None

    Raises
    ------
    InputError
        If python-sat is not installed, or the predicate is another one.

    Notes
    -----
    Complete, and so of exponential cost in the worst case. A negated conjunction takes one auxiliary variable for each
    of its clauses, "this clause is false", and one clause that asks for one of them.
    """
    is_negated = np.full(len(formula), formula.predicate.is_negated)
    return _solve(formula, is_negated)


def realising_assignment(sample: LabelledTuples) -> Signs | None:
    """Find an assignment ψ whose filter (ψ, 1) gives a labelled sample its labels, or None: there is none.

    Parameters
    ----------
    sample : LabelledTuples

    Returns
    -------
    array of ±1, shape (n_variables,), or None

    Raises
    ------
    InputError
        If python-sat is not installed.
    """
    return _solve(sample.tuples, sample.y == 1)


def _solve(formula: Formula, is_negated: NDArray[np.bool_]) -> Signs | None:
    predicate = formula.predicate
    if not predicate.n_clauses:
        raise InputError(f"the solver knows SAT_K and T_K,M, found the predicate {predicate.name}")
    try:
        from pysat.solvers import Solver  # type: ignore[import-untyped]
    except ImportError:
        raise InputError("a satisfiability check needs python-sat: pip install 'twolayer[sat]'") from None
    literals = formula.signs * (formula.variables + 1)
    clauses = literals.reshape(len(formula), predicate.n_clauses, predicate.clause_size)
    auxiliary = formula.n_variables
    with Solver(name="cadical153") as solver:
        for clause in clauses[~is_negated].reshape(-1, predicate.clause_size).tolist():
            solver.add_clause(clause)
        for constraint in clauses[is_negated].tolist():
            is_false = range(auxiliary + 1, auxiliary + 1 + len(constraint))
            auxiliary += len(constraint)
            solver.add_clause(list(is_false))
            for variable, clause in zip(is_false, constraint, strict=True):
                for literal in clause:
                    solver.add_clause([-variable, -literal])
        model = solver.get_model() if solver.solve() else None
    if model is None:
        return None
    psi = np.ones(formula.n_variables, dtype=np.int8)  # a variable in no clause may be left out of the model
    found = np.array(model[: formula.n_variables], dtype=np.int64)
    psi[np.abs(found) - 1] = np.sign(found)
    return psi
