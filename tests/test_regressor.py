"""KANRegressor: scikit-learn's contract, honest predictions, awkward data, clear errors."""

import logging
import pickle
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from kansym import KANRegressor, Library
from kansym.errors import ExtrapolationWarning, FitWarning, ParameterError

EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": (
        "weights are relative precisions, not repetition counts: the description length counts measured rows"
    ),
}


# Not strict: whether the same formula is selected from rows that are repeated and from rows that weigh more is chance.
@parametrize_with_checks(
    [KANRegressor(max_steps=10, random_state=0)],
    expected_failed_checks=lambda _: EXPECTED_FAILURES,
    xfail_strict=False,
)
def test_scikit_learn_estimator_checks(estimator, check):
    with warnings.catch_warnings():
        # The checks predict rows on which some formulas of random data are not defined.
        warnings.simplefilter("ignore", FitWarning)
        check(estimator)


def article(n_rows=300, seed=0):
    X = np.random.default_rng(seed).uniform(-1, 1, (n_rows, 2))
    return X, np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


@pytest.fixture(scope="module")
def fitted():
    return KANRegressor(random_state=0).fit(*article())


def relative_error(model, truth, X):
    expected = truth(*X.T)
    return float(np.sqrt(np.mean((model.predict(X) - expected) ** 2) / np.mean(expected**2)))


@pytest.mark.parametrize("hidden_widths", ["auto", (1,), (3,), (8,)])
def test_the_article_example_is_exact_for_any_hidden_width(hidden_widths):
    model = KANRegressor(hidden_widths=hidden_widths, random_state=1).fit(*article(1000, seed=1))
    wide = np.random.default_rng(2).uniform(-1.5, 1.5, (500, 2))
    assert relative_error(model, lambda a, b: np.exp(np.sin(np.pi * a) + b * b), wide) < 1e-6
    assert model.network_ is not None
    if hidden_widths != "auto":
        assert model.network_.widths == (2, *hidden_widths, 1)


@pytest.mark.parametrize(
    ("truth", "low", "high", "n_columns"),
    [
        (lambda a, b: a * b, -1, 1, 2),
        (lambda a, b: a / b, 1, 2, 2),
        (lambda a: (a - 1) ** 2, -1, 1, 1),
        (lambda a, b: np.sqrt(a * a + b * b), -1, 1, 2),
        (lambda r: 4 * (r**-12 - r**-6), 0.9, 2.5, 1),
        (lambda a: np.sin(15 * a), -1, 1, 1),
        (lambda a: np.exp(-a / 2000), 1e3, 5e3, 1),
        (lambda a: 2.5 * np.exp(-((a - 1.3) ** 2) / (2 * 0.7**2)), -2, 4, 1),
    ],
    ids=["x*y", "x/y", "(x-1)^2", "hypotenuse", "Lennard-Jones", "sin(15x)", "exp(-x/2000)", "Gaussian"],
)
def test_simple_laws_are_recovered_exactly(truth, low, high, n_columns):
    X = np.random.default_rng(3).uniform(low, high, (1000, n_columns))
    model = KANRegressor(random_state=3).fit(X, truth(*X.T))
    margin = (high - low) / 4
    lowest = max(low - margin, 0.5 * low) if low > 0 else low - margin
    wide = np.random.default_rng(4).uniform(lowest, high + margin, X.shape)
    assert relative_error(model, truth, wide) < 1e-6


def test_predict_is_the_printed_formula(fitted):
    X, _ = article(seed=5)
    for position, row in fitted.equations_.iterrows():
        expression = row["sympy_format"]
        symbols = sympy.symbols("x0 x1", real=True)
        values = sympy.lambdify(symbols, expression, "numpy")(*X.T) * np.ones(len(X))
        np.testing.assert_allclose(fitted.predict(X, index=position), values, rtol=1e-6)


def test_the_symbolic_network_is_the_selected_formula(fitted):
    X, _ = article(seed=6)
    network = fitted.symbolic_network_.evaluate(torch.from_numpy(X)).numpy()[:, 0]
    np.testing.assert_allclose(network, fitted.predict(X), rtol=1e-10)


def test_predict_changes_nothing(fitted):
    X, _ = article(seed=7)
    before = pickle.dumps(fitted.equations_)
    first = fitted.predict(X)
    np.testing.assert_array_equal(fitted.predict(X), first)
    assert pickle.dumps(fitted.equations_) == before


