"""What the commands share: exit codes, types of arguments, and files that are written whole or not at all."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from kansym.errors import FileFormatError

__all__ = [
    "DONE",
    "INTERRUPTED",
    "WRONG_USE",
    "integer_from",
    "make_folder",
    "number_from",
    "positive",
    "positive_size",
    "writing",
]

DONE, WRONG_USE, INTERRUPTED = 0, 2, 130


def positive(text: str) -> float:
    """Read a number of seconds above zero."""
    return _above_zero(text, "seconds")


def positive_size(text: str) -> float:
    """Read a number of MiB above zero."""
    return _above_zero(text, "MiB")


def _above_zero(text: str, unit: str) -> float:
    with contextlib.suppress(ValueError):
        if float(text) > 0:
            return float(text)
    raise argparse.ArgumentTypeError(f"must be a number of {unit} > 0, got {text!r}")


def integer_from(least: int) -> Callable[[str], int]:
    """Return a reader of integers that are at least so large."""

    def integer(text: str) -> int:
        with contextlib.suppress(ValueError):
            if least <= int(text) < 2**32:
                return int(text)
        raise argparse.ArgumentTypeError(f"must be an integer >= {least}, got {text!r}")

    return integer


def number_from(least: float) -> Callable[[str], float]:
    """Return a reader of finite numbers that are at least so large."""

    def number(text: str) -> float:
        with contextlib.suppress(ValueError):
            if least <= float(text) < float("inf"):
                return float(text)
        raise argparse.ArgumentTypeError(f"must be a number >= {least:g}, got {text!r}")

    return number


def make_folder(folder: Path | None) -> None:
    """Make the folder before the search, so that a wrong path costs no minute."""
    if folder is not None:
        if folder.exists() and not folder.is_dir():
            raise FileFormatError(f"{folder}: must be a folder, got a file")
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an error of the system into one clear line that names the file."""
    try:
        yield
    except OSError as error:
        raise FileFormatError(f"{error.filename or path}: cannot be written: {error.strerror or error}") from None
