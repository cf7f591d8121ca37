"""Bad and awkward input: a correct result, or one clear sentence that says what, where, and the remedy."""

import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from sklearn.exceptions import NotFittedError

from kansym import KANRegressor
from kansym.errors import DataError, FileFormatError, FitWarning, KansymError, ParameterError

X = np.random.default_rng(0).uniform(1, 2, (30, 2))
Y = 2 * X[:, 0] + X[:, 1]
DAYS = pd.date_range("2020-01-01", periods=30)


def changed(array, place, value, dtype: type = float):
    array = array.astype(dtype)
    array[place] = value
    return array


def frame(**columns):
    return pd.DataFrame({"a": X[:, 0], "b": X[:, 1]}).assign(**columns)


def named(*names):
    return pd.DataFrame(X, columns=pd.Index(names))


BAD = {
    "NaN": (changed(X, (7, 1), np.nan), Y, r"column 1 of X .* got NaN in row 7; drop or fill such rows"),
    "infinity": (changed(X, (3, 0), -np.inf), Y, r"column 0 of X .* got infinity \(inf\) in row 3"),
    "NaN in y": (X, changed(Y, 5, np.nan), "y must hold finite numbers, got NaN in row 5"),
    "None": (changed(X, (2, 0), None, object), Y, "column 0 of X must hold finite numbers, got NaN in row 2"),
    "a masked entry": (np.ma.masked_array(X, mask=changed(X, (4, 1), 9.0) > 8), Y, "column 1 of X .* NaN in row 4"),
    "a missing integer": (frame(a=pd.array([1, 2, None] * 10, dtype="Int64")), Y, "column 'a' of X .* NaN in row 2"),
    "a missing truth": (frame(a=pd.array([True, False, None] * 10, dtype="boolean")), Y, "column 'a' .* NaN in row 2"),
    "text": (changed(X, (4, 1), "n/a", object), Y, r"column 1 of X must hold numbers, .* in row 4: 'n/a'; leave"),
    "text that steers a terminal": (changed(X, (0, 0), "\x1b[31m", object), Y, r"in row 0: '\\x1b\[31m'; leave"),
    "text in y": (X, ["a"] * 30, "y must hold numbers, .* in row 0: 'a'; leave the column out or encode it"),
    "categories": (frame(c=pd.Categorical(list("abc") * 10)), Y, "column 'c' of X must hold numbers.* row 0: 'a'"),
    "dates": (frame(d=DAYS), Y, "column 'd' of X must hold numbers, got dates; .* such as the days since the first"),
    "dates in an array": (np.array([DAYS, DAYS]).T.astype("datetime64[ns]"), Y, "column 0 of X .* got dates"),
    "durations": (frame(d=DAYS - DAYS[0]), Y, "column 'd' of X must hold numbers, got durations; .* their seconds"),
    "dates in y": (X, DAYS, "y must hold numbers, got dates"),
    "a date among numbers": (changed(X, (1, 0), DAYS[0], object), Y, "column 0 of X .* got a Timestamp in row 1"),
    "complex": (X + 1j, Y, "column 0 of X must hold real numbers, got complex ones"),
    "complex y": (X, Y + 1j, "y must hold real numbers, got complex ones"),
    "objects": (changed(X, (9, 0), {}, object), Y, "column 0 of X must hold numbers, got a dict in row 9; leave"),
    "sparse": (scipy.sparse.csr_matrix(X), Y, r"X must be a dense table, got sparse data; convert it with X.toarray"),
    "sparse y": (X, scipy.sparse.csr_matrix(Y[:, None]), r"y must be a dense table, got sparse data"),
    "sparse columns": (frame().astype(pd.SparseDtype(float)), Y, r"X must be a dense .* with X.sparse.to_dense\(\)"),
    "a sparse column as y": (X, pd.Series(Y).astype(pd.SparseDtype(float)), "y must be a dense table, got sparse data"),
    "one name twice in y": (X, pd.DataFrame(np.c_[Y, Y], columns=list("qq")), "columns of y must .* got 'q' twice"),
    "no rows": (X[:0], Y[:0], r"Found array with 0 sample\(s\)"),
    "nothing": ([], [], "X must have rows, got none"),
    "no columns": (X[:, :0], Y, r"Found array with 0 feature\(s\)"),
    "no outputs": (X, np.empty((30, 0)), r"Found array with 0 feature\(s\)"),
    "equal names": (named("a", "a"), Y, "columns of X must have different names, got 'a' twice; rename one of them"),
    "names of two kinds": (named("a", 2), Y, "columns of X must all have texts as names, or none of them, got 2"),
    "x of 1e300": (X * 1e300, Y, r"column 0 of X must hold numbers below 1e150 in size, got 1\.\d+e\+300 in row 0"),
    "y of 1e300": (X, Y * 1e300, "y must hold numbers below 1e150 in size, got .* in row 0; change its units"),
    "y of 1e-300": (X, Y * 1e-300, r"y must vary by more than 1e-150, got .*e-300; change its units"),
    "one y of 1e-300": (X, np.column_stack([Y, Y * 1e-300]), "column 1 of y must vary by more than 1e-150"),
    "an integer beyond floats": (changed(X, (1, 1), 10**400, object), Y, r"column 1 of X .* infinity \(inf\) in row 1"),
    "one dimension": (X[:, 0], Y, r"X must be a table of rows and columns, got one dimension.*X.reshape\(-1, 1\)"),
    "three dimensions": (X[:, :, None], Y, "Found array with dim 3"),
    "three dimensions in y": (X, Y[:, None, None], "Found array with dim 3"),
    "a number": (3.0, Y, "tables of numbers with the same rows: Expected 2D array, got scalar array"),
    "a number as y": (X, 3.0, "tables of numbers with the same rows: "),
    "None as X": (None, Y, "tables of numbers with the same rows: Expected 2D array"),
    "None as y": (X, None, "requires y to be passed, but the target y is None"),
    "fewer rows in y": (X, Y[:-1], r"inconsistent numbers of samples: \[30, 29\]"),
    "rows of several lengths": ([[1, 2], [3]], [1, 2], "inhomogeneous shape"),
    "a text": ("hello", Y, "could not convert string to float: 'hello'"),
    "a dictionary": ({"a": [1, 2]}, [1, 2], "not 'dict'"),
    "a generator": ((row for row in X), Y, "not 'generator'"),
    "a set": ({1, 2}, [1, 2], "not 'set'"),
    "a tensor with a gradient": (torch.tensor(X, requires_grad=True), Y, r"Use tensor.detach\(\).numpy\(\) instead"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_data_cost_one_clear_sentence(case):
    table, target, message = BAD[case]
    with pytest.raises(DataError, match=message) as caught:
        KANRegressor(max_steps=2).fit(table, target)
    assert "\n" not in str(caught.value)
    assert not hasattr(caught.value, "__notes__")


GOOD = {
    "booleans": (X > 1.5, Y),
    "boolean objects": ((X > 1.5).astype(object), Y),
    "boolean y": (X, Y > 4),
    "numbers as text": (X.astype(str), Y),
    "categories of numbers": (frame(a=pd.Categorical([1, 2, 3] * 10)), Y),
    "objects": (X.astype(object), Y),
    "fractions": ([[Fraction(1, i + 1), Fraction(i)] for i in range(30)], Y),
    "decimals": ([[Decimal(i), Decimal(i) / 3] for i in range(30)], Y),
    "integers that pandas may miss": (frame(a=pd.array([1, 2, 3] * 10, dtype="Int64")), Y),
    "an array with a mask that hides nothing": (np.ma.masked_array(X, mask=False), Y),
    "half precision": (X.astype(np.float16), Y),
    "long doubles": (X.astype(np.longdouble), Y),
    "tensors": (torch.tensor(X), torch.tensor(Y)),
    "one row": (X[:1], Y[:1]),
    "one column": (X[:, :1], 3 * X[:, 0]),
    "a constant column": (np.column_stack([X, np.ones(30)]), Y),
    "a nearly constant column": (np.column_stack([X, 1 + 1e-15 * X[:, 0]]), Y),
    "a nearly constant y": (X, 1 + 1e-15 * X[:, 0]),
    "x of 1e149": (X * 1e149, Y),
    "x of 1e-300": (X * 1e-300, Y),
    "the smallest x": (np.arange(30)[:, None] * 5e-324, Y),
    "y of 1e149": (X, Y * 1e149),
    "y of 1e-140": (X, Y * 1e-140),
    "sizes far apart": (np.column_stack([X[:, 0] * 1e140, X[:, 1] * 1e-140]), Y),
    "numbers as names": (named(1, 2), Y),
}


@pytest.mark.parametrize("case", GOOD)
def test_awkward_data_give_the_formula_that_predict_evaluates(case):
    table, target = GOOD[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = KANRegressor(max_steps=8, random_state=0).fit(table, target)
        predicted = model.predict(table)
    assert np.isfinite(predicted).all()
    loss = float(np.mean((predicted - np.asarray(target, dtype=float)) ** 2))
    assert loss == pytest.approx(model.get_best()["loss"], rel=1e-6, abs=1e-20 * float(np.mean(predicted**2)))


@pytest.mark.parametrize("scale", [1e-300, 1e-149, 1e149])
def test_units_of_extreme_size_are_no_obstacle(scale):
    model = KANRegressor(max_steps=8, random_state=0).fit(X * scale, Y)
    np.testing.assert_allclose(model.predict(X * scale), Y, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, object])
def test_integers_that_floats_round_are_warned_about(dtype):
    table = np.array([[i, 2**53 + i] for i in range(30)], dtype=dtype)
    with pytest.warns(FitWarning, match=r"column 1 of X holds integers beyond 2\^53, the first in row 1.*; subtract"):
        KANRegressor(max_steps=2, random_state=0).fit(table, Y)


WEIGHTS = {
    "negative": (-np.ones(30), "sample_weight must hold finite numbers >= 0"),
    "NaN": (np.full(30, np.nan), "sample_weight must hold finite numbers >= 0"),
    "text": (["a"] * 30, "sample_weight must hold numbers >= 0: could not convert string to float: .*'a'"),
    "complex": (np.ones(30) * 1j, "sample_weight must hold real numbers, got complex128"),
    "dates": (DAYS.to_numpy(), r"sample_weight must hold real numbers, got datetime64"),
    "too few": (np.ones(3), r"sample_weight.shape == \(3,\), expected \(30,\)"),
    "a table": (np.ones((30, 2)), "Sample weights must be 1D array or scalar"),
    "only zeros": (np.zeros(30), "sample_weight must hold a number > 0, got only zeros"),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_bad_weights_cost_one_clear_sentence(case):
    weights, message = WEIGHTS[case]
    with pytest.raises(DataError, match=message):
        KANRegressor(max_steps=2).fit(X, Y, sample_weight=weights)


@pytest.mark.parametrize("scale", [1e-310, 1e307])
def test_only_the_ratios_of_weights_count(scale):
    model = KANRegressor(max_steps=5, random_state=0).fit(X, Y, sample_weight=np.full(30, scale))
    np.testing.assert_allclose(model.predict(X), Y, rtol=1e-9)


PARAMETERS = {
    "hidden_widths": [
        (5, r"hidden_widths must be 'auto' or a tuple of integers such as \(5,\), got 5"),
        ("wide", "hidden_widths must be 'auto' or a tuple"),
        ((0,), "each of hidden_widths must be an integer >= 1, got 0"),
        ((2.5,), "each of hidden_widths must be an integer >= 1, got 2.5"),
        ((10**9,), "must give a network of at most 1,000,000 coefficients, got 24,000,000,000 with widths .*; choose"),
    ],
    "basis": [("wavelet", "basis must be one of 'bspline', .* got 'wavelet'"), (None, "basis must be one of")],
    "grid_size": [
        (0, "grid_size must be an integer >= 1, got 0"),
        (True, "grid_size must be an integer >= 1, got True"),
        (10**9, "must give a network of at most 1,000,000 coefficients"),
    ],
    "spline_order": [
        (1.5, "spline_order must be an integer >= 1, got 1.5"),
        (10**6, "must give a network of at most 1,000,000 coefficients"),
    ],
    "library": [
        (["sinus"], "library must hold known function names, got 'sinus'"),
        ([], "library must hold at least one function, got none"),
        ("sin", "library must be a list of names or functions, got the text 'sin'"),
        (3, "library must be a list of names or functions, got 3"),
        (["sin", None], "library must hold names or functions only, got None"),
        (["x", "x"], "library must name each function once, got 'x' twice"),
    ],
    "max_complexity": [(0, "max_complexity must be an integer >= 1, got 0"), (3.5, "got 3.5")],
    "model_selection": [("nicest", "model_selection must be one of .* got 'nicest'"), (None, "got None")],
    "time_limit": [
        (0, "time_limit must be a number > 0 or None, got 0"),
        (float("nan"), "time_limit must be a number > 0 or None, got nan"),
        ("10", "time_limit must be a number > 0 or None, got '10'"),
    ],
    "max_steps": [(0, "max_steps must be an integer >= 1, got 0"), (1.5, "got 1.5")],
    "n_jobs": [
        (0, "n_jobs must be an integer other than 0, or None, got 0"),
        (1.5, "n_jobs must be an integer other than 0, or None, got 1.5"),
        (True, "n_jobs must be an integer other than 0, or None, got True"),
    ],
    "device": [("tpu", "device must be one of .* got 'tpu'")],
    "random_state": [
        (-1, "random_state must be an integer from 0 to 4294967295, a RandomState or None, got -1"),
        ("a", "random_state must be an integer .* got 'a'"),
    ],
    "verbose": [(-1, "verbose must be an integer >= 0, got -1"), (None, "verbose must be an integer >= 0, got None")],
}
WRONG = [(name, value, message) for name, cases in PARAMETERS.items() for value, message in cases]


@pytest.mark.parametrize(("name", "value", "message"), WRONG, ids=[f"{name}={value}"[:40] for name, value, _ in WRONG])
def test_bad_parameters_cost_one_clear_sentence(name, value, message):
    with pytest.raises(ParameterError, match=message):
        KANRegressor(**{"max_steps": 2, name: value}).fit(X, Y)


def test_every_parameter_has_its_bad_values():
    assert set(PARAMETERS) == set(KANRegressor().get_params())


@pytest.fixture(scope="module")
def fitted():
    return KANRegressor(max_steps=5, random_state=0).fit(X, Y)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (X[:, :1], "X must be a table of numbers with the columns of the fit: X has 1 features"),
        (X[:0], "with the columns of the fit: Found array with 0 sample"),
        (X * np.nan, "column 0 of X must hold finite numbers, got NaN in row 0"),
        (X * 1e200, "column 0 of X must hold numbers below 1e150"),
        ([["a", "b"]], "column 0 of X must hold numbers"),
        (scipy.sparse.csr_matrix(X), "X must be a dense table, got sparse data"),
    ],
)
def test_bad_rows_to_predict_cost_one_clear_sentence(fitted, table, message):
    for predict in (fitted.predict, fitted.predict_network):
        with pytest.raises(DataError, match=message):
            predict(table)


@pytest.mark.parametrize("index", ["a", 1.5, 99, [0, 1], True, {}])
def test_a_bad_index_costs_one_clear_sentence(fitted, index):
    with pytest.raises(ParameterError, match=r"index must be"):
        fitted.predict(X, index=index)


@pytest.mark.parametrize("precision", [0, -3, "a", 1.5])
def test_a_bad_precision_costs_one_clear_sentence(fitted, precision):
    with pytest.raises(ParameterError, match="precision must be an integer >= 1, 'uncertainty' or None, got"):
        fitted.latex(precision=precision)


def test_what_is_not_fitted_says_so():
    for use in (lambda model: model.predict(X), lambda model: model.equations_, lambda model: model.sympy()):
        with pytest.raises(NotFittedError, match=r"not fitted yet|holds no formulas yet: call fit"):
            use(KANRegressor())


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/urandom"])
def test_files_without_end_are_refused_at_once(device):
    from kansym.tables import read_table

    for read in (KANRegressor.load, read_table):
        with pytest.raises(FileFormatError, match=f"{device}: "):
            read(device)


def test_every_error_on_purpose_has_one_base():
    for kind in (DataError, ParameterError, FileFormatError):
        assert issubclass(kind, KansymError)
        assert issubclass(kind, ValueError)