def test_equations_are_a_front(fitted):
    table = fitted.equations_
    columns = ["complexity", "loss", "gain", "r2", "equation", "sympy_format", "constants", "standard_errors"]
    columns.append("confidence")
    assert list(table.columns) == columns
    assert np.all(np.diff(table["loss"]) < 0)
    assert np.all(np.diff(table["complexity"]) >= 0)
    X, y = article()
    for position in range(len(table)):
        loss = np.mean((fitted.predict(X, index=position) - y) ** 2)
        assert loss == pytest.approx(table["loss"][position], rel=1e-6, abs=1e-20)


def test_the_selection_rule_may_be_changed_after_the_fit():
    X = np.random.default_rng(0).uniform(1, 2, (200, 2))
    y = X[:, 0] ** 2 * X[:, 1] + 0.02 * np.random.default_rng(1).normal(size=200)
    model = KANRegressor(max_steps=60, random_state=0).fit(X, y)
    choices = {}
    for rule in ("simplest", "best", "accuracy"):
        model.model_selection = rule
        choices[rule] = model.selected()[0]
    assert choices["simplest"] <= choices["best"] <= choices["accuracy"] == len(model.equations_) - 1
    x0, x1 = sympy.symbols("x0 x1", real=True)
    assert model.equations_["sympy_format"][choices["best"]] == x0**2 * x1


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_same_seed_same_front_for_any_number_of_jobs(n_jobs):
    X = np.random.default_rng(0).uniform(1, 3, (120, 2))
    Y = np.column_stack([X[:, 0] / X[:, 1], np.sqrt(X[:, 0]) + X[:, 1] ** 2])
    first = KANRegressor(random_state=4, max_steps=80).fit(X, Y)
    second = KANRegressor(random_state=4, max_steps=80, n_jobs=n_jobs).fit(X, Y)
    for a, b in zip(first.equations_, second.equations_, strict=True):
        assert a["sympy_format"].tolist() == b["sympy_format"].tolist()
        assert a["loss"].tolist() == b["loss"].tolist()


def test_noisy_fits_repeat_themselves():
    X = np.random.default_rng(0).uniform(1, 3, (100, 2))
    y = X[:, 0] * np.exp(X[:, 1]) + 0.3 * np.random.default_rng(1).normal(size=100)
    fronts = [KANRegressor(random_state=9, max_steps=60).fit(X, y).equations_ for _ in range(2)]
    assert fronts[0]["sympy_format"].tolist() == fronts[1]["sympy_format"].tolist()


def test_several_outputs():
    X = np.random.default_rng(0).uniform(1, 3, (200, 3))
    Y = np.column_stack([X[:, 0] * X[:, 2], X[:, 1] ** 2])
    model = KANRegressor(random_state=0).fit(X, Y)
    np.testing.assert_allclose(model.predict(X), Y, rtol=1e-9)
    assert len(model.equations_) == 2
    assert model.sympy()[1] == sympy.Symbol("x1", real=True) ** 2
    assert model.symbolic_network_ is not None
    assert model.symbolic_network_.widths[0] == 3
    np.testing.assert_allclose(model.symbolic_network_.evaluate(torch.from_numpy(X)).numpy(), Y, rtol=1e-9)
    np.testing.assert_allclose(model.predict_network(X), Y, rtol=0.05)
    assert model.score(X, Y) == pytest.approx(1.0)


def test_twenty_noise_columns_are_not_used():
    generator = np.random.default_rng(0)
    X = generator.uniform(1, 3, (500, 22))
    y = X[:, 4] ** 2 / X[:, 17] * (1 + 0.01 * generator.normal(size=500))
    model = KANRegressor(random_state=0, max_steps=60).fit(X, y)
    assert {str(symbol) for symbol in model.sympy().free_symbols} == {"x4", "x17"}
    assert model.discoveries_[0].relevant == (4, 17)


def test_sample_weights_count():
    X = np.linspace(1, 3, 60)[:, None]
    y = 2 * X[:, 0] ** 1.5
    spoiled = y.copy()
    spoiled[::3] += 5.0
    weights = np.ones(60)
    weights[::3] = 0.0
    model = KANRegressor(random_state=0).fit(X, spoiled, sample_weight=weights)
    np.testing.assert_allclose(model.predict(X), y, rtol=1e-8)


@pytest.mark.parametrize(
    "names", [["a b", "lambda"], ["S", "I"], ["β", "x^2"], ["E", "pi"], ["x0", "__class__"]], ids=str
)
def test_any_column_name_survives(names):
    frame = pd.DataFrame(np.random.default_rng(0).uniform(1, 2, (80, 2)), columns=names)
    y = pd.Series(frame.iloc[:, 0] / frame.iloc[:, 1], name="gamma")
    model = KANRegressor(random_state=0).fit(frame, y)
    np.testing.assert_allclose(model.predict(frame), y, rtol=1e-9)
    assert {symbol.name for symbol in model.sympy().free_symbols} == set(names)
    assert model.feature_names_in_.tolist() == names
    assert all(name in model.get_best()["equation"] for name in names)


