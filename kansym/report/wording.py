"""Numbers as a reader wants them, of any magnitude, and lists of words."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

__all__ = ["counted", "listing", "number", "percent", "percent_interval", "points", "points_interval", "r_squared"]

_NOTHING = "–"


def number(value: float | None, digits: int = 3) -> str:
    """Write a number to some significant digits; a dash for none.

    Examples
    --------
    >>> number(0.000012345), number(1234.5), number(-2.0), number(None), number(float("-inf"))
    ('1.23e−5', '1230', '−2', '–', '−∞')
    """
    if value is None or math.isnan(value):
        return _NOTHING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{digits}g}"
    mantissa, _, exponent = text.partition("e")
    if exponent and 0 <= int(exponent) < 9:
        text = f"{float(text):.0f}"
    elif exponent:
        text = f"{mantissa}e{int(exponent)}"
    return text.replace("-", "−")


def r_squared(value: float | None) -> str:
    """Write R²; one that is nearly 1 is told by its distance from 1.

    Examples
    --------
    >>> r_squared(0.98765), r_squared(1 - 2e-9), r_squared(1.0), r_squared(-1e-10), r_squared(float("-inf"))
    ('0.9877', '1 − 2e−9', '1', '0', '−∞')
    """
    if value is not None and abs(value) < 1e-7:  # what rounding leaves of nothing
        return "0"
    if value is not None and 0.999 < value < 1:
        return f"1 − {number(1 - value, 2)}"
    return number(value, 4)


def percent(share: float) -> str:
    """Write a share in percent, to two digits; no more are ever sure.

    Examples
    --------
    >>> percent(0.875), percent(1.0), percent(0.0833), percent(float("nan"))
    ('88 %', '100 %', '8.3 %', '–')
    """
    return _NOTHING if math.isnan(share) else f"{_two_digits(100 * share)} %"


def points(difference: float) -> str:
    """Write a difference of two rates in percentage points, with its sign.

    Examples
    --------
    >>> points(0.125), points(-0.5), points(0.0)
    ('+12', '−50', '0')
    """
    text = _two_digits(100 * difference)
    return f"+{text}" if difference > 0 else text


def percent_interval(low: float, high: float) -> str:
    """Write an interval of rates.

    Examples
    --------
    >>> percent_interval(0.25, 0.5), percent_interval(float("nan"), float("nan"))
    ('25 to 50 %', '–')
    """
    return _NOTHING if math.isnan(low) else f"{_two_digits(100 * low)} to {percent(high)}"


def points_interval(low: float, high: float) -> str:
    """Write an interval of differences of rates, in percentage points.

    Examples
    --------
    >>> points_interval(-0.25, 0.5)
    '−25 to +50'
    """
    return f"{points(low)} to {points(high)}"


def counted(count: int, word: str) -> str:
    """Write a number of things.

    Examples
    --------
    >>> counted(1, "run"), counted(3600, "run")
    ('1 run', '3,600 runs')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _two_digits(value: float) -> str:
    if 99.5 <= abs(value) < 100:  # almost all is not all
        return number(math.copysign(min(abs(value), 99.9), value))
    return number(value, 2 if abs(value) < 99.5 else 3)


def listing(words: Iterable[Any]) -> str:
    """Join words to a part of a sentence.

    Examples
    --------
    >>> listing(["nguyen", "jin", "korns"]), listing([1])
    ('nguyen, jin and korns', '1')
    """
    *start, last = [*map(str, words)] or [_NOTHING]
    return f"{', '.join(start)} and {last}" if start else last
