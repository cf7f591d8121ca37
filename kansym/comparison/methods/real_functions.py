"""Real formulas as sympy writes them best: absolute values and powers, of equal value everywhere."""

from __future__ import annotations

from typing import Any

import sympy

__all__ = ["absolute", "whole_exponents"]


def absolute(x: Any) -> sympy.Expr:
    """Return the absolute value, without the real and imaginary parts that sympy unfolds it to.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> sympy.Abs(sympy.exp(sympy.log(x) ** 2))
    exp(log(Abs(x))**2 - arg(x)**2)
    >>> absolute(sympy.exp(sympy.log(x) ** 2))
    Abs(exp(log(x)**2))
    """
    value = sympy.Abs(x)
    return sympy.Abs(x, evaluate=False) if value.has(sympy.re, sympy.im, sympy.arg) else value


def whole_exponents(formula: sympy.Expr) -> sympy.Expr:
    """Write exponents such as 2.0 as the integers that they are, so that a square is known to be one.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> whole_exponents(2.0 * x**2.0 + x**0.5)
    x**0.5 + 2.0*x**2
    """
    replaced: Any = formula.replace(
        lambda node: node.is_Pow and node.exp.is_Float and float(node.exp).is_integer(),
        lambda node: node.base ** int(node.exp),
    )
    return replaced
