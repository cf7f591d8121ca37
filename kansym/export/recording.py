"""An array namespace that computes nothing and records everything: a formula evaluated on it is its own source."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from kansym.errors import ParameterError
from kansym.library import Library
from kansym.symbolic.evaluation import compile_expression

__all__ = ["CALLS", "Node", "record"]

CALLS = (
    *("abs", "sign", "sqrt", "exp", "expm1", "log", "log1p", "log2", "log10", "floor", "ceil", "trunc"),
    *("sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh"),
    *("arctan2", "hypot", "maximum", "minimum", "where"),
)
"""Functions that every target language has, under numpy's names."""

_FOLDED: dict[str, Callable[..., Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "**": np.power,
    "neg": operator.neg,
}


@dataclass(frozen=True, eq=False)
class Node:
    """One operation: an operator, a comparison, a call, or a leaf.

    Attributes
    ----------
    kind : str
        ``"number"``, ``"variable"``, an operator such as ``"+"``, ``"**"``, ``"neg"`` or ``"<"``, or a name of
        :data:`CALLS`.
    operands : tuple of Node
    value : float
        Of a number; the position of a variable.
    """

    kind: str
    operands: tuple[Node, ...] = ()
    value: float = 0.0

    def __add__(self, other: Any) -> Node:
        """Record a sum."""
        return _operation("+", self, other)

    def __radd__(self, other: Any) -> Node:
        """Record a sum."""
        return _operation("+", other, self)

    def __sub__(self, other: Any) -> Node:
        """Record a difference."""
        return _operation("-", self, other)

    def __rsub__(self, other: Any) -> Node:
        """Record a difference."""
        return _operation("-", other, self)

    def __mul__(self, other: Any) -> Node:
        """Record a product."""
        return _operation("*", self, other)

    def __rmul__(self, other: Any) -> Node:
        """Record a product."""
        return _operation("*", other, self)

    def __truediv__(self, other: Any) -> Node:
        """Record a quotient."""
        return _operation("/", self, other)

    def __rtruediv__(self, other: Any) -> Node:
        """Record a quotient."""
        return _operation("/", other, self)

    def __pow__(self, other: Any) -> Node:
        """Record a power."""
        return _operation("**", self, other)

    def __rpow__(self, other: Any) -> Node:
        """Record a power."""
        return _operation("**", other, self)

    def __neg__(self) -> Node:
        """Record a change of sign."""
        return _operation("neg", self)

    def __abs__(self) -> Node:
        """Record an absolute value."""
        return _operation("abs", self)

    def __lt__(self, other: Any) -> Node:
        """Record a comparison."""
        return _operation("<", self, other)

    def __le__(self, other: Any) -> Node:
        """Record a comparison."""
        return _operation("<=", self, other)

    def __gt__(self, other: Any) -> Node:
        """Record a comparison."""
        return _operation(">", self, other)

    def __ge__(self, other: Any) -> Node:
        """Record a comparison."""
        return _operation(">=", self, other)

    def __bool__(self) -> bool:
        """Refuse: a function that branches on a value has no one source."""
        raise ParameterError("a function to be exported must choose with xp.where, not by a branch on a value")


def record(
    expression: sympy.Expr, variables: Sequence[sympy.Symbol], library: Library | None = None
) -> Node:
    """Evaluate a formula on symbols that record.

    Parameters
    ----------
    expression : sympy.Expr
    variables : sequence of sympy.Symbol
    library : Library, optional
        Where functions beyond the default ones are looked up; they must use nothing of their namespace but
        :data:`CALLS`, ``ones_like``, ``zeros_like`` and ``square``.

    Returns
    -------
    Node
        Its value, a graph in which a step that is used twice is one node.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> node = record(2.5 * sympy.sin(x), [x])
    >>> node.kind, [operand.kind for operand in node.operands]
    ('*', ['number', 'sin'])
    """
    tape = compile_expression(expression, variables, library)
    columns = [Node("variable", value=position) for position in range(len(variables))]
    return _node(tape.evaluate(_Recorder(), columns, [_node(float(value)) for value in tape.constants]))


class _Recorder:
    """The namespace: every function of :data:`CALLS` returns a node."""

    pi, e, inf, nan = np.pi, np.e, np.inf, np.nan

    def __getattr__(self, name: str) -> Callable[..., Node]:
        if name not in CALLS:
            raise ParameterError(f"a function to be exported must be made of {', '.join(CALLS)}, got {name}")
        return lambda *arguments: _operation(name, *arguments)

    def square(self, x: Any) -> Any:
        return x * x

    def ones_like(self, x: Any) -> Node:
        return _node(1.0)

    def zeros_like(self, x: Any) -> Node:
        return _node(0.0)

    absolute = property(lambda self: self.abs)


def _operation(kind: str, *arguments: Any) -> Node:
    operands = tuple(_node(argument) for argument in arguments)
    if kind == "*" and operands[1].kind == "/" and _is(operands[1].operands[0], 1.0):
        return _operation("/", operands[0], operands[1].operands[1])
    if kind == "*" and _is(operands[0], -1.0):
        return _operation("neg", operands[1])
    if kind in _FOLDED and all(operand.kind == "number" for operand in operands):
        with np.errstate(all="ignore"):
            return _node(_FOLDED[kind](*(np.float64(operand.value) for operand in operands)))
    return Node(kind, operands)


def _is(node: Node, value: float) -> bool:
    return node.kind == "number" and node.value == value


def _node(value: Any) -> Node:
    return value if isinstance(value, Node) else Node("number", value=float(value))
