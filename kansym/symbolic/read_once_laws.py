"""Formulas of laws in which every column appears once: the structure from splines, each curve a law of its own."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import sympy

from kansym.library import Library
from kansym.structure.read_once import Node, ReadOnce, read_once, trees
from kansym.symbolic.curve_laws import CurveLaw, curve_laws
from kansym.symbolic.rows import Rows

__all__ = ["read_once_laws"]

_OBEYED = 1e-3  # share of the variance that splines may leave of a law without noise
_AS_NOISE = 1.3
_LAWS_OF_A_CURVE = 3
_PROPOSED = 12
_TREES = 2


def read_once_laws(
    rows: Rows,
    library: Library,
    *,
    noise: float = 0.0,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose formulas in which every column appears once, and the bits that name them.

    Parameters
    ----------
    rows : Rows
        With two to four variables.
    library : Library
    noise : float
        Mean square of the noise, in squared units of the target: what curves cannot explain. Structures that leave more
        are not those of the data.
    seed : int
    should_stop : callable, optional

    Examples
    --------
    >>> from kansym.library import default_library
    >>> from kansym.symbolic.constants import refit
    >>> x = np.random.default_rng(0).uniform(0.2, 3.0, (400, 2))
    >>> rows = Rows.from_arrays(x, 0.8 * x[:, 0] * np.sin(2.4 * x[:, 1] + 0.3) + 1.7)
    >>> formulas = [formula for formula, _ in read_once_laws(rows, default_library())]
    >>> any(refit(formula, rows).loss < 1e-20 for formula in formulas)
    True
    """
    stop = should_stop or (lambda: False)
    models = read_once(rows.columns, rows.target, rows.weights, seed=seed, should_stop=stop)
    enough = max(_OBEYED, _AS_NOISE * noise / max(rows.variance, np.finfo(float).tiny))
    choice = math.log2(len(trees(rows.n_variables))) if models else 0.0
    for model in models[:_TREES]:
        if model.unexplained > enough:
            return
        for thorough in (False, True):
            laws = [_laws(rows, model, column, library, thorough, stop) for column in range(rows.n_variables)]
            chosen = sorted(itertools.product(*laws), key=lambda laws: sum(law.bits for law in laws))
            for combination in chosen[: _PROPOSED if thorough else 1]:
                parts = [law.expression for law in combination]
                yield _written(model, parts), choice + sum(law.structure_bits for law in combination)


def _laws(
    rows: Rows, model: ReadOnce, column: int, library: Library, thorough: bool, stop: Callable[[], bool]
) -> list[CurveLaw]:
    weights = rows.weights * model.slopes[:, column] ** 2
    if not np.all(np.isfinite(weights)) or weights.max() == 0:
        return []
    curve = replace(rows.select([column]), target=model.curves[:, column], weights=weights / weights.mean())
    error = model.unexplained * rows.variance / float(weights.mean())
    return curve_laws(curve, library, error=error, thorough=thorough, most=_LAWS_OF_A_CURVE, should_stop=stop)


def _written(model: ReadOnce, parts: list[sympy.Expr]) -> sympy.Expr:
    expression = _tree(model.tree, parts)
    return expression + sympy.Float(model.constant) if model.tree.constant else expression


def _tree(tree: Node, parts: list[sympy.Expr]) -> sympy.Expr:
    written = [parts[part] if isinstance(part, int) else _tree(part, parts) for part in tree.parts]
    if not tree.is_product:
        return sympy.Add(*written)
    # A product has one factor in front: each sum in it starts with a plain term.
    plain = [_over_its_leading_constant(factor) for factor in written]
    return sympy.Mul(sympy.prod([number for number, _ in plain]), *[factor for _, factor in plain], evaluate=False)


def _over_its_leading_constant(factor: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """A number and a factor whose first constant is one."""
    if not factor.is_Add:
        return factor.as_coeff_Mul()
    terms = [term.as_coeff_Mul() for term in factor.args]
    number = next((coefficient for coefficient, _ in terms if isinstance(coefficient, sympy.Float)), sympy.S.One)
    return number, sympy.Add(
        *[rest if coefficient is number else coefficient / number * rest for coefficient, rest in terms]
    )
