"""Whether residuals still know something of the columns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f as fisher

from kansym.structure.surrogate import polynomials

__all__ = ["have_structure"]

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
