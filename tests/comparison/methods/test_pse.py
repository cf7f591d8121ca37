from __future__ import annotations

import importlib
import importlib.util
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from kansym.comparison.methods.base import OPERATORS
from kansym.comparison.methods.pse import _OPERATORS, PSE
from kansym.symbolic.parsing import parse_expression

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("psrn") is None, reason="psrn is not installed"),
    pytest.mark.filterwarnings("ignore"),
]


def generator_state():
    _, keys, *place = np.random.get_state()  # noqa: NPY002
    return random.getstate(), np.asarray(keys).tolist(), place, torch.get_rng_state().tolist()


def test_every_operator_is_one_of_theirs():
    theirs = importlib.import_module("psrn.model.operators")
    for name in _OPERATORS.values():
        assert hasattr(theirs, f"{name}_op")
    assert set(OPERATORS) - set(_OPERATORS) == {"tan", "asin", "acos", "atan", "sinh"}


def test_the_law_is_found_and_predicts_as_psrn_does(product, evaluate, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    method = PSE()
    method.load()
    model, scale = method.search(product)
    assert scale == 1.0
    text = model.get_pf(sort_by="mse")[0][0]
    ours = evaluate(parse_expression(text, product.variables), product)
    np.testing.assert_allclose(ours, np.ravel(model.predict(product.X)), rtol=1e-6)
    np.testing.assert_allclose(ours, product.y, rtol=1e-5)
    assert list(tmp_path.iterdir()) == []


def test_the_answer_is_scaled_and_the_generators_are_left_alone(product, evaluate):
    # Seconds decide how far its genetic programming gets, so its answers do not repeat on a busy machine.
    task = replace(product, y=product.X[:, 0] * product.X[:, 1] * 1e-20, time_limit=20.0)
    before = generator_state()
    answer = PSE().fit(task)
    assert generator_state() == before
    assert answer.front[0] == answer.expression
    np.testing.assert_allclose(evaluate(answer.front[0], task), task.y, rtol=1e-5)


def test_it_ends_with_every_operator(product):
    task = replace(product, y=np.random.default_rng(1).normal(size=len(product.y)), operators=OPERATORS)
    answer = PSE().fit(task)
    assert answer.expression is not None
