"""The candidates of a curve: the starts of many functions on one axis, scanned at once or refined one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kansym.library import SymbolicFunction
from kansym.symbolic.curve import Axis, FloatArray, standardise
from kansym.symbolic.forms import Snap, constant_fit, fit_outer, rounding_floor, simplest_fit, spellings, touching
from kansym.symbolic.projection import chart_at, chart_through_zero, optimise
from kansym.symbolic.spectrum import Spectrum, make_spectrum
from kansym.symbolic.starts import EXPONENTS, Grid, curve_starts, make_grid, traits_of

__all__ = ["Scan", "Search"]

_COARSE_POINTS = 256
_FINE_POINTS = 2000
_STARTS = 3
_EXACT = 1e-24
_HOPELESS = 0.9
_HOPELESS_ONCE_SOLVED = 0.1
_MUCH_WORSE = 10.0
_CURVES_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class Scan:
    """What the starts alone say about many curves on one axis.

    Parameters
    ----------
    functions : tuple of SymbolicFunction
        The columns of the table.
    unexplained : ndarray of shape (n_curves, n_functions)
        Share of each curve that the best start of each function leaves, without refinement; one where a function has
        no usable start, zero for a constant curve. Good to about 1e-15.
    starts : ndarray of shape (n_curves, n_functions, 3)
        That start in raw units: a, b and exponent, as :func:`refine` takes them; NaN where there is none.
    """

    functions: tuple[SymbolicFunction, ...]
    unexplained: FloatArray
    starts: FloatArray


@dataclass(frozen=True, eq=False)
class Search:
    """The starts of a choice of functions on one axis, to be used for any number of curves.

    Parameters
    ----------
    axis : Axis
        The points of the curves, framed to [-1, 1].
    functions : tuple of SymbolicFunction
        The functions to try.
    """

    axis: Axis
    functions: tuple[SymbolicFunction, ...]

    @cached_property
    def fine(self) -> Axis:
        """The points that refinement sees."""
        return self.axis.take(_FINE_POINTS)

    @cached_property
    def coarse(self) -> Axis:
        """The points that the starts are tried on."""
        return self.axis.take(_COARSE_POINTS)

    @cached_property
    def grids(self) -> dict[str, Grid | Spectrum]:
        """Starts by name of the function, for those that the axis can determine."""

        def make(function: SymbolicFunction) -> Grid | Spectrum:
            if traits_of(function).sinusoid:
                return make_spectrum(function, self.coarse, self.axis.n_distinct)
            return make_grid(function, self.coarse)

        return {function.name: make(function) for function in self.functions if self._is_determined(function)}

    def is_constant(self, curve: FloatArray) -> bool:
        """Whether a curve varies by no more than its rounding, as far as refinement can see."""
        return bool(standardise(curve[None, self.fine.rows], self.fine.weights)[1][0])

    def scan(self, curves: FloatArray) -> Scan:
        """Try all starts on curves of shape (n_curves, n_points of the user)."""
        shape = (len(curves), len(self.functions))
        unexplained, starts = np.ones(shape), np.full((*shape, 3), np.nan)
        if not self.axis.is_constant:
            for first in range(0, len(curves), _CURVES_AT_ONCE):
                part = slice(first, first + _CURVES_AT_ONCE)
                self._scan_part(_targets(curves[part], self.coarse), unexplained[part], starts[part])
        unexplained[standardise(curves[:, self.axis.rows], self.axis.weights)[1]] = 0.0
        return Scan(self.functions, unexplained, starts)

    def _scan_part(self, targets: FloatArray, unexplained: FloatArray, starts: FloatArray) -> None:
        """Fill one slice of the tables of a scan."""
        for column, function in enumerate(self.functions):
            grid = self.grids.get(function.name)
            left = np.empty((0, 0)) if grid is None else grid.unexplained(targets)
            if grid is None or len(left) == 0:
                continue
            best = left.argmin(axis=0)
            unexplained[:, column] = left[best, np.arange(len(targets))]
            framed = grid.start(best, targets)
            starts[:, column, 0] = framed[:, 0] / self.axis.scale
            starts[:, column, 1] = framed[:, 1] - framed[:, 0] * (self.axis.shift / self.axis.scale)
            starts[:, column, 2] = framed[:, 2]

    def rank(self, curve: FloatArray, should_stop: Callable[[], bool] | None) -> tuple[Snap, ...]:
        """Snap one curve over the points of the user, the most promising functions first, so a stop costs little."""
        kept = curve[self.axis.rows]
        simplest = min(self.functions, key=lambda function: function.complexity)
        nothing = (constant_fit(simplest, self.axis, kept),)
        if self.axis.is_constant or self.is_constant(curve):
            return nothing
        tried = [
            (function, *self._starts(function, curve)) for function in self.functions if function.name in self.grids
        ]
        snaps: list[Snap] = []
        is_solved = False
        for function, starts, left in sorted(
            (entry for entry in tried if len(entry[1])), key=lambda entry: entry[2][0]
        ):
            if snaps and should_stop is not None and should_stop():
                break
            # A start this far off is not worth its refinement, but the function is still reported.
            is_hopeless = left[0] > (_HOPELESS_ONCE_SOLVED if is_solved else _HOPELESS)
            promising = starts[:1] if is_solved else starts[left <= _MUCH_WORSE * left[0]]
            snap = self.spell(function, starts[0], curve) if is_hopeless else self.refine(function, promising, curve)
            if snap is not None:
                snaps.append(snap)
                is_solved = is_solved or snap.unexplained < _EXACT
        floor = max(_EXACT, rounding_floor(self.axis, kept))
        snaps.sort(key=lambda snap: (*_order(snap, floor, len(kept)), self.functions.index(snap.function)))
        return tuple(snaps) or nothing

    def refine(self, function: SymbolicFunction, starts: FloatArray, curve: FloatArray) -> Snap | None:
        """Refine starts, of shape (n_starts, 3) in the frame, until one is exact, and spell the best."""
        target = _targets(curve[None], self.fine)[0]
        best, least = starts[0], np.inf
        for start in starts:
            params, left = optimise(function, chart_at(function, start), self.fine, target)
            if left < least:
                best, least = params, left
            if least < _EXACT:
                break
        simpler = self._through_zero(function, best, target) + touching(function, best[0], self.axis)
        return self.spell(function, best, curve, simpler)

    def spell(
        self, function: SymbolicFunction, params: FloatArray, curve: FloatArray, simpler: Sequence[FloatArray] = ()
    ) -> Snap | None:
        """Write constants of the frame in raw units, or take one of the ``simpler`` raw ones where that is as good."""
        choices = [*simpler, *spellings(function, params, self.axis.shift, self.axis.scale)]
        snap = simplest_fit(function, choices, self.fine, curve[self.fine.rows])
        if snap is None or self.fine is self.axis:
            return snap
        chosen = np.array([snap.a, snap.b, 0.0 if snap.exponent is None else snap.exponent])
        return fit_outer(function, chosen, self.axis, curve[self.axis.rows])

    def _through_zero(self, function: SymbolicFunction, best: FloatArray, target: FloatArray) -> list[FloatArray]:
        """Fit again with b held at zero, the physical case, in a frame without shift: raw constants, or none."""
        traits = traits_of(function)
        if traits.shift_free:
            return []
        reach = float(np.abs(self.fine.x).max())
        axis = self.fine.reframe(0.0, reach)
        if not traits.scale_free:
            start = np.array([best[0] * (reach / self.axis.scale), 0.0, best[2]])
        else:
            sign = 1.0 if traits.mirrored else float(np.sign(axis.u[0]))
            exponents = np.append(EXPONENTS, best[2]) if function.has_exponent else [0.0]
            grid = make_grid(function, axis, np.array([[sign, 0.0, exponent] for exponent in exponents]))
            if len(grid.params) == 0:
                return []
            start = grid.best(target, 1)[0][0]
        params, _ = optimise(function, chart_through_zero(function, start), axis, target)
        return list(spellings(function, params, 0.0, reach))

    def _starts(self, function: SymbolicFunction, curve: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Take starts from the grid and from the curve itself, best first, and the shares that they leave."""
        starts, left = self.grids[function.name].best(_targets(curve[None], self.coarse)[0], _STARTS)
        target = _targets(curve[None], self.fine)[0]
        own = curve_starts(function, self.fine, target)
        if len(own):
            own, own_left = make_grid(function, self.fine, own).best(target, 1)
            starts, left = np.concatenate((own, starts)), np.concatenate((own_left, left))
        order = np.argsort(left, kind="stable")[:_STARTS]
        return starts[order], left[order]

    def _is_determined(self, function: SymbolicFunction) -> bool:
        """Whether the axis has more distinct points than the function has constants; a line is always allowed."""
        traits = traits_of(function)
        n_inner = (not traits.scale_free) + (not traits.shift_free) + function.has_exponent
        return n_inner == 0 or n_inner + 2 < self.axis.n_distinct


def _targets(curves: FloatArray, axis: Axis) -> FloatArray:
    """Curves at the points of an axis, standardised and weighted: shape (n_curves, n_points)."""
    return standardise(curves[:, axis.rows], axis.weights)[0] * axis.root_weights


def _order(snap: Snap, floor: float, n_points: int) -> tuple[float, int, int, float]:
    """Rank by what is left unexplained, a constant priced as by Schwarz (1978), then by simplicity.

    Under noise each further constant explains a little more by chance; unpriced, a straight line would come last.
    """
    share = snap.unexplained if snap.unexplained > floor else 0.0
    price = n_points ** (snap.n_constants / n_points)
    return share * price, snap.function.complexity, snap.n_constants, abs(snap.b)
