"""Expressions as nested lists that JSON can hold, written and read by one fixed table.

A node is a list: its kind, then its contents. ``2.5*sin(x)**2`` in the variables ``[x]`` is

    ["Mul", ["Float", "0x1.4000000000000p+1"], ["Pow", ["sin", ["variable", 0]], ["Integer", 2]]]

Nothing is parsed as code, so a file from a stranger can name nothing but the nodes of this table. ``sympify`` and
``parse_expr`` evaluate their text as Python, and so does whatever reads ``srepr``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import sympy

from kansym.errors import FileFormatError, ParameterError

__all__ = ["from_tree", "to_tree"]

_MAX_DEPTH = 200
_MAX_NODES = 20_000
_MAX_DIGITS = 400
_FLOAT_BITS = 53

_CONSTANTS = {"pi": sympy.pi, "E": sympy.E}
_OPERATIONS = {"Add": sympy.Add, "Mul": sympy.Mul, "Pow": sympy.Pow}
_FUNCTIONS = {
    "exp": sympy.exp,
    "log": sympy.log,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "tanh": sympy.tanh,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "asin": sympy.asin,
    "acos": sympy.acos,
    "atan": sympy.atan,
    "Abs": sympy.Abs,
}
_HEADS: dict[str, Callable[..., Any]] = {**_OPERATIONS, **_FUNCTIONS}
_NAMES = {head: name for name, head in _HEADS.items()}
_LEAVES = {
    "pi": "nothing",
    "E": "nothing",
    "Integer": f"one integer of at most {_MAX_DIGITS} digits",
    "Rational": f"two integers of at most {_MAX_DIGITS} digits, the second at least 2",
    "variable": "the position of one variable",
    "Float": "one text",
}


def to_tree(expression: sympy.Expr, variables: Sequence[sympy.Symbol]) -> list[Any]:
    """Write an expression as nested lists of texts and integers.

    Parameters
    ----------
    expression : sympy.Expr
        Built of numbers, pi, E, the variables, sums, products, powers and the functions exp, log, sin, cos, tan, tanh,
        sinh, cosh, asin, acos, atan and Abs; at most 200 levels deep and 20,000 nodes large.
    variables : sequence of sympy.Symbol
        The symbols that may occur; the tree refers to them by position, so their names need no care.

    Returns
    -------
    list
        The tree. :func:`from_tree` makes an equal expression of it, every float with all its bits.

    Raises
    ------
    ParameterError
        If the expression holds anything else, or a float that is not a finite double.

    Examples
    --------
    >>> x = sympy.Symbol("x")
    >>> to_tree(sympy.sin(x) / 2, [x])
    ['Mul', ['Rational', 1, 2], ['sin', ['variable', 0]]]
    """
    indices: dict[sympy.Basic, int] = {variable: index for index, variable in enumerate(variables)}
    nodes = 0

    def write(node: sympy.Basic, depth: int) -> list[Any]:
        nonlocal nodes
        nodes += 1
        if depth > _MAX_DEPTH or nodes > _MAX_NODES:
            raise ParameterError(
                f"expression must be at most {_MAX_DEPTH} levels deep and {_MAX_NODES} nodes large, got a larger one"
            )
        if node.func in _NAMES:
            return [_NAMES[node.func], *(write(argument, depth + 1) for argument in node.args)]
        if node in indices:
            return ["variable", indices[node]]
        return _write_number(node)

    return write(expression, 1)


def from_tree(tree: object, variables: Sequence[sympy.Symbol]) -> sympy.Expr:
    """Build the expression of a tree, trusting nothing about the tree.

    Parameters
    ----------
    tree : object
        A tree as :func:`to_tree` writes it; usually what ``json.load`` returned.
    variables : sequence of sympy.Symbol
        The symbols that the tree refers to by position.

    Returns
    -------
    sympy.Expr
        The expression, built node by node without simplification: it equals the one that was written, and evaluates to
        the same bits.

    Raises
    ------
    FileFormatError
        If a node is of an unknown kind or has wrong contents, a float is not finite, an integer has more than 400
        digits, or the tree is deeper than 200 levels or larger than 20,000 nodes.

    Examples
    --------
    >>> x = sympy.Symbol("x")
    >>> from_tree(["Mul", ["Rational", 1, 2], ["sin", ["variable", 0]]], [x])
    sin(x)/2
    """
    nodes = 0

    def read(node: object, depth: int) -> sympy.Expr:
        nonlocal nodes
        nodes += 1
        if depth > _MAX_DEPTH:
            raise FileFormatError(f"formula must be at most {_MAX_DEPTH} levels deep, got a deeper one")
        if nodes > _MAX_NODES:
            raise FileFormatError(f"formula must have at most {_MAX_NODES} nodes, got more")
        if not (isinstance(node, list) and node and isinstance(node[0], str)):
            raise FileFormatError(f"formula must be made of lists that begin with a name, got {_show(node)}")
        kind, contents = node[0], node[1:]
        if kind not in _HEADS:
            return _read_leaf(kind, contents, variables)
        _check_arity(kind, len(contents))
        # Without evaluation sympy neither reorders nor merges, and a tower of powers is not multiplied out.
        return _HEADS[kind](*(read(argument, depth + 1) for argument in contents), evaluate=False)

    return read(tree, 1)


def _write_number(node: sympy.Basic) -> list[Any]:
    for name, constant in _CONSTANTS.items():
        if node is constant:
            return [name]
    if isinstance(node, sympy.Float) and node._prec == _FLOAT_BITS and math.isfinite(float(node)):
        return ["Float", float(node).hex()]
    if isinstance(node, sympy.Rational) and max(abs(node.p), node.q) < 10**_MAX_DIGITS:
        return ["Integer", int(node.p)] if node.q == 1 else ["Rational", int(node.p), int(node.q)]
    raise ParameterError(
        f"expression must consist of the given variables, numbers of double precision and functions of the library,"
        f" got {_show(node)}"
    )


def _read_leaf(kind: str, contents: list[Any], variables: Sequence[sympy.Symbol]) -> sympy.Expr:
    match kind, contents:
        case (("pi" | "E"), []):
            return _CONSTANTS[kind]
        case "Integer", [value] if _is_integer(value):
            return sympy.Integer(value)
        case "Rational", [numerator, denominator] if _is_integer(numerator) and _is_integer(denominator, least=2):
            return sympy.Rational(numerator, denominator)
        case "variable", [index] if _is_integer(index, least=0) and index < len(variables):
            return variables[index]
        case "Float", [text] if isinstance(text, str):
            return sympy.Float(_read_float(text))
    if kind in _LEAVES:
        raise FileFormatError(f"formula must hold {_LEAVES[kind]} in a node {kind!r}, got something else")
    raise FileFormatError(f"formula must be made of known kinds of nodes, got {_show(kind)}")


def _read_float(text: str) -> float:
    try:
        value = float.fromhex(text)
    except (ValueError, OverflowError):
        value = math.nan
    # fromhex also takes other spellings, and reads "1.5" as 1 + 5/16; what to_tree wrote comes back letter for letter.
    if not math.isfinite(value) or value.hex() != text:
        raise FileFormatError(f"formula must hold finite floats as float.hex() writes them, got {_show(text)}")
    return value


def _check_arity(kind: str, count: int) -> None:
    fits = {"Add": count >= 2, "Mul": count >= 2, "Pow": count == 2}.get(kind, count == 1)
    if not fits:
        raise FileFormatError(f"formula has a node {kind!r} with a wrong number of arguments, got {count}")


def _is_integer(value: object, least: int | None = None) -> bool:
    """Whether this is an integer, not a boolean, of at most 400 digits and at least as large as required."""
    if type(value) is not int or abs(value) >= 10**_MAX_DIGITS:
        return False
    return least is None or value >= least


def _show(value: object) -> str:
    """Name a value in a message: short leaves themselves, of all else the type, since it may be of any size."""
    leaf = isinstance(value, str | float | bool) or value is None or (isinstance(value, sympy.Basic) and not value.args)
    text = repr(value) if leaf else type(value).__name__
    return text if len(text) <= 60 else f"{text[:59]}…"
