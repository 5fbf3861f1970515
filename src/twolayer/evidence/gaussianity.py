"""Are the inputs Gaussian, in the directions that matter?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from twolayer.moments import second_moment
from twolayer.rows.shuffle import row_keys

__all__ = [
    "GaussianityTest",
    "anderson_darling_p_value",
    "gaussianity_of_inputs",
    "gaussianity_test",
    "kurtosis_p_value",
    "skewness_p_value",
]


@dataclass(frozen=True)
class GaussianityTest:
    """Outcome of tests of the inputs in several directions.

    Attributes
    ----------
    p_value : float
        The smallest of all directions and kinds, times their number; 1 at most.
    n_directions : int
        0 where there were too few rows to test, or nothing varies.
    kind : str
        The test that gave the p-value: ``"skewness"``, ``"kurtosis"`` or ``"Anderson-Darling"``.
    """

    p_value: float
    n_directions: int
    kind: str

    @property
    def is_gaussian(self) -> bool:
        """Whether nothing speaks against Gaussian inputs, of any mean and covariance."""
        # One false alarm in a thousand recoveries by the formulas. Measured: up to three, as the p-values of the
        # kurtosis are two to five times too small so far out in the tail.
        return self.p_value > 1e-3


def gaussianity_of_inputs(X: NDArray, y: NDArray, count: int, units: NDArray | None = None) -> GaussianityTest:
    r"""Test whether the inputs are Gaussian in the directions that the labels depend on.

    Directions chosen by some rows cannot be tested on the same rows: of all directions they are those in which these
    rows are most unlike the others (leading eigenvectors of T_2 are drawn to rows that are far out, where labels are
    large), and Gaussian inputs fail in up to a third of all samples. So the leading eigenvectors of
    :math:`T_2 = \mathbb E[(y - \hat y_1)\,x x^\top]` and the slope of ŷ_1, the affine part of y, are those of one half
    of the rows and tested on the other half, and the other way round. The halves depend on what the rows hold, not on
    their order; inputs that were measured more than once are in one half, and count once where they are tested.

    Parameters
    ----------
    X : array, shape (n, d)
    y : array, shape (n,)
    count : int
        How many leading eigenvectors of T_2: as many as there are units.
    units : array, shape (m, d), optional
        Weights that are known apart from noise, tested on all rows: they do not depend on which rows these are. Those
        of a fit that is no network's do, and must not be given (measured: 63 % false alarms with tanh fitted to relu).

    Returns
    -------
    GaussianityTest

    Notes
    -----
    O(nd) for the halves and then O(n d² + d³) on 40 000 rows at most.
    """
    keys = row_keys(X)
    order = np.lexsort((y, keys))
    is_new = np.r_[True, keys[order][1:] != keys[order][:-1]]
    if is_new.sum() < 100:  # few values, such as the corners of a square: each row counts for itself
        is_new[:] = True
    value = np.cumsum(is_new) - 1
    kept = value % -(-int(is_new.sum()) // 40_000) == 0  # enough to see what could disturb a moment
    order, is_new = order[kept], is_new[kept]
    half = np.cumsum(is_new) % 2 == 0
    parts = [one for one in (half, ~half) if 0 < one.sum() < len(one)]
    found = [_across(X, y, count, order[one], order[~one & is_new]) for one in parts]
    return _together(found if units is None else [*found, gaussianity_test(X[order[is_new]], units)])


def _across(
    X: NDArray, y: NDArray, count: int, choosing: NDArray[np.intp], judging: NDArray[np.intp]
) -> GaussianityTest:
    """The test on some rows in the directions that others chose."""
    spectrum = second_moment(X[choosing], y[choosing])
    return gaussianity_test(X[judging], np.vstack([spectrum.vectors[:, :count].T, spectrum.affine[:-1]]))


def gaussianity_test(X: NDArray, directions: NDArray) -> GaussianityTest:
    r"""Test whether projections :math:`u\cdot x` of the inputs are Gaussian, of whatever mean and variance.

    Of each direction, the third and the fourth moment and the Anderson-Darling statistic with estimated mean and
    variance; the smallest p-value is multiplied by the number of tests (Bonferroni).

    Parameters
    ----------
    X : array, shape (n, d)
    directions : array, shape (k, d)
        Those that matter, chosen without these rows. Inputs that are Gaussian in them and not elsewhere are Gaussian
        for a network in their span. Zero rows are left out.

    Returns
    -------
    GaussianityTest
        Of no directions where there are fewer than 50 rows.

    Notes
    -----
    O(n k d + n k log n). Blind to a law whose projections are all Gaussian to within the noise of n rows, and to
    directions that were not given.
    """
    length = np.linalg.norm(directions, axis=1)
    kept = length > 0
    Z = X.astype(np.float64, copy=False) @ (directions[kept] / length[kept, None]).T
    Z = Z - Z.mean(axis=0)
    spread = Z.std(axis=0)
    # A projection is constant where its spread is the rounding of larger ones; 1e-300 for all being zero.
    varies = spread > 1e-12 * max(float(spread.max(initial=0.0)), 1e-300)
    Z = Z[:, varies] / spread[varies]
    n, k = Z.shape
    if n < 50 or k == 0:  # of fewer rows only a gross deviation could be seen, and the p-values are rough
        return _UNTESTED
    values = {name: float(p_value(Z).min()) for name, p_value in _KINDS.items()}
    kind = min(values, key=values.__getitem__)
    return GaussianityTest(min(1.0, len(values) * k * values[kind]), k, kind)


def skewness_p_value(Z: NDArray) -> NDArray:
    r"""Chance that the third moment of as many Gaussian numbers deviates as much, by D'Agostino (1970).

    .. math:: \delta\,\operatorname{arsinh}(g / \alpha) \sim N(0, 1), \qquad
        g = \frac1n \sum_i z_i^3 \Big/ \sqrt{\tfrac{6(n-2)}{(n+1)(n+3)}},

    with δ and α such that the fourth moment of the left-hand side is Gaussian too.

    Parameters
    ----------
    Z : array, shape (n,) or (n, k)
        At least 8 rows; each column has mean 0 and variance 1.

    Returns
    -------
    array, shape () or (k,)
    """
    n = len(Z)
    g = np.einsum("i...,i...,i...->...", Z, Z, Z) / n * np.sqrt((n + 1) * (n + 3) / (6 * (n - 2)))
    kurtosis = 3 * (n**2 + 27 * n - 70) * (n + 1) * (n + 3) / ((n - 2) * (n + 5) * (n + 7) * (n + 9))
    square = np.sqrt(2 * (kurtosis - 1)) - 1
    delta, alpha = 1 / np.sqrt(np.log(square) / 2), np.sqrt(2 / (square - 1))
    return 2 * ndtr(-np.abs(delta * np.arcsinh(g / alpha)))


def kurtosis_p_value(Z: NDArray) -> NDArray:
    r"""Chance that the fourth moment of as many Gaussian numbers deviates as much, by Anscombe and Glynn (1983).

    With the exact mean, variance and skewness of :math:`\frac1n \sum_i z_i^4`, it is taken to be distributed as the
    inverse of a χ² of A degrees of freedom, of which Wilson and Hilferty make a Gaussian number by a cube root.

    Parameters
    ----------
    Z : array, shape (n,) or (n, k)
        At least 5 rows; each column has mean 0 and variance 1.

    Returns
    -------
    array, shape () or (k,)
        Up to 5 times too small, where they are below 1e-4 and n below 500.
    """
    n = len(Z)
    variance = 24 * n * (n - 2) * (n - 3) / ((n + 1) ** 2 * (n + 3) * (n + 5))
    x = (np.einsum("i...,i...->...", Z * Z, Z * Z) / n - 3 * (n - 1) / (n + 1)) / np.sqrt(variance)
    skewness = 6 * (n**2 - 5 * n + 2) / ((n + 7) * (n + 9)) * np.sqrt(6 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    A = 6 + 8 / skewness * (2 / skewness + np.sqrt(1 + 4 / skewness**2))
    root = np.cbrt((1 - 2 / A) / (1 + x * np.sqrt(2 / (A - 4))))
    return 2 * ndtr(-np.abs(1 - 2 / (9 * A) - root) / np.sqrt(2 / (9 * A)))


def anderson_darling_p_value(Z: NDArray) -> NDArray:
    r"""Chance that as many Gaussian numbers deviate as much from the Gaussian distribution function.

    .. math:: A^2 = -n - \frac1n \sum_{i=1}^n (2i - 1)\,[\log \Phi(z_{(i)}) + \log \Phi(-z_{(n + 1 - i)})],

    as mean and variance were estimated, with the factor :math:`1 + 0.75/n + 2.25/n^2` and the four exponentials of
    D'Agostino and Stephens (1986), table 4.9.

    Parameters
    ----------
    Z : array, shape (n,) or (n, k)
        At least 8 rows; each column has mean 0 and variance 1.

    Returns
    -------
    array, shape () or (k,)
        At least 4e-24: the formula has been fitted up to a statistic of 10.
    """
    n = len(Z)
    Z = np.sort(Z, axis=0)
    weights = 2 * np.arange(1, n + 1) - 1
    # beyond 37 deviations the product is 0 in floating point; A is far beyond the table before that
    chances = np.maximum(ndtr(Z) * ndtr(-Z[::-1]), np.finfo(np.float64).tiny)
    square = -n - weights @ np.log(chances) / n
    A = np.minimum(square * (1 + 0.75 / n + 2.25 / n**2), 10.0)
    return np.select(
        [A < 0.2, A < 0.34, A < 0.6],
        [
            1 - np.exp(-13.436 + 101.14 * A - 223.73 * A**2),
            1 - np.exp(-8.318 + 42.796 * A - 59.938 * A**2),
            np.exp(0.9177 - 4.279 * A - 1.38 * A**2),
        ],
        np.exp(1.2937 - 5.709 * A + 0.0186 * A**2),
    )


_KINDS = {"skewness": skewness_p_value, "kurtosis": kurtosis_p_value, "Anderson-Darling": anderson_darling_p_value}
_UNTESTED = GaussianityTest(1.0, 0, "skewness")


def _together(tests: list[GaussianityTest]) -> GaussianityTest:
    """The outcome of several tests taken as one: the least p-value, times how many more there are than its own."""
    tests = [one for one in tests if one.n_directions]
    if not tests:
        return _UNTESTED
    least = min(tests, key=lambda one: one.p_value / one.n_directions)
    count = sum(one.n_directions for one in tests)
    return GaussianityTest(min(1.0, least.p_value * count / least.n_directions), count, least.kind)
