"""A model that is a chain of layers, brought into the normal form one layer after another."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.activation.exponential import SELU
from twolayer.errors import InputError
from twolayer.formats.assembled import network_of
from twolayer.formats.onnx_functions import FUNCTIONS
from twolayer.formats.reading import Reading, refusal
from twolayer.formats.steps import Step
from twolayer.formats.values import Combination, Inputs, Linked, Model, Value
from twolayer.network import TwoLayerNetwork

__all__ = ["Layers"]

# What libraries call their functions: the operator of ONNX that it is, and its options.
_CALLED: dict[str, tuple[str, dict[str, Any]]] = {
    "relu": ("Relu", {}),
    "relu6": ("Clip", {"min": 0.0, "max": 6.0}),
    "hardtanh": ("Clip", {"min": -1.0, "max": 1.0}),
    "leaky_relu": ("LeakyRelu", {}),
    "leakyrelu": ("LeakyRelu", {}),
    "tanh": ("Tanh", {}),
    "sigmoid": ("Sigmoid", {}),
    "logistic": ("Sigmoid", {}),
    "softplus": ("Softplus", {}),
    "softsign": ("Softsign", {}),
    "elu": ("Elu", {}),
    "celu": ("Celu", {}),
    "selu": ("Selu", {"alpha": SELU.alpha, "gamma": SELU.factor}),
    "gelu": ("Gelu", {}),
    "silu": ("Swish", {}),
    "swish": ("Swish", {}),
    "mish": ("Mish", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6}),
    "hardsigmoid": ("HardSigmoid", {"alpha": 1 / 6}),
    "hard_silu": ("HardSwish", {}),
    "hard_swish": ("HardSwish", {}),
    "hardswish": ("HardSwish", {}),
    "erf": ("Erf", {}),
    "abs": ("Abs", {}),
    "sin": ("Sin", {}),
    "exp": ("Exp", {}),
    "exponential": ("Exp", {}),
    "softmax": ("Softmax", {}),
    "identity": ("Identity", {}),
    "linear": ("Identity", {}),
}


class Layers:
    """A chain that begins with the inputs, and to which one layer after another is added.

    Parameters
    ----------
    source : str
        Of what it is read, for messages.
    dim : int
        Number of inputs.
    rtol : float
        Of the numbers that it is made of.
    """

    def __init__(self, source: str, dim: int, rtol: float = 1e-6) -> None:
        if dim < 1:
            raise refusal(source, f"it has {dim} inputs")
        self.source, self.model = source, Model(dim, rtol)
        self.value: Value = self.model.inputs(range(dim), (dim,))

    def affine(self, weights: ArrayLike, bias: ArrayLike | None, layer: str) -> None:
        """A layer of weights (inputs, outputs) and a bias (outputs,)."""
        W = _numbers(weights, self.source, layer)
        value = self.value if isinstance(self.value, Inputs) else self._combination(layer)
        if W.ndim != 2 or W.shape[0] != value.shape[-1]:
            raise refusal(self.source, f"{layer} has weights {W.shape} for {value.shape[-1]} numbers")
        value = value.layer(W) if isinstance(value, Inputs) else value.mapped(lambda stack: stack @ W, mixes=True)
        if bias is not None:
            b = _numbers(bias, self.source, layer)
            if b.shape != (W.shape[1],):
                raise refusal(self.source, f"{layer} has a bias {b.shape} for {W.shape[1]} numbers")
            value = value.plus(b)
        self.value = value

    def scaled(self, factor: ArrayLike, shift: ArrayLike, layer: str) -> None:
        """Each number times a factor, and a shift added."""
        for operator, given in (("Mul", factor), ("Add", shift)):
            numbers = _numbers(given, self.source, layer)
            if numbers.size not in (1, self.value.shape[-1]):  # type: ignore[union-attr]
                raise refusal(self.source, f"{layer} has {numbers.size} numbers for {self.value.shape[-1]}")  # type: ignore[union-attr]
            self.apply(operator, layer, {}, np.ravel(numbers))

    def function(self, name: str, layer: str, **options: Any) -> None:
        """A function by the name that libraries give it, with options as ONNX has them."""
        key = name.lower()
        if key not in _CALLED:
            raise refusal(self.source, f"the function {name!r} of {layer} is no activation that is known")
        operator, usual = _CALLED[key]
        if operator != "Identity":
            self.apply(operator, layer, usual | options)

    def apply(self, operator: str, layer: str, options: dict[str, Any], *others: NDArray[Any]) -> None:
        """An operator of ONNX on the numbers that there are so far."""
        try:
            with np.errstate(all="ignore"):
                self.value = FUNCTIONS[operator](Step(self.model, operator, [self.value, *others], options))
        except InputError as error:
            raise refusal(self.source, f"at {layer}, {error}") from None

    def _combination(self, layer: str) -> Combination:
        try:
            return self.model.combination(self.value)
        except InputError as error:
            raise refusal(self.source, f"before {layer}, {error}") from None

    def reading(self) -> Reading:
        """What the chain is."""
        link, inner = (
            (self.value.link, self.value.inner) if isinstance(self.value, Linked) else ("identity", self.value)
        )
        try:
            network: TwoLayerNetwork = network_of(self.model, self.model.combination(inner))
        except InputError as error:
            raise refusal(self.source, str(error)) from None
        return Reading(network, link, self.source, tuple(self.model.notes))


def _numbers(values: ArrayLike, source: str, layer: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError, RuntimeError):
        raise refusal(source, f"{layer} has weights that are no numbers") from None
    if not np.isfinite(array).all():
        raise refusal(source, f"{layer} has weights that are not finite", "train it again")
    return array
