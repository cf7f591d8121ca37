"""The manual mode: actions, what they leave alone, and what is refused."""

import numpy as np
import pandas as pd
import pytest
import sympy
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kansym.errors import DataError, FitWarning, ParameterError
from kansym.library import Library, SymbolicFunction
from kansym.network import KAN
from kansym.symbolic.evaluation import compile_expression
from kansym.workbench import Workbench

x0, x1 = sympy.symbols("x0 x1", real=True)
EDGES = [(0, 0, 0), (0, 0, 1), (1, 0, 0)]


def test_the_manual_mode_of_the_article(article_start, article_end):
    assert article_start.network.widths == (2, 1, 1)
    assert article_start.splines == tuple(EDGES)
    assert article_end.splines == ()
    assert article_end.loss < 1e-24
    assert article_end.formula(rounded=True) == sympy.exp(sympy.sin(sympy.pi * x0) + x1**2)
    called = [str(step) for step in article_end.history]
    assert called == [
        "refit(max_iterations=30, sparsity=0.001)",
        "prune()",
        "snap((0, 0, 0), 'sin')",
        "snap((0, 0, 1), 'x^2')",
        "snap((1, 0, 0), 'exp')",
        "refit()",
    ]


def test_the_candidates_of_the_article_are_on_top_in_context(article_start):
    table = article_start.edges()
    assert table["edge"].to_list() == EDGES
    assert table[["from", "to", "kind"]].to_numpy().tolist() == [
        ["x0", "h1_0", "spline"],
        ["x1", "h1_0", "spline"],
        ["h1_0", "y", "spline"],
    ]
    assert table["candidate"].to_list() == ["sin", "x^2", "exp"]
    assert table["model_r2"].min() > 0.9999
    assert table["share"].to_numpy()[:2].sum() == pytest.approx(1.0)
    best = article_start.suggest((0, 0, 0), count=3)
    assert best["function"].iloc[0] == "sin"
    assert best["bits"].is_monotonic_increasing
    assert best["model_r2"].to_numpy() == pytest.approx(1.0 - best["loss"].to_numpy() / article_start.rows.variance)


NODES = ["x", "x^2", "exp", "sin", "tanh", "arctan", "gaussian"]


@settings(max_examples=25, deadline=None)
@given(
    functions=st.lists(st.sampled_from(NODES), min_size=6, max_size=6),
    numbers=st.lists(st.floats(-1.5, 1.5), min_size=24, max_size=24),
    shift=st.floats(-100, 100),
    scale=st.floats(0.1, 100),
)
def test_the_formula_is_the_network(functions, numbers, shift, scale):
    library = Library(NODES)
    network = KAN((2, 2, 1), product_nodes=(1, 0), dtype=torch.float64)
    for edge, name, affine in zip(network.edges(), functions, np.reshape(numbers, (6, 4)), strict=True):
        network = network.snap(edge, library[name], *affine)
    network = network.with_scaling([shift, 0.0], [scale, 1.0], -3.0, 2.0)
    X = np.random.default_rng(0).uniform(-1, 1, (20, 2)) * [scale, 1.0] + [shift, 0.0]
    bench = Workbench.from_network(network, X, X[:, 1])
    expected = network.evaluate(torch.tensor(X))[:, 0].numpy()
    size = np.abs(expected).max() + 10.0
    np.testing.assert_allclose(bench.predict(X), expected, rtol=1e-10, atol=1e-10 * size)
    values = compile_expression(bench.formula(), bench.rows.variables)(X)
    np.testing.assert_allclose(values, expected, rtol=1e-10, atol=1e-10 * size)


def test_a_formula_with_splines_names_them_and_predicts_what_the_network_does(article_start, article_rows):
    X, _ = article_rows
    half = article_start.snap((0, 0, 0), "sin").snap((1, 0, 0), "exp")
    unknown = half.formula().atoms(sympy.core.function.AppliedUndef)
    assert [str(function) for function in unknown] == ["f_0_0_1(x1)"]
    np.testing.assert_array_equal(half.predict(X), half.network.evaluate(torch.tensor(X))[:, 0].numpy())
    with pytest.raises(ParameterError, match=r"every edge must be a function first, but \(0, 0, 1\) are splines"):
        half.formula(rounded=True)


def test_actions_leave_the_former_state_as_it_was(article_start):
    before = {name: value.clone() for name, value in article_start.network.state_dict().items() if "extra" not in name}
    later = article_start.snap((0, 0, 0), "sin").lock((0, 0, 0)).prune((0, 0, 1)).refit(3)
    assert later.undo().undo().undo().undo() is article_start
    assert all(torch.equal(article_start.network.state_dict()[name], value) for name, value in before.items())
    assert article_start.locked == frozenset()
    assert len(article_start.edges()) == 3


