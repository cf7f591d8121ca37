"""Every public function of networks against arguments that no one means: one sentence that says what was wanted."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from kansym.errors import KansymError
from kansym.network import (
    KAN,
    KANLayer,
    attribute,
    blank_network,
    join,
    load_quantised_state,
    prune,
    quantised_state,
    stack,
    train,
    train_on,
    train_restarts,
    train_schedule,
    widen_inputs,
)
from kansym.plots import plot_edge, plot_history

NET = KAN((2, 3, 1), generator=torch.Generator().manual_seed(0))
X = torch.linspace(-1, 1, 60).view(30, 2)
Y = X[:, :1]
ARRAY, TARGET = X.numpy(), Y.numpy()
EDGE = (0, 0, 0)
MODEL: Any = SimpleNamespace(network_=NET)
TENSOR = r"must be a tensor of shape \(n >= 1, 2\), got"
COLUMNS = r"x must be a tensor of shape \(\.\.\., 2\), got"
FUNCTION = "function must be a SymbolicFunction or one of x, x\\^2, .*, gaussian, got"
NETWORK = "network must be a KAN, got"
INDEX = r"index must be \(layer, output, input\) of an edge of widths \(2, 3, 1\), got"
PAIR = r"validation must be a pair of tensors \(X, y\), got"
CHOICE = "columns must be 2 different columns of 3, one for each input of the network, got"


def schedule(**given: Any) -> Any:
    return train_schedule(**{"networks": [NET], "X": X, "y": Y, "validation": (X, Y), **given})


def wrong(value: object) -> Any:
    """What the checker of types would refuse."""
    return value


CALLS = {
    "snap to an unknown name": (lambda: NET.snap(EDGE, "sinus"), f"{FUNCTION} 'sinus'"),
    "snap to None": (lambda: NET.snap(EDGE, wrong(None)), f"{FUNCTION} None"),
    "snap with text": (lambda: NET.snap(EDGE, "sin", wrong("a")), "a must be a finite number, got 'a'"),
    "snap with NaN": (lambda: NET.snap(EDGE, "sin", c=np.nan), "c must be a finite number, got nan"),
    "snap with an exponent": (lambda: NET.snap(EDGE, "sin", exponent=2), "exponent must be None for 'sin', got 2"),
    "an edge that is a number": (lambda: NET.edge_state(wrong(3)), f"{INDEX} 3"),
    "an edge of texts": (lambda: NET.prune_edge(wrong("000")), f"{INDEX} '000'"),
    "an edge of floats": (lambda: NET.edge_curve(wrong((0.0, 0, 0)), X), rf"{INDEX} \(0.0, 0, 0\)"),
    "an edge elsewhere": (lambda: NET.unsnap((1, 0, 3), X), rf"{INDEX} \(1, 0, 3\)"),
    "a curve of text": (lambda: NET.with_edge_curve(EDGE, wrong("a"), wrong("b")), "x and y of an edge curve must"),
    "a scale of text": (lambda: NET.with_scaling(0, "a", 0, 1), "input_scale must be finite and positive, .* got 'a'"),
    "fitted to too few targets": (lambda: NET.fitted_to(X, Y[:3]), "x and y must have equal .* rows, got 30 and 3"),
    "fitted to arrays": (lambda: NET.fitted_to(wrong(ARRAY), wrong(TARGET)), f"x {TENSOR} ndarray"),
    "evaluate an array": (lambda: NET.evaluate(wrong(ARRAY)), f"{COLUMNS} ndarray"),
    "evaluate other columns": (lambda: NET.evaluate(X[:, :1]), rf"{COLUMNS} \(30, 1\)"),
    "the gradient of an array": (lambda: NET.input_gradient(wrong(ARRAY)), r"x must be a tensor .* \(n, 2\), got nd"),
    "the gradient of a row": (lambda: NET.input_gradient(X[0]), r"x must be a tensor of shape \(n, 2\), got \(2,\)"),
    "a layer of another type": (lambda: NET.layer(0)(X.double()), "x must be of the layer's dtype torch.float32, got"),
    "a layer of whole numbers": (lambda: NET.layer(0)(X.long()), "x must be of the layer's dtype .* got torch.int64"),
    "a device that is not there": (lambda: KANLayer(2, 3, device="cuda:99"), "device must be one that torch finds"),
    "layers of two types": (
        lambda: KAN.from_layers([KANLayer(2, 3), KANLayer(3, 1).double()]),
        "layers must have one dtype, got torch.float32 and torch.float64",
    ),
    "a stack of two types": (lambda: stack([NET, NET.copy().double()]), "networks must have one dtype, got"),
    "standardise text": (lambda: NET.standardise(wrong("a")), f"{COLUMNS} 'a'"),
    "node values of text": (lambda: NET.node_values(wrong("a")), f"{COLUMNS} 'a'"),
    "grids of an array": (lambda: NET.update_grids(wrong(ARRAY)), f"x {TENSOR} ndarray"),
    "refine by text": (lambda: NET.refine(wrong("a"), X), "grid_size must be an integer >= 1, got 'a'"),
    "coarsen by a half": (lambda: NET.coarsen(wrong(0.5), X), "grid_size must be an integer >= 1, got 0.5"),
    "a layer too far": (lambda: NET.layer(9), "index must be that of one of 2 layers, got 9"),
    "a layer of text": (lambda: NET.layer(wrong("a")), "index must be that of one of 2 layers, got 'a'"),
    "several layers": (lambda: NET.layer(wrong(slice(2))), "index must be that of one of 2 layers, got slice"),
    "layers of numbers": (lambda: KAN.from_layers(wrong([1])), "each of layers must be a KANLayer, got 1"),
    "layers that do not fit": (
        lambda: KAN.from_layers([KANLayer(2, 3), KANLayer(4, 1)]),
        r"layers must each take what the one before gives, got \(in, out\) of \[\(2, 3\), \(4, 1\)\]",
    ),
    "train a number": (lambda: train(wrong(3), X, Y), f"{NETWORK} 3"),
    "train a model": (lambda: train(MODEL, X, Y), f"{NETWORK} SimpleNamespace; that of a fitted model is model"),
    "train on arrays": (lambda: train(NET, wrong(ARRAY), wrong(TARGET)), "X must be a tensor of shape .* got ndarray"),
    "train on too few targets": (lambda: train(NET, X, Y[:3]), "X and y must have equal numbers of rows, got 30 and 3"),
    "half a validation": (lambda: train(NET, X, Y, validation=wrong((X,))), f"{PAIR} 1 of them"),
    "no validation": (lambda: train(NET, X, Y, validation=wrong(3)), f"{PAIR} 3"),
    "other validation": (lambda: train(NET, X, Y, validation=(Y, Y)), r"X of validation must be .*got \(30, 1\)"),
    "weights in a list": (lambda: train(NET, X, Y, sample_weight=wrong([1])), "sample_weight must be a tensor"),
    "an order to stop": (lambda: train(NET, X, Y, should_stop=wrong(3)), "should_stop must be a function .* got 3"),
    "a fixed number": (lambda: train(NET, X, Y, fixed=wrong(3)), "fixed must be a collection of edges, got 3"),
    "fixed elsewhere": (lambda: train(NET, X, Y, fixed=[(5, 0, 0)]), rf"{INDEX} \(5, 0, 0\)"),
    "train a number on a device": (lambda: train_on("cpu", wrong(3), X, Y), f"{NETWORK} 3"),
    "train on a device on arrays": (lambda: train_on("cpu", NET, wrong(ARRAY), Y), "X must be a tensor .* got ndarray"),
    "restarts of one network": (lambda: train_restarts(wrong(NET), X, Y), "networks must be a sequence .* got KAN"),
    "restarts of numbers": (lambda: train_restarts(wrong([1]), X, Y), "each of networks must be a KAN, got 1"),
    "restarts of nothing": (lambda: train_restarts([], X, Y), "networks must hold at least one network, got none"),
    "restarts, half a validation": (lambda: train_restarts([NET], X, Y, validation=wrong((X,))), f"{PAIR} 1 of them"),
    "a schedule of numbers": (lambda: schedule(networks=3), "networks must be a sequence of KAN, got 3"),
    "a schedule on arrays": (lambda: schedule(X=ARRAY), f"X {TENSOR} ndarray"),
    "a schedule without validation": (lambda: schedule(validation=None), f"{PAIR} None"),
    "a schedule of one size": (lambda: schedule(grid_sizes=3), "grid_sizes must be integers, got 3"),
    "prune a number": (lambda: prune(wrong(3), X, Y), f"{NETWORK} 3"),
    "prune on arrays": (lambda: prune(NET, wrong(ARRAY), wrong(TARGET)), f"X {TENSOR} ndarray"),
    "prune on too few targets": (lambda: prune(NET, X, Y[:3]), "X and y must have equal numbers of rows, got 30 and 3"),
    "prune, half a validation": (lambda: prune(NET, X, Y, validation=wrong((X,))), f"{PAIR} 1 of them"),
    "attribute a number": (lambda: attribute(wrong(3), X), f"{NETWORK} 3"),
    "attribute arrays": (lambda: attribute(NET, wrong(ARRAY)), f"X {TENSOR} ndarray"),
    "stack numbers": (lambda: stack(wrong([1])), "each of networks must be a KAN, got 1"),
    "stack one network": (lambda: stack(wrong(NET)), "networks must be a sequence of KAN, got KAN"),
    "join numbers": (lambda: join(wrong([1]), [[0]], 3), "each of networks must be a KAN, got 1"),
    "join without columns": (lambda: join([NET, NET], [[0, 1]], 3), "columns must hold one .* of 2 networks, got 1"),
    "widen a number": (lambda: widen_inputs(wrong(3), [0], 3), f"{NETWORK} 3"),
    "columns too far": (lambda: widen_inputs(NET, [0, 5], 3), rf"{CHOICE} \[0, 5\]"),
    "columns too few": (lambda: widen_inputs(NET, [0], 3), rf"{CHOICE} \[0\]"),
    "a column twice": (lambda: widen_inputs(NET, [1, 1], 3), rf"{CHOICE} \[1, 1\]"),
    "a column before the first": (lambda: widen_inputs(NET, [0, -1], 3), "columns must be an integer >= 0, got -1"),
    "too narrow": (lambda: widen_inputs(NET, [0, 1], 1), "n_inputs must be an integer >= 2, got 1"),
    "a blank number": (lambda: blank_network(wrong(3), (0,)), "widths must be numbers of nodes, .* got 3"),
    "quantise a number": (lambda: quantised_state(wrong(3)), "module must be a Module, got 3"),
    "load a number": (lambda: load_quantised_state(NET, wrong(3)), "state must be a Mapping, got 3"),
    "the picture of a model": (lambda: plot_edge(MODEL, EDGE, ARRAY), f"{NETWORK} SimpleNamespace; that of a fitted"),
    "a picture on text": (lambda: plot_edge(NET, EDGE, wrong("a")), "X must be a table of numbers"),
    "the history of a model": (lambda: plot_history(MODEL), "training must be a TrainingResult, got SimpleNamespace"),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_argument_costs_one_sentence(name):
    call, message = CALLS[name]
    with pytest.raises(KansymError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 350


def test_a_name_is_the_function_of_the_default_library():
    network = NET.snap(EDGE, "x^n", 0.1, 2.0, exponent=1.5)
    function = network.edge_state(EDGE).function
    assert function is not None
    assert function.name == "x^n"
    assert torch.equal(network.evaluate(X), NET.snap(EDGE, function, 0.1, 2.0, exponent=1.5).evaluate(X))


def test_an_edge_may_be_a_list_of_numpy_s_integers():
    index: Any = [np.int64(0), 1, 0]
    assert NET.prune_edge(index).edge_state(index).kind == "pruned"
    assert (0, 1, 0) not in NET.prune_edge(index).edges()
