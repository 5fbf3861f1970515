r"""The normal form that model files are parsed into: what each number in a model is, as a function of its inputs.

With x the d inputs of a row, every tensor of a model is one of

- `Inputs`, as they come, moved and stretched;
- a `Combination`: entries :math:`c + u\cdot x + \sum_k \alpha_k f_k(w_k\cdot x + b_k)`, linear in inputs and units
  met so far;
- `Elementwise`: entries :math:`f(t)` of one such t without units, for a function f that is still being put together;
- `Linked`: a link function of combinations, with which a model may end.

A linear operation acts on the coefficients. A function of one entry is put together until a linear operation follows;
then it is identified (`functions`), and its entries become units.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.formats.functions import Bent, Smooth, identified

__all__ = [
    "BATCH",
    "Combination",
    "Elementwise",
    "Inputs",
    "Labels",
    "Linked",
    "Model",
    "NotTwoLayers",
    "Value",
    "check_size",
]

Array = NDArray[Any]

BATCH = -(1 << 40)  # stands for the number of rows, where a model computes with its shapes: no size is like it
_USUAL = 1 << 22  # coefficients of one tensor that are never too many, 32 MiB
_LARGEST = 1 << 27  # coefficients of one tensor, 1 GiB: beyond it a model is not one that is read


class NotTwoLayers(InputError):  # noqa: N818 - what is found, not what went wrong
    """What is met on the way through a model that no two-layer network has."""


@dataclass(frozen=True, eq=False)
class Combination:
    """Entries linear in 1, the inputs and the units.

    Attributes
    ----------
    stack : array, shape (1 + d + k, *shape)
        Coefficients of 1, of the d inputs, and of the first k units of the model.
    dim : int
        The d.
    is_mixed : bool
        Whether a layer has been passed: entries are more than inputs, moved and stretched.
    """

    stack: Array
    dim: int
    is_mixed: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Without the axis of rows."""
        return self.stack.shape[1:]

    @property
    def has_units(self) -> bool:
        """Whether any unit adds to it."""
        return bool(self.stack[1 + self.dim :].any())

    def reshaped(self, shape: tuple[int, ...]) -> "Combination":
        """The same entries in another shape."""
        return replace(self, stack=self.stack.reshape(len(self.stack), *shape))

    def moved(self, axes: tuple[int, ...]) -> "Combination":
        """With its axes (without that of rows) in another order."""
        return replace(self, stack=self.stack.transpose(0, *(axis + 1 for axis in axes)))

    def mapped(self, linear: Callable[[Array], Array], *, mixes: bool = False) -> "Combination":
        """After an operation that is linear and acts on each row alike, given as what it does to a stack of rows."""
        return replace(self, stack=linear(self.stack), is_mixed=self.is_mixed or mixes)

    def plus(self, constant: Array) -> "Combination":
        """With an array added that broadcasts against the entries."""
        shape = _broadcast(self.shape, constant.shape)
        check_size(len(self.stack), shape)
        stack = np.array(np.broadcast_to(self.stack, (len(self.stack), *shape)))
        stack[0] += constant
        return replace(self, stack=stack)

    def times(self, constant: Array) -> "Combination":
        """Multiplied by an array that broadcasts against the entries."""
        shape = _broadcast(self.shape, constant.shape)
        check_size(len(self.stack), shape)
        expanded = self.stack.reshape(len(self.stack), *(1,) * (len(shape) - len(self.shape)), *self.shape)
        return replace(self, stack=expanded * constant)

    def added(self, other: "Combination") -> "Combination":
        """The sum of two, entry by entry."""
        size = max(len(self.stack), len(other.stack))
        shape = _broadcast(self.shape, other.shape)
        check_size(size, shape)
        one, two = (_padded(each.stack, size, shape) for each in (self, other))
        return Combination(one + two, self.dim, self.is_mixed or other.is_mixed)


