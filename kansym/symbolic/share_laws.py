"""Laws of a share between 0 and 1: entropies of mixing, odds and polynomials, summed with free factors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.library import Library
from kansym.symbolic.rows import Rows

__all__ = ["laws_of_shares"]

Array = NDArray[np.float64]

_MOST_TERMS = 5
_BITS = 6.0  # which of the seven terms
_ROWS_PER_TERM = 2


def laws_of_shares(rows: Rows, library: Library) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose sums of ``x·log(x)``, ``(1 − x)·log(1 − x)``, the two logarithms and ``1, x, x²``, the shorter ones last.

    So are the free energy of a mixture (Flory 1942, J. Chem. Phys. 10, 51, eq. 12), the chemical potential of a
    component in it, Shannon's and relative entropies, and logits. All are linear in their constants: one fit by least
    squares, and one for each term that is left out, that which is missed least.

    Parameters
    ----------
    rows : Rows
        With one variable; nothing is proposed unless all its values are between 0 and 1, neither included.
    library : Library
        Nothing is proposed without ``log``.

    Examples
    --------
    >>> from kansym.library import default_library
    >>> x = np.linspace(0.05, 0.95, 60)
    >>> rows = Rows.from_arrays(x[:, None], x * np.log(x) + (1 - x) * np.log(1 - x) + 1.7 * x * (1 - x))
    >>> laws = [law for law, _ in laws_of_shares(rows, default_library())]
    >>> losses = [rows.loss(sympy.lambdify(rows.variables, law)(x)) for law in laws]
    >>> min(losses) < 1e-25
    True
    """
    x, (variable,) = rows.columns[:, 0], rows.variables
    written: list[Any] = _terms(variable)
    if "log" not in library or x.min() <= 0.0 or x.max() >= 1.0 or len(rows) < _ROWS_PER_TERM * len(written):
        return
    root = np.sqrt(rows.weights)
    values = np.column_stack([np.broadcast_to(sympy.lambdify(variable, term)(x), len(rows)) for term in written])
    values, target, left = values * root[:, None], rows.target * root, list(range(len(written)))
    while any(written[place].has(sympy.log) for place in left):
        if len(left) <= _MOST_TERMS:
            constants = _fit(values[:, left], target)[0]
            yield sympy.Add(*[sympy.Float(c) * written[place] for c, place in zip(constants, left, strict=True)]), _BITS
        losses = [_fit(values[:, [other for other in left if other != place]], target)[1] for place in left]
        del left[int(np.argmin(losses))]


def _terms(x: sympy.Symbol) -> list[Any]:
    return [sympy.S.One, x, x**2, sympy.log(x), sympy.log(1 - x), x * sympy.log(x), (1 - x) * sympy.log(1 - x)]


def _fit(design: Array, target: Array) -> tuple[Array, float]:
    """The constants of least squares and the sum of squares that they leave."""
    constants = np.linalg.lstsq(design, target, rcond=None)[0]
    return constants, float(np.sum((design @ constants - target) ** 2))
