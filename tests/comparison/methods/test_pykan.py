from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import sympy
import torch

from kansym.comparison.methods.base import DEFAULT_OPERATORS, OPERATORS, Task
from kansym.comparison.methods.pykan import Pykan, _functions, _split

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("kan") is None, reason="pykan is not installed"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
def sine() -> Task:
    """Return a sine of a column far from [-1, 1], beside a column that never changes."""
    x = np.random.default_rng(0).uniform(100.0, 104.0, 120)
    X = np.column_stack((x, np.full(120, 7.0)))
    return Task(X, 50.0 + 20.0 * np.sin(x), time_limit=4.0, seed=0, operators=("add", "mul", "sin"))


class Kept(Pykan):
    """Remembers the network that the formula was taken from."""

    def search(self, task):
        self.kept = super().search(task)
        return self.kept


def test_the_formula_is_what_the_network_computes(sine, evaluate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    method = Kept()
    method.load()
    before = torch.get_rng_state().tolist(), torch.get_default_dtype()
    answer = method.fit(sine)
    assert (torch.get_rng_state().tolist(), torch.get_default_dtype()) == before
    assert list(tmp_path.iterdir()) == []
    assert answer.expression is not None
    network, centres, halves = method.kept
    inputs = torch.from_numpy((sine.X - centres) / halves)
    theirs = sine.y.mean() + sine.y.std() * network(inputs).detach().numpy().ravel()
    np.testing.assert_allclose(evaluate(answer.expression, sine), theirs, rtol=1e-6)
    assert answer.expression.atoms(sympy.Function)
    assert {function.func for function in answer.expression.atoms(sympy.Function)} <= {sympy.sin, sympy.cos}


def test_the_functions_are_those_of_kansym_as_far_as_pykan_has_them():
    task = Task(np.ones((2, 1)), np.ones(2), time_limit=1.0, seed=0)
    assert _functions(task)[:6] == ["x", "x^2", "x^3", "x^4", "1/x", "1/x^2"]
    assert task.operators == DEFAULT_OPERATORS
    everything = Task(np.ones((2, 1)), np.ones(2), time_limit=1.0, seed=0, operators=OPERATORS)
    known = importlib.import_module("kan.utils").SYMBOLIC_LIB
    assert set(_functions(everything)) <= set(known)
    # What it knows beyond these are higher powers and functions that no operator stands for.
    assert len(_functions(everything)) == 19


@pytest.mark.parametrize(("count", "held_back"), [(2, 1), (10, 2), (300, 60), (10_000, 100)])
def test_the_test_rows_are_cut_off_from_the_training_rows(count, held_back):
    train, test = _split(count, seed=3)
    assert len(test) == held_back
    assert sorted([*train, *test]) == list(range(count))
