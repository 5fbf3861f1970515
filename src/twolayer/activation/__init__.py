"""Activations, and the table that knows them by name."""

import inspect
import re
from collections.abc import Callable
from typing import Any

from twolayer.activation.aliases import known_name, name_of_function
from twolayer.activation.base import Activation, Reflection
from twolayer.activation.bounded import HardTanh, Softsign
from twolayer.activation.exponential import ELU, SELU
from twolayer.activation.gated import GELUTanh, HardSwish, Mish, SiLU
from twolayer.activation.piecewise import Abs, LeakyReLU, ReLU, SquaredReLU
from twolayer.activation.polynomial import Linear, Polynomial, Quadratic
from twolayer.activation.rewriting import Rewriting, is_bent, rewriting
from twolayer.activation.scaled import Scaled
from twolayer.activation.sigmoidal import GELU, Erf, Sigmoid, Softplus, Tanh
from twolayer.activation.sine import Sine
from twolayer.entry import Entry, first_line, table
from twolayer.errors import InputError
from twolayer.names import nearest

__all__ = ["ACTIVATIONS", "Activation", "Reflection", "Rewriting", "activation", "is_bent", "rewriting"]


def activation(spec: str | Activation | Callable[..., Any]) -> Activation:
    """Read an activation from its spelling; an activation is returned as it is.

    Parameters
    ----------
    spec : str, Activation or callable
        A name of the table, with arguments in parentheses if it takes any: ``"relu"``, ``"leaky_relu(0.1)"``,
        ``"polynomial(0,1,0,0.5)"``, ``"scaled(tanh,2.5)"``. ``activation(sigma.name) == sigma`` for every activation.
        Names of other libraries are read too (``"ReLU"``, ``"logistic"``, ``"identity"``, ``"sin"``), arguments may
        be named (``"leaky_relu(slope=0.1)"``), and so are functions of NumPy and SciPy and layers of torch
        (``np.tanh``, ``torch.nn.ReLU()``).

    Returns
    -------
    Activation

    Raises
    ------
    InputError
        If the name is unknown (the message names the nearest and lists all), the spelling is broken, or an argument is
        not one that the activation takes.
    """
    if isinstance(spec, Activation):
        return spec
    if not isinstance(spec, str):
        named = name_of_function(spec)
        if named is not None:
            return activation(named)
        raise InputError(f"activation must be a name or an Activation, got {type(spec).__name__}")
    parts = re.fullmatch(r"\s*([\w-]+)\s*(?:\((.*)\)\s*)?", spec)
    if parts is None or spec.count("(") > _DEEPEST:
        raise InputError(f"cannot read the activation {_shortened(spec)!r}: expected a name such as 'leaky_relu(0.1)'")
    name, inside = known_name(parts[1], ACTIVATIONS), parts[2]
    if name not in ACTIVATIONS:
        near = nearest(name, ACTIVATIONS)
        hint = f"{near} " if "did you mean" in near else ": "
        known = ", ".join(ACTIVATIONS)
        raise InputError(f"unknown activation {_shortened(name)!r}{hint}the known ones are {known}")
    words = _split(inside) if inside and not inside.isspace() else []
    read_words = [re.fullmatch(r"\s*(?:([a-z_]+)\s*=)?(.*)", word, re.DOTALL) for word in words]
    arguments = [_argument(word[2]) for word in read_words if word is not None and word[1] is None]
    options = {word[1]: _argument(word[2]) for word in read_words if word is not None and word[1] is not None}
    signature = inspect.signature(ACTIVATIONS[name].function)
    try:
        signature.bind(*arguments, **options)
    except TypeError:
        takes = ", ".join(signature.parameters) or "no arguments"
        raise InputError(f"{name} takes {takes}, got {_shortened(spec)!r}") from None
    read: Activation = ACTIVATIONS[name](*arguments, **options)
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
            GELUTanh,
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
