"""The table of the files that are read, by the ends of their names."""

import os
from pathlib import Path
from typing import Any

from twolayer.entry import Entry, table
from twolayer.errors import InputError
from twolayer.formats.objects import read_object
from twolayer.formats.reading import Reading
from twolayer.network import TwoLayerNetwork

__all__ = ["READERS", "read_model"]

_PICKLES = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".ckpt", ".bin", ".sav")  # loading one can run anything


def _read_npz(path: str | Path) -> Reading:
    """What this library saves."""
    return Reading(TwoLayerNetwork.load(path), source=str(path))


READERS: dict[str, Entry] = table(
    Entry("onnx", "twolayer.formats.onnx_reader:read_onnx", "ONNX, as torch, Keras, scikit-learn and others export it"),
    Entry("keras", "twolayer.formats.keras_reader:read_keras", "Keras 3, the file of model.save"),
    Entry("h5", "twolayer.formats.keras_reader:read_keras", "Keras 2, the whole model in HDF5"),
    Entry("safetensors", "twolayer.formats.safetensors_reader:read_safetensors", "arrays by name, as of a state dict"),
    Entry("json", "twolayer.formats.json_reader:read_json", "coefs_ and intercepts_, or what this library exports"),
    Entry("npz", _read_npz, "what this library saves"),
)
"""What reads a file, by the end of its name."""


def read_model(source: Any, *, activation: str | None = None) -> Reading:
    r"""Read the two-layer network out of a model: its weights, not its answers.

    .. math:: g\Bigl(\sum_{i=1}^m a_i\, \sigma(w_i\cdot x + b_i) + P(x)\Bigr),

    with a link g that is the identity, the logistic function, softmax, exp or tanh.

    Parameters
    ----------
    source : path or object
        A file of a kind in ``READERS``, by the end of its name; or an object, see `read_object`.
    activation : str, optional
        Where a file does not say it (``.safetensors``).

    Returns
    -------
    Reading

    Raises
    ------
    InputError
        If there is no such file, or it is of another kind, damaged or hostile (nothing of it is run, unpickled or
        looked for elsewhere); if the model is not of two layers: the sentence names the layer or operator, and how the
        network can be had nevertheless.

    Examples
    --------
    >>> weights = {"coefs_": [[[1.0, 2.0]], [[1.0], [1.0]]], "intercepts_": [[0, 0], [0]], "activation": "tanh"}
    >>> read_model(weights).network
    <TwoLayerNetwork: 2 tanh units on 1 inputs>
    """
    if not isinstance(source, str | os.PathLike):
        return read_object(source)
    path = Path(source)
    end = path.suffix.lower()
    if end in _PICKLES:
        raise InputError(
            f"{path} is a pickle, which can run anything when it is loaded: save the model as ONNX, or its weights as"
            " .safetensors"
        )
    kind = {".hdf5": "h5"}.get(end, end[1:])
    if kind not in READERS:
        raise InputError(f"{path} is not of a kind that is read: {', '.join(f'.{name}' for name in READERS)}")
    if activation is not None and kind != "safetensors":
        raise InputError(f"a file .{kind} says itself which activation it has")
    told = () if activation is None else (activation,)
    found: Reading = READERS[kind](path, *told)
    return found
