import io
import json
import os
import tempfile
import zipfile
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym import archive
from kansym.archive import read_archive, remove_drafts, write_archive, write_atomically
from kansym.errors import FileFormatError, ParameterError

DOCUMENT = {"a": [1, 2.5, None], "größe\n": {"λ": "\ud800"}}
ARRAYS = {
    "low": np.arange(3.0),
    "outputs/0/network/layers.0.coef": np.full((2, 3, 4), 0.1),
    "mask": np.array([[True], [False]]),
    "single": np.arange(4, dtype="float32"),
    "nothing": np.zeros((0, 2)),
    "number": np.array(1.5),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big_endian": np.arange(3, dtype=">f8"),
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.kansym"
    write_archive(path, DOCUMENT, ARRAYS)
    return path


def test_document_and_arrays_come_back(path):
    document, arrays = read_archive(path)
    assert document == DOCUMENT
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype.newbyteorder("=")
        assert arrays[name].shape == array.shape


def test_the_arrays_are_npy_files(path):
    with zipfile.ZipFile(path) as file:
        array = np.load(io.BytesIO(file.read("outputs/0/network/layers.0.coef.npy")), allow_pickle=False)
    np.testing.assert_array_equal(array, ARRAYS["outputs/0/network/layers.0.coef"])


# -------------------------------------------------------------------------------------------------------- writing whole


def test_a_failure_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    write_atomically(path, b"old")
    for name, error in (("fsync", OSError(28, "No space left on device")), ("replace", KeyboardInterrupt())):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, Mock(side_effect=error))
            with pytest.raises(type(error)):
                write_atomically(path, b"new")
        assert path.read_bytes() == b"old"
        assert os.listdir(tmp_path) == ["a.txt"]


def test_drafts_of_killed_writers_are_removed(tmp_path):
    """Those of a process that writes stay for a minute; nothing else is touched."""
    token = "0123456789abcdef"
    processes = (2**31 - 1, os.getpid(), os.getppid())
    gone, own, old = (tmp_path / f".kansym-{process}-{token}.part" for process in processes)
    names = (f".kansym-{token}.part", f"kansym-{processes[0]}-{token}.part", f".kansym-{processes[0]}-{token}", "a")
    others = [tmp_path / name for name in names]
    for path in (gone, own, old, *others):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    folder = tmp_path / f".kansym-{processes[0]}-{token[::-1]}.part"
    folder.mkdir()
    remove_drafts(tmp_path)
    expected = {own, folder, *others} if os.name != "nt" else {gone, own, folder, *others}
    assert set(tmp_path.iterdir()) == expected
    remove_drafts(tmp_path / "none")


def test_errors_name_the_file_and_not_the_draft(tmp_path):
    for path in (tmp_path / "none" / "a.txt", tmp_path):
        with pytest.raises(OSError, match=r"^\[Errno \d+\]") as caught:
            write_atomically(path, b"new")
        assert caught.value.filename == str(path)
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_are_followed(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "a.txt")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a.txt").read_bytes() == b"new"


def test_a_file_that_could_not_be_read_back_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "_MAX_DOCUMENT", 100)
    with pytest.raises(ParameterError, match="must fit into"):
        write_archive(tmp_path / "a", {"a": "x" * 100}, {})
    with pytest.raises(ParameterError, match="at most 65,000 arrays"):
        write_archive(tmp_path / "a", {}, {f"a/{i}": np.zeros(0) for i in range(66_000)})
    assert os.listdir(tmp_path) == []


# ------------------------------------------------------------------------------------------------- files from strangers


