"""Operon: genetic programming in C++ with constants fitted by least squares, through the package pyoperon."""

from __future__ import annotations

import functools
import importlib
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.comparison.methods.base import Answer, Method, Task
from kansym.comparison.methods.real_functions import absolute
from kansym.comparison.methods.scaling import power_of_ten

__all__ = ["Operon", "read_tree"]

_SYMBOLS = (
    *("add", "sub", "mul", "div", "pow", "square", "sqrt", "exp", "log", "sin", "cos", "tan"),
    *("asin", "acos", "atan", "sinh", "cosh", "tanh", "abs"),
)
_NO_LIMIT = 2**40
_LEAST_NOISE = 4 * float(np.finfo(np.float32).eps)  # relative to y: a few roundings in operon's single precision

_NODES: dict[str, Callable[..., sympy.Expr]] = {
    "Add": lambda *terms: functools.reduce(operator.add, terms),
    "Mul": lambda *factors: functools.reduce(operator.mul, factors),
    "Sub": lambda first, *others: functools.reduce(operator.sub, others, first) if others else -first,
    "Div": lambda first, *others: functools.reduce(operator.truediv, others, first) if others else 1 / first,
    "Pow": operator.pow,
    "Square": lambda x: x**2,
    "Abs": absolute,
    **{name.capitalize(): getattr(sympy, name) for name in ("sqrt", "exp", "log", "sin", "cos", "tan")},
    **{name.capitalize(): getattr(sympy, name) for name in ("asin", "acos", "atan", "sinh", "cosh", "tanh")},
}


class Operon(Method):
    """pyoperon's ``SymbolicRegressor``, as its authors use it for benchmarks, with the time as its only limit.

    Two objectives, normalised mean squared error and length; five steps of Levenberg–Marquardt for the constants of
    each candidate; tolerance of the comparisons small enough that an exact law still counts as better than a close fit.
    Error and length are minimised on the same scale-free terms for every problem, and the defaults stay elsewhere.

    The formula is selected by operon's own minimum description length. It needs the standard deviation of the noise,
    which nobody knows beforehand: it is estimated after the search, by the residual of the most accurate formula, and
    operon's evaluator is run again on the front with it. The front is operon's own.

    Operon knows whole seconds only; a limit between two is rounded up, within the grace that every method has.

    Formulas are read from operon's trees, node by node, with all bits of the constants. ``cube`` has no node in operon;
    products express it.
    """

    name = "operon"
    modules = ("pyoperon", "sklearn")
    packages = ("pyoperon",)
    about = "genetic programming in C++ with least-squares constants (pyoperon); front, selection by description length"

    def load(self) -> None:
        """Import pyoperon."""
        importlib.import_module("pyoperon.sklearn")

    def fit(self, task: Task) -> Answer:
        """Evolve formulas until the time is used up."""
        model, scale, best = self.search(task)
        names = {label: variable for label, variable in zip(model.variables_, task.variables, strict=True)}
        factor = sympy.Integer(1) if scale == 1.0 else sympy.Float(scale)
        front = [factor * read_tree(entry["tree"].Nodes, names) for entry in model.pareto_front_]
        return Answer(front[best], tuple(front))

    def search(self, task: Task) -> tuple[Any, float, int]:
        """Return the fitted regressor, what y was divided by, and the position of the selected formula on its front."""
        regressors = importlib.import_module("pyoperon.sklearn")
        symbols = [name for name in _SYMBOLS if name in task.operators]
        scale = power_of_ten(task.y)
        y = task.y / scale
        model = regressors.SymbolicRegressor(
            allowed_symbols=",".join([*symbols, "constant", "variable"]),
            objectives=["nmse", "length"],
            epsilon=1e-12,
            optimizer_iterations=5,
            generations=_NO_LIMIT,
            max_evaluations=_NO_LIMIT,
            max_time=math.ceil(task.time_limit),
            n_threads=task.threads,
            random_state=task.seed,
        ).fit(task.X, y)
        return model, scale, int(np.argmin(_description_lengths(model, task.X, y)))


def read_tree(nodes: Sequence[Any], variables: dict[int, sympy.Symbol]) -> sympy.Expr:
    """Translate a tree of operon.

    Parameters
    ----------
    nodes : sequence of operon's nodes
        In postfix order; the node just before its parent is the first argument. Variables carry a factor.
    variables : dict of Symbol
        By operon's hash of the variable.
    """
    stack: list[sympy.Expr] = []
    for node in nodes:
        if node.IsVariable:
            stack.append(_constant(node.Value) * variables[node.HashValue])
        elif node.IsConstant:
            stack.append(_constant(node.Value))
        else:
            arguments = [stack.pop() for _ in range(node.Arity)]
            stack.append(_NODES[node.Type.name](*arguments))
    (expression,) = stack
    return expression


def _constant(value: float) -> sympy.Expr:
    """Return a float with all its bits; 0 and 1 as integers, which drop out of sums and products."""
    return sympy.Integer(int(value)) if value in (0.0, 1.0) else sympy.Float(value)


def _description_lengths(model: Any, X: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Minimum description length of each formula of the front, with the noise that the most accurate one leaves."""
    operon = importlib.import_module("pyoperon")
    front = model.pareto_front_
    least = min(entry["mean_squared_error"] for entry in front)
    noise = max(float(np.sqrt(least)), _LEAST_NOISE * float(np.sqrt(np.mean(y**2))), 1e-30)
    dataset = operon.Dataset(np.asfortranarray(np.column_stack((X, y))))
    problem = operon.Problem(dataset)
    problem.TrainingRange = operon.Range(0, dataset.Rows)
    problem.TestRange = operon.Range(dataset.Rows - 1, dataset.Rows)
    problem.Target = max(dataset.Variables, key=lambda variable: variable.Index)
    problem.InputHashes = list(model.variables_)
    # The evaluator keeps pointers to the dispatch table and the problem, which must outlive it.
    dispatch = operon.DispatchTable()
    evaluate = operon.MinimumDescriptionLengthEvaluator(problem, dispatch, "gauss")
    evaluate.Sigma = [noise]
    generator = operon.RandomGenerator(np.uint64(0))
    lengths = []
    for entry in front:
        individual = operon.Individual()
        individual.Genotype = entry["tree"]
        lengths.append(evaluate(generator, individual)[0])
    return np.nan_to_num(np.array(lengths, dtype=float), nan=np.inf)
