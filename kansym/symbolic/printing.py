"""Formulas as people read them: text for a terminal, LaTeX for a paper; constants to a few significant digits."""

from __future__ import annotations

from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE, precedence
from sympy.printing.str import StrPrinter

__all__ = ["to_latex", "to_text"]


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


def to_latex(expression: sympy.Expr, precision: int = 4) -> str:
    r"""Write a formula in LaTeX.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> to_latex(2.0 * sympy.sqrt(x))
    '2.0 \\sqrt{x}'
    """
    return _ShortLatexPrinter({}, precision).doprint(expression)


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
        return expr.name if expr.name.isidentifier() else f"`{expr.name}`"

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        terms = self._as_ordered_terms(expr, order=order)
        leading = next((term for term in terms if not term.could_extract_minus_sign()), terms[0])
        text = self.parenthesize(leading, PRECEDENCE["Add"])
        for term in terms:
            if term is not leading:
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
    def __init__(self, settings: dict[str, Any], precision: int) -> None:
        super().__init__(settings)
        self._precision = precision

    def _print_Float(self, expr: Any) -> str:
        text = _digits(expr, self._precision)
        if "e" not in text:
            return text
        mantissa, exponent = text.split("e")
        return rf"{mantissa} \cdot 10^{{{exponent}}}"
