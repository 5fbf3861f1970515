"""Networks read out of Keras' files, ``.keras`` and ``.h5``, without Keras."""

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.formats.layers import Layers
from twolayer.formats.reading import Reading, careful, refusal

__all__ = ["read_keras"]

Array = NDArray[Any]

_LARGEST = 1 << 32  # bytes: 4 GiB, as of a network of this library
_USUAL = 1 << 26  # bytes, 64 MiB: what is larger must be there, and not be a few numbers that expand to so many
_PASSED = ("InputLayer", "Dropout", "GaussianNoise", "GaussianDropout", "AlphaDropout", "ActivityRegularization")
_ORDER = "its layers are no chain: each must take what the one before gives"


def read_keras(path: str | Path) -> Reading:
    """The network in a file that ``model.save`` of Keras wrote: dense layers in a chain.

    Dense, Activation, ReLU, LeakyReLU, PReLU, ELU, Softmax, BatchNormalization, Normalization, Rescaling, Flatten and
    Reshape are read; Dropout and noise, which only training has, pass.

    Parameters
    ----------
    path : path
        A ``.keras`` file, or an ``.h5`` file with the architecture in it.

    Raises
    ------
    InputError
        If the file is none, damaged or hostile (one that expands to more than 4 GiB, or names other files); if a layer
        is of another kind (a Lambda holds code, which is not run); if h5py is not installed.
    """
    name = str(path)
    with careful(path, "a Keras model"):
        if zipfile.is_zipfile(path):
            config, stored = _unzipped(path)
            with _opened(io.BytesIO(stored), name) as weights:
                return _chain(name, config, lambda _, kind, place: _by_kind(weights, kind, place, name))
        with _opened(path, name) as weights:
            told = weights.attrs.get("model_config")
            if told is None:
                raise refusal(name, "it holds weights and no architecture", "save the model whole, as .keras")
            config = json.loads(told)
            return _chain(name, config, lambda layer, *_: _by_name(weights["model_weights"], layer, name))


def _unzipped(path: str | Path) -> tuple[dict[str, Any], bytes]:
    """The architecture and the weights of a ``.keras`` file."""
    with zipfile.ZipFile(path) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        if not {"config.json", "model.weights.h5"} <= sizes.keys():
            raise refusal(str(path), "it is no Keras model: it has no config.json and model.weights.h5")
        if sizes["config.json"] + sizes["model.weights.h5"] > _LARGEST:
            raise InputError(f"{path} would take more than {_LARGEST} bytes in memory, and no more are allowed")
        return json.loads(archive.read("config.json")), archive.read("model.weights.h5")


def _opened(file: Any, name: str) -> Any:
    try:
        import h5py
    except ImportError:
        raise InputError(f"{name} needs the package h5py: pip install 'twolayer[keras]'") from None
    try:
        return h5py.File(file, "r")
    except OSError as error:  # whatever of it is not HDF5
        raise InputError(f"{name} is not a Keras model, or is damaged: {str(error)[:100]}") from None


def _own(group: Any, name: str) -> dict[str, Any]:
    """What a group of an HDF5 file holds itself: nothing is followed into other files."""
    import h5py

    held = {}
    for key in group:
        if isinstance(group.get(key, getlink=True), h5py.ExternalLink | h5py.SoftLink):
            raise InputError(f"{name} names another place for {key!r}: not opened")
        held[key.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]] = group[key]
    return held


def _array(dataset: Any, name: str) -> Array:
    if not hasattr(dataset, "dtype") or dataset.dtype.kind not in "fiu":
        raise InputError(f"{name} holds something that is no array of numbers")
    if dataset.external or dataset.is_virtual:
        raise InputError(f"{name} names another file for its numbers: not opened")
    if dataset.nbytes > min(_LARGEST, _USUAL + 100 * dataset.id.get_storage_size()):
        raise InputError(
            f"{name} would take {dataset.nbytes} bytes in memory, and holds {dataset.id.get_storage_size()}"
        )
    return np.asarray(dataset[()])


