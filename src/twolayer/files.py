"""Files of arrays: written whole or not at all, read without trusting them."""

import csv
import lzma
import math
import os
import secrets
import stat
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from twolayer.errors import InputError

__all__ = [
    "FilePath",
    "atomic_writer",
    "check_sample_size",
    "distrust",
    "memory_bytes",
    "read_npy",
    "read_npz",
    "scalar_entry",
    "write_csv",
    "write_npy",
    "write_npz",
]

FilePath = str | os.PathLike[str]

_LONGEST_NAME, _LONGEST_REASON = 100, 200  # characters: of the name of an array, and of a reason that a library gives

# What reading a damaged or hostile archive or array header has been seen, or is documented, to raise.
_DAMAGE = (
    csv.Error,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    tokenize.TokenError,
    EOFError,
    KeyError,
    OverflowError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


@contextmanager
def atomic_writer(path: FilePath) -> Iterator[IO[bytes]]:
    """Open `path` for binary writing so that it is replaced whole, or left as it was.

    The bytes go to a new file in the same folder, which is flushed to the disk and then renamed to `path`. Whatever is
    raised before that, Ctrl-C included, removes the new file. A file that was there keeps its permissions; a symbolic
    link is followed.

    Raises
    ------
    InputError
        If `path` cannot be written: no such folder, no permission, a folder or a device in its place, a full disk.
    """
    try:
        target = Path(os.path.realpath(path))
        temporary = target.with_name(f".twolayer-{secrets.token_hex(8)}.tmp")
        mode = _mode_to_keep(target)
        stream = temporary.open("xb")
    except (OSError, ValueError) as error:
        raise InputError(f"cannot write {path}: {_reason(error)}") from error
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            temporary.chmod(mode)
        temporary.replace(target)
    except OSError as error:
        raise InputError(f"cannot write {path}: {_reason(error)}") from error
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)


