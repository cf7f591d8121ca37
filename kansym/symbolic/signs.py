"""Absolute values and negated brackets that the data make needless: ``|γ − 1|`` where γ is always above one."""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy

from kansym.library import Library
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.normal_form import rebuild
from kansym.symbolic.rows import Rows

__all__ = ["resolve_signs"]

_ROUNDS = 8


def resolve_signs(expression: Any, rows: Rows, library: Library | None = None) -> Any:
    """Replace ``|u|`` by ``u`` or ``−u`` where u has one sign on all rows, and ``−1/(a − b)`` by ``1/(b − a)``.

    Examples
    --------
    >>> rows = Rows.from_arrays(np.array([[2.0], [3.0]]), np.zeros(2))
    >>> x = rows.variables[0]
    >>> resolve_signs(3 / sympy.Abs(x - 1), rows)
    3/(x0 - 1)
    >>> resolve_signs(-3 / (1 - x), rows)
    3/(x0 - 1)
    """
    # What is rebuilt may be sorted anew and show another sign to resolve.
    for _ in range(_ROUNDS):
        before, expression = expression, _resolved_once(expression, rows, library)
        if expression == before:
            break
    return expression


def _resolved_once(expression: Any, rows: Rows, library: Library | None) -> Any:
    if not expression.args:
        return expression
    node: Any = rebuild(expression, [_resolved_once(argument, rows, library) for argument in expression.args])
    if isinstance(node, sympy.Abs):
        values = compile_expression(node.args[0], rows.variables, library)(rows.columns)
        if np.all(values >= 0):
            return node.args[0]
        if np.all(values <= 0):
            return sympy.expand_mul(-node.args[0])
    if isinstance(node, sympy.Mul) and node.could_extract_minus_sign():
        return _without_minus(node)
    return node


def _without_minus(product: Any) -> Any:
    """Take the minus of a product into a bracket of odd power that reads better negated."""
    factors = list(product.args)
    for position, factor in enumerate(factors):
        base, exponent = factor.as_base_exp()
        odd = exponent.is_Integer and exponent % 2 == 1
        if isinstance(base, sympy.Add) and odd and _starts_negative(base):
            factors[position] = sympy.Add(*[-term for term in base.args]) ** exponent
            factors[0 if position else 1] = -factors[0 if position else 1]
            return rebuild(product, factors)
    return product


def _starts_negative(bracket: sympy.Add) -> bool:
    variable_terms = [term for term in bracket.args if term.free_symbols]
    return all(term.could_extract_minus_sign() for term in variable_terms)
