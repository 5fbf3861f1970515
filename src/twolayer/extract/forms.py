r"""One function, many networks: which way round units are, and which of equal activations they are written with."""

from dataclasses import replace

import numpy as np

from twolayer.activation import Activation, activation
from twolayer.extract.fits import RELU, ramp_parts
from twolayer.model import UnitsProblem
from twolayer.model.reflections import network_of, unlifted
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["is_bent", "oriented", "with_slope", "written_with"]

TANH, SIGMOID = activation("tanh"), activation("sigmoid")
_MOST_SEARCHED = 24  # units among which a mixed-integer program finds the orientations in seconds


def is_bent(sigma: Activation) -> bool:
    """Whether σ is two half-lines: relu, leaky_relu, abs."""
    return sigma.degree == 1 and sigma.kinks == (0.0,)


def oriented(network: TwoLayerNetwork, tolerance: float) -> TwoLayerNetwork:
    """The relu network with its units so oriented that no linear part is left, where there are such orientations.

    With at most d units they follow from d equations; with up to 24 they are searched; of more, the network is
    returned as it is: nothing that the box says tells an orientation from a linear part.

    Parameters
    ----------
    network : TwoLayerNetwork
    tolerance : float
        Of the linear part that is left, relative to the sum of the units.
    """
    rows, signs, linear = ramp_parts(network)
    if not network.width or network.width > max(_MOST_SEARCHED, network.dim):
        return network
    X, y = np.zeros((1, network.dim)), np.ones(1)
    problem = UnitsProblem(X, y, RELU, network.width, signs=signs, has_bias=True, is_lifted=True)
    turned = network_of(*unlifted(problem, problem.join(rows, linear=linear)))
    left = ramp_parts(turned)[2][:-1] - linear[:-1]
    is_all = np.linalg.norm(left) <= tolerance * np.abs(rows[:, :-1]).sum()
    if not is_all:
        return network
    # the constant again: hyperplanes far away have left their rounding in it
    origin = np.zeros((1, network.dim))
    missing = Polynomial(float((network(origin) - turned(origin))[0]))
    return replace(turned, polynomial=missing if turned.polynomial is None else turned.polynomial + missing)


def with_slope(network: TwoLayerNetwork, sigma: Activation) -> TwoLayerNetwork:
    """A relu network written with another σ of two half-lines, relu(t) = (σ(t) - s t)/(1 - s), s its slope."""
    slope = -float(sigma(np.array([-1.0]))[0])
    if sigma == RELU:
        return network
    a = network.a / (1 - slope)
    more = Polynomial(float(-slope * a @ network.b), -slope * a @ network.W)
    polynomial = more if network.polynomial is None else network.polynomial + more
    return replace(network, a=a, activation=sigma, polynomial=polynomial)


def written_with(network: TwoLayerNetwork, sigma: Activation) -> TwoLayerNetwork:
    """A tanh network written with sigmoids, tanh(t) = 2 sigmoid(2t) - 1; others as they are."""
    if network.activation != TANH or sigma != SIGMOID:
        return network
    constant = Polynomial(-float(network.a.sum()))
    polynomial = constant if network.polynomial is None else network.polynomial + constant
    return TwoLayerNetwork(2 * network.a, 2 * network.W, 2 * network.b, SIGMOID, polynomial)
