"""Laws with one function that holds constants inside, each found as the dip of a smallest angle.

``P(x, g) − T(y)·Q(x, g) = 0`` with ``g = exp(k·x)`` (or a wave, a real power, a shifted logarithm or root) is linear in
all constants but k. So k is the only one to be searched: where it is right, the space of the P and that of the T(y)·Q
share a direction, and the smallest angle between them falls from its usual size to rounding. The angle costs a
millisecond, a grid and a line search some fifty of them; the remaining constants come from the null vector, see
:mod:`kansym.symbolic.relations`. This is variable projection (Golub & Pereyra 1973, SIAM J. Numer. Anal. 10, 413) with
a common direction in the place of a residual.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.optimize import least_squares

from kansym.library import Library
from kansym.symbolic.normal_form import one_wave
from kansym.symbolic.relations import Relation, exponents_up_to, monomials, relation_of
from kansym.symbolic.rows import Rows
from kansym.symbolic.span import TEMPLATES

__all__ = ["laws_with_inner_constant"]

Array = NDArray[np.float64]

_TEMPLATES = ("y", "log|y|", "y^2")
_MOST_COLUMNS = 64
_ROWS_PER_COLUMN = 3
_LEAST_ROWS_PER_COLUMN = 2
_INDEPENDENT = 1e-9
_DEEP = 1e-9
_DIP = 1e-3
_MINIMA = 3
# Monomials that only make up for an error of the inner constant are left out. They make the angle quadratic in that
# error, so that rounding hides its last digits; the fit of the formula finds them.
_NEARLY_NULL = (1e-5, 1e-8)
_FAMILY_BITS = 8.0  # which function of which column, with which transform
_LARGEST_PHASE = 1e6
_MACHINE = float(np.finfo(float).eps)
_EVALUATIONS = 20  # a true zero is reached in ten; what takes longer is an angle that closes as a constant vanishes


@dataclass(frozen=True)
class _Family:
    """Functions of one column with a few constants inside.

    Attributes
    ----------
    needs : tuple of str
        Names in the library.
    grid : callable
        From the argument to starting values, shape (n_starts, n_constants).
    values : callable
        From the argument and the constants to the values of each function.
    expressions : callable
        The same in sympy.
    usable : callable
        Whether a column is in the domain.
    inverse : bool
        The argument is one over the column.
    centred : bool
        The argument is less its middle, so that exponentials stay small.
    """

    needs: tuple[str, ...]
    grid: Callable[[Array], Array]
    values: Callable[[Array, Array], list[Array]]
    expressions: Callable[[Any, Array], list[Any]]
    usable: Callable[[Array], bool] = lambda x: True
    inverse: bool = False
    centred: bool = False

    def centre(self, column: Array) -> float:
        """Middle of the argument over a column, or zero."""
        argument = 1.0 / column if self.inverse else column
        return 0.5 * float(argument.min() + argument.max()) if self.centred else 0.0

    def argument(self, column: Any, centre: float) -> Any:
        """What the functions are of: numbers of numbers, or sympy of sympy."""
        return (1 / column if self.inverse else column) - centre


def _rates(u: Array, low: float = 0.3, high: float = 16.0, count: int = 20) -> Array:
    """So many e-foldings over the range; the other sign gives the same quotients, of other degrees."""
    return np.geomspace(low, high, count)[:, None] / np.ptp(u)


def _frequencies(u: Array) -> Array:
    turns = np.concatenate([np.geomspace(0.1, 0.5, 6), np.arange(0.75, 6.1, 0.25)])
    return (2.0 * math.pi / np.ptp(u)) * turns[:, None]


def _shifts(u: Array) -> Array:
    return -u.min() + np.ptp(u) * np.geomspace(0.01, 30.0, 20)[:, None]


def _damped_waves(u: Array) -> Array:
    return np.array(list(itertools.product(_rates(u, 0.5, 8.0, 6)[:, 0], _frequencies(u)[3:, 0])))


def _pairs_of_rates(u: Array) -> Array:
    rates = _rates(u, 0.3, 16.0, 12)[:, 0]
    return np.array(list(itertools.combinations(rates, 2)))


def _exponential(u: Any, k: Array) -> list[Any]:
    return [sympy.exp(sympy.expand(k[0] * u))]


def _has_a_phase(x: Array) -> bool:
    """Whether the column is so near to zero, in units of its range, that rounding leaves a wave its phase."""
    return bool(np.abs(x).max() < _LARGEST_PHASE * np.ptp(x))


def _is_positive(x: Array) -> bool:
    return bool(np.all(x > 0))


_EXPONENTS = np.array([0.25, 0.4, 0.6, 0.75, 1.25, 1.5, 1.75, 2.25, 2.5, 2.75, 3.3, 3.7])[:, None]
_WAVES = (np.sin, np.cos), (sympy.sin, sympy.cos)

_FAMILIES = (
    _Family(("exp",), _rates, lambda u, k: [np.exp(k[0] * u)], _exponential, centred=True),
    _Family(
        ("exp", "1/x"),
        _rates,
        lambda u, k: [np.exp(k[0] * u)],
        _exponential,
        lambda x: bool(np.all(x != 0)),
        inverse=True,
        centred=True,
    ),
    _Family(
        ("sin", "cos"),
        _frequencies,
        lambda u, k: [wave(k[0] * u) for wave in _WAVES[0]],
        lambda u, k: [wave(k[0] * u) for wave in _WAVES[1]],
        _has_a_phase,
    ),
    _Family(("x^n",), lambda u: _EXPONENTS, lambda u, k: [u ** k[0]], lambda u, k: [u ** k[0]], _is_positive),
    _Family(("log",), _shifts, lambda u, k: [np.log(u + k[0])], lambda u, k: [sympy.log(u + k[0])]),
    _Family(("sqrt",), _shifts, lambda u, k: [np.sqrt(u + k[0])], lambda u, k: [sympy.sqrt(u + k[0])]),
)
_FAMILIES_OF_TWO = (
    _Family(
        ("exp",),
        _pairs_of_rates,
        lambda u, k: [np.exp(-k[0] * u), np.exp(-k[1] * u)],
        lambda u, k: [sympy.exp(sympy.expand(-rate * u)) for rate in k],
        centred=True,
    ),
    _Family(
        ("exp", "sin", "cos"),
        _damped_waves,
        lambda u, k: [np.exp(-k[0] * u) * wave(k[1] * u) for wave in _WAVES[0]],
        lambda u, k: [sympy.exp(sympy.expand(-k[0] * u)) * wave(sympy.expand(k[1] * u)) for wave in _WAVES[1]],
        _has_a_phase,
        centred=True,
    ),
)
_ATTEMPTS = (
    *itertools.product(((1, 1), (2, 1), (1, 2), (2, 2)), _FAMILIES),
    *itertools.product(((1, 0), (2, 0)), _FAMILIES_OF_TWO),
    *itertools.product(((3, 2), (2, 3)), _FAMILIES),
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
    for degrees, family in _ATTEMPTS:
        for name, column in itertools.product(_TEMPLATES, range(rows.n_variables)):
            if stop():
                return
            x, template = rows.columns[:, column], TEMPLATES[name]
            if np.ptp(x) == 0 or not family.usable(x) or not all(need in library for need in family.needs):
                continue
            with np.errstate(all="ignore"):
                target = template.transform(rows.target)
            if not np.all(np.isfinite(target)) or np.ptp(target) == 0:
                continue
            profile = _Profile(rows.columns, target, column, family, degrees)
            constants = profile.dip() if profile.is_determined else None
            if constants is None:
                continue
            sign = -1 if name in ("y^2", "log|y|") and np.median(rows.target) < 0 else 1
            for relation in profile.relations(constants, rows.columns, target):
                for quotient in _spelt(relation, profile, rows.variables, constants):
                    yield sign * template.inverse(quotient), _FAMILY_BITS + relation.bits


def _spelt(relation: Relation, profile: _Profile, variables: Sequence[Any], constants: Array) -> Iterator[Any]:
    """The relation's spellings with the functions in them; waves of one argument also as one wave with a phase."""
    argument = profile.family.argument(variables[profile.column], profile.centre)
    functions = profile.family.expressions(argument, constants.tolist())
    stand_ins = [sympy.Dummy(real=True) for _ in functions]
    for quotient in relation.spellings([*variables, *stand_ins]):
        formula = quotient.xreplace(dict(zip(stand_ins, functions, strict=True)))
        yield from dict.fromkeys((one_wave(formula), formula))


