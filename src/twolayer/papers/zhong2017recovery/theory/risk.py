r"""Empirical risk (2), its gradient and its Hessian in the first layer's weights."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import real_array
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork

__all__ = ["empirical_gradient", "empirical_hessian", "empirical_risk", "risk_and_gradient"]

_BLOCK_ENTRIES = 1 << 20  # of the kinked kernels of all pairs of units, at once: 8 MB


def empirical_risk(network: TwoLayerNetwork, X: ArrayLike, y: ArrayLike) -> float:
    r"""Empirical risk :math:`\hat f_S(W) = \frac1{2n}\sum_s (f(x_s) - y_s)^2`, equation (2) of zhong2017recovery.

    Parameters
    ----------
    network : TwoLayerNetwork
        The f, with weights W.
    X : array, shape (n, d)
        Inputs.
    y : array, shape (n,)
        Outputs.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If the shapes do not agree, or there is no row.

    Notes
    -----
    Time O(n m d), in blocks of rows.
    """
    X, y = _sample(network, X, y)
    return float(np.mean((network(X) - y) ** 2) / 2)


def empirical_gradient(network: TwoLayerNetwork, X: ArrayLike, y: ArrayLike) -> NDArray:
    r"""Gradient of `empirical_risk` in W, output weights held.

    .. math:: \frac{\partial \hat f_S}{\partial w_j} =
        \frac1n \sum_s (f(x_s) - y_s)\, v_j\, \sigma'(w_j \cdot x_s + b_j)\, x_s.

    Parameters, errors and cost are those of `risk_and_gradient`.

    Returns
    -------
    array, shape (m, d)
    """
    return risk_and_gradient(network, X, y)[1]


def risk_and_gradient(network: TwoLayerNetwork, X: ArrayLike, y: ArrayLike) -> tuple[float, NDArray]:
    """Compute `empirical_risk` and `empirical_gradient` in one pass.

    Parameters and errors are those of `empirical_risk`.

    Returns
    -------
    float, and array of shape (m, d)

    Notes
    -----
    Two matrix products a block of rows: time O(n m d), memory O(1e6 + m d).
    """
    X, y = _sample(network, X, y)
    square, gradient = 0.0, np.zeros((network.width, network.dim))
    for block, target in _blocks(X, y, network.dim + 3 * network.width):
        t, residual = _forward(network, block, target)
        square += float(residual @ residual)
        gradient += (network.activation.derivative(t) * residual[:, None]).T @ block
    return square / (2 * len(y)), network.a[:, None] * gradient / len(y)


def empirical_hessian(network: TwoLayerNetwork, X: ArrayLike, y: ArrayLike) -> NDArray:
    r"""Hessian of `empirical_risk` in W.

    Its blocks are, over the sample,

    .. math:: \frac{\partial^2 \hat f_S}{\partial w_j \partial w_l} =
        \frac1n \sum_s \bigl( v_j v_l\, \sigma'(w_j \cdot x_s)\,\sigma'(w_l \cdot x_s)
        + \delta_{jl}\, (f(x_s) - y_s)\, v_j\, \sigma''(w_j \cdot x_s) \bigr)\, x_s x_s^\top,

    with σ'' taken where it exists: under Property 3.3(b) it is zero almost surely, as the paper has it. The Hessian of
    the *population* risk has a Dirac there besides, which no sample shows; it vanishes at the truth.

    Parameters and errors are those of `empirical_risk`.

    Returns
    -------
    array, shape (m d, m d)
        Symmetric; entry (j d + a, l d + b) belongs to W[j, a] and W[l, b].

    Notes
    -----
    Time O(n m² d²), memory O(1e6 + m² d²).
    """
    X, y = _sample(network, X, y)
    sigma, m, d = network.activation, network.width, network.dim
    hessian = np.zeros((m * d, m * d))
    for block, target in _blocks(X, y, 2 * m * d):
        t, residual = _forward(network, block, target)
        slopes, curvatures = network.a * sigma.derivative(t), network.a * sigma.second_derivative(t)
        jacobian = (slopes[:, :, None] * block[:, None, :]).reshape(len(block), m * d)
        hessian += jacobian.T @ jacobian
        for j in range(m):
            own = slice(j * d, (j + 1) * d)
            hessian[own, own] += (block * (residual * curvatures[:, j])[:, None]).T @ block
    hessian /= len(y)
    return (hessian + hessian.T) / 2


def _forward(network: TwoLayerNetwork, X: NDArray, y: NDArray) -> tuple[NDArray, NDArray]:
    """Arguments t = w_j·x + b_j (rows, m) and residual f(x) − y (rows,) of a block."""
    t = X @ network.W.T + network.b
    residual = network.activation(t) @ network.a - y
    if network.polynomial is not None:
        residual += network.polynomial(X)
    return t, residual


def _sample(network: TwoLayerNetwork, X: ArrayLike, y: ArrayLike) -> tuple[NDArray, NDArray]:
    X, y = real_array(X, "X", 2), real_array(y, "y", 1)
    if X.shape[1] != network.dim or len(X) != len(y) or len(y) == 0:
        raise InputError(
            f"X must have shape (n, {network.dim}) and y shape (n,) with n ≥ 1, found {X.shape} and {y.shape}"
        )
    return X, y


def _blocks(X: NDArray, y: NDArray, entries_per_row: int) -> Iterator[tuple[NDArray, NDArray]]:
    """Blocks of rows, in float64, whose working arrays have about a million entries."""
    size = max(1, _BLOCK_ENTRIES // entries_per_row)
    for start in range(0, len(y), size):
        yield (
            X[start : start + size].astype(np.float64, copy=False),
            y[start : start + size].astype(np.float64, copy=False),
        )