@dataclass(frozen=True, eq=False)
class Inputs:
    r"""Inputs as they are, moved and stretched: entries :math:`f\, x_k + s`, of which no matrix is formed.

    Attributes
    ----------
    places : array of int, shape (*shape)
        The k.
    factor, shift : arrays, shape (*shape)
    dim : int
    """

    places: Array
    factor: Array
    shift: Array
    dim: int
    is_mixed = False
    has_units = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Without the axis of rows."""
        return self.places.shape

    def reshaped(self, shape: tuple[int, ...]) -> "Inputs":
        """The same entries in another shape."""
        places, factor, shift = (part.reshape(shape) for part in (self.places, self.factor, self.shift))
        return Inputs(places, factor, shift, self.dim)

    def moved(self, axes: tuple[int, ...]) -> "Inputs":
        """With its axes (without that of rows) in another order."""
        places, factor, shift = (part.transpose(axes) for part in (self.places, self.factor, self.shift))
        return Inputs(places, factor, shift, self.dim)

    def times(self, constant: Array) -> "Combination | Inputs":
        """Multiplied by an array that broadcasts against the entries."""
        if _broadcast(self.shape, constant.shape) != self.shape:
            return self.combined().times(constant)
        return replace(self, factor=self.factor * constant, shift=self.shift * constant)

    def plus(self, constant: Array) -> "Combination | Inputs":
        """With an array added that broadcasts against the entries."""
        if _broadcast(self.shape, constant.shape) != self.shape:
            return self.combined().plus(constant)
        return replace(self, shift=self.shift + constant)

    def layer(self, weights: Array) -> "Combination":
        """The product of a vector of entries with a matrix or vector of weights."""
        stack = np.zeros((1 + self.dim, *weights.shape[1:]))
        scaled = self.factor.reshape(-1, *(1,) * (weights.ndim - 1)) * weights
        np.add.at(stack, 1 + self.places, scaled)
        stack[0] = self.shift @ weights
        return Combination(stack, self.dim, is_mixed=True)

    def combined(self) -> "Combination":
        """The same, with a coefficient of each input in each entry."""
        check_size(1 + self.dim, self.shape)
        stack = np.zeros((1 + self.dim, self.places.size))
        stack[0] = self.shift.ravel()
        stack[1 + self.places.ravel(), np.arange(self.places.size)] = self.factor.ravel()
        return Combination(stack.reshape(1 + self.dim, *self.shape), self.dim)


@dataclass(frozen=True, eq=False)
class Elementwise:
    """Entries f(t), each of its own t.

    Attributes
    ----------
    base : Combination
        The t, without units.
    function : callable
        From values of t, (n, *shape), to those of f.
    hints : tuple of str
        Activations that it may be.
    scales : tuple of float
        Factors that have been met beside t.
    marks : tuple of float
        Numbers that have been met beside f, where it may bend.
    operators : tuple of str
        Of which it is put together, for messages.
    """

    base: Combination
    function: Callable[[Array], Array]
    hints: tuple[str, ...] = ()
    scales: tuple[float, ...] = ()
    marks: tuple[float, ...] = ()
    operators: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """Without the axis of rows."""
        return self.base.shape

    def reshaped(self, shape: tuple[int, ...]) -> "Elementwise":
        """The same entries in another shape."""
        old = self.shape
        return replace(
            self,
            base=self.base.reshaped(shape),
            function=lambda t: self.function(t.reshape(len(t), *old)).reshape(len(t), *shape),
        )

    def moved(self, axes: tuple[int, ...]) -> "Elementwise":
        """With its axes (without that of rows) in another order."""
        there, back = tuple(axis + 1 for axis in axes), tuple(int(axis) + 1 for axis in np.argsort(axes))
        return replace(
            self,
            base=self.base.moved(axes),
            function=lambda t: self.function(t.transpose(0, *back)).transpose(0, *there),
        )

    def after(
        self, function: Callable[[Array], Array], operator: str, *hints: str, marks: Array | float | None = None
    ) -> "Elementwise":
        """A function of each entry on top."""
        near = () if marks is None else tuple(np.unique(np.asarray(marks, float))[:64].tolist())
        return replace(
            self,
            function=lambda t: function(self.function(t)),
            hints=self.hints + hints,
            marks=self.marks + near,
            operators=(*self.operators, operator),
        )


@dataclass(frozen=True, eq=False)
class Linked:
    """What a model ends with: a link function of the combinations.

    Attributes
    ----------
    inner : Combination
    link : str
    """

    inner: Combination
    link: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Without the axis of rows."""
        return self.inner.shape

    def reshaped(self, shape: tuple[int, ...]) -> "Linked":
        """The same entries in another shape."""
        return replace(self, inner=self.inner.reshaped(shape))


