"""How a quotient of polynomials can be written: divided, factored, in partial fractions, as a root.

Polynomials are dictionaries from exponents to coefficients.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy

from kansym.symbolic.description import constant_bits, tree_bits
from kansym.symbolic.evaluation import count_constants

__all__ = ["description_length", "divided", "factored", "polynomial_sum", "square_root", "tidied"]

Exponents = tuple[int, ...]

_ROUND = 1e-9
_LARGEST_DENOMINATOR = 1000
_CONSTANT_BITS = constant_bits(1000)


def description_length(form: Any) -> float:
    """Bits of the tree and of its constants."""
    return tree_bits(form) + _CONSTANT_BITS * count_constants(form)


def tidied(part: Mapping[Exponents, float]) -> dict[Exponents, Any]:
    """The coefficients in sympy, those of one exact."""
    return {exponent: _tidy(c) for exponent, c in part.items()}


def square_root(part: Mapping[Exponents, float]) -> dict[Exponents, Any] | None:
    """The polynomial whose square has these coefficients; None if there is none.

    Its terms are found one by one, the leading one of what is left divided by twice the leading one of the root.
    """
    head = max(part)
    if any(k % 2 for k in head) or len(part) < 2:
        return None
    first = tuple(k // 2 for k in head)
    root = {first: math.sqrt(part[head])}
    for _ in range(len(part)):
        rest = dict(part)
        for (e, c), (f, d) in itertools.product(root.items(), repeat=2):
            both = tuple(a + b for a, b in zip(e, f, strict=True))
            rest[both] = rest.get(both, 0.0) - c * d
        left = {e: c for e, c in rest.items() if abs(c) > _ROUND * abs(part[head])}
        if not left:
            return tidied(root)
        leading = max(left)
        quotient = tuple(a - b for a, b in zip(leading, first, strict=True))
        if min(quotient) < 0 or quotient in root:
            return None
        root[quotient] = left[leading] / (2.0 * root[first])
    return None


def _tidy(value: float) -> Any:
    """One as an exact number, so that it is no constant; others as they are."""
    return sympy.Integer(round(value)) if abs(abs(value) - 1.0) < _ROUND else sympy.Float(value)


def polynomial_sum(part: Mapping[Exponents, Any], variables: Sequence[sympy.Symbol]) -> Any:
    """The polynomial in sympy."""
    terms = [c * sympy.Mul(*[v**k for v, k in zip(variables, e, strict=True)]) for e, c in part.items()]
    return sympy.Add(*terms)


def divided(
    above: Mapping[Exponents, Any], below: Mapping[Exponents, Any], place: int, variables: Sequence[sympy.Symbol]
) -> Any:
    """``D + R/Q`` by division in one variable, where Q's leading coefficient is a number; None where it is not."""
    degree = max(e[place] for e in below)
    leading = [e for e in below if e[place] == degree]
    if degree == 0 or len(leading) != 1 or sum(leading[0]) != degree:
        return None
    head, rest, whole = leading[0], {e: float(c) for e, c in above.items()}, {}
    size = max(map(abs, rest.values()))
    while rest and (largest := max(rest, key=lambda e: e[place]))[place] >= degree:
        shift = tuple(a - b for a, b in zip(largest, head, strict=True))
        factor = rest[largest] / float(below[head])
        whole[shift] = factor
        for e, c in below.items():
            target = tuple(a + b for a, b in zip(e, shift, strict=True))
            rest[target] = rest.get(target, 0.0) - factor * float(c)
        rest = {e: c for e, c in rest.items() if e != largest and abs(c) > _ROUND * size}
    if not whole:
        return None
    quotient, remainder = polynomial_sum(tidied(whole), variables), polynomial_sum(tidied(rest), variables)
    return quotient + remainder / polynomial_sum(below, variables)


def factored(
    above: Mapping[Exponents, Any], below: Mapping[Exponents, Any], variables: Sequence[sympy.Symbol]
) -> list[Any]:
    """Factors and partial fractions, where all coefficients are rational numbers of small denominators."""
    exact: list[Any] = []
    for part in (above, below):
        numbers = {e: Fraction(float(c)).limit_denominator(_LARGEST_DENOMINATOR) for e, c in part.items()}
        if any(abs(float(numbers[e]) - float(c)) > _ROUND * abs(float(c)) for e, c in part.items()):
            return []
        rationals = {e: sympy.Rational(n.numerator, n.denominator) for e, n in numbers.items()}
        exact.append(polynomial_sum(rationals, variables))
    quotient = exact[0] / exact[1]
    forms = [sympy.factor(quotient), *(sympy.apart(quotient, variable) for variable in variables)]
    return [_floated(form) for form in forms]


def _floated(form: Any) -> Any:
    """Fractions as fitted constants, but for exponents; integers stay exact."""
    if isinstance(form, sympy.Rational) and not form.is_Integer:
        return sympy.Float(form)
    if not form.args or (isinstance(form, sympy.Pow) and not form.base.args):
        return form
    if isinstance(form, sympy.Pow):
        return _floated(form.base) ** form.exp
    return form.func(*[_floated(argument) for argument in form.args])
