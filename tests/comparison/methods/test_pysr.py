from __future__ import annotations

import ast
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sympy

from kansym.comparison.methods.base import OPERATORS, MissingMethod
from kansym.comparison.methods.pysr import PySR, _julia_is_here, _regressor


class StandIn:
    """Has the documented interface of PySRRegressor: keyword parameters, fit, equations_, sympy()."""

    calls: list[StandIn]

    def __init__(self, model_selection: str = "best", **parameters: Any) -> None:
        self.parameters = {"model_selection": model_selection, **parameters}
        type(self).calls.append(self)

    def fit(self, X, y, *, variable_names: Any = None) -> StandIn:
        assert X.shape == (len(y), len(variable_names))
        x0, x1 = sympy.symbols(variable_names) if len(variable_names) == 2 else (sympy.Symbol("x0"), 1)
        formulas = [sympy.Float(4.5), 2.5 * x0, x0 * x1 + 2.0]
        self.equations_ = pd.DataFrame(
            {
                "complexity": [1, 3, 5],
                "loss": [3.0, 1.0, 1e-30],
                "score": [0.0, 0.5, 30.0],
                "equation": [str(formula) for formula in formulas],
                "sympy_format": formulas,
            }
        )
        return self

    def sympy(self, index: int | None = None) -> sympy.Expr:
        position: Any = self.equations_["score"].idxmax() if index is None else index
        return self.equations_.loc[position, "sympy_format"]


@pytest.fixture
def stand_in(monkeypatch) -> type[StandIn]:
    """Put modules in the place of pysr and what it needs."""
    StandIn.calls = []
    for name in ("pysr", "juliacall", "juliapkg"):
        module: Any = types.ModuleType(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules["pysr"].PySRRegressor = StandIn  # pyright: ignore[reportAttributeAccessIssue]
    return StandIn


@pytest.fixture
def no_julia(monkeypatch, tmp_path) -> Path:
    """Hide every Julia that this machine may have; the folder that is left to look at is returned."""
    for variable in ("PYTHON_JULIACALL_EXE", "PYTHON_JULIAPKG_EXE", "PYTHON_JULIACALL_THREADS", "OMP_NUM_THREADS"):
        # Set first, so that whatever a test sets is undone afterwards.
        monkeypatch.setenv(variable, "")
        monkeypatch.delenv(variable)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYTHON_JULIAPKG_PROJECT", str(tmp_path))
    return tmp_path


def test_the_answer_is_what_pysr_selects_and_its_whole_front(stand_in, product):
    answer = PySR().fit(product)
    x0, x1 = product.variables
    assert x0.is_real
    assert answer.expression == x0 * x1 + 2.0
    assert answer.front == (4.5, 2.5 * x0, x0 * x1 + 2.0)


def test_the_task_becomes_parameters(stand_in, product, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    task = replace(product, operators=("add", "div", "sqrt", "asin"), time_limit=7.5, seed=3)
    PySR().fit(task)
    (call,) = stand_in.calls
    expected = {
        "model_selection": "best",
        "binary_operators": ["+", "/"],
        "unary_operators": ["sqrt", "asin"],
        "constraints": None,
        "timeout_in_seconds": 7.5,
        "precision": 64,
        "parallelism": "serial",
        "deterministic": True,
        "random_state": 3,
        "verbosity": 0,
        "progress": False,
        "temp_equation_file": True,
        "tempdir": str(tmp_path),
    }
    assert {name: call.parameters[name] for name in expected} == expected
    assert call.parameters["niterations"] >= 10**6
    # PySR refuses a folder for the equations beside a temporary file for them.
    assert "output_directory" not in call.parameters


def test_threads_exclude_determinism(stand_in, product):
    PySR().fit(replace(product, threads=2))
    (call,) = stand_in.calls
    expected = {"parallelism": "multithreading", "deterministic": False, "random_state": None}
    assert {name: call.parameters[name] for name in expected} == expected


def test_powers_have_simple_exponents(stand_in, product):
    PySR().fit(replace(product, operators=("mul", "pow")))
    assert stand_in.calls[0].parameters["binary_operators"] == ["*", "^"]
    assert stand_in.calls[0].parameters["constraints"] == {"^": (-1, 1)}


def test_every_operator_is_passed_on_once(stand_in, product):
    parameters = _regressor(replace(product, operators=OPERATORS), niterations=1).parameters
    assert len([*parameters["binary_operators"], *parameters["unary_operators"]]) == len(OPERATORS)


def test_warming_up_fits_once_with_the_operators_and_threads_of_the_run(stand_in, product):
    PySR().warm_up(replace(product, operators=("add", "sin"), threads=2))
    (call,) = stand_in.calls
    assert call.parameters["niterations"] == 1
    assert call.parameters["parallelism"] == "multithreading"
    assert (call.parameters["binary_operators"], call.parameters["unary_operators"]) == (["+"], ["sin"])


def test_loading_sets_the_threads_of_julia(stand_in, no_julia, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    PySR().load()
    assert os.environ["PYTHON_JULIACALL_THREADS"] == "2"
    monkeypatch.setenv("PYTHON_JULIACALL_THREADS", "1")
    PySR().load()
    assert os.environ["PYTHON_JULIACALL_THREADS"] == "1"


def test_a_julia_that_does_not_start_is_a_missing_method(stand_in, no_julia, monkeypatch):
    imported = importlib.import_module

    def fail(name):
        if name == "pysr":
            raise RuntimeError("could not resolve General registry")
        return imported(name)

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(MissingMethod, match=r"PySR cannot start Julia: could not resolve .*; pip install "):
        PySR().load()


def test_a_search_that_fails_is_no_missing_method(stand_in, no_julia, monkeypatch, product):
    def fail(self, *arguments, **keywords):
        raise RuntimeError("MethodError: no method matching")

    monkeypatch.setattr(stand_in, "fit", fail)
    PySR().load()
    with pytest.raises(RuntimeError, match="no method matching"):
        PySR().warm_up(product)


def test_without_julia_it_is_missing_though_installed(stand_in, no_julia):
    assert PySR().missing() == ('Julia, which PySR needs, is not installed; python -c "import pysr" downloads it, once')


def test_julia_is_found_where_pysr_would_find_it(stand_in, no_julia, monkeypatch):
    assert not _julia_is_here()
    note = no_julia / "pyjuliapkg" / "meta.json"
    note.parent.mkdir()
    note.write_text("{}")
    assert PySR().missing() is None
    note.unlink()
    julia = no_julia / "julia"
    julia.write_text("#!/bin/sh\n")
    julia.chmod(0o755)
    assert PySR().missing() is None
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", str(no_julia / "not-there"))
    assert not _julia_is_here()
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", str(julia))
    assert _julia_is_here()


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"CONDA_PREFIX": "{here}/conda"}, "conda/julia_env"),
        ({"JULIA_DEPOT_PATH": "{here}/depot" + os.pathsep + "/elsewhere"}, "depot/environments/pyjuliapkg"),
        ({"HOME": "{here}", "USERPROFILE": "{here}"}, ".julia/environments/pyjuliapkg"),
    ],
)
def test_julia_is_found_in_the_folders_of_juliapkg(environment, folder, no_julia, monkeypatch):
    for variable in ("PYTHON_JULIAPKG_PROJECT", "CONDA_PREFIX", "JULIA_DEPOT_PATH"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value.format(here=no_julia))
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)  # as if in no virtual environment
    assert not _julia_is_here()
    note = no_julia / folder / "pyjuliapkg" / "meta.json"
    note.parent.mkdir(parents=True)
    note.write_text("{}")
    assert _julia_is_here()


