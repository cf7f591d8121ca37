"""Column names as identifiers of a language, and as text that cannot leave a comment."""

from __future__ import annotations

import builtins
import keyword
import re
import unicodedata
from collections.abc import Collection, Sequence

from kansym.symbolic.printing import greek_name

__all__ = ["RESERVED", "comment_text", "identifiers"]

_C_KEYWORDS = """
    alignas alignof asm auto bool break case catch char class const constexpr const_cast continue decltype default
    delete do double dynamic_cast else enum explicit export extern false float for friend goto if inline int long
    mutable namespace new noexcept nullptr operator private protected public register reinterpret_cast restrict return
    short signed sizeof static static_assert static_cast struct switch template this thread_local throw true try
    typedef typeid typename typeof union unsigned using virtual void volatile wchar_t while
    and and_eq bitand bitor compl not not_eq or or_eq xor xor_eq
"""
_C_LIBRARY = """
    acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh erf erfc exp exp2 expm1 fabs fdim floor fma fmax
    fmin fmod frexp gamma hypot ilogb isfinite isgreater isinf isless isnan isnormal isunordered j0 j1 jn ldexp lgamma
    llrint llround log log10 log1p log2 logb lrint lround modf nan nearbyint nextafter nexttoward pow remainder remquo
    rint round scalbln scalbn signbit signgam sin sinh sqrt tan tanh tgamma trunc y0 y1 yn abs div main
    linux unix i386 minimum maximum sign
"""
_PYTHON_NAMES = ("np", "numpy", *keyword.kwlist, *keyword.softkwlist, *dir(builtins))
RESERVED = frozenset([*_C_KEYWORDS.split(), *_C_LIBRARY.split(), *_PYTHON_NAMES])
"""Names with a meaning in C, C++ or Python. Capitals are left to macros: a name of capitals only gets a suffix."""

_MACRO = re.compile(r"_?[A-Z][A-Z0-9_]{2,}")


def identifiers(names: Sequence[str], taken: Collection[str] = ()) -> tuple[str, ...]:
    """Distinct identifiers, legal in C and in Python, as close to the names as they can be.

    Parameters
    ----------
    names : sequence of str
        Any text; Greek letters are spelt.
    taken : collection of str
        Further names that are in use.

    Examples
    --------
    >>> identifiers(["T", "flow rate", "lambda", "η", "1st", "flow-rate", "温度"])
    ('T', 'flow_rate', 'lambda_', 'eta', 'x1st', 'flow_rate_2', 'x6')
    """
    found: list[str] = []
    # A plain name is its own before another one is changed into it.
    plain = {name for name in names if _ascii(name) == name and name not in RESERVED}
    for position, name in enumerate(names):
        word = _ascii(name) or f"x{position}"
        if word in RESERVED or _MACRO.fullmatch(word):
            word += "_"
        candidate, number = word, 2
        while candidate in found or candidate in taken or (candidate in plain and candidate != name):
            candidate, number = f"{word.rstrip('_')}_{number}", number + 1
        found.append(candidate)
    return tuple(found)


def comment_text(text: str) -> str:
    r"""Text for one line of a comment, in ASCII: nothing in it ends the line or the comment.

    Examples
    --------
    >>> print(comment_text("a */ b\n" + chr(0x3B7)))
    a *\/ b\n\u03b7
    """
    plain = "".join(c if c.isprintable() and c.isascii() else _escaped(c) for c in text)
    return plain.replace("*/", r"*\/").replace("/*", r"/\*")


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]


def _ascii(name: str) -> str:
    """Letters, digits and underscores that the name comes nearest to; empty if there are none."""
    spelt = "".join(_spelt(character) for character in unicodedata.normalize("NFKD", name))
    word = re.sub(r"[^A-Za-z0-9]+", "_", spelt).strip("_")
    return f"x{word}" if word[:1].isdigit() else word


def _spelt(character: str) -> str:
    return greek_name(character) or ("" if unicodedata.combining(character) else character)
