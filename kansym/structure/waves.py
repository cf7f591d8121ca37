"""A wave inside a law: the cosine or sine of a column, or of two together, that makes the law a smoother function.

``√(x² + y² − 2·x·y·cos(α − β))`` has four columns, of which no low polynomial says much over a turn or more; in x, y
and u = cos(α − β) it is the root of a polynomial of degree three. So every wave is tried in the place of its columns,
with a model of low degree, and held-out rows say whether the data are simpler so.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kansym.structure.reduction import Combination, Product, Reduction, identity
from kansym.structure.surrogate import fit_surrogate, glanced_error

__all__ = ["FUNCTIONS", "Wave", "find_wave"]

Array = NDArray[np.float64]

FUNCTIONS = ("cos", "sin")
"""What a wave may be."""

_SCREENED_ROWS = 800
_DEGREE = 3
_SMOOTHER = 0.8  # of the error of a model of the columns, which 160 held-out rows tell to 6 %
_SHORTEST = 1.0  # radians of an arc that is more than a bow
_CONFIRMED = 3
_MOST_COLUMNS = 7  # 224 waves
_FEWEST_ROWS = 40


@dataclass(frozen=True)
class Wave:
    """A new column: the cosine or sine of an old one, or of what two make together.

    Attributes
    ----------
    function : {"cos", "sin"}
    argument : Product or Combination
        In radians.
    """

    function: str
    argument: Product | Combination

    def values(self, columns: Array) -> Array:
        """The new column on the rows of ``columns``."""
        angle = self.argument.values(columns)
        return np.cos(angle) if self.function == "cos" else np.sin(angle)


def find_wave(
    columns: Array,
    target: Array,
    weights: Array | None = None,
    *,
    functions: Sequence[str] = FUNCTIONS,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
) -> Reduction | None:
    """Find the wave that makes the target the smoothest function of it and of the other columns.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
        Two to seven columns: the waves of one are curves, and of more there are too many.
    target : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,), optional
    functions : sequence of {"cos", "sin"}
    seed : int
        Chooses the rows that are looked at, and those held out.
    should_stop : callable, optional
        Asked between the waves; once it is true, no more are looked at.

    Returns
    -------
    Reduction or None
        The wave as a new column, after those that are left; None where no wave makes the target clearly smoother.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(1, 5, (500, 3))
    >>> found = find_wave(x, x[:, 0] + np.cos(x[:, 1] - x[:, 2]))
    >>> found.coordinates[-1].function, [int(c) for c in found.coordinates[-1].argument.coefficients]
    ('cos', [0, 1, -1])
    """
    n_columns, stop = columns.shape[1], should_stop or (lambda: False)
    if not 2 <= n_columns <= _MOST_COLUMNS:
        return None
    if weights is not None:
        counting = weights > 0
        columns, target, weights = columns[counting], target[counting], weights[counting]
    if len(target) < _FEWEST_ROWS:
        return None
    some = np.random.default_rng(seed).permutation(len(target))[:_SCREENED_ROWS]
    data = target[some], None if weights is None else weights[some]
    promising = []
    bound = _SMOOTHER * glanced_error(columns[some], *data, degree=_DEGREE, seed=seed)
    for place, (wave, used) in enumerate(_waves(n_columns, functions)):
        if stop():
            return None
        with np.errstate(all="ignore"):
            angle = wave.argument.values(columns)
        if np.all(np.isfinite(angle)) and np.ptp(angle) >= _SHORTEST:
            reduction = Reduction((*identity(n_columns, used), wave), (Fraction(0),) * n_columns, np.inf)
            error = glanced_error(reduction.columns(columns[some]), *data, degree=_DEGREE, seed=seed)
            if error < bound:
                promising.append((error, place, reduction))
    if not promising:
        return None
    whole = fit_surrogate(columns, target, weights, seed=seed)
    found = []
    for _, _, reduction in sorted(promising)[:_CONFIRMED]:
        model = None if stop() else fit_surrogate(reduction.columns(columns), target, weights, seed=seed)
        if model is not None and whole is not None and model.error < _SMOOTHER * whole.error:
            found.append((model.error, reduction))
    if not found or stop():
        return None
    best = min(found, key=lambda entry: entry[0])[1]
    # It is the best of many on the rows that were held out, so others say how good it is.
    judged = fit_surrogate(best.columns(columns), target, weights, seed=seed + 1)
    return None if judged is None else replace(best, error=judged.error, noise=judged.noise)


def _waves(n_columns: int, functions: Sequence[str]) -> Iterator[tuple[Wave, tuple[int, ...]]]:
    """The waves of each column and of two columns' differences, sums, products and quotients, with their columns."""
    arguments: list[tuple[Product | Combination, tuple[int, ...]]] = [
        (column, (i,)) for i, column in enumerate(identity(n_columns))
    ]
    for i, j in itertools.combinations(range(n_columns), 2):
        kinds = ((Combination, 1, -1), (Combination, 1, 1), (Product, 1, 1), (Product, 1, -1), (Product, -1, 1))
        for kind, first, second in kinds:
            entries = [Fraction(0)] * n_columns
            entries[i], entries[j] = Fraction(first), Fraction(second)
            arguments.append((kind(tuple(entries)), (i, j)))
    for (argument, used), function in itertools.product(arguments, functions):
        yield Wave(function, argument), used
