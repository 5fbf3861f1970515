r"""What cannot be known: networks that differ in the orientation of units only, and are one function."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.activation import Activation
from twolayer.activation import activation as parse_activation
from twolayer.arrays import frozen_array
from twolayer.errors import InputError
from twolayer.model.signed_sums import binary_solutions, relations_of
from twolayer.network import TwoLayerNetwork
from twolayer.symtensor import packed_power

__all__ = ["counterexample", "equivalent_signs", "left_behind", "with_signs"]


def left_behind(network: TwoLayerNetwork) -> NDArray:
    r"""What each unit leaves behind when it is turned round: the coefficients of a polynomial, a row for each unit.

    By the law :math:`\sigma(-t) = s\,\sigma(t) + p(t)`, a unit is :math:`a\,\sigma(t) = s\,a\,\sigma(-t) + a\,p(-t)`.
    For ReLU, :math:`p(-t) = t` and the row is :math:`a_i (b_i, w_i)`.

    Returns
    -------
    array, shape (m, 1 + d) or (m, 1 + d + d(d+1)/2)
        Constant, linear part, and distinct entries of the quadratic part where p has one.

    Raises
    ------
    InputError
        If p is of degree above two.
    """
    p = np.trim_zeros(np.asarray(network.activation.reflection.polynomial, dtype=float), "b")
    if len(p) > 3:
        raise InputError(f"what a unit leaves when turned round has degree at most two, found {len(p) - 1}")
    p0, p1, p2 = np.pad(p, (0, 3 - len(p)))
    a, W, b = network.a[:, None], -network.W, -network.b[:, None]
    parts = [a * (p0 + b * (p1 + p2 * b)), a * (p1 + 2 * p2 * b) * W]
    return np.hstack([*parts, a * p2 * packed_power(W, 2)] if p2 else parts)


def equivalent_signs(network: TwoLayerNetwork, *, atol: float = 1e-10) -> NDArray[np.int_]:
    r"""All sign patterns ξ for which :math:`(ξ_i w_i, ξ_i b_i)` gives the same function.

    Turning the units of a set S round changes the function by a polynomial, the sum of their rows of `left_behind`, so
    that the patterns are the sets for which this vanishes. For ReLU that is
    :math:`\sum_{i\in S} a_i w_i = 0` and :math:`\sum_{i\in S} a_i b_i = 0`, or in the paper's words [1]_

    .. math:: \sum_i a_i \Phi(ξ_i b_i) ξ_i w_i = \sum_i a_i \Phi(b_i) w_i, \qquad
        \sum_i a_i\, ξ_i b_i\, \Phi(ξ_i b_i) = \sum_i a_i b_i \Phi(b_i),

    the second with a factor :math:`ξ_i` that equation (2) as printed lacks: without it the means of the two networks
    differ.

    Parameters
    ----------
    network : TwoLayerNetwork
        Of units whose signs are free by themselves (even or odd σ), all patterns are listed.
    atol : float
        What counts as vanished, of the length of the sum of all |rows|.

    Returns
    -------
    array, shape (count, m)
        Of ±1. The first is +1 throughout; it is the only one if the rows of `left_behind` are independent, as they are
        for independent units (Theorem 4.1).

    Raises
    ------
    InputError
        If the units have more than 20 relations, so that more than 2²⁰ patterns would have to be tried, or as
        `left_behind`.

    Notes
    -----
    Time :math:`O(2^r m)`, r = m - rank of the rows: the pattern of r of the units decides on the others.

    References
    ----------
    .. [1] awasthi2021efficient, Theorem 3.4, equation (2)
    """
    if not network.activation.reflection.sign:  # no unit can be turned round
        return np.ones((1, network.width), int)
    rows = left_behind(network)
    flips = binary_solutions(rows, np.zeros(rows.shape[1]), atol=atol)
    return 1 - 2 * flips


def with_signs(network: TwoLayerNetwork, signs: ArrayLike) -> TwoLayerNetwork:
    r"""The network with its units turned as a sign pattern says, the polynomial part as it is.

    Units become :math:`(a_i, ξ_i w_i, ξ_i b_i)`, and where :math:`\sigma(-t) = -\sigma(t) + p(t)`, :math:`ξ_i a_i` too.
    The same function exactly for the patterns of `equivalent_signs`.

    Raises
    ------
    InputError
        If `signs` are not m numbers ±1.
    """
    signs = frozen_array(signs, "signs", 1)
    if signs.shape != (network.width,) or not np.all(np.abs(signs) == 1):
        raise InputError(f"signs must be {network.width} numbers of 1 or -1, found {signs.tolist()}")
    a = network.a * signs if network.activation.reflection.sign < 0 else network.a
    return replace(network, a=a, W=signs[:, None] * network.W, b=signs * network.b)


def counterexample(
    W: ArrayLike,
    b: ArrayLike | None = None,
    activation: str | Activation = "relu",
    rng: np.random.Generator | int | None = None,
) -> tuple[TwoLayerNetwork, TwoLayerNetwork]:
    r"""Two networks that are one function, with units (w_i, b_i) and (-w_i, -b_i): Claim 4.8.

    The output weights are a relation of the units, :math:`\sum_i a_i w_i = 0` (and :math:`\sum_i a_i b_i = 0`), so that
    :math:`\sum_i a_i(\sigma(t_i) - \sigma(-t_i))`, a multiple of :math:`\sum_i a_i t_i`, vanishes.

    Parameters
    ----------
    W : array, shape (m, d)
        Dependent rows: any, if m > d.
    b : array, shape (m,), optional
        Biases, with which the rows must still be dependent; the claim has none.
    activation : str or Activation
        With :math:`\sigma(-t) = \sigma(t) + p_1 t`: relu, leaky_relu, softplus, gelu.
    rng : numpy.random.Generator or int or None
        Which relation, if there are several.

    Returns
    -------
    TwoLayerNetwork, TwoLayerNetwork
        Output weights of largest modulus 1.

    Raises
    ------
    InputError
        If the rows are independent, or the activation has another law.

    References
    ----------
    .. [1] awasthi2021efficient, Claim 4.8
    """
    sigma, W = parse_activation(activation), frozen_array(W, "W", 2)
    law = sigma.reflection
    if law.sign != 1 or len(law.polynomial) != 2 or law.polynomial[0] != 0:
        raise InputError(f"the two networks are one for activations like relu, found {sigma.name}")
    rows = W if b is None else np.column_stack([W, frozen_array(b, "b", 1)])
    relations = relations_of(rows)
    if relations.shape[1] == 0:
        raise InputError(f"the {len(W)} units are independent: no other orientation gives the same function")
    a = relations @ np.random.default_rng(rng).standard_normal(relations.shape[1])
    network = TwoLayerNetwork(a / np.abs(a).max(), W, b, sigma)
    return network, with_signs(network, -np.ones(len(W)))
