r"""Laws of the literals' values in a planted formula: what a learner may see of the planted assignment at a glance.

Values uniform among those that satisfy a clause, the law "uniform", give the assignment away: each literal is true with
chance :math:`\tfrac12 + \tfrac1{2(2^K-1)}`, and a majority vote over the signs of a variable's literals finds its
value. The law "balanced" has no such bias, neither of a literal nor of two of them, so that no linear and no quadratic
statistic of the inputs of one label differs from that of random ones:

- a satisfied clause has the law :math:`Q(z) = 2^{-K}\bigl(1 + \tfrac{(-1)^K}{K}\,e_{K-1}(z)\bigr)`, with
  :math:`e_{K-1}` the elementary symmetric polynomial. It is zero where every literal is false, and any K − 2 literals
  are independent fair coins. No parity of all K literals is preferred: it is not the law of XOR clauses, which
  elimination modulo 2 breaks;
- of a tuple that is to violate :math:`T_{K,M}`, one clause is false, or four are, at random places. With p the chance
  of a given clause to be false, the others have a law in which a literal is true more often by as much as makes up for
  it: it mixes Q with the pairwise uniform completion :math:`A` of the false clause, by p/(1 − p). The number of false
  clauses, 1 or 4, has the mean and the variance of M pairwise independent clauses for
  :math:`p = 2/(M + \sqrt M)`, so that literals of two clauses are uncorrelated as well. Three literals are not.

The smallest number of literals that are not independent fair coins, the `order`, decides how many clauses a statistical
algorithm needs: about :math:`n^{r/2}` for order r, up to logarithms (feldman2018complexity). For three literals to a
clause, balanced pairs leave XOR alone, and with noise labels would not be exact: there is no such law for K < 4.
"""

from math import ceil, comb, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.arrays import whole_number
from twolayer.errors import InputError

__all__ = ["PLANTINGS", "check_planting", "planted_values", "planting_order"]

PLANTINGS = {
    "uniform": "uniform among the values that satisfy: a majority vote finds the assignment",
    "balanced": "literals and pairs of literals unbiased: no vote and no second moment sees the assignment",
}
_SHORTEST_BALANCED = 4  # literals: balanced clauses of three are XOR clauses

Signs = NDArray[np.int8]
Law = NDArray[np.float64]


def check_planting(planting: str, K: int, M: int, is_negated: bool = True) -> None:
    """Say so if there is no such law for M clauses of K literals.

    Raises
    ------
    InputError
        If the name is unknown, or a clause too short or, where a tuple is to be violated, clauses too few for
        "balanced"; it names the nearest number allowed.
    """
    if planting not in PLANTINGS:
        raise InputError(f"the planting must be one of {', '.join(PLANTINGS)}, found {planting!r}")
    if planting == "uniform":
        return
    if K < _SHORTEST_BALANCED:
        raise InputError(
            f"balanced clauses need K ≥ {_SHORTEST_BALANCED} literals, found K = {K}: shorter ones are XOR clauses, "
            f"which elimination breaks; nearest allowed: {_SHORTEST_BALANCED}"
        )
    if is_negated and _least_clauses(K) > M:
        raise InputError(
            f"balanced tuples of clauses of K = {K} literals need M ≥ {_least_clauses(K)} clauses, found {M}; "
            f"nearest allowed: {_least_clauses(K)}"
        )


def planting_order(planting: str, clause_size: int) -> int:
    """Count the literals of a tuple of either label that it takes to see something of the assignment: 1, or 3.

    Tuples that satisfy the formula alone show something from K − 1 literals on in the law "balanced".
    """
    check_planting(planting, whole_number(clause_size, "the clause size K", least=2), 1, is_negated=False)
    return 1 if planting == "uniform" else _SHORTEST_BALANCED - 1


