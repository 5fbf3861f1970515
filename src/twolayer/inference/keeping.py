"""A whole result in a file: network, verdict, certificate, history, names and covariances; nothing is unpickled."""

from typing import Any, get_origin

import msgspec
import numpy as np
from numpy.typing import NDArray

from twolayer.errors import InputError
from twolayer.evidence import Certificate, Status
from twolayer.files import FilePath, read_npz, scalar_entry, write_npz
from twolayer.inference.estimates import Estimates
from twolayer.inference.of_results import estimates_of, has_bias
from twolayer.inference.parameters import Layout, names_of
from twolayer.links import LINKS
from twolayer.network import TwoLayerNetwork
from twolayer.recover import Result, Step

__all__ = ["FORMAT", "load", "save"]

FORMAT, _VERSION = "twolayer.result", 1
_MAX_FILE_BYTES = 1 << 32  # 4 GiB, as of networks
_ARRAY = 1  # code of an array among the extensions of msgpack
_ESTIMATES = ("covariance", "is_unknown", "blind", "scale")


def save(result: Result, path: FilePath) -> None:
    """Write a result to a versioned ``.npz`` without pickle, whole or not at all; the rows are not written.

    Raises
    ------
    InputError
        If `path` cannot be written, or the activation has no spelling that reads back.
    """
    arrays: dict[str, Any] = {"format": FORMAT, "version": _VERSION, "status": result.status.name}
    arrays["link"] = result.link
    arrays |= {f"network_{name}": value for name, value in result.network.to_arrays().items()}
    arrays["certificate"] = _packed(result.certificate)
    arrays["history"] = _packed(result.history)
    for name, given in (("inputs", result.inputs), ("outputs", result.outputs)):
        if given is not None:
            arrays[name] = np.asarray(given, dtype=np.str_)
    if result.link != "identity":
        arrays["link"] = result.link
    try:
        found = estimates_of(result)
    except InputError:  # no rows, or too many parameters: the certificate has the errors
        found = None
    if found is not None:
        arrays |= {f"estimates_{name}": getattr(found, name) for name in _ESTIMATES}
        arrays["estimates_numbers"] = np.array([found.noise, found.n_rows, found.freedom, has_bias(result)])
    write_npz(path, {name: np.asarray(value) for name, value in arrays.items()})


def load(path: FilePath) -> Result:
    """Read a result that `save` wrote.

    Raises
    ------
    InputError
        If there is no such file, or it is not a result: another format or version, an entry missing or of another
        kind, an archive that is damaged, compressed, pickled or of absurd size.
    """
    entries = read_npz(path, max_bytes=_MAX_FILE_BYTES, may_expand=False)
    try:
        return _result_from(entries)
    except InputError as error:
        raise InputError(f"{path} is not a result: {error}") from None
    except (msgspec.MsgspecError, KeyError, ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{path} is not a result, or is damaged: {' '.join(str(error).split())[:200]}") from None


def _result_from(entries: dict[str, NDArray[Any]]) -> Result:
    if scalar_entry(entries, "format", "U") != FORMAT:
        raise InputError(f"its format must be {FORMAT!r}")
    version = scalar_entry(entries, "version", "iu")
    if version != _VERSION:
        raise InputError(f"its version is {version}, and this release reads version {_VERSION}")
    if str(entries["status"]) not in Status.__members__:
        raise InputError(f"its status {str(entries['status'])[:60]!r} is none")
    start = "network_"
    parts = {name.removeprefix(start): value for name, value in entries.items() if name.startswith(start)}
    network = TwoLayerNetwork.from_arrays(parts)
    certificate = _unpacked(entries["certificate"], Certificate)
    history = _unpacked(entries["history"], tuple[Step, ...])
    inputs, outputs = (_names(entries, name) for name in ("inputs", "outputs"))
    link = str(entries["link"]) if "link" in entries else "identity"
    if link not in LINKS:
        raise InputError(f"its link {link[:60]!r} is none")
    result = Result(network, Status[str(entries["status"])], certificate, history, inputs, outputs, link=link)
    errors = certificate.standard_errors
    if errors.W.shape != network.W.shape or errors.a.shape != network.a.shape or errors.b.shape != network.b.shape:
        raise InputError("its standard errors are of another network")
    if "estimates_numbers" in entries:
        result.__dict__["_estimates"] = _estimates_from(entries, result)
    return result


def _estimates_from(entries: dict[str, NDArray[Any]], result: Result) -> Estimates:
    noise, n_rows, freedom, bias = entries["estimates_numbers"].astype(np.float64).tolist()
    network = result.network
    names = names_of(result.inputs, network.dim), names_of(result.outputs, network.n_outputs, "y")
    layout = Layout(network, bool(bias), *names)
    P, p = layout.basis.shape
    C, unknown, blind, scale = (entries[f"estimates_{name}"] for name in _ESTIMATES)
    is_right = C.shape == (P, P) and unknown.shape == (P,) and blind.shape[:1] == (p,) and scale.shape == (p,)
    if not (is_right and C.dtype == blind.dtype == scale.dtype == np.float64 and unknown.dtype == bool):
        raise InputError("its covariances are of another network")
    if not (np.isfinite(C).all() and np.isfinite(noise) and freedom >= 1):
        raise InputError("its covariances are not finite")
    return Estimates(layout, C, unknown, blind, scale, noise, int(n_rows), int(freedom), "classical")


def _names(entries: dict[str, NDArray[Any]], name: str) -> tuple[str, ...] | None:
    if name not in entries:
        return None
    if entries[name].dtype.kind != "U" or entries[name].ndim != 1:
        raise InputError(f"its entry {name!r} must be a list of names")
    return tuple(entries[name].tolist())


def _packed(value: Any) -> NDArray[np.uint8]:
    """A value of dataclasses, numbers and arrays as bytes (msgpack), which hold no code."""
    return np.frombuffer(msgspec.msgpack.encode(value, enc_hook=_encoded), np.uint8)


def _unpacked(given: NDArray[Any], kind: Any) -> Any:
    if given.dtype != np.uint8 or given.ndim != 1:
        raise InputError("an entry that must hold bytes does not")
    return msgspec.msgpack.decode(given.tobytes(), type=kind, dec_hook=_decoded, ext_hook=_array)


def _encoded(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        header = np.array([value.ndim, *value.shape], "<i8").tobytes()
        return msgspec.msgpack.Ext(_ARRAY, header + np.ascontiguousarray(value, "<f8").tobytes())
    if isinstance(value, np.generic):
        return value.item()
    raise InputError(f"a result holds a {type(value).__name__}, which cannot be written")


def _decoded(kind: Any, value: Any) -> Any:
    if (kind is np.ndarray or get_origin(kind) is np.ndarray) and isinstance(value, np.ndarray):
        return value
    raise TypeError(f"unexpected {kind}")


def _array(code: int, content: memoryview) -> NDArray[np.float64]:
    """An array of float64 from its bytes: dimensions, shape, entries."""
    if code != _ARRAY:
        raise TypeError(f"unexpected extension {code}")
    ndim = int(np.frombuffer(content[:8], "<i8")[0])
    if not 0 <= ndim <= 4:  # no array of a certificate has more dimensions
        raise ValueError(f"an array of {ndim} dimensions")
    shape = np.frombuffer(content[8 : 8 + 8 * ndim], "<i8").tolist()
    return np.frombuffer(content[8 + 8 * ndim :], "<f8").astype(np.float64).reshape(shape)
