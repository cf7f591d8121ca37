"""Formulas as people read them: text for a terminal, LaTeX for a paper; constants to a few significant digits."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE, precedence
from sympy.printing.str import StrPrinter

__all__ = ["greek_name", "latex_name", "latex_number", "to_latex", "to_text", "without_leading_minus"]

# A stem with one subscript: x, x0, a_AU, omega_k. T_1 is another column than T1, so it is no stem with a subscript.
_PLAIN_NAME = re.compile(r"([^\W\d_]+)(?:(\d+)|_([^\W\d_][^\W_]*))?")
_GREEK_WORDS = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi"
    " omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (\w+)")
_LATEX_ESCAPES = {character: f"\\{character}" for character in "#$%&_{} "}
_LATEX_ESCAPES |= {"\\": r"\backslash{}", "^": r"\hat{\ }", "~": r"\sim{}"}


def to_text(expression: sympy.Expr, precision: int = 4) -> str:
    """Write a formula in one line, with ``·`` for products and ``^`` for powers.

    Parameters
    ----------
    expression : sympy.Expr
    precision : int
        Significant digits of fitted constants; exact numbers are written exactly.

    Examples
    --------
    >>> a = sympy.Symbol("a_AU", real=True)
    >>> to_text(365.2421897 * a ** sympy.Rational(3, 2))
    '365.2·a_AU^(3/2)'
    >>> to_text(sympy.exp(sympy.sin(sympy.pi * a) + a**2) / 2)
    'exp(a_AU^2 + sin(π·a_AU))/2'
    """
    return _TextPrinter({}, precision).doprint(expression)


def to_latex(expression: sympy.Expr, precision: int = 4, texts: Mapping[float, str] | None = None) -> str:
    r"""Write a formula in LaTeX.

    Parameters
    ----------
    expression : sympy.Expr
    precision : int
        Significant digits of fitted constants; exact numbers are written exactly.
    texts : mapping from float to str, optional
        How to write constants of these sizes instead: ``"365.036(12)"`` or ``"-1.234(5)e-7"``.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> to_latex(2.0 * sympy.sqrt(x))
    '2.0 \\sqrt{x}'
    """
    return _ShortLatexPrinter({}, precision, texts or {}).doprint(expression)


def latex_name(name: str) -> str:
    r"""Write the name of a column in LaTeX's mathematics: nothing in it is read as a command.

    Letters and Greek names are set as such, words upright, both with one subscript; other names as they stand.

    Examples
    --------
    >>> latex_name("a_AU"), latex_name("lambda"), latex_name("50% done"), latex_name("Bmag")
    ('a_{\\mathrm{AU}}', '\\lambda', '\\mathrm{50\\%\\ done}', '\\mathrm{Bmag}')
    """
    plain = _PLAIN_NAME.fullmatch(name)
    if plain is None:
        return _upright(name)
    stem, subscript = plain[1], plain[2] or plain[3]
    return _set(stem) if subscript is None else f"{_set(stem)}_{{{_set(subscript)}}}"


def _set(part: str) -> str:
    """A letter in italics, a number, a Greek letter that is spelt or not, or a word, upright as words are."""
    spelt = greek_name(part) if len(part) == 1 else part
    if spelt in _GREEK_WORDS:
        return f"\\{spelt}"
    return part if len(part) == 1 or part.isdecimal() else _upright(part)


def _upright(name: str) -> str:
    letters = [letter for letter in " ".join(name.split()) if letter.isprintable()]
    return rf"\mathrm{{{''.join(_LATEX_ESCAPES.get(letter, letter) for letter in letters)}}}"


def greek_name(letter: str) -> str | None:
    r"""The name of a Greek letter, None for any other.

    Examples
    --------
    >>> greek_name("\N{GREEK SMALL LETTER LAMDA}"), greek_name("\N{GREEK CAPITAL LETTER PHI}"), greek_name("x")
    ('lambda', 'Phi', None)
    """
    match = _GREEK.fullmatch(unicodedata.name(letter, ""))
    if match is None:
        return None
    name = "lambda" if match[2] == "LAMDA" else match[2].lower()
    return name.capitalize() if match[1] == "CAPITAL" else name


def latex_number(value: float, precision: int) -> str:
    r"""Write a number to some significant digits in LaTeX's mathematics.

    Examples
    --------
    >>> latex_number(0.25, 4), latex_number(1.5e-7, 3)
    ('0.25', '1.5 \\cdot 10^{-7}')
    """
    return _in_powers_of_ten(_digits(value, precision))


def _in_powers_of_ten(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{exponent}}}" if exponent else text


def without_leading_minus(terms: list[Any]) -> list[Any]:
    """The terms of a sum with a positive one before the others, if there is one.

    Examples
    --------
    >>> a, b = sympy.symbols("a b")
    >>> without_leading_minus([-a, b])
    [b, -a]
    """
    leading = next((term for term in terms if not term.could_extract_minus_sign()), terms[0])
    return [leading, *(term for term in terms if term is not leading)]


def _digits(number: Any, precision: int) -> str:
    text = f"{float(number):.{precision}g}"
    if "e" in text:
        mantissa, exponent = text.split("e")
        return f"{mantissa}e{int(exponent)}"
    return text if "." in text else f"{float(text)}"


class _TextPrinter(StrPrinter):
    def __init__(self, settings: dict[str, Any], precision: int) -> None:
        super().__init__(settings)
        self._precision = precision

    def _print_Float(self, expr: Any) -> str:
        return _digits(expr, self._precision)

    def _print_Symbol(self, expr: Any) -> str:
        # A name with spaces or operators in it would read as a formula of its own.
        if expr.name.isidentifier():
            return expr.name
        # Letters that turn the direction of writing would move the rest of the formula.
        return "`" + "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in expr.name) + "`"

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        leading, *others = without_leading_minus(self._as_ordered_terms(expr, order=order))
        text = self._print(leading)
        for term in others:
            negative = term.could_extract_minus_sign()
            size = self.parenthesize(-term if negative else term, PRECEDENCE["Add"])
            text += f" {'-' if negative else '+'} {size}"
        return text

    def _print_Pi(self, expr: Any) -> str:  # pyright: ignore[reportIncompatibleMethodOverride]
        return "π"

    def _print_Abs(self, expr: Any) -> str:
        return f"|{self._print(expr.args[0])}|"

    def _print_Mul(self, expr: Any) -> str:
        numerator, denominator, sign = [], [], ""
        for factor in expr.args:
            if factor.is_Rational and not factor.is_Integer:
                sign += "-" if factor < 0 else ""
                numerator += [sympy.Integer(abs(factor.p))] if abs(factor.p) != 1 else []
                denominator.append(sympy.Integer(factor.q))
            elif factor.is_Number and factor < 0:
                sign += "-"
                numerator += [-factor] if factor != -1 else []
            elif factor.is_Pow and factor.exp.is_Rational and factor.exp < 0:
                denominator.append(factor.base ** (-factor.exp))
            else:
                numerator.append(factor)
        above = "·".join(self._factor(factor, expr) for factor in numerator) or "1"
        below = "·".join(self._factor(factor, expr) for factor in denominator)
        if len(denominator) > 1:
            below = f"({below})"
        sign = "-" if sign.count("-") % 2 else ""
        return f"{sign}{above}/{below}" if denominator else f"{sign}{above}"

    def _factor(self, factor: Any, product: Any) -> str:
        return self.parenthesize(factor, precedence(product), strict=False)

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        if expr.exp == sympy.S.Half:
            return f"sqrt({self._print(expr.base)})"
        if expr.exp.is_Rational and expr.exp < 0:
            below = expr.base ** (-expr.exp)
            return f"1/{self.parenthesize(below, PRECEDENCE['Mul'], strict=False)}"
        base = self.parenthesize(expr.base, precedence(expr), strict=False)
        exponent = self._print(expr.exp)
        simple = expr.exp.is_Symbol or (expr.exp.is_Number and expr.exp >= 0 and "/" not in exponent)
        return f"{base}^{exponent}" if simple else f"{base}^({exponent})"


class _ShortLatexPrinter(LatexPrinter):
    def __init__(self, settings: dict[str, Any], precision: int, texts: Mapping[float, str]) -> None:
        super().__init__(settings)
        self._precision, self._texts = precision, texts

    def _print_Float(self, expr: Any) -> str:
        text = self._texts.get(abs(float(expr)))
        if text is None:
            return latex_number(expr, self._precision)
        return _in_powers_of_ten(("-" if expr < 0 else "") + text.lstrip("-"))

    def _as_ordered_terms(self, expr: Any, order: Any = None) -> list[Any]:
        return without_leading_minus(super()._as_ordered_terms(expr, order=order))

    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        return latex_name(expr.name)
