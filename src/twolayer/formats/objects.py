"""Networks read out of the objects of other libraries, which need not be installed here."""

import sys
from importlib import import_module
from typing import Any

import numpy as np

from twolayer.formats.json_reader import read_coefficients
from twolayer.formats.layers import Layers
from twolayer.formats.reading import Reading, refusal
from twolayer.network import TwoLayerNetwork

__all__ = ["read_object"]


def read_object(model: Any) -> Reading:
    """The network in an object.

    Parameters
    ----------
    model : object
        A `TwoLayerNetwork`, or what has one as ``network`` or ``network_``; a fitted ``MLPRegressor`` or
        ``MLPClassifier``, alone or behind scalers and PCA in a ``Pipeline``; a torch module that is a chain of linear
        layers, activations, dropout and batch normalisation; a dict with ``coefs_``.

    Raises
    ------
    InputError
        If it is none of these, not fitted, or not of two layers.
    """
    name = f"this {type(model).__name__}"
    for held in (model, getattr(model, "network_", None), getattr(model, "network", None)):
        if isinstance(held, TwoLayerNetwork):
            return Reading(held, source=name)
    if isinstance(model, dict) and "coefs_" in model:
        return read_coefficients("this dict", model)
    if hasattr(model, "out_activation_") or hasattr(model, "steps") or hasattr(model, "hidden_layer_sizes"):
        return _of_scikit_learn(model, name)
    torch = sys.modules.get("torch")  # whoever has such a module has imported it
    if torch is not None and isinstance(model, torch.nn.Module):
        return _of_torch(model, name)
    raise refusal(name, "an MLPRegressor, MLPClassifier, Pipeline or torch module was expected")


def _of_scikit_learn(model: Any, name: str) -> Reading:
    steps = [step for _, step in getattr(model, "steps", [("", model)])]
    last = steps[-1]
    if not hasattr(last, "coefs_"):
        is_other = not hasattr(last, "hidden_layer_sizes")
        raise refusal(
            name, f"its last step is {type(last).__name__}" if is_other else "it is not fitted", "fit it first"
        )
    first = next((step for step in steps if hasattr(step, "n_features_in_")), last)
    chain = Layers(name, int(first.n_features_in_), rtol=1e-11)
    for step in steps[:-1]:
        _preprocessed(chain, step)
    count = len(last.coefs_)
    for place, (W, b) in enumerate(zip(last.coefs_, last.intercepts_, strict=True), 1):
        layer = f"its layer {place}"
        chain.affine(W, b, layer)
        chain.function(last.out_activation_ if place == count else last.activation, layer)
    return chain.reading()


def _preprocessed(chain: Layers, step: Any) -> None:
    """Add a step before the network, if it is affine."""
    kind = type(step).__name__
    layer = f"its step {kind}"
    if step is None or step == "passthrough":
        return
    if kind == "StandardScaler":
        scale = np.asarray(step.scale_ if step.with_std else 1.0)
        chain.scaled(1 / scale, -np.asarray(step.mean_ if step.with_mean else 0.0) / scale, layer)
    elif kind == "MinMaxScaler" and not step.clip:
        chain.scaled(step.scale_, step.min_, layer)
    elif kind == "MaxAbsScaler" and not getattr(step, "clip", False):
        chain.scaled(1 / step.scale_, 0.0, layer)
    elif kind == "RobustScaler":
        scale = np.asarray(step.scale_ if step.with_scaling else 1.0)
        chain.scaled(1 / scale, -np.asarray(step.center_ if step.with_centering else 0.0) / scale, layer)
    elif kind == "PCA":
        components = step.components_.T
        if step.whiten:
            components = components / np.sqrt(step.explained_variance_)
        chain.affine(components, -step.mean_ @ components, layer)
    else:
        raise refusal(chain.source, f"{layer} is not one that is folded into weights")