def test_a_locked_edge_keeps_its_constants_and_the_others_move(article_start):
    locked = article_start.snap((0, 0, 0), "tanh").lock((0, 0, 0))
    fitted = locked.refit(5)
    assert fitted.network.edge_state((0, 0, 0)) == locked.network.edge_state((0, 0, 0))
    assert fitted.loss < locked.loss
    free = locked.unlock((0, 0, 0)).refit(5)
    assert free.network.edge_state((0, 0, 0)) != locked.network.edge_state((0, 0, 0))
    spline = article_start.lock((0, 0, 1)).snap((0, 0, 0), "sin").refit(3)
    layers = [bench.network.layer(0) for bench in (article_start, spline)]
    assert torch.equal(layers[0].coef[0, 1], layers[1].coef[0, 1])


def test_a_snap_turned_back_is_near_the_same_curve(article_end):
    for edge in EDGES:
        bench = article_end.unsnap(edge)
        assert bench.splines == (edge,)
        assert bench.r2 > 0.999


def test_a_pruned_edge_leaves_its_mean(article_start, article_rows):
    X, _ = article_rows
    pruned = article_start.prune((0, 0, 1))
    assert [edge for edge in EDGES if edge not in pruned.network.edges()] == [(0, 0, 1)]
    assert pruned.predict(X[:5]) == pytest.approx(pruned.predict(X[:5] * [1.0, 0.0]))


def test_states_are_compared(article_start, article_end):
    table = article_end.compare()
    assert table["step"].iloc[0] == "start"
    assert table["splines"].to_list() == [15, 15, 3, 2, 1, 0, 0]
    assert (table["splines"] + table["symbolic"]).iloc[-1] == 3
    beside = article_end.compare(article_start)
    assert beside["r2"].to_list() == [article_end.r2, article_start.r2]


def test_names_of_columns_and_weights_are_the_users():
    frame = pd.DataFrame({"temperature (K)": np.linspace(1, 2, 30), "lambda": np.linspace(2, 1, 30) ** 2})
    y = pd.Series(3.0 * frame["lambda"], name="flux <b>")
    weights = np.linspace(0, 1, 30)
    bench = Workbench.from_network(KAN((2, 1)), frame, y, weights).prune((0, 0, 0)).snap((0, 0, 1), "x").refit()
    assert bench.formula(rounded=True) == 3 * sympy.Symbol("lambda", real=True)
    assert list(bench.data().columns) == ["temperature (K)", "lambda", "flux <b>", "sample_weight"]
    assert len(bench.data()) == 29  # a row of no weight is none
    assert "flux &lt;b&gt;" in bench._repr_html_()
    assert "<b>flux <b>" not in bench._repr_html_()


def test_functions_of_the_users_own_are_snapped(article_rows):
    X, _ = article_rows
    softplus = SymbolicFunction(
        "softplus",
        lambda xp, x: xp.log(1.0 + xp.exp(x)),
        lambda xp, x: 1.0 / (1.0 + xp.exp(-x)),
        lambda x: sympy.log(1 + sympy.exp(x)),
    )
    y = np.log(1.0 + np.exp(3.0 * X[:, 0]))
    bench = Workbench.from_network(KAN((2, 1)), X, y, library=Library(["x", softplus])).refit().prune((0, 0, 1))
    assert bench.suggest((0, 0, 0))["function"].iloc[0] == "softplus"
    bench = bench.snap((0, 0, 0), softplus).refit()
    assert bench.loss < 1e-20
    with pytest.raises(ParameterError, match="built-in functions only for a script, got the user's own 'softplus'"):
        bench.script()


BAD_EDGES = [(0, 0), (0, 0, 2), (2, 0, 0), (-1, 0, 0), (0, 0, 0.5), "abc", 3, None]


@pytest.mark.parametrize("edge", BAD_EDGES, ids=str)
@pytest.mark.parametrize("action", ["snap", "suggest", "unsnap", "prune", "lock"])
def test_an_edge_that_is_not_there_is_named(article_start, action, edge):
    arguments = ("sin",) if action == "snap" else ()
    with pytest.raises(ParameterError, match=r"edge must be \(layer, output, input\) .* widths \(2, 1, 1\), got "):
        getattr(article_start, action)(edge, *arguments)


def test_edges_from_an_array_are_edges(article_start):
    assert article_start.lock(np.array([0, 0, 1])).locked == {(0, 0, 1)}


