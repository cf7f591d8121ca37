"""Laws that are quotients of polynomials in several variables, found as null vectors.

``T(y) = P(x)/Q(x)`` says that ``P(x) − T(y)·Q(x) = 0`` on every row: the coefficients of P and Q are a null vector of
the matrix of monomials and of monomials times T(y). So a law with any number of constants is found by one
decomposition, without a search, if its monomials are among the columns. Where several null vectors share the columns,
monomials are removed one by one as long as a null vector is left: the law in lowest terms has the fewest.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.symbolic.quotient_forms import (
    description_length,
    divided,
    factored,
    polynomial_sum,
    square_root,
    tidied,
)
from kansym.symbolic.rows import Rows
from kansym.symbolic.span import TEMPLATES

__all__ = ["Relation", "exact_quotients", "exponents_up_to", "monomials", "relation_of"]

Array = NDArray[np.float64]

_TEMPLATES = ("y", "y^2", "log|y|", "exp(y)", "sin(y)", "cos(y)")
_DEGREES = ((1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (2, 3), (3, 3), (4, 3), (4, 4))
_DEGREES_OF_ONE = (*_DEGREES, (6, 2), (4, 6), (6, 6))
_MOST_COLUMNS = 300
_ROWS_PER_COLUMN = 2.5
_NULL = 2e-14  # of columns of length one: rounding
# What approximates some other function gets better from degree to degree, and needs many terms; a law is there at once.
_CONVERGING = 1e-8
_FEW_TERMS = 4
_NEGLIGIBLE = 1e-6
_DEPENDENT = 1e-9
_CLOSE = 1e-4
_MOST_TERMS = 14
_TEMPLATE_BITS = 3.0


def exact_quotients(
    rows: Rows, should_stop: Callable[[], bool] | None = None
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose the quotients of polynomials that the rows obey up to rounding, and the bits that name them.

    Each transform of the target gives at most one relation, that of the lowest degrees, in all its short spellings.

    Parameters
    ----------
    rows : Rows
        At least two and a half times as many as there are monomials; higher degrees are not tried with fewer.
    should_stop : callable, optional
        Asked before each decomposition.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(0, 5, (200, 2))
    >>> rows = Rows.from_arrays(x, 20 - x[:, 0] - x[:, 0] * x[:, 1] / (1 + 0.5 * x[:, 0] ** 2))
    >>> formulas = [formula for formula, _ in exact_quotients(rows)]
    >>> {round(float(formula.subs(dict(zip(rows.variables, (2, 3))))), 9) for formula in formulas}
    {16.0}
    """
    for name in () if rows.is_constant else _TEMPLATES:
        template = TEMPLATES[name]
        with np.errstate(all="ignore"):
            target = template.transform(rows.target)
        if not np.all(np.isfinite(target)) or not np.any(target):
            continue
        relation = _lowest(rows.columns, target, should_stop or (lambda: False))
        if relation is None:
            continue
        bits = relation.bits + (0.0 if name == "y" else _TEMPLATE_BITS)
        sign = -1 if name in ("y^2", "log|y|") and np.median(rows.target) < 0 else 1
        if name == "y^2":
            row = int(np.abs(rows.target).argmax())
            there = dict(zip(rows.variables, rows.columns[row].tolist(), strict=True))
            for root in relation.roots(rows.variables):
                value: Any = root.xreplace(there)
                yield root * int(np.sign(float(value) * rows.target[row])), bits
        for quotient in relation.spellings(rows.variables):
            yield sign * template.inverse(quotient), bits
        if name == "y":
            return  # what the law is obeys the relations of its transforms as well


