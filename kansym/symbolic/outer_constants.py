"""Laws with a constant in the outermost function, such as ``y = c·log(P/Q)`` and ``y = (P/Q)^c``, as dips of an angle.

``P(x) − exp(k·y)·Q(x) = 0`` is linear in all constants but k = 1/c, and so is ``P(x) − |y|^p·Q(x) = 0`` in all but p:
where k or p is right, the space of the P and that of the T(y)·Q share a direction, see :mod:`kansym.symbolic.angles`.
The same holds for every function with an inverse that one constant changes, as ``atanh(k·y)``. So the voltage of a
membrane, ``0.0257·log((Pk·K + Pn·N)/(…))``, needs a scan of one number and not a search.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.library import Library
from kansym.symbolic.angles import Spaces
from kansym.symbolic.null_vectors import count_monomials, exponents_up_to, monomials
from kansym.symbolic.relations import relation_of
from kansym.symbolic.rows import Rows

__all__ = ["laws_of_outer_function", "laws_with_outer_constant"]

Array = NDArray[np.float64]

_DEGREES = ((1, 0), (2, 0), (1, 1), (2, 1), (1, 2), (2, 2))
_MOST_COLUMNS = 64
_ROWS_PER_COLUMN = 3
_LEAST_ROWS_PER_COLUMN = 2
_FOLDINGS = np.geomspace(0.5, 60.0, 24)[:, None]  # of exp(k·y) over the range of y
_POWERS = np.geomspace(0.12, 8.0, 24)[:, None]
_SMALLEST = 1e-12  # share of the largest value of which a reciprocal is taken
# Where the argument may be at its largest: of what saturates little is left beyond, a sine has no inverse.
_INVERTIBLE = (
    ("tanh", sympy.tanh, math.tanh, np.arctanh, np.geomspace(0.3, 8.0, 16)[:, None]),
    ("arctan", sympy.atan, math.atan, np.tan, np.geomspace(0.3, 100.0, 16)[:, None]),
    ("sin", sympy.sin, math.sin, np.arcsin, np.geomspace(0.3, 1.5, 10)[:, None]),
)
_DISTANCES = np.geomspace(1e-3, 20.0, 20)[:, None]
_LEAST = 0.1  # of the smallest start: with k towards zero exp(k·y) is one, which is a quotient of polynomials
# Monomials that only make up for an error of the constant are left out; the fit of the formula finds its last digits.
_NEARLY_NULL = (1e-5, 1e-8)
_BITS = 6.0  # which function of the target, and the degrees


@dataclass(frozen=True, eq=False)
class _Outer:
    """A function of the target with one constant, a quotient of polynomials where the constant is right.

    Attributes
    ----------
    grid : ndarray of shape (n_starts, 1)
        Where the constant may be.
    target : callable
        From the constant to the function's values.
    law : callable
        From a quotient and the constant to the target.
    """

    grid: Array
    target: Callable[[float], Array]
    law: Callable[[Any, float], Any]


_Family = Callable[[Array, Library], Iterator[_Outer]]


def laws_with_outer_constant(
    rows: Rows, library: Library, should_stop: Callable[[], bool] | None = None
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose logarithms and real powers of quotients of polynomials that the rows obey up to rounding, and their bits.

    Whether a formula is exact, the fit of its constants has to say.

    Parameters
    ----------
    rows : Rows
    library : Library
        Its functions are used.
    should_stop : callable, optional
        Asked before each scan.

    Examples
    --------
    >>> from kansym.library import default_library
    >>> x = np.random.default_rng(0).uniform(1, 5, (200, 2))
    >>> rows = Rows.from_arrays(x, 0.37 * np.log(1 + 3 * x[:, 0]) - 0.37 * np.log(2 + x[:, 1]))
    >>> formula = next(laws_with_outer_constant(rows, default_library()))[0]
    >>> bool(abs(formula.subs(dict(zip(rows.variables, (2.0, 5.0))))) < 1e-9)
    True
    """
    outers = (_logarithm, _power) if not rows.is_constant else ()
    yield from _laws(rows, outers, library, should_stop or (lambda: False))


