from __future__ import annotations

import importlib
import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import sympy

from kansym.comparison.methods.base import OPERATORS, Task
from kansym.comparison.methods.gplearn import Gplearn, _regressor, read_program
from kansym.symbolic.parsing import expression_text, parse_expression

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("gplearn") is None, reason="gplearn is not installed"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def near_zero() -> Task:
    """Return rows on both sides of every protection: columns of size 1, 0.01 and 0.001."""
    X = np.random.default_rng(0).normal(size=(200, 3)) * np.array([1.0, 0.01, 0.001])
    X[0] = 0.0
    return Task(X, X[:, 0] * X[:, 1], time_limit=2.0, seed=0, operators=OPERATORS)


@pytest.fixture(scope="module")
def functions(near_zero) -> dict[str, Any]:
    """Return gplearn's function objects by name, our additions among them."""
    own = importlib.import_module("gplearn.functions")._function_map
    added = [function for function in _regressor(near_zero, 1.0).function_set if not isinstance(function, str)]
    return {**own, **{function.name: function for function in added}}


def execute(program: list[Any], X: Any) -> Any:
    """Run a program in gplearn's own interpreter."""
    interpreter = importlib.import_module("gplearn._program")._Program
    runner = interpreter.__new__(interpreter)
    runner.program = program
    with np.errstate(all="ignore"):
        return np.asarray(runner.execute(X), dtype=float)


@pytest.mark.parametrize("name", OPERATORS)
def test_every_function_means_what_gplearn_computes(name, functions, near_zero, evaluate):
    function = functions[name]
    program = [function, *(2, 1)[: function.arity]] if name != "pow" else [function, functions["abs"], 0, 0.5]
    ours = evaluate(read_program(program, near_zero.variables), near_zero)
    np.testing.assert_allclose(ours, execute(program, near_zero.X), rtol=1e-12)


NESTED = {
    "quotient of quotients": ["div", "div", 0, 1, "div", 1, 2],
    "logarithm of a logarithm": ["log", "log", 1],
    "logarithm of a quotient": ["log", "div", 1, 2],
    "division by a logarithm": ["div", 0, "log", 2],
    "division by what may be zero": ["div", 0, "sub", 1, 1],
    "division by a small constant": ["div", 0, 0.0005],
    "division by a large constant": ["div", 0, 0.5],
    "root of a protected difference": ["sqrt", "sub", "div", 0, 2, "log", 1],
    "three levels": ["div", "log", "div", 0, 2, "log", "sub", "div", 1, 2, "log", 2],
    "a constant beyond the domain": ["div", 0, "asin", 2.5],
    "size of an exponential": ["abs", "exp", "log", 1],
    "a single column": [2],
    "a single constant": [0.25],
}


@pytest.mark.parametrize("names", NESTED.values(), ids=NESTED)
def test_nested_protection_is_translated_faithfully(names, functions, near_zero, evaluate):
    program = [functions[node] if isinstance(node, str) else node for node in names]
    formula = read_program(program, near_zero.variables)
    np.testing.assert_allclose(evaluate(formula, near_zero), execute(program, near_zero.X), rtol=1e-9)
    assert parse_expression(expression_text(formula), near_zero.variables) == formula


def test_a_quotient_reads_as_what_it_is(functions, near_zero):
    x0, x1, _ = near_zero.variables
    quotient = read_program([functions["div"], 0, 1], near_zero.variables)
    assert quotient == sympy.Piecewise((x0 / x1, sympy.Abs(x1) > 0.001), (1, True))
    assert read_program([functions["div"], 0, 2.0], near_zero.variables) == x0 / 2.0


def test_random_programs_are_translated_faithfully(near_zero, evaluate):
    model = _regressor(replace(near_zero, seed=5), spread=1.0).set_params(population_size=300, tournament_size=5)
    with np.errstate(all="ignore"):
        model.fit(near_zero.X, near_zero.y)
    programs = [program for program in model._programs[-1] if np.isfinite(program.raw_fitness_)]
    assert len(programs) > 100
    different = []
    for program in programs:
        ours = evaluate(read_program(program.program, near_zero.variables), near_zero)
        if not np.allclose(ours, execute(program.program, near_zero.X), rtol=1e-6, atol=1e-9):
            different.append(str(program))
    # Rounding errors are all that there is to the tangent of 1e12, which one program in a few hundred holds.
    assert len(different) <= 0.02 * len(programs), different


def test_the_formula_is_the_prediction_of_the_last_generation(product, evaluate):
    method = Gplearn()
    method.load()
    task = replace(product, y=np.exp(product.X[:, 0]) / product.X[:, 1] * 1e9)
    model, best, scale = method.search(task)
    assert scale == 1e10
    formula = read_program(model._program.program, task.variables)
    np.testing.assert_allclose(evaluate(formula, task), model.predict(task.X), rtol=1e-9)
    errors = [program.raw_fitness_ for program in best]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] <= model._program.raw_fitness_


def test_generations_go_on_until_the_time_is_used_up(product):
    # Noise cannot be fitted, so the search ends for want of time only.
    task = replace(product, y=np.random.default_rng(1).normal(size=len(product.y)), time_limit=15.0)
    model, _, _ = Gplearn().search(task)
    assert model.generations > 1


def test_a_solved_problem_ends_early_and_repeats(product):
    task = replace(product, y=product.X[:, 0] * product.X[:, 1] * 1e-6, time_limit=60.0)
    first, second = Gplearn().fit(task), Gplearn().fit(task)
    x0, x1 = task.variables
    assert first.expression == sympy.Float(1e-6) * x0 * x1
    assert first.expression in first.front
    assert first == second or (first.expression, first.front) == (second.expression, second.front)
