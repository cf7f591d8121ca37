"""One JSON document and named arrays in a file: written whole or not at all, read with nothing trusted.

The file is a zip of ``model.json`` and of ``.npy`` members, all stored without compression: members that may not
overlap cannot hold more than the file does, so there is nothing that a small file could blow up to. The headers of the
arrays are matched against the one form that is written, not evaluated as the Python literals that they are.
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
import re
import secrets
import struct
import time
import zipfile
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kansym.errors import FileFormatError, ParameterError
from kansym.hints import quote
from kansym.processes import may_run

__all__ = ["read_archive", "remove_drafts", "write_archive", "write_atomically"]

_DOCUMENT = "model.json"
_ARRAY = re.compile(r"[a-z0-9_]+(?:[/.][a-z0-9_]+){0,6}\.npy", re.ASCII)
_MAX_BYTES = 512 * 2**20
_MAX_DOCUMENT = 16 * 2**20
_MAX_DIRECTORY = 16 * 2**20
_MAX_ARRAYS = 65_000  # more members need a second, larger kind of directory
_MAX_DIGITS = 400
_MOMENT = (1980, 1, 1, 0, 0, 0)  # the same model makes the same bytes

_END = struct.Struct("<4s4H2LH")  # the last 22 bytes of a zip without a comment
_END_MARK, _LOCATOR_MARK, _LOCATOR_SIZE = b"PK\x05\x06", b"PK\x06\x07", 20

_DRAFT = re.compile(r"\.kansym-(\d{1,10})-[0-9a-f]{16}\.part", re.ASCII)  # with the number of the process
_LONGEST_WRITING = 60.0  # seconds without a byte

_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '(<f8|<f4|\|b1)', 'fortran_order': False, 'shape': \(((?:\d{1,9},? ?){0,4})\), \} *\n"
)


def write_atomically(path: str | PathLike[str], content: bytes) -> None:
    """Write a file so that at any moment either the old one or the new one is there.

    Parameters
    ----------
    path : str or path-like
        In an existing folder; where it is a symbolic link, the file that it points to is replaced.
    content : bytes

    Raises
    ------
    OSError
        If the file cannot be written; what was there before is left as it was.
    """
    target = Path(os.path.realpath(path))
    draft = target.with_name(f".kansym-{os.getpid()}-{secrets.token_hex(8)}.part")
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
        _sync_folder(target.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        if isinstance(error, OSError):  # the user knows the file, not the draft
            raise OSError(error.errno, error.strerror, os.fspath(path)) from error
        raise


def remove_drafts(folder: str | PathLike[str]) -> None:
    """Remove what killed processes left of :func:`write_atomically`: drafts of no process, or a minute old.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in (".kansym-4000000000-0123456789abcdef.part", "a.part"):
    ...         _ = Path(folder, name).write_bytes(b"")
    ...     remove_drafts(folder)
    ...     os.listdir(folder)
    ['a.part']
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _DRAFT.fullmatch(entry.name)
            if match is None or not entry.is_file(follow_symlinks=False):
                continue
            with contextlib.suppress(OSError):  # another process was faster, or this one may not
                if not may_run(int(match[1])) or entry.stat().st_mtime < time.time() - _LONGEST_WRITING:
                    os.unlink(entry.path)


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk as well; systems that cannot open folders see to it themselves."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_archive(path: str | PathLike[str], document: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a document and arrays to one file, atomically.

    Parameters
    ----------
    path : str or path-like
    document : mapping
        Of what JSON can hold, floats finite.
    arrays : mapping of str to ndarray
        Booleans and floats of single or double precision. Names are lower-case words, joined by dots and slashes.

    Raises
    ------
    ParameterError
        If :func:`read_archive` would refuse the file for its size.
    OSError
        As :func:`write_atomically`.
    """
    text = json.dumps(document, allow_nan=False, ensure_ascii=False)
    members = {_DOCUMENT: text.encode("utf-8", "surrogatepass")}
    members |= {f"{name}.npy": _array_bytes(array) for name, array in arrays.items()}
    total = sum(map(len, members.values()))
    if len(members[_DOCUMENT]) > _MAX_DOCUMENT or total > _MAX_BYTES - _MAX_DIRECTORY:
        raise ParameterError(f"the model must fit into {_MAX_BYTES >> 20} MiB to be saved, got {total >> 20} MiB")
    if len(arrays) > _MAX_ARRAYS:
        raise ParameterError(f"the model must have at most {_MAX_ARRAYS:,} arrays to be saved, got {len(arrays):,}")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), content)
    write_atomically(path, buffer.getvalue())


def read_archive(path: str | PathLike[str]) -> tuple[Any, dict[str, NDArray[Any]]]:
    """Read a file that :func:`write_archive` wrote; sizes are checked before memory is taken, nothing is executed.

    Returns
    -------
    document : object
        Whatever the JSON held.
    arrays : dict of str to ndarray

    Raises
    ------
    FileFormatError
        If the file is missing, unreadable, larger than 512 MiB, damaged, or not of this form.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = _checked_size(file)
            with zipfile.ZipFile(file) as archive:
                contents = {info.filename: archive.read(info) for info in _checked_members(archive, size)}
    except FileNotFoundError:
        raise FileFormatError("there is no such file") from None
    except IsADirectoryError:
        raise FileFormatError("must be a file, got a directory") from None
    except (zipfile.BadZipFile, struct.error, EOFError, NotImplementedError, RuntimeError, UnicodeError) as error:
        raise FileFormatError(f"the file is damaged: {error}") from error
    except (OSError, OverflowError) as error:
        raise FileFormatError(f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    document = _parse(contents.pop(_DOCUMENT))
    return document, {name.removesuffix(".npy"): _array(name, content) for name, content in contents.items()}


def _checked_size(file: Any) -> int:
    """Size of the file; raise unless its end promises a directory of members that is small enough to be listed."""
    size = file.seek(0, os.SEEK_END)
    if size > _MAX_BYTES:
        raise FileFormatError(f"must have at most {_MAX_BYTES >> 20} MiB, got {size >> 20} MiB")
    file.seek(max(size - _END.size - _LOCATOR_SIZE, 0))
    tail = file.read(_END.size + _LOCATOR_SIZE)  # a device has no end
    end = tail[-_END.size :]
    if len(end) < _END.size or not end.startswith(_END_MARK) or tail.startswith(_LOCATOR_MARK):
        raise FileFormatError("must be a model that kansym saved, got something else")
    directory = _END.unpack(end)[5]
    if directory > _MAX_DIRECTORY:
        raise FileFormatError(f"must have a list of members of at most {_MAX_DIRECTORY >> 20} MiB, got {directory}")
    return size


def _checked_members(archive: zipfile.ZipFile, size: int) -> list[zipfile.ZipInfo]:
    """List the members; raise unless their names are known, and their sizes fit into the file without overlap."""
    members = archive.infolist()
    names = {member.filename for member in members}
    if len(names) < len(members):
        raise FileFormatError("must hold each member once, got one twice")
    if _DOCUMENT not in names:
        raise FileFormatError(f"must be a model that kansym saved, got a file without {_DOCUMENT}")
    for member in members:
        if member.filename != _DOCUMENT and not _ARRAY.fullmatch(member.filename):
            raise FileFormatError(f"must hold {_DOCUMENT} and arrays only, got {quote(member.filename)}")
        if member.compress_type != zipfile.ZIP_STORED or member.compress_size != member.file_size:
            raise FileFormatError(f"members must be stored as they are, got {quote(member.filename)} compressed")
    if sum(member.file_size for member in members) > size:
        raise FileFormatError("members must not be larger than the file, but are")
    if archive.getinfo(_DOCUMENT).file_size > _MAX_DOCUMENT:
        raise FileFormatError(f"{_DOCUMENT} must have at most {_MAX_DOCUMENT >> 20} MiB, got more")
    return members


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(raw.decode("utf-8", "surrogatepass"), parse_int=_integer, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = "its parts are nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise FileFormatError(f"{_DOCUMENT} must be valid JSON: {reason}") from error


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:  # reading takes a time that grows with the square of the digits
        raise ValueError(f"integers must have at most {_MAX_DIGITS} digits")
    return int(digits)


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


def _array_bytes(array: NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    np.lib.format.write_array(buffer, little.reshape(array.shape), version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def _array(name: str, raw: bytes) -> NDArray[Any]:
    start = len(_MAGIC) + 2
    end = start + int.from_bytes(raw[len(_MAGIC) : start], "little")
    match = _HEADER.fullmatch(raw[start:end])
    if not raw.startswith(_MAGIC) or match is None:
        raise FileFormatError(f"{name} must be an array of floats or booleans, got something else")
    dtype = np.dtype(match[1].decode())
    shape = tuple(int(extent) for extent in match[2].replace(b",", b" ").split())
    if math.prod(shape) * dtype.itemsize != len(raw) - end:
        raise FileFormatError(f"{name} must hold as many bytes as its shape {shape} says, got {len(raw) - end}")
    if dtype.kind == "b":  # a byte of a boolean is 0 or 1, whatever the file says
        return np.frombuffer(raw, np.uint8, offset=end).reshape(shape) != 0
    return np.frombuffer(raw, dtype, offset=end).reshape(shape).astype(dtype.newbyteorder("="))
