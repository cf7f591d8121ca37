"""Formulas that are sums of products: a law of one column times a function of the others, for each product."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.library import Library
from kansym.structure.coefficient_curves import (
    CoefficientCurves,
    FunctionSpan,
    coefficient_curves,
    function_pairs,
    function_span,
)
from kansym.symbolic.curve_laws import CurveLaw, curve_laws
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.read_once_laws import AS_NOISE, TRANSFORMATIONS, transformations
from kansym.symbolic.rows import Rows
from kansym.symbolic.span import Template

__all__ = ["laws_of_coefficient_curves"]

Array = NDArray[np.float64]

_OBEYED = 1e-6  # share of the variance that polynomials may leave of a law without noise
_MOST_COLUMNS, _MOST_FACTORS = 4, 2
_POWERS = (0, 1, 2, -1, sympy.S.Half, 3, sympy.Rational(3, 2), -sympy.S.Half, -2, -sympy.Rational(3, 2), -3)
_FUNCTIONS = (sympy.log, sympy.exp, sympy.sin, sympy.cos)
_FUNCTION_BITS = math.log2(len(_POWERS) + len(_FUNCTIONS))
_STRUCTURES, _PAIRS, _LAWS_OF_A_CURVE, _PROPOSED = 3, 2, 2, 6
_CONSTANT = 4.0  # standard errors within which a curve is one


def laws_of_coefficient_curves(
    rows: Rows,
    library: Library,
    *,
    noise: float = 0.0,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose formulas ``T⁻¹(Σ_j c_j(r)·f_j(x))`` with r a column, x the others and T a transform of the target.

    Of one other column the f_j are powers, logarithms and such, or a law of its own; of two or three they are
    monomials.

    Parameters
    ----------
    rows : Rows
        With two to four variables; of others nothing is proposed.
    library : Library
    noise : float
        Mean square of the noise, in squared units of the target.
    seed : int
    should_stop : callable, optional

    Examples
    --------
    >>> from kansym.library import default_library
    >>> from kansym.symbolic.constants import refit
    >>> x = np.random.default_rng(0).uniform(1, 3, (600, 2))
    >>> rows = Rows.from_arrays(x, np.exp(np.log(x[:, 1]) * np.exp(-0.4 * x[:, 0]) + 0.3 * x[:, 0]))
    >>> laws = [law for law, _ in laws_of_coefficient_curves(rows, default_library())]
    >>> any(refit(law, rows).loss < 1e-20 for law in laws)
    True
    """
    stop = should_stop or (lambda: False)
    if not 2 <= rows.n_variables <= _MOST_COLUMNS:
        return
    # In noise many structures leave the same, and that of fewest curves says most; else the law's own leaves least.
    structures = sorted(
        _structures(rows, library, noise, seed, stop),
        key=lambda one: (len(one.functions) if noise > 0 else 0, one.curves.unexplained),
    )
    different: dict[Any, _Structure] = {}
    for structure in structures:
        different.setdefault(structure.key, structure)
    for structure in itertools.islice(different.values(), _STRUCTURES):
        bits = math.log2(len(TRANSFORMATIONS) * rows.n_variables) + _FUNCTION_BITS * len(structure.functions)
        for formula, more in _formulas(structure, library, stop):
            yield structure.template.inverse(formula), bits + more


@dataclass(frozen=True, eq=False)
class _Structure:
    """A transformed target as a sum of functions of some columns with curves of one other for coefficients."""

    template: Template
    rows: Rows
    column: int
    functions: tuple[sympy.Expr, ...]
    curves: CoefficientCurves

    @property
    def key(self) -> tuple[Any, ...]:
        """What it is, however it was found."""
        return self.template.name, self.column, frozenset(self.functions)


def _structures(
    rows: Rows, library: Library, noise: float, seed: int, stop: Callable[[], bool]
) -> Iterator[_Structure]:
    for template, transformed, its_noise in transformations(rows, noise, most_columns=_MOST_COLUMNS):
        enough = max(_OBEYED, AS_NOISE * its_noise / max(transformed.variance, np.finfo(float).tiny))
        for column in range(rows.n_variables):
            if stop():
                return
            for functions in _functions(transformed, column, enough, library, seed, stop):
                values = np.column_stack([_values(function, transformed) for function in functions])
                data = transformed.columns[:, column], values, transformed.target, transformed.weights
                curves = coefficient_curves(*data, enough, seed=seed)
                if curves is not None and len(curves.functions) > 1:
                    used = tuple(functions[place] for place in curves.functions)
                    yield _Structure(template, transformed, column, used, curves)


