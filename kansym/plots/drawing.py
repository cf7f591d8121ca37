"""What the pictures share: colours, axes made or divided, names as they stand, and what is drawn of many rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from kansym.errors import DataError, ParameterError
from kansym.symbolic.evaluation import compile_expression

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from kansym.regressor import KANRegressor

__all__: list[str] = []

# Okabe and Ito's colours, apart for every kind of colour vision: two for light paper, two for dark.
BLUE, VERMILION = "#0072B2", "#D55E00"
_ON_DARK = {BLUE: "#56B4E9", VERMILION: "#E69F00"}
PLAIN: dict[str, Any] = {"parse_math": False, "usetex": False}
"""For texts of the user, in which a dollar is a dollar."""

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


def with_residuals(ax: Axes) -> tuple[Axes, Axes]:
    """Divide axes into a large upper part and a lower one for residuals, which share the x axis."""
    upper, lower = divided(ax, 2, height_ratios=(3, 1), hspace=0.08)[:, 0]
    lower.sharex(upper)
    upper.tick_params(labelbottom=False)
    lower.axhline(0, color=ink(ax), linewidth=0.8, zorder=1)
    lower.set_ylabel("residual")
    for part in (upper, lower):
        tidy(part)
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


def r2_text(share: float) -> str:
    """R² from the unexplained share; one that is nearly 1 is told by its distance from 1.

    Examples
    --------
    >>> r2_text(0.25), r2_text(2e-9), r2_text(0.0)
    ('R² = 0.7500', 'R² = 1 − 2.0e−9', 'R² = 1')
    """
    if share <= 0:
        return "R² = 1"
    if share >= 1e-3:
        return f"R² = {1 - share:.4f}".replace("-", "−")
    mantissa, exponent = f"{share:.1e}".split("e-")
    return f"R² = 1 − {mantissa}e−{int(exponent)}"


def with_unit(name: str, units: Mapping[str, str] | None) -> str:
    r"""A name with its unit in brackets, if one is given; letters that no font has become a replacement mark.

    Examples
    --------
    >>> with_unit("a", {"a": "AU"}), with_unit("b\n", {"a": "AU"})
    ('a [AU]', 'b�')
    """
    unit = (units or {}).get(name)
    text = f"{name} [{unit}]" if unit else name
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def checked_units(model: KANRegressor, units: Any) -> dict[str, str]:
    """Units by name; those of other columns of the user's table do no harm.

    Raises
    ------
    ParameterError
        If they are no mapping of texts.
    """
    check_is_fitted(model, "fronts_")
    if units is None:
        return {}
    if not isinstance(units, Mapping) or not all(isinstance(unit, str) for unit in units.values()):
        raise ParameterError(f"units must be a mapping of names to texts, such as {{'a': 'AU'}}, got {units!r:.80}")
    return dict(units)


def shortened(text: str, most: int = 24) -> str:
    """A text of at most so many letters.

    Examples
    --------
    >>> shortened("a rather long name", 9)
    'a rather…'
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def output_position(model: KANRegressor, output: int | str) -> int:
    """Position of an output that is given by name or number.

    Raises
    ------
    ParameterError
        If there is no such output.
    """
    check_is_fitted(model, "fronts_")
    names = model.output_names_
    if isinstance(output, str) and output in names:
        return names.index(output)
    if isinstance(output, int) and not isinstance(output, bool) and 0 <= output < len(names):
        return output
    known = ", ".join(map(repr, names[:8])) + (", …" if len(names) > 8 else "")
    raise ParameterError(f"output must be 0 to {len(names) - 1} or a name of {known}, got {output!r}")


def formula_position(model: KANRegressor, output: int, index: int | None) -> int:
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


def predicted(model: KANRegressor, rows: NDArray[np.float64], output: int, index: int) -> NDArray[np.float64]:
    """Values of one formula on checked rows; NaN where it is not defined, which a picture says in its own way."""
    formula = model.fronts_[output][index]
    values = compile_expression(formula.expression, model.variables_, model._library())(rows)
    return np.where(np.isfinite(values), values, np.nan)


def as_fitted(model: KANRegressor, rows: NDArray[np.float64]) -> Any:
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
