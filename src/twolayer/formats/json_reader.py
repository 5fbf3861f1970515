"""Networks read out of JSON: this library's own, and the lists that scikit-learn's ``coefs_`` become."""

import json
from pathlib import Path
from typing import Any

from twolayer.errors import InputError
from twolayer.formats.layers import Layers
from twolayer.formats.reading import Reading, careful, refusal
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["read_coefficients", "read_json"]

_OWN = "twolayer.network"


def read_json(path: str | Path) -> Reading:
    """The network in a JSON file.

    Parameters
    ----------
    path : path
        What `to_json` wrote; or an object with ``coefs_`` and ``intercepts_`` of two layers, ``activation`` and
        ``out_activation_``, as of an ``MLPRegressor``.

    Raises
    ------
    InputError
        If it is neither, or damaged.
    """
    name = str(path)
    with careful(path, "a JSON file"):
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refused)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        if not isinstance(content, dict):
            raise refusal(name, "it is no object with the weights of a network")
        if content.get("format") == _OWN:
            return _own(name, content)
        if "coefs_" in content:
            return read_coefficients(name, content)
        raise refusal(name, "it has neither 'format' nor 'coefs_'")


def _refused(constant: str) -> float:
    raise ValueError(f"it holds {constant}")


def _own(name: str, content: dict[str, Any]) -> Reading:
    try:
        polynomial = content.get("polynomial")
        part = None if polynomial is None else Polynomial(**polynomial)
        activation = content["activation"]
        if not isinstance(activation, str):
            raise InputError("its activation is no name")
        network = TwoLayerNetwork(content["a"], content["W"], content["b"], activation, part)
    except KeyError as error:
        raise refusal(name, f"it has no {error}", "export it again") from None
    except (TypeError, ValueError) as error:  # of which InputError is one
        raise refusal(name, str(error), "export it again") from None
    return Reading(network, str(content.get("link", "identity")), name)


def read_coefficients(name: str, content: dict[str, Any]) -> Reading:
    """The network in lists of weights (inputs, outputs) and biases, one of each a layer.

    Raises
    ------
    InputError
        If there are not two layers, or the activation is unknown.
    """
    weights, biases = content.get("coefs_"), content.get("intercepts_")
    if not isinstance(weights, list | tuple) or not isinstance(biases, list | tuple) or len(weights) != len(biases):
        raise refusal(name, "its coefs_ and intercepts_ must be lists of one array a layer")
    if not weights:
        raise refusal(name, "it has no layer")
    dim = len(weights[0]) if hasattr(weights[0], "__len__") else 0
    chain = Layers(name, dim, rtol=1e-11)
    for place, (W, b) in enumerate(zip(weights, biases, strict=True), 1):
        is_last = place == len(weights)
        layer = f"its layer {place}"
        chain.affine(W, b, layer)
        chain.function(str(content.get("out_activation_", "identity") if is_last else content.get("activation")), layer)
    return chain.reading()
