"""Laws with one function that holds constants inside, each found as the dip of a smallest angle.

``P(x, g) − T(y)·Q(x, g) = 0`` with ``g = exp(k·x)`` (or a wave, a real power, a shifted logarithm or root) is linear in
all constants but k. So k is the only one to be searched: where it is right, the space of the P and that of the T(y)·Q
share a direction, see :mod:`kansym.symbolic.angles`; the remaining constants come from the null vector, see
:mod:`kansym.symbolic.relations`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.library import Library
from kansym.symbolic.angles import Spaces
from kansym.symbolic.inner_functions import FALLING, FAMILIES, FAMILIES_OF_TWO, Family
from kansym.symbolic.normal_form import one_wave
from kansym.symbolic.null_vectors import count_monomials, exponents_up_to, monomials
from kansym.symbolic.relations import Relation, relation_of
from kansym.symbolic.rows import Rows
from kansym.symbolic.span import TEMPLATES, Template

__all__ = ["laws_with_inner_constant"]

Array = NDArray[np.float64]

_TEMPLATES = (
    TEMPLATES["y"],
    TEMPLATES["log|y|"],
    TEMPLATES["y^2"],
    Template("sqrt(y)", np.sqrt, lambda y: 0.5 / np.sqrt(y), lambda u: u**2),
)
_MOST_COLUMNS = 64
_ROWS_PER_COLUMN = 3
_LEAST_ROWS_PER_COLUMN = 2
_STEP = 3
# Monomials that only make up for an error of the inner constant are left out. They make the angle quadratic in that
# error, so that rounding hides its last digits; the fit of the formula finds them.
_NEARLY_NULL = (1e-5, 1e-8)
_FAMILY_BITS = 8.0  # which function of which column, with which transform
_DEGREES_ALONE = (2, 2)
_MULTIPLIERS = (0, 1, -1, 2, -2, 3, -3)
_ATTEMPTS = (
    *itertools.product(((1, 1),), FALLING),
    *itertools.product(((1, 1), (2, 1), (1, 2), (2, 2)), FAMILIES),
    *itertools.product(((1, 0), (2, 0)), FAMILIES_OF_TWO),
    *itertools.product(((3, 2), (2, 3)), FAMILIES),
)


def laws_with_inner_constant(
    rows: Rows, library: Library, should_stop: Callable[[], bool] | None = None
) -> Iterator[tuple[sympy.Expr, float]]:
    """Propose quotients of polynomials of the columns and one function with a constant inside, and their bits.

    Only where the angle falls below 1e-9 is anything proposed, so noise leaves nothing. Close approximations get that
    far too: whether a formula is exact, the fit of its constants has to say.

    Parameters
    ----------
    rows : Rows
    library : Library
        Its functions are used.
    should_stop : callable, optional
        Asked before each function of each column.

    Examples
    --------
    >>> from kansym.library import default_library
    >>> x = np.random.default_rng(0).uniform(0, 5, (200, 2))
    >>> rows = Rows.from_arrays(x, 3 + x[:, 1] / (2 + 5 * np.exp(-0.7 * x[:, 0])))
    >>> formula = next(laws_with_inner_constant(rows, default_library()))[0]
    >>> round(float(formula.subs(dict(zip(rows.variables, (0.0, 7.0))))), 4)
    4.0
    """
    stop = should_stop or (lambda: False)
    if rows.is_constant:
        return
    if rows.n_variables == 1:
        yield from _of_functions_alone(rows, library, stop)
    for degrees, family in _ATTEMPTS:
        for template, column in itertools.product(_TEMPLATES, range(rows.n_variables)):
            if stop():
                return
            x = rows.columns[:, column]
            if np.ptp(x) == 0 or not family.usable(x) or not all(need in library for need in family.needs):
                continue
            with np.errstate(all="ignore"):
                target = template.transform(rows.target)
            if not np.all(np.isfinite(target)) or np.ptp(target) == 0:
                continue
            profile = _Profile(rows.columns, target, column, family, degrees)
            sign = template.sign_of(rows.target)
            for quotient, bits in _quotients(profile, rows, target):
                yield sign * template.inverse(quotient), bits


def _of_functions_alone(
    rows: Rows, library: Library, stop: Callable[[], bool]
) -> Iterator[tuple[sympy.Expr, float]]:
    """Laws ``x^k·y = P(g)/Q(g)`` of one variable: it has few constants beside those in g, so that the dip is deep.

    Einstein's heat capacity is one of them, and ``1/cosh(x)^2``; together with x itself quotients of that degree would
    follow any smooth curve.
    """
    x, variable = rows.columns[:, 0], rows.variables[0]
    for family, power in itertools.product(FAMILIES, _MULTIPLIERS):
        if stop() or np.ptp(x) == 0:
            return
        if family.needs == ("x^n",) or not family.usable(x) or not all(need in library for need in family.needs):
            continue
        with np.errstate(all="ignore"):
            target = rows.target * x**power
        if np.all(np.isfinite(target)) and np.ptp(target) > 0:
            profile = _Profile(rows.columns, target, 0, family, _DEGREES_ALONE, alone=True)
            for quotient, bits in _quotients(profile, rows, target):
                yield quotient * variable**-power, bits + abs(power)


def _quotients(profile: _Profile, rows: Rows, target: Array) -> Iterator[tuple[Any, float]]:
    """The quotients of the relations at the dip of a profile, if it has one, and their bits."""
    constants = profile.dip() if profile.is_determined else None
    if constants is not None:
        for relation in profile.relations(constants, rows.columns, target):
            for quotient in _spelt(relation, profile, rows.variables, constants):
                yield quotient, _FAMILY_BITS + relation.bits


def _spelt(relation: Relation, profile: _Profile, variables: Sequence[Any], constants: Array) -> Iterator[Any]:
    """The relation's spellings with the functions in them; waves of one argument also as one wave with a phase."""
    argument = profile.family.argument(variables[profile.column], profile.centre)
    functions = profile.family.expressions(argument, constants.tolist())
    stand_ins = [sympy.Dummy(real=True) for _ in functions]
    for quotient in relation.spellings([*([] if profile.alone else variables), *stand_ins]):
        formula = quotient.xreplace(dict(zip(stand_ins, functions, strict=True)))
        yield from dict.fromkeys((one_wave(formula), formula))


