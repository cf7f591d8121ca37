"""Formulas as text that sympy reads and writes, without running any of it.

``sympify`` and ``parse_expr`` evaluate their text as Python. Here a text is cut into the few tokens that a formula has,
the variables are replaced by words of ours, and what is left goes through ``ast.parse`` and a fixed table of nodes.
Every name therefore means what the caller says, also ``lambda``, ``I`` and ``flow rate`` (written in backticks).

Products keep their shape: ``2*(x + 1)`` stays a product, as if read by sympy with ``distribute(False)``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from typing import Any

import sympy
from sympy.printing.str import StrPrinter

from kansym.errors import ParameterError
from kansym.hints import name_hint, quote
from kansym.symbolic.syntax import CALLABLE, CONSTANTS, FUNCTIONS, SyntaxReader, fits_a_double

__all__ = ["expression_text", "names_in", "parse_expression"]

_MAX_LENGTH = 100_000
_MAX_NODES = 20_000
_FLOAT_BITS = 53

_NAME = r"[^\W\d]\w*"
_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<quoted>`(?:[^`]|``)+`)|(?P<number>(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    rf"|(?P<keyword>evaluate\s*=\s*False\b)|(?P<name>{_NAME})|(?P<mark>\*\*|<=|>=|[-+*/(),<>&|~])"
)
_RESERVED = ("pi", "True", "False")
_CALLED = (*CALLABLE, "Piecewise", "ITE")


def parse_expression(text: str, variables: Sequence[sympy.Symbol] | Mapping[str, sympy.Symbol]) -> sympy.Expr:
    """Read a formula from text, trusting nothing about the text.

    Parameters
    ----------
    text : str
        Made of numbers, ``pi``, ``E``, names of variables, ``+ - * / **``, parentheses, the functions of
        :data:`kansym.symbolic.syntax.CALLABLE` under sympy's names (also ``abs``, ``ln``, ``arcsin``, …, ``square``,
        ``cube`` and ``log1p``), and ``Piecewise((value, condition), …)`` with conditions of ``< <= > >= & | ~ True``.
        A name that is no identifier stands in backticks. ``Mul(2, x, evaluate=False)`` gives that very node.
    variables : sequence of sympy.Symbol, or mapping from name to sympy.Symbol
        The symbols that may occur. A variable ``E`` comes before the constant; one named ``pi``
        stands in backticks.

    Returns
    -------
    sympy.Expr
        Integers stay exact, so ``1/3`` is a rational; every other number is a ``Float`` of double precision.

    Raises
    ------
    ParameterError
        If the text is no formula, holds an unknown name, a number beyond double precision, an exponent beyond 10,000 or
        more than 20,000 nodes; nothing is evaluated before that is known.

    Examples
    --------
    >>> x = sympy.Symbol("lambda", real=True)
    >>> parse_expression("2*sin(lambda)**2/3 + 0.5", [x])
    2*sin(lambda)**2/3 + 0.5
    >>> parse_expression("9**9**9", [])
    Traceback (most recent call last):
        ...
    kansym.errors.ParameterError: formula must have numeric exponents of at most 10000, got '387420489'
    """
    named = dict(variables) if isinstance(variables, Mapping) else {symbol.name: symbol for symbol in variables}
    if not isinstance(text, str):
        raise ParameterError(f"formula must be a text, got {type(text).__name__}")
    if len(text) > _MAX_LENGTH:
        raise ParameterError(f"formula must have at most {_MAX_LENGTH:,} characters, got {len(text):,}")
    words = {name: f"variable_{position}" for position, name in enumerate(named)}
    plain = _replace_names(text, words)
    try:
        tree = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise ParameterError(f"formula must be well formed, got {quote(text)}: {_reason(error)}") from None
    if sum(1 for _ in ast.walk(tree)) > _MAX_NODES:
        raise ParameterError(f"formula must have at most {_MAX_NODES:,} nodes, got more")
    try:
        result = SyntaxReader({words[name]: symbol for name, symbol in named.items()}).read(tree)
    except ParameterError:
        raise
    except (TypeError, ArithmeticError, RecursionError, ValueError) as error:
        # What sympy itself refuses, such as an order between complex numbers.
        raise ParameterError(f"formula must be a real expression, got {quote(text)}: {_reason(error)}") from None
    if not isinstance(result, sympy.Expr):
        raise ParameterError(f"formula must have a number as its value, got the condition {quote(text)}")
    return result


def expression_text(expression: sympy.Expr) -> str:
    """Write a formula so that :func:`parse_expression` gives the identical expression back.

    Parameters
    ----------
    expression : sympy.Expr
        Floats are written with as many digits as bring back every bit; those of more than double precision are rounded
        first.

    Returns
    -------
    str
        Text that sympy reads as well, as long as the names are identifiers. Nodes that sympy would evaluate to others
        are written as ``Mul(2, x, evaluate=False)``.

    Raises
    ------
    ParameterError
        If the expression holds what :func:`parse_expression` does not read.

    Examples
    --------
    >>> x = sympy.Symbol("flow rate", real=True)
    >>> expression_text(0.1 * sympy.sqrt(x) + sympy.pi / 3)
    '0.1*sqrt(`flow rate`) + pi/3'
    """
    beyond = [number for number in expression.atoms(sympy.Float) if not fits_a_double(number)]
    if beyond:
        raise ParameterError(f"expression must hold numbers of double precision, got {quote(str(beyond[0]))}")
    precise = [number for number in expression.atoms(sympy.Float) if number._prec != _FLOAT_BITS]
    if precise:
        rounded: Any = expression.xreplace({number: sympy.Float(float(number)) for number in precise})
        expression = rounded
    symbols: list[Any] = sorted(expression.free_symbols, key=str)
    readable = _Writer().doprint(expression)
    if _reads_back(readable, expression, symbols):
        return readable
    text = _CheckedWriter(symbols).doprint(expression)
    if parse_expression(text, symbols) != expression:
        raise ParameterError(f"expression must be made of known functions of real numbers, got {quote(text)}")
    return text


def names_in(text: str) -> tuple[str, ...]:
    """Names in a formula that are neither functions nor constants, in order of appearance.

    Examples
    --------
    >>> names_in("b1*exp(-b2*`flow rate`) + pi")
    ('b1', 'b2', 'flow rate')
    """
    names: dict[str, None] = {}
    for match in _TOKEN.finditer(text):
        token = match.group()
        if match.lastgroup == "quoted":
            names[_unquoted(token)] = None
        elif match.lastgroup == "name" and token not in CONSTANTS and text[match.end() :].lstrip()[:1] != "(":
            names[token] = None
    return tuple(names)


def _unquoted(token: str) -> str:
    return token[1:-1].replace("``", "`")


def _replace_names(text: str, words: Mapping[str, str]) -> str:
    """Text with each variable replaced by its word, and every other name known to be a function or a constant."""
    pieces, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            remedy = "; write powers as **" if text[position] == "^" else ""
            got = quote(text[position])
            raise ParameterError(f"formula must be made of numbers, names and operators, got {got}{remedy}")
        position = match.end()
        piece = match.group()
        match match.lastgroup:
            case "space":
                piece = " "
            case "quoted":
                piece = f" {_word(_unquoted(piece), words)} "  # no letter or digit beside it may become part of it
            case "name" if text[position:].lstrip()[:1] == "(":
                if piece not in _CALLED:
                    raise ParameterError(
                        f"formula must call known functions, got {quote(piece)}; {name_hint(piece, _CALLED)}"
                    )
            case "name" if piece not in _RESERVED and (piece in words or piece not in CONSTANTS):
                piece = _word(piece, words)
        pieces.append(piece)
    return "".join(pieces).strip()


def _word(name: str, words: Mapping[str, str]) -> str:
    if name not in words:
        hint = name_hint(name, list(words)) if words else "it has no variables"
        raise ParameterError(f"formula must hold known variables only, got {quote(name)}; {hint}")
    return words[name]


def _reads_back(text: str, expression: Any, symbols: Sequence[sympy.Symbol]) -> bool:
    try:
        return parse_expression(text, symbols) == expression
    except ParameterError:
        return False


def _reason(error: Exception) -> str:
    return getattr(error, "msg", None) or str(error) or type(error).__name__


class _Writer(StrPrinter):
    def _print_Symbol(self, expr: Any) -> str:
        bare = re.fullmatch(_NAME, expr.name) and expr.name not in _RESERVED
        return expr.name if bare else "`{}`".format(expr.name.replace("`", "``"))

    def _print_Float(self, expr: Any) -> str:
        return repr(float(expr))

    def _print_Exp1(self, expr: Any) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return "exp(1)"  # E may be a variable

    def _print_ImaginaryUnit(self, expr: Any) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return "sqrt(-1)"  # I may be a variable


class _CheckedWriter(_Writer):
    """Names the nodes that operators would not bring back."""

    def __init__(self, symbols: Sequence[sympy.Symbol]) -> None:
        super().__init__()
        self._symbols = symbols
        self._written: dict[int, tuple[Any, str]] = {}

    def _print(self, expr: Any, **kwargs: Any) -> str:
        # A node that does not read back is written twice, and so would all below it be, again and again.
        if id(expr) not in self._written:
            self._written[id(expr)] = expr, self._checked(expr, **kwargs)
        return self._written[id(expr)][1]

    def _checked(self, expr: Any, **kwargs: Any) -> str:
        text = super()._print(expr, **kwargs)
        explicit = isinstance(expr, sympy.Expr) and expr.args and expr.func.__name__ in FUNCTIONS
        if not explicit or _reads_back(text, expr, self._symbols):
            return text
        arguments = ", ".join(self._print(argument) for argument in expr.args)
        return f"{expr.func.__name__}({arguments}, evaluate=False)"
