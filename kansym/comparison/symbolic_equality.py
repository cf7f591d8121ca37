"""Whether a formula is the law up to a constant term or factor, shown by sympy.

sympy may take for ever. :func:`is_equal` is for a process that someone else ends in time; :func:`is_equal_in_time`
starts one and ends it.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.comparison.accuracy import relative_error, typical_size
from kansym.comparison.evaluation import evaluate
from kansym.errors import ParameterError
from kansym.symbolic.parsing import expression_text, parse_expression

__all__ = ["is_equal", "is_equal_in_time", "may_be_equal", "with_exact_constants"]

Array = NDArray[np.float64]

_LARGEST_DENOMINATOR = 12
_LARGEST_SIMPLE = 100
_CLOSE = 1e-6
_DIGITS = 6
_DECISIVE = 1e-4
_CHILD = "from kansym.comparison.symbolic_equality import answer; answer()"


def may_be_equal(expression: sympy.Expr, truth: sympy.Expr, variables: Sequence[sympy.Symbol], X: Array) -> bool:
    """Whether difference or ratio are constant on the rows, to 1e-4; if not, sympy need not be asked.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> rows = np.linspace(1, 2, 9)[:, None]
    >>> may_be_equal(3 * x, x, [x], rows), may_be_equal(x + 3, x, [x], rows), may_be_equal(x**2, x, [x], rows)
    (True, True, False)
    """
    found, wanted = evaluate(expression, variables, X), evaluate(truth, variables, X)
    finite = np.isfinite(wanted)
    found, wanted = found[finite], wanted[finite]
    if len(wanted) == 0 or not np.all(np.isfinite(found)):
        return False
    size = typical_size(wanted)
    shift = float(np.median(found - wanted))
    if relative_error(found - shift, wanted, size) < _DECISIVE:
        return True
    counted = wanted != 0
    if not counted.any():
        return False
    factor = float(np.median(found[counted] / wanted[counted]))
    return factor != 0 and math.isfinite(factor) and relative_error(found / factor, wanted, size) < _DECISIVE


def is_equal(expression: sympy.Expr, truth: sympy.Expr) -> bool:
    """Whether sympy shows difference or ratio to be constant. Takes any time and memory.

    Constants within 1e-6 of small rationals, or of such multiples of pi, are taken for these, and all others rounded to
    six digits, since a method finds constants only so well.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> is_equal(2.0000001 * sympy.sin(x) ** 2 + 5, -2 * sympy.cos(x) ** 2)
    True
    >>> is_equal(x**2, x)
    False
    """
    found, wanted = with_exact_constants(expression), with_exact_constants(truth)
    for steps in _SIMPLIFICATIONS:
        difference = steps(found - wanted)
        if not difference.free_symbols and difference.is_finite:
            return True
        ratio = steps(found / wanted)
        if not ratio.free_symbols and ratio.is_finite and not ratio.is_zero:
            return True
    return False


def is_equal_in_time(
    expression: sympy.Expr, truth: sympy.Expr, variables: Sequence[sympy.Symbol], seconds: float
) -> bool | None:
    """:func:`is_equal` in a child process that is ended after so many seconds; None if it had no answer by then."""
    try:
        texts = [expression_text(expression), expression_text(truth)]
    except ParameterError:
        return None
    task = json.dumps([*texts, [variable.name for variable in variables]])
    command = [sys.executable, "-c", _CHILD]
    try:
        done = subprocess.run(command, input=task, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return None
    return json.loads(done.stdout) if done.returncode == 0 else None


def answer() -> None:
    """Read a task from standard input and write the answer to standard output: the child's side."""
    found, wanted, names = json.load(sys.stdin)
    variables = [sympy.Symbol(name, real=True) for name in names]
    equal = is_equal(parse_expression(found, variables), parse_expression(wanted, variables))
    sys.stdout.write(json.dumps(equal))


def with_exact_constants(expression: Any) -> Any:
    """Replace every ``Float`` by an exact number: a simple one nearby, or itself to six digits.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> with_exact_constants(0.33333333 * sympy.sin(6.2831853 * x) + 1.2345678)
    sin(2*pi*x)/3 + 123457/100000
    """
    floats = expression.atoms(sympy.Float)
    return expression.xreplace({number: _exact(float(number)) for number in floats})


def _exact(value: float) -> Any:
    if value == 0 or not math.isfinite(value):
        return sympy.Integer(0) if value == 0 else sympy.nan
    for unit, symbol in ((1.0, sympy.Integer(1)), (math.pi, sympy.pi)):
        share = value / unit
        if 1 / _LARGEST_SIMPLE <= abs(share) <= _LARGEST_SIMPLE:
            simple = Fraction(share).limit_denominator(_LARGEST_DENOMINATOR)
            if simple != 0 and abs(share - float(simple)) <= _CLOSE * abs(share):
                return sympy.Rational(simple.numerator, simple.denominator) * symbol
    return sympy.Rational(f"{value:.{_DIGITS}g}")


_SIMPLIFICATIONS: tuple[Callable[[Any], Any], ...] = (
    sympy.expand,
    lambda expression: sympy.cancel(sympy.together(expression)),
    sympy.trigsimp,
    sympy.simplify,
)
"""From cheap to dear: most pairs need no more than the first."""
