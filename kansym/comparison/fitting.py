"""Least squares for the constants of any formula that can be evaluated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

__all__ = ["fit_constants"]

Array = NDArray[np.float64]
_least_squares: Callable[..., Any] = least_squares  # its stubs do not know the tolerances of "trf"
_TIGHT = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}
_PENALTY = 1e6


def fit_constants(
    values: Callable[[Array], Array], target: Array, scale: Array | float, start: Array, max_evaluations: int
) -> Array:
    """Constants near ``start`` for which the values are closest to the target.

    Parameters
    ----------
    values : callable
        From constants to values (n_rows,), which need not be finite.
    target : ndarray of shape (n_rows,)
    scale : ndarray of shape (n_rows,), or float
        What the residuals are divided by.
    start : ndarray of shape (n_constants,)
    max_evaluations : int
        Evaluations, those for derivatives not counted.

    Returns
    -------
    ndarray of shape (n_constants,)
        The start itself if the search ran out of numbers.

    Examples
    --------
    >>> x = np.linspace(1.0, 2.0, 9)
    >>> fit_constants(lambda c: c[0] * x ** c[1], 3 * x**2, 1.0, np.ones(2), 50).round(9).tolist()
    [3.0, 2.0]
    """
    unit = np.where(start == 0, 1.0, np.abs(start))

    def residuals(ratios: Array) -> Array:
        errors = (values(ratios * unit) - target) / scale
        # A huge residual turns the search back from where the formula is undefined.
        return np.where(np.isfinite(errors), np.clip(errors, -_PENALTY, _PENALTY), _PENALTY)

    try:
        with np.errstate(all="ignore"):
            found = _least_squares(
                residuals, start / unit, jac="3-point", x_scale="jac", max_nfev=max_evaluations, **_TIGHT
            )
    except ValueError:  # constants, or their derivatives, beyond the largest double
        return start
    return found.x * unit
