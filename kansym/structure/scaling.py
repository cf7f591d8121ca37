"""Symmetries that a gradient shows: scalings, which are dimensional analysis, and translations."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kansym.structure.reduction import Combination, Product, Reading, identity, rounded
from kansym.structure.surrogate import Surrogate

__all__ = ["hidden_offset", "ridges", "scalings", "translations"]

Array = NDArray[np.float64]

_NULL_SCALING = 0.12  # of |y|: above this no combination counts as a null vector worth a trial
_NULL_TRANSLATION = 0.25
_NULL_RIDGE = 0.02  # any pair has some best c: only a clear case is worth a trial
_NULL_OFFSET = 1e-3
_FAR_FROM_ROUND = 0.3
_REAL_EXPONENT = 0.03
_GAP = 15.0
_MOST_PIVOTS = 300
_READINGS = 3
_WIDE = 50.0  # largest over smallest |x|


def translations(columns: Array, target: Array, model: Surrogate) -> Iterator[tuple[bool, list[Reading]]]:
    """Pairs of columns that enter as a difference, a sum, or ``x_j − c·x_i`` with c a small rational."""
    n_columns = columns.shape[1]
    inside = model.interior
    slopes = model.gradient[inside] * relative_weights(target)[inside, None]
    found = []
    for i, j in itertools.permutations(range(n_columns), 2):
        first, second = slopes[:, i], slopes[:, j]
        size = float(second @ second)
        if size == 0 or not np.any(first):
            continue
        c = -float(first @ second) / size
        exact = rounded(c, (1, 2))
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
        yield False, [((merged, *identity(n_columns, (i, j))), (Fraction(0),) * n_columns)]


def ridges(columns: Array, target: Array, model: Surrogate) -> Iterator[tuple[bool, list[Reading]]]:
    """Pairs of columns that enter as ``x_i + c·x_j`` only, with any real c: their derivatives are proportional."""
    n_columns = columns.shape[1]
    inside = model.interior
    slopes = model.gradient[inside] * relative_weights(target)[inside, None]
    found = []
    for i, j in itertools.combinations(range(n_columns), 2):
        pair = slopes[:, [i, j]] * np.ptp(columns[:, [i, j]], axis=0)
        if not np.all(np.isfinite(pair)) or not np.all(np.any(pair, axis=0)):
            continue
        _, singular, right = np.linalg.svd(pair, full_matrices=False)
        along = right[0] / np.ptp(columns[:, [i, j]], axis=0)
        if singular[1] < _NULL_RIDGE * singular[0] and along[0] != 0 and along[1] != 0:
            found.append((float(singular[1] / singular[0]), i, j, float(along[1] / along[0])))
    for _, i, j, c in sorted(found)[:_READINGS]:
        coefficients: list[Fraction | float] = [Fraction(0)] * n_columns
        coefficients[i], coefficients[j] = Fraction(1), c
        merged = Combination(tuple(coefficients))
        yield True, [((merged, *identity(n_columns, (i, j))), (Fraction(0),) * n_columns)]


def hidden_offset(columns: Array, target: Array, model: Surrogate) -> tuple[float, float] | None:
    """The constant without which the law has a scaling that it lacks with it; None if there is none.

    With it comes its error, relative to what it leaves of the target: of a logarithm, whose scaling adds a constant, a
    large one leaves nearly a number.

    ``Σ n_i·x_i·∂_i y = a·(y − c)`` asks for a null vector of ``[x_i·∂_i y, −y, 1]`` where ``[x_i·∂_i y, −y]`` has none.

    Examples
    --------
    >>> from kansym.structure.surrogate import fit_surrogate
    >>> x = np.random.default_rng(0).uniform(0.5, 2, (500, 2))
    >>> y = 3.4 + x[:, 0] * x[:, 1] / (x[:, 0] + x[:, 1])
    >>> offset, error = hidden_offset(x, y, fit_surrogate(x, y))
    >>> round(offset, 4), error < 1e-4
    (3.4, True)
    """
    inside = model.interior
    # Relative to what varies: a large constant must not make everything small.
    spread = float(target.std())
    system = np.column_stack([columns * model.gradient, -(model.values - target.mean()), np.full(len(target), spread)])
    system = system[inside] / (spread * np.sqrt(max(inside.sum(), 1))) if spread > 0 else system[:0]
    if len(system) <= columns.shape[1] + 2 or not np.all(np.isfinite(system)):
        return None
    _, singular, right = np.linalg.svd(system, full_matrices=False)
    # There was no scaling before if the smallest value without the constant, about the mean, is no smaller.
    if not singular[-1] < _NULL_OFFSET or not singular[-2] > _GAP * singular[-1] or abs(right[-1, -2]) < _NULL_OFFSET:
        return None
    offset = float(target.mean() + spread * right[-1, -1] / right[-1, -2])
    left = float(np.median(np.abs(target - offset)))
    return (offset, float(singular[-1]) * spread / left) if min(abs(offset), left) > _NULL_OFFSET * spread else None


def scalings(columns: Array, target: Array, model: Surrogate) -> Iterator[tuple[bool, list[Reading]]]:
    """Dimensional analysis: the null space of ``[x_i·∂_i y, −y]``, as large as the data allow, then smaller."""
    n_columns = columns.shape[1]
    inside = model.interior
    system = np.column_stack([columns * model.gradient, -model.values]) * relative_weights(target)[:, None]
    system = system[inside] / np.sqrt(max(inside.sum(), 1))
    if not np.all(np.isfinite(system)) or len(system) <= n_columns:
        return
    _, singular, right = np.linalg.svd(system, full_matrices=False)
    # Monomials need no search, and noise makes many a curve look like one: one column is left at least.
    most = min(int(np.sum(singular < _NULL_SCALING)), n_columns - 1)
    for rank in range(most, 0, -1):
        largest, next_one = singular[-rank], singular[-rank - 1]
        yield bool(next_one > _GAP * largest), _products_of(columns, right[-rank:].T)


def _products_of(columns: Array, null: Array) -> list[Reading]:
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
        exact = [[rounded(value, (1, 2, 3)) for value in table[i]] for i in free]
        distance = max(
            (abs(float(e) - v) for i, row in zip(free, exact, strict=True) for e, v in zip(row, table[i], strict=True)),
            default=0.0,
        )
        fractional = {pivots[k] for row in exact for k, value in enumerate(row) if value.denominator > 1}
        if distance > _FAR_FROM_ROUND or any(not positive[pivot] for pivot in fractional):
            continue
        factor = [rounded(value, (1, 2, 3)) for value in table[-1]]
        if any(float(a) != int(a) and not positive[pivot] for a, pivot in zip(factor, pivots, strict=True)):
            continue
        size = sum(abs(value) + (value.denominator > 1) for row in exact for value in row)
        size += sum(abs(float(a)) + (float(a) != int(a)) for a in factor) * 0.5
        # Dividing by a column that comes near zero makes a curve with a pole of a smooth one.
        size += sum(3.0 if spread[pivot] > _WIDE else 0.0 for pivot in pivots) + 10.0 * distance
        readings.append((float(size), pivots, free, exact, factor, table[-1].tolist()))
    proposals: list[Reading] = []
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


def relative_weights(target: Array) -> Array:
    """Weights that make rows comparable: one over |y|, or over its median where that is larger."""
    return 1.0 / np.maximum(np.abs(target), np.median(np.abs(target)))
