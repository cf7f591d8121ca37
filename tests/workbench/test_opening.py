"""Workbenches of fitted models: which network, which rows, and the way back to the model."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sympy
from sklearn.exceptions import NotFittedError

from kansym import KANRegressor
from kansym.errors import DataError, FitWarning, ParameterError
from kansym.library import default_library
from kansym.network import KAN
from kansym.workbench import Workbench

x0, x1 = sympy.symbols("x0 x1", real=True)


@pytest.fixture(scope="module")
def line():
    X = np.random.default_rng(0).uniform(1, 2, (100, 2))
    return KANRegressor(max_steps=30, time_limit=None, random_state=0).fit(X, X[:, 0] + 2 * X[:, 1])


def test_a_fitted_model_needs_no_data(line):
    bench = line.workbench()
    assert bench.network.widths == line.pruned_network_.widths
    assert bench.origin == "pruned_network_ of the model"
    assert len(bench.rows) == 100
    for edge in bench.splines:
        bench = bench.snap(edge, "x")
    assert bench.refit().formula(rounded=True) == x0 + 2 * x1
    symbolic = line.workbench(station="symbolic_network")
    assert symbolic.splines == ()
    assert symbolic.formula(rounded=True) == x0 + 2 * x1


def test_a_model_keeps_a_sample_of_its_rows_only():
    X = np.random.default_rng(0).uniform(1, 2, (5000, 1))
    model = KANRegressor(max_steps=1, time_limit=None, random_state=0).fit(X, X[:, 0])
    assert len(model.workbench().rows) == 2000
    assert len(model.workbench(X, X[:, 0]).rows) == 5000
    kept = model.workbench().rows.columns.copy()
    X[:] = 0.0
    np.testing.assert_array_equal(model.workbench().rows.columns, kept)


def test_where_the_search_had_no_network_one_is_trained(line):
    copy = pickle.loads(pickle.dumps(line))
    bare = [vars(discovery) | {"network": None, "pruned_network": None} for discovery in copy.discoveries_]
    copy.discoveries_ = tuple(type(line.discoveries_[0])(**fields) for fields in bare)
    bench = copy.workbench()
    assert bench.origin.startswith("trained for the workbench")
    assert bench.r2 > 0.999
    assert bench.compare()["note"].iloc[0] == bench.origin


def test_one_of_several_targets_is_chosen():
    X = pd.DataFrame(np.random.default_rng(0).uniform(1, 2, (60, 3)), columns=["a", "b", "c"])
    Y = pd.DataFrame({"sum": X["a"] + X["c"], "square": X["b"] ** 2})
    model = KANRegressor(max_steps=20, time_limit=None, random_state=0).fit(X, Y)
    assert model.workbench(output="square").target == "square"
    bench = model.workbench(X, Y, output=1)
    assert {edge[2] for edge in bench.network.edges()} == {1}
    np.testing.assert_array_equal(bench.rows.target, Y["square"])
    with pytest.raises(ParameterError, match=r"output must be one of 'sum', 'square' or its position, got None"):
        model.workbench()
    with pytest.raises(ParameterError, match=r"output must be .* got 2"):
        model.workbench(output=2)


def test_a_loaded_model_asks_for_rows(line, tmp_path):
    line.save(tmp_path / "line.kansym")
    loaded = KANRegressor.load(tmp_path / "line.kansym")
    with pytest.raises(ParameterError, match="X and y must be given: the model was read from a file"):
        loaded.workbench()
    rows = line.workbench().rows
    assert loaded.workbench(rows.columns, rows.target).loss == line.workbench().loss


def test_wrong_use_is_told(line):
    with pytest.raises(NotFittedError):
        KANRegressor().workbench()
    with pytest.raises(ParameterError, match="X and y must be given both or neither"):
        line.workbench([[1.0, 2.0]])
    with pytest.raises(ParameterError, match=r"station must be one of .*, got 'spline'"):
        line.workbench(station="spline")
    with pytest.raises(ValueError, match="X has 1 features, but KANRegressor is expecting 2"):
        line.workbench([[1.0], [2.0]], [1.0, 2.0])
    constant = KANRegressor(max_steps=1, time_limit=None).fit([[1.0], [2.0]], [3.0, 3.0])
    with pytest.raises(DataError, match="y must vary for a workbench"):
        constant.workbench()


def test_a_formula_made_by_hand_enters_the_front():
    X = np.random.default_rng(0).uniform(0.5, 2, (80, 1))
    y = np.tanh(X[:, 0]) ** 2
    poor = KANRegressor(max_steps=1, time_limit=None, random_state=0).fit(X, y)
    known = default_library()
    network = KAN((1, 1, 1)).snap((0, 0, 0), known["tanh"], a=0.9).snap((1, 0, 0), known["x^2"])
    made = Workbench.from_network(network, X, y).refit()
    before = poor.sympy()
    model = made.add_to(poor)
    assert model.sympy() == sympy.tanh(x0) ** 2
    assert model.score(X, y) == pytest.approx(1.0)
    assert poor.sympy() == before
    assert model.discoveries_[0].front is model.fronts_[0]
    with pytest.warns(FitWarning, match="does not enter the front: one that is no larger is as good"):
        assert len(made.refit().add_to(model).fronts_[0]) == len(model.fronts_[0])


def test_a_formula_of_other_rows_or_columns_is_refused(line):
    rows = line.workbench().rows
    other = line.workbench(rows.columns[:50], rows.target[:50], station="symbolic_network")
    with pytest.raises(ParameterError, match="must hold the 100 rows that the front was judged on, got 50"):
        other.add_to(line)
    frame = pd.DataFrame(rows.columns, columns=["a", "b"])
    bench = Workbench.from_network(other.network, frame, rows.target)
    with pytest.raises(ParameterError, match="model must be one of y from a, b, got one of y from x0, x1"):
        bench.add_to(line)
