"""Laws of a share between 0 and 1: entropies of mixing, odds and polynomials, summed with free factors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.library import Library
from kansym.symbolic.rows import Rows

__all__ = ["laws_of_shares"]

Array = NDArray[np.float64]

_MOST_TERMS = 5
_ROWS_PER_TERM = 2
_WRITTEN: tuple[Callable[[Any], Any], ...] = (
    lambda x: sympy.S.One,
    lambda x: x,
    lambda x: x**2,
    sympy.log,
    lambda x: sympy.log(1 - x),
    lambda x: x * sympy.log(x),
    lambda x: (1 - x) * sympy.log(1 - x),
)
_LOGARITHMIC = range(3, len(_WRITTEN))


def laws_of_shares(rows: Rows, library: Library) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose sums of ``x·log(x)``, ``(1 − x)·log(1 − x)``, the two logarithms and ``1, x, x²``, the shorter ones last.

    So are the free energy of a mixture (Flory 1942, J. Chem. Phys. 10, 51), the chemical potential of a
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
    rows, (variable,) = rows.take(np.flatnonzero(rows.weights > 0)), rows.variables
    x = rows.columns[:, 0]
    few = len(rows) < _ROWS_PER_TERM * len(_WRITTEN)
    if "log" not in library or few or x.min() <= 0.0 or x.max() >= 1.0 or rows.is_constant:
        return
    root, size = np.sqrt(rows.weights), float(np.abs(rows.target).max())
    values, target, left = _values(x) * root[:, None], rows.target / size * root, list(range(len(_WRITTEN)))
    lengths = np.linalg.norm(values, axis=0)
    values = values / lengths
    while any(place in left for place in _LOGARITHMIC):
        if len(left) <= _MOST_TERMS:
            constants = _fit(values[:, left], target)[0] / lengths[left] * size
            terms = [sympy.Float(c) * _WRITTEN[place](variable) for c, place in zip(constants, left, strict=True)]
            yield sympy.Add(*terms), math.log2(math.comb(len(_WRITTEN), len(left)))
        losses = [_fit(values[:, [other for other in left if other != place]], target)[1] for place in left]
        del left[int(np.argmin(losses))]


def _values(x: Array) -> Array:
    """The columns of the terms, (n_rows, n_terms)."""
    above, below = np.log(x), np.log1p(-x)
    return np.column_stack([np.ones_like(x), x, x**2, above, below, x * above, (1.0 - x) * below])


def _fit(design: Array, target: Array) -> tuple[Array, float]:
    """The constants of least squares and the sum of squares that they leave."""
    constants: Array = np.asarray(np.linalg.lstsq(design, target, rcond=None)[0], dtype=float)
    return constants, float(np.sum((design @ constants - target) ** 2))
