"""Small charts as numbers: where axes, ticks, dots and curves go in a box; a template makes SVG of them.

They are drawn by hand and not by matplotlib, since a report holds one or two for each formula of each front: here a dot
is twelve bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kansym.report.page import need
from kansym.report.wording import number

__all__ = ["Axis", "Chart", "axis_of", "bars_path", "curve_path", "dots_path"]

WIDTH, HEIGHT = 400.0, 270.0
"""Of a chart, in the units of its SVG: about pixels of a small phone."""
LEFT, RIGHT, TOP, BOTTOM = 74.0, 10.0, 10.0, 44.0  # room for labels of 15 units, as on a phone
_FEW = 80


@dataclass(frozen=True)
class Axis:
    """A scale with its ticks.

    Parameters
    ----------
    label : str
    low, high : float
        Ends, in the units of the data.
    ticks : tuple of (float, str)
        Values and what is written at them.
    logarithmic : bool
    """

    label: str
    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    logarithmic: bool = False

    def share(self, values: float | Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """How far along the axis values are, from 0 to 1; NaN where they have no place.

        Examples
        --------
        >>> Axis("x", 1.0, 100.0, (), logarithmic=True).share([10.0, -1.0])
        array([0.5, nan])
        """
        values = np.asarray(values, dtype=float)
        if self.logarithmic:
            with np.errstate(all="ignore"):
                share = np.log(values / self.low) / math.log(self.high / self.low)
        else:
            share = (values - self.low) / (self.high - self.low)
        return np.where(np.isfinite(share), share, np.nan)


@dataclass(frozen=True)
class Chart:
    """Two axes with dots, a curve, a band around it and bars through the dots, each an SVG path.

    Parameters
    ----------
    x, y : Axis
    dots, curve, band, bars : str
    height : float
        Of the chart with its labels; the width is 400.
    """

    x: Axis
    y: Axis
    dots: str = ""
    curve: str = ""
    band: str = ""
    bars: str = ""
    height: float = HEIGHT
    left, right, top = LEFT, WIDTH - RIGHT, TOP

    @property
    def few(self) -> bool:
        """Whether there is room to draw dots large, and above the curve."""
        return self.dots.count("M") <= _FEW

    def across(self, values: float | Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Horizontal places."""
        return self.left + (self.right - self.left) * self.x.share(values)

    def down(self, values: float | Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Vertical places; SVG counts from above."""
        return self.bottom + (self.top - self.bottom) * self.y.share(values)

    @property
    def bottom(self) -> float:
        """Where the horizontal axis is drawn."""
        return self.height - BOTTOM


def axis_of(
    label: str, values: NDArray[np.float64], *, symmetric: bool = False, logarithmic_from: float = math.inf
) -> Axis:
    """Return an axis that holds all finite values, with some room and round ticks.

    Logarithmic where all are positive, and the largest is so many times the smallest; ``symmetric`` puts zero in the
    middle.

    Examples
    --------
    >>> axis = axis_of("t", np.array([0.0, 3.0]))
    >>> [text for _, text in axis.ticks]
    ['0', '1', '2', '3']
    >>> [text for _, text in axis_of("t", np.array([1e-3, 3e2]), logarithmic_from=500).ticks]
    ['0.001', '0.01', '0.1', '1', '10', '100']
    """
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if symmetric:
        high = max(abs(low), abs(high))
        low = -high
    elif 0 < low * logarithmic_from <= high < math.inf:
        low, high = low / (high / low) ** 0.04, high * (high / low) ** 0.04
        return Axis(label, low, high, _decades(low, high), logarithmic=True)
    if not high - low > 1e-12 * max(abs(low), abs(high)):  # one value, or all are equal but for rounding
        reach = 0.5 * max(abs(low), abs(high)) or 1.0
        low, high = low - reach, high + reach
    room = 0.04 * (high - low)
    return Axis(label, low - room, high + room, _round_ticks(low - room, high + room))


def dots_path(chart: Chart, x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """A path with a stroke of no length at each point, which round ends make a dot."""
    places = np.column_stack([chart.across(x), chart.down(y)])
    return "".join(f"M{a:.1f} {b:.1f}h0" for a, b in places[np.isfinite(places).all(axis=1)])


def bars_path(chart: Chart, x: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]) -> str:
    """A path of upright bars."""
    ends = zip(chart.across(x), chart.down(low), chart.down(high), strict=True)
    return "".join(f"M{a:.1f} {b:.1f}V{c:.1f}" for a, b, c in ends)


def curve_path(chart: Chart, x: NDArray[np.float64], y: NDArray[np.float64]) -> str:
    """A path through points, interrupted where one is not finite or far outside."""
    places = np.column_stack([chart.across(x), chart.down(y)])
    inside = np.isfinite(places).all(axis=1) & (np.abs(places[:, 1]) < 10 * HEIGHT)
    parts, going = [], False
    for (a, b), there in zip(places, inside, strict=True):
        if there:
            parts.append(f"{'L' if going else 'M'}{a:.1f} {b:.1f}")
        going = bool(there)
    return "".join(parts)


def _round_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    ticks = need("matplotlib.ticker").MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high)
    ticks = [float(tick) for tick in ticks if low <= tick <= high] or [0.5 * (low + high)]  # some near 1e-308 have none
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    largest = max(map(abs, ticks), default=1.0) or 1.0
    digits = min(max(math.floor(math.log10(largest)) - math.floor(math.log10(step) + 1e-9) + 1, 1), 15)
    return tuple((tick, number(0.0 if abs(tick) < 1e-9 * step else tick, digits)) for tick in ticks)


def _decades(low: float, high: float) -> tuple[tuple[float, str], ...]:
    first, last = math.ceil(math.log10(low)), math.floor(math.log10(high))
    step = max(1, math.ceil((last - first + 1) / 6))
    return tuple((10.0**exponent, number(10.0**exponent, 1)) for exponent in range(first, last + 1, step))
