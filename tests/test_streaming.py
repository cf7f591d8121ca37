"""Batches: a uniform sample of all rows, a network as good as that of all rows, and formulas when asked for."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from kansym import KANRegressor
from kansym.errors import DataError, ParameterError
from kansym.streaming import RowSample


def sampled(n_batches, size, seed, batch=50):
    sample, generator = RowSample.empty(1, 1), np.random.default_rng(seed)
    for number in range(n_batches):
        rows = np.arange(number * batch, (number + 1) * batch, dtype=float)[:, None]
        sample = sample.with_batch(rows, -rows, 2.0 * np.ones(batch), generator, size)
    return sample


def test_few_rows_are_all_kept():
    sample = sampled(3, size=1000, seed=0)
    assert sorted(sample.columns[:, 0]) == list(range(150))
    assert np.array_equal(sample.targets, -sample.columns)
    assert sample.n_seen == 150


def test_every_row_has_the_same_chance_to_stay():
    counts = np.zeros(200)
    for seed in range(600):
        kept = sampled(4, size=20, seed=seed).columns[:, 0].astype(int)
        assert len(set(kept)) == 20
        counts[kept] += 1
    # A tenth of 600 each, with a standard deviation of 7.3; the first and the last batch alike.
    assert np.abs(counts - 60).max() < 5 * 7.4
    assert np.abs(counts.reshape(4, 50).mean(1) - 60).max() < 5 * 7.4 / np.sqrt(50)


def law(X):
    return np.exp(-X[:, 0]) * (1.0 + X[:, 1]) + np.sin(2 * X[:, 2])


@pytest.mark.parametrize("order", ["random", "sorted"])
def test_batches_reach_twice_the_error_of_all_rows_at_once(order, monkeypatch):
    # Half of the rows are kept, which costs a factor of √2 where noise is what limits the network.
    monkeypatch.setattr("kansym.streaming.LARGEST_SAMPLE", 400)
    generator = np.random.default_rng(0)
    X = generator.uniform(-1, 1, (800, 3))
    if order == "sorted":
        X = X[np.argsort(X[:, 0])]
    y, fresh = law(X) + 0.05 * generator.normal(size=800), generator.uniform(-0.95, 0.95, (1000, 3))
    batched, whole = KANRegressor((2,), random_state=0), KANRegressor((2,), random_state=0)
    for batch in np.array_split(np.arange(len(X)), 4):
        batched.partial_fit(X[batch], y[batch])
    assert len(batched._stream.sample) == 400
    monkeypatch.setattr("kansym.streaming.LARGEST_SAMPLE", 800)
    whole.partial_fit(X, y).partial_fit(X[:0:-1], y[:0:-1])
    errors = [np.sqrt(np.mean((model.predict_network(fresh) - law(fresh)) ** 2)) for model in (batched, whole)]
    assert errors[0] < 2.0 * errors[1]
    assert errors[1] < 0.05


def test_batches_improve_the_network():
    generator = np.random.default_rng(2)
    fresh, model, errors = generator.uniform(-0.8, 0.8, (500, 3)), KANRegressor((2,), random_state=0), []
    for _ in range(4):
        X = generator.uniform(-1, 1, (100, 3))
        model.partial_fit(X, law(X) + 0.1 * generator.normal(size=100))
        errors.append(np.sqrt(np.mean((model.predict_network(fresh) - law(fresh)) ** 2)))
    assert errors[-1] < 0.7 * errors[0]
    assert errors[-1] < 0.1


def test_formulas_come_when_they_are_searched_for():
    X = np.random.default_rng(3).uniform(1, 2, (300, 2))
    model = KANRegressor(random_state=0)
    for batch in np.split(X, 3):
        assert model.partial_fit(batch, batch[:, 0] / batch[:, 1]) is model
    with pytest.raises(NotFittedError, match=r"holds no formulas yet, only a network: call search\(\)"):
        model.predict(X)
    with pytest.raises(NotFittedError, match="holds no formulas yet"):
        model.get_best()
    assert str(model.search().sympy()) == "x0/x1"
    np.testing.assert_allclose(model.predict(X), X[:, 0] / X[:, 1], rtol=1e-12)
    model.partial_fit(X, X[:, 0] / X[:, 1])
    with pytest.raises(NotFittedError, match="holds no formulas yet"):
        model.predict(X)
    assert model.predict_network(X).shape == (300,)
    assert str(model.fit(X, X[:, 0] + X[:, 1]).sympy()) == "x0 + x1"


def test_several_outputs_and_zero_weights():
    X = np.random.default_rng(4).uniform(-1, 1, (200, 1))
    Y = np.column_stack([X[:, 0] ** 2, np.where(X[:, 0] > 0, X[:, 0], 100.0)])
    model = KANRegressor(hidden_widths=(), random_state=0)
    model.partial_fit(X, Y, sample_weight=(X[:, 0] > 0).astype(float))
    inside = X[X[:, 0] > 0]
    np.testing.assert_allclose(model.predict_network(inside), np.column_stack([inside**2, inside]), atol=1e-3)


def test_same_seed_same_network():
    X = np.random.default_rng(5).uniform(-1, 1, (100, 2))
    first, second = (KANRegressor(random_state=7).partial_fit(X, X[:, 0]).partial_fit(X, X[:, 0]) for _ in range(2))
    np.testing.assert_allclose(first.predict_network(X), second.predict_network(X), rtol=1e-5, atol=1e-6)


def test_wrong_batches():
    X = np.ones((20, 2))
    model = KANRegressor(random_state=0).partial_fit(X, X[:, 0])
    with pytest.raises(DataError, match="X has 1 features, but KANRegressor is expecting 2 features"):
        model.partial_fit(X[:, :1], X[:, 0])
    with pytest.raises(DataError, match="y must have 1 columns as the first batch, got 2"):
        model.partial_fit(X, X)
    with pytest.raises(DataError, match="column 0 of X must hold finite numbers, got NaN in row 0"):
        model.partial_fit(X * np.nan, X[:, 0])
    with pytest.raises(ParameterError, match="search must follow partial_fit, got no batch of rows"):
        KANRegressor().search()
