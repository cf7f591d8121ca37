"""Figures of matplotlib as SVG that sits in a page: their ink and paper are the page's, their text can be selected."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kansym.report.page import need

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["INK", "PAPER", "blank_axes", "to_svg"]

INK, PAPER = "#010203", "#fdfcfb"
"""Colours that stand for those of the page until the figure is written."""


@contextmanager
def blank_axes(
    size: tuple[float, float] = (4.4, 3.3), layout: str | None = "constrained"
) -> Iterator[tuple[Figure, Axes]]:
    """Yield an empty figure and its axes, in matplotlib's default style whatever the user's is, without pyplot."""
    matplotlib = need("matplotlib")
    style, figures = need("matplotlib.style"), need("matplotlib.figure")
    ink = dict.fromkeys(("axes.edgecolor", "axes.labelcolor", "text.color", "xtick.color", "ytick.color"), INK)
    own = {"svg.fonttype": "none", "svg.hashsalt": "kansym", "axes.spines.top": False, "axes.spines.right": False}
    with style.context("default"), matplotlib.rc_context({**ink, **own, "axes.facecolor": PAPER, "font.size": 10}):
        figure = figures.Figure(figsize=size, layout=layout)
        axes = figure.add_subplot()
        axes.grid(color=INK, alpha=0.12, linewidth=0.7)
        axes.set_axisbelow(True)
        yield figure, axes


def to_svg(figure: Figure, name: str, colors: Mapping[str, str] | None = None) -> str:
    """Markup for the inside of a page: no header or style sheet, and only such ids as are needed.

    Parameters
    ----------
    figure : Figure
        Of :func:`blank_axes`, still inside its context.
    name : str
        Put before every id, so another one for each figure of a page.
    colors : mapping of str to str, optional
        Colours of the figure, as ``#rrggbb``, and what stands for them in the page, such as ``var(--blue)``.
    """
    buffer = io.StringIO()
    metadata = {"Date": None, "Creator": None, "Format": None}
    with warnings.catch_warnings():
        # The letters are the browser's; whether matplotlib's font has them does not matter.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(buffer, format="svg", transparent=True, metadata=metadata)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"font-family: [^;\"]*;?", "", text)  # the font is the page's
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    text = re.sub(r' id="([^"]*)"', lambda match: f' id="{name}-{match[1]}"' if match[1] in used else "", text)
    text = re.sub(r'(url\(#|href="#)', rf"\1{name}-", text)
    for color, there in {INK: "currentColor", PAPER: "var(--paper)", **(colors or {})}.items():
        text = re.sub(rf"(?<=: ){color.lower()}\b", there, text)
    return re.sub(r"\s*\n\s*", "\n", text).strip()
