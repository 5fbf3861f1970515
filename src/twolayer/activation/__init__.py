"""Activations, and the table that knows them by name."""

import inspect
import re

from twolayer.activation.base import Activation, Reflection
from twolayer.activation.bounded import HardTanh, Softsign
from twolayer.activation.exponential import ELU, SELU
from twolayer.activation.gated import HardSwish, Mish, SiLU
from twolayer.activation.piecewise import Abs, LeakyReLU, ReLU, SquaredReLU
from twolayer.activation.polynomial import Linear, Polynomial, Quadratic
from twolayer.activation.rewriting import Rewriting, is_bent, rewriting
from twolayer.activation.scaled import Scaled
from twolayer.activation.sigmoidal import GELU, Erf, Sigmoid, Softplus, Tanh
from twolayer.activation.sine import Sine
from twolayer.entry import Entry, first_line, table
from twolayer.errors import InputError

__all__ = ["ACTIVATIONS", "Activation", "Reflection", "Rewriting", "activation", "is_bent", "rewriting"]


def activation(spec: str | Activation) -> Activation:
    """Read an activation from its spelling; an activation is returned as it is.

    Parameters
    ----------
    spec : str or Activation
        A name of the table, with arguments in parentheses if it takes any: ``"relu"``, ``"leaky_relu(0.1)"``,
        ``"polynomial(0,1,0,0.5)"``, ``"scaled(tanh,2.5)"``. ``activation(sigma.name) == sigma`` for every activation.

    Returns
    -------
    Activation

    Raises
    ------
    InputError
        If the name is unknown (the message lists the known ones), the spelling is broken, or an argument is not one
        that the activation takes.
    """
    if isinstance(spec, Activation):
        return spec
    if not isinstance(spec, str):
        raise InputError(f"activation must be a name or an Activation, got {type(spec).__name__}")
    parts = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\)\s*)?", spec)
    if parts is None or spec.count("(") > _DEEPEST:
        raise InputError(f"cannot read the activation {_shortened(spec)!r}: expected a name such as 'leaky_relu(0.1)'")
    name, inside = parts.groups()
    if name not in ACTIVATIONS:
        raise InputError(f"unknown activation {_shortened(name)!r}: the known ones are {', '.join(ACTIVATIONS)}")
    arguments = [_argument(word) for word in _split(inside)] if inside and not inside.isspace() else []
    signature = inspect.signature(ACTIVATIONS[name].function)
    try:
        signature.bind(*arguments)
    except TypeError:
        takes = ", ".join(signature.parameters) or "no arguments"
        raise InputError(f"{name} takes {takes}, got {_shortened(spec)!r}") from None
    read: Activation = ACTIVATIONS[name](*arguments)
    return read


_DEEPEST = 10  # parentheses in a spelling; it may come from a file


def _split(inside: str) -> list[str]:
    """Split at the commas that are outside all parentheses."""
    words, depth = [""], 0
    for character in inside:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            words.append("")
        else:
            words[-1] += character
    return words


def _argument(word: str) -> float | Activation:
    """Read a number, or else an activation."""
    try:
        return float(word)
    except ValueError:
        return activation(word)


def _shortened(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


ACTIVATIONS: dict[str, Entry] = table(
    *(
        Entry(kind.keyword, kind, first_line(kind))
        for kind in (
            ReLU,
            LeakyReLU,
            SquaredReLU,
            Abs,
            Sigmoid,
            Tanh,
            Erf,
            Softplus,
            GELU,
            SiLU,
            HardSwish,
            Mish,
            ELU,
            SELU,
            HardTanh,
            Softsign,
            Sine,
            Linear,
            Quadratic,
            Polynomial,
            Scaled,
        )
    )
)