@dataclass(frozen=True)
class Labels:
    """Which of the outputs is the largest, or is above a threshold: no number to be had of it."""


Value = Combination | Inputs | Elementwise | Linked | Labels


@dataclass
class Model:
    """What has been met of a model: its units, and what was left out.

    Attributes
    ----------
    dim : int
        The number d of inputs.
    rtol : float
        Of its numbers: two that differ by less are one.
    rows, functions : list
        Of each unit: its coefficients of 1 and of the inputs, (1 + d,), and its f.
    notes : list of str
    """

    dim: int
    rtol: float = 1e-11
    rows: list[Array] = field(default_factory=list)
    functions: list[Bent | Smooth] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def inputs(self, columns: range, shape: tuple[int, ...]) -> Inputs:
        """Some of the inputs, as a tensor."""
        if len(columns) > _LARGEST:
            raise NotTwoLayers(f"{len(columns)} inputs are more than are read")
        return Inputs(np.reshape(columns, shape), np.ones(shape), np.zeros(shape), self.dim)

    def note(self, sentence: str) -> None:
        """Say once what was left out."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def elementwise(self, value: Value) -> Elementwise:
        """A value as a function of one t, to put more on top."""
        if isinstance(value, Elementwise):
            return value
        value = value.combined() if isinstance(value, Inputs) else value
        if isinstance(value, Combination) and not value.has_units:
            base = Combination(value.stack[: 1 + self.dim], self.dim, value.is_mixed)
            return Elementwise(base, lambda t: t)
        raise NotTwoLayers("a function of what two layers give is a third layer")

    def combination(self, value: Value) -> Combination:
        """A value as a combination: what is a function of one entry becomes units."""
        if isinstance(value, Combination | Inputs):
            return value.combined() if isinstance(value, Inputs) else value
        if isinstance(value, Elementwise):
            return self._with_units(value)
        raise NotTwoLayers("what comes after the last function of a model must not be used further")

    def _with_units(self, value: Elementwise) -> Combination:
        size = int(np.prod(value.shape, dtype=int))
        flat = value.reshaped((size,))
        moves: NDArray[np.bool_] = np.asarray(flat.base.stack[1:].any(axis=0))
        functions, which = identified(flat.function, size, np.flatnonzero(moves), value, self.rtol)
        first = len(self.rows)
        stack = np.zeros((1 + self.dim + first + int(moves.sum()), size))
        fixed = flat.function(flat.base.stack[:1])[0]
        for entry in range(size):
            row = flat.base.stack[:, entry]
            if not moves[entry]:
                stack[0, entry] = fixed[entry]
                continue
            f = functions[which[entry]]
            if f.is_affine:
                stack[: 1 + self.dim, entry] = f.slope * row
                stack[0, entry] += f.constant
                continue
            stack[1 + self.dim + len(self.rows), entry] = 1.0
            self.rows.append(row)
            self.functions.append(f)
        if stack.size > _LARGEST:
            raise NotTwoLayers(f"{len(self.rows)} units are more than are read")
        stack = stack[: 1 + self.dim + len(self.rows)]
        return Combination(stack.reshape(len(stack), *value.shape), self.dim, is_mixed=True)


def check_size(coefficients: int, shape: tuple[int, ...]) -> None:
    """Refuse a tensor that would take too much memory, before it does: a short file may ask for a large one.

    Entries are about as many as inputs, units or outputs, and so are coefficients.
    """
    most = min(_LARGEST, max(_USUAL, 8 * coefficients**2))
    if coefficients * float(np.prod(shape, dtype=float)) > most:
        raise NotTwoLayers(f"tensors of shape {shape} are larger than what is read")


def _broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(one, other)
    except ValueError:
        raise NotTwoLayers(f"entries of shapes {one} and {other} do not go together") from None


def _padded(stack: Array, size: int, shape: tuple[int, ...]) -> Array:
    expanded = stack.reshape(len(stack), *(1,) * (len(shape) + 1 - stack.ndim), *stack.shape[1:])
    full = np.zeros((size, *shape))
    full[: len(stack)] = expanded
    return full
