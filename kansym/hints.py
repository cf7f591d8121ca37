"""How texts of the user, names that are not known, and numbers are written in messages and commands."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

__all__ = ["brief", "name_hint", "plain_number", "quote"]

_MAX_COMPARED = 5_000
_MAX_SHOWN = 8
_MAX_LENGTH = 60


def name_hint(name: str, known: Sequence[str]) -> str:
    """Say what may have been meant by an unknown name, or what names there are.

    Examples
    --------
    >>> name_hint("planet", ["planets", "hubble_1929"])
    "did you mean 'planets'?"
    >>> name_hint("x", ["planets", "hubble_1929"])
    "there are 'planets', 'hubble_1929'"
    """
    compared = known[:_MAX_COMPARED]  # a comparison costs some 10 µs, and a table may have 100,000 columns
    folded = name.strip().casefold()
    close = [other for other in compared if other.strip().casefold() == folded]
    close = close or difflib.get_close_matches(name, compared)
    if close:
        return f"did you mean {' or '.join(map(quote, close[:3]))}?"
    more = len(known) - _MAX_SHOWN
    return f"there are {', '.join(map(quote, known[:_MAX_SHOWN]))}" + (f" and {more} more" if more > 0 else "")


def plain_number(value: float) -> str:
    """Write a number as short as it can be without another one being read.

    Examples
    --------
    >>> plain_number(10.0), plain_number(0.1234567), plain_number(9000.4)
    ('10', '0.1234567', '9000.4')
    """
    return f"{value:g}" if float(f"{value:g}") == value else repr(float(value))


def brief(value: object) -> str:
    """Show a value as Python does, on one line and cut to a length that fits into a sentence.

    Examples
    --------
    >>> brief(2.5), brief([1] * 100)
    ('2.5', '[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1…')
    """
    text = " ".join(repr(value).split())
    return text if len(text) <= _MAX_LENGTH else text[: _MAX_LENGTH - 1] + "…"


def quote(text: str) -> str:
    r"""Quote a text from outside: control characters escaped, cut to a length that fits into a sentence.

    Examples
    --------
    >>> quote("bell\a")
    "'bell\\x07'"
    """
    return repr(text if len(text) <= _MAX_LENGTH else text[: _MAX_LENGTH - 1] + "…")