@dataclass(frozen=True)
class Relation:
    """A quotient of polynomials.

    Attributes
    ----------
    above, below : dict
        Coefficients of P and of Q by exponents.
    choices : int
        Number of monomials that they were chosen from.
    """

    above: dict[tuple[int, ...], float]
    below: dict[tuple[int, ...], float]
    choices: int

    @property
    def bits(self) -> float:
        """Bits that name each monomial."""
        return math.log2(self.choices) * (len(self.above) + len(self.below))

    @np.errstate(all="ignore")
    def predicts(self, columns: Array, target: Array) -> bool:
        """Whether P/Q is close to the target: a small residual of the linear system alone may be a small Q."""
        above, below = (
            monomials(columns, list(part)) @ np.array(list(part.values())) for part in (self.above, self.below)
        )
        return float(np.abs(above / below - target).max()) <= _CLOSE * float(np.ptp(target))

    def spellings(self, variables: Sequence[sympy.Symbol]) -> list[sympy.Expr]:
        """The quotient, and what division in each variable makes of it, the shortest to say first."""
        first = self.below.get((0,) * len(variables)) or max(self.below.values(), key=abs)
        above, below = (tidied({e: c / first for e, c in part.items()}) for part in (self.above, self.below))
        forms = [polynomial_sum(above, variables) / polynomial_sum(below, variables)]
        forms += [form for i in range(len(variables)) if (form := divided(above, below, i, variables)) is not None]
        forms += factored(above, below, variables)
        forms = [sympy.factor_terms(form) for form in forms] + forms
        return sorted(dict.fromkeys(forms), key=description_length)

    def roots(self, variables: Sequence[sympy.Symbol]) -> list[sympy.Expr]:
        """Square roots of the quotient, up to sign, that change sign where P or Q, a square, is zero."""
        found = []
        for up, part, other in ((1, self.above, self.below), (-1, self.below, self.above)):
            sign = math.copysign(1.0, part[max(part)])
            root = square_root({e: sign * c for e, c in part.items()})
            if root is None:
                continue
            # What divides the root goes into the other root: 1/sqrt(1 - v^2/c^2) and not c/sqrt(c^2 - v^2).
            common = tuple(map(min, zip(*root, strict=True)))
            for shift in dict.fromkeys((common, (0,) * len(variables))):
                inside = {tuple(a - 2 * b for a, b in zip(e, shift, strict=True)): sign * c for e, c in other.items()}
                outside = {tuple(a - b for a, b in zip(e, shift, strict=True)): c for e, c in root.items()}
                root_of = sympy.sqrt(polynomial_sum(tidied(inside), variables))
                found.append((polynomial_sum(tidied(outside), variables) / root_of) ** up)
        return found


def _lowest(columns: Array, target: Array, should_stop: Callable[[], bool]) -> Relation | None:
    """The relation of the lowest degrees, if there is one of few terms."""
    most_terms = _MOST_TERMS
    for top, bottom in _DEGREES_OF_ONE if columns.shape[1] == 1 else _DEGREES:
        n_columns = sum(math.comb(columns.shape[1] + degree, degree) for degree in (top, bottom))
        if n_columns > min(_MOST_COLUMNS, len(target) / _ROWS_PER_COLUMN) or should_stop():
            return None
        system = _System.of(columns, target, top, bottom)
        least = system.least()
        if least <= _NULL:
            relation = system.relation(_NULL, most_terms)
            return relation if relation is not None and relation.predicts(columns, target) else None
        if least < _CONVERGING:
            most_terms = _FEW_TERMS
    return None


def relation_of(columns: Array, target: Array, top: int, bottom: int, null: float = _NULL) -> Relation | None:
    """Return the relation ``P(x) = target·Q(x)`` with the fewest monomials, degrees of P and Q given.

    None if there is none, or only one of many terms: that is an approximation.

    Parameters
    ----------
    columns : ndarray of shape (n_rows, n_columns)
    target : ndarray of shape (n_rows,)
    top, bottom : int
        Total degrees of P and Q.
    null : float
        Residual that counts as none, of columns of length one.

    Examples
    --------
    >>> x = np.random.default_rng(0).uniform(1, 2, (50, 2))
    >>> relation = relation_of(x, x[:, 0] / (1 + 3 * x[:, 1]), 1, 1)
    >>> sorted(relation.above), sorted(relation.below)
    ([(1, 0)], [(0, 0), (0, 1)])
    """
    relation = _System.of(columns, target, top, bottom).relation(null)
    return relation if relation is not None and relation.predicts(columns, target) else None


