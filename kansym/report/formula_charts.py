"""The charts of a report on a model: a front, and the fit and the residuals of each of its formulas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kansym.plots.drawing import drawn_rows, predicted
from kansym.plots.front import share_label, share_ticks, unexplained
from kansym.plots.lettering import with_unit
from kansym.report.charts import Axis, Chart, axis_of, curve_path, dots_path
from kansym.report.points import Point, points_of
from kansym.symbolic.prediction import predict_with_deviation

if TYPE_CHECKING:
    from kansym.estimator import FormulaEstimator
    from kansym.report.rows import Data
    from kansym.symbolic.front import ParetoFront

__all__ = ["CURVE_POINTS", "MOST_DOTS", "fit_charts", "front_chart", "front_points"]

MOST_DOTS = 500
"""Rows drawn in each chart."""
CURVE_POINTS = 240
_LEVEL = 0.95
_DECADES, _SOME = 500.0, 20.0  # ratios of largest to smallest from which on an axis is logarithmic


def front_chart(front: ParetoFront, label: str = "unexplained share, 1 − R²") -> Chart:
    """Complexity against the unexplained share; the points are those of :func:`front_points`."""
    shares, sizes = unexplained(front), np.array([formula.complexity for formula in front], dtype=float)
    x = axis_of("complexity", np.append(sizes, [0.0, sizes.max() + 1]))
    ticks = share_ticks(shares)
    low, high = min(shares), max(*shares, *ticks)
    room = max((high / low) ** 0.07, 1.15)
    y = Axis(
        label,
        low / room,
        high * room,
        tuple((tick, share_label(tick)) for tick in ticks),
        logarithmic=True,
    )
    whole = tuple(tick for tick in x.ticks if tick[0] >= 0 and tick[0] == round(tick[0]))
    chart = Chart(Axis(x.label, 0.0, x.high, whole), y)
    steps = [(float(sizes[0]), shares[0])]
    for size, before, share in zip(sizes[1:], shares[:-1], shares[1:], strict=True):
        steps += [(float(size), before), (float(size), share)]
    return Chart(chart.x, chart.y, curve=curve_path(chart, *np.array(steps).T))


def front_points(front: ParetoFront, chart: Chart) -> list[Point]:
    """Where the formulas stand in the chart of their front."""
    sizes = [formula.complexity for formula in front]
    step = float(chart.across(1.0) - chart.across(0.0))
    return points_of(chart.across(sizes).tolist(), chart.down(unexplained(front)).tolist(), step)


def fit_charts(
    model: FormulaEstimator, data: Data, place: int, position: int, units: Mapping[str, str]
) -> tuple[Chart, Chart]:
    """Rows and formula, and residuals: over the one column there is, else over what is predicted."""
    target, values = data.targets[:, place], data.predictions(model, place, position)
    name = with_unit(model.output_names_[place], units)
    shown = drawn_rows(len(target), MOST_DOTS)
    if data.columns.shape[1] == 1:
        over = data.columns[:, 0]
        y = axis_of(name, target, logarithmic_from=_DECADES)
        # A power law is straight where both axes are logarithmic, and hard to read where one is.
        label = with_unit(model.variables_[0].name, units)
        x = axis_of(label, over, logarithmic_from=_SOME if y.logarithmic else np.inf)
        grid = np.linspace(over.min(), over.max(), CURVE_POINTS)
        if x.logarithmic:
            grid = np.geomspace(over.min(), over.max(), CURVE_POINTS)
        line = grid, predicted(model, grid[:, None], place, position)
    else:
        over = values
        both = np.concatenate([target, values[np.isfinite(values)]])
        x, y = (
            axis_of(f"{name}, {what}", both, logarithmic_from=_DECADES) for what in ("predicted", "measured")
        )
        line = np.array([x.low, x.high]), np.array([x.low, x.high])
    frame = Chart(x, y)
    band = _band(model, frame, line[0], place, position) if data.columns.shape[1] == 1 else ""
    fit = Chart(x, y, dots_path(frame, over[shown], target[shown]), curve_path(frame, *line), band)
    left = target - values
    frame = Chart(x, axis_of("residual", left, symmetric=True), height=170.0)
    zero = curve_path(frame, np.array([x.low, x.high]), np.zeros(2))
    residuals = Chart(x, frame.y, dots_path(frame, over[shown], left[shown]), zero, height=frame.height)
    return fit, residuals


def _band(model: FormulaEstimator, frame: Chart, grid: NDArray[np.float64], place: int, position: int) -> str:
    """Where 95 % of new measurements are expected; nothing where that is not known."""
    formula = model.fronts_[place][position]
    values, deviations = predict_with_deviation(
        formula, grid[:, None], model.variables_, model._library(), "observation"
    )
    half = deviations * formula.uncertainty.quantile(_LEVEL)
    if not np.all(np.isfinite(values) & np.isfinite(half)):
        return ""
    edge = np.concatenate([values + half, (values - half)[::-1]])
    low, high = frame.y.low, frame.y.high  # beyond the axis there is nothing to see
    return curve_path(frame, np.concatenate([grid, grid[::-1]]), np.clip(edge, low, high)) + "Z"
