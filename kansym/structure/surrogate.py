"""A smooth stand-in for the data with exact derivatives: regression on Chebyshev polynomials of bounded total degree.

Smooth laws on a box are approximated by polynomials with an error that falls exponentially with the degree (Trefethen,
"Approximation Theory and Approximation Practice", 2013, theorem 8.2), so one least-squares fit gives the gradient of an
unknown law to several digits: enough to read its symmetries off, see :mod:`kansym.structure.symmetry`. Columns and
target enter as they are or as logarithms, the target also as its inverse, its square or the inverse of that, whichever
predicts held-out rows best.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.polynomial import chebyshev
from numpy.typing import NDArray
from scipy.linalg import lstsq
from scipy.spatial import KDTree

__all__ = ["Surrogate", "fit_surrogate", "glanced_error", "noise_error", "polynomials", "weighted_fit"]

Array = NDArray[np.float64]

_HELD_OUT = 0.2
_FEWEST_HELD = 8  # two or three rows do not tell how large the noise is
_LARGEST_SAMPLE = 1500
_MOST_TERMS = 450
_TERMS_PER_ROW = 0.65
_LARGEST_DEGREE = 36
_RIDGE = 1e-12
_PATIENCE = 2  # degrees without improvement, or behind, after which higher ones are not tried
_BEHIND = 2.0
_ROUNDING = 1e-13
_ROUGH = 0.7
_EVEN = 0.05  # of the root mean square; the median of normal noise is 0.67
_INTERIOR = 0.95  # polynomials wiggle most near the faces of the box


@dataclass(frozen=True, eq=False)
class Surrogate:
    """A polynomial model of the data.

    Attributes
    ----------
    error : float
        Root mean square error on held-out rows; each row's relative to |y|, or to the median of |y| where that is
        larger.
    unexplained : float
        Weighted mean squared error on those rows as a share of the variance of y.
    noise : float
        That mean squared error in squared units of y, if it is noise: polynomials of higher degree are no better, and
        neighbouring rows have residuals that know nothing of each other, and most rows have their share. Else zero: the
        error is the model's own or rounding, or there are fewer than 40 rows.
    values : ndarray of shape (n_rows,)
        The model on the rows.
    gradient : ndarray of shape (n_rows, n_columns)
        Its derivatives in the columns, in units of y over units of the column.
    interior : ndarray of bool, shape (n_rows,)
        Rows that are not close to a face of the box, where the gradient is most reliable.
    """

    error: float
    unexplained: float
    noise: float
    values: Array
    gradient: Array
    interior: NDArray[np.bool_]


@dataclass(frozen=True)
class _Scale:
    """A transformation of the target with its inverse and the derivative of the inverse."""

    forward: Callable[[Array], Array]
    inverse: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    one_sign: bool = False

    def transformed(self, target: Array, sign: float, precision: Array) -> tuple[Array, Array]:
        """The transformed target and its rows' precision: their noise enters multiplied by the slope (delta method)."""
        values = self.forward(sign * target) if self.one_sign else target
        return values, precision * np.abs(self.slope(values))

    def predicted(self, values: Array, sign: float) -> Array:
        return sign * self.inverse(values) if self.one_sign else self.inverse(values)


_SCALES = (
    _Scale(lambda y: y, lambda t: t, np.ones_like),
    _Scale(np.log, lambda t: np.exp(np.minimum(t, 700.0)), lambda t: np.exp(np.minimum(t, 700.0)), one_sign=True),
    _Scale(lambda y: 1.0 / y, lambda t: 1.0 / t, lambda t: -1.0 / t**2, one_sign=True),
    # Distances and energies: the root has an edge at zero where its square has none.
    _Scale(np.square, lambda t: np.sqrt(np.maximum(t, 0.0)), lambda t: 0.5 / np.sqrt(t), one_sign=True),
    # Resonances and the factors of moving bodies: roots in a denominator.
    _Scale(lambda y: y**-2.0, lambda t: t**-0.5, lambda t: -0.5 * t**-1.5, one_sign=True),
)


