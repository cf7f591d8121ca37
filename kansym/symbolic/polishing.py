"""The last fit of a formula: all constants at once, made exact where the data allow, in the shortest of equal forms."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import sympy
from sympy.simplify.fu import TR8

from kansym.library import Library
from kansym.symbolic.complexity import complexity
from kansym.symbolic.constants import Fit, assess, refit
from kansym.symbolic.description import EXACT
from kansym.symbolic.normal_form import normal_form, one_exponential, one_logarithm, one_root
from kansym.symbolic.roots import gathered_roots, is_root
from kansym.symbolic.rounding import round_constants, shorten_decimals
from kansym.symbolic.rows import Rows
from kansym.symbolic.signs import resolve_signs

__all__ = ["polish"]


def polish(
    expression: sympy.Expr,
    rows: Rows,
    *,
    library: Library | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Fit | None:
    """Fit the constants of a formula, round them while the description gets shorter, and write it briefly.

    Parameters
    ----------
    expression : sympy.Expr
        In normal form; its ``Float`` atoms are the constants.
    rows : Rows
    library : Library, optional
        For functions beyond the default ones.
    should_stop : callable, optional
        Asked between refits.

    Returns
    -------
    Fit or None
        None where the formula is not defined on every row.

    Examples
    --------
    >>> x = np.linspace(1, 3, 50)
    >>> rows = Rows.from_arrays(x[:, None], np.sin(np.pi * x) / 2)
    >>> fit = polish(0.5000001 * sympy.sin(3.14159 * rows.variables[0]), rows)
    >>> fit.expression
    sin(pi*x0)/2
    """
    fit = refit(resolve_signs(expression, rows, library), rows, library=library)
    if not np.isfinite(fit.loss):
        return None
    rounded = round_constants(fit, rows, library=library, should_stop=should_stop)
    brief = _shortest(_tidied(shorten_decimals(rounded, rows, library=library), rows, library), rows, library)
    if brief.loss <= EXACT * rows.variance:
        return brief
    # What a row decides of an exact number, such as where a pole stands, the other rows do not know: as far as the
    # prediction of rows left out goes, the constants are those that were fitted.
    return replace(brief, left_out_loss=max(brief.left_out_loss, fit.left_out_loss))


def _tidied(fit: Fit, rows: Rows, library: Library | None) -> Fit:
    expression = resolve_signs(normal_form(fit.expression), rows, library)
    if expression == fit.expression:
        return fit
    tidied = assess(expression, rows, library=library)
    return tidied if tidied.bits <= fit.bits + 1e-6 else fit


def _shortest(fit: Fit, rows: Rows, library: Library | None) -> Fit:
    """The shortest of the formula and its other forms, and of theirs, as long as one is shorter.

    The other forms may be defined in more places.
    """
    shorter = fit
    for form in _forms(fit.expression, rows, library):
        form = resolve_signs(normal_form(form), rows, library)
        if _size(form) < _size(shorter.expression):
            trial = assess(form, rows, library=library)
            if abs(trial.loss - fit.loss) <= 1e-9 * fit.loss + EXACT * rows.variance:
                shorter = trial
    return fit if shorter is fit else _shortest(shorter, rows, library)


def _size(expression: Any) -> tuple[int, int]:
    """Nodes, those of roots once more: ``√(m/(a·c))`` reads better than ``√m/(√a·√c)``, and has a value more often.

    Of two forms of one size that with fewer roots is the smaller.
    """
    roots = [node for node in sympy.preorder_traversal(expression) if is_root(node)]
    return complexity(expression) + len(roots), len(roots)


def _forms(expression: sympy.Expr, rows: Rows, library: Library | None) -> Iterator[Any]:
    """Over a common denominator, under roots as well or outside only; multiplied out; one root, exponential or log."""
    factors: Any = sympy.Mul.make_args(expression)
    terms: Any = sympy.Add.make_args(expression)
    yield sympy.prod([sympy.together(factor) if _has_a_sum(factor) else factor for factor in factors])
    yield sympy.prod([min(factor, _fraction(factor), key=complexity) for factor in factors])
    yield sympy.expand(expression, deep=False)
    over: list[Any] = [sympy.together(term) for term in terms]
    yield sympy.Add(*over)
    yield sympy.Add(*[one_root(term) for term in terms])
    yield gathered_roots(expression, rows, library)
    yield from (form(expression) for form in (sympy.together, one_exponential, one_logarithm, _one_angle))


def _one_angle(expression: Any) -> Any:
    """Products and powers of waves as waves: ``2·sin(x)·cos(x)`` is ``sin(2·x)``; without functions it had not."""
    if not expression.has(sympy.sin, sympy.cos):
        return expression
    angle: Any = TR8(expression)
    return angle if _functions(angle) <= _functions(expression) else expression


def _functions(expression: Any) -> set[Any]:
    return {node.func for node in expression.atoms(sympy.Function)}


def _fraction(factor: Any) -> Any:
    """A sum over one denominator, a variable of which stands alone: ``1 − c/(x + c)`` is ``x/(x + c)``."""
    if not _has_a_sum(factor):
        return factor
    together: Any = sympy.together(factor)
    above, below = (sympy.expand(part) for part in together.as_numer_denom())
    numbers = [term.as_coeff_Mul()[0] for term in sympy.Add.make_args(below) if term.free_symbols]
    unit = numbers[0] if numbers else sympy.S.One
    return sympy.expand(above / unit) / sympy.expand(below / unit)


def _has_a_sum(factor: Any) -> bool:
    """Whether it is a sum or one over a sum."""
    return factor.is_Add or (factor.is_Pow and factor.base.is_Add and factor.exp.is_Integer)
