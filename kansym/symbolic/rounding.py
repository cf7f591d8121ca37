"""Exact constants: each fitted constant becomes 0, an integer, a rational or a multiple of π where that is shorter.

A replacement is proposed from the quadratic form of the loss (the Wald statistic) and accepted only when, after a
joint refit of the other constants, the description length is smaller.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from kansym.library import Library
from kansym.symbolic.constants import Fit, assess, refit
from kansym.symbolic.description import EXACT, constant_bits, evidence, number_bits, tree_bits
from kansym.symbolic.evaluation import compile_expression, count_constants
from kansym.symbolic.normal_form import normal_form, rebuild, replace_constants
from kansym.symbolic.rows import Rows

__all__ = ["digits_needed", "exactness", "round_constants", "shorten_decimals"]

_DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 10, 12)
_LARGEST_NUMERATOR = 1000
_LARGEST_UNCERTAIN = 12  # under noise only small numbers mean something: 903/2 is a measurement, 3/2 a law
_LARGEST_RATIO = 4.5
_LARGEST_RECIPROCAL = 10_000
_LARGEST_VALUE = 1e300  # so that multiples of it are doubles, too
_REACH = 2.0  # standard errors: an exact value further away contradicts the data
_ZERO_REACH = 6.0
_SHORT_DECIMALS = 6
_FEWEST_DIGITS, _MOST_DIGITS = 4, 17
_READABLE = 1e-12
_TREE_SHARE = 0.3  # what a fit starts with is there for a reason: only a part of its bits speaks for removal
_EXACT_RATIO_BITS = 40.0  # digits that data without noise give a ratio
# One for whether there is such a ratio. The others: with 2·log2(p·q) bits for p/q the probabilities sum to Σ 1/(p·q)²
# over coprime p and q, which is ζ(2)²/ζ(4) = 5/2.
_A_RATIO_BITS = 1.0 + math.log2(2.5)
_UNITS = ((sympy.S.One, 0.0), (sympy.pi, 6.0), (1 / sympy.pi, 8.0))


@dataclass(frozen=True)
class _Proposal:
    """One constant made exact: bits saved, and bits lost on the residuals as the quadratic form predicts."""

    position: int
    value: Any
    saved: float
    lost: float

    @property
    def gain(self) -> float:
        return self.saved - self.lost


def round_constants(
    fit: Fit, rows: Rows, *, library: Library | None = None, should_stop: Callable[[], bool] | None = None
) -> Fit:
    """Round and eliminate constants while the description gets shorter.

    Parameters
    ----------
    fit : Fit
        A fitted formula, at an optimum of its constants.
    rows : Rows
    library : Library, optional
    should_stop : callable, optional
        Asked between refits.

    Examples
    --------
    >>> x = np.linspace(1, 3, 50)
    >>> rows = Rows.from_arrays(x[:, None], np.sin(np.pi * x) / 2)
    >>> (symbol,) = rows.variables
    >>> round_constants(refit(0.4 * sympy.sin(3.0 * symbol + 0.1) + 0.1, rows), rows).expression
    sin(pi*x0)/2
    """
    best = _all_at_once(fit, rows, library)
    improved = True
    while improved and len(best.constants):
        improved = False
        for expression, saved in _candidates(best, rows):
            if should_stop is not None and should_stop():
                return best
            trial = refit(normal_form(expression), rows, library=library, max_evaluations=40)
            lost = rows.evidence(trial.loss, best.loss, rows.variance, len(rows), len(best.constants))
            if np.isfinite(trial.loss) and len(trial.constants) < len(best.constants) and lost < saved:
                best, improved = trial, True
                break
    return best


def _all_at_once(fit: Fit, rows: Rows, library: Library | None) -> Fit:
    """Try the nearest exact value of every constant together, which is all that data without noise need."""
    nearest: dict[int, _Proposal] = {}
    for proposal in _proposals(fit, rows):
        nearest.setdefault(proposal.position, proposal)
    if not nearest or not exactness(fit, rows):
        return fit
    values = [
        nearest[position].value if position in nearest else value for position, value in enumerate(fit.constants)
    ]
    trial = refit(normal_form(replace_constants(fit.expression, values)), rows, library=library, max_evaluations=40)
    return trial if exactness(trial, rows) else fit


def _candidates(fit: Fit, rows: Rows) -> Iterator[tuple[sympy.Expr, float]]:
    """Formulas with one constant fewer, and the bits this saves beside the residuals."""
    for proposal in _proposals(fit, rows):
        values: list[Any] = list(fit.constants)
        values[proposal.position] = proposal.value
        yield replace_constants(fit.expression, values), proposal.saved
    clean = exactness(fit, rows)
    for expression, bits, pair in _factored(fit.expression):
        saved = _EXACT_RATIO_BITS if clean else _ratio_digits(fit, pair, len(rows))
        if saved > bits:
            yield expression, saved - bits


def _ratio_digits(fit: Fit, pair: tuple[float, float], n_rows: int) -> float:
    """Binary digits of the ratio of two constants that the rows determine."""
    first, second = (fit.constants.tolist().index(value) for value in pair)
    gradient = np.zeros(len(fit.constants))
    gradient[first], gradient[second] = 1.0 / pair[0], -1.0 / pair[1]
    error = float(fit.uncertainty.standard_deviation(gradient[None, :])[0])
    least = constant_bits(n_rows)
    return max(least, math.log2(1.0 / error + 1.0)) if 0 < error < math.inf else least


def _saved(before: sympy.Expr, after: sympy.Expr, each: float) -> float:
    fewer = count_constants(before) - count_constants(after)
    # A formula with fewer constants and no larger tree is simpler by its constants only.
    return fewer * each + max(tree_bits(before) - tree_bits(after), 0.0) * _TREE_SHARE


def _proposals(fit: Fit, rows: Rows) -> list[_Proposal]:
    """Replacements of one constant that should shorten the description, the best first."""
    n_rows = len(rows)
    freedom = max(n_rows - len(fit.constants), 1)
    least = constant_bits(n_rows)
    unexplained = fit.loss / rows.variance if rows.variance > 0 and rows.evidence is evidence else 1.0
    clean = exactness(fit, rows)
    proposals = []
    for position, (value, error) in enumerate(zip(fit.constants, fit.standard_errors, strict=True)):
        determined = 0 < error < math.inf
        # A constant that becomes exact is worth the digits that the data determine.
        worth = max(least, math.log2(abs(value) / error + 1.0)) if determined else least

        def lost(exact: float, value: float = value, error: float = error, determined: bool = determined) -> float:
            distance = abs(exact - value) / error if determined else 0.0
            return 0.5 * freedom * math.log2(1.0 + distance**2 / freedom)

        # Undetermined constants may take any value; the refit of the others decides.
        reach = min(_REACH * error if determined else math.inf, 0.5 * abs(value))
        for exact, bits in _exact_values(value, reach, _LARGEST_NUMERATOR if clean else _LARGEST_UNCERTAIN):
            proposals.append(_Proposal(position, exact, worth - bits, lost(float(exact))))
        if not determined or abs(value) <= _ZERO_REACH * error:
            values = [sympy.S.Zero if i == position else c for i, c in enumerate(fit.constants)]
            without = replace_constants(fit.expression, values)
            saved = _saved(fit.expression, without, constant_bits(n_rows, unexplained))
            proposals.append(_Proposal(position, sympy.S.Zero, saved, lost(0.0)))
    return sorted((proposal for proposal in proposals if proposal.gain > 0), key=lambda proposal: -proposal.gain)


def _exact_values(value: float, reach: float, largest: int) -> Iterator[tuple[Any, float]]:
    """Exact numbers within ``reach`` of ``value`` and their bits: rationals, reciprocals, multiples of π and 1/π."""
    if value == 0 or not abs(value) < _LARGEST_VALUE:
        return
    for unit, extra in _UNITS:
        size = float(unit)
        seen = set()
        for denominator in _DENOMINATORS:
            numerator = round(value / size * denominator)
            fraction = Fraction(numerator, denominator)
            if numerator and abs(numerator) <= largest and fraction not in seen:
                seen.add(fraction)
                if abs(float(fraction) * size - value) <= reach:
                    exact = sympy.Rational(fraction.numerator, fraction.denominator)
                    yield exact * unit, number_bits(exact) + extra
    wide = largest == _LARGEST_NUMERATOR
    reciprocal = round(1.0 / value) if wide and abs(value) > 0.5 / _LARGEST_RECIPROCAL else 0
    if abs(reciprocal) > max(_DENOMINATORS) and abs(1.0 / reciprocal - value) <= reach:
        exact = sympy.Rational(1, reciprocal)
        yield exact, number_bits(exact)


def _factored(expression: sympy.Expr) -> Iterator[tuple[sympy.Expr, float, tuple[float, float]]]:
    """Forms with a common constant taken out of a sum and the ratio of another to it made exact; the bits; the two.

    The bits name the ratio and the pair, of many of which one is nearly equal by chance, and say that there is one.

    ``c·exp(a·x) − d`` with ``c ≈ d`` is ``c·(exp(a·x) − 1)``: one constant fewer, which rounding each constant on its
    own cannot see.
    """
    for node in sympy.preorder_traversal(expression):
        if not isinstance(node, sympy.Add):
            continue
        terms = [(term, *term.as_coeff_Mul()) for term in node.args]
        floats = [(coefficient, rest) for _, coefficient, rest in terms if isinstance(coefficient, sympy.Float)]
        if len(floats) < 2 or len(floats) > 4:
            continue
        pairs = math.log2(len(floats) * (len(floats) - 1)) + _A_RATIO_BITS
        for reference, _ in floats:
            for other, _ in floats:
                ratio = float(other / reference)
                exact = sympy.Rational(Fraction(ratio).limit_denominator(4)) if abs(ratio) < _LARGEST_RATIO else 0
                if other is reference or exact == 0 or abs(float(exact) - ratio) > 0.05 * abs(ratio):
                    continue
                parts = []
                for _, coefficient, rest in terms:
                    if coefficient in (reference, other):
                        parts.append((sympy.S.One if coefficient == reference else exact) * rest)
                    else:
                        parts.append(coefficient / reference * rest)
                factored = rebuild(sympy.Mul(sympy.Symbol("_"), 2), [reference, sympy.Add(*parts)])
                bits = number_bits(exact) + pairs
                yield _substitute(expression, node, factored), bits, (float(reference), float(other))


def _substitute(expression: Any, old: Any, new: Any) -> Any:
    if expression == old:
        return new
    if not expression.args:
        return expression
    return rebuild(expression, [_substitute(argument, old, new) for argument in expression.args])


def shorten_decimals(fit: Fit, rows: Rows, *, library: Library | None = None) -> Fit:
    """Write constants that are short decimals up to rounding as such: 0.35, not 0.35000000000000014.

    Only digits far below the standard error change, and the loss stays where it is.
    """
    values: list[Any] = []
    for value, error in zip(fit.constants, fit.standard_errors, strict=True):
        values.append(value)
        for digits in range(1, _SHORT_DECIMALS + 1):
            short = float(f"{value:.{digits - 1}e}") if math.isfinite(value) else value
            if abs(short - value) <= 0.01 * error and abs(short - value) <= 1e-9 * abs(value):
                values[-1] = short
                break
    trial = assess(replace_constants(fit.expression, values), rows, library=library)
    floor = EXACT * rows.variance
    return trial if trial.loss <= max(fit.loss * (1.0 + 1e-12), floor) else fit


def digits_needed(expression: sympy.Expr, loss: float, rows: Rows, *, library: Library | None = None) -> int:
    """How many significant digits of the constants, at least four, a reader needs.

    With fewer the loss would rise by more than a hundredth, or, where the formula is exact, the predictions change by
    more than 1e-6 of the spread of y.

    Examples
    --------
    >>> rows = Rows.from_arrays(np.linspace(1, 2, 9)[:, None], 0.123456789 * np.linspace(1, 2, 9))
    >>> digits_needed(0.123456789 * rows.variables[0], 0.0, rows)
    7
    """
    tape = compile_expression(expression, rows.variables, library)
    allowed = max(1.01 * loss, loss + _READABLE * rows.variance)
    for digits in range(_FEWEST_DIGITS, _MOST_DIGITS):
        written = np.array([float(f"{constant:.{digits - 1}e}") for constant in tape.constants])
        if rows.loss(tape(rows.columns, written)) <= allowed:
            return digits
    return _MOST_DIGITS


def exactness(fit: Fit, rows: Rows) -> bool:
    """Whether what the formula leaves unexplained is rounding only."""
    return bool(np.isfinite(fit.loss)) and fit.loss <= EXACT * rows.variance
