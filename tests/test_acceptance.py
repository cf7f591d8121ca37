"""The acceptance list A1 to A17: one test for each entry, or the name of the test that holds it.

Users of such tools have met each of these; what is tested in full elsewhere is only pointed to from here, and the
pointers are checked.
"""

import ast
import os
import pickle
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import sympy
from sklearn.base import clone

from kansym import KANRegressor, default_library

TESTS = Path(__file__).parent

HELD_BY = {
    "A1": [
        "test_regressor.py::test_predict_is_the_printed_formula",
        "test_regressor.py::test_the_symbolic_network_is_the_selected_formula",
        "symbolic/test_expression.py",
        "test_acceptance.py::test_A1_predict_is_the_formula",
    ],
    "A2": [
        "test_regressor.py::test_predict_changes_nothing",
        "test_acceptance.py::test_A2_no_question_changes_the_model",
    ],
    "A3": [
        "test_regressor.py::test_clone_and_pickle",
        "test_persistence.py::test_a_loaded_model_works_in_a_fresh_process",
        "test_acceptance.py::test_A3_the_same_front_in_a_fresh_process",
    ],
    "A4": ["test_regressor.py::test_scikit_learn_estimator_checks"],
    "A5": [
        "test_regressor.py::test_nothing_global_is_touched",
        "test_regressor.py::test_importing_kansym_loads_neither_torch_nor_sympy",
        "test_acceptance.py::test_A5_no_thread_is_left",
    ],
    "A6": [
        "test_regressor.py::test_same_seed_same_front_for_any_number_of_jobs",
        "test_regressor.py::test_noisy_fits_repeat_themselves",
    ],
    "A7": [
        "test_regressor.py::test_awkward_data_give_finite_predictions",
        "test_bad_input.py::test_awkward_data_give_the_formula_that_predict_evaluates",
        "test_acceptance.py::test_A7_awkward_data",
    ],
    "A8": [
        "discovery/test_deadline.py::test_a_step_that_hangs_costs_neither_the_limit_nor_what_was_found",
        "discovery/test_deadline.py::test_simplification_that_would_run_for_ever_ends",
        "discovery/test_deadline.py::test_networks_that_take_too_long_are_done_without",
        "discovery/test_deadline.py::test_no_decomposition_in_one_piece_is_wider_than_a_part_of_the_rows",
        "discovery/test_classes.py::test_the_rounds_of_the_joint_fit_end_with_the_time",
        "symbolic/test_read_once_laws.py::test_trees_of_many_columns_are_not_even_counted",
    ],
    "A9": ["test_acceptance.py::test_A9_many_rows_are_not_copied_again_and_again"],
    "A10": ["test_regressor.py::test_twenty_noise_columns_are_not_used"],
    "A11": [
        "test_regressor.py::test_an_interrupt_keeps_what_was_found",
        "test_cli.py::test_ctrl_c_ends_the_search_and_keeps_what_was_found",
        "discovery/test_deadline.py::test_an_interrupt_anywhere_keeps_what_was_found",
        "discovery/test_deadline.py::test_a_second_interrupt_ends_at_once",
        "discovery/test_interrupts.py::test_a_second_one_ends_all_searches_at_once",
        "discovery/test_interrupts.py::test_one_while_numbers_get_their_units_back_keeps_what_was_found",
        "discovery/test_classes.py::test_an_interrupt_anywhere_keeps_what_was_found_and_a_second_one_ends_at_once",
        "test_cli.py::test_ctrl_c_while_other_processes_start_reaches_ours_alone",
        "test_notebook.py::test_the_stop_button_keeps_what_was_found",
    ],
    "A12": ["test_acceptance.py::test_A12_r2_of_a_snap_does_not_depend_on_the_unit"],
    "A13": [
        "test_regressor.py::test_any_column_name_survives",
        "test_cli.py::test_hostile_names",
        "test_tables.py::test_names_are_never_altered",
    ],
    "A14": [
        "test_regressor.py::test_kinds_of_tables",
        "test_bad_input.py::test_awkward_data_give_the_formula_that_predict_evaluates",
    ],
    "A15": [
        "test_regressor.py::test_the_article_example_is_exact_for_any_hidden_width",
        "test_regressor.py::test_simple_laws_are_recovered_exactly",
        "test_acceptance.py::test_A15_recovery_does_not_depend_on_the_seed",
    ],
    "A16": ["test_bad_input.py::test_bad_data_cost_one_clear_sentence", "test_tables.py::test_bad_selections"],
    "A17": [
        "test_library.py::test_numpy_and_torch_forms_agree",
        "test_library.py::test_sympy_form_agrees",
        "test_acceptance.py::test_A17_forms_agree_at_the_edge_of_the_domain",
    ],
}


