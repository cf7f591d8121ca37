"""How well the rows determine the constants of a formula, and what follows for its values.

To first order a fitted formula is linear in its constants (Seber & Wild 1989, *Nonlinear Regression*, section 2.1):
with ``J`` the Jacobian at the fit, ``W`` the weights and ``s² = Σ w r² / (n − p)``, the constants have the covariance
``s² (Jᵀ W J)⁻¹``. It is kept as a factor, not multiplied out: strongly correlated constants have large variances that
cancel in the value of the formula, and a product would have lost the digits that are left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

__all__ = ["RoundedConstants", "Uncertainty", "round_to_uncertainty"]

Array = NDArray[np.float64]
_LARGEST_SLOPE = 1e150  # its square is finite
_UNDETERMINED = 1e-13  # singular values below this share of the largest are rounding
_NO_SHARE = 1e-12
_CANCELLED = 1e-9
_MOST_DIGITS = 17
_LITTLE_LOSS = 0.01
_SMALLEST_PLAIN, _LARGEST_PLAIN = -5, 5  # powers of ten that are written as plain decimals


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """The covariance of fitted constants, as a factor, and the noise of the rows.

    Exact constants, such as 2 or π, have no error and no place here. The form of the formula counts as given: that it
    was chosen among others is not part of the errors.

    Attributes
    ----------
    factor : ndarray of shape (n_constants, rank)
        The covariance is ``noise² · factor · factorᵀ``; constants in the order of evaluation.
    undetermined : ndarray of shape (n_constants, n_constants − rank)
        Directions in which the constants may move without a change that a row would feel.
    noise : float
        Standard deviation of an observation of mean weight, in y units; NaN unless there are more rows than constants.
    degrees_of_freedom : int
        Rows less constants.
    """

    factor: Array
    undetermined: Array
    noise: float
    degrees_of_freedom: int

    @classmethod
    def from_jacobian(cls, jacobian: Array, residuals: Array, weights: Array, rounding: float = 0.0) -> Uncertainty:
        """The uncertainty at a fit.

        Parameters
        ----------
        jacobian : ndarray of shape (n_rows, n_constants)
            Derivatives of the predictions in the constants.
        residuals : ndarray of shape (n_rows,)
            In y units.
        weights : ndarray of shape (n_rows,)
            Relative precision of the rows; only their ratios count.
        rounding : float
            Standard deviation that a target has by its rounding alone, in y units: the noise is never below it.

        Examples
        --------
        >>> rows = np.ones((4, 1))
        >>> Uncertainty.from_jacobian(rows, np.array([1.0, -1.0, 1.0, -1.0]), np.ones(4)).standard_errors.round(4)
        array([0.5774])
        """
        n_rows, n_constants = jacobian.shape
        freedom = n_rows - n_constants
        weights = weights / weights.mean()
        with np.errstate(all="ignore"):
            noise = math.sqrt(weights @ residuals**2 / freedom) if freedom > 0 else math.nan
            usable = bool(np.all(np.abs(jacobian) < _LARGEST_SLOPE)) and not math.isinf(noise)
        noise = noise if math.isnan(noise) else max(noise, rounding)
        if not usable or n_constants == 0:
            return cls(np.empty((n_constants, 0)), np.eye(n_constants), noise, freedom)
        weighted = jacobian * np.sqrt(weights)[:, None]
        size = np.linalg.norm(weighted, axis=0)
        size[size == 0] = 1.0
        # With fewer rows than constants the missing rows say nothing: zeros.
        weighted = np.vstack([weighted / size, np.zeros((max(n_constants - n_rows, 0), n_constants))])
        _, singular, right = np.linalg.svd(weighted, full_matrices=False)
        known = singular > singular[0] * _UNDETERMINED
        shares = np.where(np.abs(right.T) > _NO_SHARE, right.T, 0.0)
        factor = right.T[:, known] / singular[known] / size[:, None]
        return cls(factor, shares[:, ~known] / size[:, None], noise, freedom)

    @classmethod
    def unknown(cls, n_constants: int) -> Uncertainty:
        """What is said where nothing is known: every error is NaN."""
        return cls(np.empty((n_constants, 0)), np.empty((n_constants, 0)), math.nan, 0)

    @property
    def standard_errors(self) -> Array:
        """Standard deviations of the constants; infinite where the rows do not determine one, NaN without freedom."""
        return self.standard_deviation(np.eye(len(self.factor)))

    @property
    def covariance(self) -> Array:
        """Of the constants, multiplied out; infinite or NaN where a standard error is."""
        errors = self.standard_errors
        product = self.noise**2 * self.factor @ self.factor.T
        undefined = ~np.isfinite(errors)
        product[undefined | undefined[:, None]] = math.nan
        np.fill_diagonal(product, errors**2)
        return product

    def standard_deviation(self, gradients: Array) -> Array:
        """Standard deviation of quantities computed from the constants, to first order.

        Parameters
        ----------
        gradients : ndarray of shape (n_quantities, n_constants)
            Derivatives of each quantity in the constants, such as the Jacobian of predictions.

        Returns
        -------
        ndarray of shape (n_quantities,)
            NaN where a gradient is not finite.
        """
        with np.errstate(all="ignore"):
            deviation = self.noise * np.linalg.norm(gradients @ self.factor, axis=1)
            if self.degrees_of_freedom > 0 and self.undetermined.size:
                moved = np.abs(gradients @ self.undetermined)
                at_most = np.abs(gradients) @ np.abs(self.undetermined)
                deviation[np.any(moved > _CANCELLED * at_most, axis=1)] = math.inf
        deviation[~np.all(np.isfinite(gradients), axis=1)] = math.nan
        return deviation

    def information(self, constants: Array) -> Array:
        """Squared signal of each direction in which the constants may move by their own size, in y units squared.

        The eigenvalues of ``D JᵀWJ D`` with ``D = diag |constants|``, of shape (rank,): over the variance of the noise
        they say to one part in how many, squared, the rows determine the constants. A constant of zero counts as one.

        Examples
        --------
        >>> Uncertainty.from_jacobian(np.ones((4, 1)), np.zeros(4), np.ones(4)).information(np.array([3.0]))
        array([36.])
        """
        size = np.where(constants == 0, 1.0, np.abs(constants))
        singular = np.linalg.svd(self.factor / size[:, None], compute_uv=False)[: self.factor.shape[1]]
        with np.errstate(all="ignore"):
            return np.asarray(np.where(singular > 0, singular**-2.0, np.inf))

    def quantile(self, level: float) -> float:
        """Half width of the central interval of Student's distribution that holds the share ``level``."""
        freedom = self.degrees_of_freedom
        return float(stdtrit(freedom, 0.5 + 0.5 * level)) if freedom > 0 else math.nan

    def loss_rise(self, shifts: Sequence[float] | Array) -> float:
        """Relative rise of the loss when the constants are moved by ``shifts``, to second order.

        Examples
        --------
        >>> mean = Uncertainty(np.array([[0.1]]), np.empty((1, 0)), noise=2.0, degrees_of_freedom=99)
        >>> round(mean.loss_rise(mean.standard_errors), 4)  # one standard error: one part of the 99
        0.0101
        """
        basis = np.hstack([self.factor, self.undetermined])
        if not len(basis) or basis.shape[0] != basis.shape[1] or not self.degrees_of_freedom > 0:
            return math.nan if len(basis) else 0.0
        size = np.linalg.norm(basis, axis=1)
        steps = np.linalg.solve(basis / size[:, None], np.asarray(shifts, dtype=float) / size)
        along = steps[: self.factor.shape[1]]
        with np.errstate(all="ignore"):
            return float(np.sum(along**2) / np.float64(self.noise**2 * self.degrees_of_freedom))


