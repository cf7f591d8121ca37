"""How much of a formula's tree has to be changed to get the tree of the law (Matsubara et al. 2022, SRSD)."""

from __future__ import annotations

import importlib.util
from typing import Any

import sympy

from kansym.symbolic.complexity import complexity

__all__ = ["edit_distance"]


def edit_distance(expression: sympy.Expr, truth: sympy.Expr) -> float | None:
    """Tree edit distance of Zhang & Shasha (1989) over the number of the law's nodes, at most 1.

    Numbers that are not integers carry one label, so constants need not be right; arguments are compared in sympy's
    order.

    Returns
    -------
    float or None
        0 for equal trees; None if the package ``zss`` is not installed.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> edit_distance(2.5 * x, 3.1 * x)
    0.0
    >>> edit_distance(x + y, x * y)
    0.3333333333333333
    """
    if importlib.util.find_spec("zss") is None:
        return None
    import zss

    size = complexity(truth)
    # Every node too many has to be taken away: the distance is 1 without computing it, which takes n²·m² steps.
    if complexity(expression) - size >= size:
        return 1.0
    distance: Any = zss.simple_distance(_tree(expression), _tree(truth))
    return min(1.0, float(distance) / size)


def _tree(node: Any) -> Any:
    import zss

    return zss.Node(_label(node), [_tree(argument) for argument in node.args])


def _label(node: Any) -> str:
    if node.is_Number or isinstance(node, sympy.NumberSymbol):
        value = float(node)
        return str(int(value)) if value.is_integer() else "C"
    return node.name if node.is_Symbol else type(node).__name__
