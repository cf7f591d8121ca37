"""Targets that are linear in one column, with coefficients that are functions of all others.

``y = a(r) + b(r)·x`` is linear in its unknown functions, so polynomials for them come from one least-squares fit, and
rows that were held out say whether the data obey it (Hastie & Tibshirani 1993, "Varying-coefficient models", J. R.
Statist. Soc. B 55, 757). The two functions may share their columns, which no tree of sums and products of curves can
say: ``q + √(q² + 2)·x``.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kansym.structure.surrogate import fit_surrogate, polynomials, weighted_fit

__all__ = ["VaryingCoefficients", "varying_coefficients"]

Array = NDArray[np.float64]

_MOST_COLUMNS = 6
_LARGEST_SAMPLE = 1000
_HELD_OUT = 0.2
_FEWEST_ROWS = 30
_ROWS_PER_TERM = 3
_LARGEST_DEGREE = 16
_AS_GOOD = 4.0  # times what a model leaves that need not be linear: polynomials of other shapes differ so much
_CLEARLY = 0.8  # of what is left where a or b is a constant: such laws fall into blocks
_LITTLE = 1e-7  # below this no other model is asked


@dataclass(frozen=True, eq=False)
class VaryingCoefficients:
    """A target as ``a + b·x``.

    Attributes
    ----------
    column : int
        That of x.
    others : tuple of int
        The columns that a and b are functions of.
    coefficients : ndarray of shape (n_rows, 2)
        a and b on the rows.
    unexplained : float
        Share of the variance of held-out rows that is left.
    """

    column: int
    others: tuple[int, ...]
    coefficients: Array
    unexplained: float


def varying_coefficients(
    columns: Array,
    target: Array,
    weights: Array | None = None,
    *,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[VaryingCoefficients, ...]:
    """Fit the target as linear in each of two to six columns; those as good as a model of all, the best first.

    Where one of the coefficients may be a constant, the law is a sum or a product of others, and not returned.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
    target : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,), optional
        Relative precision of the rows.
    seed : int
        Chooses the rows that are held out.
    should_stop : callable, optional
        Asked before each fit.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(1, 2, (300, 2))
    >>> best = varying_coefficients(x, x[:, 0] + np.sqrt(x[:, 0] ** 2 + 2) * x[:, 1])[0]
    >>> best.column, best.others, bool(np.allclose(best.coefficients[:, 0], x[:, 0], atol=1e-6))
    (1, (0,), True)
    """
    n_columns, stop = columns.shape[1], should_stop or (lambda: False)
    if not 2 <= n_columns <= _MOST_COLUMNS or len(target) < _FEWEST_ROWS:
        return ()
    weights = np.ones(len(target)) if weights is None else weights
    kept = np.random.default_rng(seed).permutation(len(target))[:_LARGEST_SAMPLE]
    held, used = kept[: int(_HELD_OUT * len(kept))], kept[int(_HELD_OUT * len(kept)) :]
    mean = np.average(target[held], weights=weights[held])
    spread = np.average((target[held] - mean) ** 2, weights=weights[held])
    if not spread > 0:
        return ()
    found: list[VaryingCoefficients] = []
    for column in range(n_columns):
        others = tuple(i for i in range(n_columns) if i != column)
        for design in _designs(columns[:, others], len(used)):
            if stop():
                return ()
            root, x, one = np.sqrt(weights), columns[:, [column]], np.ones((len(target), 1))
            lefts, solutions = [], []
            for system in (np.hstack([design, design * x]), np.hstack([design, x]), np.hstack([one, design * x])):
                solution = weighted_fit(system[used], target[used], root[used])
                lefts.append(np.average((target[held] - system[held] @ solution) ** 2, weights=weights[held]))
                solutions.append(solution)
            coefficients = np.column_stack([design @ part for part in np.split(solutions[0], 2)])
            if lefts[0] < _CLEARLY * min(lefts[1:]):
                found.append(VaryingCoefficients(column, others, coefficients, float(lefts[0] / spread)))
    of_column = itertools.groupby(found, key=lambda model: model.column)
    best = [min(models, key=_unexplained) for _, models in of_column]
    free = fit_surrogate(columns, target, weights, seed=seed)
    enough = math.inf if free is None else max(_AS_GOOD * free.unexplained, _LITTLE)
    return tuple(sorted((model for model in best if model.unexplained <= enough), key=_unexplained))


def _unexplained(model: VaryingCoefficients) -> float:
    return model.unexplained


def _designs(columns: Array, n_rows: int) -> Iterator[Array]:
    """Polynomials of the columns, and of logarithms where they are positive, of the degrees that rows can bear."""
    most = n_rows // (2 * _ROWS_PER_TERM)
    degrees = [k for k in range(1, _LARGEST_DEGREE + 1) if math.comb(columns.shape[1] + k, k) <= most]
    positive = np.all(columns > 0, axis=0)
    logarithms = np.where(positive, np.log(np.where(positive, columns, 1.0)), columns)
    for inner in (columns, logarithms) if positive.any() else (columns,):
        for degree in dict.fromkeys((degrees[len(degrees) // 2], degrees[-1])) if degrees else ():
            yield polynomials(inner, degree)
