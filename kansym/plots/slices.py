"""The picture of a formula over its data: one small plot for each variable, all others held at those of a row."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from kansym import KANClassifier
from kansym.plots.class_rows import class_column, codes_of, scattered
from kansym.plots.drawing import (
    BLUE,
    VERMILION,
    axes_or_new,
    checked_units,
    divided,
    drawn_rows,
    formula_position,
    ink,
    measured,
    output_position,
    points,
    predicted,
    shade,
    target_name,
    tidy,
)
from kansym.plots.lettering import LETTER, PLAIN, ems_across, label, short_names, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from kansym.estimator import FormulaEstimator

__all__ = ["plot_slices"]

_CURVE_POINTS = 101
_ROWS = 9
_MOST_COLUMNS = 5
_DOTS = 400


def plot_slices(
    model: FormulaEstimator,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    index: int | None = None,
    output: int | str = 0,
    units: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> NDArray[Any]:
    """Draw a formula as a function of each of its variables, over the range of the rows.

    A thick curve holds the other variables at the row that is nearest to the medians, thin ones at rows spread over the
    data: parallel curves mean that the variable does not interact with the others. Real rows are used, since a mixture
    of medians may lie where there are no data. Dots are rows, of many 400 evenly spread; a logit has no measured
    values, so the rows of its class are marked along the upper edge, and the others along the lower one.

    Parameters
    ----------
    model : KANRegressor or KANClassifier
        Fitted; of a classifier the logit is drawn.
    X : array_like of shape (n_samples, n_features)
    y : array_like of shape (n_samples,) or (n_samples, n_outputs), optional
        Without it no rows are drawn; of a classifier the labels.
    index : int, optional
        Row of ``equations_``; by default the selected formula.
    output : int or str
        Which output, by number or name.
    units : mapping of str to str, optional
        Units by name.
    ax : Axes, optional
        Where to draw, to be divided; by default a new figure.

    Returns
    -------
    ndarray of Axes
        One for each variable of the formula, in the order of the columns; one for a constant.

    Raises
    ------
    DataError
        If X or y cannot be used, or their rows differ in number.
    ParameterError
        If there is no such output or formula, or the units are not as stated.

    References
    ----------
    A. Goldstein et al., *Peeking inside the black box: visualizing statistical learning with plots of individual
    conditional expectation*, J. Comput. Graph. Stat. 24 (2015) 44.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from kansym import KANRegressor
    >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.0, 4.0, 6.0, 8.0]
    >>> [axes.get_xlabel() for axes in plot_slices(KANRegressor(max_steps=3, random_state=0).fit(X, y), X, y)]
    ['x0']
    """
    units = checked_units(model, units)
    place = output_position(model, output)
    position = formula_position(model, place, index)
    rows = model._checked(X)
    target = belongs = None
    if y is not None and isinstance(model, KANClassifier):
        belongs = codes_of(model, y, len(rows)) == class_column(model, place)
    elif y is not None:
        target = measured(y, place, len(model.output_names_), len(rows))
    occurring = model.fronts_[place][position].expression.free_symbols
    columns = [column for column, variable in enumerate(model.variables_) if variable in occurring] or [0]
    across = min(len(columns), _MOST_COLUMNS if len(columns) > 4 else 2 if len(columns) == 4 else 3)
    down = math.ceil(len(columns) / across)
    ax = axes_or_new(ax, (2.1 * across + 0.9, 1.9 * down + 0.5) if len(columns) > 1 else (4.6, 3.4))
    cells = divided(ax, down, across).ravel()
    anchors = _anchors(rows)
    low, high = np.inf, -np.inf
    for cell, column in zip(cells, columns, strict=False):
        curves = _curves(model, rows, anchors, column, place, position)
        _draw(cell, rows, target, column, curves, lonely=len(columns) == 1)
        if belongs is not None:
            _mark(cell, rows[:, column], belongs)
        finite = curves[1][np.isfinite(curves[1])]
        if len(finite):
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    _share_height(cells[: len(columns)], across, (low, high), target, 0.05 if belongs is None else 0.15)
    for cell in cells[len(columns) :]:
        cell.remove()
    cells = cells[: len(columns)]
    names = [with_unit(model.variables_[column].name, units) for column in columns]
    _name(cells, across, target_name(model, place, units), names)
    return cells


def _name(cells: NDArray[Any], across: int, target: str, names: list[str]) -> None:
    """Label the axes, names cut to the width of a cell so that they still differ."""
    label(*((cell, target, "y") for cell in cells[::across]))
    letters = max(int(ems_across(cells[0]) / LETTER), 6)
    for cell, name in zip(cells, short_names(names, letters), strict=True):
        cell.set_xlabel(name, **PLAIN)


def _anchors(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The row nearest to the medians, then rows spread over the data by their distance from it along the main axis."""
    spread = np.std(rows, axis=0)
    scaled = (rows - np.median(rows, axis=0)) / np.where(spread > 0, spread, 1.0)
    middle = int(np.argmin((scaled**2).sum(axis=1)))
    some = scaled[drawn_rows(len(rows))]
    axis = np.linalg.svd(some - some.mean(axis=0), full_matrices=False)[2][0]
    order = np.argsort(scaled @ axis, kind="stable")
    others = order[drawn_rows(len(order), _ROWS)]
    return rows[[middle, *others]]


def _curves(
    model: FormulaEstimator, rows: Any, anchors: Any, column: int, place: int, position: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    grid = np.linspace(rows[:, column].min(), rows[:, column].max(), _CURVE_POINTS)
    table = np.repeat(anchors, _CURVE_POINTS, axis=0)
    table[:, column] = np.tile(grid, len(anchors))
    return grid, predicted(model, table, place, position).reshape(len(anchors), -1)


def _draw(ax: Axes, rows: Any, target: Any, column: int, curves: tuple[Any, Any], *, lonely: bool) -> None:
    tidy(ax)
    grid, values = curves
    if target is not None:
        shown = drawn_rows(len(rows), _DOTS)
        points(ax, rows[shown, column], target[shown], zorder=1)
    if not lonely:  # with one variable all curves are the same
        ax.plot(grid, values[1:].T, color=ink(ax), linewidth=0.7, alpha=0.35, zorder=2)
    ax.plot(grid, values[0], color=shade(ax, VERMILION if target is not None else BLUE), linewidth=2, zorder=3)


def _mark(ax: Axes, values: NDArray[np.float64], belongs: NDArray[np.bool_]) -> None:
    """Draw the rows of a class along the upper edge, and the others along the lower one."""
    shown = drawn_rows(len(values), _DOTS)
    heights = 0.05 * scattered(len(shown))
    for height, its, color in ((0.96, belongs[shown], VERMILION), (0.04, ~belongs[shown], BLUE)):
        points(ax, values[shown][its], height + heights[its], color, transform=ax.get_xaxis_transform(), zorder=1)


def _share_height(cells: Any, across: int, reach: tuple[float, float], target: Any, room: float) -> None:
    """Give all plots the same vertical axis: the reach of the curves, at most thrice that of the data, with room."""
    low, high = reach
    if target is not None:
        least, most = float(target.min()), float(target.max())
        extent = max(most - least, 1e-9 * abs(most))
        low, high = max(min(low, least), least - extent), min(max(high, most), most + extent)
    if not low < high or not np.isfinite(high - low):
        return
    for number, cell in enumerate(cells):
        cell.set_ylim(low - room * (high - low), high + room * (high - low))
        cell.locator_params(axis="x", nbins=4)
        cell.tick_params(labelsize="small", labelleft=number % across == 0)
