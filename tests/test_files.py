"""Files are replaced whole or left alone, and hostile ones are refused in one sentence."""

import io
import os
import pickle
import stat
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from twolayer.errors import InputError
from twolayer.files import atomic_writer, read_npy, read_npz, write_npz
from twolayer.papers.daniely2020hardness.instances import read_dimacs
from twolayer.tables import read_csv


class Bomb:
    """Pickled, it would make a file called `boom` when it is read."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return Path.touch, (self.folder / "boom",)


def refusal(read, path):
    """The message of the refusal, which is one line and names the file."""
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


def npy_bytes(header, data=b"", version=(1, 0)):
    text = repr(header).encode() if not isinstance(header, bytes) else header
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + data


def zipped(path, members, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


# ------------------------------------------------------------------------------------------------------ atomic writing


def test_a_finished_write_replaces_the_file_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "result"
    path.write_bytes(b"old")
    with atomic_writer(path) as stream:
        stream.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert files_in(tmp_path) == ["result"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError, SystemExit])
@pytest.mark.parametrize("before", [b"old", None])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path, error, before):
    path = tmp_path / "result"
    if before is not None:
        path.write_bytes(before)

    def interrupted():
        with atomic_writer(path) as stream:
            stream.write(b"x" * 100_000)
            raise error

    with pytest.raises(error):
        interrupted()
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([before] if before is not None else [])


def test_a_failing_disk_leaves_the_old_file_and_says_why(tmp_path, monkeypatch):
    path = tmp_path / "result.npz"
    path.write_bytes(b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in refusal(lambda p: write_npz(p, {"X": np.ones(3)}), path)
    assert path.read_bytes() == b"old"
    assert files_in(tmp_path) == ["result.npz"]


def test_a_new_file_has_the_permissions_that_any_new_file_has(tmp_path):
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.touch()
    with atomic_writer(ours):
        pass
    assert ours.stat().st_mode == plain.stat().st_mode


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "result"
    path.touch()
    path.chmod(0o640)
    with atomic_writer(path):
        pass
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_symbolic_link_stays_one_and_its_target_is_replaced(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    with atomic_writer(link) as stream:
        stream.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_what_cannot_be_written_is_refused_with_its_reason(tmp_path):
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")

    def write(path):
        write_npz(path, {"a": np.ones(1)})

    assert "No such file or directory" in refusal(write, tmp_path / "missing" / "result")
    assert "Not a directory" in refusal(write, tmp_path / "file" / "result")
    assert "it is a folder" in refusal(write, tmp_path)
    assert "not a regular file" in refusal(write, tmp_path / "pipe")
    assert "File name too long" in refusal(write, tmp_path / ("x" * 300))
    assert "null" in refusal(write, f"{tmp_path}/\0")


def test_a_write_protected_file_is_not_replaced(tmp_path, monkeypatch):
    path = tmp_path / "result"
    path.write_bytes(b"old")
    path.chmod(0o444)
    monkeypatch.setattr(os, "access", lambda *_: False)  # what anybody but root would be told
    assert "write-protected" in refusal(lambda p: write_npz(p, {"a": np.ones(1)}), path)
    assert path.read_bytes() == b"old"


def test_what_may_not_expand_takes_no_more_memory_than_its_file(tmp_path):
    np.savez(tmp_path / "stored.npz", X=np.zeros(1000))
    np.savez_compressed(tmp_path / "small.npz", X=np.zeros(1000))
    assert read_npz(tmp_path / "stored.npz", may_expand=False)["X"].shape == (1000,)
    assert read_npz(tmp_path / "small.npz")["X"].shape == (1000,)
    assert "would take 8128 bytes" in refusal(lambda path: read_npz(path, may_expand=False), tmp_path / "small.npz")


def test_objects_are_not_written(tmp_path):
    message = refusal(lambda p: write_npz(p, {"a": np.array([None])}), tmp_path / "result.npz")
    assert "Python objects" in message
    assert files_in(tmp_path) == []


# ---------------------------------------------------------------------------------------------------------------- npz


def test_an_npz_comes_back_as_it_was(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "X": rng.standard_normal((5, 3)).astype(np.float32),
        "fortran": np.asfortranarray(rng.standard_normal((4, 3))),
        "text": np.asarray("héllo"),
        "number": np.asarray(3),
        "empty": np.empty((0, 2)),
    }
    write_npz(tmp_path / "a.npz", arrays)
    read = read_npz(tmp_path / "a.npz")
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(read[name], array)
        assert read[name].dtype == array.dtype


def test_equal_arrays_make_equal_files(tmp_path):
    for name in "ab":
        write_npz(tmp_path / name, {"X": np.arange(3.0)})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_compressed_npz_is_read(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", X=np.zeros((100, 3)))
    np.testing.assert_array_equal(read_npz(tmp_path / "a.npz")["X"], np.zeros((100, 3)))


def test_every_truncation_of_an_npz_is_refused(tmp_path):
    write_npz(tmp_path / "a.npz", {"X": np.arange(30.0)})
    whole = (tmp_path / "a.npz").read_bytes()
    path = tmp_path / "cut.npz"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert refusal(read_npz, path)


def test_an_npz_with_any_byte_of_its_numbers_changed_is_refused(tmp_path):
    numbers = np.arange(30.0)
    write_npz(tmp_path / "a.npz", {"X": numbers})
    whole = bytearray((tmp_path / "a.npz").read_bytes())
    start = bytes(whole).index(numbers.tobytes())
    for place in range(start, start + numbers.nbytes, 7):
        damaged = whole.copy()
        damaged[place] ^= 1
        (tmp_path / "b.npz").write_bytes(damaged)
        assert "CRC" in refusal(read_npz, tmp_path / "b.npz")


def test_damage_anywhere_raises_nothing_but_a_refusal(tmp_path):
    write_npz(tmp_path / "a.npz", {"X": np.arange(4.0), "y": np.asarray("a text of some length" * 20)})
    whole = (tmp_path / "a.npz").read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "b.npz"
    refused, longest = 0, 0
    for _ in range(400):
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=rng.integers(1, 4)):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            read_npz(path)
        except InputError as error:
            refused, longest = refused + 1, max(longest, len(str(error)))
    assert refused > 250
    assert longest < len(str(path)) + 300


def test_nothing_in_an_npz_is_unpickled(tmp_path):
    bomb = pickle.dumps(Bomb(tmp_path))
    objects = io.BytesIO()
    np.save(objects, np.array([Bomb(tmp_path)], dtype=object), allow_pickle=True)
    (tmp_path / "raw.npz").write_bytes(bomb)
    zipped(tmp_path / "objects.npz", [("X.npy", objects.getvalue())])
    zipped(tmp_path / "member.npz", [("X.npy", bomb)])
    zipped(
        tmp_path / "fields.npz", [("X.npy", npy_bytes({"descr": [("f", "|O")], "fortran_order": False, "shape": (1,)}))]
    )
    refusal(read_npz, tmp_path / "raw.npz")
    assert "'X'" in refusal(read_npz, tmp_path / "objects.npz")
    refusal(read_npz, tmp_path / "member.npz")
    assert "Python objects" in refusal(read_npz, tmp_path / "fields.npz")
    assert not (tmp_path / "boom").exists()


def test_an_npz_that_would_expand_beyond_the_limit_is_refused_unread(tmp_path):
    np.savez_compressed(tmp_path / "bomb.npz", X=np.zeros(1_000_000))
    assert (tmp_path / "bomb.npz").stat().st_size < 20_000
    with pytest.raises(InputError, match=r"would take 8000128 bytes .* at most 100000 "):
        read_npz(tmp_path / "bomb.npz", max_bytes=100_000)
    assert read_npz(tmp_path / "bomb.npz")["X"].shape == (1_000_000,)


def test_an_npz_of_more_than_the_memory_that_is_free_is_refused_in_a_sentence(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, x=np.zeros(10_000))
    monkeypatch.setattr("twolayer.files._free_bytes", lambda: 5000)
    assert refusal(read_npz, path).endswith("bytes in memory, and at most 5000 are allowed")

    def full(*_, **__):
        raise MemoryError("Unable to allocate 80 kB")

    monkeypatch.undo()
    monkeypatch.setattr("twolayer.files.npy_format.read_array", full)
    assert refusal(read_npz, path) == f"{path} takes more memory than there is: Unable to allocate 80 kB"


def test_an_array_that_claims_more_than_it_has_is_refused_before_memory_is_asked_for(tmp_path):
    header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 60,)}
    zipped(tmp_path / "a.npz", [("X.npy", npy_bytes(header, b"\0" * 8))])
    assert "should take" in refusal(read_npz, tmp_path / "a.npz")
    (tmp_path / "a.npy").write_bytes(npy_bytes(header, b"\0" * 8))
    assert "should take" in refusal(read_npy, tmp_path / "a.npy")


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{",
        b"(" * 9000,
        b"__import__('os').remove('x')",
        {"descr": "<f8", "fortran_order": False, "shape": (-1,)},
        {"descr": "<f8", "fortran_order": False, "shape": (-1, -1)},
        {"descr": "<f8", "fortran_order": False, "shape": 1},
        {"descr": "<f8", "fortran_order": 7, "shape": (1,)},
        {"descr": "nonsense", "fortran_order": False, "shape": (1,)},
        {"descr": ["<f8"], "fortran_order": False, "shape": (1,)},
        {"descr": "<f8", "shape": (1,)},
    ],
)
@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0), (9, 9)])
def test_nonsense_in_the_header_of_an_array_is_refused(tmp_path, header, version):
    data = npy_bytes(header, b"\0" * 8, version)
    (tmp_path / "a.npy").write_bytes(data)
    assert refusal(read_npy, tmp_path / "a.npy")
    assert refusal(read_npz, zipped(tmp_path / "a.npz", [("X.npy", data)]))


def test_an_npz_holds_arrays_only_and_each_name_once(tmp_path):
    one = io.BytesIO()
    np.save(one, np.ones(1))
    long = refusal(read_npz, zipped(tmp_path / "long.npz", [("x" * 60_000 + ".npy", one.getvalue())]))
    assert len(long) < 300
    assert "'notes.txt'" in refusal(read_npz, zipped(tmp_path / "a.npz", [("notes.txt", b"hello")]))
    with pytest.warns(UserWarning, match="Duplicate"):
        path = zipped(tmp_path / "b.npz", [("X.npy", one.getvalue()), ("X.npy", one.getvalue())])
    assert "more than once" in refusal(read_npz, path)


# ---------------------------------------------------------------------------------------------------------------- npy


def test_an_npy_is_mapped_read_only(tmp_path):
    array = np.arange(12.0).reshape(3, 4)
    np.save(tmp_path / "a.npy", array)
    read = read_npy(tmp_path / "a.npy")
    np.testing.assert_array_equal(read, array)
    assert isinstance(read.base, np.memmap)
    assert not read.flags.writeable


def test_an_empty_npy_keeps_its_shape(tmp_path):
    np.save(tmp_path / "a.npy", np.empty((0, 3), np.float32))
    read = read_npy(tmp_path / "a.npy")
    assert read.shape == (0, 3)
    assert read.dtype == np.float32


def test_every_truncation_of_an_npy_is_refused_and_so_is_a_longer_one(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(5.0))
    whole = (tmp_path / "a.npy").read_bytes()
    for content in [*(whole[:length] for length in range(len(whole))), whole + b"\0"]:
        (tmp_path / "b.npy").write_bytes(content)
        assert refusal(read_npy, tmp_path / "b.npy")


def test_a_pickled_npy_is_refused_unread(tmp_path):
    np.save(tmp_path / "a.npy", np.array([Bomb(tmp_path)], dtype=object), allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Bomb(tmp_path)))
    assert "Python objects" in refusal(read_npy, tmp_path / "a.npy")
    refusal(read_npy, tmp_path / "b.npy")
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("read", [read_npz, read_npy, read_csv])
def test_a_missing_file_a_folder_and_a_renamed_one_are_refused(tmp_path, read):
    assert "No such file" in refusal(read, tmp_path / "missing")
    assert "s a directory" in refusal(read, tmp_path)
    assert "null byte" in refusal(read, f"{tmp_path}/\0")
    (tmp_path / "empty").touch()
    refusal(read, tmp_path / "empty")
    (tmp_path / "text").write_text("dear diary\n")
    refusal(read, tmp_path / "text")


@pytest.mark.parametrize("read", [read_npz, read_npy, read_csv, read_dimacs])
def test_what_may_have_no_end_is_refused_unopened(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    for name in ("pipe", "link"):
        assert "it is not a regular file" in refusal(read, tmp_path / name)
