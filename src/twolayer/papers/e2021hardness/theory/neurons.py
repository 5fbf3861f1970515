r"""Periodic neurons φ(w·x) under the Gaussian, φ of period 1: their inner products, exact and by Monte Carlo."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import frozen_array, real_array, whole_number
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork

__all__ = ["COSINE", "cosine_network", "fourier_coefficients", "periodic_gram", "sampled_gram"]

COSINE = (0.0, 0.5)  # cos(2πt) = (e^{2πit} + e^{-2πit})/2


def cosine_network(w: ArrayLike, amplitudes: ArrayLike = (1.0,)) -> TwoLayerNetwork:
    r"""Write :math:`\sum_{k=1}^K A_k \cos(2\pi k\, w \cdot x)` as a two-layer network of K sines.

    As cos t = sin(t + π/2), one unit for each A_k that is not 0; by default one, the cosine neuron.

    Parameters
    ----------
    w : array, shape (d,)
    amplitudes : array, shape (K,)
        The A_k.

    References
    ----------
    .. [1] e2021hardness, "The cosine neuron"
    """
    w, A = frozen_array(w, "w", 1), frozen_array(amplitudes, "amplitudes", 1)
    k = np.flatnonzero(A) + 1
    return TwoLayerNetwork(A[k - 1], 2 * np.pi * np.outer(k, w), np.full(len(k), np.pi / 2), "sine")


def fourier_coefficients(phi: Callable[[NDArray], NDArray], order: int, points: int = 4096) -> NDArray[np.complex128]:
    r"""Fourier coefficients :math:`c_k = \int_0^1 \phi(t)\,e^{-2\pi i k t}\,dt`, k = 0, ..., order, of a φ of period 1.

    Parameters
    ----------
    phi : callable
        Takes an array of points in [0, 1) and returns real values.
    order : int
        The last k, below half of `points`.
    points : int
        Of the trapezoid rule: exact for trigonometric polynomials of degree below points - order, and otherwise wrong
        by the coefficients from there on.

    Raises
    ------
    InputError
        If the order does not fit the points.
    """
    order, points = whole_number(order, "order", least=0), whole_number(points, "points")
    if order >= points / 2:
        raise InputError(f"{points} points give coefficients below order {points / 2:g}, found order {order}")
    values = real_array(phi(np.arange(points) / points), "the values of phi", 1)
    return np.fft.rfft(values)[: order + 1] / points


def periodic_gram(W: ArrayLike, coefficients: ArrayLike = COSINE) -> NDArray[np.float64]:
    r"""Inner products of periodic neurons, exactly: :math:`G_{ij} = \mathbb E[\phi(w_i x)\,\phi(w_j x)]`, x ~ N(0, I).

    With :math:`\phi(t) = \sum_{|k| \le K} c_k e^{2\pi i k t}`, :math:`c_{-k} = \bar c_k`, the Gaussian characteristic
    function gives

    .. math:: G_{ij} = \sum_{k,l} c_k \bar c_l\, e^{-2\pi^2 \|k w_i - l w_j\|^2}, \qquad
       \text{for the cosine} \quad \tfrac12 e^{-2\pi^2\|w_i - w_j\|^2} + \tfrac12 e^{-2\pi^2\|w_i + w_j\|^2}.

    Parameters
    ----------
    W : array, shape (r, d)
        One neuron a row.
    coefficients : array, shape (K + 1,)
        c_0, ..., c_K; the cosine, (0, 1/2), by default.

    Returns
    -------
    array, shape (r, r)

    Notes
    -----
    The cosine has norm² :math:`(1 + e^{-8\pi^2\|w\|^2})/2`, not 1 as the lecture's definition of the
    statistical-query dimension asks: scale the matrix to a unit diagonal first, as `query_dimension` does. Time
    O(K² r² + r² d). Distances are formed from inner products: an exponent is wrong by some 1e-14 K² max‖w‖².

    References
    ----------
    .. [1] e2021hardness, "The cosine neuron" and the remark on periodic functions
    """
    W, c = frozen_array(W, "W", 2), _coefficients(coefficients)
    products = W @ W.T
    squares = np.diag(products)
    both_sides = np.concatenate([c[:0:-1].conj(), c])
    terms = [(k, c_k) for k, c_k in enumerate(both_sides, 1 - len(c)) if c_k]
    gram = np.zeros(products.shape)
    for k, c_k in terms:
        for j, c_j in terms:
            distances = k * k * squares[:, None] + j * j * squares - 2 * k * j * products
            gram += (c_k * c_j.conj()).real * np.exp(-2 * np.pi**2 * np.maximum(distances, 0.0))
    return gram


def sampled_gram(values: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Inner products by Monte Carlo, :math:`\hat G_{ij} = \frac1n\sum_s f_i(x_s) f_j(x_s)`, and their standard errors.

    Parameters
    ----------
    values : array, shape (n, r)
        Values of r functions at n ≥ 2 independent points.

    Returns
    -------
    gram, standard_error : arrays, shape (r, r)

    Raises
    ------
    InputError
        If there are fewer than two points, or a value is not finite.
    """
    F = frozen_array(values, "values", 2)
    n = len(F)
    if n < 2:
        raise InputError(f"a standard error needs two points or more, found {n}")
    gram = F.T @ F / n
    variance = np.maximum((F**2).T @ F**2 / n - gram**2, 0.0) * (n / (n - 1))
    return gram, np.sqrt(variance / n)


def _coefficients(coefficients: ArrayLike) -> NDArray[np.complex128]:
    c = np.array(coefficients, dtype=np.complex128)
    if c.ndim != 1 or len(c) == 0 or not np.isfinite(c).all() or c[0].imag:
        raise InputError("coefficients must be finite numbers c_0, ..., c_K with c_0 real")
    return c
