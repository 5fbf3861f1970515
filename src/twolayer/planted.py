"""Planted networks by one call, as scikit-learn makes its data sets."""

from typing import Any

import numpy as np

from twolayer.activation import Activation
from twolayer.arrays import random_generator, whole_number
from twolayer.errors import InputError
from twolayer.names import nearest
from twolayer.network import TwoLayerNetwork
from twolayer.teachers import LAWS

__all__ = ["make_network"]


def make_network(
    n_inputs: int,
    n_units: int,
    *,
    law: str = "conditioned",
    activation: str | Activation = "relu",
    random_state: np.random.Generator | int | None = None,
    **options: Any,
) -> TwoLayerNetwork:
    """Draw a network from a law of the table `LAWS`.

    Parameters
    ----------
    n_inputs, n_units : int
        The d and the m.
    law : str
        A key of `LAWS`.
    activation : str or Activation
    random_state : Generator, int or None
    **options
        What the law takes besides: ``kappa`` of ``"conditioned"``, ``bias`` of ``"random_units"``, and so on.

    Returns
    -------
    TwoLayerNetwork

    Raises
    ------
    InputError
        If the law is unknown, takes no such option, or has no network of that size.

    Examples
    --------
    >>> make_network(20, 5, kappa=2, random_state=0)
    <TwoLayerNetwork: 5 relu units on 20 inputs>
    """
    if law not in LAWS:
        raise InputError(f"unknown law {law!r}{nearest(str(law), LAWS)}")
    d, m = whole_number(n_inputs, "n_inputs"), whole_number(n_units, "n_units")
    generator = random_generator(random_state)
    try:
        network: TwoLayerNetwork = LAWS[law](d, m, activation=activation, rng=generator, **options)
    except TypeError as error:
        raise InputError(f"the law {law} does not take that: {error}") from None
    return network