def write_npz(path: FilePath, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays to an uncompressed ``.npz``, whole or not at all; equal arrays give equal bytes."""
    for name, array in arrays.items():
        _refuse_objects(path, np.asarray(array).dtype, name)
    with atomic_writer(path) as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def write_npy(path: FilePath, array: NDArray[Any]) -> None:
    """Write one array to a ``.npy``, whole or not at all."""
    _refuse_objects(path, np.asarray(array).dtype, "the array")
    with atomic_writer(path) as stream:
        np.save(stream, array, allow_pickle=False)


def write_csv(path: FilePath, table: NDArray[np.floating[Any]], header: Sequence[str]) -> None:
    """Write a table with one header line, each number to as many digits as bring it back exactly."""
    digits = 9 if table.dtype == np.float32 else 17
    with atomic_writer(path) as stream:
        np.savetxt(stream, table, fmt=f"%.{digits}g", delimiter=",", header=",".join(header), comments="")


def read_npz(path: FilePath, max_bytes: int | None = None, *, may_expand: bool = True) -> dict[str, NDArray[Any]]:
    """Read every array of an ``.npz``; nothing in it is executed or unpickled.

    Parameters
    ----------
    path : path
    max_bytes : int, optional
        The most that its arrays may take in memory; by default what the machine has free.
    may_expand : bool
        Whether it may be compressed, and so take far more in memory than on the disk.

    Raises
    ------
    InputError
        If there is no such file or it is no ``.npz``, truncated or damaged; if it holds Python objects, anything that
        is no array, or more than `max_bytes` (known before anything is read: a small archive may expand to a huge one).
    """
    limit = _free_bytes() if max_bytes is None else max_bytes
    with distrust(path, "an .npz archive of arrays"), zipfile.ZipFile(path) as archive:
        if not may_expand:
            limit = min(limit, Path(path).stat().st_size)
        members = archive.infolist()
        total = sum(member.file_size for member in members)
        if total > limit:
            raise InputError(f"{path} would take {total} bytes in memory, and at most {limit} are allowed")
        names = [_array_name(path, member, members) for member in members]
        return {name: _read_member(path, archive, member) for name, member in zip(names, members, strict=True)}


def read_npy(path: FilePath) -> NDArray[Any]:
    """Map the array of a ``.npy`` into memory, read-only, so that it may be larger than the memory.

    Raises
    ------
    InputError
        If there is no such file, or it is no ``.npy``, is truncated or longer than it says, or holds Python objects.
    """
    with distrust(path, "an .npy file"):
        with Path(path).open("rb") as stream:
            shape, dtype = _read_header(path, stream, os.fstat(stream.fileno()).st_size, "array")
        if 0 in shape:
            return np.empty(shape, dtype)
        return np.asarray(npy_format.open_memmap(os.fspath(path), mode="r"))


def scalar_entry(entries: Mapping[str, NDArray[Any]], name: str, kinds: str) -> Any:
    """A single value of a file, of one of the kinds of NumPy: ``"U"`` for text, ``"iu"`` for integers.

    Raises
    ------
    InputError
        If there is no such entry, or it is something else.
    """
    if name not in entries:
        raise InputError(f"it has no entry {name!r}")
    value = entries[name]
    if value.ndim or value.dtype.kind not in kinds:
        raise InputError(f"its entry {name!r} must be a single {'text' if kinds == 'U' else 'integer'}")
    return value.item()


@contextmanager
def distrust(path: FilePath, kind: str) -> Iterator[None]:
    """Turn whatever reading a missing, damaged or hostile file raises into an InputError.

    What is neither a regular file nor a folder (which no reader opens) is refused unopened: a pipe may have no end.
    """
    try:
        if stat.S_IFMT(Path(path).stat().st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
            raise InputError(f"cannot read {path}: it is not a regular file")
        yield
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"cannot read {path}: {_reason(error)}") from error
    except MemoryError as error:
        raise InputError(f"{path} takes more memory than there is: {_reason(error)}") from error
    except _DAMAGE as error:
        raise InputError(f"{path} is not {kind}, or is damaged: {_reason(error)}") from error


def _mode_to_keep(target: Path) -> int | None:
    """Permissions of the file at `target`, None if there is none; an OSError if it must not be replaced."""
    try:
        status = target.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise OSError(f"it is {kind}")
    if not os.access(target, os.W_OK):
        raise PermissionError("it is write-protected")
    return stat.S_IMODE(status.st_mode)


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the system and its file system can."""
    if hasattr(os, "O_DIRECTORY"):
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _array_name(path: FilePath, member: zipfile.ZipInfo, members: list[zipfile.ZipInfo]) -> str:
    name = member.filename
    if not name.endswith(".npy") or len(name) > _LONGEST_NAME:
        raise InputError(f"{path} holds {name[:_LONGEST_NAME]!r}, which is not an array")
    if sum(other.filename == name for other in members) > 1:
        raise InputError(f"{path} holds {name!r} more than once")
    return name.removesuffix(".npy")


def _read_member(path: FilePath, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with archive.open(member) as stream:
        _read_header(path, stream, member.file_size, member.filename.removesuffix(".npy"))
    with archive.open(member) as stream:
        return npy_format.read_array(stream, allow_pickle=False)


def _read_header(path: FilePath, stream: IO[bytes], size: int, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Read the shape and type of the array at the start of `stream`, and see that it fills the `size` bytes."""
    readers = {(1, 0): npy_format.read_array_header_1_0, (2, 0): npy_format.read_array_header_2_0}
    version = npy_format.read_magic(stream)
    if version not in readers:
        raise ValueError(f"unknown version {version} of the array format")
    shape, _, dtype = readers[version](stream)
    _refuse_objects(path, dtype, name)
    expected = stream.tell() + dtype.itemsize * math.prod(shape)
    if size != expected:
        raise InputError(f"{path} is damaged: {name!r} should take {expected} bytes and takes {size}")
    return shape, dtype


def _refuse_objects(path: FilePath, dtype: np.dtype[Any], name: str) -> None:
    if dtype.hasobject:
        raise InputError(f"{name!r} of {path} holds Python objects, and only numbers and text are written or read")


def memory_bytes() -> int:
    """Memory of the machine, or a number beyond any where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 1 << 62


def check_sample_size(n: int, d: int) -> None:
    """Refuse n samples of d inputs, in double precision, where they are more than the memory of the machine."""
    needed, there = 8 * n * d, memory_bytes()
    if needed > there:
        raise InputError(f"{n} samples of {d} inputs take {needed} bytes, and this machine has {there}")


def _free_bytes() -> int:
    """Memory that can be had now without any being written out to disk; all of it where the system does not say."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return min(memory_bytes(), 1024 * int(line.split()[1]))
    return memory_bytes()


def _reason(error: BaseException) -> str:
    """Say why in one line, which a damaged file cannot make long."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    line = text.strip().split("\n")[0].rstrip(".")
    return (line if len(line) < _LONGEST_REASON else f"{line[:_LONGEST_REASON]}...") or type(error).__name__
