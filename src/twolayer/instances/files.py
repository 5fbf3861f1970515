"""Files of instances: everything that an instance is made of, as arrays and one text, under one digest.

An instance is an uncompressed ``.npz`` with the entries

- ``X``, or ``X_data``, ``X_indices``, ``X_indptr`` and ``X_shape`` where the inputs are sparse (rows compressed), and
  ``y``: what a learner is given;
- ``planted_NAME`` for each array of the planted network; none where no such network exists;
- ``head``: a JSON text with family, options and seed, the claim and the citation;
- ``sha256``: the digest of all the others, their names, types and shapes included.

Nothing in it is pickled, and nothing is executed when it is read.
"""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from twolayer.errors import InputError
from twolayer.files import FilePath, read_npz, write_npz
from twolayer.instances.instance import Claim, Inputs, Instance
from twolayer.plain import builtin

__all__ = ["instance_digest", "load_instance", "save_instance"]

_FORMAT, _VERSION = "twolayer.instance", 1
_MAX_FILE_BYTES = 1 << 33  # 8 GiB: what is larger was not made here
_SPARSE_PARTS = ("X_data", "X_indices", "X_indptr", "X_shape")


class _ClaimText(msgspec.Struct, forbid_unknown_fields=True):
    statement: str
    theorem: str
    assumption: str
    sizes: dict[str, int | float]


class _Head(msgspec.Struct, forbid_unknown_fields=True):
    format: str
    version: int
    family: str
    options: dict[str, bool | int | float | str]
    seed: int
    citation: str
    claim: _ClaimText
    planted: list[str] | None


def save_instance(instance: Instance, path: FilePath) -> None:
    """Write an instance to `path`, whole or not at all; equal instances give equal bytes.

    Raises
    ------
    InputError
        If `path` cannot be written, or an array holds Python objects.
    """
    entries = _entries(instance)
    write_npz(path, {**entries, "sha256": np.array(_digest(entries))})


def load_instance(path: FilePath) -> Instance:
    """Read an instance; its digest is compared, but its claim is not checked, see `verify_instance`.

    Raises
    ------
    InputError
        If there is no such file, it is no instance file or of another version, it is truncated, compressed, has
        something added, or its content does not give its digest.
    """
    entries = read_npz(path, _MAX_FILE_BYTES, may_expand=False)
    try:
        _refuse_loose_bytes(path)
        return _instance_from(entries)
    except InputError as error:
        raise InputError(f"{path} is not an intact instance file: {error}") from None


def instance_digest(instance: Instance) -> str:
    """SHA-256 over everything that the instance is made of: arrays, their types and shapes, options, seed and claim."""
    return _digest(_entries(instance))


def _entries(instance: Instance) -> dict[str, NDArray[Any]]:
    """Everything but the digest, by name."""
    entries: dict[str, NDArray[Any]] = {"head": np.array(_text(instance)), "y": np.asarray(instance.y)}
    entries |= input_arrays(instance.X)
    for name, array in (instance.planted or {}).items():
        entries[f"planted_{name}"] = np.asarray(array)
    return entries


def input_arrays(X: Inputs) -> dict[str, NDArray[Any]]:
    """Return the inputs as the arrays that are stored: one where they are dense, four where they are sparse."""
    if not sparse.issparse(X):
        return {"X": np.asarray(X)}
    rows = X if isinstance(X, sparse.csr_array) else sparse.csr_array(X)
    parts = (rows.data, rows.indices, rows.indptr, np.array(rows.shape, dtype=np.int64))
    return dict(zip(_SPARSE_PARTS, parts, strict=True))


def _text(instance: Instance) -> str:
    claim = instance.claim
    head = {
        "format": _FORMAT,
        "version": _VERSION,
        "family": instance.family,
        "options": {name: builtin(value) for name, value in instance.options.items()},
        "seed": int(instance.seed),
        "citation": instance.citation,
        "claim": {
            "statement": claim.statement,
            "theorem": claim.theorem,
            "assumption": claim.assumption,
            "sizes": {name: builtin(value) for name, value in claim.sizes.items()},
        },
        "planted": None if instance.planted is None else list(instance.planted),
    }
    return _canonical(head)


