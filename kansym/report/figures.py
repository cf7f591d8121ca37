"""Figures of a comparison as SVG that sits in the page: its ink is the page's, its text can be selected."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kansym.report.page import need
from kansym.report.svg import INK, blank_axes, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Spread",
    "Style",
    "legend_key",
    "method_styles",
    "pareto_plot",
    "solved_plot",
    "spread",
    "undominated",
    "unexplained",
]

# Okabe and Ito's colours, told apart by the colour-blind, without their yellow, which is faint on white. Black is the
# ink of the page, so that it can be seen in the dark too.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", INK)
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", "*", ">", "p")
_LINES = ("-", "--", "-.", ":")

_PERFECT, _USELESS = 1e-16, 10.0  # ends of the axis of 1 - R²; what lies beyond is drawn there
_SHORTEST = 1e-3  # seconds, on a logarithmic axis


@dataclass(frozen=True)
class Style:
    """How a method is drawn, the same in all figures: colour, marker and line differ, so no reader needs all three."""

    color: str
    marker: str
    line: str


@dataclass(frozen=True)
class Spread:
    """The middle of some numbers: median and quartiles."""

    lower: float
    median: float
    upper: float

    def at_least(self, least: float) -> Spread:
        """Move what is less onto the end of an axis."""
        return Spread(max(self.lower, least), max(self.median, least), max(self.upper, least))


def method_styles(methods: Iterable[str]) -> dict[str, Style]:
    """Give every method its style, in alphabetical order."""
    return {
        method: Style(_COLORS[k % len(_COLORS)], _MARKERS[k % len(_MARKERS)], _LINES[(k // 2) % len(_LINES)])
        for k, method in enumerate(sorted(methods))
    }


def spread(values: Iterable[float]) -> Spread | None:
    """Median and quartiles of the finite ones among some values, None if there are none.

    Examples
    --------
    >>> spread([3.0, 1.0, 2.0])
    Spread(lower=1.5, median=2.0, upper=2.5)
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return None
    return Spread(*(float(quantile) for quantile in np.quantile(finite, (0.25, 0.5, 0.75))))


def unexplained(r2: Iterable[float | None]) -> Spread | None:
    """Median and quartiles of 1 − R²; runs without R² count as useless.

    Values are kept within 10⁻¹⁶ and 10, and the quartiles found between their logarithms, as the eye finds them.
    """
    known = [-math.inf if value is None or math.isnan(value) else value for value in r2]
    shares = [min(max(1 - value, _PERFECT), _USELESS) for value in known]
    found = spread(math.log10(share) for share in shares)
    return found and Spread(*(10**exponent for exponent in (found.lower, found.median, found.upper)))


def pareto_plot(points: Mapping[str, tuple[Spread, Spread]], styles: Mapping[str, Style], cost: str, name: str) -> str:
    """Plot what formulas cost against how well they fit; bars are quartiles, the dotted line joins undominated medians.

    Parameters
    ----------
    points : mapping of str to (Spread, Spread)
        For each method its cost and its 1 − R².
    styles : mapping of str to Style
    cost : str
        "complexity" or "seconds".
    name : str
        Of the figure, another one for each figure of a page.

    Returns
    -------
    str
        SVG.
    """
    shortest = _SHORTEST if cost == "seconds" else 0.0
    drawn = {method: (across.at_least(shortest), up) for method, (across, up) in points.items()}
    with blank_axes() as (figure, axes):
        for method, (across, up) in drawn.items():
            style = styles[method]
            axes.errorbar(
                [across.median],
                [up.median],
                xerr=[[across.median - across.lower], [across.upper - across.median]],
                yerr=[[up.median - up.lower], [up.upper - up.median]],
                color=style.color,
                marker=style.marker,
                markersize=8,
                markeredgecolor=INK,
                markeredgewidth=0.6,
                elinewidth=1.4,
                linestyle="none",
            )
        front = undominated((across.median, up.median) for across, up in drawn.values())
        if len(front) > 1:
            axes.step(*zip(*front, strict=True), where="post", color=INK, linewidth=1, linestyle=":", zorder=0)
        axes.set_yscale("log")
        axes.set_ylim(_USELESS * 2, _PERFECT / 3)  # the better the higher
        axes.set_yticks([10.0**exponent for exponent in range(-16, 1, 4)] + [_USELESS])
        axes.set_yticks([], minor=True)
        axes.yaxis.set_major_formatter(_unexplained_label)
        axes.set_ylabel("median 1 − R² on test rows")
        if cost == "seconds":
            _seconds_axis(axes, "median seconds of a run")
        else:
            axes.set_xlabel("median complexity of the formula")
            axes.set_xlim(left=0)
        return to_svg(figure, name)


