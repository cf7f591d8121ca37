"""Functions of real arguments where sympy would rather be sure that they are real."""

from __future__ import annotations

from typing import Any

import sympy

__all__ = ["absolute"]


def absolute(x: Any) -> sympy.Expr:
    """Return the absolute value, without the real and imaginary parts that sympy unfolds it to.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> sympy.Abs(sympy.exp(sympy.log(x) ** 2))
    exp(re(log(x)**2))
    >>> absolute(sympy.exp(sympy.log(x) ** 2))
    Abs(exp(log(x)**2))
    """
    value = sympy.Abs(x)
    return sympy.Abs(x, evaluate=False) if value.has(sympy.re, sympy.im, sympy.arg) else value
