r"""Hermite coefficients of networks with biases: Lemma 3.5, and the bound of Lemma 4.3 that keeps two of them apart."""

import numpy as np
from numpy.polynomial.hermite_e import hermeroots
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import whole_number
from twolayer.hermite import checked_order, hermite_values
from twolayer.network import TwoLayerNetwork
from twolayer.symtensor import multi_indices, packed_power, unpack

__all__ = [
    "coefficient_floor",
    "consecutive_coefficients",
    "least_separation",
    "packed_population_tensors",
    "population_tensor",
    "separation",
    "unit_coefficients",
]


def unit_coefficients(network: TwoLayerNetwork, order: int) -> NDArray:
    r"""Coefficient of each unit in the Hermite coefficients of the network, all orders up to one.

    .. math:: \hat f_k = \mathbb E_{x \sim N(0, I)}[f(x)\,He_k(x)] = \sum_i \alpha_{k,i}\, \bar w_i^{\otimes k},
        \qquad \bar w_i = w_i/\|w_i\|,

    plus what the polynomial part gives. For ReLU and unit w_i [1]_,

    .. math:: \alpha_{0,i} = a_i(b_i\Phi(b_i) + \varphi(b_i)), \quad \alpha_{1,i} = a_i\Phi(b_i), \quad
        \alpha_{k,i} = (-1)^k a_i\, He_{k-2}(b_i)\, \varphi(b_i) \quad (k \ge 2),

    φ and Φ the standard Gaussian density and distribution. Other activations have closed forms of their own, or
    quadrature.

    Parameters
    ----------
    network : TwoLayerNetwork
    order : int
        The last k, at least 0.

    Returns
    -------
    array, shape (order + 1, m)

    Raises
    ------
    InputError
        If `order` is not an integer of at least 0.

    Notes
    -----
    Time O(order m). Exact to rounding: an error of about ``1e-15 * sqrt(k!)`` times the root mean square of the unit.
    A coefficient vanishes at the roots of :math:`He_{k-2}`: of order 3 where b = 0, of order 4 where b = ±1. Order 2
    never does, but falls as :math:`e^{-b^2/2}`.

    References
    ----------
    .. [1] awasthi2021efficient, Lemma 3.5
    """
    norms = np.linalg.norm(network.W, axis=1)
    return network.a * network.activation.hermite_coefficients(order, norms, network.b)


def packed_population_tensors(network: TwoLayerNetwork, order: int) -> tuple[NDArray, ...]:
    r"""Hermite coefficients :math:`\hat f_0, \dots, \hat f_{\text{order}}` of a network, packed.

    Parameters
    ----------
    network : TwoLayerNetwork
        Its polynomial part counts.
    order : int
        The last k; 2ℓ + 2 is what the paper's algorithm of level ℓ needs.

    Returns
    -------
    tuple of arrays
        The number :math:`\hat f_0`, then vectors of the :math:`\binom{d+k-1}{k}` distinct entries, see `symtensor`.

    Raises
    ------
    InputError
        As `unit_coefficients`.

    Notes
    -----
    Time and memory :math:`O(m \binom{d+k-1}{k})` for the highest order.

    References
    ----------
    .. [1] awasthi2021efficient, Lemma 3.5
    """
    alphas = unit_coefficients(network, checked_order(order))
    directions = _directions(network)
    tensors: list[NDArray] = [np.asarray(alphas[0].sum())]
    tensors += [alphas[k] @ packed_power(directions, k) for k in range(1, len(alphas))]
    part = network.polynomial
    if part is None:
        return tuple(tensors)
    Q = np.zeros((network.dim, network.dim)) if part.quadratic is None else part.quadratic
    added: list[NDArray] = [np.asarray(part.constant + np.trace(Q))]
    added.append(np.zeros(network.dim) if part.linear is None else part.linear)
    added.append(2 * Q[tuple(multi_indices(network.dim, 2).T)])
    return tuple(T + more for T, more in zip(tensors, added, strict=False)) + tuple(tensors[3:])


