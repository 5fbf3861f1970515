r"""One function, many networks: which way round units are, and which of equal activations they are written with."""

from dataclasses import replace

import numpy as np

from twolayer.activation import Activation, activation, rewriting
from twolayer.extract.fits import RELU, ramp_parts
from twolayer.model import UnitsProblem
from twolayer.model.reflections import network_of, unlifted
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["oriented", "written_with"]

TANH, SIGMOID = activation("tanh"), activation("sigmoid")


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
    # among 24 a mixed-integer program finds the orientations in seconds
    if not network.width or network.width > max(24, network.dim):
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


def written_with(network: TwoLayerNetwork, sigma: Activation) -> TwoLayerNetwork:
    """The network written with an activation that is the same function up to units and an affine part.

    Where there is no such law, the network is returned as it is.
    """
    law = rewriting(network.activation, sigma)
    if law is None or sigma == network.activation:
        return network
    constant = law.constant * network.a.sum(axis=0) + law.slope * network.b @ network.a
    more = Polynomial(constant, law.slope * network.W.T @ network.a if law.slope else None)
    polynomial = more if network.polynomial is None else network.polynomial + more
    return TwoLayerNetwork(law.factor * network.a, law.scale * network.W, law.scale * network.b, sigma, polynomial)