def _canonical(head: Mapping[str, Any]) -> str:
    return json.dumps(head, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def _digest(entries: Mapping[str, NDArray[Any]]) -> str:
    total = hashlib.sha256()
    for name in sorted(entries):
        array = entries[name]
        little = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"), copy=False))
        total.update(f"{name} {little.dtype.str} {array.shape}\n".encode())
        total.update(little.reshape(-1).view(np.uint8).data)
    return total.hexdigest()


def _refuse_loose_bytes(path: FilePath) -> None:
    """Refuse what stands before the archive or behind it, where no reader of archives looks."""
    with zipfile.ZipFile(path) as archive:
        first = min((member.header_offset for member in archive.infolist()), default=0)
    with Path(path).open("rb") as stream:
        size = stream.seek(0, 2)
        # bytes of the last record of a zip archive without comment
        stream.seek(max(0, size - 22))
        end = stream.read()
    if first or not (end.startswith(b"PK\x05\x06") and end.endswith(b"\0\0")):
        raise InputError("there are bytes before or behind its archive")


def _instance_from(entries: dict[str, NDArray[Any]]) -> Instance:
    """Build the instance in the entries of a file, or raise an InputError."""
    # a MiB of text: what a family says of itself is a page
    head = _head(_single_text(entries, "head", (1 << 20)))
    stated = _single_text(entries, "sha256", 64)
    content = {name: array for name, array in entries.items() if name != "sha256"}
    X_names = ("X",) if "X" in entries else _SPARSE_PARTS
    planted_names = {name: f"planted_{name}" for name in head.planted or ()}
    expected = {"head", "y", *X_names, *planted_names.values()}
    for name in sorted(expected ^ content.keys()):
        raise InputError(f"it has {'no' if name in expected else 'an unknown'} entry {name[:40]!r}")
    found = _digest(content)
    if found != stated:
        raise InputError(f"its content gives the digest {found[:12]}..., and it states {stated[:12]!r}...")
    X, y = _inputs(content), content["y"]
    if y.shape != (X.shape[0],):
        raise InputError(f"y must have one label for each of {X.shape[0]} rows of X, found shape {y.shape}")
    planted = None if head.planted is None else {name: content[entry] for name, entry in planted_names.items()}
    claim = Claim(head.claim.statement, head.claim.theorem, head.claim.assumption, head.claim.sizes)
    return Instance(head.family, head.options, head.seed, X, y, planted, claim, head.citation)


def _head(text: str) -> _Head:
    try:
        content = json.loads(text)
        head = msgspec.convert(content, _Head)
    except (ValueError, RecursionError) as error:
        raise InputError(f"its head cannot be read: {str(error).splitlines()[0][:100]}") from None
    if head.format != _FORMAT or head.version != _VERSION:
        raise InputError(
            f"its format is {head.format[:40]!r} of version {head.version}, and this release reads {_FORMAT!r} of"
            f" version {_VERSION}"
        )
    if _canonical(content) != text:
        raise InputError("its head is not written as this library writes it")
    return head


def _single_text(entries: Mapping[str, NDArray[Any]], name: str, longest: int) -> str:
    if name not in entries:
        raise InputError(f"it has no entry {name!r}")
    value = entries[name]
    if value.ndim or value.dtype.kind != "U" or value.dtype.itemsize > 4 * longest:
        raise InputError(f"its entry {name!r} must be a single text of at most {longest} characters")
    return str(value.item())


def _inputs(entries: Mapping[str, NDArray[Any]]) -> Inputs:
    if "X" in entries:
        X = entries["X"]
        if X.ndim != 2 or X.dtype.kind not in "biuf":
            raise InputError(f"X must be a two-dimensional array of numbers, found {X.dtype} of shape {X.shape}")
        return X
    data, indices, indptr, shape = (entries[part] for part in _SPARSE_PARTS)
    if any(part.dtype.kind != "i" or part.ndim != 1 for part in (indices, indptr, shape)) or shape.shape != (2,):
        raise InputError("the parts of its sparse X are not indices and a shape of two dimensions")
    if data.ndim != 1 or data.dtype.kind not in "biuf":
        raise InputError(f"X_data must be one row of numbers, found {data.dtype} of shape {data.shape}")
    try:
        X = sparse.csr_array((data, indices, indptr), shape=(int(shape[0]), int(shape[1])))
        X.check_format(full_check=True)
    except (ValueError, OverflowError) as error:
        raise InputError(f"its sparse X is inconsistent: {error}") from None
    return X
