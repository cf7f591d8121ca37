"""A sympy expression as array operations, with its fitted constants as parameters.

This is the one evaluation of formulas in kansym: the search, ``predict``, the judge and the exports all walk the same
tree, on numpy's arrays, on torch's, or on symbols that write down what is done to them. In an expression every
``Float`` is a fitted constant; integers, rationals and π are exact and stay as they are.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.errors import ParameterError
from kansym.library import Library, SymbolicFunction, default_library
from kansym.symbolic.pickling import WithExpression

__all__ = ["Tape", "compile_expression", "constants_of", "count_constants"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class _Step:
    """One operation: its kind, the steps it reads, and what else it needs to know."""

    kind: str
    inputs: tuple[int, ...] = ()
    position: int = -1
    value: float = 0.0
    function: SymbolicFunction | None = None


@dataclass(frozen=True)
class Tape(WithExpression):
    """A compiled expression: steps in evaluation order, the last one its value.

    Made by :func:`compile_expression`. Values outside a function's domain are NaN or infinite, never clipped.

    Attributes
    ----------
    expression : sympy.Expr
        What was compiled.
    constants : ndarray of shape (n_constants,)
        Values of the fitted constants, in the order of the steps.
    """

    expression: sympy.Expr
    constants: Array
    steps: tuple[_Step, ...]

    def __call__(self, columns: Array, constants: Array | None = None) -> Array:
        """Values on the rows of ``columns`` (n_rows, n_variables), shape (n_rows,)."""
        return self._forward(columns, self.constants if constants is None else constants)[-1]

    def value_and_jacobian(self, columns: Array, constants: Array | None = None) -> tuple[Array, Array]:
        """Values (n_rows,) and their derivatives in the constants (n_rows, n_constants), by one reverse sweep."""
        values = self._forward(columns, self.constants if constants is None else constants)
        n_rows = len(columns)
        jacobian = np.zeros((n_rows, len(self.constants)))
        sensitivity: list[Any] = [None] * len(self.steps)
        sensitivity[-1] = np.ones(n_rows)
        with np.errstate(all="ignore"):
            for index in range(len(self.steps) - 1, -1, -1):
                step = self.steps[index]
                if sensitivity[index] is None:
                    continue
                if step.kind == "constant":
                    jacobian[:, step.position] += sensitivity[index]
                    continue
                for source, slope in _slopes(step, values, index):
                    if self.steps[source].kind in ("number", "variable"):
                        continue
                    change = sensitivity[index] * slope
                    sensitivity[source] = change if sensitivity[source] is None else sensitivity[source] + change
        return values[-1], jacobian

    def evaluate(self, xp: Any, columns: Sequence[Any], constants: Sequence[Any]) -> Any:
        """The value on arrays of any kind.

        Parameters
        ----------
        xp : module or object
            The namespace of their functions, such as ``numpy`` or ``torch``.
        columns : sequence
            One array for each variable.
        constants : sequence
            One array or number for each constant.

        Returns
        -------
        Of the kind of the columns; a number where the formula holds neither variables nor constants.

        Examples
        --------
        >>> import torch
        >>> x = sympy.Symbol("x", real=True)
        >>> tape = compile_expression(2.5 * sympy.sin(x), [x])
        >>> tape.evaluate(torch, [torch.tensor([0.0, 1.0])], torch.tensor([10.0]))
        tensor([0.0000, 8.4147])
        """
        return self._steps(xp, columns, constants)[-1]

    def _steps(self, xp: Any, columns: Sequence[Any], constants: Sequence[Any]) -> list[Any]:
        values: list[Any] = []
        for step in self.steps:
            values.append(_value(xp, step, values, columns, constants))
        return values

    def _forward(self, columns: Array, constants: Array) -> list[Any]:
        with np.errstate(all="ignore"):
            values = self._steps(np, tuple(columns.T), tuple(constants))
        values[-1] = np.broadcast_to(np.asarray(values[-1], dtype=float), (len(columns),)).copy()
        return values


def compile_expression(
    expression: sympy.Expr, variables: Sequence[sympy.Symbol], library: Library | None = None
) -> Tape:
    """Compile an expression of the variables.

    Parameters
    ----------
    expression : sympy.Expr
        Made of numbers, the variables, sums, products, powers and functions of the library.
    variables : sequence of sympy.Symbol
        Column ``i`` of the data is variable ``i``.
    library : Library, optional
        Where functions beyond the default ones are looked up.

    Raises
    ------
    ParameterError
        If the expression holds anything else.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> tape = compile_expression(2.0 * x**2 + 1, [x])
    >>> tape(np.array([[3.0]]))
    array([19.])
    >>> tape.value_and_jacobian(np.array([[3.0]]))[1]
    array([[9.]])
    """
    builder = _Builder({symbol: position for position, symbol in enumerate(variables)}, function_table(library))
    builder.visit(sympy.sympify(expression))
    return Tape(expression, np.array(builder.constants, dtype=float), tuple(builder.steps))


def count_constants(expression: sympy.Expr) -> int:
    """Count the fitted constants: every occurrence of a ``Float``.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> count_constants(2.5 * x**2 + 0.1)
    2
    """
    return len(constants_of(expression))


def constants_of(expression: sympy.Expr) -> list[float]:
    """The fitted constants in the order of evaluation, as a tape of the expression has them.

    Examples
    --------
    >>> x = sympy.Symbol("x", real=True)
    >>> constants_of(2.5 * x**2 + 0.1)
    [0.1, 2.5]
    """
    return [float(node) for node in sympy.preorder_traversal(expression) if isinstance(node, sympy.Float)]


class _Builder:
    """Turns a tree into steps; equal subtrees without constants share one step."""

    def __init__(self, variables: dict[sympy.Symbol, int], functions: dict[Any, SymbolicFunction]) -> None:
        self.variables = variables
        self.functions = functions
        self.steps: list[_Step] = []
        self.constants: list[float] = []
        self.known: dict[sympy.Basic, int] = {}

    def visit(self, node: Any) -> int:
        if node in self.known:
            return self.known[node]
        step = self._step(node)
        if step.inputs and all(self.steps[i].kind == "number" for i in step.inputs):
            step = self._folded(step)
        self.steps.append(step)
        if not node.has(sympy.Float):
            self.known[node] = len(self.steps) - 1
        return len(self.steps) - 1

    def _folded(self, step: _Step) -> _Step:
        """An operation on exact numbers, such as √2, as the number that it gives."""
        with np.errstate(all="ignore"):
            value = _value(np, step, [np.float64(known.value) for known in self.steps], (), ())
        return _Step("number", value=float(value))

    def _step(self, node: Any) -> _Step:
        if isinstance(node, sympy.Float):
            self.constants.append(float(node))
            return _Step("constant", position=len(self.constants) - 1)
        if isinstance(node, (sympy.Rational, sympy.NumberSymbol)):
            return _Step("number", value=float(node))
        if node in self.variables:
            return _Step("variable", position=self.variables[node])
        if isinstance(node, sympy.Add):
            return _Step("add", tuple(self.visit(argument) for argument in node.args))
        if isinstance(node, sympy.Mul):
            return _Step("multiply", tuple(self.visit(argument) for argument in node.args))
        if isinstance(node, sympy.Pow):
            base, exponent = node.args
            if isinstance(exponent, sympy.Rational):
                return _Step("power", (self.visit(base),), value=float(exponent))
            return _Step("free power", (self.visit(base), self.visit(exponent)))
        if node.func in self.functions and len(node.args) == 1:
            return _Step("function", (self.visit(node.args[0]),), function=self.functions[node.func])
        raise ParameterError(f"formula must be made of variables, numbers and library functions, got {node!s:.80}")


def _value(xp: Any, step: _Step, values: list[Any], columns: Sequence[Any], constants: Sequence[Any]) -> Any:
    match step.kind:
        case "constant":
            return constants[step.position]
        case "number":
            return step.value
        case "variable":
            return columns[step.position]
        case "add":
            return functools.reduce(operator.add, [values[i] for i in step.inputs])
        case "multiply":
            return functools.reduce(operator.mul, [values[i] for i in step.inputs])
        case "power":
            return _exact_power(xp, values[step.inputs[0]], step.value)
        case "free power":
            return _power(xp, values[step.inputs[0]], values[step.inputs[1]])
        case _:
            assert step.function is not None
            return step.function.value(xp, values[step.inputs[0]])


def _slopes(step: _Step, values: list[Any], index: int) -> list[tuple[int, Any]]:
    """Pairs (input step, derivative of this step in that input)."""
    if step.kind == "add":
        return [(source, 1.0) for source in step.inputs]
    if step.kind == "multiply":
        factors = [values[source] for source in step.inputs]
        others = [factors[:k] + factors[k + 1 :] for k in range(len(factors))]
        return [
            (source, functools.reduce(np.multiply, rest)) for source, rest in zip(step.inputs, others, strict=True)
        ]
    if step.kind == "power":
        base = values[step.inputs[0]]
        return [(step.inputs[0], step.value * _exact_power(np, base, step.value - 1.0))]
    if step.kind == "free power":
        base, exponent = np.asarray(values[step.inputs[0]], dtype=float), values[step.inputs[1]]
        return [
            (step.inputs[0], exponent * np.power(base, exponent - 1.0)),
            (step.inputs[1], values[index] * np.log(base)),
        ]
    if step.kind == "function":
        assert step.function is not None
        return [(step.inputs[0], step.function.derivative(values[step.inputs[0]]))]
    return []


def _exact_power(xp: Any, base: Any, exponent: float) -> Any:
    # Multiplication and square roots are faster and more accurate than the general power.
    if exponent == 2.0:
        return base * base
    if exponent == -1.0:
        return 1.0 / base
    if exponent == 0.5:
        return xp.sqrt(base)
    return _power(xp, base, exponent)


def _power(xp: Any, base: Any, exponent: Any) -> Any:
    # numpy's operator takes roots of some exponents, which differ from its power in the last bit.
    return np.power(np.asarray(base, dtype=float), exponent) if xp is np else base**exponent


@functools.lru_cache(maxsize=8)
def function_table(library: Library | None) -> dict[Any, SymbolicFunction]:
    """Map the sympy class of a function to its row in the library."""
    argument = sympy.Symbol("x", real=True)
    table: dict[Any, SymbolicFunction] = {}
    for function in (*default_library(), *(library or ())):
        if function.has_exponent:
            continue
        form = function.sympy(argument)
        if isinstance(form, sympy.Function) and form.args == (argument,):
            table[form.func] = function
    return table
