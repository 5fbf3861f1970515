r"""Hermite tensors of any order from samples, with a control variate and a noise level."""

from dataclasses import dataclass
from math import factorial, sqrt

import numpy as np
from numpy.typing import NDArray

from twolayer.equality import equal_by_value
from twolayer.hermite import hermite_values
from twolayer.moments import HermiteMoments, HermitePolynomial, hermite_regression
from twolayer.one_line import in_one_line
from twolayer.papers.awasthi2021efficient.algorithm.flattenings import packed_flattening
from twolayer.rows import blocks
from twolayer.symtensor import multi_indices, pack, packed_size

__all__ = ["SampleTensors", "hermite_features", "sample_tensors"]

_ACCUMULATED_ORDER = 4  # the highest that HermiteMoments holds


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class SampleTensors:
    r"""Estimates of :math:`\hat f_0, \dots, \hat f_{2ℓ+2}`.

    Attributes
    ----------
    packed : tuple of arrays
        Packed, by order.
    noise : tuple of float
        Half the distance of the estimates from the even and from the odd rows, flattened with at most ℓ modes on the
        rows, operator norm: one draw of the size of the error. At least what rounding of y may leave.
    """

    packed: tuple[NDArray, ...]
    noise: tuple[float, ...]


def sample_tensors(X: NDArray, y: NDArray, level: int) -> SampleTensors:
    r"""Estimate the Hermite coefficients :math:`\hat f_j = \mathbb E[y\,He_j(x)]` that level ℓ needs, j ≤ 2ℓ + 2.

    .. math:: T_j = \mathbb E[p(x)\,He_j(x)] + \frac1n \sum_s (y_s - p(x_s))\,He_j(x_s),

    with p a least-squares polynomial, which takes the noise of its own orders away and biases nothing by more than the
    ratio of its coefficients to the rows. The paper averages y itself [1]_.

    Parameters
    ----------
    X, y : arrays, shapes (n, d) and (n,)
        Standard Gaussian inputs.
    level : int
        The ℓ.

    Returns
    -------
    SampleTensors

    Raises
    ------
    InputError
        If the rows are fewer than the coefficients of a quadratic.

    Notes
    -----
    The polynomial has degree 4 where that takes at most 1500 coefficients with 5 rows each, else 2. Time
    :math:`O(n\,\binom{d+j-1}{j})` for the highest order, d times as much above order 4; memory a block of rows.
    :math:`\|T_j - \hat f_j\|_F^2` is about :math:`\mathbb E[(y-p)^2]\,j!\,\binom{d+j-1}{j}/n`.

    References
    ----------
    .. [1] awasthi2021efficient, equation (6)
    """
    dim, coefficients = X.shape[1], packed_size(X.shape[1] + 1, 4)
    # a fit wants five rows a coefficient, and beyond 1500 coefficients is left out for its cost
    is_rich = coefficients <= min(1500, len(y) // 5)
    polynomial = hermite_regression([(X, y)], 4 if is_rich else 2)
    halves = [
        HermiteMoments.from_blocks([(X[half::2], y[half::2])], _ACCUMULATED_ORDER, control=polynomial)
        for half in range(2)
    ]
    size = float(np.sqrt(np.mean(y * y)))
    packed: list[NDArray] = []
    noise: list[float] = []
    for j in range(2 * level + 3):
        if j <= _ACCUMULATED_ORDER:
            even, odd = (_packed(moments.tensor(j)) for moments in halves)
        else:
            even, odd = (_mean_of_features(X[half::2], y[half::2], j, polynomial) for half in range(2))
        share = (len(y) + 1) // 2 / len(y)
        left = share * even + (1 - share) * odd
        packed.append(left + _packed(polynomial.tensors[j]) if j <= polynomial.degree else left)
        # some hundred machine epsilons of what a Hermite tensor of this order is
        rounding = 1e-13 * size * sqrt(factorial(j))
        noise.append(max(_error(even - odd, dim, j, min(level, j // 2)) / 2, rounding))
    return SampleTensors(tuple(packed), tuple(noise))


def hermite_features(X: NDArray, order: int) -> NDArray:
    r"""Distinct entries of the Hermite tensor :math:`He_j(x)` at each row: shape (n, packed_size).

    The entry of a multi-index with the coordinate c in it :math:`m_c` times is :math:`\prod_c He_{m_c}(x_c)`.
    """
    values = hermite_values(X, order)
    table = multi_indices(X.shape[1], order)
    features = np.ones((len(X), len(table)))
    for c in range(X.shape[1]):
        features *= values[(table == c).sum(axis=1), :, c].T
    return features


def _packed(T: NDArray) -> NDArray:
    return pack(T) if np.ndim(T) else np.asarray(T)


def _error(difference: NDArray, dim: int, order: int, rows: int) -> float:
    """Operator norm of the flattening; the length of a vector."""
    if rows == 0:
        return float(np.linalg.norm(difference))
    return float(np.linalg.norm(packed_flattening(difference, dim, order, rows), 2))


def _mean_of_features(X: NDArray, y: NDArray, order: int, polynomial: HermitePolynomial) -> NDArray:
    """Mean of what p leaves of y times the features: shape (packed_size,)."""
    size = packed_size(X.shape[1], order)
    total = np.zeros(size)
    # 16 MB at once: packed rows of all monomials
    for rows in blocks(len(y), max(1, 2_000_000 // size)):
        total += (y[rows] - polynomial(X[rows])) @ hermite_features(X[rows], order)
    return total / len(y)
