"""Laws with free constants, and their fit to measured rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.comparison.accuracy import root_mean_square
from kansym.comparison.evaluation import evaluate_symbols
from kansym.comparison.fitting import fit_constants
from kansym.errors import DataError, ParameterError
from kansym.hints import quote
from kansym.symbolic.normal_form import rebuild
from kansym.symbolic.parsing import names_in, parse_expression

__all__ = ["Law", "fit_law", "read_law"]

Array = NDArray[np.float64]

_NEAR_STARTS = 5
_FAR_STARTS = 40
_MAX_EVALUATIONS = 400


@dataclass(frozen=True)
class Law:
    """A formula of the columns with free constants.

    Attributes
    ----------
    expression : sympy.Expr
    variables : tuple of sympy.Symbol
        All columns, in their order.
    constants : tuple of sympy.Symbol
    starts : tuple of float or None
        Where the fit of each constant starts; None if nothing is known about it.
    """

    expression: sympy.Expr
    variables: tuple[sympy.Symbol, ...]
    constants: tuple[sympy.Symbol, ...]
    starts: tuple[float | None, ...]


def read_law(text: str, columns: Sequence[str], starts: Mapping[str, float] | None = None) -> Law:
    """Read a law; names in it that are not columns are its free constants.

    Parameters
    ----------
    text : str
        As :func:`kansym.symbolic.parsing.parse_expression` reads it.
    columns : sequence of str
    starts : mapping from str to float, optional
        Where the fit of the constants starts.

    Raises
    ------
    ParameterError
        If the text is no formula or uses no column.

    Examples
    --------
    >>> law = read_law("k*a**(3/2)", ["a", "body"])
    >>> law.expression, law.constants
    (a**(3/2)*k, (k,))
    """
    variables = tuple(sympy.Symbol(name, real=True) for name in columns)
    constants = tuple(sympy.Symbol(name, real=True) for name in names_in(text) if name not in columns)
    expression = parse_expression(text, [*variables, *constants])
    if not expression.free_symbols & set(variables):
        raise ParameterError(
            f"law must be a formula of the columns {', '.join(map(quote, columns))}, got {quote(text)}"
        )
    known = starts or {}
    return Law(expression, variables, constants, tuple(known.get(symbol.name) for symbol in constants))


def fit_law(law: Law, X: Array, y: Array, generator: np.random.Generator) -> tuple[sympy.Expr, float]:
    """Fit the free constants by least squares, from several starts.

    Parameters
    ----------
    law : Law
    X, y : ndarray of shape (n_rows, n_variables) and (n_rows,)
    generator : numpy.random.Generator
        Of the starts, over four decades of either sign where nothing is known. Known starts are tried first, and
        others near them only if the law is not finite there: a few rows may have a deeper minimum far away.

    Returns
    -------
    truth : sympy.Expr
        The law with its constants as ``Float``.
    residual : float
        Root mean square of the residuals.

    Raises
    ------
    DataError
        If no start gives finite values on every row.

    Examples
    --------
    >>> x = np.linspace(1.0, 2.0, 9)
    >>> truth, residual = fit_law(read_law("b1*x**b2", ["x"]), x[:, None], 3 * x**2, np.random.default_rng(0))
    >>> truth.atoms(sympy.Float) == {sympy.Float(3.0), sympy.Float(2.0)}, residual < 1e-9
    (True, True)
    """
    best: Array | None = None
    smallest = float("inf")
    size = root_mean_square(y - np.mean(y)) or root_mean_square(y) or 1.0
    for start in _starts(law, generator):
        fitted = start
        if len(start):
            fitted = fit_constants(lambda constants: _values(law, X, constants), y, size, start, _MAX_EVALUATIONS)
        residual = root_mean_square(_values(law, X, fitted) - y)
        if residual < smallest:
            best, smallest = fitted, residual
        if best is not None and None not in law.starts:
            break
    if best is None:
        raise DataError(f"law must be finite on every row for some constants, got none for {law.expression!s:.80}")
    constants = {symbol: sympy.Float(float(value)) for symbol, value in zip(law.constants, best, strict=True)}
    return _replace(law.expression, constants), smallest


def _values(law: Law, X: Array, constants: Array) -> Array:
    columns = {variable: X[:, position] for position, variable in enumerate(law.variables)}
    symbols = {symbol: float(value) for symbol, value in zip(law.constants, constants, strict=True)}
    values = evaluate_symbols(law.expression, {**columns, **symbols}, len(X))
    return np.where(np.isfinite(values), values, np.inf)


def _starts(law: Law, generator: np.random.Generator) -> list[Array]:
    known = np.array([np.nan if start is None else start for start in law.starts])
    unknown = np.isnan(known)
    starts = [np.where(unknown, 1.0, known)]
    for _ in range(_FAR_STARTS if unknown.any() else _NEAR_STARTS):
        near = known * generator.uniform(0.8, 1.25, len(known))
        far = 10.0 ** generator.uniform(-2, 2, len(known)) * generator.choice([-1.0, 1.0], len(known))
        starts.append(np.where(unknown, far, near))
    return starts if len(known) else starts[:1]


def _replace(node: Any, values: Mapping[Any, Any]) -> Any:
    """Put in the constants without multiplying out what they stand before: the law keeps its form."""
    if node in values:
        return values[node]
    return rebuild(node, [_replace(argument, values) for argument in node.args]) if node.args else node
