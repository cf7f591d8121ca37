"""Formulas of laws in which every column appears once: the structure from splines, each curve a law of its own.

Where two blocks share no column, their laws are found by smaller searches of the same kind.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import sympy

from kansym.library import Library
from kansym.structure.read_once import ReadOnce, read_once, two_blocks
from kansym.structure.trees import Node, trees
from kansym.symbolic.curve_laws import CurveLaw, curve_laws
from kansym.symbolic.rows import Rows
from kansym.symbolic.span import TEMPLATES, Template, transformed_target

__all__ = ["AS_NOISE", "TRANSFORMATIONS", "LawsOfBlock", "laws_of_two_blocks", "read_once_laws", "transformations"]

LawsOfBlock = Callable[[Rows, float], list[CurveLaw]]
"""Finds the shortest laws of the rows of a block, whose target has an error: a mean square."""

_OBEYED = 1e-4  # share of the variance that splines may leave of a law without noise
AS_NOISE = 1.3
"""What a structure may leave, as a multiple of the noise."""
_LAWS_OF_A_CURVE = 3
_PROPOSED = 12
_TREES = 2
TRANSFORMATIONS = ("y", "1/y", "y^2", "exp(y)", "log|y|", "1/y^2")
"""Templates whose transforms of the target are tried."""
_COLUMNS_TRANSFORMED = 3


def read_once_laws(
    rows: Rows,
    library: Library,
    *,
    noise: float = 0.0,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose formulas in which every column appears once, and the bits that name them.

    Where the target is no tree of sums and products, some transform of it may be.

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
    for template, transformed, its_noise in transformations(rows, noise, most_columns=_COLUMNS_TRANSFORMED):
        models = read_once(transformed.columns, transformed.target, transformed.weights, seed=seed, should_stop=stop)
        obeyed = _obeyed(models, transformed, its_noise)
        if not obeyed:  # as for more columns than four, whose trees are too many to be counted
            continue
        choice = math.log2(len(TRANSFORMATIONS) * len(trees(rows.n_variables)))
        for model in obeyed:
            for thorough in (False, True):
                laws = [
                    curve_laws(*leaf, library, thorough=thorough, most=_LAWS_OF_A_CURVE, should_stop=stop)
                    for leaf in _leaves(model, transformed)
                ]
                for formula, bits in _combined(model, laws, choice, _PROPOSED if thorough else 1):
                    yield template.inverse(formula), bits
        return


def transformations(rows: Rows, noise: float, *, most_columns: int) -> Iterator[tuple[Template, Rows, float]]:
    """Yield the target as it is, then its transforms where all rows are positive; each with its noise, a mean square.

    Parameters
    ----------
    rows : Rows
    noise : float
        Mean square of the noise, in squared units of the target.
    most_columns : int
        With more columns only the target as it is.

    Examples
    --------
    >>> rows = Rows.from_arrays(np.array([[1.0], [2.0]]), np.array([3.0, 5.0]))
    >>> [template.name for template, _, _ in transformations(rows, 0.0, most_columns=1)]
    ['y', '1/y', 'y^2', 'exp(y)', 'log|y|', '1/y^2']
    """
    for name in TRANSFORMATIONS if rows.n_variables <= most_columns else TRANSFORMATIONS[:1]:
        template = TEMPLATES[name]
        if name != "y" and not np.all(rows.target > 0):
            continue
        target, precision = transformed_target(template, rows.target, rows.weights)
        largest = float(precision.max())
        if np.all(np.isfinite(target)) and np.ptp(target) > 0 and 0.0 < largest < math.inf:
            weights = (precision / largest) ** 2
            mean = float(weights.mean())
            its_noise = noise / mean / largest / largest
            yield template, replace(rows, target=target, weights=weights / mean), its_noise


def laws_of_two_blocks(
    rows: Rows,
    library: Library,
    laws_of_block: LawsOfBlock,
    *,
    noise: float = 0.0,
    seed: int = 0,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose sums and products of two laws that share no column, one of which at least has several.

    Parameters
    ----------
    rows, library, noise, seed, should_stop
        As of :func:`read_once_laws`, with three to six variables.
    laws_of_block : callable
        Finds the laws of several columns.
    """
    stop = should_stop or (lambda: False)
    models = two_blocks(rows.columns, rows.target, rows.weights, seed=seed, should_stop=stop)
    choice = rows.n_variables - 1 + math.log2(len(trees(2)))
    for model in _obeyed(models, rows, noise):
        laws: list[list[CurveLaw]] = []
        # The smaller block first: where it has no law, the larger one need not be searched.
        for leaf in sorted(_leaves(model, rows), key=lambda leaf: leaf[0].n_variables):
            if all(laws):
                alone = leaf[0].n_variables == 1
                found = curve_laws(*leaf, library, should_stop=stop) if alone else laws_of_block(*leaf)
                laws.append(found)
        if len(laws) == len(model.groups):
            in_order = laws if len(model.groups[0]) <= len(model.groups[1]) else laws[::-1]
            yield from _combined(model, in_order, choice, _PROPOSED)


def _obeyed(models: Sequence[ReadOnce], rows: Rows, noise: float) -> list[ReadOnce]:
    """The structures that leave no more than noise, or than splines do."""
    enough = max(_OBEYED, AS_NOISE * noise / max(rows.variance, np.finfo(float).tiny))
    return [model for model in models[:_TREES] if model.unexplained <= enough]


def _leaves(model: ReadOnce, rows: Rows) -> Iterator[tuple[Rows, float]]:
    """The rows of each leaf, weighted by what its errors matter, and the mean square of these."""
    for place, group in enumerate(model.groups):
        with np.errstate(all="ignore"):
            weights = rows.weights * model.slopes[:, place] ** 2
            mean = float(weights.mean())
        usable = math.isfinite(mean) and mean > 0
        weights = weights / mean if usable else np.ones(len(rows))
        error = model.unexplained * rows.variance / mean if usable else math.inf
        yield replace(rows.select(group), target=model.curves[:, place], weights=weights), error


def _combined(
    model: ReadOnce, laws: list[list[CurveLaw]], choice: float, most: int
) -> Iterator[tuple[sympy.Expr, float]]:
    """The formulas of the tree, the shortest laws first."""
    chosen = sorted(itertools.product(*laws), key=lambda laws: sum(law.bits for law in laws))
    for combination in chosen[:most]:
        parts = [law.expression for law in combination]
        yield _written(model, parts), choice + sum(law.structure_bits for law in combination)


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


def _over_its_leading_constant(factor: Any) -> tuple[sympy.Expr, sympy.Expr]:
    """A number and a factor whose first constant is one."""
    if not factor.is_Add:
        return factor.as_coeff_Mul()
    terms = [term.as_coeff_Mul() for term in factor.args]
    number = next((coefficient for coefficient, _ in terms if isinstance(coefficient, sympy.Float)), sympy.S.One)
    return number, sympy.Add(
        *[rest if coefficient is number else coefficient / number * rest for coefficient, rest in terms]
    )
