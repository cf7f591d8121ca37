"""Symmetries of a law, read off its gradient, and the smaller problem that each leaves.

A law that is unchanged, or merely multiplied, when some of its columns are scaled or shifted together depends on fewer
quantities than it has columns. Such symmetries are null vectors of matrices made of the gradient of a smooth model:

* scaling: ``Σ n_i·x_i·∂y/∂x_i = a·y`` on every row says that y is a monomial times a function of products of powers
  that the scaling leaves alone. All scalings at once are the null space of ``[x_1·∂_1 y, …, x_d·∂_d y, −y]``: this is
  dimensional analysis (Buckingham 1914, "On physically similar systems", Phys. Rev. 4, 345) without being told units.
* translation: ``∂y/∂x_i + c·∂y/∂x_j = 0`` says that x_i and x_j enter as ``x_j − c·x_i`` only, with a small rational c
  or, where no other symmetry is left, any real one.

Exponents are rounded to small rationals, and a reduction counts only if a model of the smaller problem predicts
held-out rows as well as the model of the larger one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kansym.structure.merging import best_curve, merged_columns
from kansym.structure.reduction import Reduction, tried
from kansym.structure.scaling import ridges, scalings, translations
from kansym.structure.surrogate import Surrogate, fit_surrogate

__all__ = ["find_reduction"]

Array = NDArray[np.float64]

_AS_GOOD = 1.04
_CLEARLY_AS_GOOD = 10.0  # beside a clear gap; the new columns may be spread less evenly than the old ones
_NOISE_FREE = 1e-3
_NOTHING_EXPLAINED = 0.3
_POORLY_EXPLAINED = 0.05  # where what is left is no noise, such a model's gradient is a fifth off
_MUCH_UNEXPLAINED = 0.02
_POOR = 0.02
_ROUNDING = 1e-12


def find_reduction(
    columns: Array,
    target: Array,
    weights: Array | None = None,
    *,
    seed: int = 0,
    error: float = 0.0,
    should_stop: Callable[[], bool] | None = None,
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
    error : float
        Relative error that the target itself has, as where it is the outcome of a fit: no symmetry holds more exactly.
    should_stop : callable, optional
        Asked between the smaller problems that are tried; once it is true, nothing more is found.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(1, 3, (500, 3))
    >>> period = np.sqrt(x[:, 0] / x[:, 1]) * (1 + x[:, 2] ** 2 / 16)
    >>> reduction = find_reduction(x, period)
    >>> [float(exponent) for exponent in reduction.factor], len(reduction.coordinates)
    ([0.5, -0.5, 0.0], 1)
    """
    if columns.shape[1] < 1 or not np.any(target):
        return None
    model = fit_surrogate(columns, target, weights, seed=seed)
    if model is None:
        return None
    stop = should_stop or (lambda: False)
    poor = model.error > _POOR and columns.shape[1] > 1
    # What a poor model says about symmetries is asked last.
    first_merge = poor and model.unexplained > _MUCH_UNEXPLAINED
    found = merged_columns(columns, target, weights, model, seed, stop) if first_merge else None
    if found is None and model.noise > 0 and columns.shape[1] > 1:
        found = best_curve(columns, target, weights, model, seed, stop)
    followed = model.unexplained < (_NOTHING_EXPLAINED if model.noise > 0 else _POORLY_EXPLAINED)
    if found is None and not stop() and followed:
        found = _from_gradient(columns, target, weights, model, seed, error)
    if found is None and poor and not first_merge:
        found = merged_columns(columns, target, weights, model, seed, stop)
    return found


def _from_gradient(
    columns: Array, target: Array, weights: Array | None, model: Surrogate, seed: int, error: float
) -> Reduction | None:
    """The largest symmetry of the model that the held-out rows confirm."""
    for proposals in (kind(columns, target, model) for kind in (translations, scalings, ridges)):
        for clear, readings in proposals:
            clearly = clear and model.error < _NOISE_FREE
            allowed = (_CLEARLY_AS_GOOD if clearly else _AS_GOOD) * max(model.error, error) + _ROUNDING
            attempts = [tried(columns, target, weights, *reading, seed) for reading in readings]
            good = [reduction for reduction in attempts if reduction is not None and reduction.error <= allowed]
            if good:
                return min(good, key=lambda reduction: reduction.error)
    return None
