"""A formula as a callable on numpy's arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from kansym.errors import ParameterError
from kansym.library import Library
from kansym.symbolic.evaluation import Tape, compile_expression
from kansym.symbolic.printing import to_text

__all__ = ["NumpyFunction", "numpy_function"]


@dataclass(frozen=True)
class NumpyFunction:
    """What ``predict`` computes, without the estimator around it; small, and can be pickled.

    Attributes
    ----------
    names : tuple of str
        What the columns are called, in their order.
    formulas : tuple of str
        As text, one for each output.
    """

    names: tuple[str, ...]
    formulas: tuple[str, ...]
    tapes: tuple[Tape, ...]
    flat: bool

    def __call__(self, X: ArrayLike) -> NDArray[np.float64]:
        """Evaluate.

        Parameters
        ----------
        X : array_like of shape (..., n_columns)

        Returns
        -------
        ndarray of shape (...) or (..., n_outputs)
            NaN where a formula is not defined, without a warning.

        Raises
        ------
        ParameterError
            If the last axis of X has another length.
        """
        rows = np.asarray(X, dtype=float)
        if rows.ndim == 0 or rows.shape[-1] != len(self.names):
            raise ParameterError(f"X must have {len(self.names)} columns, {', '.join(self.names)}, got {rows.shape}")
        table = rows.reshape(-1, len(self.names)) if len(self.names) else np.empty((int(np.prod(rows.shape[:-1])), 0))
        values = np.stack([tape(table) for tape in self.tapes], axis=-1).reshape(*rows.shape[:-1], -1)
        return values[..., 0] if self.flat else values

    def __repr__(self) -> str:
        """The formulas and the names of the columns."""
        formulas = " | ".join(self.formulas)
        return f"<NumpyFunction {formulas} of ({', '.join(self.names)})>"


def numpy_function(
    expressions: Sequence[sympy.Expr],
    variables: Sequence[sympy.Symbol],
    library: Library | None = None,
    *,
    flat: bool | None = None,
) -> NumpyFunction:
    """Make a callable of formulas.

    Parameters
    ----------
    expressions : sequence of sympy.Expr
        One for each output.
    variables : sequence of sympy.Symbol
        Column ``i`` is variable ``i``.
    library : Library, optional
        Where functions beyond the default ones are looked up.
    flat : bool, optional
        Whether a single output has no axis of its own; by default it has none.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> double = numpy_function([2.0 * x], [x])
    >>> double, double([[1.0], [3.0]])
    (<NumpyFunction 2.0·x of (x)>, array([2., 6.]))
    """
    tapes = tuple(compile_expression(expression, variables, library) for expression in expressions)
    texts = tuple(to_text(expression) for expression in expressions)
    names = tuple(variable.name for variable in variables)
    return NumpyFunction(names, texts, tapes, len(tapes) == 1 if flat is None else flat)
