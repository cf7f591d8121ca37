"""Values of any real formula, ours or a rival's, by one walk over its tree.

:mod:`kansym.symbolic.evaluation` knows the functions of a library and their derivatives, which the search needs; the
judge needs every function that a rival may use, conditions among them, and no derivative.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.errors import ParameterError

__all__ = ["constants_of", "evaluate", "evaluate_symbols"]

Array = NDArray[np.float64]


def evaluate(
    expression: sympy.Expr,
    variables: Sequence[sympy.Symbol],
    X: Array,
    constants: Sequence[float] | Array | None = None,
) -> Array:
    """Values of a formula on rows.

    Parameters
    ----------
    expression : sympy.Expr
        Of the variables, numbers, arithmetic, elementary functions, ``Abs``, ``sign``, ``Min``, ``Max``, ``floor``,
        ``ceiling``, ``Mod`` and ``Piecewise``.
    variables : sequence of sympy.Symbol
        Column ``i`` of ``X`` is variable ``i``.
    X : ndarray of shape (n_rows, n_variables)
    constants : sequence of float, optional
        Values to use in place of the formula's ``Float``, in the order of :func:`constants_of`.

    Returns
    -------
    ndarray of shape (n_rows,)
        NaN where the formula is complex, infinite or undefined, or a step on the way to it is complex.

    Raises
    ------
    ParameterError
        If the formula holds another variable or function.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> evaluate(sympy.Piecewise((1 / x, sympy.Abs(x) > 0.5), (1, True)), [x], np.array([[2.0], [0.1]]))
    array([0.5, 1. ])
    >>> evaluate(2.0 * x, [x], np.array([[1.0]]), constants=[3.0])
    array([3.])
    """
    columns = {variable: X[:, position] for position, variable in enumerate(variables)}
    return evaluate_symbols(expression, columns, len(X), constants)


def evaluate_symbols(
    expression: sympy.Expr,
    values: Mapping[sympy.Symbol, Array | float],
    rows: int,
    constants: Sequence[float] | Array | None = None,
) -> Array:
    """Values of a formula whose symbols have the given ones, each a column or a single number; see :func:`evaluate`."""
    walk = _Walk(values, None if constants is None else iter(constants))
    with np.errstate(all="ignore"):
        result = np.broadcast_to(np.asarray(walk.value(expression), dtype=float), (rows,)).copy()
    result[~np.isfinite(result)] = np.nan
    return result


def constants_of(expression: sympy.Expr) -> Array:
    """The values of all ``Float`` of a formula, every occurrence, in the order of evaluation.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> constants_of(2.5 * sympy.sin(0.5 * x)).tolist()
    [2.5, 0.5]
    """
    return np.array([float(node) for node in sympy.preorder_traversal(expression) if isinstance(node, sympy.Float)])


class _Walk:
    """One evaluation; without replaced constants, equal subtrees are computed once."""

    def __init__(self, values: Mapping[sympy.Symbol, Any], constants: Iterator[float] | None) -> None:
        self.values = values
        self.constants = constants
        self.known: dict[sympy.Basic, Any] = {}

    def value(self, node: Any) -> Any:
        if self.constants is not None:
            return self._compute(node)
        if node not in self.known:
            self.known[node] = self._compute(node)
        return self.known[node]

    def _compute(self, node: Any) -> Any:
        if isinstance(node, sympy.Float):
            return float(node) if self.constants is None else next(self.constants)
        if node.is_Symbol and node in self.values:
            return self.values[node]
        if node.is_Number or isinstance(node, sympy.NumberSymbol):
            return _number(node)
        if node in (sympy.true, sympy.false):
            return bool(node)
        if node in (sympy.I, sympy.zoo):
            return np.nan
        if isinstance(node, sympy.Piecewise):
            return self._piecewise(node)
        if node.func in _FUNCTIONS:
            return _FUNCTIONS[node.func](*[self.value(argument) for argument in node.args])
        raise ParameterError(f"formula must be made of its variables and elementary functions, got {node!s:.80}")

    def _piecewise(self, node: Any) -> Any:
        values, conditions = [], []
        for value, condition in node.args:
            values.append(np.asarray(self.value(value), dtype=float))
            conditions.append(np.asarray(self.value(condition)))
        shape = np.broadcast_shapes(*[array.shape for array in (*values, *conditions)])
        result = np.full(shape, np.nan)
        for value, condition in zip(reversed(values), reversed(conditions), strict=True):
            result = np.where(condition, value, result)
        return result


def _number(node: Any) -> float:
    try:
        return float(node)
    except OverflowError:
        return np.inf if node > 0 else -np.inf


def _power(base: Any, exponent: Any) -> Any:
    # Multiplication and square roots are more accurate than the general power.
    if np.ndim(exponent) == 0:
        if exponent == 2:
            return base * base
        if exponent == -1:
            return np.divide(1.0, base)
        if exponent == 0.5:
            return np.sqrt(base)
    return np.power(np.asarray(base, dtype=float), exponent)


def _all(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    return lambda *arguments: functools.reduce(function, arguments)


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    sympy.Add: _all(np.add),
    sympy.Mul: _all(np.multiply),
    sympy.Pow: _power,
    sympy.Min: _all(np.minimum),
    sympy.Max: _all(np.maximum),
    sympy.And: _all(np.logical_and),
    sympy.Or: _all(np.logical_or),
    sympy.Not: np.logical_not,
    sympy.ITE: np.where,
    sympy.Lt: np.less,
    sympy.Le: np.less_equal,
    sympy.Gt: np.greater,
    sympy.Ge: np.greater_equal,
    sympy.Eq: np.equal,
    sympy.Ne: np.not_equal,
    sympy.Abs: np.abs,
    # All is real here, but sympy does not see it of every piecewise formula and writes re and im of it.
    sympy.re: lambda x: x,
    sympy.im: lambda x: 0.0 * x,
    sympy.sign: np.sign,
    sympy.floor: np.floor,
    sympy.ceiling: np.ceil,
    sympy.Mod: np.mod,
    sympy.exp: np.exp,
    sympy.log: np.log,
    sympy.sin: np.sin,
    sympy.cos: np.cos,
    sympy.tan: np.tan,
    sympy.cot: lambda x: 1 / np.tan(x),
    sympy.sec: lambda x: 1 / np.cos(x),
    sympy.csc: lambda x: 1 / np.sin(x),
    sympy.asin: np.arcsin,
    sympy.acos: np.arccos,
    sympy.atan: np.arctan,
    sympy.acot: lambda x: np.arctan(1 / x),
    sympy.asec: lambda x: np.arccos(1 / x),
    sympy.acsc: lambda x: np.arcsin(1 / x),
    sympy.atan2: np.arctan2,
    sympy.sinh: np.sinh,
    sympy.cosh: np.cosh,
    sympy.tanh: np.tanh,
    sympy.coth: lambda x: 1 / np.tanh(x),
    sympy.sech: lambda x: 1 / np.cosh(x),
    sympy.csch: lambda x: 1 / np.sinh(x),
    sympy.asinh: np.arcsinh,
    sympy.acosh: np.arccosh,
    sympy.atanh: np.arctanh,
}
