"""Where the formulas of a front stand in its chart: apart, so that each can be seen and reached by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Point", "apart", "points_of"]

_MOST, _LEAST = 11.0, 6.0  # units of the chart between the centres of neighbours
_LARGEST = 5.5
_REACH = 14.0


@dataclass(frozen=True)
class Point:
    """A formula in the chart.

    Parameters
    ----------
    x, y : float
        Centre, in units of the chart.
    size : float
        Radius of what is drawn; it leaves the centres of the neighbours free.
    reach : float
        Radius of what can be hit; it ends half way to the nearest neighbour.
    """

    x: float
    y: float
    size: float
    reach: float


def points_of(x: Sequence[float], y: Sequence[float], step: float) -> list[Point]:
    """Give every formula its point, those that would cover each other side by side.

    Parameters
    ----------
    x, y : sequence of float
        Places of complexity and share, ``x`` in rising order.
    step : float
        Width of one unit of complexity: formulas of neighbouring complexities stay where they are if they can.

    Examples
    --------
    >>> [(point.x, point.reach) for point in points_of([50.0, 50.0, 90.0], [20.0, 20.0, 20.0], 8.0)]
    [(46.0, 4.0), (54.0, 4.0), (90.0, 14.0)]
    """
    across, down = apart(x, y, min(max(step, _LEAST), _MOST)), np.asarray(y, dtype=float)
    distance = np.hypot(across[:, None] - across, down[:, None] - down)
    np.fill_diagonal(distance, np.inf)
    nearest = distance.min(axis=1, initial=np.inf)
    return [
        Point(float(a), float(b), min(_LARGEST, 0.6 * room), min(_REACH, 0.5 * room))
        for a, b, room in zip(across, down, nearest.tolist(), strict=True)
    ]


def apart(x: Sequence[float], y: Sequence[float], gap: float) -> NDArray[np.float64]:
    """Move points along x until any two are at least a gap apart; y and the order stay.

    Of the two extreme solutions, all to the right and all to the left, the middle is taken: the conditions are convex.

    Examples
    --------
    >>> apart([5.0, 5.0, 5.0], [0.0, 0.0, 40.0], 6.0).tolist()
    [2.0, 8.0, 5.0]
    """
    count = len(x)
    needed = [
        [math.sqrt(gap**2 - (y[i] - y[j]) ** 2) if abs(y[i] - y[j]) < gap else -math.inf for j in range(count)]
        for i in range(count)
    ]
    right, left = list(map(float, x)), list(map(float, x))
    for j in range(count):
        right[j] = max([right[j], *(right[i] + needed[i][j] for i in range(j))])
    for i in reversed(range(count)):
        left[i] = min([left[i], *(left[j] - needed[i][j] for j in range(i + 1, count))])
    return (np.array(right) + np.array(left)) / 2
