r"""The statistical-query dimension: how many nearly orthonormal functions a class holds.

The SQ dimension of a class of functions of norm one is the largest n such that some n of them have pairwise
:math:`|\langle f_i, f_j \rangle| \le 1/n^2` (Definition 4 of e2021hardness, where the absolute value is missing:
without it f and -f would count as different, and step (15) of the extension of Theorem 5 would fail).
"""

from dataclasses import dataclass

import numpy as np
import scipy  # its parts are imported on first use
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import frozen_array, real_number, whole_number
from twolayer.errors import InputError
from twolayer.papers.e2021hardness.theory.clique import clique
from twolayer.papers.e2021hardness.theory.neurons import COSINE

__all__ = [
    "NearlyOrthonormal",
    "log_query_dimension_of_waves",
    "queries_needed",
    "query_dimension",
    "query_dimension_of_parities",
    "unit_gram",
]


@dataclass(frozen=True)
class NearlyOrthonormal:
    r"""Functions of a class that show that its SQ dimension is at least their number.

    Attributes
    ----------
    members : tuple of int
        Which functions, ascending.
    coherence : float
        The largest :math:`|\langle f_i, f_j \rangle|` among them, at most 1/n²; 0 for one function.
    """

    members: tuple[int, ...]
    coherence: float

    @property
    def dimension(self) -> int:
        """The number n of members."""
        return len(self.members)


def unit_gram(gram: ArrayLike) -> NDArray[np.float64]:
    r"""Inner products of the functions scaled to norm one, :math:`G_{ij}/\sqrt{G_{ii}G_{jj}}`.

    Raises
    ------
    InputError
        If `gram` is not finite, square and symmetric to rounding, or its diagonal not positive.
    """
    G = frozen_array(gram, "the Gram matrix", 2)
    if G.shape[0] != G.shape[1] or not len(G):
        raise InputError(f"a Gram matrix must be square, found shape {G.shape}")
    if not (np.diag(G) > 0).all() or np.abs(G - G.T).max() > 1e-10 * np.diag(G).max():
        raise InputError("a Gram matrix must be symmetric with a positive diagonal")
    norms = np.sqrt(np.diag(G))
    return G / norms[:, None] / norms


def query_dimension(gram: ArrayLike, exact: bool = False) -> NearlyOrthonormal:
    r"""Lower bound, or exact value, of the SQ dimension of a finite class, with the functions that show it.

    For each n, join two functions if :math:`|\langle f_i, f_j \rangle| \le 1/n^2`: the dimension is the largest n whose
    graph has n functions all joined.

    Parameters
    ----------
    gram : array, shape (r, r)
        Inner products of the r functions, which are scaled to norm one here.
    exact : bool
        Search for the largest set (branch and bound, r ≤ 100, exponential in the worst case); greedily otherwise.

    Returns
    -------
    NearlyOrthonormal
        A certificate: whoever doubts it looks at the entries of the Gram matrix.

    Raises
    ------
    InputError
        If `gram` is no Gram matrix, or r is above 100 and `exact` is asked for.

    Notes
    -----
    Greedy: functions are taken in order of increasing sums of |G|, each that is joined to all before it, from every
    start until one reaches n; O(r² n) for each n at worst. What comes out is a dimension, but perhaps not the largest.
    """
    largest = 100  # the largest clique is looked for, in exponential time
    G = np.abs(unit_gram(gram))
    if exact and len(G) > largest:
        raise InputError(f"the exact dimension is for at most {largest} functions, found {len(G)}")
    best = _greedy(G)
    while exact and (larger := clique(_joined(G, len(best) + 1), len(best) + 1)):
        best = larger
    inside = G[np.ix_(best, best)]
    return NearlyOrthonormal(best, float(np.max(inside - np.diag(np.diag(inside)))))


def query_dimension_of_parities(d: int) -> int:
    """SQ dimension of the parities on {0,1}^d: 2^d exactly, as all are orthonormal (e2021hardness, (1) and (2))."""
    return int(2 ** whole_number(d, "the number of inputs"))


def log_query_dimension_of_waves(d: int, coefficients: ArrayLike = COSINE) -> float:
    r"""Certified lower bound on log(SQ dimension) of :math:`\{\phi(w \cdot x): \|w\| = \sqrt d\}`, x ~ N(0, I_d).

    *Packing.* Unit vectors u_1, u_2, ... with pairwise |u·u'| ≤ c can be added as long as their double caps do not
    cover the sphere, so that there are at least 1/P(c) of them, where

    .. math:: P(c) = \Pr[|u_1| > c] \le \frac{2\,(1 - c^2)^{(d-1)/2}}{(d-1)\,c\,B(\frac{d-1}2, \frac12)}.

    *Inner products.* With the Fourier coefficients c_k of φ, c_0 = 0, and norm² D, they are at most

    .. math:: \epsilon(c) = \frac1D \sum_{k,l \neq 0} |c_k c_l|\, e^{-2\pi^2 d\,(k^2 + l^2 - 2klc)}.

    So the dimension is at least n for every c with n ≤ 1/P(c) and n² ε(c) ≤ 1; the best c is where these meet.

    Parameters
    ----------
    d : int
        Inputs.
    coefficients : array, shape (K + 1,)
        c_0 = 0, c_1, ..., c_K of φ, of period 1; the cosine by default.

    Returns
    -------
    float
        Natural logarithm; rounding to a whole number of functions is not taken off.

    Raises
    ------
    InputError
        If c_0 is not zero (then no two of the functions are nearly orthogonal), or all coefficients are.

    Notes
    -----
    For the cosine it grows by some 1.1 for each input. The lecture's choice, c = d^{-1/4}, gives the weaker
    :math:`C_1 e^{C_2\sqrt d}` (its exponents -C_2 √d are meant positive).

    References
    ----------
    .. [1] e2021hardness, "The cosine neuron"; the remark on periodic functions
    """
    d = whole_number(d, "the number of inputs")
    c = np.abs(np.asarray(coefficients))
    if c.ndim != 1 or not np.isfinite(c).all() or not c.any() or c[0]:
        raise InputError("coefficients must be finite numbers c_0 = 0, c_1, ..., c_K, not all zero")
    if d == 1:
        return 0.0

    def room(cosine: float) -> float:
        return _log_packing(d, cosine) + 0.5 * _log_coherence(d, np.asarray(coefficients), cosine)

    from scipy.optimize import brentq  # slow to import, and tables of this paper are listed without it

    best = brentq(room, 1e-9, 1 - 1e-15, xtol=1e-15)
    return max(0.0, min(_log_packing(d, best), -0.5 * _log_coherence(d, np.asarray(coefficients), best)))


