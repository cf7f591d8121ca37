"""How a quotient of polynomials can be written: divided, factored, in partial fractions, as a root.

Polynomials are dictionaries from exponents to coefficients.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.symbolic.description import constant_bits, tree_bits
from kansym.symbolic.evaluation import count_constants

__all__ = [
    "briefly",
    "completed_squares",
    "description_length",
    "divided",
    "factored",
    "in_parts",
    "polynomial_sum",
    "square_root",
    "tidied",
]

Array = NDArray[np.float64]
Exponents = tuple[int, ...]

_ROUND = 1e-9
_NEARLY = 1e-7  # coefficients of a null vector are no better on wide ranges; what is made of them is fitted again
_SAME_ZERO = 1e-6
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


def completed_squares(part: Mapping[Exponents, Any], variables: Sequence[sympy.Symbol]) -> Any:
    """The polynomial in sympy, with the squares of two terms where it has the three of them multiplied out.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> completed_squares({(2, 0): 1.0, (1, 1): -2.0, (0, 2): 1.0, (1, 0): 3.0}, (x, y))
    3.0*x + (x - y)**2
    """
    rest, squares = {e: float(c) for e, c in part.items()}, sympy.S.Zero
    for e, f in itertools.combinations(part, 2):
        if e not in rest or f not in rest or any(k % 2 for k in (*e, *f)) or min(rest[e], rest[f]) <= 0:
            continue
        between = tuple((a + b) // 2 for a, b in zip(e, f, strict=True))
        product = 2.0 * math.sqrt(rest[e]) * math.sqrt(rest[f])
        if between not in rest or abs(abs(rest[between]) - product) > _NEARLY * product:
            continue
        sign = math.copysign(1.0, rest.pop(between))
        halves = [tuple(k // 2 for k in exponents) for exponents in (e, f)]
        root = {halves[0]: math.sqrt(rest.pop(e)), halves[1]: sign * math.sqrt(rest.pop(f))}
        squares += polynomial_sum(tidied(root), variables) ** 2
    return squares + polynomial_sum(tidied(rest), variables)


def _tidy(value: float) -> Any:
    """One as an exact number, so that it is no constant; others as they are."""
    return sympy.Integer(round(value)) if abs(abs(value) - 1.0) < _ROUND else sympy.Float(value)


def polynomial_sum(part: Mapping[Exponents, Any], variables: Sequence[sympy.Symbol]) -> Any:
    """The polynomial in sympy."""
    terms = [c * sympy.Mul(*[v**k for v, k in zip(variables, e, strict=True)]) for e, c in part.items()]
    return sympy.Add(*terms)


def briefly(part: Mapping[Exponents, Any], variables: Sequence[sympy.Symbol]) -> Any:
    """The polynomial in sympy, in factors or with squares of two terms where that is shorter.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> briefly({(6, 0): 1.0, (4, 2): 3.0, (2, 4): 3.0, (0, 6): 1.0}, (x, y))
    (x**2 + y**2)**3
    """
    forms = [polynomial_sum(part, variables), completed_squares(part, variables)]
    rational = _rational(part, variables)
    forms += [] if rational is None else [_floated(sympy.factor(rational))]
    return min(forms, key=description_length)


def divided(
    above: Mapping[Exponents, Any],
    below: Mapping[Exponents, Any],
    place: int,
    variables: Sequence[sympy.Symbol],
    nothing: float = _ROUND,
    scales: Sequence[float] | None = None,
) -> Any:
    """``D + R/Q`` by division in one variable, where Q's leading coefficient is a number; None where it is not.

    A coefficient below ``nothing`` of P's largest is taken for zero, each for variables of the size ``scales``.
    """
    degree = max(e[place] for e in below)
    leading = [e for e in below if e[place] == degree]
    if degree == 0 or len(leading) != 1 or sum(leading[0]) != degree:
        return None
    head, rest, whole = leading[0], {e: float(c) for e, c in above.items()}, {}
    decades = [0.0 if scale <= 0 else math.log10(scale) for scale in scales or (1.0,) * len(variables)]

    def size(e: Exponents, c: float) -> float:
        return math.log10(abs(c)) + sum(k * one for k, one in zip(e, decades, strict=True)) if c else -math.inf

    least = max(size(e, c) for e, c in rest.items()) + math.log10(nothing)
    while rest and (largest := max(rest, key=lambda e: e[place]))[place] >= degree:
        shift = tuple(a - b for a, b in zip(largest, head, strict=True))
        factor = rest[largest] / float(below[head])
        whole[shift] = factor
        for e, c in below.items():
            target = tuple(a + b for a, b in zip(e, shift, strict=True))
            rest[target] = rest.get(target, 0.0) - factor * float(c)
        rest = {e: c for e, c in rest.items() if e != largest and size(e, c) > least}
    if not whole:
        return None
    quotient, remainder = polynomial_sum(tidied(whole), variables), polynomial_sum(tidied(rest), variables)
    return quotient + remainder / polynomial_sum(below, variables)


def in_parts(
    above: Mapping[Exponents, Any],
    below: Mapping[Exponents, Any],
    variables: Sequence[sympy.Symbol],
    apart: float = _SAME_ZERO,
) -> Any:
    """One fraction for each power of the other variables, in lowest terms; None where nothing cancels.

    For denominators of one variable, times powers. Zeros that are less than a share ``apart`` from each other are one.

    Examples
    --------
    >>> x, y = sympy.symbols("x y", real=True)
    >>> in_parts({(2, 1): 3.0, (1, 1): 6.0, (0, 0): 5.0}, {(2, 0): 1.0, (1, 0): 2.0}, (x, y))
    3.0*y + 5.0/(x*(x + 2.0))
    """
    shift = tuple(map(min, zip(*below, strict=True)))
    varying = [i for i, powers in enumerate(zip(*below, strict=True)) if len(set(powers)) > 1]
    if len(varying) != 1:
        return None
    (place,) = varying
    whole = _coefficients(below, place, shift[place])
    groups: dict[Exponents, dict[Exponents, Any]] = {}
    for e, c in above.items():
        groups.setdefault((*e[:place], 0, *e[place + 1 :]), {})[e] = c
    total, cancelled = sympy.S.Zero, False
    for key, part in groups.items():
        low = min(e[place] for e in part)
        up, down = _lowest_terms(_coefficients(part, place, low), whole, apart)
        cancelled |= len(down) < len(whole)
        powers = [low if i == place else k for i, k in enumerate(key)]
        monomial = sympy.Mul(*[v ** (k - s) for v, k, s in zip(variables, powers, shift, strict=True)])
        fraction = [_polynomial(coefficients, variables[place]) for coefficients in (up, down)]
        total += monomial * fraction[0] / fraction[1]
    return total if cancelled else None


def _coefficients(part: Mapping[Exponents, Any], place: int, low: int) -> Array:
    """Of the powers of one variable, less the lowest one; the leading coefficient first."""
    coefficients = np.zeros(max(e[place] for e in part) - low + 1)
    for e, c in part.items():
        coefficients[e[place] - low] = float(c)
    return coefficients[::-1]


def _lowest_terms(up: Array, down: Array, apart: float) -> tuple[Array, Array]:
    """Two polynomials without their common zeros."""
    zeros, poles, kept = np.roots(up).tolist(), np.roots(down).tolist(), []
    for zero in zeros:
        near = [pole for pole in poles if abs(pole - zero) <= apart * (abs(pole) + abs(zero))]
        if near:
            poles.remove(min(near, key=lambda pole: abs(pole - zero)))
        else:
            kept.append(zero)
    return up[0] * np.atleast_1d(np.real(np.poly(kept))), down[0] * np.atleast_1d(np.real(np.poly(poles)))


def _polynomial(coefficients: Array, variable: sympy.Symbol) -> Any:
    terms = enumerate(coefficients[::-1].tolist())
    return polynomial_sum(tidied({(k,): c for k, c in terms if c}), (variable,))


def factored(
    above: Mapping[Exponents, Any], below: Mapping[Exponents, Any], variables: Sequence[sympy.Symbol]
) -> list[Any]:
    """Factors and partial fractions, where all coefficients are rational numbers of small denominators."""
    exact = [_rational(part, variables) for part in (above, below)]
    if None in exact:
        return []
    quotient = exact[0] / exact[1]
    forms = [sympy.factor(quotient), *(sympy.apart(quotient, variable) for variable in variables)]
    return [_floated(form) for form in forms]


def _rational(part: Mapping[Exponents, Any], variables: Sequence[sympy.Symbol]) -> Any:
    """The polynomial with rational numbers of small denominators for its coefficients; None if some are none.

    Beyond 2^53 every double is an integer, which says nothing.
    """
    if any(abs(float(c)) > 2.0**53 for c in part.values()):
        return None
    numbers = {e: Fraction(float(c)).limit_denominator(_LARGEST_DENOMINATOR) for e, c in part.items()}
    if any(abs(float(numbers[e]) - float(c)) > _NEARLY * abs(float(c)) for e, c in part.items()):
        return None
    return polynomial_sum({e: sympy.Rational(n.numerator, n.denominator) for e, n in numbers.items()}, variables)


def _floated(form: Any) -> Any:
    """Fractions as fitted constants, but for exponents; integers stay exact."""
    if isinstance(form, sympy.Rational) and not form.is_Integer:
        return sympy.Float(form)
    if not form.args or (isinstance(form, sympy.Pow) and not form.base.args):
        return form
    if isinstance(form, sympy.Pow):
        return _floated(form.base) ** form.exp
    return form.func(*[_floated(argument) for argument in form.args])
