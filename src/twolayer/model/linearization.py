"""What a step of Gauss-Newton needs of the problem at a point."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Linearization"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Linearization:
    r"""A problem seen from a point: :math:`\|r + J\delta\|^2` for the residual r and the Jacobian J there.

    Attributes
    ----------
    point : array, shape (p,)
    loss : float
        ‖r‖², ridge included.
    gradient : array, shape (p,)
        Jᵀr, ridge included.
    slopes : array, shape (n, M)
        The S of J = [S ⊗ x, Φ], in float32.
    features : array, shape (n, f)
        The Φ, in float32.
    slope_gram, feature_gram : arrays, shapes (M, M) and (f, f)
        SᵀS and ΦᵀΦ: the dual kernel of the units, estimated on the rows themselves, so that it fits any inputs and
        biases.
    """

    point: Vector
    loss: float
    gradient: Vector
    slopes: NDArray[np.float32]
    features: NDArray[np.float32]
    slope_gram: Matrix
    feature_gram: Matrix
