"""Formulas as MathML, which browsers typeset by themselves."""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Sequence
from typing import Any

import sympy
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.printing.precedence import PRECEDENCE

from kansym.symbolic.printing import to_text, without_leading_minus

__all__ = ["to_mathml"]

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi chi"
    " psi omega"
).split()
_LETTERS: dict[str, str] = dict(zip(_GREEK, "αβγδεζηθικλμνξοπρστυφχψω", strict=True))
_LETTERS.update({name.capitalize(): letter.upper() for name, letter in _LETTERS.items()})
_SUBSCRIPT = re.compile(r"([^\W\d_]+)_?((?<=_)[^\W\d_][^\W_]*|(?<!_)\d+)")  # T_1 is another column than T1
_TIMES = "\u2062"  # invisible: products are set side by side


def to_mathml(expression: sympy.Expr, precision: int = 4, left: str | tuple[str, str] | None = None) -> str:
    """Write a formula in presentation MathML; names of the user are escaped.

    Parameters
    ----------
    expression : sympy.Expr
    precision : int
        Significant digits of fitted constants; exact numbers are written exactly.
    left : str or pair of str, optional
        What the formula is equal to; a pair of classes stands for the logarithm of their odds.

    Examples
    --------
    >>> to_mathml(sympy.sqrt(sympy.Symbol("a_AU", real=True)))
    '<math display="block"><msqrt><msub><mi>a</mi><mi>AU</mi></msub></msqrt></math>'
    >>> to_mathml(sympy.Symbol("</math>", real=True))
    '<math display="block"><mi>&lt;/math&gt;</mi></math>'
    """
    printer = _Printer(precision)
    math: Any = printer.dom.createElement("math")
    math.setAttribute("display", "block")
    if left is not None:
        math.appendChild(printer.identifier(left) if isinstance(left, str) else printer.log_odds(*left))
        math.appendChild(printer.leaf("mo", "="))
    math.appendChild(printer._print(expression))
    return math.toxml()


class _Printer(MathMLPresentationPrinter):
    """sympy's printer with short constants, terms and factors in the order of the text form, and texts escaped."""

    def __init__(self, precision: int) -> None:
        super().__init__()
        self._precision = precision
        raw = self.dom.createTextNode  # does not escape
        # sympy writes signs as entities of HTML, which are letters here; all else is as it is read.
        self.dom.createTextNode = lambda data: raw(html.escape(html.unescape(data), quote=False))

    def leaf(self, tag: str, text: str) -> Any:
        element = self.dom.createElement(tag)
        # Escaped once more, since what looks like an entity in a name is none.
        element.appendChild(self.dom.createTextNode(html.escape(text, quote=False)))
        return element

    def row(self, *parts: Any, tag: str = "mrow") -> Any:
        element = self.dom.createElement(tag)
        for part in parts:
            element.appendChild(part)
        return element

    def identifier(self, name: str) -> Any:
        """A name as it stands; ``a_b`` and ``a1`` with a subscript, and Greek letters, where it is an identifier."""
        parts = _SUBSCRIPT.fullmatch(name)
        if parts:
            head, tail = parts.groups()
            return self.row(*(self.leaf("mi", _LETTERS.get(part, part)) for part in (head, tail)), tag="msub")
        name = _visible(name)
        return self.leaf("mi", _LETTERS.get(name, name))

    def log_odds(self, first: str, second: str) -> Any:
        """The logarithm of the probability of one class over that of another."""
        names = (self.leaf("mtext", _visible(name)) for name in (first, second))
        above, below = (self.row(self.leaf("mi", "P"), self._in_brackets(name)) for name in names)
        gap = self.dom.createElement("mspace")
        gap.setAttribute("width", "0.2em")
        return self.row(self.leaf("mi", "log"), gap, self.row(above, below, tag="mfrac"))

    def _print_Symbol(self, sym: Any, style: str = "plain") -> Any:
        return self.identifier(sym.name)

    def _print_Function(self, e: Any) -> Any:
        return self.row(self.leaf("mi", str(e.func)), self._in_brackets(self._print(e.args[0])))

    def _print_Exp1(self, e: Any) -> Any:
        return self.leaf("mi", "e")

    def _print_Float(self, expr: Any) -> Any:
        mantissa, _, exponent = to_text(expr, self._precision).partition("e")
        if not exponent:
            return self._number(mantissa)
        power = self.row(self.leaf("mn", "10"), self._number(exponent), tag="msup")
        return self.row(self._number(mantissa), self.leaf("mo", "·"), power)

    def _number(self, text: str) -> Any:
        if not text.startswith("-"):
            return self.leaf("mn", text)
        return self.row(self.leaf("mo", "−"), self.leaf("mn", text[1:]))

    def _get_printed_Rational(self, e: Any, folded: Any = None) -> Any:
        return self.row(self.leaf("mn", str(e.p)), self.leaf("mo", "/"), self.leaf("mn", str(e.q)))

    def _in_brackets(self, inside: Any) -> Any:
        return self.row(self.leaf("mo", "("), inside, self.leaf("mo", ")"))

    def _print_Pow(self, e: Any) -> Any:
        power: Any = super()._print_Pow(e)
        if power.tagName == "msup" and power.firstChild.tagName == "msub":  # the power stands above the subscript
            return self.row(*power.firstChild.childNodes[:], power.lastChild, tag="msubsup")
        return power

    def _print_Add(self, expr: Any, order: Any = None) -> Any:
        leading, *others = without_leading_minus(self._as_ordered_terms(expr, order=order))
        parts = [self._print(leading)]
        for term in others:
            negative = term.could_extract_minus_sign()
            size = -term if negative else term
            inside = self._print(size)
            parts += [self.leaf("mo", "−" if negative else "+")]
            parts += [self._in_brackets(inside) if size.is_Add else inside]
        return self.row(*parts)

    def _print_Mul(self, expr: Any) -> Any:
        above, below, negative = [], [], False
        for factor in expr.args:
            if factor.is_Number and factor < 0:
                negative = not negative
                factor = -factor
            if factor.is_Rational and not factor.is_Integer:
                above += [sympy.Integer(factor.p)] if factor.p != 1 else []
                below.append(sympy.Integer(factor.q))
            elif factor.is_Pow and factor.exp.is_Number and factor.exp < 0:
                below.append(factor.base ** (-factor.exp))
            elif factor != 1:
                above.append(factor)
        body = self._product(above)
        if below:
            body = self.row(body, self._product(below), tag="mfrac")
        return self.row(self.leaf("mo", "−"), body) if negative else body

    def _product(self, factors: Sequence[Any]) -> Any:
        if not factors:
            return self.leaf("mn", "1")
        if len(factors) == 1:
            return self._print(factors[0])
        parts = [self.parenthesize(factors[0], PRECEDENCE["Mul"])]
        for before, factor in itertools.pairwise(factors):
            # Side by side, two numbers would be read as one, and two words as one name.
            dot = factor.is_Number or (_is_word(before) and _is_word(factor))
            sign = self.leaf("mo", "·" if dot else _TIMES)
            if not dot:
                sign.setAttribute("lspace", "0.1em")
                sign.setAttribute("rspace", "0.1em")
            parts += [sign, self.parenthesize(factor, PRECEDENCE["Mul"])]
        return self.row(*parts)


def _visible(name: str) -> str:
    """Leave out letters that turn the direction of writing: they would move the rest of the formula."""
    return "".join(letter for letter in name if letter.isprintable())


def _is_word(factor: Any) -> bool:
    base = factor.base if factor.is_Pow else factor
    return base.is_Symbol and len(base.name) > 1
