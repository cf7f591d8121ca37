"""The span search: formulas whose outer constants come from least squares, not from a search.

``T(y)`` is looked for in the span of a small free set S and at most four features of a dictionary, with T an output
transform. For T = log|y| the set S holds the logarithms of all columns, that is a free monomial factor with real
exponents; a feature then enters as a factor, ``log|p|``, or inside an exponential, ``p``.

One feature is a matrix product: project T(y) and the features on the complement of S and compare directions. Two
features are found exactly by parallelism in the complement of S and T(y), where the images of the right pair coincide
up to sign; under noise by orthogonal matching pursuit from the best single features.

All of it is products of the dictionary with few vectors, in blocks of rows, by numpy or on a device by torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.symbolic.arrays import beside, fetched, leading
from kansym.symbolic.dictionary import Dictionary
from kansym.symbolic.feature_sets import EXACT_ANGLE, pairs, pursue, ranking_bits, simple_triples, triples
from kansym.symbolic.images import Images, images_of

if TYPE_CHECKING:
    import torch

__all__ = ["TEMPLATES", "Hit", "Template", "formulas_of", "search_span", "transformed_target"]

Array = NDArray[np.float64]

_MOST_FOR_TRIPLES = 10_000
_EVEN = ("y^2", "1/y^2", "log|y|")
_ZERO_EXPONENT = 0.08
_ROUND_EXPONENT = 0.12


@dataclass(frozen=True)
class Template:
    """An output transform with what least squares needs to know about it.

    Attributes
    ----------
    name : str
    transform : callable
        From y to T(y), numpy.
    slope : callable
        dT/dy: noise of y enters T multiplied by it, so rows are weighted by its inverse.
    inverse : callable
        From a sympy expression of T(y) to one of y.
    logarithmic : bool
        Whether monomial factors are free.
    intercept : bool
        Whether a constant is free. Without one, features that differ by a constant on the rows stay apart.
    """

    name: str
    transform: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    inverse: Callable[[Any], Any]
    logarithmic: bool = False
    intercept: bool = True

    def sign_of(self, target: Array) -> int:
        """The sign that its inverse lacks, of an even transform of targets that are negative for the most part."""
        return -1 if self.name in _EVEN and np.median(target) < 0 else 1


def _within(y: Array, low: float, high: float, transform: Callable[[Array], Array]) -> Array:
    """The transform where its inverse gives back every y, else not a number."""
    return transform(y) if np.all((y >= low) & (y <= high)) else np.full(len(y), np.nan)


def _log_odds(y: Array) -> Array:
    """The logarithm of y/(1 − y) where every y is a share, else not a number."""
    return np.log(y / (1.0 - y)) if np.all((y > 0.0) & (y < 1.0)) else np.full(len(y), np.nan)


TEMPLATES = {
    template.name: template
    for template in (
        Template("log|y|", lambda y: np.log(np.abs(y)), lambda y: 1.0 / y, sympy.exp, logarithmic=True),
        Template("y without constant", lambda y: y, np.ones_like, lambda u: u, intercept=False),
        Template("y", lambda y: y, np.ones_like, lambda u: u),
        Template("1/y without constant", lambda y: 1 / y, lambda y: 1 / y**2, lambda u: 1 / u, intercept=False),
        Template("1/y", lambda y: 1.0 / y, lambda y: 1.0 / y**2, lambda u: 1 / u),
        Template("y^2", lambda y: y * y, lambda y: 2.0 * y, sympy.sqrt),
        Template("1/y^2", lambda y: 1.0 / (y * y), lambda y: 2.0 / (y * y * y), lambda u: 1 / sympy.sqrt(u)),
        Template("exp(y)", lambda y: _within(y, -50.0, 50.0, np.exp), np.exp, sympy.log),
        Template("sin(y)", lambda y: _within(y, -np.pi / 2, np.pi / 2, np.sin), np.cos, sympy.asin, intercept=False),
        Template("cos(y)", lambda y: _within(y, 0.0, np.pi, np.cos), np.sin, sympy.acos, intercept=False),
        # Shares of a whole: occupations, doses that work, degrees of ionisation.
        Template("logit(y)", _log_odds, lambda y: 1.0 / (y * (1.0 - y)), lambda u: 1 / (1 + sympy.exp(-u))),
    )
}


@dataclass(frozen=True)
class Hit:
    """A combination that explains T(y).

    Attributes
    ----------
    template : Template
    features : tuple of (int, bool)
        Positions in the dictionary, and whether the logarithm of the feature is meant.
    unexplained : float
        Share of the weighted T(y), after S, that the features leave.
    bits : float
        Rough description length by which hits are ranked, also those of other templates: what is left of y, as a share
        of its variance, and the features' complexity.
    """

    template: Template
    features: tuple[tuple[int, bool], ...]
    unexplained: float
    bits: float

    @classmethod
    def none(cls, template: Template) -> Hit:
        """The template without a feature."""
        return cls(template, (), 1.0, 0.0)


def search_span(
    dictionary: Dictionary,
    columns: Array,
    target: Array,
    template: Template,
    *,
    row_weights: Array | None = None,
    most: int = 40,
    deep: bool = False,
    noise: float = 0.0,
    should_stop: Callable[[], bool] | None = None,
    device: torch.device | None = None,
) -> list[Hit]:
    """Find the best combinations of no, one and two features, the shortest description first.

    Beside the dictionary's values this takes memory for one direction of each feature, for the logarithmic template
    of two, on the device if there is one; for blocks of at most 160 MB together; and for some 25 numbers a direction. A
    deep search adds 130 numbers for each of the first ten thousand.

    Parameters
    ----------
    dictionary : Dictionary
        Made on the same rows.
    columns : ndarray of shape (n_rows, n_variables)
    target : ndarray of shape (n_rows,)
    template : Template
    row_weights : ndarray of shape (n_rows,), optional
        Relative precision of each row of the target.
    most : int
        How many hits of each kind are returned at most.
    deep : bool
        Look for three and four features instead, which takes ten times as long.
    noise : float
        Share of T(y), after S, that is the target's own error although neighbouring rows share it: the values of a
        model. Hits that come nearer to the target than this are ranked as nearly equal, the simpler first.
    should_stop : callable, optional
        Asked now and then in a deep search; what was found so far is returned.
    device : torch.device, optional
        Where the products are made, in float64; by numpy if none is given. Hits are the same but for the last bits of
        ``unexplained``, in the same order: what only rounding tells apart is ranked by cost, and then as it was found.

    Returns
    -------
    list of Hit
        Empty where the transform is not finite.
    """
    transformed, weights = transformed_target(template, target, row_weights)
    good = np.isfinite(transformed) & (weights > 0)
    if good.sum() < max(6, len(target) // 2) or not weights.any():
        return []
    largest = weights[good].max()
    transformed, weights = transformed[good], weights[good] / largest
    free = _free_set(columns[good], template) * weights[:, None]
    basis, _ = np.linalg.qr(free)
    residual = transformed * weights
    residual = residual - basis @ (basis.T @ residual)
    size = np.linalg.norm(residual)
    whole = np.linalg.norm((transformed - transformed.mean()) * weights)
    if free.shape[1] and size <= 1e-11 * max(whole, 1e-300):
        return [Hit(template, (), 0.0, -np.inf)]
    hits = [Hit(template, (), 1.0, 0.0)] if free.shape[1] else []
    images = images_of(dictionary, good, weights, basis, logarithmic=template.logarithmic, device=device)
    if len(images) and size > 0:
        hits += _ranked(images, residual / size, template, (most, deep, noise), should_stop or (lambda: False))
    # A row's weight is the inverse of the slope of T, so weighted residuals are those of y.
    left, spread = largest * size, float(np.sqrt(good.sum())) * max(target.std(), np.finfo(float).tiny)
    common = float(good.sum() * np.log2(max(left, np.finfo(float).tiny) / spread)) if np.isfinite(left) else 0.0
    every = len(target) / good.sum()  # rows on which T has no value count as the others do
    return sorted((replace(hit, bits=every * (hit.bits + common)) for hit in hits), key=lambda hit: hit.bits)


def transformed_target(template: Template, target: Array, row_weights: Array | None) -> tuple[Array, Array]:
    """T(y) and the square roots of its rows' weights: noise of y enters multiplied by the slope of T."""
    with np.errstate(all="ignore"):
        transformed, weights = template.transform(target), 1.0 / np.abs(template.slope(target))
    if row_weights is not None:
        weights = weights * np.sqrt(row_weights)
    finite = weights[np.isfinite(weights)]
    largest = 10.0 * np.median(finite) if len(finite) else 1.0
    return transformed, np.minimum(np.nan_to_num(weights, posinf=largest), largest)