class _Profile:
    """The smallest angle between the P and the T(y)·Q as a function of the inner constants, on a few rows."""

    def __init__(
        self,
        columns: Array,
        target: Array,
        column: int,
        family: Family,
        degrees: tuple[int, int],
        alone: bool = False,
    ) -> None:
        self.family, self.column, self.degrees, self.alone = family, column, degrees, alone
        self.centre = family.centre(columns[:, column])
        self.grid = family.grid(family.argument(columns[:, column], self.centre))
        generators = self.generators(self.grid[0], columns[:1]).shape[1]
        self.n_columns = count_monomials(generators, degrees)
        self.exponents = [exponents_up_to(generators, degree) for degree in degrees]
        step = max(len(target) // (_ROWS_PER_COLUMN * self.n_columns), 1)
        self.columns, self.target = columns[::step], target[::step] / np.abs(target).max()

    @property
    def is_determined(self) -> bool:
        """Whether there are rows enough, and the matrices small."""
        return self.n_columns <= min(_MOST_COLUMNS, len(self.target) / _LEAST_ROWS_PER_COLUMN)

    def generators(self, constants: Array, columns: Array) -> Array:
        """The columns, unless the functions are alone, and the functions of one of them."""
        argument = self.family.argument(columns[:, self.column], self.centre)
        with np.errstate(all="ignore"):
            functions = self.family.values(argument, constants)
        return np.column_stack(functions if self.alone else [columns, *functions])

    def relations(self, constants: Array, columns: Array, target: Array) -> list[Relation]:
        """The relations on all rows, the one of fewest monomials first."""
        every = self.generators(constants, columns)
        if not np.all(np.isfinite(every)):
            return []
        found = [relation_of(every, target, *self.degrees, null=null) for null in _NEARLY_NULL]
        return [relation for relation in found if relation is not None]

    def dip(self) -> Array | None:
        """Constants at which the angle vanishes as it does nowhere else; None if there are none."""
        # Few functions follow a smooth target whatever the constant, and the dip lies in a plain.
        others = range(1, len(self.grid), _STEP) if self.alone else ()
        return Spaces(self._spaces, self.grid).dip(others)

    def _spaces(self, constants: Array) -> tuple[Array, Array] | None:
        """The P and the T(y)·Q."""
        every = self.generators(constants, self.columns)
        largest = np.abs(every).max(axis=0)
        every = every / np.where(largest > 0, largest, 1.0)
        if not np.all(np.isfinite(every)):
            return None
        above, below = (monomials(every, exponents) for exponents in self.exponents)
        return above, below * self.target[:, None]
