"""The shortest laws of one curve: everything that is proposed for one variable, judged by description length."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.library import Library
from kansym.symbolic.constants import Fit, assess, loss_of, refit
from kansym.symbolic.crossovers import crossovers
from kansym.symbolic.description import constant_bits, residual_bits, tree_bits
from kansym.symbolic.exponentials import sums_of_exponentials
from kansym.symbolic.grammar import is_allowed
from kansym.symbolic.normal_form import normal_form, replace_constants, skeleton
from kansym.symbolic.rows import Rows
from kansym.symbolic.share_laws import laws_of_shares
from kansym.symbolic.single_variable import rational_formulas, transformed_snaps
from kansym.symbolic.snapping import snap_curve

__all__ = ["CurveLaw", "curve_laws"]

_ROWS = 250
_FEWEST_ROWS = 10
_SNAPS = 8
_SNAP_BITS = 4.5  # one of some twenty functions
_POWER_BITS, _FEATURE_BITS = 4.0, 1.6  # as a product of powers, and one of three
_LARGEST = 1e100
_LAWS = 16
_REFITTED = 6  # for each that is wanted: with coarse constants the best three were among the first nine of sixty
_EVALUATIONS = 15
_AS_GOOD = 4.0  # two standard errors squared: neighbouring points err alike, and those at the ends of a range most
_ZERO_REACH = 6.0  # standard errors
_TOLD = 4.0  # squared: constants that may as well be half or twice as large together


@dataclass(frozen=True)
class CurveLaw:
    """A formula for a curve, or for a block of columns.

    Attributes
    ----------
    expression : sympy.Expr
    structure_bits : float
        What its form costs.
    bits : float
        The description length of form, constants and residuals.
    """

    expression: sympy.Expr
    structure_bits: float
    bits: float


def curve_laws(
    rows: Rows,
    error: float,
    library: Library,
    *,
    thorough: bool = True,
    most: int = 3,
    should_stop: Callable[[], bool] | None = None,
) -> list[CurveLaw]:
    """Return the shortest laws of a curve, each of another form.

    Parameters
    ----------
    rows : Rows
        With one variable: the curve, and how much each of its points matters.
    error : float
        Mean square error of the curve itself, in squared units of the target: what is within two standard errors is as
        good.
    library : Library
    thorough : bool
        Else only functions of the library are tried, which takes a tenth of the time.
    most : int
    should_stop : callable, optional

    Examples
    --------
    >>> from kansym.library import default_library
    >>> x = np.linspace(0.1, 4.0, 80)
    >>> rows = Rows.from_arrays(x[:, None], x / (x + 0.7))
    >>> law = curve_laws(rows, 0.0, default_library())[0].expression
    >>> round(float(law.subs(rows.variables[0], 1.4)), 6)
    0.666667
    """
    rows = rows.take(np.flatnonzero(rows.weights > 0)).sample(_ROWS, np.random.default_rng(0))
    stop = should_stop or (lambda: False)
    if len(rows) < _FEWEST_ROWS or rows.is_constant or not _is_ordinary(rows.target):
        return []
    proposed: list[tuple[float, int, sympy.Expr, float]] = []
    for proposal, bits in _proposals(rows, library, stop, thorough):
        if proposed and stop():  # what is there is looked at all the same
            break
        expression = normal_form(proposal)
        if is_allowed(expression, library):
            before = _bits(*loss_of(expression, rows, library=library), bits, error, rows)
            proposed.append((before, len(proposed), expression, bits))
    found: dict[sympy.Expr, CurveLaw] = {}
    for _, _, expression, bits in sorted(proposed)[: _REFITTED * most]:
        if found and stop():
            break
        fit = refit(expression, rows, library=library, max_evaluations=_EVALUATIONS)
        if math.isfinite(fit.loss):
            _keep(_law(fit, bits, error, rows), found)
    plain: dict[sympy.Expr, CurveLaw] = {}
    for law in _shortest(found, 2 * most):
        _keep(_without_idle_constants(law, error, rows, library), plain)
    return _shortest(plain, most)


def _is_ordinary(target: NDArray[np.float64]) -> bool:
    """Whether squares of the numbers are finite and not zero: the search works in units where they are."""
    return bool(np.all(np.isfinite(target)) and 1.0 / _LARGEST < np.abs(target).max() < _LARGEST)


def _keep(law: CurveLaw | None, found: dict[sympy.Expr, CurveLaw]) -> None:
    """Remember a law, if it is the shortest of its form."""
    if law is not None:
        form = skeleton(law.expression)
        found[form] = min(law, found.get(form, law), key=lambda law: law.bits)


def _shortest(found: dict[sympy.Expr, CurveLaw], most: int) -> list[CurveLaw]:
    return sorted(found.values(), key=lambda law: law.bits)[:most]


def _law(fit: Fit, bits: float, error: float, rows: Rows) -> CurveLaw:
    structure = min(bits, tree_bits(fit.expression))
    return CurveLaw(fit.expression, structure, _bits(fit.loss, len(fit.constants), structure, error, rows))


def _bits(loss: float, constants: int, structure: float, error: float, rows: Rows) -> float:
    """Description length of a law; infinite where it is not defined on all rows."""
    left = residual_bits(max(loss, _AS_GOOD * error), rows.variance, len(rows), constants)
    return left + constants * constant_bits(len(rows)) + structure


def _without_idle_constants(law: CurveLaw, error: float, rows: Rows, library: Library) -> CurveLaw | None:
    """The law with constants left out that are zero as far as the curve tells; None where it is a limit of another law.

    ``1 − c/(x + c)`` with c of a million is x, and of no use as a start for anything else.
    """
    fit = assess(law.expression, rows, library=library)
    known = replace(fit.uncertainty, noise=math.sqrt(max(fit.loss, error)))
    for position, (value, spread) in enumerate(zip(fit.constants, known.standard_errors, strict=True)):
        if abs(value) <= _ZERO_REACH * spread:
            constants = [sympy.S.Zero if at == position else other for at, other in enumerate(fit.constants)]
            without = normal_form(replace_constants(law.expression, constants))
            if without.free_symbols:
                trial = refit(without, rows, library=library, max_evaluations=_EVALUATIONS)
                shorter = _law(trial, law.structure_bits, error, rows)
                if math.isfinite(trial.loss) and shorter.bits < law.bits:
                    return _without_idle_constants(shorter, error, rows, library)
    told = known.information(fit.constants)
    is_told = len(told) == len(fit.constants) and np.all(told > _TOLD * max(fit.loss, error))
    return law if is_told else None


def _proposals(
    rows: Rows, library: Library, stop: Callable[[], bool], thorough: bool
) -> Iterator[tuple[sympy.Expr, float]]:
    x, (variable,) = rows.columns[:, 0], rows.variables
    named = _snaps(x, variable, rows, library)
    if not thorough:
        return named
    return itertools.chain(
        named,
        # A quotient of two columns may as well stand the other way up: log(1 + 1/x).
        _snaps(1.0 / x, 1 / variable, rows, library) if np.all(x > 1.0 / _LARGEST) else (),
        _powers(rows),
        laws_of_shares(rows, library),
        sums_of_exponentials(rows, library),
        rational_formulas(rows),
        transformed_snaps(rows, library, most=_LAWS, should_stop=stop),
        crossovers(rows, library),
    )


def _snaps(x: NDArray[np.float64], written: Any, rows: Rows, library: Library) -> Iterator[tuple[sympy.Expr, float]]:
    for snap in snap_curve(x, rows.target, weights=rows.weights, library=library)[:_SNAPS]:
        yield snap.sympy(written), _SNAP_BITS


def _powers(rows: Rows) -> Iterator[tuple[sympy.Expr, float]]:
    """``c·x^k·exp(a·g)`` with g one of x, x² and 1/x, by least squares on the logarithm."""
    x, y, (variable,) = rows.columns[:, 0], rows.target, rows.variables
    if not (np.all(x > 0) and np.all(y * y[0] > 0)):
        return
    precision = np.abs(y / np.abs(y).max()) * np.sqrt(rows.weights)
    with np.errstate(all="ignore"):
        features = ((None, None), (x, variable), (x**2, variable**2), (1.0 / x, 1 / variable))
    for feature, written in features:
        design = np.column_stack([np.ones(len(x)), np.log(x), *([] if feature is None else [feature])])
        if np.abs(design).max() > _LARGEST:
            continue
        solution = np.linalg.lstsq(design * precision[:, None], np.log(np.abs(y)) * precision, rcond=None)[0]
        formula = sympy.Float(np.sign(y[0]) * np.exp(solution[0])) * variable ** sympy.Float(solution[1])
        if written is not None:
            formula *= sympy.exp(sympy.Float(solution[2]) * written)
        yield formula, _POWER_BITS + (0.0 if written is None else _FEATURE_BITS)
