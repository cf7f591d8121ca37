"""Which formulas a library allows."""

from __future__ import annotations

import functools
from typing import Any

import sympy

from kansym.library import Library
from kansym.symbolic.evaluation import function_table

__all__ = ["is_allowed"]

_LARGE_EXPONENT = 12  # that of Lennard-Jones's repulsion


def is_allowed(expression: sympy.Expr, library: Library) -> bool:
    """Whether a formula uses functions and powers of the library only; sums, products and numbers are always allowed.

    Powers that combine others are allowed where all parts are: ``1/x³`` with ``1/x`` and ``x^3``. A product of several
    powers with large fitted exponents is not: ``u³⁷·v⁻⁵⁷·w⁴⁵`` is the difference of nearly parallel logarithms.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> few = Library(["x", "x^2", "exp"])
    >>> is_allowed(2.0 * x * sympy.exp(y**2) + 1, few), is_allowed(x / y, few), is_allowed(sympy.sin(x), few)
    (True, False, False)
    >>> is_allowed(x**37.5 * y**-57.0, Library(["x", "x^n"])), is_allowed(x**37.5 * y, Library(["x", "x^n"]))
    (False, True)
    """
    return all(_node_is_allowed(node, library) for node in sympy.preorder_traversal(expression))


def _node_is_allowed(node: Any, library: Library) -> bool:
    if isinstance(node, sympy.Pow):
        return bool(not node.free_symbols) or _power_is_allowed(node.exp, library)
    if isinstance(node, sympy.Mul):
        return sum(_is_large_power(factor) for factor in node.args) < 2
    if isinstance(node, sympy.exp):
        gaussian = isinstance(node.args[0], sympy.Mul) and node.args[0].could_extract_minus_sign()
        return "exp" in library or ("gaussian" in library and bool(gaussian))
    if isinstance(node, sympy.Function):
        return node.func in _functions(library)
    return True


def _is_large_power(factor: Any) -> bool:
    exponent = factor.exp if isinstance(factor, sympy.Pow) else None
    return isinstance(exponent, sympy.Float) and abs(float(exponent)) > _LARGE_EXPONENT


@functools.lru_cache(maxsize=8)
def _functions(library: Library) -> frozenset[Any]:
    names = set(library.names)
    return frozenset(kind for kind, function in function_table(library).items() if function.name in names)


def _power_is_allowed(exponent: Any, library: Library) -> bool:
    if "x^n" in library:
        return True
    if not isinstance(exponent, sympy.Rational) or exponent.q > 2:
        return False
    if exponent < 0:
        name = "1/sqrt" if exponent == -sympy.S.Half else f"1/x^{-exponent}"
        return name in library or ("1/x" in library and _power_is_allowed(-exponent, library))
    if exponent.q == 2:
        return "sqrt" in library and _power_is_allowed(sympy.Integer(exponent.p), library)
    return bool(exponent == 1) or f"x^{exponent}" in library
