"""The picture of one edge: its curve over the data, the function that it may become, and what that leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from kansym.plots.drawing import (
    PLAIN,
    VERMILION,
    axes_or_new,
    drawn_rows,
    ink,
    points,
    r2_text,
    shade,
    with_residuals,
)
from kansym.symbolic.printing import to_text
from kansym.symbolic.snapping import snap_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

    from kansym.library import Library
    from kansym.network import KAN, EdgeIndex

__all__ = ["plot_edge"]

_FITTED_POINTS = 1000


def plot_edge(
    network: KAN,
    index: EdgeIndex,
    X: ArrayLike,
    *,
    function: str | None = None,
    library: Library | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw one edge on the rows of data, the function that fits its curve, and the residuals below.

    Both axes are in the network's internal standardised units.

    Parameters
    ----------
    network : KAN
        Such as ``model.pruned_network_``.
    index : tuple of int
        ``(layer, output, input)``; ``network.edges()`` lists them.
    X : array_like of shape (n_samples, n_features)
        Rows, which say where the edge is used.
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
    ParameterError
        If there is no such edge or function.

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

    rows = torch.tensor(np.asarray(X, dtype=float), dtype=network.layer(0).coef.dtype)
    curve = network.edge_curve(index, rows)
    known = np.isfinite(curve.x) & np.isfinite(curve.y)
    x, y = curve.x[known], curve.y[known]
    used = drawn_rows(len(x), _FITTED_POINTS)
    snap = snap_curve(x[used], y[used], library=library, functions=None if function is None else [function])[0]
    upper, lower = with_residuals(axes_or_new(ax, (4.8, 4.6)))
    shown = drawn_rows(len(x))
    points(upper, x[shown], y[shown])
    grid = np.linspace(x.min(), x.max(), 301)
    upper.plot(grid, snap(grid), color=shade(upper, VERMILION), linewidth=1.8, zorder=3, label=snap.function.name)
    points(lower, x[shown], y[shown] - snap(x[shown]))
    argument = sympy.Symbol("t", real=True)
    title = f"{to_text(snap.sympy(argument), 4)},  {r2_text(snap.unexplained)}"
    upper.set_title(title, loc="left", fontsize="medium", color=ink(upper), **PLAIN)
    layer, output, source = index
    lower.set_xlabel(f"t, input {source} of layer {layer}")
    upper.set_ylabel(f"edge to node {output}")
    return upper
