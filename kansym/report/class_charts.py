"""The charts of a report on a classifier: how often a class came true, and every row by what was expected of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kansym.plots.class_rows import scattered
from kansym.plots.drawing import drawn_rows
from kansym.plots.lettering import shortened, with_unit
from kansym.report.charts import Axis, Chart, axis_of, bars_path, curve_path, dots_path
from kansym.report.formula_charts import CURVE_POINTS, MOST_DOTS

if TYPE_CHECKING:
    from kansym.classifier import KANClassifier
    from kansym.report.rows import Data

__all__ = ["class_charts"]

_SHARES = tuple((share / 5, f"{share / 5:g}") for share in range(6))
_LETTERS = 9  # of a class's name beside the rows


def class_charts(
    model: KANClassifier, data: Data, place: int, position: int, units: Mapping[str, str]
) -> tuple[Chart, Chart]:
    """Observed shares of a class beside its probability, and the rows: over the one column, else over the probability.

    Shares are those of groups of rows with their 95 % intervals, see :class:`kansym.plots.class_rows.Reliability`.
    """
    rows, name = data.class_rows(model, place, position), model.output_names_[place]
    y = Axis(f"share of {name}", -0.04, 1.04, _SHARES)
    if data.columns.shape[1] == 1:
        over = data.columns[:, 0]
        x = axis_of(with_unit(model.variables_[0].name, units), over)
        found = rows.reliability(over)
        at, grid = found.at, np.linspace(over.min(), over.max(), CURVE_POINTS)
        nobody = np.zeros(CURVE_POINTS, dtype=np.intp)
        line = grid, type(rows).of(model, grid[:, None], nobody, place, position).probability
    else:
        over = rows.probability
        x = Axis(f"probability of {name}", -0.02, 1.02, _SHARES)
        found = rows.reliability()
        at, line = found.predicted, (np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    frame = Chart(x, y)
    fit = Chart(
        x,
        y,
        dots_path(frame, at, found.observed),
        curve_path(frame, *line),
        bars=bars_path(frame, at, found.low, found.high),
    )
    strips = Axis("", -0.5, 1.5, ((0.0, "others"), (1.0, shortened(name, _LETTERS))))
    frame = Chart(x, strips, height=170.0)
    shown = drawn_rows(len(over), MOST_DOTS)
    heights = rows.belongs[shown] + 0.6 * scattered(len(shown))
    return fit, Chart(x, strips, dots_path(frame, over[shown], heights), height=frame.height)
