"""Roots in products: one root of one exponent, and no even power under it whose sign the data know."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from kansym.library import Library
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.normal_form import product_of, rebuild
from kansym.symbolic.rows import Rows

__all__ = ["gathered_roots", "is_root"]


def gathered_roots(expression: Any, rows: Rows, library: Library | None = None) -> Any:
    """Bring factors that the rows show to be positive out of roots, and those of equal exponents under one.

    The value is the same on the rows; one root is defined in more places than a product of several.

    Examples
    --------
    >>> rows = Rows.from_arrays(np.array([[2.0, 1.0], [3.0, 5.0]]), np.zeros(2))
    >>> x, y = rows.variables
    >>> gathered_roots(sympy.sqrt(x) * sympy.sqrt(y) / (x + 1), rows)
    sqrt(x0*x1)/(x0 + 1)
    >>> gathered_roots(sympy.exp(-1 / sympy.sqrt(y / x**2)), rows)
    exp(-x0/sqrt(x1))
    """
    if not expression.args or not any(is_root(node) for node in expression.atoms(sympy.Pow)):
        return expression
    node = rebuild(expression, [gathered_roots(argument, rows, library) for argument in expression.args])
    if not isinstance(node, sympy.Mul) and not is_root(node):
        return node
    exponents: dict[Any, Any] = {}
    for factor in sympy.Mul.make_args(node):
        for base, exponent in _powers(factor, rows, library):
            exponents[base] = exponents.get(base, 0) + exponent
    plain, roots = [], {}
    for base, exponent in exponents.items():
        if exponent.is_Rational and not exponent.is_Integer:
            roots.setdefault(abs(exponent), []).append(base if exponent > 0 else 1 / base)
        else:
            plain.append(base**exponent)
    return product_of([*plain, *(_root(bases, exponent) for exponent, bases in roots.items())])


def is_root(node: Any) -> bool:
    """Whether it is a power with an exact exponent that is no integer.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> is_root(sympy.sqrt(x)), is_root(x**-2)
    (True, False)
    """
    return node.is_Pow and node.exp.is_Rational and not node.exp.is_Integer


def _powers(factor: Any, rows: Rows, library: Library | None) -> list[tuple[Any, Any]]:
    """Split a factor in bases and exponents: positive ones under a root have their own exponents."""
    base, exponent = factor.as_base_exp()
    if not is_root(factor):
        return [(base, exponent)]
    parts = sympy.Mul.make_args(base)
    inside = [part.as_base_exp() for part in parts]
    positive = [pair for pair in inside if pair[1].is_Rational and _is_positive(pair[0], rows, library)]
    others = [part for pair, part in zip(inside, parts, strict=True) if pair not in positive]
    rest = [(sympy.Mul(*others), exponent)] if others else []
    return [*rest, *((part, power * exponent) for part, power in positive)]


def _is_positive(part: Any, rows: Rows, library: Library | None) -> bool:
    with np.errstate(all="ignore"):
        values = compile_expression(part, rows.variables, library)(rows.columns)
    return bool(np.all(values > 0))


def _root(bases: list[Any], exponent: Any) -> Any:
    product = sympy.Mul(*bases)
    above, _ = product.as_numer_denom()
    return product**exponent if above.free_symbols else (1 / product) ** -exponent
