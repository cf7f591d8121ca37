"""A formula as a Python function that needs numpy and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import sympy

from kansym.export.writing import POWER, Language, SourceFunction, functions_of, heading
from kansym.library import Library

__all__ = ["python_source"]


class _Python(Language):
    def number(self, value: float) -> str:
        if math.isnan(value):
            return "np.nan"
        return repr(value) if math.isfinite(value) else "np.inf" if value > 0 else "-np.inf"

    def power(self, base: str, exponent: str) -> tuple[str, int]:
        # Parentheses that only hold a negative number are not needed after the operator.
        bare = exponent[1:-1]
        return f"{base}**{bare if exponent.startswith('(-') and _is_number(bare) else exponent}", POWER

    def call(self, name: str, arguments: Sequence[str]) -> str:
        return f"np.{name}({', '.join(arguments)})"


def python_source(
    formulas: Mapping[str, sympy.Expr],
    variables: Sequence[sympy.Symbol],
    library: Library | None = None,
    notes: Sequence[str] = (),
) -> str:
    """Write formulas as functions of numbers or numpy's arrays, in Python.

    Parameters
    ----------
    formulas, variables, library, notes
        As for :func:`kansym.export.c.c_source`.

    Returns
    -------
    str
        ASCII. Undefined values are NaN as in ``predict``: neither errors nor warnings are raised.

    Raises
    ------
    ParameterError
        If a function of the user's own uses something that is no function of numpy.

    Examples
    --------
    >>> x, rate = sympy.Symbol("x", real=True), sympy.Symbol("flow rate", real=True)
    >>> print(python_source({"volume": 2.5 * sympy.sqrt(x) - rate**3}, [x, rate]))
    # volume = 2.5*sqrt(x) - `flow rate`^3
    #
    # Arguments, in the units of the data that the formula was fitted to:
    #   x          x
    #   flow_rate  flow rate
    #
    # Where a formula is not defined its value is NaN, at a pole it is infinite.
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def volume(x, flow_rate):
        x = np.asarray(x, dtype=float)
        flow_rate = np.asarray(flow_rate, dtype=float)
        with np.errstate(all="ignore"):
            return -flow_rate**3.0 + 2.5*np.sqrt(x)
    <BLANKLINE>
    """
    functions = functions_of(formulas, variables, library, _Python())
    head = "\n".join(f"# {line}".rstrip() for line in heading(functions, variables, notes))
    return "\n\n\n".join([f"{head}\nimport numpy as np", *map(_definition, functions)]) + "\n"


def _definition(function: SourceFunction) -> str:
    body, parameters = function.body, function.parameters
    used = [parameters[position] for position in sorted(body.variables)]
    result = body.result
    if not used and parameters:
        result = f"np.full(np.shape({parameters[0]}), {result})"
    return "\n".join(
        [
            f"def {function.name}({', '.join(parameters)}):",
            *(f"    {name} = np.asarray({name}, dtype=float)" for name in used),
            '    with np.errstate(all="ignore"):',
            *(f"        {name} = {code}" for name, code in body.steps),
            f"        return {result}",
        ]
    )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
