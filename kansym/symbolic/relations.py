"""Laws that are quotients of polynomials in several variables, found as null vectors.

``T(y) = P(x)/Q(x)`` says that ``P(x) − T(y)·Q(x) = 0`` on every row: the coefficients of P and Q are a null vector of
the matrix of monomials and of monomials times T(y). So a law with any number of constants is found by one
decomposition, without a search, if its monomials are among the columns, see :mod:`kansym.symbolic.null_vectors`.
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

from kansym.symbolic.null_vectors import NULL, NullVector, PolynomialSystem, lowest_relation, monomials
from kansym.symbolic.quotient_forms import (
    briefly,
    completed_squares,
    description_length,
    divided,
    factored,
    in_parts,
    polynomial_sum,
    square_root,
    tidied,
)
from kansym.symbolic.rows import Rows
from kansym.symbolic.span import TEMPLATES

__all__ = ["Relation", "exact_quotients", "relation_of"]

Array = NDArray[np.float64]

_TEMPLATES = ("y", "y^2", "log|y|", "exp(y)", "sin(y)", "cos(y)")
_DEGREES = ((1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (2, 3), (3, 3), (4, 3), (4, 4), (5, 4))
_DEGREES_OF_ONE = (*_DEGREES[:-1], (6, 2), (4, 6), (6, 6))
_CLOSE = 1e-4
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
        sign = template.sign_of(rows.target)
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
    bits : float
        What it takes to name the monomials.
    """

    above: dict[tuple[int, ...], float]
    below: dict[tuple[int, ...], float]
    bits: float

    @np.errstate(all="ignore")
    def predicts(self, columns: Array, target: Array) -> bool:
        """Whether P/Q is close to the target: a small residual of the linear system alone may be a small Q."""
        above, below = (
            monomials(columns, list(part)) @ np.array(list(part.values())) for part in (self.above, self.below)
        )
        return float(np.abs(above / below - target).max()) <= _CLOSE * float(np.ptp(target))

    def spellings(self, variables: Sequence[sympy.Symbol]) -> list[sympy.Expr]:
        """The quotient, and what division in each variable makes of it, the shortest to say first."""
        above, below = self._with_a_one_below()
        written = [[form(part, variables) for form in (polynomial_sum, completed_squares)] for part in (above, below)]
        forms = [up / down for up, down in itertools.product(*written)]
        forms += [form for i in range(len(variables)) if (form := divided(above, below, i, variables)) is not None]
        parts = in_parts(above, below, variables)
        forms += ([] if parts is None else [parts]) + factored(above, below, variables)
        forms = [sympy.factor_terms(form) for form in forms] + forms
        return sorted(dict.fromkeys(forms), key=description_length)

    def shortened(
        self, variables: Sequence[sympy.Symbol], apart: float, scales: Sequence[float]
    ) -> list[sympy.Expr]:
        """What the quotient is where coefficients that agree within a share ``apart`` are equal, the shortest first.

        For coefficients with errors: what they say of each other, such as that a part of P is a multiple of Q, holds
        within them only. Terms are compared for variables of the size ``scales``. The constants that are left are to be
        fitted again.
        """
        above, below = self._with_a_one_below()
        places = range(len(variables))
        forms = [form for i in places if (form := divided(above, below, i, variables, apart, scales)) is not None]
        parts = in_parts(above, below, variables, apart)
        forms += [] if parts is None else [parts, sympy.factor_terms(parts)]
        return sorted(dict.fromkeys(forms), key=description_length)

    def _with_a_one_below(self) -> list[dict[tuple[int, ...], Any]]:
        """P and Q divided by Q's constant, or by its largest coefficient where it has none."""
        constant = (0,) * len(next(iter(self.below)))
        unit = self.below.get(constant) or max(self.below.values(), key=abs)
        return [tidied({e: c / unit for e, c in part.items()}) for part in (self.above, self.below)]

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
                root_of = sympy.sqrt(briefly(tidied(inside), variables))
                found.append((polynomial_sum(tidied(outside), variables) / root_of) ** up)
        return found


def _relation(found: NullVector | None, columns: Array, target: Array) -> Relation | None:
    """The quotient that the two polynomials of a null vector make, if it predicts the target."""
    if found is None or not all(found.polynomials):
        return None
    above, below = found.polynomials
    relation = Relation(above, below, found.bits)
    return relation if relation.predicts(columns, target) else None


def _lowest(columns: Array, target: Array, should_stop: Callable[[], bool]) -> Relation | None:
    """The relation ``P(x) = target·Q(x)`` of the lowest degrees, if there is one of few terms."""
    degrees = _DEGREES_OF_ONE if columns.shape[1] == 1 else _DEGREES
    factors = [np.ones(len(target)), -target]
    return _relation(lowest_relation(columns, factors, degrees, should_stop), columns, target)


def relation_of(columns: Array, target: Array, top: int, bottom: int, null: float = NULL) -> Relation | None:
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
    system = PolynomialSystem.of(columns, [np.ones(len(target)), -target], (top, bottom))
    return _relation(system.sparsest(null), columns, target)