def _of_torch(module: Any, name: str) -> Reading:
    parts = _in_order(module, name)
    linear = [part for part in parts if hasattr(part, "in_features")]
    if not linear:
        raise refusal(name, "it has no linear layer")
    chain = Layers(name, int(linear[0].in_features), rtol=1e-11)
    for place, part in enumerate(parts):
        _added(chain, part, f"its part {place} ({type(part).__name__ if not isinstance(part, str) else part})")
    return chain.reading()


def _in_order(module: Any, name: str) -> list[Any]:
    """The modules and names of functions that a module is a chain of."""
    if type(module).__name__ == "Sequential":
        return [part for child in module for part in _in_order(child, name)]
    if not list(module.children()):
        return [module]
    try:
        graph = import_module("torch.fx").symbolic_trace(module).graph
    except Exception as error:  # noqa: BLE001 - the module's own code is run, and may raise anything
        way = "export it with torch.onnx.export and read that file"
        raise refusal(name, f"its forward cannot be followed ({str(error)[:80]})", way) from None
    parts: list[Any] = []
    before = None
    held = dict(module.named_modules())
    for node in graph.nodes:
        if node.op == "output":
            break
        inputs = list(node.all_input_nodes)
        if node.op != "placeholder" and inputs != [before]:
            way = "export it with torch.onnx.export and read that file"
            raise refusal(name, f"its forward is no chain: {node.name} takes {len(inputs)} values", way)
        if node.op == "call_module":
            parts += _in_order(held[str(node.target)], name)
        elif node.op != "placeholder":
            called = node.target if isinstance(node.target, str) else node.target.__name__
            if called not in ("flatten", "squeeze", "contiguous", "dropout"):
                if len(node.args) > 1 or set(node.kwargs) - {"inplace"}:
                    raise refusal(name, f"its function {called} has options")
                parts.append(called)
        before = node
    return parts


def _added(chain: Layers, part: Any, layer: str) -> None:
    """Add a module, or a function by its name."""
    if isinstance(part, str):
        chain.function(part, layer, **({"alpha": 0.01} if part == "leaky_relu" else {}))
        return
    kind = type(part).__name__
    if kind == "Linear":
        chain.affine(_array(part.weight).T, None if part.bias is None else _array(part.bias), layer)
    elif kind == "BatchNorm1d":
        if part.running_mean is None:
            raise refusal(chain.source, f"{layer} normalises by the rows that are asked for")
        factor = 1 / np.sqrt(_array(part.running_var) + part.eps)
        factor = factor * _array(part.weight) if part.affine else factor
        shift = (_array(part.bias) if part.affine else 0.0) - _array(part.running_mean) * factor
        chain.scaled(factor, shift, layer)
    elif kind == "PReLU":
        chain.apply("PRelu", layer, {}, _array(part.weight))
    elif kind == "Softplus":
        chain.scaled(part.beta, 0.0, layer)
        chain.function("softplus", layer)
        chain.scaled(1 / part.beta, 0.0, layer)
    elif kind in ("Hardtanh", "ReLU6"):
        chain.apply("Clip", layer, {"min": float(part.min_val), "max": float(part.max_val)})
    elif kind in _OPTIONS:
        chain.function(kind, layer, **_OPTIONS[kind](part))
    elif kind not in ("Dropout", "Identity", "Flatten"):
        raise refusal(chain.source, f"{layer} is not one of a two-layer network")


# The activations of torch, and their options as ONNX has them.
_OPTIONS: dict[str, Any] = {
    **dict.fromkeys(
        ("ReLU", "Tanh", "Sigmoid", "Softsign", "SELU", "SiLU", "Mish", "Hardsigmoid", "Hardswish", "Softmax"),
        lambda part: {},  # noqa: ARG005 - they have none
    ),
    "LeakyReLU": lambda part: {"alpha": float(part.negative_slope)},
    "ELU": lambda part: {"alpha": float(part.alpha)},
    "CELU": lambda part: {"alpha": float(part.alpha)},
    "GELU": lambda part: {"approximate": part.approximate.encode()},
}


def _array(tensor: Any) -> Any:
    return tensor.detach().cpu().double().numpy()
