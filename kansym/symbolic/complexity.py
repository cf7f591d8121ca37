"""The one measure of size, used for every formula, ours and a rival's."""

from __future__ import annotations

import sympy

__all__ = ["complexity"]


def complexity(expression: sympy.Expr) -> int:
    """Count the nodes of the expression's tree.

    Every variable, constant, sum, product, power and function is one node; ``a/b`` is ``a·b⁻¹`` and counts so.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> complexity(x * y)
    3
    >>> complexity(2.5 * x**2 + 1)
    7
    """
    return sum(1 for _ in sympy.preorder_traversal(expression))
