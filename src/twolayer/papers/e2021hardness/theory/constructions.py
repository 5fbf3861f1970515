r"""Hard functions as two-layer networks: intersections of half-spaces, and parities."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import real_array
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.e2021hardness.theory.cube import binary

__all__ = [
    "LARGEST_INTEGER",
    "intersection",
    "intersection_network",
    "intersection_path_norm",
    "parity_network",
    "parity_path_norm",
    "sigmoid_intersection_network",
]

LARGEST_INTEGER = 2**40  # sums of a few thousand of them, doubled, are exact in float64


def intersection(W: ArrayLike, b: ArrayLike, X: ArrayLike) -> NDArray[np.bool_]:
    r"""Whether x is in all K half-spaces :math:`c_i(x) = w_i \cdot x - b_i - \tfrac12 \ge 0`, in exact integers.

    Parameters
    ----------
    W : array of integers, shape (K, d)
    b : array of integers, shape (K,)
    X : array of -1 and 1, shape (n, d)

    Returns
    -------
    array of bool, shape (n,)

    Raises
    ------
    InputError
        If W or b are not integers below 2^40 in magnitude, X has another entry, or the shapes do not agree.
    """
    W, b = _halfspaces(W, b)
    X = real_array(X, "X", 2)
    if X.shape[1] != W.shape[1]:
        raise InputError(f"X must have {W.shape[1]} columns like W, found {X.shape[1]}")
    if not np.isin(X, (-1, 1)).all():
        raise InputError("X must hold -1 and 1 only")
    return np.all(X.astype(np.int64) @ W.T > b, axis=1)


def intersection_network(W: ArrayLike, b: ArrayLike) -> TwoLayerNetwork:
    r"""Write an intersection of K half-spaces as the sign of a ReLU network on all of {-1,1}^d (Theorem 2).

    With :math:`c_i(x) = w_i \cdot x - b_i - \tfrac12`, which is at least 1/2 in magnitude as all its terms but the last
    are integers,

    .. math:: g(x) = \frac1{2K}\Bigl(\sum_{i=1}^K \bigl(\mathrm{relu}(2c_i) - \mathrm{relu}(2c_i - 1)\bigr)
        - K + \tfrac13\Bigr), \qquad g \ge \tfrac1{6K} \text{ inside}, \quad g \le -\tfrac1{3K} \text{ outside}.

    Parameters
    ----------
    W : array of integers, shape (K, d)
        The w_i; the lecture's class has them at least 0.
    b : array of integers, shape (K,)
        The b_i; the lecture's class has them at least 0.

    Returns
    -------
    TwoLayerNetwork
        Of 2K + 1 units, the last of which is the constant: w = 0, b = 1.

    Raises
    ------
    InputError
        If W or b are not integers below 2^40 in magnitude, there is no half-space, or the shapes do not agree.

    Notes
    -----
    Its path norm is `intersection_path_norm`.

    References
    ----------
    .. [1] e2021hardness, Theorem 2
    """
    W, b = _halfspaces(W, b)
    K, d = W.shape
    steps = np.repeat([1.0, -1.0], K)
    a = np.append(steps, 1 / 3 - K) / (2 * K)
    rows = np.concatenate([2 * W, 2 * W, np.zeros((1, d))])
    return TwoLayerNetwork(a, rows, np.concatenate([-2 * b - 1, -2 * b - 2, [1.0]]), "relu")


def intersection_path_norm(W: ArrayLike, b: ArrayLike) -> float:
    r"""Path norm of `intersection_network`, in closed form.

    .. math:: \frac1{2K}\Bigl(K - \tfrac13 + \sum_{i=1}^K \bigl(4\|w_i\|_1 + |2b_i+1| + |2b_i+2|\bigr)\Bigr)
        \le \frac1{2K}\Bigl(K + \tfrac13 + \sum_{i=1}^K \bigl(4\|w_i\|_1 + 4|b_i| + 3\bigr)\Bigr).

    The lecture has 2|b_i| + 2 where 4|b_i| + 3 is meant: both ReLUs of a step carry the bias, so that its bound is
    exceeded as soon as some b_i > 0 outweighs the 2/3 it has to spare. The conclusion, poly(d), stays.

    References
    ----------
    .. [1] e2021hardness, proof of Theorem 2
    """
    W, b = _halfspaces(W, b)
    K = len(W)
    steps = 4 * np.abs(W).sum() + np.abs(2 * b + 1).sum() + np.abs(2 * b + 2).sum()
    return float((K - 1 / 3 + steps) / (2 * K))


def sigmoid_intersection_network(W: ArrayLike, b: ArrayLike) -> TwoLayerNetwork:
    r"""Write an intersection of K half-spaces as the sign of a network of K sigmoids and a constant.

    .. math:: g(x) = \frac1{2K}\Bigl(\sum_{i=1}^K \mathrm{sigmoid}(\beta c_i(x)) - K + \tfrac13\Bigr), \qquad
        \beta = 2\log(6K - 1).

    As |c_i| ≥ 1/2, each sigmoid is within :math:`1/(1 + e^{\beta/2}) = 1/6K` of its step, so that 2K g ≥ 1/6 inside and
    2K g ≤ -2/3 + 1/6K ≤ -1/2 outside. The lecture says that it can be done; the scale is derived here.

    Returns
    -------
    TwoLayerNetwork
        Of K + 1 units; the last, w = 0 and b = 0, is the constant: sigmoid(0) = 1/2.

    Notes
    -----
    Parameters and errors are those of `intersection_network`.
    """
    W, b = _halfspaces(W, b)
    K, d = W.shape
    beta = 2 * np.log(6 * K - 1)
    a = np.append(np.ones(K), 2 * (1 / 3 - K)) / (2 * K)
    rows = beta * np.concatenate([W, np.zeros((1, d))])
    return TwoLayerNetwork(a, rows, beta * np.append(-(b + 0.5), 0.0), "sigmoid")


def parity_network(v: ArrayLike) -> TwoLayerNetwork:
    r"""Write the parity :math:`(-1)^{v \cdot x}` as a ReLU network, exactly on all of {0,1}^d.

    With s = |v| and t = v·x in {0, ..., s}, the triangle wave through the points (t, (-1)^t) is

    .. math:: (-1)^t = \mathrm{relu}(2t + 1) - 2\sum_{i=0}^{s-1} (-1)^i\,\mathrm{relu}(2t - 2i).

    Parameters
    ----------
    v : array of 0 and 1, shape (d,)

    Returns
    -------
    TwoLayerNetwork
        Of s + 1 units with integer weights, so that its values on the cube are exact.

    Raises
    ------
    InputError
        If an entry of v is neither 0 nor 1.

    Notes
    -----
    It is the lecture's sum of d + 1 hat functions, 3(d + 1) units, where it counts: the outer foot of each hat cancels
    that of the next, and what begins at t ≥ s is zero on the cube. Path norm: `parity_path_norm`.

    References
    ----------
    .. [1] e2021hardness, equations (3) and (4)
    """
    v = binary(v, "v", 1)
    i = np.arange(v.sum())
    a = np.concatenate([[1.0], -2.0 * (-1.0) ** i])
    return TwoLayerNetwork(a, np.tile(2 * v, (len(a), 1)), np.concatenate([[1.0], -2.0 * i]), "relu")


def parity_path_norm(v: ArrayLike) -> float:
    r"""Path norm of `parity_network`: 6s² + 1 with s = |v|, and so at most 6d² + 1, the lecture's C d²."""
    return 6.0 * binary(v, "v", 1).sum() ** 2 + 1.0


def _halfspaces(W: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    W, b = real_array(W, "W", 2), real_array(b, "b", 1)
    if not len(W) == len(b) > 0:
        raise InputError(f"W and b must agree on the half-spaces, at least one, found {len(W)} rows, {len(b)} entries")
    for values, name in ((W, "W"), (b, "b")):
        if not (np.all(values == np.round(values)) and np.all(np.abs(values) < LARGEST_INTEGER)):
            raise InputError(f"{name} must hold integers below 2^40 in magnitude")
    return W.astype(np.int64), b.astype(np.int64)
