from __future__ import annotations

import importlib
import importlib.util
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kansym.comparison.methods.base import OPERATORS
from kansym.comparison.methods.operon import _SYMBOLS, Operon, read_tree

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("pyoperon") is None, reason="pyoperon is not installed"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture
def operon() -> Any:
    return importlib.import_module("pyoperon")


def rows(operon, X):
    """Return operon's data set and the hashes of its columns."""
    dataset = operon.Dataset(np.asfortranarray(X))
    return dataset, [variable.Hash for variable in sorted(dataset.Variables, key=lambda variable: variable.Index)]


@pytest.mark.parametrize("symbol", _SYMBOLS)
def test_every_node_means_what_operon_computes(symbol, operon, product, evaluate):
    task = replace(product, X=(product.X - 0.9) / 2.2)
    dataset, hashes = rows(operon, task.X)

    def variable(column, factor):
        node = operon.Node(operon.NodeType.Variable)
        node.HashValue, node.Value = hashes[column], factor
        return node

    function = operon.Node(getattr(operon.NodeType, symbol.capitalize()))
    children = [variable(1, 0.5), variable(0, 0.75)][-function.Arity :]
    tree = operon.Tree([*children, function]).UpdateNodes()
    dispatch = operon.DispatchTable()
    theirs = operon.Evaluate(dispatch, tree, dataset, operon.Range(0, dataset.Rows))
    ours = read_tree(tree.Nodes, dict(zip(hashes, task.variables, strict=True)))
    np.testing.assert_allclose(evaluate(ours, task), theirs, rtol=1e-6, atol=1e-6)


def test_zeros_and_ones_leave_no_trace(operon, product):
    _, hashes = rows(operon, product.X)
    x0 = operon.Node(operon.NodeType.Variable)
    x0.HashValue, x0.Value = hashes[0], 1.0
    nodes = [operon.Node.Constant(0.0), operon.Node.Constant(1.0), x0, operon.Node.Mul(), operon.Node.Add()]
    tree = operon.Tree(nodes).UpdateNodes()
    assert read_tree(tree.Nodes, dict(zip(hashes, product.variables, strict=True))) == product.variables[0]


def test_every_operator_has_a_symbol_but_the_cube():
    assert set(OPERATORS) - set(_SYMBOLS) == {"cube"}


def test_the_law_is_found_and_predicts_as_operon_does(product, evaluate):
    method = Operon()
    method.load()
    model, scale, best = method.search(product)
    assert scale == 1.0
    variables = dict(zip(model.variables_, product.variables, strict=True))
    for entry in model.pareto_front_:
        theirs = model.evaluate_model(entry["tree"], product.X)
        ours = evaluate(read_tree(entry["tree"].Nodes, variables), product)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6 * float(np.max(np.abs(theirs))))
    assert model.pareto_front_[best]["mean_squared_error"] < 1e-10


def test_the_simple_law_is_selected_under_noise_and_at_any_size(product, evaluate):
    law = product.y * 1e-20
    noise = 0.05 * np.sqrt(np.mean(law**2)) * np.random.default_rng(1).normal(size=len(law))
    answer = Operon().fit(replace(product, y=law + noise, seed=3))
    assert answer.expression in answer.front

    def error(formula, y):
        return float(np.sqrt(np.mean((evaluate(formula, product) - y) ** 2) / np.mean(law**2)))

    # The front goes on to longer formulas that fit the noise; the selected one comes before them.
    assert min(error(formula, law + noise) for formula in answer.front) < error(answer.expression, law + noise)
    assert error(answer.expression, law) < 0.02
