"""Symmetries without a gradient: for data that no smooth model of all columns fits, or that noise blurs.

The smaller problem is tried instead of read off: two columns merged into one, a column split off as a factor, or a
curve along a product of powers.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kansym.structure.reduction import Combination, Product, Reading, Reduction, identity, rounded, tried
from kansym.structure.spectral import spline_design
from kansym.structure.surrogate import Surrogate, glanced_error, weighted_fit

__all__ = ["best_curve", "merged_columns"]

Array = NDArray[np.float64]

_CLEARLY_BETTER = 0.4
# Of many columns models are of low degree in any case, so a glance tells which mergers deserve one; of eight columns
# all of them take 14 s.
_MANY_COLUMNS = 5
_GLANCED_ROWS, _GLANCED_DEGREE, _TRIED = 500, 3, 12
_SMOOTH = 0.15  # von Neumann's ratio is 1 for noise and 0 for a smooth curve
_MOST_INDICES = 4000
_CURVE_BASIS = 9
_CURVES_TRIED = 6
_CURVE_AS_GOOD = 1.02
_SIMPLICITY = 2e-3
_NEAR_EXPONENT = 0.12


def best_curve(
    columns: Array,
    target: Array,
    weights: Array | None,
    model: Surrogate,
    seed: int,
    should_stop: Callable[[], bool],
) -> Reduction | None:
    """Under noise: a monomial times a curve along one product of powers, if that explains as much as the whole model.

    For each product with small exponents, ``log|y| = Σ a_i·log x_i + s(log π)`` with a spline s is linear in its
    coefficients, so all of them are compared by least squares; gradients would lose what noise leaves of them. None,
    too, if it has to stop before all are compared.
    """
    n_columns = columns.shape[1]
    if np.any(columns <= 0) or np.any(target == 0) or np.any(np.sign(target) != np.sign(target[0])):
        return None
    logs, height = np.log(columns), np.log(np.abs(target))
    precision = np.abs(target) if weights is None else np.abs(target) * np.sqrt(weights)
    precision = precision / np.linalg.norm(precision)
    fits = []
    for exponents in small_exponents(n_columns):
        if should_stop():
            return None
        index = logs @ np.array(exponents, dtype=float)
        rest = [i for i in range(n_columns) if i != np.flatnonzero(exponents)[0]]
        design = np.hstack([logs[:, rest], spline_design(index, _CURVE_BASIS)])
        solution = weighted_fit(design, height, precision)
        unexplained = float(np.sum(((height - design @ solution) * precision) ** 2))
        fits.append((unexplained, exponents, dict(zip(rest, solution, strict=False))))
    fits.sort(key=lambda fit: fit[0] * (1.0 + _SIMPLICITY * sum(map(abs, fit[1]))))
    best = None
    for _, exponents, powers in fits[:_CURVES_TRIED]:
        factor = tuple(_exponent(float(powers.get(i, 0.0))) for i in range(n_columns))
        product = Product(tuple(Fraction(e) for e in exponents))
        reduction = tried(columns, target, weights, (product,), factor, seed)
        if reduction is not None and (best is None or reduction.error < best.error):
            best = reduction
    return best if best is not None and best.error <= _CURVE_AS_GOOD * model.error else None


def merged_columns(
    columns: Array,
    target: Array,
    weights: Array | None,
    model: Surrogate,
    seed: int,
    should_stop: Callable[[], bool],
) -> Reduction | None:
    """Where no model fits, as for oscillations: the merger of two columns, or the factor, that makes one fit.

    None, too, if it has to stop before all are tried.
    """
    n_columns = columns.shape[1]
    nothing = (Fraction(0),) * n_columns
    proposals: list[Reading] = []
    for i, power in itertools.product(range(n_columns), (1, -1)):
        factor = tuple(Fraction(power * int(i == j)) for j in range(n_columns))
        proposals.append((tuple(identity(n_columns, (i,))), factor))
    for i, j in itertools.combinations(range(n_columns), 2):
        for kind, sign in itertools.product((Product, Combination), (1, -1)):
            entries = [Fraction(0)] * n_columns
            entries[i], entries[j] = Fraction(1), Fraction(sign)
            proposals.append(((kind(tuple(entries)), *identity(n_columns, (i, j))), nothing))
    if n_columns >= _MANY_COLUMNS:
        proposals = _likeliest(proposals, columns, target, weights, seed, should_stop)
    best: Reduction | None = None
    for reading in proposals:
        if should_stop():
            return None
        reduction = tried(columns, target, weights, *reading, seed)
        if reduction is not None and (best is None or reduction.error < best.error):
            best = reduction
    if best is not None and best.error < _CLEARLY_BETTER * model.error:
        return best
    return _single_index(columns, target, min(_SMOOTH, _CLEARLY_BETTER * model.unexplained))


def _likeliest(
    proposals: list[Reading],
    columns: Array,
    target: Array,
    weights: Array | None,
    seed: int,
    should_stop: Callable[[], bool],
) -> list[Reading]:
    """The smaller problems that polynomials of low degree follow best."""
    few = np.random.default_rng(seed).permutation(len(target))[:_GLANCED_ROWS]
    columns, target, weights = columns[few], target[few], None if weights is None else weights[few]
    errors = []
    for coordinates, factor in proposals:
        if should_stop():
            break
        reduction = Reduction(coordinates, factor, np.inf)
        with np.errstate(all="ignore"):
            quotient = target / reduction.factor_values(columns)
        smaller = reduction.columns(columns)
        finite = np.all(np.isfinite(quotient)) and np.all(np.isfinite(smaller))
        rest = (smaller, quotient, weights)
        errors.append(glanced_error(*rest, degree=_GLANCED_DEGREE, seed=seed) if finite else np.inf)
    return [proposals[place] for place in np.argsort(errors, kind="stable")[:_TRIED]]


def _single_index(columns: Array, target: Array, best: float) -> Reduction | None:
    """The product of powers along which the target is a smooth curve, however much it oscillates.

    Sorted by the right quantity, neighbours differ little: von Neumann's ratio of the mean squared difference to twice
    the variance (Ann. Math. Statist. 12, 1941, 367) is far below one.
    """
    n_columns = columns.shape[1]
    if not np.all(columns != 0) or target.std() == 0:
        return None
    logs, negative = np.log(np.abs(columns)), columns < 0
    found = None
    for exponents in small_exponents(n_columns):
        index = np.exp(logs @ np.array(exponents, dtype=float))
        index = index * np.where((negative @ (np.array(exponents) % 2)) % 2, -1.0, 1.0)
        steps = np.diff(target[np.argsort(index, kind="stable")])
        ratio = float(np.mean(steps**2) / (2.0 * target.var()))
        if ratio < 0.9 * best:
            best, found = ratio, exponents
    if found is None:
        return None
    product = Product(tuple(Fraction(k) for k in found))
    return Reduction((product,), (Fraction(0),) * n_columns, float(np.sqrt(best)))


def small_exponents(n_columns: int) -> list[tuple[int, ...]]:
    """Primitive vectors of small integers, each up to sign, the smallest first."""
    sizes = (-2, -1, 0, 1, 2) if 5**n_columns <= _MOST_INDICES else (-1, 0, 1)
    if len(sizes) ** n_columns > 2 * _MOST_INDICES:
        return []
    vectors = [e for e in itertools.product(sizes, repeat=n_columns) if np.gcd.reduce(np.abs(e)) == 1]
    return sorted((e for e in vectors if next(k for k in e if k) > 0), key=lambda e: (sum(map(abs, e)), e))


def _exponent(value: float) -> Fraction | float:
    exact = rounded(value, (1, 2))
    return exact if abs(float(exact) - value) < _NEAR_EXPONENT else value
