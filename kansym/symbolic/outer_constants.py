"""Laws with a constant in the outermost function, ``y = c·log(P/Q)`` and ``y = (P/Q)^c``, found as dips of an angle.

``P(x) − exp(k·y)·Q(x) = 0`` is linear in all constants but k = 1/c, and so is ``P(x) − |y|^p·Q(x) = 0`` in all but p:
where k or p is right, the space of the P and that of the T(y)·Q share a direction, see :mod:`kansym.symbolic.angles`.
So the voltage of a membrane, ``0.0257·log((Pk·K + Pn·N)/(…))``, needs a scan of one number and not a search.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.library import Library
from kansym.symbolic.angles import Spaces
from kansym.symbolic.null_vectors import count_monomials, exponents_up_to, monomials
from kansym.symbolic.relations import relation_of
from kansym.symbolic.rows import Rows

__all__ = ["laws_with_outer_constant"]

Array = NDArray[np.float64]

_DEGREES = ((1, 0), (2, 0), (1, 1), (2, 1), (1, 2), (2, 2))
_MOST_COLUMNS = 64
_ROWS_PER_COLUMN = 3
_LEAST_ROWS_PER_COLUMN = 2
_FOLDINGS = np.geomspace(0.5, 60.0, 24)[:, None]  # of exp(k·y) over the range of y
_POWERS = np.geomspace(0.12, 8.0, 24)[:, None]
_LEAST = 0.1  # of the smallest start: with k towards zero exp(k·y) is one, which is a quotient of polynomials
# Monomials that only make up for an error of the constant are left out; the fit of the formula finds its last digits.
_NEARLY_NULL = (1e-5, 1e-8)
_BITS = 6.0  # which function of the target, and the degrees


@dataclass(frozen=True)
class _Outer:
    """``T(y)``, the exponential of a number times ``inner(y)``, its inverse and where the number may be."""

    needs: str
    inner: Callable[[Array], Array]
    grid: Callable[[Array], Array]
    inverse: Callable[[Any, Any], Any]


_LOGARITHM = _Outer("log", lambda y: y, lambda u: _FOLDINGS / np.ptp(u), lambda quotient, k: sympy.log(quotient) / k)
_POWER = _Outer("x^n", np.log, lambda u: _POWERS, lambda quotient, k: quotient ** (1 / k))


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
    stop = should_stop or (lambda: False)
    sign = 1 if np.all(rows.target > 0) else -1
    for outer, degrees in itertools.product((_LOGARITHM, _POWER), _DEGREES):
        if stop() or rows.is_constant:
            return
        if outer.needs not in library or (outer is _POWER and not np.all(sign * rows.target > 0)):
            continue
        inner = outer.inner(rows.target if outer is _LOGARITHM else sign * rows.target)
        middle = 0.5 * float(inner.min() + inner.max())
        constant = _dip(rows.columns, inner - middle, outer.grid(inner), degrees)
        if constant is None:
            continue
        with np.errstate(all="ignore"):
            target = np.exp(constant * (inner - middle))
        for null in _NEARLY_NULL:
            relation = relation_of(rows.columns, target, *degrees, null=null)
            if relation is None:
                continue
            for quotient in relation.spellings(rows.variables):
                yield _written(outer, quotient, constant, middle, sign), _BITS + relation.bits


def _dip(columns: Array, inner: Array, grid: Array, degrees: tuple[int, int]) -> float | None:
    """The number k for which ``P = exp(k·inner)·Q`` has a solution as it has for no other."""
    n_columns = count_monomials(columns.shape[1], degrees)
    if n_columns > min(_MOST_COLUMNS, len(columns) / _LEAST_ROWS_PER_COLUMN):
        return None
    step = max(len(columns) // (_ROWS_PER_COLUMN * n_columns), 1)
    columns, inner = columns[::step] / np.maximum(np.abs(columns).max(axis=0), np.finfo(float).tiny), inner[::step]
    above, below = (monomials(columns, exponents_up_to(columns.shape[1], degree)) for degree in degrees)

    def spaces(constants: Array) -> tuple[Array, Array] | None:
        with np.errstate(all="ignore"):
            outer = np.exp(constants[0] * inner)
        return (above, below * outer[:, None]) if np.all(np.isfinite(outer)) else None

    found = Spaces(spaces, grid).dip()
    return None if found is None or abs(found[0]) < _LEAST * grid.min() else float(found[0])


def _written(outer: _Outer, quotient: Any, constant: float, middle: float, sign: int) -> Any:
    """The formula of the target; what was taken from it for the sake of the numbers is put back."""
    if outer is _LOGARITHM:
        return outer.inverse(quotient, sympy.Float(constant)) + sympy.Float(middle)
    return sign * sympy.Float(math.exp(middle)) * outer.inverse(quotient, sympy.Float(constant))
