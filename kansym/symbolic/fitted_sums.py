"""Sums of curves with all their constants fitted: the factors by least squares, the parameters around them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.optimize import least_squares as _least_squares

from kansym.symbolic.curve_families import CurveFamily
from kansym.symbolic.rows import Rows

__all__ = ["Background", "CurveSum", "lengths", "orthonormal"]

Array = NDArray[np.float64]

least_squares: Callable[..., Any] = _least_squares  # its stubs do not know a callable Jacobian
_INDEPENDENT = 1e-10
_MACHINE = float(np.finfo(float).eps)
_CONVERGED = 1e-10  # relative change of the loss, which with noise is soon small, and without falls to the end
_WORSE = 1e3
_LARGEST_TERM = 20.0  # times what the terms sum to
_STRAIGHT = 1e-3
_CANCELLING = 1e3


class Background(IntEnum):
    """What a sum has beside its curves: nothing, a level, or a straight line; the number of its constants."""

    NONE = 0
    LEVEL = 1
    LINE = 2


@dataclass(frozen=True, eq=False)
class CurveSum:
    """A background and curves of some families, with the factors of least squares.

    The factors follow from the parameters, so that only these are searched (variable projection: Golub & Pereyra 1973,
    SIAM J. Numer. Anal. 10, 413, with the Jacobian of Kaufman 1975, BIT 15, 49). A fit takes some
    milliseconds, a sixth of what it takes to fit all constants of the written formula.

    Attributes
    ----------
    curves : tuple of (CurveFamily, ndarray)
        With the parameters of each.
    background : Background
    factors : ndarray of shape (n_factors,)
        Of the background, then of the curves.
    loss : float
        Weighted mean square of what is left, in y units squared.

    Examples
    --------
    >>> from kansym.symbolic.curve_families import DECAY
    >>> x = np.linspace(0.0, 3.0, 50)
    >>> rows = Rows.from_arrays(x[:, None], 1.5 + 2.0 * np.exp(-0.8 * x))
    >>> start = CurveSum.of(((DECAY, np.array([-0.5])),), Background.LEVEL, rows)
    >>> [round(float(constant), 6) for constant in start.fitted(rows, 20).factors]
    [1.5, 2.0]
    """

    curves: tuple[tuple[CurveFamily, Array], ...]
    background: Background
    factors: Array
    loss: float

    @classmethod
    def of(cls, curves: tuple[tuple[CurveFamily, Array], ...], background: Background, rows: Rows) -> CurveSum:
        """Return the sum of curves with the factors of least squares on rows of one variable."""
        design, root = _design(rows.columns[:, 0], curves, background), np.sqrt(rows.weights)
        _, factors = _solved(design * root[:, None], rows.target * root)
        return cls(curves, background, factors, rows.loss(design @ factors))

    @property
    def n_constants(self) -> int:
        """Factors and parameters."""
        return len(self.factors) + sum(len(parameters) for _, parameters in self.curves)

    def without(self, place: int, rows: Rows) -> CurveSum:
        """Return the sum without one of its curves; the other factors stay, as they may have balanced it."""
        curves = self.curves[:place] + self.curves[place + 1 :]
        parts = self._parts()
        kept = np.concatenate([self.factors[: self.background], *parts[:place], *parts[place + 1 :]])
        predicted = _design(rows.columns[:, 0], curves, self.background) @ kept
        return CurveSum(curves, self.background, kept, rows.loss(predicted))

    def is_sound(self, rows: Rows) -> bool:
        """Whether every curve is one, and none is there to make up for another.

        A step of endless width or a decay that does not is a straight line but for a thousandth: a line written with
        constants of any size. A peak far from all rows is an exponential. Terms a thousand times what they sum to stand
        for the derivative of a curve.
        """
        x = rows.columns[:, 0]
        line, most = orthonormal(np.column_stack([np.ones_like(x), x])), _CANCELLING * np.abs(rows.target).max()
        low, high = x.min() - np.ptp(x), x.max() + np.ptp(x)
        for (family, parameters), factors in self._with_factors():
            with np.errstate(all="ignore"):
                term = family.values(x, parameters[None])[:, 0] @ factors
            if not np.abs(term).max() <= most or (family.has_centre and not low <= parameters[0] <= high):
                return False
            bent = term - line @ (line.T @ term)
            is_line = np.linalg.norm(bent) < _STRAIGHT * np.linalg.norm(term - term.mean())
            if is_line and not family.may_be_straight:
                return False
        return True

    def tangent(self, x: Array) -> Array:
        """Return the derivatives of the sum in all its constants: (n, n_constants)."""
        slopes = [_along(family, x, parameters, c) for (family, parameters), c in self._with_factors()]
        return np.column_stack([_design(x, self.curves, self.background), *slopes])

    def fitted(self, rows: Rows, max_evaluations: int) -> CurveSum:
        """Return the sum with the parameters of least loss near its own, never a worse one."""
        if not self.curves or not np.isfinite(self.loss):
            return self
        x, root = rows.columns[:, 0], np.sqrt(rows.weights)
        target = rows.target * root
        size = float(np.linalg.norm(target))
        target = target / size if size > 0 else target
        last: dict[bytes, tuple[Array, CurveSum, float]] = {}

        def projected(parameters: Array) -> tuple[Array, CurveSum, float]:
            """A basis of the columns, the sum and its largest term; a Jacobian is asked for where the residual was."""
            key = parameters.tobytes()
            if key not in last:
                last.clear()
                curves = self._with(parameters)
                design = _design(x, curves, self.background) * root[:, None]
                basis, factors = _solved(design, target)
                largest = float(np.max(np.abs(factors) * lengths(design)))
                last[key] = basis, CurveSum(curves, self.background, factors, np.nan), largest
            return last[key]

        def residual(parameters: Array) -> Array:
            basis, _, largest = projected(parameters)
            found = target - basis @ (basis.T @ target)
            # Least squares would follow two curves into each other, to the derivative of one.
            return found if largest <= most and np.all(np.isfinite(found)) else np.full(len(found), _WORSE)

        def jacobian(parameters: Array) -> Array:
            basis, total, _ = projected(parameters)
            along = np.column_stack([_along(family, x, p, c) for (family, p), c in total._with_factors()])
            along *= root[:, None]
            along = basis @ (basis.T @ along) - along
            return np.where(np.isfinite(along), along, 0.0)

        start = np.concatenate([parameters for _, parameters in self.curves])
        most = max(_LARGEST_TERM, 2.0 * projected(start)[2])
        with np.errstate(all="ignore"):
            found = least_squares(
                residual,
                start,
                jacobian,
                method="lm",
                x_scale="jac",
                ftol=_CONVERGED,
                xtol=_MACHINE,
                gtol=_MACHINE,
                max_nfev=max_evaluations,
            )
            total = CurveSum.of(self._with(found.x), self.background, rows)
        return total if total.loss <= self.loss else self

    def written(self, variable: Any) -> Any:
        """Return the sum as an expression."""
        line = self.factors[: self.background].tolist()
        terms = [sympy.Float(factor) * variable**power for power, factor in enumerate(line)]
        terms += [family.written(variable, parameters, c) for (family, parameters), c in self._with_factors()]
        return sympy.Add(*terms)

    def _with_factors(self) -> Iterator[tuple[tuple[CurveFamily, Array], Array]]:
        return zip(self.curves, self._parts(), strict=True)

    def _parts(self) -> list[Array]:
        """The factors of each curve."""
        ends = np.cumsum([family.n_columns for family, _ in self.curves])
        return np.split(self.factors[self.background :], ends[:-1]) if self.curves else []

    def _with(self, parameters: Array) -> tuple[tuple[CurveFamily, Array], ...]:
        """The same families with other parameters, all in one array."""
        parts = np.split(parameters, np.cumsum([len(own) for _, own in self.curves])[:-1])
        return tuple((family, part) for (family, _), part in zip(self.curves, parts, strict=True))


def lengths(columns: Array) -> Array:
    """Return the lengths along the first axis, of numbers whose squares may be beyond doubles; 1 for zeros.

    Examples
    --------
    >>> lengths(np.array([[3e-200, 0.0, 3e200], [4e-200, 0.0, 4e200]]))
    array([5.e-200, 1.e+000, 5.e+200])
    """
    largest = np.abs(columns).max(axis=0, initial=0.0)
    largest = np.where(largest > 0, largest, 1.0)
    found = largest * np.linalg.norm(columns / largest, axis=0)
    return np.where((found > 0) & np.isfinite(found), found, 1.0)


def orthonormal(design: Array) -> Array:
    """Return an orthonormal basis of the columns; directions that rounding alone tells apart are left out.

    Examples
    --------
    >>> orthonormal(np.array([[1.0, 2.0], [0.0, 0.0]])).shape
    (2, 1)
    """
    return _solved(design, np.zeros(len(design)))[0]


def _design(x: Array, curves: tuple[tuple[CurveFamily, Array], ...], background: Background) -> Array:
    """The columns in front of which the factors stand: (n, n_factors)."""
    line = [x**power for power in range(background)]
    with np.errstate(all="ignore"):
        columns = [family.values(x, parameters[None])[:, 0] for family, parameters in curves]
    return np.column_stack([*line, *columns]) if line or columns else np.empty((len(x), 0))


def _along(family: CurveFamily, x: Array, parameters: Array, factors: Array) -> Array:
    """The derivatives of one term in its parameters: (n, n_parameters)."""
    with np.errstate(all="ignore"):
        return family.slopes(x, parameters) @ factors


@np.errstate(all="ignore")  # rates of 1e300 a unit overflow
def _solved(design: Array, target: Array) -> tuple[Array, Array]:
    """An orthonormal basis of the columns, which may have any size, and the factors of least squares."""
    if not np.all(np.isfinite(design)):
        return np.full((len(design), 1), np.nan), np.full(design.shape[1], np.nan)
    size = lengths(design)
    left, singular, right = np.linalg.svd(design / size, full_matrices=False)
    kept = singular > _INDEPENDENT * singular.max(initial=0.0)
    basis = left[:, kept]
    return basis, (right[kept].T @ ((basis.T @ target) / singular[kept])) / size
