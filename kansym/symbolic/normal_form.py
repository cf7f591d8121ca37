"""One form for each family of equal formulas, without constants that say the same thing twice.

``c·g(a·u + b) + d`` with ``g`` a power, an exponential, a logarithm or an absolute value has a redundant constant: the
scale or the shift of the argument can be moved outside. Fits with redundant constants are singular, and their
constants cannot be rounded; so every formula is brought to this form before its constants are touched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import sympy

from kansym.errors import ParameterError

__all__ = [
    "normal_form",
    "one_exponential",
    "one_logarithm",
    "one_root",
    "one_wave",
    "product_of",
    "rebuild",
    "replace_constants",
    "skeleton",
]

_ROOTS = (sympy.Rational(1, 2), sympy.Rational(-1, 2))
_MOST_TERMS = 60
_LARGEST_EXPONENT = 600.0  # exp(600) is still far from overflow when a coefficient is multiplied in


def rebuild(node: sympy.Basic, arguments: Sequence[Any]) -> Any:
    """Return ``node`` with new arguments, keeping ``c·(a + b)`` factored, which sympy alone would multiply out."""
    if isinstance(node, sympy.Mul):
        return product_of(arguments)
    result = node.func(*arguments)
    # sympy turns tan(u + π/2) into −cot(u), which no library holds.
    return result.replace(sympy.cot, lambda u: 1 / sympy.tan(u)) if result.has(sympy.cot) else result


def product_of(factors: Sequence[Any]) -> Any:
    """Multiply factors, and leave a number before a sum where it is."""
    number: Any = sympy.Mul(*[factor for factor in factors if factor.is_Number])
    rest: Any = sympy.Mul(*[factor for factor in factors if not factor.is_Number])
    if isinstance(rest, sympy.Add) and number not in (sympy.S.One, sympy.S.Zero):
        return sympy.Mul(number, rest, evaluate=False)
    if rest.is_Mul and rest.args[0].is_Number and isinstance(sympy.Mul(*rest.args[1:]), sympy.Add):
        return product_of([number * rest.args[0], *rest.args[1:]])
    return number * rest


def skeleton(expression: sympy.Expr) -> sympy.Expr:
    """Return the formula with every fitted constant replaced by the same symbol: its form without its numbers.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> skeleton(2.5 * x + 1) == skeleton(0.3 * x + 1)
    True
    """
    result: Any = expression.xreplace({number: sympy.Symbol("c") for number in expression.atoms(sympy.Float)})
    return result


def replace_constants(expression: sympy.Expr, values: Sequence[Any]) -> sympy.Expr:
    """Replace the fitted constants (each ``Float``), in the order of evaluation, by ``values``.

    Parameters
    ----------
    expression : sympy.Expr
        With as many ``Float`` as there are values.
    values : sequence of float or sympy.Expr
        Floats stay fitted constants; integers, rationals and multiples of π become exact.

    Raises
    ------
    ParameterError
        If the number of values is wrong.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> replace_constants(2.5 * x + 0.5, [sympy.Integer(0), 3.0])
    3.0*x
    """
    remaining = iter(values)

    def visit(node: Any) -> Any:
        if isinstance(node, sympy.Float):
            value = next(remaining, None)
            if value is None:
                raise ParameterError("values must hold one number for each constant of the formula, got too few")
            return value if isinstance(value, sympy.Basic) else sympy.Float(float(value))
        if not node.args:
            return node
        return rebuild(node, [visit(argument) for argument in node.args])

    result = visit(expression)
    if next(remaining, None) is not None:
        raise ParameterError("values must hold one number for each constant of the formula, got too many")
    return result


def normal_form(expression: Any) -> Any:
    """Move scales and shifts out of powers, exponentials, logarithms, absolute values and waves.

    The value is the same wherever the formula is defined.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> normal_form(3.0 * (2.0 * x - 1.0) ** 2)
    12.0*(x - 0.5)**2
    >>> normal_form(sympy.exp(2.0 * x + sympy.Float(0.0)))
    exp(2.0*x)
    """
    if not expression.args:
        return expression
    arguments = [normal_form(argument) for argument in expression.args]
    node = rebuild(expression, arguments)
    rule = _RULES.get(node.func)
    return rule(node) if rule is not None else node


def one_logarithm(expression: Any) -> Any:
    """Gather the plain logarithms of a sum in one, its argument factored; ``log a + log b`` becomes ``log(a·b)``.

    The value is the same wherever the sum is defined.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> one_logarithm(sympy.log(x * (x + 1)) + sympy.log(x + 1 / x))
    log((x + 1)*(x**2 + 1))
    """
    if not isinstance(expression, sympy.Add):
        return expression
    logarithms = [term for term in expression.args if isinstance(term, sympy.log)]
    if len(logarithms) < 2:
        return expression
    product = sympy.Mul(*[term.args[0] for term in logarithms])
    if _terms(product) <= _MOST_TERMS:
        product = sympy.factor(product)
    return sympy.Add(sympy.log(product), *[term for term in expression.args if term not in logarithms])


def _terms(expression: Any) -> float:
    """Terms of a rational function that is multiplied out; infinite for all else, which sympy may factor for hours."""
    if isinstance(expression, sympy.Add):
        return sum(_terms(term) for term in expression.args)
    if isinstance(expression, sympy.Mul):
        return math.prod(_terms(factor) for factor in expression.args)
    if isinstance(expression, sympy.Pow) and expression.exp.is_Integer:
        base, times = _terms(expression.base), abs(int(expression.exp))
        return math.comb(int(base) + times - 1, times) if max(base, times) <= _MOST_TERMS else math.inf
    return 1.0 if expression.is_Symbol or expression.is_Number else math.inf


def one_root(expression: Any) -> Any:
    """Take the other factors of a product under its square root; ``x·√(1 + y²/x²)`` becomes ``√(x² + y²)``.

    Under the root of a product only those that are in it: ``x·√(y/x)·cos(z)`` becomes ``√(x·y)·cos(z)``.

    The value is the same where the product of these factors is positive.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> one_root(3.0 * x * sympy.sqrt(1 + y**2 / x**2))
    3.0*sqrt(x**2 + y**2)
    """
    parts: list[Any] = list(sympy.Mul.make_args(expression))
    numbers = [part for part in parts if part.is_Number]
    factors = [part for part in parts if not part.is_Number]
    roots = [factor for factor in factors if factor.is_Pow and factor.exp in _ROOTS and not factor.base.is_Atom]
    if len(roots) != 1 or len(factors) < 2:
        return expression
    (root,) = roots
    taken = [factor for factor in factors if factor is not root]
    if not root.base.is_Add:
        taken = [factor for factor in taken if factor.as_base_exp()[0] in root.base.free_symbols]
    inside = sympy.expand_mul(root.base * sympy.Mul(*taken) ** (1 / root.exp))
    others = [factor for factor in factors if factor is not root and factor not in taken]
    return product_of([*numbers, *others, inside**root.exp])


def one_exponential(expression: Any) -> Any:
    """Turn products of exponentials into one of a sum, wherever they stand.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> one_exponential(1 + 2 * y * sympy.exp(x**2) * sympy.exp(sympy.sin(y)))
    2*y*exp(x**2 + sin(y)) + 1
    """
    if not expression.args:
        return expression
    rewritten = rebuild(expression, [one_exponential(argument) for argument in expression.args])
    factors: list[Any] = list(sympy.Mul.make_args(rewritten))
    exponents: list[Any] = [factor.args[0] for factor in factors if isinstance(factor, sympy.exp)]
    if len(exponents) < 2:
        return rewritten
    others = [factor for factor in factors if not isinstance(factor, sympy.exp)]
    return product_of([*others, sympy.exp(sympy.Add(*exponents))])


def one_wave(expression: Any) -> Any:
    """Turn sums of a sine and a cosine of the same argument into one wave with a phase, wherever they stand.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> one_wave(1 + 3.0 * y * sympy.sin(2 * x) + 4.0 * y * sympy.cos(2 * x))
    5.0*y*sin(2*x + 0.927295218001612) + 1
    """
    if not expression.args:
        return expression
    node = rebuild(expression, [one_wave(argument) for argument in expression.args])
    if not isinstance(node, sympy.Add):
        return node
    waves: dict[Any, dict[Any, Any]] = {}
    others = []
    for term in node.args:
        found = [factor for factor in sympy.Mul.make_args(term) if factor.func in (sympy.sin, sympy.cos)]
        if len(found) == 1:
            number, rest = (term / found[0]).as_coeff_Mul()
            waves.setdefault((rest, found[0].args[0]), {})[found[0].func] = number
        else:
            others.append(term)
    for (rest, argument), parts in waves.items():
        if len(parts) < 2:
            others += [number * rest * wave(argument) for wave, number in parts.items()]
            continue
        sine, cosine = float(parts[sympy.sin]), float(parts[sympy.cos])
        phase = sympy.Float(math.atan2(cosine, sine))
        others.append(sympy.Float(math.hypot(sine, cosine)) * rest * sympy.sin(argument + phase))
    return sympy.Add(*others)


def _scale_and_rest(argument: Any) -> tuple[Any, Any]:
    """Split ``s·u`` with ``s > 0`` a number, ``u`` having a leading coefficient of one or minus one."""
    if isinstance(argument, sympy.Add):
        coefficients = [(term.as_coeff_Mul(), term) for term in argument.args if term.free_symbols]
        floats = [number for (number, _), _ in coefficients if isinstance(number, sympy.Float) and float(number) != 0.0]
        # With an exact coefficient present the argument is scaled already.
        if not floats or len(floats) < len(coefficients):
            return sympy.S.One, argument
        leading = min(floats, key=lambda value: abs(math.log(abs(float(value)))))
        parts = [term.as_coeff_Mul() for term in argument.args]
        # The leading coefficient becomes an exact one: it is no constant any more.
        rest = [
            (sympy.sign(leading) if coefficient == leading and part != 1 else coefficient / abs(leading)) * part
            for coefficient, part in parts
        ]
        return abs(leading), sympy.Add(*rest)
    coefficient, rest = argument.as_coeff_Mul()
    if coefficient.is_Number and coefficient != 0:
        return abs(coefficient), rest * sympy.sign(coefficient)
    return sympy.S.One, argument


def _power(node: Any) -> Any:
    base, exponent = node.args
    if not exponent.is_Number or isinstance(base, sympy.Symbol):
        return node
    scale, rest = _scale_and_rest(base)
    if scale == 1:
        return node
    if exponent.is_Integer and exponent % 2 == 0 and rest.could_extract_minus_sign():
        rest = -rest
    if abs(float(exponent) * math.log(float(scale))) > _LARGEST_EXPONENT:
        return node
    return product_of([sympy.Float(float(scale) ** float(exponent)), rest**exponent])


def _exponential(node: Any) -> Any:
    shift, rest = _shift_and_rest(node.args[0])
    if shift == 0 or not isinstance(shift, sympy.Float) or abs(float(shift)) > _LARGEST_EXPONENT:
        return node
    return product_of([sympy.Float(math.exp(float(shift))), sympy.exp(rest)])


def _logarithm(node: Any) -> Any:
    scale, rest = _scale_and_rest(node.args[0])
    if scale == 1:
        return node
    return sympy.log(rest) + sympy.Float(math.log(float(scale)))


def _absolute(node: Any) -> Any:
    scale, rest = _scale_and_rest(node.args[0])
    return product_of([scale, sympy.Abs(rest)])


def _wave(node: Any) -> Any:
    """Bring sin and cos to a phase in [−π/4, π/4]: shift by quarter turns, each swapping sin and cos."""
    shift, rest = _shift_and_rest(node.args[0])
    if not isinstance(shift, sympy.Float) or not math.isfinite(float(shift)):  # sympy's numbers go beyond doubles
        return node
    quarter_turns = round(float(shift) / (math.pi / 2))
    phase = float(shift) - quarter_turns * math.pi / 2
    # cos(u) = sin(u + π/2): count the quarter turns of a sine.
    turns = (quarter_turns + (1 if node.func is sympy.cos else 0)) % 4
    argument = rest + sympy.Float(phase) if phase != 0 else rest
    function: Callable[[Any], Any] = sympy.cos if turns % 2 else sympy.sin
    return -function(argument) if turns >= 2 else function(argument)


def _shift_and_rest(argument: Any) -> tuple[Any, Any]:
    if not isinstance(argument, sympy.Add):
        return sympy.S.Zero, argument
    shift = sympy.Add(*[term for term in argument.args if term.is_Number])
    return shift, argument - shift


_RULES: dict[Any, Callable[[Any], Any]] = {
    sympy.Pow: _power,
    sympy.exp: _exponential,
    sympy.log: _logarithm,
    sympy.Abs: _absolute,
    sympy.sin: _wave,
    sympy.cos: _wave,
}
