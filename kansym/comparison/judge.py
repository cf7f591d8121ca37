"""The one judge of all methods: it evaluates what they export, and takes nobody's word for anything."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.comparison.accuracy import r2_score, relative_error, typical_size
from kansym.comparison.edit_distance import edit_distance
from kansym.comparison.evaluation import evaluate
from kansym.comparison.pieces import rows_of, without_idle_pieces
from kansym.comparison.problems import Sample
from kansym.comparison.recovery import Reference, recovery_rule
from kansym.comparison.symbolic_equality import is_equal, is_equal_in_time, may_be_equal
from kansym.symbolic.complexity import complexity

__all__ = [
    "FRONT_SECONDS",
    "Judgement",
    "is_on_front",
    "judge",
    "judge_numerically",
    "judge_predictions",
    "judge_symbolically",
]

Array = NDArray[np.float64]

FRONT_SECONDS = 10.0
"""How long a front is searched for the law."""


@dataclass(frozen=True)
class Judgement:
    """What the judge says; the fields are those of :class:`kansym.comparison.records.Record`.

    Attributes
    ----------
    complexity, truth_complexity : int or None
        Nodes of the formula and of the law.
    r2_test, error_test, error_wide : float or None
        R² on the test rows; relative errors there and on the widened ranges, against the law where it is known. None
        where the formula is not finite on some row, or there is nothing to compare it with.
    recovered : bool
    recovered_by : str or None
        The rule of :mod:`kansym.comparison.recovery` that was met.
    symbolic : bool or None
        Whether sympy showed difference or ratio to be constant; None if it was not asked or did not answer in time.
    on_front : bool
        Whether some formula that the method offers meets a rule.
    edit_distance : float or None
    """

    complexity: int | None = None
    truth_complexity: int | None = None
    r2_test: float | None = None
    error_test: float | None = None
    error_wide: float | None = None
    recovered: bool = False
    recovered_by: str | None = None
    symbolic: bool | None = None
    on_front: bool = False
    edit_distance: float | None = None


def judge(
    expression: sympy.Expr, front: Sequence[sympy.Expr], sample: Sample, *, symbolic_seconds: float = 10.0
) -> Judgement:
    """Judge a formula, by numbers and by sympy.

    Parameters
    ----------
    expression : sympy.Expr
        What the method selects, in the variables of the sample.
    front : sequence of sympy.Expr
        What else it offers.
    sample : Sample
    symbolic_seconds : float
        How long sympy may take; it runs in a process of its own, which is ended then.

    Raises
    ------
    ParameterError
        If a formula holds other variables, or functions that cannot be evaluated.

    Examples
    --------
    >>> from kansym.comparison.suites import load_suite
    >>> problem = load_suite("nguyen")[0]
    >>> sample = problem.draw(rows=50)
    >>> (x,) = sample.variables
    >>> judge_numerically(x * (x**2 + x + 1), [], sample).recovered_by
    'exact'
    """
    judgement = judge_numerically(expression, front, sample)
    expression = without_idle_pieces(expression, sample.variables, rows_of(sample))
    if sample.truth is None:
        return judgement
    symbolic: bool | None = False
    if _worth_asking(expression, sample):
        symbolic = is_equal_in_time(expression, sample.truth, sample.variables, symbolic_seconds)
    return replace(judgement, symbolic=symbolic)


def judge_numerically(expression: sympy.Expr, front: Sequence[sympy.Expr], sample: Sample) -> Judgement:
    """Everything but ``symbolic``; the arguments are those of :func:`judge`. Takes seconds at most.

    The front is looked at for at most 10 seconds. Pieces that no row of
    the sample takes, such as the guard of a division, do not count as part of a formula.
    """
    rows = rows_of(sample)
    expression = without_idle_pieces(expression, sample.variables, rows)
    test = evaluate(expression, sample.variables, sample.X_test)
    wide = None if sample.X_wide is None else evaluate(expression, sample.variables, sample.X_wide)
    judgement = replace(judge_predictions(test, wide, sample), complexity=complexity(expression))
    reference = Reference.of(sample)
    if sample.truth is None or reference is None:
        return judgement
    rule = recovery_rule(expression, reference)
    return replace(
        judgement,
        truth_complexity=reference.complexity,
        recovered=rule is not None,
        recovered_by=rule,
        on_front=rule is not None or is_on_front(front, sample),
        edit_distance=edit_distance(expression, sample.truth),
    )


def judge_symbolically(expression: sympy.Expr, sample: Sample) -> bool | None:
    """Whether sympy shows the formula to be the law up to a constant term or factor.

    It may take for ever: for callers that end the process it runs in. None if no law is known.
    """
    if sample.truth is None:
        return None
    expression = without_idle_pieces(expression, sample.variables, rows_of(sample))
    return _worth_asking(expression, sample) and is_equal(expression, sample.truth)


def judge_predictions(test: Array, wide: Array | None, sample: Sample) -> Judgement:
    """Judge predictions of a method without a formula: accuracy only.

    Parameters
    ----------
    test : ndarray of shape (n_test,)
        Predictions on ``sample.X_test``.
    wide : ndarray of shape (n_wide,), or None
        Predictions on ``sample.X_wide``.
    sample : Sample
    """
    truth = sample.y_test
    if sample.truth is not None:
        truth = evaluate(sample.truth, sample.variables, sample.X_test)
    size = typical_size(truth[np.isfinite(truth)])
    error_wide = None
    if wide is not None and sample.y_wide is not None:
        error_wide = _finite(relative_error(wide, sample.y_wide, size))
    return Judgement(
        truth_complexity=None if sample.truth is None else complexity(sample.truth),
        r2_test=r2_score(test, sample.y_test),
        error_test=_finite(relative_error(test, truth, size)),
        error_wide=error_wide,
    )


def _worth_asking(expression: sympy.Expr, sample: Sample) -> bool:
    assert sample.truth is not None
    parts = [sample.X_test] if sample.X_wide is None else [sample.X_test, sample.X_wide]
    return may_be_equal(expression, sample.truth, sample.variables, np.concatenate(parts))


def is_on_front(front: Iterable[sympy.Expr], sample: Sample) -> bool:
    """Whether some formula of a front is the law; they are looked at in their order, for at most ten seconds."""
    reference = Reference.of(sample)
    if reference is None:
        return False
    end, rows = time.monotonic() + FRONT_SECONDS, rows_of(sample)
    for expression in front:
        if recovery_rule(without_idle_pieces(expression, sample.variables, rows), reference) is not None:
            return True
        if time.monotonic() > end:
            break
    return False


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
