"""The picture of a Pareto front: what accuracy costs in complexity, and where the selected formula stands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sklearn.base import is_classifier

from kansym.plots.drawing import BLUE, VERMILION, axes_or_new, ink, output_position, shade, target_name, tidy
from kansym.plots.lettering import shortened, title
from kansym.symbolic.printing import to_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kansym.estimator import FormulaEstimator
    from kansym.symbolic.front import ParetoFront

__all__ = ["plot_front", "share_label", "share_ticks", "unexplained"]

PERFECT = 1e-16
"""The end of the axis: smaller shares are rounding."""


def plot_front(model: FormulaEstimator, *, output: int | str = 0, ax: Axes | None = None) -> Axes:
    """Draw complexity against the unexplained share of the variance, 1 − R² on the rows of the fit.

    The axis of shares is logarithmic and ends at 1e-16, where only rounding is left. The selected formula has a larger
    marker and is written above the axes, in up to five lines. For a classifier the share is that of the log-loss.

    Parameters
    ----------
    model : KANRegressor or KANClassifier
        Fitted.
    output : int or str
        Which output, by number or name.
    ax : Axes, optional
        Where to draw; by default on a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    ParameterError
        If there is no such output.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> from kansym import KANRegressor
    >>> model = KANRegressor(max_steps=3, random_state=0).fit([[1.0], [2.0], [3.0], [4.0]], [2.0, 4.0, 6.0, 8.0])
    >>> plot_front(model).get_title(loc="left")
    'y = 2·x0'
    """
    from matplotlib.ticker import MaxNLocator

    place = output_position(model, output)
    front, selected = model.fronts_[place], model.selected()[place]
    ax = axes_or_new(ax, (5.2, 3.6))
    tidy(ax)
    sizes = [formula.complexity for formula in front]
    shares = unexplained(front)
    ax.step(sizes, shares, where="post", color=ink(ax), linewidth=1, alpha=0.6, zorder=2)
    ax.plot(sizes, shares, "o", color=shade(ax, BLUE), markersize=6, zorder=3)
    ax.plot(
        [sizes[selected]],
        [shares[selected]],
        "D",
        color=shade(ax, VERMILION),
        markeredgecolor=ink(ax),
        markersize=10,
        zorder=4,
        label="selected",
    )
    ax.set_yscale("log")
    ax.set_yticks(share_ticks(shares))
    ax.set_yticks([], minor=True)
    ax.yaxis.set_major_formatter(lambda share, _: share_label(share))
    low, high = min(shares), max(*shares, *ax.get_yticks())
    ax.set_ylim(low / (high / low) ** 0.07 / 1.3, high * (high / low) ** 0.07 * 1.3)
    ax.set_xlim(0, max(sizes) * 1.08 + 1)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("complexity")
    ax.set_ylabel("unexplained share of the log-loss" if is_classifier(model) else "unexplained share, 1 − R²")
    formula = to_text(front[selected].expression, front[selected].digits)
    ax.legend(loc="best", frameon=False)
    title(ax, f"{shortened(target_name(model, place))} = {formula}")
    return ax


def unexplained(front: ParetoFront) -> list[float]:
    """Share of the variance that each formula leaves, not below what rounding leaves."""
    variance = front.variance
    return [max(formula.loss / variance, PERFECT) if variance > 0 else PERFECT for formula in front]


def share_ticks(shares: Sequence[float]) -> list[float]:
    """Powers of ten, or halves and fifths of them where the shares span less, around all shares.

    Examples
    --------
    >>> share_ticks([1.0, 2e-9])
    [1e-08, 1e-06, 0.0001, 0.01, 1.0]
    >>> share_ticks([1.0, 0.3])
    [0.5, 1.0]
    """
    decades = -math.log10(min(shares))
    step = next((step for step in (1, 2, 4) if decades <= 5 * step), 4)
    ticks = [10.0**exponent for exponent in range(-16, 1, step) if exponent % step == 0]
    if decades < 2:
        ticks = sorted(factor * tick for factor in (1, 2, 5) for tick in ticks)
    return [tick for tick in ticks if min(shares) * 0.8 <= tick <= 1]


def share_label(share: float) -> str:
    """Write a share on the axis.

    Examples
    --------
    >>> share_label(0.05), share_label(1e-8), share_label(1e-16)
    ('0.05', '10⁻⁸', '≤ 10⁻¹⁶')
    """
    exponent = round(math.log10(share))
    if exponent >= -2:
        return f"{share:g}"
    power = str(exponent).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    head = f"{share / 10**exponent:.0f}·" if abs(share / 10**exponent - 1) > 0.01 else ""
    return f"{'≤ ' if share <= PERFECT * 1.01 else ''}{head}10{power}"