@np.errstate(all="ignore")  # a scale or a factor may leave the range of doubles on some rows
def fit_surrogate(
    columns: Array,
    target: Array,
    weights: Array | None = None,
    *,
    factor: Array | None = None,
    seed: int = 0,
) -> Surrogate | None:
    """Fit the polynomial that predicts held-out rows best; None for fewer than ten rows.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
    target : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,), optional
        Relative precision of each row of ``target * factor``.
    factor : ndarray of shape (n_rows,), optional
        What the target was divided by: errors are measured on the product, so that they can be compared.
    seed : int
        Chooses the held-out fifth of the rows.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(1, 3, (400, 2))
    >>> model = fit_surrogate(x, np.sqrt(x[:, 0] * x[:, 1]))
    >>> model.error < 1e-8
    True
    >>> bool(np.allclose(model.gradient[:, 0], 0.5 * np.sqrt(x[:, 1] / x[:, 0]), rtol=1e-4))
    True
    """
    if len(target) < 10:
        return None
    generator = np.random.default_rng(seed)
    kept = generator.permutation(len(target))[:_LARGEST_SAMPLE]
    held, used = kept[: int(_HELD_OUT * len(kept))], kept[int(_HELD_OUT * len(kept)) :]
    scale = np.ones(len(target)) if factor is None else np.abs(factor)
    root = scale if weights is None else np.sqrt(weights) * scale
    sign, scales = _usable_scales(target)
    size = float(np.median(np.abs(target * scale)[kept]))
    relative = np.maximum(np.abs(target), size / scale)
    best, square, falling, found = math.inf, math.inf, True, None
    least: dict[int, float] = {}  # error at each degree
    for inner, slopes in _coordinates(columns):
        unit = _unit(inner)
        own, behind = [math.inf] * len(scales), [0] * len(scales)
        degrees = _degrees(columns.shape[1], len(used))
        for degree in degrees:
            # Oscillations show only once the degree suffices for all of them, so the highest is always tried.
            last = degree == degrees[-1]
            active = [k for k in range(len(scales)) if last or behind[k] < _PATIENCE]
            if not active:
                continue
            basis = _Basis(columns.shape[1], degree)
            design = basis.values(unit)
            for k in active:
                transformed, precision = scales[k].transformed(target, sign, root / (relative * scale))
                coefficients = weighted_fit(design[used], transformed[used], precision[used])
                predicted = scales[k].predicted(design[held] @ coefficients, sign)
                error = _root_mean_square((predicted - target[held]) / relative[held])
                # Compared at one degree: coordinates that promise little at a low one may be the best at a high one.
                is_behind = error > 0.9 * own[k] or error > _BEHIND * least.get(degree, math.inf)
                behind[k] = behind[k] + 1 if is_behind else 0
                own[k], least[degree] = min(own[k], error), min(least.get(degree, math.inf), error)
                if error < best:
                    best, found = error, (unit, inner, slopes, basis, scales[k], coefficients)
                    squares = ((predicted - target[held]) * scale[held]) ** 2
                    square = float(np.average(squares, weights=None if weights is None else weights[held]))
                    falling = last
    variance = max(float(np.var((target * scale)[held])), np.finfo(float).tiny)
    if found is None:
        return None
    model = _surrogate((best, square / variance, 0.0 if falling else square), sign, *found)
    residuals = ((target - model.values) * root)[kept]
    can_tell = len(held) >= _FEWEST_HELD and best > _ROUNDING
    is_noise = can_tell and _is_rough(residuals, found[0][kept]) and _is_even(residuals)
    return model if is_noise else replace(model, noise=0.0)


