r"""Whether a sum of rank-one terms determines its terms."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpotrf

from twolayer.decompose.cp_fit import normal_matrix

__all__ = ["has_one_sum_nearby"]

_INDEPENDENT = 1e-7
_SINGULAR = 1e-13
_MOST_PARAMETERS = 1500


def has_one_sum_nearby(factors: NDArray, order: int) -> bool:
    r"""Whether no other sum of as many terms near this one, no weight zero, gives the same tensor.

    Independent factors determine all terms [1]_. Otherwise the derivatives of the sum along weights and factors must be
    independent, by the smallest eigenvalue of their inner products (`normal_matrix`, all weights one) against 1e-13 of
    their norm: where they are not, the terms can as a rule be moved while their sum stays. Beyond 1500 parameters that
    is taken for granted.

    References
    ----------
    .. [1] J. B. Kruskal, Three-way arrays: rank and uniqueness of trilinear decompositions, Linear Algebra Appl. 18,
       1977.
    """
    r, d = factors.shape
    if r <= d and np.linalg.svd(factors, compute_uv=False)[-1] > _INDEPENDENT:
        return True
    if r * (1 + d) > _MOST_PARAMETERS:
        return True
    H = normal_matrix(np.ones(r), factors, order)
    H[np.diag_indices_from(H)] -= _SINGULAR * np.linalg.norm(H)
    return dpotrf(H, lower=1, overwrite_a=1)[1] == 0  # positive definite all the same
