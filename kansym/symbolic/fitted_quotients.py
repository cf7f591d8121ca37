"""Quotients of polynomials for data with noise: linearised least squares, then the monomials that are not needed go.

``y = P(x)/Q(x)`` is linear in all coefficients once it is multiplied by Q, and the errors that this multiplies by Q as
well are divided by the Q of the round before (Sanathanan & Koerner 1963, IEEE Trans. Automatic Control 8, 56). A few
rounds and steps of Levenberg and Marquardt give the quotient with all monomials up to a degree; then the one whose
coefficient is least certain is left out, and so on, each time with a new fit. On the way from all monomials to one lies
the law, and its description is the shortest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.symbolic.null_vectors import count_monomials, exponents_up_to, independent, monomials
from kansym.symbolic.quotient_forms import description_length
from kansym.symbolic.relations import Relation
from kansym.symbolic.rows import Rows
from kansym.symbolic.span import TEMPLATES, transformed_target

__all__ = ["fitted_quotients"]

Array = NDArray[np.float64]

_TEMPLATES = ("y", "1/y^2", "y^2", "log|y|", "exp(y)")
_DEGREES = ((1, 1), (2, 1), (1, 2), (2, 2), (4, 0), (3, 2), (2, 3), (3, 3), (1, 4))
_MOST_MONOMIALS = 42
_ROWS_PER_MONOMIAL = 4
_MOST_TERMS = 9
_PROPOSED = 3  # of each transform of the target
_ROUNDS, _STEPS, _TRIES = 8, 12, 5
_DAMPING, _FACTOR = 1e-3, 10.0
_CONVERGED = 1e-9
_RIDGES, _CONDITION = (1e-13, 1e-8, 1e-6, 1e-4, 1e-2), 1e-14
_NEAR_A_POLE = 1e-3  # of the largest Q
_AGREE = 0.05  # what coefficients with errors say of each other
_TEMPLATE_BITS = 3.0


def fitted_quotients(
    rows: Rows, should_stop: Callable[[], bool] | None = None
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose quotients of polynomials that describe the rows briefly, and the bits that name their monomials.

    Parameters
    ----------
    rows : Rows
        At least four times as many as there are monomials; higher degrees are not tried with fewer.
    should_stop : callable, optional
        Asked before each degree.

    Examples
    --------
    >>> generator = np.random.default_rng(0)
    >>> x = generator.uniform(0.5, 9, (300, 2))
    >>> y = 7.2 * x[:, 0] / (3.1 + x[:, 0] + 1.8 * x[:, 1])
    >>> rows = Rows.from_arrays(x, y + 0.01 * generator.normal(size=300))
    >>> formula, _ = next(fitted_quotients(rows))
    >>> bool(abs(formula.subs(dict(zip(rows.variables, (3.1, 0.0)))) - 3.6) < 0.02)
    True
    """
    stop = should_stop or (lambda: False)
    scales = np.abs(rows.columns).max(axis=0).tolist()
    for name in () if rows.is_constant else _TEMPLATES:
        template = TEMPLATES[name]
        target, root = transformed_target(template, rows.target, rows.weights)
        if not np.all(np.isfinite(target)) or not np.all(root > 0) or np.ptp(target) == 0:
            continue
        sign = template.sign_of(rows.target)
        found: dict[tuple[object, object], _Quotient] = {}
        for degrees in _DEGREES:
            if not stop() and (system := _System.of(rows.columns, target, root, degrees)) is not None:
                for quotient in system.on_the_way():
                    key = (frozenset(quotient.above), frozenset(quotient.below))
                    if key not in found or quotient.bits < found[key].bits:
                        found[key] = quotient
        for quotient in sorted(found.values(), key=lambda one: one.bits)[:_PROPOSED]:
            relation = Relation(quotient.above, quotient.below, quotient.structure_bits)
            bits = relation.bits + (0.0 if name == "y" else _TEMPLATE_BITS)
            exact = relation.spellings(rows.variables)[0]
            shorter = [
                form
                for form in relation.shortened(rows.variables, _AGREE, scales)[:1]
                if description_length(form) < description_length(exact)
            ]
            for spelling in (exact, *shorter):
                yield sign * template.inverse(spelling), bits


@dataclass(frozen=True)
class _Quotient:
    """Coefficients by exponents, the bits that name the monomials, and those of the whole description."""

    above: dict[tuple[int, ...], float]
    below: dict[tuple[int, ...], float]
    structure_bits: float
    bits: float


@dataclass(frozen=True, eq=False)
class _Fit:
    """Coefficients of P and Q, that of Q at ``unit`` being one, with the weighted residuals and their derivatives.

    ``sound`` is whether Q has no zero among the rows. Where it has, residuals and derivatives are those of a Q that is
    kept away from it: enough to tell which monomial is not needed.
    """

    coefficients: Array
    unit: int
    residuals: Array
    slopes: Array
    sound: bool = True

    @property
    def loss(self) -> float:
        return float(self.residuals @ self.residuals)


