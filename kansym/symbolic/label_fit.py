"""The joint fit of all constants of a logit to labels, and how well the labels determine each."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from kansym.symbolic.evaluation import Tape
from kansym.symbolic.labels import LabelledRows

__all__ = ["assess_labels", "damped_step", "fisher_scoring"]

Array = NDArray[np.float64]

_FIRST_DAMPING, _LEAST_DAMPING, _GREATEST_DAMPING = 1e-3, 1e-12, 1e12
_CONVERGED = 1e-13
_LARGEST_SLOPE = 1e150
_RELATIVE_CUT = 1e-13


def fisher_scoring(tape: Tape, rows: LabelledRows, max_evaluations: int) -> Array:
    """The constants of least smoothed log-loss near those of the tape.

    Newton's method with the expected Hessian ``Jᵀ diag(w·p·(1 − p))·J`` (Nelder & Wedderburn 1972, "Generalized linear
    models", J. R. Stat. Soc. A 135, section 1.2), damped as by Marquardt: exact for formulas linear in their constants,
    Gauss–Newton for all others.

    Parameters
    ----------
    tape : Tape
        The compiled formula; its constants are the start.
    rows : LabelledRows
    max_evaluations : int

    Examples
    --------
    >>> import sympy
    >>> x = sympy.Symbol("x", real=True)
    >>> from kansym.symbolic.evaluation import compile_expression
    >>> rows = LabelledRows.binary(np.array([[0.0], [0], [1], [1]]), np.array([0, 1, 1, 1]), np.ones(4), (x,))
    >>> fisher_scoring(compile_expression(0.1 + 0.1 * x, (x,)), rows, 50).round(3)  # shares (1/3 + 4/5)/2 and 4/5
    array([0.268, 1.118])
    """
    constants = tape.constants
    damping, misfit = _FIRST_DAMPING, rows.misfit(tape(rows.columns))
    evaluations, slow = 1, 0
    while evaluations < max_evaluations and slow < 2:
        predicted, slopes = tape.value_and_jacobian(rows.columns, constants)
        if not _are_usable(slopes):
            break
        gradient = slopes.T @ (rows.weights * (rows.goal - rows.probability(predicted)))
        matrix = slopes.T @ (slopes * rows.information(predicted)[:, None])
        trial, reached = constants, math.inf
        while reached > misfit and evaluations < max_evaluations and damping < _GREATEST_DAMPING:
            trial = constants + damped_step(matrix, gradient, damping)
            reached = rows.misfit(tape(rows.columns, trial)) if np.all(np.isfinite(trial)) else math.inf
            evaluations += 1
            damping = max(damping / 10.0, _LEAST_DAMPING) if reached <= misfit else damping * 10.0
        if reached > misfit:
            break
        slow = slow + 1 if misfit - reached <= _CONVERGED * misfit else 0
        constants, misfit = trial, reached
    return constants


def damped_step(matrix: Array, gradient: Array, damping: float) -> Array:
    """The step of Marquardt (1963): the diagonal of the scaled matrix is raised; NaN where it is not definite.

    Examples
    --------
    >>> damped_step(np.diag([4.0, 1.0]), np.array([4.0, 2.0]), 0.0)
    array([1., 2.])
    """
    diagonal = matrix.diagonal()
    scale = np.sqrt(np.maximum(diagonal, max(float(diagonal.max(initial=0.0)) * 1e-20, 1e-300)))
    with np.errstate(all="ignore"):
        scaled = matrix / scale / scale[:, None]
        scaled[np.diag_indices_from(scaled)] += damping
        try:
            factor = cho_factor(scaled, check_finite=False)
            return np.asarray(cho_solve(factor, gradient / scale, check_finite=False)) / scale
        except LinAlgError:
            return np.full(len(gradient), np.nan)


def _are_usable(slopes: Array) -> bool:
    return bool(np.all(np.abs(slopes) < _LARGEST_SLOPE))


def assess_labels(slopes: Array, predicted: Array, loss: float, rows: LabelledRows) -> tuple[Array, float, float]:
    """Standard errors of the constants, the log-loss of left-out rows, and the bits of the labels.

    Without a row the logit of that row moves by ``h/(1 − h)`` times its working residual, ``h`` the leverage (Pregibon
    1981, "Logistic regression diagnostics", Ann. Statist. 9, section 4). The bits are those of the labels beyond what
    the classes' shares take, so negative for a good formula.

    Parameters
    ----------
    slopes : ndarray of shape (n_rows, n_constants)
    predicted : ndarray of shape (n_rows,)
    loss : float
        Mean log-loss in nats.
    rows : LabelledRows
    """
    if not math.isfinite(loss) or not _are_usable(slopes):
        return np.full(slopes.shape[1], np.inf), math.inf, math.inf
    information = rows.information(predicted)
    weighted = slopes * np.sqrt(information)[:, None]
    size = np.linalg.norm(weighted, axis=0)
    left, singular, right = np.linalg.svd(weighted / np.where(size > 0, size, 1.0), full_matrices=False)
    determined = singular > _RELATIVE_CUT * singular.max(initial=0.0)
    with np.errstate(all="ignore"):
        spread = np.where(determined, 1.0 / singular, np.inf)
        errors = np.sqrt(np.sum(np.where(np.abs(right.T) > 1e-12, (right.T * spread) ** 2, 0.0), axis=1)) / size
        leverage = np.minimum(np.sum(left[:, determined] ** 2, axis=1), 1.0 - np.finfo(float).eps)
        residual = rows.weights * (rows.goal - rows.probability(predicted)) / information
        moved = np.where(leverage > 0, predicted - residual * leverage / (1.0 - leverage), predicted)
        left_out = rows.loss(moved)
    bits = len(rows) * (loss - rows.null_loss) / math.log(2)
    return np.where(size > 0, errors, np.inf), left_out, bits
