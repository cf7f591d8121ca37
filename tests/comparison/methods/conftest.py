from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy
from numpy.typing import NDArray

from kansym.comparison.methods.base import Task

Evaluate = Callable[[sympy.Expr, Task], NDArray[np.float64]]


@pytest.fixture
def product() -> Task:
    """Return 300 rows of x0*x1 + 2, and two seconds for it."""
    X = np.random.default_rng(0).uniform(1.0, 3.0, (300, 2))
    return Task(X, X[:, 0] * X[:, 1] + 2.0, time_limit=2.0, seed=0)


@pytest.fixture
def evaluate() -> Evaluate:
    """Return a function that evaluates a formula on the rows of a task, in double precision and by numpy alone."""

    def values(expression: sympy.Expr, task: Task) -> NDArray[np.float64]:
        assert expression.free_symbols <= set(task.variables)
        function: Any = sympy.lambdify(task.variables, expression, "numpy")
        with np.errstate(all="ignore"):
            return np.asarray(function(*task.X.T), dtype=float) * np.ones(len(task.X))

    return values