@dataclass(frozen=True, eq=False)
class _System:
    """Monomials of P and of Q on the rows, the target, and square roots of the rows' weights."""

    above: Array
    below: Array
    target: Array
    root: Array
    exponents: tuple[list[tuple[int, ...]], list[tuple[int, ...]]]
    scales: Array

    @classmethod
    def of(cls, columns: Array, target: Array, root: Array, degrees: tuple[int, int]) -> _System | None:
        """The system of all monomials up to these degrees; None if they are too many, for the rows or at all."""
        if count_monomials(columns.shape[1], degrees) > min(_MOST_MONOMIALS, len(target) / _ROWS_PER_MONOMIAL):
            return None
        scales = np.abs(columns).max(axis=0)
        scales[scales == 0] = 1.0
        exponents = tuple(exponents_up_to(columns.shape[1], degree) for degree in degrees)
        above, below = (monomials(columns / scales, some) for some in exponents)
        return cls(above, below, target, root, (exponents[0], exponents[1]), scales)

    def on_the_way(self) -> Iterator[_Quotient]:
        """The quotients on the way from all monomials to one, those with few enough to be a formula."""
        # Of monomials that depend on each other, as x and x² of a binary column do, no fit tells the coefficients.
        kept = [*independent(self.above).tolist(), *independent(self.below).tolist()]
        fit = self._fitted(kept, None)
        while fit is not None:
            if fit.sound and sum(kept) <= _MOST_TERMS and (quotient := self._quotient(kept, fit)) is not None:
                yield quotient
            place = self._least_certain(kept, fit)
            if place is None:
                return
            before = np.delete(fit.coefficients, sum(kept[:place]))
            kept[place] = False
            fit = self._fitted(kept, before)

    @np.errstate(all="ignore")
    def _fitted(self, kept: list[bool], before: Array | None) -> _Fit | None:
        """The better one of two fits: linearised anew, and from the coefficients before.

        With more monomials than needed P and Q have a factor in common, of which noise decides, and so of its zeros.
        They are gone when the monomials are.
        """
        above, below = self._matrices(kept)
        data = above, below, self.target, self.root
        fits = [] if before is None else [_refined(*data, before)]
        for ridge in _RIDGES:  # the weakest that leaves no pole among the rows
            fits.append(_refined(*data, _linearised(*data, ridge)))
            if fits[-1] is not None:
                break
        sound = [fit for fit in fits if fit is not None]
        if sound:
            return min(sound, key=lambda fit: fit.loss)
        return _kept_from_poles(*data, _linearised(*data, _RIDGES[0]))

    def _matrices(self, kept: list[bool]) -> tuple[Array, Array]:
        n_above = self.above.shape[1]
        return self.above[:, kept[:n_above]], self.below[:, kept[n_above:]]

    @np.errstate(all="ignore")
    def _least_certain(self, kept: list[bool], fit: _Fit) -> int | None:
        """Place of the monomial whose coefficient is smallest in standard errors; None if no more can go."""
        n_above = self.above.shape[1]
        places = np.flatnonzero(kept)
        free = np.delete(np.arange(len(places)), fit.unit)
        if len(free) == 0:
            return None
        variances = np.diag(np.linalg.pinv(fit.slopes.T @ fit.slopes, rcond=_CONDITION, hermitian=True))
        # What has no influence has no variance here.
        told, certainty = variances > np.finfo(float).tiny, np.zeros(len(free))
        certainty[told] = fit.coefficients[free][told] ** 2 / variances[told]
        only = sum(kept[:n_above]) == 1  # a quotient has at least one monomial above
        choices = [k for k in np.argsort(certainty) if not (only and places[free[k]] < n_above)]
        return int(places[free[choices[0]]]) if choices else None

    @np.errstate(all="ignore")
    def _quotient(self, kept: list[bool], fit: _Fit) -> _Quotient | None:
        """The quotient in the user's units; None where a number of it leaves the range of doubles."""
        n_above, places = self.above.shape[1], np.flatnonzero(kept)
        every = [*self.exponents[0], *self.exponents[1]]
        parts: tuple[dict[tuple[int, ...], float], dict[tuple[int, ...], float]] = ({}, {})
        units = np.prod(self.scales ** np.array(every)[places], axis=1)
        coefficients = fit.coefficients / units
        if not np.all(np.isfinite(coefficients)):
            return None
        for place, coefficient in zip(places.tolist(), coefficients.tolist(), strict=True):
            parts[int(place >= n_above)][every[place]] = coefficient
        n_rows, n_terms = len(self.target), len(places)
        mean = np.average(self.target, weights=self.root**2)
        variance = max(float(np.sum((self.root * (self.target - mean)) ** 2)), np.finfo(float).tiny)
        structure = n_terms * math.log2(len(kept))
        left = 0.5 * n_rows * math.log2(max(fit.loss / variance, np.finfo(float).tiny))
        return _Quotient(*parts, structure, left + structure + 0.5 * n_terms * math.log2(n_rows))


def _solution(normal: Array, right: Array, ridge: float = _RIDGES[0]) -> Array:
    """Of normal equations, each unknown in units of its own column."""
    size = np.sqrt(np.maximum(np.diag(normal), np.finfo(float).tiny))
    scaled = normal / np.outer(size, size) + ridge * np.eye(len(size))
    return np.linalg.solve(scaled, right / size) / size


