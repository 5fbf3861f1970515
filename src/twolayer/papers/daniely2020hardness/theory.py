r"""Hardness of learning networks with natural weights (daniely2020hardness): the paper's bounds, as numbers.

Under the assumption that refuting random K-SAT is hard, no efficient learner learns most two-layer networks whose
weights are drawn from one of its laws, already on inputs of bounded norm. `norm_bound` is that norm, for
Theorems 3.1 to 3.6, Corollaries 3.1 and 3.3, and Remark 3.1; the rest are the quantities of the reduction.

"log" is the natural logarithm. An O(·) is evaluated with constant 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, exp, inf, log, log1p, sqrt

import numpy as np

from twolayer.arrays import real_number, whole_number
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork

__all__ = [
    "ARCHITECTURES",
    "WEIGHT_LAWS",
    "NormBound",
    "balanced_conjunction",
    "concentration",
    "conjunction_size",
    "false_pass_bound",
    "filter_norm_bound",
    "hidden_units",
    "log2_expected_assignments",
    "log2_realized_by_chance",
    "norm_bound",
    "quantities",
    "satisfied_fraction",
    "scattered_loss",
    "statistical_clauses",
    "subgaussian_constant",
    "unsatisfiable_ratio",
]

ARCHITECTURES = {
    "fully_connected": "a random matrix: every unit has its own weights for every coordinate",
    "convolutional": "a random filter, the same for every one of the patches, which do not overlap",
}
WEIGHT_LAWS = {
    "normal": "independent entries N(0, σ²)",
    "uniform": "independent entries uniform on [−r, r]",
    "sign": "independent entries −r or r with equal chance",
    "gaussian": "each unit N(0, Σ)",
    "sphere": "each unit uniform on the sphere of radius r",
}
_FAIR_COIN_LOSS = 0.25  # of the best constant, 1/2, on labels that are 0 or 1 with equal chance


@dataclass(frozen=True)
class NormBound:
    r"""How long the inputs are on which learning is hard.

    Attributes
    ----------
    theorem : str
    formula : str
        The bound as printed.
    value : float
        The bound as printed.
    derived_formula : str
    derived : float
        A bound for the transform of a sample on all n coordinates, derived from the length log²n of the sign-CNN's
        inputs and the least singular value of the transform. Above `value` where the paper first shrinks the dimension
        (the n^ε), or where the printed bound seems to have lost a factor (Theorem 3.6).
    """

    theorem: str
    formula: str
    value: float
    derived_formula: str
    derived: float


@dataclass(frozen=True)
class _Bound:
    """A bound as printed and as derived: functions of n and ε, to be divided by the scale of the law."""

    theorem: str
    formula: str
    printed: Callable[[float, float], float]
    derived_formula: str
    derived: Callable[[float], float]


def _entrywise(scale: str) -> _Bound:
    return _Bound("Corollary 3.1", f"n^ε/{scale}", lambda n, e: n**e, f"n log³n/{scale}", lambda n: n * log(n) ** 3)


def _filterwise(scale: str) -> _Bound:
    formula = f"n log n/{scale}"
    return _Bound("Corollary 3.3", formula, lambda n, _: n * log(n), formula, lambda n: n * log(n))


_BOUNDS = {
    ("fully_connected", "normal"): _entrywise("σ"),
    ("fully_connected", "uniform"): _entrywise("r"),
    ("fully_connected", "sign"): _entrywise("r"),
    ("fully_connected", "gaussian"): _Bound(
        "Theorem 3.2", "n^ε/√λ_min", lambda n, e: n**e, "n log³n/√λ_min", lambda n: n * log(n) ** 3
    ),
    ("fully_connected", "sphere"): _Bound(
        "Theorem 3.3",
        "n√n log⁴n/r",
        lambda n, _: n**1.5 * log(n) ** 4,
        "2 n√n log³n/r",
        lambda n: 2 * n**1.5 * log(n) ** 3,
    ),
    ("convolutional", "normal"): _filterwise("σ"),
    ("convolutional", "uniform"): _filterwise("r"),
    ("convolutional", "sign"): _Bound(
        "Corollary 3.3", "log²n/r", lambda n, _: log(n) ** 2, "log²n/r", lambda n: log(n) ** 2
    ),
    ("convolutional", "gaussian"): _Bound(
        "Theorem 3.5", "n log n/√λ_min", lambda n, _: n * log(n), "n log n/√λ_min", lambda n: n * log(n)
    ),
    ("convolutional", "sphere"): _Bound(
        "Theorem 3.6",
        "√(n log n)/r",
        lambda n, _: sqrt(n * log(n)),
        "2 n√n log n/r",
        lambda n: 2 * n**1.5 * log(n),
    ),
}


def norm_bound(
    architecture: str, law: str, n: int, scale: float = 1.0, epsilon: float = 0.5, is_wide: bool = False
) -> NormBound:
    r"""Evaluate the norm of the inputs on which learning is hard, for a law of weights.

    Parameters
    ----------
    architecture : {"fully_connected", "convolutional"}
    law : {"normal", "uniform", "sign", "gaussian", "sphere"}
    n : int
        Coordinates of the input, at least 3.
    scale : float
        σ of "normal", r of "uniform", "sign" and "sphere", and √λ_min(Σ) of "gaussian".
    epsilon : float
        The ε > 0 of the theorems that have one.
    is_wide : bool
        For convolutional networks, Remark 3.1: O(n) hidden units instead of O(log²n), and the bound n^ε/scale.

    Returns
    -------
    NormBound

    Raises
    ------
    InputError
        If a name is unknown, n is below 3, or scale or ε are not positive.

    References
    ----------
    .. [1] daniely2020hardness, Theorems 3.1-3.6, Corollaries 3.1 and 3.3, Remark 3.1
    """
    if (architecture, law) not in _BOUNDS:
        kinds, laws = ", ".join(ARCHITECTURES), ", ".join(WEIGHT_LAWS)
        raise InputError(f"expected one of {kinds} and one of {laws}, found {architecture!r} and {law!r}")
    n = whole_number(n, "the number of coordinates", least=3)
    scale, epsilon = _positive(scale, "the scale"), _positive(epsilon, "epsilon")
    bound = _BOUNDS[architecture, law]
    theorem, formula, value = bound.theorem, bound.formula, bound.printed(n, epsilon)
    if is_wide and architecture == "convolutional":
        theorem, formula, value = "Remark 3.1", f"n^ε/{formula.split('/')[1]}", n**epsilon
    return NormBound(theorem, formula, value / scale, bound.derived_formula, bound.derived(n) / scale)


def concentration(law: str, t: int, scale: float = 1.0) -> float:
    r"""Evaluate the f(t) of Theorem 3.4, :math:`\Pr(|z| < f(t)) = o(1/t)`, that the paper chooses for a law of entries.

    :math:`\sigma/(t\log t)` for "normal", :math:`r/(t\log t)` for "uniform", r for "sign". Theorem 3.4 bounds the norm
    by :math:`\log^2(n')/f(n')`, n' + 1 the length of the filter.

    Raises
    ------
    InputError
        If the law is none of the three, t is below 2, or the scale is not positive.
    """
    t = whole_number(t, "t", least=2)
    scale = _positive(scale, "the scale")
    _require_entrywise(law)
    return scale if law == "sign" else scale / (t * log(t))


def filter_norm_bound(n_variables: int, least_entry: float) -> float:
    r"""Evaluate the bound of Theorem 3.4, :math:`\log^2(n')/f(n')`, for n' variables; f is a `concentration`.

    Raises
    ------
    InputError
        If there are fewer than 2 variables, or f(n') is not positive.
    """
    n = whole_number(n_variables, "the number of variables", least=2)
    return log(n) ** 2 / _positive(least_entry, "the concentration f(n')")


def subgaussian_constant(law: str) -> float:
    r"""Find the least b for which z/σ is b-subgaussian, :math:`\Pr(|z| > \sigma t) \le 2 e^{-t^2/b^2}` (Theorem 3.1).

    Raises
    ------
    InputError
        If the law is not one of independent entries.
    """
    _require_entrywise(law)
    if law == "normal":
        return sqrt(2)
    if law == "sign":
        return 1 / sqrt(log(2))
    from scipy.optimize import minimize_scalar  # slow to import, and the table of families needs none of it

    peak = minimize_scalar(lambda u: -3 * u**2 / log(2 / (1 - u)), bounds=(1e-6, 1 - 1e-12), method="bounded")
    return sqrt(-peak.fun)


def hidden_units(n_variables: int) -> int:
    """Round log²(n'), the number of hidden units for n' variables (Theorem 3.4)."""
    return max(1, round(log(whole_number(n_variables, "the number of variables", least=2)) ** 2))


def satisfied_fraction(clause_size: int, n_clauses: int) -> float:
    r"""Evaluate :math:`\Pr(T_{K,M}) = (1-2^{-K})^M` for uniform values."""
    K, M = _clauses(clause_size, n_clauses)
    return (1 - 0.5**K) ** M


def balanced_conjunction(clause_size: int) -> int:
    """Find the M for which T_{K,M} holds for half of all values, as nearly as can be."""
    K, _ = _clauses(clause_size, 1)
    M = max(1, int(log(0.5) / log1p(-(0.5**K))))
    return min((M, M + 1), key=lambda m: abs(satisfied_fraction(K, m) - 0.5))


def conjunction_size(clause_size: int, n_samples: int) -> int:
    r"""Evaluate the M ≥ :math:`2^{K+2}\log m` that the reduction to (T, ¬T) asks for m constraints."""
    K, m = _clauses(clause_size, n_samples)
    return max(1, ceil(2 ** (K + 2) * log(m)))


def unsatisfiable_ratio(clause_size: int) -> float:
    r"""Evaluate :math:`\log 2/(-\log(1-2^{-K}))`.

    With more clauses to a variable, a random formula is unsatisfiable with high probability.
    """
    K, _ = _clauses(clause_size, 1)
    return log(2) / -log1p(-(0.5**K))


def log2_expected_assignments(n_variables: int, n_clauses: int, clause_size: int) -> float:
    r"""Evaluate :math:`n + m\log_2(1-2^{-K})`: the expected number of assignments that satisfy a random formula.

    Also log2 of a bound on the chance that there is one.
    """
    n = whole_number(n_variables, "the number of variables")
    K, m = _clauses(clause_size, n_clauses)
    return n + m * log1p(-(0.5**K)) / log(2)


def log2_realized_by_chance(n_variables: int, n_samples: int) -> float:
    """Bound log2 of the chance that some sign-CNN realises a scattered sample: n' + 1 − m, as there are 2^(n' + 1)."""
    n, m = whole_number(n_variables, "the number of variables"), whole_number(n_samples, "the number of samples")
    return min(0.0, float(n + 1 - m))


def statistical_clauses(n_variables: int, order: int) -> float:
    r"""Evaluate :math:`\max(n^{r/2}, n\log n)`, what a statistical algorithm needs to find a planted assignment.

    Of clauses whose law has distribution complexity r: fewer than r literals are independent fair coins, and some r are
    not. A lower bound for statistical algorithms up to logarithms and constants, for clauses of fixed size, and reached
    by one of them; elimination modulo 2, which breaks XOR clauses, is none of them.

    References
    ----------
    .. [1] feldman2018complexity
    """
    n, r = whole_number(n_variables, "the number of variables"), whole_number(order, "the order r")
    return max(n ** (r / 2), n * log(n))


def scattered_loss(n_seen: int, n_samples: int) -> float:
    r"""Evaluate :math:`\tfrac14(1 - m/|S|)`: the least expected loss over S of a learner that saw m of its labels.

    Labels of a scattered sample are fair coins, and no prediction of an unseen one has expected loss below 1/4.
    """
    m, total = _seen(n_seen, n_samples)
    return _FAIR_COIN_LOSS * (1 - m / total)


def false_pass_bound(n_seen: int, n_samples: int, threshold: float = 0.1) -> float:
    r"""Bound the chance that a learner which saw m labels of a scattered sample has loss ≤ 1/10 over all of it.

    By Hoeffding's inequality over the N = |S| − m unseen coins, whose losses lie in [0, 1]:
    :math:`\exp\bigl(-2N(\tfrac14 - \tfrac{|S|}{10 N})^2\bigr)`, or 1 where the bracket is negative.
    """
    m, total = _seen(n_seen, n_samples)
    unseen = total - m
    gap = _FAIR_COIN_LOSS - (threshold * total / unseen if unseen else inf)
    return exp(-2 * unseen * gap**2) if gap > 0 else 1.0


def quantities(network: TwoLayerNetwork) -> dict[str, float]:
    """The norms of inputs on which a network like this one is hard to learn, as named numbers.

    - ``inputs``, ``units``, and ``units_of_the_theorems``: n, m and log²n;
    - ``sigma``, ``largest_weight``, ``row_norm``: the root mean square of W, its largest entry, and the root mean
      square of the rows' norms, which stand for the σ and r of each law;
    - ``norm_bound_LAW`` for the laws "normal", "uniform", "sign" and "sphere" of fully connected networks, ε = ½.
      Whether the weights look as if drawn from the law is another question.

    Raises
    ------
    InputError
        If the network is not one of ReLU units without biases or polynomial and with positive output weights, has no
        unit, fewer than 3 inputs, or no weights but zero.
    """
    has_more = bool(network.b.any()) or network.polynomial is not None
    if network.activation.name != "relu" or has_more or not (network.a > 0).all():
        raise InputError(
            "daniely2020hardness speaks of ReLU networks without biases and with positive output weights, found another"
        )
    if not network.width:
        raise InputError("daniely2020hardness speaks of networks with units, found none")
    n, largest = network.dim, float(np.abs(network.W).max())
    sigma = float(np.sqrt(np.mean(network.W**2)))
    found = {"inputs": float(n), "units": float(network.width), "units_of_the_theorems": log(n) ** 2}
    found |= {"sigma": sigma, "largest_weight": largest, "row_norm": sigma * sqrt(n)}
    scales = {"normal": sigma, "uniform": largest, "sign": largest, "sphere": sigma * sqrt(n)}
    return found | {f"norm_bound_{law}": norm_bound("fully_connected", law, n, r).value for law, r in scales.items()}


def _positive(value: float, name: str) -> float:
    number = real_number(value, name, least=0)
    if number == 0:
        raise InputError(f"{name} must be positive, found 0")
    return number


def _require_entrywise(law: str) -> None:
    entrywise = ("normal", "uniform", "sign")
    if law not in entrywise:
        raise InputError(f"expected a law of independent entries, one of {', '.join(entrywise)}, found {law!r}")


def _clauses(clause_size: int, count: int) -> tuple[int, int]:
    longest = 1000  # the bounds are powers of K, and leave floating point beyond
    K = whole_number(clause_size, "the clause size K", least=2)
    if longest < K:
        raise InputError(f"the clause size K must be at most {longest}, found {K}")
    return K, whole_number(count, "the number of clauses or samples")


def _seen(n_seen: int, n_samples: int) -> tuple[int, int]:
    total = whole_number(n_samples, "the number of samples")
    seen = whole_number(n_seen, "the number of samples seen", least=0)
    if seen > total:
        raise InputError(f"at most all {total} samples can be seen, found {seen}")
    return seen, total
