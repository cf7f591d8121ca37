"""The best of a few models by cross-validation, within a time limit."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kansym.comparison.methods.base import Task

__all__ = ["choose"]

_FOLDS = 5


def choose(models: Iterable[Any], task: Task) -> Any:
    """Return the model with the least cross-validated squared error, fitted to all rows.

    Models are tried in order. None is begun that would not be done in time if it took as long as the one before it and
    the last fit as long as a fold; the first is tried in any case.

    Parameters
    ----------
    models : iterable of scikit-learn regressors
    task : Task
        Rows, time limit, threads, and seed of the folds.
    """
    from sklearn.base import clone
    from sklearn.model_selection import KFold
    from threadpoolctl import threadpool_limits

    def fitted(model: Any, X: NDArray[np.float64], y: NDArray[np.float64]) -> Any:
        copy: Any = clone(model)
        with threadpool_limits(limits=task.threads):
            return copy.fit(X, y)

    deadline = time.monotonic() + task.time_limit
    folds = list(KFold(min(_FOLDS, len(task.y)), shuffle=True, random_state=task.seed).split(task.X))
    best, least, seconds = None, np.inf, 0.0
    for model in models:
        began = time.monotonic()
        if best is not None and began + seconds * (1 + 1 / len(folds)) > deadline:
            break
        residuals = [
            task.y[test] - fitted(model, task.X[train], task.y[train]).predict(task.X[test]) for train, test in folds
        ]
        error = float(np.mean(np.concatenate(residuals) ** 2))
        seconds = time.monotonic() - began
        if best is None or error < least:
            best, least = model, error
    return fitted(best, task.X, task.y)
