"""What the pictures share: colours, axes made or divided, checks of what is asked for, and rows that are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier

from kansym.errors import DataError, ParameterError
from kansym.plots.lettering import PLAIN, with_unit
from kansym.symbolic.evaluation import compile_expression
from kansym.validation import require_formulas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from kansym.estimator import FormulaEstimator

__all__: list[str] = []

# Okabe and Ito's colours, apart for every kind of colour vision: two for light paper, two for dark.
BLUE, VERMILION = "#0072B2", "#D55E00"
_ON_DARK = {BLUE: "#56B4E9", VERMILION: "#E69F00"}
MOST_POINTS = 2000


def axes_or_new(ax: Axes | None, size: tuple[float, float]) -> Axes:
    """Return the axes, or those of a new figure of so many inches, known to pyplot so that ``show`` finds it."""
    if ax is not None:
        return ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=size, layout="constrained")[1]


def ink(ax: Axes) -> Any:
    """Colour of the labels of the axes."""
    return ax.xaxis.label.get_color()


def paper(ax: Axes) -> Any:
    """Colour behind the axes; white where everything is transparent."""
    from matplotlib.colors import to_rgba

    behind = [ax.get_facecolor(), ax.figure.get_facecolor()]
    return next((color for color in behind if to_rgba(color)[3] > 0), "white")


def shade(ax: Axes, color: str) -> str:
    """Blue or vermilion, as light as the paper asks for."""
    from matplotlib.colors import to_rgb

    dark = np.dot((0.2126, 0.7152, 0.0722), to_rgb(paper(ax))) < 0.4
    return _ON_DARK.get(color, color) if dark else color


def divided(ax: Axes, rows: int, columns: int = 1, **options: Any) -> Any:
    """Put a grid of axes in the place of some axes, which keep the first cell; return them as an array.

    ``options`` are those of matplotlib's ``GridSpec``, such as ``height_ratios``.
    """
    figure = ax.get_figure()
    assert figure is not None
    place = ax.get_subplotspec()
    if place is None:  # free axes: the same grid within their box
        box = ax.get_position()
        edges = {"left": box.x0, "right": box.x1, "bottom": box.y0, "top": box.y1}
        grid = figure.add_gridspec(rows, columns, **edges, **options)  # type: ignore[union-attr]
    else:
        grid = place.subgridspec(rows, columns, **options)
    ax.set_subplotspec(grid[0, 0])
    cells = [
        [ax if (row, column) == (0, 0) else figure.add_subplot(grid[row, column]) for column in range(columns)]
        for row in range(rows)
    ]
    return np.array(cells, dtype=object)


def with_strip(ax: Axes) -> tuple[Axes, Axes]:
    """Divide axes into a large upper part and a lower one, which share the x axis."""
    upper, lower = divided(ax, 2, height_ratios=(3, 1), hspace=0.08)[:, 0]
    lower.sharex(upper)
    upper.tick_params(labelbottom=False)
    for part in (upper, lower):
        tidy(part)
    return upper, lower


def with_residuals(ax: Axes) -> tuple[Axes, Axes]:
    """Divide axes into a large upper part and a lower one for residuals, with its zero."""
    upper, lower = with_strip(ax)
    lower.axhline(0, color=ink(ax), linewidth=0.8, zorder=1)
    lower.set_ylabel("residual")
    return upper, lower


def tidy(ax: Axes) -> None:
    """Leave out the frame's upper and right side, and draw a faint grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color=ink(ax), alpha=0.12, linewidth=0.6)
    ax.set_axisbelow(True)


def note(ax: Axes, text: str) -> None:
    """Write a remark into the lower right corner of the axes, clear of their frame."""
    ax.text(
        0.98,
        0.03,
        text,
        transform=ax.transAxes,
        horizontalalignment="right",
        verticalalignment="bottom",
        bbox={"facecolor": paper(ax), "edgecolor": "none", "alpha": 0.75, "pad": 2.0},
        zorder=6,
        **PLAIN,
    )


