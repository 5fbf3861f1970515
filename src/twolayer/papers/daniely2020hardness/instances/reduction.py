r"""From random K-SAT to labelled tuples: :math:`\mathrm{SAT}_K \to T_{K,M} \to (T_{K,M}, \neg T_{K,M})`.

A satisfiable formula becomes a sample with labels :math:`1 - T_{K,M}(U(\psi))`, a random one a sample whose labels are
fair coins: *scattered*. The steps are those of daniely2016complexity, on which daniely2020hardness rests.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import whole_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.one_line import in_one_line
from twolayer.papers.daniely2020hardness.instances.formula import (
    Formula,
    Predicate,
    Seed,
    conjunction,
    planted_formula,
    random_formula,
)

__all__ = ["LabelledTuples", "conjunctions", "realizable_tuples", "scattered_tuples", "with_negations"]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class LabelledTuples:
    r"""Signed tuples with labels: 0 asks for :math:`T_{K,M}`, 1 for its negation.

    Parameters
    ----------
    tuples : Formula
        Of the predicate ``conjunction(K, M)``.
    y : array of int, shape (m,)
        0 or 1.

    Raises
    ------
    InputError
        If the predicate is another one, or the labels are not 0 and 1, one for each tuple.
    """

    tuples: Formula
    y: NDArray[np.int8]

    def __post_init__(self) -> None:
        _require_conjunctions(self.tuples.predicate)
        y = np.array(self.y)
        if y.shape != (len(self.tuples),) or not np.isin(y, (0, 1)).all():
            raise InputError(f"labels must be {len(self.tuples)} numbers 0 or 1, found shape {y.shape}")
        y = y.astype(np.int8)
        y.setflags(write=False)
        object.__setattr__(self, "y", y)

    def labels(self, assignment: ArrayLike) -> NDArray[np.int8]:
        """Labels :math:`1 - T(U(ψ))` that an assignment gives the tuples."""
        return (~self.tuples.holds(assignment)).astype(np.int8)


def conjunctions(formula: Formula, n_clauses: int, block: int | None = None) -> Formula:
    r"""Reduce :math:`\mathrm{SAT}_K` to :math:`T_{K,M}`: pick disjoint clauses from each block of a formula.

    In each block, greedily and in order, clauses are kept whose variables are new, until there are M; they make one
    constraint. A random formula stays random: given which of its clauses are kept, the tuple is uniform. An assignment
    that satisfies the formula satisfies every constraint.

    Parameters
    ----------
    formula : Formula
        Of the predicate ``sat(K)``.
    n_clauses : int
        The M.
    block : int, optional
        Clauses in a block; by default as many as there are variables.

    Returns
    -------
    Formula
        One constraint of ``conjunction(K, M)`` from each block.

    Raises
    ------
    InputError
        If the formula is not K-SAT, KM exceeds the number of variables, the number of clauses is no multiple of the
        block, or a block holds fewer than M disjoint clauses, where the paper's reduction answers "satisfiable"; it
        names the nearest number allowed.

    Notes
    -----
    Time O(BMK²) for each position in a block that is looked at, B blocks at once; about M positions, as clauses with a
    variable in common are rare for M ≤ n/log n. Memory O(BMK) beside the formula.
    """
    K, M = formula.predicate.clause_size, whole_number(n_clauses, "the number M of clauses")
    if formula.predicate.n_clauses != 1 or formula.predicate.is_negated:
        raise InputError(f"the formula must be one of SAT_K, found {formula.predicate.name}")
    n, predicate = formula.n_variables, conjunction(K, M)
    if n < K * M:
        raise InputError(f"{M} disjoint clauses of {K} literals need {K * M} variables, found {n}; largest M: {n // K}")
    block = n if block is None else whole_number(block, "the block")
    if len(formula) % block or not len(formula):
        nearest = max(1, round(len(formula) / block)) * block
        raise InputError(
            f"the number of clauses must be a multiple of the block {block}, found {len(formula)}; nearest: {nearest}"
        )
    kept = _disjoint_clauses(formula.variables.reshape(-1, block, K), M)[:, :, None]
    variables = np.take_along_axis(formula.variables.reshape(-1, block, K), kept, axis=1).reshape(-1, K * M)
    signs = np.take_along_axis(formula.signs.reshape(-1, block, K), kept, axis=1).reshape(-1, K * M)
    return Formula(n, variables, signs, predicate)


def with_negations(formula: Formula, rng: Seed = None, assignment: ArrayLike | None = None) -> LabelledTuples:
    r"""Reduce :math:`T_{K,M}` to :math:`(T_{K,M}, \neg T_{K,M})`: replace each constraint, with chance ½, by a ¬T.

    The tuple of a ¬T is drawn uniformly. The labels of a random formula are then fair coins, independent of the tuples.
    An assignment that satisfies the formula satisfies all m constraints with chance at least
    :math:`1 - m\,(1-2^{-K})^M`, which is near 1 for :math:`M \ge 2^{K+2}\log m`.

    Parameters
    ----------
    formula : Formula
        Of the predicate ``conjunction(K, M)``.
    rng : numpy.random.Generator or int or None
    assignment : array of ±1, optional
        Plant it in each new constraint, by the planting of the formula's predicate, so that a satisfiable formula gives
        a realisable sample for any M. A uniform tuple is not what this draws.

    Returns
    -------
    LabelledTuples
        Labels 1 where a constraint was replaced.

    Raises
    ------
    InputError
        If the formula's predicate is another one.
    """
    K, M = _require_conjunctions(formula.predicate)
    rng = np.random.default_rng(rng)
    y = rng.integers(0, 2, len(formula), dtype=np.int8)
    replaced = np.flatnonzero(y)
    if not len(replaced):
        return LabelledTuples(formula, y)
    if assignment is None:
        fresh = random_formula(formula.n_variables, len(replaced), formula.predicate, rng)
    else:
        violated = conjunction(K, M, is_negated=True, planting=formula.predicate.planting)
        fresh = planted_formula(assignment, len(replaced), violated, rng)
    variables, signs = formula.variables.copy(), formula.signs.copy()
    variables[replaced], signs[replaced] = fresh.variables, fresh.signs
    return LabelledTuples(Formula(formula.n_variables, variables, signs, formula.predicate), y)


def scattered_tuples(n_variables: int, n_samples: int, predicate: Predicate, rng: Seed = None) -> LabelledTuples:
    """Draw what a random formula is reduced to: uniform tuples, and labels that are independent fair coins.

    Raises
    ------
    InputError
        If the predicate is not ``conjunction(K, M)``, or has more literals than there are variables.
    """
    _require_conjunctions(predicate)
    rng = np.random.default_rng(rng)
    return with_negations(random_formula(n_variables, n_samples, predicate, rng), rng)


def realizable_tuples(assignment: ArrayLike, n_samples: int, predicate: Predicate, rng: Seed = None) -> LabelledTuples:
    """Draw what a planted formula is reduced to: labels are fair coins, and the assignment realises every one.

    The values that the assignment gives the literals have the law of the predicate's planting. Uniform ones, of which
    the reduction speaks no more than of any other, are found out by a majority vote over each variable's literals;
    balanced ones are not.

    Raises
    ------
    InputError
        If the predicate is not ``conjunction(K, M)``, the assignment not ±1, or there are too few variables.
    """
    _require_conjunctions(predicate)
    rng = np.random.default_rng(rng)
    return with_negations(planted_formula(assignment, n_samples, predicate, rng), rng, assignment)


def _require_conjunctions(predicate: Predicate) -> tuple[int, int]:
    if not predicate.n_clauses or predicate.is_negated:
        raise InputError(f"the predicate must be T_K,M, found {predicate.name}")
    return predicate.clause_size, predicate.n_clauses


def _disjoint_clauses(variables: NDArray[np.int32], M: int) -> NDArray[np.int64]:
    """Positions, in each of B blocks of clauses (B, block, K), of the first M that are greedily disjoint, (B, M)."""
    n_blocks, block, K = variables.shape
    kept = np.zeros((n_blocks, M), dtype=np.int64)
    used = np.full((n_blocks, M, K), -1, dtype=np.int32)
    n_kept = np.zeros(n_blocks, dtype=np.int64)
    unfinished = np.arange(n_blocks)
    for position in range(block):
        clause = variables[unfinished, position]
        earlier = used[unfinished, : min(position, M)].reshape(len(unfinished), -1, 1)
        is_new = ~(earlier == clause[:, None, :]).any(axis=(1, 2))
        chosen = unfinished[is_new]
        used[chosen, n_kept[chosen]] = clause[is_new]
        kept[chosen, n_kept[chosen]] = position
        n_kept[chosen] += 1
        unfinished = unfinished[n_kept[unfinished] < M]
        if not len(unfinished):
            return kept
    short = unfinished[0]
    raise InputError(
        f"block {short + 1} of {n_blocks} holds {n_kept[short]} disjoint clauses, and M = {M} are needed; "
        f"largest M that every block allows: {n_kept.min()}"
    )
