r"""Algorithms 2 and 3: output weights and biases of known directions, and their signs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twolayer.hermite import hermite_values
from twolayer.papers.awasthi2021efficient.algorithm.decomposition import best_coefficients

__all__ = ["fix_signs", "recover_scalars", "scalars_of"]


def recover_scalars(directions: NDArray, level: int, tensors: Sequence[NDArray]) -> tuple[NDArray, NDArray, NDArray]:
    r"""Algorithm 2, RECOVERSCALARS: (a_i, ξ_i b_i) from ξ_i w_i.

    The coefficients :math:`\zeta_j(i) = (-1)^j ξ_i^j a_i He_{j-2}(b_i) \varphi(b_i)` of
    :math:`\tilde w_i^{\otimes j}` in the tensors of orders ℓ to ℓ + 3 (2 and 3 for ℓ = 1) are found by least squares,
    and then the scalars by `scalars_of`.

    Parameters
    ----------
    directions : array, shape (m, d)
        Unit rows with independent ℓ-th powers.
    level : int
        The ℓ.
    tensors : sequence of arrays
        Packed, by order.

    Returns
    -------
    a, b : arrays, shape (m,)
        b up to the sign of the direction. Not finite where the coefficients say nothing.
    zeta : array, shape (orders, m)

    References
    ----------
    .. [1] awasthi2021efficient, Algorithm 2
    """
    dim = directions.shape[1]
    orders = (2, 3) if level == 1 else tuple(range(level, level + 4))
    zeta = np.array([best_coefficients(tensors[j], dim, j, directions) for j in orders])
    return *scalars_of(zeta, orders[0]), zeta


def scalars_of(zeta: NDArray, first: int) -> tuple[NDArray, NDArray]:
    r"""Solve :math:`\zeta_j = (-1)^j a\,He_{j-2}(b)\,\varphi(b)` for a and b, from two or four consecutive orders.

    From the orders 2 and 3, :math:`b = -\zeta_3/\zeta_2`. From ℓ to ℓ + 3, with q the one of ℓ + 1, ℓ + 2 with the
    larger |ζ_q| and the recurrence :math:`He_{q-1}(b) = b\,He_{q-2}(b) - (q-2)\,He_{q-3}(b)`,

    .. math:: b = -\frac{\zeta_{q+1} + (q - 2)\,\zeta_{q-1}}{\zeta_q}, \qquad
        a = (-1)^q \sqrt{2\pi}\, \frac{\zeta_q\, e^{b^2/2}}{He_{q-2}(b)}.

    Algorithm 2 as printed has q in place of q - 2 in both, which is right for Lemma 4.5, whose index is that of the
    Hermite polynomial, and not for the orders of the tensors.

    Parameters
    ----------
    zeta : array, shape (2, m) or (4, m)
    first : int
        Order of the first row: 2 for two of them.

    Returns
    -------
    a, b : arrays, shape (m,)

    References
    ----------
    .. [1] awasthi2021efficient, Algorithm 2 and Lemma 4.5
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if len(zeta) == 2:
            b = -zeta[1] / zeta[0]
            return np.sqrt(2 * np.pi) * zeta[0] * np.exp(b * b / 2), b
        units = np.arange(zeta.shape[1])
        row = 1 + np.argmax(np.abs(zeta[1:3]), axis=0)
        q = first + row
        middle = zeta[row, units]
        b = -(zeta[row + 1, units] + (q - 2) * zeta[row - 1, units]) / middle
        heights = hermite_values(b, int(q.max(initial=2)) - 2)[q - 2, units]
        a = np.where(q % 2, -1.0, 1.0) * np.sqrt(2 * np.pi) * middle * np.exp(b * b / 2) / heights
    return a, b


def fix_signs(a: NDArray, directions: NDArray, first: NDArray) -> NDArray:
    r"""Algorithm 3, FIXSIGNS: the ξ of independent units from :math:`\hat f_1 = \sum_i ξ_i \Phi(b_i)\, a_i \tilde w_i`.

    Parameters
    ----------
    a : array, shape (m,)
    directions : array, shape (m, d)
        The ξ_i w_i, independent.
    first : array, shape (d,)
        The tensor of order 1, to which no unit but these may contribute.

    Returns
    -------
    array of ±1, shape (m,)

    References
    ----------
    .. [1] awasthi2021efficient, Algorithm 3
    """
    z = np.linalg.lstsq((a[:, None] * directions).T, first, rcond=None)[0]
    return np.where(z < 0, -1.0, 1.0)
