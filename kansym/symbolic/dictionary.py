"""Distinct expressions of the variables with their values on some rows.

The dictionary holds what stands inside a formula; outer constants are never enumerated, they come from least squares
(see :mod:`kansym.symbolic.span`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import sympy
from numpy.typing import NDArray

__all__ = ["BINARY", "UNARY", "Dictionary", "Operation"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Operation:
    """One way to make a feature of one or two others.

    Attributes
    ----------
    values, expression : callable
        Of the inputs' values, and of their expressions.
    cost : int
        Nodes that it adds to theirs.
    transcendental, commutative, periodic : bool
    """

    values: Callable[..., Array]
    expression: Callable[..., sympy.Expr]
    cost: int
    transcendental: bool = False
    commutative: bool = False
    periodic: bool = False


UNARY = {
    "square": Operation(lambda u: u * u, lambda u: u**2, 2),
    "inverse": Operation(lambda u: 1.0 / u, lambda u: 1 / u, 2),
    "sqrt": Operation(np.sqrt, sympy.sqrt, 2),
    "one plus": Operation(lambda u: 1.0 + u, lambda u: 1 + u, 2),
    "one minus": Operation(lambda u: 1.0 - u, lambda u: 1 - u, 3),
    "exp": Operation(np.exp, sympy.exp, 1, transcendental=True),
    "exp minus": Operation(lambda u: np.exp(-u), lambda u: sympy.exp(-u), 2, transcendental=True),
    "log": Operation(np.log, sympy.log, 1, transcendental=True),
    "sin": Operation(np.sin, sympy.sin, 1, transcendental=True, periodic=True),
    "cos": Operation(np.cos, sympy.cos, 1, transcendental=True, periodic=True),
    "tanh": Operation(np.tanh, sympy.tanh, 1, transcendental=True),
}
BINARY = {
    "times": Operation(np.multiply, lambda u, v: u * v, 1, commutative=True),
    "over": Operation(np.divide, lambda u, v: u / v, 2),
    "plus": Operation(np.add, lambda u, v: u + v, 1, commutative=True),
    "minus": Operation(np.subtract, lambda u, v: u - v, 2, commutative=True),
}
OPERATIONS = {**UNARY, **BINARY}


@dataclass
class Dictionary:
    """Features, what laws hold most often first, then in order of complexity.

    Attributes
    ----------
    variables : tuple of sympy.Symbol
    values : ndarray of shape (n_features, n_rows)
    recipes : list of tuple
        ``(operation name, input feature, …)``; ``("variable", i)``, ``("power", i, k)`` and
        ``("monomial", ((i, k), …))`` for the leaves.
    cost : ndarray of shape (n_features,)
        Complexity of each.
    transcendental : ndarray of bool, shape (n_features,)
        Whether a feature contains exp, log, sin, cos or tanh.
    """

    variables: tuple[sympy.Symbol, ...]
    values: Array
    recipes: list[tuple] = field(default_factory=list)
    cost: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    transcendental: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=bool))

    def __len__(self) -> int:
        """Return the number of features."""
        return len(self.recipes)

    @property
    def powers(self) -> list[int]:
        """Features ``u·log v`` of variables u and v, which inside an exponential are powers v^u."""
        return [
            index
            for index, (name, *inputs) in enumerate(self.recipes)
            if name == "times"
            and {self.recipes[i][0] for i in inputs} == {"variable", "log"}
            and all(self.cost[i] <= 2 for i in inputs)
        ]

    def expression(self, index: int) -> sympy.Expr:
        """Return the sympy expression of one feature."""
        name, *inputs = self.recipes[index]
        if name == "variable":
            return self.variables[inputs[0]]
        if name == "power":
            return self.variables[inputs[0]] ** inputs[1]
        if name == "monomial":
            return sympy.Mul(*[self.variables[i] ** k for i, k in inputs[0]])
        return OPERATIONS[name].expression(*[self.expression(i) for i in inputs])
