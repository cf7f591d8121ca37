"""Laws that are roots of quadratic equations, found as null vectors.

``A(x)·y² + B(x)·y + C(x) = 0`` with polynomials A, B and C is a null vector of their monomials, those of B times y,
those of A times y². So a law like ``9·m·(1/√(1 − v²/9) − 1)``, or the share of a ligand that is bound where it is used
up, is found by one decomposition, whatever its constants. It is written by the formula for the roots, and as ``r ± √s``
with ``r = −B/(2A)`` and ``s = (y − r)²``, which are quotients of polynomials and are brought to lowest terms as such.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.symbolic.null_vectors import Polynomial, is_feasible, lowest_relation, monomials
from kansym.symbolic.quotient_forms import description_length, polynomial_sum, tidied
from kansym.symbolic.relations import Relation, relation_of
from kansym.symbolic.rows import Rows

__all__ = ["exact_roots_of_quadratics"]

Array = NDArray[np.float64]

_DEGREES = ((1, 1, 1), (2, 1, 0), (2, 2, 2), (3, 3, 3), (4, 3, 2))  # of C, B and A
_DEGREES_OF_ONE = ((1, 1, 1), (2, 1, 0), (2, 2, 2), (4, 2, 0), (3, 3, 3), (4, 4, 4))
_MOST_DEGREES, _MOST_MONOMIALS = 8, 100  # of above and below in lowest terms
_DERIVED = 1e-9  # residual that counts as none where the target is made of a null vector
_ZERO = 1e-9


def exact_roots_of_quadratics(
    rows: Rows, should_stop: Callable[[], bool] | None = None
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose the root of a quadratic equation that the rows obey up to rounding, in its spellings, short ones first.

    Parameters
    ----------
    rows : Rows
        At least two and a half times as many as there are monomials; higher degrees are not tried with fewer.
    should_stop : callable, optional
        Asked before each decomposition.

    Yields
    ------
    tuple of sympy.Expr and float
        The formula, and the bits that name it.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(0, 2.5, (200, 1))
    >>> rows = Rows.from_arrays(x, 9 / np.sqrt(1 - x[:, 0] ** 2 / 9) - 9)
    >>> formula, _ = next(exact_roots_of_quadratics(rows))
    >>> round(float(formula.subs(rows.variables[0], 1.8)), 9)
    2.25
    """
    columns, target = rows.columns, rows.target
    with np.errstate(all="ignore"):
        factors = [np.ones(len(target)), target, target**2]
    if rows.is_constant or not np.all(np.isfinite(factors)) or not np.any(factors[2]):
        return
    degrees = _DEGREES_OF_ONE if columns.shape[1] == 1 else _DEGREES
    stop = should_stop or (lambda: False)
    found = lowest_relation(columns, factors, degrees, stop)
    if found is None or not all(found.polynomials):
        return
    linear, square = (_values(polynomial, columns) for polynomial in found.polynomials[1:])
    with np.errstate(all="ignore"):
        middle = -linear / (2.0 * square)
        distance = target - middle
        size = np.abs(distance).max()
    signs = _common_sign(distance, size), _common_sign(square, np.abs(square).max())
    if not np.isfinite(size) or signs[0] == 0:
        return  # the rows are on both branches, or beyond what doubles tell
    forms = _solved(found.polynomials, signs[0] * signs[1], rows.variables) if signs[1] else []
    forms += _in_lowest_terms(columns, middle, signs[0] * distance, signs[0], rows.variables, stop)
    for form in sorted(dict.fromkeys(forms), key=description_length):
        yield form, found.bits


def _values(polynomial: Polynomial, columns: Array) -> Array:
    return monomials(columns, list(polynomial)) @ np.array(list(polynomial.values()))


def _common_sign(values: Array, size: float) -> int:
    """The sign of all values, where those that are nearly zero have any; zero if they differ."""
    return next((sign for sign in (1, -1) if np.all(sign * values > -_ZERO * size)), 0)


def _solved(polynomials: tuple[Polynomial, ...], sign: int, variables: Sequence[sympy.Symbol]) -> list[Any]:
    """``(−B ± √(B² − 4·A·C))/(2·A)``, the root's argument multiplied out and as it is; 2·A has a coefficient of one."""
    unit = 2.0 * max(polynomials[2].values(), key=abs)
    constant, linear, square = ({e: c / unit for e, c in part.items()} for part in polynomials)
    inside = _sum_of_products([(1.0, linear, linear), (-4.0, square, constant)])
    above, out, less, below = (
        polynomial_sum(tidied({e: number * c for e, c in part.items()}), variables)
        for number, part in ((-1.0, linear), (1.0, inside), (4.0, constant), (2.0, square))
    )
    roots = sympy.sqrt(out), sympy.sqrt(above**2 - less * below / 2)
    return [(above + int(sign * np.sign(unit)) * root) / below for root in roots]


def _sum_of_products(products: Sequence[tuple[float, Polynomial, Polynomial]]) -> Polynomial:
    """The polynomial, without the terms that cancel."""
    total: Polynomial = {}
    largest: Polynomial = {}
    for number, first, second in products:
        for (e, c), (f, d) in itertools.product(first.items(), second.items()):
            both = tuple(a + b for a, b in zip(e, f, strict=True))
            total[both] = total.get(both, 0.0) + number * c * d
            largest[both] = max(largest.get(both, 0.0), abs(number * c * d))
    return {e: c for e, c in total.items() if abs(c) > _ZERO * largest[e]}


def _in_lowest_terms(
    columns: Array,
    middle: Array,
    distance: Array,
    sign: int,
    variables: Sequence[sympy.Symbol],
    stop: Callable[[], bool],
) -> list[Any]:
    """``r ± √s``, r and s as simple as they can be."""
    inside = _lowest(columns, distance**2, stop)
    if inside is None:
        return []
    if np.ptp(middle) <= _ZERO * distance.max():
        firsts = [sympy.Float(np.median(middle))]
    else:
        rational = _lowest(columns, middle, stop)
        firsts = [] if rational is None else rational.spellings(variables)
    # On the row that is farthest from both branches' meeting the sign is no matter of rounding.
    row = dict(zip(variables, columns[int(np.argmax(distance))].tolist(), strict=True))
    roots = [root * value for root in inside.roots(variables) if (value := _sign_at(root, row)) != 0]
    roots += [sympy.sqrt(spelling) for spelling in inside.spellings(variables)]
    return [first + sign * root for first in firsts for root in roots]


def _sign_at(root: Any, row: dict[Any, float]) -> int:
    """The sign that a root has there; zero where it has no real value."""
    value: Any = sympy.sympify(root.xreplace(row))
    return int(np.sign(float(value))) if value.is_real else 0


def _lowest(columns: Array, values: Array, stop: Callable[[], bool]) -> Relation | None:
    """The quotient of the lowest degrees that has these values."""
    for total in range(_MOST_DEGREES + 1):
        for top in range(total, -1, -1):
            if not is_feasible(columns, (top, total - top), _MOST_MONOMIALS):
                continue
            if stop():
                return None
            found = relation_of(columns, values, top, total - top, _DERIVED)
            if found is not None:
                return found
    return None
