"""The rows of a workbench: tables of the user's, checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from kansym import validation
from kansym.errors import DataError
from kansym.symbolic.rows import Rows

__all__ = ["checked_rows"]


def checked_rows(
    X: Any, y: Any, sample_weight: Any = None, variables: tuple[sympy.Symbol, ...] | None = None
) -> Rows:
    """Make rows of a table and one target; rows of weight zero are left out.

    Parameters
    ----------
    X : array_like of shape (n_rows, n_variables)
        Variables are named as the columns of a data frame, else ``x0, x1, …``, unless ``variables`` are given.
    y : array_like of shape (n_rows,) or (n_rows, 1)
    sample_weight : array_like of shape (n_rows,), optional
    variables : tuple of sympy.Symbol, optional

    Raises
    ------
    DataError
        If a table holds NaN, infinity or text, the lengths differ, or y is constant.
    """
    validation.check_table(X, "X")
    validation.check_table(y, "y")
    columns, target = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    target = target[:, 0] if target.ndim == 2 and target.shape[1] == 1 else target
    if columns.ndim != 2 or target.ndim != 1:
        raise DataError(
            f"X and y must be a table and one column, got shapes {columns.shape} and {target.shape};"
            " a workbench has one target"
        )
    if len(columns) != len(target):
        raise DataError(f"X and y must have the same rows, got {len(columns)} and {len(target)}")
    weights = validation.checked_weights(sample_weight, len(target))
    if variables is None:
        names = [str(name) for name in getattr(X, "columns", [f"x{i}" for i in range(columns.shape[1])])]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"columns of X must have different names, got {twice!r} twice; rename one of them")
        variables = tuple(sympy.Symbol(name, real=True) for name in names)
    kept = weights > 0
    rows = Rows(columns[kept], target[kept], weights[kept] / weights[kept].mean(), variables)
    if rows.is_constant:
        raise DataError("y must vary for a workbench, got a constant: there is nothing to explain")
    return rows