def _by_kind(weights: Any, kind: str, place: int, name: str) -> list[Array]:
    """Weights of the layer of its kind that comes so many later, as Keras 3 stores them."""
    key = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", kind).lower()
    top = {inner.replace("\\", "/"): inner for inner in weights}
    stem = f"{key}_{place}" if place else key
    if f"layers/{stem}" in top:  # written where folders are parted by backslashes
        layer = weights[top[f"layers/{stem}"]]
    else:
        layer = _own(_own(weights, name).get("layers", {}), name).get(stem)
    if layer is None:
        return []
    held = _own(_own(layer, name).get("vars", {}), name)
    return [_array(held[str(i)], name) for i in range(len(held)) if str(i) in held]


def _by_name(groups: Any, layer: str, name: str) -> list[Array]:
    """Weights of a layer by its name, as the older format has them."""
    if layer not in groups:
        return []
    found = []
    for weight in groups[layer].attrs.get("weight_names", []):
        node = groups[layer]
        for part in (weight.decode() if isinstance(weight, bytes) else str(weight)).split("/"):
            node = _own(node, name)[part]
        found.append(_array(node, name))
    return found


def _sequence(config: dict[str, Any], name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, kind and options of each layer, in order."""
    kind, inner = config.get("class_name"), config.get("config", {})
    if kind not in ("Sequential", "Functional", "Model"):
        raise refusal(name, f"its model is of the kind {kind!r}, and a Sequential or a chain was expected")
    before: str | None = None
    for layer in inner["layers"] if isinstance(inner, dict) else inner:
        options = layer["config"]
        own = layer.get("name") or options.get("name", "")
        if kind != "Sequential":
            sources = _sources(layer.get("inbound_nodes", []))
            if (before is None) != (not sources) or not sources <= {before}:
                raise refusal(name, _ORDER)
        before = own
        yield own, layer["class_name"], options


def _sources(nodes: Any) -> set[str]:
    """The layers that an inbound node names, in either of the two ways in which Keras writes them."""
    if isinstance(nodes, dict):
        history = nodes["config"].get("keras_history") if nodes.get("class_name") == "__keras_tensor__" else None
        inner = {str(history[0])} if history else set()
        return inner.union(*(_sources(value) for value in nodes.values()))
    if isinstance(nodes, list):
        if len(nodes) >= 3 and isinstance(nodes[0], str):
            return {nodes[0]}
        return set().union(*(_sources(node) for node in nodes))
    return set()


def _chain(name: str, config: dict[str, Any], weights_of: Any) -> Reading:
    if not isinstance(config, dict):
        raise refusal(name, "its architecture is no description of a model")
    layers: Layers | None = None
    counts: dict[str, int] = {}
    shape: tuple[int, ...] = ()
    for own, kind, options in _sequence(config, name):
        given = options.get("batch_shape") or options.get("batch_input_shape")
        if given and layers is None:
            shape = tuple(int(size) for size in given[1:])
            layers = Layers(name, int(np.prod(shape)))
        place = counts.get(kind, 0)
        counts[kind] = place + 1
        if kind in _PASSED:
            continue
        weights = weights_of(own, kind, place)
        if layers is None:
            built = layer_inputs(options, weights, kind)
            if built is None:
                raise refusal(name, "it does not say how many inputs it takes")
            shape, layers = (built,), Layers(name, built)
        shape = _added(layers, f"its layer {own!r}", kind, options, weights, shape)
    if layers is None:
        raise refusal(name, "it has no layer")
    return layers.reading()


def layer_inputs(options: dict[str, Any], weights: list[Array], kind: str) -> int | None:
    """The number of inputs, by the first layer that has weights."""
    if kind == "Dense" and weights:
        return int(weights[0].shape[0])
    return None if "axis" not in options or not weights else int(weights[0].shape[-1])


def _added(
    layers: Layers, layer: str, kind: str, options: dict[str, Any], weights: list[Array], shape: tuple[int, ...]
) -> tuple[int, ...]:
    """Add a layer, and return the shape of what it gives."""
    if kind in ("Flatten", "Reshape"):
        return (int(np.prod(shape)),) if kind == "Flatten" else tuple(options.get("target_shape", shape))
    if kind == "Dense":
        if len(shape) != 1:
            raise refusal(layers.source, f"{layer} is applied along an axis of {shape}")
        if not weights:
            raise refusal(layers.source, f"{layer} has no weights in the file")
        layers.affine(weights[0], weights[1] if len(weights) > 1 else None, layer)
        _function(layers, options.get("activation"), layer)
        return (int(weights[0].shape[1]),)
    if kind not in _OTHERS:
        code = " (it holds code, which is not run)" if kind == "Lambda" else ""
        raise refusal(layers.source, f"{layer} is of the kind {kind}{code}")
    _OTHERS[kind](layers, layer, options, weights)
    return shape


def _function(layers: Layers, told: Any, layer: str) -> None:
    if isinstance(told, dict):  # a function with its options, or of somebody's own
        name = told.get("config", {}).get("name") if isinstance(told.get("config"), dict) else told.get("config")
        told = name or told.get("class_name")
    if told is not None:
        layers.function(str(told), layer, **({"alpha": 0.2} if told == "leaky_relu" else {}))


def _normalisation(layers: Layers, layer: str, options: dict[str, Any], weights: list[Array]) -> None:
    mean, variance = options.get("mean"), options.get("variance")
    if mean is None and len(weights) >= 2:
        mean, variance = weights[:2]
    if mean is None or variance is None:
        raise refusal(layers.source, f"{layer} was not adapted to any data")
    deviation = np.maximum(np.sqrt(np.asarray(variance, float).ravel()), 1e-7)  # as Keras does, against zeros
    if options.get("invert"):
        layers.scaled(deviation, np.ravel(mean), layer)
    else:
        layers.scaled(1 / deviation, -np.ravel(mean) / deviation, layer)


def _batch_normalisation(layers: Layers, layer: str, options: dict[str, Any], weights: list[Array]) -> None:
    rest = list(weights)
    gamma = rest.pop(0) if options.get("scale", True) else np.ones(1)
    beta = rest.pop(0) if options.get("center", True) else np.zeros(1)
    mean, variance = rest[:2]
    factor = gamma.astype(float) / np.sqrt(variance.astype(float) + options.get("epsilon", 1e-3))
    layers.scaled(factor, beta - mean * factor, layer)


def _ramp(layers: Layers, layer: str, options: dict[str, Any], _: list[Array]) -> None:
    slope, top, low = (options.get(key) or 0.0 for key in ("negative_slope", "max_value", "threshold"))
    if low:
        raise refusal(layers.source, f"{layer} is a ramp that begins with a jump")
    layers.apply("LeakyRelu", layer, {"alpha": float(slope)})
    if options.get("max_value") is not None:
        layers.apply("Clip", layer, {"max": float(top)})


def _leaky(layers: Layers, layer: str, options: dict[str, Any], _: list[Array]) -> None:
    layers.apply("LeakyRelu", layer, {"alpha": float(options.get("negative_slope", options.get("alpha", 0.3)))})


_OTHERS: dict[str, Any] = {
    "Activation": lambda layers, layer, options, _: _function(layers, options.get("activation"), layer),
    "ReLU": _ramp,
    "LeakyReLU": _leaky,
    "PReLU": lambda layers, layer, _, weights: layers.apply("PRelu", layer, {}, np.ravel(weights[0]).astype(float)),
    "ELU": lambda layers, layer, options, _: layers.apply("Elu", layer, {"alpha": float(options.get("alpha", 1.0))}),
    "Softmax": lambda layers, layer, *_: layers.apply("Softmax", layer, {}),
    "Normalization": _normalisation,
    "BatchNormalization": _batch_normalisation,
    "Rescaling": lambda layers, layer, options, _: layers.scaled(options["scale"], options.get("offset", 0.0), layer),
}