def zipped(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def npy(array, **options):
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def header(text, data=b""):
    padded = text.ljust(117).encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + data


EMPTY = ("model.json", b"{}")
HUGE = header("{'descr': '<f8', 'fortran_order': False, 'shape': (900000000, 900000000), }")
BAD = {
    "nothing": (b"", "must be a model that kansym saved"),
    "text": (b"a,b\n1,2\n" * 20, "must be a model that kansym saved"),
    "a zip of something else": (zipped([("a.npy", npy(np.zeros(1)))]), "a file without model.json"),
    "half a file": (zipped([EMPTY])[:-30], "must be a model that kansym saved"),
    "no beginning": (zipped([EMPTY])[5:], "damaged|cannot be read"),
    "damaged content": (zipped([("model.json", b'{"a": 1}')]).replace(b'"a": 1', b'"a": 2', 1), "damaged: Bad CRC"),
    "a bomb": (zipped([EMPTY, ("low.npy", npy(np.zeros(10**6)))], zipfile.ZIP_DEFLATED), "'.*' compressed"),
    "a path out of the folder": (zipped([EMPTY, ("../low.npy", npy(np.zeros(1)))]), r"got '\.\./low\.npy'"),
    "an absolute path": (zipped([EMPTY, ("/low.npy", npy(np.zeros(1)))]), "got '/low.npy'"),
    "a program": (zipped([EMPTY, ("setup.py", b"")]), "arrays only, got 'setup.py'"),
    "an object": (zipped([EMPTY, ("low.npy", npy(np.array([{}], dtype=object)))]), "array of floats or booleans"),
    "integers": (zipped([EMPTY, ("low.npy", npy(np.arange(3)))]), "array of floats or booleans"),
    "a header with code": (zipped([EMPTY, ("low.npy", header("__import__('os')"))]), "array of floats or booleans"),
    "a header alone": (zipped([EMPTY, ("low.npy", b"\x93NUMPY\x01\x00")]), "array of floats or booleans"),
    "a huge array": (zipped([EMPTY, ("low.npy", HUGE)]), "as many bytes as its shape"),
    "too few bytes": (zipped([EMPTY, ("low.npy", npy(np.zeros(5))[:-1])]), "as many bytes as its shape"),
    "not JSON": (zipped([("model.json", b"{")]), "valid JSON: "),
    "not UTF-8": (zipped([("model.json", b'"\xff"')]), "valid JSON: "),
    "deep JSON": (zipped([("model.json", b"[" * 10**6 + b"]" * 10**6)]), "nested too deeply"),
    "long integers": (zipped([("model.json", b"9" * 10**6)]), "integers must have at most 400 digits"),
    "NaN": (zipped([("model.json", b"[NaN]")]), "NaN is not a number of JSON"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_file_is_refused(case, tmp_path):
    content, message = BAD[case]
    path = tmp_path / "a.kansym"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        read_archive(path)


def test_members_twice_are_refused(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped([EMPTY, EMPTY])
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(FileFormatError, match="must hold each member once"):
        read_archive(tmp_path / "a")


def test_members_that_share_their_bytes_are_refused(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("model.json", b"{}")
        file.writestr("a.npy", npy(np.zeros(10**4)))
        for i in range(20):  # the directory says a hundred times where the one array lies
            file.filelist.append(file.getinfo("a.npy").__class__(f"a{i}.npy"))
            for name in ("CRC", "compress_size", "file_size", "header_offset", "external_attr"):
                setattr(file.filelist[-1], name, getattr(file.getinfo("a.npy"), name))
    (tmp_path / "a").write_bytes(buffer.getvalue())
    with pytest.raises(FileFormatError, match=r"members must not be larger than the file|damaged"):
        read_archive(tmp_path / "a")


def test_sizes_are_checked_before_anything_is_read(path, monkeypatch):
    monkeypatch.setattr(zipfile.ZipFile, "read", Mock(side_effect=AssertionError("a member was read")))
    for limit, message in (
        ("_MAX_BYTES", "at most 0 MiB"),
        ("_MAX_DOCUMENT", "at most"),
        ("_MAX_DIRECTORY", "list of"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(archive, limit, 10)
            with pytest.raises(FileFormatError, match=message):
                read_archive(path)


def test_missing_files_and_folders(tmp_path):
    with pytest.raises(FileFormatError, match="there is no such file"):
        read_archive(tmp_path / "a")
    with pytest.raises(FileFormatError, match="got a directory"):
        read_archive(tmp_path)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_damage_is_found_or_harmless(data):
    buffer = zipped([("model.json", json.dumps({"a": 1}).encode()), ("low.npy", npy(np.arange(3.0)))])
    position = data.draw(st.integers(0, len(buffer) - 1))
    damaged = bytearray(buffer[: data.draw(st.sampled_from([len(buffer), position]))])
    if position < len(damaged):
        damaged[position] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a")
        write_atomically(path, bytes(damaged))
        try:
            document, arrays = read_archive(path)
        except FileFormatError:
            return
    assert document == {"a": 1}
    assert all(array.tolist() == [0.0, 1.0, 2.0] for array in arrays.values())
