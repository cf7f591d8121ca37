"""Laws that go over from one power to another, ``c·(1 + b·x^n)^m + d``, and stretched exponentials, their limit.

Heat transfer between two limits (Churchill & Usagi 1972, "A general expression for the correlation of rates of
transfer and other phenomena", AIChE J. 18, 1121, eq. 2), the viscosity of polymers (Carreau, Yasuda), the water that a
soil retains (van Genuchten) and the light of stars across an image (Moffat) are of this form. Three constants stand
inside, too many for the snaps of an edge, but all of them mean something on the axes: where the powers meet, how
sharply, and how steep the curve is beyond. A coarse grid of the three is one matrix, and the outer two constants come
from a projection. The limit of large m and small b is ``c·exp(−b·x^n) + d``: relaxation in glasses (Kohlrausch),
crystals that grow (Avrami), times to failure (Weibull).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.library import Library
from kansym.symbolic.constants import refit
from kansym.symbolic.rows import Rows

__all__ = ["crossovers"]

Array = NDArray[np.float64]

_ROWS = 200
_SHARPNESS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
_POWERS = (0.2, 0.35, 0.5, 0.75, 1.5, 2.5)
_STRETCHES = (0.35, 0.5, 0.75, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
_PLACES = (0.05, 0.25, 0.5, 0.75, 0.95)
_REFINED, _EVALUATIONS = 2, 80
_BITS = 6.0  # one of some fifty kinds of law
_FLAT = 1e-6


def crossovers(rows: Rows, library: Library) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose laws ``c·(1 + b·x^n)^m`` and ``c·exp(−b·x^n)``, with and without a constant, and the bits that name them.

    Parameters
    ----------
    rows : Rows
        With one variable; where it is not positive nothing is proposed.
    library : Library
        Exponentials are proposed if it has them.

    Examples
    --------
    >>> from kansym.library import default_library
    >>> x = np.geomspace(0.05, 20.0, 80)
    >>> rows = Rows.from_arrays(x[:, None], 0.1 + 0.4 / (1 + (0.8 * x) ** 1.9) ** 0.47)
    >>> losses = [rows.loss(sympy.lambdify(rows.variables, law)(x)) for law, _ in crossovers(rows, default_library())]
    >>> min(losses) < 1e-15
    True
    """
    x = rows.columns[:, 0]
    if x.min() <= 0 or np.ptp(x) == 0 or rows.is_constant:
        return
    # In units of its middle, so that b and n can be told apart.
    middle, variable = float(np.exp(np.median(np.log(x)))), rows.variables[0]
    sample = rows.sample(_ROWS, np.random.default_rng(0))
    sample = replace(sample, columns=sample.columns / middle)
    for grid, written in ((_powers, _written_power), (_exponentials, _written_exponential)):
        if written is _written_power or "exp" in library:
            for law, bits in _nearest(*grid(sample.columns[:, 0]), written, sample):
                scaled: Any = law.xreplace({variable: variable / sympy.Float(middle)})
                yield scaled, bits


def _nearest(
    grid: Array, values: Array, written: Callable[[sympy.Symbol, Array], sympy.Expr], rows: Rows
) -> Iterator[tuple[sympy.Expr, float]]:
    """Fit the curves of a grid that explain most, with and without a constant beside them."""
    root = np.sqrt(rows.weights)
    for constant in (False, True):
        known = root[:, None] / np.linalg.norm(root) if constant else np.empty((len(root), 0))
        left = values * root[:, None]
        left = left - known @ (known.T @ left)
        target = rows.target * root - known @ (known.T @ (rows.target * root))
        size = np.linalg.norm(left, axis=0)
        usable = size > _FLAT * np.linalg.norm(values * root[:, None], axis=0)
        explained = np.where(usable, (target @ left) ** 2 / np.where(usable, size, 1.0) ** 2, 0.0)
        order = np.argsort(-explained, kind="stable")
        rising = grid[order, 1] > 0  # of either direction some: near the right law there are wrong ones of both
        for place in (*order[rising][:_REFINED], *order[~rising][:_REFINED]):
            design = np.column_stack([values[:, place], *([np.ones(len(root))] if constant else [])])
            outer = np.linalg.lstsq(design * root[:, None], rows.target * root, rcond=None)[0]
            curve = written(rows.variables[0], grid[place])
            start = sympy.Float(outer[0]) * curve + (sympy.Float(outer[1]) if constant else 0)
            fit = refit(start, rows, max_evaluations=_EVALUATIONS)
            if np.isfinite(fit.loss):
                yield fit.expression, _BITS


def _written_power(variable: sympy.Symbol, constants: Array) -> sympy.Expr:
    b, n, m = map(sympy.Float, constants)
    return (1 + b * variable**n) ** m


def _written_exponential(variable: sympy.Symbol, constants: Array) -> sympy.Expr:
    b, n = map(sympy.Float, constants)
    return sympy.exp(-b * variable**n)


def _exponentials(x: Array) -> tuple[Array, Array]:
    """Constants b and n, (n_grid, 2), and the curves that they give, (n_rows, n_grid)."""
    places = np.quantile(x, _PLACES)
    signed = [sign * value for value in _STRETCHES for sign in (1.0, -1.0)]
    with np.errstate(all="ignore"):
        grid = np.array([(place**-n, n) for place, n in itertools.product(places, signed)])
        values = np.exp(-grid[:, 0] * x[:, None] ** grid[:, 1])
    usable = np.all(np.isfinite(values), axis=0)
    return grid[usable], values[:, usable]


def _powers(x: Array) -> tuple[Array, Array]:
    """Constants b, n and m, (n_grid, 3), and the curves that they give, (n_rows, n_grid)."""
    places = np.quantile(x, _PLACES)
    signed = [sign * value for value in _POWERS for sign in (1.0, -1.0)]
    rises = [sign * value for value in _SHARPNESS for sign in (1.0, -1.0)]
    with np.errstate(all="ignore"):
        grid = np.array([(place**-n, n, m) for place, n, m in itertools.product(places, rises, signed)])
        values = (1.0 + grid[:, 0] * x[:, None] ** grid[:, 1]) ** grid[:, 2]
    usable = np.all(np.isfinite(values), axis=0)
    return grid[usable], values[:, usable]
