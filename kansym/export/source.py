"""Found formulas as source of a language, their constants to the digits that are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy

from kansym.export.c import c_source
from kansym.export.python import python_source
from kansym.library import Library
from kansym.symbolic.front import Formula
from kansym.symbolic.normal_form import replace_constants
from kansym.symbolic.uncertainty import round_to_uncertainty

__all__ = ["LANGUAGES", "formula_source", "source_names"]

LANGUAGES: dict[str, Callable[..., str]] = {"python": python_source, "c": c_source}


def source_names(outputs: Sequence[str]) -> list[str]:
    """Names of functions: ``formula``, or for several outputs ``formula_`` and the name of each, made distinct."""
    if len(outputs) == 1:
        return ["formula"]
    twice = {name for name in outputs if list(outputs).count(name) > 1}
    return [f"formula_{name}_{i}" if name in twice else f"formula_{name}" for i, name in enumerate(outputs)]


def formula_source(
    formulas: Mapping[str, Formula],
    variables: Sequence[sympy.Symbol],
    library: Library | None = None,
    language: str = "python",
    precision: Any = None,
) -> str:
    """Write formulas with what the comment says of their constants.

    Parameters
    ----------
    formulas : mapping of str to Formula
        Names of the functions and what they compute.
    variables : sequence of sympy.Symbol
    library : Library, optional
    language : {"python", "c"}
    precision : int, "uncertainty" or None
        Significant digits of the constants, their standard errors, or every bit.

    Examples
    --------
    >>> import numpy as np
    >>> from kansym.symbolic.constants import refit
    >>> from kansym.symbolic.rows import Rows
    >>> x = np.linspace(1, 2, 20)
    >>> rows = Rows.from_arrays(x[:, None], 2.5 * x + 0.1 * np.cos(np.arange(20.0)))
    >>> formula = Formula.from_fit(refit(2.0 * rows.variables[0], rows), rows.variance)
    >>> print(formula_source({"line": formula}, rows.variables, precision="uncertainty"))
    # line = 2.504*x0
    #
    # Arguments, in the units of the data that the formula was fitted to:
    #   x0  x0
    #
    # Where a formula is not defined its value is NaN, at a pole it is infinite.
    # line: constants and their standard errors: 2.504(11).
    # Written to these digits, they raise the mean squared error by 0.0025 %.
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def line(x0):
        x0 = np.asarray(x0, dtype=float)
        with np.errstate(all="ignore"):
            return 2.504*x0
    <BLANKLINE>
    """
    notes: list[str] = []
    expressions = {}
    for name, formula in formulas.items():
        values, said = _written(formula, precision)
        expressions[name] = formula.expression if values is None else replace_constants(formula.expression, values)
        notes += [f"{name}: {said[0]}", *said[1:]] if said else []
    return LANGUAGES[language](expressions, variables, library, notes)


def _written(formula: Formula, precision: Any) -> tuple[Sequence[float] | None, list[str]]:
    """The constants as they are written, None for every bit, and what is to be said of them."""
    constants = formula.constants
    if precision is None or not len(constants):
        return None, []
    if precision == "uncertainty":
        rounded = round_to_uncertainty(constants, formula.uncertainty)
        values, what = rounded.values, f"constants and their standard errors: {', '.join(rounded.texts)}."
    else:
        values = [float(f"{constant:.{precision - 1}e}") for constant in constants]
        what = f"constants to {precision} significant digits."
    rise = formula.uncertainty.loss_rise([new - old for new, old in zip(values, constants, strict=True)])
    return values, [what, f"Written to these digits, they raise the mean squared error by {100 * rise:.2g} %."]