class _Profile:
    """The smallest angle between the P and the T(y)·Q as a function of the inner constants, on a few rows."""

    def __init__(
        self, columns: Array, target: Array, column: int, family: _Family, degrees: tuple[int, int]
    ) -> None:
        self.family, self.column, self.degrees = family, column, degrees
        self.centre = family.centre(columns[:, column])
        self.grid = family.grid(family.argument(columns[:, column], self.centre))
        generators = self.generators(self.grid[0], columns[:1]).shape[1]
        self.n_columns = sum(math.comb(generators + degree, degree) for degree in degrees)
        self.exponents = [exponents_up_to(generators, degree) for degree in degrees]
        step = max(len(target) // (_ROWS_PER_COLUMN * self.n_columns), 1)
        self.columns, self.target = columns[::step], target[::step] / np.abs(target).max()

    @property
    def is_determined(self) -> bool:
        """Whether there are rows enough, and the matrices small."""
        return self.n_columns <= min(_MOST_COLUMNS, len(self.target) / _LEAST_ROWS_PER_COLUMN)

    def generators(self, constants: Array, columns: Array) -> Array:
        """The columns and the functions of one of them."""
        argument = self.family.argument(columns[:, self.column], self.centre)
        with np.errstate(all="ignore"):
            return np.column_stack([columns, *self.family.values(argument, constants)])

    def relations(self, constants: Array, columns: Array, target: Array) -> list[Relation]:
        """The relations on all rows, the one of fewest monomials first."""
        every = self.generators(constants, columns)
        if not np.all(np.isfinite(every)):
            return []
        found = [relation_of(every, target, *self.degrees, null=null) for null in _NEARLY_NULL]
        return [relation for relation in found if relation is not None]

    def angle(self, constants: Array) -> float:
        """Sine of the smallest angle; one where the functions are not finite."""
        return float(np.linalg.norm(self._direction(constants)[1]))

    @np.errstate(all="ignore")
    def _direction(self, constants: Array) -> tuple[Array, Array]:
        """The unit vector among the T(y)·Q that is closest to the P, and what they leave of it."""
        every = self.generators(constants, self.columns)
        largest = np.abs(every).max(axis=0)
        every = every / np.where(largest > 0, largest, 1.0)
        nothing = np.zeros(len(every))
        nothing[0] = 1.0
        if not np.all(np.isfinite(every)):
            return nothing, nothing
        above, below = (monomials(every, exponents) for exponents in self.exponents)
        first, second = _orthonormal(above), _orthonormal(below * self.target[:, None])
        if second.shape[1] == 0:  # the target is zero on all of these rows
            return nothing, nothing
        left = second - first @ (first.T @ second)
        closest = np.linalg.svd(left, full_matrices=False)[2][-1]
        return second @ closest, left @ closest

    def dip(self) -> Array | None:
        """Constants at which the angle vanishes as it does nowhere else; None if there are none."""
        angles = np.array([self.angle(constants) for constants in self.grid])
        usual = float(np.median(angles))
        for place in _minima(angles)[:_MINIMA]:
            found = self._refined(self.grid[place])
            angle = self.angle(found)
            if angle < _DEEP and angle < _DIP * usual:
                return found
        return None

    def _refined(self, start: Array) -> Array:
        """Follow the common direction's residual, a smooth function of the constants, to where it vanishes."""
        direction, before = self._direction(start)
        unit = max(float(np.linalg.norm(before)), _MACHINE)

        def residual(ratios: Array) -> Array:
            shared, left = self._direction(ratios * start)
            return (left if shared @ direction >= 0 else -left) / unit

        found = least_squares(
            residual,
            np.ones(len(start)),
            method="lm",
            xtol=_MACHINE,
            ftol=_MACHINE,
            gtol=_MACHINE,
            max_nfev=_EVALUATIONS,
        )
        return np.asarray(found.x * start)


def _minima(angles: Array) -> list[int]:
    """Places of local minima of a line of angles, the smallest first."""
    padded = np.concatenate([[np.inf], angles, [np.inf]])
    places = np.flatnonzero((angles <= padded[:-2]) & (angles <= padded[2:]))
    return sorted(places.tolist(), key=lambda place: angles[place])


def _orthonormal(matrix: Array) -> Array:
    """An orthonormal basis of the columns; those that depend on the others are left out."""
    lengths = np.linalg.norm(matrix, axis=0)
    if not np.any(lengths > 0):
        return np.empty((len(matrix), 0))
    basis, triangle, _ = cast(
        "tuple[Array, Array, Array]",
        qr(matrix[:, lengths > 0] / lengths[lengths > 0], mode="economic", pivoting=True),
    )
    return basis[:, np.abs(np.diag(triangle)) > _INDEPENDENT * abs(triangle[0, 0])]
