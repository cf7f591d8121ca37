"""A formula as C99: one self-contained file that needs the mathematics library and nothing else."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import sympy

from kansym.export.writing import ATOM, Language, SourceFunction, functions_of, heading
from kansym.library import Library

__all__ = ["c_source"]

_WIDTH = 100
_HELPERS = {
    "sign": "static double sign(double x) { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x; }",
    "maximum": "static double maximum(double a, double b) { return a > b || a != a ? a : b; }",
    "minimum": "static double minimum(double a, double b) { return a < b || a != a ? a : b; }",
}
"""Functions that C lacks, or that do not hand on NaN there, as numpy's do."""


class _C(Language):
    def number(self, value: float) -> str:
        if math.isnan(value):
            return "NAN"
        return repr(value) if math.isfinite(value) else "INFINITY" if value > 0 else "-INFINITY"

    def power(self, base: str, exponent: str) -> tuple[str, int]:
        return f"pow({_bare(base)}, {_bare(exponent)})", ATOM

    def call(self, name: str, arguments: Sequence[str]) -> str:
        if name == "where":
            condition, yes, no = arguments
            return f"({condition} ? {yes} : {no})"
        spelt = name if name in _HELPERS else "fabs" if name == "abs" else name.replace("arc", "a")
        return f"{spelt}({', '.join(arguments)})"


def c_source(
    formulas: Mapping[str, sympy.Expr],
    variables: Sequence[sympy.Symbol],
    library: Library | None = None,
    notes: Sequence[str] = (),
) -> str:
    """Write formulas as functions of doubles in C99.

    Parameters
    ----------
    formulas : mapping of str to sympy.Expr
        Names of the functions, made identifiers, and what they compute.
    variables : sequence of sympy.Symbol
        The parameters, in order. Names that C does not allow are changed; the comment at the head says which are which.
    library : Library, optional
        Where functions beyond the default ones are looked up.
    notes : sequence of str
        Further lines of the comment.

    Returns
    -------
    str
        ASCII. Undefined values are NaN as in ``predict``, so compile without ``-ffast-math``.

    Raises
    ------
    ParameterError
        If a function of the user's own uses something that C does not have.

    Examples
    --------
    >>> x, rate = sympy.Symbol("x", real=True), sympy.Symbol("flow rate", real=True)
    >>> print(c_source({"volume": 2.5 * sympy.sqrt(x) - rate**3}, [x, rate]))
    /*
     * volume = 2.5*sqrt(x) - `flow rate`^3
     *
     * Arguments, in the units of the data that the formula was fitted to:
     *   x          x
     *   flow_rate  flow rate
     *
     * Where a formula is not defined its value is NaN, at a pole it is infinite.
     * Compile with: cc -std=c99 -O2 -c FILE.c, and link with -lm.
     */
    #include <math.h>
    <BLANKLINE>
    double volume(double x, double flow_rate);
    <BLANKLINE>
    double volume(double x, double flow_rate)
    {
        return -pow(flow_rate, 3.0) + 2.5*sqrt(x);
    }
    <BLANKLINE>
    """
    functions = functions_of(formulas, variables, library, _C())
    comment = [*heading(functions, variables, notes), "Compile with: cc -std=c99 -O2 -c FILE.c, and link with -lm."]
    calls = frozenset().union(*(function.body.calls for function in functions))
    head = ["/*", *(f" * {line}".rstrip() for line in comment), " */", "#include <math.h>"]
    helpers = [_HELPERS[name] for name in _HELPERS if name in calls]
    blocks = ["\n".join(head)]
    blocks += ["\n".join(helpers)] if helpers else []
    blocks += ["\n".join(f"{_signature(function)};" for function in functions)]
    return "\n\n".join([*blocks, *map(_definition, functions)]) + "\n"


def _signature(function: SourceFunction) -> str:
    parameters = ", ".join(f"double {name}" for name in function.parameters) or "void"
    line = f"double {function.name}({parameters})"
    return line if len(line) <= _WIDTH else "\n".join(textwrap.wrap(line, _WIDTH, subsequent_indent=" " * 4))


def _definition(function: SourceFunction) -> str:
    body = function.body
    unused = [name for position, name in enumerate(function.parameters) if position not in body.variables]
    lines = [f"    (void){name};" for name in unused]
    lines += [f"    const double {name} = {code};" for name, code in body.steps]
    return "\n".join([_signature(function), "{", *lines, f"    return {body.result};", "}"])


def _bare(text: str) -> str:
    """An argument of a call without the parentheses around the whole of it."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0 and position < len(text) - 1:
            return text
    return text[1:-1] if text.startswith("(") else text
