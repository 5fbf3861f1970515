"""What a model file is read as: a network, and a link on top of its outputs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.errors import InputError
from twolayer.files import FilePath, distrust
from twolayer.network import TwoLayerNetwork

__all__ = ["LINKED", "Reading", "careful", "refusal"]


def _logistic(z: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import expit

    return np.asarray(expit(z))


def _softmax(z: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


LINKED: dict[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "identity": lambda z: z,
    "logistic": _logistic,
    "softmax": _softmax,
    "exp": np.exp,
    "tanh": np.tanh,
}
"""What may stand on top of the outputs, by name."""


@dataclass(frozen=True)
class Reading:
    r"""A network read out of a model: the model computes :math:`g(f(x))`, f the network and g its link.

    Attributes
    ----------
    network : TwoLayerNetwork
        The f, with as many outputs as the model.
    link : str
        The g: ``"identity"``, ``"logistic"``, ``"softmax"``, ``"exp"`` or ``"tanh"``.
    source : str
        Of what it was read.
    notes : tuple of str
        What was left out, or written in another way, a sentence each.
    """

    network: TwoLayerNetwork
    link: str = "identity"
    source: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.link not in LINKED:
            raise InputError(
                f"{self.source} has an unknown link {self.link[:50]!r}: the known ones are {', '.join(LINKED)}"
            )

    def __call__(self, X: ArrayLike) -> NDArray[np.float64]:
        """What the model computes at the rows of X, (n,) or (n, q)."""
        return np.asarray(LINKED[self.link](self.network(X)))


@contextmanager
def careful(path: FilePath, kind: str) -> Iterator[None]:
    """Turn whatever a damaged description of a model raises into an InputError, as `distrust` does for files."""
    with distrust(path, kind), np.errstate(all="ignore"):
        try:
            yield
        except (ArithmeticError, AttributeError, IndexError) as error:
            raise InputError(f"{path} is not {kind}, or is damaged: {str(error)[:100]}") from None


def refusal(source: str, what: str, way_round: str | None = None) -> InputError:
    """The error for what is no two-layer network: what was found, and how it can be had nevertheless."""
    way = way_round or "ask it as a black box instead: `twolayer extract` for a file, twolayer.extract for a function"
    said = " ".join(what.split())[:300]  # names in it are the file's, which may be of any length and lines
    return InputError(f"{source} cannot be read as a two-layer network: {said}; {way}")