@np.errstate(all="ignore")
def glanced_error(columns: Array, target: Array, weights: Array | None = None, *, degree: int, seed: int = 0) -> float:
    """Return the relative error of polynomials of one low degree on held-out rows: a glance, to compare columns by.

    It takes a sixteenth of the time of :func:`fit_surrogate` or less (800 rows, 3 to 7 columns), by normal equations,
    so that errors below 1e-6 are not told apart.

    Parameters
    ----------
    columns, target, weights, seed
        As of :func:`fit_surrogate`; some hundred rows suffice.
    degree : int

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(1, 3, (400, 2))
    >>> glanced_error(x, x[:, 0] * x[:, 1] ** 2, degree=3) < 1e-6
    True
    """
    order = np.random.default_rng(seed).permutation(len(target))
    held, used = order[: int(_HELD_OUT * len(order))], order[int(_HELD_OUT * len(order)) :]
    sign, scales = _usable_scales(target)
    relative = np.maximum(np.abs(target), np.median(np.abs(target)))
    precision = (1.0 if weights is None else np.sqrt(weights)) / relative
    least = math.inf
    for inner, _ in _coordinates(columns):
        design = polynomials(inner, degree)
        for scale in scales:
            transformed, root = scale.transformed(target, sign, precision)
            system = design[used] * root[used, None]
            gram, right = system.T @ system, system.T @ (transformed * root)[used]
            if np.all(np.isfinite(gram)) and np.all(np.isfinite(right)):
                gram[np.diag_indices_from(gram)] += _RIDGE * np.trace(gram) / len(gram)
                predicted = scale.predicted(design[held] @ np.linalg.solve(gram, right), sign)
                least = min(least, _root_mean_square((predicted - target[held]) / relative[held]))
    return least


def _usable_scales(target: Array) -> tuple[float, list[_Scale]]:
    """The sign of the target, and the scales that have a value on all rows."""
    sign = float(np.sign(target[0]))
    one_sign = sign != 0 and bool(np.all(sign * target > 0))
    return sign, [scale for scale in _SCALES if one_sign or not scale.one_sign]


def noise_error(n_rows: int) -> float:
    """Relative standard error of the noise that a model of so many rows estimates from those it holds out.

    Examples
    --------
    >>> round(noise_error(1000), 3), round(noise_error(100), 3)
    (0.1, 0.316)
    """
    return math.sqrt(2.0 / max(int(_HELD_OUT * min(n_rows, _LARGEST_SAMPLE)), 1))


def _surrogate(
    errors: tuple[float, float, float],
    sign: float,
    unit: Array,
    inner: Array,
    slopes: Array,
    basis: _Basis,
    scale: _Scale,
    fit: Array,
) -> Surrogate:
    factor = sign if scale.one_sign else 1.0
    with np.errstate(all="ignore"):
        transformed = basis.values(unit) @ fit
        stretch = 2.0 / np.maximum(np.ptp(inner, axis=0), np.finfo(float).tiny)
        partial = np.array([basis.values(unit, i) @ fit for i in range(unit.shape[1])]).reshape(unit.shape[::-1]).T
        gradient = factor * scale.slope(transformed)[:, None] * partial * stretch * slopes
        values = factor * scale.inverse(transformed)
    interior = np.all(np.abs(unit) < _INTERIOR, axis=1)
    if interior.sum() < max(10, 0.1 * len(interior)):
        interior = np.ones(len(interior), dtype=bool)
    interior &= np.all(np.isfinite(gradient), axis=1) & np.isfinite(values)
    return Surrogate(*errors, values, gradient, interior)


def _is_rough(residuals: Array, unit: Array) -> bool:
    """Whether the residuals of nearest neighbours differ as much as those of any two rows.

    The delta test (Pi & Peterson 1994, Neural Computation 6, 509): half the mean squared difference of neighbours
    estimates the noise, and what a smooth model misses is far above it.
    """
    neighbour = np.asarray(KDTree(unit).query(unit, k=2)[1])[:, 1]
    spread = float(np.var(residuals))
    return bool(0.5 * np.mean((residuals - residuals[neighbour]) ** 2) > _ROUGH * spread)


