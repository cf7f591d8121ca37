"""The picture of one edge: its curve over the data, the function that it may become, and what that leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from kansym.errors import DataError
from kansym.network import KAN
from kansym.network.checks import check_kind
from kansym.plots.drawing import VERMILION, axes_or_new, drawn_rows, ink, note, points, shade, with_residuals
from kansym.plots.lettering import r2_text, title
from kansym.plots.partial_residuals import partial_residuals
from kansym.symbolic.printing import to_text
from kansym.symbolic.snapping import snap_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike, NDArray

    from kansym.library import Library
    from kansym.network import EdgeIndex

__all__ = ["plot_edge"]

_FITTED_POINTS = 1000


def plot_edge(
    network: KAN,
    index: EdgeIndex,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    function: str | None = None,
    library: Library | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one edge on the rows of data, the function that fits its curve, and the residuals below.

    Both axes are in the network's internal standardised units. The function is fitted to the edge's curve, as in the
    search. With a target the dots are what the data ask of the edge: its curve plus, row by row, the correction that
    takes the output nearest to the target (partial residuals, to first order behind a hidden layer); the curve itself
    is a thin line.

    Parameters
    ----------
    network : KAN
        Such as ``model.pruned_network_``.
    index : tuple of int
        ``(layer, output, input)``; ``network.edges()`` lists them.
    X : array_like of shape (n_samples, n_features)
        Rows, which say where the edge is used.
    y : array_like of shape (n_samples,) or (n_samples, n_outputs), optional
        The network's target on these rows. Without it the dots are the curve on the rows.
    function : str, optional
        Name of the function to fit; by default the one that fits best for its number of constants.
    library : Library, optional
        Functions to choose from; by default all.
    ax : Axes, optional
        Where to draw, to be divided in two; by default a new figure.

    Returns
    -------
    Axes
        The upper ones.

    Raises
    ------
    DataError
        If X and y do not fit the network, or the edge has no finite value on the rows.
    ParameterError
        If there is no such edge or function, or the network is none, such as a fitted model.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from kansym.network import KAN, train
    >>> x = torch.linspace(0, 3, 80, dtype=torch.float64)[:, None]
    >>> network = train(KAN((1, 1), dtype=torch.float64), x, torch.exp(-x)).network
    >>> axes = plot_edge(network, (0, 0, 0), x, function="exp")
    >>> axes.get_legend_handles_labels()[1]
    ['exp']
    """
    import sympy

    check_kind("network", network, KAN)
    rows = torch.tensor(_table(X, network.widths[0], "X"), dtype=network.layer(0).coef.dtype)
    curve = network.edge_curve(index, rows)
    known = np.isfinite(curve.x) & np.isfinite(curve.y)
    t, values = curve.x[known], curve.y[known]
    if not len(t):
        raise DataError(f"X must hold rows on which edge {index} is defined, got none")
    used = drawn_rows(len(t), _FITTED_POINTS)
    snap = snap_curve(t[used], values[used], library=library, functions=None if function is None else [function])[0]
    data = t, values
    if y is not None:
        target = torch.tensor(_table(y, network.widths[-1], "y", len(rows)), dtype=rows.dtype)
        data = partial_residuals(network, index, rows, target)
    upper, lower = with_residuals(axes_or_new(ax, (4.8, 4.6)))
    shown = drawn_rows(len(data[0]))
    at, there = data[0][shown], data[1][shown]
    points(upper, at, there)
    grid = np.linspace(t.min(), t.max(), 301)
    upper.plot(grid, snap(grid), color=shade(upper, VERMILION), linewidth=1.8, zorder=3, label=snap.function.name)
    if y is not None:
        upper.plot(grid, _curve(network, index, grid), color=ink(upper), linewidth=1, zorder=4)
        if len(data[0]) < len(rows):
            note(upper, f"{len(rows) - len(data[0]):,} of {len(rows):,} rows hardly depend on it")
    points(lower, at, there - snap(at))
    layer, output, source = index
    lower.set_xlabel(f"t, input {source} of layer {layer}")
    upper.set_ylabel(f"edge to node {output}")
    title(upper, to_text(snap.sympy(sympy.Symbol("t", real=True)), 4), r2_text(snap.unexplained))
    return upper


def _curve(network: KAN, index: EdgeIndex, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    layer = network.layer(index[0])
    points = torch.from_numpy(grid).to(layer.coef.dtype).unsqueeze(1).expand(-1, layer.in_features)
    with torch.no_grad():
        return layer.edge_values(points)[:, index[1], index[2]].double().numpy()


def _table(values: ArrayLike, n_columns: int, name: str, n_rows: int | None = None) -> NDArray[np.float64]:
    try:
        table = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} must be a table of numbers: {error}") from error
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or table.shape[1] != n_columns or (n_rows is not None and len(table) != n_rows):
        rows = "" if n_rows is None else f"{n_rows} rows and "
        raise DataError(f"{name} must have {rows}{n_columns} columns, as the network asks, got shape {table.shape}")
    return table