@pytest.mark.parametrize(
    "convert",
    [
        lambda X: X.astype(np.float32),
        lambda X: X.tolist(),
        lambda X: pd.DataFrame(X),
        np.asfortranarray,
        lambda X: np.round(X * 10).astype(int),
    ],
    ids=["float32", "list", "frame", "fortran", "int"],
)
def test_kinds_of_tables(convert):
    X = convert(np.random.default_rng(0).uniform(1, 2, (60, 2)))
    y = np.asarray(X, dtype=float)[:, 0] * 3.0
    model = KANRegressor(random_state=0, max_steps=30).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, rtol=1e-5)


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.arange(20.0)[:, None], np.full(20, 3.25)),
        (np.column_stack([np.arange(20.0), np.ones(20)]), np.arange(20.0) * 2),
        (np.column_stack([np.arange(40.0) % 2, np.arange(40.0)]), np.arange(40.0) % 2 + np.arange(40.0)),
        (np.repeat(np.arange(10.0), 5)[:, None], np.repeat(np.arange(10.0), 5) ** 2),
        (1e9 + np.arange(30.0)[:, None], np.arange(30.0) * 1e-9),
        (np.linspace(1, 2, 8)[:, None], np.linspace(1, 2, 8) ** 3),
        (np.array([[1.0], [2.0]]), np.array([1.0, 2.0])),
        (np.ones((12, 1)), np.arange(12.0)),
    ],
    ids=["constant y", "constant column", "binary", "repeated rows", "extreme units", "8 rows", "2 rows", "constant X"],
)
def test_awkward_data_give_finite_predictions(X, y):
    model = KANRegressor(random_state=0, max_steps=40).fit(X, y)
    assert np.all(np.isfinite(model.predict(X)))


@pytest.mark.parametrize("constant", [3.25, 3.7, 0.1, 1 / 3, -np.pi, 1e6 + 0.1, 0.0, 1e-9])
def test_a_constant_target_gives_the_constant(constant):
    X = np.random.default_rng(0).normal(size=(50, 2))
    weights = np.random.default_rng(1).uniform(0.1, 2, 50)
    model = KANRegressor(random_state=0).fit(X, np.full(50, constant), sample_weight=weights)
    assert float(model.sympy()) == constant
    assert len(model.equations_) == 1


def test_the_symbolic_network_follows_the_selection():
    X = np.random.default_rng(0).uniform(-1, 1, (150, 2))
    y = np.sin(3 * X[:, 0]) + X[:, 1] ** 2 + 0.05 * np.random.default_rng(1).normal(size=150)
    for rule in ("best", "accuracy", "simplest"):
        model = KANRegressor(model_selection=rule, random_state=0, max_steps=30).fit(X, y)
        assert model.symbolic_network_ is not None
        network = model.symbolic_network_.evaluate(torch.from_numpy(X)).numpy()[:, 0]
        np.testing.assert_allclose(network, model.predict(X), rtol=1e-9, atol=1e-9)
        assert np.all(np.isfinite(model.predict_network(X)))


def test_quotients_are_defined_where_the_law_is():
    X = np.random.default_rng(0).uniform(-1, 1, (300, 2))
    model = KANRegressor(random_state=0).fit(X, X[:, 0] / (X[:, 1] + 1.5))
    np.testing.assert_allclose(model.predict([[0.0, 0.0], [0.5, 0.5]]), [0.0, 0.25], atol=1e-12)


def test_a_wider_network_fits_no_worse():
    X, y = article(400)
    losses = [
        np.mean((KANRegressor(hidden_widths=widths, random_state=0).fit(X, y).predict_network(X) - y) ** 2)
        for widths in ((1,), (3,), (6,))
    ]
    assert max(losses) < 1e-3 * y.var()


def test_undefined_and_outside_rows_are_warned_about():
    X = np.random.default_rng(0).uniform(1, 4, (100, 1))
    model = KANRegressor(random_state=0, max_steps=80).fit(X, np.log(X[:, 0]))
    with pytest.warns(FitWarning, match="not defined on 1 row, the first at position 1"):
        assert np.isnan(model.predict([[2.0], [-1.0]])[1])
    with pytest.warns(ExtrapolationWarning, match="1 row, the first at position 1 outside the training data"):
        model.predict_network([[2.0], [9.0]])


