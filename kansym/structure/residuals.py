"""What is noise: residuals that know nothing of the columns, and what no curve through one column explains."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as fisher

from kansym.structure.surrogate import polynomials

__all__ = ["have_structure", "noise_by_differences"]

Array = NDArray[np.float64]

_LARGEST_DEGREE = 4
_ROWS_PER_TERM = 8
_CHANCE = 1e-3


def have_structure(columns: Array, residuals: Array, weights: Array | None = None) -> bool:
    """Whether polynomials of the columns explain more of the residuals than they would of noise (Fisher's F test).

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
    residuals : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,), optional
        Relative precision of each row.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> x = generator.uniform(0, 1, (500, 2))
    >>> noise = generator.normal(size=500)
    >>> have_structure(x, noise), have_structure(x, noise + np.sin(9 * x[:, 0]))
    (False, True)
    """
    n_rows, n_columns = columns.shape
    degrees = [k for k in range(1, _LARGEST_DEGREE + 1) if math.comb(n_columns + k, k) * _ROWS_PER_TERM <= n_rows]
    root = np.ones(n_rows) if weights is None else np.sqrt(weights)
    if not degrees or not np.all(np.isfinite(residuals)) or not np.any(residuals):
        return False
    basis, triangle = np.linalg.qr(polynomials(columns, degrees[-1]) * root[:, None])
    basis = basis[:, np.abs(np.diag(triangle)) > 1e-9 * np.abs(triangle).max()]
    right = residuals * root
    explained, freedom = float(np.sum((basis.T @ right) ** 2)), n_rows - basis.shape[1]
    rest = float(right @ right) - explained
    if freedom < 1:
        return False
    if rest <= 1e-12 * explained:
        return True
    return bool(fisher.sf((explained / basis.shape[1]) / (rest / freedom), basis.shape[1], freedom) < _CHANCE)


def noise_by_differences(x: Array, y: Array) -> float:
    """Estimate the variance of the noise from how far each row is from the line between its two neighbours.

    No curve is fitted, so it tells noise from a curve that smooth models of few parameters cannot follow, such as a sum
    of waves; a curve that turns between neighbours counts as noise.

    Parameters
    ----------
    x, y : ndarray of shape (n_rows,)
        At least three rows.

    References
    ----------
    T. Gasser, L. Sroka, C. Jennen-Steinmetz, *Residual variance and residual pattern in nonlinear regression*,
    Biometrika 73 (1986) 625, section 2.

    Examples
    --------
    >>> x = np.linspace(0, 20, 400)
    >>> noise = np.random.default_rng(0).normal(size=400)
    >>> round(noise_by_differences(x, np.sin(3 * x)), 4), round(noise_by_differences(x, np.sin(3 * x) + noise), 1)
    (0.0, 1.0)
    """
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    span = x[2:] - x[:-2]
    right = np.where(span > 0, (x[1:-1] - x[:-2]) / np.where(span > 0, span, 1.0), 0.5)
    distance = (1.0 - right) * y[:-2] + right * y[2:] - y[1:-1]
    return float(np.mean(distance**2 / ((1.0 - right) ** 2 + right**2 + 1.0)))
