"""A network as a ``torch.nn.Module``."""

from importlib import import_module
from typing import Any

from twolayer.errors import InputError
from twolayer.formats.exports_text import arrays_of
from twolayer.formats.formulas import evaluated, formula, link_formula
from twolayer.network import TwoLayerNetwork

__all__ = ["to_torch"]


def to_torch(network: TwoLayerNetwork, link: str = "identity") -> Any:
    """A ``torch.nn.Module`` of double precision, whose parameters are the network's.

    Raises
    ------
    InputError
        If torch is not installed, or the link or the activation has no formula here.
    """
    try:
        torch = import_module("torch")
    except ImportError:
        raise InputError("a torch module needs the package torch") from None
    words = {name: getattr(torch, name) for name in ("abs", "exp", "log", "tanh", "sin", "erf")}
    words |= {"max": lambda t, bound: torch.clamp(t, min=bound), "min": lambda t, bound: torch.clamp(t, max=bound)}
    sigma, top = formula(network.activation), None if link == "softmax" else link_formula(link)
    quadratic = "ni,ij,nj->n" if network.n_outputs == 1 else "ni,ijq,nj->nq"

    class Network(torch.nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            for name, value in arrays_of(network):
                setattr(self, name, torch.nn.Parameter(torch.tensor(value, dtype=torch.float64)))

        def forward(self, X: Any) -> Any:
            y = evaluated(sigma, X @ self.W.T + self.b, words) @ self.a
            if hasattr(self, "c"):
                y = y + self.c
            if hasattr(self, "u"):
                y = y + X @ self.u
            if hasattr(self, "Q"):
                y = y + torch.einsum(quadratic, X, self.Q, X)
            return torch.softmax(y, dim=1) if top is None else evaluated(top, y, words)

    return Network()
