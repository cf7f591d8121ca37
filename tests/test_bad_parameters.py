"""Every parameter of every constructor against values that no one means: one sentence, short, of the right kind."""

import inspect
from typing import Any

import numpy as np
import pytest
import torch

from kansym import KANClassifier, KANRegressor, Library, SymbolicFunction
from kansym.errors import ParameterError
from kansym.network import KAN, KANLayer

X = np.random.default_rng(0).uniform(1, 2, (30, 2))
LABELS = (X[:, 0] > 1.5).astype(int)
NONSENSE = {
    "an object": object(),
    "bytes": b"x",
    "an array": np.array([2.5, 1.5]),
    "a long text": "x" * 10_000,
    "text of several lines": "a\nb",
    "a complex number": 1j,
    "a dictionary": {"a": [1] * 1000},
}
SQUARE = {
    "name": "square",
    "value": lambda xp, x: x * x,
    "slope": lambda xp, x: 2 * x,
    "expression": lambda x: x**2,
}
MAKERS = {
    KANRegressor: lambda **given: KANRegressor(**{"max_steps": 1, **given}).fit(X, X[:, 0]),
    KANClassifier: lambda **given: KANClassifier(**{"max_steps": 1, **given}).fit(X, LABELS),
    KAN: lambda **given: KAN(**{"widths": (2, 1), **given}),
    KANLayer: lambda **given: KANLayer(**{"in_features": 2, "out_features": 1, **given}),
    Library: lambda **given: Library(**{"functions": ["x"], **given}),
    SymbolicFunction: lambda **given: SymbolicFunction(**{**SQUARE, **given}),
}
CASES = [
    (kind, name) for kind in MAKERS for name in inspect.signature(kind).parameters if name not in ("options", "name")
]


@pytest.mark.parametrize(("kind", "name"), CASES, ids=[f"{kind.__name__}-{name}" for kind, name in CASES])
def test_nonsense_costs_one_short_sentence(kind, name):
    for value in NONSENSE.values():
        if name == "class_weight" and isinstance(value, dict):
            continue  # weights of classes
        with pytest.raises(ParameterError) as caught:
            MAKERS[kind](**{name: value})
        message = str(caught.value)
        assert "\n" not in message
        assert len(message) < 350, message


WRONG = [
    (KAN, {"widths": 3}, r"widths must be numbers of nodes, such as \(2, 5, 1\), got 3"),
    (KAN, {"widths": "251"}, "widths must be numbers of nodes, .* got '251'"),
    (KAN, {"widths": (2, True)}, "widths must be an integer >= 1, got True"),
    (KAN, {"product_nodes": 1}, "product_nodes must be one count a layer, got 1"),
    (KAN, {"generator": 0}, "generator must be a torch.Generator or None, got 0"),
    (KAN, {"dtype": torch.int64}, "dtype must be a floating torch.dtype or None, got torch.int64"),
    (KAN, {"device": "tpu"}, "device must be one that torch finds, or None, got 'tpu'"),
    (KANLayer, {"grid_range": (1, float("nan"))}, r"grid_range must be \(low, high\) with low < high, got \(1, nan\)"),
    (KANLayer, {"grid_range": (0, 1, 2)}, "grid_range must be"),
    (KANLayer, {"in_features": 10**30}, "a layer must have at most 68,719,476,736 coefficients"),
    (KANLayer, {"normalise": 1}, "normalise must be a bool, got 1"),
    (SymbolicFunction, {"name": ""}, "name of a function must be a text that is not empty, got ''"),
    (SymbolicFunction, {"slope": None}, "slope of 'square' must be callable, got None"),
    (SymbolicFunction, {"domain": (0, 1)}, r"domain of 'square' must be a Domain, got \(0, 1\)"),
    (SymbolicFunction, {"complexity": -1}, "complexity of 'square' must be an integer >= 0, got -1"),
    (SymbolicFunction, {"has_exponent": 1}, "has_exponent of 'square' must be a bool, got 1"),
]


@pytest.mark.parametrize(("kind", "given", "message"), WRONG, ids=[f"{k.__name__}-{g}"[:40] for k, g, _ in WRONG])
def test_wrong_values_are_named(kind, given, message):
    with pytest.raises(ParameterError, match=message):
        MAKERS[kind](**given)


@pytest.mark.parametrize(
    ("part", "broken"),
    [
        ("value", lambda xp, x: x / 0),
        ("value", lambda xp: xp),
        ("slope", lambda xp, x: x.no_such_thing),
        ("expression", lambda x: [][0]),
        ("value", lambda xp, x: {}["a\nkey " + "x" * 1000]),
    ],
)
def test_a_function_that_raises_is_named_with_its_error(part, broken):
    with pytest.raises(ParameterError, match=r"'square' must be (computable|finite) on its domain, got") as caught:
        Library([SymbolicFunction(**{**SQUARE, part: broken})])
    assert len(str(caught.value)) < 3000
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [KANRegressor, KANClassifier])
@pytest.mark.parametrize("name", ["on_progress", "on_improvement"])
def test_what_is_called_must_be_callable(kind, name):
    wrong: dict[str, Any] = {name: 3}
    with pytest.raises(ParameterError, match=f"{name} must be a function or None, got 3"):
        kind(max_steps=1).fit(X, X[:, 0], **wrong)


def test_a_long_entry_is_cut_in_the_message():
    with pytest.raises(ValueError, match="sample_weight must hold numbers") as caught:
        KANRegressor(max_steps=1).fit(X, X[:, 0], sample_weight="x" * 10_000)
    assert len(str(caught.value)) < 600
