"""pykan: the Kolmogorov-Arnold network of the original article, by the recipe of its tutorial."""

from __future__ import annotations

import importlib
import time
from typing import Any

import numpy as np
import sympy

from kansym.comparison.methods.base import Answer, Method, Task
from kansym.comparison.methods.edge_functions import edge_functions
from kansym.comparison.methods.global_state import seeded

__all__ = ["Pykan"]

_HIDDEN, _GRID, _ORDER = 5, 3, 3
_SPARSITY = 0.001
_STEPS = 50
_TEST_SHARE, _MAX_TEST_ROWS = 0.2, 100
_FIRST_TRAINING = 0.35  # of the time

_NAMES = {"1/sqrt": "1/sqrt(x)", "x^n": None, "sinh": None, "cosh": None}


class Pykan(Method):
    """pykan's ``KAN`` by the steps of its tutorial "Hello, KAN!".

    A network ``[n, 5, 1]`` with three intervals of cubic splines is trained with L-BFGS and sparsity (``lamb=0.001``),
    pruned, refitted, each edge replaced by a function with ``auto_symbolic``, and refitted; each training takes the 50
    steps of the tutorial or as many as the time allows. Double precision, as in the tutorial. The functions are
    :func:`kansym.comparison.methods.edge_functions.edge_functions`, as far as pykan has them.

    Columns are scaled to [-1, 1], which the tutorial takes for granted, and y to mean 0 and deviation 1, so that the
    sparsity means the same for every problem; both are put back into the formula. A fifth of the rows, at most
    100, is held back as pykan's "test" rows: its symbolic step reads the network's values there.

    A third of the time goes to the first training. The symbolic step cannot be told a time limit, so its duration is
    estimated from one edge, and the two refits share what it leaves; where even that is too much, the run is late.
    """

    name = "pykan"
    modules = ("kan", "matplotlib", "pandas", "sklearn", "tqdm", "yaml")
    packages = ("pykan", "torch")
    about = "the original Kolmogorov-Arnold network (pykan): train, prune, refit, auto_symbolic, refit"

    def load(self) -> None:
        """Import pykan."""
        importlib.import_module("kan")

    def fit(self, task: Task) -> Answer:
        """Go through the recipe once."""
        import torch

        with seeded(task.seed, dtype=torch.float64):
            network, centres, halves = self.search(task)
            columns = [
                (variable - sympy.Float(centre)) / sympy.Float(half)
                for variable, centre, half in zip(task.variables, centres, halves, strict=True)
            ]
            scaled = network.symbolic_formula(var=columns)[0][0]
        mean, deviation = _moments(task)
        return Answer(sympy.Float(deviation) * scaled + sympy.Float(mean))

    def search(self, task: Task) -> tuple[Any, Any, Any]:
        """Return the fitted network, and centres and half-widths of the columns."""
        import torch

        deadline = time.monotonic() + task.time_limit
        low, high = task.X.min(axis=0), task.X.max(axis=0)
        centres, halves = (low + high) / 2, np.where(high > low, (high - low) / 2, 1.0)
        mean, deviation = _moments(task)
        inputs = torch.from_numpy((task.X - centres) / halves)
        labels = torch.from_numpy((task.y - mean) / deviation).reshape(-1, 1)
        rows = _split(len(inputs), task.seed)
        data = {
            f"{split}_{kind}": values[index]
            for split, index in zip(("train", "test"), rows, strict=True)
            for kind, values in (("input", inputs), ("label", labels))
        }
        network = importlib.import_module("kan").KAN(
            width=[inputs.shape[1], _HIDDEN, 1],
            grid=_GRID,
            k=_ORDER,
            seed=task.seed,
            device="cpu",
            auto_save=False,
        )
        functions = _functions(task)
        _train(network, data, _FIRST_TRAINING * task.time_limit, lamb=_SPARSITY)
        network = _prune(network, data)
        symbolic = _symbolic_seconds(network, functions, data)
        _train(network, data, (deadline - time.monotonic() - symbolic) / 2)
        network.auto_symbolic(lib=functions, verbose=0)
        _train(network, data, deadline - time.monotonic())
        return network, centres, halves


def _functions(task: Task) -> list[str]:
    names = (_NAMES.get(name, name) for name in edge_functions(task.operators))
    return [name for name in names if name is not None]


def _moments(task: Task) -> tuple[float, float]:
    return float(task.y.mean()), float(task.y.std()) or 1.0


def _split(count: int, seed: int) -> tuple[Any, Any]:
    order = np.random.default_rng(seed).permutation(count)
    held_back = min(max(int(_TEST_SHARE * count), 1), _MAX_TEST_ROWS)
    return order[held_back:], order[:held_back]


def _prune(network: Any, data: dict[str, Any]) -> Any:
    """Do what ``network.prune()`` does, without the checkpoint that it writes to disk."""
    network.get_act(data["train_input"])
    pruned = network.prune_node(log_history=False)
    pruned.auto_save = False
    pruned(data["train_input"])
    pruned.attribute()
    pruned.prune_edge(log_history=False)
    return pruned


def _symbolic_seconds(network: Any, functions: list[str], data: dict[str, Any]) -> float:
    """Estimate the duration of ``auto_symbolic`` from that of one function on the first edge that is left."""
    edges = [
        (layer, source, target)
        for layer, spline in enumerate(network.act_fun)
        for source, target in spline.mask.nonzero().tolist()
    ]
    if not edges:
        return 0.0
    network(data["test_input"])
    began = time.monotonic()
    network.suggest_symbolic(*edges[0], lib=functions[-1:], verbose=False)
    return (time.monotonic() - began) * len(edges) * len(functions)


def _train(network: Any, data: dict[str, Any], seconds: float, **settings: Any) -> None:
    """Fit for 50 steps, or for as many as fit into the time; one step at least, by which the speed is measured."""
    began = time.monotonic()
    network.fit(data, opt="LBFGS", steps=1, **settings)
    per_step = time.monotonic() - began
    steps = min(_STEPS, int(seconds / per_step)) - 1
    if steps > 0:
        network.fit(data, opt="LBFGS", steps=steps, **settings)