def _functions(
    rows: Rows, column: int, enough: float, library: Library, seed: int, stop: Callable[[], bool]
) -> Iterator[list[sympy.Expr]]:
    """Sets of functions of the other columns that the target may be made of."""
    others = [place for place in range(rows.n_variables) if place != column]
    if len(others) > 1:
        variables = [rows.variables[place] for place in others]
        chosen = itertools.chain.from_iterable(
            itertools.combinations_with_replacement(variables, count) for count in range(_MOST_FACTORS + 1)
        )
        yield [sympy.Mul(*factors) for factors in chosen]
        return
    (other,) = others
    x, symbol = rows.columns[:, other], rows.variables[other]
    powers = [power for power in _POWERS if x.min() > 0 or (sympy.sympify(power).is_integer and power >= 0)]
    asked = [symbol**power for power in powers]
    asked += [function(symbol) for function in _FUNCTIONS if function is not sympy.log or x.min() > 0]
    yield [symbol**power for power in range(_MOST_FACTORS + 2)]
    values = np.column_stack([_values(function, rows) for function in asked])
    r, data = rows.columns[:, column], (rows.target, rows.weights, enough)
    pairs = function_pairs(r, values, *data, seed=seed)
    for pair in pairs[:_PAIRS]:
        yield [asked[place] for place in pair]
    if x.min() >= 0 and x.max() <= 1:  # a mixture is said in terms of both shares
        yield [symbol, 1 - symbol]
    span = None if pairs or stop() else function_span(r, x, values, *data, seed=seed)
    if span is not None and span.members and span.directions.shape[1] == 2:
        member = span.members[0]
        for law in _laws_beside(span, values[:, member], rows.select([other]), library, stop):
            yield [asked[member], asked[member] * law]


def _laws_beside(
    span: FunctionSpan, member: Array, rows: Rows, library: Library, stop: Callable[[], bool]
) -> list[sympy.Expr]:
    """Laws of the quotient of what else is in the span and its known member: any straight line of one serves."""
    inside = span.directions.T @ member
    curve = span.directions @ np.array([-inside[1], inside[0]]) / member
    weights = member**2 / np.mean(member**2)
    block = replace(rows, target=curve / np.abs(curve).max(), weights=weights)
    laws = curve_laws(block, span.unexplained * block.variance, library, most=_LAWS_OF_A_CURVE, should_stop=stop)
    varying = (law.expression.as_independent(*rows.variables, as_Add=True)[1] for law in laws)
    return [sympy.sympify(part.as_independent(*rows.variables, as_Add=False)[1]) for part in varying]


def _formulas(
    structure: _Structure, library: Library, stop: Callable[[], bool]
) -> Iterator[tuple[sympy.Expr, float]]:
    laws: list[list[CurveLaw]] = []
    rows, functions, found = structure.rows, structure.functions, structure.curves
    for function, curve, error in zip(functions, found.curves.T, found.errors, strict=True):
        weights = rows.weights * _values(function, rows) ** 2
        block = replace(rows.select([structure.column]), target=curve, weights=weights / weights.mean())
        laws.append(_laws(block, float(error), library, stop))
        if not laws[-1]:
            return
    chosen = sorted(itertools.product(*laws), key=lambda laws: sum(law.bits for law in laws))
    for combination in chosen[:_PROPOSED]:
        terms = [law.expression * function for law, function in zip(combination, functions, strict=True)]
        yield sympy.Add(*terms), sum(law.structure_bits for law in combination)


def _laws(rows: Rows, error: float, library: Library, stop: Callable[[], bool]) -> list[CurveLaw]:
    if rows.variance <= _CONSTANT**2 * error:
        return [CurveLaw(sympy.Float(rows.mean), 0.0, 0.0)]
    laws = curve_laws(rows, error, library, most=_LAWS_OF_A_CURVE, should_stop=stop)
    # Where one of the curves has no law, the others need not be looked at.
    enough = max(_CONSTANT**2 * error, _OBEYED * rows.variance)
    return [law for law in laws if rows.loss(_values(law.expression, rows)) <= enough]


def _values(function: sympy.Expr, rows: Rows) -> Array:
    values = compile_expression(function, rows.variables)(rows.columns)
    return np.broadcast_to(np.asarray(values, dtype=float), len(rows))