def queries_needed(size: int, tolerance: float, coherence: float = 0.0) -> float:
    r"""Fewest correlational queries after which only one target may be left, if the oracle is as unhelpful as allowed.

    It answers 0 to a query g of norm at most one whenever that is within the tolerance τ of ⟨g, f⟩. The k targets for
    which it is not, with signs that make their ⟨g, ±f⟩ positive, have
    :math:`k\tau \le \langle g, \sum \pm f \rangle \le \sqrt{k + k(k-1)\epsilon}`, so that a query strikes out no more
    than :math:`k \le (1-\epsilon)/(\tau^2 - \epsilon)` targets.

    Parameters
    ----------
    size : int
        Functions of norm one in the class.
    tolerance : float
        The τ in (0, 1].
    coherence : float
        The ε: a bound on |⟨f, f'⟩| of any two of them, below τ²; 0 for an orthonormal class.

    Returns
    -------
    float
        (size - 1)/k.

    Raises
    ------
    InputError
        If the tolerance is not in (0, 1], or the coherence not in [0, τ²).
    """
    size = whole_number(size, "the size of the class")
    tau, epsilon = real_number(tolerance, "tolerance", least=0), real_number(coherence, "coherence", least=0)
    if not (0 < tau <= 1 and epsilon < min(tau**2, 1.0)):
        raise InputError(f"need 0 < tolerance <= 1 and coherence < tolerance², found {tau:g} and {epsilon:g}")
    return (size - 1) * (tau**2 - epsilon) / (1 - epsilon)


def _joined(G: NDArray[np.float64], n: int) -> NDArray[np.bool_]:
    return n * n * G <= 1.0


def _greedy(G: NDArray[np.float64]) -> tuple[int, ...]:
    order = np.argsort(G.sum(axis=1), kind="stable")
    sorted_gram = G[np.ix_(order, order)]
    best = [0]
    while members := _first_fit(_joined(sorted_gram, len(best) + 1), len(best) + 1):
        inside = sorted_gram[np.ix_(members, members)]
        coherence = np.max(inside - np.diag(np.diag(inside)))
        count = len(best) + 1
        while count < len(members) and (count + 1) ** 2 * coherence <= 1.0:
            count += 1
        best = members[:count]
    return tuple(sorted(int(order[i]) for i in best))


def _first_fit(joined: NDArray[np.bool_], n: int) -> list[int]:
    """At least n vertices joined to one another, each the first that is joined to all before it; or none."""
    for start in range(len(joined) - n + 1):
        members, candidates = [start], joined[start].copy()
        candidates[: start + 1] = False
        while candidates.any():
            members.append(int(np.argmax(candidates)))
            candidates &= joined[members[-1]]
            candidates[members[-1]] = False
        if len(members) >= n:
            return members
    return []


def _log_packing(d: int, cosine: float) -> float:
    """-log of the bound on P(c)."""
    half = (d - 1) / 2
    return float(np.log(half * cosine) + scipy.special.betaln(half, 0.5) - half * np.log1p(-(cosine**2)))


def _log_coherence(d: int, coefficients: NDArray, cosine: float) -> float:
    """Logarithm of ε(c)."""
    k = np.flatnonzero(coefficients[1:]) + 1
    sizes = np.abs(coefficients[k])
    squares, products = k[:, None] ** 2 + k**2, 2 * cosine * np.outer(k, k)
    exponents = -2 * np.pi**2 * d * np.stack([squares - products, squares + products])  # kl positive, kl negative
    pairs = 2 * np.outer(sizes, sizes)
    largest = exponents.max()
    numerator = np.log(np.sum(pairs * np.exp(exponents - largest))) + largest
    return float(numerator - np.log(_squared_norm(d, coefficients)))


def _squared_norm(d: int, coefficients: NDArray) -> float:
    """E[φ(w·x)²] at ‖w‖² = d."""
    c = np.concatenate([coefficients[:0:-1].conj(), coefficients])
    k = np.arange(1 - len(coefficients), len(coefficients))
    return float((np.outer(c, c.conj()).real * np.exp(-2 * np.pi**2 * d * np.subtract.outer(k, k) ** 2.0)).sum())
