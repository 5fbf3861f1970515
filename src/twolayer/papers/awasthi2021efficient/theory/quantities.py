r"""Every quantity of the paper for one network, by name."""

from typing import Any

import numpy as np

from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.awasthi2021efficient.theory.ambiguity import equivalent_signs
from twolayer.papers.awasthi2021efficient.theory.coefficients import coefficient_floor, consecutive_coefficients
from twolayer.papers.awasthi2021efficient.theory.large_biases import split_by_bias
from twolayer.papers.awasthi2021efficient.theory.nondegeneracy import (
    khatri_rao_singular_values,
    least_level,
    thresholds,
)

__all__ = ["quantities"]


def quantities(network: TwoLayerNetwork, epsilon: float = 1e-3) -> dict[str, Any]:
    r"""Level ℓ, non-degeneracy, coefficients, thresholds and ambiguity of a ReLU network, by name.

    The network is first written with unit rows, the paper's convention.

    Parameters
    ----------
    network : TwoLayerNetwork
    epsilon : float
        Target error, for the thresholds.

    Returns
    -------
    dict of str to number, array or str
        `s_min` is :math:`s_m(W^{\odot ℓ})`; `smallest_coefficient` the least of `consecutive_coefficients` and
        `coefficient_floor` what Lemma 4.3 says of it; `tau` and `eta` are `Thresholds`; `sign_patterns` counts
        `equivalent_signs`, 1 where the network is identified; `affine_error` bounds what is lost by an affine function
        in place of all units with |b| > τ.

    Raises
    ------
    InputError
        If the network is not one of the paper's: another activation, a polynomial part, a unit that is zero, two
        parallel units, no unit.

    References
    ----------
    .. [1] awasthi2021efficient
    """
    if network.activation.name != "relu" or network.polynomial is not None:
        raise InputError("awasthi2021efficient speaks of ReLU networks without polynomial part")
    if not (network.width and network.a.all() and network.W.any(axis=1).all()):
        raise InputError("awasthi2021efficient speaks of networks with units, none of them zero")
    network = network.canonical()
    level = least_level(network.W)
    singular = khatri_rao_singular_values(network.W, level)
    lines = thresholds(network, epsilon, level)
    split = split_by_bias(network, lines.tau)
    try:
        patterns: int | str = len(equivalent_signs(network))
    except InputError as too_many:
        patterns = str(too_many)
    return {
        "m": network.width,
        "d": network.dim,
        "ell": level,
        "orders": f"{2 * level + 1}, {2 * level + 2}",
        "s_min": float(singular[-1]),
        "s_max": float(singular[0]),
        "B": lines.bound,
        "smallest_coefficient": float(consecutive_coefficients(network, level).min()),
        "coefficient_floor": float(coefficient_floor(network, level).min()),
        "largest_bias": float(np.abs(network.b).max()),
        "epsilon": lines.epsilon,
        "tau": lines.tau,
        "eta": lines.eta,
        "linear_units": split.kinds.count("linear"),
        "dead_units": split.kinds.count("dead"),
        "affine_error": split.error_bound,
        "sign_patterns": patterns,
    }
