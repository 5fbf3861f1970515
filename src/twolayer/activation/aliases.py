"""What other libraries call the activations, so that their names and functions are read too."""

from collections.abc import Iterable
from typing import Any

__all__ = ["known_name", "name_of_function"]

# Names of scikit-learn, torch, Keras, SciPy and NumPy, in small letters and without underscores.
_ALIASES = {
    "absolute": "abs",
    "expit": "sigmoid",
    "fabs": "abs",
    "identity": "linear",
    "leakyrelu": "leaky_relu",
    "logistic": "sigmoid",
    "lrelu": "leaky_relu",
    "none": "linear",
    "rectifier": "relu",
    "relu2": "squared_relu",
    "sigm": "sigmoid",
    "sin": "sine",
    "square": "quadratic",
    "squaredrelu": "squared_relu",
    "swish": "silu",
}


def known_name(name: str, known: Iterable[str]) -> str:
    """The name of the table that a name stands for, whatever its letters and underscores; itself where there is none.

    Examples
    --------
    >>> known_name("LeakyReLU", ["relu", "leaky_relu"]), known_name("logistic", ["sigmoid"])
    ('leaky_relu', 'sigmoid')
    """
    names = list(known)
    if name in names:
        return name
    plain = {one.replace("_", ""): one for one in names}
    key = name.lower().replace("_", "").replace("-", "")
    alias = plain.get(key, _ALIASES.get(key, name))
    return alias if alias in names else name


def name_of_function(function: Any) -> str | None:
    """What a function of NumPy or SciPy, or a layer of torch, is called; None of anything else.

    A function of a person's own may be called ``relu`` and be something else.
    """
    module = type(function).__module__.partition(".")[0]
    if type(function).__name__ == "ufunc":
        return str(function.__name__)
    if module == "torch":
        return _name_of_layer(function)
    return None


def _name_of_layer(layer: Any) -> str | None:
    """What a layer of torch is called, with its argument; None where its options make it another function."""
    name = type(layer).__name__
    if getattr(layer, "approximate", "none") == "tanh":
        return "gelu_tanh"
    # a softplus with another beta, a clip at other bounds
    usual = {"beta": 1, "min_val": -1, "max_val": 1}
    if any(getattr(layer, option, value) != value for option, value in usual.items()):
        return None
    given = getattr(layer, "negative_slope", getattr(layer, "alpha", None))
    return name if given is None else f"{name}({float(given)!r})"
