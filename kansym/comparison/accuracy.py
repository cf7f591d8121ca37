"""How far predictions are from the truth, in ways that neither scale nor a few extreme rows can distort."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["absolute_error", "error_in_noise", "r2_score", "relative_error", "root_mean_square", "typical_size"]

Array = NDArray[np.float64]


def root_mean_square(values: Array) -> float:
    """Root mean square, also of values whose squares no double holds; infinite if one is not finite.

    Examples
    --------
    >>> root_mean_square(np.array([3e-200, 4e-200]))
    3.5355339059327375e-200
    """
    largest = float(np.max(np.abs(values), initial=0.0))
    if not np.isfinite(largest):
        return float("inf")
    return largest * float(np.sqrt(np.mean((values / largest) ** 2))) if largest > 0 else 0.0


def typical_size(truth: Array) -> float:
    """Median of |truth|, or the root mean square where that is zero."""
    size = float(np.median(np.abs(truth))) if len(truth) else 0.0
    return size if size > 0 else root_mean_square(truth)


def absolute_error(predicted: Array, truth: Array) -> float:
    """Root mean square of ``f − t`` over the rows where the truth is finite; infinite where only the truth is.

    Examples
    --------
    >>> absolute_error(np.array([1.0, 2.0]), np.array([1.0, float("nan")]))
    0.0
    """
    finite = np.isfinite(truth)
    with np.errstate(all="ignore"):
        errors = np.where(predicted[finite] == truth[finite], 0.0, predicted[finite] - truth[finite])
    return root_mean_square(errors) if np.all(np.isfinite(errors)) else float("inf")


def relative_error(predicted: Array, truth: Array, size: float) -> float:
    """Root mean square of the rows' relative errors, ``|f − t| / max(|t|, size)``.

    A row near a pole counts relative to its own large value, so it can neither dominate the error nor, by enlarging a
    common scale, hide the errors of the other rows; a row near a zero counts relative to the typical size.

    Parameters
    ----------
    predicted, truth : ndarray of shape (n_rows,)
    size : float
        Of :func:`typical_size`, at least 0.

    Returns
    -------
    float
        Infinite where a prediction is not finite and the truth is.

    Examples
    --------
    >>> round(relative_error(np.array([1.0, 1.1e9]), np.array([1.0, 1e9]), 1.0), 6)
    0.070711
    """
    finite = np.isfinite(truth)
    predicted, truth = predicted[finite], truth[finite]
    if not np.all(np.isfinite(predicted)):
        return float("inf")
    with np.errstate(all="ignore"):
        scale = np.maximum(np.abs(truth), size)
        errors = np.where(predicted == truth, 0.0, np.abs(predicted - truth) / scale)
    return root_mean_square(errors)


def error_in_noise(predicted: Array, truth: Array, sigma: float, size: float) -> float:
    """Root mean square error in units of the noise; a row larger than ``size`` counts relative to its own value.

    For asking whether two sets of constants of one formula say the same: where the truth is many times larger than the
    y of the training rows, constants that are as good as the noise allows err by as many times more.
    """
    return relative_error(predicted, truth, size) * size / sigma


def r2_score(predicted: Array, truth: Array) -> float | None:
    """Share of the variance that is explained; None where a prediction is not finite, or the truth is constant."""
    spread = root_mean_square(truth - np.mean(truth)) if len(truth) else 0.0
    residual = root_mean_square(predicted - truth)
    if spread == 0 or not np.isfinite(residual):
        return None
    ratio = residual / spread
    return 1.0 - ratio * ratio if ratio < 1e150 else None