def test_every_entry_has_its_tests():
    assert list(HELD_BY) == [f"A{number}" for number in range(1, 18)]
    for places in HELD_BY.values():
        for place in places:
            file, _, name = place.partition("::")
            tree = ast.parse((TESTS / file).read_text("utf-8"))
            names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert not name or name in names, place


SCALED = {
    "products": (lambda a, b, c: a * b * c, (1.0, 2.0)),
    "large inputs": (lambda a, b, c: a / 1e9 + b * b / 1e18, (1e9, 3e9)),
    "offsets far from zero": (lambda a, b, c: np.log(a - 999.0) * b, (1000.0, 1001.0)),
    "no law at all": (lambda a, b, c: np.random.default_rng(7).normal(size=len(a)), (-1.0, 1.0)),
    "several outputs": (lambda a, b, c: np.column_stack([a * b, np.exp(-c), a + 1e-6 * b]), (0.5, 1.5)),
}


@pytest.mark.parametrize("case", SCALED)
def test_A1_predict_is_the_formula(case):
    law, (low, high) = SCALED[case]
    X = np.random.default_rng(0).uniform(low, high, (60, 3))
    y = law(*X.T)
    model = KANRegressor(max_steps=30, random_state=0).fit(X, y)
    new = np.random.default_rng(1).uniform(low, high, (40, 3))
    predicted = model.predict(new).reshape(len(new), -1)
    expressions = model.sympy() if isinstance(model.sympy(), list) else [model.sympy()]
    symbols = sympy.symbols("x0:3", real=True)
    for column, expression in zip(predicted.T, expressions, strict=True):
        values = sympy.lambdify(symbols, expression, "mpmath")
        exact = [float(values(*row)) for row in new.tolist()]
        np.testing.assert_allclose(column, exact, rtol=1e-6, atol=1e-9 * np.abs(y).max())


def test_A2_no_question_changes_the_model():
    X = np.random.default_rng(0).uniform(1, 2, (50, 2))
    model = KANRegressor(max_steps=15, random_state=0).fit(X, X[:, 0] / X[:, 1])
    before = pickle.dumps(vars(model))
    for _ in range(2):
        for question in (model.sympy, model.latex, model.get_best, model.selected, model.get_params):
            question()
        for question in (model.predict, model.predict_network, lambda X: model.score(X, X[:, 0])):
            question(X)
        assert repr(clone(model)) == repr(model)
        assert len(model.equations_) > 0
    assert pickle.dumps(vars(model)) == before


def in_a_fresh_process(code, **variables):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **variables}
    return subprocess.run(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment, check=True
    ).stdout


FRESH = """
import numpy as np
from kansym import KANRegressor
X = np.random.default_rng(0).uniform(1, 2, (60, 2))
y = X[:, 0] * np.exp(X[:, 1]) + 0.1 * np.random.default_rng(1).normal(size=60)
for row in KANRegressor(max_steps=40, random_state=3).fit(X, y).equations_.itertuples():
    print(row.complexity, row.loss.hex(), row.sympy_format)
"""


def test_A3_the_same_front_in_a_fresh_process(capsys):
    """Under other seeds of Python's hashes: no result hangs on the order of a set."""
    exec(compile(FRESH, "<here>", "exec"), {})
    here = capsys.readouterr().out
    for seed in ("0", "4711"):
        assert in_a_fresh_process(FRESH, PYTHONHASHSEED=seed) == here


def test_A5_no_thread_is_left():
    X = np.random.default_rng(0).uniform(1, 2, (40, 2))
    KANRegressor(time_limit=0.5, random_state=0).fit(X, X[:, 0])  # what starts once for the whole process
    before = {thread.ident for thread in threading.enumerate()}
    KANRegressor(time_limit=0.5, random_state=0).fit(X, np.sin(9 * X[:, 0]) + X[:, 1])
    assert {thread.ident for thread in threading.enumerate()} == before


