import ast
import copy
import os
import pickle
import subprocess
import sys
from unittest.mock import Mock

import numpy as np
import pandas as pd
import pytest
import sympy
from sklearn.exceptions import NotFittedError

from kansym import KANClassifier, KANRegressor, Library
from kansym.archive import read_archive, write_archive
from kansym.discovery import Confidence, Discovery
from kansym.errors import FileFormatError, ParameterError
from kansym.library import SymbolicFunction, default_library
from kansym.persistence import load, save
from kansym.symbolic.front import Formula, ParetoFront
from kansym.symbolic.uncertainty import Uncertainty

HOSTILE = ["lambda", "S", "größe (m), \n x"]


def table(names, n_rows=60):
    return pd.DataFrame(np.random.default_rng(0).uniform(1, 2, (n_rows, len(names))), columns=names)


@pytest.fixture(scope="module")
def single():
    X = table(HOSTILE, 200)  # of sixty rows a few in a hundred draws keep a column too many
    y = pd.Series(2.5 * X["lambda"] / X["S"] + np.random.default_rng(1).normal(0, 0.01, len(X)), name="S·λ")
    return KANRegressor(max_steps=30, time_limit=None, random_state=0).fit(X, y), X


@pytest.fixture(scope="module")
def several():
    X = np.random.default_rng(0).uniform(1, 2, (60, 4))
    y = np.column_stack([2.5 * X[:, 0] * X[:, 3], np.exp(X[:, 2]), np.full(60, 7.0)])
    library = Library(["x", "x^2", "exp", "log"])
    return KANRegressor(max_steps=10, library=library, hidden_widths=(2,), random_state=0).fit(X, y), X


@pytest.fixture(params=["single", "several"])
def fitted(request):
    return request.getfixturevalue(request.param)


# ---------------------------------------------------------------------------------------------------------- round trips


def test_a_loaded_model_is_the_same_to_the_bit(fitted, tmp_path):
    model, X = fitted
    model.save(tmp_path / "a.kansym")
    loaded = KANRegressor.load(tmp_path / "a.kansym")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.predict(X, index=0), model.predict(X, index=0))
    assert loaded.sympy() == model.sympy()
    assert loaded.latex() == model.latex()
    assert loaded.selected() == model.selected()
    assert loaded.get_params() == model.get_params()
    assert loaded.variables_ == model.variables_
    assert loaded.output_names_ == model.output_names_
    assert loaded.n_outputs_ == model.n_outputs_
    assert loaded.n_features_in_ == model.n_features_in_
    pd.testing.assert_frame_equal(tables(loaded), tables(model), check_exact=True)
    assert set(vars(loaded)) == set(vars(model)) - {"_kept_rows"}  # a file that is passed on holds no data


def test_everything_that_the_search_returned_comes_back(fitted, tmp_path):
    model, _ = fitted
    model.save(tmp_path / "a.kansym")
    for found, known in zip(load(tmp_path / "a.kansym").discoveries_, model.discoveries_, strict=True):
        assert found.front == known.front
        for formula, other in zip(found.front, known.front, strict=True):
            np.testing.assert_equal(vars(formula.uncertainty), vars(other.uncertainty))
        np.testing.assert_equal(vars(found.confidence), vars(known.confidence))
        for name in ("relevant", "reason", "steps", "seconds"):
            assert getattr(found, name) == getattr(known, name)


@pytest.mark.parametrize("basis", ["bspline", "rbf", "rswaf", "chebyshev"])
def test_networks_predict_the_same_bits(basis, tmp_path):
    X = np.random.default_rng(0).uniform(1, 2, (60, 3))
    y = np.column_stack([2.5 * X[:, 0] * X[:, 2], np.exp(X[:, 1])])
    model = KANRegressor(basis=basis, max_steps=10, random_state=0).fit(X, y)
    model.save(tmp_path / "a.kansym")
    loaded = load(tmp_path / "a.kansym")
    assert model.network_ is not None
    np.testing.assert_array_equal(loaded.predict_network(X), model.predict_network(X))
    for station in ("network_", "pruned_network_", "symbolic_network_"):
        before, after = (getattr(one, station) for one in (model, loaded))
        assert (before is None) == (after is None)
        if before is not None:
            for (name, tensor), other in zip(before.state_dict().items(), after.state_dict().values(), strict=True):
                assert (tensor == other) if name.endswith("extra_state") else bool((tensor == other).all())


