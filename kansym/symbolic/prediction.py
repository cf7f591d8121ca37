"""Values of a formula with their standard deviations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.errors import ParameterError
from kansym.library import Library
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.front import Formula

__all__ = ["QUANTITIES", "predict_with_deviation"]

QUANTITIES = ("mean", "observation")


def predict_with_deviation(
    formula: Formula,
    columns: NDArray[np.float64],
    variables: Sequence[sympy.Symbol],
    library: Library | None = None,
    of: str = "mean",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Evaluate a formula and say how well its values are known.

    Parameters
    ----------
    formula : Formula
    columns : ndarray of shape (n_rows, n_variables)
    variables : sequence of sympy.Symbol
    library : Library, optional
    of : {"mean", "observation"}
        Of the curve itself, as the errors of the constants and their correlations make it uncertain; or of one new
        measurement there, which has the noise of a row of mean weight besides.

    Returns
    -------
    values, deviations : ndarray of shape (n_rows,)
        In y units. NaN where the formula is not defined, or where nothing is known of its constants.

    Raises
    ------
    ParameterError
        If ``of`` is neither.
    """
    if of not in QUANTITIES:
        raise ParameterError(f"of must be one of {', '.join(map(repr, QUANTITIES))}, got {of!r}")
    values, jacobian = compile_expression(formula.expression, variables, library).value_and_jacobian(columns)
    deviations = formula.uncertainty.standard_deviation(jacobian)
    if of == "observation":
        deviations = np.hypot(deviations, formula.uncertainty.noise)
    return values, np.where(np.isfinite(values), deviations, np.nan)
