"""One operator of a model on its way into the normal form: its inputs, its options, and what it may not do."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.formats.values import Combination, Elementwise, Inputs, Linked, Model, NotTwoLayers, Value

__all__ = ["Step", "against", "aligned", "joined", "linear_or_on_top"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Step:
    """An operator with what goes into it.

    Attributes
    ----------
    model : Model
    operator : str
    inputs : list
        Arrays where they are constants, values where they depend on the inputs of the model, None where left out.
    options : dict
        Attributes of the node.
    rows : int
        The number of rows where the model fixes it, 0 where not.
    outputs : int
        How many are used.
    """

    model: Model
    operator: str
    inputs: list[Any]
    options: dict[str, Any]
    rows: int = 0
    outputs: int = 1

    def get(self, place: int) -> Any:
        """An input, None where it is left out."""
        return self.inputs[place] if place < len(self.inputs) else None

    def constant(self, place: int, what: str) -> Array:
        """An input that must be a constant."""
        value = self.get(place)
        if not isinstance(value, np.ndarray):
            raise NotTwoLayers(f"its {what} must be a constant, and is computed from the inputs")
        return value

    def combination(self, place: int = 0) -> Combination:
        """An input as a combination of inputs and units."""
        value = self.get(place)
        if value is None or isinstance(value, np.ndarray):
            raise NotTwoLayers("it takes a constant where a value was expected")
        return self.model.combination(value)


def against(constant: Array, value: Value) -> Array:
    """A constant without the axis of rows, so that it broadcasts against the entries of a value."""
    array = np.asarray(constant, float) if constant.dtype != bool else constant
    rank = len(value.shape)  # type: ignore[union-attr]
    while array.ndim > rank and array.shape[0] == 1:
        array = array[0]
    if array.ndim > rank:
        raise NotTwoLayers("a constant differs from row to row")
    return array


def joined(model: Model, one: Value, other: Value, function: Callable[[Array, Array], Array], operator: str) -> Value:
    """A function of two values that are functions of one t, entry by entry."""
    first, second = model.elementwise(one), model.elementwise(other)
    if not first.base.stack[1:].any() and second.base.stack[1:].any():
        return joined(model, second, first, lambda a, b: function(b, a), operator)
    second = aligned(model, first, second)
    return Elementwise(
        first.base,
        lambda t: function(first.function(t), second.function(t)),
        first.hints + second.hints,
        tuple(dict.fromkeys(first.scales + second.scales)),
        first.marks + second.marks,
        (*first.operators, *second.operators, operator),
    )


def aligned(model: Model, first: Elementwise, second: Elementwise) -> Elementwise:
    """The second of two functions as one of the t of the first."""
    if first.shape != second.shape:
        raise NotTwoLayers(f"entries of shapes {first.shape} and {second.shape} are computed with each other")
    ratio, offset = _ratio(first.base.stack, second.base.stack, max(model.rtol, 1e-7))
    if (ratio == 1).all() and not offset.any():
        return replace(second, base=first.base)
    scales = (*second.scales, *np.unique(ratio)[:4].tolist())
    return replace(second, base=first.base, function=lambda t: second.function(ratio * t + offset), scales=scales)


def _ratio(base: Array, other: Array, rtol: float) -> tuple[Array, Array]:
    """The r and o of other = r · base + o, entry by entry."""
    square = (base[1:] ** 2).sum(axis=0)
    inner = (base[1:] * other[1:]).sum(axis=0)
    ratio = np.divide(inner, square, out=np.zeros_like(inner), where=square > 0)
    near = np.round(ratio)
    ratio = np.where(np.abs(ratio - near) <= 4e-16 * np.abs(near), near, ratio)
    left = np.abs(other[1:] - ratio * base[1:]).max(axis=0, initial=0.0)
    if (left > rtol * np.abs(other[1:]).max(axis=0, initial=0.0)).any():
        raise NotTwoLayers("it joins functions of different combinations of the inputs")
    return ratio, other[0] - ratio * base[0]


def linear_or_on_top(
    value: Value,
    linear: Callable[[Any], Value],
    on_top: Callable[[Array], Array],
    operator: str,
    constant: Array,
    model: Model,
) -> Value:
    """A value times or plus a constant: on the coefficients, or on top of a function that is being put together."""
    if isinstance(value, Linked):
        raise NotTwoLayers(f"it computes on with what the last function ({value.link}) gives")
    if isinstance(value, Elementwise) and np.broadcast_shapes(value.shape, constant.shape) == value.shape:
        return value.after(on_top, operator, marks=constant)
    return linear(value if isinstance(value, Inputs) else model.combination(value))
