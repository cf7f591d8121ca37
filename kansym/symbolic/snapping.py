"""Snap a curve: the best ``c·f(a·x + b) + d`` for every function f of a library, ranked.

A coarse grid of starts, evaluated as one array, is followed by variable projection from the few starts that are worth
it (:mod:`kansym.symbolic.starts`, :mod:`kansym.symbolic.projection`). Everything happens on standardised curves and
axes, so neither amplitude nor unit matters; the constants that are returned are those of the raw values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from kansym.errors import ParameterError
from kansym.library import Library, SymbolicFunction, default_library
from kansym.symbolic.candidates import Scan, Search
from kansym.symbolic.curve import as_rows, make_axis
from kansym.symbolic.forms import Snap, constant_fit

__all__ = ["Scan", "Snap", "refine", "scan", "snap_curve", "snap_many"]


def snap_curve(
    x: ArrayLike,
    y: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    library: Library | None = None,
    functions: Iterable[str] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[Snap, ...]:
    """Fit ``c·f(a·x + b) + d`` for each function f and rank the fits.

    Parameters
    ----------
    x, y : array_like of shape (n_points,)
        The curve, in any order and unit.
    weights : array_like of shape (n_points,), optional
        Non-negative weights of the points.
    library : Library, optional
        The functions to try; all of the table by default.
    functions : iterable of str, optional
        Names of those functions of the library to try; all by default.
    should_stop : callable, optional
        Asked between fits; once it returns true the fits made so far are returned, at least one.

    Returns
    -------
    tuple of Snap
        The least unexplained first, each inner constant priced by the Schwarz criterion so that under noise a line is
        not beaten by a barely bent sine; fits that differ by rounding only are ordered by complexity. A function is
        left out where its domain cannot hold the curve, or where it has as many constants as there are distinct
        points. A constant curve or axis gives one snap with ``c = 0``.

    Raises
    ------
    DataError
        If x, y or weights are not finite vectors of one length.
    ParameterError
        If a name is not in the library.

    Examples
    --------
    >>> x = np.linspace(1e3, 5e3, 100)
    >>> best = snap_curve(x, 3.0 * np.exp(-x / 2000.0) + 7.0)[0]
    >>> best.function.name, round(best.a, 12), round(best.c, 9), round(best.d, 9)
    ('exp', -0.0005, 3.0, 7.0)
    """
    return snap_many(
        x,
        np.asarray(y, dtype=float)[None],
        weights=weights,
        library=library,
        functions=functions,
        should_stop=should_stop,
    )[0]


def snap_many(
    x: ArrayLike,
    Y: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    library: Library | None = None,
    functions: Iterable[str] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[tuple[Snap, ...], ...]:
    """Snap several curves over the same points, sharing the starts.

    Parameters
    ----------
    x : array_like of shape (n_points,)
        Abscissae.
    Y : array_like of shape (n_curves, n_points)
        One curve a row.
    weights, library, functions, should_stop
        As for :func:`snap_curve`.

    Returns
    -------
    tuple of tuple of Snap
        One ranking for each curve.

    Examples
    --------
    >>> x = np.linspace(0.5, 2.0, 40)
    >>> [ranking[0].function.name for ranking in snap_many(x, [np.log(x), np.tanh(x)])]
    ['log', 'tanh']
    """
    curves = as_rows(Y, np.size(x))
    search = Search(make_axis(x, weights), _choose(library, functions))
    return tuple(search.rank(curve, should_stop) for curve in curves)


def scan(
    x: ArrayLike,
    Y: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    library: Library | None = None,
    functions: Iterable[str] | None = None,
) -> Scan:
    """Try the starts of every function on many curves over the same points: matrix products, no refinement.

    Parameters
    ----------
    x : array_like of shape (n_points,)
        Abscissae; at most 256 of them are looked at.
    Y : array_like of shape (n_curves, n_points)
        One curve a row.
    weights, library, functions
        As for :func:`snap_curve`.

    Returns
    -------
    Scan
        The table of what is left unexplained, and the starts.

    Raises
    ------
    DataError
        If the arrays are not finite or do not match.

    Examples
    --------
    >>> x = np.linspace(1.0, 2.0, 50)
    >>> table = scan(x, [1.0 / x, x**2], functions=["x", "x^2", "1/x"])
    >>> table.unexplained.argmin(axis=1)
    array([2, 1])
    """
    curves = as_rows(Y, np.size(x))
    return Search(make_axis(x, weights), _choose(library, functions)).scan(curves)


def refine(
    function: SymbolicFunction,
    x: ArrayLike,
    y: ArrayLike,
    *,
    start: Sequence[float] | None = None,
    weights: ArrayLike | None = None,
) -> Snap | None:
    """Fit one function to one curve.

    Parameters
    ----------
    function : SymbolicFunction
        The function f.
    x, y : array_like of shape (n_points,)
        The curve.
    start : sequence of float, optional
        Raw inner constants (a, b) or (a, b, exponent) to start from; by default the function's own starts are tried.
    weights : array_like of shape (n_points,), optional
        Non-negative weights of the points.

    Returns
    -------
    Snap or None
        None if the function cannot be evaluated on the curve from that start; without a start a constant snap
        (``c = 0``) says so.

    Raises
    ------
    DataError
        If x, y or weights are not finite vectors of one length.
    ParameterError
        If the slope of the start is zero.

    Examples
    --------
    >>> x = np.linspace(-1.0, 1.0, 200)
    >>> snap = refine(default_library()["sin"], x, np.sin(40.0 * x), start=(39.5, 0.1))
    >>> round(snap.a, 9), snap.b
    (40.0, 0.0)
    """
    curve = as_rows(np.asarray(y, dtype=float)[None], np.size(x))[0]
    search = Search(make_axis(x, weights), (function,))
    if start is None:
        return search.rank(curve, None)[0]
    axis = search.axis
    if axis.is_constant or search.is_constant(curve):
        return constant_fit(function, axis, curve[axis.rows])
    a, b, *exponent = start
    if a == 0.0:
        raise ParameterError("start must begin with a slope a other than zero, got 0")
    framed = np.array([a * axis.scale, b + a * axis.shift, *(exponent or [1.0])])
    return search.refine(function, framed[None], curve)


def _choose(library: Library | None, names: Iterable[str] | None) -> tuple[SymbolicFunction, ...]:
    table = default_library() if library is None else library
    if names is None:
        return tuple(table)
    names = tuple(names)
    for name in names:
        if name not in table:
            raise ParameterError(
                f"functions must be names in the library, got {name!r}; it holds {', '.join(table.names)}"
            )
    if not names:
        raise ParameterError("functions must name at least one function of the library, got none")
    return tuple(table[name] for name in names)
