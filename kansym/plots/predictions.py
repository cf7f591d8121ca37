"""The picture of a fit: what a formula predicts against what was measured or came true, and what is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kansym import KANClassifier
from kansym.plots.class_rows import ClassRows, codes_of, scattered
from kansym.plots.drawing import (
    BLUE,
    VERMILION,
    axes_or_new,
    checked_units,
    drawn_rows,
    formula_position,
    ink,
    measured,
    note,
    output_position,
    points,
    predicted,
    shade,
    with_residuals,
    with_strip,
)
from kansym.plots.lettering import PLAIN, label, r2_text, shortened, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from kansym.estimator import FormulaEstimator

__all__ = ["plot_predictions"]

_SIZE = (4.8, 5.2)


def plot_predictions(
    model: FormulaEstimator,
    X: ArrayLike,
    y: ArrayLike,
    *,
    index: int | None = None,
    output: int | str = 0,
    units: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw measured against predicted values of a formula, and the residuals below.

    For a classifier: how often the class came true against its predicted probability, in up to ten groups of equally
    many rows with 95 % intervals (Wilson 1927), and every row by its probability below, those of the class apart from
    the others. Of many rows 2,000 are drawn; what is written in the corner is of all.

    Parameters
    ----------
    model : KANRegressor or KANClassifier
        Fitted.
    X : array_like of shape (n_samples, n_features)
    y : array_like of shape (n_samples,) or (n_samples, n_outputs)
        Of a classifier the labels.
    index : int, optional
        Row of ``equations_``; by default the selected formula.
    output : int or str
        Which output, by number or name.
    units : mapping of str to str, optional
        Units by name.
    ax : Axes, optional
        Where to draw, to be divided in two; by default a new figure.

    Returns
    -------
    Axes
        The upper ones; ``axes.figure.axes`` has the residuals' next to them.

    Raises
    ------
    DataError
        If X or y cannot be used, their rows differ in number, or y holds a class that the fit did not know.
    ParameterError
        If there is no such output or formula, or the units are not as stated.

    References
    ----------
    A. Niculescu-Mizil and R. Caruana, *Predicting good probabilities with supervised learning*, ICML (2005) 625, for
    the upper picture of a classifier.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from kansym import KANRegressor
    >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.0, 4.0, 6.0, 8.0]
    >>> plot_predictions(KANRegressor(max_steps=3, random_state=0).fit(X, y), X, y).get_ylabel()
    'y, measured'
    """
    units = checked_units(model, units)
    place = output_position(model, output)
    position = formula_position(model, place, index)
    rows = model._checked(X)
    if isinstance(model, KANClassifier):
        codes = codes_of(model, y, len(rows))
        return _draw_classes(ClassRows.of(model, rows, codes, place, position), model.output_names_[place], ax)
    target = measured(y, place, len(model.output_names_), len(rows))
    name = with_unit(model.output_names_[place], units)
    return _draw_measured(predicted(model, rows, place, position), target, name, ax)


def _draw_measured(values: NDArray[np.float64], target: NDArray[np.float64], name: str, ax: Axes | None) -> Axes:
    defined = np.isfinite(values)
    residual = target - values
    upper, lower = with_residuals(axes_or_new(ax, _SIZE))
    shown = drawn_rows(len(values))
    shown = shown[defined[shown]]
    points(upper, values[shown], target[shown])
    points(lower, values[shown], residual[shown])
    if defined.any():
        ends = [float(np.min(values[defined])), float(np.max(values[defined]))]
        upper.plot(ends, ends, color=ink(upper), linewidth=1, zorder=3)
    _center(lower)
    label((upper, f"{name}, measured", "y"), (lower, f"{name}, predicted", "x"))
    note(upper, _summary(target[defined], residual[defined], len(values), len(shown)))
    return upper


def _draw_classes(rows: ClassRows, name: str, ax: Axes | None) -> Axes:
    upper, lower = with_strip(axes_or_new(ax, _SIZE))
    found = rows.reliability()
    reach = np.array([found.observed - found.low, found.high - found.observed])
    upper.plot([0, 1], [0, 1], color=ink(upper), linewidth=1, zorder=2)
    color = shade(upper, BLUE)
    upper.errorbar(found.predicted, found.observed, reach, fmt="o", color=color, markersize=5, linewidth=1.2, zorder=3)
    upper.set_ylim(-0.04, 1.04)
    shown = drawn_rows(len(rows.codes))
    shown = shown[rows.defined[shown]]
    belongs, heights = rows.belongs[shown], 0.5 * scattered(len(shown))
    for height, its, color in ((1, belongs, VERMILION), (0, ~belongs, BLUE)):
        points(lower, rows.probability[shown][its], height + heights[its], color)
    lower.set_xlim(-0.02, 1.02)
    lower.set_ylim(-0.5, 1.5)
    lower.set_yticks([0, 1], ["others", shortened(name, 12)], **PLAIN)
    label((upper, f"share of {name}, observed", "y"), (lower, f"probability of {name}, predicted", "x"))
    note(upper, _class_summary(rows, len(shown)))
    return upper


def _class_summary(rows: ClassRows, n_drawn: int) -> str:
    known, count = int(rows.defined.sum()), len(rows.codes)
    lines = [f"{rows.right:,} of {known:,} rows right", f"log-loss = {rows.loss:.3g}"] if known else []
    if known < count:
        lines.append(f"not defined on {count - known:,} of {count:,} rows")
    elif n_drawn < count:
        lines.append(f"{n_drawn:,} of {count:,} rows drawn")
    return "\n".join(lines)


def _center(ax: Axes) -> None:
    reach = max(map(abs, ax.get_ylim()))
    ax.set_ylim(-reach, reach)


def _summary(target: np.ndarray, residual: np.ndarray, n_rows: int, n_drawn: int) -> str:
    lines = []
    if len(residual):
        spread = float(np.var(target))
        lines = [r2_text(float(np.mean(residual**2)) / spread)] if spread > 0 else []
        lines += [f"RMS residual = {np.sqrt(np.mean(residual**2)):.3g}"]
    if len(residual) < n_rows:
        lines.append(f"not defined on {n_rows - len(residual):,} of {n_rows:,} rows")
    elif n_drawn < n_rows:
        lines.append(f"{n_drawn:,} of {n_rows:,} rows drawn")
    return "\n".join(lines)
