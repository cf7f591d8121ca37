"""Columns and targets of very large or very small numbers, searched in powers of ten of their size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from numpy.typing import NDArray

from kansym.library import Library
from kansym.symbolic.constants import assess
from kansym.symbolic.evaluation import count_constants
from kansym.symbolic.front import Formula
from kansym.symbolic.normal_form import normal_form
from kansym.symbolic.rounding import digits_needed, round_constants
from kansym.symbolic.rows import Rows
from kansym.symbolic.uncertainty import Uncertainty

if TYPE_CHECKING:
    from kansym.network import KAN

__all__ = ["Units"]

_ORDINARY_DIGITS = 4
_LARGEST_EXPONENT = 300  # smaller powers of ten have few bits, and their inverses are no numbers
_LONGEST_RATIO = 10**6  # 1/(4π·10⁻⁷) may be exact, 3/10²³ is a decimal


@dataclass(frozen=True)
class Units:
    """Powers of ten that bring the typical size of each column, and of the target, to one.

    Products of columns like 10⁻¹⁹ and 10²⁶ leave the range of doubles, no constant that is enumerated is of their size,
    and residuals are squared: a search does better in ordinary numbers. A typical size of at most four digits is left
    as it is. Columns whose powers differ by one share the larger, for what is measured in one unit may be added.

    Attributes
    ----------
    columns : tuple of int
        Exponents of ten of the columns.
    target : int
    """

    columns: tuple[int, ...]
    target: int

    @classmethod
    def of(cls, rows: Rows) -> Units:
        """The units of some rows.

        Examples
        --------
        >>> Units.of(Rows.from_arrays(np.array([[1.6e-19, 2.0], [3.2e-19, 900.0]]), np.array([3e8, 4e8])))
        Units(columns=(-19, 0), target=9)
        """
        # A constant is to be given back to the last bit.
        target = 0 if rows.is_constant else _without_ordinary(_exponent(rows.target))
        shared = _together([_exponent(column) for column in rows.columns.T])
        return cls(tuple(_without_ordinary(exponent) for exponent in shared), target)

    @property
    def are_ordinary(self) -> bool:
        """Whether there is nothing to change."""
        return not (self.target or any(self.columns))

    @property
    def inverse(self) -> Units:
        """The units in which what is scaled by these is as it was."""
        return Units(tuple(-exponent for exponent in self.columns), -self.target)

    def scaled(self, rows: Rows) -> Rows:
        """The rows in these units, the variables' symbols as they were."""
        powers = np.array([10.0**exponent for exponent in self.columns])
        return replace(rows, columns=rows.columns / powers, target=rows.target / 10.0**self.target)

    def expression(self, found: sympy.Expr, rows: Rows) -> sympy.Expr:
        """Write a formula that was found in these units in the user's.

        Examples
        --------
        >>> rows = Rows.from_arrays(np.ones((1, 1)), np.ones(1), names=["v"])
        >>> (v,) = rows.variables
        >>> Units((5,), 0).expression(5 * 10**9 * v**2, rows), Units((0,), -23).expression(1.38 * v, rows)
        (v**2/2, 1.38e-23*v)
        """
        ten = sympy.Integer(10)
        places = zip(rows.variables, self.columns, strict=True)
        parts: dict[Any, Any] = {variable: variable * ten**-exponent for variable, exponent in places if exponent}
        return _with_decimals(normal_form(ten**self.target * found.xreplace(parts)))

    def select(self, keep: Sequence[int]) -> Units:
        """The units of the columns ``keep``."""
        return Units(tuple(self.columns[i] for i in keep), self.target)

    def formula(
        self, found: Formula, rows: Rows, library: Library, should_stop: Callable[[], bool] | None = None
    ) -> Formula:
        """A formula that was found in these units as one of the user's rows, its constants rounded there."""
        expression = self.expression(found.expression, rows)
        fit = assess(expression, rows, library=library)
        if not np.isfinite(fit.loss):
            # The user's numbers leave the range of doubles inside the formula: what was found is all there is to say.
            unit = 10.0 ** (2 * self.target)
            return replace(
                found,
                expression=expression,
                loss=found.loss * unit,
                left_out_loss=found.left_out_loss * unit,
                uncertainty=Uncertainty.unknown(count_constants(expression)),
            )
        fit = round_constants(fit, rows, library=library, should_stop=should_stop)
        formula = Formula.from_fit(fit, rows.variance, found.origin, found.structure_bits)
        return replace(formula, digits=digits_needed(fit.expression, fit.loss, rows, library=library))

    def network(self, found: KAN) -> KAN:
        """A network of the scaled rows as one of the user's: the powers of ten join its own scaling."""
        powers = found.input_shift.new_tensor([10.0**exponent for exponent in self.columns])
        unit = 10.0**self.target
        return found.with_scaling(
            found.input_shift * powers, found.input_scale * powers, found.output_shift * unit, found.output_scale * unit
        )


def _together(exponents: list[int]) -> tuple[int, ...]:
    """The exponents, those that differ by one as the larger of the two; each is changed once at most."""
    shared = {exponent: exponent for exponent in exponents}
    for exponent in sorted(shared, reverse=True):
        if shared.get(exponent + 1) == exponent + 1:
            shared[exponent] = exponent + 1
    return tuple(shared[exponent] for exponent in exponents)


def _exponent(values: NDArray[np.float64]) -> int:
    sizes = np.abs(values[values != 0])
    exponent = round(float(np.median(np.log10(sizes)))) if len(sizes) else 0
    return min(max(exponent, -_LARGEST_EXPONENT), _LARGEST_EXPONENT)


def _without_ordinary(exponent: int) -> int:
    return exponent if abs(exponent) > _ORDINARY_DIGITS else 0


def _with_decimals(expression: Any) -> Any:
    """The formula with ratios of long integers as decimals."""
    long = {
        number: sympy.Float(number, 15)
        for number in expression.atoms(sympy.Rational)
        if max(abs(number.p), number.q) > _LONGEST_RATIO
    }
    return normal_form(expression.xreplace(long)) if long else expression