def _is_even(residuals: Array) -> bool:
    """Whether residuals are of one size: noise does not come in a few rows near a pole and spare all others."""
    return bool(np.median(np.abs(residuals)) > _EVEN * np.sqrt(np.mean(residuals**2)))


def weighted_fit(design: Array, target: Array, precision: Array) -> Array:
    """Coefficients of the least-squares fit, rows multiplied by ``precision``; NaN where something is not finite."""
    system, right = design * precision[:, None], target * precision
    if not (np.all(np.isfinite(system)) and np.all(np.isfinite(right))):
        return np.full(design.shape[1], np.nan)
    # A pivoted QR decomposition takes a fifth of the time of the singular value decomposition of numpy's lstsq.
    solution = lstsq(system, right, cond=1e-13, lapack_driver="gelsy", check_finite=False)
    return np.asarray(solution[0] if solution is not None else np.full(design.shape[1], np.nan))


def _root_mean_square(values: Array) -> float:
    error = float(np.sqrt(np.mean(values**2)))
    return error if math.isfinite(error) else math.inf


def _coordinates(columns: Array) -> list[tuple[Array, Array]]:
    """The columns as they are, and with logarithms where they are positive; each with the derivatives of the change."""
    choices = [(columns, np.ones_like(columns))]
    positive = np.all(columns > 0, axis=0)
    if positive.any():
        safe = np.where(positive, columns, 1.0)
        choices.append((np.where(positive, np.log(safe), columns), np.where(positive, 1.0 / safe, 1.0)))
    return choices


def _unit(inner: Array) -> Array:
    low, high = inner.min(axis=0), inner.max(axis=0)
    return (2.0 * inner - low - high) / np.maximum(high - low, np.finfo(float).tiny)


def _degrees(n_columns: int, n_rows: int) -> list[int]:
    most = min(_MOST_TERMS, _TERMS_PER_ROW * n_rows)
    degrees = [k for k in range(1, _LARGEST_DEGREE + 1) if math.comb(n_columns + k, k) <= most]
    # In few dimensions neighbouring degrees differ little.
    step = {1: 4, 2: 4, 3: 2}.get(n_columns, 1)
    return [k for k in degrees if k <= 4 or (degrees[-1] - k) % step == 0]


def polynomials(columns: Array, degree: int) -> Array:
    """Products of Chebyshev polynomials of the columns, each scaled to [-1, 1], of total degree at most ``degree``."""
    return _Basis(columns.shape[1], degree).values(_unit(columns))


class _Basis:
    """Products of Chebyshev polynomials of total degree at most ``degree``."""

    def __init__(self, n_columns: int, degree: int) -> None:
        self.degree = degree
        self.exponents = np.array(
            [
                np.bincount(chosen, minlength=n_columns) if chosen else np.zeros(n_columns, dtype=int)
                for total in range(degree + 1)
                for chosen in itertools.combinations_with_replacement(range(n_columns), total)
            ]
        )

    def values(self, unit: Array, derivative: int | None = None) -> Array:
        """The basis on the rows, or its derivative in one coordinate: (n_rows, n_terms)."""
        product = np.ones((len(unit), len(self.exponents)))
        for i in range(unit.shape[1]):
            table = chebyshev.chebvander(unit[:, i], self.degree)
            if i == derivative:
                table = _derivatives(unit[:, i], self.degree)
            product *= table[:, self.exponents[:, i]]
        return product


def _derivatives(unit: Array, degree: int) -> Array:
    coefficients = np.eye(degree + 1)
    columns = [chebyshev.chebval(unit, chebyshev.chebder(coefficients[k])) for k in range(degree + 1)]
    return np.column_stack([np.broadcast_to(column, unit.shape) for column in columns])
