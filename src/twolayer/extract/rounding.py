"""What rounding explains of the difference between a network and its box."""

import numpy as np
from numpy.typing import NDArray

from twolayer.extract.standards import ExtractionStandards
from twolayer.extract.view import View
from twolayer.network import TwoLayerNetwork

__all__ = ["change_when_turned", "rounding_of_rows", "roundings_left"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def change_when_turned(network: TwoLayerNetwork, X: Matrix, share: float) -> Vector:
    r"""What comes of an error in the arguments :math:`t_i = w_i\cdot x + b_i`, at each row, (n,).

    Of several outputs (n, q). Each argument is moved by a share :math:`\delta_i` of its terms
    :math:`|w_i|\cdot|x| + |b_i|`, and the changes add up:
    :math:`\sum_i |a_i| \max_\pm |\sigma(t_i \pm \delta_i) - \sigma(t_i)|`.
    """
    t, delta = X @ network.W.T + network.b, share * (np.abs(X) @ np.abs(network.W.T) + np.abs(network.b))
    sigma = network.activation
    here = sigma(t)
    moved = np.maximum(np.abs(sigma(t + delta) - here), np.abs(sigma(t - delta) - here))
    return np.asarray(moved @ np.abs(network.a), np.float64)


def rounding_of_rows(
    view: View, network: TwoLayerNetwork, X: Matrix, y: Vector, standards: ExtractionStandards
) -> Vector:
    """One rounding at each row, (n,): of the largest value, or of the arguments where a step makes more of theirs."""
    arguments = change_when_turned(network, X, standards.argument * view.arithmetic)
    return np.maximum(view.rounding(y), arguments)


def roundings_left(view: View, network: TwoLayerNetwork, X: Matrix, y: Vector, standards: ExtractionStandards) -> float:
    """The most roundings by which network and box differ at a row."""
    return float((np.abs(network(X) - y) / rounding_of_rows(view, network, X, y, standards)).max())