def _linearised(above: Array, below: Array, target: Array, root: Array, ridge: float) -> Array | None:
    """Coefficients of P and Q from rounds of linear least squares, each with the weights of the one before.

    The first round has no coefficient that is one: a Q without a constant must not be asked for one. Its coefficients
    are those of length one that leave the least.
    """
    every = np.hstack([above, -below * target[:, None]]) * root[:, None]
    size = np.linalg.norm(every, axis=0)
    size[size == 0] = 1.0
    normal = (every / size).T @ (every / size)
    if not np.all(np.isfinite(normal)):
        return None
    coefficients = np.linalg.eigh(normal)[1][:, 0] / size
    best: tuple[float, Array | None] = (math.inf, None)
    for _ in range(_ROUNDS):
        numerator, denominator = above @ coefficients[: above.shape[1]], below @ coefficients[above.shape[1] :]
        divisor = np.maximum(np.abs(denominator), _NEAR_A_POLE * np.abs(denominator).max(initial=0.0))
        if not np.all(divisor > 0):
            break
        loss = float(np.sum((root * (target - numerator / divisor * np.sign(denominator))) ** 2))
        if best[1] is not None and not loss < best[0] * (1.0 - _CONVERGED):
            break
        best = (loss, coefficients)
        # What Q consists of for the most part is its unit: a constant may be what it lacks.
        unit = int(np.argmax(np.mean(np.abs(below * coefficients[above.shape[1] :]), axis=0)))
        weight = root / divisor
        free = np.delete(np.arange(below.shape[1]), unit)
        system = np.hstack([above, -below[:, free] * target[:, None]]) * weight[:, None]
        normal, right = system.T @ system, system.T @ (below[:, unit] * target * weight)
        if not (np.all(np.isfinite(normal)) and np.all(np.isfinite(right))):
            break
        solution = _solution(normal, right, ridge)
        coefficients = np.insert(solution, above.shape[1] + unit, 1.0)
    return best[1]


def _unit(below: Array, coefficients: Array) -> int | None:
    """Place of the coefficient that Q consists of for the most part; None where Q is zero."""
    n_above = len(coefficients) - below.shape[1]
    unit = n_above + int(np.argmax(np.mean(np.abs(below * coefficients[n_above:]), axis=0)))
    return unit if coefficients[unit] != 0 else None


def _kept_from_poles(above: Array, below: Array, target: Array, root: Array, start: Array | None) -> _Fit | None:
    """The fit of these coefficients as far as it can be told where Q has a zero among the rows."""
    if start is None or (unit := _unit(below, start)) is None:
        return None
    coefficients, n_above = start / start[unit], above.shape[1]
    denominator = below @ coefficients[n_above:]
    divisor = np.copysign(np.maximum(np.abs(denominator), _NEAR_A_POLE * np.abs(denominator).max()), denominator)
    values = (above @ coefficients[:n_above]) / divisor
    slopes = np.hstack([above, -below * values[:, None]]) * (root / divisor)[:, None]
    residuals, slopes = root * (target - values), np.delete(slopes, unit, axis=1)
    fit = _Fit(coefficients, unit, residuals, slopes, sound=False)
    return fit if np.isfinite(fit.loss) and np.all(np.isfinite(slopes.T @ slopes)) else None


def _refined(above: Array, below: Array, target: Array, root: Array, start: Array | None) -> _Fit | None:
    """Levenberg's and Marquardt's steps from the start; None where Q has a zero among the rows."""
    n_above = above.shape[1]
    if start is None or (unit := _unit(below, start)) is None:
        return None
    free = np.delete(np.arange(len(start)), unit)

    def fit_at(coefficients: Array) -> _Fit | None:
        denominator = below @ coefficients[n_above:]
        largest = np.abs(denominator).max(initial=0.0)
        if not np.all(denominator > _NEAR_A_POLE * largest) and not np.all(denominator < -_NEAR_A_POLE * largest):
            return None
        values = (above @ coefficients[:n_above]) / denominator
        slopes = np.hstack([above, -below * values[:, None]]) * (root / denominator)[:, None]
        fit = _Fit(coefficients, unit, root * (target - values), slopes[:, free])
        return fit if np.isfinite(fit.loss) and np.all(np.isfinite(slopes.T @ slopes)) else None

    fit, damping = fit_at(start / start[unit]), _DAMPING
    for _ in range(_STEPS if fit is not None else 0):
        assert fit is not None
        curvature, direction = fit.slopes.T @ fit.slopes, fit.slopes.T @ fit.residuals
        better = None
        for _ in range(_TRIES):
            damped = curvature + damping * np.diag(np.diag(curvature) + np.finfo(float).tiny)
            moved = fit.coefficients.copy()
            moved[free] += _solution(damped, direction)
            trial = fit_at(moved)
            if trial is not None and trial.loss < fit.loss:
                better = trial
                break
            damping *= _FACTOR
        if better is None:
            break
        converged = better.loss > (1.0 - _CONVERGED) * fit.loss
        fit, damping = better, damping / _FACTOR
        if converged:
            break
    return fit