BAD_ACTIONS = {
    "unknown function": (lambda b: b.snap((0, 0, 0), "sinus"), r"function must be one of x, x\^2, .*, got 'sinus'"),
    "no function": (lambda b: b.snap((0, 0, 0), None), "function must be one of .*, got None"),
    "list of functions": (lambda b: b.snap((0, 0, 0), ["sin"]), r"function must be one of .*, got \['sin'\]"),
    "no workbench": (lambda b: b.compare(3), "others must be workbenches, got 3"),
    "no model": (
        lambda b: b.snap((0, 0, 0), "x").snap((0, 0, 1), "x").snap((1, 0, 0), "x").add_to("model"),
        "model must be a KANRegressor, got str",
    ),
    "pruned": (lambda b: b.prune((0, 0, 1)).snap((0, 0, 1), "x"), r"edge \(0, 0, 1\) must not be pruned"),
    "locked snap": (lambda b: b.lock((0, 0, 0)).snap((0, 0, 0), "x"), r"\(0, 0, 0\) must not be locked to be snapped"),
    "locked prune": (lambda b: b.lock((0, 0, 0)).prune((0, 0, 0)), "must not be locked to be pruned; unlock it first"),
    "locked pruning": (lambda b: b.lock((0, 0, 0)).prune(), r"edges must be named while some are locked, got none"),
    "not locked": (lambda b: b.unlock((0, 0, 0)), r"must be locked to be unlocked, but \(0, 0, 0\) is not"),
    "nothing locked": (lambda b: b.lock(), "edges must be named"),
    "spline": (lambda b: b.unsnap((0, 0, 0)), r"edge \(0, 0, 0\) must be symbolic to become a spline"),
    "cut off": (lambda b: b.prune((1, 0, 0)), "the output must keep a path to an input, but without"),
    "count": (lambda b: b.suggest((0, 0, 0), 0), "count must be an integer >= 1, got 0"),
    "iterations": (lambda b: b.refit(-1), "max_iterations must be an integer >= 0, got -1"),
    "sparsity": (lambda b: b.refit(sparsity=-1.0), "sparsity must be a number"),
    "floor": (lambda b: b.prune(floor=-1.0), "floor must be a number"),
    "columns": (lambda b: b.predict([[1.0]]), r"X must be a table of 2 columns, got shape \(1, 1\)"),
    "start": (lambda b: b.undo().undo().undo(), "there must be a step to undo, but this is the start"),
}


@pytest.mark.parametrize("name", BAD_ACTIONS)
def test_wrong_use_is_told_in_one_sentence(article_start, name):
    action, message = BAD_ACTIONS[name]
    with pytest.raises((ParameterError, DataError), match=message) as caught:
        action(article_start)
    assert "\n" not in str(caught.value)


def test_a_snap_that_leads_out_of_a_domain_is_refused():
    x = np.linspace(-1, 1, 61)
    network = KAN((1, 1, 1), dtype=torch.float64).with_edge_curve((0, 0, 0), x, x**4 + 0.05)
    network = network.snap((1, 0, 0), Library(["sqrt"])["sqrt"])
    bench = Workbench.from_network(network, x[:, None], np.sqrt(x**4 + 0.05))
    # The best parabola for the curve is negative in the middle.
    with pytest.raises(ParameterError, match=r"defined on every row, but with 'x\^2' on edge \(0, 0, 0\) it is not"):
        bench.snap((0, 0, 0), "x^2")


BAD_ROWS = {
    "NaN": ([[np.nan], [1.0]], [1.0, 2.0], "column 0 of X must hold finite numbers, got NaN in row 0"),
    "text": ([["a"], ["b"]], [1.0, 2.0], "column 0 of X must hold numbers"),
    "lengths": ([[1.0], [2.0]], [1.0], "X and y must have the same rows, got 2 and 1"),
    "constant": ([[1.0], [2.0]], [1.0, 1.0], "y must vary for a workbench"),
    "two targets": ([[1.0], [2.0]], [[1.0, 1.0], [2.0, 3.0]], "a workbench has one target"),
    "one dimension": ([1.0, 2.0], [1.0, 2.0], "X must be a table"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_rows_that_cannot_be_used_are_told(name):
    X, y, message = BAD_ROWS[name]
    with pytest.raises(DataError, match=message):
        Workbench.from_network(KAN((1, 1)), X, y)


def test_networks_that_do_not_fit_the_rows_are_told():
    with pytest.raises(ParameterError, match="as many inputs as X has columns, got 2 and 1"):
        Workbench.from_network(KAN((2, 1)), [[1.0], [2.0]], [1.0, 2.0])
    with pytest.raises(ParameterError, match="network must have one output, got 2"):
        Workbench.from_network(KAN((1, 2)), [[1.0], [2.0]], [1.0, 2.0])
    with pytest.raises(ParameterError, match=r"network must be a kansym\.network\.KAN, got str"):
        Workbench.from_network("net", [[1.0], [2.0]], [1.0, 2.0])  # type: ignore[arg-type]
    twice = pd.DataFrame([[1.0, 2.0], [2.0, 3.0]], columns=["a", "a"])
    with pytest.raises(DataError, match="different names, got 'a' twice"):
        Workbench.from_network(KAN((2, 1)), twice, [1.0, 2.0])


def test_rows_off_the_domain_are_predicted_nan_with_a_warning():
    X = np.linspace(1, 2, 40)[:, None]
    bench = Workbench.from_network(KAN((1, 1)), X, np.log(X[:, 0])).refit(10).snap((0, 0, 0), "log").refit()
    with pytest.warns(FitWarning, match="the formula is not defined on 1 row"):
        assert np.isnan(bench.predict([[-1.0]])).all()
