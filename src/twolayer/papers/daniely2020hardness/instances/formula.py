r"""Constraint satisfaction problems: predicates, and formulas that are random or satisfied by a planted assignment.

A signed tuple :math:`[(\alpha_1, i_1), \dots, (\alpha_A, i_A)]` has distinct variables, here counted from 0; an
assignment ψ gives its literals the values :math:`U(\psi) = (\alpha_1\psi_{i_1}, \dots, \alpha_A\psi_{i_A})`, true as +1
and false as −1. A P-formula asks that P(U(ψ)) holds for each of its tuples (daniely2020hardness, section 2.1).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import real_array, whole_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.one_line import in_one_line
from twolayer.papers.daniely2020hardness.instances.planting import check_planting, planted_values

__all__ = ["Formula", "Predicate", "conjunction", "planted_formula", "random_assignment", "random_formula", "sat"]

Seed = np.random.Generator | int | None
Signs = NDArray[np.int8]
Truth = NDArray[np.bool_]


@dataclass(frozen=True)
class Predicate:
    r"""A predicate :math:`P : \{\pm1\}^A \to \{0, 1\}`.

    Attributes
    ----------
    name : str
    arity : int
        The A.
    holds : callable
        Values of literals, shape (m, A), ±1 → whether P holds, shape (m,).
    draw : callable, optional
        ``draw(count, rng)``: values for which P holds, shape (count, A). Without it, uniform values are drawn until P
        holds.
    clause_size, n_clauses, is_negated
        The K and M of :math:`T_{K,M}`, and whether this is its negation; 0, 0, False for any other predicate.
    planting : str
        Law of the values that are drawn, one of ``PLANTINGS``.
    """

    name: str
    arity: int
    holds: Callable[[Signs], Truth]
    draw: Callable[[int, np.random.Generator], Signs] | None = None
    clause_size: int = 0
    n_clauses: int = 0
    is_negated: bool = False
    planting: str = "uniform"

    def values(self, count: int, rng: np.random.Generator) -> Signs:
        """Draw values of literals for which the predicate holds, shape (count, A), by the law of the planting.

        Raises
        ------
        InputError
            If it seems never to hold: 10 000 rounds of drawing found no value for some row.
        """
        most = 10_000  # a predicate that holds for one value in a thousand is met within that, all but surely
        if self.draw is not None:
            return self.draw(count, rng)
        values = np.empty((count, self.arity), dtype=np.int8)
        missing = np.arange(count)
        for _ in range(most):
            values[missing] = _fair_signs((len(missing), self.arity), rng)
            missing = missing[~self.holds(values[missing])]
            if not len(missing):
                return values
        raise InputError(f"the predicate {self.name} held for none of {most} values drawn at random")


def sat(clause_size: int) -> Predicate:
    r"""Make :math:`\mathrm{SAT}_K(z) = z_1 \vee \dots \vee z_K`.

    Raises
    ------
    InputError
        If K is below 2 or above 30.
    """
    return conjunction(clause_size, 1)


def conjunction(clause_size: int, n_clauses: int, is_negated: bool = False, planting: str = "uniform") -> Predicate:
    r"""Make :math:`T_{K,M}(z) = \bigwedge_{i \le M} (z_{(i-1)K+1} \vee \dots \vee z_{iK})`, or its negation.

    Parameters
    ----------
    clause_size, n_clauses : int
        K ≥ 2 and M ≥ 1. M = 1 is :math:`\mathrm{SAT}_K`.
    is_negated : bool
    planting : {"uniform", "balanced"}
        Law of the values that a planted assignment gives the literals, see ``PLANTINGS``.

    Returns
    -------
    Predicate
        Values that satisfy it are drawn directly, at cost O(KM log K) each, however rare they are.

    Raises
    ------
    InputError
        If K is below 2 or above 30, or M below 1, or there is no such planting; it names the nearest number allowed.
    """
    most = 30  # the patterns of a clause are numbered in 31 bits
    K = whole_number(clause_size, "the clause size K", least=0)
    M = whole_number(n_clauses, "the number M of clauses")
    if not 2 <= K <= most:
        nearest = min(max(K, 2), most)
        raise InputError(f"a clause needs 2 ≤ K ≤ {most} literals, found K = {K}; nearest: {nearest}")
    check_planting(planting, K, M, is_negated)

    def holds(values: Signs) -> Truth:
        is_true = np.all(np.any(values.reshape(len(values), M, K) > 0, axis=2), axis=1)
        return np.asarray(is_true != is_negated)

    def draw(count: int, rng: np.random.Generator) -> Signs:
        return planted_values(planting, K, M, is_negated, count, rng)

    name = f"SAT_{K}" if M == 1 else f"T_{K},{M}"
    return Predicate(f"not {name}" if is_negated else name, K * M, holds, draw, K, M, is_negated, planting)


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Formula:
    """Constraints of one predicate on signed tuples of variables.

    Parameters
    ----------
    n_variables : int
    variables : array of int, shape (m, A)
        Variables of each tuple, counted from 0, distinct within a row.
    signs : array of int, shape (m, A)
        The α, ±1.
    predicate : Predicate
        Of arity A.

    Raises
    ------
    InputError
        If the shapes differ or are not (m, A), a variable is out of range or twice in a tuple, or a sign is not ±1.
    """

    n_variables: int
    variables: NDArray[np.int32]
    signs: Signs
    predicate: Predicate

    def __post_init__(self) -> None:
        n = _variable_count(self.n_variables, self.predicate)
        variables, signs = np.asarray(self.variables), np.asarray(self.signs)
        shape = (len(variables), self.predicate.arity)
        for name, array in (("variables", variables), ("signs", signs)):
            if array.shape != shape or array.dtype.kind not in "iu":
                raise InputError(f"{name} must be integers of shape (m, {shape[1]}), found {array.dtype} {array.shape}")
        if variables.size and not (variables.min() >= 0 and variables.max() < n):
            raise InputError(f"variables must be numbers from 0 to {n - 1}, found {_outlier(variables, n)}")
        if not np.isin(signs, (-1, 1)).all():
            raise InputError("signs must be −1 or 1")
        repeated = np.flatnonzero(_has_repeats(variables))
        if len(repeated):
            raise InputError(f"the variables of a tuple must be distinct, and tuple {repeated[0]} has one twice")
        for name, array, dtype in (("variables", variables, np.int32), ("signs", signs, np.int8)):
            frozen = np.array(array, dtype=dtype, order="C")
            frozen.setflags(write=False)
            object.__setattr__(self, name, frozen)

    def __len__(self) -> int:
        """How many constraints there are."""
        return len(self.variables)

    def __getitem__(self, rows: Any) -> "Formula":
        """Take the constraints of these rows, a slice or an array of indices."""
        return Formula(self.n_variables, self.variables[rows], self.signs[rows], self.predicate)

    def literals(self, assignment: ArrayLike) -> Signs:
        """Values of the literals under an assignment, ±1, shape (m, A)."""
        return self.signs * checked_assignment(assignment, self.n_variables)[self.variables]

    def holds(self, assignment: ArrayLike) -> Truth:
        """Whether each constraint holds under an assignment, shape (m,)."""
        return self.predicate.holds(self.literals(assignment))

    def value(self, assignment: ArrayLike) -> float:
        """Fraction of the constraints that hold: what CSP(P) maximises."""
        return float(self.holds(assignment).mean())


def random_formula(n_variables: int, n_constraints: int, predicate: Predicate, rng: Seed = None) -> Formula:
    """Draw a formula of independent tuples, each uniform among all signed tuples.

    Parameters
    ----------
    n_variables, n_constraints : int
    predicate : Predicate
        ``sat(K)`` for random K-SAT.
    rng : numpy.random.Generator or int or None

    Returns
    -------
    Formula

    Raises
    ------
    InputError
        If there are fewer variables than the predicate has literals.
    """
    n = _variable_count(n_variables, predicate)
    m = _constraint_count(n_constraints, predicate)
    rng = np.random.default_rng(rng)
    variables = _distinct_variables(n, m, predicate.arity, rng)
    return Formula(n, variables, _fair_signs(variables.shape, rng), predicate)


def planted_formula(assignment: ArrayLike, n_constraints: int, predicate: Predicate, rng: Seed = None) -> Formula:
    """Draw a formula that an assignment satisfies: independent tuples, values of literals by the predicate's planting.

    Parameters
    ----------
    assignment : array of ±1, shape (n_variables,)
    n_constraints : int
    predicate : Predicate
    rng : numpy.random.Generator or int or None

    Returns
    -------
    Formula

    Raises
    ------
    InputError
        If the assignment is not ±1, or there are fewer variables than the predicate has literals.
    """
    psi = checked_assignment(assignment)
    n = _variable_count(len(psi), predicate)
    m = _constraint_count(n_constraints, predicate)
    rng = np.random.default_rng(rng)
    variables = _distinct_variables(n, m, predicate.arity, rng)
    return Formula(n, variables, predicate.values(m, rng) * psi[variables], predicate)


def random_assignment(n_variables: int, rng: Seed = None) -> Signs:
    """Draw an assignment uniformly, ±1, shape (n_variables,)."""
    return _fair_signs((whole_number(n_variables, "the number of variables"),), np.random.default_rng(rng))


def checked_assignment(assignment: ArrayLike, n_variables: int | None = None) -> Signs:
    """Return an assignment as int8, or say what is wrong with it."""
    psi = real_array(assignment, "the assignment", ndim=1)
    if n_variables is not None and len(psi) != n_variables:
        raise InputError(f"the assignment must have {n_variables} entries, found {len(psi)}")
    if not np.isin(psi, (-1, 1)).all():
        raise InputError("the assignment must consist of −1 and 1")
    return psi.astype(np.int8)


def _variable_count(n_variables: int, predicate: Predicate) -> int:
    most = np.iinfo(np.int32).max  # literals are int32
    n = whole_number(n_variables, "the number of variables")
    if n > most:
        raise InputError(f"at most {most} variables are allowed, found {n}")
    if n < predicate.arity:
        K, M = predicate.clause_size, predicate.n_clauses
        if M <= 1:
            why = f"nearest allowed: {predicate.arity} variables"
        elif n < K:
            why = f"nearest allowed: M = 1 with {K} variables"
        else:
            why = f"with K = {K} the largest M allowed is {n // K}"
        raise InputError(f"{predicate.name} needs {predicate.arity} distinct variables, found {n}; {why}")
    return n


def _constraint_count(n_constraints: int, predicate: Predicate) -> int:
    m = whole_number(n_constraints, "the number of constraints")
    # 2^31 of a formula: 10 GB
    most = (1 << 31) // predicate.arity
    if m > most:
        raise InputError(f"at most {most} constraints of {predicate.arity} literals are allowed, found {m}")
    return m


def _fair_signs(shape: tuple[int, ...], rng: np.random.Generator) -> Signs:
    return 2 * rng.integers(0, 2, shape, dtype=np.int8) - 1


def _distinct_variables(n: int, count: int, arity: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Rows uniform among the sequences of `arity` distinct numbers below n."""
    if arity * arity > n:  # rows drawn independently would mostly have repeats: take the head of a random order
        # 32 MB of scores at once
        rows = max(1, (1 << 22) // n)
        sizes = [min(rows, count - start) for start in range(0, count, rows)]
        orders = [np.argsort(rng.random((size, n)), axis=1)[:, :arity] for size in sizes]
        return np.concatenate(orders).astype(np.int32)
    variables = rng.integers(0, n, (count, arity), dtype=np.int32)
    again = np.flatnonzero(_has_repeats(variables))
    while len(again):
        variables[again] = rng.integers(0, n, (len(again), arity), dtype=np.int32)
        again = again[_has_repeats(variables[again])]
    return variables


def _has_repeats(variables: NDArray[Any]) -> Truth:
    in_order = np.sort(variables, axis=1)
    return (in_order[:, 1:] == in_order[:, :-1]).any(axis=1)


def _outlier(variables: NDArray[Any], n: int) -> int:
    return int(variables[(variables < 0) | (variables >= n)][0])
