"""What the figures of several studies need beyond ``paper.mplstyle``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axis import Axis


def plain_ticks(axis: Axis) -> None:
    """Label a logarithmic axis with numbers as one reads them, at powers of ten and, the less it spans, between."""
    from matplotlib.ticker import LogLocator

    decades = np.ptp(np.log10(axis.get_view_interval()))
    between = (1, 2, 3, 5, 7) if decades < 0.8 else (1, 2, 5) if decades < 1.8 else (1,)
    axis.set_major_locator(LogLocator(subs=between))
    axis.set_major_formatter("{x:,g}")
    axis.set_minor_formatter("")