def population_tensor(network: TwoLayerNetwork, order: int) -> NDArray:
    r"""Hermite coefficient :math:`\hat f_k` of a network, dense: shape ``(d,) * order``.

    Raises
    ------
    InputError
        As `unit_coefficients`.
    """
    packed = packed_population_tensors(network, order)[-1]
    return packed if order == 0 else unpack(packed, network.dim, order)


def separation(x: ArrayLike, k: int) -> NDArray:
    r"""How far two consecutive Hermite polynomials are from vanishing together, :math:`\max(|He_k(x)|, |He_{k+1}(x)|)`.

    Parameters
    ----------
    x : array
    k : int
        At least 0.

    Returns
    -------
    array of the shape of x
        At least `least_separation` everywhere.
    """
    values = hermite_values(x, checked_order(k) + 1)
    return np.abs(values[-2:]).max(axis=0)


def least_separation(k: int) -> float:
    r"""The least `separation` over all x: what Lemma 4.3 says of two consecutive Hermite polynomials, exactly.

    It is reached where :math:`|He_k| = |He_{k+1}|`, as a polynomial with real roots has no other least modulus. The
    paper's bound [1]_ of :math:`\sqrt{k!}/2` is right up to k = 7 and wrong from k = 8 on, where the least is
    :math:`0.4988\sqrt{8!}`; it is about :math:`(2/\pi k)^{1/4}\sqrt{k!}`, as :math:`He_k(0)` is for even k. No more
    than a constant of the theorems hangs on it, and none for ℓ ≤ 4.

    Parameters
    ----------
    k : int
        At least 0.

    Returns
    -------
    float

    References
    ----------
    .. [1] awasthi2021efficient, Lemma 4.3
    """
    crossings = hermeroots([*[0.0] * checked_order(k), 1.0, 1.0]).real  # those with -1 are their mirror image
    return float(separation(crossings, k).min())


def consecutive_coefficients(network: TwoLayerNetwork, ell: int) -> NDArray:
    r"""Size of each unit in what level ℓ decomposes, :math:`\max(|\alpha_{2ℓ+1,i}|, |\alpha_{2ℓ+2,i}|)`.

    Parameters
    ----------
    network : TwoLayerNetwork
    ell : int
        The ℓ, at least 1.

    Returns
    -------
    array, shape (m,)
        For ReLU at least `coefficient_floor`, so that every unit shows in one of the two orders.
    """
    return np.abs(unit_coefficients(network, 2 * whole_number(ell, "ell") + 2)[-2:]).max(axis=0)


def coefficient_floor(network: TwoLayerNetwork, ell: int) -> NDArray:
    r"""Lower bound :math:`|a_i|\,\|w_i\|\,\varphi(b_i/\|w_i\|)\,s_{2ℓ-1}` on `consecutive_coefficients`.

    With s_k the `least_separation`, at least :math:`\tfrac12\sqrt{k!}` for ℓ ≤ 4.

    Parameters
    ----------
    network : TwoLayerNetwork
        Of ReLU units that are not zero.
    ell : int
        The ℓ, at least 1.

    Returns
    -------
    array, shape (m,)

    References
    ----------
    .. [1] awasthi2021efficient, Lemma 4.3 for :math:`He_{2ℓ-1}` and :math:`He_{2ℓ}`. The proof of Theorem 4.2 names
       :math:`He_{2ℓ+1}` for the second, but the coefficient of order 2ℓ + 2 has :math:`He_{2ℓ}`.
    """
    norms = np.linalg.norm(network.W, axis=1)
    density = np.exp(-((network.b / norms) ** 2) / 2) / np.sqrt(2 * np.pi)
    return np.abs(network.a) * norms * density * least_separation(2 * whole_number(ell, "ell") - 1)


def _directions(network: TwoLayerNetwork) -> NDArray:
    """Unit rows; a row of zeros stays, as its unit is a constant."""
    norms = np.linalg.norm(network.W, axis=1, keepdims=True)
    return network.W / np.where(norms > 0, norms, 1.0)
