"""Labels in units of their own spread, and what was found brought back from there."""

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from twolayer.evidence.certificate import Certificate
from twolayer.model.problem import Vector
from twolayer.network import TwoLayerNetwork
from twolayer.polynomial import Polynomial

__all__ = ["LabelUnits", "relative_rounding"]

_SINGLE = 2 * float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class LabelUnits:
    r"""The map :math:`t = (y - o)/u`, to mean square 1.

    The offset is the mean of y where the network has a constant to make up for it, else 0. What counts as rounding, as
    a flat direction or as a large step then does not depend on the unit of y.

    Attributes
    ----------
    offset : float
    unit : float
    """

    offset: float
    unit: float

    @classmethod
    def of(cls, y: NDArray[Any], has_bias: bool) -> Self:
        """That of some labels, which must not be constant."""
        offset = float(y.mean(dtype=np.float64)) if has_bias else 0.0
        largest = float(np.abs(y - offset).max())
        return cls(offset, largest * float(np.sqrt(np.mean(((y - offset) / largest) ** 2, dtype=np.float64))))

    def done(self, y: NDArray[Any]) -> Vector:
        """The t of each label."""
        return (y.astype(np.float64, copy=False) - self.offset) / self.unit

    def network_undone(self, network: TwoLayerNetwork) -> TwoLayerNetwork:
        """The network that gives y where `network` gives t; a homogeneous σ keeps its outer weights."""
        a, W, b = network.a, network.W, network.b
        if network.activation.degree:
            stretch = self.unit ** (1 / network.activation.degree)
            W, b = stretch * W, stretch * b
        else:
            a = self.unit * a
        polynomial = network.polynomial
        if polynomial is not None:
            polynomial = self.unit * polynomial + Polynomial(self.offset)
        return TwoLayerNetwork(a, W, b, network.activation, polynomial)

    def certificate_undone(self, certificate: Certificate, network: TwoLayerNetwork) -> Certificate:
        """The certificate of that network: noise, conditioning and standard errors in the unit of y."""
        errors = certificate.standard_errors
        degree = network.activation.degree
        stretch = self.unit ** (1 / degree) if degree else 1.0
        errors = replace(
            errors,
            a=errors.a * self.unit,
            W=errors.W * stretch,
            b=errors.b * stretch,
            constant=errors.constant * self.unit,
        )
        return replace(certificate, noise=certificate.noise * self.unit, standard_errors=errors)


def relative_rounding(X: NDArray[Any], y: NDArray[Any]) -> float:
    """Of samples in single precision, what its rounding does to labels in units of their spread at most; else 0.

    Labels that are numbers of single precision, all of them, count as such, whatever their type. A large mean adds
    rounding that is alike in all rows, as noise is, and is not allowed for.
    """
    with np.errstate(over="ignore"):  # what is too large for single precision is not of it
        is_single = np.float32 in (X.dtype, y.dtype) or np.array_equal(y, y.astype(np.float32))
    return _SINGLE if is_single else 0.0
