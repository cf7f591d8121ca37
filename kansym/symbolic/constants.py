"""The joint fit of all constants of a formula, and how well the data determine each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.optimize import least_squares

from kansym.library import Library
from kansym.symbolic.description import EXACT, constant_bits, residual_bits, tree_bits
from kansym.symbolic.evaluation import Tape, compile_expression
from kansym.symbolic.label_fit import assess_labels, fisher_scoring
from kansym.symbolic.labels import LabelledRows
from kansym.symbolic.normal_form import replace_constants
from kansym.symbolic.rows import Rows
from kansym.symbolic.uncertainty import Uncertainty

__all__ = ["Fit", "assess", "loss_of", "refit"]

Array = NDArray[np.float64]
_least_squares: Callable[..., Any] = least_squares  # its stubs do not know a callable Jacobian
_ROUNDING, _SMALL_ROW = 1e-9, 1e-6
_LARGEST_SLOPE = 1e150
_MACHINE = float(np.finfo(float).eps)
# What sympy answers when a rounded constant makes a formula meaningless, such as 1/0.
_UNDEFINED = (sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.I)


@dataclass(frozen=True)
class Fit:
    """A formula with its constants fitted.

    Attributes
    ----------
    expression : sympy.Expr
        In the variables of the rows.
    loss : float
        Weighted mean squared error in y units squared, of labels the mean log-loss in nats; infinite where
        the formula is not defined on every row.
    constants, standard_errors : ndarray of shape (n_constants,)
        Standard errors as rounding judges by them: from the Jacobian at the solution, with at least one degree of
        freedom and a relative loss of 1e-20; infinite for constants that the data do not determine.
    left_out_loss : float
        Mean squared error of each row as predicted by the other rows; known to rounding only where a constant serves
        one row alone.
    bits : float
        Description length against the best constant, see :mod:`kansym.symbolic.description`.
    uncertainty : Uncertainty
        Of the constants, with their correlations, as it is reported.
    """

    expression: sympy.Expr
    loss: float
    constants: Array
    standard_errors: Array
    left_out_loss: float
    bits: float
    uncertainty: Uncertainty


def refit(
    expression: sympy.Expr,
    rows: Rows,
    *,
    library: Library | None = None,
    max_evaluations: int = 100,
    should_stop: Callable[[], bool] | None = None,
) -> Fit:
    """Fit all constants of a formula to the rows at once.

    Levenberg–Marquardt with the exact Jacobian (MINPACK's, J. J. Moré 1978, by ``scipy.optimize.least_squares``; of
    fewer rows than constants scipy's trust-region method), or Fisher scoring where the rows hold labels. Steps into a
    region where the formula is undefined are rejected. The result is never worse than the start.

    Parameters
    ----------
    expression : sympy.Expr
        Its ``Float`` atoms are the constants and the start.
    rows : Rows
    library : Library, optional
        For functions beyond the default ones.
    max_evaluations : int
        Evaluations of the formula; the default suffices for convergence from a near start.
    should_stop : callable, optional
        Asked before the fit; when true the constants stay as they are.

    Examples
    --------
    >>> x = np.linspace(1, 3, 20)
    >>> rows = Rows.from_arrays(x[:, None], 2.5 * np.exp(-0.7 * x))
    >>> (symbol,) = rows.variables
    >>> fit = refit(2.0 * sympy.exp(-1.0 * symbol), rows)
    >>> fit.constants.round(6).tolist()
    [2.5, -0.7]
    """
    if expression.has(*_UNDEFINED):
        return _failed(expression, np.empty(0))
    tape = compile_expression(expression, rows.variables, library)
    constants = tape.constants
    start = rows.misfit(tape(rows.columns))
    if not (np.isfinite(start) and np.all(np.isfinite(constants))):  # a constant may be no double: 1.2e316
        return _failed(expression, constants)
    if len(constants) and not (should_stop is not None and should_stop()):
        solve: Callable[..., Array] = fisher_scoring if isinstance(rows, LabelledRows) else _least_squares_constants
        fitted = solve(tape, rows, max_evaluations)
        if rows.misfit(tape(rows.columns, fitted)) <= start:
            expression = replace_constants(expression, fitted.tolist())
    return assess(expression, rows, library=library)


def _least_squares_constants(tape: Tape, rows: Rows, max_evaluations: int) -> Array:
    """The constants of least squares near those of the tape, each searched in units of its start."""
    root_weights = np.sqrt(rows.weights)
    scale = 1.0 / np.sqrt(max(rows.variance, np.finfo(float).tiny))
    unit = np.where(tape.constants == 0, 1.0, tape.constants)

    def residuals(ratios: Array) -> Array:
        return (tape(rows.columns, ratios * unit) - rows.target) * root_weights * scale

    def jacobian(ratios: Array) -> Array:
        slopes = tape.value_and_jacobian(rows.columns, ratios * unit)[1]
        slopes = slopes * unit * root_weights[:, None] * scale
        return np.where(np.isfinite(slopes), slopes, 0.0)

    with np.errstate(all="ignore"):
        result = _least_squares(
            residuals,
            tape.constants / unit,
            jacobian,
            # Compiled, it takes half the time of "trf", by five forms of two columns with and without noise.
            method="lm" if len(rows) >= len(unit) else "trf",
            x_scale="jac",
            ftol=_MACHINE,
            xtol=_MACHINE,
            gtol=_MACHINE,
            max_nfev=max_evaluations,
        )
    return np.asarray(result.x * unit)


def loss_of(expression: sympy.Expr, rows: Rows, *, library: Library | None = None) -> tuple[float, int]:
    """Return the loss of a formula with its constants as they are, infinite where it is not defined, and their number.

    Examples
    --------
    >>> rows = Rows.from_arrays(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 1.0, 3.0]))
    >>> (symbol,) = rows.variables
    >>> loss_of(1.0 * symbol + 1.0, rows), loss_of(sympy.oo * symbol, rows)
    ((0.3333333333333333, 2), (inf, 0))
    """
    if expression.has(*_UNDEFINED):
        return math.inf, 0
    tape = compile_expression(expression, rows.variables, library)
    if not np.all(np.isfinite(tape.constants)):
        return math.inf, len(tape.constants)
    return rows.loss(tape(rows.columns)), len(tape.constants)


def assess(expression: sympy.Expr, rows: Rows, *, library: Library | None = None) -> Fit:
    """Judge a formula on the rows with its constants as they are."""
    tape = compile_expression(expression, rows.variables, library)
    predicted, jacobian = tape.value_and_jacobian(rows.columns)
    loss = rows.loss(predicted)
    if isinstance(rows, LabelledRows):
        errors, left_out_loss, bits = assess_labels(jacobian, predicted, loss, rows)
        bits += tree_bits(expression) + len(errors) * constant_bits(len(rows))
        known = _label_uncertainty(jacobian, predicted, rows)
        return Fit(expression, loss, tape.constants, errors, left_out_loss, bits, known)
    uncertainty = Uncertainty.from_jacobian(
        jacobian, rows.target - predicted, rows.weights, _MACHINE * math.sqrt(rows.loss(np.zeros(len(rows))))
    )
    errors = _cautious_errors(uncertainty, loss, rows)
    unexplained = loss / rows.variance if rows.variance > 0 else 1.0
    bits = residual_bits(loss, rows.variance, len(rows), len(errors)) + tree_bits(expression)
    bits += len(errors) * constant_bits(len(rows), unexplained)
    return Fit(expression, loss, tape.constants, errors, _left_out_loss(jacobian, predicted, rows), bits, uncertainty)


def _left_out_loss(jacobian: Array, predicted: Array, rows: Rows) -> float:
    """Leave-one-out loss without refits: residuals divided by one minus their leverage (Allen 1974, Technometrics 16).

    Exact for formulas linear in their constants, to first order for all others. No residual counts as smaller than the
    rounding of its target, so a row that a constant has for itself (leverage one) is as good as not predicted.

    Constants that leave rounding only on every row are the best ones for any weights of the rows. Then each row counts
    relative to its own size, or one near a pole would seem to determine them all alone.
    """
    if not np.all(np.isfinite(predicted)) or not _are_usable(jacobian):
        return float("inf")
    size = np.abs(rows.target)
    size = np.maximum(size, _SMALL_ROW * np.median(size))
    exact = bool(np.all(size > 0) and np.all(np.abs(rows.target - predicted) <= _ROUNDING * size))
    weighted = jacobian / size[:, None] if exact else jacobian * np.sqrt(rows.weights)[:, None]
    size = np.linalg.norm(weighted, axis=0)
    left, singular, _ = np.linalg.svd(weighted / np.where(size > 0, size, 1.0), full_matrices=False)
    left = left[:, singular > 1e-13 * singular.max(initial=0.0)]
    freedom = np.maximum(1.0 - np.sum(left**2, axis=1), np.finfo(float).eps)
    residuals = np.maximum(np.abs(rows.target - predicted), np.finfo(float).eps * np.abs(rows.target))
    return rows.loss(rows.target - residuals / freedom)


def _are_usable(slopes: Array) -> bool:
    """Whether the squares of the slopes are finite."""
    return bool(np.all(np.abs(slopes) < _LARGEST_SLOPE))


def _cautious_errors(uncertainty: Uncertainty, loss: float, rows: Rows) -> Array:
    """Standard errors where a formula is never taken to be more exact than ``EXACT``, nor to have no freedom."""
    freedom = max(uncertainty.degrees_of_freedom, 1)
    noise = math.sqrt(max(loss, EXACT * rows.variance) * len(rows) / freedom)
    return replace(uncertainty, noise=noise, degrees_of_freedom=freedom).standard_errors


def _label_uncertainty(slopes: Array, predicted: Array, rows: LabelledRows) -> Uncertainty:
    """That of the constants of a logit: the inverse of the Fisher information."""
    information = rows.information(predicted)
    if not 0 < information.sum() < math.inf:  # undefined somewhere, or so sure that labels say nothing
        return Uncertainty.unknown(slopes.shape[1])
    found = Uncertainty.from_jacobian(slopes, np.zeros(len(rows)), information)
    return replace(found, noise=1.0 / math.sqrt(information.mean()))


def _failed(expression: sympy.Expr, constants: Array) -> Fit:
    """A formula that is not defined on every row."""
    unknown, infinite = Uncertainty.unknown(len(constants)), np.full(len(constants), np.inf)
    return Fit(expression, float("inf"), constants, infinite, float("inf"), float("inf"), unknown)
