r"""Whether a sum of rank-one terms determines its terms."""

import numpy as np
import scipy  # its parts are imported on first use
from numpy.typing import NDArray

from twolayer.decompose.cp_fit import normal_matrix
from twolayer.decompose.standards import STANDARDS, Standards

__all__ = ["has_one_sum_nearby"]


def has_one_sum_nearby(
    weights: NDArray, factors: NDArray, order: int, noise: float, standards: Standards = STANDARDS
) -> bool:
    r"""Whether no other sum of as many terms near this one gives the same tensor, to a noise of given size.

    With J the derivatives of the sum along :math:`\log|\lambda_i|` and along u_i on its sphere, a noise of standard
    deviation ε in each direction moves these by :math:`\epsilon / \sigma_{\min}(J)` in the worst direction [1]_. That
    must be below `most_error` (0.3): :math:`J^\top J - (\epsilon / 0.3)^2 I` must be positive definite, rounding aside.
    Where it is not, some terms can as a rule be moved, or left out, while the sum stays. Beyond `most_parameters` that
    is taken for granted.

    References
    ----------
    .. [1] N. Vannieuwenhoven, Condition numbers for the tensor rank decomposition, Linear Algebra Appl. 535, 2017.
    """
    r, d = factors.shape
    if r * (1 + d) > standards.most_parameters:
        return True
    H = _inner_products(weights, factors, order)
    H[np.diag_indices_from(H)] -= standards.singular * np.linalg.norm(H) + (noise / standards.most_error) ** 2
    return scipy.linalg.lapack.dpotrf(H, lower=1, overwrite_a=1)[1] == 0


def _inner_products(weights: NDArray, factors: NDArray, order: int) -> NDArray:
    """JᵀJ, shape (r (1 + d), r (1 + d)); along a factor itself, where nothing moves, p λ² stands on the diagonal."""
    r, d = factors.shape
    H = normal_matrix(weights, factors, order).reshape(r, 1 + d, r, 1 + d)
    H[:, 0] *= weights[:, None, None]
    H[:, :, :, 0] *= weights
    H[:, 1:] -= factors[:, :, None, None] * np.einsum("ia,iajb->ijb", factors, H[:, 1:])[:, None]
    H[:, :, :, 1:] -= np.einsum("iajb,jb->iaj", H[:, :, :, 1:], factors)[..., None] * factors
    H[range(r), 1:, range(r), 1:] += (order * weights**2)[:, None, None] * factors[:, :, None] * factors[:, None]
    return np.asarray(H.reshape(r * (1 + d), -1))
