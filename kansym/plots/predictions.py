"""The picture of a fit: what a formula predicts against what was measured, and what is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from kansym.plots.drawing import (
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
    refuse_classifier,
    with_residuals,
)
from kansym.plots.lettering import label, r2_text, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from kansym.regressor import KANRegressor

__all__ = ["plot_predictions"]


def plot_predictions(
    model: KANRegressor,
    X: ArrayLike,
    y: ArrayLike,
    *,
    index: int | None = None,
    output: int | str = 0,
    units: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw measured against predicted values of a formula, and the residuals below.

    Of many rows 2,000 are drawn; R² and the root mean square of the residuals are of all.

    Parameters
    ----------
    model : KANRegressor
        Fitted.
    X : array_like of shape (n_samples, n_features)
    y : array_like of shape (n_samples,) or (n_samples, n_outputs)
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
        If X or y cannot be used, or their rows differ in number.
    ParameterError
        If there is no such output or formula, or the units are not as stated.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from kansym import KANRegressor
    >>> X, y = [[1.0], [2.0], [3.0], [4.0]], [2.0, 4.0, 6.0, 8.0]
    >>> plot_predictions(KANRegressor(max_steps=3, random_state=0).fit(X, y), X, y).get_ylabel()
    'y, measured'
    """
    refuse_classifier(model, "plot_predictions")
    units = checked_units(model, units)
    place = output_position(model, output)
    position = formula_position(model, place, index)
    rows = model._checked(X)
    values = predicted(model, rows, place, position)
    target = measured(y, place, len(model.output_names_), len(values))
    defined = np.isfinite(values)
    residual = target - values
    upper, lower = with_residuals(axes_or_new(ax, (4.8, 5.2)))
    shown = drawn_rows(len(values))
    shown = shown[defined[shown]]
    points(upper, values[shown], target[shown])
    points(lower, values[shown], residual[shown])
    if defined.any():
        ends = [float(np.min(values[defined])), float(np.max(values[defined]))]
        upper.plot(ends, ends, color=ink(upper), linewidth=1, zorder=3)
    name = with_unit(model.output_names_[place], units)
    _center(lower)
    label((upper, f"{name}, measured", "y"), (lower, f"{name}, predicted", "x"))
    note(upper, _summary(target[defined], residual[defined], len(values), len(shown)))
    return upper


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