def solved_plot(
    curves: Mapping[str, Sequence[tuple[float, float]]], styles: Mapping[str, Style], end: float, name: str
) -> str:
    """Plot the share of runs recovered within t seconds.

    Parameters
    ----------
    curves : mapping of str to sequence of (seconds, rate)
        For each method the corners of its curve, rising.
    styles : mapping of str to Style
    end : float
        Where the curves end, or later if a run did: the time limit.
    name : str
        Of the figure, another one for each figure of a page.

    Returns
    -------
    str
        SVG.
    """
    starts = [time for corners in curves.values() for time, _ in corners if time > 0]
    start = max(min(starts, default=end / 10), _SHORTEST) / 1.5
    with blank_axes() as (figure, axes):
        for method, corners in curves.items():
            style = styles[method]
            seconds = [max(time, start) for time, _ in corners]
            rates = [rate for _, rate in corners]
            last = max(end, seconds[-1])
            axes.step(
                [*seconds, last],
                [*rates, rates[-1]],
                where="post",
                color=style.color,
                linestyle=style.line,
                linewidth=2,
            )
            axes.plot([last], [rates[-1]], style.marker, color=style.color, markersize=7, mec=INK, mew=0.6)
        _seconds_axis(axes, "seconds")
        axes.set_xlim(start, max([end, *starts]) * 1.15)
        axes.set_ylim(-0.03, 1.03)
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        axes.set_ylabel("runs whose law was recovered")
        return to_svg(figure, name)


def legend_key(style: Style) -> str:
    """Draw the marker and the line of a method, small enough to stand beside its name."""
    markers, patches, transforms = (need(f"matplotlib.{part}") for part in ("markers", "patches", "transforms"))
    marker = markers.MarkerStyle(style.marker)
    shape = marker.get_path().transformed(marker.get_transform()).transformed(transforms.Affine2D().scale(7))
    with blank_axes((0.5, 0.2), layout=None) as (figure, axes):
        axes.set_axis_off()
        axes.set(position=(0, 0, 1, 1), xlim=(-18, 18), ylim=(-7.2, 7.2))
        axes.plot([-18, 18], [0, 0], color=style.color, linestyle=style.line, linewidth=1.8, clip_on=False)
        axes.add_patch(patches.PathPatch(shape, fc=style.color, ec=INK, lw=0.6, clip_on=False, zorder=3))
        return to_svg(figure, "key")


def undominated(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Those points that no other matches or beats in both coordinates, where less is better.

    Examples
    --------
    >>> undominated([(3, 1), (1, 2), (2, 2), (2, 5)])
    [(1, 2), (3, 1)]
    """
    front: list[tuple[float, float]] = []
    for point in sorted(points):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front


# -------------------------------------------------------------------------------------------------------------- drawing


def _seconds_axis(axes: Axes, label: str) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(need("matplotlib.ticker").LogLocator(subs=(1, 3)))
    axes.xaxis.set_major_formatter(lambda seconds, _: f"{seconds:g}")
    axes.minorticks_off()
    axes.set_xlabel(label)


def _unexplained_label(share: float, _: Any) -> str:
    if share >= _USELESS:
        return "≥ 10"
    exponent = round(math.log10(share))
    power = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return "1" if exponent == 0 else f"{'≤ ' if share <= _PERFECT else ''}10{power}"