def documented_parameters() -> set[str]:
    """Read the parameters of PySRRegressor off the installed source, without importing it."""
    spec = importlib.util.find_spec("pysr")
    if spec is None or spec.origin is None:
        pytest.skip("pysr is not installed")
    tree = ast.parse((Path(spec.origin).parent / "sr.py").read_text(encoding="utf-8"))
    regressor = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "PySRRegressor")
    methods = {node.name: node.args for node in regressor.body if isinstance(node, ast.FunctionDef)}
    assert "variable_names" in {argument.arg for argument in methods["fit"].kwonlyargs}
    assert "sympy" in methods
    arguments = methods["__init__"]
    return {argument.arg for argument in [*arguments.args, *arguments.kwonlyargs]} - {"self"}


def passed_parameters() -> set[str]:
    """Read the keywords off the call in the adapter."""
    tree = ast.parse(inspect.getsource(_regressor))
    (call,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "PySRRegressor"
    )
    return {keyword.arg for keyword in call.keywords if keyword.arg is not None}


def test_every_parameter_exists_in_the_installed_pysr():
    # PySR takes unknown keywords and only warns of some, so a misspelt one would be lost in silence.
    documented = documented_parameters()
    assert len(documented) > 50
    assert passed_parameters() <= documented
    assert "pysr" not in sys.modules


def test_the_keywords_of_the_adapter_are_those_that_are_passed(stand_in, product):
    assert set(_regressor(product, niterations=1).parameters) == passed_parameters()


@pytest.mark.pysr
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(PySR().missing() is not None, reason=str(PySR().missing()))
def test_the_real_pysr_finds_a_product(product, evaluate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    method = PySR()
    method.load()
    method.warm_up(product)
    answer = method.fit(replace(product, time_limit=10.0))
    assert answer.expression in answer.front
    np.testing.assert_allclose(evaluate(answer.expression, product), product.y, rtol=1e-6)
    assert list(tmp_path.iterdir()) == []
