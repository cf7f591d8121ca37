"""From Python's syntax tree to sympy, by one table of nodes and with limits that are checked before sympy computes."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy

from kansym.errors import ParameterError
from kansym.hints import quote
from kansym.symbolic.normal_form import rebuild

__all__ = ["CALLABLE", "CONSTANTS", "FUNCTIONS", "SyntaxReader", "fits_a_double"]

_MAX_DEPTH = 200
_MAX_DIGITS = 400
_MAX_EXPONENT = 10_000
_MAX_DENOMINATOR = 10_000
_MAX_COMPARED = 40  # sympy compares each with each
_MAX_FACTORS = 500

CONSTANTS: dict[str, Any] = {"pi": sympy.pi, "E": sympy.E, "True": sympy.true, "False": sympy.false}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(sympy, name) for name in ("exp", "log", "sqrt", "cbrt", "sign", "floor", "ceiling", "re", "im")},
    **{name: getattr(sympy, name) for name in ("sin", "cos", "tan", "cot", "sec", "csc")},
    **{name: getattr(sympy, name) for name in ("asin", "acos", "atan", "acot", "asec", "acsc", "atan2")},
    **{name: getattr(sympy, name) for name in ("sinh", "cosh", "tanh", "coth", "sech", "csch")},
    **{name: getattr(sympy, name) for name in ("asinh", "acosh", "atanh")},
    **{name: getattr(sympy, name) for name in ("Abs", "Min", "Max", "Mod", "Add", "Mul", "Pow", "Eq", "Ne")},
}
"""What may be called with numbers, under the name that sympy writes; ``Piecewise`` and ``ITE`` take conditions."""

_ALIASES: dict[str, Callable[..., Any]] = {
    **{f"arc{name}": FUNCTIONS[f"a{name}"] for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "abs": sympy.Abs,
    "ln": sympy.log,
    "square": lambda argument: argument**2,
    "cube": lambda argument: argument**3,
    "log1p": lambda argument: sympy.log(1 + argument),
}
CALLABLE = {**FUNCTIONS, **_ALIASES}
"""Every name that may be called, with the spellings of numpy and of other tools."""

_ARITIES = {"Min": (1, None), "Max": (1, None), "Add": (1, None), "Mul": (1, None), "log": (1, 2)}
_ARITIES |= dict.fromkeys(("Mod", "Pow", "Eq", "Ne", "atan2"), (2, 2))
_RELATIONS: dict[type, Any] = {ast.Lt: sympy.Lt, ast.LtE: sympy.Le, ast.Gt: sympy.Gt, ast.GtE: sympy.Ge}


class SyntaxReader:
    """Builds the expression bottom up, with a floating-point estimate of everything that is constant.

    sympy evaluates constants exactly, or to as many digits as a comparison takes, and does not ask how long that is:
    the estimate refuses what no double can hold before sympy sees it.
    """

    def __init__(self, symbols: Mapping[str, sympy.Symbol]) -> None:
        self.symbols = symbols

    def read(self, node: ast.AST, depth: int = 1) -> Any:
        """Read an expression or a condition.

        Raises
        ------
        ParameterError
            If a node is not in the table, or the result would be deeper or larger than the limits.
        """
        if depth > _MAX_DEPTH:
            raise ParameterError(f"formula must be at most {_MAX_DEPTH} levels deep, got a deeper one")
        match node:
            case ast.Constant(value=bool() as value):
                return sympy.true if value else sympy.false
            case ast.Constant(value=int() | float() as value):
                return _checked(_number(value))
            case ast.Name(id=name):
                return self.symbols[name] if name in self.symbols else CONSTANTS[name]
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self._value(operand, depth + 1)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _multiply(sympy.S.NegativeOne, self._value(operand, depth + 1))
            case ast.UnaryOp(op=ast.Invert(), operand=operand):
                return sympy.Not(self._condition(operand, depth + 1))
            case ast.BinOp(op=ast.Add() | ast.Sub()):
                return self._sum(node, depth)
            case ast.BinOp(op=ast.Mult() | ast.Div()):
                return self._product(node, depth)
            case ast.BinOp(op=ast.Pow(), left=base, right=exponent):
                return _power(self._value(base, depth + 1), self._value(exponent, depth + 1))
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr() as mark, left=left, right=right):
                joined = sympy.And if isinstance(mark, ast.BitAnd) else sympy.Or
                conditions = [self._condition(left, depth + 1), self._condition(right, depth + 1)]
                _check_compared(joined, conditions)
                return joined(*conditions)
            case ast.Compare(left=left, ops=[mark], comparators=[right]) if type(mark) in _RELATIONS:
                return _RELATIONS[type(mark)](self._value(left, depth + 1), self._value(right, depth + 1))
            case ast.Call(func=ast.Name(id="Piecewise"), args=pieces, keywords=[]) if pieces:
                # Without evaluation: sympy would solve the conditions for their variables.
                return sympy.Piecewise(*[self._piece(piece, depth + 1) for piece in pieces], evaluate=False)
            case ast.Call(func=ast.Name(id="ITE"), args=[_, _, _] as conditions, keywords=[]):
                # What sympy makes of conditions on a Piecewise.
                return sympy.ITE(*[self._condition(condition, depth + 1) for condition in conditions], evaluate=False)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=keywords) if name in CALLABLE:
                return self._call(name, [self._value(argument, depth + 1) for argument in arguments], keywords)
        raise ParameterError(f"formula must be made of operators and calls of functions, got {_name(node)}")

    def _value(self, node: ast.AST, depth: int) -> Any:
        value = self.read(node, depth)
        if not isinstance(value, sympy.Expr):
            raise ParameterError(f"formula must compute with numbers, got the condition {quote(str(value))}")
        return value

    def _condition(self, node: ast.AST, depth: int) -> Any:
        condition = self.read(node, depth)
        if isinstance(condition, sympy.Expr):
            raise ParameterError(f"formula must have comparisons as conditions, got {quote(str(condition))}")
        return condition

    def _piece(self, node: ast.AST, depth: int) -> tuple[Any, Any]:
        match node:
            case ast.Tuple(elts=[value, condition]):
                return self._value(value, depth), self._condition(condition, depth)
        raise ParameterError(f"formula must have pairs (value, condition) in Piecewise, got {_name(node)}")

    def _sum(self, node: ast.AST, depth: int) -> Any:
        # Sums are as deep as they are long; they are read along their left side and added at once.
        terms = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
            term = self._value(node.right, depth + 1)
            terms.append(term if isinstance(node.op, ast.Add) else _multiply(sympy.S.NegativeOne, term))
            node = node.left
        terms.append(self._value(node, depth + 1))
        return _checked(sympy.Add(*reversed(terms)))

    def _product(self, node: ast.AST, depth: int) -> Any:
        factors = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult | ast.Div):
            factor = self._value(node.right, depth + 1)
            factors.append(factor if isinstance(node.op, ast.Mult) else _power(factor, sympy.S.NegativeOne))
            node = node.left
        product = self._value(node, depth + 1)
        for factor in reversed(factors):
            product = _multiply(product, factor)
        return product

    def _call(self, name: str, arguments: list[Any], keywords: list[ast.keyword]) -> Any:
        least, most = _ARITIES.get(name, (1, 1))
        if len(arguments) < least or (most is not None and len(arguments) > most):
            raise ParameterError(f"formula must call {name} with {_count(least, most)}, got {len(arguments)}")
        evaluated = _evaluate(name, arguments)
        match keywords:
            case []:
                return evaluated
            case [ast.keyword(arg="evaluate", value=ast.Constant(value=False))] if name in FUNCTIONS:
                return FUNCTIONS[name](*arguments, evaluate=False)
        raise ParameterError(f"formula must call {name} with no keyword but evaluate=False, got another")


def _evaluate(name: str, arguments: list[Any]) -> Any:
    if name == "Pow":
        return _power(*arguments)
    if name in ("Max", "Min"):
        _check_compared(FUNCTIONS[name], arguments)
    _estimate(name, arguments)
    return _checked(CALLABLE[name](*arguments))


def _check_compared(kind: Any, arguments: list[Any]) -> None:
    """Refuse more arguments than sympy compares in a moment; those of the same kind inside are its own."""
    if sum(len(argument.args) if isinstance(argument, kind) else 1 for argument in arguments) > _MAX_COMPARED:
        raise ParameterError(f"formula must have at most {_MAX_COMPARED} arguments of one {kind.__name__}, got more")


def _number(value: int | float) -> Any:
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ParameterError("formula must hold numbers of double precision, got a larger one")
        return sympy.Float(value)
    return sympy.Integer(value)


def _multiply(left: Any, right: Any) -> Any:
    product = _checked(rebuild(sympy.Mul(sympy.Symbol("a"), sympy.Symbol("b")), [left, right]))
    if isinstance(product, sympy.Mul) and len(product.args) > _MAX_FACTORS:
        raise ParameterError(f"formula must have at most {_MAX_FACTORS} factors in a product, got more")
    return product


def _power(base: Any, exponent: Any) -> Any:
    if exponent.is_Number:
        if abs(exponent) > _MAX_EXPONENT:
            raise ParameterError(
                f"formula must have numeric exponents of at most {_MAX_EXPONENT}, got {quote(str(exponent))}"
            )
        if isinstance(exponent, sympy.Rational) and exponent.q > _MAX_DENOMINATOR:
            raise ParameterError(
                f"formula must have exponents with denominators of at most {_MAX_DENOMINATOR}, got a larger one"
            )
        # (2·x)^n is 2^n·x^n to sympy, which computes 2^n exactly, and (1/2)^(1/q) is 2^((q − 1)/q)/2, with 2^(q − 1).
        coefficient = base.as_coeff_Mul()[0]
        if coefficient.is_zero and exponent < 0:
            raise ParameterError("formula must not divide by zero, got a zero below a fraction")
        exact = isinstance(exponent, sympy.Rational) and isinstance(coefficient, sympy.Rational)
        if _digits(coefficient) * max(abs(float(exponent)), exponent.q if exact else 0) > _MAX_DIGITS:
            raise ParameterError(f"formula must have powers of at most {_MAX_DIGITS} digits, got a larger one")
    elif not exponent.free_symbols and not base.free_symbols:
        _estimate("Pow", [base, exponent])
    return _checked(sympy.Pow(base, exponent))


def _digits(number: Any) -> float:
    """Digits that one factor of this number brings to a power: those of numerator and denominator, or the exponent."""
    if isinstance(number, sympy.Rational):
        return math.log10(max(abs(int(number.p)), int(number.q), 1))
    return abs(math.log10(abs(float(number)))) if float(number) else 0.0


def _estimate(name: str, arguments: list[Any]) -> None:
    """Refuse a function of constants whose value no double holds."""
    if name not in ("exp", "sinh", "cosh", "Pow") or any(argument.free_symbols for argument in arguments):
        return
    values = [np.complex128(complex(argument.evalf(15))) for argument in arguments]
    with np.errstate(all="ignore"):
        estimate = values[0] ** values[1] if name == "Pow" else getattr(np, name)(values[0])
    if not np.isfinite(estimate):
        raise ParameterError("formula must hold numbers of double precision, got a larger one")


def _checked(node: Any) -> Any:
    """Refuse numbers that no double holds, and what sympy writes for undefined ones."""
    numbers = [node.as_coeff_Mul()[0], node.as_coeff_Add()[0]] if isinstance(node, sympy.Expr) else []
    if node in (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo) or not all(map(fits_a_double, numbers)):
        raise ParameterError("formula must hold numbers of double precision, got another one")
    if any(isinstance(number, sympy.Rational) and _digits(number) > _MAX_DIGITS for number in numbers):
        raise ParameterError(f"formula must hold fractions of at most {_MAX_DIGITS} digits, got a longer one")
    return node


def fits_a_double(number: Any) -> bool:
    """Whether a number is neither too large nor, unless it is zero, too small for a double."""
    try:
        value = float(number)
    except OverflowError:
        return False
    return math.isfinite(value) and (value != 0 or number.is_zero)


def _count(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more arguments"
    return f"{least} or {most} arguments" if most > least else f"{least} argument{'s' if least > 1 else ''}"


def _name(node: ast.AST) -> str:
    described = node.op if isinstance(node, ast.BinOp | ast.UnaryOp) else node
    return type(described).__name__