def laws_of_outer_function(
    rows: Rows, library: Library, should_stop: Callable[[], bool] | None = None
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose the same for ``c·tanh(P/Q)``, ``c·atan(P/Q)``, ``c·sin(P/Q)``, ``exp(P/Q) + c`` and ``c/(log(P/Q) + d)``.

    Sines of less than a quarter turn: others have no inverse.

    Parameters
    ----------
    rows, library, should_stop
        As of :func:`laws_with_outer_constant`.

    Examples
    --------
    >>> from kansym.library import default_library
    >>> x = np.random.default_rng(0).uniform(1, 5, (200, 2))
    >>> rows = Rows.from_arrays(x, 2.4 * np.tanh(0.67 * x[:, 0] / (1.3 + x[:, 1])))
    >>> formula = next(laws_of_outer_function(rows, default_library()))[0]
    >>> bool(abs(formula.subs(dict(zip(rows.variables, (2.0, 5.0)))) - 2.4 * np.tanh(1.34 / 6.3)) < 1e-9)
    True
    """
    outers = (_with_a_factor, _offset, _inverse_logarithm) if not rows.is_constant else ()
    yield from _laws(rows, outers, library, should_stop or (lambda: False))


def _laws(
    rows: Rows, families: Sequence[_Family], library: Library, stop: Callable[[], bool]
) -> Iterator[tuple[sympy.Expr, float]]:
    outers = [outer for family in families for outer in family(rows.target, library)]
    for outer, degrees in itertools.product(outers, _DEGREES):
        if stop():
            return
        constant = _dip(rows.columns, outer, degrees)
        if constant is None:
            continue
        with np.errstate(all="ignore"):
            target = outer.target(constant)
        if not np.all(np.isfinite(target)):  # the scan saw some of the rows
            continue
        for null in _NEARLY_NULL:
            relation = relation_of(rows.columns, target, *degrees, null=null)
            if relation is None:
                continue
            for quotient in relation.spellings(rows.variables):
                yield outer.law(quotient, constant), _BITS + relation.bits


def _logarithm(y: Array, library: Library) -> Iterator[_Outer]:
    if "log" in library:
        middle = 0.5 * float(y.min() + y.max())
        yield _Outer(
            _FOLDINGS / np.ptp(y),
            lambda k: np.exp(k * (y - middle)),
            lambda quotient, k: sympy.log(quotient) / sympy.Float(k) + sympy.Float(middle),
        )


def _power(y: Array, library: Library) -> Iterator[_Outer]:
    sign = 1 if np.all(y > 0) else -1
    if "x^n" in library and np.all(sign * y > 0):
        inner = np.log(sign * y)
        middle = 0.5 * float(inner.min() + inner.max())
        size = sympy.Float(sign * math.exp(middle))
        yield _Outer(
            _POWERS,
            lambda k: np.exp(k * (inner - middle)),
            lambda quotient, k: size * quotient ** (1 / sympy.Float(k)),
        )


def _inverse_logarithm(y: Array, library: Library) -> Iterator[_Outer]:
    """The reciprocal of a logarithm, where the target does not change its sign."""
    if np.abs(y).min() > _SMALLEST * np.abs(y).max() and (np.all(y > 0) or np.all(y < 0)):
        for outer in _logarithm(1.0 / y, library):
            yield replace(outer, law=lambda quotient, k, law=outer.law: 1 / law(quotient, k))


def _with_a_factor(y: Array, library: Library) -> Iterator[_Outer]:
    """Functions with a factor in front, by their inverses; the constant is their argument where y is largest."""
    largest = float(np.abs(y).max())
    for name, written, function, inverse, grid in _INVERTIBLE:
        if name in library:
            yield _Outer(
                grid,
                lambda last, function=function, inverse=inverse: inverse(y / largest * function(last)),
                lambda quotient, last, written=written, function=function: sympy.Float(largest / function(last))
                * written(quotient),
            )


def _offset(y: Array, library: Library) -> Iterator[_Outer]:
    """An exponential above a constant or below it; where that is, in ranges of the target from its end."""
    if "exp" not in library:
        return
    unit = float(np.ptp(y))
    for end, sign in ((float(y.min()), 1.0), (float(y.max()), -1.0)):
        yield _Outer(
            _DISTANCES,
            lambda distance, end=end, sign=sign: np.log(sign * (y - end) / unit + distance),
            lambda quotient, distance, end=end, sign=sign: sympy.Float(sign * unit) * sympy.exp(quotient)
            + sympy.Float(end - sign * distance * unit),
        )


def _dip(columns: Array, outer: _Outer, degrees: tuple[int, int]) -> float | None:
    """The constant for which ``P = T(y)·Q`` has a solution as it has for no other."""
    n_columns = count_monomials(columns.shape[1], degrees)
    if n_columns > min(_MOST_COLUMNS, len(columns) / _LEAST_ROWS_PER_COLUMN):
        return None
    step = max(len(columns) // (_ROWS_PER_COLUMN * n_columns), 1)
    columns = columns[::step] / np.maximum(np.abs(columns).max(axis=0), np.finfo(float).tiny)
    above, below = (monomials(columns, exponents_up_to(columns.shape[1], degree)) for degree in degrees)

    def spaces(constants: Array) -> tuple[Array, Array] | None:
        with np.errstate(all="ignore"):
            target = outer.target(float(constants[0]))[::step]
        return (above, below * target[:, None]) if np.all(np.isfinite(target)) else None

    found = Spaces(spaces, outer.grid).dip()
    return None if found is None or abs(found[0]) < _LEAST * outer.grid.min() else float(found[0])
