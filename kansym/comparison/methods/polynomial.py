"""A baseline: the polynomial of the degree that predicts best."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from kansym.comparison.methods.base import Answer, Method, Task
from kansym.comparison.methods.choosing import choose

__all__ = ["Polynomial"]

_MAX_DEGREE = 10
_MAX_TERMS = 5_000


class Polynomial(Method):
    """Ridge regression on all monomials of standardised columns; accuracy only.

    Degree and penalty are chosen by cross-validation: the degree from 1 upwards while there are no more monomials than
    rows, at most 10; the penalty for each degree by generalised cross-validation. The time limit may end the choice
    earlier.
    """

    name = "polynomial"
    modules = ("sklearn",)
    packages = ("scikit-learn",)
    about = "baseline without a formula: ridge regression on monomials, degree by cross-validation (scikit-learn)"

    def load(self) -> None:
        """Import what the pipelines are made of."""
        import sklearn.linear_model
        import sklearn.preprocessing  # noqa: F401

    def fit(self, task: Task) -> Answer:
        """Choose degree and penalty."""
        return Answer(None, predict=choose(_models(task), task).predict)


def _models(task: Task) -> Iterator[Any]:
    import numpy as np
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    rows, columns = task.X.shape
    for degree in range(1, _MAX_DEGREE + 1):
        terms = math.comb(columns + degree, degree)
        if degree > 1 and terms > min(rows, _MAX_TERMS):
            return
        yield make_pipeline(
            StandardScaler(),
            PolynomialFeatures(degree, include_bias=False),
            StandardScaler(),
            RidgeCV(alphas=np.logspace(-10, 2, 7)),
        )