def points(ax: Axes, x: Any, y: Any, color: str = BLUE, **options: Any) -> None:
    """Draw rows as dots, the fainter the more there are."""
    crowd = min(1.0, max(0.25, 6.0 / max(len(x), 1) ** 0.4))
    size = 5.0 if len(x) <= 100 else 3.2
    ax.plot(x, y, ".", color=shade(ax, color), markersize=2 * size, markeredgewidth=0, alpha=crowd, **options)


def drawn_rows(count: int, most: int = MOST_POINTS) -> NDArray[np.intp]:
    """Indices of at most so many rows, evenly spread; a picture of a million dots is no better.

    Examples
    --------
    >>> drawn_rows(3).tolist(), drawn_rows(9, 3).tolist()
    ([0, 1, 2], [0, 4, 8])
    """
    return np.linspace(0, max(count - 1, 0), min(count, most)).round().astype(np.intp)


def checked_units(model: FormulaEstimator, units: Any) -> dict[str, str]:
    """Units by name.

    Raises
    ------
    ParameterError
        If they are no mapping of texts, or a name is that of no column and no output.
    """
    if units is None:
        return {}
    if not isinstance(units, Mapping) or not all(isinstance(unit, str) for unit in units.values()):
        raise ParameterError(f"units must be a mapping of names to texts, such as {{'a': 'AU'}}, got {units!r:.80}")
    known = [*(variable.name for variable in model.variables_), *model.output_names_]
    unknown = [name for name in units if name not in known]
    if unknown:
        raise ParameterError(f"units must be of {_listed(known)}, got {unknown[0]!r}; leave out other columns")
    return dict(units)


def target_name(model: FormulaEstimator, place: int, units: Mapping[str, str] | None = None) -> str:
    """Name of what the formulas of an output are equal to, with its unit; of a class it is the logit."""
    name = model.output_names_[place]
    return f"logit of {name}" if is_classifier(model) else with_unit(name, units)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:8])) + (", …" if len(names) > 8 else "")


def output_position(model: FormulaEstimator, output: int | str) -> int:
    """Position of an output that is given by name or number.

    Raises
    ------
    ParameterError
        If there is no such output.
    """
    require_formulas(model)
    names = model.output_names_
    if isinstance(output, str) and output in names:
        return names.index(output)
    if isinstance(output, int) and not isinstance(output, bool) and 0 <= output < len(names):
        return output
    raise ParameterError(f"output must be 0 to {len(names) - 1} or a name of {_listed(names)}, got {output!r}")


def formula_position(model: FormulaEstimator, output: int, index: int | None) -> int:
    """Position on an output's front: the selected formula, or the ``index``-th.

    Raises
    ------
    ParameterError
        If there is no such formula.
    """
    if index is None:
        return model.selected()[output]
    size = len(model.fronts_[output])
    if isinstance(index, bool) or not isinstance(index, (int, np.integer)) or not -size <= index < size:
        raise ParameterError(f"index must be a row of equations_, 0 to {size - 1}, got {index!r}")
    return int(index) % size


def predicted(model: FormulaEstimator, rows: NDArray[np.float64], output: int, index: int) -> NDArray[np.float64]:
    """Values of one formula on checked rows; NaN where it is not defined, which a picture says in its own way."""
    formula = model.fronts_[output][index]
    values = compile_expression(formula.expression, model.variables_, model._library())(rows)
    return np.where(np.isfinite(values), values, np.nan)


def as_fitted(model: FormulaEstimator, rows: NDArray[np.float64]) -> Any:
    """Rows under the names that the model was fitted with, which scikit-learn asks for."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        return rows
    import pandas as pd

    return pd.DataFrame(rows, columns=names)


def measured(y: ArrayLike, output: int, n_outputs: int, n_rows: int) -> NDArray[np.float64]:
    """One column of a target, checked.

    Raises
    ------
    DataError
        If the rows or columns are not as many as they must be.
    """
    values = np.asarray(y, dtype=float)
    values = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
    if values.shape != (n_rows, n_outputs):
        raise DataError(f"y must have {n_rows} rows and {n_outputs} columns, as X and the fit, got {values.shape}")
    return values[:, output]