def _ranked(
    images: Images,
    goal: Array,
    template: Template,
    options: tuple[int, bool, float],
    should_stop: Callable[[], bool],
) -> list[Hit]:
    most, deep, noise = options
    cosines = fetched(images.directions @ beside(goal, images.directions))
    single = np.maximum(1.0 - cosines**2, 0.0)
    length = ranking_bits(single + noise, images.costs, len(goal))
    best = leading(length, most)
    hits = [Hit(template, images.features((i,)), float(single[i]), float(length[i])) for i in best]
    if single.min() > EXACT_ANGLE:
        sets: dict[tuple[int, ...], float]
        if deep:
            sets = triples(images.directions[:_MOST_FOR_TRIPLES], goal, should_stop)
            if not sets:
                sets = simple_triples(images.directions, goal, cosines)
                sets |= pursue(images.directions, goal, images.costs, should_stop)
        else:
            sets = pairs(images.directions, goal, cosines)
        found = list(sets)
        rest = np.array([sets[places] for places in found], dtype=float)
        length = ranking_bits(rest + noise, np.array([images.costs[list(places)].sum() for places in found]), len(goal))
        for k in leading(length, most):
            hits.append(Hit(template, images.features(found[k]), float(rest[k]), float(length[k])))
    return hits


def _free_set(columns: Array, template: Template) -> Array:
    ones = np.ones((len(columns), int(template.intercept)))
    if not template.logarithmic:
        return ones
    usable = [column for column in columns.T if np.all(column != 0) and np.ptp(np.abs(column)) > 0]
    return np.column_stack([ones, *[np.log(np.abs(column)) for column in usable]])


