"""gplearn: genetic programming in Python, with protected operators that its formulas inherit."""

from __future__ import annotations

import importlib
import operator
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.comparison.methods.base import Answer, Method, Task
from kansym.comparison.methods.real_functions import absolute
from kansym.comparison.methods.scaling import power_of_ten

__all__ = ["Gplearn", "read_program"]

_OWN = ("add", "sub", "mul", "div", "sqrt", "log", "abs", "sin", "cos", "tan")
_PROTECTED_BELOW = sympy.Float(0.001)
_SOLVED = 1e-9


def _square(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x * x


def _cube(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return x * x * x


def _power_of_size(x: NDArray[np.float64], exponent: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(x) ** exponent


def _clipped_asin(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.arcsin(np.clip(x, -1.0, 1.0))


def _clipped_acos(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.arccos(np.clip(x, -1.0, 1.0))


# What gplearn lacks, defined for every real number as its own functions are: a nan inside a program would be taken for
# a small number by protected division, and vanish.
_ADDED: dict[str, tuple[Callable[..., Any], int]] = {
    **{"square": (_square, 1), "cube": (_cube, 1), "pow": (_power_of_size, 2)},
    **{"asin": (_clipped_asin, 1), "acos": (_clipped_acos, 1), "atan": (np.arctan, 1)},
    **{name: (getattr(np, name), 1) for name in ("exp", "sinh", "cosh", "tanh")},
}


_MEANINGS: dict[str, Callable[..., Any]] = {
    **{"add": operator.add, "sub": operator.sub, "mul": operator.mul},
    "pow": lambda x, exponent: absolute(x) ** exponent,
    "sqrt": lambda x: sympy.sqrt(absolute(x)),
    "abs": absolute,
    "square": lambda x: x**2,
    "cube": lambda x: x**3,
    **{name: getattr(sympy, name) for name in ("sin", "cos", "tan", "exp", "sinh", "cosh", "tanh")},
    # Floats, since sympy knows exactly what asin(1) is and would go on with more digits than numpy has.
    "asin": lambda x: sympy.asin(sympy.Max(-1.0, sympy.Min(1.0, x))),
    "acos": lambda x: sympy.acos(sympy.Max(-1.0, sympy.Min(1.0, x))),
    "atan": sympy.atan,
}


class Gplearn(Method):
    """gplearn's ``SymbolicRegressor``, its generations run one by one until the time is used up.

    Its defaults: 1000 programs, mean absolute error, parsimony 0.001 in units of the spread of y. Constants are drawn
    from [-5, 5]. Division, logarithm and square root are gplearn's own protected ones, and the formula says so:
    ``Piecewise((x0/x1, Abs(x1) > 0.001), (1, True))``. Operators that it lacks are added, closed like its own: asin and
    acos clip their argument to [-1, 1], powers are those of the absolute value. A program that overflows on the
    training rows has infinite error.

    The answer is what ``predict`` of the last generation uses. The front holds the best program of each length that any
    generation had, as far as it beats all shorter ones, and the answer.
    """

    name = "gplearn"
    modules = ("gplearn", "sklearn")
    packages = ("gplearn",)
    about = "genetic programming in Python (gplearn); protected operators are translated to Piecewise"

    def load(self) -> None:
        """Import gplearn."""
        importlib.import_module("gplearn.genetic")

    def fit(self, task: Task) -> Answer:
        """Evolve generations until there is no time for another."""
        model, best, scale = self.search(task)
        factor = sympy.Integer(1) if scale == 1.0 else sympy.Float(scale)

        def read(program: Any) -> sympy.Expr:
            return factor * read_program(program.program, task.variables)

        return Answer(read(model._program), tuple(dict.fromkeys(map(read, [*best, model._program]))))

    def search(self, task: Task) -> tuple[Any, list[Any], float]:
        """Return the fitted regressor, the best programs of each length, and what y was divided by."""
        started = time.monotonic()
        scale = power_of_ten(task.y)
        y = task.y / scale
        spread = float(np.mean(np.abs(y - np.median(y)))) or 1.0
        model = _regressor(task, spread)
        best: dict[int, Any] = {}
        while True:
            began = time.monotonic()
            with np.errstate(all="ignore"):
                model.fit(task.X, y)
            _keep_best(best, model._programs[-1])
            now = time.monotonic()
            solved = model._program.raw_fitness_ <= _SOLVED * spread
            if solved or now - started + (now - began) > task.time_limit:
                return model, _front(best), scale
            model.set_params(generations=model.generations + 1)


@dataclass(frozen=True)
class _Translation:
    """One node of a program, twice: to be read, with ``Piecewise``, and without, for the conditions of other pieces.

    sympy unfolds a ``Piecewise`` inside a condition into all its cases, two for each, which no one reads or evaluates.
    With h = max(0, sign(|b| − 0.001)), which is 1 where b is large and else 0, the same functions need no pieces:
    a/b is h a sign(b) / max(|b|, 0.001) + 1 − h, and log b is h log max(|b|, 0.001).
    """

    expression: Any
    without_pieces: Any

    @classmethod
    def leaf(cls, expression: sympy.Expr) -> _Translation:
        return cls(expression, expression)

    @classmethod
    def call(cls, name: str, arguments: list[_Translation]) -> _Translation:
        if name in ("div", "log"):
            return cls.protected(name, *arguments)
        meaning = _MEANINGS[name]
        return cls(
            meaning(*(argument.expression for argument in arguments)),
            meaning(*(argument.without_pieces for argument in arguments)),
        )

    @classmethod
    def protected(cls, name: str, *arguments: _Translation) -> _Translation:
        *numerators, argument = arguments
        otherwise = sympy.Integer(1 if name == "div" else 0)
        size = absolute(argument.without_pieces)
        large = size > _PROTECTED_BELOW
        if large == sympy.false:
            return cls.leaf(otherwise)
        bounded = sympy.Max(size, _PROTECTED_BELOW)
        is_large = sympy.Max(0, sympy.sign(size - _PROTECTED_BELOW))
        if name == "div":
            (numerator,) = numerators
            # Dividing by pieces divides by each of them, also by a 0 that the condition keeps out: any number will do.
            value = (numerator.expression / argument.expression).xreplace({sympy.zoo: sympy.Integer(0)})
            plain = numerator.without_pieces * sympy.sign(argument.without_pieces) / bounded
        else:
            value = sympy.log(absolute(argument.expression))
            plain = sympy.log(bounded)
        if large == sympy.true:
            return cls(value, plain)
        # Without evaluation, since sympy would try to solve the conditions.
        pieces = sympy.Piecewise((value, large), (otherwise, sympy.true), evaluate=False)
        return cls(pieces, is_large * plain + otherwise * (1 - is_large))


def read_program(program: list[Any], variables: tuple[sympy.Symbol, ...]) -> sympy.Expr:
    """Translate a program of gplearn.

    Parameters
    ----------
    program : list
        Functions, column numbers and constants in prefix order.
    variables : tuple of Symbol
        One for each column.

    Returns
    -------
    sympy.Expr
        Protected functions are ``Piecewise``: a/b is 1 and log b is 0 where |b| ≤ 0.001; logarithm and square root
        are those of the absolute value.
    """
    stack: list[_Translation] = []
    for node in reversed(program):
        if isinstance(node, int):
            stack.append(_Translation.leaf(variables[node]))
        elif isinstance(node, float):
            stack.append(_Translation.leaf(sympy.Float(node)))
        else:
            stack.append(_Translation.call(node.name, [stack.pop() for _ in range(node.arity)]))
    (translation,) = stack
    return translation.expression


def _regressor(task: Task, spread: float) -> Any:
    fitness = importlib.import_module("gplearn.fitness")
    functions = importlib.import_module("gplearn.functions")
    genetic = importlib.import_module("gplearn.genetic")
    with np.errstate(all="ignore"):
        added = [
            functions.make_function(function=function, name=name, arity=arity, wrap=False)
            for name, (function, arity) in _ADDED.items()
            if name in task.operators
        ]
    return genetic.SymbolicRegressor(
        population_size=1000,
        generations=1,
        stopping_criteria=_SOLVED * spread,
        const_range=(-5.0, 5.0),
        function_set=(*(name for name in _OWN if name in task.operators), *added),
        metric=fitness.make_fitness(function=_mean_absolute_error, greater_is_better=False, wrap=False),
        parsimony_coefficient=0.001 * spread,
        warm_start=True,
        low_memory=True,
        n_jobs=task.threads,
        random_state=task.seed,
    )


def _mean_absolute_error(y: Any, prediction: Any, weight: Any) -> float:
    with np.errstate(all="ignore"):
        error = float(np.average(np.abs(prediction - y), weights=weight))
    return error if np.isfinite(error) else float("inf")


def _keep_best(best: dict[int, Any], programs: Iterable[Any]) -> None:
    for program in programs:
        known = best.get(program.length_)
        if known is None or program.raw_fitness_ < known.raw_fitness_:
            best[program.length_] = program


def _front(best: dict[int, Any]) -> list[Any]:
    """Those that are better than every shorter one."""
    front: list[Any] = []
    for _, program in sorted(best.items()):
        if np.isfinite(program.raw_fitness_) and (not front or program.raw_fitness_ < front[-1].raw_fitness_):
            front.append(program)
    return front
