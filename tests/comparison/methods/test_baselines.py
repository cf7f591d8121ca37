from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression

from kansym.comparison.methods import choosing, find_method
from kansym.comparison.methods.base import Task
from kansym.comparison.methods.choosing import choose

# The least R² of x0*x1 + 2 on fresh rows: a plane explains 96 % of it, a polynomial all.
R2 = {"linear": 0.94, "polynomial": 1.0 - 1e-12, "mlp": 0.998, "gradient-boosting": 0.99}


@pytest.mark.parametrize("name", R2)
def test_baselines_predict_and_give_no_formula(name, product):
    method = find_method(name)
    method.load()
    answer = method.fit(replace(product, y=product.y * 1e9, time_limit=10.0))
    assert answer.expression is None
    assert answer.front == ()
    assert answer.predict is not None
    fresh = np.random.default_rng(1).uniform(1.0, 3.0, (200, 2))
    y = (fresh[:, 0] * fresh[:, 1] + 2.0) * 1e9
    predictions = answer.predict(fresh)
    assert predictions.shape == (200,)
    assert 1.0 - np.mean((predictions - y) ** 2) / np.var(y) > R2[name]
    if name == "linear":
        assert np.mean((predictions - y) ** 2) / np.var(y) > 0.01


def test_choices_repeat(product):
    task = replace(product, X=product.X[:60], y=np.log(product.y[:60]), time_limit=30.0)
    first, second = (find_method("polynomial").fit(task).predict for _ in range(2))
    assert first is not None
    assert second is not None
    assert np.array_equal(first(task.X), second(task.X))


@pytest.mark.parametrize("name", R2)
def test_few_rows_and_constant_columns_are_no_error(name):
    X = np.column_stack((np.arange(4.0), np.ones(4)))
    predict = find_method(name).fit(Task(X, X[:, 0], time_limit=1.0, seed=0)).predict
    assert predict is not None
    assert np.all(np.isfinite(predict(X)))


CLOCK = [0.0]


class Slow(RegressorMixin, BaseEstimator):
    """Predicts a constant after a while, which :data:`CLOCK` counts."""

    def __init__(self, constant: float, seconds: float = 0.0) -> None:
        self.constant = constant
        self.seconds = seconds

    def fit(self, X, y):
        CLOCK[0] += self.seconds
        self.fitted_rows_ = len(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.constant)


def test_the_least_error_is_chosen_and_fitted_to_all_rows(product):
    chosen = choose([Slow(0.0), Slow(6.0), Slow(100.0)], product)
    assert chosen.constant == 6.0
    assert chosen.fitted_rows_ == 300


def test_nothing_is_begun_that_would_be_late(product, monkeypatch):
    monkeypatch.setattr(choosing, "time", SimpleNamespace(monotonic=lambda: CLOCK[0]))
    begun = []

    def models():
        for constant in (0.0, 6.0, 6.1):
            begun.append(constant)
            yield Slow(constant, seconds=0.06)

    chosen = choose(models(), replace(product, time_limit=0.5))
    assert chosen.constant == 0.0
    assert begun == [0.0, 6.0]


def test_the_first_is_taken_however_late(product):
    assert isinstance(choose([LinearRegression()], replace(product, time_limit=1e-9)), LinearRegression)
