"""Texts in pictures: names that stay apart when they are cut, and lines that stay inside of their axes."""

from __future__ import annotations

import functools
import re
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "LETTER", "PLAIN", "ems", "ems_across", "inches_of", "label", "lines_of", "r2_text", "short_names", "shortened",
    "title", "with_unit",
]  # fmt: skip

PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}
"""For texts of the user, in which a dollar is a dollar."""

_SURE = 0.95
"""Share of a line that is filled: on the pixels of a screen letters may be wider than in print."""

LETTER = 0.62
"""Width of an average letter, in sizes of the font; :func:`ems` measures."""


def r2_text(share: float) -> str:
    """R² from the unexplained share; one that is nearly 1 is told by its distance from 1.

    Examples
    --------
    >>> r2_text(0.25), r2_text(2e-9), r2_text(0.0)
    ('R² = 0.7500', 'R² = 1 − 2.0e−9', 'R² = 1')
    """
    if share <= 0:
        return "R² = 1"
    if share >= 1e-3:
        return f"R² = {1 - share:.4f}".replace("-", "−")
    mantissa, exponent = f"{share:.1e}".split("e-")
    return f"R² = 1 − {mantissa}e−{int(exponent)}"


def with_unit(name: str, units: Mapping[str, str] | None) -> str:
    r"""A name with its unit in brackets, if one is given; letters that no font has become a replacement mark.

    Examples
    --------
    >>> with_unit("a", {"a": "AU"}), with_unit("b\n", {"a": "AU"})
    ('a [AU]', 'b�')
    """
    unit = (units or {}).get(name)
    text = f"{name} [{unit}]" if unit else name
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def shortened(text: str, most: int = 24) -> str:
    """A text of at most so many letters: its beginning and its end, where names differ.

    Examples
    --------
    >>> shortened("a rather long name", 9)
    'a ra…name'
    """
    if len(text) <= most:
        return text
    end = (most - 1) // 2
    return f"{text[: most - 1 - end]}…{text[len(text) - end :]}"


def short_names(names: Sequence[str], most: int = 24) -> list[str]:
    """Names of at most so many letters; those that would look alike get their numbers, counted from 0.

    Examples
    --------
    >>> short_names(["flow of the first pump", "flow of the worst pump", "t"], 13)
    ['flow o…t pump (0)', 'flow o…t pump (1)', 't']
    """
    texts = [shortened(name, most) for name in names]
    alike = Counter(texts)
    return [
        f"{text} ({place})" if alike[text] > 1 and text != name else text
        for place, (text, name) in enumerate(zip(texts, names, strict=True))
    ]


def ems(text: str) -> float:
    """Width of a text in the font of the user's style, in sizes of the font; every dollar is one.

    Examples
    --------
    >>> ems("ill") < ems("WWW")
    True
    """
    from matplotlib import rcParams

    style: Any = rcParams
    family = style["font.family"]
    font = tuple(family), tuple(style.get(f"font.{family[0]}", ()))
    return sum(_advance(letter, *font) for letter in text)


@functools.lru_cache(maxsize=4096)
def _advance(letter: str, *font: tuple[str, ...]) -> float:
    """Width of a letter; ``font`` is what the style says of it, and only tells the entries of the cache apart."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    face = get_font(findfont(FontProperties()))
    if not face.get_char_index(ord(letter)):  # it comes from another font, if from any
        return 1.0
    face.set_size(100.0, 72.0)
    return face.load_char(ord(letter)).linearHoriAdvance / (100 * 65536)


def lines_of(text: str, room: float, most: int) -> str:
    r"""Break a text into lines of at most so many sizes of the font, at best after a space or a product's dot.

    What is left after the last line is cut.

    Examples
    --------
    >>> lines_of("y = 2.5·alpha·beta + gamma", 9.0, 3).split("\n")
    ['y = 2.5·alpha·', 'beta + gamma']
    """
    lines = [""]
    for piece in re.findall(r"[^ ·]*[ ·]?", text):
        if lines[-1].strip() and ems(lines[-1] + piece.rstrip()) > room:
            lines.append("")
        while len(piece) > 1 and ems(piece.rstrip()) > room:
            fitting = next((count for count in range(len(piece) - 1, 1, -1) if ems(piece[:count]) <= room), 1)
            lines[-1:] = [piece[:fitting], ""]
            piece = piece[fitting:]
        lines[-1] += piece
    lines = [line.strip() for line in lines if line.strip()]
    if len(lines) > most:
        lines = [*lines[: most - 1], f"{lines[most - 1][:-2].rstrip()} …"]
    return "\n".join(lines)


def inches_of(ax: Axes) -> tuple[float, float]:
    """Width and height of axes, after the layout of their figure if it makes one."""
    figure: Any = ax.get_figure()
    whole = figure.canvas.figure  # of a part of a figure, too
    engine = whole.get_layout_engine()
    if engine is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of letters without a glyph: matplotlib says so when it draws
            engine.execute(whole)
    return ax.bbox.width / whole.dpi, ax.bbox.height / whole.dpi


def ems_across(ax: Axes, axis: str = "x", size: float | None = None) -> float:
    """Length of an axis in sizes of a font, by default that of its label."""
    target = ax.xaxis if axis == "x" else ax.yaxis
    return 72 * inches_of(ax)[axis == "y"] / float(size or target.label.get_fontsize())


def title(ax: Axes, text: str, tail: str = "", most: int = 5) -> None:
    """Write a text above axes that have their labels, flush left, in as many lines as it needs and may take.

    Its tail is never broken.
    """
    from matplotlib.font_manager import FontProperties

    size = FontProperties(size="medium").get_size_in_points()
    room = ems_across(ax, "x", size)
    lines = lines_of(text, _SURE * room, most)
    if tail:
        lines += f",  {tail}" if ems(f"{lines},  {tail}") <= room else f"\n{tail}"
    ax.set_title(lines, loc="left", fontsize=size, **PLAIN)


def label(*labels: tuple[Axes, str, str]) -> None:
    """Write labels, each of some axes, with a text, on the axis ``"x"`` or ``"y"``, in up to two lines along it."""
    targets = [ax.xaxis if axis == "x" else ax.yaxis for ax, _, axis in labels]
    for target in targets:
        target.set_label_text("x\nx")  # what room the labels take, before the rest is measured
    rooms = [ems_across(ax, axis) for ax, _, axis in labels]
    for target, room, (_, text, _) in zip(targets, rooms, labels, strict=True):
        target.set_label_text(lines_of(shortened(text, max(int(1.7 * room / LETTER), 8)), room, 2), **PLAIN)