def test_index_must_be_on_the_front(fitted):
    with pytest.raises(ParameterError, match="index must be a row of equations_"):
        fitted.predict([[0.0, 0.0]], index=99)


def test_a_library_of_few_functions_is_respected():
    X = np.random.default_rng(0).uniform(1, 2, (150, 1))
    model = KANRegressor(library=["x", "x^2"], random_state=0, max_steps=60).fit(X, np.exp(X[:, 0]))
    functions = set().union(*[row.atoms(sympy.Function) for row in model.equations_["sympy_format"]])
    assert not functions
    assert isinstance(KANRegressor(library=Library(["x"])).fit(X, X[:, 0]).library, Library)


def test_clone_and_pickle(fitted):
    copy: Any = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    copied = pickle.loads(pickle.dumps(fitted))
    X, _ = article(seed=8)
    np.testing.assert_array_equal(copied.predict(X), fitted.predict(X))
    np.testing.assert_array_equal(copied.predict_network(X * 0.5), fitted.predict_network(X * 0.5))


def test_it_works_inside_pipelines():
    X, y = article(150)
    pipeline = make_pipeline(StandardScaler(), KANRegressor(random_state=0, max_steps=30))
    assert cross_val_score(pipeline, X, y, cv=2).min() > 0.9


def test_nothing_global_is_touched(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    numpy_state, torch_state = repr(np.random.get_state()), torch.get_rng_state()  # noqa: NPY002
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    KANRegressor(max_steps=20).fit(*article(60))
    assert repr(np.random.get_state()) == numpy_state  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (torch.get_default_dtype(), torch.get_num_threads()) == (dtype, threads)
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_keeps_what_was_found():
    calls = []

    def interrupt(progress):
        calls.append(progress.stage)
        if len(calls) == 2:
            raise KeyboardInterrupt

    X = np.random.default_rng(0).uniform(1, 2, (60, 2))
    model = KANRegressor(random_state=0).fit(X, np.sin(X[:, 0] * 7) + X[:, 1], on_progress=interrupt)
    assert model.discoveries_[0].reason == "interrupted"
    assert np.all(np.isfinite(model.predict(X)))


def test_a_callback_ends_the_search_by_something_true():
    told = []

    def enough(progress):
        told.append(progress.stage)
        return len(told) == 2

    X = np.random.default_rng(0).uniform(1, 2, (60, 2))
    model = KANRegressor(random_state=0).fit(X, np.sin(X[:, 0] * 7) + X[:, 1], on_progress=enough)
    assert len(told) == 2
    assert model.discoveries_[0].reason == "interrupted"
    assert np.all(np.isfinite(model.predict(X)))


def test_what_a_callback_raises_is_raised():
    def fail(progress):
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="the disk is full"):
        KANRegressor(random_state=0).fit(*article(30), on_progress=fail)


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_verbose_logs_to_the_logger_of_kansym_and_installs_no_handler(verbose, caplog, capfd):
    logger, told = logging.getLogger("kansym"), []
    X = np.random.default_rng(0).uniform(1, 2, (40, 1))
    with caplog.at_level(logging.INFO, logger="kansym"):
        KANRegressor(random_state=0, verbose=verbose).fit(X, 2 * X[:, 0], on_progress=told.append)
    texts = [record.getMessage() for record in caplog.records]
    assert [record.name for record in caplog.records] == ["kansym"] * len(told) * (verbose > 0)
    assert all(progress.stage in text for progress, text in zip(told, texts, strict=False))
    assert any("2·x0" in text for text in texts) == (verbose == 2)
    assert logger.handlers == []
    assert logger.level == logging.NOTSET
    assert capfd.readouterr() == ("", "")


def test_a_notebook_shows_the_front_below_the_diagram():
    X = pd.DataFrame({"<script>a</script>": np.linspace(1, 2, 30)})
    model = KANRegressor(max_steps=5, time_limit=None, random_state=0)
    assert "formulas of" not in model._repr_mimebundle_()["text/html"]
    model.fit(X, 3 * X.iloc[:, 0])
    shown = model._repr_mimebundle_()["text/html"]
    assert "formulas of &lt;script&gt;a&lt;/script&gt;" in shown
    assert "formulas of &lt;script&gt;" in model._repr_html_()  # for what does not read bundles
    assert "<script>a" not in shown
    assert "<script>a" not in model.discoveries_[0]._repr_html_()


def test_importing_kansym_loads_neither_torch_nor_sympy():
    code = "import kansym, sys; print(*[m for m in ('torch', 'sympy', 'sklearn', 'pandas') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