@dataclass(frozen=True, eq=False)
class _System:
    """The triangle of the decomposed matrix ``[P, −target·Q]``, and what its columns are."""

    triangle: Array
    independent: list[int]
    exponents: tuple[list[tuple[int, ...]], list[tuple[int, ...]]]
    units: Array

    @classmethod
    @np.errstate(over="ignore", under="ignore")
    def of(cls, columns: Array, target: Array, top: int, bottom: int) -> _System:
        scales, size = np.abs(columns).max(axis=0), float(np.abs(target).max())
        scales[scales == 0] = 1.0
        above, below = (exponents_up_to(columns.shape[1], degree) for degree in (top, bottom))
        unit = columns / scales
        matrix = np.hstack([monomials(unit, above), -monomials(unit, below) * (target / size)[:, None]])
        lengths = np.linalg.norm(matrix, axis=0)
        lengths[lengths == 0] = 1.0
        matrix = matrix / lengths
        units = lengths * np.prod(scales ** np.array(above + below), axis=1)
        units[: len(above)] /= size
        # Monomials that depend on others of their polynomial make null vectors that say nothing of the target.
        blocks = matrix[:, : len(above)], matrix[:, len(above) :]
        kept = [np.abs(np.diag(np.linalg.qr(block, mode="r"))) > _DEPENDENT for block in blocks]
        independent = np.flatnonzero(np.concatenate(kept)).tolist()
        return cls(np.asarray(np.linalg.qr(matrix, mode="r")), independent, (above, below), units)

    def least(self) -> float:
        """How far the matrix is from having a null vector."""
        return _last_singular(self.triangle, self.independent)[0]

    def relation(self, null: float, most_terms: int = _MOST_TERMS) -> Relation | None:
        support, vector = _sparsest_null_vector(self.triangle, self.independent, null)
        above, below = self.exponents
        with np.errstate(all="ignore"):
            values = dict(zip(support, (vector / self.units[support]).tolist(), strict=True))
        first = {above[j]: c for j, c in values.items() if j < len(above)}
        second = {below[j - len(above)]: c for j, c in values.items() if j >= len(above)}
        if not first or not second or len(support) > most_terms or not all(map(math.isfinite, values.values())):
            return None
        return Relation(first, second, choices=len(above) + len(below))


def exponents_up_to(n_variables: int, degree: int) -> list[tuple[int, ...]]:
    """Exponents of all monomials up to a total degree, those of low degree first."""
    every = itertools.product(range(degree + 1), repeat=n_variables)
    return sorted((exponent for exponent in every if sum(exponent) <= degree), key=sum)


def monomials(columns: Array, exponents: Sequence[tuple[int, ...]]) -> Array:
    """Values of monomials: shape (n_rows, n_monomials)."""
    known: dict[tuple[int, ...], Array] = {(0,) * columns.shape[1]: np.ones(len(columns))}

    def value(exponent: tuple[int, ...]) -> Array:
        if exponent not in known:
            place = next(i for i, k in enumerate(exponent) if k)
            smaller = (*exponent[:place], exponent[place] - 1, *exponent[place + 1 :])
            known[exponent] = value(smaller) * columns[:, place]
        return known[exponent]

    return np.stack([value(exponent) for exponent in exponents], axis=1)


def _sparsest_null_vector(triangle: Array, support: list[int], null: float) -> tuple[list[int], Array]:
    """Positions and values of a null vector from which no position can be left out; none if there is no null vector."""
    least, vector = _last_singular(triangle, support)
    if least > null:
        return [], np.empty(0)
    kept = [j for j, c in zip(support, vector, strict=True) if abs(c) > _NEGLIGIBLE * np.abs(vector).max()]
    if 1 < len(kept) < len(support):
        least, shorter = _last_singular(triangle, kept)
        support, vector = (kept, shorter) if least <= null else (support, vector)
    removing = True
    while removing:
        removing = False
        for j in np.argsort(np.abs(vector)):
            others = support[:j] + support[j + 1 :]
            least, shorter = _last_singular(triangle, others) if len(others) > 1 else (1.0, vector)
            if least <= null:
                support, vector, removing = others, shorter, True
                break
    return support, vector


def _last_singular(triangle: Array, support: list[int]) -> tuple[float, Array]:
    _, singular, right = np.linalg.svd(triangle[:, support])
    return float(singular[-1]), right[-1]