def test_a_model_without_networks_and_with_a_constant_target(tmp_path):
    model = KANRegressor(max_steps=1, random_state=0).fit([[1.0], [2.0]], [3.0, 3.0])
    model.save(tmp_path / "a.kansym")
    assert load(tmp_path / "a.kansym").predict([[9.0]]).tolist() == [3.0]


def test_a_loaded_model_works_in_a_fresh_process(single, tmp_path):
    model, X = single
    model.save(tmp_path / "a.kansym")
    np.save(tmp_path / "x.npy", X.to_numpy())
    code = (
        "from kansym import KANRegressor; import pandas as pd, numpy as np\n"
        "model = KANRegressor.load('a.kansym')\n"
        "X = pd.DataFrame(np.load('x.npy'), columns=model.feature_names_in_)\n"
        "np.save('y.npy', np.column_stack([model.predict(X), model.predict_network(X)]))\n"
        "print(model.sympy())"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.rstrip("\n") == str(model.sympy())
    assert done.stderr == ""
    expected = np.column_stack([model.predict(X), model.predict_network(X)])
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


def test_selection_may_change_after_loading(single, tmp_path):
    model, X = single
    model.save(tmp_path / "a.kansym")
    loaded = load(tmp_path / "a.kansym").set_params(model_selection="accuracy")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X, index=len(model.equations_) - 1))


def test_equal_models_make_equal_files(single, tmp_path):
    model, _ = single
    model.save(tmp_path / "a.kansym")
    load(tmp_path / "a.kansym").save(tmp_path / "b.kansym")
    assert (tmp_path / "a.kansym").read_bytes() == (tmp_path / "b.kansym").read_bytes()


