r"""RECMAGSIGN: from directions of unknown sign to weights and output weights, for homogeneous activations."""

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.moments import MomentOperator, moment_vector
from twolayer.network import TwoLayerNetwork

__all__ = ["decoded", "decoding_orders", "magnitudes_and_signs"]


def decoding_orders(sigma: Activation) -> tuple[int | None, int | None]:
    r"""Orders from which magnitudes and signs are read: the least odd and the least even j with :math:`m_j \ne 0`.

    Parameters
    ----------
    sigma : Activation
        Homogeneous of a degree q > 0, so that :math:`m_j(\|w\|) = \|w\|^q m_j(1)`.

    Returns
    -------
    int or None, int or None
        :math:`\ell_1 \in \{1, 3\}`, None if σ is even; :math:`\ell_2 \in \{2, 4\}`, None if σ is odd.

    Raises
    ------
    InputError
        If σ is not homogeneous.
    """
    if not sigma.degree:
        raise InputError(f"magnitudes can be told from signs only if the activation is homogeneous, but {sigma} is not")
    m = sigma.hermite_coefficients(4)
    # a moment below that of the largest is zero, as by parity
    present = [j for j in range(5) if abs(m[j]) > 1e-12 * np.abs(m).max()]
    return next((j for j in present if j % 2), None), next((j for j in present if j in (2, 4)), None)


def magnitudes_and_signs(
    X: NDArray, y: NDArray, V: NDArray, directions: NDArray, sigma: Activation, alpha: NDArray
) -> TwoLayerNetwork:
    r"""Estimate the units from a fresh sample, given their directions in a subspace up to sign (RECMAGSIGN) [1]_.

    Parameters
    ----------
    X : array, shape (n, d)
    y : array, shape (n,)
    V : array, shape (d, k)
        Orthonormal columns that span the units.
    directions : array, shape (k, k)
        Rows :math:`\hat u_i \approx s_i V^\top \bar w_i`, with unknown :math:`s_i = \pm 1`.
    sigma : Activation
        Homogeneous.
    alpha : array, shape (d,)
        Contracts moments of order 3 and 4 where those of order 1 and 2 vanish.

    Returns
    -------
    TwoLayerNetwork
        With output weights ±1.

    Raises
    ------
    InputError
        If σ is not homogeneous.

    Notes
    -----
    Time O(ndk + k⁵). `decoded` has the algebra.

    References
    ----------
    .. [1] zhong2017recovery, Algorithm 1, line 7 (details in the full version)
    """
    odd, even = decoding_orders(sigma)
    first = None if odd is None else V.T @ moment_vector(X, y, odd, alpha)
    second = None if even is None else MomentOperator(X, y, even, alpha).restrict(V)
    a, rows = decoded(first, second, directions, sigma, V.T @ alpha)
    return TwoLayerNetwork(a, rows @ V.T, activation=sigma)


def decoded(
    first: NDArray | None, second: NDArray | None, directions: NDArray, sigma: Activation, alpha: NDArray
) -> tuple[NDArray, NDArray]:
    r"""Decode output weights ±1 and weights from one moment of odd and one of even order, all seen in R^k.

    With :math:`Q_1 = M_{\ell_1}(I, \alpha, \dots)`, :math:`Q_2 = M_{\ell_2}(I, I, \alpha, \dots)` and the least-squares
    solutions of :math:`\sum_i z_i \hat u_i = Q_1` and :math:`\sum_i r_i \hat u_i \hat u_i^\top = Q_2`, whose exact
    values are

    .. math:: z_i = s_i v_i m_{\ell_1} \|w_i\|^q (\alpha\cdot\bar w_i)^{\ell_1 - 1}, \qquad
        r_i = v_i m_{\ell_2} \|w_i\|^q (\alpha\cdot\bar w_i)^{\ell_2 - 2},

    the powers of α·w̄ being even, :math:`v_i = \operatorname{sign}(r_i m_{\ell_2})`,
    :math:`s_i = \operatorname{sign}(v_i z_i m_{\ell_1})`, and ‖w_i‖ follows from |z_i|. For even σ, s_i is of no
    consequence and ‖w_i‖ follows from |r_i|; for odd σ, v_i = 1 and w_i takes the sign.

    Parameters
    ----------
    first : array, shape (k,), or None
        Q_1; None for even σ.
    second : array, shape (k, k), or None
        Q_2; None for odd σ.
    directions : array, shape (k, k)
        Rows û_i, of unit length.
    sigma : Activation
        Homogeneous, of degree q.
    alpha : array, shape (k,)
        The α of the moments.

    Returns
    -------
    a : array, shape (k,)
        Of ±1.
    rows : array, shape (k, k)
        The w_i.
    """
    odd, even = decoding_orders(sigma)
    m, along = sigma.hermite_coefficients(4), directions @ alpha
    v = s = np.ones(len(directions))
    if second is not None and even is not None:
        squares = np.einsum("ia,ib->abi", directions, directions).reshape(-1, len(directions))
        r = np.linalg.lstsq(squares, second.ravel(), rcond=None)[0]
        v = np.where(r * m[even] < 0, -1.0, 1.0)
        powers = np.abs(r / m[even]) / along ** (even - 2)
    if first is not None and odd is not None:
        z = np.linalg.lstsq(directions.T, first, rcond=None)[0]
        s = np.where(v * z * m[odd] < 0, -1.0, 1.0)
        powers = np.abs(z / m[odd]) / along ** (odd - 1)
    sizes = powers ** (1 / (sigma.degree or 1.0))  # a degree of None or 0 has been refused
    return v, (s * sizes)[:, None] * directions
