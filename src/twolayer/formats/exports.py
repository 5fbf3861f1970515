"""The table of the forms in which a network is written for other programs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from twolayer.entry import Entry, table
from twolayer.errors import InputError
from twolayer.files import atomic_writer
from twolayer.formats.reading import Reading
from twolayer.links import LINKS
from twolayer.network import TwoLayerNetwork

__all__ = ["EXPORTS", "Export", "export_model", "to_sklearn"]


@dataclass(frozen=True)
class Export(Entry):
    """A form of network for another program; to call it with a network is to have what is written.

    Attributes
    ----------
    end : str
        Of the name of its files.
    has_links : bool
        Whether it can hold a link on top of the outputs.
    """

    end: str = ""
    has_links: bool = True


def _onnx(network: TwoLayerNetwork, link: str = "identity") -> bytes:
    """An ONNX file in double precision."""
    from twolayer.formats.exports_files import to_onnx

    content: bytes = to_onnx(network, link).SerializeToString()
    return content


def to_sklearn(network: TwoLayerNetwork) -> Any:
    """A fitted ``MLPRegressor`` that predicts what the network computes; a linear part of relu is two units.

    Raises
    ------
    InputError
        If scikit-learn has no such activation (it has relu, tanh and sigmoid), or there is a polynomial part beyond a
        constant beside another one than relu.
    """
    from twolayer.formats.exports_files import with_ramps_for_the_linear_part

    network = with_ramps_for_the_linear_part(network, "an MLPRegressor")
    names = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic", "linear": "identity"}
    if network.activation.name not in names:
        raise InputError(f"an MLPRegressor has no activation {network.activation.name}: it has {', '.join(names)}")
    if not network.width:
        raise InputError("an MLPRegressor has a unit at least, and the network has none")
    from sklearn.neural_network import MLPRegressor

    model = MLPRegressor(hidden_layer_sizes=(network.width,), activation=names[network.activation.name])
    constant = np.zeros(network.n_outputs) if network.polynomial is None else np.ravel(network.polynomial.constant)
    model.coefs_, model.intercepts_ = [network.W.T.copy(), network.A.copy()], [network.b.copy(), constant.copy()]
    model.n_features_in_, model.n_outputs_, model.n_layers_ = network.dim, network.n_outputs, 3
    model.out_activation_ = "identity"
    model.n_iter_ = model.t_ = 0
    return model


def _sklearn_code(network: TwoLayerNetwork) -> str:
    """A Python module in which ``model`` is a fitted MLPRegressor."""
    made = to_sklearn(network)
    arrays = [f"np.array({part.tolist()})" for part in (*made.coefs_, *made.intercepts_)]
    return "\n".join(
        [
            f'"""A network of {network.width} {network.activation.name} units, as a fitted MLPRegressor."""',
            "",
            "import numpy as np",
            "from sklearn.neural_network import MLPRegressor",
            "",
            f"model = MLPRegressor(hidden_layer_sizes={made.hidden_layer_sizes}, activation={made.activation!r})",
            f"model.coefs_ = [\n    {arrays[0]},\n    {arrays[1]},\n]",
            f"model.intercepts_ = [\n    {arrays[2]},\n    {arrays[3]},\n]",
            f"model.n_features_in_, model.n_outputs_, model.n_layers_ = {made.n_features_in_}, {made.n_outputs_}, 3",
            'model.out_activation_, model.n_iter_, model.t_ = "identity", 0, 0',
            "",
        ]
    )


def _named(function: str) -> str:
    return f"twolayer.formats.{function}"


EXPORTS: dict[str, Export] = table(
    Export("onnx", _onnx, "ONNX in double precision, for onnxruntime and all that reads it", "onnx"),
    Export("torch", _named("exports_text:to_torch_code"), "a Python module with a torch.nn.Module", "py"),
    Export("sklearn", _sklearn_code, "a Python module with a fitted MLPRegressor", "py", has_links=False),
    Export("safetensors", _named("exports_files:to_safetensors"), "arrays by name, and what they are", "safetensors"),
    Export("json", _named("exports_text:to_json"), "JSON, every digit", "json"),
    Export("python", _named("exports_text:to_python"), "a Python module that needs numpy only", "py"),
    Export("c", _named("exports_text:to_c"), "a function in C99", "c"),
    Export("excel", _named("exports_files:to_excel"), "a workbook that computes it", "xlsx"),
    Export("latex", _named("exports_text:to_latex"), "a formula, to six digits", "tex", has_links=False),
    Export("sympy", _named("exports_text:to_sympy"), "a Python module with an expression of sympy", "py"),
    Export("pmml", _named("exports_files:to_pmml"), "PMML 4.4", "pmml", has_links=False),
)
"""The forms in which a network is written for other programs."""


def export_model(model: TwoLayerNetwork | Reading, path: str | Path, to: str | None = None, *, link: str = "") -> None:
    """Write a network for another program, whole or not at all.

    Parameters
    ----------
    model : TwoLayerNetwork or Reading
        A reading brings its link with it.
    path : path
    to : str, optional
        A name in ``EXPORTS``; by default what the end of the path says.
    link : str
        A function on top of the outputs: ``"identity"``, ``"logistic"``, ``"softmax"``, ``"tanh"`` or ``"exp"``.

    Raises
    ------
    InputError
        If there is no such form, it cannot hold the network (which part of it is said), a package is missing, or the
        path cannot be written.
    """
    network = model.network if isinstance(model, Reading) else model
    link = link or (model.link if isinstance(model, Reading) else "identity")
    end = Path(path).suffix.lower().removeprefix(".")
    if to is None:
        fitting = [name for name, entry in EXPORTS.items() if entry.end == end]
        if len(fitting) != 1:
            named = ", ".join(fitting or EXPORTS)
            raise InputError(f"{path} does not say in which form it is to be written: one of {named}")
        (to,) = fitting
    if to not in EXPORTS:
        raise InputError(f"unknown form {to!r}: the known ones are {', '.join(EXPORTS)}")
    if link not in LINKS:
        raise InputError(f"unknown link {link!r}: the known ones are {', '.join(LINKS)}")
    if link == "softmax" and network.n_outputs == 1:
        raise InputError("softmax is of several outputs, and the network has one")
    entry = EXPORTS[to]
    if link != "identity" and not entry.has_links:
        raise InputError(f"the form {to} has no place for the link {link}: export the network without it")
    make: Callable[..., bytes | str] = entry.function
    content = make(network) if link == "identity" else make(network, link)
    with atomic_writer(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)
