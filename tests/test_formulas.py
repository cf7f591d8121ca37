"""The estimator's exports, intervals and errors: they are those of the formula that predict evaluates."""

import ast
import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from kansym import KANRegressor
from kansym.errors import FitWarning, ParameterError

NAMES = ["flow rate", "λ", "*/"]


@pytest.fixture(scope="module")
def single():
    generator = np.random.default_rng(0)
    X = pd.DataFrame(generator.uniform(1, 2, (60, 3)), columns=NAMES)
    y = pd.Series(2.6173 * X["flow rate"] / X["λ"] + generator.normal(0, 0.01, 60), name="p")
    return KANRegressor(max_steps=30, time_limit=None, random_state=0).fit(X, y), X


@pytest.fixture(scope="module")
def several():
    X = np.random.default_rng(0).uniform(1, 2, (60, 3))
    y = np.column_stack([2.5 * X[:, 0] * X[:, 2] + 0.3, np.exp(X[:, 1]), np.full(60, 7.0)])
    return KANRegressor(max_steps=10, random_state=0).fit(X, pd.DataFrame(y, columns=["a b", "c", "c_"])), X


@pytest.fixture(params=["single", "several"])
def fitted(request):
    return request.getfixturevalue(request.param)


def run(source):
    space = {}
    exec(compile(source, "formula.py", "exec"), space)
    return space


@pytest.mark.parametrize("index", [None, 0, -1])
def test_exports_are_the_prediction(fitted, index):
    model, X = fitted
    expected, rows = model.predict(X, index=index), np.array(X)
    assert np.array_equal(model.to_numpy(index)(X), expected)
    module = model.to_torch(index)(torch.from_numpy(rows))
    np.testing.assert_allclose(module.detach().numpy(), expected, rtol=1e-12)
    space = run(model.to_source(index))
    functions = [value for name, value in space.items() if name.startswith("formula")]
    values = np.column_stack([function(*rows.T) for function in functions])
    np.testing.assert_allclose(values, expected.reshape(values.shape), rtol=1e-12)


def test_sources_name_their_functions(fitted):
    model, _ = fitted
    names = ["formula_a_b", "formula_c", "formula_c_2"] if model.n_outputs_ == 3 else ["formula"]
    defined = [node.name for node in ast.parse(model.to_source()).body if isinstance(node, ast.FunctionDef)]
    assert defined == names
    c = model.to_source(language="c")
    assert all(f"double {name}(double " in c for name in names)


def test_tables_and_digits(fitted):
    model, _ = fitted
    tables = model.latex_table(precision="uncertainty")
    assert isinstance(tables, list) == (model.n_outputs_ > 1)
    assert len(np.atleast_1d(model.latex(precision="uncertainty"))) == model.n_outputs_
    assert "(" in model.latex_table("uncertainty") if model.n_outputs_ == 1 else tables


def test_every_constant_stands_beside_its_error(fitted):
    tables = fitted[0].equations_
    for table in tables if isinstance(tables, list) else [tables]:
        for _, row in table.iterrows():
            assert len(row["constants"]) == len(row["standard_errors"])
            assert all(error >= 0 for error in row["standard_errors"])


def test_standard_deviations_and_intervals(fitted):
    model, X = fitted
    mean, deviation = model.predict(X, return_std=True)
    assert np.array_equal(mean, model.predict(X))
    assert deviation.shape == mean.shape
    assert np.array_equal(deviation, model.predict(X, return_std="mean")[1])
    wide = model.predict(X, return_std="observation")[1]
    assert np.all(wide >= deviation)
    for of, spread in (("mean", deviation), ("observation", wide)):
        lower, upper = model.prediction_interval(X, level=0.9, of=of)
        assert lower.shape == upper.shape == mean.shape
        np.testing.assert_allclose((lower + upper) / 2, mean, rtol=1e-12)
        chosen = zip(model.selected(), model.fronts_, strict=True)
        freedom = [front[i].uncertainty.degrees_of_freedom for i, front in chosen]
        reach = np.squeeze(stats.t.ppf(0.95, freedom))
        np.testing.assert_allclose((upper - lower) / 2, reach * spread, rtol=1e-6, atol=1e-12)


def test_deviations_of_a_line_are_the_textbook_s(single):
    model, X = single
    (front,) = model.fronts_
    best = front[model.selected()[0]]
    assert best.n_constants == 1
    ratio = (X["flow rate"] / X["λ"]).to_numpy()
    residual = model.predict(X) - 2.6173 * ratio
    noise = best.uncertainty.noise
    assert noise == pytest.approx(0.01, rel=0.3)
    assert best.standard_errors[0] == pytest.approx(noise / np.linalg.norm(ratio), rel=1e-9)
    assert np.all(np.abs(residual) < 5 * model.predict(X, return_std=True)[1])


def test_errors_survive_saving_and_pickling(fitted, tmp_path):
    model, X = fitted
    model.save(tmp_path / "a.kansym")
    for other in (KANRegressor.load(tmp_path / "a.kansym"), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        for of in ("mean", "observation"):
            np.testing.assert_array_equal(other.predict(X, return_std=of), model.predict(X, return_std=of))


def test_zero_weights_are_no_rows(single):
    model, X = single
    y = model.predict(X) + np.random.default_rng(1).normal(0, 0.01, 60)
    weights = np.where(np.arange(60) < 40, 3.0, 0.0)
    settings = {"max_steps": 30, "time_limit": None, "random_state": 0}
    weighted = KANRegressor(**settings).fit(X, y, sample_weight=weights)
    alone = KANRegressor(**settings).fit(X[:40], y[:40])
    np.testing.assert_array_equal(weighted.predict(X, return_std=True), alone.predict(X, return_std=True))


def test_undefined_values_warn_and_have_no_deviation():
    X = np.linspace(1, 3, 40)[:, None]
    model = KANRegressor(max_steps=20, random_state=0).fit(X, 2.5 * np.log(X[:, 0]))
    with pytest.warns(FitWarning, match="not defined on 1 row"):
        values, deviations = model.predict([[-1.0], [2.0]], return_std=True)
    assert np.isnan(values).tolist() == np.isnan(deviations).tolist() == [True, False]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m, X: m.predict(X, return_std="sigma"), "return_std must be one of 'mean', 'observation', got 'sigma'"),
        (lambda m, X: m.prediction_interval(X, level=95), "level must be a number between 0 and 1, .* got 95"),
        (lambda m, X: m.prediction_interval(X, of="y"), "of must be one of 'mean', 'observation', got 'y'"),
        (lambda m, X: m.to_source(language="fortran"), "language must be one of 'python', 'c', got 'fortran'"),
        (lambda m, X: m.latex(precision=0), "precision must be an integer >= 1, 'uncertainty' or None, got 0"),
        (lambda m, X: m.to_source(precision="all"), "precision must be an integer >= 1, .* got 'all'"),
        (lambda m, X: m.to_numpy(99), "index must be a row of equations_"),
    ],
)
def test_bad_parameters(single, call, message):
    with pytest.raises(ParameterError, match=message):
        call(*single)