def formulas_of(
    hit: Hit, dictionary: Dictionary, columns: Array, target: Array, row_weights: Array | None = None
) -> list[sympy.Expr]:
    """Sympy formulas for a hit, with constants from least squares; the refit on the raw data comes after.

    For the logarithmic template two readings are offered where they differ: exponents rounded to halves, and real ones.
    """
    template = hit.template
    parts = [_Part.of(dictionary, position, logarithm) for position, logarithm in hit.features]
    transformed, weights = transformed_target(template, target, row_weights)
    if template.logarithmic:
        usable = [i for i, c in enumerate(columns.T) if np.all(c != 0) and np.ptp(np.abs(c)) > 0]
        parts += [_Part(dictionary.variables[i], columns[:, i], True) for i in usable]
    design = np.column_stack([np.full(len(target), float(template.intercept)), *[part.regressor for part in parts]])
    good = np.isfinite(transformed) & (weights > 0) & np.all(np.isfinite(design), axis=1)
    root = weights[good, None]
    system = design[good] * root
    size = np.abs(system).max(axis=0, initial=0.0)
    if not good.any():
        return []
    size[size == 0] = 1.0
    solution = np.linalg.lstsq(system / size, transformed[good] * root[:, 0], rcond=None)[0] / size
    if not np.all(np.isfinite(solution)):
        return []
    if not template.logarithmic:
        total = sympy.Add(
            sympy.Float(solution[0]) if template.intercept else sympy.S.Zero,
            *[sympy.Float(c) * part.expression for c, part in zip(solution[1:], parts, strict=True)],
        )
        return [template.inverse(total) * template.sign_of(target)]
    return _monomial_formulas(np.asarray(solution, dtype=float), parts, target)


@dataclass(frozen=True)
class _Part:
    expression: sympy.Expr
    values: Array
    logarithm: bool

    @classmethod
    def of(cls, dictionary: Dictionary, position: int, logarithm: bool) -> _Part:
        return cls(dictionary.expression(position), dictionary.values[position], logarithm)

    @property
    def regressor(self) -> Array:
        with np.errstate(all="ignore"):
            return np.log(np.abs(self.values)) if self.logarithm else self.values

    def power(self, exponent: Any) -> tuple[sympy.Expr, Array]:
        """The part to an exponent, its base turned positive where a real exponent needs it."""
        base, values = self.expression, self.values
        if not exponent.is_Integer and np.any(values < 0):
            base = -base if np.all(values < 0) else sympy.Abs(base)
            values = np.abs(values)
        with np.errstate(all="ignore"):
            return base**exponent, values ** float(exponent)


def _monomial_formulas(solution: Array, parts: list[_Part], target: Array) -> list[sympy.Expr]:
    real, rounded = [], []
    for coefficient, part in zip(solution[1:], parts, strict=True):
        if not part.logarithm:
            real.append(None)
            rounded.append(None)
            continue
        halves = round(2 * coefficient)
        near = abs(coefficient - halves / 2) < _ROUND_EXPONENT
        real.append(sympy.Float(coefficient) if abs(coefficient) > 1e-3 else sympy.S.Zero)
        if abs(coefficient) < _ZERO_EXPONENT:
            rounded.append(sympy.S.Zero)
        else:
            rounded.append(sympy.Rational(halves, 2) if near and halves else real[-1])
    formulas = []
    for exponents in (rounded, real):
        formula = _product(solution, parts, exponents, target)
        if formula is not None and formula not in formulas:
            formulas.append(formula)
    return formulas


def _product(solution: Array, parts: list[_Part], exponents: list[Any], target: Array) -> sympy.Expr | None:
    expression: Any = sympy.S.One
    values = np.ones(len(target))
    for coefficient, part, exponent in zip(solution[1:], parts, exponents, strict=True):
        if not part.logarithm:
            expression = expression * sympy.exp(sympy.Float(coefficient) * part.expression)
            with np.errstate(all="ignore"):
                values = values * np.exp(coefficient * part.values)
        elif exponent != 0:
            factor, factor_values = part.power(exponent)
            with np.errstate(all="ignore"):
                expression, values = expression * factor, values * factor_values
    with np.errstate(all="ignore"):
        scale = float(values @ target / (values @ values))
    return sympy.Float(scale) * expression if np.isfinite(scale) and scale != 0 else None
