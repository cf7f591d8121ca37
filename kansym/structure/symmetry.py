"""Symmetries of a law, read off its gradient, and the smaller problem that each leaves.

A law that is unchanged, or merely multiplied, when some of its columns are scaled or shifted together depends on fewer
quantities than it has columns. Such symmetries are null vectors of matrices made of the gradient of a smooth model:

* scaling: ``Σ n_i·x_i·∂y/∂x_i = a·y`` on every row says that y is a monomial times a function of products of powers
  that the scaling leaves alone. All scalings at once are the null space of ``[x_1·∂_1 y, …, x_d·∂_d y, −y]``: this is
  dimensional analysis (Buckingham 1914, "On physically similar systems", Phys. Rev. 4, 345) without being told units.
* translation: ``∂y/∂x_i + c·∂y/∂x_j = 0`` says that x_i and x_j enter as ``x_j − c·x_i`` only.

Exponents are rounded to small rationals, and a reduction counts only if a model of the smaller problem predicts
held-out rows as well as the model of the larger one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lstsq

from kansym.structure.spectral import spline_design
from kansym.structure.surrogate import Surrogate, fit_surrogate

__all__ = ["Combination", "Product", "Reduction", "find_reduction"]

Array = NDArray[np.float64]

_NULL_SCALING = 0.12  # of |y|: above this no combination counts as a null vector worth a trial
_NULL_TRANSLATION = 0.25
_AS_GOOD = 1.04
_CLEARLY_AS_GOOD = 10.0  # beside a clear gap; the new columns may be spread less evenly than the old ones
_GAP = 15.0
_NOISE_FREE = 1e-3
_NOTHING_EXPLAINED = 0.3
_MUCH_UNEXPLAINED = 0.02
_ROUNDING = 1e-12
_POOR = 0.02
_CLEARLY_BETTER = 0.4
_FAR_FROM_ROUND = 0.3
_REAL_EXPONENT = 0.03
_LARGEST_EXPONENT = 12
_MOST_PIVOTS = 300
_READINGS = 3
_WIDE = 50.0  # largest over smallest |x|
_SMOOTH = 0.15  # von Neumann's ratio is 1 for noise and 0 for a smooth curve
_MOST_INDICES = 4000
_CURVE_BASIS = 9
_CURVES_TRIED = 6
_CURVE_AS_GOOD = 1.02
_SIMPLICITY = 2e-3
_NEAR_EXPONENT = 0.12


@dataclass(frozen=True)
class Product:
    """A new column: the product of old columns to the given exponents."""

    exponents: tuple[Fraction, ...]

    def values(self, columns: Array) -> Array:
        """The new column on the rows of ``columns``."""
        return power_product(columns, self.exponents)


@dataclass(frozen=True)
class Combination:
    """A new column: the sum of old columns with the given coefficients."""

    coefficients: tuple[Fraction, ...]

    def values(self, columns: Array) -> Array:
        """The new column on the rows of ``columns``."""
        return columns @ np.array([float(c) for c in self.coefficients])


@dataclass(frozen=True)
class Reduction:
    """A target as a monomial of the columns times a function of fewer new columns.

    Attributes
    ----------
    coordinates : tuple of Product or Combination
        The new columns.
    factor : tuple of Fraction or float
        Exponents of the old columns in the monomial that is split off.
    error : float
        Relative error of the model of the smaller problem on held-out rows.
    noise : float
        What that model takes for noise, a mean square in squared units of the target.
    """

    coordinates: tuple[Product | Combination, ...]
    factor: tuple[Fraction | float, ...]
    error: float
    noise: float = 0.0

    def columns(self, columns: Array) -> Array:
        """The new columns, of shape (n_rows, n_coordinates)."""
        return np.column_stack([coordinate.values(columns) for coordinate in self.coordinates] or [columns[:, :0]])

    def factor_values(self, columns: Array) -> Array:
        """The monomial on the rows."""
        return power_product(columns, self.factor)


def power_product(columns: Array, exponents: tuple[Fraction | float, ...]) -> Array:
    """Multiply columns to exponents; only those with an exponent other than zero are looked at."""
    result = np.ones(len(columns))
    with np.errstate(all="ignore"):
        for column, exponent in zip(columns.T, exponents, strict=True):
            if exponent != 0:
                result = result * column ** (int(exponent) if exponent == int(exponent) else float(exponent))
    return result


def find_reduction(
    columns: Array, target: Array, weights: Array | None = None, *, seed: int = 0
) -> Reduction | None:
    """Find the largest symmetry that the data do not contradict; None if there is none.

    Apply it again to the smaller problem until it finds nothing more.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
    target : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,), optional
    seed : int
        Chooses the held-out rows.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(1, 3, (500, 3))
    >>> period = np.sqrt(x[:, 0] / x[:, 1]) * (1 + x[:, 2] ** 2 / 16)
    >>> reduction = find_reduction(x, period)
    >>> reduction.factor == (Fraction(1, 2), Fraction(-1, 2), 0), len(reduction.coordinates)
    (True, 1)
    """
    if columns.shape[1] < 1 or not np.any(target):
        return None
    model = fit_surrogate(columns, target, weights, seed=seed)
    if model is None:
        return None
    poor = model.error > _POOR and columns.shape[1] > 1
    # What a poor model says about symmetries is asked last.
    first_merge = poor and model.unexplained > _MUCH_UNEXPLAINED
    found = _merged(columns, target, weights, model, seed) if first_merge else None
    if found is None and model.noise > 0 and columns.shape[1] > 1:
        found = _best_curve(columns, target, weights, model, seed)
    if found is None and model.unexplained < _NOTHING_EXPLAINED:
        found = _from_gradient(columns, target, weights, model, seed)
    if found is None and poor and not first_merge:
        found = _merged(columns, target, weights, model, seed)
    return found


def _best_curve(
    columns: Array, target: Array, weights: Array | None, model: Surrogate, seed: int
) -> Reduction | None:
    """Under noise: a monomial times a curve along one product of powers, if that explains as much as the whole model.

    For each product with small exponents, ``log|y| = Σ a_i·log x_i + s(log π)`` with a spline s is linear in its
    coefficients, so all of them are compared by least squares; gradients would lose what noise leaves of them.
    """
    n_columns = columns.shape[1]
    if np.any(columns <= 0) or np.any(target == 0) or np.any(np.sign(target) != np.sign(target[0])):
        return None
    logs, height = np.log(columns), np.log(np.abs(target))
    precision = np.abs(target) if weights is None else np.abs(target) * np.sqrt(weights)
    precision = precision / np.linalg.norm(precision)
    fits = []
    for exponents in _small_exponents(n_columns):
        index = logs @ np.array(exponents, dtype=float)
        rest = [i for i in range(n_columns) if i != np.flatnonzero(exponents)[0]]
        design = np.hstack([logs[:, rest], spline_design(index, _CURVE_BASIS)]) * precision[:, None]
        solution = lstsq(design, height * precision, cond=1e-10, lapack_driver="gelsy", check_finite=False)[0]
        unexplained = float(np.sum((height * precision - design @ solution) ** 2))
        fits.append((unexplained, exponents, dict(zip(rest, solution, strict=False))))
    fits.sort(key=lambda fit: fit[0] * (1.0 + _SIMPLICITY * sum(map(abs, fit[1]))))
    best = None
    for _, exponents, powers in fits[:_CURVES_TRIED]:
        factor = tuple(_exponent(float(powers.get(i, 0.0))) for i in range(n_columns))
        product = Product(tuple(Fraction(e) for e in exponents))
        reduction = _tried(columns, target, weights, (product,), factor, seed)
        if reduction is not None and (best is None or reduction.error < best.error):
            best = reduction
    return best if best is not None and best.error <= _CURVE_AS_GOOD * model.error else None


def _small_exponents(n_columns: int) -> list[tuple[int, ...]]:
    """Primitive vectors of small integers, each up to sign, the smallest first."""
    sizes = (-2, -1, 0, 1, 2) if 5**n_columns <= _MOST_INDICES else (-1, 0, 1)
    if len(sizes) ** n_columns > 2 * _MOST_INDICES:
        return []
    vectors = [e for e in itertools.product(sizes, repeat=n_columns) if np.gcd.reduce(np.abs(e)) == 1]
    return sorted((e for e in vectors if next(k for k in e if k) > 0), key=lambda e: (sum(map(abs, e)), e))


def _exponent(value: float) -> Fraction | float:
    exact = _rounded(value, (1, 2))
    return exact if abs(float(exact) - value) < _NEAR_EXPONENT else value


def _from_gradient(
    columns: Array, target: Array, weights: Array | None, model: Surrogate, seed: int
) -> Reduction | None:
    """The largest symmetry of the model that the held-out rows confirm."""
    for proposals in (_translations(columns, target, model), _scalings(columns, target, model)):
        for clear, readings in proposals:
            clearly = clear and model.error < _NOISE_FREE
            allowed = (_CLEARLY_AS_GOOD if clearly else _AS_GOOD) * model.error + _ROUNDING
            tried = [_tried(columns, target, weights, *reading, seed) for reading in readings]
            good = [reduction for reduction in tried if reduction is not None and reduction.error <= allowed]
            if good:
                return min(good, key=lambda reduction: reduction.error)
    return None


_Reading = tuple[tuple[Product | Combination, ...], tuple[Fraction | float, ...]]


def _tried(
    columns: Array,
    target: Array,
    weights: Array | None,
    coordinates: tuple[Product | Combination, ...],
    factor: tuple[Fraction | float, ...],
    seed: int,
) -> Reduction | None:
    """The reduction with its error, None where it is not finite."""
    reduction = Reduction(coordinates, factor, np.inf)
    multiplier, smaller = reduction.factor_values(columns), reduction.columns(columns)
    with np.errstate(all="ignore"):
        quotient = target / multiplier
    if not (np.all(np.isfinite(quotient)) and np.all(np.isfinite(smaller)) and np.all(multiplier != 0)):
        return None
    model = fit_surrogate(smaller, quotient, weights, factor=multiplier, seed=seed)
    return None if model is None else Reduction(coordinates, factor, model.error, model.noise)


def _identity(n_columns: int, without: tuple[int, ...] = ()) -> list[Product | Combination]:
    return [
        Product(tuple(Fraction(int(i == j)) for j in range(n_columns))) for i in range(n_columns) if i not in without
    ]


def _relative(target: Array) -> Array:
    """Weights that make rows comparable: one over |y|, or over its median where that is larger."""
    return 1.0 / np.maximum(np.abs(target), np.median(np.abs(target)))


def _translations(columns: Array, target: Array, model: Surrogate) -> Iterator[tuple[bool, list[_Reading]]]:
    """Pairs of columns that enter as a difference, a sum, or ``x_j − c·x_i`` with c a small rational."""
    n_columns = columns.shape[1]
    inside = model.interior
    slopes = model.gradient[inside] * _relative(target)[inside, None]
    found = []
    for i, j in itertools.permutations(range(n_columns), 2):
        first, second = slopes[:, i], slopes[:, j]
        size = second @ second
        if size == 0 or not np.any(first):
            continue
        c = -(first @ second) / size
        exact = _rounded(c, (1, 2))
        if exact == 0 or abs(exact) < 1 or (abs(exact) == 1 and i > j) or abs(exact) > 4:
            continue
        rest = first + float(exact) * second
        unexplained = np.sqrt((rest @ rest) / (first @ first + float(exact) ** 2 * size))
        if unexplained < _NULL_TRANSLATION:
            found.append((unexplained, i, j, exact))
    for _, i, j, c in sorted(found)[:3]:
        sign = 1 if c < 0 else -1
        first = Fraction(-c) if c < 0 else Fraction(c)
        coefficients = [Fraction(0)] * n_columns
        # The first column keeps a positive coefficient: x_i − x_j rather than x_j − x_i.
        coefficients[i], coefficients[j] = first, Fraction(sign)
        merged = Combination(tuple(coefficients))
        yield False, [((merged, *_identity(n_columns, (i, j))), (Fraction(0),) * n_columns)]


def _scalings(columns: Array, target: Array, model: Surrogate) -> Iterator[tuple[bool, list[_Reading]]]:
    """Dimensional analysis: the null space of ``[x_i·∂_i y, −y]``, as large as the data allow, then smaller."""
    n_columns = columns.shape[1]
    inside = model.interior
    system = np.column_stack([columns * model.gradient, -model.values]) * _relative(target)[:, None]
    system = system[inside] / np.sqrt(max(inside.sum(), 1))
    if not np.all(np.isfinite(system)) or len(system) <= n_columns:
        return
    _, singular, right = np.linalg.svd(system, full_matrices=False)
    # Monomials need no search, and noise makes many a curve look like one: one column is left at least.
    most = min(int(np.sum(singular < _NULL_SCALING)), n_columns - 1)
    for rank in range(most, 0, -1):
        largest, next_one = singular[-rank], singular[-rank - 1]
        yield bool(next_one > _GAP * largest), _products_of(columns, right[-rank:].T)


def _products_of(columns: Array, null: Array) -> list[_Reading]:
    """Read the null space (n_columns + 1, rank) as a factor and products of powers with simple exponents."""
    n_columns, rank = columns.shape[1], null.shape[1]
    nonzero = np.all(columns != 0, axis=0)
    positive = np.all(columns > 0, axis=0)
    with np.errstate(all="ignore"):
        spread = np.where(nonzero, np.abs(columns).max(axis=0) / np.abs(columns).min(axis=0), np.inf)
    readings = []
    for pivots in itertools.islice(itertools.combinations(np.flatnonzero(nonzero), rank), _MOST_PIVOTS):
        block = null[list(pivots)]
        if np.linalg.cond(block) > 1e4:
            continue
        table = null @ np.linalg.inv(block)
        free = [i for i in range(n_columns) if i not in pivots]
        exact = [[_rounded(value, (1, 2, 3)) for value in table[i]] for i in free]
        distance = max((abs(float(e) - v) for i, row in zip(free, exact, strict=True) for e, v in
                        zip(row, table[i], strict=True)), default=0.0)
        fractional = {pivots[k] for row in exact for k, value in enumerate(row) if value.denominator > 1}
        if distance > _FAR_FROM_ROUND or any(not positive[pivot] for pivot in fractional):
            continue
        factor = [_rounded(value, (1, 2, 3)) for value in table[-1]]
        if any(float(a) != int(a) and not positive[pivot] for a, pivot in zip(factor, pivots, strict=True)):
            continue
        size = sum(abs(value) + (value.denominator > 1) for row in exact for value in row)
        size += sum(abs(float(a)) + (float(a) != int(a)) for a in factor) * 0.5
        # Dividing by a column that comes near zero makes a curve with a pole of a smooth one.
        size += sum(3.0 if spread[pivot] > _WIDE else 0.0 for pivot in pivots) + 10.0 * distance
        readings.append((float(size), pivots, free, exact, factor, table[-1].tolist()))
    proposals: list[_Reading] = []
    for _, pivots, free, exact, factor, real in sorted(readings, key=lambda reading: reading[:2])[:_READINGS]:
        coordinates: list[Product | Combination] = []
        for i, row in zip(free, exact, strict=True):
            exponents = [Fraction(int(i == j)) for j in range(n_columns)]
            for pivot, value in zip(pivots, row, strict=True):
                exponents[pivot] = -value
            coordinates.append(Product(tuple(exponents)))
        for powers in (factor, real) if _differ(factor, real) else (factor,):
            monomial: list[Fraction | float] = [Fraction(0)] * n_columns
            for pivot, power in zip(pivots, powers, strict=True):
                monomial[pivot] = power
            if all(positive[pivot] for pivot in pivots) or powers is factor:
                proposals.append((tuple(coordinates), tuple(monomial)))
    return proposals


def _differ(exact: list[Fraction], real: list[float]) -> bool:
    return any(abs(float(e) - r) > _REAL_EXPONENT for e, r in zip(exact, real, strict=True))


def _rounded(value: float, denominators: tuple[int, ...]) -> Fraction:
    if not np.isfinite(value) or abs(value) > _LARGEST_EXPONENT:
        return Fraction(0)
    choices = [Fraction(round(value * q), q) for q in denominators]
    # Halves and thirds have to be clearly nearer than integers.
    return min(choices, key=lambda choice: abs(float(choice) - value) + 0.05 * (choice.denominator - 1))


def _merged(
    columns: Array, target: Array, weights: Array | None, model: Surrogate, seed: int
) -> Reduction | None:
    """Where no model fits, as for oscillations: the merger of two columns, or the factor, that makes one fit."""
    n_columns = columns.shape[1]
    nothing = (Fraction(0),) * n_columns
    proposals: list[_Reading] = []
    for i, power in itertools.product(range(n_columns), (1, -1)):
        factor = tuple(Fraction(power * int(i == j)) for j in range(n_columns))
        proposals.append((tuple(_identity(n_columns, (i,))), factor))
    for i, j in itertools.combinations(range(n_columns), 2):
        for kind, sign in itertools.product((Product, Combination), (1, -1)):
            entries = [Fraction(0)] * n_columns
            entries[i], entries[j] = Fraction(1), Fraction(sign)
            proposals.append(((kind(tuple(entries)), *_identity(n_columns, (i, j))), nothing))
    best: Reduction | None = None
    for reading in proposals:
        reduction = _tried(columns, target, weights, *reading, seed)
        if reduction is not None and (best is None or reduction.error < best.error):
            best = reduction
    if best is not None and best.error < _CLEARLY_BETTER * model.error:
        return best
    return _single_index(columns, target, min(_SMOOTH, _CLEARLY_BETTER * model.unexplained))


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
    for exponents in _small_exponents(n_columns):
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
