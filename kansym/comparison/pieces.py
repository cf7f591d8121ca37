"""Formulas without the cases that never happen: gplearn guards each division, also those that can do no harm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.comparison.evaluation import evaluate
from kansym.comparison.problems import Sample

__all__ = ["rows_of", "without_idle_pieces"]

Array = NDArray[np.float64]


def without_idle_pieces(expression: Any, variables: Sequence[sympy.Symbol], X: Array) -> Any:
    """Leave out the pieces of ``Piecewise`` that no row takes; the values on the rows stay as they are.

    Parameters
    ----------
    expression : sympy.Expr
    variables : sequence of sympy.Symbol
        Column ``i`` of ``X`` is variable ``i``.
    X : ndarray of shape (n_rows, n_variables)

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> guarded = 2 * sympy.Piecewise((1 / x, sympy.Abs(x) > 0.001), (1, True))
    >>> without_idle_pieces(guarded, [x], np.array([[1.0], [2.0]]))
    2/x
    >>> without_idle_pieces(guarded, [x], np.array([[1.0], [0.0]])) == guarded
    True
    """
    if not expression.has(sympy.Piecewise):
        return expression
    if not isinstance(expression, sympy.Piecewise):
        return expression.func(*[without_idle_pieces(argument, variables, X) for argument in expression.args])
    pieces: list[tuple[Any, Any]] = []
    left = np.full(len(X), True)
    cases: Any = expression.args
    for value, condition in cases:
        holds = evaluate(condition, variables, X) > 0
        if np.any(left & holds):
            last = not np.any(left & ~holds)
            pieces.append((without_idle_pieces(value, variables, X), sympy.true if last else condition))
        left &= ~holds
    if len(pieces) == 1 and not np.any(left):
        return pieces[0][0]
    return sympy.Piecewise(*pieces, evaluate=False) if pieces else expression


def rows_of(sample: Sample) -> Array:
    """All rows on which a formula is judged: those of training, of the test, and of the widened ranges."""
    parts = [sample.X, sample.X_test] if sample.X_wide is None else [sample.X, sample.X_test, sample.X_wide]
    return np.concatenate(parts)
