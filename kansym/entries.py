"""Entries of a JSON document from outside, each checked for its type."""

from __future__ import annotations

import math
from typing import Any

from kansym.errors import FileFormatError

__all__ = ["entry", "float_entry", "integers", "read_float", "texts", "write_float"]

_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def entry(record: Any, key: str, *kinds: type) -> Any:
    """Return an entry of an object, which must have exactly one of the types.

    Examples
    --------
    >>> entry({"steps": 3}, "steps", int)
    3
    >>> entry({"steps": True}, "steps", int)
    Traceback (most recent call last):
        ...
    kansym.errors.FileFormatError: entry 'steps' must be int, got bool
    """
    if not isinstance(record, dict) or key not in record:
        raise FileFormatError(f"must hold an entry {key!r}, which is missing")
    value = record[key]
    if type(value) not in kinds:
        wanted = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
        raise FileFormatError(f"entry {key!r} must be {wanted}, got {type(value).__name__}")
    return value


def float_entry(record: Any, key: str) -> float:
    """Return an entry that :func:`write_float` wrote."""
    return read_float(entry(record, key, float, str), key)


def integers(record: Any, key: str) -> list[int]:
    """Return an entry that is a list of integers."""
    values = entry(record, key, list)
    if not all(type(value) is int for value in values):
        raise FileFormatError(f"entry {key!r} must be a list of integers, got something else in it")
    return values


def texts(record: Any, key: str) -> list[str]:
    """Return an entry that is a list of texts."""
    values = entry(record, key, list)
    if not all(type(value) is str for value in values):
        raise FileFormatError(f"entry {key!r} must be a list of texts, got something else in it")
    return values


def write_float(value: Any) -> float | str:
    """Make a number fit for JSON, which has no word for infinity and NaN: they become texts.

    Examples
    --------
    >>> write_float(0.5), write_float(float("inf"))
    (0.5, 'inf')
    """
    number = float(value)
    return number if math.isfinite(number) else str(number)


def read_float(value: Any, what: str) -> float:
    """Read what :func:`write_float` made."""
    if type(value) is float:
        return value
    if type(value) is str and value in _SPECIAL:
        return _SPECIAL[value]
    raise FileFormatError(f"entry {what!r} must be a float, got {value!r:.60}")
