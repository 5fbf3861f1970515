"""Are the inputs Gaussian, in the directions that matter?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr
from scipy.stats import kurtosistest, skewtest

__all__ = ["GaussianityTest", "anderson_darling_p_value", "gaussianity_test"]

_SIGNIFICANT = 1e-3
_LEAST_ROWS = 50
_MOST_ROWS = 20_000
_CONSTANT = 1e-12
_FAR = 10.0  # an Anderson-Darling statistic beyond the reach of the formula of its p-value


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
        return self.p_value > _SIGNIFICANT


def gaussianity_test(X: NDArray, directions: NDArray) -> GaussianityTest:
    r"""Test whether projections :math:`u\cdot x` of the inputs are Gaussian, of whatever mean and variance.

    Of each direction, the third and the fourth moment (D'Agostino, Anscombe and Glynn) and the Anderson-Darling
    statistic with estimated mean and variance; the smallest p-value is multiplied by the number of tests (Bonferroni).

    Parameters
    ----------
    X : array, shape (n, d)
    directions : array, shape (k, d)
        Those that matter: units, and leading eigenvectors of T_2. Inputs that are Gaussian in them and not elsewhere
        are Gaussian for a network in their span. Zero rows are left out.

    Returns
    -------
    GaussianityTest

    Notes
    -----
    O(n k d) on every so many of the rows, 20 000 at most. Blind to a law whose projections are all Gaussian to within
    the noise of n rows, and to directions that were not given.
    """
    stride = max(1, len(X) // _MOST_ROWS)
    length = np.linalg.norm(directions, axis=1)
    kept = length > 0
    Z = X[::stride].astype(np.float64) @ (directions[kept] / length[kept, None]).T
    Z = Z - Z.mean(axis=0)
    spread = Z.std(axis=0)
    varies = spread > _CONSTANT * max(float(spread.max(initial=0.0)), 1e-300)
    Z = Z[:, varies] / spread[varies]
    n, k = Z.shape
    if n < _LEAST_ROWS or k == 0:
        return GaussianityTest(1.0, 0, "skewness")
    values = {
        "skewness": np.asarray(skewtest(Z, axis=0).pvalue),
        "kurtosis": np.asarray(kurtosistest(Z, axis=0).pvalue),
        "Anderson-Darling": np.array([anderson_darling_p_value(z) for z in Z.T]),
    }
    kind = min(values, key=lambda name: float(values[name].min()))
    return GaussianityTest(min(1.0, len(values) * k * float(values[kind].min())), k, kind)


def anderson_darling_p_value(z: NDArray) -> float:
    r"""Chance that as many Gaussian numbers deviate as much; `z` (n,) has mean 0 and variance 1.

    .. math:: A^2 = -n - \frac1n \sum_{i=1}^n (2i - 1)\,[\log \Phi(z_{(i)}) + \log \Phi(-z_{(n + 1 - i)})],

    as mean and variance were estimated, with the factor and the four exponentials of D'Agostino and Stephens (1986),
    table 4.9.
    """
    n = len(z)
    z = np.sort(z)
    weights = 2 * np.arange(1, n + 1) - 1
    square = -n - float(weights @ (log_ndtr(z) + log_ndtr(-z[::-1]))) / n
    A = min(square * (1 + 0.75 / n + 2.25 / n**2), _FAR)
    if A < 0.2:
        return float(1 - np.exp(-13.436 + 101.14 * A - 223.73 * A**2))
    if A < 0.34:
        return float(1 - np.exp(-8.318 + 42.796 * A - 59.938 * A**2))
    if A < 0.6:
        return float(np.exp(0.9177 - 4.279 * A - 1.38 * A**2))
    return float(np.exp(1.2937 - 5.709 * A + 0.0186 * A**2))