@dataclass(frozen=True)
class RoundedConstants:
    """Constants with the digits that the rows support.

    Attributes
    ----------
    values : tuple of float
    texts : tuple of str
        The digits of each, with the standard error of the last ones in parentheses: ``"365.036(12)"``, or in powers of
        ten ``"1.234(5)e-7"``. A constant whose error is not known is written whole, without one.
    guard_digits : int
        Digits written beyond the first one of the standard error.
    loss_rise : float
        By which share the loss is larger with these values, to second order.
    """

    values: tuple[float, ...]
    texts: tuple[str, ...]
    guard_digits: int
    loss_rise: float


def round_to_uncertainty(constants: Sequence[float] | Array, uncertainty: Uncertainty) -> RoundedConstants:
    """Round each constant to the digits that its standard error leaves.

    One digit more than the first of the standard error is written: rounding so moves a constant by a twentieth of its
    error at most. Where the constants are strongly correlated, small moves of one alone are felt: further digits are
    written until the loss rises by no more than a hundredth.

    Examples
    --------
    >>> level = Uncertainty(np.array([[0.1]]), np.empty((1, 0)), noise=0.123, degrees_of_freedom=99)
    >>> rounded = round_to_uncertainty([365.0364218], level)
    >>> rounded.values, rounded.texts, round(rounded.loss_rise, 6)
    ((365.036,), ('365.036(12)',), 1.2e-05)
    """
    errors = uncertainty.standard_errors
    guard = 0
    while True:
        guard += 1
        pairs = [_rounded(float(value), float(error), guard) for value, error in zip(constants, errors, strict=True)]
        values, texts = tuple(value for value, _ in pairs), tuple(text for _, text in pairs)
        rise = uncertainty.loss_rise(np.subtract(values, constants))
        if not rise > _LITTLE_LOSS or guard == _MOST_DIGITS:
            return RoundedConstants(values, texts, guard, rise)


def _rounded(value: float, error: float, guard: int) -> tuple[float, str]:
    """The value at the ``guard``-th digit after the first one of its error, and as text with that error."""
    if not 0 < error < math.inf:
        return value, repr(value)
    last = int(f"{error:.{guard}e}".split("e")[1]) - guard
    exact = Decimal(value)
    if exact.adjusted() - last >= _MOST_DIGITS:
        return value, repr(value)
    rounded = exact.quantize(Decimal((0, (1,), last)))
    unit = int(Decimal(error).scaleb(-last).to_integral_value())
    leading = max(rounded.adjusted(), last)
    if last <= 0 and _SMALLEST_PLAIN <= leading <= _LARGEST_PLAIN:
        return float(rounded), f"{rounded:f}({unit})"
    return float(rounded), f"{rounded.scaleb(-leading):f}({unit})e{leading}"
