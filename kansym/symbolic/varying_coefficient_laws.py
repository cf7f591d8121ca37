"""Formulas that are linear in one column: the laws of its coefficients, found as problems of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import sympy

from kansym.library import Library
from kansym.structure.varying_coefficients import VaryingCoefficients, varying_coefficients
from kansym.symbolic.curve_laws import CurveLaw, curve_laws
from kansym.symbolic.read_once_laws import AS_NOISE, TRANSFORMATIONS, LawsOfBlock, transformations
from kansym.symbolic.rows import Rows

__all__ = ["blocks_of", "laws_of_varying_coefficients"]

_OBEYED = 1e-5  # share of the variance that polynomials may leave of a law without noise
_ROUNDING = 1e-12  # near its ends a polynomial is worse than it is on the whole
_MODELS = 2


def laws_of_varying_coefficients(
    rows: Rows,
    library: Library,
    laws_of_block: LawsOfBlock,
    *,
    noise: float = 0.0,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose formulas ``T⁻¹(a(r) + b(r)·x)`` with x a column, r the others and T a transform of the target.

    Parameters
    ----------
    rows : Rows
        With two to six variables.
    library : Library
    laws_of_block : callable
        Finds the laws of several columns.
    noise : float
        Mean square of the noise, in squared units of the target.
    seed : int
    should_stop : callable, optional

    Examples
    --------
    >>> from kansym.library import default_library
    >>> x = np.random.default_rng(0).uniform(1, 2, (300, 2))
    >>> rows = Rows.from_arrays(x, 1 / (x[:, 0] + np.sqrt(x[:, 0] ** 2 + 2) * x[:, 1]))
    >>> next(laws_of_varying_coefficients(rows, default_library(), lambda *_: []))[1] < 40
    True
    """
    stop = should_stop or (lambda: False)
    for template, transformed, its_noise in transformations(rows, noise, most_columns=rows.n_variables):
        enough = max(_OBEYED, AS_NOISE * its_noise / max(transformed.variance, np.finfo(float).tiny))
        models = varying_coefficients(
            transformed.columns, transformed.target, transformed.weights, seed=seed, should_stop=stop
        )
        for model in models[:_MODELS]:
            if model.unexplained > enough or stop():
                break
            laws: list[list[CurveLaw]] = []
            for block, error in blocks_of(model, transformed):
                if not all(laws):  # without a law for the first coefficient the second one is of no use
                    break
                alone = block.n_variables == 1
                found = curve_laws(block, error, library, should_stop=stop) if alone else laws_of_block(block, error)
                laws.append(found)
            bits = math.log2(len(TRANSFORMATIONS) * rows.n_variables)
            for first in laws[0]:
                for second in laws[-1] if len(laws) == 2 else ():
                    formula = first.expression + second.expression * rows.variables[model.column]
                    yield template.inverse(formula), bits + first.structure_bits + second.structure_bits


def blocks_of(model: VaryingCoefficients, rows: Rows) -> Iterator[tuple[Rows, float]]:
    """The rows of each coefficient, weighted by what its errors matter, and the mean square of these.

    Where x varies little about a value far from zero, an error of b makes up for one of a: both are larger by the mean
    square of x over its variance, as those of a straight line are.
    """
    x = rows.columns[:, model.column]
    mean_square, mean = np.average(x**2, weights=rows.weights), np.average(x, weights=rows.weights)
    together = mean_square / max(mean_square - mean**2, np.finfo(float).tiny)
    for coefficient, slope in zip(model.coefficients.T, (np.ones(len(rows)), x), strict=True):
        weights = rows.weights * slope**2
        mean = float(weights.mean())
        error = max(model.unexplained, _ROUNDING) * together * rows.variance / mean
        yield replace(rows.select(model.others), target=coefficient, weights=weights / mean), error
