"""The best predictors that know next to nothing of a network, and their risks: what a failed learner is beside."""

from dataclasses import dataclass

import numpy as np

from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.risk.population import PopulationRisk, low_orders, population_risk

__all__ = ["Predictor", "constant_predictor", "norm_only_predictor", "quadratic_predictor"]


@dataclass(frozen=True)
class Predictor:
    """A polynomial of degree at most two, and its population risk against the network that it was fitted to."""

    polynomial: Polynomial
    risk: PopulationRisk


def constant_predictor(network: TwoLayerNetwork) -> Predictor:
    r"""Best constant :math:`\mathbb E f`, the trivial predictor of [1]_; its risk is Var f(x).

    References
    ----------
    .. [1] mondelli2019connection, Theorem 1
    """
    return _judged(network, Polynomial(low_orders(network)[0]))


def norm_only_predictor(network: TwoLayerNetwork) -> Predictor:
    r"""Best predictor :math:`a + b\|x\|^2` over Gaussian inputs, that of Theorem 2 of [1]_.

    .. math:: b = \frac{\operatorname{Cov}(f, \|x\|^2)}{2d} = \frac1d \operatorname{tr}\tfrac12\,
        \mathbb E[f(x)(xx^\top - I)], \qquad a = \mathbb E f - bd.

    For r units of norm one this is :math:`b = r\hat\sigma_2/(\sqrt2\,d)`, and the risk
    :math:`\operatorname{Var} f - r^2\hat\sigma_2^2/d`; for odd σ the predictor is zero.

    References
    ----------
    .. [1] mondelli2019connection, Theorem 2
    """
    mean, _, A = low_orders(network)
    slope = float(np.trace(A)) / network.dim
    return _judged(network, Polynomial(mean - slope * network.dim, quadratic=slope * np.eye(network.dim)))


def quadratic_predictor(network: TwoLayerNetwork) -> Predictor:
    r"""Best predictor :math:`a + \langle x, Ax\rangle`, that of Eq. (15) of [1]_: it knows the covariance of the units.

    .. math:: A = \tfrac12\,\mathbb E[f(x)(xx^\top - I)], \qquad a = \mathbb E f - \operatorname{tr} A.

    References
    ----------
    .. [1] mondelli2019connection, section 3.2
    """
    mean, _, A = low_orders(network)
    return _judged(network, Polynomial(mean - float(np.trace(A)), quadratic=A))


def _judged(network: TwoLayerNetwork, polynomial: Polynomial) -> Predictor:
    nothing = TwoLayerNetwork([], np.zeros((0, network.dim)), activation=network.activation, polynomial=polynomial)
    return Predictor(polynomial, population_risk(network, nothing))