def planted_values(planting: str, K: int, M: int, is_negated: bool, count: int, rng: np.random.Generator) -> Signs:
    """Draw values of literals, shape (count, KM), that satisfy :math:`T_{K,M}`, or its negation."""
    check_planting(planting, K, M, is_negated)
    if planting == "uniform":
        patterns = _false_patterns(count, K, M, rng) if is_negated else rng.integers(1, 1 << K, (count, M))
        is_true = (patterns[:, :, None] >> np.arange(K)) & 1
        return (2 * is_true - 1).astype(np.int8).reshape(count, M * K)
    numbers = _balanced_false if is_negated else _balanced_true
    # 4 million literals at once, 32 MB
    rows = max(1, (1 << 22) // (K * M))
    values = np.empty((count, K * M), dtype=np.int8)
    for start in range(0, count, rows):
        block = values[start : start + rows]
        block[:] = _placed(numbers(len(block), K, M, rng), K, rng)
    return values


def _false_patterns(count: int, K: int, M: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Patterns of M clauses, uniform given that one clause at least is false (pattern 0), by its first false clause.

    The first is clause j with probability proportional to (1 − 2^−K)^j; clauses before it are uniform among the true
    patterns, and those after it among all.
    """
    weights = np.cumsum((1 - 0.5**K) ** np.arange(M))
    first = np.searchsorted(weights, rng.random(count) * weights[-1], side="right").clip(max=M - 1)
    patterns = rng.integers(0, 1 << K, (count, M))
    before = np.arange(M) < first[:, None]
    patterns[before] = rng.integers(1, 1 << K, int(before.sum()))
    patterns[np.arange(count), first] = 0
    return patterns


def _balanced_true(count: int, K: int, M: int, rng: np.random.Generator) -> NDArray[Any]:
    """How many literals of each clause are true, (count, M), by the law Q."""
    return rng.choice(K + 1, (count, M), p=_satisfied_law(K))


def _balanced_false(count: int, K: int, M: int, rng: np.random.Generator) -> NDArray[Any]:
    """How many literals of each clause are true, (count, M), for tuples with a false clause."""
    many = 4  # clauses, now and then, so that their number has the variance of independent ones
    p = 2 / (M + sqrt(M))
    share = p / (1 - p) / _completion_bias(K)  # at most 1, for M as large as is asked for
    law = share * _completion_law(K) + (1 - share) * _satisfied_law(K)
    numbers = rng.choice(K + 1, (count, M), p=law)
    chance_of_many = (M * p - 1) / (many - 1)
    n_false = np.where(rng.random(count) < chance_of_many, many, 1)
    place = np.argsort(np.argsort(rng.random((count, M)), axis=1), axis=1)
    numbers[place < n_false[:, None]] = 0
    return numbers


def _satisfied_law(K: int) -> Law:
    """The law Q of the number t of true literals: C(K, t) 2^−K (1 + (−1)^t (2t − K)/K)."""
    t = np.arange(K + 1)
    return np.array([comb(K, i) / 2.0**K for i in t]) * (1 + (-1.0) ** t * (2 * t - K) / K)


def _completion_bias(K: int) -> float:
    """The mean value of a literal in the law A."""
    return 1 / K if K % 2 else 1 / (K + 1)


def _completion_law(K: int) -> Law:
    """The law A of the number of true literals: literals have the mean a of `_completion_bias`, pairs −a."""
    law = np.zeros(K + 1)
    if K % 2:
        law[(K + 1) // 2] = 1
    else:
        law[K // 2 + 1] = K / (2 * (K + 1))
        law[K // 2] = 1 - law[K // 2 + 1]
    return law


def _least_clauses(K: int) -> int:
    """The least M with p/(1 − p) at most the bias of the law A: M + √M ≥ 2(1 + 1/a)."""
    least = 2 * (1 + round(1 / _completion_bias(K)))
    return ceil(((sqrt(1 + 4 * least) - 1) / 2) ** 2 - 1e-9)


def _placed(numbers: NDArray[Any], K: int, rng: np.random.Generator) -> Signs:
    """Values (count, MK) with so many true literals in each clause, at random places of it."""
    place = np.argsort(np.argsort(rng.random((*numbers.shape, K), dtype=np.float32), axis=2), axis=2)
    return np.where(place < numbers[:, :, None], 1, -1).astype(np.int8).reshape(len(numbers), -1)