PARAMETERS = {
    "hidden_widths": ((3, 2), (3, 2)),
    "grid_size": (np.int64(4), 4),
    "time_limit": (float("inf"), float("inf")),
    "library": (("x", "sin"), ["x", "sin"]),
    "random_state": (np.random.RandomState(0), None),
    "n_jobs": (2, 2),
    "max_complexity": (np.int32(30), 30),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_come_back(name, tmp_path, single):
    given, expected = PARAMETERS[name]
    model = copy.copy(single[0]).set_params(**{name: given})
    model.save(tmp_path / "a.kansym")
    assert load(tmp_path / "a.kansym").get_params()[name] == expected


def test_numbers_that_json_lacks_come_back(single, tmp_path):
    model = copy.copy(single[0])
    front = model.fronts_[0]
    formula = front[0]
    n = formula.n_constants
    uncertainty = Uncertainty(np.full((n, 0), np.nan), np.full((n, n), np.inf), np.nan, 0)
    odd = Formula(formula.expression, 1, 0.5, -np.inf, np.inf, np.inf, uncertainty, "constant")
    confidence = Confidence(float("nan"), 0, float("inf"), False)
    relevant = model.discoveries_[0].relevant
    one = ParetoFront((odd,), front.variance, front.n_rows)
    model.discoveries_ = (Discovery(one, None, None, None, relevant, confidence, "interrupted", 3, 0.25),)
    model.save(tmp_path / "a.kansym")
    found = load(tmp_path / "a.kansym").discoveries_[0]
    np.testing.assert_equal(vars(found.confidence), vars(confidence))
    np.testing.assert_equal(vars(found.front[0].uncertainty), vars(uncertainty))
    assert (found.front[0].r2, found.front[0].structure_bits) == (-np.inf, np.inf)


def test_files_of_version_1_are_read_without_correlations(single, tmp_path):
    model, X = single
    model.save(tmp_path / "a.kansym")
    document, arrays = read_archive(tmp_path / "a.kansym")
    document["version"] = 1
    for formula in document["outputs"][0]["formulas"]:
        del formula["uncertainty"]
        formula["standard_errors"] = []
    write_archive(tmp_path / "b.kansym", document, arrays)
    loaded = load(tmp_path / "b.kansym")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert np.isnan(loaded.fronts_[0][0].standard_errors).all()
    assert np.isnan(loaded.predict(X, return_std=True)[1]).all()


# ----------------------------------------------------------------------------------------------- what cannot be stored


def own_function(name):
    return SymbolicFunction(name, lambda xp, x: x * x * x, lambda xp, x: 3 * x * x, lambda x: x**3)


@pytest.mark.parametrize("name", ["cube", "sin"])
def test_functions_of_the_user_are_refused_by_name(name, single, tmp_path):
    functions = ["x", own_function(name)]
    for library in (functions, Library(functions)):
        model = copy.copy(single[0]).set_params(library=library)
        with pytest.raises(
            ParameterError, match=f"library must hold built-in functions .* got the user's own '{name}'"
        ):
            model.save(tmp_path / "a.kansym")
    assert list(tmp_path.iterdir()) == []


def test_functions_of_the_user_in_a_network_are_refused(tmp_path):
    X = np.linspace(1, 2, 50)[:, None]
    model = KANRegressor(max_steps=10, random_state=0).fit(X, X[:, 0] ** 2)
    network = model.discoveries_[0].network
    assert network is not None
    edge = network.edges()[0]
    snapped = network.snap(edge, own_function("sin"))
    fields = {**vars(model.discoveries_[0]), "symbolic_network": snapped}
    model.discoveries_ = (Discovery(**fields),)
    with pytest.raises(ParameterError, match=r"the network must hold built-in functions .* 'sin'"):
        model.save(tmp_path / "a.kansym")


def test_built_in_functions_as_objects_are_stored(single, tmp_path):
    model = copy.copy(single[0]).set_params(library=[default_library()["sin"], "x"])
    model.save(tmp_path / "a.kansym")
    assert load(tmp_path / "a.kansym").library == ["sin", "x"]


def test_what_is_not_fitted_or_wrong_is_not_saved(single, tmp_path):
    with pytest.raises(NotFittedError):
        KANRegressor().save(tmp_path / "a.kansym")
    with pytest.raises(ParameterError, match="grid_size must be an integer >= 1, got 0"):
        copy.copy(single[0]).set_params(grid_size=0).save(tmp_path / "a.kansym")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------- files from strangers


def at(document, *path):
    for key in path:
        document = document[key]
    return document


def change(*path, to):
    return lambda document, arrays: at(document, *path[:-1]).__setitem__(path[-1], to)


BAD = {
    "another format": (change("format", to="recipe"), "must be a model that kansym saved, got another format"),
    "a newer version": (
        lambda document, arrays: document.update(version=99, kansym="7.1", future=[]),
        "was written by a newer kansym, '7.1'; this is .*: upgrade kansym",
    ),
    "another kind": (change("estimator", to="KANClassifier"), "must hold a KANRegressor, got a 'KANClassifier'"),
    "no version": (lambda document, arrays: document.pop("version"), "an entry 'version', which is missing"),
    "an unknown parameter": (change("parameters", "seed", to=1), "those of KANRegressor, got 'seed'"),
    "a wrong parameter": (change("parameters", "grid_size", to=-5), "grid_size must be an integer >= 1, got -5"),
    "a list as parameter": (change("parameters", "n_jobs", to=[1]), "'n_jobs' must be a number or a text, got list"),
    "an unknown function": (change("parameters", "library", to=["os"]), "known function names, got 'os'"),
    "many columns": (change("n_features", to=10**12), "low must hold 1000000000000 finite floats"),
    "too few names": (change("feature_names", to=["a"]), "feature_names must be 3 texts, got 1"),
    "equal names": (change("feature_names", to=["a", "a", "b"]), "different names, got 'a' twice"),
    "a number as name": (change("feature_names", to=["a", "b", 1]), "'feature_names' must be a list of texts"),
    "no outputs": (change("outputs", to=[]), "outputs must fit"),
    "no formulas": (change("outputs", 0, "formulas", to=[]), "formulas must hold at least one, got none"),
    "an unknown node": (
        change("outputs", 0, "formulas", 0, "expression", to=["__import__", ["pi"]]),
        "known kinds of nodes, got '__import__'",
    ),
    "an unknown variable": (
        change("outputs", 0, "formulas", 0, "expression", to=["variable", 3]),
        "formula must hold the position of one variable",
    ),
    "a factor of another size": (
        change("outputs", 0, "formulas", 0, "uncertainty", "factor", to=[[1.0], [2.0], [3.0]]),
        "factor must be a table of 1 rows, one a constant, got something else",
    ),
    "a ragged factor": (
        change("outputs", 0, "formulas", 0, "uncertainty", "factor", to=[1.0]),
        "factor must be a table of 1 rows",
    ),
    "a text as loss": (change("outputs", 0, "formulas", 0, "loss", to="1.5"), "entry 'loss' must be a float"),
    "a wrong column": (change("outputs", 0, "relevant", to=[3]), "relevant must hold different columns, 0 to 2"),
    "a truth as number": (change("outputs", 0, "steps", to=True), "entry 'steps' must be int, got bool"),
    "a huge network": (change("outputs", 0, "network", "widths", to=[2, 10**9, 1]), "coef must have shape"),
    "a huge grid": (change("outputs", 0, "network", "grid_size", to=10**12), "coef must have shape"),
    "a network of other inputs": (change("outputs", 0, "network", "widths", to=[5, 1]), "widths must lead from 2"),
    "a list as function": (
        change("outputs", 0, "network", "functions", 0, to={"0,0": []}),
        "functions of layer 0",
    ),
    "a missing array": (
        lambda document, arrays: arrays.pop("outputs/0/network/layers.0.grid"),
        "array layers.0.grid is missing",
    ),
    "no ranges": (lambda document, arrays: arrays.pop("low"), "array low must hold 3 finite floats"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_wrong_file_is_refused_in_one_sentence(case, single, tmp_path):
    spoil, message = BAD[case]
    path = tmp_path / "a.kansym"
    save(single[0], path)
    document, arrays = read_archive(path)
    spoil(document, arrays)
    write_archive(path, document, arrays)
    with pytest.raises(FileFormatError, match=message) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_any_entry_may_be_wrong_but_only_one_error_is_raised(single, tmp_path):
    path = tmp_path / "a.kansym"
    save(single[0], path)
    document, arrays = read_archive(path)
    refused = 0
    for place in places(document):
        for wrong in (None, -1, "x", [{}]):
            spoiled = copy.deepcopy(document)
            at(spoiled, *place[:-1])[place[-1]] = wrong
            write_archive(path, spoiled, arrays)
            try:
                load(path)
            except FileFormatError:
                refused += 1
    assert refused > 100


def places(document):
    """Paths to the entries of a document; of formulas, which have tests of their own, only the first."""
    for key in document if isinstance(document, dict) else range(len(document)):
        yield (key,)
        deeper = document[key]
        if isinstance(deeper, dict) or (isinstance(deeper, list) and key in ("outputs", "parameters")):
            yield from ((key, *rest) for rest in places(deeper))


def test_a_parameter_that_is_younger_than_the_file_has_its_default(single, tmp_path):
    path = tmp_path / "a.kansym"
    save(single[0], path)
    document, arrays = read_archive(path)
    del document["parameters"]["spline_order"]
    write_archive(path, document, arrays)
    assert load(path).spline_order == KANRegressor().spline_order


def test_nothing_in_the_file_is_evaluated(single, tmp_path, monkeypatch):
    save(single[0], tmp_path / "a.kansym")
    for module, name in ((np, "load"), (sympy, "parse_expr"), (pickle, "loads"), (ast, "literal_eval")):
        monkeypatch.setattr(module, name, Mock(side_effect=AssertionError("the file was evaluated")))
    load(tmp_path / "a.kansym")


def tables(model):
    equations = model.equations_
    return equations if isinstance(equations, pd.DataFrame) else pd.concat(equations, ignore_index=True)


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONIOENCODING": "utf-8"}


def test_what_resamples_say_is_kept_also_where_a_front_was_changed(tmp_path):
    generator = np.random.default_rng(0)
    X = generator.uniform(-2, 2, (300, 2))
    labels = np.digitize(X[:, 0] + 0.3 * generator.normal(size=300), [-0.7, 0.7])
    model = KANClassifier(max_steps=60, time_limit=None, random_state=0).fit(X, labels)
    model.save(tmp_path / "model.kansym")
    loaded = KANClassifier.load(tmp_path / "model.kansym")
    for table, again in zip(model.equations_, loaded.equations_, strict=True):
        np.testing.assert_array_equal(table["confidence"], again["confidence"])
    assert any(table["confidence"].max() > 0 for table in model.equations_)