@pytest.mark.parametrize("n_rows", [1, 2, 5, 20])
@pytest.mark.parametrize("scale", [1e9, 1e-9])
def test_A7_awkward_data(n_rows, scale):
    X = 1e9 + np.arange(n_rows, dtype=float)[:, None]
    y = scale * np.arange(n_rows, dtype=float)
    model = KANRegressor(max_steps=10, random_state=0).fit(X, y)
    predicted = model.predict(X)
    assert np.isfinite(predicted).all()
    if n_rows > 2:  # two points are no line yet: their mean says as much in fewer words
        np.testing.assert_allclose(predicted, y, rtol=1e-6, atol=1e-6 * scale * n_rows)


@pytest.mark.slow
def test_A9_many_rows_are_not_copied_again_and_again():
    """A million rows: what the search takes beside the data, in a process of its own."""
    code = """
import resource, numpy as np
from kansym import KANRegressor
X = np.random.default_rng(0).uniform(1, 2, (10**6, 5))
y = X[:, 0] / X[:, 1] + 0.01 * np.random.default_rng(1).normal(size=10**6)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
KANRegressor(max_steps=20, random_state=0).fit(X, y)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
    assert float(in_a_fresh_process(code)) < 2000


@pytest.mark.parametrize("unit", [1e-6, 1e-3, 1e3, 1e6])
def test_A12_r2_of_a_snap_does_not_depend_on_the_unit(unit):
    from kansym.symbolic.snapping import snap_curve

    x = np.linspace(-1, 1, 200)
    y = np.exp(1.3 * x) + 0.05 * np.sin(9 * x)
    plain, scaled = snap_curve(x, y), snap_curve(x, unit * y)
    before, after = ({snap.function.name: snap.r2 for snap in snaps} for snaps in (plain, scaled))
    assert scaled[0].function is plain[0].function
    assert after == pytest.approx(before, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("law", "low", "high"),
    [
        (lambda a, b: np.exp(np.sin(np.pi * a) + b * b), -1, 1),
        (lambda a, b: a * b, -1, 1),
        (lambda a, b: a / b, 1, 2),
        (lambda a, b: (a - 1) ** 2, -1, 1),
    ],
    ids=["the article's", "x*y", "x/y", "(x-1)^2"],
)
def test_A15_recovery_does_not_depend_on_the_seed(law, low, high, seed):
    X = np.random.default_rng(100 + seed).uniform(low, high, (300, 2))
    model = KANRegressor(random_state=seed).fit(X, law(*X.T))
    wide = np.random.default_rng(200 + seed).uniform(low, high + 0.2 * (high - low), (200, 2))
    np.testing.assert_allclose(model.predict(wide), law(*wide.T), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("function", default_library(), ids=lambda function: function.name)
def test_A17_forms_agree_at_the_edge_of_the_domain(function):
    """numpy, torch and sympy within 1e-12 of the ends and poles of the domain, and far out; no warning from any."""
    import torch

    from kansym.symbolic.evaluation import compile_expression

    domain = function.domain
    places = (domain.low, domain.high, domain.pole, 0.0, 1.0, -1.0)
    ends = [end for end in places if end is not None and np.isfinite(end)]
    near = [end + sign * step for end in ends for sign in (-1, 1) for step in (0.0, 1e-300, 1e-12, 1e-8, 1e-3)]
    far = [sign * 10.0**power for sign in (-1, 1) for power in (-150, -8, 2, 8, 150)]
    points = np.array([*near, *far, -np.inf, np.inf, np.nan])  # the last three are in no domain
    points = points[domain.contains(points)]
    exponents = (1.7,) if function.has_exponent else ()
    values = function.numpy(points, *exponents)
    with_torch = function.value(torch, torch.from_numpy(points), *exponents).numpy()
    symbol = sympy.Symbol("u", real=True)
    expression = function.expression(symbol, *(sympy.Float(exponent) for exponent in exponents))
    compiled = compile_expression(expression, (symbol,))(points[:, None])
    for other in (with_torch, compiled):
        np.testing.assert_array_equal(np.isnan(other), np.isnan(values))
        np.testing.assert_allclose(other, values, rtol=1e-10, atol=1e-300)


def test_the_numbers_of_this_file_are_those_of_the_list():
    text = Path(__file__).read_text("utf-8")
    assert {int(number) for number in re.findall(r"def test_A(\d+)_", text)} <= set(range(1, 18))
