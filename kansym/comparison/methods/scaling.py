"""Targets of a size that methods with single precision or absolute tolerances can work with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["power_of_ten"]

_SMALLEST, _LARGEST = 1e-2, 1e3


def power_of_ten(y: NDArray[np.float64]) -> float:
    """Return what y should be divided by: 1, or a power of ten if the size of y is far from 1.

    Laws of physics have targets from 1e-30 to 1e30, whose squares no single-precision number holds. A method gets such
    a target scaled, and its formulas are multiplied by the same number afterwards.

    Examples
    --------
    >>> power_of_ten(np.array([3.0, 5.0])), power_of_ten(np.array([0.0, 6.6e-34]))
    (1.0, 1e-34)
    """
    largest = float(np.max(np.abs(y), initial=0.0))
    if largest == 0.0 or not np.isfinite(largest) or _SMALLEST <= largest <= _LARGEST:
        return 1.0
    return float(f"1e{int(np.floor(np.log10(largest)))}")
