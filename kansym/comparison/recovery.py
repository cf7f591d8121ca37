"""When a formula counts as the law: the three rules, by numbers alone.

*exact*
    The relative error is below 1e-6 on fresh rows and on ranges half as wide again, at a complexity of at most
    3 × truth + 10; with noise, of at most 1.5 × truth + 5.
*constants* (with noise)
    The formula's constants are within five standard errors of values for which it is exactly the law, at a complexity
    of at most 1.5 × truth + 5.
*error* (with noise)
    The root mean square error against the truth without noise is below a tenth of the noise on the widened ranges, at
    the same complexity.

The rules see no more than the rows do: in ten of SRSD's laws a term is so small on its whole range that the law without
it is exact to 1e-6. Tree edit distance and sympy's answer, which the judge gives beside them, tell the two apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.comparison.accuracy import absolute_error, error_in_noise, relative_error, root_mean_square, typical_size
from kansym.comparison.evaluation import constants_of, evaluate
from kansym.comparison.fitting import fit_constants
from kansym.comparison.problems import Sample
from kansym.symbolic.complexity import complexity

__all__ = ["Reference", "recovery_rule"]

Array = NDArray[np.float64]
_EXACT = 1e-6
_NOISE_SHARE = 0.1
_STANDARD_ERRORS = 5.0
_MAX_CONSTANTS = 40
_MAX_EVALUATIONS = 60
_TOO_FAR = 10.0  # in units of the noise, on training rows; beyond it no refit is tried
_UNSEEN = 1e-8  # singular values below this share come from rounding and finite differences
_STEP = 1e-6


@dataclass(frozen=True, eq=False)
class Reference:
    """The values of the truth that formulas are held to.

    Attributes
    ----------
    sample : Sample
        With a truth.
    train, test, wide : ndarray of shape (n_rows,)
        The truth on these rows, without noise.
    size : float
        Typical size of the truth on fresh rows.
    amplitude : float
        Root mean square of the truth on training rows, to which the noise is relative.
    complexity : int
        Of the truth.
    """

    sample: Sample
    train: Array
    test: Array
    wide: Array
    size: float
    amplitude: float
    complexity: int

    @classmethod
    def of(cls, sample: Sample) -> Reference | None:
        """The reference of a sample, None if it has no truth."""
        if sample.truth is None or sample.X_wide is None:
            return None
        train, test, wide = (
            evaluate(sample.truth, sample.variables, X) for X in (sample.X, sample.X_test, sample.X_wide)
        )
        size = typical_size(test[np.isfinite(test)])
        amplitude = root_mean_square(train[np.isfinite(train)])
        return cls(sample, train, test, wide, size, amplitude, complexity(sample.truth))

    def errors(self, expression: sympy.Expr, constants: Array | None = None) -> tuple[float, float]:
        """Relative errors on the test rows and on the wide rows."""
        variables, X_test, X_wide = self.sample.variables, self.sample.X_test, self.sample.X_wide
        assert X_wide is not None
        return (
            relative_error(evaluate(expression, variables, X_test, constants), self.test, self.size),
            relative_error(evaluate(expression, variables, X_wide, constants), self.wide, self.size),
        )

    def is_exact(self, expression: sympy.Expr, constants: Array | None = None) -> bool:
        """Whether both relative errors are below 1e-6."""
        return max(self.errors(expression, constants)) < _EXACT


def recovery_rule(expression: sympy.Expr, reference: Reference) -> str | None:
    """The first rule of "exact", "constants" and "error" that a formula meets; None if it meets none."""
    sigma = reference.sample.sigma
    limit = 1.5 * reference.complexity + 5 if sigma > 0 else 3 * reference.complexity + 10
    if complexity(expression) > limit:
        return None
    if reference.is_exact(expression):
        return "exact"
    if sigma <= 0:
        return None
    if _constants_hold(expression, reference):
        return "constants"
    assert reference.sample.X_wide is not None
    wide = evaluate(expression, reference.sample.variables, reference.sample.X_wide)
    if not np.any(np.isfinite(reference.wide)):
        return None
    if absolute_error(wide, reference.wide) < _NOISE_SHARE * sigma:
        return "error"
    return None


def _constants_hold(expression: sympy.Expr, reference: Reference) -> bool:
    """Whether the constants are within five standard errors of ones for which the formula is the law.

    The formula's constants θ are fitted to the truth on all rows, which gives θ*. If the formula is then exact, and
    none of its constants could as well be zero, its skeleton is the law's. (An offset may be zero, but is held to its
    standard error as well: many methods add one to all that they find.) The standard errors are those that the noise
    allows, ``sigma·sqrt(diag((JᵀJ)⁻¹))`` with the Jacobian J at θ* on the training rows.

    Constants that say the same thing twice make JᵀJ singular. The test is then made in the space that J sees, and what
    lies outside must not matter: the formula with θ and with only the seen part of θ − θ* must agree to a tenth of the
    noise on all rows, wide ones included. So neither can a redundant constant hide a wrong one, nor can a constant that
    the training rows say nothing about be wrong elsewhere.
    """
    sample, start = reference.sample, constants_of(expression)
    if not 0 < len(start) <= _MAX_CONSTANTS:
        return False
    train = evaluate(expression, sample.variables, sample.X)
    if not error_in_noise(train, reference.train, sample.sigma, reference.amplitude) < _TOO_FAR:
        return False
    best = _refit(expression, start, reference)
    offset = _position_of_offset(expression)
    if offset is not None and reference.is_exact(expression, _without(best, offset)):
        best = _without(best, offset)
    others = [position for position in range(len(best)) if position != offset]
    if not reference.is_exact(expression, best) or any(_is_idle(k, expression, best, reference) for k in others):
        return False
    return _within_standard_errors(expression, start, best, reference)


def _refit(expression: sympy.Expr, start: Array, reference: Reference) -> Array:
    sample = reference.sample
    assert sample.X_wide is not None
    X = np.concatenate([sample.X, sample.X_test, sample.X_wide])
    truth = np.concatenate([reference.train, reference.test, reference.wide])
    X, truth = X[np.isfinite(truth)], truth[np.isfinite(truth)]
    scale = np.maximum(np.abs(truth), reference.size)

    def values(constants: Array) -> Array:
        return evaluate(expression, sample.variables, X, constants)

    return fit_constants(values, truth, scale, start, _MAX_EVALUATIONS)


def _is_idle(position: int, expression: sympy.Expr, best: Array, reference: Reference) -> bool:
    """Whether a constant could as well be zero: what it stands for is not part of the law."""
    return reference.is_exact(expression, _without(best, position))


def _without(constants: Array, position: int) -> Array:
    changed = constants.copy()
    changed[position] = 0.0
    return changed


def _position_of_offset(expression: sympy.Expr) -> int | None:
    """Where the constant that is added to all else stands among the constants, None if there is none."""
    position = 0
    for term in expression.args if isinstance(expression, sympy.Add) else ():
        if isinstance(term, sympy.Float):
            return position
        position += len(constants_of(term))
    return None


def _within_standard_errors(expression: sympy.Expr, constants: Array, best: Array, reference: Reference) -> bool:
    sample = reference.sample
    unit = np.where(best != 0, np.abs(best), np.where(constants != 0, np.abs(constants), 1.0))
    jacobian = _jacobian(expression, best, unit, reference)
    if not np.all(np.isfinite(jacobian)):
        return False
    # Columns of one length: the singular values then say what the rows determine, whatever the units are.
    length = np.linalg.norm(jacobian, axis=0)
    length[length == 0] = 1.0
    _, singular, right = np.linalg.svd(jacobian / length, full_matrices=False)
    seen = singular > _UNSEEN * singular[0] if singular[0] > 0 else np.zeros(len(singular), dtype=bool)
    directions, singular = right[seen], singular[seen]
    shift = directions.T @ (directions @ ((constants - best) / unit * length))
    # The values were divided by the amplitude of the truth, and so is the noise.
    errors = sample.sigma / reference.amplitude * np.sqrt(np.sum((directions.T / singular) ** 2, axis=1))
    if np.any(np.abs(shift) > _STANDARD_ERRORS * errors + 1e-12 * length):
        return False
    return _agree(expression, constants, best + shift / length * unit, reference)


def _jacobian(expression: sympy.Expr, constants: Array, unit: Array, reference: Reference) -> Array:
    """Derivatives of the formula over the truth's amplitude, in constants over their units, on training rows."""
    columns = []
    for position in range(len(constants)):
        step = np.zeros(len(constants))
        step[position] = _STEP * unit[position]
        up, down = (
            evaluate(expression, reference.sample.variables, reference.sample.X, constants + sign * step)
            for sign in (1.0, -1.0)
        )
        columns.append((up - down) / (2 * _STEP) / reference.amplitude)
    return np.column_stack(columns)


def _agree(expression: sympy.Expr, one: Array, other: Array, reference: Reference) -> bool:
    """Whether two sets of constants give the same values to a tenth of the noise on every kind of rows."""
    sample = reference.sample
    for X in (sample.X, sample.X_test, sample.X_wide):
        assert X is not None
        first, second = (evaluate(expression, sample.variables, X, constants) for constants in (one, other))
        if not error_in_noise(first, second, sample.sigma, reference.amplitude) < _NOISE_SHARE:
            return False
    return True
