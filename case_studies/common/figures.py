"""What the figures of several studies need beyond ``paper.mplstyle``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axis import Axis

STYLE = Path(__file__).parent.parent / "paper.mplstyle"


def plain_ticks(axis: Axis) -> None:
    """Label a logarithmic axis with numbers as one reads them, at powers of ten and, the less it spans, between."""
    from matplotlib.ticker import LogLocator

    decades = np.ptp(np.log10(axis.get_view_interval()))
    between = (1, 2, 3, 5, 7) if decades < 0.8 else (1, 2, 5) if decades < 1.8 else (1,)
    axis.set_major_locator(LogLocator(subs=between))
    axis.set_major_formatter("{x:,g}")
    axis.set_minor_formatter("")


def draw_rates(rates: pd.DataFrame, group: str, path: Path) -> None:
    """Share of the laws that each method recovers in each group, with 95 % intervals.

    ``rates`` has the columns ``group``, method, rate, rate_low and rate_high, shares of 1.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(rates[group]))[::-1]
    methods = sorted(set(rates["method"]), key=lambda method: (method != "kansym", method))
    with style.context(STYLE):
        figure = Figure(figsize=(5.6, 1.0 + 0.38 * len(names)))
        axes = figure.add_subplot()
        for place, (method, marker) in enumerate(zip(methods, "os^D", strict=False)):
            part = rates[rates["method"] == method]
            ends = [100 * (part["rate"] - part["rate_low"]), 100 * (part["rate_high"] - part["rate"])]
            where = [names.index(name) + 0.12 * (len(methods) - 1 - 2 * place) for name in part[group]]
            axes.errorbar(100 * part["rate"], where, xerr=ends, fmt=marker, elinewidth=0.8, markersize=4, label=method)
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel="% of the laws recovered, with 95 % intervals", xlim=(-2, 103), ylim=(-0.6, len(names) - 0.4))
        figure.legend(loc="outside upper center", ncols=4)
        figure.savefig(path, metadata={"Date": None, "Creator": None})
