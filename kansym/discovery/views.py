"""A problem seen through its symmetries: fewer columns, and the way back to the user's variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.structure.reduction import Combination, Reduction
from kansym.structure.scaling import hidden_offset
from kansym.structure.surrogate import fit_surrogate
from kansym.structure.symmetry import find_reduction
from kansym.structure.waves import Wave, find_wave
from kansym.symbolic.rows import Rows

__all__ = ["View", "noise_of", "reduced_views", "views_of_waves"]

Array = NDArray[np.float64]

_EXPONENT_BITS = 2.0
_LARGEST_SAMPLE = 2000
_WEIGHT_RANGE = 1e6
_MOST_WAVES = 2
_FOLLOWED = 1e-3


@dataclass(frozen=True, eq=False)
class View:
    """Rows of a smaller problem whose formulas become formulas of the whole by substitution.

    Attributes
    ----------
    rows : Rows
        The new columns, the target divided by the factor, and weights that measure residuals on the target itself.
    parts : tuple of sympy.Expr
        The new columns in the user's variables.
    factor, offset : sympy.Expr
        What the target was divided by after the offset was taken away, in the user's variables.
    bits : float
        What it costs to say factor and parts.
    unit : float
        Weighted mean squares of the view's target times this are mean squares of the user's.
    noise : float
        What a smooth model of the view takes for noise: a mean square in squared units of the user's target.
    error : float
        Relative error of that model on rows that it has not seen.
    has_positive_factors : bool
        Whether every factor of the parts is positive on all rows: then a power of a part is one of each factor.
    """

    rows: Rows
    parts: tuple[Any, ...]
    factor: Any = sympy.S.One
    offset: Any = sympy.S.Zero
    bits: float = 0.0
    unit: float = 1.0
    noise: float = 0.0
    error: float = np.inf
    has_positive_factors: bool = False

    @classmethod
    def of(cls, rows: Rows) -> View:
        """The problem as it is."""
        return cls(rows, rows.variables, has_positive_factors=bool(np.all(rows.columns > 0)))

    @property
    def is_finite(self) -> bool:
        """Whether its target and weights are numbers on all rows."""
        return bool(np.all(np.isfinite(self.rows.target)) and np.all(np.isfinite(self.rows.weights)))

    def lift(self, expression: Any) -> Any:
        """Write a formula of the view in the user's variables.

        Examples
        --------
        >>> x, y, u = sympy.symbols("x y u", real=True)
        >>> rows = Rows(np.ones((3, 1)), np.ones(3), np.ones(3), (u,))
        >>> View(rows, (x / y,), y).lift(1 + u**2)
        y*(x**2/y**2 + 1)
        """
        if self.parts != self.rows.variables:
            expression = expression.xreplace(dict(zip(self.rows.variables, self.parts, strict=True)))
        # A product of a number and a sum stays one.
        written = expression if self.factor is sympy.S.One else self.factor * expression
        return written if self.offset is sympy.S.Zero else written + self.offset

    def shifted(self, constant: float) -> View:
        """The view of what is left of the target when a constant is taken away.

        Examples
        --------
        >>> rows = Rows.from_arrays(np.ones((2, 1)), np.array([3.0, 5.0]))
        >>> view = View.of(rows).shifted(3.0)
        >>> view.rows.target, view.lift(rows.variables[0])
        (array([0., 2.]), x0 + 3.0)
        """
        rows = replace(self.rows, target=self.rows.target - constant)
        return replace(self, rows=rows, offset=self.offset + self.factor * sympy.Float(constant))

    @classmethod
    def divided(cls, rows: Rows, expression: Any, values: Array) -> View:
        """The view of what a formula with these values has to be multiplied by, on the rows where it is not zero."""
        counting = np.flatnonzero(values)
        rows, values = rows.take(counting), values[counting]
        with np.errstate(all="ignore"):
            weights = rows.weights * values**2
            weights = np.maximum(weights, weights.max(initial=0.0) / _WEIGHT_RANGE)
            smaller = replace(rows, target=rows.target / values, weights=weights / weights.mean())
            unit = float(np.average(values**2, weights=rows.weights))
        return cls(smaller, rows.variables, factor=expression, unit=unit)

    @classmethod
    def without(cls, rows: Rows, expression: Any, values: Array) -> View:
        """The view of what a formula with these values leaves."""
        return cls(replace(rows, target=rows.target - values), rows.variables, offset=expression)

    @property
    def is_share(self) -> bool:
        """Whether every target is above zero and below one."""
        return bool(np.all((self.rows.target > 0) & (self.rows.target < 1)))

    @property
    def complement(self) -> View:
        """The view of what the target lacks of one: an efficiency ``1 − r^(1−g)`` is a product of powers less one.

        Examples
        --------
        >>> view = View.of(Rows.from_arrays(np.ones((2, 1)), np.array([0.2, 0.7]))).complement
        >>> view.rows.target.round(9), view.lift(view.rows.variables[0])
        (array([0.8, 0.3]), 1 - x0)
        """
        rows = replace(self.rows, target=1.0 - self.rows.target)
        return replace(self, rows=rows, factor=-self.factor, offset=self.offset + self.factor)

    def in_power(self, power: Any, place: int = 0) -> View:
        """The view with a power in the place of a positive column.

        Examples
        --------
        >>> view = View.of(Rows.from_arrays(np.array([[4.0], [9.0]]), np.ones(2)))
        >>> root = view.in_power(sympy.S.Half)
        >>> root.rows.columns.ravel(), root.lift(2 * root.rows.variables[0])
        (array([2., 3.]), 2*sqrt(x0))
        """
        columns, variables, parts = self.rows.columns.copy(), list(self.rows.variables), list(self.parts)
        columns[:, place] **= float(power)
        variables[place] = sympy.Dummy("u", real=True)
        if self.has_positive_factors:
            # Factor by factor: of L²·h/k the root is L·√(h/k), without a bar around L.
            powers = [base ** (exponent * power) for base, exponent in parts[place].as_powers_dict().items()]
            parts[place] = sympy.Mul(*powers)
        else:
            parts[place] = parts[place] ** power
        rows = replace(self.rows, columns=columns, variables=tuple(variables))
        return replace(self, rows=rows, parts=tuple(parts), bits=self.bits + _EXPONENT_BITS)

    def reduced(self, reduction: Reduction) -> View:
        """The view after one more symmetry, or with a wave for a column."""
        rows = self.rows
        multiplier = reduction.factor_values(rows.columns)
        with np.errstate(all="ignore"):
            weights = rows.weights * multiplier**2
            # A handful of rows must not carry all the weight where the factor spans many orders of magnitude.
            weights = np.maximum(weights, weights.max() / _WEIGHT_RANGE)
            target = rows.target / multiplier
        variables = tuple(sympy.Dummy(f"u{i}", real=True) for i in range(len(reduction.coordinates)))
        smaller = Rows(reduction.columns(rows.columns), target, weights / weights.mean(), variables)
        parts = tuple(_expression(coordinate, self.parts) for coordinate in reduction.coordinates)
        named = [*reduction.factor, *(n for coordinate in reduction.coordinates for n in _numbers(coordinate))]
        bits = self.bits + _EXPONENT_BITS * sum(n != 0 for n in named)
        factor = self.factor * _power_product(reduction.factor, self.parts)
        unit = self.unit * float(np.average(multiplier**2, weights=rows.weights))
        plain = not any(isinstance(coordinate, Wave | Combination) for coordinate in reduction.coordinates)
        return View(
            smaller,
            parts,
            factor,
            self.offset,
            bits,
            unit,
            reduction.noise * self.unit,
            reduction.error,
            self.has_positive_factors and plain,
        )


def reduced_views(
    rows: Rows, seed: int, should_stop: Callable[[], bool], error: float = 0.0
) -> tuple[View, ...]:
    """Follow the symmetries of the rows to the end; the smallest problem comes last.

    Parameters
    ----------
    rows : Rows
    seed : int
    should_stop : callable
        Asked before each step.
    error : float
        Relative error of the target itself.

    Returns
    -------
    tuple of View
        The problem as it is, then one for each symmetry, each with fewer columns than the one before.
    """
    view = View.of(rows.sample(_LARGEST_SAMPLE, np.random.default_rng(seed)))
    model = fit_surrogate(view.rows.columns, view.rows.target, view.rows.weights, seed=seed)
    if model is not None:
        view = replace(view, noise=model.noise, error=model.error)
    return _followed(view, seed, should_stop, error)


def noise_of(views: Sequence[View]) -> float:
    """Return the noise of the target, a mean square, as the models of one view after the other see it.

    The last one knows best. Where it says that there is none and yet does not follow the target, its symmetries are
    not those of the law, and the least noise of those before it counts.

    Examples
    --------
    >>> rows = Rows.from_arrays(np.ones((2, 1)), np.array([3.0, 5.0]))
    >>> first, last = (replace(View.of(rows), noise=0.2, error=0.1), replace(View.of(rows), error=0.1))
    >>> noise_of((first, last)), noise_of((first, replace(last, error=1e-6)))
    (0.2, 0.0)
    """
    last = views[-1]
    if last.noise > 0 or last.error < _FOLLOWED:
        return last.noise
    return min((view.noise for view in views if view.noise > 0), default=0.0)


def views_of_waves(
    view: View, functions: Sequence[str], seed: int, should_stop: Callable[[], bool], error: float = 0.0
) -> tuple[View, ...]:
    """Put waves in the place of the columns that make them, and follow the symmetries of what that leaves.

    Parameters
    ----------
    view : View
        Its rows are looked at as they are.
    functions : sequence of {"cos", "sin"}
    seed, should_stop, error
        As of :func:`reduced_views`.

    Returns
    -------
    tuple of View
        The smallest problem that each wave leaves; none where no wave makes the target a smoother function.
    """
    views: tuple[View, ...] = ()
    for _ in range(_MOST_WAVES):
        rows = view.rows
        data = rows.columns, rows.target, rows.weights
        found = find_wave(*data, functions=functions, seed=seed, should_stop=should_stop)
        if found is None:
            break
        view = _followed(view.reduced(found), seed, should_stop, error)[-1]
        views += (view,)
    return views


def _followed(view: View, seed: int, should_stop: Callable[[], bool], error: float) -> tuple[View, ...]:
    views = [view]
    while view.rows.n_variables > 1 and not should_stop():
        rows = view.rows
        data = rows.columns, rows.target, rows.weights
        reduction = find_reduction(*data, seed=seed, error=error, should_stop=should_stop)
        if reduction is None:
            smaller = _without_offset(view, seed, should_stop, error)
            if smaller is None:
                break
            views.append(smaller)
        else:
            views.append(view.reduced(reduction))
        view = views[-1]
    return tuple(views)


def _without_offset(view: View, seed: int, should_stop: Callable[[], bool], error: float) -> View | None:
    """The smaller problem that the symmetries leave when a constant is taken from the target first, if there is one."""
    rows = view.rows
    model = fit_surrogate(rows.columns, rows.target, rows.weights, seed=seed)
    found = None if model is None or should_stop() else hidden_offset(rows.columns, rows.target, model)
    if found is None:
        return None
    constant, its_error = found
    shifted = view.shifted(constant)
    data = rows.columns, shifted.rows.target, rows.weights
    reduction = find_reduction(*data, seed=seed, error=max(error, its_error), should_stop=should_stop)
    return None if reduction is None else shifted.reduced(reduction)


def _numbers(coordinate: Any) -> tuple[Any, ...]:
    if isinstance(coordinate, Wave):
        return (1, *_numbers(coordinate.argument))
    numbers = coordinate.coefficients if isinstance(coordinate, Combination) else coordinate.exponents
    return numbers if sum(n != 0 for n in numbers) > 1 else ()


def _expression(coordinate: Any, parts: tuple[Any, ...]) -> Any:
    if isinstance(coordinate, Wave):
        return getattr(sympy, coordinate.function)(_expression(coordinate.argument, parts))
    if isinstance(coordinate, Combination):
        terms = zip(coordinate.coefficients, parts, strict=True)
        return sympy.Add(*[_exact(c) * part for c, part in terms if c])
    return _power_product(coordinate.exponents, parts)


def _power_product(exponents: tuple[Any, ...], parts: tuple[Any, ...]) -> Any:
    factors = [part ** _exact(exponent) for exponent, part in zip(exponents, parts, strict=True) if exponent]
    return sympy.Mul(*factors)


def _exact(exponent: Any) -> Any:
    if isinstance(exponent, float):
        return sympy.Float(exponent)
    return sympy.Rational(exponent.numerator, exponent.denominator)
